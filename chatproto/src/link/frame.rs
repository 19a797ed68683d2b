//! The frames of `realm-link/1`: JSON objects, one a line.

use crate::envelope::Envelope;
use std::sync::Arc;
use uuid::Uuid;

/// A frame, as both realms of a link speak it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
#[non_exhaustive]
pub enum Frame {
    /// Who I am and whom I take you for; the first frame of each side.
    Hello(Hello),
    /// What I hold for you, or have of yours.
    Resume(Resume),
    /// How far you may send.
    Credit {
        /// On which stream.
        stream: Uuid,
        /// The last number.
        upto: u64,
        /// Bytes of envelopes in all on this connection and stream (see `Envelope::cost_bytes`).
        bytes: u64,
    },
    /// One durable envelope.
    Env {
        /// On which stream.
        stream: Uuid,
        /// Its number there.
        seq: u64,
        /// What it carries; shared, since it stays in the stream until it is acknowledged.
        envelope: Arc<Envelope>,
    },
    /// This number will never come.
    Void {
        /// On which stream.
        stream: Uuid,
        /// The number.
        seq: u64,
        /// The id of the envelope that had it.
        id: Uuid,
    },
    /// Everything up to here is dealt with and stored.
    Ack {
        /// Which stream.
        stream: Uuid,
        /// The last number dealt with.
        durable: u64,
        /// Those among the newly acknowledged that were refused.
        refused: Vec<u64>,
    },
    /// An event of a live group.
    Live(Live),
    /// Whose is this name?
    Ask {
        /// To recognise the answer by.
        id: u64,
        /// What is asked for.
        question: Question,
        /// The name.
        name: String,
    },
    /// The answer to an `ask`.
    Answer {
        /// The question's id.
        id: u64,
        /// Whether the name is one of this realm's.
        found: bool,
    },
    /// Are you alive?
    Ping {
        /// Comes back in the `pong`.
        n: u64,
    },
    /// I am.
    Pong {
        /// From the `ping`.
        n: u64,
    },
    /// Last words of a realm that was shown something wrong.
    Error {
        /// A stable word.
        code: String,
        /// A sentence.
        text: String,
    },
    /// Last words of a realm that leaves in peace.
    Bye {
        /// A stable word.
        code: String,
        /// A sentence.
        text: String,
    },
}

/// Who a realm is and whom it takes the other for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct Hello {
    /// The sender.
    pub realm: String,
    /// The receiver, as the sender sees it.
    pub peer: String,
    /// The least and the greatest version of the protocol it speaks.
    pub versions: [u64; 2],
    /// What it can do beyond the least.
    pub capabilities: Vec<String>,
    /// The longest line it reads, in bytes.
    pub line_bytes_max: u64,
    /// Its name and version, for people.
    pub software: String,
}

/// One side's view of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct Resume {
    /// The stream's id.
    pub stream: Uuid,
    /// What the stream carries.
    pub kind: StreamKind,
    /// The view.
    pub view: View,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StreamKind {
    /// Messages.
    Mail,
    /// Word of messages that were refused.
    Bounce,
}

/// The sender's or the receiver's end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub enum View {
    /// What I hold for you.
    Sender {
        /// The first number still held; `last + 1` when none is.
        oldest: u64,
        /// The last number given.
        last: u64,
    },
    /// What I have of yours.
    Receiver {
        /// The last number in my store.
        durable: u64,
        /// The number I expect.
        next: u64,
        /// The id of the envelope at `durable`.
        durable_id: Option<Uuid>,
        /// The id of the envelope at `next - 1`.
        last_id: Option<Uuid>,
    },
}

/// What an `ask` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Question {
    /// A user.
    User,
    /// A live group.
    Group,
}

/// An event of a live group, to or from its home.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct Live {
    /// The group's name at its home, which is one of the two realms.
    pub group: String,
    /// What happens.
    pub kind: LiveKind,
    /// The member, as `user@realm`; empty where none is concerned.
    pub from: String,
    /// What is said, or why; shared, since one event goes to many realms.
    pub text: Arc<str>,
    /// Who is there, as `user@realm`; for `members` alone.
    pub members: Vec<String>,
    /// Whether the sender of this frame is the group's home.
    pub home: bool,
}

/// What happens in a live group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LiveKind {
    /// A member joins.
    Join,
    /// The members that one realm has, all at once, after a link is back.
    Members,
    /// A member says something.
    Say,
    /// A member leaves.
    Leave,
    /// The group, or the named member's place in it, is gone.
    Gone,
}
