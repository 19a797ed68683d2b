//! Replies and batches.

use crate::Stored;
use crate::common::{NO_SESSION, Pair, SENT, Site, UNKNOWN_COMMAND, example, token_of};
use chatproto::{Misuse, Record, StoreFailure};

#[test]
fn a_reply_waits_for_the_commit() {
    let mut it = Stored::new();

    let at_once = it.send("hi");
    let batch = it.batch();
    let under_way = it.site.read(it.id);
    let after = it.committed(batch.number);

    assert_eq!((at_once.as_str(), under_way.as_str()), ("", ""));
    assert_eq!(after, SENT);
    assert!(
        matches!(
            &batch.records[..],
            [Record::Listed { position: 0, .. }, Record::Delivered { number: 1, text, .. }]
                if &**text == " hi\r\n"
        ),
        "{batch:?}"
    );
}

#[test]
fn a_login_is_told_after_the_commit() {
    let mut site = Site::new(example(1).durable(true));
    let id = site.open();

    let at_once = site.say(id, "auth messi surabaya\r\n");
    site.commit();

    assert_eq!(at_once, "");
    assert_eq!(token_of(&site.read(id)).len(), 36);
}

#[test]
fn an_inbox_is_shown_after_it_is_taken_for_good() {
    let mut it = Stored::new();
    it.send("hi");
    it.site.commit();
    it.site.read(it.id);

    let at_once = it.site.inbox(it.id, &it.token);
    let batch = it.batch();
    let after = it.committed(batch.number);

    assert_eq!(at_once, "");
    assert!(matches!(batch.records[..], [Record::InboxTaken { .. }]));
    assert!(after.contains("\" hi\\r\\n\""));
}

#[test]
fn errors_wait_for_nothing() {
    let mut it = Stored::new();
    it.send("hi");
    let other = it.site.open();

    let replies = ["x\r\n", "inbox T\r\n"].map(|line| it.site.say(other, line));

    assert_eq!(replies, [UNKNOWN_COMMAND, NO_SESSION]);
}

#[test]
fn replies_of_one_connection_keep_their_order() {
    let mut it = Stored::new();
    let line = format!("x\r\nsend {} messi one\r\nx\r\n", it.token);

    let before = it.site.say(it.id, &line);
    let batch = it.batch();
    let more = it
        .site
        .say(it.id, &format!("send {} messi two\r\nx\r\n", it.token));
    let first = it.committed(batch.number);
    let batch = it.batch();
    let second = it.committed(batch.number);

    assert_eq!((before.as_str(), more.as_str()), (UNKNOWN_COMMAND, ""));
    assert_eq!(first, [SENT, UNKNOWN_COMMAND].concat());
    assert_eq!(second, [SENT, UNKNOWN_COMMAND].concat());
}

#[test]
fn one_batch_is_under_way_at_a_time() {
    let mut it = Stored::new();
    it.send("one");
    let first = it.batch();
    it.send("two");
    it.send("three");

    assert_eq!(it.site.realm.take_batch(), None);
    it.committed(first.number);
    let second = it.batch();

    assert_eq!(second.number, first.number + 1);
    assert_eq!(first.records.len(), 2, "the sender is listed, too");
    assert_eq!(second.records.len(), 2);
    assert_eq!(it.site.realm.take_batch(), None);
    it.committed(second.number);
    assert_eq!(it.site.realm.take_batch(), None);
}

#[test]
fn a_wrong_batch_number_is_misuse() {
    let mut it = Stored::new();
    let now = it.site.now;
    it.send("one");
    let not_taken = it.site.realm.committed(2, now);
    let batch = it.batch();

    let wrong = it.site.realm.committed(batch.number + 1, now);
    let wrong_failure = it
        .site
        .realm
        .store_failed(batch.number - 1, StoreFailure::Full, now);
    let right = it.committed(batch.number);
    let twice = it.site.realm.committed(batch.number, now);

    assert_eq!(not_taken, Err(Misuse::WrongBatch));
    assert_eq!(wrong, Err(Misuse::WrongBatch));
    assert_eq!(wrong_failure, Err(Misuse::WrongBatch));
    assert_eq!(right, SENT);
    assert_eq!(twice, Err(Misuse::WrongBatch));
}

#[test]
fn without_a_store_nothing_waits_and_no_batch_is_made() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");

    let reply = pair
        .one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    pair.pump();

    assert_eq!(reply, SENT);
    assert_eq!(pair.one.realm.take_batch(), None);
    assert_eq!(pair.two.realm.take_batch(), None);
}
