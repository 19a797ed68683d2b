//! What a transport has to know of its realm and its peers.

use crate::limits::Limits;
use crate::link::key::{PublicKey, StaticKey};
use crate::name::RealmName;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// What a transport needs to know of its realm.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// The realm's own name.
    pub own: RealmName,
    /// The realm's own key; peers in noise mode need one.
    pub key: Option<StaticKey>,
    /// The peers that may be linked with.
    pub peers: Vec<TransportPeer>,
    /// The realm's limits.
    pub limits: Limits,
}

/// A realm that may be linked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportPeer {
    /// What it is called.
    pub name: RealmName,
    /// How it proves that it is the one.
    pub security: Security,
}

/// How a link is protected. The configuration alone says it; nothing else is ever agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// Encrypted, with the realm that has this key and no other.
    Noise(PublicKey),
    /// Not at all: anybody can read along and claim the name. For tests and lessons on one machine.
    Plain,
}

/// Why a configuration cannot be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportConfigError {
    /// A peer stands there twice.
    #[error("the peer {0} is there twice; keep one of the two")]
    NameTwice(RealmName),
    /// A peer is called what this realm is called.
    #[error("the peer {0} has this realm's own name; take it out")]
    OwnName(RealmName),
    /// Two peers have the same key, so that each could pass for the other.
    #[error("the peers {0} and {1} have the same key; each realm must have its own")]
    KeyTwice(RealmName, RealmName),
    /// A peer has this realm's key.
    #[error("the key of the peer {0} is this realm's own; put the peer's there")]
    OwnKey(RealmName),
    /// A peer in noise mode, and no own key.
    #[error("a link with {0} in noise mode needs a key of this realm's own; make one")]
    NoKey(RealmName),
}

impl TransportConfig {
    /// Checks that no peer could pass for another one or for this realm.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, in the order of the peers.
    pub fn check(&self) -> Result<(), TransportConfigError> {
        let mut names = BTreeSet::new();
        let mut keys = BTreeMap::new();
        for TransportPeer { name, security } in &self.peers {
            if *name == self.own {
                return Err(TransportConfigError::OwnName(name.clone()));
            }
            if !names.insert(name) {
                return Err(TransportConfigError::NameTwice(name.clone()));
            }
            let Security::Noise(pinned) = security else {
                continue;
            };
            match &self.key {
                None => return Err(TransportConfigError::NoKey(name.clone())),
                Some(key) if key.public() == *pinned => {
                    return Err(TransportConfigError::OwnKey(name.clone()));
                }
                Some(_) => {}
            }
            if let Some(other) = keys.insert(*pinned, name) {
                return Err(TransportConfigError::KeyTwice(other.clone(), name.clone()));
            }
        }
        Ok(())
    }

    pub(super) fn peer(&self, name: &RealmName) -> Option<&TransportPeer> {
        self.peers.iter().find(|peer| peer.name == *name)
    }
}
