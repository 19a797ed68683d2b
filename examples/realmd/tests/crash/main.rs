//! Whatever was answered OK is there after `kill -9`, once and in order; whatever was taken out
//! stays out. Two linked realms, fifty people, and a ledger of all that each of them sent and read.
//!
//! `CHATPROTO_LONG=1` plays many rounds, `CHATPROTO_SEED=N` the one that failed; since the moments
//! of threads and disks are not repeated, that is near, but not the very same again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what went wrong by failing"
)]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod ledger;
mod person;
mod town;

use audit::Audit;
use common::dice::Dice;
use ledger::Clock;
use person::Person;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use town::Town;

const PEOPLE: usize = 50;
const ROUNDS: usize = 12;
const ROUNDS_LONG: usize = 200;

#[test]
fn what_was_promised_outlives_kill_9_at_any_moment() {
    let is_long = std::env::var_os("CHATPROTO_LONG").is_some();
    let rounds = if is_long { ROUNDS_LONG } else { ROUNDS };
    let seed = match std::env::var("CHATPROTO_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64,
    };
    println!("crash: seed {seed}");
    let mut dice = Dice::new(seed);
    let clock = Arc::new(Clock::default());
    let mut town = Town::found(PEOPLE);
    let mut audit = Audit::new(PEOPLE);
    let mut people: Vec<Person> = (0..PEOPLE).map(|at| Person::new(at, dice.fork())).collect();

    for _ in 0..rounds {
        people = live_and_die(people, &mut town, &clock, &mut dice);
        town.start_again(&mut dice);
        audit.check(&mut people, &town, &clock, &mut dice);
    }

    let count = audit.count(&people);
    println!(
        "crash: {rounds} rounds, {} messages with an OK ({} of them to the other realm), all in their inboxes once and \
         in order; {} unanswered, {} of them there, none twice; {} taken out, none of them back; {} sent again with \
         their keys, {} logins",
        count.promised,
        count.promised_abroad,
        count.unanswered,
        count.unanswered_there,
        count.taken,
        count.sent_again,
        count.logins,
    );
    assert!(count.promised > 100 * rounds as u64, "too little was tried");
    assert!(count.unanswered > 0 && count.taken > 0 && count.sent_again > 0);
}

/// Everybody writes and reads until some realms are killed, which ends the day for all.
fn live_and_die(
    people: Vec<Person>,
    town: &mut Town,
    clock: &Arc<Clock>,
    dice: &mut Dice,
) -> Vec<Person> {
    let is_over = Arc::new(AtomicBool::new(false));
    let lives: Vec<JoinHandle<Person>> = people
        .into_iter()
        .map(|mut person| {
            let address = town.address(&person);
            let (clock, is_over) = (Arc::clone(clock), Arc::clone(&is_over));
            std::thread::spawn(move || {
                person.live(address, &clock, &is_over);
                person
            })
        })
        .collect();
    std::thread::sleep(Duration::from_micros(dice.below(600_000)));
    town.kill_some(dice);
    is_over.store(true, Ordering::SeqCst);
    lives.into_iter().map(|life| life.join().unwrap()).collect()
}
