//! A stream between two realms: a log at the sender, a cursor at the receiver.
//!
//! Neither half knows a clock, a socket or the other stream; both can be copied and compared, so
//! that a model checker can drive them.

use super::frame::{Frame, Resume, StreamKind, View};
use crate::envelope::Envelope;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// A peer did what the protocol rules out; its link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// No stream gets to a number that JSON could not carry.
const SEQ_MAX: u64 = 1 << 53;

/// Refusals that one ack tells, so that it fits any link's line.
const REFUSED_A_FRAME: usize = 128;

/// An envelope in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    envelope: Arc<Envelope>,
    state: RowState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowState {
    ToSend,
    /// It does not fit what the peer reads, and its sender is being told: nothing goes on before
    /// that is stored.
    Voiding,
    /// It goes as a void.
    Void,
}

/// What became of an envelope that the peer has dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) fate: Fate,
}

/// How the peer dealt with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It keeps it.
    Kept,
    /// It refused it; a bounce will tell why.
    Refused,
    /// It was never sent.
    Voided,
}

/// The next of a stream to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Frame(Frame),
    /// The envelope of this number turned out not to fit: its sender is to be told, and then
    /// [`OutStream::voided`] called.
    TooLong(u64, Arc<Envelope>),
}

/// What a receiver's resume told the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// Both agree.
    Agreed,
    /// The receiver has forgotten this many envelopes that it had acknowledged.
    Truncated(u64),
}

/// The sending end: what the peer has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutStream {
    pub(crate) id: Uuid,
    pub(crate) kind: StreamKind,
    rows: VecDeque<Row>,
    /// Rows that a resume showed to be dealt with, by number: the next ack says which were refused.
    unsettled: VecDeque<(u64, Row)>,
    /// The number of the first row.
    oldest: u64,
    /// The last number whose row is in the store; only these are sent.
    stored: u64,
    /// Bytes of all rows, as `Envelope::cost_bytes` counts them.
    bytes: u64,
    flow: Flow,
}

/// How far the present link may send. Gone with the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flow {
    /// The receiver said where it stands.
    is_resumed: bool,
    next: u64,
    upto: u64,
    bytes: u64,
    bytes_upto: u64,
}

impl OutStream {
    pub(crate) fn new(id: Uuid, kind: StreamKind) -> Self {
        Self {
            id,
            kind,
            rows: VecDeque::new(),
            unsettled: VecDeque::new(),
            oldest: 1,
            stored: 0,
            bytes: 0,
            flow: Flow::default(),
        }
    }

    /// A stream of which the peer has acknowledged everything up to a number; its rows follow.
    pub(crate) fn restored(id: Uuid, kind: StreamKind, acknowledged: u64) -> Self {
        Self {
            oldest: acknowledged + 1,
            stored: acknowledged,
            ..Self::new(id, kind)
        }
    }

    /// Adds a row and returns its number. It is not sent before [`OutStream::stored`].
    pub(crate) fn append(&mut self, envelope: Arc<Envelope>) -> u64 {
        self.bytes += envelope.cost_bytes();
        self.rows.push_back(Row {
            envelope,
            state: RowState::ToSend,
        });
        self.last()
    }

    /// What the peer has not acknowledged and is not given up.
    pub(crate) fn envelopes_to_send(&self) -> impl Iterator<Item = &Arc<Envelope>> {
        let rows = self.unsettled.iter().map(|(_, row)| row).chain(&self.rows);
        rows.filter(|row| row.state == RowState::ToSend)
            .map(|row| &row.envelope)
    }

    /// Notes that it is stored that a row goes as a void. Returns whether there is such a row.
    pub(crate) fn voided(&mut self, seq: u64) -> bool {
        let at = seq.checked_sub(self.oldest);
        let row = at.and_then(|at| self.rows.get_mut(at as usize));
        row.map(|row| row.state = RowState::Void).is_some()
    }

    /// Lets go of what a peer had acknowledged before the realm's start.
    pub(crate) fn restore_acknowledged(&mut self, durable: u64) -> bool {
        while self.prune(durable).is_some() {}
        durable < self.oldest
    }

    /// Notes that all rows up to a number are in the store.
    pub(crate) fn stored(&mut self, upto: u64) {
        self.stored = self.stored.max(upto);
    }

    pub(crate) fn last(&self) -> u64 {
        self.oldest + self.rows.len() as u64 - 1
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.unsettled.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

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
    pub(crate) fn resumed(&mut self, durable: u64, next: u64) -> Result<Resumed, Violation> {
        if self.flow.is_resumed {
            return Err(Violation("a stream was resumed twice on one link"));
        }
        if durable > self.last() || next > self.last() + 1 || next <= durable {
            return Err(Violation(
                "a resume speaks of envelopes that were never sent",
            ));
        }
        let missing = (self.oldest - 1).saturating_sub(durable);
        while let Some(dealt_with) = self.prune(durable) {
            self.unsettled.push_back(dealt_with);
        }
        self.flow = Flow {
            is_resumed: true,
            next: next.max(self.oldest),
            ..Flow::default()
        };
        Ok(if missing > 0 {
            Resumed::Truncated(missing)
        } else {
            Resumed::Agreed
        })
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
            || flow.next > self.stored
        {
            return None;
        }
        let (stream, seq) = (self.id, flow.next);
        let row = self.rows.get_mut(seq.checked_sub(self.oldest)? as usize)?;
        if row.state == RowState::Voiding {
            return None;
        }
        if row.state == RowState::ToSend && row.envelope.line_bytes_max() > line_bytes_max {
            row.state = RowState::Voiding;
            return Some(Next::TooLong(seq, Arc::clone(&row.envelope)));
        }
        flow.next += 1;
        let envelope = Arc::clone(&row.envelope);
        if row.state == RowState::Void {
            let id = envelope.id;
            return Some(Next::Frame(Frame::Void { stream, seq, id }));
        }
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
            let fate = if row.state == RowState::Void {
                Fate::Voided
            } else if refused.contains(&seq) {
                Fate::Refused
            } else {
                Fate::Kept
            };
            settled.push(Settled {
                envelope: row.envelope,
                fate,
            });
        }
        Ok(settled)
    }

    fn unsettled_upto(&mut self, durable: u64) -> Option<(u64, Row)> {
        let (seq, _) = self.unsettled.front()?;
        (*seq <= durable)
            .then(|| self.unsettled.pop_front())
            .flatten()
    }

    fn prune(&mut self, durable: u64) -> Option<(u64, Row)> {
        if self.oldest > durable {
            return None;
        }
        let row = self.rows.pop_front()?;
        self.bytes -= row.envelope.cost_bytes();
        let seq = self.oldest;
        self.oldest += 1;
        Some((seq, row))
    }
}

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
    /// What was refused, by number and id, until the peer has the bounce.
    refused: VecDeque<(u64, Uuid)>,
    /// Bytes that arrived, over whatever link, and may not be in the store yet.
    unstored_bytes: u64,
    flow: InFlow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

    /// The link is gone.
    pub(crate) fn link_down(&mut self) {
        self.flow = InFlow::default();
    }

    /// Takes the sender's word of what it holds. Returns the answer, and how many envelopes are
    /// missing because this side forgot that it had acknowledged them.
    pub(crate) fn resume(&mut self, oldest: u64, last: u64) -> Result<(Frame, u64), Violation> {
        if self.flow.is_resumed {
            return Err(Violation("a stream was resumed twice on one link"));
        }
        if last > SEQ_MAX || oldest == 0 || oldest > last + 1 || self.next > last + 1 {
            return Err(Violation("a resume holds less than was sent before"));
        }
        let told = View::Receiver {
            durable: self.durable,
            next: self.next.max(self.durable + 1),
            durable_id: self.durable_id,
            last_id: self.last_id,
        };
        let missing = oldest.saturating_sub(self.next);
        if missing > 0 {
            self.durable = oldest - 1;
            self.next = oldest;
            (self.durable_id, self.last_id) = (None, None);
        }
        self.flow.is_resumed = true;
        self.flow.bytes_before = self.unstored_bytes;
        // An ack follows in any case: a resume does not say what was refused.
        self.unacknowledged = self.durable > 0;
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
        self.pass(seq, id)
    }

    fn pass(&mut self, seq: u64, id: Uuid) -> Result<Arrival, Violation> {
        if seq > self.next {
            return Err(Violation("an envelope is missing in between"));
        }
        if seq < self.next {
            return Ok(Arrival::Duplicate);
        }
        self.next += 1;
        self.last_id = Some(id);
        Ok(Arrival::Deliver)
    }

    /// Notes that the envelope last arrived was refused. Returns its number.
    pub(crate) fn refused(&mut self) -> u64 {
        let (seq, id) = self.position();
        self.refused.push_back((seq, id));
        seq
    }

    /// Notes that the peer has the bounce of an envelope, and returns the envelope's number. Bounces
    /// go out in the order of refusal.
    pub(crate) fn bounced(&mut self, id: Uuid) -> Option<u64> {
        let first = self.refused.front().filter(|(_, first)| *first == id)?.0;
        self.refused.pop_front();
        Some(first)
    }

    /// The cursor to give to the store: a number and the id there, if it has moved since.
    pub(crate) fn record(&mut self) -> Option<(u64, Uuid)> {
        let (durable, id) = self.position();
        let is_new = durable > self.recorded;
        self.recorded = self.recorded.max(durable);
        is_new.then_some((durable, id))
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

    /// The acks that are due: several where one could not tell all refusals.
    pub(crate) fn acks(&mut self) -> Vec<Frame> {
        if !self.flow.is_resumed || !std::mem::take(&mut self.unacknowledged) {
            return Vec::new();
        }
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

#[cfg(test)]
mod tests;
