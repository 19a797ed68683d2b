//! Four realms whose processes die at any moment, whose disks lose what was not synced, fill up and
//! fail, and whose links break; and people who write to each other all the same.
//!
//! In the end all realms crash once more, and everybody's history is compared with what each client
//! was promised and shown.

mod acts;
mod folk;
mod hearing;
pub mod post;
mod rest;
mod weather;

use super::Failure;
use crate::disk::{Flaw, Survival};
use crate::world::RealmIndex;
use folk::Folk;
use std::ops::Range;

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storm {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// The numbers of each realm's users. Those below 20 share their names with others: all or none
    /// of them.
    pub users: Range<usize>,
    /// Messages.
    pub letters: usize,
    /// What happens to the realms.
    pub weather: Weather,
    /// What is wrong with the stores.
    pub flaw: Flaw,
    /// Whether what each restart finds on its disk is compared with what was written.
    pub compares: bool,
}

/// What happens to the realms, beside that all of them crash in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything, all the time.
    Wild,
    /// Nothing.
    Calm,
    /// One realm crashes once, at this step of it, and this is left of what its disk had not synced.
    Strike(RealmIndex, u64, Survival),
}

/// What has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StormReport {
    /// Users of all realms.
    pub users: usize,
    /// Messages whose sender read OK.
    pub taken: usize,
    /// Messages of which the sender does not know.
    pub unknown: usize,
    /// Messages that were sent once more under the same key.
    pub retried: usize,
    /// Messages that came back to their sender.
    pub bounced: usize,
    /// Replies to `inbox` that were lost.
    pub inboxes_lost: usize,
    /// Times that a realm crashed.
    pub crashes: usize,
    /// Restarts that found a batch which nobody had been promised.
    pub unpromised: usize,
    /// Times that a disk was full, and that one failed.
    pub full: usize,
    /// Commits that failed.
    pub failed: usize,
    /// Times that a link was cut or fell silent.
    pub cuts: usize,
    /// How long it took, in virtual time.
    pub virtual_ms: u64,
    /// Each step of each realm, up to the end, as how many sectors were on their way to its disk.
    pub steps: Vec<Vec<usize>>,
}

/// Lets it all happen.
///
/// # Errors
///
/// A promise was broken.
pub fn run(storm: &Storm) -> Result<StormReport, Failure> {
    let mut folk = Folk::new(storm);
    while !folk.is_done() && !folk.has_failed() {
        folk.act();
    }
    folk.come_to_rest();
    folk.finish()
}
