//! Keys: how they are made, kept and shown.

use crate::common::eventually;
use crate::common::running::{REALMD, Running, is_private};
use crate::town::{Person, Town, by_file, free_address, lines_with};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn a_realm_makes_its_key_at_its_first_start_and_keeps_it() {
    let town = Town::new();
    town.write_linked("realm1", "");

    let first = town.start("realm1").stop();
    let (secret, public) = (town.read("data/realm1.key"), town.read("data/realm1.pub"));
    let second = town.start("realm1").stop();

    assert!(first.contains("realm1: made its key, in "), "{first}");
    assert!(!second.contains("made its key"), "{second}");
    assert!(is_private(&town.path("data/realm1.key")));
    assert_eq!(town.read("data/realm1.key"), secret);
    assert_eq!(town.read("data/realm1.pub"), public);
    let key = secret.lines().last().unwrap();
    assert_eq!(key.len(), 44);
    assert!(!first.contains(key) && !second.contains(key));
}

#[test]
fn a_key_that_others_can_read_keeps_the_realm_from_starting() {
    let town = Town::new();
    town.write_linked("realm1", "");
    town.start("realm1").stop();
    let file = town.path("data/realm1.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    for words in [
        &["realm1.toml"][..],
        &["--check", "realm1.toml"],
        &["peer", "show", "realm1.toml"],
    ] {
        let told = town.refused(words);
        assert!(
            told.contains("data/realm1.key has mode 644: others can read it")
                && told.contains("run `chmod 600 data/realm1.key`"),
            "{told}"
        );
    }

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    town.start("realm1").stop();
}

#[test]
fn keygen_makes_a_key_and_never_overwrites_one() {
    let town = Town::new();

    let public = town.told(&["keygen", "own.key"]);
    let again = town.refused(&["keygen", "own.key"]);

    assert_eq!(town.read("own.pub"), public);
    assert!(is_private(&town.path("own.key")));
    assert_eq!(
        again,
        "realmd: own.key is there already and stays as it is: name another file"
    );
    fs::write(town.path("friend.pub"), &public).unwrap();
    assert_eq!(
        town.refused(&["keygen", "friend.key"]),
        "realmd: friend.pub is there already and stays as it is: name another file"
    );
    assert!(!town.path("friend.key").exists());
    town.write(
        "realm1",
        "address = \"127.0.0.1:9889\", key_file = \"own.key\"",
        "",
    );
    let shown = town.told(&["peer", "show", "realm1.toml"]);
    assert!(
        shown.ends_with(&format!(
            "[[peers]]\nname = \"realm1\"\n\
             # Only this machine reaches that; for others [link] needs another address.\n\
             address = \"127.0.0.1:9889\"\npublic_key = \"{}\"\n",
            public.trim_end()
        )),
        "{shown}"
    );
    let nowhere = town.refused(&["keygen", "no/such/folder/own.key"]);
    assert!(nowhere.contains("own.key cannot be written: "), "{nowhere}");
}

#[test]
fn realms_that_exchange_what_peer_show_prints_are_linked() {
    let town = Town::new();
    let ports = [free_address(), free_address()];
    let names = ["realm1", "realm2"];
    let write = |at: usize, peers: &str| {
        town.write(names[at], &format!("address = \"{}\"", ports[at]), peers);
    };
    (0..2).for_each(|at| write(at, ""));

    // Neither has ever run.
    let shown = names.map(|name| town.told(&["peer", "show", &format!("{name}.toml")]));
    (0..2).for_each(|at| write(at, &shown[1 - at]));
    let (one, two) = (town.start("realm1"), town.start("realm2"));

    town.until_linked("realm1", "realm2");
    let mut amsal = Person::of(&two, "realm2");
    Person::of(&one, "realm1").send("user-of-realm2@realm2", "apa kabar");
    amsal.receive("apa kabar");
}

#[test]
fn realms_find_each_others_keys_whichever_starts_first() {
    for order in [["realm1", "realm2"], ["realm2", "realm1"]] {
        let town = Town::new();
        let (one, two) = (free_address(), free_address());
        town.write(
            "realm1",
            &format!("address = \"{one}\""),
            &by_file("realm2", Some(two)),
        );
        town.write(
            "realm2",
            &format!("address = \"{two}\""),
            &by_file("realm1", Some(one)),
        );

        let first = town.start(order[0]);
        town.until_failed(order[0], order[1], "its key is not there yet");
        let second = town.start(order[1]);

        town.until_linked(order[0], order[1]);
        town.until_linked(order[1], order[0]);
        let log = first.stop();
        assert_eq!(lines_with(&log, "its key is not there yet"), 1, "{log}");
        let log = second.stop();
        assert_eq!(lines_with(&log, "its key is not there yet"), 0, "{log}");
    }
}

#[test]
fn the_two_examples_link_in_one_process_with_no_set_up() {
    let town = Town::new();
    let ports = [free_address(), free_address()].map(|it| it.port().to_string());
    for (name, client) in [("realm1.toml", ":8889"), ("realm2.toml", ":8899")] {
        let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let text = text
            .replace(client, ":0")
            .replace("9889", &ports[0])
            .replace("9899", &ports[1]);
        fs::write(town.path(name), text).unwrap();
    }

    let files = ["realm1.toml", "realm2.toml"].map(|name| town.path(name));
    let running = Running::start(Command::new(REALMD).args(&files));

    town.until_linked("realm1", "realm2");
    let (mut messi, token) = crate::common::Client::login(running.address, "messi", "surabaya");
    eventually("the other realm is asked", || {
        let reply = messi.ask(&format!("send {token} amsal apa kabar?\r\n"));
        reply.contains("Message Sent").then_some(())
    });
    drop(messi);
    let log = running.stop();
    assert!(!log.contains("its key is not there yet"), "{log}");
    assert!(!log.contains("PLAIN"), "{log}");
}
