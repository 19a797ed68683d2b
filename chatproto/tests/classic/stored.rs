//! Classic neighbours and the store.

use crate::common::{LOADINGS, Loading, SENT, Site, example, example_with_peer, name};
use crate::{Old, TAKEN, config};
use chatproto::{PeerConfig, PeerId, Record, RestoreError, StoreFailure, UserId};
use uuid::Uuid;

const STORE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Penyimpanan server penuh, coba lagi nanti\", \"code\": \"store_full\"}\r\n\r\n";

fn stored() -> Old {
    Old::of(config().durable(true))
}

/// The store has no room for what is to be kept next.
fn fill(it: &mut Old) {
    it.send("henderson", "x");
    let batch = it.site.take_batch().unwrap();
    let now = it.site.now;
    let full = StoreFailure::Full;
    it.site.realm.store_failed(batch.number, full, now).unwrap();
    it.site.run();
}

#[test]
fn the_answer_waits_for_the_commit() {
    let mut it = stored();
    let id = it.site.neighbour("lama");

    let before = it.site.say(id, "server send amsal messi hi\r\n");
    it.site.commit();
    let after = it.site.read(id);

    assert_eq!(before, "");
    assert!(after.contains("\"sendback\""), "{after}");
}

#[test]
fn a_message_of_a_neighbour_outlives_the_process() {
    for loading in LOADINGS {
        let mut it = stored();
        it.asked_by("lama", "server send amsal messi hi\r\n");

        it.site.restart(loading);

        let (id, token) = it.site.enter("messi", "surabaya");
        let inbox = it.site.ask(id, &format!("inbox {token}\r\n"));
        assert!(
            inbox.contains("{\"amsal\": [{\"msg_from\": \"amsal\","),
            "{loading:?}: {inbox}"
        );
        it.site.say(id, &format!("send {token} amsal hi\r\n"));
        let calls = it.site.calls();
        assert_eq!(
            calls[0].1, "lama: server send messi amsal hi\r\n",
            "{loading:?}"
        );
    }
}

#[test]
fn a_key_outlives_the_process_once_its_ok_was_told() {
    let mut it = stored();
    let line = format!("sendid {} k1 budi@lama hi\r\n", it.token);
    it.site.say(it.messi, &line);
    let (request, _) = it.call();

    let before = it.answer(request, TAKEN);
    it.site.commit();
    let after = it.site.read(it.messi);
    it.site.restart(Loading::Whole);

    assert_eq!((before.as_str(), after.as_str()), ("", SENT));
    let id = it.site.open();
    assert_eq!(it.site.ask(id, &line), SENT);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn with_a_full_store_nothing_is_taken_and_nothing_sent() {
    let mut it = stored();
    fill(&mut it);

    let id = it.site.neighbour("lama");
    assert_eq!(
        it.site.say(id, "server send amsal messi hi\r\n"),
        STORE_FULL
    );
    let other = it.site.open();
    let line = format!("send {} budi@lama hi\r\n", it.token);
    assert_eq!(it.site.say(other, &line), STORE_FULL);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn a_store_that_is_full_meanwhile_does_not_hold_an_ok_back() {
    let mut it = stored();
    let other = it.site.open();
    let line = format!("send {} budi@lama hi\r\n", it.token);
    it.site.receive(other, line.as_bytes());
    let (request, _) = it.call();
    fill(&mut it);

    it.site.answer(request, TAKEN);

    assert_eq!(it.site.read(other), SENT);
}

#[test]
fn a_linked_peer_with_mail_waiting_cannot_become_a_classic_one() {
    let mut site = Site::new(example_with_peer(1, 2).durable(true));
    let (id, token) = site.enter("messi", "surabaya");
    assert_eq!(
        site.ask(id, &format!("send {token} amsal@realm2 hi\r\n")),
        SENT
    );
    let classic = example(1)
        .durable(true)
        .peer(PeerConfig::classic(name("realm2")));

    let refused = site.try_restart_as(classic, Loading::Whole);

    let wrong = RestoreError::PeerClassic {
        peer: name("realm2"),
        messages: 1,
    };
    assert_eq!(refused, Err(wrong));
    site.try_restart_as(example_with_peer(1, 2).durable(true), Loading::Whole)
        .unwrap();
}

#[test]
fn a_linked_peer_with_nothing_waiting_may_become_a_classic_one() {
    let mut site = Site::new(example_with_peer(1, 2).durable(true));
    site.commit();
    let classic = example(1)
        .durable(true)
        .peer(PeerConfig::classic(name("realm2")));

    site.restart_as(classic, Loading::Whole);

    let id = site.neighbour("realm2");
    let answer = site.ask(id, "server send amsal messi hi\r\n");
    assert!(answer.contains("\"sendback\""), "{answer}");
    site.wait(600_000);
    assert!(
        site.outputs
            .iter()
            .all(|it| !format!("{it:?}").starts_with("Dial"))
    );
}

#[test]
fn a_refusal_that_will_not_be_explained_any_more_is_told() {
    let mut site = Site::new(example_with_peer(1, 2).durable(true));
    site.commit();
    site.log.records.push(Record::BounceDue {
        peer: PeerId::from_number(0),
        id: Uuid::from_u128(7),
        user: UserId::from_number(0),
        to: "siapa@realm2".into(),
    });
    let classic = example(1)
        .durable(true)
        .peer(PeerConfig::classic(name("realm2")));

    site.restart_as(classic, Loading::Whole);

    let (id, token) = site.enter("messi", "surabaya");
    let inbox = site.ask(id, &format!("inbox {token}\r\n"));
    assert!(
        inbox.contains("\" Pesan untuk siapa@realm2 tidak terkirim: ditolak\\r\\n\""),
        "{inbox}"
    );
}
