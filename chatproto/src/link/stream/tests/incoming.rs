//! The receiving end.

use super::*;

/// The id of the bounce of the envelope with that number.
fn bounce(seq: u64) -> Uuid {
    Uuid::from_u128(u128::from(seq) << 64)
}

fn store_at(stream: &mut InStream, durable: u64) {
    stream.stored(durable, Uuid::from_u128(durable.into()));
}

#[test]
fn envelopes_are_delivered_once_and_in_order() {
    let mut stream = incoming(3);

    assert_eq!(arrive(&mut stream, 1), Ok(Arrival::Deliver));
    assert_eq!(arrive(&mut stream, 2), Ok(Arrival::Deliver));
    assert_eq!(arrive(&mut stream, 1), Ok(Arrival::Duplicate));
    assert_eq!(arrive(&mut stream, 2), Ok(Arrival::Duplicate));

    let gap = Err(Violation("an envelope is missing in between"));
    assert_eq!(arrive(&mut stream, 4), gap);
    assert_eq!(stream.record(), Some((2, Uuid::from_u128(2))));
}

#[test]
fn an_ack_waits_for_the_store_and_is_said_once() {
    let mut stream = incoming(2);
    arrive(&mut stream, 1).unwrap();
    assert_eq!(stream.acks(), []);

    store(&mut stream);

    assert_eq!(stream.acks(), [ack(1, &[])]);
    assert_eq!(stream.acks(), []);
}

#[test]
fn a_cursor_is_given_to_the_store_once() {
    let mut stream = incoming(2);
    assert_eq!(stream.record(), None);

    arrive(&mut stream, 1).unwrap();

    assert_eq!(stream.record(), Some((1, Uuid::from_u128(1))));
    assert_eq!(stream.record(), None);
}

#[test]
fn an_ack_waits_for_the_resume() {
    let mut stream = incoming(2);
    arrive(&mut stream, 1).unwrap();
    stream.link_down();
    store(&mut stream);
    assert_eq!(stream.acks(), []);

    stream.resume(1, 2).unwrap();

    assert_eq!(stream.acks(), [ack(1, &[])]);
}

#[test]
fn refusals_are_told_on_each_link_until_the_peer_has_the_bounce() {
    let mut stream = incoming(3);
    for seq in 1..=3 {
        arrive(&mut stream, seq).unwrap();
        stream.refused(bounce(seq));
    }
    store(&mut stream);
    assert_eq!(stream.acks(), [ack(3, &[1, 2, 3])]);

    assert_eq!(stream.bounced(bounce(2)), None);
    assert_eq!(stream.bounced(Uuid::from_u128(1)), None);
    assert_eq!(stream.bounced(bounce(1)), Some(1));
    stream.link_down();
    stream.resume(1, 3).unwrap();

    assert_eq!(stream.acks(), [ack(3, &[2, 3])]);
}

#[test]
fn an_ack_names_the_refused_among_those_it_covers() {
    let mut stream = incoming(4);
    for seq in 1..=4 {
        arrive(&mut stream, seq).unwrap();
        if seq % 2 == 0 {
            stream.refused(bounce(seq));
        }
    }

    stream.stored(3, Uuid::from_u128(3));
    assert_eq!(stream.acks(), [ack(3, &[2])]);
    stream.stored(4, Uuid::from_u128(4));

    assert_eq!(stream.acks(), [ack(4, &[4])]);
}

#[test]
fn more_refusals_than_fit_a_line_are_told_in_several_acks() {
    let mut stream = incoming(300);
    for seq in 1..=300 {
        arrive(&mut stream, seq).unwrap();
        stream.refused(bounce(seq));
    }
    store(&mut stream);

    let acks = stream.acks();

    let numbers: Vec<u64> = (1..=300).collect();
    assert_eq!(
        acks,
        [
            ack(128, &numbers[..128]),
            ack(256, &numbers[128..256]),
            ack(300, &numbers[256..])
        ]
    );
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
    // Up to the next envelope nobody knows whether the sender has heard of it: it is told again, which
    // is no news to this side, and the store stays where it was.
    assert_eq!((stream.record(), stream.acks()), (None, Vec::new()));
    stream.link_down();
    assert_eq!(stream.resume(4, 6), Ok((receiver(0, 1, None, None), 0)));
    stream.link_down();
    assert_eq!(stream.resume(6, 6), Ok((receiver(0, 1, None, None), 5)));
    stream.credit(10, 10_000);

    assert_eq!(arrive(&mut stream, 6), Ok(Arrival::Deliver));
    assert_eq!(stream.record(), Some((6, Uuid::from_u128(6))));
    store_at(&mut stream, 6);
    assert_eq!(stream.acks(), [ack(6, &[])]);
}

#[test]
fn a_sender_that_holds_less_than_it_sent_is_told_what_came() {
    for (oldest, last) in [(1, 1), (1, 0), (2, 1)] {
        let mut stream = incoming(2);
        arrive(&mut stream, 1).unwrap();
        arrive(&mut stream, 2).unwrap();
        store(&mut stream);
        stream.link_down();

        let answer = stream.resume(oldest, last);

        let told = receiver(2, 3, Some(2), Some(2));
        assert_eq!(answer, Ok((told, 0)), "{oldest} {last}");
    }
}

#[test]
fn a_resume_with_numbers_that_cannot_be_is_a_violation() {
    let wrong = Err(Violation("a resume with numbers that cannot be"));
    for (oldest, last) in [(0, 2), (4, 2), (1, u64::MAX), (1, 1 << 40)] {
        let mut stream = incoming(2);
        stream.link_down();
        assert_eq!(stream.resume(oldest, last), wrong, "{oldest} {last}");
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

    assert_eq!(stream.record(), None);
}

#[test]
fn a_void_needs_credit_as_an_envelope_does() {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(1, 9).unwrap();
    let beyond = Err(Violation("a void beyond the credit given"));
    assert_eq!(stream.voided(1, Uuid::from_u128(1)), beyond);

    stream.credit(2, 1_000_000).unwrap();

    assert_eq!(stream.voided(1, Uuid::from_u128(1)), Ok(Arrival::Deliver));
    assert_eq!(stream.voided(2, Uuid::from_u128(2)), Ok(Arrival::Deliver));
    assert_eq!(stream.voided(3, Uuid::from_u128(3)), beyond);
    assert_eq!(stream.record(), Some((2, Uuid::from_u128(2))));
}

#[test]
fn a_stream_ends_where_the_numbers_of_a_store_do() {
    const LAST: u64 = (1 << 40) - 1;
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(LAST, LAST).unwrap();
    stream.credit(10, 1_000_000).unwrap();
    assert_eq!(arrive(&mut stream, LAST), Ok(Arrival::Deliver));

    let over = Err(Violation("a stream has no more numbers"));
    assert_eq!(arrive(&mut stream, LAST + 1), over);
    assert_eq!(stream.voided(LAST + 1, Uuid::from_u128(1)), over);

    assert_eq!(stream.record().map(|(durable, _)| durable), Some(LAST));
}

#[test]
fn a_void_moves_the_cursor_as_an_envelope_does() {
    let mut stream = incoming(3);
    arrive(&mut stream, 1).unwrap();

    assert_eq!(stream.voided(2, Uuid::from_u128(9)), Ok(Arrival::Deliver));
    assert_eq!(stream.voided(2, Uuid::from_u128(9)), Ok(Arrival::Duplicate));
    let gap = Err(Violation("an envelope is missing in between"));
    assert_eq!(stream.voided(4, Uuid::from_u128(9)), gap);

    assert_eq!(stream.record(), Some((2, Uuid::from_u128(9))));
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
    resume(&mut out, 0, 1).unwrap();
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
