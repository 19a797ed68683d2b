//! Links with other realms.

use crate::common::{
    Pair, SENT, Site, UNKNOWN_USER, example, example_with_peer, hello, limits, mail_stream, name,
    resumed,
};
use chatproto::link::frame::{Frame, Question};
use chatproto::{Direction, LinkCloseReason, LinkId, Output, PeerConfig, Record};

const QUEUE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Antrean ke realm tujuan penuh, coba lagi nanti\", \"code\": \"queue_full\"}\r\n\r\n";
const TOO_LONG: &str = "{\"status\": \"ERROR\", \"message\": \"Pesan terlalu panjang untuk realm lain\", \"code\": \"message_too_long\"}\r\n\r\n";

fn site(values: &[(&str, u64)]) -> Site {
    Site::new(example_with_peer(1, 2).limits(limits(values)))
}

fn is_dead(it: &Site, link: LinkId) -> bool {
    it.has_closed(link, LinkCloseReason::Dead)
}

#[test]
fn peers_have_ask_ms_max_to_answer() {
    let mut it = site(&[("ask_ms_max", 500)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.say(messi, &format!("send {token} amsal hi\r\n"));

    it.wait(499);
    let in_time = it.read(messi);
    it.wait(1);
    let late = it.read(messi);
    it.deliver(link, &[Frame::Answer { id: 1, found: true }]);

    assert_eq!((in_time.as_str(), late.as_str()), ("", UNKNOWN_USER));
    assert_eq!(it.read(messi), "");
}

#[test]
fn a_name_past_directory_names_max_is_asked_for_each_time() {
    let mut it = site(&[("directory_names_max", 1)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.take(link);
    let mut ask = |user: &str, id: u64| {
        it.say(messi, &format!("send {token} {user} hi\r\n"));
        let asked = it.take(link).iter().any(|frame| {
            matches!(frame, Frame::Ask { id: asked, question: Question::User, name }
                if *asked == id && name == user)
        });
        it.deliver(link, &[Frame::Answer { id, found: true }]);
        asked
    };

    let remembered = [ask("amsal", 1), ask("amsal", 2)];
    let forgotten = [ask("herbert", 2), ask("herbert", 3)];

    assert_eq!(remembered, [true, false]);
    assert_eq!(forgotten, [true, true]);
}

#[test]
fn mail_of_a_sender_past_directory_names_max_comes_back() {
    let config = example_with_peer(1, 2).limits(limits(&[("directory_names_max", 1)]));
    let mut pair = Pair::of(config, example_with_peer(2, 1));
    pair.connect();
    let (amsal, first) = pair.two.log_in("amsal", "jakarta");
    let second = pair.two.auth(amsal, "herbert", "singapura");

    for token in [&first, &second] {
        let reply = pair
            .two
            .say(amsal, &format!("send {token} messi@realm1 hi\r\n"));
        assert_eq!(reply, SENT);
        pair.pump();
    }

    let (messi, token) = pair.one.log_in("messi", "surabaya");
    assert_eq!(
        pair.one.inbox(messi, &token),
        "{\"status\": \"OK\", \"messages\": {\"amsal\": [{\"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" hi\\r\\n\"}]}}\r\n\r\n"
    );
    let bounced = pair.two.inbox(amsal, &second);
    assert!(
        bounced.starts_with("{\"status\": \"OK\", \"messages\": {\"*realm1*\": ["),
        "{bounced}"
    );
}

#[test]
fn queue_messages_max_wait_for_a_peer_and_not_one_more() {
    let mut it = site(&[("queue_messages_max", 2)]);
    let (messi, token) = it.log_in("messi", "surabaya");

    let replies = it.say(
        messi,
        &format!("send {token} amsal@realm2 hi\r\n").repeat(3),
    );

    assert_eq!(replies, [SENT, SENT, QUEUE_FULL].concat());
}

#[test]
fn queue_bytes_max_wait_for_a_peer_and_not_one_more() {
    // A message counts its text, here 5 bytes, and 512 for what stands beside it.
    for (bytes_max, reply) in [(517, SENT), (516, QUEUE_FULL)] {
        let mut it = site(&[("queue_bytes_max", bytes_max)]);
        let (messi, token) = it.log_in("messi", "surabaya");

        let answer = it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));

        assert_eq!(answer, reply, "{bytes_max}");
    }
}

/// How many of `count` messages get into a store that commits nothing, and then into one that does.
fn delivered(credit: &[(&str, u64)], count: usize, text: &str) -> (usize, usize) {
    let config = example_with_peer(2, 1).durable(true).limits(limits(credit));
    let mut pair = Pair::of(example_with_peer(1, 2), config);
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    for _ in 0..count {
        let line = format!("send {token} amsal@realm2 {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }
    let mut counts = Vec::new();
    pair.pump();
    while let Some(batch) = pair.two.realm.take_batch() {
        let arrived = batch.records.iter();
        counts.push(
            arrived
                .filter(|record| matches!(record, Record::Delivered { .. }))
                .count(),
        );
        pair.two
            .realm
            .committed(batch.number, pair.two.now)
            .unwrap();
        pair.two.run();
        pair.pump();
    }
    (counts[0], counts.iter().sum())
}

#[test]
fn a_sender_stops_at_credit_envelopes_max_until_they_are_stored() {
    let counts = delivered(&[("credit_envelopes_max", 2)], 7, "hi");

    assert_eq!(counts, (2, 7));
}

#[test]
fn a_sender_stops_at_credit_bytes_max_until_they_are_stored() {
    // 512 bytes and a text of 15,872 are a quarter of the limit: four fit, and no fifth is sent.
    let text = "x".repeat(15_869);

    let counts = delivered(&[("credit_bytes_max", 65_536)], 7, &text);

    assert_eq!(counts, (4, 7));
}

#[test]
fn a_message_that_fits_link_line_bytes_max_is_taken_and_one_byte_more_is_not() {
    let mut it = site(&[("link_line_bytes_max", 4_096)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let mut send = |bytes: usize, letter: &str| {
        let text = letter.repeat(bytes);
        it.say(messi, &format!("send {token} amsal@realm2 {text}\r\n"))
    };

    // 1,024 bytes are kept for names and numbers, and ` \r\n` takes 13 of the others: a control
    // character counts six.
    assert_eq!(send(3_059, "x"), SENT);
    assert_eq!(send(3_060, "x"), TOO_LONG);
    // What needs two bytes in the frame's JSON counts two.
    assert_eq!(send(1_529, "\""), SENT);
    assert_eq!(send(1_530, "\""), TOO_LONG);
}

#[test]
fn a_message_must_fit_the_line_that_the_peer_reads() {
    let mut it = site(&[]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.link_up("realm2", Direction::Accepted);
    let Frame::Hello(mut words) = hello("realm2", "realm1") else {
        panic!("not a hello");
    };
    words.line_bytes_max = 4_096;
    it.deliver(link, &[Frame::Hello(words)]);
    let mut send = |bytes: usize| {
        let text = "x".repeat(bytes);
        it.say(messi, &format!("send {token} amsal@realm2 {text}\r\n"))
    };

    assert_eq!(send(3_059), SENT);
    assert_eq!(send(3_060), TOO_LONG);
}

#[test]
fn a_link_without_hello_is_dead_after_handshake_ms_max() {
    let mut it = site(&[("handshake_ms_max", 700)]);
    let link = it.link_up("realm2", Direction::Accepted);

    it.wait(699);
    assert!(!is_dead(&it, link));
    it.wait(1);

    assert!(is_dead(&it, link));
}

#[test]
fn a_silent_link_is_pinged_after_link_ping_ms() {
    let mut it = site(&[("link_ping_ms", 1_000), ("link_dead_ms", 10_000)]);
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.take(link);

    it.wait(999);
    assert_eq!(it.take(link), []);
    it.wait(1);
    let pings = it.take(link);

    assert!(matches!(pings[..], [Frame::Ping { .. }]), "{pings:?}");
    let Frame::Ping { n } = pings[0] else { return };
    it.wait(500);
    it.deliver(link, &[Frame::Pong { n }]);
    it.wait(999);
    assert_eq!(it.take(link), []);
    it.wait(1);
    assert_eq!(it.take(link).len(), 1);
}

#[test]
fn a_silent_link_is_dead_after_link_dead_ms() {
    let mut it = site(&[("link_ping_ms", 1_000), ("link_dead_ms", 2_500)]);
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.wait(2_000);
    it.deliver(link, &[Frame::Pong { n: 0 }]);

    it.wait(2_499);
    assert!(!is_dead(&it, link));
    it.wait(1);

    assert!(is_dead(&it, link));
}

#[test]
fn a_peer_that_acknowledges_nothing_is_dead_after_unacknowledged_ms_max() {
    let mut it = site(&[("unacknowledged_ms_max", 500)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    let stream = mail_stream(&it.take(link));
    it.deliver(link, &resumed(stream));
    it.wait(10_000);
    it.deliver(link, &[Frame::Pong { n: 0 }]);
    it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    assert!(matches!(it.take(link)[..], [Frame::Env { .. }]));

    it.wait(300);
    it.deliver(link, &[Frame::Pong { n: 0 }]);
    it.wait(199);
    assert!(!is_dead(&it, link));
    it.wait(1);

    assert!(is_dead(&it, link));
}

#[test]
fn a_peer_that_acknowledges_lives_on() {
    let mut it = site(&[("unacknowledged_ms_max", 500)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    let stream = mail_stream(&it.take(link));
    it.deliver(link, &resumed(stream));
    let send = format!("send {token} amsal@realm2 hi\r\n");

    for durable in 1..=10 {
        it.say(messi, &send);
        it.wait(499);
        let ack = Frame::Ack {
            stream,
            durable,
            refused: Vec::new(),
        };
        it.deliver(link, &[ack]);
    }
    it.wait(5_000);

    assert!(!is_dead(&it, link));
}

/// The pauses before the first 40 dials, all of which fail.
fn pauses(least: u64, most: u64) -> Vec<u64> {
    let mut it = site(&[("redial_ms_min", least), ("redial_ms_max", most)]);
    let mut pauses = Vec::new();
    for _ in 0..40 {
        assert_eq!(it.outputs, [Output::Dial(name("realm2"))]);
        it.outputs.clear();
        it.realm
            .dial_failed(&name("realm2"), "refused", it.now)
            .unwrap();
        let due = it.realm.poll_timeout().expect("nobody dials again");
        pauses.push(due.at_ms - it.now.mono_ms);
        it.wait(due.at_ms - it.now.mono_ms);
    }
    pauses
}

#[test]
fn pauses_double_from_redial_ms_min_to_redial_ms_max() {
    let pauses = pauses(500, 4_000);

    assert!(pauses[0] <= 500, "{pauses:?}");
    assert!(pauses[1] <= 1_000 && pauses[2] <= 2_000, "{pauses:?}");
    assert!(pauses.iter().all(|pause| (1..=4_000).contains(pause)));
    // With full jitter half of them or so are in the upper half.
    let long = pauses.iter().filter(|pause| **pause > 2_000).count();
    assert!((8..32).contains(&long), "{pauses:?}");
}

#[test]
fn a_hello_puts_the_pause_back_to_redial_ms_min() {
    let mut it = site(&[("redial_ms_min", 10), ("redial_ms_max", 60_000)]);
    for _ in 0..20 {
        it.realm
            .dial_failed(&name("realm2"), "refused", it.now)
            .unwrap();
    }
    it.wait(60_000);
    let link = it.greeted_by("realm2", Direction::Dialled);

    it.link_down(link);
    it.outputs.clear();
    it.wait(10);

    assert_eq!(it.outputs, [Output::Dial(name("realm2"))]);
}

#[test]
fn a_peer_that_only_calls_is_never_dialled() {
    let config = example(1).peer(PeerConfig::incoming_only(name("realm2")));
    let mut it = Site::new(config);
    let link = it.greeted_by("realm2", Direction::Accepted);

    it.link_down(link);
    it.wait(1_000_000);

    let is_dial = |output: &Output| matches!(output, Output::Dial(_));
    assert!(!it.outputs.iter().any(is_dial), "{:?}", it.outputs);
}
