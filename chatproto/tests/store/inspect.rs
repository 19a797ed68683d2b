//! How much a store says there is.

use crate::harness::{Harness, Sqlite, commit_all};
use crate::sample::{START_MS, account, batch, delivered, log, people, taken};
use chatproto::link::frame::StreamKind;
use chatproto::store::sqlite::Retention;
use std::fs;

#[test]
fn an_inspection_counts_what_there_is() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());

    let found = store.reader().unwrap().inspect().unwrap();

    assert_eq!((found.users, found.sessions, found.remotes), (4, 2, 2));
    assert_eq!(
        (found.inboxes, found.messages_waiting, found.bytes_waiting),
        (2, 5, 39)
    );
    assert_eq!(found.messages_history, 3);
    let longest: Vec<_> = found
        .longest
        .iter()
        .map(|inbox| (inbox.user.as_str(), inbox.messages, inbox.bytes))
        .collect();
    assert_eq!(longest, [("henderson", 4, 34), ("Ünï-名前", 1, 5)]);
    assert_eq!(found.format, 1);
    let queues: Vec<_> = found
        .queues
        .iter()
        .map(|queue| {
            (
                queue.peer.as_str(),
                queue.kind,
                queue.envelopes,
                queue.marked,
                queue.bytes,
            )
        })
        .collect();
    let expected = [
        ("realm2", StreamKind::Mail, 2, 1, 46),
        ("realm2", StreamKind::Bounce, 1, 0, 23),
        ("realm3", StreamKind::Mail, 4, 3, 92),
    ];
    assert_eq!(queues, expected);
    assert_eq!(found.queues[0].oldest_unix_ms, START_MS);
    assert_eq!(found.paused, ["realm3"]);
    assert_eq!(found.file_bytes, fs::metadata(place.path()).unwrap().len());
    assert_eq!(found.wal_bytes, fs::metadata(place.wal()).unwrap().len());
    assert_eq!(found.free_bytes, 0);
}

#[test]
fn the_ten_longest_inboxes_are_told() {
    let place = Sqlite::new();
    let mut store = place.open();
    let mut records = people();
    for owner in 4..30 {
        records.push(account(owner, &format!("user{owner}")));
        // 4 to 29 messages, in no order of the users.
        let count = u64::from(4 + (owner * 7) % 26);
        records.extend((1..=count).map(|n| delivered(owner, n, "x")));
    }
    commit_all(&mut store, [&batch(1, records)]);

    let found = store.reader().unwrap().inspect().unwrap();

    let lengths: Vec<u64> = found.longest.iter().map(|inbox| inbox.messages).collect();
    assert_eq!(lengths, [29, 28, 27, 26, 25, 24, 23, 22, 21, 20]);
    assert_eq!(found.inboxes, 26);
    assert_eq!(found.longest[0].oldest_unix_ms, START_MS + 1);
}

#[test]
fn history_is_counted_without_what_was_pruned() {
    let place = Sqlite::new();
    let mut store = place.open();
    let mut records = people();
    records.extend((1..=100).map(|n| delivered(1, n, &"x".repeat(1000))));
    records.push(taken(1, 90));
    commit_all(&mut store, [&batch(1, records)]);
    let keep = Retention {
        ms: u64::MAX,
        messages_max: 20,
    };
    store.prune(keep, START_MS, 1000).unwrap();

    let found = store.reader().unwrap().inspect().unwrap();

    assert_eq!((found.messages_history, found.messages_waiting), (20, 10));
    assert_eq!(found.longest[0].oldest_unix_ms, START_MS + 91);
    assert!(found.free_bytes > 50_000, "{}", found.free_bytes);
}
