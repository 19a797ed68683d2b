//! What has come to a client, as one flat struct.

use super::{Open, chatproto_client};
use crate::clock::NEVER;
use crate::error::{CHATPROTO_OK, chatproto_error};
use crate::fault::Fault;
use crate::guard::fallible;
use crate::handle::{object, out};
use crate::view::chatproto_str;
use chatproto::client::{Incoming, Message, Reply};

/// What has come to a client: one of the numbers `CHATPROTO_INCOMING_...`.
pub type chatproto_incoming_kind = i32;
/// Nothing, until more was read.
pub const CHATPROTO_INCOMING_NONE: chatproto_incoming_kind = 0;
/// The reply to `request`. `is_ok` tells whether the server did what it was asked for; if not,
/// `error` is why, or 0 where the server gives no reason that this library knows. `text` is what it
/// says to a person, empty if nothing; `json` is all of it, a token in it as "***"; `messages` is
/// how many messages it tells, for `chatproto_client_message_at`.
pub const CHATPROTO_INCOMING_REPLY: chatproto_incoming_kind = 1;
/// A reply that nobody asked for: the server says why it closes, or why it shows the client out of a
/// group. Its fields are those of a reply.
pub const CHATPROTO_INCOMING_NOTICE: chatproto_incoming_kind = 2;
/// Something in the place of a reply that is none: to `request`, or to none if that is 0. The next
/// request may fare better.
pub const CHATPROTO_INCOMING_SENSELESS: chatproto_incoming_kind = 3;
/// `request`, to join a group, went well: what comes from now on is `CHATPROTO_INCOMING_TEXT`, until
/// the reply to `chatproto_client_leave`.
pub const CHATPROTO_INCOMING_JOINED: chatproto_incoming_kind = 4;
/// `text` is what the group is told. It may be anything that its members wrote, characters that a
/// terminal obeys among them.
pub const CHATPROTO_INCOMING_TEXT: chatproto_incoming_kind = 5;
/// A reply is longer than the bound: close the connection. Nothing comes after it.
pub const CHATPROTO_INCOMING_TOO_LONG: chatproto_incoming_kind = 6;

/// What has come to a client. What its fields are depends on `kind`, and is said with each; the
/// others are 0, false or empty.
///
/// Its views are valid until the next `chatproto_client_next` with that client, or its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_incoming {
    /// What it is.
    pub kind: chatproto_incoming_kind,
    /// Why the server did not do it.
    pub error: chatproto_error,
    /// Whether the server did what it was asked for.
    pub is_ok: bool,
    /// The number that the request was given.
    pub request: u64,
    /// What people read.
    pub text: chatproto_str,
    /// A reply, in JSON, without its end.
    pub json: chatproto_str,
    /// How many messages there are.
    pub messages: usize,
}

impl chatproto_incoming {
    const NONE: Self = Self {
        kind: CHATPROTO_INCOMING_NONE,
        error: CHATPROTO_OK,
        is_ok: false,
        request: 0,
        text: chatproto_str::NONE,
        json: chatproto_str::NONE,
        messages: 0,
    };

    fn about(kind: chatproto_incoming_kind, request: u64) -> Self {
        Self {
            kind,
            request,
            ..Self::NONE
        }
    }

    fn reply(self, reply: &Reply) -> Self {
        let code = reply.error();
        Self {
            error: code.map_or(CHATPROTO_OK, |code| chatproto_error::from(code as u16)),
            is_ok: reply.is_ok(),
            text: reply
                .message()
                .map_or(chatproto_str::NONE, chatproto_str::of),
            json: chatproto_str::of(reply.json()),
            messages: reply.messages().len(),
            ..self
        }
    }

    /// As C is shown it; nothing of a kind that is newer than this file.
    fn of(incoming: &Incoming) -> Option<Self> {
        Some(match incoming {
            Incoming::Reply { request, reply } => {
                Self::about(CHATPROTO_INCOMING_REPLY, *request).reply(reply)
            }
            Incoming::Notice(reply) => Self::about(CHATPROTO_INCOMING_NOTICE, 0).reply(reply),
            Incoming::Senseless { request } => {
                // Requests are counted from 1.
                Self::about(CHATPROTO_INCOMING_SENSELESS, request.unwrap_or(0))
            }
            Incoming::Joined { request } => Self::about(CHATPROTO_INCOMING_JOINED, *request),
            Incoming::Text(text) => Self {
                text: chatproto_str::of(text),
                ..Self::about(CHATPROTO_INCOMING_TEXT, 0)
            },
            Incoming::TooLong => Self::about(CHATPROTO_INCOMING_TOO_LONG, 0),
            _ => return None,
        })
    }
}

/// A message out of an inbox, as a reply tells it. Its views are valid as long as those of the reply.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_message {
    /// Its number in the inbox, for `chatproto_client_ack`; `CHATPROTO_NEVER` where the server does
    /// not tell it, as in the reply to `chatproto_client_inbox`.
    pub id: u64,
    /// When the server took it, in milliseconds since 1970; `CHATPROTO_NEVER` where it does not tell
    /// that.
    pub unix_ms: u64,
    /// Who wrote it: a user name, or `user@realm`.
    pub from: chatproto_str,
    /// The name of that user that others see.
    pub display_from: chatproto_str,
    /// The name of whom it is for, as others see it.
    pub display_to: chatproto_str,
    /// What it says, with the space before it and the line end after it that most clients send.
    pub text: chatproto_str,
}

impl chatproto_message {
    fn of(message: &Message) -> Self {
        Self {
            id: message.id.unwrap_or(NEVER),
            unix_ms: message.unix_ms.unwrap_or(NEVER),
            from: chatproto_str::of(&message.from),
            display_from: chatproto_str::of(&message.display_from),
            display_to: chatproto_str::of(&message.display_to),
            text: chatproto_str::of(&message.text),
        }
    }
}

impl Open {
    fn next(&mut self) -> chatproto_incoming {
        while let Some(incoming) = self.client.next() {
            if let Some(told) = chatproto_incoming::of(self.shown.insert(incoming)) {
                return told;
            }
        }
        self.shown = None;
        chatproto_incoming::NONE
    }

    fn messages(&self) -> &[Message] {
        match &self.shown {
            Some(Incoming::Reply { reply, .. } | Incoming::Notice(reply)) => reply.messages(),
            _ => &[],
        }
    }
}

/// Takes what has come next; one of the kind `CHATPROTO_INCOMING_NONE` means that nothing has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_next(
    client: *mut chatproto_client,
    incoming: *mut chatproto_incoming,
) -> chatproto_error {
    fallible!({
        let (client, incoming) = (object!(client)?, out!(incoming)?);
        incoming.put(chatproto_incoming::NONE);
        client.0.with(|open| {
            incoming.put(open.next());
            Ok(())
        })
    })
}

/// Shows message number `at`, counted from 0, of the reply that was taken last: those of an inbox
/// sender by sender, and the oldest of each first.
///
/// Errors: `INVALID_ARGUMENT` if it has not so many, or something else than a reply was taken last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_message_at(
    client: *mut chatproto_client,
    at: usize,
    message: *mut chatproto_message,
) -> chatproto_error {
    fallible!({
        let (client, message) = (object!(client)?, out!(message)?);
        client.0.with(|open| {
            let found = open.messages().get(at);
            let found = found.ok_or_else(|| Fault::invalid("there are not so many messages"))?;
            message.put(chatproto_message::of(found));
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::event::tests::{snake, variants};

    #[test]
    fn the_core_has_nothing_beside_these() {
        let words = |name| {
            variants(include_str!("../../../chatproto/src/client.rs"), name)
                .into_iter()
                .map(snake)
                .collect::<Vec<_>>()
        };

        assert_eq!(
            words("Incoming"),
            ["reply", "notice", "senseless", "joined", "text", "too_long"]
        );
    }
}
