//! The links: pipes of frames that take their time and can be cut.

use super::{RealmIndex, World, pair};
use chatproto::store::{Fetched, QueuedEnvelope};
use chatproto::{Direction, Frame, LinkId, RealmName, RequestId};

/// One end of a pipe.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pipe: usize,
    /// 0 for the dialler, 1 for the one that was dialled.
    end: usize,
}

/// One connection between two realms; it is kept when over, since an index names it.
pub(super) struct Pipe {
    ends: [End; 2],
}

struct End {
    realm: RealmIndex,
    link: LinkId,
    /// Whether the realm there still holds the link.
    alive: bool,
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
    /// Breaks the links between two realms, with whatever travels on them, and keeps them broken.
    pub fn cut(&mut self, a: RealmIndex, b: RealmIndex) {
        self.severed.insert(pair(a, b));
        let ended: Vec<Side> = self.sides(a, b).chain(self.sides(b, a)).collect();
        for side in ended {
            self.lose(side);
            self.lose(side.other());
        }
    }

    /// Swallows whatever the two realms send each other from now on; neither is told.
    pub fn mute(&mut self, a: RealmIndex, b: RealmIndex) {
        self.severed.insert(pair(a, b));
    }

    /// Lets two realms link again, when one of them dials the next time.
    ///
    /// A link that was muted is lost: no connection goes on after something on it went missing.
    pub fn mend(&mut self, a: RealmIndex, b: RealmIndex) {
        self.cut(a, b);
        self.severed.remove(&pair(a, b));
    }

    /// Whether both realms hold a link to each other.
    #[must_use]
    pub fn linked(&self, a: RealmIndex, b: RealmIndex) -> bool {
        self.sides(a, b)
            .any(|side| self.end(side).alive && self.end(side.other()).alive)
    }

    /// The ends at `a` of the pipes to `b`.
    fn sides(&self, a: RealmIndex, b: RealmIndex) -> impl Iterator<Item = Side> + '_ {
        let held = self.nodes[a].pipes.values().copied();
        held.filter(move |side| self.end(side.other()).realm == b)
    }

    fn end(&self, side: Side) -> &End {
        &self.pipes[side.pipe].ends[side.end]
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.pipes[side.pipe].ends[side.end]
    }

    fn is_severed(&self, side: Side) -> bool {
        let (a, b) = (self.end(side).realm, self.end(side.other()).realm);
        self.severed.contains(&pair(a, b))
    }

    fn latency_ms(&self, a: RealmIndex, b: RealmIndex) -> u64 {
        self.latencies_ms.get(&pair(a, b)).copied().unwrap_or(0)
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
        let now = self.now;
        let Some(node) = &mut self.nodes[realm].realm else {
            return;
        };
        let frames = node.link_outgoing(link).to_vec();
        if frames.is_empty() {
            return;
        }
        node.link_sent(link, frames.len(), now)
            .expect("no more is sent than was outgoing");
        self.send_over(side.other(), |side| Flight::Frames(side, frames));
    }

    /// Carries out a realm's wish to close a link, after its last words.
    pub(super) fn hang_up(&mut self, realm: RealmIndex, link: LinkId) {
        self.depart(realm, link);
        let Some(side) = self.side_of(realm, link) else {
            return;
        };
        self.end_mut(side).alive = false;
        self.nodes[realm].pipes.remove(&link);
        self.send_over(side.other(), Flight::HangUp);
    }

    /// The process at this end is gone; the other one is told, if anything is.
    pub(super) fn abandon(&mut self, side: Side, is_silent: bool) {
        self.end_mut(side).alive = false;
        if !is_silent {
            self.send_over(side.other(), Flight::HangUp);
        }
    }

    fn send_over(&mut self, to: Side, flight: impl FnOnce(Side) -> Flight) {
        let latency_ms = self.latency_ms(self.end(to).realm, self.end(to.other()).realm);
        let arrival_ms = self
            .now
            .mono_ms
            .saturating_add(latency_ms)
            .max(self.end(to).last_arrival_ms);
        self.end_mut(to).last_arrival_ms = arrival_ms;
        self.take_off(arrival_ms, flight(to));
    }

    pub(super) fn land(&mut self, flight: Flight) {
        if let Flight::Frames(side, _) | Flight::HangUp(side) = &flight
            && self.is_severed(*side)
        {
            return;
        }
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
            Flight::Frames(side, frames) => {
                let End {
                    realm, link, alive, ..
                } = *self.end(side);
                let now = self.now;
                if let Some(realm) = self.stir(realm).filter(|_| alive) {
                    realm.link_frames(link, &frames, now);
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

    fn connect(&mut self, dialler: RealmIndex, peer: &RealmName) {
        let now = self.now;
        let acceptor = self.by_name.get(peer).copied();
        let reachable =
            acceptor.filter(|acceptor| !self.severed.contains(&pair(dialler, *acceptor)));
        let own = self.nodes[dialler].name.clone();
        let accepted = reachable.and_then(|acceptor| {
            let realm = self.stir(acceptor)?;
            let link = realm.link_up(&own, Direction::Accepted, now).ok()?;
            Some((acceptor, link))
        });
        let realm = self.stir(dialler).expect("the dialler is up");
        let Some((acceptor, accepted)) = accepted else {
            let failed = realm.dial_failed(peer, "nobody is there", now);
            failed.expect("a realm dials only the peers it is configured with");
            return;
        };
        let opened = realm.link_up(peer, Direction::Dialled, now);
        let opened = opened.expect("a realm dials only the peers it is configured with");
        let end = |realm, link| End {
            realm,
            link,
            alive: true,
            last_arrival_ms: 0,
        };
        let pipe = self.pipes.len();
        self.pipes.push(Pipe {
            ends: [end(dialler, opened), end(acceptor, accepted)],
        });
        self.nodes[dialler]
            .pipes
            .insert(opened, Side { pipe, end: 0 });
        self.nodes[acceptor]
            .pipes
            .insert(accepted, Side { pipe, end: 1 });
    }

    /// One end learns that its link is gone.
    fn lose(&mut self, side: Side) {
        let End {
            realm, link, alive, ..
        } = *self.end(side);
        if alive {
            self.end_mut(side).alive = false;
            self.nodes[realm].pipes.remove(&link);
            let now = self.now;
            if let Some(realm) = self.stir(realm) {
                realm.link_down(link, now);
            }
        }
    }

    /// The pipe's end that a link is, unless the link is over.
    fn side_of(&self, realm: RealmIndex, link: LinkId) -> Option<Side> {
        self.nodes[realm].pipes.get(&link).copied()
    }
}

impl Side {
    fn other(self) -> Self {
        Self {
            end: 1 - self.end,
            ..self
        }
    }
}
