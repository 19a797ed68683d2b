//! Links between processes: who is let in, and who is not.

use crate::common::running::Running;
use crate::town::{Person, Town, by_file, lines_with};
use std::time::Instant;

#[test]
fn mail_and_groups_pass_between_two_processes() {
    let (_town, one, two) = Town::linked();
    let (mut messi, mut amsal) = (Person::of(&one, "realm1"), Person::of(&two, "realm2"));

    messi.send("user-of-realm2@realm2", "apa kabar");
    amsal.send("user-of-realm1@realm1", "jadi main mes?");
    messi.receive("jadi main mes?");
    amsal.receive("apa kabar");

    messi
        .client
        .send(&format!("group {} bukber origin \r\n", messi.token));
    messi.client.until("user-of-realm1 telah bergabung");
    amsal
        .client
        .send(&format!("group {} bukber origin \r\n", amsal.token));
    messi.client.until("user-of-realm2 telah bergabung");
    amsal.client.until("user-of-realm2 telah bergabung");
    amsal.client.send("halo dari sana");
    messi.client.until("user-of-realm2: halo dari sana");
    for (realm, log) in [("realm1", one.stop()), ("realm2", two.stop())] {
        assert!(
            !log.contains("PLAIN") && !log.contains("halo dari"),
            "{realm}: {log}"
        );
    }
}

/// realm1 with a good peer, realm3, and a bad one, realm2, whose file has that to say.
fn with_a_bad_peer(realm2_link: &str, realm2_peers: impl Fn(&Running, &Town) -> String) {
    let began = Instant::now();
    let town = Town::new();
    town.write_linked(
        "realm1",
        &(by_file("realm2", None) + &by_file("realm3", None)),
    );
    let one = town.start("realm1");
    let peers = realm2_peers(&one, &town);
    town.write("realm2", realm2_link, &peers);
    let called = if peers.contains("realm9") {
        "realm9"
    } else {
        "realm1"
    };

    let two = town.start("realm2");
    town.until("realm2", called, "no link", |peer| {
        !peer["last_error"].is_null()
    });
    town.write_linked("realm3", &by_file("realm1", one.link));
    let three = town.start("realm3");
    town.until_linked("realm3", "realm1");
    let (mut messi, mut slamet) = (Person::of(&one, "realm1"), Person::of(&three, "realm3"));
    slamet.send("user-of-realm1@realm1", "tetap jalan");
    messi.receive("tetap jalan");

    let state = town.peer("realm1", "realm2").unwrap()["state"].clone();
    assert_eq!(state, "listening");
    let log = two.stop();
    assert!(!log.contains(&format!("link to {called} is up")), "{log}");
    assert_eq!(
        lines_with(&log, &format!("no link to {called}")),
        1,
        "{log}"
    );
    let minutes = usize::try_from(began.elapsed().as_secs() / 60).unwrap();
    let log = one.stop();
    let told = lines_with(&log, "was turned away at the link port");
    assert!((1..=1 + minutes).contains(&told), "{log}");
    assert!(!log.contains("link to realm2 is up"), "{log}");
}

const LISTENS: &str = "address = \"127.0.0.1:0\"";

#[test]
fn a_peer_that_pins_another_key_gets_no_link() {
    with_a_bad_peer(LISTENS, |one, town| {
        let key = town.told(&["keygen", "other.key"]);
        let address = one.link.unwrap();
        format!(
            "[[peers]]\nname = \"realm1\"\naddress = \"{address}\"\npublic_key = \"{}\"\n",
            key.trim_end()
        )
    });
}

#[test]
fn a_peer_with_another_key_of_its_own_gets_no_link() {
    with_a_bad_peer(
        "address = \"127.0.0.1:0\", key_file = \"other.key\"",
        |one, town| {
            // The key that realm1 finds is not the one that realm2 uses.
            town.told(&["keygen", "data/realm2.key"]);
            by_file("realm1", one.link)
        },
    );
}

#[test]
fn a_peer_that_calls_another_name_gets_no_link() {
    with_a_bad_peer(LISTENS, |one, town| {
        let key = town.read("data/realm1.pub");
        let address = one.link.unwrap();
        format!(
            "[[peers]]\nname = \"realm9\"\naddress = \"{address}\"\npublic_key = \"{}\"\n",
            key.trim_end()
        )
    });
}

#[test]
fn a_peer_in_plain_mode_gets_no_link() {
    with_a_bad_peer("address = \"127.0.0.1:0\", insecure = true", |one, _| {
        let address = one.link.unwrap();
        format!("[[peers]]\nname = \"realm1\"\naddress = \"{address}\"\nmode = \"plain\"\n")
    });
}

#[test]
fn plain_links_are_loud() {
    let town = Town::new();
    let peer = "[[peers]]\nname = \"realm2\"\nmode = \"plain\"\n";
    town.write("realm1", "address = \"127.0.0.1:0\", insecure = true", peer);

    let log = town.start("realm1").stop();

    let warning = "realm1: THE LINK WITH realm2 IS PLAIN: NEITHER ENCRYPTED NOR AUTHENTICATED.";
    assert!(log.contains(warning), "{log}");
    let peers = town.told(&["peers", "realm1.toml"]);
    assert!(peers.contains("(PLAIN)"), "{peers}");
}

#[test]
fn why_a_peer_cannot_be_called_is_told() {
    let town = Town::new();
    let nobody = crate::town::free_address();
    let key = town.told(&["keygen", "realm2.key"]);
    let peer = format!(
        "[[peers]]\nname = \"realm2\"\naddress = \"{nobody}\"\npublic_key = \"{}\"\n",
        key.trim_end()
    );
    town.write_linked("realm1", &peer);

    let one = town.start("realm1");
    town.until_failed("realm1", "realm2", "connection refused");

    let log = one.stop();
    let line = "realm1: no link to realm2: connection refused; it is called again and again";
    assert_eq!(lines_with(&log, line), 1, "{log}");
}
