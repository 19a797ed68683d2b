//! The log is moved into the file, and the file made as small as it can be.

use super::fault::Fault;
use super::{SqliteStore, file};
use crate::store::StoreError;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often the log may fail to begin anew before readers are made to wait.
const PATIENCE: u64 = 8;
/// How long a move of the log waits for the readers that keep it from beginning anew.
const READERS_MS: u64 = 100;

/// What is known of the log.
#[derive(Debug)]
pub(super) struct Wal {
    /// The pages in it after the last commit.
    pages: Arc<AtomicU64>,
    /// At how many pages to move it; none if there is no log.
    step: Option<u64>,
    /// At how many pages to look again.
    next: u64,
    busy: Duration,
}

impl Wal {
    pub(super) fn none() -> Self {
        Self {
            pages: Arc::default(),
            step: None,
            next: 0,
            busy: Duration::ZERO,
        }
    }

    /// Has `SQLite` say after each commit how long the log is, and leave it alone.
    pub(super) fn watch(
        connection: &mut Connection,
        wal_bytes: u64,
        busy_ms: u64,
    ) -> Result<Self, Fault> {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let step = (wal_bytes / u64::from(page.max(1))).max(1);
        // A log that grew beyond bounds, as behind a backup, is cut when it begins anew.
        let bytes_kept = (2 * wal_bytes).min(i64::MAX as u64).cast_signed();
        connection.pragma_update_and_check(None, "journal_size_limit", bytes_kept, |_| Ok(()))?;
        let pages = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
            told.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            step: Some(step),
            next: step,
            busy: Duration::from_millis(busy_ms),
        })
    }

    /// Whether [`tidy`](Self::tidy) would move anything.
    fn is_long(&self) -> bool {
        let Some(step) = self.step else {
            return false;
        };
        let pages = self.pages.load(Ordering::Relaxed);
        let has_begun_anew = pages < self.next.saturating_sub(step);
        pages >= if has_begun_anew { step } else { self.next }
    }

    /// Moves the log into the file if it is long, so that the next commit begins it anew.
    fn tidy(&mut self, connection: &Connection) -> Result<(), Fault> {
        let Some(step) = self.step else {
            return Ok(());
        };
        let pages = self.pages.load(Ordering::Relaxed);
        // The log began anew since the last look.
        if pages < self.next.saturating_sub(step) {
            self.next = step;
        }
        if pages < self.next {
            return Ok(());
        }
        // Where readers keep it from beginning anew, it is looked at again only when there is more.
        self.next = pages.saturating_add(step);
        if pages < PATIENCE * step {
            checkpoint(connection, CheckpointMode::PASSIVE)?;
            return Ok(());
        }
        connection.busy_timeout(Duration::from_millis(READERS_MS))?;
        let moved = checkpoint(connection, CheckpointMode::RESTART);
        connection.busy_timeout(self.busy)?;
        moved
    }
}

/// Moves what can be moved. That something is in the way, or no room, is no failure: the log has it
/// all, and there will be another time.
fn checkpoint(connection: &Connection, mode: CheckpointMode) -> Result<(), Fault> {
    match connection.wal_checkpoint_v2(Some("main"), mode) {
        Ok(_) => Ok(()),
        Err(error) => match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory,
            ) => Ok(()),
            _ => Err(error.into()),
        },
    }
}

/// What compacting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// How long the file and its log were, in bytes.
    pub bytes_before: u64,
    /// How long they are now.
    pub bytes_after: u64,
}

impl SqliteStore {
    /// Whether the log of commits is so long that [`tidy`](Self::tidy) would do something.
    #[must_use]
    pub fn wants_tidying(&self) -> bool {
        self.broken.is_none() && self.wal.is_long()
    }

    /// Moves the log of commits into the file when it has become long; call it after each commit
    /// that was reported. Mostly it does nothing; otherwise it takes about as long as a commit or
    /// two. Readers that are slow let the log grow meanwhile.
    ///
    /// # Errors
    ///
    /// The disk fails. That it is full is none: the log stays until there is room.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        self.wal.tidy(&self.connection).map_err(|fault| {
            let error = fault.at(self.name());
            self.broken = Some(error.clone());
            error
        })
    }

    /// Writes the store anew, without the room that deleted messages left. Nothing else goes on in
    /// the store meanwhile, about a second per 100 MB, and the disk needs room for two more of it.
    ///
    /// # Errors
    ///
    /// No room, and the store is as it was; or the disk fails.
    pub fn compact(&mut self) -> Result<Compacted, StoreError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let bytes_before = self.bytes();
        let done = self.vacuum();
        done.map_err(|fault| {
            let error = self.at(&fault);
            self.rolled_back(error)
        })?;
        Ok(Compacted {
            bytes_before,
            bytes_after: self.bytes(),
        })
    }

    fn vacuum(&self) -> Result<(), Fault> {
        let connection = &self.connection;
        // The copy is as big as the store, and does not belong in memory.
        connection.pragma_update(None, "temp_store", "FILE")?;
        let done = connection.execute_batch("VACUUM");
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        done?;
        checkpoint(connection, CheckpointMode::TRUNCATE)
    }

    /// How long the file and its log are.
    fn bytes(&self) -> u64 {
        self.place.as_ref().map_or(0, |place| {
            file::bytes(&place.path) + file::bytes(&file::wal(&place.path))
        })
    }
}
