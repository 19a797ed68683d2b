//! Links with other realms: which connection counts, what its frames mean, and what flows when.

use super::pulse::Pulse;
use super::streams::Stored;
use super::{Realm, peers};
use crate::error::{ErrorCode, Misuse};
use crate::id::PeerId;
use crate::link::frame::{Frame, Hello, Resume, StreamKind};
use crate::link::stream::Violation;
use crate::link::transport::Direction;
use crate::output::{Event, LinkCloseReason, LinkId, Output};
use crate::time::Now;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// Every realm reads lines of this length.
const LINE_BYTES_MIN: u64 = 4_096;

/// The version of the link protocol spoken here.
const VERSION: u64 = 1;

/// A peer that leaves this much unread, live text mostly, is cut off. All members of the largest
/// groups can join again at once and be far below.
const OUTGOING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a live frame takes beside its text.
const LIVE_BYTES: usize = 256;

/// What any other frame counts for: a peer has no reason to be owed thousands of them.
const FRAME_BYTES: usize = 1_024;

/// One connection with a peer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) peer: PeerId,
    direction: Direction,
    pub(super) outgoing: VecDeque<Frame>,
    outgoing_bytes: usize,
    pub(super) is_send_queued: bool,
    /// The peer has said hello.
    pub(super) is_ready: bool,
    pub(super) is_closed: bool,
    pub(super) pulse: Pulse,
    /// The kinds of streams that the peer has begun anew on it.
    pub(super) announced: BTreeSet<StreamKind>,
    /// The streams that this realm has begun anew on it, by kind, and what they were before: late
    /// word of those is passed over.
    pub(super) renumbered: BTreeMap<StreamKind, Uuid>,
}

/// What is kept of a peer's last words, in characters: logs and users see them.
const WORDS_CHARS_MAX: usize = 256;

fn beginning(words: &str) -> String {
    words.chars().take(WORDS_CHARS_MAX).collect()
}

/// What a frame counts for among the bytes that a peer leaves unread. Envelopes and voids are few
/// at a time, and stay in their stream.
fn weight(frame: &Frame) -> usize {
    match frame {
        Frame::Env { .. } | Frame::Void { .. } => 0,
        Frame::Live(live) => LIVE_BYTES + live.text.len(),
        _ => FRAME_BYTES,
    }
}

impl Link {
    fn new(peer: PeerId, direction: Direction, now_ms: u64) -> Self {
        Self {
            peer,
            direction,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            is_send_queued: false,
            is_ready: false,
            is_closed: false,
            pulse: Pulse::new(now_ms),
            announced: BTreeSet::new(),
            renumbered: BTreeMap::new(),
        }
    }

    pub(super) fn outgoing(&mut self) -> &[Frame] {
        self.is_send_queued = false;
        self.outgoing.make_contiguous()
    }

    /// Takes the first `n` frames out, of which there are as many.
    fn take(&mut self, n: usize) -> Vec<Frame> {
        let taken: Vec<_> = self.outgoing.drain(..n).collect();
        self.outgoing_bytes -= taken.iter().map(weight).sum::<usize>();
        taken
    }
}

impl Realm {
    // Up and down.

    pub(super) fn open_link(&mut self, peer: PeerId, direction: Direction, now: Now) -> LinkId {
        let id = LinkId(self.links.insert(Link::new(peer, direction, now.mono_ms)));
        if let Some(peer) = self
            .peer_mut(peer)
            .filter(|_| direction == Direction::Dialled)
        {
            peer.is_dialling = false;
        }
        let present = self.peer(peer).and_then(|peer| peer.link);
        if self.stopped.is_some() {
            self.close_link(id, LinkCloseReason::ShutDown, None, now);
            return id;
        }
        if self.peer(peer).is_some_and(|peer| peer.is_paused) {
            self.close_link(id, LinkCloseReason::Paused, Some(peers::paused()), now);
            return id;
        }
        if let Some(present) = present {
            if !self.is_preferred(peer, direction, present) {
                self.close_link(id, LinkCloseReason::Replaced, None, now);
                return id;
            }
            self.close_link(present, LinkCloseReason::Replaced, None, now);
        }
        let own = self.name.to_string();
        let line_bytes_max = self.limits.link_line_bytes_max;
        let Some(place) = self.peer_mut(peer) else {
            return id;
        };
        place.link = Some(id);
        let hello = Hello {
            realm: own,
            peer: place.name.to_string(),
            versions: [VERSION, VERSION],
            capabilities: vec!["live".to_owned()],
            line_bytes_max,
            software: concat!("chatproto ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        self.push_to(id, Frame::Hello(hello));
        self.time_pulse(id, now);
        id
    }

    /// Of two connections the one that the realm with the smaller name dialled stays; of two by the
    /// same dialler, the newer.
    fn is_preferred(&self, peer: PeerId, direction: Direction, present: LinkId) -> bool {
        let Some(present) = self.links.get(present.0) else {
            return true;
        };
        let own_is_smaller = self.peer(peer).is_some_and(|peer| self.name < peer.name);
        let preferred = if own_is_smaller {
            Direction::Dialled
        } else {
            Direction::Accepted
        };
        present.direction == direction || direction == preferred
    }

    pub(super) fn close_link(
        &mut self,
        id: LinkId,
        why: LinkCloseReason,
        words: Option<Frame>,
        now: Now,
    ) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.is_closed = true;
        link.outgoing.clear();
        link.outgoing_bytes = words.as_ref().map_or(0, weight);
        if let Some(words) = words {
            link.outgoing.push_back(words);
            self.outputs.push_back(Output::LinkSend(id));
        }
        self.outputs.push_back(Output::LinkClose(id, why));
        self.forget_link(id, why, now);
    }

    pub(super) fn drop_link(&mut self, id: LinkId, why: LinkCloseReason, now: Now) {
        if self.links.get(id.0).is_some_and(|link| !link.is_closed) {
            self.forget_link(id, why, now);
            self.links.remove(id.0);
        }
    }

    /// What follows for the peer when its link is gone.
    fn forget_link(&mut self, id: LinkId, why: LinkCloseReason, now: Now) {
        let Some((peer, was_ready)) = self.links.get(id.0).map(|link| (link.peer, link.is_ready))
        else {
            return;
        };
        let Some(place) = self.peer_mut(peer).filter(|place| place.link == Some(id)) else {
            return;
        };
        place.link = None;
        place.round_trip_ms = None;
        place.last_error = Some(why.to_string().into());
        place.mail.link_down();
        place.bounce.link_down();
        for stream in &mut place.incoming {
            stream.link_down();
        }
        let name = place.name.clone();
        let is_first = place.failures == 0;
        if !was_ready && is_first && why != LinkCloseReason::Replaced {
            self.event(|| Event::LinkFailed {
                peer: name.clone(),
                why,
            });
        }
        if was_ready {
            self.event(|| Event::LinkDown { peer: name, why });
            self.no_answers_from(peer, now);
            self.groups_lose(peer, now);
        }
        self.schedule_redial(peer, now);
    }

    pub(super) fn close_links(&mut self, now: Now) {
        for key in self.links.keys() {
            let text = ErrorCode::ShuttingDown.message().to_owned();
            let bye = Frame::Bye {
                code: ErrorCode::ShuttingDown.code().to_owned(),
                text,
            };
            self.close_link(LinkId(key), LinkCloseReason::ShutDown, Some(bye), now);
        }
    }

    pub(super) fn is_ready(&self, peer: PeerId) -> bool {
        let link = self.peer(peer).and_then(|peer| peer.link);
        link.and_then(|link| self.links.get(link.0))
            .is_some_and(|link| link.is_ready)
    }

    pub(super) fn ready_peers(&self) -> Vec<PeerId> {
        (0..self.peers.len())
            .map(PeerId::new)
            .filter(|peer| self.is_ready(*peer))
            .collect()
    }

    // Sending.

    pub(super) fn push_frame(&mut self, peer: PeerId, frame: Frame) {
        if let Some(link) = self
            .peer(peer)
            .and_then(|peer| peer.link)
            .filter(|_| self.is_ready(peer))
        {
            self.push_to(link, frame);
        }
    }

    pub(super) fn push_to(&mut self, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.outgoing_bytes += weight(&frame);
        link.outgoing.push_back(frame);
        if link.outgoing_bytes > OUTGOING_BYTES_MAX && !self.slow_links.contains(&id) {
            self.slow_links.push(id);
        }
        if !std::mem::replace(&mut link.is_send_queued, true) {
            self.outputs.push_back(Output::LinkSend(id));
        }
    }

    pub(super) fn frames_sent(&mut self, id: LinkId, n: usize, now: Now) -> Result<(), Misuse> {
        let Some(link) = self.links.get_mut(id.0) else {
            return Ok(());
        };
        if link.is_closed {
            // What was taken over before the end is told of late; only last words are left here.
            return Ok(());
        }
        if n > link.outgoing.len() {
            return Err(Misuse::SentTooMuch);
        }
        link.take(n);
        let peer = link.peer;
        self.pump(peer, now);
        Ok(())
    }

    pub(super) fn hand_over_frames(&mut self, id: LinkId, max: usize, now: Now) -> Vec<Frame> {
        let Some(link) = self.links.get_mut(id.0) else {
            return Vec::new();
        };
        link.is_send_queued = false;
        let taken = link.take(max.min(link.outgoing.len()));
        let (peer, is_closed) = (link.peer, link.is_closed);
        if !is_closed && !taken.is_empty() {
            self.pump(peer, now);
        }
        taken
    }

    // Receiving.

    pub(super) fn take_frames(&mut self, id: LinkId, frames: &[Frame], now: Now) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.pulse.heard_ms = now.mono_ms;
        let peer = link.peer;
        for frame in frames {
            if let Err(Violation(what)) = self.take_frame(id, peer, frame, now) {
                return self.misbehaved(id, peer, what, now);
            }
            if self.links.get(id.0).is_none_or(|link| link.is_closed) {
                return self.store_cursors(peer);
            }
        }
        self.store_cursors(peer);
        self.acknowledge(peer, now);
        self.pump(peer, now);
    }

    fn misbehaved(&mut self, id: LinkId, peer: PeerId, what: &'static str, now: Now) {
        if let Some(name) = self.peer(peer).map(|peer| peer.name.clone()) {
            self.event(|| Event::PeerMisbehaved {
                peer: name,
                what: what.to_owned(),
            });
        }
        // What was dealt with before the bad frame stays so.
        self.store_cursors(peer);
        let words = Frame::Error {
            code: "protocol".to_owned(),
            text: what.to_owned(),
        };
        self.close_link(id, LinkCloseReason::Protocol, Some(words), now);
        self.peer_failed(peer, what);
    }

    fn take_frame(
        &mut self,
        id: LinkId,
        peer: PeerId,
        frame: &Frame,
        now: Now,
    ) -> Result<(), Violation> {
        let is_ready = self.links.get(id.0).is_some_and(|link| link.is_ready);
        if let Frame::Hello(hello) = frame {
            return if is_ready {
                Err(Violation("a second hello"))
            } else {
                self.greeted(id, peer, hello, now)
            };
        }
        if let Frame::Error { code, text } | Frame::Bye { code, text } = frame {
            let (code, text) = (beginning(code), beginning(text));
            let said = format!("it said: {text}");
            if let Some(peer) = self.peer(peer).map(|peer| peer.name.clone()) {
                self.event(|| Event::PeerSaid { peer, code, text });
            }
            self.close_link(id, LinkCloseReason::Bye, None, now);
            self.peer_failed(peer, &said);
            return Ok(());
        }
        if !is_ready {
            return Err(Violation("a frame before hello"));
        }
        match frame {
            Frame::Resume(Resume { stream, .. })
            | Frame::Credit { stream, .. }
            | Frame::Ack { stream, .. }
                if self.is_renumbered(id, *stream) => {}
            Frame::Resume(resume) => self.take_resume(peer, resume, now)?,
            Frame::Credit {
                stream,
                upto,
                bytes,
            } => {
                let place = self.peer_mut(peer).ok_or(Violation("no peer"))?;
                place.out_by_id(*stream)?.credit(*upto, *bytes);
            }
            Frame::Env {
                stream,
                seq,
                envelope,
            } => self.take_envelope(peer, *stream, *seq, envelope, now)?,
            Frame::Void { stream, seq, id } => {
                let place = self.peer_mut(peer).ok_or(Violation("no peer"))?;
                place.incoming_by_id(*stream)?.voided(*seq, *id)?;
            }
            Frame::Ack {
                stream,
                durable,
                refused,
            } => self.take_ack(peer, *stream, *durable, refused, now)?,
            Frame::Live(live) => self.take_live(peer, live, now)?,
            Frame::Ask { id, question, name } => self.asked(peer, *id, *question, name),
            Frame::Answer { id, found } => self.answered(peer, *id, *found, now),
            Frame::Ping { n } => self.push_to(id, Frame::Pong { n: *n }),
            Frame::Pong { n } => self.take_pong(id, *n, now),
            Frame::Hello(_) | Frame::Error { .. } | Frame::Bye { .. } => {}
        }
        Ok(())
    }

    fn greeted(
        &mut self,
        id: LinkId,
        peer: PeerId,
        hello: &Hello,
        now: Now,
    ) -> Result<(), Violation> {
        let own = self.name.clone();
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        if hello.realm != place.name.as_str() || hello.peer != own.as_str() {
            return Err(Violation("a hello from or to another realm"));
        }
        let [least, greatest] = hello.versions;
        if !(least..=greatest).contains(&VERSION) {
            return Err(Violation("no version of the protocol that both speak"));
        }
        if hello.line_bytes_max < LINE_BYTES_MIN {
            return Err(Violation("a hello that allows too short lines"));
        }
        place.line_bytes_max = hello.line_bytes_max;
        place.failures = 0;
        let name = place.name.clone();
        let streams = [place.mail.id, place.bounce.id];
        let begun_behind = place.begun_behind;
        if let Some(link) = self.links.get_mut(id.0) {
            link.is_ready = true;
        }
        self.event(|| Event::LinkUp { peer: name });
        // A stream that a crash could undo must not be known to the peer.
        let is_stored = begun_behind.is_none_or(|batch| batch <= self.batches.committed_upto());
        for stream in streams {
            if is_stored {
                self.announce_stream(peer, stream, id);
            } else {
                self.once_stored(peer, stream, Stored::Begun(id));
            }
        }
        self.ping(id, now);
        self.groups_regain(peer);
        Ok(())
    }
}
