//! The simulated disk and the log on it: what is found after a crash is a prefix that holds all that
//! was promised, and the checks notice a log for which that is not so.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use chatproto::store::{Fetch, Store, StoreError};
use chatproto::{Batch, Record, Sender, UserId, UserName};
use chatproto_tests::disk::{Disk, Flaw, Loading, Log, Survival};
use std::sync::Arc;

fn messi() -> UserId {
    UserId::from_number(0)
}

fn account() -> Record {
    Record::Account {
        user: messi(),
        name: UserName::parse("messi").unwrap(),
        display_name: "Lionel Messi".into(),
        country: "Argentina".into(),
        password: None,
    }
}

fn delivered(number: u64) -> Record {
    Record::Delivered {
        owner: messi(),
        number,
        sender: Sender::Local(messi()),
        unix_ms: number,
        text: format!("{number}").into(),
    }
}

fn listed() -> Record {
    Record::Listed {
        owner: messi(),
        position: 0,
        sender: Sender::Local(messi()),
    }
}

fn batch(number: u64, records: Vec<Record>) -> Batch {
    Batch {
        number,
        records: Arc::new(records),
    }
}

fn open(disk: Disk, flaw: Flaw, start: u64) -> (Log, Option<String>) {
    let (log, recovered) = Log::open(disk, flaw, Loading::AsWritten, start);
    (log, recovered.wrong)
}

/// A log with a user and three messages, two batches in all.
fn filled(flaw: Flaw) -> Log {
    let (mut log, wrong) = open(Disk::default(), flaw, 1);
    assert_eq!(wrong, None);
    let first = batch(1, vec![account(), listed()]);
    let messages = batch(2, (1..=3).map(delivered).collect());
    log.commit(&first).unwrap();
    log.commit(&messages).unwrap();
    log
}

fn numbers(log: &mut Log) -> Vec<u64> {
    let all = Fetch::range(messi(), 1, u64::MAX);
    let fetched = log.fetch(&all).unwrap();
    fetched.messages.iter().map(|it| it.number).collect()
}

/// Everything that may be left of up to four sectors.
fn survivals() -> Vec<Survival> {
    let mut survivals = vec![Survival::Nothing, Survival::Everything];
    survivals.extend((0..=4).map(Survival::First));
    survivals.extend((0..=4).map(Survival::AllButFirst));
    survivals.extend((0..=4).map(Survival::Torn));
    survivals.extend((0..=4).map(Survival::Twice));
    survivals.extend((0..16).map(Survival::Some));
    survivals
}

/// Begins a batch of messages 4 to 7, writes `written` sectors of it, and crashes; then begins one
/// of messages 4 and 5 and crashes again. Returns what is there after each, and what was wrong.
fn crash_twice(flaw: Flaw, written: usize, survival: Survival) -> (Vec<Vec<u64>>, Vec<String>) {
    let mut log = filled(flaw);
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (start, last) in [(2, 7), (3, 6)] {
        let next = numbers(&mut log).last().copied().unwrap_or(0) + 1;
        log.begin(&batch(9, (next..=last).map(delivered).collect()))
            .unwrap();
        for _ in 0..written {
            log.write_next();
        }
        let (after, is_wrong) = open(log.crash(survival), flaw, start);
        log = after;
        found.push(numbers(&mut log));
        wrong.extend(is_wrong);
    }
    (found, wrong)
}

#[test]
fn a_batch_is_there_as_a_whole_or_not_at_all() {
    let kept: Vec<u64> = (1..=3).collect();
    let whole: Vec<u64> = (1..=7).collect();
    for survival in survivals() {
        for written in 0..=4 {
            let (found, wrong) = crash_twice(Flaw::None, written, survival);
            assert_eq!(wrong, [""; 0], "{survival:?} after {written}");
            let is_whole = found[0] == whole;
            assert!(is_whole || found[0] == kept, "{found:?} by {survival:?}");
            assert!(!is_whole || written == 4);
        }
    }
    assert_eq!(crash_twice(Flaw::None, 4, Survival::Everything).0[0], whole);
    assert_eq!(crash_twice(Flaw::None, 4, Survival::Nothing).0[0], kept);
}

/// Whether any of the crashes shows that something is wrong.
fn is_found(flaw: Flaw) -> bool {
    let every = survivals().into_iter();
    let mut every = every.flat_map(|survival| (0..=4).map(move |written| (survival, written)));
    every.any(|(survival, written)| !crash_twice(flaw, written, survival).1.is_empty())
}

#[test]
fn what_is_wrong_with_a_log_is_noticed() {
    assert!(!is_found(Flaw::None));
    assert!(is_found(Flaw::PromisesEarly));
    assert!(is_found(Flaw::TakesParts));
}

#[test]
fn sectors_of_an_earlier_start_are_not_taken_for_later_ones() {
    let found = |flaw| {
        let mut log = filled(flaw);
        // The first start leaves the second half of a batch, the second one the first half.
        log.begin(&batch(3, vec![delivered(4), delivered(5)]))
            .unwrap();
        while log.write_next() {}
        let (mut log, _) = open(log.crash(Survival::AllButFirst(1)), flaw, 2);
        log.begin(&batch(3, vec![delivered(4), delivered(5)]))
            .unwrap();
        assert!(log.write_next());
        let (mut log, _) = open(log.crash(Survival::Everything), flaw, 3);
        numbers(&mut log)
    };

    assert_eq!(found(Flaw::None), [1, 2, 3]);
    assert_eq!(found(Flaw::MixesStarts), [1, 2, 3, 4, 5]);
}

#[test]
fn a_full_disk_keeps_nothing_of_a_batch_and_goes_on_later() {
    let mut log = filled(Flaw::None);
    let more = batch(3, vec![delivered(4)]);

    log.set_full(true);
    assert!(matches!(log.commit(&more), Err(StoreError::Full(_))));
    assert_eq!(numbers(&mut log), [1, 2, 3]);
    log.set_full(false);
    log.commit(&more).unwrap();

    let (mut log, wrong) = open(log.crash(Survival::Nothing), Flaw::None, 2);
    assert_eq!((numbers(&mut log), wrong), (vec![1, 2, 3, 4], None));
}

#[test]
fn after_a_disk_has_failed_nothing_is_committed_and_what_was_promised_is_there() {
    for (survival, last) in [(Survival::Nothing, 3), (Survival::Everything, 4)] {
        let mut log = filled(Flaw::None);
        log.fail_next();

        let failed = log.commit(&batch(3, vec![delivered(4)]));
        assert!(matches!(failed, Err(StoreError::Broken(_))));
        let again = log.commit(&batch(4, vec![delivered(5)]));
        assert!(matches!(again, Err(StoreError::Broken(_))));

        let (mut log, wrong) = open(log.crash(survival), Flaw::None, 2);
        assert_eq!(wrong, None);
        assert_eq!(numbers(&mut log), (1..=last).collect::<Vec<_>>());
    }
}

#[test]
fn a_checkpoint_takes_the_place_of_what_was_written() {
    let mut log = filled(Flaw::None);
    log.compact();
    log.commit(&batch(3, vec![delivered(4)])).unwrap();

    let (mut log, recovered) = Log::open(
        log.crash(Survival::Nothing),
        Flaw::None,
        Loading::EachTwice,
        2,
    );
    let mut records = Vec::new();
    log.load(&mut |record| records.push(record)).unwrap();

    assert_eq!((recovered.batches, recovered.promised), (3, 3));
    let inbox = Record::Inbox {
        owner: messi(),
        taken: 0,
        last: 3,
        bytes: 3,
    };
    let loaded = [account(), listed(), inbox, delivered(4), delivered(4)];
    assert_eq!(records, loaded);
    assert_eq!(numbers(&mut log), [1, 2, 3, 4]);
}
