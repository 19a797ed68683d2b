//! Classic neighbours: realms that ask over a connection for each message, and are asked the same way.
//!
//! Nothing proves who they are. What comes from them is for users of this realm alone, goes nowhere
//! else, and must not change what concerns other realms.

use super::Realm;
use super::clients::Mode;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::id::{PeerId, RemoteId};
use crate::name::{Address, RealmName, UserName};
use crate::output::{ConnectionId, Event};
use crate::time::Now;
use crate::wire::classic::{self, Request};
use crate::wire::frame::Framer;
use std::collections::VecDeque;

/// The classic neighbours.
#[derive(Default)]
pub(super) struct Classics {
    /// In the order of the configuration.
    neighbours: Vec<Neighbour>,
}

struct Neighbour {
    peer: PeerId,
    /// Its address is known.
    can_call: bool,
    /// Why it took no message the last time.
    failing: Option<ErrorCode>,
}

impl Classics {
    /// Adds the next neighbour of the configuration.
    pub(super) fn add(&mut self, peer: PeerId, can_call: bool) {
        self.neighbours.push(Neighbour {
            peer,
            can_call,
            failing: None,
        });
    }

    /// Changes what is said of a neighbour, or adds it as the last one.
    pub(super) fn set(&mut self, peer: PeerId, can_call: bool) {
        let mut neighbours = self.neighbours.iter_mut();
        match neighbours.find(|neighbour| neighbour.peer == peer) {
            Some(neighbour) => neighbour.can_call = can_call,
            None => self.add(peer, can_call),
        }
    }

    pub(super) fn remove(&mut self, peer: PeerId) {
        self.neighbours.retain(|neighbour| neighbour.peer != peer);
    }

    fn find(&self, peer: PeerId) -> Option<&Neighbour> {
        self.neighbours
            .iter()
            .find(|neighbour| neighbour.peer == peer)
    }

    pub(super) fn can_call(&self, peer: PeerId) -> bool {
        self.find(peer).is_some_and(|neighbour| neighbour.can_call)
    }

    /// Whom to ask about a user, whose home first if that is known.
    pub(super) fn to_ask(&self, home: Option<PeerId>) -> VecDeque<PeerId> {
        let callable = self.neighbours.iter().filter(|it| it.can_call);
        let others = callable
            .map(|it| it.peer)
            .filter(|peer| Some(*peer) != home);
        home.into_iter().chain(others).collect()
    }

    /// Notes whether a neighbour took a message; returns whether it did otherwise the last time.
    pub(super) fn note_failing(&mut self, peer: PeerId, failing: Option<ErrorCode>) -> bool {
        let mut neighbours = self.neighbours.iter_mut();
        let neighbour = neighbours.find(|neighbour| neighbour.peer == peer);
        neighbour.is_some_and(|it| std::mem::replace(&mut it.failing, failing) != failing)
    }
}

impl Realm {
    pub(super) fn is_classic(&self, peer: PeerId) -> bool {
        self.classics.find(peer).is_some()
    }

    /// Whether one more of a neighbour's users may be remembered.
    pub(super) fn may_meet(&self, peer: PeerId) -> bool {
        !self.is_classic(peer) || self.directory.count(peer) < self.limits.classic_names_max
    }

    /// Leaves out the classic neighbours' users whose name was met in a linked realm before. Anybody can
    /// bring up a name there, which must not change what that name means by itself.
    pub(super) fn heeded(
        &self,
        homes: impl Iterator<Item = RemoteId>,
    ) -> impl Iterator<Item = RemoteId> {
        let mut is_settled = false;
        homes.filter(move |home| {
            let home = self.directory.get(*home);
            let is_linked = home.is_some_and(|home| !self.is_classic(home.peer));
            is_settled |= is_linked;
            is_linked || !is_settled
        })
    }

    // Messages from them.

    /// Prepares a connection from the listener of a classic neighbour.
    pub(super) fn hear_neighbour(
        &mut self,
        id: ConnectionId,
        name: &RealmName,
    ) -> Result<(), ErrorCode> {
        let peer = self.peer_ids.get(name).copied();
        let peer = peer.filter(|peer| self.is_classic(*peer));
        let peer = peer.ok_or(ErrorCode::RealmUnknown)?;
        if let Some(client) = self.clients.get_mut(id) {
            client.mode = Mode::Neighbour(peer);
            client.framer = Framer::strict();
        }
        Ok(())
    }

    /// The classic neighbour that a connection is for.
    pub(super) fn neighbour_of(&self, id: ConnectionId) -> Option<PeerId> {
        match self.clients.get(id)?.mode {
            Mode::Neighbour(peer) => Some(peer),
            Mode::Command | Mode::Refused(_) | Mode::Live(_) => None,
        }
    }

    /// Carries out a line of a classic neighbour's. It answers with exactly one reply.
    pub(super) fn neighbour_asks(&mut self, id: ConnectionId, peer: PeerId, line: &str, now: Now) {
        let request = Request::parse(line);
        self.event_at(Detail::Wire, |_| {
            let text = masked_request(request, line);
            Some(Event::Received {
                connection: id,
                text,
            })
        });
        match request {
            Request::Send { from, to, text } => {
                if let Err(code) = self.take_classic(id, peer, (from, to, text), now) {
                    self.refuse_classic(id, peer, code);
                }
            }
            Request::CheckGroup { group } => {
                self.write(id, None, |out| classic::no_group(out, group));
            }
            Request::TooFewArguments => self.reply_error(id, ErrorCode::TooFewArguments),
            Request::Unknown => self.reply_error(id, ErrorCode::UnknownCommand),
        }
    }

    /// Takes a message for a user of this realm.
    fn take_classic(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        (from, to, text): (&str, &str, &str),
        now: Now,
    ) -> Result<(), ErrorCode> {
        if self.batches.is_full() {
            return Err(ErrorCode::StoreFull);
        }
        let user = UserName::parse(from).map_err(|_| ErrorCode::InvalidName)?;
        let owner = self.accounts.find(to).ok_or(ErrorCode::RecipientUnknown)?;
        let sender = self.address_at(peer, user).ok_or(ErrorCode::RealmUnknown)?;
        self.keep_remote(peer, &sender, owner, text, now)?;
        let mut out = Vec::new();
        let account = self.accounts.get(owner);
        let display_to = account.map_or("", |account| &account.display_name);
        classic::taken(&mut out, sender.user.as_str(), display_to, text);
        self.reply(id, &out);
        let Address { user, realm } = sender;
        self.event_of(owner, |owner| Event::ClassicReceived {
            connection: id,
            peer: realm,
            from: user,
            to: owner,
        });
        Ok(())
    }

    fn refuse_classic(&mut self, id: ConnectionId, peer: PeerId, code: ErrorCode) {
        self.reply_error(id, code);
        // That somebody is not here is the usual answer to a realm that is looking for them.
        let is_usual = code == ErrorCode::RecipientUnknown;
        let name = self.peer(peer).map(|peer| peer.name.clone());
        if let Some(peer) = name.filter(|_| !is_usual) {
            self.event(|| Event::MailRefused { peer, code });
        }
    }
}

/// A line as it may be seen: a client that has come to the wrong port may say any secret.
fn masked_request(request: Request<'_>, line: &str) -> String {
    match request {
        Request::Send { .. } | Request::CheckGroup { .. } => super::commands::masked_text(line),
        Request::TooFewArguments | Request::Unknown => "***".to_owned(),
    }
}
