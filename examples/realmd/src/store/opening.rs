//! From a folder to a realm with everything that it knew.

use crate::settings::StoreSettings;
use chatproto::store::sqlite::{Retention, SqliteReader, SqliteStore};
use chatproto::store::{Store as _, StoreError};
use chatproto::{Config, ConfigError, Now, Realm, RealmName, RestoreError};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a realm's data could not be opened: one sentence.
#[derive(Debug, Error)]
pub(crate) enum StoreStartError {
    #[error("the folder {folder} cannot be made: {error}; make it, or name another one in [store]")]
    Folder { folder: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{file}: {error}")]
    Restore { file: String, error: RestoreError },
    #[error(
        "{messages} {} for {peer}, which is no peer of {realm} any more: put it back among the [[peers]]; or start once \
         with `realmd --bounce`: then what never left bounces, and what was under way is told to its senders as unknown",
        if *.messages == 1 { "message waits" } else { "messages wait" }
    )]
    PeerRemoved {
        realm: RealmName,
        peer: RealmName,
        messages: usize,
    },
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A store that is open and was read.
pub(crate) struct Opened {
    pub(super) store: SqliteStore,
    pub(super) reader: SqliteReader,
    pub(super) realm: RealmName,
    pub(super) file: PathBuf,
    pub(super) retention: Retention,
}

/// Opens the store of a realm, a new one if there is none, and makes the realm that it tells of.
pub(crate) fn open(
    settings: &StoreSettings,
    config: Config,
    is_bouncing: bool,
    seed: [u8; 32],
    now: Now,
) -> Result<(Realm, Opened), StoreStartError> {
    let folder = &settings.folder;
    make_private(folder).map_err(|error| StoreStartError::Folder {
        folder: folder.display().to_string(),
        error,
    })?;
    let realm = config.realm.clone();
    let file = settings.file(&realm);
    let mut store = SqliteStore::open(&file, &realm, settings.options())?;
    let mut restore = Realm::restore(config.durable(true), seed, now)?;
    store.load(&mut |record| restore.record(record))?;
    if is_bouncing {
        restore = restore.bounce_removed();
    }
    let restored = restore.finish().map_err(|error| match error {
        RestoreError::PeerRemoved { peer, messages } => StoreStartError::PeerRemoved {
            realm: realm.clone(),
            peer,
            messages,
        },
        error => StoreStartError::Restore {
            file: file.display().to_string(),
            error,
        },
    })?;
    let opened = Opened {
        reader: store.reader()?,
        store,
        realm,
        file,
        retention: settings.retention(),
    };
    Ok((restored, opened))
}

/// Makes a folder that its owner alone may look into; one that is there stays as it is.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
