//! What waits for other realms, and what is remembered of it.

use crate::common::{
    SENT, Site, example_with_peer, hello, limits, mail_stream, name, resumed, texts_of,
};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::{Direction, Envelope, Event, Kind, LinkId, Output};
use std::sync::Arc;
use uuid::Uuid;

fn site(is_durable: bool, values: &[(&str, u64)]) -> Site {
    let config = example_with_peer(1, 2).durable(is_durable);
    Site::new(config.limits(limits(values)))
}

#[test]
fn a_message_waits_for_queue_ms_max_and_no_longer() {
    let mut it = site(false, &[("queue_ms_max", 500)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    let given_up = |it: &Site| {
        let mut events = it.events().into_iter();
        events.any(|it| matches!(it, Event::MailGivenUp { messages: 1, .. }))
    };

    it.wait(499);
    assert!(!given_up(&it));
    it.wait(1);

    assert!(given_up(&it));
    let inbox = it.inbox(messi, &token);
    assert_eq!(
        texts_of(&inbox),
        [
            " Pesan untuk amsal@realm2 tidak terkirim: Realm tujuan terlalu lama tidak dapat dihubungi"
        ]
    );
}

#[test]
fn the_newest_outbox_messages_max_are_shown() {
    let mut it = site(false, &[("outbox_messages_max", 2)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let mut shown = Vec::new();
    for text in ["satu", "dua", "tiga"] {
        it.say(messi, &format!("send {token} amsal@realm2 {text}\r\n"));
        let outbox = it.say(messi, &format!("outbox {token}\r\n"));
        shown.push(["satu", "dua", "tiga"].map(|text| outbox.contains(&format!("\"{text}\""))));
    }

    let expected = [
        [true, false, false],
        [true, true, false],
        [false, true, true],
    ];
    assert_eq!(shown, expected);
}

/// The bytes that a peer is sent which acknowledges nothing, before anything is read of the store.
fn sent_of_memory(text: &str) -> usize {
    let mut it = site(true, &[("queue_memory_bytes_max", 65_536)]);
    it.holds_queues = true;
    let (messi, token) = it.enter("messi", "surabaya");
    for _ in 0..10 {
        let line = format!("send {token} amsal@realm2 {text}\r\n");
        assert_eq!(it.ask(messi, &line), SENT);
    }
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.commit();
    let stream = mail_stream(&it.take(link));
    it.deliver(link, &resumed(stream));
    it.commit();
    let frames = it.take(link).into_iter();
    frames
        .filter(|frame| matches!(frame, Frame::Env { .. }))
        .count()
}

#[test]
fn queue_memory_bytes_max_of_a_queue_are_in_memory_and_not_one_more() {
    // 512 bytes and a text of 15,872 are a quarter of the limit.
    assert_eq!(sent_of_memory(&"x".repeat(15_869)), 4);
    assert_eq!(sent_of_memory(&"x".repeat(15_870)), 3);
}

#[test]
fn seen_messages_max_of_a_peer_are_recognised() {
    for (seen_max, expected) in [(2, &[" 1", " 2"][..]), (1, &[" 1", " 2", " 1"])] {
        let mut it = site(false, &[("seen_messages_max", seen_max)]);
        let link = it.greeted_by("realm2", Direction::Accepted);
        deliver(&mut it, link, Uuid::from_u128(0xa1), &[1, 2]);
        it.link_down(link);
        let link = it.link_up("realm2", Direction::Accepted);
        it.deliver(link, &[hello("realm2", "realm1")]);

        // The same messages in another stream.
        deliver(&mut it, link, Uuid::from_u128(0xa2), &[1]);

        let (messi, token) = it.log_in("messi", "surabaya");
        let texts = texts_of(&it.inbox(messi, &token));
        assert_eq!(texts, expected, "{seen_max}");
        assert!(
            !it.outputs
                .iter()
                .any(|it| matches!(it, Output::LinkClose(..)))
        );
    }
}

fn deliver(it: &mut Site, link: LinkId, stream: Uuid, ids: &[u64]) {
    let resume = Resume {
        stream,
        kind: StreamKind::Mail,
        view: View::Sender { oldest: 1, last: 9 },
    };
    it.deliver(link, &[Frame::Resume(resume)]);
    for (seq, id) in (1..).zip(ids) {
        let envelope = Arc::new(Envelope {
            id: Uuid::from_u128(u128::from(*id)),
            kind: Kind::Message,
            origin: name("realm2"),
            destination: name("realm1"),
            from: "amsal@realm2".to_owned(),
            to: "messi@realm1".to_owned(),
            sent_unix_ms: 0,
            expires_unix_ms: 0,
            text: format!(" {id}\r\n"),
        });
        let env = Frame::Env {
            stream,
            seq,
            envelope,
        };
        it.deliver(link, &[env]);
    }
}
