//! What the key files of a realm file may get wrong.

use super::{PeerSecurity, Place, Settings, SettingsError};
use crate::keys;
use chatproto::link::key::PublicKey;
use std::collections::BTreeMap;

/// Checks that every key can be read, and is one realm's.
pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let error = |place: Option<&Place>, sentence: String| {
        let place = place.or(settings.named_at.as_ref()).cloned();
        let place = place.unwrap_or_else(|| Place {
            file: settings.config.realm.to_string(),
            line: None,
        });
        SettingsError { place, sentence }
    };
    let own = keys::look(settings).map_err(|wrong| error(None, wrong.to_string()))?;
    let mut seen: BTreeMap<PublicKey, String> = BTreeMap::new();
    if let Some(own) = own {
        seen.insert(own.public(), format!("{} itself", settings.config.realm));
    }
    for (name, peer) in &settings.peers {
        let key = match &peer.security {
            PeerSecurity::Noise(key) => Some(*key),
            PeerSecurity::NoiseFile(file) => keys::read_public(file)
                .map_err(|wrong| error(peer.place.as_ref(), wrong.to_string()))?,
            PeerSecurity::Plain => None,
        };
        let Some(key) = key else { continue };
        if let Some(other) = seen.insert(key, format!("the peer {name}")) {
            let sentence = format!(
                "the peer {name} has the public key of {other}: each realm has its own, put that of {name} here"
            );
            return Err(error(peer.place.as_ref(), sentence));
        }
    }
    Ok(())
}
