//! What comes out of a realm beside bytes: the one queue of things to do and to know.

use crate::error::ErrorCode;
use crate::name::{RealmName, UserName};
use crate::password::PasswordJob;
use crate::slots::Key;
use crate::store::{Fetch, QueueFetch};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        ///
        /// A late call with the id of something that is gone does nothing.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) Key);

        impl $name {
            /// A small number, used again once this id is dead; fit to index a table with.
            #[must_use]
            pub fn index(self) -> usize {
                self.0.index()
            }

            /// The whole id as a number.
            #[must_use]
            pub fn as_u64(self) -> u64 {
                self.0.as_u64()
            }

            /// The id of a number from `as_u64`.
            #[must_use]
            pub fn from_u64(value: u64) -> Self {
                Self(Key::from_u64(value))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.as_u64())
            }
        }
    )*};
}

ids! {
    /// A client's connection.
    ConnectionId
    /// A link with another realm.
    LinkId
}

/// A request: of the driver, by [`Realm::execute`](crate::Realm::execute), or to the driver, by
/// [`Output::Hash`], [`Output::Fetch`] or [`Output::Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a driver is told about a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Where it comes from, without the port: connections are counted by it.
    pub address: String,
    /// The classic neighbour on whose listener it came; none for a client.
    pub neighbour: Option<RealmName>,
}

impl Connection {
    /// A client's connection from an address.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            neighbour: None,
        }
    }

    /// A connection from an address on the listener of a classic neighbour: all it can do is what
    /// that dialect has, in the name of any user of that realm. Where no classic neighbour of that name is
    /// configured, the connection is refused.
    #[must_use]
    pub fn classic(address: impl Into<String>, neighbour: RealmName) -> Self {
        Self {
            address: address.into(),
            neighbour: Some(neighbour),
        }
    }
}

/// A request to a classic neighbour, over a new connection.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassicCall {
    /// Which neighbour.
    pub peer: RealmName,
    /// What to write, all of it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for ClassicCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it is between two people.
        write!(f, "{:?}, {} bytes", self.peer, self.bytes.len())
    }
}

/// What came of a [`ClassicCall`].
#[derive(Clone, PartialEq, Eq)]
pub enum ClassicAnswer {
    /// What was read: up to CR LF CR LF, or to the end if that came before.
    Answered(Vec<u8>),
    /// There was no connection, or it took not a single byte.
    NotReached,
    /// Bytes were written, and then there was nothing to read, too much of it, or no time left.
    NoAnswer,
}

impl fmt::Debug for ClassicAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(bytes) => write!(f, "Answered({} bytes)", bytes.len()),
            Self::NotReached => f.write_str("NotReached"),
            Self::NoAnswer => f.write_str("NoAnswer"),
        }
    }
}

/// Something for the driver to do or to know.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// [`outgoing`](crate::Realm::outgoing) has bytes. It is not said again before they are all sent.
    Send(ConnectionId),
    /// Stop reading: enough waits inside.
    PauseRead(ConnectionId),
    /// Read again.
    ResumeRead(ConnectionId),
    /// All was written, or will not be: close the connection. Its id is dead.
    Close(ConnectionId, CloseReason),
    /// [`link_outgoing`](crate::Realm::link_outgoing) has frames that it had not when it was called
    /// last.
    LinkSend(LinkId),
    /// Write what was taken before, then close the link. Its id is dead.
    LinkClose(LinkId, LinkCloseReason),
    /// Connect to that peer.
    Dial(RealmName),
    /// Let some thread [run](PasswordJob::run) this, and hand in what comes of it with
    /// [`verified`](crate::Realm::verified). No more than `hashes_max` are asked for at a time.
    Hash(RequestId, PasswordJob),
    /// Read messages from the store, and hand them in with [`fetched`](crate::Realm::fetched). They
    /// are committed already.
    Fetch(RequestId, Fetch),
    /// Read envelopes from the store, and hand them in with
    /// [`queue_fetched`](crate::Realm::queue_fetched). They are committed already.
    FetchQueue(RequestId, QueueFetch),
    /// Ask a classic neighbour, once, and hand in what comes of it with
    /// [`called`](crate::Realm::called) before `classic_ms_max` is over; after that it counts as no
    /// answer. No more than `classic_calls_max` are asked for at a time for each neighbour.
    Call(RequestId, ClassicCall),
    /// The answer to [`execute`](crate::Realm::execute), as a client would read it.
    Reply(RequestId, Vec<u8>),
    /// Something happened.
    Event(Event),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(id) => write!(f, "Send({id:?})"),
            Self::PauseRead(id) => write!(f, "PauseRead({id:?})"),
            Self::ResumeRead(id) => write!(f, "ResumeRead({id:?})"),
            Self::Close(id, why) => write!(f, "Close({id:?}, {why:?})"),
            Self::LinkSend(id) => write!(f, "LinkSend({id:?})"),
            Self::LinkClose(id, why) => write!(f, "LinkClose({id:?}, {why:?})"),
            Self::Dial(peer) => write!(f, "Dial({peer:?})"),
            Self::Hash(request, _) => write!(f, "Hash({request:?})"),
            Self::Fetch(request, fetch) => write!(f, "Fetch({request:?}, {fetch:?})"),
            Self::FetchQueue(request, fetch) => write!(f, "FetchQueue({request:?}, {fetch:?})"),
            Self::Call(request, call) => write!(f, "Call({request:?}, {call:?})"),
            // It may have a token in it.
            Self::Reply(request, reply) => write!(f, "Reply({request:?}, {} bytes)", reply.len()),
            Self::Event(event) => write!(f, "Event({event:?})"),
        }
    }
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client has sent its last, and has its answers.
    Ended,
    /// The client said `quit`.
    Quit,
    /// It was one too many.
    Refused,
    /// It was idle and made room.
    IdleEvicted,
    /// It left too much unread.
    SlowReader,
    /// The realm goes down.
    ShutDown,
    /// The store is broken.
    StoreBroken,
}

impl CloseReason {
    /// Whether the connection goes in peace, with answers that it is still to read.
    pub(crate) const fn leaves_answers(self) -> bool {
        matches!(self, Self::Ended | Self::Quit)
    }

    /// The reason as a word, which never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Quit => "quit",
            Self::Refused => "refused",
            Self::IdleEvicted => "idle_evicted",
            Self::SlowReader => "slow_reader",
            Self::ShutDown => "shut_down",
            Self::StoreBroken => "store_broken",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the client is done",
            Self::Quit => "the client said quit",
            Self::Refused => "too many connections",
            Self::IdleEvicted => "idle, and its place was needed",
            Self::SlowReader => "the client reads too slowly",
            Self::ShutDown => "the realm goes down",
            Self::StoreBroken => "the store is broken",
        })
    }
}

/// Why a link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkCloseReason {
    /// The connection is gone.
    Down,
    /// Another connection with the same peer takes its place.
    Replaced,
    /// The peer fell silent, or acknowledges nothing.
    Dead,
    /// The peer broke the protocol.
    Protocol,
    /// The peer takes too little of what it is sent.
    Slow,
    /// The peer said goodbye.
    Bye,
    /// An operator does not want the link for now.
    Paused,
    /// The peer was taken out of the configuration.
    Removed,
    /// The realm goes down.
    ShutDown,
}

impl LinkCloseReason {
    /// The reason as a word, which never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Replaced => "replaced",
            Self::Dead => "dead",
            Self::Protocol => "protocol",
            Self::Slow => "slow",
            Self::Bye => "bye",
            Self::Paused => "paused",
            Self::Removed => "removed",
            Self::ShutDown => "shut_down",
        }
    }
}

impl fmt::Display for LinkCloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "the connection is gone",
            Self::Replaced => "another connection takes its place",
            Self::Dead => "the peer fell silent",
            Self::Protocol => "the peer broke the protocol",
            Self::Slow => "the peer reads too slowly",
            Self::Bye => "the peer said goodbye",
            Self::Paused => "an operator has paused it",
            Self::Removed => "the peer was taken out",
            Self::ShutDown => "the realm goes down",
        })
    }
}

/// Something that happened. No secret is ever in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection was one too many.
    Refused {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        code: ErrorCode,
    },
    /// A login failed.
    LoginFailed {
        /// On which connection.
        connection: ConnectionId,
        /// The name that was tried.
        user: String,
        /// Why.
        code: ErrorCode,
    },
    /// Somebody logged in.
    LoggedIn {
        /// On which connection.
        connection: ConnectionId,
        /// Who.
        user: UserName,
        /// The session's public number.
        session: u64,
    },
    /// A session ended.
    LoggedOut {
        /// Whose.
        user: UserName,
        /// Its public number.
        session: u64,
    },
    /// A private message was taken.
    Sent {
        /// The sender's session; 0 where the realm's owner sent in the user's name.
        session: u64,
        /// The sender.
        from: UserName,
        /// The recipient: a name, or `user@realm`.
        to: String,
    },
    /// An inbox was emptied.
    InboxRead {
        /// Whose.
        user: UserName,
        /// How many messages it had.
        messages: u64,
    },
    /// Messages of an inbox were shown and left in place.
    InboxPeeked {
        /// Whose.
        user: UserName,
        /// How many were shown.
        messages: u64,
    },
    /// Messages that had been shown were taken out of an inbox.
    InboxAcked {
        /// Whose.
        user: UserName,
        /// How many.
        messages: u64,
    },
    /// Messages that had been taken out before were shown.
    HistoryRead {
        /// Whose.
        user: UserName,
        /// How many.
        messages: u64,
    },
    /// Somebody asked who is logged in.
    ActiveUsersRead {
        /// Who asked.
        user: UserName,
    },
    /// A connection joined a live group.
    GroupJoined {
        /// Which connection.
        connection: ConnectionId,
        /// Whose.
        user: UserName,
        /// The group.
        group: String,
        /// The group's home.
        home: RealmName,
    },
    /// A connection left a live group.
    GroupLeft {
        /// Which connection.
        connection: ConnectionId,
        /// Whose.
        user: UserName,
        /// The group.
        group: String,
    },
    /// A line or a live message came in; secrets are masked, control characters are as they came.
    Received {
        /// From which connection.
        connection: ConnectionId,
        /// What.
        text: String,
    },
    /// A reply went out; secrets are masked.
    Replied {
        /// To which connection.
        connection: ConnectionId,
        /// What.
        text: String,
    },
    /// A link with a peer is up.
    LinkUp {
        /// The peer.
        peer: RealmName,
    },
    /// A connection with a peer ended before the peer had said hello; told once in a row.
    LinkFailed {
        /// The peer.
        peer: RealmName,
        /// Why.
        why: LinkCloseReason,
    },
    /// The link with a peer is gone.
    LinkDown {
        /// The peer.
        peer: RealmName,
        /// Why.
        why: LinkCloseReason,
    },
    /// Mail of a peer could not be kept; its sender is told.
    MailRefused {
        /// The peer.
        peer: RealmName,
        /// Why.
        code: ErrorCode,
    },
    /// One side of a link has forgotten what it had acknowledged: its data are older than that, or
    /// gone.
    HistoryTruncated {
        /// The peer.
        peer: RealmName,
        /// How many envelopes are missing.
        missing: u64,
    },
    /// A peer has had more of this realm's messages than the realm knows of: its data are an older
    /// copy. What waits is numbered anew, so that nothing is lost or doubled from now on.
    OlderCopy {
        /// The peer.
        peer: RealmName,
    },
    /// A peer has begun its messages anew: its data are new, or an older copy. What it had accepted
    /// and not sent may be lost.
    PeerRenewed {
        /// The peer.
        peer: RealmName,
    },
    /// Messages for a peer were given up, since they were too old or the peer is none any more; their
    /// senders are told.
    MailGivenUp {
        /// The peer.
        peer: RealmName,
        /// How many.
        messages: u64,
        /// Why.
        code: ErrorCode,
    },
    /// Messages for a peer that is none any more were under way: nobody will ever say whether they
    /// arrived.
    MailUnknown {
        /// The peer.
        peer: RealmName,
        /// How many.
        messages: u64,
    },
    /// A peer said why it closes the link.
    PeerSaid {
        /// The peer.
        peer: RealmName,
        /// A stable word; as it came, up to 256 characters of it, so escape it before showing it.
        code: String,
        /// A sentence, likewise.
        text: String,
    },
    /// A peer broke the protocol.
    PeerMisbehaved {
        /// The peer.
        peer: RealmName,
        /// How.
        what: String,
    },
    /// A message of a classic neighbour was taken. Nothing proves who wrote it.
    ClassicReceived {
        /// On which connection.
        connection: ConnectionId,
        /// The neighbour.
        peer: RealmName,
        /// Who is said to have written it.
        from: UserName,
        /// The recipient.
        to: UserName,
    },
    /// A message to a classic neighbour came to nothing, or it is not known what came of it; its
    /// sender was told. Told once in a row for each neighbour and reason.
    ClassicFailed {
        /// The neighbour.
        peer: RealmName,
        /// Why.
        code: ErrorCode,
    },
    /// The store is full; changes are refused until it is not.
    StoreFull,
    /// The store has room again.
    StoreRecovered,
    /// Messages could not be read from the store.
    FetchFailed,
    /// A password could not be hashed or checked: the machine lacks memory for it.
    PasswordFailed,
    /// The store is broken; the realm has stopped.
    StoreBroken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_words_that_never_change() {
        let clients = [
            (CloseReason::Ended, "ended"),
            (CloseReason::Quit, "quit"),
            (CloseReason::Refused, "refused"),
            (CloseReason::IdleEvicted, "idle_evicted"),
            (CloseReason::SlowReader, "slow_reader"),
            (CloseReason::ShutDown, "shut_down"),
            (CloseReason::StoreBroken, "store_broken"),
        ];
        let links = [
            (LinkCloseReason::Down, "down"),
            (LinkCloseReason::Replaced, "replaced"),
            (LinkCloseReason::Dead, "dead"),
            (LinkCloseReason::Protocol, "protocol"),
            (LinkCloseReason::Slow, "slow"),
            (LinkCloseReason::Bye, "bye"),
            (LinkCloseReason::Paused, "paused"),
            (LinkCloseReason::Removed, "removed"),
            (LinkCloseReason::ShutDown, "shut_down"),
        ];

        for (reason, word) in clients {
            assert_eq!(reason.word(), word);
        }
        for (reason, word) in links {
            assert_eq!(reason.word(), word);
        }
    }
}
