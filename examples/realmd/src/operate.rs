//! What operators do with a realm: back its data up, look into them, make them smaller; see to its
//! peers.
//!
//! A realm that runs is asked over a control socket beside its data, `realm1.sock`, which only its
//! owner may use; the data of one that does not run are opened here.

mod client;
mod control;
mod desk;
mod direct;
mod figures;
mod job;
mod peers;
mod protocol;
mod report;
mod socket;
mod table;

pub(crate) use desk::{Asker, Desk, PeerOrder, Question};

use crate::Settings;
use crate::cli::{WRONG_INPUT, complain, say};
use crate::escape::Escaped;
use crate::settings::StoreSettings;
use chatproto::RealmName;
use client::Attempt;
use protocol::{Answer, Request};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

/// What the command line may ask for; the first word of it.
pub(crate) const WORDS: [&str; 6] = ["backup", "compact", "inspect", "peer", "peers", "reload"];

pub(crate) const JSON_RULE: &str = "--json is for realmd inspect and realmd peers alone";
pub(crate) const BOUNCE_RULE: &str =
    "--bounce is for realmd peer remove, and for starting realms, alone";
const PEER_RULE: &str = "realmd peer takes show and a realm file; or retry, pause, resume or remove, a realm file and a peer";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The realm file.
    file: OsString,
    request: Request,
    /// For programs rather than people.
    json: bool,
}

impl Order {
    /// Reads a command line that begins with one of [`WORDS`].
    pub(crate) fn parse(words: Vec<OsString>, json: bool, bounce: bool) -> Result<Self, String> {
        let mut words = words.into_iter();
        let command = words.next().unwrap_or_default();
        let command = command.to_str().unwrap_or_default();
        if json && !matches!(command, "inspect" | "peers") {
            return Err(JSON_RULE.to_owned());
        }
        if bounce && command != "peer" {
            return Err(BOUNCE_RULE.to_owned());
        }
        let words: Vec<OsString> = words.collect();
        let (file, request) = match (command, words.as_slice()) {
            ("backup", [file, destination]) => {
                let destination = self::destination(destination.clone())?;
                (file, Request::Backup(destination))
            }
            ("backup", _) => {
                return Err(
                    "realmd backup takes a realm file and the file that is to be the backup"
                        .to_owned(),
                );
            }
            ("inspect", [file]) => (file, Request::Inspect),
            ("compact", [file]) => (file, Request::Compact),
            ("peers", [file]) => (file, Request::Peers),
            ("reload", [file]) => (file, Request::Reload),
            ("peer", [order, file, peer]) => (file, self::peer(order, peer, bounce)?),
            ("peer", _) => return Err(PEER_RULE.to_owned()),
            (word, _) => return Err(format!("realmd {word} takes one realm file")),
        };
        Ok(Self {
            file: file.clone(),
            request,
            json,
        })
    }
}

fn peer(order: &OsStr, peer: &OsStr, is_bouncing: bool) -> Result<Request, String> {
    let order = match order.to_str() {
        Some("remove") => PeerOrder::Remove { is_bouncing },
        _ if is_bouncing => return Err(BOUNCE_RULE.to_owned()),
        Some("retry") => PeerOrder::Retry,
        Some("pause") => PeerOrder::Pause,
        Some("resume") => PeerOrder::Resume,
        _ => return Err(PEER_RULE.to_owned()),
    };
    let name = RealmName::parse(peer.to_str().unwrap_or_default());
    let name = name.map_err(|error| error.to_string())?;
    Ok(Request::Peer(order, name))
}

/// The realm may run in another folder, so that only a path from the root means the same there.
fn destination(written: OsString) -> Result<PathBuf, String> {
    let is_line = written
        .to_str()
        .is_some_and(|text| !text.contains(['\n', '\r']));
    if !is_line {
        return Err("the backup's path must be one line of UTF-8: name another one".to_owned());
    }
    std::path::absolute(written).map_err(|error| format!("the backup cannot be there: {error}"))
}

/// Carries out what the command line asks for.
pub(crate) fn run(order: &Order) -> ExitCode {
    let settings = match Settings::from_file(&order.file) {
        Ok(settings) => settings,
        Err(error) => return wrong(&error.to_string()),
    };
    let Some(store) = &settings.store else {
        let (file, realm) = (order.file.display(), &settings.config.realm);
        return wrong(&format!(
            "{file}: without a table [store] {realm} keeps nothing, and there is no control socket: there is nothing \
             to {}{}",
            order.request.word(),
            match order.request {
                Request::Reload => ", send its process a SIGHUP",
                _ => "",
            }
        ));
    };
    match answer(&settings, store, &order.request) {
        Answer::Failed { sentence } => {
            complain(&sentence);
            ExitCode::FAILURE
        }
        answer => say(&shown(&settings, &answer, order.json)),
    }
}

fn answer(settings: &Settings, store: &StoreSettings, request: &Request) -> Answer {
    let realm = &settings.config.realm;
    let socket = socket::beside(&store.file(realm));
    match client::ask(realm, &socket, request) {
        Attempt::Answered(answer) => answer,
        Attempt::NobodyThere(why) => direct::carry_out(settings, store, request, &why),
    }
}

fn shown(settings: &Settings, answer: &Answer, json: bool) -> String {
    let realm = &settings.config.realm;
    match answer {
        Answer::Inspected(report) if json => pretty(report),
        Answer::Inspected(report) => report.to_string(),
        Answer::Peers(report) if json => pretty(report),
        Answer::Peers(report) => report.to_string(),
        Answer::Done { sentences } => {
            let lines = sentences.iter().map(|it| Escaped(it).to_string() + "\n");
            lines.collect()
        }
        Answer::BackedUp { file, bytes, ms } => format!(
            "{realm} is copied to {}: {} in {}\n",
            Escaped(file),
            figures::bytes(*bytes),
            figures::duration(*ms)
        ),
        Answer::Compacted {
            file,
            bytes_before,
            bytes_after,
            ms,
        } => format!(
            "{} took {} and takes {} now; that took {}\n",
            Escaped(file),
            figures::bytes(*bytes_before),
            figures::bytes(*bytes_after),
            figures::duration(*ms)
        ),
        Answer::Working { .. } | Answer::Failed { .. } => String::new(),
    }
}

fn pretty(report: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

fn wrong(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::from(WRONG_INPUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str], json: bool) -> Result<Order, String> {
        Order::parse(words.iter().map(OsString::from).collect(), json, false)
    }

    #[test]
    fn a_destination_is_the_same_path_in_every_folder() {
        let here = std::env::current_dir().unwrap();

        let order = parsed(&["backup", "a.toml", "b.db"], false).unwrap();

        assert_eq!(order.request, Request::Backup(here.join("b.db")));
        assert_eq!(order.file, "a.toml");
    }

    #[test]
    fn a_wrong_command_is_told_in_a_sentence() {
        let backup = "realmd backup takes a realm file and the file that is to be the backup";
        let table: [(&[&str], bool, &str); 8] = [
            (&["backup"], false, backup),
            (&["backup", "a.toml"], false, backup),
            (&["backup", "a.toml", "b", "c"], false, backup),
            (
                &["backup", "a.toml", "b\nc"],
                false,
                "the backup's path must be one line of UTF-8: name another one",
            ),
            (&["inspect"], false, "realmd inspect takes one realm file"),
            (
                &["compact", "a.toml", "b"],
                false,
                "realmd compact takes one realm file",
            ),
            (&["compact", "a.toml"], true, JSON_RULE),
            (&["backup", "a.toml", "b"], true, JSON_RULE),
        ];

        for (words, json, sentence) in table {
            assert_eq!(parsed(words, json), Err(sentence.to_owned()), "{words:?}");
        }
    }
}
