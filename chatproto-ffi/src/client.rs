//! The client's half of the protocol, as C holds it.

pub mod incoming;
pub mod requests;

use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::{fallible, guard};
use crate::handle::{self, Handle, object, opaque, out};
use crate::view::{bytes, chatproto_bytes};
use chatproto::Misuse;
use chatproto::client::{Client, Incoming};
use std::ptr;

/// One connection to a server, as a client has it: requests become bytes, and what was read becomes
/// replies and the texts of groups. It speaks with every server of the protocol.
///
/// It owns no socket. After each request, and after each read, write what
/// `chatproto_client_outgoing` shows, one write for each time it shows something, since in a group
/// each write is a message; and take what has come by `chatproto_client_next` until there is
/// nothing. One request is under way at a time; others wait inside, and become outgoing as replies
/// come. The token of whoever logs in is kept inside and never shown.
///
/// A connection that ends ends this too: make another one for the next connection, and log in again.
///
/// Ownership: made by `chatproto_client_new`, freed by `chatproto_client_free`. Threads: one at a
/// time, any; one that comes while another is inside gets `BUSY`.
pub struct chatproto_client(pub(crate) Handle<Open>);

opaque!(chatproto_client: Open);

pub(crate) struct Open {
    pub(crate) client: Client,
    /// What the views of the last `chatproto_client_next` lead to.
    pub(crate) shown: Option<Incoming>,
}

/// Begins a connection, with nobody logged in.
///
/// `reply_bytes_max` is the longest reply that is waited for, in bytes; 0 stands for 64 MiB, which no
/// inbox of a server with the default limits reaches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_new(
    reply_bytes_max: usize,
    client: *mut *mut chatproto_client,
) -> chatproto_error {
    fallible!({
        let client = out!(client)?;
        client.put(ptr::null_mut());
        let made = match reply_bytes_max {
            0 => Client::new(),
            max => Client::with_reply_bytes_max(max),
        };
        client.put(handle::give(Open {
            client: made,
            shown: None,
        }));
        Ok(())
    })
}

/// Frees a client, and wipes the token and what was to be written. Does nothing for NULL. While
/// another thread is inside, nothing is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_free(client: *mut chatproto_client) {
    guard!((), {
        // SAFETY: as the header says, it is NULL or from `chatproto_client_new` and not freed.
        unsafe { handle::free(client) };
    });
}

/// Shows what to write now, in one write; valid until the next call with this client. Empty if there
/// is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_outgoing(
    client: *mut chatproto_client,
    data: *mut chatproto_bytes,
) -> chatproto_error {
    fallible!({
        let (client, data) = (object!(client)?, out!(data)?);
        client.0.with(|open| {
            data.put(chatproto_bytes::of(open.client.outgoing()));
            Ok(())
        })
    })
}

/// Notes that the first `n` bytes of what is outgoing were written. Then there may be more.
///
/// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_sent(
    client: *mut chatproto_client,
    n: usize,
) -> chatproto_error {
    fallible!({
        object!(client)?.0.with(|open| {
            if n > open.client.outgoing().len() {
                return Err(Fault::from(Misuse::SentTooMuch));
            }
            open.client.sent(n);
            Ok(())
        })
    })
}

/// Takes what one read from the connection brought.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_receive(
    client: *mut chatproto_client,
    data: chatproto_bytes,
) -> chatproto_error {
    fallible!({
        let (client, data) = (object!(client)?, bytes!(data)?);
        client.0.with(|open| {
            open.client.receive(data);
            Ok(())
        })
    })
}

/// Shows whether somebody is logged in, as far as replies have told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_is_logged_in(
    client: *mut chatproto_client,
    is_logged_in: *mut bool,
) -> chatproto_error {
    fallible!({
        let (client, is_logged_in) = (object!(client)?, out!(is_logged_in)?);
        client.0.with(|open| {
            is_logged_in.put(open.client.is_logged_in());
            Ok(())
        })
    })
}

/// Shows whether the connection is in a group, where texts are said and nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_is_in_group(
    client: *mut chatproto_client,
    is_in_group: *mut bool,
) -> chatproto_error {
    fallible!({
        let (client, is_in_group) = (object!(client)?, out!(is_in_group)?);
        client.0.with(|open| {
            is_in_group.put(open.client.is_in_group());
            Ok(())
        })
    })
}

/// Shows whether the connection is on its way out of a group: nothing can be said or asked before the
/// reply has come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_is_leaving(
    client: *mut chatproto_client,
    is_leaving: *mut bool,
) -> chatproto_error {
    fallible!({
        let (client, is_leaving) = (object!(client)?, out!(is_leaving)?);
        client.0.with(|open| {
            is_leaving.put(open.client.is_leaving());
            Ok(())
        })
    })
}
