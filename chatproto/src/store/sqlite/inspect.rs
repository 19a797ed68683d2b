//! How much there is of what.

use super::columns::number;
use super::fault::Fault;
use super::keys::{NUMBER_MAX, key, parts, stream_of};
use super::loader::INBOXES;
use crate::link::frame::StreamKind;
use rusqlite::Connection;

/// How much a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The format of the file.
    pub format: u32,
    /// Users of the realm.
    pub users: u64,
    /// Sessions that have not ended.
    pub sessions: u64,
    /// Users of other realms that were met.
    pub remotes: u64,
    /// Inboxes in which messages wait.
    pub inboxes: u64,
    /// Messages that wait to be read.
    pub messages_waiting: u64,
    /// Bytes of their text.
    pub bytes_waiting: u64,
    /// The inboxes where most wait, ten at most, the longest first.
    pub longest: Vec<Waiting>,
    /// Messages that were read and are still kept.
    pub messages_history: u64,
    /// The realms that are not to be linked with for now.
    pub paused: Vec<String>,
    /// What waits for other realms; one for each stream with anything in it.
    pub queues: Vec<Queue>,
    /// How long the file is, in bytes.
    pub file_bytes: u64,
    /// How long its log is, in bytes.
    pub wal_bytes: u64,
    /// Bytes of the file that are of no use now: what comes next is written there.
    pub free_bytes: u64,
}

/// An inbox in which messages wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Whose.
    pub user: String,
    /// How many messages.
    pub messages: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// When the oldest came, in ms since 1970.
    pub oldest_unix_ms: u64,
}

/// What waits for another realm in one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// The realm.
    pub peer: String,
    /// Which of its streams.
    pub kind: StreamKind,
    /// How many envelopes.
    pub envelopes: u64,
    /// How many of them may have been sent; they never expire.
    pub marked: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// When the oldest was sent, in ms since 1970.
    pub oldest_unix_ms: u64,
}

const LONGEST: usize = 10;
const QUEUES: &str = "
    SELECT streams.id, coalesce((SELECT name FROM realms WHERE id = streams.id >> 2), '?'),
        count(*), sum(octet_length(queue.text)), min(queue.sent_unix_ms),
        sum(queue.key <= (streams.id << 40) + streams.marked)
    FROM streams CROSS JOIN queue ON queue.key
        BETWEEN (streams.id << 40) + streams.acknowledged + 1 AND (streams.id << 40) + 1099511627775
    GROUP BY streams.id ORDER BY streams.id";
const PAUSED: &str = "SELECT name FROM realms WHERE is_paused ORDER BY id";
/// Of a user in whose inbox something waits: the name, and when the first of it came.
const OLDEST: &str = "
    SELECT users.name, (SELECT unix_ms FROM messages
        WHERE key > (users.id << 40) + coalesce((SELECT taken FROM inboxes WHERE user = users.id), 0)
        ORDER BY key LIMIT 1)
    FROM users WHERE users.id = ?1";
const FIRST: &str = "SELECT min(key) FROM messages WHERE key BETWEEN ?1 AND ?2";

/// Counts what is in the tables, all of it at one moment. History is not read: numbers count up by
/// one, so that the first and the last tell how many there are.
pub(super) fn inspect(connection: &Connection) -> Result<Inspection, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let count = |sql: &str| transaction.query_row_and_then(sql, (), |row| number(row, 0));
    let mut inspection = Inspection {
        format: transaction.pragma_query_value(None, "user_version", |row| row.get(0))?,
        users: count("SELECT count(*) FROM users")?,
        sessions: count("SELECT count(*) FROM sessions")?,
        remotes: count("SELECT count(*) FROM remotes")?,
        free_bytes: count(
            "SELECT freelist_count * page_size
            FROM pragma_freelist_count, pragma_page_size",
        )?,
        ..Inspection::default()
    };
    let longest = inboxes(&transaction, &mut inspection)?;
    for (messages, bytes, id) in longest {
        let waiting = transaction.query_row_and_then(OLDEST, (id,), |row| {
            Ok::<_, Fault>(Waiting {
                user: row.get(0)?,
                messages,
                bytes,
                oldest_unix_ms: number(row, 1)?,
            })
        })?;
        inspection.longest.push(waiting);
    }
    let mut paused = transaction.prepare(PAUSED)?;
    let names = paused.query_map((), |row| row.get(0))?;
    inspection.paused = names.collect::<Result<_, _>>()?;
    drop(paused);
    let mut queues = transaction.prepare(QUEUES)?;
    let mut rows = queues.query(())?;
    while let Some(row) = rows.next()? {
        let (_, kind) = stream_of(row.get(0)?)?;
        inspection.queues.push(Queue {
            peer: row.get(1)?,
            kind,
            envelopes: number(row, 2)?,
            marked: number(row, 5)?,
            bytes: number(row, 3)?,
            oldest_unix_ms: number(row, 4)?,
        });
    }
    drop(rows);
    drop(queues);
    transaction.commit()?;
    Ok(inspection)
}

/// Adds up the inboxes, and returns the longest: how many, how many bytes, whose.
fn inboxes(
    connection: &Connection,
    inspection: &mut Inspection,
) -> Result<Vec<(u64, u64, u32)>, Fault> {
    let mut first = connection.prepare(FIRST)?;
    let mut statement = connection.prepare(INBOXES)?;
    let mut rows = statement.query(())?;
    let mut longest: Vec<(u64, u64, u32)> = Vec::with_capacity(LONGEST + 1);
    while let Some(row) = rows.next()? {
        let id: u32 = row.get(0)?;
        let (taken, last, bytes) = (number(row, 1)?, number(row, 2)?, number(row, 3)?);
        if taken > 0 {
            let keys = (key(id, 0)?, key(id, taken.min(NUMBER_MAX))?);
            let oldest: Option<i64> = first.query_row(keys, |row| row.get(0))?;
            if let Some(oldest) = oldest {
                let (_, oldest) = parts(oldest)?;
                inspection.messages_history += 1 + taken - oldest;
            }
        }
        let messages = last.saturating_sub(taken);
        if messages == 0 {
            continue;
        }
        inspection.inboxes += 1;
        inspection.messages_waiting += messages;
        inspection.bytes_waiting += bytes;
        let at = longest.partition_point(|other| (other.0, other.1) >= (messages, bytes));
        if at < LONGEST {
            longest.insert(at, (messages, bytes, id));
            longest.truncate(LONGEST);
        }
    }
    Ok(longest)
}
