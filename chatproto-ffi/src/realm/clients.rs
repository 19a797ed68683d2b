//! The clients of a realm, and commands without one.

use super::chatproto_realm;
use crate::clock::chatproto_now;
use crate::error::chatproto_error;
use crate::guard::fallible;
use crate::handle::{object, out};
use crate::view::{bytes, chatproto_bytes, chatproto_str, text};
use chatproto::{Connection, ConnectionId, RealmName};

/// Takes a new connection from an address, written without its port, by which connections are
/// counted. One too many is told so and closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_open(
    realm: *mut chatproto_realm,
    address: chatproto_str,
    now: chatproto_now,
    connection: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, address, connection) = (object!(realm)?, text!(address)?, out!(connection)?);
        realm.0.with(|open| {
            let id = open.realm.open(Connection::new(address), now.engine());
            connection.put(id.as_u64());
            Ok(())
        })
    })
}

/// Takes a new connection on the listener of a classic neighbour: all that it can do is what that
/// dialect has, in the name of any user of that realm. Where no classic neighbour of that name is
/// configured, it is refused.
///
/// Errors: `NOT_A_NAME`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_open_classic(
    realm: *mut chatproto_realm,
    address: chatproto_str,
    neighbour: chatproto_str,
    now: chatproto_now,
    connection: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, address, connection) = (object!(realm)?, text!(address)?, out!(connection)?);
        let neighbour = RealmName::parse(text!(neighbour)?)?;
        realm.0.with(|open| {
            let described = Connection::classic(address, neighbour);
            let id = open.realm.open(described, now.engine());
            connection.put(id.as_u64());
            Ok(())
        })
    })
}

/// Takes what one read from a connection brought. In a live group one read is one message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_receive(
    realm: *mut chatproto_realm,
    connection: u64,
    data: chatproto_bytes,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, data) = (object!(realm)?, bytes!(data)?);
        let connection = ConnectionId::from_u64(connection);
        realm.0.with(|open| {
            open.realm.receive(connection, data, now.engine());
            Ok(())
        })
    })
}

/// Notes that the client will send no more, but may still read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_ended(
    realm: *mut chatproto_realm,
    connection: u64,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let connection = ConnectionId::from_u64(connection);
        object!(realm)?.0.with(|open| {
            open.realm.ended(connection, now.engine());
            Ok(())
        })
    })
}

/// Notes that the connection is gone. Whole lines that it had sent are still carried out, but an
/// `inbox` among them empties nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_closed(
    realm: *mut chatproto_realm,
    connection: u64,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let connection = ConnectionId::from_u64(connection);
        object!(realm)?.0.with(|open| {
            open.realm.closed(connection, now.engine());
            Ok(())
        })
    })
}

/// Shows what to write to a connection now; valid until the next call with this realm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_outgoing(
    realm: *mut chatproto_realm,
    connection: u64,
    data: *mut chatproto_bytes,
) -> chatproto_error {
    fallible!({
        let (realm, data) = (object!(realm)?, out!(data)?);
        let connection = ConnectionId::from_u64(connection);
        realm.0.with(|open| {
            data.put(chatproto_bytes::of(open.realm.outgoing(connection)));
            Ok(())
        })
    })
}

/// Notes that the first `n` bytes of what is outgoing were written. Where the socket takes no more,
/// go on once it does.
///
/// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_sent(
    realm: *mut chatproto_realm,
    connection: u64,
    n: usize,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let connection = ConnectionId::from_u64(connection);
        object!(realm)?
            .0
            .with(|open| Ok(open.realm.sent(connection, n, now.engine())?))
    })
}

/// Carries out one command without a connection, such as "auth messi surabaya"; a line end is added
/// where there is none. An output of the kind `CHATPROTO_OUTPUT_REPLY` with that `*request` answers
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_execute(
    realm: *mut chatproto_realm,
    line: chatproto_bytes,
    now: chatproto_now,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, line, request) = (object!(realm)?, bytes!(line)?, out!(request)?);
        realm.0.with(|open| {
            request.put(open.realm.execute(line, now.engine()).0);
            Ok(())
        })
    })
}

/// Does the same without adding a line end, so that the text of a `send` is kept without one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_execute_exactly(
    realm: *mut chatproto_realm,
    line: chatproto_bytes,
    now: chatproto_now,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, line, request) = (object!(realm)?, bytes!(line)?, out!(request)?);
        realm.0.with(|open| {
            request.put(open.realm.execute_exactly(line, now.engine()).0);
            Ok(())
        })
    })
}
