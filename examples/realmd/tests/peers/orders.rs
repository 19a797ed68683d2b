//! What operators ask about peers, and do about them.

use crate::town::{Person, Town, by_file};

#[test]
fn peers_tells_how_it_stands_with_each() {
    let (town, one, two) = Town::linked();

    let linked = town.until_linked("realm1", "realm2");
    assert_eq!(linked["mode"], "noise");
    assert_eq!(linked["queue_messages"], 0);
    assert!(linked["since_unix_ms"].as_u64().unwrap() > 0);
    let page = town.told(&["peers", "realm1.toml"]);
    assert!(page.starts_with("peer    link"), "{page}");
    assert!(page.contains("\nrealm2  linked for "), "{page}");

    two.stop();
    town.until("realm1", "realm2", "gone", |peer| {
        peer["state"] == "listening"
    });
    let mut messi = Person::of(&one, "realm1");
    messi.send("user-of-realm2@realm2", "nanti");
    let waiting = town.peer("realm1", "realm2").unwrap();
    assert_eq!(waiting["queue_messages"], 1);
    assert!(waiting["queue_bytes"].as_u64().unwrap() > 0);
    assert!(waiting["oldest_unix_ms"].as_u64().unwrap() > 0);
    assert!(waiting["last_error"].as_str().is_some(), "{waiting}");

    let realms = messi.ask("checkrealm");
    assert_eq!(realms["realms"][0]["realm"], "realm2");
    assert_eq!(realms["realms"][0]["queue"], 1);
    assert_eq!(messi.states(), ["queued"]);
    one.stop();
    let page = town.told(&["peers", "realm1.toml"]);
    assert!(
        page.starts_with("realm1 does not run; this is what its data tell\n"),
        "{page}"
    );
    let stopped = town.peer("realm1", "realm2").unwrap();
    assert_eq!(stopped["queue_messages"], 1);
    assert_eq!(stopped["state"], serde_json::Value::Null);
}

#[test]
fn a_message_is_delivered_and_its_sender_sees_that() {
    let (_town, one, two) = Town::linked();
    let (mut messi, mut amsal) = (Person::of(&one, "realm1"), Person::of(&two, "realm2"));

    messi.send("user-of-realm2@realm2", "halo");
    messi.send("nobody@realm2", "halo");
    amsal.receive("halo");

    crate::common::eventually("both are settled", || {
        (messi.states() == ["delivered", "failed"]).then_some(())
    });
    let bounce = messi.receive("*realm2*");
    assert!(bounce.contains("nobody"), "{bounce}");
}

#[test]
fn a_pause_outlives_the_realm_and_ends_with_resume() {
    let (town, one, two) = Town::linked();

    let told = town.told(&["peer", "pause", "realm1.toml", "realm2"]);
    assert!(
        told.starts_with("realm2 is paused until realmd peer resume"),
        "{told}"
    );
    town.until("realm1", "realm2", "paused", |peer| {
        peer["state"] == "paused"
    });
    let mut messi = Person::of(&one, "realm1");
    messi.send("user-of-realm2@realm2", "ditahan");
    drop(messi);
    let link = one.link;
    one.kill();
    assert_eq!(town.peer("realm1", "realm2").unwrap()["state"], "paused");
    let text = town.read("realm1.toml").replace(
        "127.0.0.1:0\" }\nusers",
        &format!("{}\" }}\nusers", link.unwrap()),
    );
    std::fs::write(town.path("realm1.toml"), text).unwrap();
    let one = town.start("realm1");
    assert_eq!(one.link, link);
    assert_eq!(town.peer("realm1", "realm2").unwrap()["state"], "paused");
    town.until_failed(
        "realm2",
        "realm1",
        "it said: the link is paused by an operator",
    );

    let told = town.told(&["peer", "resume", "realm1.toml", "realm2"]);
    assert_eq!(told, "realm2 is paused no more\n");
    Person::of(&two, "realm2").receive("ditahan");
    let told = town.told(&["peer", "retry", "realm2.toml", "realm1"]);
    assert!(
        told.starts_with(&format!("realm1 is called at {} now", link.unwrap())),
        "{told}"
    );
}

#[test]
fn what_cannot_be_done_about_a_peer_is_told() {
    let town = Town::new();
    town.write_linked("realm1", &by_file("realm2", None));
    let one = town.start("realm1");

    let told = town.refused(&["peer", "pause", "realm1.toml", "realm9"]);
    assert_eq!(told, "realmd: realm9 is no peer of realm1");
    let told = town.refused(&["peer", "remove", "realm1.toml", "realm2"]);
    assert_eq!(
        told,
        "realmd: realm1.toml still names realm2, so that it would be back at the next start: take its [[peers]] out \
         there first"
            .replace("realm1.toml", town.path("realm1.toml").to_str().unwrap())
    );
    Person::of(&one, "realm1").send("user-of-realm2@realm2", "satu");
    let told = town.refused(&["peer", "remove", "realm1.toml", "realm2", "--bounce"]);
    assert!(
        told.ends_with("take its [[peers]] out there first; one message waits for it"),
        "{told}"
    );
    assert_eq!(town.peer("realm1", "realm2").unwrap()["queue_messages"], 1);
    one.stop();
    for (order, then) in [
        ("retry", "start it first"),
        ("remove", "take realm2 out of its file and start it"),
    ] {
        let told = town.refused(&["peer", order, "realm1.toml", "realm2"]);
        assert!(
            told.contains("realm1 does not run") && told.contains(then),
            "{told}"
        );
    }
}

#[test]
fn a_peer_is_removed_with_its_mail_if_that_is_agreed_to() {
    let town = Town::new();
    town.write_linked(
        "realm1",
        &(by_file("realm2", None) + &by_file("realm3", None)),
    );
    let one = town.start("realm1");
    let mut messi = Person::of(&one, "realm1");
    messi.send("user-of-realm2@realm2", "satu");
    messi.send("user-of-realm2@realm2", "dua");
    town.write_linked("realm1", "");

    // Nothing waits for this one.
    let told = town.told(&["peer", "remove", "realm1.toml", "realm3"]);
    assert_eq!(told, "realm3 is no peer any more\n");
    assert_eq!(town.peer("realm1", "realm3"), None);
    let told = town.refused(&["peer", "remove", "realm1.toml", "realm2"]);
    assert!(
        told.starts_with("realmd: 2 messages wait for realm2: ") && told.contains("add --bounce"),
        "{told}"
    );
    assert_eq!(messi.states(), ["queued", "queued"]);

    let told = town.told(&["peer", "remove", "realm1.toml", "realm2", "--bounce"]);
    assert_eq!(told, "realm2 is no peer any more\n");
    assert_eq!(messi.states(), ["failed", "failed"]);
    messi.receive("*realm2*");
    assert_eq!(
        town.told(&["peers", "realm1.toml"]),
        "realm1 has no peers\n"
    );
    one.kill();
    // It was in the store before it was told.
    town.start("realm1").stop();
}

#[test]
fn a_realm_whose_file_lost_a_peer_with_mail_starts_only_if_that_may_bounce() {
    let town = Town::new();
    town.write_linked("realm1", &by_file("realm2", None));
    let one = town.start("realm1");
    Person::of(&one, "realm1").send("user-of-realm2@realm2", "satu");
    one.stop();
    town.write_linked("realm1", "");

    let told = town.refused(&["realm1.toml"]);
    assert!(
        told.starts_with(
            "realmd: 1 message waits for realm2, which is no peer of realm1 any more: put it back"
        ) && told.contains("start once with `realmd --bounce`"),
        "{told}"
    );

    let one = town.start_with("realm1", &["--bounce"]);
    let mut messi = Person::of(&one, "realm1");
    messi.receive("*realm2*");
    assert_eq!(messi.states(), ["failed"]);
    drop(messi);
    let log = one.stop();
    let line =
        "realm1: one message for realm2, which is no peer any more, never left and went back";
    assert!(log.contains(line), "{log}");
    town.start("realm1").stop();
}
