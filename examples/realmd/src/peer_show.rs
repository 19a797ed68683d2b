//! `realmd peer show`: what a friend writes into the own realm file to be linked with this realm.

use crate::cli::{WRONG_INPUT, complain, say};
use crate::keys;
use crate::settings::Settings;
use chatproto::link::key::PublicKey;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Prints the lines. The key is made if there is none yet.
pub(crate) fn run(file: &OsStr) -> ExitCode {
    let settings = match Settings::from_file(file) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(WRONG_INPUT);
        }
    };
    match keys::of(&settings) {
        Ok(Some(key)) => say(&lines(&settings, key.public())),
        Ok(None) => {
            let realm = &settings.config.realm;
            complain(&format!(
                "{}: {realm} has no place for a key: give it a table [store], or a key_file in [link]",
                file.display()
            ));
            ExitCode::from(WRONG_INPUT)
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn lines(settings: &Settings, key: PublicKey) -> String {
    let realm = &settings.config.realm;
    let address = match settings.link.as_ref().map(|link| link.address) {
        Some(address) => reached_at(address),
        None => format!("# {realm} has no [link] address: it calls, and cannot be called.\n"),
    };
    format!(
        "# {realm}, for the realm file of a friend; add the friend's lines to that of {realm} too.\n\
         [[peers]]\nname = \"{realm}\"\n{address}public_key = \"{key}\"\n"
    )
}

/// The line with the address, and what is to be done about it.
fn reached_at(address: SocketAddr) -> String {
    let (ip, port) = (address.ip().to_canonical(), address.port());
    if port == 0 {
        return "# Its [link] address has port 0, another one at each start: give it a port first.\n\
                # address = \"IP:PORT\"\n"
            .to_owned();
    }
    if ip.is_unspecified() {
        return format!(
            "# Put the address under which its machine is reached in place of IP, and take the # away.\n\
             # address = \"IP:{port}\"\n"
        );
    }
    let here = if ip.is_loopback() {
        "# Only this machine reaches that; for others [link] needs another address.\n"
    } else {
        ""
    };
    format!("{here}address = \"{address}\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatproto::link::key::StaticKey;

    #[test]
    fn the_lines_are_a_peer_of_a_realm_file() {
        let key = StaticKey::from_seed([7; 32]).public();
        let table = [
            (
                "",
                "# realm1 has no [link] address: it calls, and cannot be called.\n",
            ),
            (
                "link = { address = \"192.0.2.7:9889\" }\n",
                "address = \"192.0.2.7:9889\"\n",
            ),
            (
                "link = { address = \"127.0.0.1:9889\" }\n",
                "# Only this machine reaches that; for others [link] needs another address.\n\
                 address = \"127.0.0.1:9889\"\n",
            ),
            (
                "link = { address = \"0.0.0.0:9889\" }\n",
                "# Put the address under which its machine is reached in place of IP, and take the # away.\n\
                 # address = \"IP:9889\"\n",
            ),
            (
                "link = { address = \"127.0.0.1:0\" }\n",
                "# Its [link] address has port 0, another one at each start: give it a port first.\n\
                 # address = \"IP:PORT\"\n",
            ),
        ];

        for (link, address) in table {
            let text =
                format!("name = \"realm1\"\nclient = {{ address = \"127.0.0.1:0\" }}\n{link}");
            let shown = lines(&Settings::from_toml(&text).unwrap(), key);

            let expected = format!(
                "# realm1, for the realm file of a friend; add the friend's lines to that of realm1 too.\n\
                 [[peers]]\nname = \"realm1\"\n{address}public_key = \"{key}\"\n"
            );
            assert_eq!(shown, expected);
            let friend = format!(
                "name = \"realm2\"\nclient = {{ address = \"127.0.0.1:0\" }}\n\
                 link = {{ address = \"127.0.0.1:0\", key_file = \"k\" }}\n{shown}"
            );
            let read = Settings::from_toml(&friend).unwrap();
            assert_eq!(read.config.peers[0].name.as_str(), "realm1");
        }
    }
}
