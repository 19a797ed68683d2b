//! What operators do with a realm's data: back them up, look into them, make them smaller.
//!
//! A realm that runs is asked over a control socket beside its data, `realm1.sock`, which only its
//! owner may use; the data of one that does not run are opened here.

mod client;
mod control;
mod desk;
mod direct;
mod figures;
mod job;
mod protocol;
mod report;
mod socket;
mod table;

pub(crate) use desk::Desk;

use crate::Settings;
use crate::cli::{WRONG_INPUT, complain, say};
use crate::escape::Escaped;
use crate::settings::StoreSettings;
use client::Attempt;
use protocol::{Answer, Request};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the command line may ask for; the first word of it.
pub(crate) const WORDS: [&str; 3] = ["backup", "compact", "inspect"];

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
    pub(crate) fn parse(words: Vec<OsString>, json: bool) -> Result<Self, String> {
        let mut words = words.into_iter();
        let command = words.next().unwrap_or_default();
        let (file, second, more) = (words.next(), words.next(), words.next());
        if json && command != "inspect" {
            return Err("--json is for realmd inspect alone".to_owned());
        }
        let (file, request) = match (command.to_str(), file, second, more) {
            (Some("backup"), Some(file), Some(destination), None) => {
                (file, Request::Backup(self::destination(destination)?))
            }
            (Some("backup"), ..) => {
                return Err(
                    "realmd backup takes a realm file and the file that is to be the backup"
                        .to_owned(),
                );
            }
            (Some("inspect"), Some(file), None, None) => (file, Request::Inspect),
            (Some("compact"), Some(file), None, None) => (file, Request::Compact),
            (word, ..) => {
                let word = word.unwrap_or_default();
                return Err(format!("realmd {word} takes one realm file"));
            }
        };
        Ok(Self {
            file,
            request,
            json,
        })
    }
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
            "{file}: without a table [store] {realm} keeps nothing: there is nothing to {}",
            order.request.word()
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
        Answer::Inspected(report) if json => {
            let text = serde_json::to_string_pretty(report).unwrap_or_default();
            text + "\n"
        }
        Answer::Inspected(report) => report.to_string(),
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

fn wrong(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::from(WRONG_INPUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str], json: bool) -> Result<Order, String> {
        Order::parse(words.iter().map(OsString::from).collect(), json)
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
            (
                &["compact", "a.toml"],
                true,
                "--json is for realmd inspect alone",
            ),
            (
                &["backup", "a.toml", "b"],
                true,
                "--json is for realmd inspect alone",
            ),
        ];

        for (words, json, sentence) in table {
            assert_eq!(parsed(words, json), Err(sentence.to_owned()), "{words:?}");
        }
    }
}
