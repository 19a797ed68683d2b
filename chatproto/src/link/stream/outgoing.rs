//! The sending end of a stream: what the peer has not acknowledged.

mod expiry;
mod linked;
mod paging;

use crate::envelope::Envelope;
use crate::id::UserId;
use crate::link::frame::{Frame, StreamKind};
use std::collections::VecDeque;
use std::sync::Arc;
use uuid::Uuid;

/// How far ahead of what is sent the store is told that it may be sent: far enough for a link never
/// to wait for that, near enough for the rest to expire.
const MARKED_AHEAD: u64 = 4_096;

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
