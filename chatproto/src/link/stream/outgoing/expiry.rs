//! What is given up, and goes as a void.

use super::{Expired, Fate, OutStream, Row, RowState, Settled};
use std::collections::VecDeque;

impl OutStream {
    /// The next row that was never sent and has expired, if it is in memory.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Option<Expired> {
        loop {
            let seq = self.first_unsent();
            let at = (seq - self.oldest) as usize;
            let row = self
                .rows
                .get_mut(at)
                .filter(|row| row.expires_ms <= now_ms)?;
            if at >= self.loaded {
                return None;
            }
            self.expired = seq;
            let is_to_send = row.state == RowState::ToSend;
            if let Some(envelope) = row.envelope.clone().filter(|_| is_to_send) {
                row.state = RowState::Voiding;
                let writer = row.writer;
                return Some(Expired {
                    seq,
                    writer,
                    envelope,
                });
            }
        }
    }

    /// When the next row that was never sent expires.
    pub(crate) fn expires_ms(&self) -> Option<u64> {
        let at = self.first_unsent() - self.oldest;
        self.rows.get(at as usize).map(|row| row.expires_ms)
    }

    pub(super) fn first_unsent(&self) -> u64 {
        self.expired.max(self.marked).max(self.oldest - 1) + 1
    }

    /// Notes that it is stored that a row goes as a void. Returns whether there is such a row.
    pub(crate) fn voided(&mut self, seq: u64) -> bool {
        let Some(at) = seq.checked_sub(self.oldest).map(|at| at as usize) else {
            return false;
        };
        let Some(row) = self.rows.get_mut(at) else {
            return false;
        };
        let cost_bytes = u64::from(row.cost_bytes);
        if row.state != RowState::Void {
            row.state = RowState::Void;
            self.bytes -= cost_bytes;
            if row.envelope.take().is_some() && at < self.loaded {
                self.loaded_bytes -= cost_bytes;
            }
        }
        true
    }

    /// Ends the stream. Returns what may have been sent of what the peer has not acknowledged, and
    /// what never was.
    pub(crate) fn end(self) -> (Vec<Settled>, Vec<Settled>) {
        let sent = (self.marked + 1).saturating_sub(self.oldest) as usize;
        let (mut sent_rows, mut rows) = (self.unsettled, self.rows);
        let unsent_rows = rows.split_off(sent.min(rows.len()));
        sent_rows.append(&mut rows);
        let settled = |rows: VecDeque<Row>| {
            let to_send = rows.into_iter().filter(|row| row.state == RowState::ToSend);
            to_send.map(|row| row.settled(Fate::Voided)).collect()
        };
        (settled(sent_rows), settled(unsent_rows))
    }
}
