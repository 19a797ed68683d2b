//! A store that is full, or broken.

use crate::common::{SENT, Site, example};
use crate::{STORE_BROKEN, STORE_FULL, Stored};
use chatproto::link::frame::Frame;
use chatproto::{CloseReason, Direction, Event, Output, StoreFailure};

#[test]
fn a_full_store_is_offered_the_same_batch_again() {
    let (mut it, batch) = Stored::full();

    let too_early = it.site.take_batch();
    it.pause();
    let again = it.batch();
    it.failed(again.number, StoreFailure::Full);
    it.pause();
    let third = it.batch();
    let reply = it.committed(third.number);

    assert_eq!(too_early, None);
    assert_eq!((&again, &third), (&batch, &batch));
    assert_eq!(reply, SENT);
    assert_eq!(
        it.site.events(),
        [&Event::StoreFull, &Event::StoreRecovered]
    );
}

#[test]
fn a_full_store_refuses_changes_before_anything_is_changed() {
    let (mut it, batch) = Stored::full();
    let other = it.site.open();
    let token = it.token.clone();
    let mut say = |line: String| it.site.say(other, &line);

    let refused = [
        say(format!("send {token} messi two\r\n")),
        say(format!("inbox {token}\r\n")),
        say(format!("ack {token} 1\r\n")),
        say(format!("sendid {token} k messi two\r\n")),
        say("auth messi surabaya\r\n".to_owned()),
        say(format!("logout {token}\r\n")),
    ];
    it.pause();
    let again = it.batch();
    it.committed(again.number);
    let nothing_more = it.site.take_batch();
    it.site.inbox(it.id, &it.token);
    it.site.commit();

    assert_eq!(refused, [STORE_FULL; 6]);
    assert_eq!((again, nothing_more), (batch, None));
    let inbox = it.site.read(it.id);
    assert!(inbox.contains("\" one\\r\\n\"") && !inbox.contains("two"));
}

#[test]
fn changes_are_taken_again_once_there_is_room() {
    let (mut it, _) = Stored::full();

    it.pause();
    let batch = it.batch();
    it.committed(batch.number);
    it.send("two");
    it.site.commit();

    assert_eq!(it.site.read(it.id), SENT);
}

#[test]
fn a_broken_store_stops_the_realm_and_says_so() {
    let mut it = Stored::new();
    let other = it.site.open();
    it.send("hi");
    let batch = it.batch();

    it.failed(batch.number, StoreFailure::Broken);
    let late = it.site.open();

    assert_eq!(it.site.read(other), STORE_BROKEN);
    assert_eq!(it.site.read(late), STORE_BROKEN);
    assert!(it.site.events().contains(&&Event::StoreBroken));
    let closed = Output::Close(other, CloseReason::StoreBroken);
    assert!(it.site.outputs.contains(&closed));
    assert_eq!(it.site.realm.take_batch(), None);
    it.site.wait(5_000);
    assert!(!it.site.read(it.id).contains("\"OK\""));
    assert!(it.site.realm.is_shut_down());
}

#[test]
fn those_who_only_ask_are_answered_while_the_store_is_full() {
    let (mut it, _) = Stored::full();
    let other = it.site.open();

    let active = it.site.say(other, &format!("activeuser {}\r\n", it.token));
    let hello = it.site.say(other, "hello\r\n");

    assert_eq!(
        active,
        "{\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n"
    );
    assert!(hello.starts_with("{\"status\": \"OK\", \"realm\": \"realm1\""));
}

#[test]
fn a_message_that_waited_for_an_answer_is_refused_by_a_full_store() {
    let mut it = Stored::new();
    let link = it.site.greeted_by("realm2", Direction::Accepted);
    let asking = it.site.open();
    it.site
        .receive(asking, format!("send {} amsal hi\r\n", it.token).as_bytes());
    it.send("one");
    let batch = it.batch();
    it.failed(batch.number, StoreFailure::Full);

    it.site
        .deliver(link, &[Frame::Answer { id: 1, found: true }]);

    assert_eq!(it.site.read(asking), STORE_FULL);
}

#[test]
fn who_waits_for_a_reply_is_told_that_the_store_broke_and_not_that_it_was_kept() {
    let mut it = Stored::new();
    it.send("hi");
    let batch = it.batch();

    it.failed(batch.number, StoreFailure::Broken);

    assert_eq!(it.site.read(it.id), STORE_BROKEN);
    let closed = Output::Close(it.id, CloseReason::StoreBroken);
    assert!(it.site.outputs.contains(&closed));
}

#[test]
fn a_request_under_way_is_told_that_the_store_broke() {
    let mut site = Site::new(example(1).durable(true));
    let request = site.realm.execute(b"auth messi surabaya", site.now);
    let batch = site.realm.take_batch().unwrap();

    let now = site.now;
    site.realm
        .store_failed(batch.number, StoreFailure::Broken, now)
        .unwrap();
    site.run();

    let reply = Output::Reply(request, STORE_BROKEN.as_bytes().to_vec());
    assert!(site.outputs.contains(&reply), "{:?}", site.outputs);
}
