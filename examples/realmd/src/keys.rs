//! Key files: the secret key of a realm, for its owner's eyes alone, and the public ones that realms
//! show each other.

use crate::settings::Settings;
use chatproto::RealmName;
use chatproto::link::key::{KeyError, PublicKey, StaticKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest file that makes sense: a key and some lines about it.
const FILE_BYTES_MAX: usize = 4_096;
/// What a name must not have, so that the public key does not take the secret one's place.
const PUBLIC_EXTENSION: &str = "pub";

/// Why a key file is of no use: one sentence that says what to do.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Others than the owner may read a secret key.
    #[error(
        "{file} has mode {mode:03o}: others can read it, and whoever has this key can pass for {whose}; run \
         `chmod 600 {file}`, and if somebody may have read it, delete it, start again and give the new public key \
         to the peers"
    )]
    Open {
        /// The file.
        file: String,
        /// Its mode.
        mode: u32,
        /// Who the key is of.
        whose: String,
    },
    /// A file that must not be overwritten.
    #[error("{0} is there already and stays as it is: name another file")]
    Exists(String),
    /// The system refuses something.
    #[error("{file} cannot be {what}: {error}")]
    System {
        /// The file.
        file: String,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// There is no folder for it.
    #[error("the folder {folder} cannot be made: {error}; make it, or name another one in [store]")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        error: io::Error,
    },
    /// There is something else in the file.
    #[error("{file} is no key file: {why}")]
    NoKey {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// The system has no randomness to make a key of.
    #[error("the system gives no random bytes to make a key of: {0}")]
    Random(getrandom::Error),
}

/// Reads the key of a realm, and makes it where there is none yet; none if the settings name no place
/// for it. The public key is written beside it.
pub(crate) fn of(settings: &Settings) -> Result<Option<StaticKey>, KeyFileError> {
    let Some(file) = settings.key_file() else {
        return Ok(None);
    };
    let realm = &settings.config.realm;
    if let Some(folder) = file.parent() {
        crate::store::make_private(folder).map_err(|error| KeyFileError::Folder {
            folder: folder.display().to_string(),
            error,
        })?;
    }
    let key = match read(&file, realm) {
        Err(KeyFileError::System { error, .. }) if error.kind() == ErrorKind::NotFound => {
            match make(&file, realm.as_str()) {
                // Another process was faster.
                Err(KeyFileError::Exists(_)) => read(&file, realm)?,
                made => {
                    let key = made?;
                    tracing::info!("{realm}: made its key, in {}", file.display());
                    key
                }
            }
        }
        read => read?,
    };
    publish(&file, key.public())?;
    Ok(Some(key))
}

/// Looks at the key of a realm, as far as there is one, and makes nothing.
pub(crate) fn look(settings: &Settings) -> Result<Option<StaticKey>, KeyFileError> {
    let Some(file) = settings.key_file() else {
        return Ok(None);
    };
    match read(&file, &settings.config.realm) {
        // Where a folder is no folder, that is told when it is to be made.
        Err(KeyFileError::System { error, .. })
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Makes a key in a new file.
pub(crate) fn make(file: &Path, whose: &str) -> Result<StaticKey, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(KeyFileError::Random)?;
    let key = StaticKey::from_seed(*seed);
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    let remark = format!("# The secret key of {whose}: whoever has it can pass for {whose}.\n");
    text.push_str(&remark);
    text.push_str(&key.reveal());
    text.push('\n');
    write_new(file, text.as_bytes()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(file.display().to_string()),
        _ => system(file, "written")(error),
    })?;
    Ok(key)
}

/// Reads a public key; none if the file is not there.
pub(crate) fn read_public(file: &Path) -> Result<Option<PublicKey>, KeyFileError> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(system(file, "read"))?,
    };
    let text = text(opened, file)?;
    parse(&text, file, PublicKey::parse).map(Some)
}

/// Makes sure that there is no such file yet.
pub(crate) fn check_free(file: &Path) -> Result<(), KeyFileError> {
    match file.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(KeyFileError::Exists(file.display().to_string())),
        Err(error) => Err(system(file, "looked for")(error)),
    }
}

/// Where the public key of that secret one is.
pub(crate) fn public_file(file: &Path) -> PathBuf {
    if file.extension().is_some_and(|extension| extension == "key") {
        return file.with_extension(PUBLIC_EXTENSION);
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(PUBLIC_EXTENSION);
    name.into()
}

/// Writes the public key beside the secret one, unless it is there.
pub(crate) fn publish(file: &Path, key: PublicKey) -> Result<(), KeyFileError> {
    let file = public_file(file);
    if matches!(read_public(&file), Ok(Some(present)) if present == key) {
        return Ok(());
    }
    let (temporary, mut opened) = beside(&file, 0o644).map_err(system(&file, "written"))?;
    let written = opened
        .write_all(format!("{key}\n").as_bytes())
        .and_then(|()| opened.sync_all())
        .and_then(|()| fs::rename(&temporary, &file))
        .and_then(|()| sync_folder(&file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(system(&file, "written"))
}

fn read(file: &Path, whose: &RealmName) -> Result<StaticKey, KeyFileError> {
    let opened = File::open(file).map_err(system(file, "read"))?;
    let metadata = opened.metadata().map_err(system(file, "read"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(KeyFileError::Open {
            file: file.display().to_string(),
            mode,
            whose: whose.to_string(),
        });
    }
    let text = text(opened, file)?;
    parse(&text, file, StaticKey::parse)
}

/// What is in a file, wiped when it is dropped.
fn text(opened: File, file: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let no_key = |why: &str| KeyFileError::NoKey {
        file: file.display().to_string(),
        why: why.to_owned(),
    };
    let metadata = opened.metadata().map_err(system(file, "read"))?;
    if !metadata.is_file() {
        return Err(no_key("it is no plain file"));
    }
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX + 1));
    opened
        .take(FILE_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidData => no_key("it is no text"),
            _ => system(file, "read")(error),
        })?;
    if text.len() > FILE_BYTES_MAX {
        return Err(no_key("it is too long"));
    }
    Ok(text)
}

/// The one line that is neither empty nor a remark.
fn parse<T>(
    text: &str,
    file: &Path,
    key: impl Fn(&str) -> Result<T, KeyError>,
) -> Result<T, KeyFileError> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = match (lines.next(), lines.next()) {
        (Some(line), None) => key(line).map_err(|error| error.to_string()),
        (None, _) => Err("there is no key in it".to_owned()),
        (Some(_), Some(_)) => Err("there is more than one line in it".to_owned()),
    };
    parsed.map_err(|why| KeyFileError::NoKey {
        file: file.display().to_string(),
        why,
    })
}

/// Makes a file with all that is to be in it, or none; one that is there stays.
fn write_new(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut opened) = beside(file, 0o600)?;
    let written = opened
        .write_all(bytes)
        .and_then(|()| opened.sync_all())
        .and_then(|()| fs::hard_link(&temporary, file));
    let removed = fs::remove_file(&temporary);
    written.and(removed)?;
    sync_folder(file)
}

/// Opens a new file in the folder of another one.
fn beside(file: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let path = PathBuf::from(name);
    // Left by a process of that number that was killed.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let opened = options.open(&path)?;
    Ok((path, opened))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn system(file: &Path, what: &'static str) -> impl FnOnce(io::Error) -> KeyFileError {
    let file = file.display().to_string();
    move |error| KeyFileError::System { file, what, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    fn realm1() -> RealmName {
        RealmName::parse("realm1").unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");

        let made = make(&file, "realm1").unwrap();
        let again = make(&file, "realm1").unwrap_err().to_string();

        let read = read(&file, &realm1()).unwrap();
        assert_eq!(read.public(), made.public());
        assert_eq!(mode(&file), 0o600);
        assert!(
            again.ends_with("realm1.key is there already and stays as it is: name another file")
        );
        // Nothing else is left.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");
        let made = make(&file, "realm1").unwrap();

        for wrong in [0o640, 0o604, 0o610, 0o622, 0o777] {
            fs::set_permissions(&file, fs::Permissions::from_mode(wrong)).unwrap();
            let refused = read(&file, &realm1()).unwrap_err().to_string();
            assert!(
                refused.contains(&format!("has mode {wrong:o}"))
                    && refused.contains(&format!("run `chmod 600 {}`", file.display())),
                "{refused}"
            );
            assert!(!refused.contains(made.reveal().as_str()));
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&file, &realm1()).is_ok());
    }

    #[test]
    fn what_is_no_key_is_told_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let long = "#".repeat(4_097);
        let table = [
            ("", "there is no key in it"),
            ("# only\n\n", "there is no key in it"),
            ("geheim\n", "a key has 44 characters of base64"),
            ("geheim\ngeheim\n", "there is more than one line in it"),
            (long.as_str(), "it is too long"),
        ];
        for (text, why) in table {
            fs::write(&file, text).unwrap();
            let told = read_public(&file).unwrap_err().to_string();
            assert!(told.contains(why) && !told.contains("geheim"), "{told}");
        }

        fs::write(&file, b"\xff\xfe").unwrap();
        assert!(
            read_public(&file)
                .unwrap_err()
                .to_string()
                .contains("it is no text")
        );
        let told = read_public(folder.path()).unwrap_err().to_string();
        assert!(told.contains("it is no plain file"), "{told}");
        assert!(read_public(&folder.path().join("b")).unwrap().is_none());
    }

    #[test]
    fn a_public_key_lies_beside_the_secret_one_and_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");
        let (one, two) = (StaticKey::from_seed([1; 32]), StaticKey::from_seed([2; 32]));

        publish(&file, one.public()).unwrap();
        let public = folder.path().join("realm1.pub");
        assert_eq!(read_public(&public).unwrap(), Some(one.public()));
        assert_eq!(mode(&public) & 0o600, 0o600);
        publish(&file, two.public()).unwrap();

        assert_eq!(read_public(&public).unwrap(), Some(two.public()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            public_file(Path::new("a/realm.1.key")),
            Path::new("a/realm.1.pub")
        );
        assert_eq!(
            public_file(Path::new("a/realm.1")),
            Path::new("a/realm.1.pub")
        );
    }
}
