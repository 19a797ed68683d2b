//! What is known of users of other realms: who lives where.

use crate::id::{PeerId, RemoteId};
use crate::name::{Address, UserName};
use crate::random::SeededMap;
use std::collections::BTreeMap;

/// A user of another realm.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) peer: PeerId,
    pub(crate) address: Address,
}

/// All users of other realms that were ever met.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    remotes: Vec<Remote>,
    /// By name, those who bear it, one a realm.
    by_name: SeededMap<UserName, Vec<RemoteId>>,
    /// How many of each peer there are.
    counts: BTreeMap<PeerId, u64>,
    /// How many of each peer there may be, so that none uses up the room of the others.
    share: u64,
}

impl Directory {
    pub(crate) fn new(by_name: SeededMap<UserName, Vec<RemoteId>>, share: u64) -> Self {
        Self {
            remotes: Vec::new(),
            by_name,
            counts: BTreeMap::new(),
            share,
        }
    }

    /// Gives each peer another share; who is known already stays.
    pub(crate) fn set_share(&mut self, share: u64) {
        self.share = share;
    }

    /// Puts a user back, whatever the share. Returns whether the number is the next one, or this
    /// user's.
    pub(crate) fn restore(&mut self, remote: RemoteId, peer: PeerId, address: &Address) -> bool {
        if remote.index() < self.remotes.len() {
            return self
                .get(remote)
                .is_some_and(|known| known.address == *address);
        }
        if remote.index() > self.remotes.len() || self.find(peer, address.user.as_str()).is_some() {
            return false;
        }
        *self.counts.entry(peer).or_default() += 1;
        self.push(peer, address);
        true
    }

    /// A peer's user of that name.
    pub(crate) fn find(&self, peer: PeerId, name: &str) -> Option<RemoteId> {
        let is_of_peer = |id: &RemoteId| self.get(*id).is_some_and(|remote| remote.peer == peer);
        self.homes(name).iter().copied().find(is_of_peer)
    }

    /// How many users of a peer are known.
    pub(crate) fn count(&self, peer: PeerId) -> u64 {
        self.counts.get(&peer).copied().unwrap_or(0)
    }

    /// Adds a user who is not known yet; nothing when the peer's share is used up.
    pub(crate) fn add(&mut self, peer: PeerId, address: &Address) -> Option<RemoteId> {
        let count = self.counts.entry(peer).or_default();
        if *count >= self.share {
            return None;
        }
        *count += 1;
        Some(self.push(peer, address))
    }

    fn push(&mut self, peer: PeerId, address: &Address) -> RemoteId {
        let id = RemoteId::new(self.remotes.len());
        self.remotes.push(Remote {
            peer,
            address: address.clone(),
        });
        self.by_name
            .entry(address.user.clone())
            .or_default()
            .push(id);
        id
    }

    pub(crate) fn get(&self, id: RemoteId) -> Option<&Remote> {
        self.remotes.get(id.index())
    }

    /// Everybody of that name.
    pub(crate) fn homes(&self, name: &str) -> &[RemoteId] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}
