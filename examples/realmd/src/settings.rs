//! What a realm file says: one realm's name, addresses, users, peers, limits, and where it keeps its
//! data.

mod check;
mod reading;
mod storage;
mod table;
mod users;

pub use check::check_together;
pub use storage::StoreSettings;
pub(crate) use users::{COST, PASSWORD_RULE, is_password};

use chatproto::{Config, RealmName};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

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
    /// Where the peers that this realm calls are found.
    pub peers: BTreeMap<RealmName, SocketAddr>,
    /// Where the classic neighbours among the peers are found, and where they come to.
    pub classic: BTreeMap<RealmName, ClassicSettings>,
    /// Where its data are kept; without it they are in memory alone.
    pub store: Option<StoreSettings>,
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
            peers: BTreeMap::new(),
            classic: BTreeMap::new(),
            store: None,
            named_at: None,
        }
    }

    /// Reads a realm file. The folder of its data stands beside it, unless it is named from the root.
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
                if let (Some(store), Some(beside)) = (&mut settings.store, path.parent()) {
                    store.folder = beside.join(&store.folder);
                }
                Ok(settings)
            }
            Err(error) => Err(SettingsError {
                place: Place { file, line: None },
                sentence: format!("the file cannot be read: {error}"),
            }),
        }
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
