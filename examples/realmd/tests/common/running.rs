//! The real program, in a folder of its own.

use super::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const REALMD: &str = env!("CARGO_BIN_EXE_realmd");

/// A folder with realm files, and with the data of realms that ran there.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// A folder with `realm.toml`.
    pub(crate) fn new(realm: &str) -> Self {
        let home = Self {
            folder: TempDir::new().unwrap(),
        };
        home.write("realm.toml", realm);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Leaves the folder where it is, for people to look into.
    pub(crate) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// Starts `realm.toml`.
    pub(crate) fn start(&self) -> Running {
        Running::start(Command::new(REALMD).arg(self.path("realm.toml")))
    }

    /// Starts it, and kills it while it still starts, or soon after.
    pub(crate) fn start_and_kill_after(&self, time: Duration) {
        let mut child = Command::new(REALMD)
            .arg(self.path("realm.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(time);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it, though it will end by itself.
    pub(crate) fn refused(&self, file: &str) -> String {
        let output = Command::new(REALMD)
            .arg(self.path(file))
            .env("RUST_LOG", "off")
            .output()
            .unwrap();
        failure(&output)
    }
}

/// The one sentence of a program that failed.
pub(crate) fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let sentence = text.strip_prefix("realmd: ").unwrap().trim_end();
    assert!(!sentence.contains('\n'), "{sentence}");
    sentence.to_owned()
}

/// A running realmd with one realm; ended when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// Where other realms call it.
    pub(crate) link: Option<SocketAddr>,
    /// What it said when it was ready.
    pub(crate) ready: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_logging(command, Stdio::piped())
    }

    /// Starts it with a log that goes elsewhere, since a pipe that nobody reads is soon full.
    pub(crate) fn start_logging(command: &mut Command, log: Stdio) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        if ready.is_empty() {
            let log = rest(&mut child);
            panic!("it did not start: {log}");
        }
        let (_, told) = ready.split_once(" is ready at ").unwrap();
        let (told, _) = told.split_once(", ").unwrap();
        let (address, link) = match told.split_once(" (link ") {
            Some((address, link)) => (address, Some(link.trim_end_matches(')').parse().unwrap())),
            None => (told, None),
        };
        Self {
            address: address.parse().unwrap(),
            link,
            ready: ready.trim_end().to_owned(),
            child,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn status(&mut self) -> ExitStatus {
        eventually("the program ends", || self.child.try_wait().unwrap())
    }

    /// Ends it as Ctrl-C would, and returns what it logged.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let log = rest(&mut self.child);
        assert_eq!(self.status().code(), Some(0), "{log}");
        log
    }

    /// Ends it with no time to do anything, and returns what it had logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let log = rest(&mut self.child);
        self.child.wait().unwrap();
        log
    }

    /// What it logs until it ends by itself.
    pub(crate) fn log(&mut self) -> String {
        rest(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rest(child: &mut Child) -> String {
    let mut log = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut log).unwrap();
    }
    log
}

/// Whether something is there and its owner's alone.
pub(crate) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    // Nothing for its group, and nothing for others.
    mode.is_multiple_of(0o100)
}
