//! Which messages a fetch finds: the part of the contract about reading.

use crate::harness::{Harness, commit_all};
use crate::sample::{START_MS, batch, local, people, taken, user};
use crate::state::Model;
use chatproto::store::{Fetch, Fetched, Message, Part, Store as _};
use chatproto::{Record, Sender};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Ten messages for henderson, numbered from 1: messi wrote the odd ones, lineker the even ones, and
/// each has as many bytes as its number says. Beside them, neighbours that must never show.
fn letters() -> Vec<Record> {
    let mut records = people();
    for owner in [0, 1, 2] {
        records.extend((1..=10).map(|number| Record::Delivered {
            owner: user(owner),
            number,
            sender: local(if number % 2 == 1 { 0 } else { 2 }),
            unix_ms: START_MS + number,
            text: "x".repeat(number as usize).into(),
        }));
    }
    records.push(taken(1, 4));
    records
}

pub(crate) fn numbers_and_limits_choose_messages<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, letters())]);
    let all = || Fetch::range(user(1), 1, u64::MAX);
    let with = |change: fn(&mut Fetch)| {
        let mut fetch = all();
        change(&mut fetch);
        fetch
    };
    let newest = |change: fn(&mut Fetch)| {
        let mut fetch = with(change);
        fetch.part = Part::Newest;
        fetch
    };
    let table: [(Fetch, &[u64], bool); 17] = [
        (all(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false),
        (
            Fetch::range(user(1), 0, u64::MAX),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            false,
        ),
        (Fetch::range(user(1), 3, 5), &[3, 4, 5], false),
        (Fetch::range(user(1), 10, 10), &[10], false),
        (Fetch::range(user(1), 11, u64::MAX), &[], false),
        (Fetch::range(user(1), 5, 3), &[], false),
        (Fetch::range(user(1), u64::MAX, u64::MAX), &[], false),
        (Fetch::range(user(3), 1, u64::MAX), &[], false),
        (Fetch::range(user(u32::MAX), 1, u64::MAX), &[], false),
        (with(|fetch| fetch.messages_max = 3), &[1, 2, 3], true),
        (
            with(|fetch| fetch.messages_max = 10),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            false,
        ),
        (with(|fetch| fetch.messages_max = 0), &[], true),
        // 1 + 2 bytes are not yet 4; with the third message there are more, and no further comes.
        (with(|fetch| fetch.bytes_max = 4), &[1, 2, 3], true),
        (with(|fetch| fetch.bytes_max = 0), &[1], true),
        (newest(|fetch| fetch.messages_max = 2), &[9, 10], true),
        (newest(|fetch| fetch.bytes_max = 11), &[9, 10], true),
        (
            newest(|fetch| fetch.senders = Some(vec![local(2), local(3)])),
            &[2, 4, 6, 8, 10],
            false,
        ),
    ];

    for (fetch, numbers, more) in table {
        let fetched = store.fetch(&fetch).unwrap();

        let found: Vec<u64> = fetched
            .messages
            .iter()
            .map(|message| message.number)
            .collect();
        assert_eq!(
            (found.as_slice(), fetched.more),
            (numbers, more),
            "{fetch:?}"
        );
    }
    // A single message, to the last field; and a limit that only what others wrote goes beyond.
    let one = store.fetch(&Fetch::range(user(1), 2, 2)).unwrap();
    let message = Message {
        number: 2,
        sender: local(2),
        unix_ms: 1_790_000_000_002,
        text: "xx".into(),
    };
    assert_eq!(one.messages, [message]);
    let mut fetch = Fetch::range(user(1), 1, 9);
    (fetch.messages_max, fetch.senders) = (4, Some(vec![local(2)]));
    assert!(!store.fetch(&fetch).unwrap().more);
}

/// What a fetch should find, said another way: counted from the end that it begins at.
fn plainly(all: &[Message], fetch: &Fetch) -> Fetched {
    let is_wanted = |message: &&Message| {
        let is_of = |senders: &Vec<Sender>| senders.contains(&message.sender);
        message.number >= fetch.from
            && message.number <= fetch.upto
            && fetch.senders.as_ref().is_none_or(is_of)
    };
    let mut wanted: Vec<Message> = all.iter().filter(is_wanted).cloned().collect();
    if fetch.part == Part::Newest {
        wanted.reverse();
    }
    let bytes = |upto: usize| {
        wanted[..upto]
            .iter()
            .map(|m| m.text.len() as u64)
            .sum::<u64>()
    };
    let fits = |count: &usize| {
        let is_begun = *count == 1 || bytes(count - 1) < fetch.bytes_max;
        *count as u64 <= fetch.messages_max && is_begun
    };
    let count = (1..=wanted.len()).take_while(fits).count();
    let more = count < wanted.len();
    wanted.truncate(count);
    if fetch.part == Part::Newest {
        wanted.reverse();
    }
    Fetched {
        messages: wanted,
        more,
    }
}

fn fetches() -> impl Strategy<Value = Fetch> {
    let senders = proptest::collection::vec((0..5_u32).prop_map(local), 0..3);
    let limit = prop_oneof![0..40_u64, Just(u64::MAX)];
    (
        (0..4_u32, 0..45_u64, 0..45_u64),
        proptest::option::of(senders),
        (limit.clone(), limit),
        any::<bool>(),
    )
        .prop_map(|((owner, from, upto), senders, limits, is_newest)| {
            let mut fetch = Fetch::range(user(owner), from, upto);
            fetch.senders = senders;
            (fetch.messages_max, fetch.bytes_max) = limits;
            if is_newest {
                fetch.part = Part::Newest;
            }
            fetch
        })
}

pub(crate) fn a_fetch_agrees_with_a_plain_list<H: Harness>() {
    let mut store = H::new().open();
    let mut records = people();
    records.extend((1..=120_u64).map(|n| Record::Delivered {
        owner: user((n % 3) as u32),
        number: n.div_ceil(3),
        sender: local((n * 7 % 5) as u32 % 4),
        unix_ms: START_MS + n,
        text: "x".repeat((n * 13 % 9) as usize).into(),
    }));
    let model = Model::of(&records);
    commit_all(&mut store, [&batch(1, records)]);
    let store = std::cell::RefCell::new(store);

    let mut runner = TestRunner::new(Config::with_cases(500));
    runner
        .run(&fetches(), |fetch| {
            let fetched = store.borrow_mut().fetch(&fetch).unwrap();
            prop_assert_eq!(fetched, plainly(&model.messages(fetch.owner), &fetch));
            Ok(())
        })
        .unwrap();
}
