//! How a store is to be kept.

use super::fault::Fault;
use super::upkeep::Wal;
use super::writer::STATEMENTS;
use rusqlite::Connection;
use std::time::Duration;

/// What a commit outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A power cut.
    #[default]
    Fsync,
    /// A killed process. After a power cut the last commits may be gone, but the file is sound.
    Os,
}

/// How a store is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    durability: Durability,
    bytes_max: Option<u64>,
    cache_bytes: u64,
    wal_bytes: u64,
    busy_ms: u64,
    is_checked: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SqliteOptions {
    /// What suits a server.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            durability: Durability::Fsync,
            bytes_max: None,
            // The pages that a few ten thousand busy inboxes end in.
            cache_bytes: 32 << 20,
            // A commit waits while the log is moved. With this it waits no longer than for another
            // commit, so that 99 of 100 are through after three; 8 MiB would take a quarter more
            // messages a second, and let some wait for five. Never as much as the 16 MiB at which
            // SQLite makes its index of the log longer: on a disk that is full just then, nothing
            // would be known of a commit.
            wal_bytes: 1 << 20,
            busy_ms: 5000,
            is_checked: true,
        }
    }

    /// What a commit outlives; a power cut, if nothing is said.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long the file may become, in bytes; as long as there is room, if nothing is said. A
    /// commit that needs more is [`Full`](crate::store::StoreError::Full). A file that is longer
    /// already keeps what it has.
    #[must_use]
    pub const fn bytes_max(mut self, bytes_max: u64) -> Self {
        self.bytes_max = Some(bytes_max);
        self
    }

    /// How much memory the busiest parts of the file may take, in bytes; 32 MiB, if nothing is said.
    #[must_use]
    pub const fn cache_bytes(mut self, cache_bytes: u64) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }

    /// At how many bytes the log is moved into the file; 1 MiB, if nothing is said.
    #[must_use]
    pub const fn wal_bytes(mut self, wal_bytes: u64) -> Self {
        self.wal_bytes = wal_bytes;
        self
    }

    /// How long a change waits for another program that writes to the file, in ms; 5000, if nothing
    /// is said.
    #[must_use]
    pub const fn busy_ms(mut self, busy_ms: u64) -> Self {
        self.busy_ms = busy_ms;
        self
    }

    /// Whether opening reads the whole file to see that it is sound; yes, if nothing is said.
    #[must_use]
    pub const fn check(mut self, is_checked: bool) -> Self {
        self.is_checked = is_checked;
        self
    }

    pub(super) fn checks(&self) -> bool {
        self.is_checked
    }

    /// Sets what needs no look at the file, which may be anything.
    pub(super) fn meet(&self, connection: &Connection) -> Result<(), Fault> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection.busy_timeout(Duration::from_millis(self.busy_ms))?)
    }

    /// Sets what changes nothing in the file.
    pub(super) fn prepare(&self, connection: &Connection) -> Result<(), Fault> {
        let cache_kib = (self.cache_bytes >> 10).min(i64::MAX as u64).cast_signed();
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        // Otherwise a full disk could fail a statement that needs a scratch file.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(())
    }

    /// Sets how a store that was recognised is written.
    pub(super) fn set_up(&self, connection: &mut Connection) -> Result<Wal, Fault> {
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(Fault::Row("it cannot keep a log"));
        }
        connection.pragma_update(
            None,
            "synchronous",
            match self.durability {
                // Every commit is an fsync of the log.
                Durability::Fsync => "FULL",
                // The log is synced before it is moved, the file after it: never in a commit, and
                // still nothing can end up in the wrong order.
                Durability::Os => "NORMAL",
            },
        )?;
        if let Some(bytes_max) = self.bytes_max {
            let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = bytes_max.cast_signed() / page.max(1);
            connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))?;
        }
        Wal::watch(connection, self.wal_bytes, self.busy_ms)
    }
}
