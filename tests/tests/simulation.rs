//! Four realms, a thousand people, a hundred thousand messages: each comes once, in order, to
//! whom it is for.
//!
//! `CHATPROTO_SEED` plays one run again; `CHATPROTO_LONG=1` plays many more.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::simulation::ledger::{Fault, Finding, Heard, Letters, Message, Person, Talk};
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

/// Tells what was shown, even where the output of tests that pass is swallowed.
fn tell(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
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
        eprintln!("{report:?}");
    }
}

#[test]
fn messages_survive_links_that_come_and_go() {
    for seed in seeds() {
        let plan = Plan {
            seed,
            users_each: 50,
            letters: 20_000,
            group_messages: 20_000,
            cuts: true,
        };

        let report = play(&plan);

        assert!(report.cuts > 100, "{report:?}");
        tell(&format!(
            "simulation: {} realms, {} users, {} private and {} group messages, seed {seed}, links cut \
             {} times, no private message lost, none of any kind twice or out of order",
            report.realms, report.users, report.letters, report.group_messages, report.cuts
        ));
        eprintln!("{report:?}");
    }
}

const MESSI: Person = Person {
    realm: 0,
    number: 100,
};
const AMSAL: Person = Person {
    realm: 1,
    number: 100,
};
const HERBERT: Person = Person {
    realm: 1,
    number: 101,
};

fn found(fault: Fault, message: Message) -> Finding {
    Finding { fault, message }
}

/// What somebody reads at one moment.
type Read<'a> = (Person, &'a [usize]);

/// Messi sends amsal three letters, which are taken, and herbert a fourth; then they read these.
fn read_letters(reads: &[Read<'_>]) -> Vec<Finding> {
    let mut letters = Letters::default();
    for to in [AMSAL, AMSAL, AMSAL, HERBERT] {
        let number = letters.send(7, MESSI, to);
        letters.answer(number, true);
    }
    for (reader, numbers) in reads {
        let shown: Vec<_> = numbers.iter().map(|number| (MESSI, *number)).collect();
        letters.read(*reader, &shown);
        letters.moment_is_over();
    }
    letters.into_findings()
}

#[test]
fn the_ledger_finds_what_is_wrong_with_letters() {
    let herbert: Read<'_> = (HERBERT, &[3]);
    let found = |fault, number| found(fault, Message::Private(number));
    let table: [(&[Read<'_>], &[Finding]); 8] = [
        (&[(AMSAL, &[0, 1, 2]), herbert], &[]),
        (
            &[(AMSAL, &[0]), (AMSAL, &[1, 2]), herbert, (AMSAL, &[])],
            &[],
        ),
        (
            &[(AMSAL, &[0, 1, 1, 2]), herbert],
            &[found(Fault::Twice, 1)],
        ),
        (
            &[(AMSAL, &[0, 1, 2]), (AMSAL, &[2]), herbert],
            &[found(Fault::Twice, 2)],
        ),
        (&[herbert, (AMSAL, &[0, 1, 2])], &[]),
        (
            &[(AMSAL, &[0, 2, 1]), herbert],
            &[found(Fault::OutOfOrder, 1)],
        ),
        // Only herbert's came although amsal's was sent before it: it is late, and then lost.
        (
            &[herbert, (AMSAL, &[0, 1])],
            &[found(Fault::OutOfOrder, 2), found(Fault::Lost, 2)],
        ),
        (
            &[(AMSAL, &[0, 2]), (HERBERT, &[1, 3])],
            &[found(Fault::Misdelivered, 1), found(Fault::Lost, 1)],
        ),
    ];
    for (reads, findings) in table {
        assert_eq!(read_letters(reads), findings, "{reads:?}");
    }
}

#[test]
fn the_ledger_finds_letters_that_nobody_promised() {
    let mut letters = Letters::default();
    let refused = letters.send(7, MESSI, AMSAL);
    letters.answer(refused, false);
    let open = letters.send(7, MESSI, AMSAL);
    let unknown = letters.send(7, MESSI, AMSAL);
    letters.hang_up(unknown);
    let forged = letters.send(7, MESSI, AMSAL);
    letters.answer(forged, true);

    letters.read(AMSAL, &[(MESSI, refused), (HERBERT, forged), (MESSI, 99)]);

    let found = |fault, number| found(fault, Message::Private(number));
    let findings = [
        found(Fault::Unpromised, refused),
        found(Fault::Misattributed, forged),
        found(Fault::Unpromised, 99),
        found(Fault::Unanswered, open),
    ];
    assert_eq!(letters.into_findings(), findings);
}

/// Messi, amsal and herbert are in a group with its home at messi's; napitupulu is in another one.
/// Messi (seat 0) says three things and amsal (seat 1) one. Each hears what it is given.
fn hear_talk(
    messi: &[(usize, usize)],
    amsal: &[(usize, usize)],
    other: &[(usize, usize)],
) -> Vec<Finding> {
    let mut talk = Talk::default();
    let people = [
        (MESSI, "messi", 1),
        (AMSAL, "amsal", 1),
        (HERBERT, "herbert", 2),
    ];
    for (person, name, group) in people {
        let seat = talk.sit_down(person, name.to_owned(), group);
        talk.seated(seat, 0);
        talk.hear(seat, Heard::Join(name.to_owned()), None);
        talk.moment_is_over();
    }
    talk.hear(0, Heard::Join("amsal".to_owned()), None);
    for seat in [0, 0, 0, 1] {
        talk.say(seat);
    }
    for (listener, heard) in [messi, amsal, other].into_iter().enumerate() {
        for (seat, index) in heard {
            let (seat, index) = (*seat, *index);
            talk.hear(listener, Heard::Say { seat, index }, Some(people[seat].0));
        }
    }
    talk.into_findings()
}

#[test]
fn the_ledger_finds_what_is_wrong_with_talk() {
    let all = [(0, 0), (0, 1), (1, 0), (0, 2)];
    let found = |fault, seat, index| found(fault, Message::Group { seat, index });
    let finds = |amsal: &[(usize, usize)], fault, seat, index| {
        let findings = hear_talk(&all, amsal, &[]);
        assert!(
            findings.contains(&found(fault, seat, index)),
            "{amsal:?}: {findings:?}"
        );
    };

    assert_eq!(hear_talk(&all, &all, &[]), []);
    finds(
        &[(0, 0), (0, 1), (0, 1), (1, 0), (0, 2)],
        Fault::Twice,
        0,
        1,
    );
    finds(&[(0, 0), (1, 0), (0, 2)], Fault::Lost, 0, 1);
    finds(&[(0, 0), (0, 1), (1, 0)], Fault::Lost, 0, 2);
    finds(&[(0, 0), (0, 1), (0, 2)], Fault::Lost, 1, 0);
    finds(&[(0, 1), (0, 0), (1, 0), (0, 2)], Fault::OutOfOrder, 0, 0);
    // Each sender's are in order, but not in the one order that messi saw.
    finds(&[(0, 0), (1, 0), (0, 1), (0, 2)], Fault::OutOfOrder, 0, 0);
    let misdelivered = [found(Fault::Misdelivered, 0, 1)];
    assert_eq!(hear_talk(&all, &all, &[(0, 1)]), misdelivered);
}

#[test]
fn the_ledger_finds_a_member_that_misses_what_its_neighbour_hears() {
    let mut talk = Talk::default();
    for person in [AMSAL, HERBERT] {
        let seat = talk.sit_down(person, format!("{person:?}"), 1);
        talk.seated(seat, 0);
    }
    let index = talk.say(0);
    let say = Heard::Say { seat: 0, index };
    talk.moment_is_over();

    talk.hear(0, say.clone(), Some(AMSAL));
    talk.moment_is_over();

    let missed = found(Fault::Lost, Message::Group { seat: 0, index });
    assert_eq!(talk.findings(), [missed]);
    // Who has got up hears nothing any more.
    talk.stand_up(1);
    talk.hear(1, say, Some(AMSAL));
    let misdelivered = found(Fault::Misdelivered, Message::Group { seat: 0, index });
    assert_eq!(talk.findings(), [missed, misdelivered]);
}
