//! Others read while the realm runs: its own second thread, and a backup.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{
    batch, delivered, log, mail, mail_acknowledged, mail_begun, peer, people, realm1, realm3, user,
};
use crate::state::Model;
use chatproto::Record;
use chatproto::link::frame::StreamKind;
use chatproto::store::sqlite::{SqliteOptions, SqliteStore};
use chatproto::store::{Fetch, QueueFetch, Store as _, StoreError};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_reader_sees_what_was_committed_and_holds_nothing_up() {
    let place = Sqlite::new();
    let options = SqliteOptions::new().busy_ms(0);
    let mut store = place.open_with(options).unwrap();
    commit_all(&mut store, &log());
    let mut reader = store.reader().unwrap();
    let all = Fetch::range(user(1), 1, u64::MAX);

    for n in 7..100 {
        assert_eq!(reader.fetch(&all), store.fetch(&all));
        store
            .commit(&batch(n, vec![delivered(1, n, "lagi")]))
            .unwrap();
        store.tidy().unwrap();
    }

    assert_eq!(reader.fetch(&all).unwrap().messages.len(), 99);
}

#[test]
fn a_reader_sees_queues_whole_while_commits_go_on() {
    const BATCHES: u64 = 60;
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(
        &mut store,
        [&batch(1, vec![peer(1, "realm3"), mail_begun(100)])],
    );
    let mut reader = store.reader().unwrap();
    let all = QueueFetch::range(realm3(), StreamKind::Mail, 1, u64::MAX);
    let is_over = AtomicBool::new(false);

    // Each batch adds five, and from the third on lets five go.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=BATCHES {
                let rows = (5 * n - 4)..=(5 * n);
                let mut records: Vec<Record> = rows
                    .map(|seq| mail(100, seq, u128::from(seq), false))
                    .collect();
                if n > 2 {
                    records.push(mail_acknowledged(100, 5 * (n - 2), 1));
                }
                store.commit(&batch(n + 1, records)).unwrap();
                store.tidy().unwrap();
            }
            is_over.store(true, Ordering::Release);
        });
        let mut last = 0;
        while last < 5 * BATCHES {
            let was_over = is_over.load(Ordering::Acquire);
            let found = reader.fetch_queue(&all).unwrap();
            let numbers: Vec<u64> = found.iter().map(|row| row.seq).collect();
            let end = numbers.last().copied().unwrap_or(0);
            let begin = end.saturating_sub(9).max(1);
            assert_eq!(numbers, (begin..=end).collect::<Vec<_>>());
            assert!(end >= last && end % 5 == 0);
            last = end;
            assert!(
                !was_over || last == 5 * BATCHES,
                "the last ones are missing"
            );
        }
    });
}

#[test]
fn a_queue_with_a_gap_is_no_queue() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let mut reader = store.reader().unwrap();
    let range = |from, upto| QueueFetch::range(realm3(), StreamKind::Mail, from, upto);
    place.edit("DELETE FROM queue WHERE key = (4 << 40) + 2");

    for fetch in [range(1, 4), range(2, 4)] {
        let refused = reader.fetch_queue(&fetch).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged(_)), "{refused:?}");
    }

    assert_eq!(reader.fetch_queue(&range(3, 9)).unwrap().len(), 2);
}

#[test]
fn a_backup_is_the_store_at_one_moment_while_commits_go_on() {
    let place = Sqlite::new();
    let mut store = place.open();
    let mut records = people();
    let text = "x".repeat(500);
    records.extend((1..=20_000).map(|n| delivered(0, n, &text)));
    commit_all(&mut store, [&batch(1, records)]);
    let mut reader = store.reader().unwrap();
    let copy = Sqlite::new();
    let path = copy.path();
    let is_over = AtomicBool::new(false);

    // Each batch gives one message to each of two: half a batch would show.
    let mut last = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            reader.backup(&path).unwrap();
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) && last < 100_000 {
            last += 1;
            let both = vec![delivered(1, last, "satu"), delivered(2, last, "satu")];
            store.commit(&batch(last + 1, both)).unwrap();
            store.tidy().unwrap();
        }
    });

    assert!(last > 0);
    let mut copied = copy.open();
    let mut count = |owner| {
        let all = Fetch::range(user(owner), 1, u64::MAX);
        copied.fetch(&all).unwrap().messages.len() as u64
    };
    assert_eq!(count(0), 20_000);
    assert_eq!(count(1), count(2));
    assert!(count(1) <= last);
    // It is a store in its own right.
    commit_all(&mut copied, [&batch(1, vec![delivered(3, 1, "masih")])]);
    copied.tidy().unwrap();
}

#[test]
fn a_backup_holds_all_that_was_committed_before_it() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let copy = Sqlite::new();

    store.reader().unwrap().backup(copy.path()).unwrap();

    let state = |place: &Sqlite| Model::of(&load(&mut place.open())).state();
    drop(store);
    assert_eq!(state(&copy), state(&place));
}

#[test]
fn two_backups_to_one_file_do_not_mix() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, people())]);
    let (copy, part) = (
        place.folder().join("copy.db"),
        place.folder().join("copy.db.part"),
    );
    let other = fs::File::create(&part).unwrap();
    other.try_lock().unwrap();

    let refused = store.reader().unwrap().backup(&copy).unwrap_err();

    assert!(matches!(refused, StoreError::InUse(_)), "{refused:?}");
    assert!(part.exists());
    drop(other);
    store.reader().unwrap().backup(&copy).unwrap();
    assert!(copy.exists() && !part.exists());
}

#[test]
fn a_backup_never_takes_the_place_of_a_file() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let mut reader = store.reader().unwrap();
    let there = place.folder().join("copy.db");
    fs::write(&there, "precious").unwrap();

    for path in [&there, &place.path()] {
        let before = fs::metadata(path).unwrap().len();
        let refused = reader.backup(path).unwrap_err();
        assert!(matches!(refused, StoreError::Foreign(_)), "{refused:?}");
        assert_eq!(fs::metadata(path).unwrap().len(), before);
    }
    let nowhere = place.folder().join("nowhere").join("copy.db");
    let refused = reader.backup(&nowhere).unwrap_err();
    assert!(matches!(refused, StoreError::Broken(_)), "{refused:?}");

    // What a killed backup left is in nobody's way, and of a good one nothing else is left.
    fs::remove_file(&there).unwrap();
    fs::write(place.folder().join("copy.db.part"), "half a backup").unwrap();
    reader.backup(&there).unwrap();
    assert!(!place.folder().join("copy.db.part").exists());
    drop(store);
    assert!(SqliteStore::open(&there, &realm1(), SqliteOptions::new()).is_ok());
}
