//! Key files: a realm's secret key for its owner's eyes alone, and the public one beside it.

use crate::link::key::{KeyError, PublicKey, StaticKey};
use crate::name::RealmName;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::{NamedTempFile, TempPath};
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest file that makes sense: a key and some lines about it.
const FILE_BYTES_MAX: usize = 4_096;

/// How many files this process has begun.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// How many names of files are tried that somebody has.
const ATTEMPTS_MAX: usize = 1_000;

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
        /// "read", "written" or "looked for".
        what: &'static str,
        /// What the system says.
        why: String,
    },
}

/// Reads a secret key: the one line of the file that is neither empty nor begins with `#`. It is a plain
/// file, so that reading it never waits for anybody.
///
/// # Errors
///
/// There is no such file, others may read it, there is something else in it, or the system refuses
/// something.
pub fn read(path: &Path) -> Result<StaticKey, KeyFileError> {
    let (file, metadata) = open(path)?;
    check_private(path, &metadata)?;
    parse(path, file, StaticKey::parse)
}

/// Reads a public key likewise, whoever may read it.
///
/// # Errors
///
/// There is no such file, there is something else in it, or the system refuses something.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyFileError> {
    let (file, _) = open(path)?;
    parse(path, file, PublicKey::parse)
}

/// Reads a secret key, or [writes](write()) this one where there is none.
///
/// # Errors
///
/// Those of [`read`] and [`write()`], but that the file is not there.
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
/// Those of [`write_secret`] and [`publish`].
pub fn write(path: &Path, key: &StaticKey) -> Result<(), KeyFileError> {
    write_secret(path, key, None)?;
    publish(path, key.public())
}

/// Writes a secret key into a new file that its owner alone may read; a remark there says which realm's
/// it is, if that is known. The file is there with all that is in it, or not at all. What a crash may
/// leave is a file named `.key-` and something, of a key that nobody uses.
///
/// # Errors
///
/// There is such a file, and it was left as it is; or the system refuses something.
pub fn write_secret(
    path: &Path,
    key: &StaticKey,
    realm: Option<&RealmName>,
) -> Result<(), KeyFileError> {
    let whose = realm.map_or("this realm", RealmName::as_str);
    // With room for all of it: what grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX));
    let remark = format!("# The secret key of {whose}: whoever has it can pass for {whose}.\n");
    text.push_str(&remark);
    text.push_str(&key.reveal());
    text.push('\n');
    write_new(path, text.as_bytes()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.display().to_string()),
        _ => system(path, "written", &error),
    })
}

/// Writes the public key beside a secret one, unless it is there. Whoever reads it meanwhile reads the
/// old one or the new one, and never half of one.
///
/// # Errors
///
/// The system refuses something.
pub fn publish(path: &Path, key: PublicKey) -> Result<(), KeyFileError> {
    let file = public_file(path);
    if matches!(read_public(&file), Ok(present) if present == key) {
        return Ok(());
    }
    replace(&file, format!("{key}\n").as_bytes()).map_err(|error| system(&file, "written", &error))
}

/// Where the public key of that secret one is.
#[must_use]
pub fn public_file(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "key") {
        return path.with_extension("pub");
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Makes sure that there is no such file yet.
///
/// # Errors
///
/// There is one, or the system does not say.
pub fn check_free(path: &Path) -> Result<(), KeyFileError> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(KeyFileError::Exists(path.display().to_string())),
        Err(error) => Err(system(path, "looked for", &error)),
    }
}

fn open(path: &Path) -> Result<(File, Metadata), KeyFileError> {
    // Looked at first, since opening a pipe may wait for whoever writes to it.
    let opened = fs::metadata(path)
        .and_then(|found| {
            if found.is_file() {
                File::open(path)
            } else {
                Err(io::Error::other("it is no plain file"))
            }
        })
        .and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => KeyFileError::NotThere(path.display().to_string()),
        _ => system(path, "read", &error),
    })
}

/// The one line that is neither empty nor a remark.
fn parse<T>(
    path: &Path,
    file: File,
    key: impl Fn(&str) -> Result<T, KeyError>,
) -> Result<T, KeyFileError> {
    let text = text(path, file)?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => key(line).map_err(|error| no_key(path, &error.to_string())),
        (None, _) => Err(no_key(path, "there is no key in it")),
        (Some(_), Some(_)) => Err(no_key(path, "there is more than one line in it")),
    }
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

/// Makes a file with all that is to be in it, or none; one that is there stays.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    beside(path, bytes, 0o600)?.persist_noclobber(path)?;
    sync(folder(path))
}

/// Puts a file in the place of another one, or where there is none.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    beside(path, bytes, 0o644)?.persist(path)?;
    sync(folder(path))
}

/// Makes a file in the folder of another one, under a name that nobody else has, and with that mode
/// where files have one. It goes unless it is given the other one's place.
#[cfg_attr(
    not(unix),
    expect(unused_variables, reason = "files have no mode here")
)]
fn beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let folder = std::path::absolute(folder(path))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut attempts = 0..ATTEMPTS_MAX;
    loop {
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let name = folder.join(format!(".key-{}-{number}", std::process::id()));
        let file = match options.open(&name) {
            // Of another machine, or left by a process of that number that was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts.next().is_some() => {
                continue;
            }
            opened => opened?,
        };
        let mut file = NamedTempFile::from_parts(file, TempPath::try_from_path(name)?);
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        return Ok(file);
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be synced by itself.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode() & 0o777;
    let is_open = mode & 0o077 != 0;
    if !is_open {
        return Ok(());
    }
    Err(KeyFileError::Open {
        path: path.display().to_string(),
        mode,
    })
}

/// Elsewhere a file's mode does not say who may read it.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn check_private(_: &Path, _: &Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

fn no_key(path: &Path, why: &str) -> KeyFileError {
    KeyFileError::NoKey {
        path: path.display().to_string(),
        why: why.to_owned(),
    }
}

fn system(path: &Path, what: &'static str, error: &io::Error) -> KeyFileError {
    KeyFileError::System {
        path: path.display().to_string(),
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
            write_new(&path, text.as_bytes()).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains(secret.trim_end_matches('=')));
        }
    }

    #[test]
    #[cfg(unix)]
    fn every_mode_that_lets_others_in_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.key");
        write_secret(&path, &key(), None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        // Nothing else is left.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        for wrong in [0o640, 0o604, 0o610, 0o622, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(wrong)).unwrap();
            let refused = read(&path).unwrap_err();
            assert!(matches!(refused, KeyFileError::Open { mode, .. } if mode == wrong));
            let told = refused.to_string();
            assert!(told.contains("chmod 600") && !told.contains(key().reveal().as_str()));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn what_is_no_public_key_is_told_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let long = "#".repeat(4_097);
        let table = [
            ("", "there is no key in it"),
            ("# only\n\n", "there is no key in it"),
            ("geheim\n", "a key has 44 characters of base64"),
            ("geheim\ngeheim\n", "there is more than one line in it"),
            (long.as_str(), "it is too long"),
        ];
        for (text, why) in table {
            fs::write(&path, text).unwrap();
            let told = read_public(&path).unwrap_err().to_string();
            assert!(told.contains(why) && !told.contains("geheim"), "{told}");
        }

        let why = |path: &Path| read_public(path).unwrap_err().to_string();
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(why(&path).contains("it is no text"));
        assert!(why(folder.path()).contains("it is no plain file"));
        let told = read_public(&folder.path().join("b"));
        assert!(matches!(told, Err(KeyFileError::NotThere(_))), "{told:?}");
        let told = read_public(&path.join("c"));
        assert!(matches!(told, Err(KeyFileError::System { .. })), "{told:?}");
    }

    #[test]
    fn what_others_have_begun_is_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let next = BEGUN.load(Ordering::Relaxed);
        for number in next..next + 500 {
            let name = format!(".key-{}-{number}", std::process::id());
            fs::write(folder.path().join(name), "another's").unwrap();
        }

        write(&folder.path().join("realm1.key"), &key()).unwrap();

        let mut begun = fs::read_dir(folder.path()).unwrap();
        assert!(begun.all(|file| {
            let path = file.unwrap().path();
            !path.to_string_lossy().contains("/.key-") || fs::read(path).unwrap() == b"another's"
        }));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 500 + 2);
    }

    #[test]
    fn of_many_who_make_a_key_at_a_time_all_get_the_same_one() {
        const MAKERS: u8 = 8;
        let folder = tempfile::tempdir().unwrap();
        for round in 0..40_u8 {
            let path = folder.path().join(format!("{round}.key"));
            let begin = std::sync::Barrier::new(MAKERS.into());
            let made: Vec<_> = std::thread::scope(|scope| {
                let makers = (0..MAKERS).map(|maker| {
                    let (path, begin) = (&path, &begin);
                    scope.spawn(move || {
                        begin.wait();
                        let key = StaticKey::from_seed([maker; 32]);
                        read_or_write(path, key).map(|key| key.public())
                    })
                });
                let makers: Vec<_> = makers.collect();
                makers
                    .into_iter()
                    .map(|maker| maker.join().unwrap())
                    .collect()
            });

            let kept = read(&path).map(|key| key.public());
            assert!(
                kept.is_ok() && made.iter().all(|made| *made == kept),
                "{made:?}"
            );
            assert_eq!(read_public(&public_file(&path)), kept);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * 40);
    }

    #[test]
    fn a_public_key_lies_beside_the_secret_one_and_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm1.key");
        let other = StaticKey::from_seed([2; 32]);

        publish(&path, key().public()).unwrap();
        let public = folder.path().join("realm1.pub");
        assert_eq!(read_public(&public), Ok(key().public()));
        publish(&path, other.public()).unwrap();

        assert_eq!(read_public(&public), Ok(other.public()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&public).unwrap().permissions().mode();
            assert_eq!(mode & 0o700, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for name in ["a/realm.1.key", "a/realm.1"] {
            assert_eq!(public_file(Path::new(name)), Path::new("a/realm.1.pub"));
        }
    }
}
