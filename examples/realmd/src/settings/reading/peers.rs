//! The peers of a realm file, each read as its mode wants it.

use super::Reader;
use crate::settings::table::Table;
use crate::settings::{ClassicSettings, Listen, SettingsError};
use chatproto::{Config, PeerConfig, RealmName};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const PEER: [&str; 5] = ["name", "address", "mode", "insecure", "listen"];

/// How a peer is spoken with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Classic,
}

const MODES: [(&str, Mode); 2] = [("plain", Mode::Plain), ("classic", Mode::Classic)];

/// Where peers are found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) linked: BTreeMap<RealmName, SocketAddr>,
    pub(super) classic: BTreeMap<RealmName, ClassicSettings>,
}

impl<'a> Reader<'a> {
    pub(super) fn read_peers(
        &self,
        config: &mut Config,
        link: Option<&Listen>,
        insecure: bool,
    ) -> Result<Found, SettingsError> {
        let mut found = Found::default();
        for table in self.top.tables("peers", "[[peers]]", &PEER)? {
            let peer = self.peer_name(&table, config)?;
            let Some(mode) = table.choice("mode", MODES)? else {
                return Err(table.error("[[peers]] needs a mode: \"plain\" or \"classic\""));
            };
            match mode.value {
                Mode::Plain => {
                    if !insecure {
                        let sentence = "mode \"plain\" neither encrypts nor authenticates: it needs insecure = true in [link]";
                        return Err(self.document.error(mode.offset, sentence));
                    }
                    self.plain_peer(&table, peer, config, link, &mut found)?;
                }
                Mode::Classic => self.classic_peer(&table, peer, config, &mut found)?,
            }
        }
        Ok(found)
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

    fn plain_peer(
        &self,
        table: &Table<'a>,
        peer: RealmName,
        config: &mut Config,
        link: Option<&Listen>,
        found: &mut Found,
    ) -> Result<(), SettingsError> {
        for key in table.keys() {
            if matches!(key.value, "insecure" | "listen") {
                let sentence = format!("{:?} is for peers of mode \"classic\"", key.value);
                return Err(self.document.error(key.offset, sentence));
            }
        }
        let Some(text) = table.text("address")? else {
            if link.is_none() {
                let sentence = format!(
                    "{peer} and {} cannot meet: give this peer an address to call, or [link] one to be called on",
                    config.realm
                );
                return Err(table.error(sentence));
            }
            config.peers.push(PeerConfig::incoming_only(peer));
            return Ok(());
        };
        let address = self.address(text)?;
        self.loopback(text, address)?;
        config.peers.push(PeerConfig::new(peer.clone()));
        found.linked.insert(peer, address);
        Ok(())
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
