//! The store of a realm as several threads use it: one way in for commits and, beside it, one for
//! reading.

use super::{Answer, Job};
use crate::name::RealmName;
use crate::realm::Restore;
use crate::record::Batch;
use crate::store::sqlite::{Durability, Retention, SqliteOptions, SqliteReader, SqliteStore};
use crate::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, Store as _, StoreError};
use crate::time::Now;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Between the end of a sweep and the next, in ms.
const SWEEP_EVERY_MS: u64 = 60 * 60 * 1_000;
/// Inboxes and messages that one step of a sweep looks at; a commit may have to wait for it.
const SWEEP_BUDGET: u64 = 256;

/// Where a realm is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
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

/// An open store, for any number of threads. All calls may take long.
///
/// It belongs to the process that opened it: after a fork the child can do nothing with it, and leaves
/// it alone when it is dropped there.
#[derive(Debug)]
pub struct Storage {
    /// The process that opened it.
    process: u32,
    /// None once it is closed.
    store: Mutex<Option<SqliteStore>>,
    /// None for a store in memory, which has one way in.
    reader: Option<Mutex<Option<SqliteReader>>>,
    /// Why nothing could be written, or read, at last.
    failure: Mutex<Option<StoreError>>,
    retention: Retention,
    /// When old history is next looked for, on the clock that never goes back.
    next_sweep_ms: AtomicU64,
}

impl Storage {
    /// Opens a store and gives what it holds to the realm that is put together.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteStore::open`].
    pub fn open(
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
            process: std::process::id(),
            reader,
            store: Mutex::new(Some(store)),
            failure: Mutex::new(None),
            retention: Retention::default(),
            // Soon: a realm may never run for long.
            next_sweep_ms: AtomicU64::new(0),
        })
    }

    /// Says how long messages stay that were read.
    #[must_use]
    pub fn retaining(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Keeps a batch.
    ///
    /// # Errors
    ///
    /// It is not kept. [`StoreError::failure`] is what the realm wants to know of it.
    pub fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let done = self.with(&self.store, |store| store.commit(batch));
        self.noted(done)
    }

    /// What is to be done after such an answer. Ask once the realm was told, so that nobody waits for it.
    #[must_use]
    pub fn upkeep(&self, answer: &Answer, now: Now) -> Option<Job> {
        let is_due = matches!(answer, Answer::Committed(_))
            && (self.wants_sweeping(now) || self.wants_tidying());
        is_due.then_some(Job::Tidy(now))
    }

    /// Whether [`tidy`](Self::tidy) has something to do.
    #[must_use]
    pub fn wants_tidying(&self) -> bool {
        self.is_here()
            && lock(&self.store)
                .as_ref()
                .is_some_and(SqliteStore::wants_tidying)
    }

    /// Puts the log of commits in order; call it once the realm knows of the last one.
    pub fn tidy(&self) {
        // Where this fails, so does the next commit, and says so.
        let _ = self.with(&self.store, SqliteStore::tidy);
    }

    /// Whether [`sweep`](Self::sweep) has something to do.
    #[must_use]
    pub fn wants_sweeping(&self, now: Now) -> bool {
        now.mono_ms >= self.next_sweep_ms.load(Ordering::Relaxed)
    }

    /// Deletes a little of the history that is too old, if it is time to; call it after commits.
    pub fn sweep(&self, now: Now) {
        if !self.wants_sweeping(now) {
            return;
        }
        let pruned = self.with(&self.store, |store| {
            let pruned = store.prune(self.retention, now.unix_ms, SWEEP_BUDGET)?;
            store.tidy()?;
            Ok(pruned)
        });
        // Where this fails, so does the next commit, and says so.
        if pruned.map_or(true, |pruned| pruned.is_done) {
            let next_ms = now.mono_ms.saturating_add(SWEEP_EVERY_MS);
            self.next_sweep_ms.store(next_ms, Ordering::Relaxed);
        }
    }

    /// Reads messages.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn fetch(&self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        let found = match &self.reader {
            Some(reader) => self.with(reader, |reader| reader.fetch(fetch)),
            None => self.with(&self.store, |store| store.fetch(fetch)),
        };
        self.noted(found)
    }

    /// Reads envelopes that wait for a peer.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn fetch_queue(&self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError> {
        let found = match &self.reader {
            Some(reader) => self.with(reader, |reader| reader.fetch_queue(fetch)),
            None => self.with(&self.store, |store| store.fetch_queue(fetch)),
        };
        self.noted(found)
    }

    /// Why the last thing that was asked of it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<StoreError> {
        if !self.is_here() {
            return None;
        }
        lock(&self.failure).clone()
    }

    /// Closes it, once what is under way is done.
    pub fn close(&self) {
        if !self.is_here() {
            return;
        }
        // The reader goes first, so that the store can put everything in order.
        if let Some(reader) = &self.reader {
            drop(lock(reader).take());
        }
        drop(lock(&self.store).take());
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    fn with<S, T>(
        &self,
        way: &Mutex<Option<S>>,
        act: impl FnOnce(&mut S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.is_here() {
            // Before the lock, which may have been held elsewhere when the process was forked.
            let why = "the store was opened before a fork and is of no use after it";
            return Err(StoreError::Broken(why.to_owned()));
        }
        match lock(way).as_mut() {
            Some(way) => act(way),
            None => Err(StoreError::Broken("the store is closed".to_owned())),
        }
    }

    fn noted<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_here() {
            *lock(&self.failure) = done.as_ref().err().cloned();
        }
        done
    }
}

/// Locks, also after a panic: what it left half done, the store itself knows to be broken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Storage {
    /// In a child of the process that opened it, leaves it alone: closing would put files in order
    /// that the parent works with.
    fn drop(&mut self) {
        if self.is_here() {
            return self.close();
        }
        let store = self.store.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::forget(store.take());
        if let Some(reader) = &mut self.reader {
            let reader = reader.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(reader.take());
        }
    }
}
