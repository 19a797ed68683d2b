//! Realms that write to each other while everything goes wrong between them and under them: links
//! that are cut, fall silent one way or both, stall, and are dialled twice; processes that die over
//! torn writes, clocks that jump, stores that are slow, full, broken, replaced, or an old copy; peers
//! that are taken out and put back, and one that says what it likes.
//!
//! A ledger knows which message was accepted when. In the end it must be in the inbox it was for,
//! once and in order, or have bounced once; where a disk was replaced or set back, what was accepted
//! before may be missing, if the realms have said so.

mod acts;
mod audit;
mod climate;
mod folk;
mod hearing;
mod ledger;
mod rest;
mod taps;
mod trace;
mod weather;

use super::Failure;
use super::ledger::Message;
use crate::disk::Flaw;
use folk::Folk;
use trace::Trace;

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStorm {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// Messages between realms that are to be accepted.
    pub letters: usize,
    /// Which rule is broken.
    pub sabotage: Sabotage,
}

/// A rule that is broken, so that the ledger has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// None.
    None,
    /// What is wrong with the stores.
    Store(Flaw),
    /// An ack tells what arrived, whether it is stored or not.
    AcksArrivals,
    /// An ack tells what was sent, whether it arrived or not.
    AcksDepartures,
    /// A resume tells one number: what arrived counts as stored.
    OneNumber,
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkReport {
    /// Messages between realms that were accepted.
    pub letters: usize,
    /// Messages of which the sender does not know.
    pub unanswered: usize,
    /// Messages that came back.
    pub bounced: usize,
    /// Accepted messages that are nowhere, because of a disk that was replaced or set back.
    pub forgotten: usize,
    /// Accepted messages of which nobody will know, since their realm took the peer out.
    pub unknown: usize,
    /// Times that a realm crashed.
    pub crashes: usize,
    /// Disks that were replaced by empty ones.
    pub replaced: usize,
    /// Disks that were set back to a copy.
    pub restored: usize,
    /// Disks that were full, and commits that failed.
    pub disks_failed: usize,
    /// Times that a link was cut, fell silent, stalled, or was broken at one end.
    pub cuts: usize,
    /// Times that a clock jumped.
    pub jumps: usize,
    /// Times that a peer was taken out.
    pub removed: usize,
    /// Whether one of the realms was hostile.
    pub hostile: usize,
    /// How long it took, in virtual time.
    pub virtual_ms: u64,
}

impl std::ops::AddAssign for LinkReport {
    fn add_assign(&mut self, other: Self) {
        self.letters += other.letters;
        self.unanswered += other.unanswered;
        self.bounced += other.bounced;
        self.forgotten += other.forgotten;
        self.unknown += other.unknown;
        self.crashes += other.crashes;
        self.replaced += other.replaced;
        self.restored += other.restored;
        self.disks_failed += other.disks_failed;
        self.cuts += other.cuts;
        self.jumps += other.jumps;
        self.removed += other.removed;
        self.hostile += other.hostile;
        self.virtual_ms += other.virtual_ms;
    }
}

/// Lets it all happen.
///
/// # Errors
///
/// A promise was broken.
pub fn run(storm: &LinkStorm) -> Result<LinkReport, Failure> {
    let mut folk = Folk::new(storm, Trace::default());
    folk.live();
    let suspect = folk.suspect;
    let mut failure = match folk.finish() {
        Ok(report) => return Ok(report),
        Err(failure) => failure,
    };
    // The same once more, with somebody who writes down what becomes of the message.
    let first = failure.findings.first().map(|finding| finding.message);
    let letter = match first {
        Some(Message::Private(number)) => Some(number),
        _ => suspect,
    };
    let mut folk = Folk::new(storm, Trace::of(letter));
    folk.live();
    failure.story = folk.story();
    Err(failure)
}
