//! `realmd keygen`: a key for a realm, made before its first start.

use crate::cli::{complain, say};
use crate::keys;
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

/// Makes a key file and prints the public key.
pub(crate) fn run(file: &OsStr) -> ExitCode {
    let file = Path::new(file);
    // A public key that lies there is another's.
    let free = keys::check_free(file).and_then(|()| keys::check_free(&keys::public_file(file)));
    let made = free.and_then(|()| {
        let key = keys::make(file, "this realm")?;
        keys::publish(file, key.public())?;
        Ok(key.public())
    });
    match made {
        Ok(public) => say(&format!("{public}\n")),
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
