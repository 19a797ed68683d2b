//! The program itself: its command line, its log, its signals.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod common;

use common::running::{Home, REALMD, Running, is_private};
use common::{Client, eventually};
use rustix::process::Signal;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

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

#[test]
fn check_says_what_would_run_and_opens_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, path) = file(&REALM.replace("127.0.0.1:0", &address));
    let path = path.to_str().unwrap();

    let checked = output(&["--check", path]);

    let expected = format!(
        "{path}: realm1 with clients at {address}; users: messi; linked with: no realm, so without a link port; data: kept nowhere\n"
    );
    assert_eq!(text(&checked.stdout), expected);
    assert_eq!(
        (text(&checked.stderr), checked.status.code()),
        (String::new(), Some(0))
    );
}

#[test]
fn check_shows_peers_too() {
    let home = Home::new("");
    for name in ["realm1.toml", "realm2.toml"] {
        let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(path, home.path(name)).unwrap();
    }

    let checked = Command::new(REALMD)
        .current_dir(home.path(""))
        .args(["--check", "realm1.toml", "realm2.toml"])
        .output()
        .unwrap();

    let awaited = |name: &str| format!(", its key data/{name}.pub is not there yet");
    let (realm1, realm2) = (awaited("realm1"), awaited("realm2"));
    assert_eq!(
        text(&checked.stdout),
        format!(
            "realm1.toml: realm1 with clients at 127.0.0.1:8889, links at 127.0.0.1:9889; users: messi, henderson, \
         lineker; linked with: realm2 (called at 127.0.0.1:9899{realm2}); data: in data/realm1.db\n\
         realm2.toml: realm2 with clients at 127.0.0.1:8899, links at 127.0.0.1:9899; users: amsal, herbert, \
         napitupulu; linked with: realm1 (called at 127.0.0.1:9889{realm1}); data: in data/realm2.db\n"
        )
    );
    assert_eq!(checked.status.code(), Some(0));
    // To check makes nothing.
    assert!(!home.path("data").exists());
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

    assert!(text(&help.stdout).contains("Usage: realmd [--check] [--bounce] FILE..."));
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
        let mut running = Home::new(REALM).start();
        let mut client = Client::connect(running.address);
        client.ask("auth nobody x\r\n");

        running.signal(signal);

        client.ends();
        assert_eq!(running.status().code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut running = Home::new(&format!("{REALM}[limits]\nclose_ms_max = 60_000\n")).start();
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
    let running = Home::new(REALM).start();
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

    let log = running.stop();

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
    let mut running = Home::new(REALM).start();
    let mut client = Client::connect(running.address);

    // Some megabytes of log, while the pipe it goes to holds 64 KiB.
    for _ in 0..20_000 {
        client.ask("auth nobody x\r\n");
    }

    running.signal(Signal::TERM);
    assert_eq!(running.status().code(), Some(0));
}

#[test]
fn the_examples_run_with_no_set_up_and_say_where_their_data_are() {
    let home = Home::new("");
    for (name, ports) in [
        ("realm1.toml", ["8889", "9889", "9899"]),
        ("realm2.toml", ["8899", "9899", "9889"]),
    ] {
        let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(path).unwrap();
        for port in &ports[..2] {
            text = text.replacen(&format!(":{port}"), ":0", 1);
        }
        // Nobody is called: the ports of the examples may be in use here.
        text = text.replace(&format!("address = \"127.0.0.1:{}\"\n", ports[2]), "");
        home.write(name, &text);
    }
    let files = [home.path("realm1.toml"), home.path("realm2.toml")];

    let running = Running::start(Command::new(REALMD).args(&files));
    let (mut messi, token) = Client::login(running.address, "messi", "surabaya");
    messi.ask(&format!("send {token} lineker catatan\r\n"));

    let file = home.path("data/realm1.db");
    let expected = format!(
        "realm1 is ready at {} (link {}), its data in {}",
        running.address,
        running.link.unwrap(),
        file.display()
    );
    assert_eq!(running.ready, expected);
    for name in [
        "data",
        "data/realm1.key",
        "data/realm2.key",
        "data/realm1.db",
        "data/realm1.db.lock",
        "data/realm2.db",
    ] {
        assert!(is_private(&home.path(name)), "{name}");
    }
    let log = running.stop();
    let last = format!("realm1 has ended, its data are in {}", file.display());
    assert!(log.contains(&last), "{log}");
    let restarted = Running::start(Command::new(REALMD).args(&files));
    let (mut lineker, token) = Client::login(restarted.address, "lineker", "surabaya");
    let inbox = lineker.ask(&format!("inbox {token}\r\n"));
    assert!(inbox.contains("catatan"), "{inbox}");
}

#[test]
fn a_realm_that_keeps_nothing_says_so_first_and_last() {
    let running = Home::new(REALM).start();

    let expected = format!(
        "realm1 is ready at {}, KEEPS NOTHING: without [store] all is gone when it ends",
        running.address
    );
    assert_eq!(running.ready, expected);
    let log = running.stop();
    let last = "realm1 has ended, and with it all that it knew: it had no [store]\n";
    assert!(log.ends_with(last), "{log}");
}

#[test]
fn plain_passwords_are_warned_of() {
    let plain = format!("{REALM}[passwords]\nscheme = \"plain\"\n");

    let logs = [&plain, REALM].map(|text| Home::new(text).start().stop());

    let warning = "realm1: PASSWORDS ARE NOT HASHED, as [passwords] wants it. For lessons and benchmarks only.";
    assert!(logs[0].contains(warning), "{}", logs[0]);
    assert!(!logs[1].contains("PASSWORDS"), "{}", logs[1]);
}

/// Gives `realmd hash-password` some standard input.
fn hash_password(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(REALMD)
        .arg("hash-password")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_password_from_a_pipe_becomes_a_hash_to_log_in_with() {
    let cheap = ["--memory-kib", "64", "--passes=1"];
    let hashed = [
        hash_password(&cheap, "surabaya\n"),
        hash_password(&cheap, "surabaya\r\n"),
        hash_password(&cheap, "surabaya"),
    ]
    .map(|output| text(&output.stdout).trim_end().to_owned());

    assert!(
        hashed[0].starts_with("$argon2id$v=19$m=64,t=1,p=1$"),
        "{hashed:?}"
    );
    assert_ne!(hashed[0], hashed[1]);
    for hash in &hashed {
        let realm = REALM.replace(
            "password = \"surabaya\"",
            &format!("password_hash = \"{hash}\""),
        );
        let running = Home::new(&realm).start();
        Client::login(running.address, "messi", "surabaya");
        let wrong = Client::connect(running.address).ask("auth messi Surabaya\r\n");
        assert_eq!(
            wrong,
            "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}"
        );
    }
}

#[test]
fn what_is_no_password_is_not_hashed() {
    let rule =
        "a password has at least one character and no white space, or nobody could log in with it";
    for (input, sentence) in [
        ("", "no password came"),
        ("\n", rule),
        ("sura baya\n", rule),
    ] {
        let wrong = hash_password(&[], input);

        assert_eq!(text(&wrong.stderr), format!("realmd: {sentence}\n"));
        assert_eq!(
            (text(&wrong.stdout), wrong.status.code()),
            (String::new(), Some(2))
        );
    }
}
