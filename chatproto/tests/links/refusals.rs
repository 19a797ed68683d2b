//! Mail that cannot be kept comes back, and holds up no other.

use crate::common::{EMPTY_INBOX, INBOX_FULL, Pair, SENT, example_with_peer, limits};
use chatproto::link::frame::Frame;
use chatproto::{ErrorCode, Event, Kind};

const OWN_INBOX_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Kotak masuk Anda penuh, baca dulu pesannya\", \"code\": \"own_inbox_full\"}\r\n\r\n";

fn bounce(to: &str, owner: &str, why: &str) -> String {
    let realm = to.split_once('@').unwrap().1;
    format!(
        "{{\"msg_from\": \"*{realm}*\", \"msg_to\": \"{owner}\", \"msg\": \" Pesan untuk {to} tidak terkirim: {why}\\r\\n\"}}"
    )
}

#[test]
fn mail_for_nobody_comes_back_to_its_sender() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");

    let reply = pair
        .one
        .say(messi, &format!("send {token} siapa@realm2 hi\r\n"));
    pair.pump();

    assert_eq!(reply, SENT);
    let word = bounce("siapa@realm2", "Lionel Messi", "User Tidak Ditemukan");
    assert_eq!(
        pair.one.inbox(messi, &token),
        format!("{{\"status\": \"OK\", \"messages\": {{\"*realm2*\": [{word}]}}}}\r\n\r\n")
    );
    let refused = pair.two.events().into_iter().any(|event| {
        matches!(
            event,
            Event::MailRefused {
                code: ErrorCode::RecipientUnknown,
                ..
            }
        )
    });
    assert!(refused);
}

#[test]
fn one_refused_envelope_delays_no_other() {
    let config = example_with_peer(2, 1).limits(limits(&[("inbox_messages_max", 2)]));
    let mut pair = Pair::of(example_with_peer(1, 2), config);
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    for (to, text) in [
        ("amsal", "1"),
        ("amsal", "2"),
        ("amsal", "3"),
        ("siapa", "4"),
        ("herbert", "5"),
    ] {
        let line = format!("send {token} {to}@realm2 {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }

    pair.pump();

    let inbox = pair.two.inbox(amsal, &other);
    assert!(inbox.contains("\" 1\\r\\n\"") && inbox.contains("\" 2\\r\\n\""));
    assert!(!inbox.contains("\" 3\\r\\n\""));
    let herbert = pair.two.auth(amsal, "herbert", "singapura");
    assert!(pair.two.inbox(amsal, &herbert).contains("\" 5\\r\\n\""));
    let full = "Kotak masuk penerima penuh, coba lagi nanti";
    let words = [
        bounce("amsal@realm2", "Lionel Messi", full),
        bounce("siapa@realm2", "Lionel Messi", "User Tidak Ditemukan"),
    ];
    assert_eq!(
        pair.one.inbox(messi, &token),
        format!(
            "{{\"status\": \"OK\", \"messages\": {{\"*realm2*\": [{}]}}}}\r\n\r\n",
            words.join(", ")
        )
    );
}

#[test]
fn an_envelope_of_an_unknown_kind_comes_back() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    pair.one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    let (from, to) = pair.links.unwrap();
    let frames = pair.one.take(from);
    let [
        Frame::Env {
            stream,
            seq,
            envelope,
        },
    ] = &frames[..]
    else {
        panic!("{frames:?}");
    };
    let mut changed = (**envelope).clone();
    changed.kind = Kind::Other("group.post".to_owned());

    let frame = Frame::Env {
        stream: *stream,
        seq: *seq,
        envelope: changed.into(),
    };
    pair.two.deliver(to, &[frame]);
    pair.pump();

    let word = bounce("amsal@realm2", "Lionel Messi", "Jenis pesan tidak dikenal");
    assert_eq!(
        pair.one.inbox(messi, &token),
        format!("{{\"status\": \"OK\", \"messages\": {{\"*realm2*\": [{word}]}}}}\r\n\r\n")
    );
}

#[test]
fn a_sender_without_room_for_a_bounce_cannot_write_to_another_realm() {
    let config = example_with_peer(1, 2).limits(limits(&[("inbox_messages_max", 1)]));
    let mut pair = Pair::of(config, example_with_peer(2, 1));
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let send = format!("send {token} amsal@realm2 hi\r\n");

    let replies = pair.one.say(messi, &send.repeat(2));
    let local = pair.one.say(messi, &format!("send {token} messi hi\r\n"));
    pair.connect();
    let after_arrival = pair.one.say(messi, &send);

    assert_eq!(replies, [SENT, OWN_INBOX_FULL].concat());
    assert_eq!(local, INBOX_FULL);
    assert_eq!(after_arrival, SENT);
}

#[test]
fn two_full_realms_do_not_lock_each_other() {
    let small = limits(&[("inbox_messages_max", 4), ("credit_envelopes_max", 1)]);
    let mut pair = Pair::of(
        example_with_peer(1, 2).limits(small.clone()),
        example_with_peer(2, 1).limits(small),
    );
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    let (henderson, filler) = pair.one.log_in("henderson", "surabaya");
    let (herbert, filler_there) = pair.two.log_in("herbert", "singapura");
    // Both inboxes are full, in part with places kept for bounces, before the link is there.
    for _ in 0..3 {
        let there = format!("send {token} amsal@realm2 hi\r\n");
        assert_eq!(pair.one.say(messi, &there), SENT);
        let back = format!("send {other} messi@realm1 hi\r\n");
        assert_eq!(pair.two.say(amsal, &back), SENT);
    }
    let fill = format!("send {filler} messi hi\r\n");
    assert_eq!(pair.one.say(henderson, &fill), SENT);
    assert_eq!(pair.one.say(henderson, &fill), INBOX_FULL);
    let fill = format!("send {filler_there} amsal hi\r\n");
    assert_eq!(pair.two.say(herbert, &fill), SENT);
    assert_eq!(pair.two.say(herbert, &fill), INBOX_FULL);

    pair.connect();

    // Of the three each wrote, each is either there or back, and nobody has more than four.
    for (site, id, token, word) in [
        (&mut pair.one, messi, &token, "*realm2*"),
        (&mut pair.two, amsal, &other, "*realm1*"),
    ] {
        let inbox = site.inbox(id, token);
        assert_eq!(inbox.matches("\"msg\"").count(), 4, "{inbox}");
        let bounced = inbox.matches(&format!("\"msg_from\": \"{word}\"")).count();
        assert!((1..=3).contains(&bounced), "{inbox}");
        assert_eq!(site.inbox(id, token).matches("\"msg\"").count(), 0);
    }
    let again = format!("send {token} amsal@realm2 again\r\n");
    assert_eq!(pair.one.say(messi, &again), SENT);
    pair.pump();
    assert!(pair.two.inbox(amsal, &other).contains("\" again\\r\\n\""));
}

#[test]
fn a_refusal_survives_a_broken_link() {
    for cut in 0..20 {
        let mut pair = Pair::of(example_with_peer(1, 2), example_with_peer(2, 1));
        let (messi, token) = pair.one.log_in("messi", "surabaya");
        pair.one
            .say(messi, &format!("send {token} siapa@realm2 hi\r\n"));
        pair.link();
        for step in 0..cut {
            let _ = if step % 2 == 0 {
                pair.step_there()
            } else {
                pair.step_back()
            };
        }

        pair.cut();
        pair.connect();

        let inbox = pair.one.inbox(messi, &token);
        let word = bounce("siapa@realm2", "Lionel Messi", "User Tidak Ditemukan");
        assert_eq!(
            inbox,
            format!("{{\"status\": \"OK\", \"messages\": {{\"*realm2*\": [{word}]}}}}\r\n\r\n"),
            "cut after {cut}"
        );
    }
}

#[test]
fn a_bounce_that_answers_nothing_is_dropped_and_never_bounced() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    pair.one
        .say(messi, &format!("send {token} siapa@realm2 hi\r\n"));
    assert!(pair.step_there());
    let (to, from) = pair.links.unwrap();
    let mut frames = pair.two.take(from);
    for frame in &mut frames {
        if let Frame::Env { envelope, .. } = frame {
            let mut changed = (**envelope).clone();
            changed.kind = Kind::Bounce {
                answers: uuid::Uuid::from_u128(1),
                reason: "recipient_unknown".to_owned(),
            };
            *envelope = changed.into();
        }
    }
    assert!(
        frames
            .iter()
            .any(|frame| matches!(frame, Frame::Env { .. }))
    );

    pair.one.deliver(to, &frames);

    let answers = pair.one.take(to);
    assert!(
        !answers
            .iter()
            .any(|frame| matches!(frame, Frame::Env { .. }))
    );
    assert!(
        answers
            .iter()
            .any(|frame| matches!(frame, Frame::Ack { .. }))
    );
    assert_eq!(pair.one.inbox(messi, &token), EMPTY_INBOX);
}

#[test]
fn a_lost_ack_of_a_refusal_gives_no_place_away() {
    let small = limits(&[("inbox_messages_max", 2)]);
    let slow = limits(&[("credit_envelopes_max", 1)]);
    let mut pair = Pair::of(
        example_with_peer(1, 2).limits(small),
        example_with_peer(2, 1).limits(slow),
    );
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (henderson, filler) = pair.one.log_in("henderson", "surabaya");
    let send = format!("send {token} siapa@realm2 hi\r\n");
    let fill = format!("send {filler} messi hi\r\n");
    assert_eq!(pair.one.say(messi, &send.repeat(2)), SENT.repeat(2));
    assert!(pair.step_there());
    pair.cut();
    pair.link();

    // Whenever it is tried, messi's inbox has no room beside the two bounces.
    let mut replies = vec![pair.one.say(henderson, &fill)];
    while pair.step_back() | pair.step_there() {
        replies.push(pair.one.say(henderson, &fill));
    }

    assert!(replies.len() > 4);
    assert!(
        replies.iter().all(|reply| reply == INBOX_FULL),
        "{replies:?}"
    );
    let inbox = pair.one.inbox(messi, &token);
    assert_eq!(inbox.matches("tidak terkirim").count(), 2, "{inbox}");
    assert_eq!(pair.one.say(henderson, &fill), SENT);
}

#[test]
fn mail_too_long_for_the_peer_comes_back_and_delays_no_other() {
    let narrow = limits(&[("link_line_bytes_max", 4_096)]);
    let mut pair = Pair::of(
        example_with_peer(1, 2),
        example_with_peer(2, 1).limits(narrow),
    );
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    // What the peer reads is not known before the link is there.
    for text in ["x".repeat(10_000).as_str(), "hi"] {
        let line = format!("send {token} amsal@realm2 {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }

    pair.connect();

    assert_eq!(
        pair.two.inbox(amsal, &other),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" hi\\r\\n\"}]}}\r\n\r\n"
    );
    let word = bounce(
        "amsal@realm2",
        "Lionel Messi",
        "Pesan terlalu panjang untuk realm lain",
    );
    assert_eq!(
        pair.one.inbox(messi, &token),
        format!("{{\"status\": \"OK\", \"messages\": {{\"*realm2*\": [{word}]}}}}\r\n\r\n")
    );
}
