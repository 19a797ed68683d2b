//! The command line.

use crate::settings::COST;
use crate::{hash_password, keygen, operate, peer_show, run};
use chatproto::Argon2Cost;
use lexopt::prelude::{Long, Short, Value};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The exit code for a wrong command line or realm file.
pub(crate) const WRONG_INPUT: u8 = 2;
/// Where `realmd chat` finds a realm unless told otherwise.
const CHAT_ADDRESS: &str = "127.0.0.1:8889";
const OPTIONS: [&str; 8] = [
    "bounce",
    "check",
    "help",
    "json",
    "lanes",
    "memory-kib",
    "passes",
    "version",
];
const HELP: &str = "\
realmd runs chat realms, each described by a file.

Usage: realmd [--check] [--bounce] FILE...
       realmd chat [HOST:PORT]
       realmd hash-password [--memory-kib N] [--passes N] [--lanes N]
       realmd inspect FILE [--json]
       realmd backup FILE BACKUP
       realmd compact FILE
       realmd peers FILE [--json]
       realmd peer show FILE
       realmd peer retry|pause|resume FILE PEER
       realmd peer remove FILE PEER [--bounce]
       realmd reload FILE
       realmd keygen KEY

  --check        read the files, say what each would run, and open no port
  --bounce       let messages bounce that wait for a peer which is one no more
  -h, --help     print this
  -V, --version  print the version

realmd chat talks to a realm, by default the one at 127.0.0.1:8889.
realmd hash-password asks for a password, or reads one line from a pipe, and
prints what a user's password_hash in a realm file may be.
realmd inspect tells how many messages wait for whom, and how big the data are.
realmd backup copies the data to a new file, from which the realm could start.
realmd compact gives back the room of what was deleted; commits wait meanwhile.
These three work while the realm runs, for the user that runs it, and without it.
realmd peers tells how it stands with the realms that a realm is linked with.
realmd peer show prints what a friend writes into the own realm file.
realmd peer retry calls a peer now; pause ends the link until resume; remove
forgets a peer that is not in the realm file any more.
realmd reload has a running realm read its file anew, as SIGHUP has all realms of
a process: peers change, clients notice nothing.
realmd keygen makes a key file and prints the public key; a realm makes its own.
The log goes to standard error; RUST_LOG=warn makes it quieter.
Ctrl-C ends the realms cleanly, a second one at once.

To begin with: realmd examples/realm1.toml examples/realm2.toml
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Run {
        files: Vec<OsString>,
        check: bool,
        bounce: bool,
    },
    Chat {
        address: String,
    },
    HashPassword {
        cost: Argon2Cost,
    },
    Operate(operate::Order),
    PeerShow {
        file: OsString,
    },
    Keygen {
        file: OsString,
    },
    Help,
    Version,
}

/// Does what the command line asks for: the whole program.
#[must_use]
pub fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()) {
        Ok(Command::Run {
            files, check: true, ..
        }) => run::check(&files),
        Ok(Command::Run { files, bounce, .. }) => run::run(&files, bounce),
        Ok(Command::Chat { address }) => crate::chat::run(&address),
        Ok(Command::HashPassword { cost }) => hash_password::run(cost),
        Ok(Command::Operate(order)) => operate::run(&order),
        Ok(Command::PeerShow { file }) => peer_show::run(&file),
        Ok(Command::Keygen { file }) => keygen::run(&file),
        Ok(Command::Help) => say(HELP),
        Ok(Command::Version) => say(&format!("realmd {}\n", env!("CARGO_PKG_VERSION"))),
        Err(sentence) => {
            complain(&format!("{sentence}; realmd --help shows what there is"));
            ExitCode::from(WRONG_INPUT)
        }
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Command, String> {
    let mut written = Written::default();
    while let Some(argument) = arguments.next().map_err(|error| error.to_string())? {
        match argument {
            Long("check") => written.check = true,
            Long("bounce") => written.bounce = true,
            Long("json") => written.json = true,
            Long("memory-kib") => written.cost[0] = Some(number(&mut arguments)?),
            Long("passes") => written.cost[1] = Some(number(&mut arguments)?),
            Long("lanes") => written.cost[2] = Some(number(&mut arguments)?),
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("version") | Short('V') => return Ok(Command::Version),
            Long(other) => return Err(format!("there is no option --{other}{}", hint(other))),
            Short(other) => return Err(format!("there is no option -{other}")),
            Value(word) => written.words.push(word),
        }
    }
    let first = written.words.first().and_then(|word| word.to_str());
    let second = written.words.get(1).and_then(|word| word.to_str());
    match first {
        Some("peer") if second == Some("show") => written.peer_show(),
        Some(word) if operate::WORDS.contains(&word) => written.operate(),
        _ if written.json => Err(operate::JSON_RULE.to_owned()),
        Some("chat" | "hash-password" | "keygen") if written.bounce => {
            Err(operate::BOUNCE_RULE.to_owned())
        }
        Some("keygen") => written.keygen(),
        Some("chat") => written.chat(),
        Some("hash-password") => written.hash_password(),
        _ => written.run(),
    }
}

/// A command line in pieces.
#[derive(Default)]
struct Written {
    words: Vec<OsString>,
    check: bool,
    bounce: bool,
    json: bool,
    /// Memory in KiB, passes, lanes.
    cost: [Option<u32>; 3],
}

impl Written {
    fn run(self) -> Result<Command, String> {
        self.without_cost()?;
        if self.words.is_empty() {
            return Err("name at least one realm file, such as examples/realm1.toml".to_owned());
        }
        Ok(Command::Run {
            files: self.words,
            check: self.check,
            bounce: self.bounce,
        })
    }

    fn chat(self) -> Result<Command, String> {
        self.without_cost()?;
        if self.check || self.words.len() > 2 {
            return Err("realmd chat takes nothing but one HOST:PORT".to_owned());
        }
        let address = match self.words.into_iter().nth(1) {
            Some(word) => word
                .into_string()
                .map_err(|_| "HOST:PORT must be UTF-8".to_owned())?,
            None => CHAT_ADDRESS.to_owned(),
        };
        Ok(Command::Chat { address })
    }

    /// A password on the command line could be read by everybody on the machine.
    fn hash_password(self) -> Result<Command, String> {
        if self.check || self.words.len() > 1 {
            return Err(
                "realmd hash-password takes no word: it asks for the password, or reads it from a pipe"
                    .to_owned(),
            );
        }
        let [memory_kib, passes, lanes] = self.cost;
        let [own_memory_kib, own_passes, own_lanes] = COST;
        let cost = Argon2Cost::new(
            memory_kib.unwrap_or(own_memory_kib),
            passes.unwrap_or(own_passes),
            lanes.unwrap_or(own_lanes),
        );
        cost.map(|cost| Command::HashPassword { cost })
            .map_err(|error| error.to_string())
    }

    fn operate(self) -> Result<Command, String> {
        self.without_cost()?;
        if self.check {
            return Err("--check is for running realms alone".to_owned());
        }
        operate::Order::parse(self.words, self.json, self.bounce).map(Command::Operate)
    }

    fn peer_show(self) -> Result<Command, String> {
        self.without_cost()?;
        match <[OsString; 3]>::try_from(self.words) {
            Ok([_, _, file]) if !self.check && !self.json && !self.bounce => {
                Ok(Command::PeerShow { file })
            }
            _ => Err("realmd peer show takes one realm file".to_owned()),
        }
    }

    fn keygen(self) -> Result<Command, String> {
        self.without_cost()?;
        match <[OsString; 2]>::try_from(self.words) {
            Ok([_, file]) if !self.check => Ok(Command::Keygen { file }),
            _ => Err("realmd keygen takes one file, which must not be there yet".to_owned()),
        }
    }

    fn without_cost(&self) -> Result<(), String> {
        if self.cost.iter().all(Option::is_none) {
            return Ok(());
        }
        Err("--memory-kib, --passes and --lanes are for realmd hash-password alone".to_owned())
    }
}

fn number(arguments: &mut lexopt::Parser) -> Result<u32, String> {
    let value = arguments.value().map_err(|error| error.to_string())?;
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("\"{}\" is no whole number", value.display()))
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
                check: false,
                bounce: false
            })
        );
        assert_eq!(
            parsed(&["a", "--check"]),
            Ok(Command::Run {
                files: files(&["a"]),
                check: true,
                bounce: false
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
                check: false,
                bounce: false
            })
        );
        assert_eq!(parsed(&["-h", "--nonsense"]), Ok(Command::Help));
        assert_eq!(parsed(&["-V"]), Ok(Command::Version));
    }

    #[test]
    fn a_hash_costs_what_is_said() {
        let cost = |memory_kib, passes, lanes| {
            Ok(Command::HashPassword {
                cost: Argon2Cost::new(memory_kib, passes, lanes).unwrap(),
            })
        };

        assert_eq!(parsed(&["hash-password"]), cost(19_456, 2, 1));
        assert_eq!(
            parsed(&["hash-password", "--passes=3", "--memory-kib", "64"]),
            cost(64, 3, 1)
        );
        assert_eq!(COST.map(Some), [Some(19_456), Some(2), Some(1)]);
        assert_eq!(
            Argon2Cost::default(),
            Argon2Cost::new(19_456, 2, 1).unwrap()
        );
    }

    #[test]
    fn a_wrong_command_line_is_told_in_a_sentence() {
        let table: [(&[&str], &str); 12] = [
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
            (
                &["hash-password", "surabaya"],
                "realmd hash-password takes no word: it asks for the password, or reads it from a pipe",
            ),
            (
                &["hash-password", "--lanes", "9", "--memory-kib", "8"],
                "Argon2 takes 1 to 64 lanes, 1 to 100 passes, and from 8 KiB of memory a lane to 1 GiB in all",
            ),
            (&["inspect"], "realmd inspect takes one realm file"),
            (
                &["backup", "--check", "a", "b"],
                "--check is for running realms alone",
            ),
            (&["a", "--json"], operate::JSON_RULE),
            (
                &["hash-password", "--passes", "x"],
                "\"x\" is no whole number",
            ),
            (
                &["a", "--passes", "3"],
                "--memory-kib, --passes and --lanes are for realmd hash-password alone",
            ),
        ];

        for (words, sentence) in table {
            assert_eq!(parsed(words), Err(sentence.to_owned()));
        }
    }
}
