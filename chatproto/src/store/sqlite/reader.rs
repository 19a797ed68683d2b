//! A second way into a store, for another thread.

use super::fault::Fault;
use super::file::{self, Place};
use super::inspect::{self, Inspection};
use super::{backup, fetch, queue};
use crate::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, StoreError};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads a store while its commits go on; each call sees what was committed when it began.
///
/// It can go to another thread, and one thread at a time works with it. The longer a call takes, the
/// longer the store's log becomes meanwhile.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
    name: String,
}

/// How long to wait where `SQLite` mends its index of the log.
const BUSY_MS: u64 = 5000;
const CACHE_KIB: i64 = 4096;

impl SqliteReader {
    pub(super) fn open(place: &Place) -> Result<Self, StoreError> {
        let open = || {
            let connection = file::connect(&place.path, false)?;
            connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            // To be sure that it can read, before it is needed.
            connection.query_row("SELECT count(*) FROM meta", (), |_| Ok(()))?;
            Ok(connection)
        };
        Ok(Self {
            connection: open().map_err(|fault: Fault| fault.at(&place.name))?,
            path: place.path.clone(),
            name: place.name.clone(),
        })
    }

    /// Reads messages, as [`Store::fetch`](crate::store::Store::fetch) does.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn fetch(&mut self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        fetch::fetch(&self.connection, fetch).map_err(|fault| fault.at(&self.name))
    }

    /// Reads envelopes that wait for a peer, as
    /// [`Store::fetch_queue`](crate::store::Store::fetch_queue) does.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn fetch_queue(&mut self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError> {
        queue::fetch(&self.connection, fetch).map_err(|fault| fault.at(&self.name))
    }

    /// Tells how much there is of what: a second or two for a million users, however much history
    /// there is.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn inspect(&mut self) -> Result<Inspection, StoreError> {
        let mut inspection =
            inspect::inspect(&self.connection).map_err(|fault| fault.at(&self.name))?;
        inspection.file_bytes = file::bytes(&self.path);
        inspection.wal_bytes = file::bytes(&file::wal(&self.path));
        Ok(inspection)
    }

    /// Copies the store as it is now to a file that is not there yet; the copy is a store like any
    /// other, that its owner alone may read. Takes about a second per 100 MB; the file is there when
    /// it is whole, and outlives a power cut when this returns.
    ///
    /// # Errors
    ///
    /// There is such a file, which stays as it is; no room; or the store cannot be read.
    pub fn backup(&mut self, destination: impl AsRef<Path>) -> Result<(), StoreError> {
        backup::backup(&self.connection, &self.name, destination.as_ref())
    }
}
