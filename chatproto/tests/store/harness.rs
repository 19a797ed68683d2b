//! How the contract comes by a store.

use crate::sample::realm1;
use chatproto::store::sqlite::{SqliteOptions, SqliteStore};
use chatproto::store::{Store, StoreError};
use chatproto::{Batch, RealmName, Record};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place for one store.
pub(crate) trait Harness: Sized {
    type Store: Store;

    /// A place where no store is yet.
    fn new() -> Self;

    fn open_for(&self, realm: &RealmName) -> Result<Self::Store, StoreError>;

    /// Opens the store with room for about so many bytes in all.
    fn open_small(&self, bytes_max: u64) -> Self::Store;

    /// What a process that is killed now leaves, with the store still open.
    fn killed(&self) -> Self;

    /// Makes the store one of a later version.
    fn make_newer(&self);

    /// Spoils what is stored, in a way that can be noticed.
    fn damage(&self);

    fn open(&self) -> Self::Store {
        self.open_for(&realm1()).unwrap()
    }
}

pub(crate) fn load(store: &mut impl Store) -> Vec<Record> {
    let mut records = Vec::new();
    store.load(&mut |record| records.push(record)).unwrap();
    records
}

pub(crate) fn commit_all<'b>(store: &mut impl Store, batches: impl IntoIterator<Item = &'b Batch>) {
    for batch in batches {
        store.commit(batch).unwrap();
    }
}

/// A folder with a store in `SQLite`.
pub(crate) struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("realm1.db")
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.folder.path().join("realm1.db-wal")
    }

    pub(crate) fn open_with(&self, options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.path(), &realm1(), options)
    }

    /// Works on the file as another program would.
    pub(crate) fn plain(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    pub(crate) fn edit(&self, sql: &str) {
        self.plain().execute_batch(sql).unwrap();
    }

    /// Overwrites bytes of the file, counted from its start.
    pub(crate) fn overwrite(&self, at: u64, bytes: &[u8]) {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.path())
            .unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        let mut before = vec![0; bytes.len()];
        file.read_exact(&mut before).unwrap();
        assert_ne!(before, bytes, "nothing is changed");
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

impl Harness for Sqlite {
    type Store = SqliteStore;

    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn open_for(&self, realm: &RealmName) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.path(), realm, SqliteOptions::new())
    }

    fn open_small(&self, bytes_max: u64) -> SqliteStore {
        let options = SqliteOptions::new().bytes_max(bytes_max);
        self.open_with(options).unwrap()
    }

    /// The index of the log is left out: after a kill it is not to be relied on.
    fn killed(&self) -> Self {
        let left = Self::new();
        fs::copy(self.path(), left.path()).unwrap();
        if self.wal().exists() {
            fs::copy(self.wal(), left.wal()).unwrap();
        }
        left
    }

    fn make_newer(&self) {
        self.edit("PRAGMA user_version = 99");
    }

    fn damage(&self) {
        // Into the second page, where the first table is.
        self.overwrite(4096, &[0xa5; 512]);
    }
}
