//! What a realm is told once, when it is made.

use crate::limits::{LimitError, Limits};
use crate::name::{NameError, RealmName, UserName};
use crate::password::{Password, PasswordHash, Passwords};
use crate::secret::Secret;
use std::collections::BTreeSet;
use thiserror::Error;

/// A realm's name, users, peers and limits.
///
/// # Examples
///
/// ```
/// use chatproto::{Config, RealmName, UserConfig};
///
/// let config = Config::new(RealmName::parse("realm1")?)
///     .user(UserConfig::new("messi", "Lionel Messi", "Argentina", "surabaya")?);
/// assert_eq!(config.users.len(), 1);
/// # Ok::<(), chatproto::NameError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The realm's own name.
    pub realm: RealmName,
    /// Its users.
    pub users: Vec<UserConfig>,
    /// The realms it speaks with.
    pub peers: Vec<PeerConfig>,
    /// Its bounds.
    pub limits: Limits,
    /// Whether a store is behind the realm: then changes become records, and what depends on them
    /// waits for [`committed`](crate::Realm::committed).
    pub durable: bool,
    /// How passwords are kept.
    pub passwords: Passwords,
    /// Which events it tells.
    pub detail: Detail,
    /// Whether a request that empties an inbox gets it packed.
    pub packed: bool,
}

/// How much the realm tells in its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Detail {
    /// Nothing: for programs that throw events away.
    Silent,
    /// Connections, logins, links, and whatever went wrong.
    #[default]
    Essential,
    /// Each command as well.
    Commands,
    /// Each line and each reply as well, secrets masked.
    Wire,
}

/// A user that the configuration names: made if the store has none of that name, and never changed
/// there afterwards.
#[derive(Clone, Debug)]
pub struct UserConfig {
    /// What the user logs in with.
    pub name: UserName,
    /// What others see.
    pub display_name: String,
    /// Where the user is from.
    pub country: String,
    /// What the user logs in with at first.
    pub password: Password,
}

impl UserConfig {
    /// Describes a user with a password in the clear.
    ///
    /// # Errors
    ///
    /// `name` is not a name.
    pub fn new(
        name: &str,
        display_name: &str,
        country: &str,
        password: &str,
    ) -> Result<Self, NameError> {
        let password = Password::Plain(Secret::new(password));
        Self::with(name, display_name, country, password)
    }

    /// Describes a user whose password was hashed before.
    ///
    /// # Errors
    ///
    /// `name` is not a name.
    pub fn hashed(
        name: &str,
        display_name: &str,
        country: &str,
        hash: PasswordHash,
    ) -> Result<Self, NameError> {
        Self::with(name, display_name, country, Password::Hash(hash))
    }

    fn with(
        name: &str,
        display_name: &str,
        country: &str,
        password: Password,
    ) -> Result<Self, NameError> {
        Ok(Self {
            name: UserName::parse(name)?,
            display_name: display_name.to_owned(),
            country: country.to_owned(),
            password,
        })
    }
}

/// Another realm that this one speaks with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerConfig {
    /// Its name.
    pub name: RealmName,
    /// How it is spoken with.
    pub kind: PeerKind,
    /// Whether its address is known, so that [`Output::Dial`](crate::Output::Dial) makes sense, or
    /// [`Output::Call`](crate::Output::Call).
    pub dial: bool,
}

/// How another realm is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerKind {
    /// Over a link, which keeps what is promised.
    Linked,
    /// With the requests of the classic servers, which keep no promise: nothing tells who is there,
    /// and a message that is not answered may have arrived or not.
    Classic,
}

impl PeerConfig {
    /// Names a peer that is dialled.
    #[must_use]
    pub fn new(name: RealmName) -> Self {
        Self {
            name,
            kind: PeerKind::Linked,
            dial: true,
        }
    }

    /// Names a peer that only ever calls us.
    #[must_use]
    pub fn incoming_only(name: RealmName) -> Self {
        Self {
            dial: false,
            ..Self::new(name)
        }
    }

    /// Names a classic neighbour. Its messages come over
    /// [`Connection::classic`](crate::Connection::classic), those to it go with
    /// [`Output::Call`](crate::Output::Call).
    #[must_use]
    pub fn classic(name: RealmName) -> Self {
        Self {
            kind: PeerKind::Classic,
            ..Self::new(name)
        }
    }

    /// Names a classic neighbour that only ever calls us.
    #[must_use]
    pub fn classic_incoming_only(name: RealmName) -> Self {
        Self {
            dial: false,
            ..Self::classic(name)
        }
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two users of one name.
    #[error("the user {0} is named twice")]
    UserTwice(UserName),
    /// Two peers of one name.
    #[error("the peer {0} is named twice")]
    PeerTwice(RealmName),
    /// A limit out of its range.
    #[error("{0}")]
    Limit(#[from] LimitError),
    /// The realm as its own peer.
    #[error("{0} cannot be its own peer")]
    OwnPeer(RealmName),
}

impl Config {
    /// A realm without users and peers, with the default limits and no store.
    #[must_use]
    pub fn new(realm: RealmName) -> Self {
        Self {
            realm,
            users: Vec::new(),
            peers: Vec::new(),
            limits: Limits::default(),
            durable: false,
            passwords: Passwords::default(),
            detail: Detail::default(),
            packed: false,
        }
    }

    /// Adds a user.
    #[must_use]
    pub fn user(mut self, user: UserConfig) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a peer.
    #[must_use]
    pub fn peer(mut self, peer: PeerConfig) -> Self {
        self.peers.push(peer);
        self
    }

    /// Sets all limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Says whether a store is behind the realm.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Says how passwords are kept.
    #[must_use]
    pub fn passwords(mut self, passwords: Passwords) -> Self {
        self.passwords = passwords;
        self
    }

    /// Says how much the events tell.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Says whether the reply to a [request](crate::Realm::execute) that empties an inbox comes
    /// [packed](crate::wire::packed), which is quicker to make and to take apart than JSON. Where the
    /// events show each reply, it does not.
    #[must_use]
    pub fn packed(mut self, packed: bool) -> Self {
        self.packed = packed;
        self
    }

    /// Checks what no single field can show.
    ///
    /// # Errors
    ///
    /// A name that stands twice, the realm among its peers, or a limit out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.limits.check()?;
        let mut users = BTreeSet::new();
        if let Some(twice) = self.users.iter().find(|user| !users.insert(&user.name)) {
            return Err(ConfigError::UserTwice(twice.name.clone()));
        }
        let mut peers = BTreeSet::new();
        if let Some(twice) = self.peers.iter().find(|peer| !peers.insert(&peer.name)) {
            return Err(ConfigError::PeerTwice(twice.name.clone()));
        }
        if peers.contains(&self.realm) {
            return Err(ConfigError::OwnPeer(self.realm.clone()));
        }
        Ok(())
    }
}
