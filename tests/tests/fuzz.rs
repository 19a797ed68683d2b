//! The fuzz bodies over the kept corpus, and over inputs made from it.
//!
//! `CHATPROTO_SEED` chooses the inputs, `CHATPROTO_LONG=1` makes many more of them, and
//! `CHATPROTO_FUZZ=target:hex` plays one input alone.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops where what it builds on is not there, and says how much it has played"
)]

use chatproto_tests::fuzz::{Dice, TARGETS, Target, mutate};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Inputs made for each target, on any day and on a long one.
const INPUTS: usize = 8_000;
const INPUTS_LONG: usize = 1_000_000;

/// One input takes milliseconds. This is for one that would never end.
const INPUT_TIME_MAX: Duration = Duration::from_secs(60);

#[test]
fn the_corpus_and_what_is_made_of_it_break_nothing() {
    if let Some((target, input)) = asked_for() {
        return play(target, &input);
    }
    let seed = env::var("CHATPROTO_SEED").map_or(1, |seed| seed.parse().unwrap());
    let is_long = env::var("CHATPROTO_LONG").is_ok_and(|long| long == "1");
    let made = if is_long { INPUTS_LONG } else { INPUTS };

    let (said, watched) = channel();
    let worker = thread::spawn(move || {
        let mut inputs = 0;
        for target in TARGETS {
            inputs += run(target, made, seed, |input| {
                said.send((target.0, input.to_vec())).unwrap();
            });
        }
        inputs
    });
    watch(&watched);
    let inputs = worker.join().unwrap();

    println!(
        "fuzz: {inputs} inputs on {} targets, seed {seed}",
        TARGETS.len()
    );
}

/// Plays the corpus and `made` inputs more; `note` gets each before it is played.
fn run(target: Target, made: usize, seed: u64, note: impl Fn(&[u8])) -> usize {
    let corpus = corpus(target.0);
    assert!(!corpus.is_empty(), "no corpus for {}", target.0);
    for input in &corpus {
        note(input);
        play(target, input);
    }
    let mut dice = Dice::new(seed);
    for _ in 0..made {
        let known = &corpus[dice.below(corpus.len())];
        let other = &corpus[dice.below(corpus.len())];
        let input = mutate(&mut dice, known, other);
        note(&input);
        play(target, &input);
    }
    corpus.len() + made
}

/// Waits until the worker is done; an input that does not end is a failure as well.
fn watch(watched: &Receiver<(&'static str, Vec<u8>)>) {
    let mut last = None;
    loop {
        match watched.recv_timeout(INPUT_TIME_MAX) {
            Ok(input) => last = Some(input),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let (name, input) = last.unwrap();
                panic!("an input that does not end; {}", replay(name, &input));
            }
        }
    }
}

fn play((name, body): Target, input: &[u8]) {
    let played = catch_unwind(|| body(input));
    assert!(
        played.is_ok(),
        "an input that fails; {}",
        replay(name, input)
    );
}

/// How to play one input again.
fn replay(name: &str, input: &[u8]) -> String {
    let hex = input.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    format!(
        "play it again: CHATPROTO_FUZZ={name}:{hex} cargo test -p chatproto-tests --test fuzz -- --nocapture"
    )
}

fn asked_for() -> Option<(Target, Vec<u8>)> {
    let asked = env::var("CHATPROTO_FUZZ").ok()?;
    let (name, hex) = asked.split_once(':').expect("target:hex");
    let target = TARGETS.into_iter().find(|(known, _)| *known == name);
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    let input = (0..hex.len()).step_by(2).map(digits).collect();
    Some((target.expect("a target"), input))
}

/// The kept inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}
