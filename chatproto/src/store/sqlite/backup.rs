//! A copy of a store while it is in use.

use super::fault::Fault;
use super::file;
use crate::store::StoreError;
use rusqlite::Connection;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Copies what is committed now. The copy is written under another name and takes its own when it
/// is whole.
pub(super) fn backup(
    connection: &Connection,
    name: &str,
    destination: &Path,
) -> Result<(), StoreError> {
    let shown = destination.display().to_string();
    let io = |error: io::Error| file::failed(&shown, &error);
    // A path of this form cannot be taken for a URI.
    let destination = std::path::absolute(destination).map_err(io)?;
    if destination.symlink_metadata().is_ok() {
        return Err(exists(&shown));
    }
    let partial = partial_of(&destination);
    let Some(target) = partial.to_str() else {
        return Err(StoreError::Foreign(format!(
            "the backup's path {shown} is not UTF-8: name another one"
        )));
    };
    // One that was killed has left its file, but not the lock on it.
    let file = file::private_or_known(&partial).map_err(io)?;
    match file.try_lock() {
        Ok(()) => file.set_len(0).map_err(io)?,
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse(format!(
                "another backup to {shown} is under way: wait for it, or name another file"
            )));
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let partial = Partial(partial.clone());
    // Unlike a copy page by page, this reads every row once and leaves out what was deleted.
    connection
        .execute("VACUUM INTO ?1", (target,))
        .map_err(|error| failed(name, &shown, error))?;
    file.sync_all().map_err(io)?;
    // Unlike a rename, a link never takes the place of another file; some disks have none.
    match fs::hard_link(&partial.0, &destination) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&shown)),
        Err(_) => fs::rename(&partial.0, &destination).map_err(io)?,
        Ok(()) => {}
    }
    drop(partial);
    drop(file);
    file::sync_folder(&destination).map_err(io)
}

fn exists(shown: &str) -> StoreError {
    StoreError::Foreign(format!(
        "{shown} is there already and was left as it is: name a new file for the backup"
    ))
}

/// An error that may be of either file.
fn failed(name: &str, shown: &str, error: rusqlite::Error) -> StoreError {
    match Fault::Sql(error).at(name) {
        StoreError::Full(_) => StoreError::Full(format!(
            "no room for the backup {shown}: free space on its disk"
        )),
        StoreError::Broken(_) => StoreError::Broken(format!(
            "the backup {shown} could not be written: look after its disk and that of {name}"
        )),
        other => other,
    }
}

/// The file that is written to, in the same folder; it goes in any case.
struct Partial(PathBuf);

fn partial_of(destination: &Path) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
