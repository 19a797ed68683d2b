//! Other realms: what is known of each, and what an operator may do about it.

use super::Realm;
use super::awaited::Awaited;
use crate::config::{PeerConfig, PeerKind};
use crate::error::{ErrorCode, PeerError};
use crate::id::PeerId;
use crate::link::frame::{Frame, StreamKind};
use crate::link::seen::Seen;
use crate::link::stream::{InStream, OutStream, Settled, Violation};
use crate::name::RealmName;
use crate::output::{Event, LinkCloseReason, LinkId};
use crate::random::Random;
use crate::record::{PostState, Record};
use crate::time::Now;
use std::fmt;
use uuid::Uuid;

/// What is remembered of a peer's last words, in characters: it may say much.
const ERROR_CHARS_MAX: usize = 200;

/// Another realm, linked or not.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: RealmName,
    pub(super) can_dial: bool,
    /// An operator does not want a link now.
    pub(super) is_paused: bool,
    pub(super) is_dialling: bool,
    /// Dials in a row that led nowhere.
    pub(super) failures: u32,
    /// When it is dialled again.
    pub(super) redial_ms: Option<u64>,
    pub(super) link: Option<LinkId>,
    pub(super) mail: OutStream,
    pub(super) bounce: OutStream,
    /// The batch that begins them or numbers them anew, if that is not as old as the realm's start.
    pub(super) begun_behind: Option<u64>,
    pub(super) incoming: Vec<InStream>,
    /// Its messages that were kept.
    pub(super) seen: Seen,
    /// Messages it has refused, by id, whose bounce has not come yet.
    pub(super) refused: Awaited,
    /// The longest line it reads, as it said last.
    pub(super) line_bytes_max: u64,
    /// When it had contradicted this realm's streams, so that they were begun anew.
    pub(super) renumbered_ms: Option<u64>,
    /// When acks that wait are sent.
    pub(super) ack_ms: Option<u64>,
    /// When a message for it may expire next.
    pub(super) expiry_ms: Option<u64>,
    pub(super) round_trip_ms: Option<u64>,
    /// Why there was no link at last.
    pub(super) last_error: Option<Box<str>>,
}

impl Peer {
    /// A realm that is not called until the configuration says so.
    pub(super) fn new(name: RealmName, random: &mut Random) -> Self {
        Self {
            name,
            can_dial: false,
            is_paused: false,
            is_dialling: false,
            failures: 0,
            redial_ms: None,
            link: None,
            mail: OutStream::new(random.uuid_v4(), StreamKind::Mail),
            bounce: OutStream::new(random.uuid_v4(), StreamKind::Bounce),
            begun_behind: None,
            incoming: Vec::new(),
            seen: Seen::new(random.set()),
            refused: Awaited::default(),
            line_bytes_max: u64::MAX,
            renumbered_ms: None,
            ack_ms: None,
            expiry_ms: None,
            round_trip_ms: None,
            last_error: None,
        }
    }

    pub(super) fn out(&mut self, kind: StreamKind) -> &mut OutStream {
        match kind {
            StreamKind::Mail => &mut self.mail,
            StreamKind::Bounce => &mut self.bounce,
        }
    }

    pub(super) fn out_by_id(&mut self, id: Uuid) -> Result<&mut OutStream, Violation> {
        let streams = [&mut self.mail, &mut self.bounce];
        streams
            .into_iter()
            .find(|stream| stream.id == id)
            .ok_or(Violation("a stream that does not exist"))
    }

    pub(super) fn incoming_by_id(&mut self, id: Uuid) -> Result<&mut InStream, Violation> {
        let known = self.incoming.iter_mut().find(|stream| stream.id == id);
        known.ok_or(Violation("a stream that was not announced"))
    }

    pub(super) fn is_awaiting_ack(&self) -> bool {
        self.mail.is_awaiting_ack() || self.bounce.is_awaiting_ack()
    }

    /// How many messages and bounces wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.mail.len() + self.bounce.len()
    }
}

/// How a realm stands with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStatus {
    /// The other realm.
    pub name: RealmName,
    /// The link with it.
    pub state: PeerState,
    /// Messages and bounces that wait for it, or that it has not acknowledged.
    pub queue_messages: u64,
    /// Their bytes, as a stream's credit counts them.
    pub queue_bytes: u64,
    /// When the oldest of those messages was taken, in ms since 1970.
    pub oldest_unix_ms: Option<u64>,
    /// How long the peer took at last to answer a ping, in ms.
    pub round_trip_ms: Option<u64>,
    /// Why the last link, or the last attempt at one, came to nothing; as it came, so escape it
    /// before showing it.
    pub last_error: Option<String>,
}

/// How it is with the link to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerState {
    /// It is up.
    Linked,
    /// There is a connection, and the peer has not said hello yet.
    Greeting,
    /// The peer is being called.
    Dialling,
    /// The peer is called again in so many ms.
    Waiting(u64),
    /// The peer is not called, but may call.
    Listening,
    /// An operator does not want a link now.
    Paused,
    /// A classic neighbour, which is called for each message.
    Classic,
}

impl PeerState {
    /// The state as a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Greeting => "greeting",
            Self::Dialling => "dialling",
            Self::Waiting(_) => "waiting",
            Self::Listening => "listening",
            Self::Paused => "paused",
            Self::Classic => "classic",
        }
    }
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Realm {
    // What there is.

    pub(super) fn peer_status(&self, id: PeerId, peer: &Peer) -> PeerStatus {
        PeerStatus {
            name: peer.name.clone(),
            state: self.peer_state(id, peer),
            queue_messages: peer.waiting() as u64,
            queue_bytes: peer.mail.bytes() + peer.bounce.bytes(),
            oldest_unix_ms: peer.mail.oldest_unix_ms(),
            round_trip_ms: peer.round_trip_ms,
            last_error: peer.last_error.as_deref().map(str::to_owned),
        }
    }

    fn peer_state(&self, id: PeerId, peer: &Peer) -> PeerState {
        if self.is_classic(id) {
            return PeerState::Classic;
        }
        let link = peer.link.and_then(|link| self.links.get(link.0));
        match (link, peer.redial_ms) {
            (Some(link), _) if link.is_ready => PeerState::Linked,
            (Some(_), _) => PeerState::Greeting,
            _ if peer.is_paused => PeerState::Paused,
            _ if peer.is_dialling => PeerState::Dialling,
            (None, Some(at_ms)) => PeerState::Waiting(at_ms.saturating_sub(self.clock.mono_ms)),
            (None, None) => PeerState::Listening,
        }
    }

    // What an operator wants.

    pub(super) fn put_peer(&mut self, config: PeerConfig, now: Now) -> Result<(), PeerError> {
        if config.name == self.name {
            return Err(PeerError::OwnRealm);
        }
        let known = self.known_peer(config.name.as_str());
        let is_classic = config.kind == PeerKind::Classic;
        if let Some(id) = known.filter(|id| is_classic && !self.is_classic(*id)) {
            // What waits for it cannot go over a classic connection.
            self.take_out_peer(id, false, now)?;
        }
        let id = known.unwrap_or_else(|| self.add_peer(config.name.clone()));
        self.peer_ids.insert(config.name, id);
        let share = self.limits.directory_names_max / (self.peer_ids.len() as u64).max(1);
        self.directory.set_share(share);
        if is_classic {
            self.classics.set(id, config.dial);
            return Ok(());
        }
        self.classics.remove(id);
        if let Some(peer) = self.peer_mut(id) {
            peer.can_dial = config.dial;
            if !config.dial {
                peer.redial_ms = None;
            }
        }
        if self.stopped.is_none() {
            self.redial(id, now);
        }
        Ok(())
    }

    /// Numbers a realm that was never known and begins its streams.
    pub(super) fn add_peer(&mut self, name: RealmName) -> PeerId {
        let id = PeerId::new(self.peers.len());
        self.peers.push(Peer::new(name.clone(), &mut self.random));
        self.record(|| Record::Peer { peer: id, name });
        for kind in [StreamKind::Mail, StreamKind::Bounce] {
            self.begin_stream(id, kind);
        }
        id
    }

    fn begin_stream(&mut self, peer: PeerId, kind: StreamKind) -> Option<OutStream> {
        let stream = self.random.uuid_v4();
        let place = self.peers.get_mut(peer.index())?;
        let ended = std::mem::replace(place.out(kind), OutStream::new(stream, kind));
        self.record(|| Record::StreamBegun { peer, kind, stream });
        let batch = self.batches.last();
        self.peer_mut(peer)?.begun_behind = batch;
        Some(ended)
    }

    pub(super) fn take_out_peer(
        &mut self,
        peer: PeerId,
        is_bouncing: bool,
        now: Now,
    ) -> Result<(), PeerError> {
        let place = self.peer(peer).ok_or(PeerError::Unknown)?;
        let (name, messages, link) = (
            place.name.clone(),
            place.mail.unsettled_mail() as u64,
            place.link,
        );
        if messages > 0 && !is_bouncing {
            return Err(PeerError::HasMail { messages });
        }
        if let Some(link) = link {
            self.close_link(link, LinkCloseReason::Removed, Some(removed()), now);
        }
        self.peer_ids.remove(&name);
        self.classics.remove(peer);
        if let Some(place) = self.peer_mut(peer) {
            // A call that is under way leads to no link, and is no hindrance should it be one again.
            (place.can_dial, place.is_dialling, place.redial_ms) = (false, false, None);
        }
        self.end_streams(peer, now);
        Ok(())
    }

    /// Lets go of the messages that wait for a realm which is no peer any more. What never left
    /// bounces; of what was under way nobody will ever hear. Word of what was refused stays: the realm
    /// is owed it, should it be one again.
    pub(super) fn end_streams(&mut self, peer: PeerId, now: Now) {
        let mail = self.begin_stream(peer, StreamKind::Mail);
        let (sent, unsent) = mail.map(OutStream::end).unwrap_or_default();
        let (unknown, given_up) = (sent.len() as u64, unsent.len() as u64);
        for row in sent {
            self.never_known(&row);
        }
        let code = ErrorCode::PeerRemoved;
        for row in unsent {
            let to = row.envelope.as_ref().map(|it| it.to.clone());
            self.bounce_here(peer, row.id, row.writer, to.as_deref(), code, now);
        }
        // A realm that is no peer any more will explain nothing.
        self.bounces_are_lost(peer, now);
        let Some(name) = self.peer(peer).map(|peer| peer.name.clone()) else {
            return;
        };
        if unknown > 0 {
            let (peer, messages) = (name.clone(), unknown);
            self.event(|| Event::MailUnknown { peer, messages });
        }
        if given_up > 0 {
            let (peer, messages) = (name, given_up);
            self.event(|| Event::MailGivenUp {
                peer,
                messages,
                code,
            });
        }
    }

    fn never_known(&mut self, row: &Settled) {
        let Some(writer) = row.writer else { return };
        if let Some(inbox) = self.inboxes.get_mut(writer) {
            inbox.unreserve();
        }
        self.settle_post(writer, row.id, PostState::Unknown);
    }

    pub(super) fn pause(&mut self, peer: PeerId, is_paused: bool, now: Now) {
        let Some(place) = self.peer_mut(peer) else {
            return;
        };
        let was_paused = std::mem::replace(&mut place.is_paused, is_paused);
        let link = place.link;
        if was_paused != is_paused {
            self.record(|| Record::Paused { peer, is_paused });
        }
        if let Some(link) = link.filter(|_| is_paused) {
            self.close_link(link, LinkCloseReason::Paused, Some(paused()), now);
        }
        if !is_paused {
            self.retry(peer, now);
        }
    }

    /// Calls a peer now, whatever the pause.
    pub(super) fn retry(&mut self, peer: PeerId, now: Now) {
        if let Some(place) = self.peer_mut(peer) {
            place.failures = 0;
        }
        self.redial(peer, now);
    }

    /// Remembers why there is no link, as far as people will read.
    pub(super) fn peer_failed(&mut self, peer: PeerId, why: &str) {
        let end = why.char_indices().nth(ERROR_CHARS_MAX);
        let shown = why.get(..end.map_or(why.len(), |(at, _)| at));
        if let Some(place) = self.peer_mut(peer) {
            place.last_error = shown.map(Box::from);
        }
    }
}

/// Last words to a realm with which no link is wanted for now.
pub(super) fn paused() -> Frame {
    Frame::Bye {
        code: "paused".to_owned(),
        text: "the link is paused by an operator".to_owned(),
    }
}

/// Last words to a realm that is no peer any more.
fn removed() -> Frame {
    Frame::Bye {
        code: "removed".to_owned(),
        text: "the realm is no peer any more".to_owned(),
    }
}
