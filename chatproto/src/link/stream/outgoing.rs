//! The sending end of a stream: what the peer has not acknowledged.

use super::Violation;
use crate::envelope::Envelope;
use crate::id::UserId;
use crate::link::frame::{Frame, Resume, StreamKind, View};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// How far ahead of what is sent the store is told that it may be sent: far enough for a link never
/// to wait for that, near enough for the rest to expire.
const MARKED_AHEAD: u64 = 4_096;

/// What is read of a store only to be given up, in bytes: it stays for a moment.
const EXPIRED_BYTES_MAX: u64 = 262_144;

/// An envelope in a stream. Where there are many, those at the end are in the store alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
struct Row {
    id: Uuid,
    envelope: Option<Arc<Envelope>>,
    /// The user of this realm who wrote it; none for a bounce.
    writer: Option<UserId>,
    cost_bytes: u32,
    /// When it was taken, in ms since 1970.
    sent_unix_ms: u64,
    /// When it is given up if it was never sent, in ms of the realm's clock.
    expires_ms: u64,
    state: RowState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum RowState {
    ToSend,
    /// It cannot be sent, and its writer is being told: nothing goes on before that is stored.
    Voiding,
    /// It goes as a void.
    Void,
}

/// What became of an envelope that the peer has dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) id: Uuid,
    pub(crate) writer: Option<UserId>,
    /// None if it was in the store alone.
    pub(crate) envelope: Option<Arc<Envelope>>,
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
    /// The envelope of this number turned out not to fit: its writer is to be told, and then
    /// [`OutStream::voided`] called.
    TooLong(Expired),
}

/// An envelope that is given up: its writer is to be told, and then [`OutStream::voided`] called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    pub(crate) seq: u64,
    pub(crate) writer: Option<UserId>,
    pub(crate) envelope: Arc<Envelope>,
}

/// What a receiver's resume told the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// Both agree.
    Agreed,
    /// The receiver has forgotten this many envelopes that it had acknowledged.
    Truncated(u64),
    /// The receiver has had envelopes of this stream that the sender does not know: what the sender
    /// knows is an older copy, and it has to [begin anew](OutStream::renumber).
    Older,
}

/// The sending end: what the peer has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct OutStream {
    pub(crate) id: Uuid,
    pub(crate) kind: StreamKind,
    rows: VecDeque<Row>,
    /// So many of the first rows are in memory, or need not be.
    loaded: usize,
    /// Bytes of those, as `Envelope::cost_bytes` counts them.
    loaded_bytes: u64,
    /// More are being read.
    is_fetching: bool,
    /// Rows that a resume showed to be dealt with: the next ack says which were refused. They come
    /// right before `oldest`.
    unsettled: VecDeque<Row>,
    /// The number of the first row.
    oldest: u64,
    /// The id of the row before `oldest`, if there was one.
    pruned_id: Option<Uuid>,
    /// How many rows the receiver has forgotten, as it said last.
    forgotten: u64,
    /// The last number whose row is in the store; only these are sent.
    stored: u64,
    /// Rows up to here may have been sent, as the store has been or is being told.
    marked: u64,
    /// The same, as far as it is in the store.
    marked_stored: u64,
    /// Rows up to here, those never sent, were looked at for whether they have expired.
    expired: u64,
    /// Bytes of all rows, as `Envelope::cost_bytes` counts them.
    bytes: u64,
    flow: Flow,
}

/// How far the present link may send. Gone with the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
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
            loaded: 0,
            loaded_bytes: 0,
            is_fetching: false,
            unsettled: VecDeque::new(),
            oldest: 1,
            pruned_id: None,
            forgotten: 0,
            stored: 0,
            marked: 0,
            marked_stored: 0,
            expired: 0,
            bytes: 0,
            flow: Flow::default(),
        }
    }

    /// A stream of which the peer has acknowledged everything up to a number; its rows follow.
    pub(crate) fn restored(id: Uuid, kind: StreamKind, acknowledged: u64, last: Uuid) -> Self {
        Self {
            oldest: acknowledged + 1,
            pruned_id: Some(last).filter(|id| !id.is_nil()),
            stored: acknowledged,
            marked: acknowledged,
            marked_stored: acknowledged,
            expired: acknowledged,
            ..Self::new(id, kind)
        }
    }

    // Adding.

    /// Adds a row and returns its number, and whether it may be sent once it is stored without any
    /// further word to the store. It is not sent before [`OutStream::stored`], and is in the store
    /// alone if more than so many bytes would be in memory.
    pub(crate) fn append(
        &mut self,
        envelope: Arc<Envelope>,
        writer: Option<UserId>,
        expires_ms: u64,
        memory_bytes_max: u64,
    ) -> (u64, bool) {
        let cost_bytes = envelope.cost_bytes();
        let is_loaded =
            self.loaded == self.rows.len() && self.loaded_bytes + cost_bytes <= memory_bytes_max;
        if is_loaded {
            self.loaded += 1;
            self.loaded_bytes += cost_bytes;
        }
        self.bytes += cost_bytes;
        self.rows.push_back(Row {
            id: envelope.id,
            sent_unix_ms: envelope.sent_unix_ms,
            envelope: Some(envelope).filter(|_| is_loaded),
            writer,
            cost_bytes: cost_bytes as u32,
            expires_ms,
            state: RowState::ToSend,
        });
        let seq = self.last();
        // What is not in memory is not sent soon, and may yet expire.
        let is_next = self.flow.is_resumed && is_loaded && self.marked + 1 == seq;
        let is_marked = is_next && seq < self.flow.next + MARKED_AHEAD;
        if is_marked {
            self.marked = seq;
        }
        (seq, is_marked)
    }

    /// Notes that all rows up to a number are in the store.
    pub(crate) fn stored(&mut self, upto: u64) {
        self.stored = self.stored.max(upto.min(self.last()));
    }

    /// Up to where the store is to be told now that rows may be sent, if it is.
    pub(crate) fn mark(&mut self) -> Option<u64> {
        let is_near = self.marked < self.flow.next + MARKED_AHEAD / 2;
        let in_memory = self.oldest + self.loaded as u64 - 1;
        let upto = in_memory.min(self.flow.next + MARKED_AHEAD);
        let is_due = self.flow.is_resumed && is_near && self.marked < upto;
        is_due.then(|| {
            self.marked = upto;
            upto
        })
    }

    /// Notes that the store knows that rows up to a number may have been sent.
    pub(crate) fn marked(&mut self, upto: u64) {
        self.marked = self.marked.max(upto);
        self.marked_stored = self.marked_stored.max(upto);
    }

    // What is in the store alone.

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

    // Giving up.

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

    fn first_unsent(&self) -> u64 {
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

    // Restoring.

    /// Lets go of what a peer had acknowledged before the realm's start. Returns whether there was
    /// as much.
    pub(crate) fn restore_acknowledged(&mut self, durable: u64, id: Uuid) -> bool {
        if durable > self.last() && self.rows.is_empty() {
            let marked = self.marked;
            *self = Self::restored(self.id, self.kind, durable, id);
            self.restore_marked(marked);
            return true;
        }
        while self.prune(durable).is_some() {}
        durable < self.oldest
    }

    /// Takes what a store knows of what may have been sent, before or after the rows themselves.
    pub(crate) fn restore_marked(&mut self, upto: u64) {
        self.marked(upto);
    }

    /// Notes that the store has given everything.
    pub(crate) fn restored_all(&mut self) {
        let last = self.last();
        self.marked = self.marked.min(last);
        self.marked_stored = self.marked_stored.min(last);
    }

    /// What the peer has not acknowledged and is not given up: who wrote it, and its id.
    pub(crate) fn writers(&self) -> impl Iterator<Item = (UserId, Uuid)> {
        let rows = self.unsettled.iter().chain(&self.rows);
        rows.filter(|row| row.state == RowState::ToSend)
            .filter_map(|row| row.writer.map(|writer| (writer, row.id)))
    }

    // What there is.

    pub(crate) fn last(&self) -> u64 {
        self.oldest + self.rows.len() as u64 - 1
    }

    /// Whether the row of a number is still to be sent, or is under way.
    pub(crate) fn holds(&self, seq: u64) -> bool {
        (self.oldest..=self.last()).contains(&seq)
    }

    /// How many envelopes may still arrive: what is given up is only a number that takes a place.
    pub(crate) fn unsettled_mail(&self) -> usize {
        let rows = self.unsettled.iter().chain(&self.rows);
        rows.filter(|row| row.state == RowState::ToSend).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.unsettled.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the oldest envelope was taken that is still to be sent, in ms since 1970.
    pub(crate) fn oldest_unix_ms(&self) -> Option<u64> {
        let mut to_send = self.rows.iter().filter(|row| row.state == RowState::ToSend);
        to_send.next().map(|row| row.sent_unix_ms)
    }

    // On a link.

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

    fn prune(&mut self, durable: u64) -> Option<(u64, Row)> {
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

impl Row {
    fn bytes(&self) -> u64 {
        if self.state == RowState::Void {
            0
        } else {
            u64::from(self.cost_bytes)
        }
    }

    fn is_loaded(&self) -> bool {
        self.envelope.is_some() || self.state == RowState::Void
    }

    fn settled(self, fate: Fate) -> Settled {
        Settled {
            id: self.id,
            writer: self.writer,
            envelope: self.envelope,
            fate,
        }
    }
}
