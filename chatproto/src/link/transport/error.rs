//! What ends a link, and what keeps a frame from being sent.

use crate::link::codec::FrameError;
use thiserror::Error;

/// Why a transport is of no further use, or a frame cannot be sent.
///
/// Nothing that the peer sent is in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The handshake is not one of a peer that is configured, or not for this realm.
    #[error(
        "the link was refused: check the names, keys and modes of both realms in both configurations"
    )]
    Rejected,
    /// The handshake took too long.
    #[error("its handshake did not end in time")]
    HandshakeTimeout,
    /// A message of the secure channel is not what the peer sealed, or not in its turn.
    #[error("a message of the link was changed, left out or doubled on its way")]
    Tampered,
    /// The keys of the secure channel have been used as often as they may.
    #[error("the link has sent as many messages as its keys are good for; dial again")]
    KeysUsedUp,
    /// The peer sent a line over this realm's limit.
    #[error("a line of the link is over the {max} bytes that are read here")]
    ReceivedTooLong {
        /// The limit in bytes, the line feed included.
        max: u64,
    },
    /// The peer sent a line that is not a frame.
    #[error("a line of the link is not a frame: {0}")]
    Frame(#[from] FrameError),
    /// The peer began with another frame than a `hello`, and not with its last words either.
    #[error("the first frame of a link must be a hello")]
    NoHello,
    /// The peer said `hello` again.
    #[error("a link has only one hello")]
    SecondHello,
    /// The peer reads shorter lines than every realm has to.
    #[error("the hello's limit of line_bytes must be at least 4096")]
    HelloLimit,
    /// The frame to be sent is longer than the peer reads; the transport goes on.
    #[error(
        "the frame is over the {max} bytes that the peer reads in a line; send it a shorter one"
    )]
    LineTooLong {
        /// The limit in bytes, the line feed included.
        max: u64,
    },
    /// The frame to be sent has a number beyond 2^53; the transport goes on.
    #[error("the frame has a number that no peer reads; numbers go up to 2^53")]
    NumberTooBig,
    /// A frame was to be sent before [`Up`](super::TransportEvent::Up); the transport goes on.
    #[error("a frame cannot be sent before the link is up; wait for Up")]
    NotUp,
}

impl TransportError {
    /// The code for the peer's eyes; without one it sees the connection close and no more.
    pub(super) fn last_words(self) -> Option<&'static str> {
        match self {
            Self::Frame(_) => Some("bad_frame"),
            Self::ReceivedTooLong { .. } => Some("line_too_long"),
            Self::Tampered => Some("bad_message"),
            Self::NoHello | Self::SecondHello | Self::HelloLimit => Some("bad_hello"),
            Self::Rejected
            | Self::HandshakeTimeout
            | Self::KeysUsedUp
            | Self::LineTooLong { .. }
            | Self::NumberTooBig
            | Self::NotUp => None,
        }
    }
}
