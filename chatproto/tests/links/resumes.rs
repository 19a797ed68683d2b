//! What a peer says of where it stands, and what becomes of lies.

use crate::common::{SENT, Site, example, limits, name, texts_of};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::{Direction, Envelope, Event, Kind, LinkCloseReason, LinkId, PeerConfig};
use std::sync::Arc;
use uuid::Uuid;

const MAIL: Uuid = Uuid::from_u128(0xa1);
const BOUNCE: Uuid = Uuid::from_u128(0xb1);

/// The greatest number that a frame can carry.
const GREATEST: u64 = 1 << 53;

const TOO_OFTEN: &str = "a stream was contradicted too often";

/// realm1 with the peer realm2, and messi with so many messages queued for it.
fn site(messages: usize) -> Site {
    let config = example(1)
        .peer(PeerConfig::new(name("realm2")))
        .limits(limits(&[("credit_envelopes_max", 4)]));
    let mut it = Site::new(config);
    let (messi, token) = it.log_in("messi", "surabaya");
    for at in 1..=messages {
        let line = format!("send {token} amsal@realm2 {at}\r\n");
        assert_eq!(it.say(messi, &line), SENT);
    }
    it.outputs.clear();
    it
}

/// realm2 is linked. Gives the link and the streams that realm1 announced, mail first.
fn linked(it: &mut Site) -> (LinkId, [Uuid; 2]) {
    let link = it.greeted_by("realm2", Direction::Accepted);
    let streams = announced(&it.take(link));
    (link, [streams[0].0, streams[1].0])
}

/// The streams of a realm, with the first and the last number that it holds.
fn announced(frames: &[Frame]) -> Vec<(Uuid, u64, u64)> {
    let resumes = frames.iter().filter_map(|frame| match frame {
        Frame::Resume(it) => match it.view {
            View::Sender { oldest, last } => Some((it.stream, oldest, last)),
            View::Receiver { .. } => None,
        },
        _ => None,
    });
    resumes.collect()
}

fn has(stream: Uuid, durable: u64, next: u64, ids: [Option<Uuid>; 2]) -> Frame {
    Frame::Resume(Resume {
        stream,
        kind: StreamKind::Mail,
        view: View::Receiver {
            durable,
            next,
            durable_id: ids[0],
            last_id: ids[1],
        },
    })
}

fn holds(stream: Uuid, kind: StreamKind, oldest: u64, last: u64) -> Frame {
    let view = View::Sender { oldest, last };
    Frame::Resume(Resume { stream, kind, view })
}

fn credit(stream: Uuid, upto: u64, bytes: u64) -> Frame {
    Frame::Credit {
        stream,
        upto,
        bytes,
    }
}

fn ack(stream: Uuid, durable: u64) -> Frame {
    let refused = Vec::new();
    Frame::Ack {
        stream,
        durable,
        refused,
    }
}

fn void(seq: u64) -> Frame {
    Frame::Void {
        stream: MAIL,
        seq,
        id: Uuid::from_u128(u128::from(seq)),
    }
}

fn letter(stream: Uuid, seq: u64, id: u128, text: &str) -> Frame {
    let envelope = Envelope {
        id: Uuid::from_u128(id),
        kind: Kind::Message,
        origin: name("realm2"),
        destination: name("realm1"),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: 0,
        text: format!(" {text}\r\n"),
    };
    Frame::Env {
        stream,
        seq,
        envelope: Arc::new(envelope),
    }
}

/// The envelopes and voids that a link was given: stream, number and, of an envelope, its text.
fn carried(it: &mut Site, link: LinkId) -> Vec<(Uuid, u64, String)> {
    let frames = it.take(link).into_iter();
    let carried = frames.filter_map(|frame| match frame {
        Frame::Env {
            stream,
            seq,
            envelope,
        } => Some((stream, seq, envelope.text.trim().to_owned())),
        Frame::Void { stream, seq, .. } => Some((stream, seq, "void".to_owned())),
        _ => None,
    });
    carried.collect()
}

fn older_copies(it: &Site) -> usize {
    let events = it.events().into_iter();
    events
        .filter(|it| matches!(it, Event::OlderCopy { .. }))
        .count()
}

fn misbehaved(it: &Site) -> Vec<String> {
    let events = it.events().into_iter();
    let faults = events.filter_map(|it| match it {
        Event::PeerMisbehaved { what, .. } => Some(what.clone()),
        _ => None,
    });
    faults.collect()
}

fn inbox(it: &mut Site) -> Vec<String> {
    let (messi, token) = it.log_in("messi", "surabaya");
    texts_of(&it.inbox(messi, &token))
}

// What it has of this realm's.

#[test]
fn a_peer_that_has_had_more_gets_everything_under_new_numbers() {
    let other = Some(Uuid::from_u128(99));
    let table = [
        (GREATEST - 1, GREATEST, [None, None]),
        (0, GREATEST, [None, None]),
        (3, 4, [None, None]),
        (0, 4, [None, None]),
        (2, 3, [other, other]),
        (0, 2, [None, other]),
        (1, 3, [other, None]),
    ];
    for (durable, next, ids) in table {
        let mut it = site(2);
        let (link, [mail, _]) = linked(&mut it);

        it.deliver(link, &[has(mail, durable, next, ids)]);
        let [(new, 1, 2)] = announced(&it.take(link))[..] else {
            panic!("{durable} {next}: nothing was announced");
        };
        it.deliver(link, &[has(new, 0, 1, [None, None])]);
        it.deliver(link, &[credit(new, 9, 9_999)]);

        assert_ne!(new, mail);
        let texts = [(new, 1, "1".to_owned()), (new, 2, "2".to_owned())];
        assert_eq!(carried(&mut it, link), texts, "{durable} {next}");
        assert_eq!(older_copies(&it), 1);
        assert_eq!(misbehaved(&it), Vec::<String>::new());
    }
}

#[test]
fn late_word_of_a_stream_that_was_begun_anew_is_passed_over() {
    let mut it = site(2);
    let (link, [mail, _]) = linked(&mut it);
    it.deliver(link, &[has(mail, 8, 9, [None, None])]);
    let new = announced(&it.take(link))[0].0;

    it.deliver(
        link,
        &[
            credit(mail, GREATEST, GREATEST),
            ack(mail, 8),
            has(mail, 8, 9, [None, None]),
            ack(mail, 0),
        ],
    );
    assert_eq!(carried(&mut it, link), []);
    it.deliver(link, &[has(new, 0, 1, [None, None]), credit(new, 9, 9_999)]);
    it.deliver(link, &[ack(mail, 8)]);

    assert_eq!(carried(&mut it, link).len(), 2);
    assert_eq!(misbehaved(&it), Vec::<String>::new());
    // On the next link nobody has a reason to speak of it.
    it.link_down(link);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[ack(mail, 8)]);
    assert_eq!(misbehaved(&it), ["a stream that does not exist"]);
}

#[test]
fn a_peer_that_contradicts_twice_on_a_link_is_cut() {
    let mut it = site(2);
    let (link, [mail, _]) = linked(&mut it);
    it.deliver(link, &[has(mail, 8, 9, [None, None])]);
    let new = announced(&it.take(link))[0].0;

    it.deliver(link, &[has(new, 8, 9, [None, None])]);

    assert!(it.has_closed(link, LinkCloseReason::Protocol));
    assert_eq!(
        (misbehaved(&it), older_copies(&it)),
        (vec![TOO_OFTEN.to_owned()], 1)
    );
}

#[test]
fn both_streams_may_be_contradicted_once_on_a_link() {
    let mut it = site(2);
    let (link, [mail, bounce]) = linked(&mut it);

    it.deliver(link, &[has(mail, 8, 9, [None, None])]);
    it.deliver(link, &[has(bounce, 8, 9, [None, None])]);

    assert_eq!(announced(&it.take(link)).len(), 2);
    assert_eq!((misbehaved(&it), older_copies(&it)), (vec![], 2));
}

#[test]
fn a_peer_that_contradicts_on_each_link_is_heard_once_a_minute() {
    let mut it = site(2);
    let mut contradict = |wait_ms: u64| {
        it.wait(wait_ms);
        it.outputs.clear();
        let (link, [mail, _]) = linked(&mut it);
        it.deliver(link, &[has(mail, 8, 9, [None, None])]);
        let heard = older_copies(&it);
        it.link_down(link);
        (heard, misbehaved(&it).len())
    };

    assert_eq!(contradict(0), (1, 0));
    assert_eq!(contradict(0), (0, 1));
    assert_eq!(contradict(59_998), (0, 1));
    assert_eq!(contradict(60_000), (1, 0));
}

#[test]
fn a_resume_with_numbers_that_cannot_be_costs_the_link_and_nothing_else() {
    let table = [
        (0, 0, "a resume with numbers that cannot be"),
        (2, 2, "a resume holds more than it has had"),
        (GREATEST, 1, "a resume holds more than it has had"),
        (u64::MAX, u64::MAX, "a resume holds more than it has had"),
    ];
    for (durable, next, what) in table {
        let mut it = site(2);
        let (link, [mail, _]) = linked(&mut it);

        it.deliver(link, &[has(mail, durable, next, [None, None])]);

        assert!(it.has_closed(link, LinkCloseReason::Protocol), "{next}");
        assert_eq!(
            (misbehaved(&it), older_copies(&it)),
            (vec![what.to_owned()], 0)
        );
        let (link, [again, _]) = linked(&mut it);
        it.deliver(
            link,
            &[has(again, 0, 1, [None, None]), credit(again, 9, 9_999)],
        );
        assert_eq!((again, carried(&mut it, link).len()), (mail, 2));
    }
}

#[test]
fn an_ack_beyond_what_was_sent_costs_the_link_and_nothing_else() {
    for durable in [2, 3, GREATEST, u64::MAX] {
        let mut it = site(2);
        let (link, [mail, _]) = linked(&mut it);
        it.deliver(
            link,
            &[has(mail, 0, 1, [None, None]), credit(mail, 1, 9_999)],
        );
        assert_eq!(carried(&mut it, link).len(), 1);

        it.deliver(link, &[ack(mail, durable)]);

        let what = "an ack for envelopes that were never sent";
        assert_eq!(misbehaved(&it), [what], "{durable}");
        assert_eq!(it.realm.peers().next().unwrap().queue_messages, 2);
    }
}

#[test]
fn an_ack_before_the_resume_is_a_violation() {
    let mut it = site(2);
    let (link, [mail, _]) = linked(&mut it);

    it.deliver(link, &[credit(mail, 9, 9_999), ack(mail, 0)]);

    let what = "an ack for envelopes that were never sent";
    assert_eq!(misbehaved(&it), [what]);
}

#[test]
fn no_credit_sends_nothing_and_all_there_is_sends_everything() {
    for (upto, bytes, count) in [
        (0, 0, 0),
        (0, u64::MAX, 0),
        (u64::MAX, 0, 0),
        (1, 1, 1),
        (u64::MAX, 1, 1),
        (u64::MAX, u64::MAX, 5),
    ] {
        let mut it = site(5);
        let (link, [mail, _]) = linked(&mut it);

        it.deliver(link, &[has(mail, 0, 1, [None, None])]);
        it.deliver(link, &[credit(mail, upto, bytes)]);

        assert_eq!(carried(&mut it, link).len(), count, "{upto} {bytes}");
        assert_eq!(misbehaved(&it), Vec::<String>::new());
    }
}

#[test]
fn a_stream_of_the_other_kind_is_not_taken_for_it() {
    let mut it = site(2);
    let (link, [mail, bounce]) = linked(&mut it);

    // Numbers that would fit the other one.
    it.deliver(
        link,
        &[has(bounce, 0, 1, [None, None]), credit(bounce, 9, 9_999)],
    );
    assert_eq!(carried(&mut it, link), []);
    it.deliver(
        link,
        &[has(mail, 0, 1, [None, None]), credit(mail, 9, 9_999)],
    );

    assert_eq!(carried(&mut it, link).len(), 2);
}

#[test]
fn a_peer_may_claim_what_it_was_never_sent_and_harms_itself_alone() {
    let mut it = site(3);
    let (link, [mail, _]) = linked(&mut it);

    it.deliver(
        link,
        &[has(mail, 2, 3, [None, None]), credit(mail, 9, 9_999)],
    );
    let rest = carried(&mut it, link);
    it.deliver(link, &[ack(mail, 3)]);

    assert_eq!(rest, [(mail, 3, "3".to_owned())]);
    assert_eq!(it.realm.peers().next().unwrap().queue_messages, 0);
    assert_eq!(misbehaved(&it), Vec::<String>::new());
}

// What it holds for this realm.

#[test]
fn a_stream_may_begin_at_the_greatest_number_and_no_further() {
    // What a store has room for.
    const LAST: u64 = (1 << 40) - 1;
    let mut it = site(0);
    let (link, _) = linked(&mut it);

    it.deliver(link, &[holds(MAIL, StreamKind::Mail, LAST, LAST)]);
    it.deliver(link, &[letter(MAIL, LAST, 1, "akhir")]);

    assert_eq!(inbox(&mut it), [" akhir"]);
    let missing = LAST - 1;
    let truncated = Event::HistoryTruncated {
        peer: name("realm2"),
        missing,
    };
    assert!(it.events().contains(&&truncated));
    it.link_down(link);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(MAIL, StreamKind::Mail, LAST, LAST + 1)]);
    assert_eq!(misbehaved(&it), ["a resume with numbers that cannot be"]);
}

#[test]
fn a_void_for_the_future_costs_the_link() {
    for seq in [2, 3, GREATEST, u64::MAX] {
        let mut it = site(0);
        let (link, _) = linked(&mut it);
        it.deliver(link, &[holds(MAIL, StreamKind::Mail, 1, 9)]);

        it.deliver(link, &[void(seq)]);

        assert_eq!(
            misbehaved(&it),
            ["an envelope is missing in between"],
            "{seq}"
        );
        // The cursor has not moved.
        let (link, _) = linked(&mut it);
        it.deliver(link, &[holds(MAIL, StreamKind::Mail, 1, 9)]);
        it.deliver(link, &[letter(MAIL, 1, 1, "satu")]);
        assert_eq!(inbox(&mut it), [" satu"]);
    }
}

#[test]
fn voids_are_passed_and_repeated_ones_ignored() {
    let mut it = site(0);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(MAIL, StreamKind::Mail, 1, 9)]);

    it.deliver(
        link,
        &[
            void(1),
            void(1),
            void(0),
            void(2),
            letter(MAIL, 3, 3, "tiga"),
        ],
    );
    let last = it.take(link).pop();

    assert_eq!(inbox(&mut it), [" tiga"]);
    let acked = it
        .all_frames
        .iter()
        .any(|(_, frame)| *frame == ack(MAIL, 3));
    assert!(acked, "{last:?}");
}

#[test]
fn two_streams_of_a_kind_or_of_one_id_are_a_violation() {
    let (mail, bounce) = (StreamKind::Mail, StreamKind::Bounce);
    let table = [
        (
            [(MAIL, mail), (BOUNCE, mail)],
            "two streams of a kind on one link",
        ),
        (
            [(MAIL, mail), (MAIL, bounce)],
            "a stream was resumed twice on one link",
        ),
        (
            [(MAIL, bounce), (BOUNCE, bounce)],
            "two streams of a kind on one link",
        ),
    ];
    for (streams, what) in table {
        let mut it = site(0);
        let (link, _) = linked(&mut it);

        for (stream, kind) in streams {
            it.deliver(link, &[holds(stream, kind, 1, 9)]);
        }

        assert_eq!(misbehaved(&it), [what]);
    }
}

#[test]
fn a_message_that_came_in_the_stream_before_is_kept_once() {
    let mut it = site(0);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(MAIL, StreamKind::Mail, 1, 9)]);
    it.deliver(
        link,
        &[letter(MAIL, 1, 7, "satu"), letter(MAIL, 2, 8, "dua")],
    );
    it.link_down(link);

    let anew = Uuid::from_u128(0xa2);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(anew, StreamKind::Mail, 1, 9)]);
    let frames = [
        letter(anew, 1, 8, "dua"),
        letter(anew, 2, 7, "satu"),
        letter(anew, 3, 9, "tiga"),
    ];
    it.deliver(link, &frames);

    assert_eq!(inbox(&mut it), [" satu", " dua", " tiga"]);
    let renewed = Event::PeerRenewed {
        peer: name("realm2"),
    };
    assert!(it.events().contains(&&renewed));
}

#[test]
fn a_message_that_was_refused_before_is_kept_if_it_can_be_now() {
    let config = example(1)
        .peer(PeerConfig::new(name("realm2")))
        .limits(limits(&[("inbox_messages_max", 1)]));
    let mut it = Site::new(config);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(MAIL, StreamKind::Mail, 1, 9)]);
    it.deliver(
        link,
        &[letter(MAIL, 1, 7, "satu"), letter(MAIL, 2, 8, "dua")],
    );
    it.link_down(link);
    assert_eq!(inbox(&mut it), [" satu"]);

    let anew = Uuid::from_u128(0xa2);
    let (link, _) = linked(&mut it);
    it.deliver(link, &[holds(anew, StreamKind::Mail, 1, 9)]);
    it.deliver(
        link,
        &[letter(anew, 1, 7, "satu"), letter(anew, 2, 8, "dua")],
    );

    assert_eq!(inbox(&mut it), [" dua"]);
}
