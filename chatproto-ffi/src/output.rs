//! What a realm asks for, as one flat struct.

use crate::event::{self, chatproto_event};
use crate::view::{chatproto_bytes, chatproto_str};
use crate::work::{self, Shared, Work, chatproto_work};
use chatproto::work::Job;
use chatproto::{ClassicCall, CloseReason, LinkCloseReason, Output, RealmName, RequestId};
use std::ptr;
use std::sync::Arc;

/// What an output is: one of the numbers `CHATPROTO_OUTPUT_...`.
pub type chatproto_output_kind = i32;
/// There is none: all was carried out, until the next call that tells the realm something.
pub const CHATPROTO_OUTPUT_NONE: chatproto_output_kind = 0;
/// `chatproto_realm_outgoing` has bytes for the connection `id`. It is not said again before all
/// are sent.
pub const CHATPROTO_OUTPUT_SEND: chatproto_output_kind = 1;
/// Read no more from the connection `id` for now: enough waits inside.
pub const CHATPROTO_OUTPUT_PAUSE_READ: chatproto_output_kind = 2;
/// Read from the connection `id` again.
pub const CHATPROTO_OUTPUT_RESUME_READ: chatproto_output_kind = 3;
/// Close the connection `id`: all was written, or will not be. The id means nothing any more.
/// `number` is why (`CHATPROTO_CLOSE_...`), `name` the word for it.
pub const CHATPROTO_OUTPUT_CLOSE: chatproto_output_kind = 4;
/// `chatproto_realm_link_take` has frames for the link `id` that it had not when it was called
/// last.
pub const CHATPROTO_OUTPUT_LINK_SEND: chatproto_output_kind = 5;
/// Write what was taken before, then close the link `id`. The id means nothing any more. `number`
/// is why (`CHATPROTO_LINK_CLOSE_...`), `name` the word for it.
pub const CHATPROTO_OUTPUT_LINK_CLOSE: chatproto_output_kind = 6;
/// Connect to the peer `name`, then call `chatproto_realm_link_up`, or
/// `chatproto_realm_dial_failed`.
pub const CHATPROTO_OUTPUT_DIAL: chatproto_output_kind = 7;
/// Let some thread run `work`, then call `chatproto_realm_complete`. `number` is its kind
/// (`CHATPROTO_WORK_...`).
pub const CHATPROTO_OUTPUT_WORK: chatproto_output_kind = 8;
/// `data` is the answer to the request `id`, as a client would read it.
pub const CHATPROTO_OUTPUT_REPLY: chatproto_output_kind = 9;
/// Something happened: `number` says what (`CHATPROTO_EVENT_...`), `name` is the word for it,
/// `data` has its fields as one JSON object, and `id` is the connection it is about, or
/// `CHATPROTO_NEVER`.
pub const CHATPROTO_OUTPUT_EVENT: chatproto_output_kind = 10;
/// Connect to the classic neighbour `name`, write `data`, read its answer, and hand in what came of
/// it, with the request `id`, by `chatproto_realm_called`, before the limit `classic_ms_max` is
/// over.
pub const CHATPROTO_OUTPUT_CALL: chatproto_output_kind = 11;

/// Why a connection is closed: one of the numbers `CHATPROTO_CLOSE_...`.
pub type chatproto_close_reason = i32;
/// The client has sent its last, and has its answers.
pub const CHATPROTO_CLOSE_ENDED: chatproto_close_reason = 1;
/// The client said `quit`.
pub const CHATPROTO_CLOSE_QUIT: chatproto_close_reason = 2;
/// It was one too many.
pub const CHATPROTO_CLOSE_REFUSED: chatproto_close_reason = 3;
/// It was idle and made room.
pub const CHATPROTO_CLOSE_IDLE_EVICTED: chatproto_close_reason = 4;
/// It left too much unread.
pub const CHATPROTO_CLOSE_SLOW_READER: chatproto_close_reason = 5;
/// The realm goes down.
pub const CHATPROTO_CLOSE_SHUT_DOWN: chatproto_close_reason = 6;
/// The store is broken.
pub const CHATPROTO_CLOSE_STORE_BROKEN: chatproto_close_reason = 7;

/// Why a link is closed: one of the numbers `CHATPROTO_LINK_CLOSE_...`.
pub type chatproto_link_close_reason = i32;
/// The connection is gone.
pub const CHATPROTO_LINK_CLOSE_DOWN: chatproto_link_close_reason = 1;
/// Another connection with the same peer takes its place.
pub const CHATPROTO_LINK_CLOSE_REPLACED: chatproto_link_close_reason = 2;
/// The peer fell silent, or acknowledges nothing.
pub const CHATPROTO_LINK_CLOSE_DEAD: chatproto_link_close_reason = 3;
/// The peer broke the protocol.
pub const CHATPROTO_LINK_CLOSE_PROTOCOL: chatproto_link_close_reason = 4;
/// The peer takes too little of what it is sent.
pub const CHATPROTO_LINK_CLOSE_SLOW: chatproto_link_close_reason = 5;
/// The peer said goodbye.
pub const CHATPROTO_LINK_CLOSE_BYE: chatproto_link_close_reason = 6;
/// The link is not wanted now.
pub const CHATPROTO_LINK_CLOSE_PAUSED: chatproto_link_close_reason = 7;
/// The peer was taken out of the configuration.
pub const CHATPROTO_LINK_CLOSE_REMOVED: chatproto_link_close_reason = 8;
/// The realm goes down.
pub const CHATPROTO_LINK_CLOSE_SHUT_DOWN: chatproto_link_close_reason = 9;

/// Something that a realm asks for, or tells. What its fields are depends on `kind`, and is said
/// with each; the others are 0, empty or NULL.
///
/// `name` and `data` are valid until the next call with that realm. `work` belongs to the program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_output {
    /// What it is.
    pub kind: chatproto_output_kind,
    /// Why, what kind of work, or which event.
    pub number: i32,
    /// A connection, a link or a request.
    pub id: u64,
    /// A peer, or the word for `number`.
    pub name: chatproto_str,
    /// A reply, what to write to a classic neighbour, or an event's fields.
    pub data: chatproto_bytes,
    /// Work to be done.
    pub work: *mut chatproto_work,
}

/// What the views of the last output lead to.
#[derive(Default)]
pub(crate) struct Shown {
    peer: Option<RealmName>,
    data: Vec<u8>,
}

impl chatproto_output {
    pub(crate) const NONE: Self = Self {
        kind: CHATPROTO_OUTPUT_NONE,
        number: 0,
        id: 0,
        name: chatproto_str::NONE,
        data: chatproto_bytes::NONE,
        work: ptr::null_mut(),
    };

    fn about(kind: chatproto_output_kind, id: u64) -> Self {
        Self {
            kind,
            id,
            ..Self::NONE
        }
    }

    fn why(self, number: i32, word: &'static str) -> Self {
        Self {
            number,
            name: chatproto_str::of(word),
            ..self
        }
    }

    /// An output as C is shown it; nothing for one of a kind that is newer than this file.
    pub(crate) fn of(output: Output, shared: &Arc<Shared>, shown: &mut Shown) -> Option<Self> {
        Some(match output {
            Output::Send(id) => Self::about(CHATPROTO_OUTPUT_SEND, id.as_u64()),
            Output::PauseRead(id) => Self::about(CHATPROTO_OUTPUT_PAUSE_READ, id.as_u64()),
            Output::ResumeRead(id) => Self::about(CHATPROTO_OUTPUT_RESUME_READ, id.as_u64()),
            Output::Close(id, why) => {
                Self::about(CHATPROTO_OUTPUT_CLOSE, id.as_u64()).why(close_reason(why), why.word())
            }
            Output::LinkSend(id) => Self::about(CHATPROTO_OUTPUT_LINK_SEND, id.as_u64()),
            Output::LinkClose(id, why) => Self::about(CHATPROTO_OUTPUT_LINK_CLOSE, id.as_u64())
                .why(link_close_reason(why), why.word()),
            Output::Dial(peer) => Self {
                kind: CHATPROTO_OUTPUT_DIAL,
                name: shown.peer(peer),
                ..Self::NONE
            },
            Output::Reply(RequestId(id), data) => Self {
                data: shown.data(data),
                ..Self::about(CHATPROTO_OUTPUT_REPLY, id)
            },
            Output::Call(RequestId(id), ClassicCall { peer, bytes, .. }) => Self {
                name: shown.peer(peer),
                data: shown.data(bytes),
                ..Self::about(CHATPROTO_OUTPUT_CALL, id)
            },
            Output::Event(event) => {
                let told = event::told(&event, &mut shown.data)?;
                let number: chatproto_event = told.number;
                Self {
                    data: chatproto_bytes::of(&shown.data),
                    ..Self::about(CHATPROTO_OUTPUT_EVENT, told.connection).why(number, told.name)
                }
            }
            other => return Job::of(other).ok().map(|job| Self::job(shared, job)),
        })
    }

    pub(crate) fn job(shared: &Arc<Shared>, job: Job) -> Self {
        Self {
            kind: CHATPROTO_OUTPUT_WORK,
            number: work::kind(&job),
            work: Work::give(shared, job),
            ..Self::NONE
        }
    }
}

impl Shown {
    fn peer(&mut self, name: RealmName) -> chatproto_str {
        chatproto_str::of(self.peer.insert(name).as_str())
    }

    fn data(&mut self, data: Vec<u8>) -> chatproto_bytes {
        self.data = data;
        chatproto_bytes::of(&self.data)
    }
}

/// 0 for a reason that is newer than this file, of which a test would tell.
fn close_reason(why: CloseReason) -> chatproto_close_reason {
    match why {
        CloseReason::Ended => CHATPROTO_CLOSE_ENDED,
        CloseReason::Quit => CHATPROTO_CLOSE_QUIT,
        CloseReason::Refused => CHATPROTO_CLOSE_REFUSED,
        CloseReason::IdleEvicted => CHATPROTO_CLOSE_IDLE_EVICTED,
        CloseReason::SlowReader => CHATPROTO_CLOSE_SLOW_READER,
        CloseReason::ShutDown => CHATPROTO_CLOSE_SHUT_DOWN,
        CloseReason::StoreBroken => CHATPROTO_CLOSE_STORE_BROKEN,
        _ => 0,
    }
}

/// Likewise.
fn link_close_reason(why: LinkCloseReason) -> chatproto_link_close_reason {
    match why {
        LinkCloseReason::Down => CHATPROTO_LINK_CLOSE_DOWN,
        LinkCloseReason::Replaced => CHATPROTO_LINK_CLOSE_REPLACED,
        LinkCloseReason::Dead => CHATPROTO_LINK_CLOSE_DEAD,
        LinkCloseReason::Protocol => CHATPROTO_LINK_CLOSE_PROTOCOL,
        LinkCloseReason::Slow => CHATPROTO_LINK_CLOSE_SLOW,
        LinkCloseReason::Bye => CHATPROTO_LINK_CLOSE_BYE,
        LinkCloseReason::Paused => CHATPROTO_LINK_CLOSE_PAUSED,
        LinkCloseReason::Removed => CHATPROTO_LINK_CLOSE_REMOVED,
        LinkCloseReason::ShutDown => CHATPROTO_LINK_CLOSE_SHUT_DOWN,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::{OUTPUT, snake, variants};

    #[test]
    fn reasons_have_the_numbers_of_their_words() {
        let closes = [
            (CloseReason::Ended, 1),
            (CloseReason::Quit, 2),
            (CloseReason::Refused, 3),
            (CloseReason::IdleEvicted, 4),
            (CloseReason::SlowReader, 5),
            (CloseReason::ShutDown, 6),
            (CloseReason::StoreBroken, 7),
        ];
        let link_closes = [
            (LinkCloseReason::Down, 1),
            (LinkCloseReason::Replaced, 2),
            (LinkCloseReason::Dead, 3),
            (LinkCloseReason::Protocol, 4),
            (LinkCloseReason::Slow, 5),
            (LinkCloseReason::Bye, 6),
            (LinkCloseReason::Paused, 7),
            (LinkCloseReason::Removed, 8),
            (LinkCloseReason::ShutDown, 9),
        ];

        for (why, number) in closes {
            assert_eq!(close_reason(why), number);
        }
        for (why, number) in link_closes {
            assert_eq!(link_close_reason(why), number);
        }
    }

    #[test]
    fn the_engine_has_no_reason_and_no_output_beside_these() {
        let words = |name| {
            variants(OUTPUT, name)
                .into_iter()
                .map(snake)
                .collect::<Vec<_>>()
        };

        assert_eq!(
            words("CloseReason"),
            [
                "ended",
                "quit",
                "refused",
                "idle_evicted",
                "slow_reader",
                "shut_down",
                "store_broken"
            ]
        );
        assert_eq!(
            words("LinkCloseReason"),
            [
                "down",
                "replaced",
                "dead",
                "protocol",
                "slow",
                "bye",
                "paused",
                "removed",
                "shut_down"
            ]
        );
        assert_eq!(
            words("Output"),
            [
                "send",
                "pause_read",
                "resume_read",
                "close",
                "link_send",
                "link_close",
                "dial",
                "hash",
                "fetch",
                "fetch_queue",
                "call",
                "reply",
                "event"
            ]
        );
    }
}
