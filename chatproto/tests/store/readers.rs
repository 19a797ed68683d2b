//! Others read while the realm runs: its own second thread, a backup, and people.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{
    PASSWORD, batch, delivered, log, mail, mail_acknowledged, mail_begun, peer, people, realm1,
    realm3, user,
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

/// All rows of a view, columns with a bar between them.
fn rows(connection: &rusqlite::Connection, view: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("SELECT * FROM {view}"))
        .unwrap();
    let columns = statement.column_count();
    let rows = statement
        .query_map((), |row| {
            let cells: Result<Vec<String>, _> = (0..columns)
                .map(|column| {
                    use rusqlite::types::Value;
                    row.get(column).map(|value| match value {
                        Value::Null => String::new(),
                        Value::Integer(number) => number.to_string(),
                        Value::Text(text) => text,
                        Value::Real(_) | Value::Blob(_) => panic!("not for people: {value:?}"),
                    })
                })
                .collect();
            Ok(cells?.join("|"))
        })
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn people_read_the_views_while_the_realm_runs() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let person = rusqlite::Connection::open_with_flags(place.path(), flags).unwrap();
    let text = "apa kabar \"amsal\"\0\u{7f}😀";
    let mail = |realm: u32, n: u32, kind: &str, state: &str| {
        format!(
            "realm{realm}|mail|{n}|{kind}|messi@realm1|amsal@realm2|2026-09-21T14:13:20.000Z||{state}|{text}"
        )
    };
    let post = |n: u32, state: &str, reason: &str| {
        format!(
            "messi|{n}|amsal@realm2|2026-09-21T14:13:20.00{n}Z|{state}|{reason}|apa kabar\r\n\0😀"
        )
    };
    let table: [(&str, Vec<String>); 11] = [
        (
            "people",
            owned(&[
                "messi|The messi|Argentina|1|1",
                "henderson|The henderson|Argentina|0|1",
                "lineker|The lineker|Argentina|1|0",
                "Ünï-名前|The Ünï-名前|Argentina|1|0",
            ]),
        ),
        (
            "logins",
            owned(&[
                "1|messi|2026-09-21T14:13:20.000Z|2026-09-21T14:14:20.000Z",
                "3|henderson|2026-09-21T14:13:20.000Z|2026-09-21T14:13:20.000Z",
            ]),
        ),
        (
            "inbox",
            owned(&[
                "henderson|3|messi|2026-09-21T14:13:20.003Z|satu\0dua",
                "henderson|4|messi|2026-09-21T14:13:20.004Z|😀😀",
                "henderson|5|amsal@realm3|2026-09-21T14:13:20.005Z|dari jauh",
                "henderson|6|*realm2*|2026-09-21T14:13:20.006Z|dari jauh",
                "Ünï-名前|1|messi|2026-09-21T14:13:20.001Z|empat",
            ]),
        ),
        (
            "history",
            owned(&[
                "henderson|1|messi|2026-09-21T14:13:20.001Z|",
                "henderson|2|messi|2026-09-21T14:13:20.002Z|  apa kabar \r\n",
                "lineker|1|messi|2026-09-21T14:13:20.001Z|tiga",
            ]),
        ),
        (
            "inbox_lengths",
            owned(&[
                "henderson|4|34|2026-09-21T14:13:20.003Z",
                "Ünï-名前|1|5|2026-09-21T14:13:20.001Z",
            ]),
        ),
        (
            "correspondents",
            owned(&[
                "henderson|0|messi",
                "henderson|1|amsal@realm3",
                "lineker|0|Ünï-名前",
                "lineker|1|messi",
            ]),
        ),
        ("peers", owned(&["realm2|0|1|2|1|1", "realm3|1|1|4|0|0"])),
        (
            "outgoing WHERE stream = 'mail'",
            vec![
                mail(2, 3, "message", "void"),
                mail(2, 4, "other:bounce", "unmarked"),
                mail(3, 1, "message", "marked"),
                mail(3, 2, "message", "void"),
                mail(3, 3, "message", "marked"),
                mail(3, 4, "message", "unmarked"),
            ],
        ),
        (
            "outbox WHERE sender = 'messi'",
            vec![
                post(2, "failed", "inbox_full"),
                post(3, "unknown", ""),
                post(4, "failed", ""),
                post(5, "queued", ""),
            ],
        ),
        (
            "positions",
            owned(&[
                "realm2|out|mail|2|3",
                "realm2|out|bounces|0|0",
                "realm3|out|mail|0|3",
                "realm2|in|mail|4|",
                "realm2|in|bounces|9|",
            ]),
        ),
        ("refused", owned(&["realm2|henderson|amsal@realm2"])),
    ];

    let mut seen = String::new();
    for (view, expected) in table {
        let found = rows(&person, view);
        assert_eq!(found, expected, "{view}");
        seen += &found.concat();
    }

    for secret in [PASSWORD, "argon2", "key 3", "\u{1}\u{1}"] {
        assert!(!seen.contains(secret));
    }
    let views: i64 = person
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'view'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(views, 11, "a view is not tested");
    // And the realm goes on.
    commit_all(&mut store, [&batch(7, vec![delivered(1, 7, "lagi")])]);
    assert_eq!(rows(&person, "inbox").len(), 6);
}

fn owned(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|&row| row.to_owned()).collect()
}
