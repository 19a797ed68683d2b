//! Four linked realms full of people who write to each other at random, in virtual time, and a
//! reference model beside them that says what everybody must have read.
//!
//! A seed decides everything that happens, so the one that a failure names plays it again.

mod crowd;
mod dice;
pub mod ledger;
pub mod linkstorm;
mod reading;
pub mod storm;
mod story;
mod town;

use crowd::Crowd;
use ledger::Finding;
use std::fmt;

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// Users of each realm.
    pub users_each: usize,
    /// Private messages.
    pub letters: usize,
    /// Messages to live groups.
    pub group_messages: usize,
    /// Whether links are cut, fall silent and are mended all the time. What is under way in live
    /// groups is lost with its link then; whatever comes still comes once and in order.
    pub cuts: bool,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Realms there were.
    pub realms: usize,
    /// Users of all of them.
    pub users: usize,
    /// Private messages that were taken.
    pub letters: usize,
    /// Messages to groups.
    pub group_messages: usize,
    /// What members of groups read, all together.
    pub heard: usize,
    /// Times that somebody found a group of theirs at two homes, though all realms were linked.
    pub splits: usize,
    /// Times that a link was cut or fell silent.
    pub cuts: usize,
    /// How long it took, in virtual time.
    pub virtual_ms: u64,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Plays it again.
    pub seed: u64,
    /// What is wrong with messages.
    pub findings: Vec<Finding>,
    /// What else is wrong.
    pub strays: Vec<String>,
    /// How the first finding came about.
    pub story: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "simulation failed; play it again with CHATPROTO_SEED={}",
            self.seed
        )?;
        for finding in self.findings.iter().take(8) {
            writeln!(f, "{finding}")?;
        }
        for stray in self.strays.iter().take(8) {
            writeln!(f, "{stray}")?;
        }
        write!(f, "{}", self.story)
    }
}

/// Lets it all happen.
///
/// # Errors
///
/// A promise was broken.
pub fn run(plan: &Plan) -> Result<Report, Failure> {
    let mut crowd = Crowd::new(plan);
    crowd.settle_in();
    while !crowd.is_done() && !crowd.has_failed() {
        crowd.act();
    }
    if !crowd.has_failed() {
        crowd.come_to_rest();
    }
    crowd.finish()
}
