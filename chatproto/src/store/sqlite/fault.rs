//! What went wrong, in a sentence that says what to do and shows nothing of what is stored.

use crate::store::StoreError;
use rusqlite::ErrorCode;
use std::fmt::Display;

/// What went wrong inside, before it is known of which file.
#[derive(Debug)]
pub(super) enum Fault {
    /// `SQLite` says so, or a value has the wrong type.
    Sql(rusqlite::Error),
    /// A row makes no sense.
    Row(&'static str),
    /// A number is greater than a key can hold.
    Beyond,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// What to do about a store that cannot be relied on.
const MEND: &str = "put back a backup made with `realmd backup`, or save what is left with `sqlite3 FILE .recover`";

/// A store that holds what it should not.
pub(super) fn damaged(name: &str, what: impl Display) -> StoreError {
    StoreError::Damaged(format!("the store {name} is damaged ({what}): {MEND}"))
}

impl Fault {
    /// Turns it into an error of the store of that name.
    pub(super) fn at(&self, name: &str) -> StoreError {
        match self {
            Self::Sql(error) => of_sqlite(name, error),
            Self::Row(what) => damaged(name, what),
            Self::Beyond => StoreError::Broken(format!(
                "the store {name} has no room for such numbers: it holds 8388608 users, 2097152 realms \
                 and 1099511627775 messages each"
            )),
        }
    }
}

fn of_sqlite(name: &str, error: &rusqlite::Error) -> StoreError {
    let Some(cause) = error.sqlite_error() else {
        return damaged(name, "a value is not of the type it should be");
    };
    match cause.code {
        ErrorCode::DiskFull => StoreError::Full(format!(
            "no room for the store {name}, nothing was written: free space on its disk, or allow it \
             more"
        )),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Full(format!(
            "another program holds the store {name}, nothing was written: end what that program \
             does there"
        )),
        ErrorCode::OutOfMemory => StoreError::Full(format!(
            "no memory for the store {name}, nothing was written: free some"
        )),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            damaged(name, rusqlite::ffi::code_to_str(cause.extended_code))
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::Broken(format!(
            "the store {name} cannot be written: give the user that runs the realm the right to"
        )),
        ErrorCode::CannotOpen => StoreError::Broken(format!(
            "the store {name} cannot be opened: see that the file and its folder are there and may \
             be read and written"
        )),
        _ => StoreError::Broken(format!(
            "the store {name} failed ({}, SQLite code {}), nothing is known of what was written: \
             look after the disk, then start anew",
            rusqlite::ffi::code_to_str(cause.extended_code),
            cause.extended_code
        )),
    }
}
