//! Envelopes that wait in a stream, by their numbers.

use super::columns::{number, realm_name, text, uuid};
use super::fault::Fault;
use super::keys::{NUMBER_MAX, key, parts, stream};
use crate::envelope::{Envelope, Kind};
use crate::store::{QueueFetch, QueuedEnvelope};
use rusqlite::{Connection, Row};
use std::sync::Arc;
use uuid::Uuid;

/// Rows that a stream still needs, by a seek each: one that came twice may be there although it was
/// acknowledged.
macro_rules! waiting {
    ($first:literal, $last:literal, $order:literal) => {
        concat!(
            "SELECT queue.key, queue.id, kind, answers, reason, origin, destination, sender, recipient,
                sent_unix_ms, expires_unix_ms, text, is_void, streams.acknowledged,
                streams.stream
            FROM streams CROSS JOIN queue ON queue.key BETWEEN ",
            $first,
            " AND ",
            $last,
            $order
        )
    };
}

/// Everything that waits.
pub(super) const WAITING: &str = waiting!(
    "(streams.id << 40) + streams.acknowledged + 1",
    "(streams.id << 40) + 1099511627775",
    " ORDER BY streams.id, queue.key"
);
const FETCH: &str = waiting!(
    "max(?2, (streams.id << 40) + streams.acknowledged + 1)",
    "?3",
    " WHERE streams.id = ?1 ORDER BY queue.key"
);

/// The id of the stream that a row of these is in.
pub(super) fn stream_id(row: &Row<'_>) -> Result<Uuid, Fault> {
    uuid(row, 14)
}

/// Whether a row of these will never be sent.
pub(super) fn is_void(row: &Row<'_>) -> Result<bool, Fault> {
    Ok(row.get(12)?)
}

/// Reads what a fetch asks for.
pub(super) fn fetch(
    connection: &Connection,
    fetch: &QueueFetch,
) -> Result<Vec<QueuedEnvelope>, Fault> {
    let mut found = Vec::new();
    if fetch.from > NUMBER_MAX {
        return Ok(found);
    }
    let id = stream(fetch.peer, fetch.kind)?;
    let keys = (key(id, fetch.from)?, key(id, fetch.upto.min(NUMBER_MAX))?);
    let mut statement = connection.prepare_cached(FETCH)?;
    let mut rows = statement.query((id, keys.0, keys.1))?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if !found.is_empty() && bytes >= fetch.bytes_max {
            break;
        }
        let (_, seq) = parts(row.get(0)?)?;
        let first = fetch.from.max(number(row, 13)? + 1);
        if seq != first + found.len() as u64 {
            return Err(Fault::Row("a message is missing in a queue"));
        }
        let envelope = Arc::new(envelope(row)?);
        bytes += envelope.cost_bytes();
        found.push(QueuedEnvelope { seq, envelope });
    }
    Ok(found)
}

/// The envelope in a row.
pub(super) fn envelope(row: &Row<'_>) -> Result<Envelope, Fault> {
    Ok(Envelope {
        id: uuid(row, 1)?,
        kind: kind(row)?,
        origin: realm_name(row, 5)?,
        destination: realm_name(row, 6)?,
        from: row.get(7)?,
        to: row.get(8)?,
        sent_unix_ms: number(row, 9)?,
        expires_unix_ms: number(row, 10)?,
        text: row.get(11)?,
    })
}

fn kind(row: &Row<'_>) -> Result<Kind, Fault> {
    match &*text(row, 2)? {
        "message" => Ok(Kind::Message),
        "bounce" => Ok(Kind::Bounce {
            answers: uuid(row, 3)?,
            reason: row.get(4)?,
        }),
        other => other
            .strip_prefix("other:")
            .map(|word| Kind::Other(word.to_owned()))
            .ok_or(Fault::Row("an envelope is of no known kind")),
    }
}
