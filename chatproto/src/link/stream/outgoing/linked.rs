//! What a stream says and hears on a link.

use super::{Expired, Fate, Flow, Next, OutStream, Resumed, Row, RowState, Settled};
use crate::link::frame::{Frame, Resume, View};
use crate::link::stream::Violation;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

impl OutStream {
    /// The link is gone: nothing flows until the next resume.
    pub(crate) fn link_down(&mut self) {
        self.flow = Flow::default();
    }

    /// What the sender says when a link comes up.
    pub(crate) fn resume(&self) -> Frame {
        let view = View::Sender {
            oldest: self.oldest,
            last: self.last(),
        };
        Frame::Resume(Resume {
            stream: self.id,
            kind: self.kind,
            view,
        })
    }

    /// Takes the receiver's word of where it stands, lets go of what it has stored and goes on
    /// from what it expects.
    pub(crate) fn resumed(
        &mut self,
        durable: (u64, Option<Uuid>),
        last: (u64, Option<Uuid>),
    ) -> Result<Resumed, Violation> {
        if self.flow.is_resumed {
            return Err(Violation("a stream was resumed twice on one link"));
        }
        let ((durable, durable_id), (last, last_id)) = (durable, last);
        if last < durable {
            return Err(Violation("a resume holds more than it has had"));
        }
        if last > self.last() || !self.knows(durable, durable_id) || !self.knows(last, last_id) {
            return Ok(Resumed::Older);
        }
        let forgotten = (self.oldest - 1).saturating_sub(durable);
        // The receiver says it on each link until something comes.
        let is_new = std::mem::replace(&mut self.forgotten, forgotten) != forgotten;
        while let Some((_, dealt_with)) = self.prune(durable) {
            self.unsettled.push_back(dealt_with);
        }
        self.flow = Flow {
            is_resumed: true,
            next: (last + 1).max(self.oldest),
            ..Flow::default()
        };
        Ok(if forgotten > 0 && is_new {
            Resumed::Truncated(forgotten)
        } else {
            Resumed::Agreed
        })
    }

    /// Whether the row of a number has that id, as far as is remembered.
    fn knows(&self, seq: u64, id: Option<Uuid>) -> bool {
        let known = if seq + 1 == self.oldest {
            self.pruned_id
        } else {
            let at = seq.checked_sub(self.oldest);
            at.and_then(|at| self.rows.get(at as usize))
                .map(|row| row.id)
        };
        known.zip(id).is_none_or(|(known, id)| known == id)
    }

    /// Goes on as another stream: what is held is counted from 1, and the peer is to be told anew.
    /// All of it may have been sent. Returns the last number that was settled before.
    pub(crate) fn renumber(&mut self, id: Uuid) -> u64 {
        let settled = self.oldest - 1 - self.unsettled.len() as u64;
        let again = std::mem::take(&mut self.unsettled);
        let mut rows = std::mem::take(&mut self.rows);
        for row in again.into_iter().rev() {
            rows.push_front(row);
        }
        *self = Self::new(id, self.kind);
        for mut row in rows {
            if row.state == RowState::Voiding {
                // That its writer was told is stored before the new numbers are.
                (row.state, row.envelope) = (RowState::Void, None);
            }
            self.bytes += row.bytes();
            if self.loaded == self.rows.len() && row.is_loaded() {
                self.loaded += 1;
                self.loaded_bytes += row.envelope.as_ref().map_or(0, |it| it.cost_bytes());
            } else {
                // Behind a row in the store alone it is read again, and counted then.
                row.envelope = None;
            }
            self.rows.push_back(row);
        }
        // Until the store has the new numbers, nothing is sent or read by them.
        self.marked = self.last();
        settled
    }

    /// Takes credit. Both numbers are absolute, so a repeated or late frame does no harm.
    pub(crate) fn credit(&mut self, upto: u64, bytes: u64) {
        self.flow.upto = self.flow.upto.max(upto);
        self.flow.bytes_upto = self.flow.bytes_upto.max(bytes);
    }

    /// The next envelope to send, if there is one and credit for it. One that does not fit the
    /// peer's lines becomes a void, or it would be in the way of all others for ever.
    pub(crate) fn next(&mut self, line_bytes_max: u64) -> Option<Next> {
        let flow = &mut self.flow;
        // The last envelope may overshoot the bytes: else one bigger than the credit would wait
        // for ever.
        if !flow.is_resumed
            || flow.next > flow.upto
            || flow.bytes >= flow.bytes_upto
            || flow.next > self.stored.min(self.marked_stored)
        {
            return None;
        }
        let (stream, seq) = (self.id, flow.next);
        let row = self.rows.get_mut(seq.checked_sub(self.oldest)? as usize)?;
        if row.state == RowState::Void {
            flow.next += 1;
            let id = row.id;
            return Some(Next::Frame(Frame::Void { stream, seq, id }));
        }
        let envelope = Arc::clone(row.envelope.as_ref()?);
        if row.state == RowState::Voiding {
            return None;
        }
        if envelope.line_bytes_max() > line_bytes_max {
            row.state = RowState::Voiding;
            return Some(Next::TooLong(Expired {
                seq,
                writer: row.writer,
                envelope,
            }));
        }
        flow.next += 1;
        flow.bytes += envelope.cost_bytes();
        Some(Next::Frame(Frame::Env {
            stream,
            seq,
            envelope,
        }))
    }

    /// Whether something was sent on this link and is not acknowledged.
    pub(crate) fn is_awaiting_ack(&self) -> bool {
        self.flow.is_resumed && self.flow.next > self.oldest
    }

    /// Takes the peer's word that everything up to a number is dealt with and stored, except for
    /// what it refused. Returns what that settles.
    pub(crate) fn acknowledged(
        &mut self,
        durable: u64,
        refused: &[u64],
    ) -> Result<Vec<Settled>, Violation> {
        if !self.flow.is_resumed || durable >= self.flow.next {
            return Err(Violation("an ack for envelopes that were never sent"));
        }
        let refused: BTreeSet<u64> = refused.iter().copied().collect();
        let mut settled = Vec::new();
        while let Some((seq, row)) = self.unsettled_upto(durable).or_else(|| self.prune(durable)) {
            // Of an older copy a row may be given up that had been sent; its writer is told once.
            let fate = if row.state != RowState::ToSend {
                Fate::Voided
            } else if refused.contains(&seq) {
                Fate::Refused
            } else {
                Fate::Kept
            };
            settled.push(row.settled(fate));
        }
        Ok(settled)
    }

    fn unsettled_upto(&mut self, durable: u64) -> Option<(u64, Row)> {
        let seq = self.oldest - self.unsettled.len() as u64;
        if seq > durable {
            return None;
        }
        self.unsettled.pop_front().map(|row| (seq, row))
    }

    pub(super) fn prune(&mut self, durable: u64) -> Option<(u64, Row)> {
        if self.oldest > durable {
            return None;
        }
        let row = self.rows.pop_front()?;
        self.bytes -= row.bytes();
        self.loaded = self.loaded.saturating_sub(1);
        self.loaded_bytes -= row.envelope.as_ref().map_or(0, |it| it.cost_bytes());
        self.pruned_id = Some(row.id);
        let seq = self.oldest;
        self.oldest += 1;
        Some((seq, row))
    }
}
