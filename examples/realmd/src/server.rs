//! A realm that runs: its ports, its threads, its end.

use crate::classic::Neighbours;
use crate::clock::Clock;
use crate::driver::{Driver, Stop};
use crate::journal::Journal;
use crate::keys::{self, KeyFileError};
use crate::listener::{self, Acceptor, ListenError};
use crate::operate::{Asker, Desk};
use crate::reload::{self, Current, ReloadError};
use crate::settings::{
    ClassicSettings, Listen, PeerSecurity, PeerSettings, Settings, SettingsError,
};
use crate::store::{self, Opened, Storage, StoreHandle, StoreStartError};
use chatproto::{ConfigError, Passwords, PeerKind, Realm, RealmName};
use mio::net::TcpListener;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use tracing::warn;

/// A running realm.
///
/// It runs on threads of its own until it is stopped or dropped.
///
/// # Examples
///
/// ```
/// use realmd::{Server, Settings};
/// use std::io::{Read, Write};
///
/// let settings = Settings::from_toml(
///     r#"
///     name = "realm1"
///     client = { address = "127.0.0.1:0" }
///     users = [{ name = "messi", password = "surabaya" }]
///     "#,
/// )?;
/// let server = Server::start(settings)?;
///
/// let mut client = std::net::TcpStream::connect(server.client_address())?;
/// client.write_all(b"auth nobody x\r\n")?;
/// let mut reply = [0; 48];
/// client.read_exact(&mut reply)?;
/// assert_eq!(&reply, b"{\"status\": \"ERROR\", \"message\": \"User Tidak Ada\"}");
///
/// server.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    name: RealmName,
    client_address: SocketAddr,
    link_address: Option<SocketAddr>,
    /// Where classic neighbours come to.
    classic: BTreeMap<RealmName, SocketAddr>,
    store: Option<StoreHandle>,
    stop: Stop,
    asker: Asker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Why a realm could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data that the realm left cannot be opened; they were left as they are.
    #[error("{0}")]
    Store(String),
    /// The engine does not take the configuration.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A key file is of no use.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The settings contradict what is in the key files.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings do not say how a peer is to be linked with.
    #[error("the settings do not say how {0} is linked with")]
    Peer(RealmName),
    /// A link would leave this machine, which plain links must not.
    #[error(
        "links in mode \"plain\" stay on this machine: {0} is not a loopback address such as 127.0.0.1"
    )]
    PlainLink(SocketAddr),
    /// The system has no randomness to make tokens of.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The system refuses a poll or a thread.
    #[error("the realm cannot run here: {0}")]
    System(#[from] io::Error),
}

impl From<StoreStartError> for StartError {
    fn from(error: StoreStartError) -> Self {
        match error {
            StoreStartError::Config(error) => Self::Config(error),
            other => Self::Store(other.to_string()),
        }
    }
}

impl Server {
    /// Opens the ports and the store, and starts the threads of a realm.
    ///
    /// # Errors
    ///
    /// A port is taken, the data cannot be used, or the system lacks what the realm needs: one
    /// sentence.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        check_peers(&settings)?;
        let client_listener = listener::open(&settings.client)?;
        let client_address = client_listener.local_addr()?;
        // No peers: no link port, no link thread.
        let is_linked = settings.is_linked();
        let link_listener = open_link(settings.link.as_ref().filter(|_| is_linked))?;
        let link_address = link_listener
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()?;

        let hearing = listen_to(&settings.classic)?;
        let heard_at = addresses(&hearing)?;

        let clock = Clock::start();
        let name = settings.config.realm.clone();
        warn_of_what_is_open(&settings, client_address);
        let (realm, opened) = make_realm(&settings, clock)?;
        let key = keys::of(&settings)?;
        settings.check_keys()?;
        let current = Current::of(&settings, key);
        let patience_ms = settings.config.limits.classic_ms_max;
        let mut driver = Driver::new(
            realm,
            Journal::new(name.clone()),
            clock,
            Acceptor::new(client_listener),
        )?;
        warn_of_neighbours(&name, &settings.classic, &heard_at);
        let storage = opened
            .map(|opened| Storage::start(opened, &driver.waker()))
            .transpose()?;
        let store = storage.as_ref().map(Storage::handle);
        let desk = Desk::open(
            &name,
            store.clone(),
            settings.file,
            &driver.waker(),
            clock.now(),
        );
        let asker = desk.asker();
        driver.operate(storage, desk, current);
        if is_linked {
            driver.link(link_listener)?;
        }
        if !settings.classic.is_empty() {
            driver.hear(Neighbours::new(&settings.classic, hearing, patience_ms))?;
        }
        let stop = driver.stop();
        let thread = std::thread::Builder::new()
            .name(name.to_string())
            .spawn(move || driver.run())?;
        Ok(Self {
            name,
            client_address,
            link_address,
            classic: heard_at,
            store,
            stop,
            asker,
            thread: Some(thread),
        })
    }

    /// What the realm is called.
    #[must_use]
    pub fn name(&self) -> &RealmName {
        &self.name
    }

    /// Where clients connect, with the port that was really taken.
    #[must_use]
    pub fn client_address(&self) -> SocketAddr {
        self.client_address
    }

    /// Where other realms connect; none if they cannot.
    #[must_use]
    pub fn link_address(&self) -> Option<SocketAddr> {
        self.link_address
    }

    /// Where classic neighbours connect, with the ports that were really taken; those that only are
    /// called are not among them.
    #[must_use]
    pub fn classic_addresses(&self) -> &BTreeMap<RealmName, SocketAddr> {
        &self.classic
    }

    /// The file that keeps the realm's data; none if they are in memory alone.
    #[must_use]
    pub fn store_file(&self) -> Option<&Path> {
        self.store.as_ref().map(StoreHandle::file)
    }

    /// Says goodbye to everybody and ends; waits for that at most a few seconds.
    ///
    /// # Errors
    ///
    /// The realm had ended by itself before: its store failed, or the system refused it something.
    pub fn stop(mut self) -> io::Result<()> {
        self.stop.now();
        self.join()
    }

    /// Waits until the realm ends, which it does when [`stop`](Self::stopper) is called.
    ///
    /// # Errors
    ///
    /// Its store failed, or the system refused it something that it needs.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Returns what ends this realm from another thread.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let stop = self.stop.clone();
        move || stop.now()
    }

    /// How the realm's loop is asked for something.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Takes what can be taken of other settings while the realm runs, its peers, without disturbing a
    /// client; says in sentences what came of it, and what needs a restart.
    ///
    /// # Errors
    ///
    /// The settings cannot be those of this realm, or a key file is of no use: one sentence, and
    /// nothing has changed.
    pub fn reload(&self, settings: Settings) -> Result<Vec<String>, ReloadError> {
        reload::prepare(settings).and_then(|prepared| self.asker.reload(prepared))
    }

    fn join(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("a bug ended the realm's thread")),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.now();
        if let Err(error) = self.join() {
            tracing::error!("{}: {error}", self.name);
        }
    }
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(StartError::Random)?;
    Ok(seed)
}

/// Checks what only settings that were not read from a file can get wrong.
fn check_peers(settings: &Settings) -> Result<(), StartError> {
    let linked = settings.config.peers.iter();
    let mut linked = linked.filter(|peer| peer.kind == PeerKind::Linked);
    if let Some(peer) = linked.find(|peer| !settings.peers.contains_key(&peer.name)) {
        return Err(StartError::Peer(peer.name.clone()));
    }
    let plain = || {
        let peers = settings.peers.values();
        peers.filter(|peer| peer.security == PeerSecurity::Plain)
    };
    let called = plain().filter_map(|peer| peer.address);
    let own = settings.link.as_ref().map(|link| link.address);
    let mut all = called.chain(own.filter(|_| plain().next().is_some()));
    let elsewhere = all.find(|address| !address.ip().to_canonical().is_loopback());
    elsewhere.map_or(Ok(()), |address| Err(StartError::PlainLink(address)))
}

/// Opens the port for other realms, if there is to be one.
pub(crate) fn open_link(link: Option<&Listen>) -> Result<Option<TcpListener>, ListenError> {
    link.map(listener::open).transpose()
}

/// Opens the ports for classic neighbours.
fn listen_to(
    classic: &BTreeMap<RealmName, ClassicSettings>,
) -> Result<Vec<(RealmName, TcpListener)>, ListenError> {
    let ports = classic
        .iter()
        .filter_map(|(name, it)| Some((name, it.listen.as_ref()?)));
    ports
        .map(|(name, listen)| Ok((name.clone(), listener::open(listen)?)))
        .collect()
}

fn addresses(
    listeners: &[(RealmName, TcpListener)],
) -> io::Result<BTreeMap<RealmName, SocketAddr>> {
    let each = listeners.iter();
    each.map(|(name, listener)| Ok((name.clone(), listener.local_addr()?)))
        .collect()
}

/// Makes the realm, of what its store holds if it has one.
fn make_realm(settings: &Settings, clock: Clock) -> Result<(Realm, Option<Opened>), StartError> {
    let (seed, now, config) = (seed()?, clock.now(), settings.config.clone());
    match &settings.store {
        Some(store) => {
            let is_bouncing = settings.bounce_removed;
            let (realm, opened) = store::open(store, config, is_bouncing, seed, now)?;
            Ok((realm, Some(opened)))
        }
        None => Ok((Realm::new(config, seed, now)?, None)),
    }
}

fn warn_of_what_is_open(settings: &Settings, client_address: SocketAddr) {
    let name = &settings.config.realm;
    if !client_address.ip().to_canonical().is_loopback() {
        warn!(
            "{name}: clients come unencrypted: passwords can be read on their way to {client_address}"
        );
    }
    if settings.config.passwords == Passwords::Plain {
        warn!(
            "{name}: PASSWORDS ARE NOT HASHED, as [passwords] wants it. For lessons and benchmarks only."
        );
    }
    warn_of_plain_links(name, &settings.peers);
}

/// Tells of peers that nothing proves to be there.
pub(crate) fn warn_of_plain_links(name: &RealmName, peers: &BTreeMap<RealmName, PeerSettings>) {
    let plain = peers
        .iter()
        .filter(|(_, peer)| peer.security == PeerSecurity::Plain);
    for (peer, _) in plain {
        warn!(
            "{name}: THE LINK WITH {peer} IS PLAIN: NEITHER ENCRYPTED NOR AUTHENTICATED. Any program on this machine can \
             read it and write as any user of {peer}. For tests and lessons only."
        );
    }
}

fn warn_of_neighbours(
    name: &RealmName,
    classic: &BTreeMap<RealmName, ClassicSettings>,
    heard_at: &BTreeMap<RealmName, SocketAddr>,
) {
    for (peer, settings) in classic {
        if let Some(address) = heard_at.get(peer) {
            warn!(
                "{name}: CLASSIC NEIGHBOUR {peer}: ANYONE WHO REACHES {address} CAN WRITE AS ANY USER OF {peer}. Nothing is \
                 encrypted, nothing proves who writes."
            );
        }
        if let Some(address) = settings.address {
            warn!(
                "{name}: CLASSIC NEIGHBOUR {peer}: MESSAGES GO UNENCRYPTED TO WHOEVER ANSWERS AT {address}. They stand outside \
                 the promise: each is tried once, and may be lost where its sender is told that it is not known."
            );
        }
    }
}
