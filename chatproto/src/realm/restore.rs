//! A realm is put together: of what a store gave, and of the configuration.

use super::Realm;
use super::links::{Peer, Refused};
use crate::account::{Account, Credential};
use crate::config::{PeerConfig, UserConfig};
use crate::envelope::Kind;
use crate::id::{PeerId, UserId};
use crate::link::frame::StreamKind;
use crate::link::stream::{InStream, OutStream};
use crate::name::{Address, RealmName};
use crate::password::{Password, Passwords};
use crate::record::{Record, Sender};
use crate::secret::TokenHash;
use crate::send_key::Numbered;
use std::collections::BTreeMap;
use thiserror::Error;

/// The most users that a store can number.
const USERS_MAX: u32 = 1 << 23;

/// No realm counts as far as this, and nothing that is added to it overflows.
const NUMBER_MAX: u64 = 1 << 53;

/// A realm that is being put together of stored records.
///
/// # Examples
///
/// ```
/// use chatproto::{Config, Now, Realm, RealmName};
/// use chatproto::store::{Store, StoreError};
///
/// fn open(store: &mut dyn Store, seed: [u8; 32], now: Now) -> Result<Realm, Box<dyn std::error::Error>> {
///     let config = Config::new(RealmName::parse("realm1")?).durable(true);
///     let mut restore = Realm::restore(config, seed, now)?;
///     store.load(&mut |record| restore.record(record))?;
///     Ok(restore.finish()?)
/// }
/// ```
#[derive(Debug)]
pub struct Restore {
    realm: Realm,
    users: Vec<UserConfig>,
    peers: Vec<PeerConfig>,
    sessions: BTreeMap<u64, Opened>,
    sessions_opened: u64,
    wrong: Option<RestoreError>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    user: UserId,
    token: TokenHash,
    used_unix_ms: u64,
}

/// Why a realm cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The records contradict each other: the store is damaged.
    #[error("what is stored contradicts itself: {0}; put back a backup")]
    Contradiction(&'static str),
    /// Messages wait for a realm that is no peer any more.
    #[error(
        "{messages} messages wait for {peer}, which is no peer of this realm any more: put it back among the peers"
    )]
    PeerRemoved {
        /// The realm.
        peer: RealmName,
        /// How many messages.
        messages: usize,
    },
}

impl Restore {
    pub(super) fn new(realm: Realm, users: Vec<UserConfig>, peers: Vec<PeerConfig>) -> Self {
        Self {
            realm,
            users,
            peers,
            sessions: BTreeMap::new(),
            sessions_opened: 0,
            wrong: None,
        }
    }

    /// Takes the next record, in the order in which the store gives them. One that contradicts those
    /// before it makes [`finish`](Self::finish) fail.
    pub fn record(&mut self, record: Record) {
        if self.wrong.is_some() {
            return;
        }
        if greatest(&record) > NUMBER_MAX {
            self.wrong = Some(RestoreError::Contradiction("a number is too great"));
            return;
        }
        let taken = match record {
            Record::Account { .. }
            | Record::SessionOpened { .. }
            | Record::SessionUsed { .. }
            | Record::SessionEnded { .. } => self.people(record),
            Record::Listed { .. }
            | Record::Delivered { .. }
            | Record::InboxTaken { .. }
            | Record::Inbox { .. }
            | Record::SendKey { .. } => self.messages(record),
            Record::Peer { .. } | Record::Met { .. } => self.neighbours(record),
            Record::StreamBegun { .. }
            | Record::Queued { .. }
            | Record::Voided { .. }
            | Record::Acknowledged { .. }
            | Record::BounceDue { .. }
            | Record::BounceSettled { .. } => self.outgoing(record),
            Record::Cursor { .. } | Record::Refused { .. } | Record::RefusalTold { .. } => {
                self.incoming(&record)
            }
        };
        self.wrong = taken.err().map(RestoreError::Contradiction);
    }

    /// Adds what the configuration has and the store has not, and lets the realm begin.
    ///
    /// # Errors
    ///
    /// The records contradict each other, or the configuration lacks a peer that messages wait for.
    pub fn finish(self) -> Result<Realm, RestoreError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let is_peer = |name: &RealmName| self.peers.iter().any(|peer| peer.name == *name);
        let waiting = |peer: &Peer| peer.mail.len() + peer.bounce.len();
        let mut stored = self.realm.peers.iter();
        let removed = stored.find(|peer| !is_peer(&peer.name) && waiting(peer) > 0);
        if let Some(peer) = removed {
            return Err(RestoreError::PeerRemoved {
                peer: peer.name.clone(),
                messages: waiting(peer),
            });
        }
        Ok(self.begin())
    }

    pub(super) fn begin(mut self) -> Realm {
        self.add_users();
        self.restore_sessions();
        self.add_peers();
        self.reserve();
        let mut realm = self.realm;
        let now = realm.clock;
        for peer in (0..realm.peers.len()).map(PeerId::new) {
            let name = realm.peer(peer).map(|peer| &peer.name);
            if name.is_none_or(|name| realm.peer_ids.contains_key(name)) {
                realm.redial(peer);
            } else {
                // A realm that is no peer any more will explain nothing.
                realm.bounces_are_lost(peer, now);
            }
        }
        realm.time_sessions();
        realm.start_jobs();
        realm
    }

    // What the store gives.

    fn people(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Account {
                user,
                name,
                display_name,
                country,
                password,
            } => {
                if user.number() >= USERS_MAX {
                    return Err("a user has too great a number");
                }
                let account = Account {
                    name,
                    display_name,
                    country,
                    credential: password.map_or(Credential::Missing, Credential::Hash),
                };
                let is_taken = self.realm.accounts.put(user, account);
                return if is_taken {
                    Err("two users have one name")
                } else {
                    Ok(())
                };
            }
            Record::SessionOpened {
                session,
                user,
                token,
                unix_ms,
            } => {
                self.user(user)?;
                // One that ended before is not opened again when its record comes twice.
                if session > self.sessions_opened {
                    self.sessions_opened = session;
                    let used_unix_ms = unix_ms;
                    let opened = Opened {
                        user,
                        token,
                        used_unix_ms,
                    };
                    self.sessions.insert(session, opened);
                }
            }
            Record::SessionUsed { session, unix_ms } => {
                if let Some(opened) = self.sessions.get_mut(&session) {
                    opened.used_unix_ms = opened.used_unix_ms.max(unix_ms);
                }
            }
            Record::SessionEnded { session } => {
                self.sessions_opened = self.sessions_opened.max(session);
                self.sessions.remove(&session);
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn messages(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Listed {
                owner,
                position,
                sender,
            } => {
                self.user(owner)?;
                self.sender(sender)?;
                let inbox = self.realm.inboxes.make(owner);
                if !inbox.restore_sender(position, sender) {
                    return Err("a sender is listed at another's place");
                }
            }
            Record::Delivered {
                owner,
                number,
                sender,
                unix_ms,
                text,
            } => {
                self.user(owner)?;
                let inbox = self.realm.inboxes.make(owner);
                if !inbox.restore_message(number, sender, &text, unix_ms) {
                    return Err("a message has no place in its inbox");
                }
            }
            Record::InboxTaken { owner, upto } => {
                self.user(owner)?;
                let inbox = self.realm.inboxes.make(owner);
                if upto > inbox.last() {
                    return Err("messages were taken out that never came");
                }
                inbox.take(upto);
            }
            Record::Inbox {
                owner,
                taken,
                last,
                bytes,
            } => {
                self.user(owner)?;
                self.realm.inboxes.make(owner).restore(taken, last, bytes);
            }
            Record::SendKey {
                user,
                number,
                key,
                digest,
                oldest,
            } => {
                self.user(user)?;
                let numbered = Numbered { number, oldest };
                let keys = &mut self.realm.send_keys;
                if !keys.restore(user, numbered, &key, digest) {
                    return Err("a key is missing between others");
                }
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn neighbours(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Peer { peer, name } => {
                let next = self.realm.peers.len();
                if peer.index() == next {
                    let peer = Peer::new(name, &mut self.realm.random);
                    self.realm.peers.push(peer);
                } else if self.realm.peer(peer).is_none_or(|known| known.name != name) {
                    return Err("a realm has another's number");
                }
            }
            Record::Met { remote, peer, name } => {
                let realm = self.peer(peer)?.name.clone();
                let address = Address { user: name, realm };
                if !self.realm.directory.restore(remote, peer, &address) {
                    return Err("a user of another realm has another's number");
                }
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn outgoing(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let out = self.peer(peer)?.out(kind);
                if out.id != stream {
                    *out = OutStream::restored(stream, kind, 0);
                }
            }
            Record::Queued {
                peer,
                kind,
                seq,
                envelope,
            } => {
                let out = self.peer(peer)?.out(kind);
                if seq > out.last() + 1 {
                    return Err("a message is missing in a queue");
                }
                if seq == out.last() + 1 {
                    out.append(envelope);
                    out.stored(seq);
                }
            }
            Record::Voided { peer, kind, seq } => {
                self.peer(peer)?.out(kind).voided(seq);
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
            } => {
                let out = self.peer(peer)?.out(kind);
                if durable > out.last() && out.len() == 0 {
                    *out = OutStream::restored(out.id, kind, durable);
                } else if !out.restore_acknowledged(durable) {
                    return Err("a peer has acknowledged what it was never sent");
                }
            }
            Record::BounceDue { peer, id, user, to } => {
                self.user(user)?;
                let refused = Refused { user, to };
                self.peer(peer)?.refused.insert(id, refused);
            }
            Record::BounceSettled { peer, id } => {
                self.peer(peer)?.refused.remove(&id);
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn incoming(&mut self, record: &Record) -> Result<(), &'static str> {
        match *record {
            Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let place = self.peer(peer)?;
                let known = place.incoming.iter_mut().find(|known| known.kind == kind);
                match known {
                    Some(known) if known.id == stream => known.restore_cursor(durable, id),
                    Some(known) => *known = InStream::restored(stream, kind, durable, id),
                    None => {
                        let begun = InStream::restored(stream, kind, durable, id);
                        place.incoming.push(begun);
                    }
                }
            }
            Record::Refused { peer, seq, id } => {
                let mail = self.mail(peer)?;
                mail.ok_or("a message was refused that never came")?
                    .restore_refused(seq, id);
            }
            Record::RefusalTold { peer, seq } => {
                if let Some(mail) = self.mail(peer)? {
                    mail.restore_told(seq);
                }
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn user(&self, user: UserId) -> Result<(), &'static str> {
        let account = self.realm.accounts.get(user);
        account.map(|_| ()).ok_or("it speaks of a user it lacks")
    }

    fn sender(&self, sender: Sender) -> Result<(), &'static str> {
        let is_known = match sender {
            Sender::Local(user) => self.realm.accounts.get(user).is_some(),
            Sender::Remote(remote) => self.realm.directory.get(remote).is_some(),
            Sender::Realm(peer) => self.realm.peer(peer).is_some(),
        };
        is_known
            .then_some(())
            .ok_or("it speaks of a sender it lacks")
    }

    fn peer(&mut self, peer: PeerId) -> Result<&mut Peer, &'static str> {
        self.realm
            .peer_mut(peer)
            .ok_or("it speaks of a realm it lacks")
    }

    fn mail(&mut self, peer: PeerId) -> Result<Option<&mut InStream>, &'static str> {
        let mut incoming = self.peer(peer)?.incoming.iter_mut();
        Ok(incoming.find(|stream| stream.kind == StreamKind::Mail))
    }

    // What the configuration adds.

    /// Users that are there already keep what they are; only a password that is still missing is
    /// taken from the configuration.
    fn add_users(&mut self) {
        for user in std::mem::take(&mut self.users) {
            let known = self.realm.accounts.find(user.name.as_str());
            match known {
                None => self.add_user(user),
                Some(id) => self.complete_user(id, user.password),
            }
        }
    }

    fn add_user(&mut self, user: UserConfig) {
        let account = Account {
            name: user.name,
            display_name: user.display_name.into(),
            country: user.country.into(),
            credential: credential(user.password),
        };
        let is_unhashed = self.is_unhashed(&account.credential);
        let id = self.realm.accounts.add(account.clone());
        self.realm.record(|| account.record(id));
        if is_unhashed {
            self.realm.logins.hash_later(id);
        }
    }

    fn complete_user(&mut self, id: UserId, password: Password) {
        let Some(account) = self.realm.accounts.get_mut(id) else {
            return;
        };
        if !matches!(account.credential, Credential::Missing) {
            return;
        }
        account.credential = credential(password);
        let account = account.clone();
        if matches!(account.credential, Credential::Hash(_)) {
            self.realm.record(|| account.record(id));
        } else if self.is_unhashed(&account.credential) {
            self.realm.logins.hash_later(id);
        }
    }

    fn is_unhashed(&self, credential: &Credential) -> bool {
        self.realm.passwords != Passwords::Plain && matches!(credential, Credential::Plain(_))
    }

    fn restore_sessions(&mut self) {
        let now = self.realm.clock;
        self.realm.sessions.count_from(self.sessions_opened);
        for (session, opened) in std::mem::take(&mut self.sessions) {
            let age_ms = now.unix_ms.saturating_sub(opened.used_unix_ms);
            if age_ms > self.realm.limits.session_idle_ms_max {
                self.realm.record(|| Record::SessionEnded { session });
                continue;
            }
            let Opened { user, token, .. } = opened;
            let sessions = &mut self.realm.sessions;
            sessions.restore(user, session, token, age_ms, now.mono_ms);
        }
    }

    fn add_peers(&mut self) {
        for config in std::mem::take(&mut self.peers) {
            let known = self.realm.known_peer(config.name.as_str());
            let id = known.unwrap_or_else(|| self.add_peer(config.name.clone()));
            self.realm.peer_ids.insert(config.name, id);
            if let Some(peer) = self.realm.peer_mut(id) {
                peer.can_dial = config.dial;
            }
        }
    }

    fn add_peer(&mut self, name: RealmName) -> PeerId {
        let realm = &mut self.realm;
        let id = PeerId::new(realm.peers.len());
        let peer = Peer::new(name.clone(), &mut realm.random);
        let streams = [
            (StreamKind::Mail, peer.mail.id),
            (StreamKind::Bounce, peer.bounce.id),
        ];
        realm.peers.push(peer);
        realm.record(|| Record::Peer { peer: id, name });
        for (kind, stream) in streams {
            realm.record(|| Record::StreamBegun {
                peer: id,
                kind,
                stream,
            });
        }
        id
    }

    /// Keeps places for the bounces of all mail under way.
    fn reserve(&mut self) {
        let realm = &mut self.realm;
        let mut writers = Vec::new();
        for peer in &realm.peers {
            let mail = peer.mail.envelopes_to_send();
            let under_way = mail.filter(|envelope| envelope.kind == Kind::Message);
            writers.extend(under_way.filter_map(|it| realm.accounts.find(it.writer())));
            writers.extend(peer.refused.values().map(|refused| refused.user));
        }
        for writer in writers {
            realm.inboxes.make(writer).restore_reserved();
        }
    }
}

fn credential(password: Password) -> Credential {
    match password {
        Password::Plain(secret) => Credential::Plain(secret),
        Password::Hash(hash) => Credential::Hash(hash),
    }
}

/// The greatest number of a record that is counted on from.
fn greatest(record: &Record) -> u64 {
    match record {
        Record::SessionOpened { session, .. } | Record::SessionEnded { session } => *session,
        Record::Delivered { number, .. } => *number,
        Record::Inbox {
            taken, last, bytes, ..
        } => *taken.max(last).max(bytes),
        Record::SendKey { number, oldest, .. } => *number.max(oldest),
        Record::Queued { seq, .. } | Record::Refused { seq, .. } => *seq,
        Record::Acknowledged { durable, .. } | Record::Cursor { durable, .. } => *durable,
        _ => 0,
    }
}
