//! Realms that crash at any moment, on disks that lose what was not synced, and nothing is lost.
//!
//! `CHATPROTO_SEED` plays one run again; `CHATPROTO_LONG=1` plays many more.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::disk::{Flaw, Survival};
use chatproto_tests::simulation::Failure;
use chatproto_tests::simulation::storm::{Storm, StormReport, Weather, run};
use std::io::Write;
use std::panic::catch_unwind;

const SEED: u64 = 2_026;

/// Runs with other seeds, on any day and when there is time.
const RUNS: u64 = 12;
const LONG_RUNS: u64 = 400;

/// The seeds to play.
fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    match (number("CHATPROTO_SEED"), number("CHATPROTO_LONG")) {
        (Some(seed), _) => vec![seed],
        (None, Some(1)) => (SEED..SEED + LONG_RUNS).collect(),
        (None, _) => (SEED..SEED + RUNS).collect(),
    }
}

fn storm(seed: u64) -> Storm {
    Storm {
        seed,
        users: 0..24,
        letters: 5_000,
        weather: Weather::Wild,
        flaw: Flaw::None,
        compares: true,
    }
}

fn play(storm: &Storm) -> StormReport {
    run(storm).unwrap_or_else(|failure| panic!("{storm:?}\n{failure}"))
}

/// Tells what was shown, even where the output of tests that pass is swallowed.
fn tell(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn nothing_that_was_promised_is_lost_when_realms_crash() {
    let mut sum = StormReport::default();
    let seeds = seeds();
    for seed in &seeds {
        let report = play(&storm(*seed));
        assert!(report.crashes > 20 && report.full > 5, "seed {seed}");
        sum.users = report.users;
        sum.taken += report.taken;
        sum.retried += report.retried;
        sum.bounced += report.bounced;
        sum.inboxes_lost += report.inboxes_lost;
        sum.crashes += report.crashes;
        sum.unpromised += report.unpromised;
        sum.full += report.full;
        sum.failed += report.failed;
        sum.cuts += report.cuts;
    }
    tell(&format!(
        "simulation: 4 realms, {} users, {} private messages, seeds {} to {}, crashes {}, disks full \
         {} times, commits failed {}, links cut {} times, {} messages sent again, {} bounced, all kept",
        sum.users,
        sum.taken,
        seeds[0],
        seeds[seeds.len() - 1],
        sum.crashes,
        sum.full,
        sum.failed,
        sum.cuts,
        sum.retried,
        sum.bounced
    ));
    // What is rare has to happen all the same.
    assert!(sum.unpromised > 0 && sum.inboxes_lost > 0 && sum.failed > 0);
}

/// A few people of four realms, who write a few messages.
fn small(seed: u64, weather: Weather) -> Storm {
    Storm {
        seed,
        users: 20..22,
        letters: 20,
        weather,
        flaw: Flaw::None,
        compares: true,
    }
}

/// Everything that may be left of so many sectors.
fn survivals(cached: usize) -> Vec<Survival> {
    let mut survivals = vec![Survival::Everything];
    if cached > 0 {
        survivals.push(Survival::Nothing);
        survivals.extend((1..cached).map(Survival::First));
        survivals.extend((1..cached).map(Survival::AllButFirst));
        survivals.extend((0..cached).map(Survival::Torn));
        survivals.extend((1..=cached).map(Survival::Twice));
    }
    survivals
}

#[test]
fn every_crash_point_leaves_all_that_was_promised() {
    let is_long = std::env::var("CHATPROTO_LONG").is_ok_and(|long| long == "1");
    let seeds = if is_long { 1..=20 } else { 1..=1 };
    let (mut points, mut runs) = (0, 0);
    for seed in seeds {
        let calm = play(&small(seed, Weather::Calm));
        for (realm, steps) in calm.steps.iter().enumerate() {
            for (cached, step) in steps.iter().zip(1..) {
                points += 1;
                for survival in survivals(*cached) {
                    play(&small(seed, Weather::Strike(realm, step, survival)));
                    runs += 1;
                }
            }
        }
    }
    tell(&format!(
        "simulation: every crash point, {points} of them in {runs} runs, all kept"
    ));
}

/// Whether something is found in a few runs with a store that is not as it should be.
fn finds(flaw: Flaw, compares: bool) -> bool {
    (1..=8).any(|seed| {
        let storm = Storm {
            letters: 2_000,
            flaw,
            compares,
            ..storm(seed)
        };
        // A realm's records may come to make no sense at all.
        let ran: Result<Result<StormReport, Failure>, _> = catch_unwind(|| run(&storm));
        !matches!(ran, Ok(Ok(_)))
    })
}

#[test]
fn a_store_that_promises_too_early_is_found() {
    assert!(finds(Flaw::PromisesEarly, true));
    assert!(finds(Flaw::PromisesEarly, false));
}

#[test]
fn a_store_that_takes_parts_of_batches_is_found() {
    assert!(finds(Flaw::TakesParts, true));
    assert!(finds(Flaw::TakesParts, false));
}
