//! What outlives the program, and what happens when it cannot.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod common;

use common::running::{Home, REALMD, Running};
use common::{Client, eventually, inbox_with};
use rustix::process::Signal;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

const OK: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}";
const REALM: &str = r#"
name = "realm1"
client = { address = "127.0.0.1:0" }
store = { folder = "data" }
passwords = { scheme = "plain" }
users = [
    { name = "messi", display_name = "Lionel Messi", password = "surabaya" },
    { name = "henderson", display_name = "Jordan Henderson", password = "surabaya" },
    { name = "lineker", password = "surabaya" },
]
"#;

fn message(from: &str, text: &str) -> String {
    format!(
        "{{\"msg_from\": \"{from}\", \"msg_to\": \"Jordan Henderson\", \"msg\": \" {text}\\r\\n\"}}"
    )
}

#[test]
fn what_was_answered_outlives_a_killed_program_and_a_stopped_one() {
    let home = Home::new(REALM);
    let running = home.start();
    let (mut messi, m) = Client::login(running.address, "messi", "surabaya");
    let (mut henderson, h) = Client::login(running.address, "henderson", "surabaya");
    assert_eq!(messi.ask(&format!("send {m} henderson lama\r\n")), OK);
    let read = henderson.ask(&format!("inbox {h}\r\n"));
    for text in ["satu", "dua", "tiga"] {
        assert_eq!(messi.ask(&format!("send {m} henderson {text}\r\n")), OK);
    }
    let once = format!("sendid {m} kunci henderson empat\r\n");
    assert_eq!(messi.ask(&once), OK);

    running.kill();
    let running = home.start();

    let mut client = Client::connect(running.address);
    assert_eq!(client.ask(&once), OK);
    let expected = [
        ("Lionel Messi", "satu"),
        ("Lionel Messi", "dua"),
        ("Lionel Messi", "tiga"),
        ("Lionel Messi", "empat"),
    ]
    .map(|(from, text)| message(from, text))
    .join(", ");
    let peeked = client.ask(&format!("peek {h}\r\n"));
    for (at, text) in ["satu", "dua", "tiga", "empat"].iter().enumerate() {
        assert!(
            peeked.contains(&format!("{{\"id\": {}, ", at + 2)),
            "{peeked}"
        );
        assert!(peeked.contains(&format!("\" {text}\\r\\n\"")), "{peeked}");
    }

    running.stop();
    assert!(!home.path("data/realm1.db-wal").exists());
    let running = home.start();

    let mut client = Client::connect(running.address);
    let again = client.ask(&format!("inbox {h}\r\n"));
    assert_eq!(
        again,
        format!("{{\"status\": \"OK\", \"messages\": {{\"messi\": [{expected}]}}}}")
    );
    assert!(read.contains("lama") && !again.contains("lama"));
    let history = client.ask(&format!("history {h} messi\r\n"));
    let found: Vec<usize> = ["lama", "satu", "dua", "tiga", "empat"]
        .iter()
        .map(|text| history.find(text).unwrap())
        .collect();
    assert!(found.is_sorted(), "{history}");
    assert_eq!(
        client.ask(&format!("activeuser {m}\r\n")),
        "{\"status\": \"OK\", \"message\": \"messi, henderson, \"}"
    );
    running.stop();
}

/// Two realms of which the first calls the second.
fn linked(second: &Running) -> String {
    let link = second.link.unwrap();
    format!(
        "{REALM}link = {{ insecure = true }}\n\
         peers = [{{ name = \"realm2\", address = \"{link}\", mode = \"plain\" }}]\n\
         limits = {{ redial_ms_min = 20, redial_ms_max = 100 }}\n"
    )
}

#[test]
fn mail_for_a_realm_that_is_down_outlives_a_killed_program_and_arrives_once() {
    let (client, port) = ("127.0.0.1:0", "127.0.0.1:0");
    let second = |client: &str, port: &str| {
        format!(
            "name = \"realm2\"\nclient = {{ address = \"{client}\" }}\nstore = {{ folder = \"data\" }}\n\
             passwords = {{ scheme = \"plain\" }}\nlink = {{ address = \"{port}\", insecure = true }}\n\
             peers = [{{ name = \"realm1\", mode = \"plain\" }}]\n\
             users = [{{ name = \"amsal\", password = \"jakarta\" }}]\n"
        )
    };
    let there = Home::new(&second(client, port));
    let two = there.start();
    let here = Home::new(&linked(&two));
    let one = here.start();
    let (mut messi, m) = Client::login(one.address, "messi", "surabaya");
    eventually("the realms are linked", || {
        let sent = messi.ask(&format!("send {m} amsal@realm2 0\r\n"));
        (sent == OK).then_some(())
    });
    let (address, link) = (two.address.to_string(), two.link.unwrap().to_string());
    let (mut amsal, a) = Client::login(two.address, "amsal", "jakarta");
    inbox_with(&mut amsal, &a, "\" 0\\r\\n\"");
    two.kill();

    for number in 1..=50 {
        let sent = messi.ask(&format!("send {m} amsal@realm2 {number}\r\n"));
        assert_eq!(sent, OK);
    }
    one.kill();
    let one = here.start();
    there.write("realm.toml", &second(&address, &link));
    let two = there.start();

    let mut amsal = Client::connect(two.address);
    let mut read = String::new();
    eventually("the last message", || {
        read += &amsal.ask(&format!("inbox {a}\r\n"));
        read.contains("\" 50\\r\\n\"").then_some(())
    });
    // Both forget nothing of it, and so send and take nothing twice.
    one.kill();
    two.kill();
    let (one, two) = (here.start(), there.start());
    let mut messi = Client::connect(one.address);
    assert_eq!(messi.ask(&format!("send {m} amsal@realm2 51\r\n")), OK);
    let mut amsal = Client::connect(two.address);
    read += &inbox_with(&mut amsal, &a, "\" 51\\r\\n\"");
    let numbers: Vec<u32> = read
        .split("\"msg\": \" ")
        .skip(1)
        .map(|rest| rest.split_once("\\r").unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=51).collect::<Vec<_>>());
}

#[test]
fn another_password_in_the_file_does_not_change_the_one_that_is_stored() {
    let hashed = REALM.replace("passwords = { scheme = \"plain\" }\n", "");
    let home = Home::new(&hashed);
    let running = home.start();
    // Answered once the hash is there to be checked against, or the file's password.
    Client::login(running.address, "messi", "surabaya");
    let database = home.path("data/realm1.db-wal");
    eventually("three hashes are stored", || {
        let log = std::fs::read(&database).unwrap();
        let text = String::from_utf8_lossy(&log);
        (text.matches("$argon2id$").count() >= 3).then_some(())
    });
    running.stop();

    home.write("realm.toml", &hashed.replace("surabaya", "jakarta"));
    let running = home.start();

    Client::login(running.address, "messi", "surabaya");
    let mut client = Client::connect(running.address);
    assert_eq!(
        client.ask("auth messi jakarta\r\n"),
        "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}"
    );
    running.stop();
    let stored = std::fs::read(home.path("data/realm1.db")).unwrap();
    for secret in ["surabaya", "jakarta"] {
        let is_there = stored
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!is_there, "{secret}");
    }
}

#[test]
fn a_store_in_use_is_left_to_the_one_that_has_it() {
    let home = Home::new(REALM);
    let running = home.start();
    let (mut messi, m) = Client::login(running.address, "messi", "surabaya");

    let refused = home.refused("realm.toml");

    let expected = format!(
        "the store {} is in use by the process {}: end that one, or name another file",
        home.path("data/realm1.db").display(),
        running.child.id()
    );
    assert_eq!(refused, expected);
    assert_eq!(messi.ask(&format!("send {m} henderson halo\r\n")), OK);
}

/// Writes over a part of a store that nobody has open.
fn scribble(home: &Home, offset: u64, bytes: &[u8]) -> Vec<u8> {
    let path = home.path("data/realm1.db");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_store_that_cannot_be_relied_on_is_refused_and_left_as_it_is() {
    // Byte 60 of an SQLite file has the number of its format; a page begins at 4096.
    let table: [(u64, &[u8], &str); 2] = [
        (
            60,
            &[0, 0, 0, 99],
            "has format 99, and this program knows formats up to 1: run the newer program",
        ),
        (4096, &[0xff; 2048], "is damaged"),
    ];
    for (offset, bytes, words) in table {
        let home = Home::new(REALM);
        home.start().stop();
        let before = scribble(&home, offset, bytes);

        let refused = home.refused("realm.toml");

        assert!(refused.contains(words), "{refused}");
        let path = home.path("data/realm1.db");
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

#[test]
fn a_store_of_another_realm_is_refused() {
    let home = Home::new(REALM);
    home.start().stop();
    let (own, other) = (home.path("data/realm1.db"), home.path("data/realm2.db"));
    std::fs::rename(own, other).unwrap();
    home.write("realm.toml", &REALM.replace("realm1", "realm2"));

    let refused = home.refused("realm.toml");

    assert!(refused.contains("realm1"), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let home = Home::new(&REALM.replace("\"data\"", "\"realm.toml/data\""));

    let refused = home.refused("realm.toml");

    let folder = home.path("realm.toml/data");
    let expected = format!("the folder {} cannot be made: ", folder.display());
    assert!(refused.starts_with(&expected), "{refused}");
    assert!(
        refused.ends_with("; make it, or name another one in [store]"),
        "{refused}"
    );
}

#[test]
fn messages_for_a_peer_that_is_struck_out_are_not_forgotten_in_silence() {
    let there = Home::new(
        "name = \"realm2\"\nclient = { address = \"127.0.0.1:0\" }\n\
         link = { address = \"127.0.0.1:0\", insecure = true }\n\
         peers = [{ name = \"realm1\", mode = \"plain\" }]\nusers = [{ name = \"amsal\", password = \"x\" }]\n",
    );
    let two = there.start();
    let home = Home::new(&linked(&two));
    let one = home.start();
    let (mut messi, m) = Client::login(one.address, "messi", "surabaya");
    eventually("the realms are linked", || {
        let sent = messi.ask(&format!("send {m} amsal 0\r\n"));
        (sent == OK).then_some(())
    });
    two.kill();
    assert_eq!(messi.ask(&format!("send {m} amsal@realm2 1\r\n")), OK);
    one.kill();
    home.write("realm.toml", REALM);

    let refused = home.refused("realm.toml");

    assert!(
        refused.contains(" for realm2, which is no peer of realm1 any more: put it back among the [[peers]]; or start once"),
        "{refused}"
    );
}

/// A realm with little room.
fn narrow(bytes_max: u64, history_days: u64) -> String {
    let store = format!(
        "store = {{ folder = \"data\", bytes_max = {bytes_max}, history_days = {history_days} }}"
    );
    let realm = REALM.replace("store = { folder = \"data\" }", &store);
    format!("{realm}limits = {{ store_retry_ms = 20 }}\n")
}

/// Sends until somebody is told that the store is full; returns how many messages were answered OK.
/// Whoever sent the first one that found no room waits for its answer.
fn fill(running: &Running, senders: &mut Vec<Client>, token: &str) -> usize {
    let text = "x".repeat(1_000);
    let mut answered = 0;
    eventually("the store is full", || {
        let mut sender = Client::connect(running.address);
        for _ in 0..20 {
            sender.send(&format!("send {token} henderson {text}\r\n"));
        }
        sender.half_close();
        sender
            .stream
            .set_read_timeout(Some(std::time::Duration::from_millis(200)))
            .unwrap();
        let mut refused = false;
        while let Some(reply) = sender.reply_if_any() {
            answered += usize::from(reply == OK);
            refused |= reply.contains("\"code\": \"store_full\"");
        }
        senders.push(sender);
        refused.then_some(())
    });
    answered
}

#[test]
fn a_full_store_refuses_changes_and_keeps_what_it_promised() {
    let home = Home::new(&narrow(300_000, 30));
    let mut running = home.start();
    let (mut messi, m) = Client::login(running.address, "messi", "surabaya");
    let (mut henderson, h) = Client::login(running.address, "henderson", "surabaya");

    let mut waiting = Vec::new();
    let taken = fill(&running, &mut waiting, &m);

    for change in [
        format!("send {m} lineker halo\r\n"),
        format!("sendid {m} k lineker halo\r\n"),
        format!("inbox {h}\r\n"),
        format!("ack {h} 1\r\n"),
        "auth lineker surabaya\r\n".to_owned(),
    ] {
        let refused = messi.ask(&change);
        assert!(
            refused.contains("\"code\": \"store_full\""),
            "{change}: {refused}"
        );
    }
    let peeked = henderson.ask(&format!("peek {h} 3\r\n"));
    assert_eq!(peeked.matches("\"id\": ").count(), 3, "{peeked}");
    assert!(henderson.ask("hello\r\n").contains("\"realm\": \"realm1\""));
    running.signal(Signal::TERM);
    let log = running.log();
    assert_eq!(running.status().code(), Some(0), "{log}");
    for words in [
        "no room for the store ",
        "; until then changes are refused, and what was answered stands",
        "realm1: the store had no room to the end: changes that were not answered are lost",
    ] {
        assert_eq!(log.matches(words).count(), 1, "{words:?} in {log}");
    }
    home.write("realm.toml", &narrow(3_000_000, 30));
    let running = home.start();
    let mut client = Client::connect(running.address);
    assert_eq!(client.ask(&format!("send {m} henderson terakhir\r\n")), OK);
    let inbox = client.ask(&format!("inbox {h}\r\n"));
    let there = inbox.matches("\"msg\": ").count() - 1;
    assert!(there >= taken, "{there} of {taken}");
    assert!(inbox.contains("\" terakhir\\r\\n\""));
}

#[test]
fn a_full_store_recovers_by_itself_when_old_history_makes_room() {
    let home = Home::new(&narrow(600_000, 0));
    let running = home.start();
    let (mut messi, m) = Client::login(running.address, "messi", "surabaya");
    let (mut henderson, h) = Client::login(running.address, "henderson", "surabaya");
    let text = "x".repeat(1_000);
    for _ in 0..300 {
        assert_eq!(messi.ask(&format!("send {m} henderson {text}\r\n")), OK);
    }
    henderson.ask(&format!("inbox {h}\r\n"));

    // With the messages that were read there is no room for these.
    for _ in 0..300 {
        eventually("there is room again", || {
            let sent = messi.ask(&format!("send {m} henderson {text}\r\n"));
            (sent == OK).then_some(())
        });
    }

    let log = running.stop();
    for words in [
        "no room for the store ",
        "realm1: the store takes changes again",
    ] {
        assert!(log.contains(words), "{words:?} is missing in {log}");
    }
    let running = home.start();
    let mut client = Client::connect(running.address);
    let inbox = client.ask(&format!("inbox {h}\r\n"));
    assert_eq!(inbox.matches("\"msg\": ").count(), 300);
}

#[test]
fn a_disk_that_fails_ends_the_realm_at_once_with_a_reason() {
    let home = Home::new(REALM);
    home.start().stop();
    let path = home.path("realm.toml");
    // Files may not grow beyond 512 KiB, and the program is not killed for trying: a write fails.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1024; exec '{REALMD}' '{}'",
        path.display()
    );
    let mut running = Running::start(Command::new("sh").args(["-c", &script]));
    let (mut messi, m) = Client::login(running.address, "messi", "surabaya");
    let text = "x".repeat(1_000);

    let mut answered = 0;
    let last = loop {
        messi.send(&format!("send {m} henderson {text}\r\n"));
        match messi.reply_if_any() {
            Some(reply) if reply == OK => answered += 1,
            other => break other,
        }
    };

    let log = running.log();
    assert_eq!(running.status().code(), Some(1), "{log}");
    assert!(last.is_none_or(|reply| reply.contains("\"code\": \"store_broken\"")));
    let last_line = log.lines().last().unwrap();
    let expected = format!(
        "realmd: realm1 has stopped: the store {} failed (",
        home.path("data/realm1.db").display()
    );
    assert!(last_line.starts_with(&expected), "{log}");
    assert!(
        last_line.ends_with(
            "nothing is known of what was written: look after the disk, then start anew"
        ),
        "{log}"
    );
    let running = home.start();
    let mut client = Client::connect(running.address);
    let (_, h) = Client::login(running.address, "henderson", "surabaya");
    let there = client
        .ask(&format!("inbox {h}\r\n"))
        .matches("\"msg\": ")
        .count();
    assert!(
        answered > 0 && (answered..=answered + 1).contains(&there),
        "{there} of {answered}"
    );
}
