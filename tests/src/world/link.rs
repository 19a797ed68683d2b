//! The links: pipes that take their time.

use super::wire::{self, Wire};
use super::{RealmIndex, World};
use chatproto::link::transport::LinkTransport;
use chatproto::store::{Fetched, QueuedEnvelope};
use chatproto::{Direction, Frame, LinkId, RealmName, RequestId};

/// One end of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    pub(super) pipe: usize,
    /// 0 for the dialler, 1 for the one that was dialled.
    pub(super) end: usize,
}

/// One connection between two realms; it is kept when over, since an index names it.
pub(super) struct Pipe {
    pub(super) ends: [End; 2],
}

pub(super) struct End {
    pub(super) realm: RealmIndex,
    /// None before the other realm has shown who it is.
    pub(super) link: Option<LinkId>,
    /// Whether the realm there still holds its end.
    pub(super) alive: bool,
    /// Where bytes flow; frames flow without one.
    pub(super) transport: Option<Box<LinkTransport>>,
    /// After so many more frames or bytes that arrive here the connection breaks.
    pub(super) fuse: Option<usize>,
    /// When the last thing sent to this end arrives; nothing overtakes on a connection.
    last_arrival_ms: u64,
}

/// What takes its time: what travels from one realm to another, and what a disk does.
pub(super) enum Flight {
    /// A connection being opened, and by which start of the dialler.
    Connect {
        dialler: RealmIndex,
        start: u64,
        peer: RealmName,
    },
    /// Frames for this end of a pipe.
    Frames(Side, Vec<Frame>),
    /// Bytes for this end of a pipe.
    Bytes(Side, Vec<u8>),
    /// The other end was closed.
    HangUp(Side),
    /// The disk of a realm is done with a batch, for this start of the realm.
    Synced {
        realm: RealmIndex,
        start: u64,
        batch: u64,
    },
    /// Messages were read for this start of a realm.
    Fetched {
        realm: RealmIndex,
        start: u64,
        request: RequestId,
        fetched: Fetched,
    },
    /// Envelopes of a queue were read for this start of a realm.
    Queue {
        realm: RealmIndex,
        start: u64,
        request: RequestId,
        rows: Vec<QueuedEnvelope>,
    },
}

impl World {
    /// Whether both realms hold a link to each other.
    #[must_use]
    pub fn linked(&self, a: RealmIndex, b: RealmIndex) -> bool {
        self.sides(a, b).any(|side| {
            let both = [self.end(side), self.end(side.other())];
            both.iter().all(|end| end.alive && end.link.is_some())
        })
    }

    /// The ends at `a` of the pipes to `b`.
    pub(super) fn sides(&self, a: RealmIndex, b: RealmIndex) -> impl Iterator<Item = Side> + '_ {
        let node = &self.nodes[a];
        let held = node.pipes.values().chain(&node.greeting).copied();
        held.filter(move |side| self.end(side.other()).realm == b)
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.pipes[side.pipe].ends[side.end]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.pipes[side.pipe].ends[side.end]
    }

    /// From which realm to which other one goes what arrives at an end.
    pub(super) fn way_to(&self, side: Side) -> (RealmIndex, RealmIndex) {
        (self.end(side.other()).realm, self.end(side).realm)
    }

    fn latency_ms(&self, from: RealmIndex, to: RealmIndex) -> u64 {
        self.latencies_ms.get(&(from, to)).copied().unwrap_or(0)
    }

    pub(super) fn take_off(&mut self, arrival_ms: u64, flight: Flight) {
        self.departures += 1;
        self.flights.insert((arrival_ms, self.departures), flight);
    }

    pub(super) fn dial(&mut self, dialler: RealmIndex, peer: &RealmName) {
        let latency_ms = match self.by_name.get(peer) {
            Some(acceptor) => self.latency_ms(dialler, *acceptor),
            None => 0,
        };
        let arrival_ms = self.now.mono_ms.saturating_add(latency_ms);
        self.take_off(
            arrival_ms,
            Flight::Connect {
                dialler,
                start: self.nodes[dialler].start,
                peer: peer.clone(),
            },
        );
    }

    /// Hands a realm's frames over to the wire.
    pub(super) fn depart(&mut self, realm: RealmIndex, link: LinkId) {
        let Some(side) = self.side_of(realm, link) else {
            return;
        };
        let now = self.now_at(realm);
        let Some(node) = &mut self.nodes[realm].realm else {
            return;
        };
        let mut frames = node.link_outgoing(link).to_vec();
        if frames.is_empty() {
            return;
        }
        node.link_sent(link, frames.len(), now)
            .expect("no more is sent than was outgoing");
        let way = self.way_to(side.other());
        if let Some(tap) = &mut self.tap {
            tap.departs(self.now.mono_ms, way, &mut frames);
        }
        if self.end(side).transport.is_some() {
            self.write_frames(side, &frames);
        } else {
            self.send_over(side.other(), |side| Flight::Frames(side, frames));
        }
    }

    /// Carries out a realm's wish to close a link, after its last words.
    pub(super) fn hang_up(&mut self, realm: RealmIndex, link: LinkId) {
        self.depart(realm, link);
        let Some(side) = self.side_of(realm, link) else {
            return;
        };
        self.let_go(side);
        self.send_over(side.other(), Flight::HangUp);
    }

    /// The process at this end is gone; the other one is told, if anything is.
    pub(super) fn abandon(&mut self, side: Side, is_silent: bool) {
        self.let_go(side);
        if !is_silent {
            self.send_over(side.other(), Flight::HangUp);
        }
    }

    pub(super) fn send_over(&mut self, to: Side, flight: impl FnOnce(Side) -> Flight) {
        let (from, at) = self.way_to(to);
        let arrival_ms = self
            .now
            .mono_ms
            .saturating_add(self.latency_ms(from, at))
            .max(self.end(to).last_arrival_ms);
        self.end_mut(to).last_arrival_ms = arrival_ms;
        self.take_off(arrival_ms, flight(to));
    }

    pub(super) fn land(&mut self, flight: Flight) {
        let Some(flight) = self.let_through(flight) else {
            return;
        };
        match flight {
            Flight::Connect {
                dialler,
                start,
                peer,
            } => {
                if self.nodes[dialler].is_start(start) {
                    self.connect(dialler, &peer);
                }
            }
            Flight::Frames(side, mut frames) => {
                let left = self.burn(side, frames.len());
                frames.truncate(left.unwrap_or(usize::MAX));
                self.hand_in_frames(side, &frames);
                if left.is_some() {
                    self.break_pipe(side);
                }
            }
            Flight::Bytes(side, mut bytes) => {
                let left = self.burn(side, bytes.len());
                bytes.truncate(left.unwrap_or(usize::MAX));
                self.read_bytes(side, &bytes);
                if left.is_some() {
                    self.break_pipe(side);
                }
            }
            Flight::HangUp(side) => self.lose(side),
            Flight::Synced {
                realm,
                start,
                batch,
            } => {
                if self.nodes[realm].is_start(start) {
                    self.finish_commit(realm, batch);
                }
            }
            Flight::Fetched {
                realm,
                start,
                request,
                fetched,
            } => {
                if self.nodes[realm].is_start(start) {
                    self.hand_in_fetched(realm, request, fetched);
                }
            }
            Flight::Queue {
                realm,
                start,
                request,
                rows,
            } => {
                if self.nodes[realm].is_start(start) {
                    self.hand_in_queue(realm, request, rows);
                }
            }
        }
    }

    pub(super) fn hand_in_frames(&mut self, side: Side, frames: &[Frame]) {
        let End {
            realm, link, alive, ..
        } = self.end(side);
        let (realm, alive) = (*realm, *alive);
        let Some(link) = link.filter(|_| alive && !frames.is_empty()) else {
            return;
        };
        let way = self.way_to(side);
        if let Some(tap) = &mut self.tap {
            tap.arrives(self.now.mono_ms, way, frames);
        }
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            realm.link_frames(link, frames, now);
        }
    }

    fn connect(&mut self, dialler: RealmIndex, peer: &RealmName) {
        let acceptor = self.by_name.get(peer).copied();
        let reachable = acceptor.filter(|acceptor| {
            self.is_up(*acceptor) && self.is_free(dialler, *acceptor) && *acceptor != dialler
        });
        let Some(acceptor) = reachable else {
            return self.fail_dial(dialler, peer);
        };
        if self.wire == Wire::Frames {
            return self.connect_frames(dialler, acceptor, peer);
        }
        let now = [self.now_at(dialler), self.now_at(acceptor)];
        let seeds = [
            wire::seed(self.departures, 0),
            wire::seed(self.departures, 1),
        ];
        let [at_dialler, at_acceptor] = [dialler, acceptor].map(|it| self.transport_config(it));
        let dialling = LinkTransport::dial(&at_dialler, peer, seeds[0], now[0]);
        let accepting = LinkTransport::accept(&at_acceptor, seeds[1], now[1]);
        let ends = [
            End::new(dialler, None, Some(dialling)),
            End::new(acceptor, None, Some(accepting)),
        ];
        let pipe = self.pipes.len();
        self.pipes.push(Pipe { ends });
        for end in [0, 1] {
            let side = Side { pipe, end };
            let realm = self.end(side).realm;
            self.nodes[realm].greeting.insert(side);
        }
        self.read_bytes(Side { pipe, end: 0 }, &[]);
    }

    fn connect_frames(&mut self, dialler: RealmIndex, acceptor: RealmIndex, peer: &RealmName) {
        let (now, now_at_acceptor) = (self.now_at(dialler), self.now_at(acceptor));
        let own = self.nodes[dialler].name.clone();
        let accepted = self.stir(acceptor).and_then(|realm| {
            realm
                .link_up(&own, Direction::Accepted, now_at_acceptor)
                .ok()
        });
        let Some(accepted) = accepted else {
            return self.fail_dial(dialler, peer);
        };
        let realm = self.stir(dialler).expect("the dialler is up");
        let opened = realm.link_up(peer, Direction::Dialled, now).ok();
        let pipe = self.pipes.len();
        let ends = [
            End::new(dialler, opened, None),
            End::new(acceptor, Some(accepted), None),
        ];
        self.pipes.push(Pipe { ends });
        let side = Side { pipe, end: 1 };
        self.nodes[acceptor].pipes.insert(accepted, side);
        if let Some(opened) = opened {
            self.nodes[dialler].pipes.insert(opened, side.other());
        } else {
            // It is no peer any more.
            self.fail_dial(dialler, peer);
            self.abandon(side.other(), false);
        }
    }

    pub(super) fn fail_dial(&mut self, dialler: RealmIndex, peer: &RealmName) {
        let now = self.now_at(dialler);
        if let Some(realm) = self.stir(dialler) {
            let failed = realm.dial_failed(peer, "nobody is there", now);
            failed.expect("a realm dials only the peers that it knows");
        }
    }

    /// One end learns that its link is gone.
    pub(super) fn lose(&mut self, side: Side) {
        let (realm, link) = (self.end(side).realm, self.end(side).link);
        let was_alive = self.let_go(side);
        let now = self.now_at(realm);
        if !was_alive {
            return;
        }
        match link {
            Some(link) => {
                if let Some(realm) = self.stir(realm) {
                    realm.link_down(link, now);
                }
            }
            // Who dialled waits for word of it.
            None if side.end == 0 => {
                let peer = self.nodes[self.end(side.other()).realm].name.clone();
                self.fail_dial(realm, &peer);
            }
            None => {}
        }
    }

    /// The realm at an end does not hold it any more. Returns whether it did.
    pub(super) fn let_go(&mut self, side: Side) -> bool {
        let end = self.end_mut(side);
        end.transport = None;
        let was_alive = std::mem::replace(&mut end.alive, false);
        let (realm, link) = (end.realm, end.link);
        let node = &mut self.nodes[realm];
        node.greeting.remove(&side);
        if let Some(link) = link.filter(|_| was_alive) {
            node.pipes.remove(&link);
        }
        was_alive
    }

    /// The pipe's end that a link is, unless the link is over.
    fn side_of(&self, realm: RealmIndex, link: LinkId) -> Option<Side> {
        self.nodes[realm].pipes.get(&link).copied()
    }
}

impl End {
    fn new(realm: RealmIndex, link: Option<LinkId>, transport: Option<LinkTransport>) -> Self {
        Self {
            realm,
            link,
            alive: true,
            transport: transport.map(Box::new),
            fuse: None,
            last_arrival_ms: 0,
        }
    }
}

impl Side {
    pub(super) fn other(self) -> Self {
        Self {
            end: 1 - self.end,
            ..self
        }
    }
}
