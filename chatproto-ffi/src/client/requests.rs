//! What a client asks of its server.

use super::chatproto_client;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::fallible;
use crate::handle::{Out, object, out};
use crate::view::{chatproto_str, text};
use chatproto::client::{Client, RequestError};

/// Makes a request, and tells its number.
fn asked(
    client: &chatproto_client,
    request: &Out<u64>,
    ask: impl FnOnce(&mut Client) -> Result<u64, RequestError>,
) -> Result<(), Fault> {
    client.0.with(|open| {
        request.put(ask(&mut open.client)?);
        Ok(())
    })
}

/// Logs in. The number of the request comes back with its reply, as with all requests.
///
/// Errors, as of all requests: `NOT_ONE_WORD` if a name or a word is empty or has white space in it,
/// `IN_GROUP` in a group or on the way out of one, `REPLY_TOO_LONG` after
/// `CHATPROTO_INCOMING_TOO_LONG`; nothing is written then. Those that act for a user have
/// `NOT_LOGGED_IN`, and those with a text `LINE_END` if CR LF is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_log_in(
    client: *mut chatproto_client,
    name: chatproto_str,
    password: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        let (name, password) = (text!(name)?, text!(password)?);
        asked(client, &request, |client| client.log_in(name, password))
    })
}

/// Ends the session. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_log_out(
    client: *mut chatproto_client,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, Client::log_out)
    })
}

/// Leaves a message for a user, or for `user@realm`. The server keeps a space before the text and the
/// line end after it, as the classic clients have it. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_send(
    client: *mut chatproto_client,
    to: chatproto_str,
    text: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        let (to, text) = (text!(to)?, text!(text)?);
        asked(client, &request, |client| client.send(to, text))
    })
}

/// Does the same with a key of the program's choice, one word: sent again with it, after a reply that
/// was lost, there is no second copy. Classic servers do not know it. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_send_once(
    client: *mut chatproto_client,
    key: chatproto_str,
    to: chatproto_str,
    text: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        let (key, to, text) = (text!(key)?, text!(to)?, text!(text)?);
        asked(client, &request, |client| client.send_once(key, to, text))
    })
}

/// Takes all messages out of the inbox. If the reply is lost, so are they: where the server knows
/// `chatproto_client_peek` and `chatproto_client_ack`, use those. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_inbox(
    client: *mut chatproto_client,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, Client::inbox)
    })
}

/// Reads the first messages of the inbox, at most `limit`, and leaves them there. Errors: as of all
/// requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_peek(
    client: *mut chatproto_client,
    limit: u64,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, |client| client.peek(limit))
    })
}

/// Takes messages out of the inbox, up to and including the one with the number `upto`. Errors: as of
/// all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_ack(
    client: *mut chatproto_client,
    upto: u64,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, |client| client.ack(upto))
    })
}

/// Asks who is logged in: the reply's `text` has the names, each followed by ", ". Errors: as of all
/// requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_active_users(
    client: *mut chatproto_client,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, Client::active_users)
    })
}

/// Sends any other line, given without its end; a token in it is the program's to know. Errors: as of
/// all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_line(
    client: *mut chatproto_client,
    line: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, line, request) = (object!(client)?, text!(line)?, out!(request)?);
        asked(client, &request, |client| client.line(line))
    })
}

/// Does the same with a command that takes the token first: with the verb "history" and the rest
/// "messi", the line is `history TOKEN messi`. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_command(
    client: *mut chatproto_client,
    verb: chatproto_str,
    rest: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        let (verb, rest) = (text!(verb)?, text!(rest)?);
        asked(client, &request, |client| client.command(verb, rest))
    })
}

// Groups.

/// Joins a live group, which is made if there is none. `CHATPROTO_INCOMING_JOINED` tells that it went
/// well; a reply is an error. Errors: as of all requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_join(
    client: *mut chatproto_client,
    group: chatproto_str,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, group, request) = (object!(client)?, text!(group)?, out!(request)?);
        asked(client, &request, |client| client.join(group))
    })
}

/// Says something in the group.
///
/// Errors: `NO_GROUP` if the connection is in none, or is leaving it; `NO_TEXT` if the text is empty,
/// or "exit"; `REPLY_TOO_LONG`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_say(
    client: *mut chatproto_client,
    text: chatproto_str,
) -> chatproto_error {
    fallible!({
        let (client, text) = (object!(client)?, text!(text)?);
        client.0.with(|open| Ok(open.client.say(text)?))
    })
}

/// Leaves the group; the reply tells when that is done.
///
/// Errors: `NO_GROUP`, `REPLY_TOO_LONG`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_client_leave(
    client: *mut chatproto_client,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (client, request) = (object!(client)?, out!(request)?);
        asked(client, &request, Client::leave)
    })
}
