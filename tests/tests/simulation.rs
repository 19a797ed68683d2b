//! Four realms, a thousand people, a hundred thousand messages: each comes once, in order, to
//! whom it is for.
//!
//! `CHATPROTO_SEED` plays one run again; `CHATPROTO_LONG=1` plays many more.

use chatproto_tests::simulation::ledger::{Fault, Heard, Letters, Message, Person, Talk};
use chatproto_tests::simulation::{Plan, Report, run};
use std::io::Write;

const SEED: u64 = 2_026;

/// Runs with other seeds when there is time.
const LONG_RUNS: u64 = 20;

/// The seeds to play.
fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    match (number("CHATPROTO_SEED"), number("CHATPROTO_LONG")) {
        (Some(seed), _) => vec![seed],
        (None, Some(1)) => (SEED..=SEED + LONG_RUNS).collect(),
        (None, _) => vec![SEED],
    }
}

fn play(plan: &Plan) -> Report {
    run(plan).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Tells what was shown, also where the output of tests that pass is swallowed.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

#[test]
fn everything_is_delivered_once_and_in_order() {
    for seed in seeds() {
        let plan = Plan {
            seed,
            users_each: 250,
            letters: 50_000,
            group_messages: 50_000,
            cuts: false,
        };

        let report = play(&plan);

        assert_eq!((report.realms, report.users), (4, 1_000));
        assert!(report.letters + report.group_messages >= 100_000);
        tell(&format!(
            "simulation: {} realms, {} users, {} private and {} group messages, seed {seed}, \
             all delivered once and in order",
            report.realms, report.users, report.letters, report.group_messages
        ));
        tell(&format!("{report:?}"));
    }
}

#[test]
fn letters_survive_links_that_come_and_go() {
    for seed in seeds() {
        let plan = Plan {
            seed,
            users_each: 50,
            letters: 20_000,
            group_messages: 0,
            cuts: true,
        };

        let report = play(&plan);

        assert!(report.cuts > 100, "{report:?}");
        tell(&format!(
            "simulation: {} realms, {} users, {} private messages over links cut {} times, seed \
             {seed}, all delivered once and in order",
            report.realms, report.users, report.letters, report.cuts
        ));
        tell(&format!("{report:?}"));
    }
}
