//! What may have been sent is in the store before it is; what never was expires.

use crate::common::{LOADINGS, Loading, Pair, SENT, Site, limits, mail_stream, resumed};
use crate::neighbours::{apart, durable, faults, send, texts};
use crate::posts::outbox;
use chatproto::link::frame::{Frame, StreamKind};
use chatproto::{Direction, ErrorCode, Event, Record};

const EXPIRED: &str =
    " Pesan untuk amsal@realm2 tidak terkirim: Realm tujuan terlalu lama tidak dapat dihubungi";

/// Two realms that are not linked, where messi's messages wait for a second, and messi's token.
fn impatient() -> (Pair, String) {
    let config = durable(1, 2).limits(limits(&[("queue_ms_max", 1_000)]));
    let mut pair = Pair::of(config, durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.two.commit();
    (pair, token)
}

/// The numbers of all envelopes and voids that a realm has put on links, since it was started.
fn sent(site: &Site) -> Vec<(u64, bool)> {
    let frames = site.all_frames.iter();
    let frames = frames.filter_map(|(_, frame)| match frame {
        Frame::Env { seq, .. } => Some((*seq, false)),
        Frame::Void { seq, .. } => Some((*seq, true)),
        _ => None,
    });
    frames.collect()
}

/// What a record is called, and its number in the stream of mail if it speaks of that.
fn shown(record: &Record) -> String {
    let word = format!("{record:?}");
    let word = word.split(' ').next().unwrap();
    match record {
        Record::Marked { upto, kind, .. } => format!("{word} {kind:?} {upto}"),
        Record::Queued { seq, is_marked, .. } => format!("{word} {seq} {is_marked}"),
        Record::Voided { seq, .. } => format!("{word} {seq}"),
        _ => word.to_owned(),
    }
}

fn given_up(site: &Site) -> Vec<(u64, ErrorCode)> {
    let events = site.events().into_iter();
    let events = events.filter_map(|event| match event {
        Event::MailGivenUp { messages, code, .. } => Some((*messages, *code)),
        _ => None,
    });
    events.collect()
}

#[test]
fn what_waited_is_marked_in_the_store_before_it_is_sent() {
    let (mut pair, token) = apart();
    for text in ["satu", "dua"] {
        send(&mut pair.one, &token, "amsal@realm2", text);
    }

    // However long the store takes, nothing is sent.
    pair.link();
    for _ in 0..3 {
        pair.pump();
        pair.two.commit();
    }
    let batch = pair.one.take_batch().unwrap();
    let before = sent(&pair.one);
    pair.one.committed(batch.number);

    let records: Vec<_> = batch.records.iter().map(shown).collect();
    assert!(records.contains(&"Marked Mail 2".to_owned()), "{records:?}");
    assert_eq!(before, []);
    assert_eq!(sent(&pair.one), [(1, false), (2, false)]);
}

#[test]
fn on_a_flowing_stream_the_mark_comes_with_the_row() {
    let (mut pair, token) = apart();
    pair.connect();
    pair.settle();

    let id = pair.one.open();
    let line = format!("send {token} amsal@realm2 satu\r\n");
    pair.one.receive(id, line.as_bytes());
    let batch = pair.one.take_batch().unwrap();
    let before = sent(&pair.one);
    pair.one.committed(batch.number);

    let records: Vec<_> = batch.records.iter().map(shown).collect();
    assert_eq!(records, ["Queued 1 true"]);
    assert_eq!((before, sent(&pair.one)), (vec![], vec![(1, false)]));
    assert_eq!(pair.one.read(id), SENT);
    assert!(pair.one.take_batch().is_none());
}

#[test]
fn what_never_left_expires_and_its_sender_is_told_in_the_same_batch() {
    let (mut pair, token) = impatient();
    for text in ["satu", "dua"] {
        send(&mut pair.one, &token, "amsal@realm2", text);
    }

    pair.one.wait(999);
    assert!(pair.one.take_batch().is_none());
    pair.one.wait(1);
    let batch = pair.one.take_batch().unwrap();
    pair.one.committed(batch.number);

    let records: Vec<_> = batch.records.iter().map(shown).collect();
    assert_eq!(
        records,
        [
            "Voided 1",
            "Listed",
            "Delivered",
            "Posted",
            "Voided 2",
            "Delivered",
            "Posted"
        ]
    );
    assert_eq!(given_up(&pair.one), [(2, ErrorCode::Expired)]);
    assert_eq!(
        outbox(&mut pair.one, &token),
        [
            "amsal@realm2 satu: failed expired",
            "amsal@realm2 dua: failed expired"
        ]
    );
    assert_eq!(
        texts(&mut pair.one, "messi", "surabaya"),
        [EXPIRED, EXPIRED]
    );
}

#[test]
fn what_expired_goes_as_a_void_and_what_came_later_is_delivered() {
    for loading in LOADINGS {
        let (mut pair, token) = impatient();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.one.wait(500);
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        pair.one.wait(500);
        pair.one.commit();

        pair.restart_one(loading);
        pair.connect();
        pair.settle();

        assert_eq!(sent(&pair.one), [(1, true), (2, false)], "{loading:?}");
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" dua"]);
        assert_eq!(texts(&mut pair.one, "messi", "surabaya"), [EXPIRED]);
        assert_eq!(
            outbox(&mut pair.one, &token),
            [
                "amsal@realm2 satu: failed expired",
                "amsal@realm2 dua: delivered"
            ]
        );
        assert_eq!(faults(&pair), Vec::<String>::new());
    }
}

#[test]
fn an_expiry_that_was_not_stored_never_was() {
    for loading in LOADINGS {
        let (mut pair, token) = impatient();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.one.wait(1_000);
        let lost = pair.one.take_batch().unwrap();
        assert_eq!(shown(&lost.records[0]), "Voided 1");

        pair.one.restart(loading);
        let again = pair.one.take_batch().unwrap();
        pair.one.committed(again.number);
        pair.connect();
        pair.settle();

        assert_eq!(shown(&again.records[0]), "Voided 1", "{loading:?}");
        assert_eq!(texts(&mut pair.one, "messi", "surabaya"), [EXPIRED]);
        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            Vec::<String>::new()
        );
    }
}

#[test]
fn nothing_is_sent_of_what_is_being_given_up() {
    let (mut pair, token) = impatient();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    pair.one.wait(1_000);
    // The link is there before the store has the void.
    pair.link();
    for _ in 0..3 {
        pair.pump();
        pair.two.commit();
    }
    assert_eq!(sent(&pair.one), []);
    pair.settle();

    assert_eq!(sent(&pair.one), [(1, true)]);
    assert_eq!(
        texts(&mut pair.two, "amsal", "jakarta"),
        Vec::<String>::new()
    );
}

#[test]
fn what_may_have_been_sent_is_unknown_after_its_time_and_delivered_when_the_peer_is_back() {
    for loading in LOADINGS {
        for is_restarted in [false, true] {
            let (mut pair, token) = impatient();
            pair.connect();
            pair.settle();
            let sent_ok = send(&mut pair.one, &token, "amsal@realm2", "satu");
            // It is lost on the way, or its ack is.
            pair.cut();
            let waiting = outbox(&mut pair.one, &token);

            pair.one.wait(1_001);
            pair.one.commit();
            if is_restarted {
                pair.one.restart(loading);
            }
            let late = outbox(&mut pair.one, &token);
            pair.connect();
            pair.settle();
            let back = outbox(&mut pair.one, &token);

            assert_eq!(sent_ok, SENT);
            assert_eq!(waiting, ["amsal@realm2 satu: queued"]);
            assert_eq!(late, ["amsal@realm2 satu: unknown"], "{loading:?}");
            assert_eq!(back, ["amsal@realm2 satu: delivered"]);
            assert_eq!(given_up(&pair.one), []);
            assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu"]);
            let nothing = Vec::<String>::new();
            assert_eq!(texts(&mut pair.one, "messi", "surabaya"), nothing);
        }
    }
}

#[test]
fn what_was_marked_and_never_sent_does_not_expire_and_is_delivered() {
    for loading in LOADINGS {
        let (mut pair, token) = impatient();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.link();
        for _ in 0..3 {
            pair.pump();
            pair.two.commit();
        }
        let batch = pair.one.take_batch().unwrap();
        pair.one.log.append(&batch);
        // The process dies right after the commit.
        pair.restart_one(loading);

        pair.one.wait(5_000);
        pair.one.commit();
        let late = outbox(&mut pair.one, &token);
        pair.connect();
        pair.settle();

        assert_eq!(late, ["amsal@realm2 satu: unknown"], "{loading:?}");
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu"]);
        assert_eq!(
            outbox(&mut pair.one, &token),
            ["amsal@realm2 satu: delivered"]
        );
    }
}

#[test]
fn a_clock_set_back_over_a_restart_lets_nothing_wait_for_longer_than_ever() {
    for loading in LOADINGS {
        let (mut pair, token) = impatient();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.one.now.unix_ms -= 1_000_000;

        pair.one.restart(loading);
        pair.one.wait(999);
        pair.one.commit();
        let before = given_up(&pair.one);
        pair.one.wait(1);

        assert_eq!(before, [], "{loading:?}");
        assert_eq!(given_up(&pair.one), [(1, ErrorCode::Expired)]);
    }
}

#[test]
fn an_expired_message_is_told_though_the_inbox_is_full() {
    let bounds = limits(&[("queue_ms_max", 1_000), ("inbox_messages_max", 2)]);
    let mut pair = Pair::of(durable(1, 2).limits(bounds), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    assert_eq!(send(&mut pair.one, &token, "messi", "x"), SENT);
    assert_ne!(send(&mut pair.one, &token, "messi", "x"), SENT);

    pair.one.wait(1_000);
    pair.one.commit();

    assert_eq!(
        texts(&mut pair.one, "messi", "surabaya"),
        [" x".to_owned(), EXPIRED.to_owned()]
    );
    // The place is used up, and free again now.
    assert_eq!(send(&mut pair.one, &token, "messi", "x"), SENT);
    assert_eq!(send(&mut pair.one, &token, "messi", "x"), SENT);
}

#[test]
fn a_bounce_never_expires() {
    let config = durable(2, 1).limits(limits(&[("queue_ms_max", 1_000)]));
    let mut pair = Pair::of(durable(1, 2), config);
    let (_, token) = pair.one.enter("messi", "surabaya");
    send(&mut pair.one, &token, "siapa@realm2", "satu");
    pair.link();
    for _ in 0..8 {
        pair.step_there();
        pair.step_back();
        pair.one.commit();
    }
    pair.two.commit();
    pair.cut();

    pair.two.wait(1_000_000);
    pair.restart_two(Loading::Summed);
    pair.two.wait(1_000_000);
    pair.connect();
    pair.settle();

    assert_eq!(
        texts(&mut pair.one, "messi", "surabaya"),
        [" Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan"]
    );
    assert_eq!(given_up(&pair.two), []);
    let bounces = pair.two.all_frames.iter();
    let is_void = |(_, frame): &(_, Frame)| matches!(frame, Frame::Void { .. });
    assert!(!bounces.clone().any(is_void));
    let is_kind = |it: &Record| {
        matches!(
            it,
            Record::Voided {
                kind: StreamKind::Bounce,
                ..
            }
        )
    };
    assert!(!pair.two.log.records.iter().any(is_kind));
}

#[test]
fn what_does_not_fit_the_peers_lines_goes_as_a_void_once_its_sender_is_told_in_the_store() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        let long = "x".repeat(5_000);
        for text in [long.as_str(), "dua"] {
            assert_eq!(send(&mut pair.one, &token, "amsal@realm2", text), SENT);
        }
        let link = pair.one.link_up("realm2", Direction::Accepted);
        let mut hello = crate::common::hello("realm2", "realm1");
        if let Frame::Hello(hello) = &mut hello {
            hello.line_bytes_max = 4_096;
        }
        pair.one.deliver(link, &[hello]);
        let stream = mail_stream(&pair.one.take(link));
        pair.one.deliver(link, &resumed(stream));
        let marked = pair.one.take_batch().unwrap();
        pair.one.committed(marked.number);

        let voided = pair.one.take_batch().unwrap();
        let records: Vec<_> = voided.records.iter().map(shown).collect();
        assert_eq!(records, ["Voided 1", "Listed", "Delivered", "Posted"]);
        assert_eq!(sent(&pair.one), []);
        pair.one.committed(voided.number);
        assert_eq!(sent(&pair.one), [(1, true), (2, false)]);

        // It stays one, for a peer that reads longer lines now.
        pair.one.restart(loading);
        pair.connect();
        pair.settle();
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" dua"]);
        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [" Pesan untuk amsal@realm2 tidak terkirim: Pesan terlalu panjang untuk realm lain"],
            "{loading:?}"
        );
        let failed = outbox(&mut pair.one, &token).remove(0);
        assert!(failed.ends_with(": failed message_too_long"), "{failed}");
    }
}
