//! The receiving end of a stream: a cursor.

use super::{REFUSED_A_FRAME, SEQ_MAX, Violation};
use crate::envelope::Envelope;
use crate::link::frame::{Frame, Resume, StreamKind, View};
use std::collections::VecDeque;
use uuid::Uuid;

/// So many envelopes are acknowledged without waiting for more.
const ENVELOPES_AN_ACK: u64 = 64;

/// What to do with an envelope that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the expected one.
    Deliver,
    /// It was dealt with before.
    Duplicate,
}

/// The receiving end: a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct InStream {
    pub(crate) id: Uuid,
    pub(crate) kind: StreamKind,
    /// Everything up to here is dealt with and stored.
    durable: u64,
    durable_id: Option<Uuid>,
    /// Everything below is dealt with, though perhaps not yet stored.
    next: u64,
    last_id: Option<Uuid>,
    /// The last number whose cursor was given to the store.
    recorded: u64,
    /// An ack is due up to `durable`.
    unacknowledged: bool,
    /// What was held before numbers were skipped that the sender does not have any more. That counts
    /// until something of the stream comes, which shows that the sender has heard of it.
    held: Option<Held>,
    /// How many were skipped.
    skipped: u64,
    /// What was refused, by its number and its bounce's id, until the peer has the bounce.
    refused: VecDeque<(u64, Uuid)>,
    /// Bytes that arrived, over whatever link, and may not be in the store yet.
    unstored_bytes: u64,
    flow: InFlow,
}

/// Where a cursor stood, with the ids there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
struct Held {
    durable: (u64, Option<Uuid>),
    next: (u64, Option<Uuid>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
struct InFlow {
    is_resumed: bool,
    /// Up to here the peer was told on this link what was refused.
    told: u64,
    /// What came over this link, and how much of it is surely in the store.
    bytes: u64,
    bytes_stored: u64,
    /// What came over links before and was not in the store when this one began.
    bytes_before: u64,
    upto_given: u64,
    bytes_given: u64,
}

impl InStream {
    pub(crate) fn new(id: Uuid, kind: StreamKind) -> Self {
        Self {
            id,
            kind,
            durable: 0,
            durable_id: None,
            next: 1,
            last_id: None,
            recorded: 0,
            unacknowledged: false,
            held: None,
            skipped: 0,
            refused: VecDeque::new(),
            unstored_bytes: 0,
            flow: InFlow::default(),
        }
    }

    /// A stream whose cursor was stored.
    pub(crate) fn restored(id: Uuid, kind: StreamKind, durable: u64, durable_id: Uuid) -> Self {
        let durable_id = Some(durable_id).filter(|id| !id.is_nil());
        Self {
            durable,
            durable_id,
            next: durable + 1,
            last_id: durable_id,
            recorded: durable,
            ..Self::new(id, kind)
        }
    }

    /// Moves a cursor on that was stored before the realm's start.
    pub(crate) fn restore_cursor(&mut self, durable: u64, id: Uuid) {
        if durable > self.durable {
            let refused = std::mem::take(&mut self.refused);
            *self = Self::restored(self.id, self.kind, durable, id);
            self.refused = refused;
        }
    }

    /// Notes a refusal of before the realm's start.
    pub(crate) fn restore_refused(&mut self, seq: u64, id: Uuid) {
        if self.refused.iter().all(|(known, _)| *known != seq) {
            self.refused.push_back((seq, id));
        }
    }

    /// Forgets a refusal of before the realm's start that the peer had been told of.
    pub(crate) fn restore_told(&mut self, seq: u64) {
        self.refused.retain(|(known, _)| *known != seq);
    }

    /// Whether anything of it ever came.
    pub(crate) fn has_begun(&self) -> bool {
        self.next > 1
    }

    /// The link is gone.
    pub(crate) fn link_down(&mut self) {
        self.flow = InFlow::default();
    }

    /// Takes the sender's word of what it holds. Returns the answer, and how many envelopes are
    /// missing because this side forgot that it had acknowledged them, if that is news.
    pub(crate) fn resume(&mut self, oldest: u64, last: u64) -> Result<(Frame, u64), Violation> {
        if self.flow.is_resumed {
            return Err(Violation("a stream was resumed twice on one link"));
        }
        if last > SEQ_MAX || oldest == 0 || oldest > last + 1 {
            return Err(Violation("a resume with numbers that cannot be"));
        }
        if let Some(held) = self.held.take() {
            (self.durable, self.durable_id) = held.durable;
            (self.next, self.last_id) = held.next;
        }
        let told = View::Receiver {
            durable: self.durable,
            next: self.next.max(self.durable + 1),
            durable_id: self.durable_id,
            last_id: self.last_id,
        };
        let missing = oldest.saturating_sub(self.next);
        let is_new = std::mem::replace(&mut self.skipped, missing) != missing;
        if missing > 0 {
            self.held = Some(Held {
                durable: (self.durable, self.durable_id),
                next: (self.next, self.last_id),
            });
            self.durable = oldest - 1;
            self.next = oldest;
            (self.durable_id, self.last_id) = (None, None);
        }
        self.flow.is_resumed = true;
        self.flow.bytes_before = self.unstored_bytes;
        // An ack follows in any case: a resume does not say what was refused.
        self.unacknowledged = self.durable > 0 && self.held.is_none();
        let missing = if is_new { missing } else { 0 };
        Ok((
            Frame::Resume(Resume {
                stream: self.id,
                kind: self.kind,
                view: told,
            }),
            missing,
        ))
    }

    /// Decides about the envelope of a number and moves the cursor past it.
    pub(crate) fn arrived(&mut self, seq: u64, envelope: &Envelope) -> Result<Arrival, Violation> {
        if !self.flow.is_resumed {
            return Err(Violation("an envelope before its stream was resumed"));
        }
        if seq > self.flow.upto_given || self.flow.bytes >= self.flow.bytes_given {
            return Err(Violation("an envelope beyond the credit given"));
        }
        self.flow.bytes += envelope.cost_bytes();
        self.unstored_bytes += envelope.cost_bytes();
        self.pass(seq, envelope.id)
    }

    /// Moves the cursor past a number that will never come.
    pub(crate) fn voided(&mut self, seq: u64, id: Uuid) -> Result<Arrival, Violation> {
        if !self.flow.is_resumed {
            return Err(Violation("a void before its stream was resumed"));
        }
        // Each may cost a cursor, so they wait for a slow store as envelopes do.
        if seq == self.next && seq > self.flow.upto_given {
            return Err(Violation("a void beyond the credit given"));
        }
        self.pass(seq, id)
    }

    fn pass(&mut self, seq: u64, id: Uuid) -> Result<Arrival, Violation> {
        if seq > self.next {
            return Err(Violation("an envelope is missing in between"));
        }
        if seq < self.next {
            return Ok(Arrival::Duplicate);
        }
        if seq > SEQ_MAX {
            return Err(Violation("a stream has no more numbers"));
        }
        (self.held, self.skipped) = (None, 0);
        self.next += 1;
        self.last_id = Some(id);
        Ok(Arrival::Deliver)
    }

    /// Notes that the envelope last arrived was refused, and the id of its bounce. Returns the
    /// envelope's number.
    pub(crate) fn refused(&mut self, bounce: Uuid) -> u64 {
        let (seq, _) = self.position();
        self.refused.push_back((seq, bounce));
        seq
    }

    /// Notes that the peer has the bounce of that id, and returns the number of the envelope that it
    /// answers, if that came in this stream. Bounces go out in the order of refusal; one envelope may
    /// have two, if it came in the stream before this one too.
    pub(crate) fn bounced(&mut self, id: Uuid) -> Option<u64> {
        let first = self.refused.front().filter(|(_, first)| *first == id)?.0;
        self.refused.pop_front();
        Some(first)
    }

    /// The cursor to give to the store: a number and the id there, if it has moved since.
    pub(crate) fn record(&mut self) -> Option<(u64, Uuid)> {
        let (durable, id) = self.position();
        let is_new = durable > self.recorded && self.held.is_none();
        is_new.then(|| {
            self.recorded = durable;
            (durable, id)
        })
    }

    /// The last number dealt with and the id there.
    fn position(&self) -> (u64, Uuid) {
        (self.next - 1, self.last_id.unwrap_or_default())
    }

    /// Notes that the cursor is in the store up to a number.
    pub(crate) fn stored(&mut self, durable: u64, id: Uuid) {
        // An ack that runs ahead of what was dealt with would lose mail at the sender. A commit may
        // still be under way for a stream that the peer has announced anew since.
        if durable >= self.next {
            return;
        }
        if durable > self.durable {
            self.durable = durable;
            self.durable_id = Some(id);
            self.unacknowledged = true;
            if durable + 1 == self.next {
                self.flow.bytes_stored = self.flow.bytes;
                self.flow.bytes_before = 0;
                self.unstored_bytes = 0;
            }
        }
    }

    /// Whether an ack is due. It may wait for more that is stored, so that one tells of many.
    pub(crate) fn is_ack_due(&self) -> bool {
        self.flow.is_resumed && self.unacknowledged
    }

    /// Whether the ack that is due should not wait: it is the first on the link, or tells of many,
    /// or of a refusal, whose bounce must not come first.
    pub(crate) fn is_ack_urgent(&self) -> bool {
        let told = self.flow.told;
        let tells_refusal = |(seq, _): &(u64, _)| (told + 1..=self.durable).contains(seq);
        told == 0
            || self.durable >= told + ENVELOPES_AN_ACK
            || self.refused.iter().any(tells_refusal)
    }

    /// The acks that are due: several where one could not tell all refusals.
    pub(crate) fn acks(&mut self) -> Vec<Frame> {
        if !self.is_ack_due() {
            return Vec::new();
        }
        self.unacknowledged = false;
        let told = std::mem::replace(&mut self.flow.told, self.durable);
        let fresh = self.refused.iter().map(|(seq, _)| *seq);
        let fresh: Vec<u64> = fresh
            .filter(|seq| (told + 1..=self.durable).contains(seq))
            .collect();
        let ack = |durable: u64, refused: &[u64]| Frame::Ack {
            stream: self.id,
            durable,
            refused: refused.to_vec(),
        };
        let mut chunks: Vec<_> = fresh.chunks(REFUSED_A_FRAME).collect();
        let last = chunks.pop().unwrap_or_default();
        // All but the last go as far as what they tell.
        let before = chunks
            .into_iter()
            .map(|chunk| ack(chunk.last().copied().unwrap_or_default(), chunk));
        let mut acks: Vec<_> = before.collect();
        acks.push(ack(self.durable, last));
        acks
    }

    /// More credit, once half of what was given is used up. It counts from what is stored, so
    /// that a slow store slows the sender down.
    pub(crate) fn credit(&mut self, envelopes_max: u64, bytes_max: u64) -> Option<Frame> {
        let flow = &mut self.flow;
        let upto = (self.durable + envelopes_max).max(flow.upto_given);
        let bytes_free = bytes_max.saturating_sub(flow.bytes_before);
        let bytes = (flow.bytes_stored + bytes_free).max(flow.bytes_given);
        let is_low = upto - flow.upto_given >= envelopes_max.div_ceil(2)
            || bytes - flow.bytes_given >= bytes_max.div_ceil(2);
        if !flow.is_resumed || !is_low {
            return None;
        }
        flow.upto_given = upto;
        flow.bytes_given = bytes;
        Some(Frame::Credit {
            stream: self.id,
            upto,
            bytes,
        })
    }
}
