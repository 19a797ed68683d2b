//! The key of a realm where its settings say that it is, and what is told to whoever started realmd.

use crate::settings::Settings;
use chatproto::RealmName;
use chatproto::key_file;
pub(crate) use chatproto::key_file::{check_free, public_file, publish};
use chatproto::link::key::{PublicKey, StaticKey};
use std::io;
use std::path::Path;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key file is of no use: one sentence that says what to do.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Others than the owner may read a secret key.
    #[error(
        "{file} has mode {mode:03o}: others can read it, and whoever has this key can pass for {realm}; run \
         `chmod 600 {file}`, and if somebody may have read it, delete it, start again and give the new public key \
         to the peers"
    )]
    Open {
        /// The file.
        file: String,
        /// Its mode.
        mode: u32,
        /// Whose key it is.
        realm: RealmName,
    },
    /// There is no folder for it.
    #[error("the folder {folder} cannot be made: {error}; make it, or name another one in [store]")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        error: io::Error,
    },
    /// The system has no randomness to make a key of.
    #[error("the system gives no random bytes to make a key of: {0}")]
    Random(getrandom::Error),
    /// It cannot be read or written, or has something else in it.
    #[error(transparent)]
    File(#[from] key_file::KeyFileError),
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
    let key = match read(&file, realm)? {
        Some(key) => key,
        None => match make(&file, Some(realm)) {
            // Another process was faster.
            Err(KeyFileError::File(key_file::KeyFileError::Exists(_))) => key_file::read(&file)?,
            made => {
                let key = made?;
                tracing::info!("{realm}: made its key, in {}", file.display());
                key
            }
        },
    };
    publish(&file, key.public())?;
    Ok(Some(key))
}

/// Looks at the key of a realm, as far as there is one, and makes nothing.
pub(crate) fn look(settings: &Settings) -> Result<Option<StaticKey>, KeyFileError> {
    match settings.key_file() {
        // Where a folder is no folder, that is told when it is to be made.
        Some(file) if has_folder(&file) => read(&file, &settings.config.realm),
        _ => Ok(None),
    }
}

fn has_folder(file: &Path) -> bool {
    let folder = file.parent();
    folder.is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

/// Makes a key in a new file.
pub(crate) fn make(file: &Path, realm: Option<&RealmName>) -> Result<StaticKey, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(KeyFileError::Random)?;
    let key = StaticKey::from_seed(*seed);
    key_file::write_secret(file, &key, realm)?;
    Ok(key)
}

/// Reads a public key; none if the file is not there.
pub(crate) fn read_public(file: &Path) -> Result<Option<PublicKey>, key_file::KeyFileError> {
    match key_file::read_public(file) {
        Err(key_file::KeyFileError::NotThere(_)) => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a secret key; none if the file is not there.
fn read(file: &Path, realm: &RealmName) -> Result<Option<StaticKey>, KeyFileError> {
    match key_file::read(file) {
        Err(key_file::KeyFileError::NotThere(_)) => Ok(None),
        Err(key_file::KeyFileError::Open { path, mode }) => Err(KeyFileError::Open {
            file: path,
            mode,
            realm: realm.clone(),
        }),
        read => Ok(Some(read?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn realm1() -> RealmName {
        RealmName::parse("realm1").unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");

        let made = make(&file, Some(&realm1())).unwrap();
        let again = make(&file, None).unwrap_err().to_string();

        let read = read(&file, &realm1()).unwrap().unwrap();
        assert_eq!(read.public(), made.public());
        assert!(
            again.ends_with("realm1.key is there already and stays as it is: name another file")
        );
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("# The secret key of realm1: whoever has it can pass for realm1.\n")
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");
        let made = make(&file, None).unwrap();

        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read(&file, &realm1()).unwrap_err().to_string();

        assert!(
            refused.contains("has mode 640: others can read it")
                && refused.contains("can pass for realm1; run")
                && refused.contains(&format!("run `chmod 600 {}`", file.display())),
            "{refused}"
        );
        assert!(!refused.contains(made.reveal().as_str()));
    }

    #[test]
    fn where_there_is_no_key_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("realm1.key");

        assert!(read(&file, &realm1()).unwrap().is_none());
        assert!(read_public(&file).unwrap().is_none());
    }
}
