//! The store of a realm: one way in for commits and, beside it, one for reading.

use crate::fork::Origin;
use chatproto::store::sqlite::{Durability, SqliteOptions, SqliteReader, SqliteStore};
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, Store as _, StoreError};
use chatproto::{Batch, RealmName, Restore};
use parking_lot::Mutex;
use std::path::PathBuf;

/// Where a realm is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it is gone when the process is.
    Memory,
    /// In a file.
    File {
        /// Which one.
        path: PathBuf,
        /// What a commit outlives.
        durability: Durability,
    },
}

/// An open store. All calls may take long: make none with the interpreter held.
pub(crate) struct Storage {
    origin: Origin,
    /// None once it is closed.
    store: Mutex<Option<SqliteStore>>,
    /// None for a store in memory, which has one way in.
    reader: Option<Mutex<Option<SqliteReader>>>,
    /// Why nothing could be written, or read, at last.
    failure: Mutex<Option<StoreError>>,
}

impl Storage {
    /// Opens a store and gives what it holds to the realm that is put together.
    pub(crate) fn open(
        place: &Place,
        realm: &RealmName,
        restore: &mut Restore,
    ) -> Result<Self, StoreError> {
        let (mut store, has_reader) = match place {
            Place::Memory => (SqliteStore::in_memory(realm)?, false),
            Place::File { path, durability } => {
                let options = SqliteOptions::new().durability(*durability);
                (SqliteStore::open(path, realm, options)?, true)
            }
        };
        store.load(&mut |record| restore.record(record))?;
        let reader = if has_reader {
            Some(Mutex::new(Some(store.reader()?)))
        } else {
            None
        };
        Ok(Self {
            origin: Origin::here(),
            reader,
            store: Mutex::new(Some(store)),
            failure: Mutex::new(None),
        })
    }

    /// Keeps a batch.
    pub(crate) fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let done = self.write(|store| store.commit(batch));
        self.noted(done)
    }

    /// Puts the log of commits in order; call it once the realm knows of the last one.
    pub(crate) fn tidy(&self) {
        // Where this fails, so does the next commit, and says so.
        let _ = self.write(SqliteStore::tidy);
    }

    /// Reads messages.
    pub(crate) fn fetch(&self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        let found = match &self.reader {
            Some(reader) => with(reader, |reader| reader.fetch(fetch)),
            None => self.write(|store| store.fetch(fetch)),
        };
        self.noted(found)
    }

    /// Reads envelopes that wait for a peer.
    pub(crate) fn fetch_queue(
        &self,
        fetch: &QueueFetch,
    ) -> Result<Vec<QueuedEnvelope>, StoreError> {
        let found = match &self.reader {
            Some(reader) => with(reader, |reader| reader.fetch_queue(fetch)),
            None => self.write(|store| store.fetch_queue(fetch)),
        };
        self.noted(found)
    }

    /// Why the last thing that was asked of it failed, if it did.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failure.lock().clone()
    }

    /// Closes it, once what is under way is done.
    pub(crate) fn close(&self) {
        // The reader goes first, so that the store can put everything in order.
        if let Some(reader) = &self.reader {
            drop(reader.lock().take());
        }
        drop(self.store.lock().take());
    }

    fn write<T>(
        &self,
        act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        with(&self.store, act)
    }

    fn noted<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        *self.failure.lock() = done.as_ref().err().cloned();
        done
    }
}

fn with<S, T>(
    way: &Mutex<Option<S>>,
    act: impl FnOnce(&mut S) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match way.lock().as_mut() {
        Some(way) => act(way),
        None => Err(StoreError::Broken("the store is closed".to_owned())),
    }
}

impl Drop for Storage {
    /// In a child of the process that opened it, leaves it alone: closing would put files in order
    /// that the parent works with.
    fn drop(&mut self) {
        if self.origin.is_left() {
            std::mem::forget(self.store.get_mut().take());
            std::mem::forget(self.reader.as_mut().map(|reader| reader.get_mut().take()));
        } else {
            self.close();
        }
    }
}
