//! A realm file that is read anew: what of it can be taken while the realm runs, and what cannot.

use crate::keys::{self, KeyFileError};
use crate::settings::{
    ClassicSettings, Listen, PeerSettings, Settings, SettingsError, StoreSettings,
};
use chatproto::link::key::StaticKey;
use chatproto::{Detail, Limits, Passwords, RealmName, UserName};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why settings were not taken: one sentence. Nothing has changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// A file says something wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A key file is of no use.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Something stands in the way of the settings.
    #[error("{0}")]
    Refused(String),
    /// The realm does not answer.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Settings that were checked, and their key.
pub(crate) struct Prepared {
    pub(crate) settings: Settings,
    pub(crate) key: Option<StaticKey>,
}

/// Reads what belongs to settings, away from the loop of the realm.
pub(crate) fn prepare(settings: Settings) -> Result<Prepared, ReloadError> {
    let key = keys::of(&settings)?;
    settings.check_keys()?;
    Ok(Prepared { settings, key })
}

/// The settings in force.
pub(crate) struct Current {
    pub(crate) key: Option<StaticKey>,
    pub(crate) limits: Limits,
    pub(crate) peers: BTreeMap<RealmName, PeerSettings>,
    /// Classic neighbours: where they are called, and where they call.
    pub(crate) classic: BTreeMap<RealmName, Reached>,
    /// The port for other realms, whether it is open or not.
    link: Option<SocketAddr>,
    realm: RealmName,
    client: SocketAddr,
    store: Option<StoreSettings>,
    key_file: Option<PathBuf>,
    passwords: Passwords,
    detail: Detail,
    users: BTreeSet<UserName>,
}

/// Where a classic neighbour is called, and where it calls.
type Reached = (Option<SocketAddr>, Option<SocketAddr>);

fn reached(classic: &BTreeMap<RealmName, ClassicSettings>) -> BTreeMap<RealmName, Reached> {
    let listen = |neighbour: &ClassicSettings| neighbour.listen.as_ref().map(|it| it.address);
    let each = classic.iter();
    each.map(|(name, it)| (name.clone(), (it.address, listen(it))))
        .collect()
}

/// What is other about the peers.

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) added: Vec<RealmName>,
    /// With another address.
    pub(crate) moved: Vec<RealmName>,
    /// With another key or mode.
    pub(crate) secured: Vec<RealmName>,
    pub(crate) removed: Vec<RealmName>,
}

impl Current {
    pub(crate) fn of(settings: &Settings, key: Option<StaticKey>) -> Self {
        let config = &settings.config;
        Self {
            key,
            limits: config.limits.clone(),
            peers: settings.peers.clone(),
            classic: reached(&settings.classic),
            link: settings.link.as_ref().map(|link| link.address),
            realm: config.realm.clone(),
            client: settings.client.address,
            store: settings.store.clone(),
            key_file: settings.key_file(),
            passwords: config.passwords,
            detail: config.detail,
            users: config.users.iter().map(|user| user.name.clone()).collect(),
        }
    }

    /// What of other settings is not taken before the realm starts again, in sentences.
    ///
    /// # Errors
    ///
    /// They are those of another realm.
    pub(crate) fn to_restart_for(
        &self,
        prepared: &Prepared,
        is_linked: bool,
    ) -> Result<Vec<String>, ReloadError> {
        let Prepared { settings, key } = prepared;
        let config = &settings.config;
        if config.realm != self.realm {
            return Err(ReloadError::Refused(format!(
                "the file is that of {} now, and {} runs: a realm keeps its name",
                config.realm, self.realm
            )));
        }
        let link = settings.link.as_ref().map(|link: &Listen| link.address);
        let own = |key: &Option<StaticKey>| key.as_ref().map(StaticKey::public);
        let is_rekeyed = self.key.is_some() && own(key) != own(&self.key);
        let parts = [
            ("[client]", self.client != settings.client.address),
            ("[store]", self.store != settings.store),
            ("[link] address", is_linked && self.link != link),
            (
                "the realm's own key",
                is_rekeyed || self.key_file != settings.key_file(),
            ),
            (
                "mode \"classic\" of a peer",
                self.classic != reached(&settings.classic),
            ),
            ("[limits]", self.limits != config.limits),
            ("[passwords]", self.passwords != config.passwords),
            ("log", self.detail != config.detail),
        ];
        let changed = parts.iter().filter(|(_, is_changed)| *is_changed);
        let mut told: Vec<String> = changed
            .map(|(part, _)| format!("{part} has changed, which needs a restart"))
            .collect();
        let fresh = config.users.iter().map(|user| &user.name);
        let fresh = fresh.filter(|name| !self.users.contains(*name));
        told.extend(fresh.map(|name| format!("the user {name} is new, which needs a restart")));
        Ok(told)
    }

    /// How the settings want a peer spoken with; none if they do not name it.
    pub(crate) fn mode(&self, peer: &RealmName) -> Option<&'static str> {
        let linked = self.peers.get(peer).map(|peer| peer.security.word());
        linked.or_else(|| self.classic.contains_key(peer).then_some("classic"))
    }

    /// What is other about peers.
    pub(crate) fn changes(&self, peers: &BTreeMap<RealmName, PeerSettings>) -> Changes {
        let mut changes = Changes::default();
        for (name, peer) in peers {
            match self.peers.get(name) {
                None => changes.added.push(name.clone()),
                Some(before) if before.security != peer.security => {
                    changes.secured.push(name.clone());
                }
                Some(before) if before.address != peer.address => changes.moved.push(name.clone()),
                Some(_) => {}
            }
        }
        let gone = self.peers.keys().filter(|name| !peers.contains_key(*name));
        changes.removed = gone.cloned().collect();
        changes
    }

    /// Takes note of the peers, and of what comes with them.
    pub(crate) fn take(&mut self, prepared: &Prepared) {
        self.peers.clone_from(&prepared.settings.peers);
        if self.key.is_none() {
            self.key.clone_from(&prepared.key);
        }
    }

    /// Takes note of the port for other realms, which is open now.
    pub(crate) fn link_at(&mut self, link: Option<&Listen>) {
        self.link = link.map(|link| link.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"realm1\"\nclient = { address = \"127.0.0.1:1\" }\n\
        link = { address = \"127.0.0.1:2\", insecure = true }\n";

    fn prepared(text: &str) -> Prepared {
        Prepared {
            settings: Settings::from_toml(text).unwrap(),
            key: None,
        }
    }

    fn to_restart_for(text: &str) -> Vec<String> {
        let current = Current::of(&prepared(GOOD).settings, None);
        current.to_restart_for(&prepared(text), true).unwrap()
    }

    #[test]
    fn what_cannot_change_while_it_runs_is_told() {
        let table = [
            (
                GOOD.replace(":1\"", ":3\""),
                "[client] has changed, which needs a restart",
            ),
            (
                GOOD.replace(":2\"", ":3\""),
                "[link] address has changed, which needs a restart",
            ),
            (
                format!("{GOOD}[limits]\nexit_gap_ms = 7\n"),
                "[limits] has changed, which needs a restart",
            ),
            (
                format!("{GOOD}[passwords]\nscheme = \"plain\"\n"),
                "[passwords] has changed, which needs a restart",
            ),
            (
                format!("log = \"wire\"\n{GOOD}"),
                "log has changed, which needs a restart",
            ),
            (
                format!("{GOOD}[[users]]\nname = \"messi\"\npassword = \"x\"\n"),
                "the user messi is new, which needs a restart",
            ),
        ];
        for (text, sentence) in table {
            assert_eq!(to_restart_for(&text), [sentence]);
        }
        let store = to_restart_for(&format!("{GOOD}[store]\nfolder = \"d\"\n"));
        let expected = [
            "[store] has changed, which needs a restart",
            "the realm's own key has changed, which needs a restart",
        ];
        assert_eq!(store, expected);
        assert_eq!(to_restart_for(GOOD), Vec::<String>::new());
    }

    #[test]
    fn another_realms_file_is_refused() {
        let current = Current::of(&prepared(GOOD).settings, None);
        let other = prepared(&GOOD.replace("realm1", "realm2"));

        let refused = current.to_restart_for(&other, true).unwrap_err();

        let sentence = "the file is that of realm2 now, and realm1 runs: a realm keeps its name";
        assert_eq!(refused.to_string(), sentence);
    }

    #[test]
    fn peers_are_added_changed_and_removed() {
        let peer = |name: &str, rest: &str| format!("[[peers]]\nname = \"{name}\"\n{rest}\n");
        let plain = "mode = \"plain\"";
        let here = "mode = \"plain\"\naddress = \"127.0.0.1:9\"";
        let noise = "public_key_file = \"b.pub\"";
        let key_file = GOOD.replace("insecure", "key_file = \"a.key\", insecure");
        let before = [("a", plain), ("b", plain), ("c", plain), ("d", plain)];
        let after = [("b", here), ("c", noise), ("d", plain), ("e", plain)];
        let text = |peers: &[(&str, &str)]| {
            let peers = peers.iter().map(|(name, rest)| peer(name, rest));
            key_file.clone() + &peers.collect::<String>()
        };
        let current = Current::of(&prepared(&text(&before)).settings, None);

        let changes = current.changes(&prepared(&text(&after)).settings.peers);

        let names = |names: &[&str]| {
            let names = names.iter().map(|name| RealmName::parse(name).unwrap());
            names.collect::<Vec<_>>()
        };
        let expected = Changes {
            added: names(&["e"]),
            moved: names(&["b"]),
            secured: names(&["c"]),
            removed: names(&["a"]),
        };
        assert_eq!(changes, expected);
    }
}
