//! Fetches that fail, bring the wrong rows, or come too late: nothing is lost.

use crate::common::{Loading, UNKNOWN_COMMAND};
use crate::fetching::{inbox, stored};
use crate::{SHUTTING_DOWN, STORE_BROKEN, STORE_FULL};
use chatproto::{Event, StoreFailure};

const UNREADABLE: &str = "{\"status\": \"ERROR\", \"message\": \"Penyimpanan server tidak dapat dibaca, coba lagi nanti\", \"code\": \"store_unreadable\"}\r\n\r\n";

#[test]
fn a_failed_fetch_is_told_and_nothing_is_lost() {
    for (verb, rest) in [("inbox", ""), ("peek", ""), ("history", "messi")] {
        let mut it = stored(&["one", "two"]);
        it.line(it.id, "ack", "1");
        it.site.commit();
        it.site.read(it.id);
        it.line(it.id, verb, rest);
        it.site.receive(it.id, b"x\r\n");
        let (request, _) = it.fetch();

        it.site.fetched(request, None);

        assert_eq!(
            it.site.read(it.id),
            [UNREADABLE, UNKNOWN_COMMAND].concat(),
            "{verb}"
        );
        assert!(it.site.events().contains(&&Event::FetchFailed), "{verb}");
        assert_eq!(it.site.take_batch(), None, "{verb}");
        assert_eq!(it.rest(), inbox(&["two"]), "{verb}");
    }
}

#[test]
fn too_few_rows_lose_nothing() {
    let table: [(&str, &[usize]); 7] = [
        ("inbox", &[]),
        ("inbox", &[0, 1]),
        ("inbox", &[0, 2]),
        ("inbox", &[1, 2]),
        ("peek", &[]),
        ("peek", &[1, 2]),
        ("peek", &[2]),
    ];
    for (verb, rows) in table {
        let mut it = stored(&["one", "two", "three"]);
        it.line(it.id, verb, "");
        let (request, fetch) = it.fetch();
        let mut fetched = it.site.log.read(&fetch);
        let mut at = 0..;
        fetched
            .messages
            .retain(|_| rows.contains(&at.next().unwrap()));

        it.site.fetched(request, Some(fetched));

        assert_eq!(it.site.read(it.id), UNREADABLE, "{verb} {rows:?}");
        assert!(it.site.events().contains(&&Event::FetchFailed));
        assert_eq!(
            it.rest(),
            inbox(&["one", "two", "three"]),
            "{verb} {rows:?}"
        );
    }
}

#[test]
fn a_gap_in_the_rows_is_told() {
    let mut it = stored(&["one", "two", "three"]);
    it.line(it.id, "peek", "");
    let (request, fetch) = it.fetch();
    let mut fetched = it.site.log.read(&fetch);
    fetched.messages.remove(1);

    it.site.fetched(request, Some(fetched));

    assert_eq!(it.site.read(it.id), UNREADABLE);
    assert_eq!(it.rest(), inbox(&["one", "two", "three"]));
}

#[test]
fn as_many_rows_of_other_numbers_lose_nothing() {
    for numbers in [[1, 1, 2], [2, 3, 4], [0, 1, 2], [3, 2, 1]] {
        let mut it = stored(&["one", "two", "three"]);
        it.line(it.id, "inbox", "");
        let (request, fetch) = it.fetch();
        let mut fetched = it.site.log.read(&fetch);
        for (message, number) in fetched.messages.iter_mut().zip(numbers) {
            message.number = number;
        }

        it.site.fetched(request, Some(fetched));
        it.site.commit();

        assert_eq!(it.site.read(it.id), UNREADABLE, "{numbers:?}");
        assert_eq!(it.rest(), inbox(&["one", "two", "three"]), "{numbers:?}");
    }
}

#[test]
fn a_store_that_fills_up_during_a_fetch_keeps_the_inbox_from_emptying() {
    let mut it = stored(&["one"]);
    it.line(it.id, "inbox", "");
    let fetch = it.fetch();
    let sender = it.site.open();
    it.line(sender, "send", "messi two");
    let batch = it.batch();
    it.failed(batch.number, StoreFailure::Full);

    it.site.serve(&fetch);
    let refused = it.site.read(it.id);
    it.pause();
    it.site.commit();

    assert_eq!(refused, STORE_FULL);
    assert_eq!(it.rest(), inbox(&["one", "two"]));
}

#[test]
fn a_shutdown_or_a_broken_store_during_a_fetch_leaves_the_inbox() {
    for is_broken in [false, true] {
        let mut it = stored(&["one"]);
        it.line(it.id, "inbox", "");
        let fetch = it.fetch();
        if is_broken {
            let sender = it.site.open();
            it.line(sender, "send", "messi two");
            let batch = it.batch();
            it.failed(batch.number, StoreFailure::Broken);
        } else {
            it.site.realm.shutdown(it.site.now);
            it.site.run();
        }

        it.site.serve(&fetch);
        let last_words = it.site.read(it.id);
        it.site.commit();

        let expected = if is_broken {
            STORE_BROKEN
        } else {
            SHUTTING_DOWN
        };
        assert_eq!(last_words, expected);
        it.restart(Loading::Summed);
        assert_eq!(it.rest(), inbox(&["one"]));
    }
}
