//! Key files: a realm's secret key for its owner's eyes alone, and the public one beside it.

use crate::link::key::{PublicKey, StaticKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest file that makes sense: a key and some lines about it.
const FILE_BYTES_MAX: usize = 4_096;

/// Why a key file is of no use. The sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is none.
    #[error("{0} is not there")]
    NotThere(String),
    /// Others than its owner can read it.
    #[error(
        "{path} has mode {mode:03o}: others can read it, and whoever has this key can pass for the realm; run \
         `chmod 600 {path}`, and if somebody may have read it, make another key and give the new public one to \
         the peers"
    )]
    Open {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Something else is in it.
    #[error("{path} is no key file: {why}")]
    NoKey {
        /// The file.
        path: String,
        /// What is in it instead.
        why: String,
    },
    /// There is one already.
    #[error("{0} is there already and stays as it is: name another file")]
    Exists(String),
    /// The system refuses something.
    #[error("{path} cannot be {what}: {why}")]
    System {
        /// The file.
        path: String,
        /// "read" or "written".
        what: &'static str,
        /// What the system says.
        why: String,
    },
}

/// Reads a secret key: the one line of the file that is neither empty nor begins with `#`.
///
/// # Errors
///
/// There is no such file, others may read it, or there is something else in it.
pub fn read(path: &Path) -> Result<StaticKey, KeyFileError> {
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
///
/// # Errors
///
/// Those of [`read`] and [`write`], but that the file is not there.
pub fn read_or_write(path: &Path, made: StaticKey) -> Result<StaticKey, KeyFileError> {
    match read(path) {
        Err(KeyFileError::NotThere(_)) => match write(path, &made) {
            // Another process was faster.
            Err(KeyFileError::Exists(_)) => read(path),
            written => written.map(|()| made),
        },
        read => read,
    }
}

/// Writes a secret key into a new file that its owner alone may read, and the public one beside it:
/// `realm1.pub` for `realm1.key`.
///
/// # Errors
///
/// There is such a file, and it was left as it is; or the system refuses something.
pub fn write(path: &Path, key: &StaticKey) -> Result<(), KeyFileError> {
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    text.push_str("# The secret key of a realm: whoever has it can pass for the realm.\n");
    text.push_str(&key.reveal());
    text.push('\n');
    let mut file = new_private(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.display().to_string()),
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
    Err(KeyFileError::Open {
        path: path.display().to_string(),
        mode,
    })
}

/// Elsewhere a file's mode does not say who may read it.
#[cfg(not(unix))]
fn check_private(_: &Path, _: &File) -> Result<(), KeyFileError> {
    Ok(())
}

fn no_key(path: &Path, why: &str) -> KeyFileError {
    KeyFileError::NoKey {
        path: path.display().to_string(),
        why: why.to_owned(),
    }
}

fn system(path: &Path, what: &'static str, error: &io::Error) -> KeyFileError {
    let path = path.display().to_string();
    if error.kind() == ErrorKind::NotFound && what == "read" {
        return KeyFileError::NotThere(path);
    }
    KeyFileError::System {
        path,
        what,
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StaticKey {
        StaticKey::from_seed([7; 32])
    }

    #[test]
    fn what_was_written_is_read_again_with_the_public_key_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.key");

        write(&path, &key()).unwrap();

        assert_eq!(read(&path).unwrap().public(), key().public());
        let public = fs::read_to_string(folder.path().join("realm1.pub")).unwrap();
        assert_eq!(public, format!("{}\n", key().public()));
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1");
        let made = read_or_write(&path, key()).unwrap();
        let other = StaticKey::from_seed([8; 32]);

        let written = write(&path, &other);
        let found = read_or_write(&path, other).unwrap();

        let name = path.display().to_string();
        assert_eq!(written, Err(KeyFileError::Exists(name)));
        assert_eq!(found.public(), made.public());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.key");
        write(&path, &key()).unwrap();

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err();

        assert!(matches!(error, KeyFileError::Open { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }

    #[test]
    fn what_is_no_key_file_is_told_without_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.key");
        let secret = key().reveal();
        let table = [
            ("", "there is no key in it"),
            ("# nothing but a remark\n", "there is no key in it"),
            ("x\ny\n", "there is more than one line in it"),
            (&*secret.replace('=', "!"), "a key is standard base64"),
        ];

        assert!(matches!(read(&path), Err(KeyFileError::NotThere(_))));
        for (text, why) in table {
            fs::remove_file(&path).unwrap_or_default();
            let mut file = new_private(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains(secret.trim_end_matches('=')));
        }
    }
}
