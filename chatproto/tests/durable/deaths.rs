//! One of two realms dies at each step that their mail takes.

use crate::common::{LOADINGS, Loading, Pair, SENT, Site, example, limits};
use crate::neighbours::{durable, faults, send, texts};
use chatproto::Record;

/// The smallest things that happen, one after the other, until there is nothing left.
fn step(pair: &mut Pair, number: usize) -> bool {
    let commit = |site: &mut Site| {
        let batch = site.take_batch();
        batch.is_some_and(|batch| {
            site.committed(batch.number);
            true
        })
    };
    match number % 4 {
        0 => pair.step_there(),
        1 => commit(&mut pair.two),
        2 => pair.step_back(),
        _ => commit(&mut pair.one),
    }
}

/// Plays until nothing happens any more; at one step, somebody dies. Returns the number of steps.
fn play(pair: &mut Pair, crash: Option<(usize, bool, Loading)>) -> usize {
    pair.link();
    let (mut number, mut idle) = (0, 0);
    while idle < 4 {
        if let Some((at, is_first, loading)) = crash.filter(|(at, ..)| *at == number) {
            if is_first {
                pair.restart_one(loading);
            } else {
                pair.restart_two(loading);
            }
            pair.link();
            assert!(at < 1_000);
        }
        idle = if step(pair, number) { 0 } else { idle + 1 };
        number += 1;
        assert!(number < 10_000, "it never ends");
    }
    number
}

/// Mail of each fate waits: kept, refused, too long for the peer's lines.
fn waiting() -> (Pair, String) {
    let short = limits(&[("link_line_bytes_max", 4_096)]);
    let mut pair = Pair::of(durable(1, 2), durable(2, 1).limits(short));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.two.commit();
    let long = "x".repeat(4_000);
    for (to, text) in [
        ("amsal@realm2", "satu"),
        ("siapa@realm2", "dua"),
        ("herbert@realm2", &long),
        ("amsal@realm2", "empat"),
        ("entah@realm2", "lima"),
    ] {
        assert_eq!(send(&mut pair.one, &token, to, text), SENT);
    }
    (pair, token)
}

fn check(pair: &mut Pair, case: &str) {
    assert_eq!(faults(pair), Vec::<String>::new(), "{case}");
    let mut bounces = texts(&mut pair.one, "messi", "surabaya");
    bounces.sort();
    assert_eq!(
        bounces,
        [
            " Pesan untuk entah@realm2 tidak terkirim: User Tidak Ditemukan",
            " Pesan untuk herbert@realm2 tidak terkirim: Pesan terlalu panjang untuk realm lain",
            " Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan",
        ],
        "{case}"
    );
    let arrived = texts(&mut pair.two, "amsal", "jakarta");
    assert_eq!(arrived, [" satu", " empat"], "{case}");
    let none = texts(&mut pair.two, "herbert", "singapura");
    assert_eq!(none, Vec::<String>::new(), "{case}");
}

#[test]
fn whoever_dies_at_whatever_step_everything_arrives_once_or_is_bounced_once() {
    let (mut pair, _) = waiting();
    let steps = play(&mut pair, None);
    check(&mut pair, "without a crash");
    assert!(steps > 40, "{steps}");

    for at in 0..steps {
        for is_first in [true, false] {
            for loading in LOADINGS {
                let (mut pair, _) = waiting();

                play(&mut pair, Some((at, is_first, loading)));

                let who = if is_first {
                    "the sender"
                } else {
                    "the receiver"
                };
                check(
                    &mut pair,
                    &format!("{who} dies at step {at}, loading {loading:?}"),
                );
            }
        }
    }
}

#[test]
fn after_everything_was_dealt_with_nothing_waits_any_more() {
    for loading in LOADINGS {
        let (mut pair, token) = waiting();
        play(&mut pair, None);
        pair.cut();
        // Were anything left, they could not do without each other.
        pair.one.restart_as(example(1).durable(true), loading);
        pair.two.restart_as(example(2).durable(true), loading);
        let inbox = pair.one.open();
        let peeked = pair.one.ask(inbox, &format!("peek {token}\r\n"));

        assert_eq!(
            peeked.matches("\"from\": \"*realm2*\"").count(),
            3,
            "{peeked}"
        );
        for site in [&pair.one, &pair.two] {
            let left = site.log.loaded(Loading::Summed);
            let is_open = |record: &&Record| {
                matches!(
                    record,
                    Record::Queued { .. }
                        | Record::Voided { .. }
                        | Record::BounceDue { .. }
                        | Record::Refused { .. }
                )
            };
            assert_eq!(left.iter().find(is_open), None);
        }
    }
}
