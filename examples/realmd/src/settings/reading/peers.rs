//! The peers of a realm file, each read as its mode wants it.

use super::Reader;
use crate::settings::table::{At, Table};
use crate::settings::{ClassicSettings, Listen, PeerSecurity, PeerSettings, SettingsError};
use chatproto::link::key::PublicKey;
use chatproto::{Config, PeerConfig, RealmName};
use std::collections::BTreeMap;

const PEER: [&str; 7] = [
    "name",
    "address",
    "mode",
    "public_key",
    "public_key_file",
    "insecure",
    "listen",
];
/// Keys that only one mode has.
const NOISE_KEYS: [&str; 2] = ["public_key", "public_key_file"];
const CLASSIC_KEYS: [&str; 2] = ["insecure", "listen"];

/// How a peer is spoken with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Noise,
    Plain,
    Classic,
}

const MODES: [(&str, Mode); 3] = [
    ("noise", Mode::Noise),
    ("plain", Mode::Plain),
    ("classic", Mode::Classic),
];

/// Where peers are found, and how they are spoken with.
#[derive(Default)]
pub(super) struct Found {
    pub(super) linked: BTreeMap<RealmName, PeerSettings>,
    pub(super) classic: BTreeMap<RealmName, ClassicSettings>,
}

/// What `[link]` says.
pub(super) struct Link<'a> {
    pub(super) listen: Option<Listen>,
    /// The address as it is written.
    pub(super) address: Option<At<&'a str>>,
    pub(super) insecure: bool,
    pub(super) has_key_file: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn read_peers(
        &self,
        config: &mut Config,
        link: &Link<'a>,
        has_store: bool,
    ) -> Result<Found, SettingsError> {
        let mut found = Found::default();
        for table in self.top.tables("peers", "[[peers]]", &PEER)? {
            let name = self.peer_name(&table, config)?;
            let mode = table.choice("mode", MODES)?;
            let security = match mode.as_ref().map(|mode| mode.value) {
                None | Some(Mode::Noise) => {
                    self.without(&table, CLASSIC_KEYS, "classic")?;
                    if !has_store && !link.has_key_file {
                        let sentence = format!(
                            "a link with {name} needs a key of {}'s own, and without [store] there is no place for it: name \
                             one with key_file in [link]",
                            config.realm
                        );
                        return Err(table.error(sentence));
                    }
                    self.key(&table, &name)?
                }
                Some(Mode::Plain) => {
                    let at = mode.map_or(0, |mode| mode.offset);
                    self.check_plain(&table, at, link)?;
                    PeerSecurity::Plain
                }
                Some(Mode::Classic) => {
                    self.without(&table, NOISE_KEYS, "noise")?;
                    self.classic_peer(&table, name, config, &mut found)?;
                    continue;
                }
            };
            let peer = self.met(&table, &name, security, config, link)?;
            config.peers.push(match peer.address {
                Some(_) => PeerConfig::new(name.clone()),
                None => PeerConfig::incoming_only(name.clone()),
            });
            found.linked.insert(name, peer);
        }
        Ok(found)
    }

    /// Checks that keys are not there which only another mode has.
    fn without(&self, table: &Table<'a>, keys: [&str; 2], mode: &str) -> Result<(), SettingsError> {
        let present = table.keys().filter(|key| keys.contains(&key.value));
        match present.min_by_key(|key| key.offset) {
            None => Ok(()),
            Some(key) => {
                let sentence = format!("{:?} is for peers of mode {mode:?}", key.value);
                Err(self.document.error(key.offset, sentence))
            }
        }
    }

    fn peer_name(&self, table: &Table<'a>, config: &Config) -> Result<RealmName, SettingsError> {
        let name = table.required_text("name")?;
        let peer = self.parse(name, RealmName::parse)?;
        if peer == config.realm {
            return Err(self.document.error(
                name.offset,
                format!("{:?} cannot be its own peer", name.value),
            ));
        }
        if config.peers.iter().any(|other| other.name == peer) {
            return Err(self.document.error(
                name.offset,
                format!("the peer {:?} is named twice", name.value),
            ));
        }
        Ok(peer)
    }

    fn key(&self, table: &Table<'a>, name: &RealmName) -> Result<PeerSecurity, SettingsError> {
        let (key, file) = (table.text("public_key")?, table.text("public_key_file")?);
        match (key, file) {
            (Some(key), None) => self.parse(key, PublicKey::parse).map(PeerSecurity::Noise),
            (None, Some(file)) if file.value.is_empty() => {
                let sentence = "\"public_key_file\" names a file, such as \"data/realm2.pub\"";
                Err(self.document.error(file.offset, sentence))
            }
            (None, Some(file)) => Ok(PeerSecurity::NoiseFile(file.value.into())),
            (Some(_), Some(file)) => {
                let sentence = "a peer has a \"public_key\" or a \"public_key_file\", not both";
                Err(self.document.error(file.offset, sentence))
            }
            (None, None) => Err(table.error(format!(
                "[[peers]] needs the key \"public_key\": ask whoever runs {name} for what `realmd peer show` prints there"
            ))),
        }
    }

    fn check_plain(
        &self,
        table: &Table<'a>,
        mode_at: usize,
        link: &Link<'a>,
    ) -> Result<(), SettingsError> {
        if !link.insecure {
            let sentence = "mode \"plain\" neither encrypts nor authenticates: it needs insecure = true in [link]";
            return Err(self.document.error(mode_at, sentence));
        }
        self.without(table, NOISE_KEYS, "noise")?;
        self.without(table, CLASSIC_KEYS, "classic")?;
        match (link.address, &link.listen) {
            (Some(text), Some(listen)) => self.loopback(text, listen.address),
            _ => Ok(()),
        }
    }

    /// Whether and where the two realms can meet.
    fn met(
        &self,
        table: &Table<'a>,
        name: &RealmName,
        security: PeerSecurity,
        config: &Config,
        link: &Link<'a>,
    ) -> Result<PeerSettings, SettingsError> {
        let is_plain = security == PeerSecurity::Plain;
        let mut peer = PeerSettings::new(security);
        peer.place = Some(table.place());
        if let Some(text) = table.text("address")? {
            let address = self.address(text)?;
            if is_plain {
                self.loopback(text, address)?;
            }
            return Ok(peer.address(address));
        }
        if link.listen.is_none() {
            let sentence = format!(
                "{name} and {} cannot meet: give this peer an address to call, or [link] one to be called on",
                config.realm
            );
            return Err(table.error(sentence));
        }
        Ok(peer)
    }

    fn classic_peer(
        &self,
        table: &Table<'a>,
        peer: RealmName,
        config: &mut Config,
        found: &mut Found,
    ) -> Result<(), SettingsError> {
        if !table.flag("insecure")?.is_some_and(|flag| flag.value) {
            let sentence = format!(
                "mode \"classic\" proves nothing: anyone who reaches it can write as any user of {peer}, and \
                 messages may be lost; it needs insecure = true here"
            );
            return Err(table.error(sentence));
        }
        let mut settings = ClassicSettings::default();
        if let Some(text) = table.text("address")? {
            settings.address = Some(self.address(text)?);
        }
        if let Some(text) = table.text("listen")? {
            settings.listen = Some(Listen {
                address: self.address(text)?,
                place: Some(self.place(text)),
            });
        }
        config.peers.push(match (settings.address, &settings.listen) {
            (Some(_), _) => PeerConfig::classic(peer.clone()),
            (None, Some(_)) => PeerConfig::classic_incoming_only(peer.clone()),
            (None, None) => {
                let sentence = format!(
                    "{peer} and {} cannot meet: give this neighbour an address to call, or one to listen on for it",
                    config.realm
                );
                return Err(table.error(sentence));
            }
        });
        found.classic.insert(peer, settings);
        Ok(())
    }
}
