//! When a change finds no room, or another program in its way.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{
    START_MS, account, batch, delivered, mail, mail_acknowledged, mail_renumbered, people, posted,
    realm3, seen, taken, user,
};
use crate::state::Model;
use chatproto::link::frame::StreamKind;
use chatproto::store::sqlite::{Retention, SqliteOptions};
use chatproto::store::{Fetch, Store as _, StoreError};
use chatproto::{PeerId, PostState, Record};
use uuid::Uuid;

#[test]
fn a_full_store_is_read_and_takes_changes_again_when_history_goes() {
    let place = Sqlite::new();
    let mut store = place.open_small(400_000);
    commit_all(&mut store, [&batch(1, people())]);
    let text = "x".repeat(2000);
    let mut last = 0;
    let full = loop {
        let next = batch(last + 2, vec![delivered(1, last + 1, &text)]);
        match store.commit(&next) {
            Ok(()) => last += 1,
            Err(error) => break error,
        }
        store.tidy().unwrap();
        assert!(last < 1000, "never full");
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    assert!(last > 50);

    let all = store.fetch(&Fetch::range(user(1), 1, u64::MAX)).unwrap();
    assert_eq!(all.messages.len() as u64, last);
    // That they were read needs no room, and makes it possible to make some.
    commit_all(&mut store, [&batch(last + 2, vec![taken(1, last)])]);
    let nothing = Retention {
        ms: 0,
        messages_max: 0,
    };
    let pruned = store.prune(nothing, START_MS, 10_000).unwrap();

    assert_eq!(pruned.messages, last);
    let again: Vec<Record> = (1..=50).map(|n| delivered(1, last + n, &text)).collect();
    commit_all(&mut store, [&batch(last + 3, again)]);
}

#[test]
fn another_program_that_writes_is_waited_for_and_then_told_of() {
    let place = Sqlite::new();
    let options = SqliteOptions::new().busy_ms(50);
    let mut store = place.open_with(options).unwrap();
    commit_all(&mut store, [&batch(1, people())]);
    let other = place.plain();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let next = batch(2, vec![delivered(1, 1, "apa kabar")]);

    let refused = store.commit(&next).unwrap_err();

    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(refused.to_string().contains("another program"), "{refused}");
    assert_eq!(load(&mut store), people());
    // The log cannot be moved now, which is no failure.
    store.tidy().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    commit_all(&mut store, [&next]);
    assert_eq!(load(&mut store).len(), people().len() + 1);
}

#[test]
fn another_program_that_ends_in_time_is_not_noticed() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, people())]);
    let other = place.plain();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (told, holds) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        holds.recv().unwrap();
        other.execute_batch("ROLLBACK").unwrap();
    });

    told.send(()).unwrap();
    commit_all(&mut store, [&batch(2, vec![delivered(1, 1, "apa kabar")])]);

    thread.join().unwrap();
    assert_eq!(load(&mut store).len(), people().len() + 1);
}

#[test]
fn a_store_that_is_broken_takes_nothing_more() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, people())]);
    place.edit("DROP TABLE messages");
    let next = batch(2, vec![taken(1, 1), delivered(1, 1, "apa kabar")]);

    let broken = store.commit(&next).unwrap_err();
    assert!(matches!(broken, StoreError::Broken(_)), "{broken:?}");
    assert!(!broken.to_string().contains("apa kabar"));

    // Not even what could be written: nothing is known of what is there.
    assert_eq!(
        store.commit(&batch(2, vec![taken(1, 1)])),
        Err(broken.clone())
    );
    assert_eq!(store.tidy(), Err(broken));
}

#[test]
fn numbers_that_no_key_holds_are_refused() {
    let table = [
        delivered(0, 1 << 40, ""),
        delivered(1 << 23, 1, ""),
        taken(1 << 23, 1),
        account(1 << 23, "henderson"),
        mail(100, 1 << 40, 1, true),
        mail_acknowledged(100, 1 << 40, 1),
        mail_renumbered(101, 1 << 40),
        Record::Marked {
            peer: realm3(),
            kind: StreamKind::Mail,
            stream: Uuid::nil(),
            upto: 1 << 40,
        },
        Record::StreamBegun {
            peer: PeerId::from_number(1 << 21),
            kind: StreamKind::Bounce,
            stream: Uuid::nil(),
        },
        seen(realm3(), 1 << 40, 1),
        seen(realm3(), 1, u64::MAX),
        posted(1 << 23, 1, 1, PostState::Queued),
        posted(1, 1 << 40, 1, PostState::Queued),
        Record::Inbox {
            owner: user(0),
            taken: 0,
            last: 0,
            bytes: 0,
        },
    ];
    for record in table {
        let place = Sqlite::new();
        let mut store = place.open();
        commit_all(&mut store, [&batch(1, people())]);

        let both = vec![delivered(0, 1, "apa kabar"), record];
        assert!(store.commit(&batch(2, both)).is_err());

        let left = Model::of(&load(&mut store)).state();
        assert_eq!(left, Model::of(&people()).state());
    }
}
