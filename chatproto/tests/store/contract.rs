//! The contract: one suite for every store.

use crate::harness::{Harness, commit_all, load};
use crate::sample::{
    account, acknowledged, batch, begun, cursor, delivered, log, mail, mail_acknowledged,
    mail_renumbered, people, realm1, realm2, seen, taken, user, uuid,
};
use crate::state::{Model, State};
use crate::{fetch, queue, rings, streams};
use chatproto::link::frame::StreamKind;
use chatproto::store::{Fetch, Store as _, StoreError};
use chatproto::{Batch, RealmName, Record, Sender, StoreFailure, TokenHash};
use std::collections::BTreeSet;

/// Runs every function of the contract for each store.
macro_rules! contract {
    ($($name:ident: $harness:ty;)*) => {$(
        mod $name {
            contract! { of $harness =>
                rules an_empty_store_has_nothing_to_load
                rules what_was_committed_is_loaded_again
                rules nothing_is_loaded_before_what_it_speaks_of
                rules the_same_batch_twice_changes_nothing
                rules the_whole_log_twice_changes_nothing
                rules nothing_goes_back_to_where_it_was_before
                rules an_inbox_is_told_of_in_short
                rules the_greatest_session_number_is_told_when_it_is_gone
                rules a_hundred_thousand_records_are_one_batch
                rules a_batch_that_finds_no_room_leaves_nothing
                rules a_killed_process_leaves_every_batch_that_was_reported
                rules a_second_opener_is_refused
                rules a_store_of_a_later_version_is_refused
                rules a_store_of_another_realm_is_refused
                rules a_damaged_store_is_refused
                streams the_last_acknowledgement_and_mark_of_a_stream_count
                streams a_stream_is_renumbered_once
                streams a_batch_that_renumbers_a_stream_may_come_twice
                streams what_happened_to_a_stream_that_is_gone_means_nothing
                streams marks_and_ids_do_not_outlive_their_stream
                streams streams_agree_with_plain_maps
                rings what_is_older_than_the_oldest_is_forgotten
                rings a_post_is_what_was_last_told_of_it
                rings a_pause_outlives_the_name_of_its_realm
                queue numbers_and_bytes_choose_envelopes
                queue only_what_was_committed_is_fetched
                queue acknowledged_envelopes_are_missing_at_the_beginning
                fetch numbers_and_limits_choose_messages
                fetch a_fetch_agrees_with_a_plain_list
            }
        }
    )*};
    (of $harness:ty => $($module:ident $test:ident)*) => {$(
        #[test]
        fn $test() {
            super::$module::$test::<$harness>();
        }
    )*};
}

contract! {
    sqlite: crate::harness::Sqlite;
    log: crate::log::Shelf;
}

mod rules {
    use super::*;

    fn state(records: &[Record]) -> State {
        Model::of(records).state()
    }

    fn expected(batches: &[Batch]) -> State {
        Model::of(batches.iter().flat_map(|batch| batch.records.iter())).state()
    }

    pub(super) fn an_empty_store_has_nothing_to_load<H: Harness>() {
        let place = H::new();

        assert_eq!(load(&mut place.open()), []);
        assert_eq!(load(&mut place.open()), []);
    }

    pub(super) fn what_was_committed_is_loaded_again<H: Harness>() {
        let place = H::new();
        let log = log();
        for end in 1..=log.len() {
            let mut store = place.open();
            commit_all(&mut store, &log[end - 1..end]);
            assert_eq!(state(&load(&mut store)), expected(&log[..end]));
            drop(store);

            let loaded = load(&mut place.open());

            assert_eq!(state(&loaded), expected(&log[..end]), "after batch {end}");
        }
    }

    pub(super) fn nothing_is_loaded_before_what_it_speaks_of<H: Harness>() {
        let mut store = H::new().open();
        commit_all(&mut store, &log());

        let mut seen = BTreeSet::new();
        for record in load(&mut store) {
            let mut needs: Vec<(&str, u32)> = Vec::new();
            let mut writer = |sender: &Sender| {
                needs.push(match sender {
                    Sender::Local(user) => ("user", user.number()),
                    Sender::Remote(remote) => ("remote", remote.number()),
                    Sender::Realm(peer) => ("peer", peer.number()),
                });
            };
            match &record {
                Record::Listed { owner, sender, .. } | Record::Delivered { owner, sender, .. } => {
                    writer(sender);
                    needs.push(("user", owner.number()));
                }
                Record::Account { user, .. } => drop(seen.insert(("user", user.number()))),
                Record::Peer { peer, .. } => drop(seen.insert(("peer", peer.number()))),
                Record::Met { remote, peer, .. } => {
                    needs.push(("peer", peer.number()));
                    seen.insert(("remote", remote.number()));
                }
                Record::Inbox { owner, .. } | Record::InboxTaken { owner, .. } => {
                    needs.push(("user", owner.number()));
                }
                Record::SessionOpened { user, .. } | Record::SendKey { user, .. } => {
                    needs.push(("user", user.number()));
                }
                Record::StreamBegun { peer, kind, .. } => {
                    needs.push(("peer", peer.number()));
                    seen.insert(("stream", peer.number() * 4 + *kind as u32));
                }
                Record::Queued { peer, kind, .. }
                | Record::Marked { peer, kind, .. }
                | Record::Voided { peer, kind, .. }
                | Record::Acknowledged { peer, kind, .. } => {
                    needs.push(("stream", peer.number() * 4 + *kind as u32));
                }
                Record::Seen { peer, .. } | Record::Paused { peer, .. } => {
                    needs.push(("peer", peer.number()));
                }
                Record::Posted { user, .. } => needs.push(("user", user.number())),
                Record::BounceDue { peer, user, .. } => {
                    needs.extend([("peer", peer.number()), ("user", user.number())]);
                }
                Record::Cursor { peer, .. } => {
                    needs.push(("peer", peer.number()));
                    seen.insert(("cursor", peer.number()));
                }
                Record::Refused { peer, .. } => needs.push(("cursor", peer.number())),
                _ => {}
            }
            for need in needs {
                assert!(seen.contains(&need), "{record:?} before {need:?}");
            }
        }
        assert_eq!(seen.iter().filter(|(what, _)| *what == "user").count(), 4);
    }

    pub(super) fn the_same_batch_twice_changes_nothing<H: Harness>() {
        let mut store = H::new().open();
        let log = log();

        for (at, batch) in log.iter().enumerate() {
            commit_all(&mut store, [batch, batch]);
            let expected = expected(&log[..=at]);
            assert_eq!(state(&load(&mut store)), expected, "batch {}", at + 1);
        }
    }

    pub(super) fn the_whole_log_twice_changes_nothing<H: Harness>() {
        let mut store = H::new().open();
        let log = log();

        commit_all(&mut store, log.iter().chain(&log));

        assert_eq!(state(&load(&mut store)), expected(&log));
    }

    pub(super) fn nothing_goes_back_to_where_it_was_before<H: Harness>() {
        let mut store = H::new().open();
        let log = log();
        commit_all(&mut store, &log);
        let before = vec![
            taken(1, 1),
            begun(StreamKind::Mail, 101),
            acknowledged(StreamKind::Mail, 101, 1),
            cursor(StreamKind::Mail, 201, 1),
            cursor(StreamKind::Bounce, 301, 8),
            Record::Marked {
                peer: realm2(),
                kind: StreamKind::Mail,
                stream: uuid(101),
                upto: 1,
            },
            mail_renumbered(111, 2),
            mail(111, 3, 116, false),
            // Of a stream that is gone.
            mail(110, 5, 115, true),
            mail_acknowledged(110, 3, 113),
            seen(realm2(), 3, 1),
        ];

        for record in before {
            commit_all(&mut store, [&batch(7, vec![record.clone()])]);
            assert_eq!(state(&load(&mut store)), expected(&log), "{record:?}");
        }
    }

    pub(super) fn an_inbox_is_told_of_in_short<H: Harness>() {
        let mut store = H::new().open();
        let mut records = people();
        // All read; some read; none read, in bytes and not in characters; never used.
        records.extend([delivered(0, 1, "satu"), delivered(0, 2, "dua"), taken(0, 2)]);
        records.extend([delivered(1, 1, "satu"), delivered(1, 2, "dua"), taken(1, 1)]);
        records.extend([delivered(2, 1, "😀"), delivered(2, 2, "a\0b")]);
        commit_all(&mut store, [&batch(1, records)]);

        let loaded = load(&mut store);

        let inbox = |owner, taken, last, bytes| Record::Inbox {
            owner: user(owner),
            taken,
            last,
            bytes,
        };
        let inboxes: Vec<&Record> = loaded
            .iter()
            .filter(|record| matches!(record, Record::Inbox { .. }))
            .collect();
        let expected = [inbox(0, 2, 2, 0), inbox(1, 1, 2, 3), inbox(2, 0, 2, 7)];
        assert_eq!(inboxes, expected.iter().collect::<Vec<_>>());
    }

    pub(super) fn the_greatest_session_number_is_told_when_it_is_gone<H: Harness>() {
        let place = H::new();
        let mut store = place.open();
        let opened = |session| Record::SessionOpened {
            session,
            user: user(0),
            token: TokenHash::from_bytes([session as u8; 16]),
            unix_ms: 1,
        };
        let records = vec![account(0, "messi"), opened(1), opened(2), opened(3)];
        commit_all(&mut store, [&batch(1, records)]);
        let ended = [3, 2].map(|session| Record::SessionEnded { session });
        commit_all(&mut store, [&batch(2, ended.to_vec())]);
        drop(store);

        let loaded = load(&mut place.open());

        let numbers = loaded.iter().filter_map(|record| match record {
            Record::SessionOpened { session, .. } | Record::SessionEnded { session } => {
                Some(*session)
            }
            _ => None,
        });
        assert_eq!(numbers.max(), Some(3));
        let mut opened = loaded.iter();
        assert!(opened.any(|it| matches!(it, Record::SessionOpened { session: 1, .. })));
    }

    pub(super) fn a_hundred_thousand_records_are_one_batch<H: Harness>() {
        let place = H::new();
        let mut store = place.open();
        let mut records = people();
        records
            .extend((1..=50_000).flat_map(|n| [delivered(0, n, "satu"), delivered(3, n, "dua")]));
        let log = [batch(1, records)];

        commit_all(&mut store, &log);
        drop(store);

        let mut store = place.open();
        assert_eq!(state(&load(&mut store)), expected(&log));
        let fetched = store.fetch(&Fetch::range(user(3), 49_999, 60_000)).unwrap();
        let texts: Vec<&str> = fetched.messages.iter().map(|m| &*m.text).collect();
        assert_eq!(texts, ["dua", "dua"]);
    }

    pub(super) fn a_batch_that_finds_no_room_leaves_nothing<H: Harness>() {
        let place = H::new();
        let mut store = place.open_small(300_000);
        let log = log();
        commit_all(&mut store, &log);
        // What it changes first must go as well as what did not fit.
        let mut records = vec![account(0, "renamed"), account(9, "new"), taken(1, 4)];
        let text = "x".repeat(1000);
        records.extend((10..1010).map(|n| delivered(2, n, &text)));
        let big = batch(7, records);

        for _ in 0..3 {
            let refused = store.commit(&big).unwrap_err();
            assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
            assert_eq!(refused.failure(), StoreFailure::Full);
            assert_eq!(state(&load(&mut store)), expected(&log));
        }
        let small = batch(7, vec![delivered(2, 2, "muat")]);
        commit_all(&mut store, [&small]);
        drop(store);

        let mut log = log;
        log.push(small);
        assert_eq!(state(&load(&mut place.open())), expected(&log));
        // With room, the very batch that was refused is taken.
        commit_all(&mut place.open(), [&big]);
        log.push(big);
        assert_eq!(state(&load(&mut place.open())), expected(&log));
    }

    pub(super) fn a_killed_process_leaves_every_batch_that_was_reported<H: Harness>() {
        let place = H::new();
        let mut store = place.open();
        let log = log();
        for end in 1..=log.len() {
            commit_all(&mut store, &log[end - 1..end]);

            let left = place.killed();

            assert_eq!(state(&load(&mut left.open())), expected(&log[..end]));
        }
    }

    pub(super) fn a_second_opener_is_refused<H: Harness>() {
        let place = H::new();
        let mut store = place.open();
        commit_all(&mut store, &log());

        let second = place.open_for(&realm1()).err().unwrap();
        assert!(matches!(second, StoreError::InUse(_)), "{second:?}");
        // The first one is none the worse for it.
        commit_all(&mut store, [&batch(7, vec![delivered(0, 1, "masih")])]);
        drop(store);

        assert!(place.open_for(&realm1()).is_ok());
    }

    pub(super) fn a_store_of_a_later_version_is_refused<H: Harness>() {
        let place = H::new();
        commit_all(&mut place.open(), &log());

        place.make_newer();

        let refused = place.open_for(&realm1()).err().unwrap();
        assert!(matches!(refused, StoreError::Newer(_)), "{refused:?}");
        assert_eq!(refused.failure(), StoreFailure::Broken);
    }

    pub(super) fn a_store_of_another_realm_is_refused<H: Harness>() {
        let place = H::new();
        commit_all(&mut place.open(), &log());

        let realm2 = RealmName::parse("realm2").unwrap();
        let refused = place.open_for(&realm2).err().unwrap();

        assert!(matches!(refused, StoreError::Foreign(_)), "{refused:?}");
        assert_eq!(state(&load(&mut place.open())), expected(&log()));
    }

    pub(super) fn a_damaged_store_is_refused<H: Harness>() {
        let place = H::new();
        commit_all(&mut place.open(), &log());

        place.damage();

        for _ in 0..2 {
            let refused = place.open_for(&realm1()).err().unwrap();
            assert!(matches!(refused, StoreError::Damaged(_)), "{refused:?}");
        }
    }
}
