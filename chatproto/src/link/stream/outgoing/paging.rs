//! What of a queue is in the store alone, and is read when its turn comes near.

use super::{OutStream, RowState};
use crate::envelope::Envelope;
use std::sync::Arc;

/// What is read of a store only to be given up, in bytes: it stays for a moment.
const EXPIRED_BYTES_MAX: u64 = 262_144;

impl OutStream {
    /// Which rows to read next, and how many bytes of them, if any are to be.
    pub(crate) fn wanted(&mut self, memory_bytes_max: u64, now_ms: u64) -> Option<(u64, u64, u64)> {
        let seq = self.oldest + self.loaded as u64;
        // What may have been sent can be in the store alone after a restart, and comes first.
        let is_expired = self.expires_ms().is_some_and(|at_ms| at_ms <= now_ms);
        let bytes_max = if self.flow.is_resumed && self.loaded_bytes <= memory_bytes_max / 2 {
            memory_bytes_max - self.loaded_bytes
        } else if is_expired && self.first_unsent() >= seq {
            EXPIRED_BYTES_MAX
        } else {
            return None;
        };
        if self.is_fetching || seq > self.stored {
            return None;
        }
        self.is_fetching = true;
        Some((seq, self.stored, bytes_max))
    }

    /// Takes a row that was read. Returns whether it is what was stored.
    pub(crate) fn fetched(&mut self, seq: u64, envelope: Arc<Envelope>) -> bool {
        let at = seq.checked_sub(self.oldest).map(|at| at as usize);
        if at.is_none_or(|at| at < self.loaded) {
            // It was acknowledged meanwhile.
            return true;
        }
        let row = at
            .filter(|at| *at == self.loaded)
            .and_then(|at| self.rows.get_mut(at));
        let Some(row) = row.filter(|row| row.id == envelope.id) else {
            return false;
        };
        self.loaded += 1;
        if row.state != RowState::Void {
            row.envelope = Some(envelope);
            self.loaded_bytes += u64::from(row.cost_bytes);
        }
        true
    }

    /// Notes that nothing is being read any more.
    pub(crate) fn fetch_ended(&mut self) {
        self.is_fetching = false;
    }
}
