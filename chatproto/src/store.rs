//! Where records go: what every store promises.

#[cfg(feature = "sqlite")]
pub mod sqlite;

use crate::envelope::Envelope;
use crate::id::{PeerId, UserId};
use crate::link::frame::StreamKind;
use crate::record::{Batch, Record, Sender, StoreFailure};
use std::sync::Arc;
use thiserror::Error;

/// Keeps a realm's records.
///
/// A realm is built of what [`load`](Self::load) gives, see [`Realm::restore`](crate::Realm::restore);
/// from then on its batches are committed one after the other.
pub trait Store {
    /// Gives records that rebuild the state, none before what it speaks of. Messages may be told of
    /// by [`Record::Inbox`] alone; history is left out. The greatest session number that ever was is
    /// among them, if need be as that of a session which ended.
    ///
    /// # Errors
    ///
    /// What is stored cannot be read, or contradicts itself.
    fn load(&mut self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError>;

    /// Keeps a whole batch or, on an error, nothing of it. When it returns, the batch outlives
    /// whatever the store promises to withstand.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if nothing was written and a later try may succeed; anything else if
    /// nothing is known of what was written.
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Reads messages of one inbox, taken out or not.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn fetch(&mut self, fetch: &Fetch) -> Result<Fetched, StoreError>;

    /// Reads envelopes that wait for a peer, by number without a gap, from the first one that is
    /// asked for. Those that were acknowledged meanwhile may be missing at the beginning.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn fetch_queue(&mut self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError>;
}

/// Which envelopes of a stream to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueFetch {
    /// The peer they wait for.
    pub peer: PeerId,
    /// In which of its streams.
    pub kind: StreamKind,
    /// The least number.
    pub from: u64,
    /// The greatest number.
    pub upto: u64,
    /// After how many bytes, as [`Envelope::cost_bytes`] counts them, no further one is added.
    pub bytes_max: u64,
}

impl QueueFetch {
    /// All envelopes of a stream from one number to another.
    #[must_use]
    pub fn range(peer: PeerId, kind: StreamKind, from: u64, upto: u64) -> Self {
        Self {
            peer,
            kind,
            from,
            upto,
            bytes_max: u64::MAX,
        }
    }
}

/// An envelope as it waits in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedEnvelope {
    /// Its number.
    pub seq: u64,
    /// What waits.
    pub envelope: Arc<Envelope>,
}

/// Which messages of an inbox to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetch {
    /// Whose inbox.
    pub owner: UserId,
    /// The least number.
    pub from: u64,
    /// The greatest number.
    pub upto: u64,
    /// Only what they wrote; all, if there is none.
    pub senders: Option<Vec<Sender>>,
    /// How many messages at most.
    pub messages_max: u64,
    /// After how many bytes of text no further message is added.
    pub bytes_max: u64,
    /// Where there are more than that, which of them.
    pub part: Part,
}

impl Fetch {
    /// All messages of an inbox from one number to another.
    #[must_use]
    pub fn range(owner: UserId, from: u64, upto: u64) -> Self {
        Self {
            owner,
            from,
            upto,
            senders: None,
            messages_max: u64::MAX,
            bytes_max: u64::MAX,
            part: Part::Oldest,
        }
    }
}

/// Which of too many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The oldest ones.
    Oldest,
    /// The newest ones.
    Newest,
}

/// What a [`Fetch`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// By number, least first.
    pub messages: Vec<Message>,
    /// There are more between the two numbers.
    pub more: bool,
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in its inbox.
    pub number: u64,
    /// Who wrote it.
    pub sender: Sender,
    /// When it was taken, in ms since 1970.
    pub unix_ms: u64,
    /// What was written.
    pub text: Box<str>,
}

/// What is wrong with a store. The sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing was written; a later try may succeed.
    #[error("{0}")]
    Full(String),
    /// It cannot be read or written, and nothing is known of what was.
    #[error("{0}")]
    Broken(String),
    /// What it holds is not as it should be.
    #[error("{0}")]
    Damaged(String),
    /// Another process has it open.
    #[error("{0}")]
    InUse(String),
    /// A later version of this program made it.
    #[error("{0}")]
    Newer(String),
    /// It belongs to another realm, or is something else altogether.
    #[error("{0}")]
    Foreign(String),
}

impl StoreError {
    /// What a realm is told of a commit that failed with this.
    #[must_use]
    pub fn failure(&self) -> StoreFailure {
        match self {
            Self::Full(_) => StoreFailure::Full,
            _ => StoreFailure::Broken,
        }
    }
}
