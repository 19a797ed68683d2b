//! A copy of a store while it is in use.

use super::fault::Fault;
use super::file;
use crate::store::StoreError;
use rusqlite::Connection;
use std::fs::{self, OpenOptions};
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
    let partial = Partial(partial_of(&destination));
    let Some(target) = partial.0.to_str() else {
        return Err(StoreError::Foreign(format!(
            "the backup's path {shown} is not UTF-8: name another one"
        )));
    };
    // Left by a backup that was killed.
    if let Err(error) = fs::remove_file(&partial.0)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(io(error));
    }
    drop(file::private(&partial.0).map_err(io)?);
    // Unlike a copy page by page, this reads every row once and leaves out what was deleted.
    connection
        .execute("VACUUM INTO ?1", (target,))
        .map_err(|error| failed(name, &shown, error))?;
    let file = OpenOptions::new()
        .write(true)
        .open(&partial.0)
        .map_err(io)?;
    file.sync_all().map_err(io)?;
    drop(file);
    // Unlike a rename, a link never takes the place of another file; some disks have none.
    match fs::hard_link(&partial.0, &destination) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&shown)),
        Err(_) => fs::rename(&partial.0, &destination).map_err(io)?,
        Ok(()) => {}
    }
    drop(partial);
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
