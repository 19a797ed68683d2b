//! Realms lose nothing of what they accepted for each other, double nothing and mix up nothing,
//! whatever happens to their links, processes, clocks and disks.
//!
//! `CHATPROTO_SEED` plays one run again; `CHATPROTO_LONG=1` plays ten thousand of them, which is for an
//! optimised build: `cargo test --release -p chatproto-tests --test linkstorm`.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::disk::Flaw;
use chatproto_tests::simulation::linkstorm::{LinkReport, LinkStorm, Sabotage, run};
use std::io::Write;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const RUNS: u64 = 300;
const LONG_RUNS: u64 = 10_000;

/// Messages between realms that a run has at least.
const LETTERS: usize = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The first seed, and the one behind the last.
fn seeds() -> (u64, u64) {
    match (number("CHATPROTO_SEED"), number("CHATPROTO_LONG")) {
        (Some(seed), _) => (seed, seed + 1),
        (None, Some(1)) => (1, LONG_RUNS + 1),
        (None, _) => (1, RUNS + 1),
    }
}

fn storm(seed: u64) -> LinkStorm {
    LinkStorm {
        seed,
        letters: LETTERS,
        sabotage: Sabotage::None,
    }
}

/// Tells what was shown, even where the output of tests that pass is swallowed.
fn tell(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Plays all seeds on all cores. Returns what they came to, or how the first failed.
fn play_all((first, end): (u64, u64)) -> (LinkReport, Option<String>) {
    let next = AtomicU64::new(first);
    let done = Mutex::new((LinkReport::default(), None));
    let play = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || done.lock().unwrap().1.is_some() {
                return;
            }
            let ran = catch_unwind(|| run(&storm(seed)));
            let mut done = done.lock().unwrap();
            match ran {
                Ok(Ok(report)) => done.0 += report,
                Ok(Err(failure)) => done.1 = Some(failure.to_string()),
                Err(_) => done.1 = Some(format!("the run panics; CHATPROTO_SEED={seed}")),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn nothing_that_was_accepted_is_lost_doubled_or_mixed_up() {
    let seeds = seeds();
    let (sum, failure) = play_all(seeds);

    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    tell(&format!(
        "simulation: {} seeds, {} messages between realms, {} bounced, crashes {}, links failed {}, \
         disks failed {}, replaced {}, set back {}, clocks jumped {}, peers taken out {}, hostile realms \
         {}, all kept",
        seeds.1 - seeds.0,
        sum.letters,
        sum.bounced,
        sum.crashes,
        sum.cuts,
        sum.disks_failed,
        sum.replaced,
        sum.restored,
        sum.jumps,
        sum.removed,
        sum.hostile
    ));
    eprintln!("{sum:?}");
}

#[test]
fn a_seed_plays_the_same_run_again() {
    let first = run(&storm(7)).unwrap();

    assert_eq!(run(&storm(7)), Ok(first));
}

/// Whether the ledger finds a message that is lost, or there twice, in some of the first runs with a
/// rule broken.
fn finds(sabotage: Sabotage, runs: u64) -> bool {
    (1..=runs).any(|seed| {
        let sabotaged = LinkStorm {
            sabotage,
            ..storm(seed)
        };
        // Records may come to make no sense at all: that counts for nothing here.
        let ran = catch_unwind(|| run(&sabotaged));
        matches!(ran, Ok(Err(failure)) if !failure.findings.is_empty())
    })
}

#[test]
fn an_ack_of_what_only_arrived_is_found() {
    assert!(finds(Sabotage::AcksArrivals, 20));
}

#[test]
fn an_ack_of_what_was_only_sent_is_found() {
    assert!(finds(Sabotage::AcksDepartures, 20));
}

#[test]
fn a_resume_with_one_number_is_found() {
    assert!(finds(Sabotage::OneNumber, 100));
}

#[test]
fn a_commit_that_is_told_too_early_is_found() {
    assert!(finds(Sabotage::Store(Flaw::PromisesEarly), 20));
}

#[test]
fn a_cursor_behind_its_messages_is_found() {
    assert!(finds(Sabotage::Store(Flaw::DelaysCursors), 50));
}

#[test]
fn a_refusal_behind_its_cursor_is_found() {
    assert!(finds(Sabotage::Store(Flaw::DelaysBounces), 50));
}

#[test]
fn expiry_without_the_mark_is_found() {
    assert!(finds(Sabotage::Store(Flaw::LosesMarks), 100));
}
