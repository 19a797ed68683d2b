//! What operators do about other realms.

use super::{RealmIndex, World};
use chatproto::{PeerConfig, PeerStatus};

impl World {
    /// How a realm stands with its peers; with none while it is down.
    #[must_use]
    pub fn peers(&self, realm: RealmIndex) -> Vec<PeerStatus> {
        let realm = self.nodes[realm].realm.as_ref();
        realm.map_or_else(Vec::new, |realm| realm.peers().collect())
    }

    /// Whether one realm is another's peer.
    #[must_use]
    pub fn is_peer(&self, realm: RealmIndex, peer: RealmIndex) -> bool {
        let mut peers = self.nodes[realm].config.peers.iter();
        peers.any(|known| known.name == self.nodes[peer].name)
    }

    /// Lets a realm that is up want no link with a peer for now, or want one again.
    pub fn pause_peer(&mut self, realm: RealmIndex, peer: RealmIndex, is_paused: bool) {
        let (now, name) = (self.now_at(realm), self.nodes[peer].name.clone());
        if let Some(realm) = self.stir(realm) {
            let paused = realm.pause_peer(&name, is_paused, now);
            paused.expect("only a peer is paused");
        }
    }

    /// Takes a peer out of a realm's configuration, with what waits for it.
    pub fn remove_peer(&mut self, realm: RealmIndex, peer: RealmIndex) {
        let (now, name) = (self.now_at(realm), self.nodes[peer].name.clone());
        let known = &mut self.nodes[realm].config.peers;
        known.retain(|known| known.name != name);
        if let Some(realm) = self.stir(realm) {
            let removed = realm.remove_peer(&name, true, now);
            removed.expect("only a peer is taken out");
        }
    }

    /// Adds a peer to a realm's configuration.
    pub fn add_peer(&mut self, realm: RealmIndex, peer: RealmIndex) {
        let (now, name) = (self.now_at(realm), self.nodes[peer].name.clone());
        let added = PeerConfig::new(name);
        self.nodes[realm].config.peers.push(added.clone());
        if let Some(realm) = self.stir(realm) {
            let added = realm.set_peer(added, now);
            added.expect("another realm can be a peer");
        }
    }
}
