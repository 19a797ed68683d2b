//! What a realm tells, as Python objects: a class for each event of the engine.

use crate::class::{Private, plain_classes};
use crate::output::Output;
use chatproto::{
    ConnectionId, ErrorCode, Event as EngineEvent, LinkCloseReason, RealmName, UserName,
};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

/// Something that happened in a realm. No secret is ever in it.
///
/// A `code` is one of `error_codes()`.
#[pyclass(frozen, subclass, extends = Output, module = "chatproto")]
pub(crate) struct Event;

impl Event {
    fn above() -> PyClassInitializer<Self> {
        Output::above().add_subclass(Self)
    }
}

/// What the engine has in a field, as Python has it.
trait IntoField<T> {
    fn into_field(self) -> T;
}

macro_rules! into_field {
    ($($value:ident: $engine:ty => $python:ty = $field:expr;)*) => {$(
        impl IntoField<$python> for $engine {
            fn into_field(self) -> $python {
                let $value = self;
                $field
            }
        }
    )*};
}

into_field! {
    number: u64 => u64 = number;
    id: ConnectionId => u64 = id.as_u64();
    text: String => String = text;
    text: String => Private = Private(text);
    name: UserName => String = name.to_string();
    name: RealmName => String = name.to_string();
    code: ErrorCode => String = code.code().to_owned();
    why: LinkCloseReason => String = why.word().to_owned();
}

/// Makes the classes and, of an event of the engine, the object; `as` says how the engine calls a field
/// whose name is a word of Python's.
macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident $(as $engine:ident)?: $type:ty,)* }
    )*) => {
        plain_classes! { Event Event::above(); $(
            $(#[$doc])*
            $name { $($(#[$field_doc])* $field: $type,)* }
        )* }

        /// Makes the object of an event; none for what cannot happen without classic neighbours.
        pub(crate) fn object(py: Python<'_>, event: EngineEvent) -> PyResult<Option<Py<PyAny>>> {
            let object = match event {
                $(EngineEvent::$name { $($($engine:)? $field),* } => {
                    $name { $($field: $field.into_field()),* }.object(py)
                })*
                _ => return Ok(None),
            };
            object.map(Some)
        }
    };
}

events! {
    /// A connection was one too many.
    Refused {
        /// The connection.
        connection: u64,
        /// Why.
        code: String,
    }
    /// A login failed.
    LoginFailed {
        /// On which connection.
        connection: u64,
        /// The name that was tried.
        user: String,
        /// Why.
        code: String,
    }
    /// Somebody logged in.
    LoggedIn {
        /// On which connection.
        connection: u64,
        /// Who.
        user: String,
        /// The session's public number.
        session: u64,
    }
    /// A session ended.
    LoggedOut {
        /// Whose.
        user: String,
        /// Its public number.
        session: u64,
    }
    /// A private message was taken.
    Sent {
        /// The sender's session.
        session: u64,
        /// The sender.
        from_ as from: String,
        /// The recipient: a name, or `user@realm`.
        to: String,
    }
    /// An inbox was emptied.
    InboxRead {
        /// Whose.
        user: String,
        /// How many messages it had.
        messages: u64,
    }
    /// Messages of an inbox were shown and left in place.
    InboxPeeked {
        /// Whose.
        user: String,
        /// How many were shown.
        messages: u64,
    }
    /// Messages that had been shown were taken out of an inbox.
    InboxAcked {
        /// Whose.
        user: String,
        /// How many.
        messages: u64,
    }
    /// Messages that had been taken out before were shown.
    HistoryRead {
        /// Whose.
        user: String,
        /// How many.
        messages: u64,
    }
    /// Somebody asked who is logged in.
    ActiveUsersRead {
        /// Who asked.
        user: String,
    }
    /// A connection joined a live group.
    GroupJoined {
        /// Which connection.
        connection: u64,
        /// Whose.
        user: String,
        /// The group.
        group: String,
        /// The group's home.
        home: String,
    }
    /// A connection left a live group.
    GroupLeft {
        /// Which connection.
        connection: u64,
        /// Whose.
        user: String,
        /// The group.
        group: String,
    }
    /// A line or a live message came in; secrets are masked, control characters are as they came.
    Received {
        /// From which connection.
        connection: u64,
        /// What.
        text: Private,
    }
    /// A reply went out; secrets are masked.
    Replied {
        /// To which connection.
        connection: u64,
        /// What.
        text: Private,
    }
    /// A link with a peer is up.
    LinkUp {
        /// The peer.
        peer: String,
    }
    /// A connection with a peer ended before the peer had said hello; told once in a row.
    LinkFailed {
        /// The peer.
        peer: String,
        /// Why.
        why: String,
    }
    /// The link with a peer is gone.
    LinkDown {
        /// The peer.
        peer: String,
        /// Why.
        why: String,
    }
    /// Mail of a peer could not be kept; its sender is told.
    MailRefused {
        /// The peer.
        peer: String,
        /// Why.
        code: String,
    }
    /// One side of a link has forgotten what it had acknowledged: its data are older than that, or
    /// gone.
    HistoryTruncated {
        /// The peer.
        peer: String,
        /// How many envelopes are missing.
        missing: u64,
    }
    /// A peer has had more of this realm's messages than the realm knows of: its data are an older
    /// copy. What waits is numbered anew, so that nothing is lost or doubled from now on.
    OlderCopy {
        /// The peer.
        peer: String,
    }
    /// A peer has begun its messages anew: its data are new, or an older copy. What it had accepted
    /// and not sent may be lost.
    PeerRenewed {
        /// The peer.
        peer: String,
    }
    /// Messages for a peer were given up, since they were too old or the peer is none any more; their
    /// senders are told.
    MailGivenUp {
        /// The peer.
        peer: String,
        /// How many.
        messages: u64,
        /// Why.
        code: String,
    }
    /// Messages for a peer that is none any more were under way: nobody will ever say whether they
    /// arrived.
    MailUnknown {
        /// The peer.
        peer: String,
        /// How many.
        messages: u64,
    }
    /// A peer said why it closes the link.
    PeerSaid {
        /// The peer.
        peer: String,
        /// A stable word; as it came, up to 256 characters of it, so escape it before showing it.
        code: String,
        /// A sentence, likewise.
        text: String,
    }
    /// A peer broke the protocol.
    PeerMisbehaved {
        /// The peer.
        peer: String,
        /// How.
        what: String,
    }
    /// The store is full; changes are refused until it is not.
    StoreFull {}
    /// The store has room again.
    StoreRecovered {}
    /// Messages could not be read from the store.
    FetchFailed {}
    /// A password could not be hashed or checked: the machine lacks memory for it.
    PasswordFailed {}
    /// The store is broken; the realm has stopped.
    StoreBroken {}
}
