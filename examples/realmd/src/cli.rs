//! The command line.

use crate::run;
use lexopt::prelude::{Long, Short, Value};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The exit code for a wrong command line or realm file.
pub(crate) const WRONG_INPUT: u8 = 2;
/// Where `realmd chat` finds a realm unless told otherwise.
const CHAT_ADDRESS: &str = "127.0.0.1:8889";
const OPTIONS: [&str; 3] = ["check", "help", "version"];
const HELP: &str = "\
realmd runs chat realms, each described by a file.

Usage: realmd [--check] FILE...
       realmd chat [HOST:PORT]

  --check        read the files, say what each would run, and open no port
  -h, --help     print this
  -V, --version  print the version

realmd chat talks to a realm, by default the one at 127.0.0.1:8889.
The log goes to standard error; RUST_LOG=warn makes it quieter.
Ctrl-C ends the realms cleanly, a second one at once.

To begin with: realmd examples/realm1.toml examples/realm2.toml
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Run { files: Vec<OsString>, check: bool },
    Chat { address: String },
    Help,
    Version,
}

/// Does what the command line asks for: the whole program.
#[must_use]
pub fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()) {
        Ok(Command::Run { files, check: true }) => run::check(&files),
        Ok(Command::Run {
            files,
            check: false,
        }) => run::run(&files),
        Ok(Command::Chat { address }) => crate::chat::run(&address),
        Ok(Command::Help) => say(HELP),
        Ok(Command::Version) => say(&format!("realmd {}\n", env!("CARGO_PKG_VERSION"))),
        Err(sentence) => {
            complain(&format!("{sentence}; realmd --help shows what there is"));
            ExitCode::from(WRONG_INPUT)
        }
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Command, String> {
    let (mut words, mut check) = (Vec::new(), false);
    while let Some(argument) = arguments.next().map_err(|error| error.to_string())? {
        match argument {
            Long("check") => check = true,
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("version") | Short('V') => return Ok(Command::Version),
            Long(other) => return Err(format!("there is no option --{other}{}", hint(other))),
            Short(other) => return Err(format!("there is no option -{other}")),
            Value(word) => words.push(word),
        }
    }
    if words.first().is_some_and(|word| word == "chat") {
        return chat(words, check);
    }
    if words.is_empty() {
        return Err("name at least one realm file, such as examples/realm1.toml".to_owned());
    }
    Ok(Command::Run {
        files: words,
        check,
    })
}

fn chat(words: Vec<OsString>, check: bool) -> Result<Command, String> {
    if check || words.len() > 2 {
        return Err("realmd chat takes nothing but one HOST:PORT".to_owned());
    }
    let address = match words.into_iter().nth(1) {
        Some(word) => word
            .into_string()
            .map_err(|_| "HOST:PORT must be UTF-8".to_owned())?,
        None => CHAT_ADDRESS.to_owned(),
    };
    Ok(Command::Chat { address })
}

fn hint(written: &str) -> String {
    let alike = OPTIONS.map(|word| (strsim::jaro_winkler(written, word), word));
    match alike.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, word)) if likeness > 0.7 => format!(", did you mean --{word}?"),
        _ => String::new(),
    }
}

/// Writes to standard output; a reader that has left is no error.
pub(crate) fn say(text: &str) -> ExitCode {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Writes one sentence to standard error.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "realmd: {sentence}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn the_command_line_is_understood() {
        let files = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>();

        assert_eq!(
            parsed(&["a", "b"]),
            Ok(Command::Run {
                files: files(&["a", "b"]),
                check: false
            })
        );
        assert_eq!(
            parsed(&["a", "--check"]),
            Ok(Command::Run {
                files: files(&["a"]),
                check: true
            })
        );
        assert_eq!(
            parsed(&["chat"]),
            Ok(Command::Chat {
                address: "127.0.0.1:8889".into()
            })
        );
        assert_eq!(
            parsed(&["chat", "h:1"]),
            Ok(Command::Chat {
                address: "h:1".into()
            })
        );
        assert_eq!(
            parsed(&["./chat"]),
            Ok(Command::Run {
                files: files(&["./chat"]),
                check: false
            })
        );
        assert_eq!(parsed(&["-h", "--nonsense"]), Ok(Command::Help));
        assert_eq!(parsed(&["-V"]), Ok(Command::Version));
    }

    #[test]
    fn a_wrong_command_line_is_told_in_a_sentence() {
        let table: [(&[&str], &str); 5] = [
            (
                &[],
                "name at least one realm file, such as examples/realm1.toml",
            ),
            (
                &["--chekc", "a"],
                "there is no option --chekc, did you mean --check?",
            ),
            (&["--qqq"], "there is no option --qqq"),
            (&["-x"], "there is no option -x"),
            (
                &["chat", "a", "b"],
                "realmd chat takes nothing but one HOST:PORT",
            ),
        ];

        for (words, sentence) in table {
            assert_eq!(parsed(words), Err(sentence.to_owned()));
        }
    }
}
