//! The log stays short, history goes in time, and the file becomes small again.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{START_MS, batch, delivered, people, taken, user};
use crate::state::Model;
use chatproto::Record;
use chatproto::store::sqlite::{Retention, SqliteOptions, SqliteStore};
use chatproto::store::{Fetch, Store};
use std::fs;

const WAL_BYTES: u64 = 200_000;

fn wal_len(place: &Sqlite) -> u64 {
    fs::metadata(place.wal()).map_or(0, |metadata| metadata.len())
}

/// Commits one batch after the other, and returns how long the log was at most.
fn load_it(place: &Sqlite, store: &mut SqliteStore, from: u64, count: u64) -> u64 {
    let text = "x".repeat(500);
    let mut longest = 0;
    for n in from..from + count {
        let records = (0..4).map(|owner| delivered(owner, n, &text)).collect();
        store.commit(&batch(n + 1, records)).unwrap();
        longest = longest.max(wal_len(place));
        store.tidy().unwrap();
    }
    longest
}

fn small_log() -> (Sqlite, SqliteStore) {
    let place = Sqlite::new();
    let options = SqliteOptions::new().wal_bytes(WAL_BYTES);
    let mut store = place.open_with(options).unwrap();
    commit_all(&mut store, [&batch(1, people())]);
    (place, store)
}

#[test]
fn the_log_stays_short_under_constant_load() {
    let (place, mut store) = small_log();
    // A reader that comes and goes is no hindrance.
    let mut reader = store.reader().unwrap();

    let mut longest = 0;
    for from in (1..1000).step_by(10) {
        longest = longest.max(load_it(&place, &mut store, from, 10));
        reader.fetch(&Fetch::range(user(1), 1, 5)).unwrap();
    }

    assert!(longest >= WAL_BYTES, "nothing was tested");
    assert!(longest < WAL_BYTES + 100_000, "{longest}");
}

#[test]
fn a_reader_that_stays_lets_the_log_grow_and_it_shrinks_again() {
    let (place, mut store) = small_log();
    let slow = place.plain();
    slow.execute_batch("BEGIN; SELECT * FROM users").unwrap();
    let before: i64 = slow
        .query_row("SELECT count(*) FROM inbox", (), |row| row.get(0))
        .unwrap();

    let grown = load_it(&place, &mut store, 1, 400);
    assert!(grown > 4 * WAL_BYTES, "{grown}");
    let after: i64 = slow
        .query_row("SELECT count(*) FROM inbox", (), |row| row.get(0))
        .unwrap();
    assert_eq!((before, after), (0, 0));
    slow.execute_batch("COMMIT").unwrap();
    load_it(&place, &mut store, 401, 200);

    assert!(wal_len(&place) <= 2 * WAL_BYTES, "{}", wal_len(&place));
    assert_eq!(load(&mut store), load(&mut place.killed().open()));
}

/// Twenty messages for each of four, a second apart. messi has read all, henderson the first ten;
/// the other two none.
fn letters() -> Vec<Record> {
    let mut records = people();
    for n in 1..=20 {
        records.extend((0..4).map(|owner| Record::Delivered {
            owner: user(owner),
            number: n,
            sender: crate::sample::local(0),
            unix_ms: START_MS + n * 1000,
            text: "apa kabar".into(),
        }));
    }
    records.extend([taken(0, 20), taken(1, 10)]);
    records
}

fn numbers(store: &mut impl Store, owner: u32) -> Vec<u64> {
    let all = Fetch::range(user(owner), 1, u64::MAX);
    let fetched = store.fetch(&all).unwrap();
    fetched
        .messages
        .iter()
        .map(|message| message.number)
        .collect()
}

fn range(from: u64, upto: u64) -> Vec<u64> {
    (from..=upto).collect()
}

#[test]
fn history_goes_by_number_and_what_waits_stays() {
    let keep = |ms, messages_max| Retention { ms, messages_max };
    // What is kept for how long, how many; what is left of messi's and henderson's.
    let table = [
        (keep(u64::MAX, u64::MAX), range(1, 20), range(1, 20)),
        (keep(u64::MAX, 20), range(1, 20), range(1, 20)),
        (keep(u64::MAX, 19), range(2, 20), range(1, 20)),
        (keep(u64::MAX, 3), range(18, 20), range(8, 20)),
        (keep(u64::MAX, 0), vec![], range(11, 20)),
        (keep(10_000, u64::MAX), range(1, 20), range(1, 20)),
        (keep(10_000, 2), range(19, 20), range(9, 20)),
        (keep(0, u64::MAX), vec![], range(11, 20)),
    ];
    for (retention, messi, henderson) in table {
        let mut store = Sqlite::new().open();
        commit_all(&mut store, [&batch(1, letters())]);
        let before = Model::of(&load(&mut store)).state();

        let pruned = store.prune(retention, START_MS + 25_000, 10_000).unwrap();

        assert!(pruned.is_done);
        assert_eq!(numbers(&mut store, 0), messi, "{retention:?}");
        assert_eq!(numbers(&mut store, 1), henderson, "{retention:?}");
        assert_eq!(numbers(&mut store, 2), range(1, 20));
        assert_eq!(numbers(&mut store, 3), range(1, 20));
        let gone = 40 - messi.len() - henderson.len();
        assert_eq!(pruned.messages, gone as u64);
        // The engine knows nothing of history.
        assert_eq!(Model::of(&load(&mut store)).state(), before);
    }
}

#[test]
fn history_goes_a_time_after_it_was_read() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, letters())]);
    let keep = Retention {
        ms: 16_000,
        messages_max: u64::MAX,
    };
    let prune = |store: &mut SqliteStore, ms| {
        let pruned = store.prune(keep, START_MS + ms, 10_000).unwrap();
        assert!(pruned.is_done);
        (numbers(store, 0), numbers(store, 1))
    };
    assert_eq!(prune(&mut store, 0), (range(1, 20), range(1, 20)));
    commit_all(
        &mut store,
        [&batch(2, vec![delivered(0, 21, "x"), taken(0, 21)])],
    );

    // How far it was read is noted once in a sixteenth of the time.
    assert_eq!(prune(&mut store, 500), (range(1, 21), range(1, 20)));
    assert_eq!(prune(&mut store, 1_000), (range(1, 21), range(1, 20)));
    assert_eq!(prune(&mut store, 15_999), (range(1, 21), range(1, 20)));
    assert_eq!(prune(&mut store, 16_000), (vec![21], range(11, 20)));
    assert_eq!(prune(&mut store, 16_999), (vec![21], range(11, 20)));
    assert_eq!(prune(&mut store, 17_000), (vec![], range(11, 20)));

    let marks = "SELECT count(*) FROM read_marks";
    let left: i64 = place
        .plain()
        .query_row(marks, (), |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn history_goes_in_small_steps_with_commits_between_them() {
    for budget in [0, 1, 2, 3, 7, 29] {
        let mut store = Sqlite::new().open();
        commit_all(&mut store, [&batch(1, letters())]);
        let nothing = Retention {
            ms: 0,
            messages_max: 0,
        };

        let mut gone = 0;
        let mut steps = 0;
        loop {
            let pruned = store.prune(nothing, START_MS + 25_000, budget).unwrap();
            assert!(pruned.messages <= budget.max(1));
            gone += pruned.messages;
            steps += 1;
            commit_all(
                &mut store,
                [&batch(steps + 1, vec![delivered(2, 20 + steps, "x")])],
            );
            if pruned.is_done {
                break;
            }
            assert!(steps < 100, "no end with {budget}");
        }

        assert_eq!(gone, 30, "{budget}");
        assert_eq!(numbers(&mut store, 0), Vec::<u64>::new());
        assert_eq!(numbers(&mut store, 1), range(11, 20));
        assert_eq!(numbers(&mut store, 2), range(1, 20 + steps));
        // The next round begins with the first inbox.
        commit_all(
            &mut store,
            [&batch(0, vec![delivered(0, 21, "x"), taken(0, 21)])],
        );
        let pruned = store.prune(nothing, START_MS + 25_000, 1000).unwrap();
        assert_eq!((pruned.messages, pruned.is_done), (1, true));
    }
}

#[test]
fn compacting_gives_back_what_deleted_messages_took() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, people())]);
    load_it(&place, &mut store, 1, 1000);
    commit_all(
        &mut store,
        [&batch(2000, vec![taken(1, 1000), taken(2, 1000)])],
    );
    let nothing = Retention {
        ms: 0,
        messages_max: 0,
    };
    store.prune(nothing, START_MS, 10_000).unwrap();
    let before = load(&mut store);

    let compacted = store.compact().unwrap();

    assert!(compacted.bytes_before > 2_000_000, "{compacted:?}");
    assert!(
        compacted.bytes_after < compacted.bytes_before * 2 / 3,
        "{compacted:?}"
    );
    let files = fs::metadata(place.path()).unwrap().len() + wal_len(&place);
    assert_eq!(compacted.bytes_after, files);
    assert_eq!(load(&mut store), before);
    commit_all(
        &mut store,
        [&batch(2001, vec![delivered(1, 1001, "masih")])],
    );
    drop(store);
    assert_eq!(load(&mut place.open()).len(), before.len());
}
