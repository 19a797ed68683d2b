//! `realmd keygen`: a key for a realm, made before its first start.

use crate::cli::{complain, say};
use crate::keys::{self, KeyFileError};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

/// Makes a key file and prints the public key.
pub(crate) fn run(file: &OsStr) -> ExitCode {
    let file = Path::new(file);
    // A public key that lies there is another's.
    let make = || -> Result<_, KeyFileError> {
        keys::check_free(file)?;
        keys::check_free(&keys::public_file(file))?;
        let key = keys::make(file, None)?;
        keys::publish(file, key.public())?;
        Ok(key.public())
    };
    match make() {
        Ok(public) => say(&format!("{public}\n")),
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
