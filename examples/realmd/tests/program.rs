//! The program itself: its command line, its log, its signals.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod common;

use common::{Client, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

const REALMD: &str = env!("CARGO_BIN_EXE_realmd");
const REALM: &str = "name = \"realm1\"
log = \"wire\"
[client]
address = \"127.0.0.1:0\"
[[users]]
name = \"messi\"
display_name = \"Lionel Messi\"
password = \"surabaya\"
";

/// A folder with one realm file.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("realm.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn output(arguments: &[&str]) -> Output {
    Command::new(REALMD).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running realmd; ended when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Running {
    fn start(realm: &str) -> Self {
        let (folder, path) = file(realm);
        let mut child = Command::new(REALMD)
            .arg(path)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .strip_prefix("realm1 is ready at ")
            .unwrap()
            .trim_end()
            .parse()
            .unwrap();
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn status(&mut self) -> ExitStatus {
        eventually("the program ends", || self.child.try_wait().unwrap())
    }

    /// Ends the program and returns what it logged.
    fn log(mut self) -> String {
        self.signal(Signal::TERM);
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn check_says_what_would_run_and_opens_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, path) = file(&REALM.replace("127.0.0.1:0", &address));
    let path = path.to_str().unwrap();

    let checked = output(&["--check", path]);

    let expected = format!(
        "{path}: realm1 with clients at {address}; users: messi; linked with: no realm, so without a link port\n"
    );
    assert_eq!(text(&checked.stdout), expected);
    assert_eq!(
        (text(&checked.stderr), checked.status.code()),
        (String::new(), Some(0))
    );
}

#[test]
fn check_shows_peers_too() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

    let checked = Command::new(REALMD)
        .current_dir(folder)
        .args(["--check", "realm1.toml", "realm2.toml"])
        .output()
        .unwrap();

    assert_eq!(
        text(&checked.stdout),
        "realm1.toml: realm1 with clients at 127.0.0.1:8889, links at 127.0.0.1:9889; users: messi, henderson, \
         lineker; linked with: realm2 (called at 127.0.0.1:9899)\n\
         realm2.toml: realm2 with clients at 127.0.0.1:8899, links at 127.0.0.1:9899; users: amsal, herbert, \
         napitupulu; linked with: realm1 (called at 127.0.0.1:9889)\n"
    );
    assert_eq!(checked.status.code(), Some(0));
}

#[test]
fn a_wrong_file_is_one_sentence_and_code_2() {
    let (_folder, path) = file("name = \"realm1\"\n[client]\nadress = \"127.0.0.1:0\"\n");
    let path = path.to_str().unwrap();

    for arguments in [&[path][..], &["--check", path]] {
        let wrong = output(arguments);

        let expected = format!(
            "realmd: {path}:3: unknown key \"adress\" in [client]; did you mean \"address\"?\n"
        );
        assert_eq!(text(&wrong.stderr), expected);
        assert_eq!(
            (text(&wrong.stdout), wrong.status.code()),
            (String::new(), Some(2))
        );
    }
}

#[test]
fn a_wrong_command_line_is_one_sentence_and_code_2() {
    let wrong = output(&["--chek", "x"]);

    assert_eq!(
        text(&wrong.stderr),
        "realmd: there is no option --chek, did you mean --check?; realmd --help shows what there is\n"
    );
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = output(&["--help"]);
    let version = output(&["--version"]);

    assert!(text(&help.stdout).contains("Usage: realmd [--check] FILE..."));
    assert_eq!(
        text(&version.stdout),
        concat!("realmd ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert_eq!(
        (help.status.code(), version.status.code()),
        (Some(0), Some(0))
    );
}

#[test]
fn a_taken_port_is_one_sentence_with_its_line_and_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, path) = file(&REALM.replace("127.0.0.1:0", &address));

    let refused = output(&[path.to_str().unwrap()]);

    let expected = format!(
        "realmd: {}:4: cannot listen on {address}: the port is taken; stop the program that has it, or write \
         another port here\n",
        path.display()
    );
    assert_eq!(text(&refused.stderr), expected);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn sigterm_and_ctrl_c_end_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut running = Running::start(REALM);
        let mut client = Client::connect(running.address);
        client.ask("auth nobody x\r\n");

        running.signal(signal);

        client.ends();
        assert_eq!(running.status().code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut running = Running::start(&format!("{REALM}[limits]\nclose_ms_max = 60_000\n"));
    let mut client = Client::connect(running.address);
    // Answers that nobody reads keep the goodbye waiting.
    client
        .stream
        .set_write_timeout(Some(std::time::Duration::from_millis(500)))
        .unwrap();
    while client
        .stream
        .write_all("inbox nothing\r\n".repeat(10_000).as_bytes())
        .is_ok()
    {}

    let status = eventually("the program ends", || {
        running.signal(Signal::TERM);
        running.child.try_wait().unwrap()
    });

    assert_eq!(status.code(), Some(130));
}

#[test]
fn the_log_shows_what_happens_and_no_secret() {
    let running = Running::start(REALM);
    let (mut messi, token) = Client::login(running.address, "messi", "surabaya");
    messi.ask(&format!("send {token} messi catatan\r\n"));
    messi.ask(&format!("inbox {token}\r\n"));
    messi.ask(&format!("activeuser {token}\r\n"));
    messi.ask("auth messi rahasia\r\n");
    messi.ask(&format!(
        "send {token} messi \u{1b}[31mmerah\u{202e}\nINFO palsu\r\n"
    ));
    messi.ask("aut messi surabaya\r\n");
    messi.ask(&format!("logout {token}\r\n"));
    let from = messi.stream.local_addr().unwrap();

    let log = running.log();

    for line in [
        format!("realm1 [0]: connection from ('127.0.0.1', {})", from.port()),
        "realm1 [0]: data dari client: auth messi ***".to_owned(),
        "realm1 [0]: balas ke  client: {\"status\": \"OK\", \"tokenid\": \"***\"}".to_owned(),
        "AUTH: auth messi ***".to_owned(),
        "send message from messi to messi".to_owned(),
        "INBOX: messi, messages: 1".to_owned(),
        "ACTIVE USER: messi".to_owned(),
        "Logout: messi".to_owned(),
        "data dari client: send *** messi \\u{1b}[31mmerah\\u{202e}\\nINFO palsu".to_owned(),
        // A mistyped command may have a password anywhere.
        "data dari client: ***\n".to_owned(),
    ] {
        assert!(log.contains(&line), "{line:?} is missing in {log}");
    }
    for secret in ["surabaya", "rahasia", &token] {
        assert!(!log.contains(secret), "{secret:?} is in {log}");
    }
    assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'));
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_realm() {
    let mut running = Running::start(REALM);
    let mut client = Client::connect(running.address);

    // Some megabytes of log, while the pipe it goes to holds 64 KiB.
    for _ in 0..20_000 {
        client.ask("auth nobody x\r\n");
    }

    running.signal(Signal::TERM);
    assert_eq!(running.status().code(), Some(0));
}
