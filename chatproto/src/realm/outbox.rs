//! What one connection is still to be sent, and what of it has to wait.

use crate::error::Misuse;
use std::collections::VecDeque;

/// Buffers up to this size are used again; bigger ones are rare and given back.
const POOLED_BYTES_MAX: usize = 16_384;
/// What most replies have room in, so that a new buffer need not grow step by step.
const FRESH_BYTES: usize = 128;
/// Buffers kept for use again.
const POOLED_MAX: usize = 256;
/// What was sent is cut off the front of a buffer once it is as much as this.
const COMPACTED_BYTES_MIN: usize = 65_536;

/// Output that waits from an offset on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// For a batch to be in the store.
    Batch(u64),
    /// For what was sent before to be read by itself.
    Gap,
}

/// Buffers that connections share, since few of them have something to send at a time.
#[derive(Default)]
pub(super) struct Pool {
    buffers: Vec<Vec<u8>>,
}

impl Pool {
    fn take(&mut self) -> Vec<u8> {
        let fresh = || Vec::with_capacity(FRESH_BYTES);
        self.buffers.pop().unwrap_or_else(fresh)
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= POOLED_BYTES_MAX && self.buffers.len() < POOLED_MAX {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }
}

/// One connection's output.
#[derive(Clone, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// Up to here it may be sent.
    released: usize,
    gates: VecDeque<(usize, Gate)>,
    is_send_queued: bool,
    sent_ms: u64,
}

impl Outbox {
    /// Lets `write` append. What is written waits for the batch, if one is given, and for all that
    /// was written before. Returns whether it is the first to wait for that batch.
    pub(super) fn write(
        &mut self,
        batch: Option<u64>,
        pool: &mut Pool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        let gate = batch.map(Gate::Batch);
        let is_new = gate.is_some() && self.gates.back().map(|(_, last)| *last) != gate;
        if let Some(gate) = gate.filter(|_| is_new) {
            self.gates.push_back((self.bytes.len(), gate));
        }
        write(&mut self.bytes);
        if self.gates.is_empty() {
            self.released = self.bytes.len();
        }
        is_new
    }

    /// What follows waits until what was written before has been read by itself.
    pub(super) fn gap(&mut self) {
        self.gates.push_back((self.bytes.len(), Gate::Gap));
    }

    /// Opens the gates whose time has come. Returns when the next gap ends, if one has begun.
    pub(super) fn settle(&mut self, committed: u64, gap_ms: u64, now_ms: u64) -> Option<u64> {
        while let Some((at, gate)) = self.gates.front().copied() {
            self.released = at;
            match gate {
                Gate::Batch(batch) if batch > committed => return None,
                Gate::Gap if self.sent < at => return None,
                Gate::Gap if now_ms < self.sent_ms.saturating_add(gap_ms) => {
                    return Some(self.sent_ms.saturating_add(gap_ms));
                }
                Gate::Batch(_) | Gate::Gap => {}
            }
            self.gates.pop_front();
        }
        self.released = self.bytes.len();
        None
    }

    /// Whether sending has to be asked for: there is something, and it was not asked for yet.
    pub(super) fn begins_to_send(&mut self) -> bool {
        self.released > self.sent && !std::mem::replace(&mut self.is_send_queued, true)
    }

    pub(super) fn outgoing(&self) -> &[u8] {
        self.bytes.get(self.sent..self.released).unwrap_or_default()
    }

    pub(super) fn sent(&mut self, n: usize, now_ms: u64, pool: &mut Pool) -> Result<(), Misuse> {
        if n > self.released - self.sent {
            return Err(Misuse::SentTooMuch);
        }
        self.sent += n;
        self.sent_ms = now_ms;
        if self.sent == self.released {
            self.is_send_queued = false;
        }
        if self.sent == self.bytes.len() && self.gates.is_empty() {
            self.clear(pool);
        } else if self.sent >= COMPACTED_BYTES_MIN && self.sent * 2 >= self.bytes.len() {
            self.compact();
        }
        Ok(())
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        self.gates.clear();
        pool.give_back(std::mem::take(&mut self.bytes));
        (self.sent, self.released) = (0, 0);
    }

    /// Throws away what waits for the store, and what comes after it. Gaps before that stay.
    pub(super) fn drop_held(&mut self) {
        let is_batch = |(_, gate): &(usize, Gate)| matches!(gate, Gate::Batch(_));
        if let Some(first) = self.gates.iter().position(is_batch) {
            let from = self.gates.get(first).map_or(0, |(at, _)| *at);
            self.gates.truncate(first);
            self.bytes.truncate(from);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes that were not taken yet, held back or not.
    pub(super) fn backlog(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_held(&self) -> bool {
        !self.gates.is_empty()
    }

    /// Whether all that could be sent is, and the rest waits for the store.
    pub(super) fn waits_for_store(&self) -> bool {
        let front = self.gates.front();
        front.is_some_and(|(at, gate)| *at == self.sent && *gate != Gate::Gap)
    }

    pub(super) fn sent_ms(&self) -> u64 {
        self.sent_ms
    }

    fn compact(&mut self) {
        let sent = std::mem::take(&mut self.sent);
        self.bytes.drain(..sent);
        self.released -= sent;
        for (at, _) in &mut self.gates {
            *at -= sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(outbox: &mut Outbox, batch: Option<u64>, text: &str) -> bool {
        outbox.write(batch, &mut Pool::default(), |out| {
            out.extend_from_slice(text.as_bytes());
        })
    }

    #[test]
    fn what_waits_for_a_batch_holds_back_what_comes_after_it() {
        let mut outbox = Outbox::default();
        write(&mut outbox, None, "a");
        assert!(write(&mut outbox, Some(7), "b"));
        assert!(!write(&mut outbox, Some(7), "c"));
        write(&mut outbox, None, "d");
        assert_eq!(outbox.outgoing(), b"a");

        assert_eq!(outbox.settle(6, 0, 0), None);
        assert_eq!(outbox.outgoing(), b"a");
        assert_eq!(outbox.settle(7, 0, 0), None);
        assert_eq!(outbox.outgoing(), b"abcd");
    }

    #[test]
    fn a_gap_lies_on_both_sides_of_what_is_to_be_read_by_itself() {
        let (mut outbox, mut pool) = (Outbox::default(), Pool::default());
        write(&mut outbox, None, "before");
        outbox.gap();
        write(&mut outbox, None, "exit");
        outbox.gap();
        write(&mut outbox, None, "after");
        outbox.settle(0, 200, 1_000);
        assert_eq!(outbox.outgoing(), b"before");

        outbox.sent(6, 1_000, &mut pool).unwrap();
        assert_eq!(outbox.settle(0, 200, 1_000), Some(1_200));
        assert_eq!(outbox.outgoing(), b"");
        assert_eq!(outbox.settle(0, 200, 1_200), None);
        assert_eq!(outbox.outgoing(), b"exit");

        outbox.sent(4, 1_200, &mut pool).unwrap();
        assert_eq!(outbox.settle(0, 200, 1_399), Some(1_400));
        assert_eq!(outbox.settle(0, 200, 1_400), None);
        assert_eq!(outbox.outgoing(), b"after");
    }

    #[test]
    fn sending_in_parts_sends_everything_once() {
        let (mut outbox, mut pool) = (Outbox::default(), Pool::default());
        let text = "0123456789".repeat(20_000);
        write(&mut outbox, None, &text);
        let mut sent = Vec::new();
        while outbox.backlog() > 0 {
            let part = outbox.outgoing();
            let n = part.len().min(7_001);
            sent.extend_from_slice(&part[..n]);
            outbox.sent(n, 0, &mut pool).unwrap();
        }

        assert_eq!(sent, text.as_bytes());
        assert_eq!(outbox.sent(1, 0, &mut pool), Err(Misuse::SentTooMuch));
    }
}
