//! `sendid`: the same key and message again is no second copy.

use crate::common::{
    EMPTY_INBOX, INBOX_FULL, LOADINGS, Loading, Pair, SENT, Site, UNKNOWN_USER, example,
    example_with_peer, limits, token_of,
};
use crate::{STORE_FULL, Stored};
use chatproto::link::frame::Frame;
use chatproto::{Direction, Record, StoreFailure};

const KEY_REUSED: &str = "{\"status\": \"ERROR\", \"message\": \"Kunci sudah dipakai untuk pesan lain\", \"code\": \"key_reused\"}\r\n\r\n";
const INVALID_KEY: &str = "{\"status\": \"ERROR\", \"message\": \"Kunci tidak benar, pakai 1 sampai 64 huruf atau angka\", \"code\": \"invalid_key\"}\r\n\r\n";
const QUEUE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Antrean ke realm tujuan penuh, coba lagi nanti\", \"code\": \"queue_full\"}\r\n\r\n";

/// How often a text is in messi's inbox.
fn copies(it: &mut Stored, text: &str) -> usize {
    let inbox = it.do_it("inbox", "");
    inbox.matches(&format!("\" {text}\\r\\n\"")).count()
}

#[test]
fn the_same_key_and_message_has_the_same_answer_and_no_second_copy() {
    let mut it = Stored::new();

    let replies = [(); 3].map(|()| it.do_it("sendid", "k messi hi"));

    assert_eq!(replies, [SENT; 3]);
    assert_eq!(copies(&mut it, "hi"), 1);
}

#[test]
fn a_repetition_makes_no_record() {
    let mut it = Stored::new();
    it.do_it("sendid", "k messi hi");

    let again = it
        .site
        .say(it.id, &format!("sendid {} k messi hi\r\n", it.token));

    assert_eq!(again, SENT);
    assert_eq!(it.site.take_batch(), None);
}

#[test]
fn the_key_is_in_the_batch_of_its_message() {
    let mut it = Stored::new();

    let line = format!("sendid {} k messi hi\r\n", it.token);
    let at_once = it.site.say(it.id, &line);
    let other = it.site.open();
    let repeated = it.site.say(other, &line);
    let batch = it.batch();

    assert!(
        matches!(
            &batch.records[..],
            [Record::Listed { .. }, Record::Delivered { .. }, Record::SendKey { number: 1, key, oldest: 1, .. }]
                if &**key == "k"
        ),
        "{batch:?}"
    );
    // The repetition promises what is under way as well.
    assert_eq!((at_once.as_str(), repeated.as_str()), ("", ""));
    assert_eq!(it.committed(batch.number), SENT);
    assert_eq!(it.site.read(other), SENT);
}

#[test]
fn a_key_of_an_answer_that_nobody_saw_is_known_after_a_restart() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.site.receive(
            it.id,
            format!("sendid {} k messi hi\r\n", it.token).as_bytes(),
        );
        let batch = it.batch();
        // The store had it, and the process died before it could answer.
        it.site.log.append(&batch);
        it.restart(loading);

        let again = it.do_it("sendid", "k messi hi");
        let other = it.do_it("sendid", "k messi ho");

        assert_eq!(again, SENT);
        assert_eq!(other, KEY_REUSED);
        assert_eq!(copies(&mut it, "hi"), 1);
    }
}

#[test]
fn a_key_that_was_not_committed_is_free_after_a_restart() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.site.receive(
            it.id,
            format!("sendid {} k messi hi\r\n", it.token).as_bytes(),
        );
        it.restart(loading);

        let again = it.do_it("sendid", "k messi hi");

        assert_eq!(again, SENT);
        assert_eq!(copies(&mut it, "hi"), 1);
    }
}

#[test]
fn another_message_under_the_key_is_not_sent() {
    let mut it = Stored::new();
    it.do_it("sendid", "k messi hi");

    let replies = [
        "k messi ho",
        "k messi  hi",
        "k messi@realm1 hi",
        "k henderson hi",
        "k amsal hi",
    ]
    .map(|rest| it.do_it("sendid", rest));

    assert_eq!(replies, [KEY_REUSED; 5]);
    assert_eq!(copies(&mut it, "hi"), 1);
    assert_eq!(copies(&mut it, "ho"), 0);
}

#[test]
fn keys_are_each_users_own() {
    let mut it = Stored::new();
    it.do_it("sendid", "k messi hi");
    let henderson = it.site.ask(it.id, "auth henderson surabaya\r\n");

    let line = format!("sendid {} k messi ho\r\n", token_of(&henderson));
    let reply = it.site.ask(it.id, &line);

    assert_eq!(reply, SENT);
    assert_eq!(copies(&mut it, "ho"), 1);
}

#[test]
fn a_key_outlives_the_session_it_was_used_with() {
    let mut it = Stored::new();
    it.do_it("sendid", "k messi hi");
    it.do_it("logout", "");
    let again = it.site.ask(it.id, "auth messi surabaya\r\n");
    it.token = token_of(&again);

    assert_eq!(it.do_it("sendid", "k messi hi"), SENT);

    assert_eq!(copies(&mut it, "hi"), 1);
}

#[test]
fn a_failed_send_does_not_use_up_the_key() {
    let bounds = limits(&[("inbox_messages_max", 1)]);
    let mut site = Site::new(example(1).durable(true).limits(bounds));
    let (id, token) = site.enter("messi", "surabaya");
    let send = |site: &mut Site, rest: &str| site.ask(id, &format!("sendid {token} {rest}\r\n"));

    let unknown = send(&mut site, "k siapa hi");
    let first = send(&mut site, "k messi one");
    let full = send(&mut site, "l messi two");
    site.ask(id, &format!("inbox {token}\r\n"));
    let other = send(&mut site, "l messi three");

    assert_eq!(unknown, UNKNOWN_USER);
    assert_eq!((first.as_str(), full.as_str()), (SENT, INBOX_FULL));
    assert_eq!(other, SENT);
}

#[test]
fn a_full_store_does_not_use_up_the_key() {
    let (mut it, _) = Stored::full();
    let other = it.site.open();

    let refused = it
        .site
        .say(other, &format!("sendid {} k messi two\r\n", it.token));
    it.pause();
    it.site.commit();
    let later = it.do_it("sendid", "k messi three");

    assert_eq!(refused, STORE_FULL);
    assert!(later.ends_with(SENT), "{later}");
}

#[test]
fn a_key_is_1_to_64_bytes_without_white_space() {
    let mut it = Stored::new();
    let longest = "k".repeat(64);

    for key in ["1", "0198c1f2-7e6f-7000", "a+b/c=", "\u{e9}", &longest] {
        assert_eq!(
            it.do_it("sendid", &format!("{key} messi hi")),
            SENT,
            "{key}"
        );
    }
    for key in [
        "",
        "k\tk",
        "k\u{7f}",
        "k\u{a0}k",
        &"k".repeat(65),
        &"\u{e9}".repeat(33),
    ] {
        let reply = it.do_it("sendid", &format!("{key} messi hi"));
        assert_eq!(reply, INVALID_KEY, "{key:?}");
    }
    assert_eq!(copies(&mut it, "hi"), 5);
}

#[test]
fn keys_are_numbered_on_after_a_restart() {
    for loading in LOADINGS {
        let bounds = limits(&[("send_keys_max", 2)]);
        let mut site = Site::new(example(1).durable(true).limits(bounds));
        let (id, token) = site.enter("messi", "surabaya");
        for key in ["a", "b", "c"] {
            site.ask(id, &format!("sendid {token} {key} messi hi\r\n"));
        }
        site.restart(loading);
        let id = site.open();

        site.receive(id, format!("sendid {token} b messi hi\r\n").as_bytes());
        assert_eq!((site.read(id).as_str(), site.take_batch()), (SENT, None));
        site.receive(id, format!("sendid {token} d messi hi\r\n").as_bytes());
        let batch = site.take_batch().unwrap();

        let last = batch.records.last();
        assert!(
            matches!(
                last,
                Some(Record::SendKey {
                    number: 4,
                    oldest: 3,
                    ..
                })
            ),
            "{last:?}"
        );
    }
}

// Across realms.

#[test]
fn a_message_to_another_realm_is_queued_once() {
    for loading in [None].into_iter().chain(LOADINGS.map(Some)) {
        let mut pair = Pair::of(
            example_with_peer(1, 2).durable(true),
            example_with_peer(2, 1),
        );
        pair.connect();
        let (messi, token) = pair.one.enter("messi", "surabaya");
        let line = format!("sendid {token} k amsal@realm2 hi\r\n");

        let first = pair.one.ask(messi, &line);
        let mut messi = messi;
        if let Some(loading) = loading {
            pair.restart_one(loading);
            pair.connect();
            messi = pair.one.open();
        }
        let second = pair.one.ask(messi, &line);
        pair.settle();

        assert_eq!([first.as_str(), &second], [SENT; 2]);
        let (amsal, token) = pair.two.log_in("amsal", "jakarta");
        let inbox = pair.two.inbox(amsal, &token);
        assert_eq!(inbox.matches("\" hi\\r\\n\"").count(), 1, "{inbox}");
    }
}

/// Two connections use a key while realm2 is asked whose the name is.
fn asked_twice(lines: [&str; 2]) -> (Site, [String; 2]) {
    let mut site = Site::new(example_with_peer(1, 2).durable(true));
    let (first, token) = site.enter("messi", "surabaya");
    let second = site.open();
    let link = site.greeted_by("realm2", Direction::Accepted);
    for (id, line) in [first, second].into_iter().zip(lines) {
        site.receive(id, format!("{}\r\n", line.replace('T', &token)).as_bytes());
        assert_eq!(site.read(id), "");
    }
    site.deliver(link, &[Frame::Answer { id: 1, found: true }]);
    site.commit();
    let replies = [first, second].map(|id| site.read(id));
    (site, replies)
}

fn queued(site: &Site) -> usize {
    let is_queued = |record: &&Record| matches!(record, Record::Queued { .. });
    site.log.records.iter().filter(is_queued).count()
}

#[test]
fn one_key_on_two_connections_while_peers_are_asked_is_one_message() {
    let (site, replies) = asked_twice(["sendid T k amsal hi"; 2]);

    assert_eq!(replies, [SENT; 2]);
    assert_eq!(queued(&site), 1);
}

#[test]
fn another_message_under_the_key_while_peers_are_asked_is_not_sent() {
    let (site, replies) = asked_twice(["sendid T k amsal hi", "sendid T k amsal ho"]);

    assert_eq!([replies[0].as_str(), &replies[1]], [SENT, KEY_REUSED]);
    assert_eq!(queued(&site), 1);
}

#[test]
fn nobody_of_that_name_anywhere_leaves_the_key_free() {
    let mut site = Site::new(example_with_peer(1, 2).durable(true));
    let (id, token) = site.enter("messi", "surabaya");
    let link = site.greeted_by("realm2", Direction::Accepted);
    site.receive(id, format!("sendid {token} k siapa hi\r\n").as_bytes());
    let found = false;
    site.deliver(link, &[Frame::Answer { id: 1, found }]);

    let unknown = site.read(id);
    let other = site.ask(id, &format!("sendid {token} k messi hi\r\n"));

    assert_eq!((unknown.as_str(), other.as_str()), (UNKNOWN_USER, SENT));
}

#[test]
fn a_full_queue_leaves_the_key_free() {
    let bounds = limits(&[("queue_messages_max", 1)]);
    let mut site = Site::new(example_with_peer(1, 2).durable(true).limits(bounds));
    let (id, token) = site.enter("messi", "surabaya");
    site.ask(id, &format!("send {token} amsal@realm2 one\r\n"));

    let full = site.ask(id, &format!("sendid {token} k amsal@realm2 two\r\n"));
    let other = site.ask(id, &format!("sendid {token} k messi two\r\n"));

    assert_eq!((full.as_str(), other.as_str()), (QUEUE_FULL, SENT));
}

#[test]
fn a_broken_store_promises_no_key() {
    let mut it = Stored::new();
    it.site.receive(
        it.id,
        format!("sendid {} k messi hi\r\n", it.token).as_bytes(),
    );
    let batch = it.batch();
    it.failed(batch.number, StoreFailure::Broken);

    assert_eq!(it.site.read(it.id), crate::STORE_BROKEN);

    it.restart(Loading::Whole);
    assert_eq!(it.do_it("inbox", ""), EMPTY_INBOX);
    assert_eq!(it.do_it("sendid", "k messi ho"), SENT);
}
