//! `realmd hash-password`: a password in, what to write into a realm file out.

use crate::cli::{WRONG_INPUT, complain, say};
use crate::settings::{PASSWORD_RULE, is_password};
use chatproto::{Argon2Cost, PasswordHash, Secret};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// The longest line that is taken for a password.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The exit code after Ctrl-C, as shells give it.
const INTERRUPTED: i32 = 130;

/// Reads a password, twice from a terminal and once from a pipe, and prints its hash.
pub(crate) fn run(cost: Argon2Cost) -> ExitCode {
    let read = if io::stdin().is_terminal() {
        ask_twice()
    } else {
        line()
    };
    let password = match read {
        Ok(password) => password,
        Err(sentence) => return wrong(&sentence),
    };
    if !is_password(&password) {
        return wrong(PASSWORD_RULE);
    }
    let mut salt = [0; 16];
    if let Err(error) = getrandom::fill(&mut salt) {
        return failed(&format!("the system gives no random bytes: {error}"));
    }
    match PasswordHash::of(&Secret::new(password.as_str()), cost, salt) {
        Ok(hash) => say(&format!("{}\n", hash.as_str())),
        Err(error) => failed(&error.to_string()),
    }
}

fn wrong(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::from(WRONG_INPUT)
}

fn failed(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::FAILURE
}

fn ask_twice() -> Result<Zeroizing<String>, String> {
    let quiet = Quiet::start().map_err(|error| format!("the terminal cannot be used: {error}"))?;
    let first = ask("Password: ")?;
    if !is_password(&first) {
        return Err(PASSWORD_RULE.to_owned());
    }
    let second = ask("The same again: ")?;
    drop(quiet);
    if *first != *second {
        return Err("these were two different passwords; nothing was hashed".to_owned());
    }
    Ok(first)
}

/// Asks on standard error, so that standard output has nothing but the hash.
fn ask(question: &str) -> Result<Zeroizing<String>, String> {
    let mut screen = io::stderr();
    let _ = screen.write_all(question.as_bytes());
    let line = line();
    // The person's own Enter was not shown.
    let _ = screen.write_all(b"\n");
    line
}

/// One line of standard input without its end.
fn line() -> Result<Zeroizing<String>, String> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin()
        .lock()
        .take(LINE_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|error| format!("no password can be read: {error}"))?;
    if read == 0 {
        return Err("no password came".to_owned());
    }
    let bytes = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(bytes);
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped or a signal comes.
struct Quiet(Termios);

impl Quiet {
    fn start() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        let given_back = Self(before.clone());
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        std::thread::Builder::new().spawn(move || {
            if signals.forever().next().is_some() {
                drop(given_back);
                let _ = io::stderr().write_all(b"\n");
                std::process::exit(INTERRUPTED);
            }
        })?;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
