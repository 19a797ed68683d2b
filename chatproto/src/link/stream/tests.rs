use super::*;
use crate::envelope::Kind;
use crate::name::RealmName;

const MAIL: Uuid = Uuid::from_u128(0xa1);

/// An envelope of 512 bytes, and as many more as its text has.
fn envelope(id: u128, text: &str) -> Arc<Envelope> {
    Arc::new(Envelope {
        id: Uuid::from_u128(id),
        kind: Kind::Message,
        origin: RealmName::parse("realm2").unwrap(),
        destination: RealmName::parse("realm1").unwrap(),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: 0,
        text: text.to_owned(),
    })
}

/// A stream whose rows have the ids 1 to `rows`, all of them stored.
fn outgoing(rows: u64) -> OutStream {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for id in 1..=rows {
        assert_eq!(stream.append(envelope(id.into(), "")), id);
    }
    stream.stored(rows);
    stream
}

/// The same, resumed by a receiver that has nothing, with all the credit there is.
fn flowing(rows: u64) -> OutStream {
    let mut stream = outgoing(rows);
    stream.resumed(0, 1, &mut Vec::new()).unwrap();
    stream.credit(1_000, 1_000_000);
    stream
}

/// The numbers of all envelopes that may be sent now.
fn sent(stream: &mut OutStream) -> Vec<u64> {
    let frames = std::iter::from_fn(|| stream.next_frame());
    let numbers = frames.map(|frame| match frame {
        Frame::Env { seq, .. } => seq,
        other => panic!("{other:?}"),
    });
    numbers.collect()
}

fn ids(done: &[Arc<Envelope>]) -> Vec<u128> {
    done.iter().map(|envelope| envelope.id.as_u128()).collect()
}

/// A receiver that was told of everything up to `last` and has given credit.
fn incoming(last: u64) -> InStream {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(1, last).unwrap();
    stream.credit(1_000, 1_000_000).unwrap();
    stream
}

fn arrive(stream: &mut InStream, seq: u64) -> Result<Arrival, Violation> {
    stream.arrived(seq, &envelope(seq.into(), ""))
}

fn store(stream: &mut InStream) {
    let (durable, id) = stream.position();
    stream.stored(durable, id);
}

fn receiver(durable: u64, next: u64, durable_id: Option<u128>, last_id: Option<u128>) -> Frame {
    Frame::Resume(Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Receiver {
            durable,
            next,
            durable_id: durable_id.map(Uuid::from_u128),
            last_id: last_id.map(Uuid::from_u128),
        },
    })
}

fn credit(upto: u64, bytes: u64) -> Frame {
    Frame::Credit {
        stream: MAIL,
        upto,
        bytes,
    }
}

fn ack(durable: u64, refused: &[u64]) -> Frame {
    Frame::Ack {
        stream: MAIL,
        durable,
        refused: refused.to_vec(),
    }
}

// The sending end.

#[test]
fn nothing_is_sent_before_the_receiver_resumes_and_gives_credit() {
    let mut stream = outgoing(2);
    assert_eq!(stream.next_frame(), None);

    stream.resumed(0, 1, &mut Vec::new()).unwrap();
    assert_eq!(stream.next_frame(), None);

    stream.credit(2, 1);
    let first = Frame::Env {
        stream: MAIL,
        seq: 1,
        envelope: envelope(1, ""),
    };
    assert_eq!(stream.next_frame(), Some(first));
}

#[test]
fn only_stored_rows_are_sent() {
    let mut stream = flowing(0);
    stream.append(envelope(1, ""));
    stream.append(envelope(2, ""));
    assert_eq!(sent(&mut stream), Vec::<u64>::new());

    stream.stored(1);

    assert_eq!(sent(&mut stream), [1]);
}

#[test]
fn an_ack_drops_what_it_covers_and_gives_it_back() {
    let mut stream = flowing(3);
    let mut done = Vec::new();
    sent(&mut stream);
    assert_eq!((stream.len(), stream.bytes()), (3, 1_536));

    stream.acknowledged(2, &mut done).unwrap();

    assert_eq!(ids(&done), [1, 2]);
    assert_eq!((stream.len(), stream.bytes(), stream.last()), (1, 512, 3));
    assert!(stream.is_awaiting_ack());
}

#[test]
fn a_repeated_or_late_ack_drops_nothing_more() {
    let mut stream = flowing(3);
    let mut done = Vec::new();
    sent(&mut stream);
    stream.acknowledged(2, &mut done).unwrap();

    for durable in [2, 1, 0] {
        stream.acknowledged(durable, &mut done).unwrap();
    }

    assert_eq!((ids(&done), stream.len()), (vec![1, 2], 1));
}

#[test]
fn an_ack_for_what_was_never_sent_is_a_violation() {
    let mut stream = outgoing(3);
    let never = Err(Violation("an ack for envelopes that were never sent"));
    assert_eq!(stream.acknowledged(0, &mut Vec::new()), never);
    stream.resumed(0, 1, &mut Vec::new()).unwrap();
    stream.credit(2, 10_000);
    assert_eq!(sent(&mut stream), [1, 2]);

    assert_eq!(stream.acknowledged(3, &mut Vec::new()), never);

    assert_eq!(
        (stream.len(), stream.acknowledged(2, &mut Vec::new())),
        (3, Ok(()))
    );
}

#[test]
fn a_stream_resumes_with_two_numbers() {
    let mut stream = flowing(5);
    let mut done = Vec::new();
    assert_eq!(sent(&mut stream), [1, 2, 3, 4, 5]);
    stream.link_down();
    assert_eq!(stream.resume(), sender(1, 5));

    // The receiver has 2 in its store, and 3 and 4 in memory alone: those stay here, but are not
    // sent again.
    let resumed = stream.resumed(2, 5, &mut done);
    stream.credit(10, 10_000);

    assert_eq!((resumed, ids(&done)), (Ok(Resumed::Agreed), vec![1, 2]));
    assert_eq!((stream.len(), stream.resume()), (3, sender(3, 5)));
    assert_eq!(sent(&mut stream), [5]);
}

#[test]
fn a_receiver_that_lost_its_memory_gets_the_same_again() {
    let mut stream = flowing(3);
    sent(&mut stream);
    stream.link_down();

    stream.resumed(1, 2, &mut Vec::new()).unwrap();
    stream.credit(10, 10_000);

    assert_eq!(sent(&mut stream), [2, 3]);
}

#[test]
fn a_receiver_that_forgot_what_it_acknowledged_is_told_of() {
    let mut stream = flowing(5);
    sent(&mut stream);
    stream.acknowledged(4, &mut Vec::new()).unwrap();
    stream.link_down();

    let resumed = stream.resumed(1, 2, &mut Vec::new());
    stream.credit(10, 10_000);

    assert_eq!(resumed, Ok(Resumed::Truncated(3)));
    assert_eq!(sent(&mut stream), [5]);
}

#[test]
fn a_resume_of_what_was_never_sent_is_a_violation() {
    let never = Err(Violation(
        "a resume speaks of envelopes that were never sent",
    ));
    for (durable, next) in [(3, 4), (2, 4), (2, 2), (1, 1), (0, 0), (u64::MAX, u64::MAX)] {
        let mut stream = outgoing(2);
        assert_eq!(
            stream.resumed(durable, next, &mut Vec::new()),
            never,
            "{durable} {next}"
        );
        assert_eq!(stream.len(), 2);
    }

    let mut stream = outgoing(2);
    assert_eq!(stream.resumed(2, 3, &mut Vec::new()), Ok(Resumed::Agreed));
    let twice = Err(Violation("a stream was resumed twice on one link"));
    assert_eq!(stream.resumed(2, 3, &mut Vec::new()), twice);
}

#[test]
fn the_sender_stops_at_the_credit_in_envelopes() {
    let mut stream = outgoing(5);
    stream.resumed(0, 1, &mut Vec::new()).unwrap();

    stream.credit(2, 10_000);
    assert_eq!(sent(&mut stream), [1, 2]);
    stream.credit(1, 5_000);
    assert_eq!(sent(&mut stream), Vec::<u64>::new());
    stream.credit(3, 10_000);

    assert_eq!(sent(&mut stream), [3]);
}

#[test]
fn the_last_envelope_may_overshoot_the_credit_in_bytes() {
    let mut stream = outgoing(5);
    stream.resumed(0, 1, &mut Vec::new()).unwrap();

    stream.credit(10, 1_024);
    assert_eq!(sent(&mut stream), [1, 2]);
    stream.credit(10, 1_025);
    assert_eq!(sent(&mut stream), [3]);
    stream.credit(10, 1_536);

    assert_eq!(sent(&mut stream), Vec::<u64>::new());
}

#[test]
fn credit_is_gone_with_the_link() {
    let mut stream = flowing(2);
    stream.link_down();

    stream.resumed(0, 1, &mut Vec::new()).unwrap();

    assert_eq!(sent(&mut stream), Vec::<u64>::new());
    assert!(!stream.is_awaiting_ack());
}

fn sender(oldest: u64, last: u64) -> Frame {
    Frame::Resume(Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Sender { oldest, last },
    })
}

// The receiving end.

#[test]
fn envelopes_are_delivered_once_and_in_order() {
    let mut stream = incoming(3);

    assert_eq!(arrive(&mut stream, 1), Ok(Arrival::Deliver));
    assert_eq!(arrive(&mut stream, 2), Ok(Arrival::Deliver));
    assert_eq!(arrive(&mut stream, 1), Ok(Arrival::Duplicate));
    assert_eq!(arrive(&mut stream, 2), Ok(Arrival::Duplicate));

    let gap = Err(Violation("an envelope is missing in between"));
    assert_eq!(arrive(&mut stream, 4), gap);
    assert_eq!(stream.position(), (2, Uuid::from_u128(2)));
}

#[test]
fn an_ack_waits_for_the_store_and_is_said_once() {
    let mut stream = incoming(2);
    arrive(&mut stream, 1).unwrap();
    assert_eq!(stream.ack(), None);

    store(&mut stream);

    assert_eq!(stream.ack(), Some(ack(1, &[])));
    assert_eq!(stream.ack(), None);
}

#[test]
fn an_ack_names_the_refused_among_those_it_covers() {
    let mut stream = incoming(4);
    for seq in 1..=4 {
        arrive(&mut stream, seq).unwrap();
        if seq % 2 == 0 {
            stream.refused();
        }
    }

    stream.stored(3, Uuid::from_u128(3));
    assert_eq!(stream.ack(), Some(ack(3, &[2])));
    stream.stored(4, Uuid::from_u128(4));

    assert_eq!(stream.ack(), Some(ack(4, &[4])));
}

#[test]
fn the_answer_to_a_resume_has_what_is_stored_and_what_is_expected() {
    let mut stream = incoming(5);
    assert_eq!(
        InStream::new(MAIL, StreamKind::Mail).resume(1, 0),
        Ok((receiver(0, 1, None, None), 0))
    );
    for seq in 1..=3 {
        arrive(&mut stream, seq).unwrap();
    }
    stream.stored(2, Uuid::from_u128(2));
    stream.link_down();

    let answer = stream.resume(1, 5);

    assert_eq!(answer, Ok((receiver(2, 4, Some(2), Some(3)), 0)));
}

#[test]
fn what_the_sender_no_longer_has_is_counted_as_missing() {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);

    let (told, missing) = stream.resume(4, 6).unwrap();
    stream.credit(10, 10_000);

    assert_eq!((told, missing), (receiver(0, 1, None, None), 3));
    assert_eq!((stream.durable(), stream.position().0), (3, 3));
    assert_eq!(arrive(&mut stream, 4), Ok(Arrival::Deliver));
}

#[test]
fn a_sender_that_holds_less_than_it_sent_is_a_violation() {
    let less = Err(Violation("a resume holds less than was sent before"));
    for (oldest, last) in [(1, 1), (2, 0), (0, 2), (4, 2)] {
        let mut stream = incoming(2);
        arrive(&mut stream, 1).unwrap();
        arrive(&mut stream, 2).unwrap();
        stream.link_down();
        assert_eq!(stream.resume(oldest, last), less, "{oldest} {last}");
    }

    let mut stream = incoming(2);
    let twice = Err(Violation("a stream was resumed twice on one link"));
    assert_eq!(stream.resume(1, 2), twice);
}

#[test]
fn nothing_is_taken_before_the_resume() {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    assert_eq!(stream.credit(10, 10_000), None);

    let early = Err(Violation("an envelope before its stream was resumed"));
    assert_eq!(arrive(&mut stream, 1), early);
    let early = Err(Violation("a void before its stream was resumed"));
    assert_eq!(stream.voided(1, MAIL), early);

    assert_eq!(stream.position(), (0, Uuid::nil()));
}

#[test]
fn a_void_moves_the_cursor_as_an_envelope_does() {
    let mut stream = incoming(3);
    arrive(&mut stream, 1).unwrap();

    assert_eq!(stream.voided(2, Uuid::from_u128(9)), Ok(Arrival::Deliver));
    assert_eq!(stream.voided(2, Uuid::from_u128(9)), Ok(Arrival::Duplicate));
    let gap = Err(Violation("an envelope is missing in between"));
    assert_eq!(stream.voided(4, Uuid::from_u128(9)), gap);

    assert_eq!(stream.position(), (2, Uuid::from_u128(9)));
    assert_eq!(arrive(&mut stream, 3), Ok(Arrival::Deliver));
}

#[test]
fn more_envelopes_are_allowed_once_half_are_stored() {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(1, 9).unwrap();
    assert_eq!(stream.credit(4, 100_000), Some(credit(4, 100_000)));

    arrive(&mut stream, 1).unwrap();
    store(&mut stream);
    assert_eq!(stream.credit(4, 100_000), None);
    arrive(&mut stream, 2).unwrap();
    assert_eq!(stream.credit(4, 100_000), None);
    store(&mut stream);

    assert_eq!(stream.credit(4, 100_000), Some(credit(6, 101_024)));
}

#[test]
fn more_bytes_are_allowed_once_half_are_stored() {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(1, 9).unwrap();
    stream.credit(100, 2_000).unwrap();

    arrive(&mut stream, 1).unwrap();
    store(&mut stream);
    assert_eq!(stream.credit(100, 2_000), None);
    arrive(&mut stream, 2).unwrap();
    store(&mut stream);

    assert_eq!(stream.credit(100, 2_000), Some(credit(102, 3_024)));
}

#[test]
fn an_envelope_beyond_the_credit_is_a_violation() {
    let beyond = Err(Violation("an envelope beyond the credit given"));
    let mut by_count = InStream::new(MAIL, StreamKind::Mail);
    by_count.resume(1, 9).unwrap();
    by_count.credit(1, 100_000).unwrap();
    arrive(&mut by_count, 1).unwrap();
    assert_eq!(arrive(&mut by_count, 2), beyond);

    // 1,023 of 1,024 bytes used up: one more envelope may overshoot, the next may not.
    let mut by_bytes = InStream::new(MAIL, StreamKind::Mail);
    by_bytes.resume(1, 9).unwrap();
    by_bytes.credit(100, 1_024).unwrap();
    by_bytes.arrived(1, &envelope(1, &"x".repeat(511))).unwrap();
    arrive(&mut by_bytes, 2).unwrap();
    assert_eq!(arrive(&mut by_bytes, 3), beyond);
}

#[test]
fn both_ends_agree_on_when_the_bytes_are_used_up() {
    let (mut out, mut receiving) = (outgoing(9), incoming(9));
    receiving.link_down();
    receiving.resume(1, 9).unwrap();
    out.resumed(0, 1, &mut Vec::new()).unwrap();
    let Some(Frame::Credit { upto, bytes, .. }) = receiving.credit(100, 1_300) else {
        panic!("no credit");
    };

    out.credit(upto, bytes);
    let numbers = sent(&mut out);

    assert_eq!(numbers, [1, 2, 3]);
    for seq in numbers {
        assert_eq!(arrive(&mut receiving, seq), Ok(Arrival::Deliver));
    }
    assert!(arrive(&mut receiving, 4).is_err());
}
