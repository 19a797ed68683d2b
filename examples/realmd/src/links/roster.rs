//! Whom a realm may be linked with: where each peer is, and the key by which it is known.

use super::Failure;
use crate::keys;
use crate::settings::{PeerSecurity, PeerSettings};
use chatproto::link::key::{PublicKey, StaticKey};
use chatproto::link::transport::{Security, TransportConfig, TransportPeer};
use chatproto::{Limits, Now, RealmName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Between two looks for keys that are not there yet, when strangers call.
const LOOK_EVERY_MS: u64 = 200;

/// The peers of one realm.
pub(super) struct Roster {
    /// What a transport is made of: peers whose keys are known.
    config: TransportConfig,
    peers: BTreeMap<RealmName, PeerSettings>,
    /// Peers whose keys are not there yet, and where they will be.
    awaited: BTreeMap<RealmName, PathBuf>,
    looked_ms: Option<u64>,
}

impl Roster {
    pub(super) fn new(
        own: RealmName,
        key: Option<StaticKey>,
        limits: Limits,
        peers: BTreeMap<RealmName, PeerSettings>,
    ) -> Self {
        let mut roster = Self {
            config: TransportConfig {
                own,
                key,
                peers: Vec::new(),
                limits,
            },
            peers: BTreeMap::new(),
            awaited: BTreeMap::new(),
            looked_ms: None,
        };
        roster.replace(peers);
        roster
    }

    pub(super) fn own(&self) -> &RealmName {
        &self.config.own
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// What a transport with a peer needs.
    pub(super) fn transport(&self) -> &TransportConfig {
        &self.config
    }

    /// What a transport with a stranger needs. A key that has come meanwhile is found, unless strangers
    /// come so fast that looking for it would be work.
    pub(super) fn transport_for_stranger(&mut self, now: Now) -> &TransportConfig {
        let is_due = |looked_ms| now.mono_ms.saturating_sub(looked_ms) >= LOOK_EVERY_MS;
        if !self.awaited.is_empty() && self.looked_ms.is_none_or(is_due) {
            self.looked_ms = Some(now.mono_ms);
            let awaited: Vec<RealmName> = self.awaited.keys().cloned().collect();
            for peer in awaited {
                // Why there is none is told when the peer is called.
                let _ = self.find_key(&peer);
            }
        }
        &self.config
    }

    /// Where a peer is called, once its key is known.
    pub(super) fn address(&mut self, peer: &RealmName) -> Result<SocketAddr, Failure> {
        self.find_key(peer)?;
        let address = self.peers.get(peer).and_then(|peer| peer.address);
        address.ok_or_else(|| "it has no address".to_owned().into())
    }

    /// Takes other peers, and returns those that were linked with in another way, or are none any more.
    pub(super) fn replace(
        &mut self,
        peers: BTreeMap<RealmName, PeerSettings>,
    ) -> BTreeSet<RealmName> {
        let before = std::mem::take(&mut self.config.peers);
        self.awaited.clear();
        for (name, peer) in &peers {
            match &peer.security {
                PeerSecurity::Noise(key) => self.pin(name, *key),
                PeerSecurity::Plain => self.config.peers.push(TransportPeer {
                    name: name.clone(),
                    security: Security::Plain,
                }),
                PeerSecurity::NoiseFile(file) => {
                    self.awaited.insert(name.clone(), file.clone());
                    let _ = self.find_key(name);
                }
            }
        }
        self.peers = peers;
        let mut changed = before;
        changed.retain(|peer| !self.config.peers.contains(peer));
        changed.into_iter().map(|peer| peer.name).collect()
    }

    /// Sees to it that the key of a peer is known.
    fn find_key(&mut self, peer: &RealmName) -> Result<(), Failure> {
        let Some(file) = self.awaited.get(peer) else {
            return Ok(());
        };
        let shown = file.display();
        let key = keys::read_public(file)
            .map_err(|error| Failure::with("its key cannot be read", error.to_string()))?;
        let key = key.ok_or_else(|| {
            let detail = format!("{shown} is looked for again and again");
            Failure::with("its key is not there yet", detail)
        })?;
        if let Some(whose) = self.whose(key) {
            let detail =
                format!("{shown} holds the public key of {whose}: put that of {peer} there");
            return Err(Failure::with("its key is another realm's", detail));
        }
        self.awaited.remove(peer);
        self.pin(peer, key);
        Ok(())
    }

    fn pin(&mut self, peer: &RealmName, key: PublicKey) {
        self.config.peers.push(TransportPeer {
            name: peer.clone(),
            security: Security::Noise(key),
        });
    }

    /// The realm that a key is known to be of.
    fn whose(&self, key: PublicKey) -> Option<&RealmName> {
        let own = self.config.key.as_ref().map(StaticKey::public);
        if own == Some(key) {
            return Some(&self.config.own);
        }
        let mut peers = self.config.peers.iter();
        let found = peers.find(|peer| peer.security == Security::Noise(key));
        found.map(|peer| &peer.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn name(text: &str) -> RealmName {
        RealmName::parse(text).unwrap()
    }

    fn key(number: u8) -> PublicKey {
        StaticKey::from_seed([number; 32]).public()
    }

    fn roster(peers: &[(&str, PeerSecurity)]) -> Roster {
        let key = StaticKey::from_seed([1; 32]);
        Roster::new(
            name("realm1"),
            Some(key),
            Limits::default(),
            settings(peers),
        )
    }

    fn settings(peers: &[(&str, PeerSecurity)]) -> BTreeMap<RealmName, PeerSettings> {
        let address = "127.0.0.1:9".parse().unwrap();
        let peer = |security: &PeerSecurity| PeerSettings::new(security.clone()).address(address);
        let each = peers.iter();
        each.map(|(it, security)| (name(it), peer(security)))
            .collect()
    }

    #[test]
    fn a_key_that_comes_later_is_found_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm2.pub");
        let mut roster = roster(&[("realm2", PeerSecurity::NoiseFile(file.clone()))]);

        let early = roster.address(&name("realm2")).unwrap_err();
        let told = early.to_string();
        assert!(told.starts_with("its key is not there yet: "), "{told}");
        // A path is none of the users' business.
        assert_eq!(early.why, "its key is not there yet");
        assert!(roster.transport().peers.is_empty());
        fs::write(&file, format!("{}\n", key(2))).unwrap();

        assert!(roster.address(&name("realm2")).is_ok());
        assert_eq!(
            roster.transport().peers[0].security,
            Security::Noise(key(2))
        );
    }

    #[test]
    fn strangers_make_it_look_for_keys_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm2.pub");
        let mut roster = roster(&[("realm2", PeerSecurity::NoiseFile(file.clone()))]);
        let mut known = |ms| roster.transport_for_stranger(Now::new(ms, 0)).peers.len();

        assert_eq!(known(0), 0);
        fs::write(&file, key(2).to_string()).unwrap();
        assert_eq!(known(199), 0);
        assert_eq!(known(200), 1);
    }

    #[test]
    fn a_key_is_one_realms() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm3.pub");
        let mut roster = roster(&[
            ("realm2", PeerSecurity::Noise(key(2))),
            ("realm3", PeerSecurity::NoiseFile(file.clone())),
        ]);

        for (number, whose) in [(1, "realm1"), (2, "realm2")] {
            fs::write(&file, key(number).to_string()).unwrap();
            let told = roster.address(&name("realm3")).unwrap_err().to_string();
            assert!(
                told.contains(&format!("holds the public key of {whose}: ")),
                "{told}"
            );
        }
        assert_eq!(roster.transport().peers.len(), 1);
    }

    #[test]
    fn only_those_linked_with_otherwise_are_told() {
        let mut roster = roster(&[
            ("realm2", PeerSecurity::Noise(key(2))),
            ("realm3", PeerSecurity::Plain),
            ("realm4", PeerSecurity::Noise(key(4))),
            ("realm5", PeerSecurity::Noise(key(5))),
        ]);

        let changed = roster.replace(settings(&[
            ("realm2", PeerSecurity::Noise(key(2))),
            ("realm3", PeerSecurity::Noise(key(3))),
            ("realm4", PeerSecurity::Noise(key(6))),
            ("realm7", PeerSecurity::Plain),
        ]));

        assert_eq!(changed, ["realm3", "realm4", "realm5"].map(name).into());
    }
}
