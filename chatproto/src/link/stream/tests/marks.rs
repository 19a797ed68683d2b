//! What may have been sent is known to the store first; only the rest expires.

use super::*;

#[test]
fn nothing_above_the_mark_in_the_store_is_sent() {
    let mut stream = outgoing(3);
    stream.resumed((0, None), (0, None)).unwrap();
    stream.credit(1_000, 1_000_000);

    let upto = stream.mark();
    assert_eq!((upto, sent(&mut stream)), (Some(3), Vec::new()));
    stream.marked(2);

    assert_eq!(sent(&mut stream), [1, 2]);
}

#[test]
fn the_store_is_told_of_a_mark_once() {
    let mut stream = outgoing(3);
    assert_eq!(stream.mark(), None);
    stream.resumed((0, None), (0, None)).unwrap();

    assert_eq!(stream.mark(), Some(3));
    assert_eq!(stream.mark(), None);

    // It stays marked on the next link, which has nothing to wait for.
    stream.marked(3);
    stream.link_down();
    stream.resumed((0, None), (0, None)).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!(stream.mark(), None);
    assert_eq!(sent(&mut stream), [1, 2, 3]);
}

#[test]
fn marks_go_ahead_of_what_is_sent_by_chunks() {
    let mut stream = outgoing(10_000);
    stream.resumed((0, None), (0, None)).unwrap();
    stream.credit(10_000, 1 << 40);

    assert_eq!(mark(&mut stream), Some(1 + 4_096));
    // A new mark is due once half of them are sent.
    let before = std::iter::from_fn(|| next(&mut stream)).take(2_048).count();
    assert_eq!((before, mark(&mut stream)), (2_048, None));
    assert_eq!(next(&mut stream), Some((2_049, false)));

    assert_eq!(mark(&mut stream), Some(2_050 + 4_096));
    let rest = std::iter::from_fn(|| next(&mut stream));
    assert_eq!(rest.count(), 6_146 - 2_049);
}

#[test]
fn rows_are_marked_with_themselves_while_the_stream_flows() {
    let mut stream = outgoing(1);
    assert!(!append(&mut stream));
    stream.resumed((0, None), (0, None)).unwrap();
    // Those before it are not marked yet.
    assert!(!append(&mut stream));
    assert_eq!(mark(&mut stream), Some(3));

    assert!(append(&mut stream));
    assert!(append(&mut stream));
    assert_eq!(stream.mark(), None);
    stream.link_down();

    assert!(!append(&mut stream));
}

#[test]
fn no_row_is_marked_far_ahead_of_what_is_sent() {
    let mut stream = flowing(0);

    let marked = (0..5_000).filter(|_| append(&mut stream)).count();

    assert_eq!(marked, 4_096);
    stream.link_down();
    assert_eq!(stream.expires_ms(), Some(EXPIRES_MS + 4_096));
}

#[test]
fn a_row_that_is_in_the_store_alone_is_not_marked_with_itself() {
    let mut stream = flowing(0);

    assert!(append_within(&mut stream, 512));
    assert!(!append_within(&mut stream, 512));
    stream.stored(2);

    // Nor with others, before it is read.
    assert_eq!(stream.mark(), None);
    stream.link_down();
    assert_eq!(stream.expires_ms(), Some(EXPIRES_MS + 1));
}

#[test]
fn rows_above_the_mark_expire_in_order_and_those_below_it_never() {
    let mut stream = outgoing(2);
    resume(&mut stream, 0, 1).unwrap();
    stream.link_down();
    for _ in 3..=5 {
        append(&mut stream);
    }
    stream.stored(5);
    assert_eq!(stream.expires_ms(), Some(EXPIRES_MS + 2));

    assert_eq!(expired(&mut stream, EXPIRES_MS + 1), [0; 0]);
    assert_eq!(expired(&mut stream, EXPIRES_MS + 3), [3, 4]);
    assert_eq!(expired(&mut stream, EXPIRES_MS + 3), [0; 0]);
    assert_eq!(stream.expires_ms(), Some(EXPIRES_MS + 4));

    assert_eq!(expired(&mut stream, u64::MAX), [5]);
    assert_eq!(stream.expires_ms(), None);
}

#[test]
fn a_row_may_be_under_a_mark_that_is_not_in_the_store_yet_and_does_not_expire() {
    let mut stream = outgoing(2);
    stream.resumed((0, None), (0, None)).unwrap();
    assert_eq!(stream.mark(), Some(2));
    stream.link_down();

    assert_eq!(expired(&mut stream, u64::MAX), [0; 0]);
}

#[test]
fn nothing_goes_past_a_row_that_is_given_up_before_its_batch_is_stored() {
    let mut stream = outgoing(3);
    assert_eq!(expired(&mut stream, EXPIRES_MS + 1), [1, 2]);
    assert_eq!((stream.len(), stream.bytes()), (3, 1_536));

    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    assert_eq!(next(&mut stream), None);
    assert!(stream.voided(1));
    assert_eq!(next(&mut stream), Some((1, true)));
    assert_eq!(next(&mut stream), None);
    assert!(stream.voided(2));
    assert_eq!(next(&mut stream), Some((2, true)));
    assert_eq!(next(&mut stream), Some((3, false)));

    assert_eq!((stream.len(), stream.bytes()), (3, 512));
    let gone = [(1, Fate::Voided), (2, Fate::Voided), (3, Fate::Kept)];
    assert_eq!(settled(&mut stream, 3, &[1]), gone);
    assert_eq!((stream.len(), stream.bytes()), (0, 0));
}

#[test]
fn a_row_goes_as_a_void_once_however_often_that_is_said() {
    let mut stream = outgoing(2);

    assert!(!stream.voided(0));
    assert!(!stream.voided(3));
    for _ in 0..3 {
        assert!(stream.voided(2));
    }

    assert_eq!(stream.bytes(), 512);
    assert_eq!(expired(&mut stream, u64::MAX), [1]);
}

#[test]
fn a_stream_that_ends_tells_what_may_have_been_sent_from_what_never_was() {
    let mut stream = flowing(4);
    assert_eq!(sent(&mut stream), [1, 2, 3, 4]);
    stream.link_down();
    for _ in 5..=8 {
        append(&mut stream);
    }
    stream.stored(8);
    // 1 is with the peer, whatever it does with it; the writers of 5 and 6 were told, or are being.
    stream.resumed((1, None), (1, None)).unwrap();
    stream.link_down();
    assert_eq!(expired(&mut stream, EXPIRES_MS + 5), [5, 6]);
    stream.voided(5);
    assert_eq!(stream.writers().count(), 6);

    let (sent, unsent) = stream.end();

    let ids =
        |rows: Vec<Settled>| -> Vec<u128> { rows.iter().map(|row| row.id.as_u128()).collect() };
    assert_eq!((ids(sent), ids(unsent)), (vec![1, 2, 3, 4], vec![7, 8]));
}
