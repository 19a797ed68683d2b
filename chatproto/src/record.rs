//! What is durable: one idempotent change a record.

use crate::envelope::Envelope;
use crate::error::ErrorCode;
use crate::id::{PeerId, RemoteId, UserId};
use crate::link::frame::StreamKind;
use crate::name::{RealmName, UserName};
use crate::password::PasswordHash;
use crate::secret::TokenHash;
use std::sync::Arc;
use uuid::Uuid;

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// A user of this realm.
    Local(UserId),
    /// A user of another realm.
    Remote(RemoteId),
    /// Another realm itself, about a message it could not keep.
    Realm(PeerId),
}

/// A change that must outlive the process. The same record twice does no more than once.
///
/// Users, realms and users of other realms have small numbers that never change and are never used
/// again; the record that gives the number comes before all that speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
#[non_exhaustive]
pub enum Record {
    /// A user is there, or has another password.
    Account {
        /// The user's number.
        user: UserId,
        /// What the user logs in with.
        name: UserName,
        /// What others see.
        display_name: Box<str>,
        /// Where the user is from.
        country: Box<str>,
        /// Nobody can log in without one, unless the configuration has a password.
        password: Option<PasswordHash>,
    },
    /// A user logged in.
    SessionOpened {
        /// The session's public number; counts up by one.
        session: u64,
        /// Who.
        user: UserId,
        /// What the token hashes to.
        token: TokenHash,
        /// When, in ms since 1970.
        unix_ms: u64,
    },
    /// A session was used; told once a minute at most.
    SessionUsed {
        /// The session's public number.
        session: u64,
        /// When, in ms since 1970.
        unix_ms: u64,
    },
    /// A session ended.
    SessionEnded {
        /// The session's public number.
        session: u64,
    },
    /// Somebody wrote to a user for the first time, and is listed in the inbox for ever.
    Listed {
        /// Whose inbox.
        owner: UserId,
        /// The place in the list, counted from 0.
        position: u32,
        /// Who wrote.
        sender: Sender,
    },
    /// A message reached an inbox.
    Delivered {
        /// Whose inbox.
        owner: UserId,
        /// The message's number there, counted from 1 for the first that ever came.
        number: u64,
        /// Who wrote it.
        sender: Sender,
        /// When it was taken, in ms since 1970.
        unix_ms: u64,
        /// What was written.
        text: Box<str>,
    },
    /// Messages were taken out of an inbox: they are history from then on.
    InboxTaken {
        /// Whose.
        owner: UserId,
        /// The number of the last message taken out.
        upto: u64,
    },
    /// An inbox whose messages stay where they are until they are fetched. A store loads it in place
    /// of each [`Record::Delivered`] and [`Record::InboxTaken`]; the engine never makes one.
    Inbox {
        /// Whose.
        owner: UserId,
        /// The number of the last message taken out; 0 for none.
        taken: u64,
        /// The number of the last message that came; at least `taken`.
        last: u64,
        /// The bytes of text from `taken + 1` to `last`.
        bytes: u64,
    },
    /// A message was taken under a key of the sender's: the same again is no second copy.
    SendKey {
        /// Whose key.
        user: UserId,
        /// Counts this user's keys from 1.
        number: u64,
        /// The key.
        key: Box<str>,
        /// What was sent to whom, as a digest.
        digest: [u8; 16],
        /// Keys below this number are forgotten.
        oldest: u64,
    },
    /// Another realm is known.
    Peer {
        /// The realm's number.
        peer: PeerId,
        /// What it is called.
        name: RealmName,
    },
    /// A user of another realm was met.
    Met {
        /// The user's number.
        remote: RemoteId,
        /// Of which realm.
        peer: PeerId,
        /// What the user is called there.
        name: UserName,
    },
    /// A stream to a peer begins, without any envelope; another one in its place is gone.
    StreamBegun {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id.
        stream: Uuid,
    },
    /// What waits in a stream goes on in another one, since the peer knows the first one better than
    /// this realm does: what followed `acknowledged` is counted from 1, and may all have been sent.
    StreamRenumbered {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The id that the stream had; of one that is gone, the record means nothing.
        before: Uuid,
        /// The id of the stream from now on.
        stream: Uuid,
        /// The number before the first that waits.
        acknowledged: u64,
    },
    /// An envelope waits for a peer.
    Queued {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id; of one that is gone, the record means nothing.
        stream: Uuid,
        /// The number in it, counted from 1.
        seq: u64,
        /// What waits.
        envelope: Arc<Envelope>,
        /// It may be sent as soon as it is stored: as [`Record::Marked`] up to its number.
        is_marked: bool,
    },
    /// Envelopes up to a number may have been sent from now on.
    Marked {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id; of one that is gone, the record means nothing.
        stream: Uuid,
        /// The last such number.
        upto: u64,
    },
    /// The envelope of a number will never be sent, and its sender was told.
    Voided {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id; of one that is gone, the record means nothing.
        stream: Uuid,
        /// The number.
        seq: u64,
    },
    /// A peer has stored everything up to a number.
    Acknowledged {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id; of one that is gone, the record means nothing.
        stream: Uuid,
        /// The last number.
        durable: u64,
        /// The id of the envelope there; it outlives the envelope.
        id: Uuid,
    },
    /// What became of a message that a user sent to another realm.
    Posted {
        /// Who sent it.
        user: UserId,
        /// Counts what this user's messages came to, from 1. The same number again is the same message,
        /// of which more is known.
        number: u64,
        /// Those below this number are forgotten.
        oldest: u64,
        /// The message.
        post: Post,
    },
    /// A peer has refused a message; its bounce is awaited.
    BounceDue {
        /// The peer.
        peer: PeerId,
        /// The id of the message.
        id: Uuid,
        /// Who wrote it.
        user: UserId,
        /// For whom it was.
        to: Box<str>,
    },
    /// The bounce came, or is not awaited any more.
    BounceSettled {
        /// The peer.
        peer: PeerId,
        /// The id of the message.
        id: Uuid,
    },
    /// Everything of a peer's stream up to a number was dealt with. Another stream of the same kind
    /// takes the place of the one before, and of what was refused of it.
    Cursor {
        /// The peer.
        peer: PeerId,
        /// Which of its streams.
        kind: StreamKind,
        /// The stream's id.
        stream: Uuid,
        /// The last number.
        durable: u64,
        /// The id of the envelope there.
        id: Uuid,
    },
    /// A message of a peer was kept: the same id in another stream is no second copy.
    Seen {
        /// The peer.
        peer: PeerId,
        /// Counts the messages kept of this peer from 1.
        number: u64,
        /// The message's id.
        id: Uuid,
        /// Those below this number are forgotten.
        oldest: u64,
    },
    /// A peer is not to be linked with for now, or is again.
    Paused {
        /// The peer.
        peer: PeerId,
        /// Whether it is paused from now on.
        is_paused: bool,
    },
    /// A message of a peer was refused; the peer is told until it has the bounce.
    Refused {
        /// The peer.
        peer: PeerId,
        /// The message's number in the peer's stream of mail.
        seq: u64,
        /// The id of its bounce.
        id: Uuid,
    },
    /// The peer has the bounce.
    RefusalTold {
        /// The peer.
        peer: PeerId,
        /// The message's number in the peer's stream of mail.
        seq: u64,
    },
}

/// A message that a user sent to another realm, as the user is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct Post {
    /// The envelope's id; later messages of a realm have greater ones.
    pub id: Uuid,
    /// To whom: `user@realm`.
    pub to: Box<str>,
    /// When it was taken, in ms since 1970.
    pub unix_ms: u64,
    /// How it begins.
    pub excerpt: Box<str>,
    /// What became of it.
    pub state: PostState,
}

/// What became of a message to another realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
#[non_exhaustive]
pub enum PostState {
    /// It waits.
    Queued,
    /// The other realm has stored it.
    Delivered,
    /// It was not delivered; the reason, once it is known.
    Failed(Option<ErrorCode>),
    /// It may have been delivered, and nobody will ever say.
    Unknown,
}

/// Records that are committed together or not at all. Copies share the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Counts up by one; the word for [`committed`](crate::Realm::committed).
    pub number: u64,
    /// In the order in which they happened.
    pub records: Arc<Vec<Record>>,
}

/// Why a batch was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailure {
    /// No room, or another program holds the store: nothing was written, the batch will be offered
    /// again.
    Full,
    /// Nothing is known of what was written: the realm stops.
    Broken,
}
