//! What a realm file says: one realm's name, addresses, users, peers, limits, and where it keeps its
//! data.

mod check;
mod keys;
mod peers;
mod reading;
mod storage;
mod table;
mod users;

pub use check::check_together;
pub use peers::{PeerSecurity, PeerSettings};
pub use storage::StoreSettings;
pub(crate) use users::{COST, PASSWORD_RULE, is_password};

use chatproto::{Config, RealmName};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that one realm needs to run.
///
/// # Examples
///
/// ```
/// let settings = realmd::Settings::from_toml(
///     r#"
///     name = "realm1"
///
///     [client]
///     address = "127.0.0.1:0"
///
///     [[users]]
///     name = "messi"
///     password = "surabaya"
///     "#,
/// )?;
/// assert_eq!(settings.config.users.len(), 1);
/// # Ok::<(), realmd::SettingsError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Name, users, peers, limits, and what is logged.
    pub config: Config,
    /// Where clients connect.
    pub client: Listen,
    /// Where other realms connect, if they may.
    pub link: Option<Listen>,
    /// The file with the secret key of the realm's links; where nothing is said, beside its data.
    pub key_file: Option<PathBuf>,
    /// How the peers are linked with: as many as in `config`.
    pub peers: BTreeMap<RealmName, PeerSettings>,
    /// Where the classic neighbours among the peers are found, and where they come to.
    pub classic: BTreeMap<RealmName, ClassicSettings>,
    /// Where its data are kept; without it they are in memory alone.
    pub store: Option<StoreSettings>,
    /// Whether messages bounce that wait for a realm which is no peer any more; without it a realm
    /// with such messages does not start.
    pub bounce_removed: bool,
    /// The realm file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Where the realm's name stands.
    pub(crate) named_at: Option<Place>,
}

impl Settings {
    /// A realm for clients alone, in memory: to link it, fill in [`link`](Self::link) and
    /// [`peers`](Self::peers) beside those of `config`, or [`classic`](Self::classic); to keep its data, [`store`](Self::store).
    #[must_use]
    pub fn new(config: Config, client: SocketAddr) -> Self {
        Self {
            config,
            client: client.into(),
            link: None,
            key_file: None,
            peers: BTreeMap::new(),
            classic: BTreeMap::new(),
            store: None,
            bounce_removed: false,
            file: None,
            named_at: None,
        }
    }

    /// Reads a realm file. The folder of its data and key files stand beside it, unless they are named
    /// from the root.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or says something wrong: one sentence, with the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mut settings = reading::read(&file, &text)?;
                settings.found_at(path);
                Ok(settings)
            }
            Err(error) => Err(SettingsError {
                place: Place { file, line: None },
                sentence: format!("the file cannot be read: {error}"),
            }),
        }
    }

    /// Paths in a realm file begin beside it.
    fn found_at(&mut self, path: &Path) {
        let beside = path.parent().unwrap_or(Path::new(""));
        if let Some(store) = &mut self.store {
            store.folder = beside.join(&store.folder);
        }
        if let Some(file) = &mut self.key_file {
            *file = beside.join(&file);
        }
        for peer in self.peers.values_mut() {
            if let PeerSecurity::NoiseFile(file) = &mut peer.security {
                *file = beside.join(&file);
            }
        }
        self.file = Some(path.to_owned());
    }

    /// Reads the text of a realm file. The folder of its data stands in the current one, unless it is
    /// named from the root.
    ///
    /// # Errors
    ///
    /// The text says something wrong: one sentence, with the line.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        reading::read("realm", text)
    }

    /// The file with the secret key of the realm's links; none if nothing of it may stay, since it
    /// has no store.
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        let beside =
            |store: &StoreSettings| store.folder.join(format!("{}.key", self.config.realm));
        self.key_file
            .clone()
            .or_else(|| self.store.as_ref().map(beside))
    }

    /// Whether there are peers to be linked with; without any no link code runs.
    pub(crate) fn is_linked(&self) -> bool {
        !self.peers.is_empty()
    }

    /// Checks the key files: that of the realm, where there is one yet, and those of its peers. No file
    /// is made.
    ///
    /// # Errors
    ///
    /// One is of no use, or two realms have one key: one sentence, with the line of the peer.
    pub fn check_keys(&self) -> Result<(), SettingsError> {
        keys::check(self)
    }
}

/// How a realm and a classic neighbour reach each other. Whoever reaches `listen` can write as any user
/// of that neighbour.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClassicSettings {
    /// Where its server is; without one it is never called.
    pub address: Option<SocketAddr>,
    /// Where it connects, a port for it alone; without one it cannot call.
    pub listen: Option<Listen>,
}

/// An address to listen on.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; port 0 takes any free port.
    pub address: SocketAddr,
    /// Where it was written, for a message about a taken port.
    pub(crate) place: Option<Place>,
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            place: None,
        }
    }
}

/// A line of a realm file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, as it was named.
    pub(crate) file: String,
    /// The line, counted from 1; none where the whole file is meant.
    pub(crate) line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What is wrong with a realm file: one sentence that tells where and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {sentence}")]
pub struct SettingsError {
    place: Place,
    sentence: String,
}

impl SettingsError {
    /// The line at fault, counted from 1, where it is one line.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.line
    }
}
