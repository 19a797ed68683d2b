//! What is durable: one idempotent change a record.

use crate::envelope::Envelope;
use crate::link::frame::StreamKind;
use crate::name::{Address, RealmName, UserName};
use std::sync::Arc;
use uuid::Uuid;

/// A change that must outlive the process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A user logged in.
    SessionOpened {
        /// Who.
        user: UserName,
        /// The session's public number.
        session: u64,
    },
    /// A session ended.
    SessionEnded {
        /// The session's public number.
        session: u64,
    },
    /// A message reached an inbox.
    Delivered {
        /// Whose inbox.
        to: UserName,
        /// The message's number there, counted from the first that ever came.
        number: u64,
        /// Who wrote it; `*realm*` for a bounce.
        from: String,
        /// What was written.
        text: String,
    },
    /// An inbox was emptied.
    InboxTaken {
        /// Whose.
        user: UserName,
        /// The number of the last message taken out.
        upto: u64,
    },
    /// An envelope waits for a peer.
    Queued {
        /// The peer.
        peer: RealmName,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id.
        stream: Uuid,
        /// The number in it.
        seq: u64,
        /// What waits.
        envelope: Arc<Envelope>,
    },
    /// A peer has stored everything up to a number.
    Acknowledged {
        /// The stream's id.
        stream: Uuid,
        /// The last number.
        durable: u64,
    },
    /// Everything of a peer's stream up to a number was dealt with.
    Cursor {
        /// The peer.
        peer: RealmName,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id.
        stream: Uuid,
        /// The last number.
        durable: u64,
        /// The id of the envelope there.
        id: Uuid,
    },
    /// A user of another realm was met.
    Met {
        /// Who.
        address: Address,
    },
}

/// Records that are committed together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Counts up by one; the word for [`committed`](crate::Realm::committed).
    pub number: u64,
    /// In the order in which they happened.
    pub records: Vec<Record>,
}

/// Why a batch was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailure {
    /// No room: nothing was written, the batch will be offered again.
    Full,
    /// Nothing is known of what was written: the realm stops.
    Broken,
}
