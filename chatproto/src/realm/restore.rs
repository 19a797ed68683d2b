//! A realm is put together: of what a store gave, and of the configuration.

mod records;

use super::Realm;
use crate::account::{Account, Credential};
use crate::config::{PeerConfig, PeerKind, UserConfig};
use crate::id::{PeerId, UserId};
use crate::name::RealmName;
use crate::password::Password;
use crate::record::Record;
use crate::secret::TokenHash;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

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
    is_bouncing: bool,
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
    /// Messages wait for a realm that is a classic neighbour now.
    #[error(
        "{messages} messages wait for {peer}, and cannot go to a classic neighbour: make it a linked peer until they are gone"
    )]
    PeerClassic {
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
            is_bouncing: false,
        }
    }

    /// Takes the next record, in the order in which the store gives them. One that contradicts those
    /// before it makes [`finish`](Self::finish) fail.
    pub fn record(&mut self, record: Record) {
        if self.wrong.is_some() {
            return;
        }
        if records::greatest(&record) > NUMBER_MAX {
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
            | Record::SendKey { .. }
            | Record::Posted { .. } => self.messages(record),
            Record::Peer { .. } | Record::Met { .. } | Record::Paused { .. } => {
                self.neighbours(record)
            }
            Record::StreamBegun { .. }
            | Record::Queued { .. }
            | Record::Voided { .. }
            | Record::Acknowledged { .. }
            | Record::StreamRenumbered { .. }
            | Record::Marked { .. }
            | Record::BounceDue { .. }
            | Record::BounceSettled { .. } => self.outgoing(record),
            Record::Cursor { .. }
            | Record::Seen { .. }
            | Record::Refused { .. }
            | Record::RefusalTold { .. } => self.incoming(&record),
        };
        self.wrong = taken.err().map(RestoreError::Contradiction);
    }

    /// Lets messages bounce that wait for a realm which is no peer any more. Without it
    /// [`finish`](Self::finish) fails where there are any.
    #[must_use]
    pub fn bounce_removed(mut self) -> Self {
        self.is_bouncing = true;
        self
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
        for stored in &self.realm.peers {
            let (peer, messages) = (stored.name.clone(), stored.mail.unsettled_mail());
            let config = self.peers.iter().find(|config| config.name == peer);
            match config.map(|config| config.kind) {
                _ if messages == 0 || self.is_bouncing => {}
                Some(PeerKind::Linked) => {}
                Some(PeerKind::Classic) => {
                    return Err(RestoreError::PeerClassic { peer, messages });
                }
                None => return Err(RestoreError::PeerRemoved { peer, messages }),
            }
        }
        Ok(self.begin())
    }

    pub(super) fn begin(mut self) -> Realm {
        for peer in &mut self.realm.peers {
            peer.mail.restored_all();
            peer.bounce.restored_all();
        }
        self.add_users();
        self.restore_sessions();
        self.add_peers();
        self.reserve();
        let mut realm = self.realm;
        let now = realm.clock;
        for peer in (0..realm.peers.len()).map(PeerId::new) {
            let name = realm.peer(peer).map(|peer| &peer.name);
            let is_peer = name.is_none_or(|name| realm.peer_ids.contains_key(name));
            let is_owed = realm
                .peer(peer)
                .is_some_and(|place| place.mail.len() > 0 || !place.refused.is_empty());
            if is_peer && !realm.is_classic(peer) {
                realm.redial(peer, now);
                realm.expire_mail(peer, now);
            } else if is_owed {
                // A realm that is no peer any more, or has no link, will explain nothing.
                realm.end_streams(peer, now);
            }
        }
        realm.time_sessions();
        realm.start_jobs();
        realm
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
        let account = Account::from(user);
        let id = self.realm.accounts.add(account.clone());
        self.realm.keep_account(id, &account);
    }

    fn complete_user(&mut self, id: UserId, password: Password) {
        let Some(account) = self.realm.accounts.get_mut(id) else {
            return;
        };
        if !matches!(account.credential, Credential::Missing) {
            return;
        }
        account.credential = password.into();
        let account = account.clone();
        if matches!(account.credential, Credential::Hash(_)) {
            self.realm.record(|| account.record(id));
        } else {
            self.realm.hash_if_plain(id, &account);
        }
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
            let id = known.unwrap_or_else(|| self.realm.add_peer(config.name.clone()));
            self.realm.peer_ids.insert(config.name, id);
            if config.kind == PeerKind::Classic {
                self.realm.classics.add(id, config.dial);
            } else if let Some(peer) = self.realm.peer_mut(id) {
                peer.can_dial = config.dial;
            }
        }
    }

    /// Keeps places for the bounces of all mail under way.
    fn reserve(&mut self) {
        let realm = &mut self.realm;
        let mut waiting = BTreeSet::new();
        for peer in &realm.peers {
            for (writer, id) in peer.mail.writers() {
                realm.inboxes.make(writer).restore_reserved();
                waiting.insert(id);
            }
            for refused in peer.refused.values() {
                realm.inboxes.make(refused.user).restore_reserved();
            }
        }
        let posts_max = realm.limits.outbox_messages_max;
        realm.posts.restored(&waiting, posts_max);
    }
}
