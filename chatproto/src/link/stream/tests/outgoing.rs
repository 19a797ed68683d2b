//! The sending end.

use super::*;

#[test]
fn nothing_is_sent_before_the_receiver_resumes_and_gives_credit() {
    let mut stream = outgoing(2);
    assert_eq!(stream.next(LINE_MAX), None);

    resume(&mut stream, 0, 1).unwrap();
    assert_eq!(stream.next(LINE_MAX), None);

    stream.credit(2, 1);
    let first = Frame::Env {
        stream: MAIL,
        seq: 1,
        envelope: envelope(1, ""),
    };
    assert_eq!(stream.next(LINE_MAX), Some(Next::Frame(first)));
}

#[test]
fn only_stored_rows_are_sent() {
    let mut stream = flowing(0);
    append(&mut stream);
    append(&mut stream);
    stream.marked(2);
    assert_eq!(sent(&mut stream), Vec::<u64>::new());

    stream.stored(1);

    assert_eq!(sent(&mut stream), [1]);
}

#[test]
fn an_ack_drops_what_it_covers_and_gives_it_back() {
    let mut stream = flowing(3);
    sent(&mut stream);
    assert_eq!((stream.len(), stream.bytes()), (3, 1_536));

    let settled = settled(&mut stream, 2, &[]);

    assert_eq!(settled, [(1, Fate::Kept), (2, Fate::Kept)]);
    assert_eq!((stream.len(), stream.bytes(), stream.last()), (1, 512, 3));
    assert!(stream.is_awaiting_ack());
}

#[test]
fn a_repeated_or_late_ack_drops_nothing_more() {
    let mut stream = flowing(3);
    sent(&mut stream);
    assert_eq!(settled(&mut stream, 2, &[]).len(), 2);

    for durable in [2, 1, 0] {
        assert_eq!(settled(&mut stream, durable, &[1, 2]), []);
    }

    assert_eq!(stream.len(), 1);
}

#[test]
fn an_ack_tells_what_became_of_each() {
    let mut stream = flowing(4);
    sent(&mut stream);

    let first = settled(&mut stream, 2, &[2]);
    let second = settled(&mut stream, 4, &[1, 3, 99]);

    assert_eq!(first, [(1, Fate::Kept), (2, Fate::Refused)]);
    assert_eq!(second, [(3, Fate::Refused), (4, Fate::Kept)]);
}

#[test]
fn an_ack_for_what_was_never_sent_is_a_violation() {
    let never = Err(Violation("an ack for envelopes that were never sent"));
    let mut stream = outgoing(3);
    assert_eq!(stream.acknowledged(0, &[]), never);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(2, 10_000);
    assert_eq!(sent(&mut stream), [1, 2]);

    assert_eq!(stream.acknowledged(3, &[]), never);
    assert_eq!(stream.acknowledged(u64::MAX, &[]), never);

    assert_eq!(stream.len(), 3);
    assert_eq!(settled(&mut stream, 2, &[]).len(), 2);
}

#[test]
fn a_stream_resumes_with_two_numbers() {
    let mut stream = flowing(5);
    assert_eq!(sent(&mut stream), [1, 2, 3, 4, 5]);
    stream.link_down();
    assert_eq!(stream.resume(), sender(1, 5));

    // The receiver has 2 in its store, and 3 and 4 in memory alone: those stay here, but are not
    // sent again.
    let resumed = resume(&mut stream, 2, 5);
    stream.credit(10, 10_000);

    assert_eq!(resumed, Ok(Resumed::Agreed));
    assert_eq!(stream.resume(), sender(3, 5));
    assert_eq!(sent(&mut stream), [5]);
}

#[test]
fn what_a_resume_showed_to_be_dealt_with_is_settled_by_the_next_ack() {
    let mut stream = flowing(3);
    sent(&mut stream);
    stream.link_down();
    resume(&mut stream, 2, 3).unwrap();
    stream.credit(10, 10_000);
    assert_eq!((sent(&mut stream), stream.len()), (vec![3], 3));

    let settled = settled(&mut stream, 3, &[2]);

    assert_eq!(
        settled,
        [(1, Fate::Kept), (2, Fate::Refused), (3, Fate::Kept)]
    );
    assert_eq!((stream.len(), stream.bytes()), (0, 0));
}

#[test]
fn a_row_that_does_not_fit_the_peers_lines_goes_as_a_void() {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    let long = envelope(1, &"x".repeat(5_000));
    stream.append(long, writer(), EXPIRES_MS, u64::MAX);
    append(&mut stream);
    stream.stored(2);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(10, 10_000);

    let void = Frame::Void {
        stream: MAIL,
        seq: 1,
        id: Uuid::from_u128(1),
    };
    let too_long = Next::TooLong(Expired {
        seq: 1,
        writer: writer(),
        envelope: envelope(1, &"x".repeat(5_000)),
    });
    assert_eq!(stream.next(4_096), Some(too_long));
    // Nothing goes on, not even for a peer that reads longer lines, before its sender was told.
    assert_eq!((stream.next(4_096), stream.next(LINE_MAX)), (None, None));
    assert!(stream.voided(1));
    assert_eq!(stream.next(4_096), Some(Next::Frame(void.clone())));
    let next = stream.next(4_096).unwrap();
    assert!(matches!(next, Next::Frame(Frame::Env { seq: 2, .. })));

    // It stays a void, even for a peer that reads longer lines now; its sender was told.
    stream.link_down();
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(10, 10_000);
    assert_eq!(stream.next(LINE_MAX), Some(Next::Frame(void)));
    assert_eq!(settled(&mut stream, 1, &[1]), [(1, Fate::Voided)]);
}

#[test]
fn a_receiver_that_lost_its_memory_gets_the_same_again() {
    let mut stream = flowing(3);
    sent(&mut stream);
    stream.link_down();

    resume(&mut stream, 1, 2).unwrap();
    stream.credit(10, 10_000);

    assert_eq!(sent(&mut stream), [2, 3]);
}

#[test]
fn a_receiver_that_forgot_what_it_acknowledged_is_told_of() {
    let mut stream = flowing(5);
    sent(&mut stream);
    stream.acknowledged(4, &[]).unwrap();
    stream.link_down();

    let resumed = resume(&mut stream, 1, 2);
    stream.credit(10, 10_000);

    assert_eq!(resumed, Ok(Resumed::Truncated(3)));
    assert_eq!(sent(&mut stream), [5]);
}

#[test]
fn a_receiver_that_has_had_more_than_there_is_shows_an_older_copy() {
    for (durable, next) in [(3, 4), (2, 4), (0, 4), (1 << 53, (1 << 53) + 1)] {
        let mut stream = outgoing(2);

        let resumed = stream.resumed((durable, None), (next - 1, None));

        assert_eq!(resumed, Ok(Resumed::Older), "{durable} {next}");
        assert_eq!((stream.len(), stream.mark()), (2, None));
    }
}

#[test]
fn a_resume_with_less_expected_than_stored_is_a_violation() {
    let mut stream = outgoing(2);
    let wrong = Err(Violation("a resume holds more than it has had"));

    assert_eq!(stream.resumed((2, None), (1, None)), wrong);
    assert_eq!(stream.resumed((1, None), (0, None)), wrong);

    assert_eq!(stream.len(), 2);
}

#[test]
fn a_stream_is_resumed_once_a_link() {
    let mut stream = outgoing(2);
    assert_eq!(resume(&mut stream, 2, 3), Ok(Resumed::Agreed));

    let twice = Err(Violation("a stream was resumed twice on one link"));
    assert_eq!(resume(&mut stream, 2, 3), twice);
    stream.link_down();

    assert_eq!(resume(&mut stream, 2, 3), Ok(Resumed::Agreed));
}

#[test]
fn the_sender_stops_at_the_credit_in_envelopes() {
    let mut stream = outgoing(5);
    resume(&mut stream, 0, 1).unwrap();

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
    resume(&mut stream, 0, 1).unwrap();

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

    resume(&mut stream, 0, 1).unwrap();

    assert_eq!(sent(&mut stream), Vec::<u64>::new());
    assert!(!stream.is_awaiting_ack());
}
