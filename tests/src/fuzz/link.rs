//! Peers that do anything at all, and clients meanwhile.

use super::frames::Pen;
use super::house::House;
use super::tape::Tape;
use chatproto::{Direction, Frame, LinkCloseReason, LinkId, RealmName};

/// The peers, one on each side of the realm's own name.
pub(super) const PEERS: [&str; 2] = ["realm0", "realm2"];

/// Frames that may wait for a link, whatever anybody does.
const FRAMES_MAX: usize = 16 * 1024 * 1024 / 256 + 512;

/// A link, as its driver sees it.
pub(super) struct Wire {
    id: LinkId,
    peer: usize,
    /// Takes what it is to send at once.
    is_reading: bool,
}

/// Reads the bytes as operations of two peers and of clients on one realm.
///
/// Links come up and drop, frames arrive that are right, nearly right and wrong. Nobody is ever
/// shown what a peer forged; a peer that breaks the protocol loses its link; nothing grows without
/// bound; and a shutdown ends all the same.
pub fn link(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut house = House::new(&mut tape, &PEERS);
    let mut pens = PEERS.map(Pen::new);
    house.carry_out();
    while !tape.is_empty() {
        if tape.below(3) == 0 {
            house.client_step(&mut tape);
        } else {
            house.link_step(&mut tape, &mut pens);
        }
        house.carry_out();
        house.take_notes(&mut pens);
    }
    house.finish();
}

impl House {
    fn link_step(&mut self, tape: &mut Tape<'_>, pens: &mut [Pen; 2]) {
        let kind = tape.byte() % 20;
        let at = tape.below(self.wires.len());
        if kind < 3 || self.wires.is_empty() {
            return self.link_up(tape);
        }
        let (id, peer) = (self.wires[at].id, self.wires[at].peer);
        let pen = &mut pens[peer];
        match kind {
            3..=5 => {
                let hello = [pen.hello(tape)];
                self.take_frames(id, &hello, pen);
                self.take_notes(pens);
                let resumes = pens[peer].resumes(tape);
                self.take_frames(id, &resumes, &pens[peer]);
            }
            6..=8 => {
                let mail: Vec<_> = (0..=tape.below(4)).map(|_| pen.mail(tape)).collect();
                self.take_frames(id, &mail, pen);
            }
            9..=12 => {
                let any: Vec<_> = (0..=tape.below(4)).map(|_| pen.any(tape)).collect();
                self.take_frames(id, &any, pen);
            }
            13 => {
                let acks = pen.acks(tape);
                self.take_frames(id, &acks, pen);
            }
            14 => {
                let live = [pen.live(tape)];
                self.take_frames(id, &live, pen);
            }
            15 => {
                let answer = [pen.answer(tape)];
                self.take_frames(id, &answer, pen);
            }
            16 => self.wires[at].is_reading ^= true,
            17 => {
                let n = tape.below(8);
                self.write_frames(at, n);
            }
            18 => {
                let wire = self.wires.remove(at);
                self.realm.link_down(wire.id, self.now);
                self.realm
                    .link_frames(wire.id, &[Frame::Ping { n: 1 }], self.now);
                assert!(self.realm.link_outgoing(wire.id).is_empty());
            }
            _ => {
                let ms = *tape.one_of(&[1, 50, 201, 500, 1_001, 1_500]);
                self.advance(ms);
            }
        }
    }

    fn link_up(&mut self, tape: &mut Tape<'_>) {
        let peer = tape.below(PEERS.len());
        let direction = *tape.one_of(&[Direction::Dialled, Direction::Accepted]);
        let name = RealmName::parse(PEERS[peer]).expect("a name");
        if tape.is_odd_case() {
            let failed = self.realm.dial_failed(&name, "nobody is there", self.now);
            return failed.expect("a peer of the configuration");
        }
        let up = self.realm.link_up(&name, direction, self.now);
        self.wires.push(Wire {
            id: up.expect("a peer of the configuration"),
            peer,
            is_reading: true,
        });
    }

    /// Gives frames to the realm. A peer that breaks the protocol loses its link for it.
    fn take_frames(&mut self, id: LinkId, frames: &[Frame], pen: &Pen) {
        let is_forged = frames.iter().any(|frame| pen.is_forgery(frame));
        self.misbehaved.clear();
        self.realm.link_frames(id, frames, self.now);
        self.carry_out();
        let is_open = self.wires.iter().any(|wire| wire.id == id);
        assert!(!is_open || !is_forged, "a forger keeps its link");
        assert!(
            !is_open || self.misbehaved.is_empty(),
            "a peer that misbehaved keeps its link"
        );
    }

    /// What the realm sends is written down, that peers may answer it.
    fn take_notes(&mut self, pens: &mut [Pen; 2]) {
        for (peer, frame) in self.said.drain(..) {
            pens[peer].note(&frame);
        }
    }

    fn write_frames(&mut self, at: usize, n: usize) {
        let (id, peer) = (self.wires[at].id, self.wires[at].peer);
        let frames = self.realm.link_outgoing(id);
        let frames = frames[..n.min(frames.len())].to_vec();
        let sent = self.realm.link_sent(id, frames.len(), self.now);
        sent.expect("as much as was outgoing");
        self.said
            .extend(frames.into_iter().map(|frame| (peer, frame)));
    }

    pub(super) fn link_send(&mut self, id: LinkId) {
        let at = self.wire(id);
        if self.wires[at].is_reading {
            self.write_frames(at, usize::MAX);
        }
    }

    pub(super) fn link_close(&mut self, id: LinkId, why: LinkCloseReason) {
        assert_ne!(why, LinkCloseReason::Down, "the driver knows of that");
        let at = self.wire(id);
        self.wires.remove(at);
    }

    pub(super) fn check_wires(&mut self) {
        for wire in &self.wires {
            let frames = self.realm.link_outgoing(wire.id).len();
            assert!(frames <= FRAMES_MAX, "{frames} frames are outgoing");
        }
    }

    /// Where a link is; the realm never speaks of one that is gone.
    fn wire(&self, id: LinkId) -> usize {
        let at = self.wires.iter().position(|wire| wire.id == id);
        at.expect("a link that is there")
    }
}
