//! One side knows less than the other: ids are compared, and streams numbered anew.

use super::*;

const NEW: Uuid = Uuid::from_u128(0xa2);

#[expect(clippy::unnecessary_wraps, reason = "as a resume has it")]
fn id(number: u128) -> Option<Uuid> {
    Some(Uuid::from_u128(number))
}

/// A stream of which 3 was acknowledged last, and 4 to 6 are held.
fn held() -> OutStream {
    let mut stream = flowing(6);
    sent(&mut stream);
    settled(&mut stream, 3, &[]);
    stream.link_down();
    stream
}

/// What goes over a link that agrees with everything.
fn all_frames(stream: &mut OutStream) -> Vec<(u64, u128, bool)> {
    stream.stored(stream.last());
    resume(stream, 0, 1).unwrap();
    stream.marked(stream.last());
    stream.credit(1_000, 1_000_000);
    let frames = std::iter::from_fn(|| stream.next(LINE_MAX));
    let frames = frames.map(|frame| match frame {
        Next::Frame(Frame::Env { seq, envelope, .. }) => (seq, envelope.id.as_u128(), false),
        Next::Frame(Frame::Void { seq, id, .. }) => (seq, id.as_u128(), true),
        other => panic!("{other:?}"),
    });
    frames.collect()
}

#[test]
fn ids_are_compared_where_both_sides_have_them() {
    let table = [
        // At the row pruned last.
        ((3, id(3)), (3, id(3)), Resumed::Agreed),
        ((3, id(99)), (3, id(99)), Resumed::Older),
        ((3, None), (3, None), Resumed::Agreed),
        // At `durable` among those that are held.
        ((5, id(5)), (5, id(5)), Resumed::Agreed),
        ((5, id(99)), (6, id(6)), Resumed::Older),
        // At `next - 1`.
        ((3, id(3)), (6, id(6)), Resumed::Agreed),
        ((3, id(3)), (6, id(99)), Resumed::Older),
        ((3, None), (4, id(5)), Resumed::Older),
        // Of what lies behind nobody knows any more.
        ((2, id(99)), (4, id(4)), Resumed::Truncated(1)),
        ((0, None), (0, None), Resumed::Truncated(3)),
    ];
    for (durable, last, expected) in table {
        let mut stream = held();

        assert_eq!(
            stream.resumed(durable, last),
            Ok(expected),
            "{durable:?} {last:?}"
        );
    }
}

#[test]
fn the_id_of_the_row_pruned_last_outlives_a_restart() {
    let restored = || OutStream::restored(MAIL, StreamKind::Mail, 3, Uuid::from_u128(3));

    let agreed = restored().resumed((3, id(3)), (3, id(3)));
    let older = restored().resumed((3, id(99)), (3, id(99)));
    let mut moved = OutStream::restored(MAIL, StreamKind::Mail, 2, Uuid::from_u128(2));
    assert!(moved.restore_acknowledged(3, Uuid::from_u128(3)));
    let moved = moved.resumed((3, id(99)), (3, id(99)));

    assert_eq!(agreed, Ok(Resumed::Agreed));
    assert_eq!((older, moved), (Ok(Resumed::Older), Ok(Resumed::Older)));
}

#[test]
fn a_stream_is_not_older_than_one_that_never_had_an_id() {
    let mut stream = OutStream::restored(MAIL, StreamKind::Mail, 3, Uuid::nil());

    let resumed = stream.resumed((3, id(99)), (3, id(99)));

    assert_eq!(resumed, Ok(Resumed::Agreed));
}

#[test]
fn an_older_copy_changes_nothing_before_it_is_numbered_anew() {
    let mut stream = held();

    assert_eq!(stream.resumed((9, None), (9, None)), Ok(Resumed::Older));

    assert_eq!(stream, held());
    assert_eq!(
        stream.acknowledged(0, &[]).unwrap_err().0,
        "an ack for envelopes that were never sent"
    );
}

#[test]
fn what_is_held_is_numbered_from_1_and_may_all_have_been_sent() {
    let mut stream = held();
    append(&mut stream);

    assert_eq!(stream.renumber(NEW), 3);

    assert_eq!((stream.id, stream.last(), stream.len()), (NEW, 4, 4));
    assert_eq!(stream.bytes(), 4 * 512);
    assert_eq!(stream.expires_ms(), None);
    let frames = all_frames(&mut stream);
    let numbered = [(1, 4, false), (2, 5, false), (3, 6, false), (4, 7, false)];
    assert_eq!(frames, numbered);
}

#[test]
fn nothing_is_sent_under_new_numbers_before_the_store_has_them() {
    let mut stream = held();
    stream.renumber(NEW);

    // The link may be another one meanwhile, on which the stream was announced.
    stream.resumed((0, None), (0, None)).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!((stream.mark(), stream.next(LINE_MAX)), (None, None));
    stream.stored(3);
    assert_eq!(stream.next(LINE_MAX), None);
    stream.marked(3);

    assert_eq!(sent(&mut stream), [1, 2, 3]);
}

#[test]
fn rows_after_new_numbers_expire_as_ever() {
    let mut stream = held();
    stream.renumber(NEW);
    let row = envelope(4, "");
    stream.append(row, writer(), 5_000, u64::MAX);

    assert_eq!(expired(&mut stream, 4_999), [0; 0]);
    assert_eq!(expired(&mut stream, 5_000), [4]);
}

#[test]
fn what_was_not_settled_is_numbered_too() {
    let mut stream = held();
    // 4 and 5 are with the peer; whether it kept them nobody knows.
    stream.resumed((5, id(5)), (5, id(5))).unwrap();
    stream.link_down();
    assert_eq!(stream.resume(), sender(6, 6));

    assert_eq!(stream.resumed((7, None), (7, None)), Ok(Resumed::Older));
    assert_eq!(stream.renumber(NEW), 3);

    let numbered = [(1, 4, false), (2, 5, false), (3, 6, false)];
    assert_eq!(all_frames(&mut stream), numbered);
    let settled = settled(&mut stream, 3, &[2]);
    assert_eq!(
        settled,
        [(4, Fate::Kept), (5, Fate::Refused), (6, Fate::Kept)]
    );
}

#[test]
fn voids_stay_voids_under_new_numbers() {
    let mut stream = outgoing(4);
    assert_eq!(expired(&mut stream, EXPIRES_MS + 1), [1, 2]);
    // That the writer of 2 is told is stored no later than the new numbers.
    stream.voided(1);

    assert_eq!(stream.renumber(NEW), 0);

    assert_eq!((stream.len(), stream.bytes()), (4, 1_024));
    let numbered = [(1, 1, true), (2, 2, true), (3, 3, false), (4, 4, false)];
    assert_eq!(all_frames(&mut stream), numbered);
}

#[test]
fn rows_in_the_store_alone_are_read_under_new_numbers() {
    let mut stream = flowing(0);
    for _ in 0..6 {
        append_within(&mut stream, 1_024);
    }
    stream.stored(6);
    stream.link_down();
    stream.renumber(NEW);
    stream.stored(6);
    stream.marked(6);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!(sent(&mut stream), [1, 2]);
    settled(&mut stream, 2, &[]);

    assert_eq!(stream.wanted(1_024, 0), Some((3, 6, 1_024)));
    for seq in 3..=6 {
        assert!(stream.fetched(seq, envelope(seq.into(), "")));
    }

    assert_eq!(sent(&mut stream), [3, 4, 5, 6]);
}

#[test]
fn rows_that_were_never_stored_are_numbered_and_sent_once_they_are() {
    let mut stream = outgoing(1);
    append(&mut stream);
    // A batch with 2 is under way, and the one with the new numbers comes after it.
    stream.renumber(NEW);
    stream.stored(2);
    stream.marked(2);

    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);

    assert_eq!(sent(&mut stream), [1, 2]);
}

#[test]
fn a_stream_may_be_numbered_anew_again_and_with_nothing_in_it() {
    let mut stream = held();
    assert_eq!(stream.renumber(NEW), 3);
    assert_eq!(stream.renumber(MAIL), 0);
    assert_eq!(stream.last(), 3);

    let mut empty = OutStream::restored(MAIL, StreamKind::Mail, 7, Uuid::from_u128(7));
    assert_eq!(empty.renumber(NEW), 7);

    assert_eq!(empty, {
        let mut new = OutStream::new(NEW, StreamKind::Mail);
        new.stored(0);
        new
    });
}

#[test]
fn a_receiver_whose_copy_is_older_goes_on_where_the_sender_begins() {
    let mut out = held();
    let mut receiving = InStream::restored(MAIL, StreamKind::Mail, 1, Uuid::from_u128(1));
    assert!(receiving.has_begun());

    let (told, missing) = receiving.resume(4, 6).unwrap();
    assert_eq!((told, missing), (receiver(1, 2, Some(1), Some(1)), 2));
    assert_eq!(resume(&mut out, 1, 2), Ok(Resumed::Truncated(2)));

    receiving.credit(1_000, 1_000_000).unwrap();
    out.credit(1_000, 1_000_000);
    assert_eq!(sent(&mut out), [4, 5, 6]);
    assert_eq!(arrive(&mut receiving, 4), Ok(Arrival::Deliver));
}
