//! Whether a store holds what it should. Nothing is ever mended here: that is for people to decide.

use super::fault::{Fault, damaged};
use super::file::{self, Place};
use crate::store::StoreError;
use rusqlite::Connection;

/// What must not be there, and how to find it: each gives a row if something is wrong.
const CONTRADICTIONS: [(&str, &str); 15] = [
    (
        "it does not say whose it is",
        "SELECT 1 WHERE (SELECT count(*) FROM meta) <> 1",
    ),
    (
        "a user's number is beyond 8388607",
        "SELECT 1 FROM users WHERE id NOT BETWEEN 0 AND 8388607",
    ),
    // From owner to owner by seeks; a key that is negative has no owner at all.
    (
        "a message is for a user who is not there",
        "WITH RECURSIVE owners(id) AS (
            SELECT min(key) >> 40 FROM messages
            UNION ALL
            SELECT (SELECT min(key) >> 40 FROM messages WHERE key >= (owners.id + 1) << 40)
            FROM owners WHERE owners.id BETWEEN 0 AND 8388606
        )
        SELECT 1 FROM owners WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM users)",
    ),
    ("a message is of a sender who is not there", STRANGERS_WROTE),
    (
        "an inbox is of a user who is not there",
        "SELECT 1 FROM inboxes WHERE user NOT IN (SELECT id FROM users)",
    ),
    (
        "a list of senders is of a user who is not there",
        "SELECT 1 FROM senders WHERE key >> 32 NOT IN (SELECT id FROM users)",
    ),
    (
        "a list of senders has one who is not there",
        STRANGERS_LISTED,
    ),
    (
        "a login is of a user who is not there",
        "SELECT 1 FROM sessions WHERE user NOT IN (SELECT id FROM users)",
    ),
    (
        "a key is of a user who is not there",
        "SELECT 1 FROM send_keys WHERE key >> 40 NOT IN (SELECT id FROM users)",
    ),
    (
        "a user of a realm that is not there was met",
        "SELECT 1 FROM remotes WHERE realm NOT IN (SELECT id FROM realms)",
    ),
    (
        "a stream is of a realm that is not there",
        "SELECT 1 FROM (
            SELECT id >> 2 AS realm FROM streams UNION ALL SELECT id >> 2 FROM cursors
            UNION ALL SELECT key >> 40 FROM refusals UNION ALL SELECT realm FROM bounces_due
            UNION ALL SELECT key >> 40 FROM seen
        ) WHERE realm NOT IN (SELECT id FROM realms)",
    ),
    (
        "an envelope waits in a stream that is not there",
        "SELECT 1 FROM queue WHERE key >> 40 NOT IN (SELECT id FROM streams)",
    ),
    // They count up by one from what was acknowledged.
    (
        "a message is missing in a queue",
        "SELECT 1 FROM (
            SELECT max(queue.key) - (streams.id << 40) - acknowledged AS expected, count(*) AS found
            FROM streams CROSS JOIN queue ON queue.key BETWEEN (streams.id << 40) + acknowledged + 1
                AND (streams.id << 40) + 1099511627775
            GROUP BY streams.id
        ) WHERE expected <> found",
    ),
    (
        "messages may have been sent that are not there",
        "SELECT 1 FROM streams WHERE marked NOT BETWEEN 0 AND max(acknowledged, coalesce((SELECT max(key) FROM queue
            WHERE key BETWEEN streams.id << 40 AND (streams.id << 40) + 1099511627775), 0)
            & 1099511627775)",
    ),
    (
        "a message to another realm is of a user who is not there",
        "SELECT 1 FROM posts WHERE key >> 40 NOT IN (SELECT id FROM users)",
    ),
];

macro_rules! strangers {
    ($table:literal) => {
        concat!(
            "SELECT 1 FROM (SELECT DISTINCT sender FROM ",
            $table,
            ") WHERE NOT CASE sender & 3
                WHEN 0 THEN sender >> 2 IN (SELECT id FROM users)
                WHEN 1 THEN sender >> 2 IN (SELECT id FROM remotes)
                WHEN 2 THEN sender >> 2 IN (SELECT id FROM realms)
                ELSE 0
            END"
        )
    };
}

const STRANGERS_WROTE: &str = strangers!("messages");
const STRANGERS_LISTED: &str = strangers!("senders");

/// Reads the whole store.
pub(super) fn check(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let name = place.name.as_str();
    let at = |error| Fault::Sql(error).at(name);
    let page: u32 = connection
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .map_err(at)?;
    // With a log it may have been killed while it grew, and the log has what is missing.
    let has_log = file::bytes(&file::wal(&place.path)) > 0;
    if !has_log && !file::bytes(&place.path).is_multiple_of(u64::from(page.max(1))) {
        return Err(damaged(name, "its end is missing"));
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(at)?;
    if verdict != "ok" {
        return Err(damaged(name, "SQLite's own check fails"));
    }
    for (what, sql) in CONTRADICTIONS {
        let mut statement = connection.prepare(sql).map_err(at)?;
        if statement.exists(()).map_err(at)? {
            return Err(damaged(name, what));
        }
    }
    Ok(())
}
