//! A realm that runs: its ports, its threads, its end.

use crate::clock::Clock;
use crate::driver::{Driver, Stop};
use crate::journal::Journal;
use crate::links::{self, Links};
use crate::listener::{self, Acceptor, ListenError};
use crate::settings::Settings;
use chatproto::{ConfigError, Realm, RealmName};
use std::io;
use std::net::SocketAddr;
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
    stop: Stop,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Why a realm could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The engine does not take the configuration.
    #[error("{0}")]
    Config(#[from] ConfigError),
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

impl Server {
    /// Opens the ports and starts the threads of a realm.
    ///
    /// # Errors
    ///
    /// A port is taken, or the system lacks what the realm needs: one sentence.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings {
            config,
            client,
            link,
            peers,
            ..
        } = settings;
        let name = config.realm.clone();
        check_plain_links(
            peers
                .values()
                .chain(link.as_ref().map(|link| &link.address)),
        )?;
        let client_listener = listener::open(&client)?;
        let client_address = client_listener.local_addr()?;
        // No peers: no link port, no link thread.
        let linked = !config.peers.is_empty();
        let link_listener = match link.filter(|_| linked) {
            Some(link) => Some(listener::open(&link)?),
            None => None,
        };
        let link_address = link_listener
            .as_ref()
            .map(mio::net::TcpListener::local_addr)
            .transpose()?;

        let clock = Clock::start();
        let transport = links::transport(&config);
        let realm = Realm::new(config, seed()?, clock.now())?;
        let mut driver = Driver::new(
            realm,
            Journal::new(name.clone()),
            clock,
            Acceptor::new(client_listener),
        )?;
        if !client_address.ip().to_canonical().is_loopback() {
            warn!(
                "{name}: clients come unencrypted: passwords can be read on their way to {client_address}"
            );
        }
        if linked {
            warn_of_plain_links(&name);
            driver.link(Links::start(
                transport,
                peers,
                link_listener,
                clock,
                driver.waker(),
            )?);
        }
        let stop = driver.stop();
        let thread = std::thread::Builder::new()
            .name(name.to_string())
            .spawn(move || {
                driver
                    .run()
                    .inspect_err(|error| tracing::error!("the realm has ended: {error}"))
            })?;
        Ok(Self {
            name,
            client_address,
            link_address,
            stop,
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

    /// Says goodbye to everybody and ends; waits for that at most a few seconds.
    ///
    /// # Errors
    ///
    /// The realm had ended by itself before: the system refused it something.
    pub fn stop(mut self) -> io::Result<()> {
        self.stop.now();
        self.join()
    }

    /// Waits until the realm ends, which it does when [`stop`](Self::stopper) is called.
    ///
    /// # Errors
    ///
    /// The system refused the realm something that it needs.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Returns what ends this realm from another thread.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let stop = self.stop.clone();
        move || stop.now()
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

fn check_plain_links<'a>(
    mut addresses: impl Iterator<Item = &'a SocketAddr>,
) -> Result<(), StartError> {
    let elsewhere = addresses.find(|address| !address.ip().to_canonical().is_loopback());
    elsewhere.map_or(Ok(()), |address| Err(StartError::PlainLink(*address)))
}

fn warn_of_plain_links(name: &RealmName) {
    warn!(
        "{name}: LINKS ARE PLAIN: NEITHER ENCRYPTED NOR AUTHENTICATED. Any program on this machine can read them \
         and write as any user of a peer. For tests and lessons only."
    );
}
