//! Which envelopes of a queue a fetch finds: the part of the contract about reading them.

use crate::harness::{Harness, commit_all};
use crate::sample::{
    batch, begun, delivered, mail, mail_acknowledged, mail_begun, peer, people, realm2, realm3,
    uuid,
};
use chatproto::link::frame::StreamKind;
use chatproto::store::{QueueFetch, Store, StoreError};
use chatproto::{PeerId, Record};

const MAIL: StreamKind = StreamKind::Mail;

/// Ten envelopes for realm3, each of 512 + 23 bytes, numbered from 1, and a neighbour on each side.
fn letters() -> Vec<Record> {
    let mut records = people();
    records.extend([peer(0, "realm2"), peer(1, "realm3"), mail_begun(100)]);
    records.extend((1..=10).map(|n| mail(100, n, 100 + u128::from(n), n < 5)));
    records.push(begun(StreamKind::Mail, 101));
    records.push(Record::StreamBegun {
        peer: realm3(),
        kind: StreamKind::Bounce,
        stream: uuid(102),
    });
    for (peer, kind, stream) in [(realm2(), MAIL, 101), (realm3(), StreamKind::Bounce, 102)] {
        let mut neighbour = mail(100, 1, 50, false);
        if let Record::Queued {
            peer: at,
            kind: of,
            stream: in_stream,
            ..
        } = &mut neighbour
        {
            (*at, *of, *in_stream) = (peer, kind, uuid(stream));
        }
        records.push(neighbour);
    }
    records
}

fn numbers(store: &mut impl Store, fetch: &QueueFetch) -> Vec<u64> {
    let found = store.fetch_queue(fetch).unwrap();
    found.iter().map(|row| row.seq).collect()
}

pub(crate) fn numbers_and_bytes_choose_envelopes<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, letters())]);
    let range = |from, upto| QueueFetch::range(realm3(), MAIL, from, upto);
    let bytes = |bytes_max| {
        let mut fetch = range(3, 10);
        fetch.bytes_max = bytes_max;
        fetch
    };
    let unknown = PeerId::from_number(7);
    let table: [(QueueFetch, &[u64]); 14] = [
        (range(1, u64::MAX), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (range(0, 3), &[1, 2, 3]),
        (range(4, 6), &[4, 5, 6]),
        (range(10, 10), &[10]),
        (range(11, u64::MAX), &[]),
        (range(5, 4), &[]),
        (range(u64::MAX, u64::MAX), &[]),
        (QueueFetch::range(unknown, MAIL, 1, u64::MAX), &[]),
        (QueueFetch::range(realm3(), StreamKind::Bounce, 1, 9), &[1]),
        // One always comes; the second does when the first is not yet enough.
        (bytes(0), &[3]),
        (bytes(535), &[3]),
        (bytes(536), &[3, 4]),
        (bytes(1070), &[3, 4]),
        (bytes(1071), &[3, 4, 5]),
    ];

    for (fetch, expected) in table {
        assert_eq!(numbers(&mut store, &fetch), expected, "{fetch:?}");
    }
    let found = store.fetch_queue(&range(9, 9)).unwrap();
    let Record::Queued { seq, envelope, .. } = mail(100, 9, 109, false) else {
        panic!();
    };
    assert_eq!((found[0].seq, &found[0].envelope), (seq, &envelope));
}

pub(crate) fn only_what_was_committed_is_fetched<H: Harness>() {
    let place = H::new();
    let mut store = place.open_small(300_000);
    commit_all(&mut store, [&batch(1, letters())]);
    let all = QueueFetch::range(realm3(), MAIL, 1, u64::MAX);
    let text = "x".repeat(1000);
    let mut records = vec![mail(100, 11, 111, true), mail_acknowledged(100, 5, 105)];
    records.extend((1..1000).map(|n| delivered(1, n, &text)));

    let refused = store.commit(&batch(2, records)).unwrap_err();

    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert_eq!(numbers(&mut store, &all), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    commit_all(&mut store, [&batch(2, vec![mail(100, 11, 111, true)])]);
    assert_eq!(numbers(&mut store, &all).last(), Some(&11));
}

pub(crate) fn acknowledged_envelopes_are_missing_at_the_beginning<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, letters())]);
    let range = |from, upto| QueueFetch::range(realm3(), MAIL, from, upto);

    commit_all(
        &mut store,
        [&batch(2, vec![mail_acknowledged(100, 4, 104)])],
    );
    assert_eq!(numbers(&mut store, &range(2, 6)), [5, 6]);
    assert_eq!(numbers(&mut store, &range(2, 4)), [0; 0]);
    // One that comes again is not back in the queue.
    commit_all(&mut store, [&batch(3, vec![mail(100, 4, 104, true)])]);
    assert_eq!(numbers(&mut store, &range(1, 6)), [5, 6]);
    commit_all(
        &mut store,
        [&batch(4, vec![mail_acknowledged(100, 10, 110)])],
    );
    assert_eq!(numbers(&mut store, &range(1, 99)), [0; 0]);
}
