//! The store in an `SQLite` file, one a realm.
//!
//! `realm1.db` can be read with `sqlite3 -readonly realm1.db` at any time, also while the realm runs:
//! its views (`people`, `logins`, `inbox`, `history`, `inbox_lengths`, `correspondents`, `peers`,
//! `outgoing`, `outbox`, `positions`, `refused`) have names and times in them, and no secrets.

mod backup;
mod check;
mod columns;
mod fault;
mod fetch;
mod file;
mod inspect;
mod keys;
mod loader;
mod options;
mod posts;
mod prune;
mod queue;
mod reader;
mod schema;
mod upkeep;
mod writer;

pub use inspect::{Inspection, Queue, Waiting};
pub use options::{Durability, SqliteOptions};
pub use prune::{Pruned, Retention};
pub use reader::SqliteReader;
pub use upkeep::Compacted;

use super::{Fetch, Fetched, QueueFetch, QueuedEnvelope, Store, StoreError};
use crate::name::RealmName;
use crate::record::{Batch, Record};
use fault::Fault;
use file::Place;
use rusqlite::Connection;
use std::path::Path;
use upkeep::Wal;
use writer::Writer;

/// A realm's store in an `SQLite` file.
///
/// It can go to another thread, and one thread at a time works with it; for others there is
/// [`reader`](Self::reader). After every commit that was reported, call [`tidy`](Self::tidy).
///
/// # Examples
///
/// ```
/// use chatproto::store::{Store as _, sqlite::{SqliteOptions, SqliteStore}};
/// use chatproto::{RealmName, Record};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("realm1.db");
/// let realm = RealmName::parse("realm1")?;
/// let mut store = SqliteStore::open(&path, &realm, SqliteOptions::new())?;
/// let mut records: Vec<Record> = Vec::new();
/// store.load(&mut |record| records.push(record))?;
/// assert!(records.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    /// None for a store in memory.
    place: Option<Place>,
    wal: Wal,
    /// The user whose history is pruned next.
    prune_next: u32,
    /// Set once nothing is known of what was written.
    broken: Option<StoreError>,
}

/// What a store in memory is called in errors.
const MEMORY: &str = ":memory:";

impl SqliteStore {
    /// Opens the store of a realm, or makes a new one where there is none. A file beside it whose
    /// name ends in `.lock` keeps others out.
    ///
    /// Reads the whole file to see that it is sound, some hundred MB a second; see
    /// [`SqliteOptions::check`].
    ///
    /// # Errors
    ///
    /// Another process has it open; it is of another realm, of a later version, damaged, or no store
    /// at all, and was left as it is; or the system does not let it be read and written.
    pub fn open(
        path: impl AsRef<Path>,
        realm: &RealmName,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        let place = Place::take(path.as_ref(), realm)?;
        let at = |fault: Fault| fault.at(&place.name);
        let mut connection = file::connect(&place.path, true).map_err(at)?;
        options.meet(&connection).map_err(at)?;
        schema::recognise(&connection, &place.name, realm)?;
        options.prepare(&connection).map_err(at)?;
        if options.checks() {
            check::check(&connection, &place)?;
        }
        let wal = options.set_up(&mut connection).map_err(at)?;
        schema::migrate(&connection).map_err(at)?;
        Ok(Self {
            connection,
            place: Some(place),
            wal,
            prune_next: 0,
            broken: None,
        })
    }

    /// Makes a store that is gone when it is dropped; for tests and lessons.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn in_memory(realm: &RealmName) -> Result<Self, StoreError> {
        let make = || {
            let connection = Connection::open_in_memory()?;
            SqliteOptions::new().meet(&connection)?;
            schema::create(&connection, realm)?;
            Ok(connection)
        };
        Ok(Self {
            connection: make().map_err(|fault: Fault| fault.at(MEMORY))?,
            place: None,
            wal: Wal::none(),
            prune_next: 0,
            broken: None,
        })
    }

    /// Opens a second way into the store, for another thread: it reads what was committed, and holds
    /// no commit up.
    ///
    /// # Errors
    ///
    /// A store in memory has no second way in; or the file cannot be opened.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        match &self.place {
            Some(place) => SqliteReader::open(place),
            None => Err(StoreError::Foreign(
                "a store in memory cannot be read from another thread: name a file for it".into(),
            )),
        }
    }

    /// What the store is called in errors.
    fn name(&self) -> &str {
        self.place.as_ref().map_or(MEMORY, |place| &place.name)
    }

    fn at(&self, fault: &Fault) -> StoreError {
        fault.at(self.name())
    }

    /// Carries out a change, wholly or not at all.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let run = |sql| Ok(self.connection.prepare_cached(sql)?.execute(())?);
        let done = run("BEGIN IMMEDIATE")
            .and_then(|_| change(&self.connection))
            .and_then(|value| run("COMMIT").map(|_| value));
        done.map_err(|fault| {
            let error = self.at(&fault);
            self.rolled_back(error)
        })
    }

    /// Makes sure that nothing of a failed change stays, or that nothing is changed ever after.
    fn rolled_back(&mut self, error: StoreError) -> StoreError {
        // SQLite has rolled back by itself after some errors.
        let is_rolled_back = self.connection.is_autocommit()
            || self.connection.execute_batch("ROLLBACK").is_ok() && self.connection.is_autocommit();
        let error = match error {
            StoreError::Full(_) if !is_rolled_back => StoreError::Broken(format!(
                "the store {} could not take a change back, nothing is known of what was written: \
                 look after the disk, then start anew",
                self.name()
            )),
            error => error,
        };
        if !matches!(error, StoreError::Full(_)) {
            self.broken = Some(error.clone());
        }
        error
    }
}

impl Store for SqliteStore {
    fn load(&mut self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        loader::load(&self.connection, each).map_err(|fault| self.at(&fault))
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.change(|connection| Writer::new(connection).write_all(&batch.records))
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        fetch::fetch(&self.connection, fetch).map_err(|fault| self.at(&fault))
    }

    fn fetch_queue(&mut self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError> {
        queue::fetch(&self.connection, fetch).map_err(|fault| self.at(&fault))
    }
}
