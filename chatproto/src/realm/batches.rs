//! Persist before you promise: records are numbered in batches, and what depends on one waits.

use crate::error::Misuse;
use crate::record::{Batch, Record, StoreFailure};

/// The records that are not in the store yet.
#[derive(Debug, Default)]
pub(super) struct Batches {
    is_durable: bool,
    pending: Vec<Record>,
    under_way: Option<Batch>,
    /// The number of the batch that `pending` will be.
    next: u64,
    is_offered: bool,
    is_full: bool,
}

impl Batches {
    pub(super) fn new(is_durable: bool) -> Self {
        Self {
            is_durable,
            next: 1,
            ..Self::default()
        }
    }

    pub(super) fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Whether the store had no room for the last batch.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds a record; without a store it is not even made.
    pub(super) fn push(&mut self, record: impl FnOnce() -> Record) {
        if self.is_durable {
            self.pending.push(record());
        }
    }

    /// The batch after which all that happened so far is in the store; none when it is already.
    pub(super) fn last(&self) -> Option<u64> {
        if !self.pending.is_empty() {
            return Some(self.next);
        }
        self.under_way.as_ref().map(|batch| batch.number)
    }

    /// The next batch to commit. One is under way at a time; one that found no room is offered again.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.is_offered {
            return None;
        }
        if self.under_way.is_none() && !self.pending.is_empty() {
            let records = std::mem::take(&mut self.pending);
            self.under_way = Some(Batch {
                number: self.next,
                records,
            });
            self.next += 1;
        }
        self.is_offered = self.under_way.is_some();
        self.under_way.clone()
    }

    pub(super) fn committed(&mut self, number: u64) -> Result<(), Misuse> {
        self.check(number)?;
        self.under_way = None;
        self.is_offered = false;
        self.is_full = false;
        Ok(())
    }

    pub(super) fn failed(&mut self, number: u64, failure: StoreFailure) -> Result<(), Misuse> {
        self.check(number)?;
        self.is_offered = false;
        self.is_full = failure == StoreFailure::Full;
        Ok(())
    }

    fn check(&self, number: u64) -> Result<(), Misuse> {
        let is_known = self.is_offered
            && self
                .under_way
                .as_ref()
                .is_some_and(|batch| batch.number == number);
        is_known.then_some(()).ok_or(Misuse::WrongBatch)
    }
}
