//! What a process leaves that is killed at any moment: the batches up to one, and nothing of the next.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{
    account, batch, delivered, mail, mail_acknowledged, mail_begun, mail_renumbered, peer, people,
    posted, realm3, seen, taken,
};
use crate::state::{Model, State};
use chatproto::store::Store as _;
use chatproto::store::sqlite::{Durability, SqliteOptions};
use chatproto::{Batch, PostState, Record};
use std::fs;

/// Batches that touch several pages each, so that a torn one would show.
fn batches() -> Vec<Batch> {
    let mut batches = vec![batch(1, people())];
    batches.extend((1..=25).map(|n| {
        let text = "x".repeat(700 * (n as usize % 5));
        let mut records: Vec<Record> = (0..4).map(|owner| delivered(owner, n, &text)).collect();
        records.push(taken(1, n / 2));
        records.push(account(1, &format!("henderson{n}")));
        records.extend(neighbourly(n));
        batch(n + 1, records)
    }));
    batches
}

/// What concerns another realm: a stream with a row more each time, which is renumbered twice.
fn neighbourly(n: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let turn = (n - 1) / 10;
    if n == 1 {
        records.extend([peer(1, "realm3"), mail_begun(100)]);
    } else if n % 10 == 1 {
        records.push(mail_renumbered(100 + u128::from(turn), 4));
    }
    let stream = 100 + u128::from(turn);
    records.push(mail(
        stream,
        n - 4 * turn,
        1000 + u128::from(n),
        n.is_multiple_of(2),
    ));
    if n.is_multiple_of(10) {
        records.push(mail_acknowledged(stream, 4, 1000));
    }
    records.push(seen(realm3(), n, n.saturating_sub(3).max(1)));
    records.push(posted(1, n, n.saturating_sub(5).max(1), PostState::Unknown));
    records
}

/// The state after each batch, and before the first.
fn states(batches: &[Batch]) -> Vec<State> {
    let mut model = Model::default();
    let mut states = vec![model.state()];
    for batch in batches {
        batch.records.iter().for_each(|record| model.apply(record));
        states.push(model.state());
    }
    states
}

/// How many batches there are in what was left; fails if there is a part of one.
fn whole_batches(left: &Sqlite, states: &[State]) -> usize {
    let state = Model::of(&load(&mut left.open())).state();
    let count = states.iter().position(|other| *other == state);
    count.expect("no prefix of the batches")
}

#[test]
fn a_log_that_was_cut_anywhere_gives_whole_batches() {
    let place = Sqlite::new();
    let batches = batches();
    let states = states(&batches);
    let mut store = place.open();
    commit_all(&mut store, &batches);
    let (file, wal) = (
        fs::read(place.path()).unwrap(),
        fs::read(place.wal()).unwrap(),
    );
    drop(store);
    // The log has a header of 32 bytes, and pages of 24 + 4096.
    assert_eq!((wal.len() - 32) % 4120, 0);

    let mut before = 0;
    let mut counts = std::collections::BTreeSet::new();
    for cut in (0..wal.len()).step_by(2900).chain([wal.len()]) {
        let left = Sqlite::new();
        fs::write(left.path(), &file).unwrap();
        fs::write(left.wal(), &wal[..cut]).unwrap();

        let count = whole_batches(&left, &states);

        assert!(count >= before, "a longer log has fewer batches");
        before = count;
        counts.insert(count);
    }
    // Every prefix there is was seen.
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        (0..=26).collect::<Vec<_>>()
    );
}

#[test]
fn rubbish_in_the_log_gives_whole_batches() {
    let place = Sqlite::new();
    let batches = batches();
    let states = states(&batches);
    let mut store = place.open();
    commit_all(&mut store, &batches);
    let (file, wal) = (
        fs::read(place.path()).unwrap(),
        fs::read(place.wal()).unwrap(),
    );
    drop(store);

    for at in (32..wal.len()).step_by(9973) {
        let left = Sqlite::new();
        let mut wal = wal.clone();
        wal[at] ^= 0x10;
        fs::write(left.path(), &file).unwrap();
        fs::write(left.wal(), &wal).unwrap();

        assert!(whole_batches(&left, &states) < batches.len());
    }
}

#[test]
fn nothing_is_lost_while_the_log_is_moved_into_the_file() {
    for durability in [Durability::Fsync, Durability::Os] {
        let place = Sqlite::new();
        let batches = batches();
        let states = states(&batches);
        let options = SqliteOptions::new()
            .durability(durability)
            .wal_bytes(100_000);
        let mut store = place.open_with(options).unwrap();
        let mut moves = 0;
        for (at, batch) in batches.iter().enumerate() {
            let before = fs::read(place.path()).unwrap();
            store.commit(batch).unwrap();
            assert_eq!(whole_batches(&place.killed(), &states), at + 1);

            store.tidy().unwrap();

            assert_eq!(whole_batches(&place.killed(), &states), at + 1);
            moves += u32::from(fs::read(place.path()).unwrap() != before);
        }
        assert!(moves > 3, "the log was moved {moves} times only");
    }
}
