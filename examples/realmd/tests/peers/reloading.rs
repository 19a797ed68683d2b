//! Files that are read anew while realms run.

use crate::common::eventually;
use crate::town::{Log, Person, Town, by_file, free_address, lines_with};
use rustix::process::Signal;

#[test]
fn a_peer_that_is_added_gets_linked_and_no_client_notices() {
    let town = Town::new();
    let (port, other) = (free_address(), free_address());
    let link = format!("address = \"{port}\"");
    town.write("realm1", &link, "");
    let one = town.start("realm1");
    assert_eq!(one.link, None);
    let mut messi = Person::of(&one, "realm1");
    messi
        .client
        .send(&format!("group {} bukber origin \r\n", messi.token));
    messi.client.until("user-of-realm1 telah bergabung");
    town.write(
        "realm2",
        &format!("address = \"{other}\""),
        &by_file("realm1", Some(port)),
    );
    let two = town.start("realm2");

    town.write("realm1", &link, &by_file("realm2", Some(other)));
    one.signal(Signal::HUP);

    town.until_linked("realm1", "realm2");
    // The same connection, and still in its group.
    messi.client.send("masih di sini");
    messi.client.until("user-of-realm1: masih di sini");
    messi.client.send("exit");
    messi
        .client
        .until("Telah keluar dari grup bukber\"}\r\n\r\n");
    messi.send("user-of-realm2@realm2", "halo");
    Person::of(&two, "realm2").receive("halo");
    drop(messi);
    let log = one.stop();
    assert!(log.contains("realm1: realm2 is a peer now"), "{log}");
}

#[test]
fn a_file_that_is_wrong_changes_nothing() {
    let (town, mut one, _two) = Town::linked();
    let log = Log::of(&mut one);
    let good = town.read("realm1.toml");
    let mut messi = Person::of(&one, "realm1");
    let by_file = |name: &str| format!("public_key_file = \"data/{name}.pub\"");
    let wrong = [
        (
            good.replace("[[peers]]", "[[peer]]"),
            "unknown key \"peer\"; did you mean \"peers\"?",
        ),
        (
            good.replace(&by_file("realm2"), &by_file("realm1")),
            "has the public key of realm1 itself",
        ),
        (
            good.replace("name = \"realm1\"\nclient", "name = \"realm7\"\nclient"),
            "the file is that of realm7 now, and realm1 runs: a realm keeps its name",
        ),
        ("[[peers]".to_owned(), "this is not TOML: "),
    ];

    for (text, sentence) in &wrong {
        std::fs::write(town.path("realm1.toml"), text).unwrap();
        one.signal(Signal::HUP);
        log.until(sentence);
    }
    std::fs::write(town.path("realm1.toml"), &good).unwrap();
    let told = town.told(&["reload", "realm1.toml"]);

    assert_eq!(told, "its peers are as before\n");
    assert_eq!(town.peer("realm1", "realm2").unwrap()["state"], "linked");
    messi.send("user-of-realm1", "catatan");
    let log = log.text();
    assert_eq!(lines_with(&log, "nothing has changed: "), 4, "{log}");
    assert_eq!(lines_with(&log, "link to realm2 is down"), 0, "{log}");
}

#[test]
fn a_peer_with_another_key_is_cut_and_let_in_when_it_has_it() {
    let (town, one, two) = Town::linked();
    let key = town.told(&["keygen", "new.key"]);
    let good = town.read("realm1.toml");
    let (by_file, by_key) = (
        "public_key_file = \"data/realm2.pub\"",
        format!("public_key = \"{}\"", key.trim_end()),
    );

    std::fs::write(town.path("realm1.toml"), good.replace(by_file, &by_key)).unwrap();
    let told = town.told(&["reload", "realm1.toml"]);
    assert_eq!(told, "realm2 is linked with by another key or mode now\n");
    town.until("realm1", "realm2", "cut", |peer| peer["state"] != "linked");
    town.until_failed("realm2", "realm1", "it hung up during the handshake");
    two.stop();

    let text = town
        .read("realm2.toml")
        .replace("link = { ", "link = { key_file = \"new.key\", ");
    std::fs::write(town.path("realm2.toml"), text).unwrap();
    let two = town.start("realm2");
    town.until_linked("realm1", "realm2");
    drop((one, two));
}

#[test]
fn a_peer_that_is_named_no_more_goes_unless_mail_waits_for_it() {
    let (town, one, two) = Town::linked();
    let mut messi = Person::of(&one, "realm1");
    town.write_linked(
        "realm1",
        &(by_file("realm2", None) + &by_file("realm3", None)),
    );
    assert_eq!(
        town.told(&["reload", "realm1.toml"]),
        "realm3 is a peer now\n"
    );
    messi.send("user-of-realm3@realm3", "satu");

    town.write_linked("realm1", "");
    one.signal(Signal::HUP);

    eventually("realm2 is gone", || {
        town.peer("realm1", "realm2").is_none().then_some(())
    });
    town.until("realm2", "realm1", "no link", |peer| {
        peer["state"] != "linked"
    });
    let kept = town.peer("realm1", "realm3").unwrap();
    assert_eq!(
        (&kept["mode"], &kept["queue_messages"]),
        (&serde_json::Value::Null, &1.into())
    );
    let page = town.told(&["peers", "realm1.toml"]);
    assert!(
        page.contains(
            "realm3 is not in the realm file: put it back there, or run realmd peer remove"
        ),
        "{page}"
    );
    town.told(&["peer", "remove", "realm1.toml", "realm3", "--bounce"]);
    messi.receive("*realm3*");

    // Named again, it is a peer like before.
    town.write_linked("realm1", &by_file("realm2", None));
    assert_eq!(
        town.told(&["reload", "realm1.toml"]),
        "realm2 is a peer now\n"
    );
    town.until_linked("realm1", "realm2");
    messi.send("user-of-realm2@realm2", "kembali");
    Person::of(&two, "realm2").receive("kembali");
    drop(messi);
    let log = one.stop();
    let line = "one message waits for realm3, which the file does not name any more: it is kept, with no link";
    assert!(log.contains(line), "{log}");
}

#[test]
fn what_needs_a_restart_is_told() {
    let (town, one, _two) = Town::linked();
    let text = town
        .read("realm1.toml")
        .replace("redial_ms_max = 200", "redial_ms_max = 300")
        .replace(
            "users = [",
            "users = [{ name = \"baru\", password = \"p\" }, ",
        )
        .replace(
            "client = { address = \"127.0.0.1:0\"",
            "client = { address = \"127.0.0.1:1\"",
        );
    std::fs::write(town.path("realm1.toml"), text).unwrap();

    let told = town.told(&["reload", "realm1.toml"]);

    assert_eq!(
        told,
        "its peers are as before\n[client] has changed, which needs a restart\n[limits] has changed, which needs a \
         restart\nthe user baru is new, which needs a restart\n"
    );
    drop(one);
    let told = town.refused(&["reload", "realm1.toml"]);
    assert!(
        told.contains("realm1 does not run") && told.contains("it reads its file when it starts"),
        "{told}"
    );
}
