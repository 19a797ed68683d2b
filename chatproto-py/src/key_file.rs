//! Key files, the same as realmd's: a secret key for its owner's eyes alone, and the public one beside.

use crate::error::{self, ConfigError};
use chatproto::link::key::{PublicKey, StaticKey};
use pyo3::PyErr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file that makes sense: a key and some lines about it.
const FILE_BYTES_MAX: usize = 4_096;

/// Why a key file is of no use.
#[derive(Debug)]
pub(crate) struct KeyFileError {
    code: &'static str,
    sentence: String,
}

/// Reads a secret key.
pub(crate) fn read(path: &Path) -> Result<StaticKey, KeyFileError> {
    let file = File::open(path).map_err(|error| system(path, "read", &error))?;
    check_private(path, &file)?;
    let text = text(path, file)?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => {
            StaticKey::parse(line).map_err(|error| no_key(path, &error.to_string()))
        }
        (None, _) => Err(no_key(path, "there is no key in it")),
        (Some(_), Some(_)) => Err(no_key(path, "there is more than one line in it")),
    }
}

/// Reads a secret key, or writes this one where there is none.
pub(crate) fn read_or_write(path: &Path, made: StaticKey) -> Result<StaticKey, KeyFileError> {
    match read(path) {
        Err(error) if error.code == "key_not_there" => match write(path, &made) {
            // Another process was faster.
            Err(error) if error.code == "key_exists" => read(path),
            written => written.map(|()| made),
        },
        read => read,
    }
}

/// Writes a secret key into a new file, and the public one beside it.
pub(crate) fn write(path: &Path, key: &StaticKey) -> Result<(), KeyFileError> {
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    text.push_str("# The secret key of a realm: whoever has it can pass for the realm.\n");
    text.push_str(&key.reveal());
    text.push('\n');
    let mut file = new_private(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError {
            code: "key_exists",
            sentence: format!(
                "{} is there already and stays as it is: name another file",
                path.display()
            ),
        },
        _ => system(path, "written", &error),
    })?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key is of no use to anybody.
        let _ = fs::remove_file(path);
        return Err(system(path, "written", &error));
    }
    publish(path, key.public())
}

fn publish(path: &Path, key: PublicKey) -> Result<(), KeyFileError> {
    let file = public_file(path);
    let written = fs::write(&file, format!("{key}\n"));
    written.map_err(|error| system(&file, "written", &error))
}

fn public_file(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "key") {
        return path.with_extension("pub");
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// What is in a file, wiped when it is dropped.
fn text(path: &Path, file: File) -> Result<Zeroizing<String>, KeyFileError> {
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX + 1));
    let read = file
        .take(FILE_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text);
    match read {
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(no_key(path, "it is no text")),
        Err(error) => Err(system(path, "read", &error)),
        Ok(bytes) if bytes > FILE_BYTES_MAX => Err(no_key(path, "it is too long")),
        Ok(_) => Ok(text),
    }
}

fn new_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn check_private(path: &Path, file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file
        .metadata()
        .map_err(|error| system(path, "read", &error))?;
    let mode = metadata.permissions().mode() & 0o777;
    let is_open = mode & 0o077 != 0;
    if !(metadata.is_file() && is_open) {
        return Ok(());
    }
    let path = path.display();
    Err(KeyFileError {
        code: "key_open",
        sentence: format!(
            "{path} has mode {mode:03o}: others can read it, and whoever has this key can pass for the realm; run \
             `chmod 600 {path}`, and if somebody may have read it, make another key and give the new public one to \
             the peers"
        ),
    })
}

/// Elsewhere a file's mode does not say who may read it.
#[cfg(not(unix))]
fn check_private(_: &Path, _: &File) -> Result<(), KeyFileError> {
    Ok(())
}

fn no_key(path: &Path, why: &str) -> KeyFileError {
    KeyFileError {
        code: "no_key",
        sentence: format!("{} is no key file: {why}", path.display()),
    }
}

fn system(path: &Path, what: &str, error: &io::Error) -> KeyFileError {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound if what == "read" => KeyFileError {
            code: "key_not_there",
            sentence: format!("{path} is not there: StaticKey.load_or_make makes one"),
        },
        _ => KeyFileError {
            code: "key_file",
            sentence: format!("{path} cannot be {what}: {error}"),
        },
    }
}

impl From<KeyFileError> for PyErr {
    fn from(error: KeyFileError) -> Self {
        error::raise::<ConfigError>(error.code, error.sentence)
    }
}
