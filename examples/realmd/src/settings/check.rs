//! What only several realm files together can get wrong.

use super::{Listen, Place, Settings, SettingsError};

/// Checks that realms of one process do not stand in each other's way.
///
/// # Errors
///
/// Two realms have one name, or want one port.
pub fn check_together(all: &[Settings]) -> Result<(), SettingsError> {
    let mut names: Vec<&Settings> = Vec::new();
    let mut ports: Vec<&Listen> = Vec::new();
    for settings in all {
        let name = &settings.config.realm;
        if let Some(other) = names.iter().find(|other| other.config.realm == *name) {
            let sentence = format!(
                "the realm {:?} is in {} already",
                name.as_str(),
                shown(other.named_at.as_ref())
            );
            return Err(error(settings.named_at.as_ref(), sentence));
        }
        names.push(settings);
        // Without linked peers the link port stays closed.
        let link = settings.link.as_ref().filter(|_| settings.is_linked());
        let neighbours = settings.classic.values();
        let classic = neighbours.filter_map(|neighbour| neighbour.listen.as_ref());
        for listen in std::iter::once(&settings.client).chain(link).chain(classic) {
            if let Some(other) = ports.iter().find(|other| clash(other, listen)) {
                let sentence = format!(
                    "{} is taken by {} already",
                    listen.address,
                    shown(other.place.as_ref())
                );
                return Err(error(listen.place.as_ref(), sentence));
            }
            ports.push(listen);
        }
    }
    Ok(())
}

/// Whether two listeners cannot both have their port. One on all addresses takes it everywhere.
fn clash(one: &Listen, other: &Listen) -> bool {
    let (one, other) = (one.address, other.address);
    let is_everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && (one.ip() == other.ip() || is_everywhere)
}

fn shown(place: Option<&Place>) -> String {
    place.map_or_else(|| "another realm".to_owned(), Place::to_string)
}

fn error(place: Option<&Place>, sentence: String) -> SettingsError {
    let place = place.cloned().unwrap_or_else(|| Place {
        file: "realm".to_owned(),
        line: None,
    });
    SettingsError { place, sentence }
}
