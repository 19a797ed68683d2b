//! What operators do with a realm: look into its data, copy them, make them smaller.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod common;

use common::{Client, PATIENCE, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use tempfile::TempDir;

const REALMD: &str = env!("CARGO_BIN_EXE_realmd");

/// A realm file and its data, in a folder of their own.
struct Place {
    folder: TempDir,
}

impl Place {
    /// `more` goes into the table `[store]`.
    fn new(more: &str) -> Self {
        let place = Self {
            folder: TempDir::new().unwrap(),
        };
        place.write("data", more);
        place
    }

    fn write(&self, data: &str, more: &str) {
        let text = format!(
            "name = \"realm1\"
            [client]
            address = \"127.0.0.1:0\"
            [passwords]
            scheme = \"plain\"
            [link]
            insecure = true
            [[peers]]
            name = \"realm2\"
            address = \"127.0.0.1:1\"
            mode = \"plain\"
            [[users]]
            name = \"messi\"
            display_name = \"Lionel Messi\"
            password = \"surabaya\"
            [[users]]
            name = \"henderson\"
            display_name = \"Jordan Henderson\"
            password = \"surabaya\"
            [store]
            folder = \"{data}\"
            {more}"
        );
        fs::write(self.toml(), text).unwrap();
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn toml(&self) -> PathBuf {
        self.at("realm.toml")
    }

    fn socket(&self) -> PathBuf {
        self.at("data/realm1.sock")
    }

    /// Runs realmd with a word and the realm file.
    fn operate(&self, word: &str, more: &[&str]) -> Output {
        Command::new(REALMD)
            .current_dir(self.folder.path())
            .args([word, "realm.toml"])
            .args(more)
            .output()
            .unwrap()
    }

    fn inspect(&self) -> Value {
        let output = self.operate("inspect", &["--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The one sentence of a command that failed.
fn sentence(output: &Output) -> String {
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(!output.status.success(), "{out}");
    assert_eq!(out, "");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// A running realmd; killed when dropped.
struct Realm {
    child: Child,
    address: SocketAddr,
}

impl Realm {
    fn start(place: &Place) -> Self {
        let mut child = Command::new(REALMD)
            .arg(place.toml())
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(fs::File::create(place.at("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .strip_prefix("realm1 is ready at ")
            .and_then(|rest| rest.split([' ', ',']).next());
        Self {
            address: address.unwrap().parse().unwrap(),
            child,
        }
    }

    fn login(&self, user: &str) -> (Client, String) {
        Client::login(self.address, user, "surabaya")
    }

    /// Ends the realm and waits for it.
    fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let status = eventually("the realm ends", || self.child.try_wait().unwrap());
        assert_eq!(status.success(), signal == Signal::TERM, "{status}");
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(client: &mut Client, token: &str, to: &str, message: &str) {
    let reply = client.ask(&format!("send {token} {to} {message} \r\n"));
    assert_eq!(reply, "{\"status\": \"OK\", \"message\": \"Message Sent\"}");
}

/// The numbers in the messages from messi, in the order in which the inbox has them.
fn numbers(inbox: &str) -> Vec<u64> {
    let inbox: Value = serde_json::from_str(inbox).unwrap();
    assert_eq!(inbox["status"], "OK", "{inbox}");
    let messages = inbox["messages"]["messi"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["msg"].as_str().unwrap().trim().parse().unwrap())
        .collect()
}

#[test]
fn a_backup_holds_every_message_that_had_its_ok() {
    let place = Place::new("");
    let realm = Realm::start(&place);
    let (_, henderson) = realm.login("henderson");
    let (mut messi, token) = realm.login("messi");
    let sent = Arc::new(AtomicU64::new(0));
    let enough = Arc::new(AtomicBool::new(false));
    let sender = {
        let (sent, enough) = (Arc::clone(&sent), Arc::clone(&enough));
        thread::spawn(move || {
            // Within the 10,000 messages that an inbox takes.
            for number in 0..9_000 {
                if enough.load(Ordering::SeqCst) {
                    break;
                }
                send(&mut messi, &token, "henderson", &number.to_string());
                sent.store(number + 1, Ordering::SeqCst);
            }
        })
    };
    let count = || sent.load(Ordering::SeqCst);
    eventually("messages are sent", || (count() >= 100).then_some(()));
    fs::create_dir(place.at("copy")).unwrap();

    let before = count();
    let output = place.operate("backup", &["copy/realm1.db"]);
    let after = count();
    assert!(output.status.success(), "{}", text(&output.stderr));
    eventually("sending goes on", || (count() > after).then_some(()));
    enough.store(true, Ordering::SeqCst);
    sender.join().unwrap();

    let copy = place.at("copy/realm1.db");
    let told = text(&output.stdout);
    let expected = format!("realm1 is copied to {}: ", copy.display());
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(mode(&copy), 0o600);
    assert_eq!(fs::read_dir(place.at("copy")).unwrap().count(), 1);

    // A second realm of the copy; the first one's tokens are good there.
    realm.end(Signal::TERM);
    place.write("copy", "");
    let second = Realm::start(&place);
    let mut client = Client::connect(second.address);
    let numbers = numbers(&client.ask(&format!("inbox {henderson} \r\n")));
    assert!(
        numbers.len() as u64 >= before,
        "{} of {before}",
        numbers.len()
    );
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "{numbers:?}"
    );
}

#[test]
fn a_backup_never_takes_the_place_of_a_file() {
    let place = Place::new("");
    fs::write(place.at("precious"), "precious").unwrap();
    let refused = |output: &Output| {
        assert!(sentence(output).contains("is there already"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(fs::read(place.at("precious")).unwrap(), b"precious");
    };

    let realm = Realm::start(&place);
    refused(&place.operate("backup", &["precious"]));
    let nowhere = place.operate("backup", &["nowhere/realm1.db"]);
    assert!(sentence(&nowhere).contains("nowhere/realm1.db"));
    realm.end(Signal::TERM);
    refused(&place.operate("backup", &["precious"]));
}

#[test]
fn inspect_tells_the_same_with_and_without_the_realm() {
    let place = Place::new("");
    let realm = Realm::start(&place);
    let (mut messi, token) = realm.login("messi");
    let (mut henderson, henderson_token) = realm.login("henderson");
    send(&mut henderson, &henderson_token, "messi", "read");
    messi.ask(&format!("inbox {token} \r\n"));
    for _ in 0..3 {
        send(&mut messi, &token, "henderson", "12345");
    }
    send(&mut messi, &token, "amsal@realm2", "secret");

    let running = place.inspect();
    let shown = text(&place.operate("inspect", &[]).stdout);
    drop((messi, henderson));
    eventually("the clients are gone", || {
        (place.inspect()["running"]["clients"] == 0).then_some(())
    });
    realm.end(Signal::TERM);
    let stopped = place.inspect();
    let shown_stopped = text(&place.operate("inspect", &[]).stdout);

    let process = &running["running"];
    assert_eq!(process["clients"], 2);
    assert!(process["batches"].as_u64().unwrap() > 0);
    assert!(process["records"].as_u64() > process["batches"].as_u64());
    assert!(process["last_commit_unix_ms"].as_u64() >= process["since_unix_ms"].as_u64());
    assert_eq!(stopped["running"], Value::Null);
    for report in [&running, &stopped] {
        assert_eq!(report["realm"], "realm1");
        assert_eq!(report["file"], place.at("data/realm1.db").to_str().unwrap());
        assert_eq!(report["format"], 1);
        assert_eq!(report["users"], 2);
        assert_eq!(report["sessions"], 2);
        assert_eq!(report["inboxes"], 1);
        assert_eq!(report["messages_waiting"], 3);
        assert_eq!(report["messages_history"], 1);
        assert_eq!(report["longest"][0]["user"], "henderson");
        assert_eq!(report["longest"][0]["messages"], 3);
        assert_eq!(report["longest"][0]["bytes"], report["bytes_waiting"]);
        let oldest = report["longest"][0]["oldest_unix_ms"].as_u64();
        assert!(oldest >= running["running"]["since_unix_ms"].as_u64());
        assert!(oldest <= running["at_unix_ms"].as_u64());
        assert_eq!(report["peers"][0]["name"], "realm2");
        assert_eq!(report["peers"][0]["mail"]["envelopes"], 1);
        assert!(report["file_bytes"].as_u64().unwrap() >= 4096);
    }
    let link = &running["peers"][0]["link"];
    assert_eq!(link["is_up"], false);
    assert_eq!(stopped["peers"][0]["link"], Value::Null);
    for (text, first) in [
        (&shown, "realm1 runs for "),
        (&shown_stopped, "realm1 does not run\n"),
    ] {
        assert!(text.starts_with(first), "{text}");
        assert!(text.contains("messages: 3 waiting in 1 inbox ("), "{text}");
        assert!(
            text.contains("\nlongest inboxes  messages  bytes  oldest\nhenderson        3 "),
            "{text}"
        );
        for secret in ["secret", "12345", "surabaya", &token, &henderson_token] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(!running.to_string().contains("12345"));
}

#[test]
fn compact_gives_back_what_was_deleted() {
    let place = Place::new("history_messages_max = 0");
    let realm = Realm::start(&place);
    let (mut messi, token) = realm.login("messi");
    let (mut henderson, henderson_token) = realm.login("henderson");
    let long = "x".repeat(10_000);
    for _ in 0..200 {
        send(&mut messi, &token, "henderson", &long);
    }
    let inbox = henderson.ask(&format!("inbox {henderson_token} \r\n"));
    assert!(inbox.len() > 2_000_000);
    send(&mut messi, &token, "henderson", "7");
    realm.end(Signal::TERM);

    // What was read is deleted after the next start.
    let realm = Realm::start(&place);
    eventually("history is deleted", || {
        (place.inspect()["messages_history"] == 0).then_some(())
    });
    let before = place.inspect();
    let output = place.operate("compact", &[]);
    let after = place.inspect();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("what changes something waits"));
    assert!(
        text(&output.stdout).contains("realm1.db took 2."),
        "{}",
        text(&output.stdout)
    );
    assert!(
        before["free_bytes"].as_u64().unwrap() > 2_000_000,
        "{before}"
    );
    assert_eq!(after["free_bytes"], 0);
    assert!(after["file_bytes"].as_u64().unwrap() < 200_000, "{after}");

    // The realm goes on, and has what waited.
    let (mut messi, token) = realm.login("messi");
    send(&mut messi, &token, "henderson", "8");
    realm.end(Signal::TERM);
    let output = place.operate("compact", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let realm = Realm::start(&place);
    let mut henderson = Client::connect(realm.address);
    let inbox = henderson.ask(&format!("inbox {henderson_token} \r\n"));
    assert_eq!(numbers(&inbox), [7, 8]);
}

#[test]
fn the_socket_is_the_owners_and_goes_with_the_realm() {
    let place = Place::new("");
    let realm = Realm::start(&place);
    assert!(
        fs::metadata(place.socket())
            .unwrap()
            .file_type()
            .is_socket()
    );
    assert_eq!(mode(&place.socket()), 0o600);
    assert_eq!(mode(&place.at("data")), 0o700);

    realm.end(Signal::TERM);
    assert!(!place.socket().exists());

    // One that was killed leaves its socket behind, and nothing fails for it.
    let realm = Realm::start(&place);
    realm.end(Signal::KILL);
    assert!(place.socket().exists());
    assert_eq!(place.inspect()["running"], Value::Null);
    let realm = Realm::start(&place);
    assert_eq!(place.inspect()["running"]["process"], realm.child.id());
}

#[test]
fn nobody_is_harmed_by_what_comes_to_the_socket() {
    let place = Place::new("");
    let realm = Realm::start(&place);
    let (mut messi, token) = realm.login("messi");
    let connect = || {
        let stream = UnixStream::connect(place.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let answer = |mut stream: UnixStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };

    // Some say nothing, one dribbles.
    let mut silent: Vec<_> = (0..6).map(|_| connect()).collect();
    silent[0].write_all(b"ins").unwrap();
    assert_eq!(place.inspect()["users"], 2);
    send(&mut messi, &token, "henderson", "1");

    let mut garbage = connect();
    garbage.write_all(b"\x00\xff\x1b[2J\n").unwrap();
    assert_eq!(
        answer(garbage),
        "{\"failed\":{\"sentence\":\"a line is UTF-8\"}}\n"
    );
    let mut unknown = connect();
    unknown.write_all(b"DROP TABLE users\n").unwrap();
    assert!(answer(unknown).contains("does not know that command"));

    // A line without end is not taken in.
    let mut huge = connect();
    let line = vec![b'x'; 8 * 1024 * 1024];
    let written = huge.write_all(&line).unwrap_err();
    assert!(
        matches!(
            written.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ),
        "{written}"
    );

    // One too many is told so, and when the silent ones have had their time there is room.
    silent.extend((0..2).map(|_| connect()));
    eventually("there is no room", || {
        let output = place.operate("inspect", &[]);
        text(&output.stderr)
            .contains("8 operators are at work already")
            .then_some(())
    });
    send(&mut messi, &token, "henderson", "2");
    let silent = silent.pop().unwrap();
    assert_eq!(
        answer(silent),
        "{\"failed\":{\"sentence\":\"no line came within 5 s\"}}\n"
    );
    eventually("there is room again", || {
        let output = place.operate("inspect", &[]);
        output.status.success().then_some(())
    });
}

#[test]
fn a_realm_that_cannot_be_asked_is_told_in_a_sentence() {
    let place = Place::new("");
    for (word, more) in [
        ("inspect", [].as_slice()),
        ("backup", &["b.db"]),
        ("compact", &[]),
    ] {
        let told = sentence(&place.operate(word, more));
        assert!(told.contains("realm1 has no data yet"), "{told}");
        // To look for data makes none.
        assert!(!place.at("data").exists());
    }

    let realm = Realm::start(&place);
    fs::remove_file(place.socket()).unwrap();
    let told = sentence(&place.operate("inspect", &[]));
    let process = format!("is in use by the process {}", realm.child.id());
    assert!(
        told.contains("realm1.sock") && told.contains(&process),
        "{told}"
    );
    realm.end(Signal::TERM);

    fs::write(
        place.toml(),
        "name = \"realm1\"\nclient = { address = \"127.0.0.1:0\" }\n",
    )
    .unwrap();
    let output = place.operate("compact", &[]);
    let told = sentence(&output);
    assert!(
        told.contains("without a table [store] realm1 keeps nothing"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(2));
    let output = Command::new(REALMD)
        .args(["inspect", "nowhere.toml"])
        .output()
        .unwrap();
    assert!(sentence(&output).contains("nowhere.toml: the file cannot be read"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_folder_with_a_long_path_costs_only_the_socket() {
    let place = Place::new("");
    let folder = format!("{0}/{0}", "n".repeat(60));
    place.write(&folder, "");

    let realm = Realm::start(&place);
    let told = sentence(&place.operate("inspect", &[]));
    assert!(told.contains("a socket has at most 107 bytes"), "{told}");
    let (mut messi, token) = realm.login("messi");
    send(&mut messi, &token, "henderson", "1");
    realm.end(Signal::TERM);

    let log = fs::read_to_string(place.at("log")).unwrap();
    assert!(log.contains("realm1: there is no control socket"), "{log}");
    assert_eq!(place.inspect()["messages_waiting"], 1);
}
