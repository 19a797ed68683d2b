//! History does not stay for ever.

use super::SqliteStore;
use super::fault::Fault;
use super::keys::{OWNER_MAX, key, parts, range};
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension as _};

/// How long messages stay after they were read. One that waits stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long after they were read, in ms. When they were is noted by [`SqliteStore::prune`]
    /// itself, to within a sixteenth of this time; no message goes before its time.
    pub ms: u64,
    /// How many of an inbox at most.
    pub messages_max: u64,
}

impl Default for Retention {
    /// 30 days, and 10,000 messages of an inbox.
    fn default() -> Self {
        Self {
            ms: 30 * 24 * 60 * 60 * 1_000,
            messages_max: 10_000,
        }
    }
}

/// What one call of [`SqliteStore::prune`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// How many messages it deleted.
    pub messages: u64,
    /// It came to the last inbox; the next call begins with the first.
    pub is_done: bool,
}

const NEXT: &str = "SELECT key FROM messages WHERE key >= ?1 ORDER BY key LIMIT 1";
const TAKEN: &str = "SELECT taken FROM inboxes WHERE user = ?1";
const DELETE: &str = "DELETE FROM messages WHERE key BETWEEN ?1 AND ?2";
const LAST_MARK: &str =
    "SELECT key, unix_ms FROM read_marks WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1";
const AGED_MARK: &str = "SELECT key FROM read_marks WHERE key BETWEEN ?1 AND ?2 AND unix_ms <= ?3 \
    ORDER BY key DESC LIMIT 1";
const MARK: &str = "INSERT OR REPLACE INTO read_marks VALUES (?1, ?2)";
const UNMARK: &str = "DELETE FROM read_marks WHERE key BETWEEN ?1 AND ?2";

/// How many marks an inbox has within the time that messages stay.
const MARKS: u64 = 16;

impl SqliteStore {
    /// Deletes messages that were read long ago, the oldest of an inbox first. One call looks at no
    /// more than `budget` inboxes and messages, so that a commit never waits long; the next goes on
    /// where it ended.
    ///
    /// # Errors
    ///
    /// As for a commit; nothing was deleted.
    pub fn prune(
        &mut self,
        retention: Retention,
        now_unix_ms: u64,
        budget: u64,
    ) -> Result<Pruned, StoreError> {
        let mut pass = Pass {
            next: self.prune_next,
            left: budget.max(1),
            messages: 0,
            retention,
            now_unix_ms,
        };
        let is_done = self.change(|connection| pass.run(connection))?;
        self.prune_next = if is_done { 0 } else { pass.next };
        Ok(Pruned {
            messages: pass.messages,
            is_done,
        })
    }
}

struct Pass {
    next: u32,
    left: u64,
    messages: u64,
    retention: Retention,
    now_unix_ms: u64,
}

impl Pass {
    /// Goes from inbox to inbox; true after the last.
    fn run(&mut self, connection: &Connection) -> Result<bool, Fault> {
        let mut next = connection.prepare_cached(NEXT)?;
        while self.left > 0 {
            let at = (key(self.next, 0)?,);
            let Some(first) = next.query_row(at, |row| row.get(0)).optional()? else {
                return Ok(true);
            };
            let (owner, number) = parts(first)?;
            self.next = owner;
            self.left -= 1;
            let is_clean = self.inbox(connection, owner, number)?;
            if is_clean && owner == OWNER_MAX {
                return Ok(true);
            }
            self.next += u32::from(is_clean);
        }
        Ok(false)
    }

    /// Deletes of one inbox what the budget allows; true if nothing is left to delete.
    fn inbox(&mut self, connection: &Connection, owner: u32, first: u64) -> Result<bool, Fault> {
        let taken: Option<i64> = connection
            .prepare_cached(TAKEN)?
            .query_row((owner,), |row| row.get(0))
            .optional()?;
        let taken = taken.unwrap_or(0).cast_unsigned();
        if first > taken {
            return Ok(true);
        }
        // Up to here they are too many, whatever their age.
        let many = taken.saturating_sub(self.retention.messages_max);
        let aged = self.aged(connection, owner, taken)?;
        let upto = many.max(aged);
        if first <= upto {
            // The look itself may have been the last of the budget; still something has to come of it.
            let last = upto.min(first.saturating_add(self.left.max(1) - 1));
            let keys = (key(owner, first)?, key(owner, last)?);
            let count = connection.prepare_cached(DELETE)?.execute(keys)? as u64;
            self.messages += count;
            self.left -= count.min(self.left);
            if last < upto {
                return Ok(false);
            }
        }
        let marks = (key(owner, 0)?, key(owner, aged)?);
        connection.prepare_cached(UNMARK)?.execute(marks)?;
        Ok(true)
    }

    /// Notes now and then how far an inbox was read, and says how far it was long ago.
    fn aged(&self, connection: &Connection, owner: u32, taken: u64) -> Result<u64, Fault> {
        let (first, last) = range(owner)?;
        let mark: Option<(i64, i64)> = connection
            .prepare_cached(LAST_MARK)?
            .query_row((first, last), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let is_due = match mark {
            None => true,
            Some((at, unix_ms)) => {
                let next_ms = unix_ms.cast_unsigned() + self.retention.ms / MARKS;
                parts(at)?.1 < taken && self.now_unix_ms >= next_ms
            }
        };
        if is_due {
            let mark = (key(owner, taken)?, self.now_unix_ms.cast_signed());
            connection.prepare_cached(MARK)?.execute(mark)?;
        }
        let Some(before_ms) = self.now_unix_ms.checked_sub(self.retention.ms) else {
            return Ok(0);
        };
        let aged: Option<i64> = connection
            .prepare_cached(AGED_MARK)?
            .query_row((first, last, before_ms.cast_signed()), |row| row.get(0))
            .optional()?;
        aged.map_or(Ok(0), |at| Ok(parts(at)?.1))
    }
}
