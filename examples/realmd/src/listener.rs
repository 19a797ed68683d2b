//! A port with room for many connections at once.

use crate::settings::{Listen, Place};
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;
/// How long nothing is accepted after the machine had no room for one more.
const PAUSE_MS: u64 = 100;
/// Connections that are taken before the others get their turn.
pub(crate) const ACCEPTED_PER_TURN_MAX: usize = 256;

/// Why a port could not be opened: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{}cannot listen on {address}: {}", Prefix(.place.as_ref()), Why(.source))]
pub struct ListenError {
    address: SocketAddr,
    place: Option<Place>,
    source: io::Error,
}

struct Prefix<'a>(Option<&'a Place>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, "{place}: "))
    }
}

struct Why<'a>(&'a io::Error);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            ErrorKind::AddrInUse => f.write_str(
                "the port is taken; stop the program that has it, or write another port here",
            ),
            ErrorKind::AddrNotAvailable => f.write_str("this machine does not have that address"),
            ErrorKind::PermissionDenied => {
                f.write_str("ports below 1024 need special rights; write a higher one here")
            }
            _ => write!(f, "{}", self.0),
        }
    }
}

/// Opens the port.
pub(crate) fn open(listen: &Listen) -> Result<TcpListener, ListenError> {
    let address = listen.address;
    bind(address).map_err(|source| ListenError {
        address,
        place: listen.place.clone(),
        source,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A realm that is started anew must not wait for the last one's connections to fade.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Accepts connections without ever spinning, though the poll tells of them only once.
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// Whether there may be connections that wait.
    ready: bool,
    /// Until when none is accepted.
    paused_until_ms: u64,
    /// The log knows that nothing can be accepted.
    told: bool,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            ready: true,
            paused_until_ms: 0,
            told: false,
        }
    }

    pub(crate) fn listener(&mut self) -> &mut TcpListener {
        &mut self.listener
    }

    /// The poll said that somebody waits.
    pub(crate) fn wake(&mut self) {
        self.ready = true;
    }

    /// When to come back, if somebody may wait.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        self.ready.then_some(self.paused_until_ms)
    }

    /// The next connection that waits, if it is time to take one.
    pub(crate) fn next(&mut self, now_ms: u64) -> Option<(TcpStream, SocketAddr)> {
        while self.ready && now_ms >= self.paused_until_ms {
            match self.listener.accept() {
                Ok(accepted) => {
                    self.told = false;
                    return Some(accepted);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.ready = false,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.told, true) {
                        tracing::warn!("no connection can be accepted now: {error}");
                    }
                    self.paused_until_ms = now_ms + PAUSE_MS;
                }
            }
        }
        None
    }
}

/// Whether an error concerns a connection that died while it waited, not the machine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}
