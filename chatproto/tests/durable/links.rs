//! What goes over a link, and when.

use crate::Stored;
use crate::common::{EMPTY_INBOX, Pair, SENT, Site, example_with_peer, name, token_of};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::{Direction, Envelope, Event, Kind, LinkId, Record};
use std::sync::Arc;
use uuid::Uuid;

const MAIL: Uuid = Uuid::from_u128(0xa1);

#[test]
fn an_envelope_leaves_after_the_commit() {
    let mut pair = Pair::of(
        example_with_peer(1, 2).durable(true),
        example_with_peer(2, 1),
    );
    pair.one.commit();
    pair.connect();
    let messi = pair.one.open();
    pair.one.receive(messi, b"auth messi surabaya\r\n");
    pair.one.commit();
    let token = token_of(&pair.one.read(messi));
    let (link, _) = pair.links.unwrap();

    let send = format!("send {token} amsal@realm2 hi\r\n");
    assert_eq!(pair.one.say(messi, &send), "");
    assert_eq!(pair.one.take(link), []);
    pair.one.commit();

    assert_eq!(pair.one.read(messi), SENT);
    assert!(matches!(pair.one.take(link)[..], [Frame::Env { .. }]));
}

#[test]
fn an_ack_leaves_after_the_commit_of_the_inbox_and_the_cursor() {
    let mut pair = Pair::of(
        example_with_peer(1, 2),
        example_with_peer(2, 1).durable(true),
    );
    pair.two.commit();
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    pair.two.commit();
    pair.one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    let (_, link) = pair.links.unwrap();

    pair.step_there();
    let before = pair.two.take(link);
    let batch = pair.two.realm.take_batch().unwrap();
    pair.two
        .realm
        .committed(batch.number, pair.two.now)
        .unwrap();
    pair.two.run();
    let after = pair.two.take(link);

    assert_eq!(before, []);
    let kinds = ["Met", "Listed", "Delivered", "Seen", "Cursor"];
    let shown: Vec<_> = batch.records.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(shown.len(), 5);
    for (record, kind) in shown.iter().zip(kinds) {
        assert!(record.starts_with(kind), "{record}");
    }
    assert!(matches!(after[..], [Frame::Ack { durable: 1, .. }]));
}

#[test]
fn a_stream_is_announced_once_it_is_stored() {
    let mut it = Site::new(example_with_peer(1, 2).durable(true));
    let announced = |frames: Vec<Frame>| {
        let resumes = frames.into_iter().filter_map(|frame| match frame {
            Frame::Resume(resume) => Some(resume.kind),
            _ => None,
        });
        resumes.collect::<Vec<_>>()
    };
    let link = it.greeted_by("realm2", Direction::Accepted);

    let before = announced(it.take(link));
    it.commit();

    assert_eq!(before, []);
    let both = [StreamKind::Mail, StreamKind::Bounce];
    assert_eq!(announced(it.take(link)), both);
    // It is stored now.
    it.link_down(link);
    let link = it.greeted_by("realm2", Direction::Accepted);
    assert_eq!(announced(it.take(link)), both);
}

#[test]
fn pongs_and_answers_wait_for_nothing() {
    let mut it = Stored::new();
    let link = it.site.greeted_by("realm2", Direction::Accepted);
    it.site.take(link);
    it.send("hi");

    it.site.deliver(link, &[Frame::Ping { n: 1 }]);

    assert_eq!(it.site.take(link), [Frame::Pong { n: 1 }]);
}

/// realm1 with a store, and realm2 about to send one message.
fn receiving() -> (Stored, LinkId, Frame) {
    let mut it = Stored::new();
    let link = it.site.greeted_by("realm2", Direction::Accepted);
    let resume = Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Sender { oldest: 1, last: 1 },
    };
    it.site.deliver(link, &[Frame::Resume(resume)]);
    it.site.take(link);
    let envelope = Envelope {
        id: Uuid::from_u128(1),
        kind: Kind::Message,
        origin: name("realm2"),
        destination: name("realm1"),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: u64::MAX,
        text: " hi\r\n".to_owned(),
    };
    let carried = Frame::Env {
        stream: MAIL,
        seq: 1,
        envelope: Arc::new(envelope),
    };
    (it, link, carried)
}

#[test]
fn inbox_and_cursor_are_one_batch_even_if_the_link_ends_with_it() {
    let bye = Frame::Bye {
        code: String::new(),
        text: String::new(),
    };
    let error = Frame::Error {
        code: String::new(),
        text: String::new(),
    };
    for last in [
        bye,
        error,
        Frame::Ping { n: 1 },
        Frame::Answer { id: 1, found: true },
    ] {
        let (mut it, link, carried) = receiving();

        it.site.deliver(link, &[carried, last]);

        let records = it.batch().records;
        let is_delivered = |record: &Record| matches!(record, Record::Delivered { .. });
        let is_cursor = |record: &Record| matches!(record, Record::Cursor { durable: 1, .. });
        assert!(records.iter().any(is_delivered), "{records:?}");
        assert!(records.iter().any(is_cursor), "{records:?}");
    }
}

#[test]
fn a_cursor_that_waits_is_not_recorded_again() {
    let (mut it, link, carried) = receiving();
    it.site.deliver(link, &[carried]);
    let batch = it.batch();

    for n in 0..3 {
        it.site.deliver(link, &[Frame::Ping { n }]);
    }

    it.committed(batch.number);
    assert_eq!(it.site.realm.take_batch(), None);
}

#[test]
fn a_commit_while_the_link_is_down_breaks_no_later_link() {
    for is_up_before_commit in [false, true] {
        let two = example_with_peer(2, 1).durable(true);
        let mut pair = Pair::of(example_with_peer(1, 2), two);
        pair.connect();
        let (messi, token) = pair.one.log_in("messi", "surabaya");
        let line = format!("send {token} amsal@realm2 hi\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
        pair.pump();
        let batch = pair.two.realm.take_batch().unwrap();
        pair.cut();
        if is_up_before_commit {
            // Hellos are exchanged, but nobody has resumed.
            pair.link();
            pair.step_there();
            pair.step_back();
        }

        let now = pair.two.now;
        pair.two.realm.committed(batch.number, now).unwrap();
        pair.two.run();
        if !is_up_before_commit {
            pair.link();
        }
        pair.pump();

        for site in [&pair.one, &pair.two] {
            let bad = |event: &&Event| matches!(event, Event::PeerMisbehaved { .. });
            assert_eq!(site.events().into_iter().find(bad), None);
        }
        // The first realm has let go of the message: nothing is under way.
        pair.one.outputs.clear();
        pair.wait(39_000);
        assert_eq!(pair.one.outputs, []);
    }
}

#[test]
fn what_was_not_committed_is_resumed_in_memory_and_acknowledged_later() {
    let two = example_with_peer(2, 1).durable(true);
    let mut pair = Pair::of(example_with_peer(1, 2), two);
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    for text in ["one", "two"] {
        let line = format!("send {token} amsal@realm2 {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }
    pair.pump();
    let batch = pair.two.realm.take_batch().unwrap();

    pair.cut();
    pair.connect();
    pair.two
        .realm
        .committed(batch.number, pair.two.now)
        .unwrap();
    pair.two.run();
    pair.pump();
    pair.two.commit();
    pair.pump();

    let amsal = pair.two.open();
    pair.two.receive(amsal, b"auth amsal jakarta\r\n");
    pair.two.commit();
    let other = token_of(&pair.two.read(amsal));
    pair.two
        .receive(amsal, format!("inbox {other}\r\n").as_bytes());
    pair.two.commit();
    assert_eq!(
        pair.two.read(amsal),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" one\\r\\n\"}, {\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" two\\r\\n\"}]}}\r\n\r\n"
    );
    assert_eq!(pair.one.inbox(messi, &token), EMPTY_INBOX);
}
