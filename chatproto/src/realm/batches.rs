//! Persist before you promise: records are numbered in batches, and what depends on one waits.

use crate::error::Misuse;
use crate::record::{Batch, Record, StoreFailure};
use std::sync::Arc;

/// What a record counts for beside its texts.
const RECORD_BYTES: u64 = 96;

/// The records that are not in the store yet.
#[derive(Debug, Default)]
pub(super) struct Batches {
    is_durable: bool,
    pending: Vec<Record>,
    pending_bytes: u64,
    under_way: Option<Batch>,
    under_way_bytes: u64,
    /// The number of the batch that `pending` will be.
    next: u64,
    is_offered: bool,
    is_full: bool,
    /// When the batch that found no room is offered again.
    retry_at_ms: Option<u64>,
    bytes_max: u64,
}

impl Batches {
    pub(super) fn new(is_durable: bool, bytes_max: u64) -> Self {
        Self {
            is_durable,
            next: 1,
            bytes_max,
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

    /// Whether so much waits for the store that nothing should be added now.
    pub(super) fn is_crowded(&self) -> bool {
        self.pending_bytes + self.under_way_bytes > self.bytes_max
    }

    /// Adds a record; without a store it is not even made.
    pub(super) fn push(&mut self, record: impl FnOnce() -> Record) {
        if self.is_durable {
            let record = record();
            self.pending_bytes += cost_bytes(&record);
            self.pending.push(record);
        }
    }

    /// The batch after which all that happened so far is in the store; none when it is already.
    pub(super) fn last(&self) -> Option<u64> {
        if !self.pending.is_empty() {
            return Some(self.next);
        }
        self.under_way.as_ref().map(|batch| batch.number)
    }

    /// The number of the batch that the next record will be part of.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The last batch that is in the store.
    pub(super) fn committed_upto(&self) -> u64 {
        let under_way = self.under_way.as_ref().map(|batch| batch.number);
        under_way.unwrap_or(self.next) - 1
    }

    /// The next batch to commit. One is under way at a time; one that found no room is offered again
    /// after a pause.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.is_offered || self.retry_at_ms.is_some() {
            return None;
        }
        if self.under_way.is_none() && !self.pending.is_empty() {
            // The next batch will be about as big.
            let room = Vec::with_capacity(self.pending.len());
            let records = std::mem::replace(&mut self.pending, room);
            self.under_way_bytes = std::mem::take(&mut self.pending_bytes);
            self.under_way = Some(Batch {
                number: self.next,
                records: Arc::new(records),
            });
            self.next += 1;
        }
        self.is_offered = self.under_way.is_some();
        self.under_way.clone()
    }

    pub(super) fn committed(&mut self, number: u64) -> Result<(), Misuse> {
        self.check(number)?;
        self.under_way = None;
        self.under_way_bytes = 0;
        self.is_offered = false;
        self.is_full = false;
        Ok(())
    }

    pub(super) fn failed(
        &mut self,
        number: u64,
        failure: StoreFailure,
        retry_at_ms: u64,
    ) -> Result<(), Misuse> {
        self.check(number)?;
        self.is_offered = false;
        self.is_full = failure == StoreFailure::Full;
        self.retry_at_ms = self.is_full.then_some(retry_at_ms);
        Ok(())
    }

    /// Notes that the pause after which a full store is tried again is over.
    pub(super) fn retry(&mut self) {
        self.retry_at_ms = None;
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

fn cost_bytes(record: &Record) -> u64 {
    let text = match record {
        Record::Delivered { text, .. } => text.len(),
        Record::Queued { envelope, .. } => envelope.text.len(),
        _ => 0,
    };
    RECORD_BYTES + text as u64
}
