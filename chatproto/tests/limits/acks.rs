//! When acknowledgements go, and how long word of a refusal is awaited.

use crate::common::{
    LOADINGS, Pair, SENT, Site, example_with_peer, limits, mail_stream, resumed, texts_of,
};
use chatproto::{ConnectionId, Direction, Frame, LinkId};
use uuid::Uuid;

fn site(values: &[(&str, u64)]) -> Site {
    Site::new(example_with_peer(1, 2).limits(limits(values)))
}

/// A pair in which the second realm's acks wait, and who writes in the first.
fn with_patient_acks(ms: u64) -> (Pair, ConnectionId, String) {
    let config = example_with_peer(2, 1).limits(limits(&[("ack_ms_max", ms)]));
    let mut pair = Pair::of(example_with_peer(1, 2), config);
    pair.connect();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    (pair, messi, token)
}

fn send(pair: &mut Pair, (messi, token): (ConnectionId, &str), to: &str, count: usize) {
    for _ in 0..count {
        let line = format!("send {token} {to}@realm2 hi\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }
    pair.pump();
}

/// The messages to another realm that their sender is shown as that.
fn shown_as(pair: &mut Pair, (messi, token): (ConnectionId, &str), state: &str) -> usize {
    let outbox = pair.one.say(messi, &format!("outbox {token}\r\n"));
    outbox.matches(state).count()
}

#[test]
fn an_ack_waits_ack_ms_max_for_more_to_tell() {
    let (mut pair, messi, token) = with_patient_acks(50);
    let by = (messi, token.as_str());
    send(&mut pair, by, "amsal", 1);
    assert_eq!(
        shown_as(&mut pair, by, "delivered"),
        1,
        "the first on a link"
    );

    send(&mut pair, by, "amsal", 1);
    pair.two.wait(49);
    send(&mut pair, by, "amsal", 1);
    assert_eq!(shown_as(&mut pair, by, "delivered"), 1);
    pair.two.wait(1);
    pair.pump();

    assert_eq!(shown_as(&mut pair, by, "delivered"), 3);
    send(&mut pair, by, "amsal", 1);
    pair.two.wait(49);
    pair.pump();
    assert_eq!(shown_as(&mut pair, by, "queued"), 1);
}

#[test]
fn an_ack_of_many_does_not_wait() {
    let (mut pair, messi, token) = with_patient_acks(1_000);
    let by = (messi, token.as_str());
    send(&mut pair, by, "amsal", 1);

    send(&mut pair, by, "amsal", 63);
    assert_eq!(shown_as(&mut pair, by, "delivered"), 1);
    send(&mut pair, by, "amsal", 1);

    assert_eq!(shown_as(&mut pair, by, "delivered"), 65);
}

#[test]
fn an_ack_that_tells_of_a_refusal_does_not_wait() {
    let (mut pair, messi, token) = with_patient_acks(1_000);
    let by = (messi, token.as_str());
    send(&mut pair, by, "amsal", 2);

    send(&mut pair, by, "nobody", 1);

    assert_eq!(shown_as(&mut pair, by, "delivered"), 2);
    assert_eq!(shown_as(&mut pair, by, "failed"), 1);
}

#[test]
fn acks_that_wait_when_a_link_breaks_are_sent_on_the_next() {
    let (mut pair, messi, token) = with_patient_acks(1_000);
    let by = (messi, token.as_str());
    send(&mut pair, by, "amsal", 2);
    assert_eq!(shown_as(&mut pair, by, "queued"), 1);

    pair.cut();
    pair.connect();
    pair.pump();

    assert_eq!(shown_as(&mut pair, by, "delivered"), 2);
}

/// A realm linked with a peer that waits for a minute, and has refused the first message of messi.
fn refused_once() -> (Site, (ConnectionId, String), LinkId, Uuid) {
    let mut it = site(&[("queue_ms_max", 60_000)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    let stream = mail_stream(&it.take(link));
    it.deliver(link, &resumed(stream));
    let send = format!("send {token} amsal@realm2 hi\r\n");
    assert_eq!(it.say(messi, &send), SENT);
    it.deliver(link, &[ack(stream, 1, &[1])]);
    (it, (messi, token), link, stream)
}

fn ack(stream: Uuid, durable: u64, refused: &[u64]) -> Frame {
    Frame::Ack {
        stream,
        durable,
        refused: refused.to_vec(),
    }
}

const UNEXPLAINED: &str = " Pesan untuk amsal@realm2 tidak terkirim: ditolak";

#[test]
fn word_of_a_refusal_is_awaited_for_queue_ms_max() {
    let (mut it, (messi, token), link, _) = refused_once();

    it.link_down(link);
    it.wait(59_999);
    let in_time = it.inbox(messi, &token);
    it.wait(1);
    let late = it.inbox(messi, &token);
    it.wait(600_000);

    assert_eq!(texts_of(&in_time), [""; 0]);
    assert_eq!(texts_of(&late), [UNEXPLAINED]);
    assert_eq!(texts_of(&it.inbox(messi, &token)), [""; 0]);
}

#[test]
fn an_ack_at_the_last_moment_does_not_put_word_of_a_refusal_off() {
    let (mut it, (messi, token), link, stream) = refused_once();
    it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));

    // The driver reads before it looks at the time.
    it.now = it.now.after_ms(60_000);
    it.deliver(link, &[ack(stream, 2, &[])]);
    it.wait(0);

    assert_eq!(texts_of(&it.inbox(messi, &token)), [UNEXPLAINED]);
}

/// Two realms with stores, of which the first has heard that a message of messi was refused, and
/// waits a minute for why; and messi's inbox.
fn refused_and_stored() -> (Pair, (ConnectionId, String)) {
    let bounds = limits(&[("queue_ms_max", 60_000)]);
    let one = example_with_peer(1, 2).durable(true).limits(bounds);
    let mut pair = Pair::of(one, example_with_peer(2, 1).durable(true));
    let (messi, token) = pair.one.enter("messi", "surabaya");
    let line = format!("send {token} nobody@realm2 hi\r\n");
    assert_eq!(pair.one.ask(messi, &line), SENT);
    pair.connect();
    pair.settle_until_refused();
    (pair, (messi, token))
}

fn inbox(site: &mut Site, token: &str) -> Vec<String> {
    let reader = site.open();
    texts_of(&site.ask(reader, &format!("inbox {token}\r\n")))
}

#[test]
fn word_of_a_refusal_that_comes_too_late_is_passed_over() {
    let (mut pair, (_, token)) = refused_and_stored();

    pair.cut();
    pair.one.wait(60_000);
    let given_up = inbox(&mut pair.one, &token);
    pair.connect();
    pair.settle();

    let unexplained = " Pesan untuk nobody@realm2 tidak terkirim: ditolak";
    assert_eq!(given_up, [unexplained]);
    assert_eq!(inbox(&mut pair.one, &token), [""; 0]);
}

#[test]
fn restarts_put_word_of_a_refusal_off_once_and_no_longer() {
    for loading in LOADINGS {
        let (mut pair, (_, token)) = refused_and_stored();

        pair.one.wait(50_000);
        pair.restart_one(loading);
        pair.one.wait(50_000);
        pair.restart_one(loading);
        pair.one.wait(19_999);
        let in_time = inbox(&mut pair.one, &token);
        pair.one.wait(1);

        assert_eq!(in_time, [""; 0], "{loading:?}");
        assert_eq!(inbox(&mut pair.one, &token).len(), 1, "{loading:?}");
    }
}

#[test]
fn acks_of_mail_and_of_bounces_wait_together() {
    let config = |own, other| {
        let bounds = limits(&[("ack_ms_max", 50)]);
        example_with_peer(own, other).durable(true).limits(bounds)
    };
    let mut pair = Pair::of(config(1, 2), config(2, 1));
    let (messi, token) = pair.one.enter("messi", "surabaya");
    pair.connect();
    let send = |pair: &mut Pair, to: &str| {
        let line = format!("send {token} {to}\r\n");
        assert_eq!(pair.one.ask(messi, &line), SENT);
        pair.settle();
    };
    let acks = |pair: &Pair| {
        let frames = pair.one.all_frames.iter().chain(&pair.two.all_frames);
        frames
            .filter(|(_, frame)| matches!(frame, Frame::Ack { .. }))
            .count()
    };
    // The first ack of each stream on a link waits for nothing.
    send(&mut pair, "nobody@realm2 satu");
    assert_eq!(acks(&pair), 2);

    send(&mut pair, "amsal@realm2 dua");
    send(&mut pair, "amsal@realm2 tiga");
    assert_eq!(acks(&pair), 2);
    send(&mut pair, "nobody@realm2 empat");
    assert_eq!(acks(&pair), 3, "of the mail, since it names a refusal");
    pair.two.wait(50);
    pair.one.wait(50);
    pair.settle();

    assert_eq!(acks(&pair), 4, "and of the bounce");
    assert_eq!(inbox(&mut pair.one, &token).len(), 2);
}
