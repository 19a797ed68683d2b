//! Of a long queue only the beginning is in memory.

use super::*;

/// A bound of four rows.
const MEMORY_MAX: u64 = 2_048;

/// Long after everything has expired.
const LATE_MS: u64 = 1_000_000;

/// A stream of which the first four rows are in memory, and the others in the store alone.
fn long(rows: u64) -> OutStream {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for _ in 0..rows {
        append_within(&mut stream, MEMORY_MAX);
    }
    stream.stored(rows);
    stream
}

/// Reads as a store would.
fn read(stream: &mut OutStream, from: u64, upto: u64) {
    for seq in from..=upto {
        assert!(stream.fetched(seq, envelope(seq.into(), "")), "{seq}");
    }
    stream.fetch_ended();
}

#[test]
fn what_is_in_the_store_alone_is_sent_once_it_is_read() {
    let mut stream = long(9);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!(sent(&mut stream), [1, 2, 3, 4]);
    assert_eq!((stream.len(), stream.bytes()), (9, 9 * 512));
    settled(&mut stream, 2, &[]);

    let wanted = stream.wanted(MEMORY_MAX, 0);
    assert_eq!(wanted, Some((5, 9, 1_024)));
    read(&mut stream, 5, 6);

    assert_eq!(sent(&mut stream), Vec::<u64>::new());
    assert_eq!(mark(&mut stream), Some(6));
    assert_eq!(sent(&mut stream), [5, 6]);
}

#[test]
fn no_more_is_read_while_more_than_half_of_it_is_in_memory() {
    let mut stream = long(9);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    sent(&mut stream);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);

    settled(&mut stream, 1, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);
    settled(&mut stream, 2, &[]);

    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 9, 1_024)));
    // One at a time.
    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);
    stream.fetch_ended();
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 9, 1_024)));
}

#[test]
fn nothing_is_read_for_a_peer_that_is_away_or_before_it_is_stored() {
    let mut stream = long(0);
    for _ in 0..6 {
        append_within(&mut stream, MEMORY_MAX);
    }
    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    stream.stored(4);
    assert_eq!(sent(&mut stream), [1, 2, 3, 4]);
    settled(&mut stream, 4, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);

    stream.stored(5);

    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 5, 2_048)));
}

#[test]
fn a_row_after_one_in_the_store_alone_is_there_alone_too() {
    let mut stream = long(5);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!(sent(&mut stream), [1, 2, 3, 4]);
    settled(&mut stream, 4, &[]);

    // There would be room for 6, but 5 comes first.
    append_within(&mut stream, MEMORY_MAX);
    stream.stored(6);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 6, 2_048)));
    read(&mut stream, 5, 6);
    mark(&mut stream);

    assert_eq!(sent(&mut stream), [5, 6]);
}

#[test]
fn rows_that_were_acknowledged_while_they_were_read_are_passed_over() {
    let mut stream = long(9);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    sent(&mut stream);
    settled(&mut stream, 4, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 9, 2_048)));
    // After a crash of this side the peer may have more than this side remembers to have sent.
    stream.link_down();
    resume(&mut stream, 6, 8).unwrap();
    stream.credit(1_000, 1_000_000);

    read(&mut stream, 5, 9);
    mark(&mut stream);

    assert_eq!(sent(&mut stream), [8, 9]);
    let ids: Vec<_> = settled(&mut stream, 9, &[])
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(ids, [5, 6, 7, 8, 9]);
}

#[test]
fn what_was_read_and_is_not_what_was_stored_is_found_out() {
    let fresh = || {
        let mut stream = long(9);
        resume(&mut stream, 0, 1).unwrap();
        stream
    };

    assert!(!fresh().fetched(5, envelope(6, "")));
    assert!(!fresh().fetched(6, envelope(6, "")));
    assert!(!fresh().fetched(10, envelope(10, "")));
    assert!(!fresh().fetched(u64::MAX, envelope(5, "")));
    // It is in memory anyway.
    assert!(fresh().fetched(0, envelope(9, "")));
    assert!(fresh().fetched(4, envelope(9, "")));
}

#[test]
fn a_void_that_is_read_takes_no_memory() {
    let mut stream = long(9);
    for seq in 5..=7 {
        assert!(stream.voided(seq));
    }
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    sent(&mut stream);
    settled(&mut stream, 2, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 9, 1_024)));

    read(&mut stream, 5, 8);
    mark(&mut stream);

    let frames: Vec<_> = std::iter::from_fn(|| next(&mut stream)).collect();
    assert_eq!(frames, [(5, true), (6, true), (7, true), (8, false)]);
    // 3, 4 and 8.
    settled(&mut stream, 3, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((9, 9, 1_024)));
}

#[test]
fn what_has_expired_is_read_to_be_given_up() {
    let mut stream = long(9);
    assert_eq!(expired(&mut stream, LATE_MS), [1, 2, 3, 4]);

    assert_eq!(stream.wanted(MEMORY_MAX, 0), None);
    assert_eq!(stream.wanted(MEMORY_MAX, LATE_MS), Some((5, 9, 262_144)));
    read(&mut stream, 5, 9);

    assert_eq!(expired(&mut stream, LATE_MS), [5, 6, 7, 8, 9]);
    assert_eq!(stream.wanted(MEMORY_MAX, LATE_MS), None);
}

#[test]
fn what_has_expired_is_read_though_what_comes_before_it_may_have_been_sent() {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for _ in 0..9 {
        append_within(&mut stream, MEMORY_MAX);
    }
    stream.stored(9);
    // So it may be after a restart, with less memory than before.
    stream.marked(6);
    assert_eq!(stream.expires_ms(), Some(EXPIRES_MS + 6));
    assert_eq!(stream.wanted(MEMORY_MAX, EXPIRES_MS + 5), None);

    assert_eq!(stream.wanted(MEMORY_MAX, LATE_MS), Some((5, 9, 262_144)));
    read(&mut stream, 5, 8);
    assert_eq!(expired(&mut stream, LATE_MS), [7, 8]);
    assert_eq!(stream.wanted(MEMORY_MAX, LATE_MS), Some((9, 9, 262_144)));
    read(&mut stream, 9, 9);

    assert_eq!(expired(&mut stream, LATE_MS), [9]);
    assert_eq!(stream.wanted(MEMORY_MAX, LATE_MS), None);
}

#[test]
fn without_any_memory_rows_are_read_one_by_one() {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for _ in 0..3 {
        append_within(&mut stream, 0);
    }
    stream.stored(3);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);

    for seq in 1..=3 {
        assert_eq!(stream.wanted(0, 0), Some((seq, 3, 0)));
        read(&mut stream, seq, seq);
        assert_eq!(mark(&mut stream), Some(seq));
        assert_eq!(sent(&mut stream), [seq]);
        assert_eq!(stream.wanted(0, 0), None);
        settled(&mut stream, seq, &[]);
    }
    assert_eq!(stream.wanted(0, 0), None);
}

#[test]
fn a_row_that_was_never_read_is_settled_by_its_id() {
    let mut stream = long(6);
    resume(&mut stream, 6, 7).unwrap();

    let gone = stream.acknowledged(6, &[6]).unwrap();

    let last = gone.last().unwrap();
    assert_eq!((last.id, last.writer), (Uuid::from_u128(6), writer()));
    assert_eq!((last.fate, last.envelope.clone()), (Fate::Refused, None));
    assert_eq!(gone.len(), 6);
}

#[test]
fn what_is_in_memory_behind_what_is_not_is_counted_once_when_it_is_numbered_anew() {
    let mut stream = long(9);
    // The peer has 1 to 6, and the link is gone before it says what it refused.
    resume(&mut stream, 6, 7).unwrap();
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((7, 9, 2_048)));
    read(&mut stream, 7, 9);
    stream.link_down();

    assert_eq!(resume(&mut stream, 20, 21), Ok(Resumed::Older));
    stream.renumber(Uuid::from_u128(0xa2));
    stream.stored(9);
    stream.marked(9);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);

    // The store gives one, and then another.
    assert_eq!(sent(&mut stream), [1, 2, 3, 4]);
    settled(&mut stream, 4, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((5, 9, 2_048)));
    read(&mut stream, 5, 6);
    assert_eq!(sent(&mut stream), [5, 6]);
    settled(&mut stream, 6, &[]);
    assert_eq!(stream.wanted(MEMORY_MAX, 0), Some((7, 9, 2_048)));
    read(&mut stream, 7, 9);
    assert_eq!(sent(&mut stream), [7, 8, 9]);
    settled(&mut stream, 9, &[]);
    assert_eq!((stream.len(), stream.bytes()), (0, 0));
}
