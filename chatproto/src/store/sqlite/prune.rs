//! History does not stay for ever.

use super::SqliteStore;
use super::fault::Fault;
use super::keys::{OWNER_MAX, key, parts};
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension as _};

/// How long messages stay after they were read. One that waits stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long after they came, in ms.
    pub ms: u64,
    /// How many of an inbox at most.
    pub messages_max: u64,
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
const OLD: &str =
    "SELECT key, unix_ms FROM messages WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3";
const DELETE: &str = "DELETE FROM messages WHERE key BETWEEN ?1 AND ?2";

impl SqliteStore {
    /// Deletes messages that were read long ago, the oldest of an inbox first and up to the first
    /// that may stay. One call looks at no more than `budget` inboxes and messages, so that a commit
    /// never waits long; the next goes on where it ended.
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
            messages_max: retention.messages_max,
            before_unix_ms: now_unix_ms.saturating_sub(retention.ms),
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
    messages_max: u64,
    before_unix_ms: u64,
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
        let many = taken.saturating_sub(self.messages_max);
        let mut old = connection.prepare_cached(OLD)?;
        let keys = (key(owner, first)?, key(owner, taken)?);
        let limit = u32::try_from(self.left).unwrap_or(u32::MAX);
        let mut rows = old.query((keys.0, keys.1, limit))?;
        let mut last = None;
        let mut is_clean = false;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let (at, unix_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
            let (_, number) = parts(at)?;
            is_clean = number > many && unix_ms.cast_unsigned() >= self.before_unix_ms;
            if is_clean {
                break;
            }
            count += 1;
            last = Some(at);
        }
        drop(rows);
        if let Some(last) = last {
            connection.prepare_cached(DELETE)?.execute((keys.0, last))?;
        }
        // All that it could have looked at, it has: what is left waits to be read.
        let is_clean = is_clean || count < self.left;
        self.messages += count;
        self.left -= count.min(self.left);
        Ok(is_clean)
    }
}
