//! The files of a store: `realm1.db`, its log `realm1.db-wal`, and `realm1.db.lock`.
//!
//! Once `SQLite` has a store open, no code of the process may open and close the file by other means:
//! that would take away `SQLite`'s locks. Sizes are therefore asked of the folder.

use super::fault::{Fault, damaged};
use super::schema;
use crate::name::RealmName;
use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// More than the number of any process takes.
const HOLDER_BYTES_MAX: u64 = 20;

/// A store's file while it is open: the lock goes when this is dropped, or the process is killed.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// The path as errors show it.
    pub(super) name: String,
    _lock: Lock,
}

/// The lock of a store, as long as this is there.
#[derive(Debug)]
struct Lock {
    file: File,
    /// The process that took it.
    owner: u32,
}

impl Drop for Lock {
    /// Says that it is free, which closing alone does not where a process was forked meanwhile: the child
    /// has the file open too, and may live on. The child in turn must not free what is its parent's.
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // Where this fails, closing does it.
            let _ = self.file.unlock();
        }
    }
}

/// A path with something added to its last part.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The log that commits go to first.
pub(super) fn wal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// How long a file is; 0 if there is none.
pub(super) fn bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// What the system says of a file, as an error.
pub(super) fn failed(name: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StoreError::Full(format!("no room for {name}: free space on its disk"))
        }
        _ => StoreError::Broken(format!(
            "{name} cannot be used ({}): see that its folder is there and may be read and written",
            error.kind()
        )),
    }
}

/// Makes a file that its owner alone may read, and that must not be there yet.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    options.open(path)
}

/// Opens a file that its owner alone may read, or makes it.
pub(super) fn private_or_known(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    owner_only(&mut options);
    options.open(path)
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut OpenOptions) {}

/// Makes what happened in a folder outlive a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        // Elsewhere folders cannot be opened, and need not be.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

impl Place {
    /// Takes the lock beside a path, and makes sure that there is a store, a new one if need be.
    pub(super) fn take(path: &Path, realm: &RealmName) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        if shown.is_empty() {
            return Err(StoreError::Foreign(
                "a store needs a name, such as realm1.db".to_owned(),
            ));
        }
        // Whatever links lead there, it is one file with one lock.
        let path = fs::canonicalize(path)
            .or_else(|_| std::path::absolute(path))
            .map_err(|error| failed(&shown, &error))?;
        let place = Self {
            _lock: lock(&path, &shown)?,
            name: shown,
            path,
        };
        match fs::metadata(&place.path) {
            Ok(metadata) if !metadata.is_file() => Err(StoreError::Foreign(format!(
                "{} is not a file: name another path for the store",
                place.name
            ))),
            Ok(metadata) if metadata.len() == 0 => Err(damaged(
                &place.name,
                "it is empty; if nothing was ever kept in it, delete it",
            )),
            Ok(_) => Ok(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                place.create(realm)?;
                Ok(place)
            }
            Err(error) => Err(failed(&place.name, &error)),
        }
    }

    /// Lays out a new store under another name: the file is there whole or not at all.
    fn create(&self, realm: &RealmName) -> Result<(), StoreError> {
        if bytes(&wal(&self.path)) > 0 {
            // SQLite would delete it, and with it what was committed last.
            return Err(damaged(
                &self.name,
                "its log is there and the file itself is not",
            ));
        }
        let io = |error| failed(&self.name, &error);
        let new = beside(&self.path, "-new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        drop(private(&new).map_err(io)?);
        let connection = connect(&new, true).map_err(|fault| fault.at(&self.name))?;
        // A file that is not ready is of no use to anybody, so there is nothing to roll back to.
        connection
            .pragma_update(None, "journal_mode", "OFF")
            .map_err(|error| Fault::from(error).at(&self.name))?;
        schema::create(&connection, realm).map_err(|fault| fault.at(&self.name))?;
        drop(connection);
        fs::rename(&new, &self.path).map_err(io)?;
        sync_folder(&self.path).map_err(io)
    }
}

/// Opens a file that is there.
pub(super) fn connect(path: &Path, writes: bool) -> Result<Connection, Fault> {
    let access = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    // One thread at a time has a connection, which the compiler sees to.
    Ok(Connection::open_with_flags(
        path,
        access | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?)
}

/// Takes the lock of a store. The file stays when the lock goes: to delete it would let two others
/// lock two files of one name.
fn lock(path: &Path, name: &str) -> Result<Lock, StoreError> {
    if path
        .extension()
        .is_some_and(|extension| extension == "lock")
    {
        return Err(StoreError::Foreign(format!(
            "{name} is what a store's lock is called: name the store otherwise, as in realm1.db"
        )));
    }
    let beside = beside(path, ".lock");
    let shown = beside.display();
    let io = |error| failed(&shown.to_string(), &error);
    let mut file = private_or_known(&beside).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            let folder = format!("the store {name} has no folder: make it, or name another one");
            return StoreError::Broken(folder);
        }
        io(error)
    })?;
    let owner = std::process::id();
    let is_free = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => return Err(io(error)),
    };
    let holder = holder(&mut file).map_err(io)?;
    let process = holder.parse::<u32>();
    if process.is_err() && !holder.is_empty() {
        return Err(StoreError::Foreign(format!(
            "{shown} is no lock of a store: move it away, or name the store otherwise"
        )));
    }
    if !is_free {
        return Err(StoreError::InUse(match process {
            Ok(process) if process == owner => format!(
                "the store {name} is open in this very program: use that one, or close it first"
            ),
            Ok(process) => format!(
                "the store {name} is in use by the process {process}: end that one, or name another file"
            ),
            Err(_) => format!(
                "the store {name} is in use by another process: end that one, or name another file"
            ),
        }));
    }
    // For people; the lock is the system's, not what the file says.
    let _ = file.set_len(0);
    let _ = file.rewind();
    let _ = writeln!(file, "{owner}");
    Ok(Lock { file, owner })
}

/// Who has written into a lock; nobody has into a new one.
fn holder(file: &mut File) -> io::Result<String> {
    let mut written = Vec::new();
    file.take(HOLDER_BYTES_MAX).read_to_end(&mut written)?;
    Ok(String::from_utf8_lossy(&written).trim().to_owned())
}
