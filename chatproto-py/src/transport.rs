//! A link's bytes: the handshake, then frames, sealed where the configuration says so.

use crate::bytes::with_bytes;
use crate::class::repr;
use crate::clock::{self, Moment};
use crate::driver::fresh_seed;
use crate::error::{self, ConfigError, LinkError, MisuseError};
use crate::fork::Origin;
use crate::frame::Frame;
use crate::key::StaticKey;
use crate::peer::Peer;
use crate::settings;
use chatproto::link::transport::{
    LinkTransport as EngineTransport, TransportConfig as EngineConfig, TransportConfigError,
    TransportError, TransportEvent,
};
use chatproto::{Direction, Limits, RealmName};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What links have to know of their realm: its name, its key, the peers that may be linked with, and
/// the limits.
///
/// Raises InvalidNameError and LimitError, and ConfigError if a peer could pass for another one or for
/// this realm, or a key is missing.
#[pyclass(frozen, module = "chatproto")]
pub(crate) struct TransportConfig {
    config: EngineConfig,
}

impl TransportConfig {
    pub(crate) fn make(
        own: RealmName,
        key: Option<&StaticKey>,
        peers: &[Peer],
        limits: Limits,
    ) -> PyResult<Self> {
        let peers = peers.iter().map(Peer::transport);
        let config = EngineConfig {
            own,
            key: key.map(|key| key.key.clone()),
            peers: peers.collect::<PyResult<_>>()?,
            limits,
        };
        config.check().map_err(|error| of_config(&error))?;
        Ok(Self { config })
    }
}

#[pymethods]
impl TransportConfig {
    #[new]
    #[pyo3(signature = (own, key, peers, limits=None))]
    fn new(
        own: &str,
        key: Option<&StaticKey>,
        peers: &Bound<'_, PyAny>,
        limits: Option<&Bound<'_, PyMapping>>,
    ) -> PyResult<Self> {
        let peers = settings::peers(peers)?;
        Self::make(
            settings::realm_name(own)?,
            key,
            &peers,
            settings::limits(limits)?,
        )
    }

    /// The realm's own name.
    #[getter]
    fn own(&self) -> &str {
        self.config.own.as_str()
    }

    fn __repr__(&self) -> String {
        let peers = self.config.peers.len();
        format!("<TransportConfig of {:?}, {peers} peers>", self.own())
    }
}

/// A link is up: it is known who is at the other end.
#[pyclass(frozen, eq, hash, get_all, module = "chatproto")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Up {
    /// The realm at the other end.
    peer: String,
    /// Which side made the connection: "dialled", this one, or "accepted".
    direction: String,
}

#[pymethods]
impl Up {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("peer", "direction")
    }

    #[new]
    fn new(peer: String, direction: String) -> Self {
        Self { peer, direction }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = [
            ("peer", &self.peer as _),
            ("direction", &self.direction as _),
        ];
        repr(py, "Up", &fields)
    }
}

/// Reads which side made a connection.
pub(crate) fn direction(word: &str) -> PyResult<Direction> {
    match word {
        "dialled" => Ok(Direction::Dialled),
        "accepted" => Ok(Direction::Accepted),
        _ => Err(error::raise::<MisuseError>(
            "unknown_direction",
            "a direction is \"dialled\" or \"accepted\", as Up.direction says it",
        )),
    }
}

/// One connection to another realm, from its first byte: bytes in, frames out, and back.
///
/// It holds no socket. Write what `outgoing` returns and report it with `sent`; give it what comes with
/// `receive`; then take `outputs`. After a LinkError, outputs that are still there and what is outgoing
/// are good; then close the connection. Several threads may use it at a time.
#[pyclass(frozen, module = "chatproto")]
pub(crate) struct LinkTransport {
    origin: Origin,
    /// None once it has met a bug.
    transport: Mutex<Option<EngineTransport>>,
}

impl LinkTransport {
    fn make(transport: EngineTransport) -> Self {
        Self {
            origin: Origin::here(),
            transport: Mutex::new(Some(transport)),
        }
    }

    /// Uses the transport; `act` has nothing to do with Python.
    fn with<T>(&self, act: impl FnOnce(&mut EngineTransport) -> T) -> PyResult<T> {
        self.origin.check()?;
        let mut transport = self.transport.lock();
        let done = transport
            .as_mut()
            .map(|transport| catch_unwind(AssertUnwindSafe(|| act(transport))));
        if let Some(Ok(done)) = done {
            return Ok(done);
        }
        *transport = None;
        drop(transport);
        Err(error::internal())
    }
}

#[pymethods]
impl LinkTransport {
    /// Begins on a connection that this realm made to `peer`.
    ///
    /// Raises MisuseError if that is no peer in the configuration.
    #[staticmethod]
    #[pyo3(signature = (config, peer, *, now=None))]
    fn dial(config: &TransportConfig, peer: &str, now: Option<&Moment>) -> PyResult<Self> {
        let config = &config.config;
        let peer = settings::realm_name(peer)?;
        if config.peers.iter().all(|known| known.name != peer) {
            return Err(error::of_misuse(chatproto::Misuse::UnknownPeer));
        }
        let seed = fresh_seed().map_err(error::no_random)?;
        let transport = EngineTransport::dial(config, &peer, seed, clock::at(now));
        Ok(Self::make(transport))
    }

    /// Begins on a connection that somebody made to this realm.
    #[staticmethod]
    #[pyo3(signature = (config, *, now=None))]
    fn accept(config: &TransportConfig, now: Option<&Moment>) -> PyResult<Self> {
        let seed = fresh_seed().map_err(error::no_random)?;
        let transport = EngineTransport::accept(&config.config, seed, clock::at(now));
        Ok(Self::make(transport))
    }

    /// Takes bytes from the connection, cut anyhow.
    ///
    /// Raises LinkError if the peer did something that ends the link.
    #[pyo3(signature = (data, *, now=None))]
    fn receive(&self, data: &Bound<'_, PyAny>, now: Option<&Moment>) -> PyResult<()> {
        let now = clock::at(now);
        let taken = with_bytes(data, |bytes| {
            self.with(|transport| transport.receive(bytes, now))
        })?;
        taken.map_err(of_transport)
    }

    /// Returns the bytes to write to the connection now; b"" if there are none.
    fn outgoing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.with(|transport| transport.outgoing().to_vec())?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// About how many bytes `outgoing` would return: send no more frames while it is much.
    #[getter]
    fn outgoing_bytes(&self) -> PyResult<usize> {
        self.with(|transport| transport.outgoing_bytes())
    }

    /// Notes that the first `n` bytes of `outgoing` were written.
    ///
    /// Raises MisuseError for more than there were.
    fn sent(&self, n: usize) -> PyResult<()> {
        let is_there = self.with(|transport| {
            let is_there = n <= transport.outgoing().len();
            if is_there {
                transport.sent(n);
            }
            is_there
        })?;
        if is_there {
            return Ok(());
        }
        Err(error::of_misuse(chatproto::Misuse::SentTooMuch))
    }

    /// Returns a list of what happened since the last call: one Up, before all else, and Frames. A realm
    /// wants to hear of the first with `Realm.link_up`, and of the others with `Realm.link_frames`.
    fn outputs(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let events: Vec<_> =
            self.with(|transport| std::iter::from_fn(|| transport.poll_event()).collect())?;
        let mut outputs = Vec::with_capacity(events.len());
        for event in events {
            match event {
                TransportEvent::Up { peer, direction } => {
                    let direction = match direction {
                        Direction::Dialled => "dialled",
                        Direction::Accepted => "accepted",
                    };
                    let up = Up::new(peer.to_string(), direction.to_owned());
                    outputs.push(Py::new(py, up)?.into_any());
                }
                TransportEvent::Frame(frame) => {
                    outputs.push(Py::new(py, Frame { frame })?.into_any());
                }
                _ => {}
            }
        }
        Ok(outputs)
    }

    /// Appends a frame to what is outgoing.
    ///
    /// Raises MisuseError before the link is up, and LinkError if the frame is more than the peer reads
    /// or the link has ended.
    fn send(&self, frame: &Frame) -> PyResult<()> {
        self.with(|transport| transport.send(&frame.frame))?
            .map_err(of_transport)
    }

    /// Does what is due.
    ///
    /// Raises LinkError if the link has ended, for want of a handshake or earlier.
    #[pyo3(signature = (*, now=None))]
    fn handle_timeout(&self, now: Option<&Moment>) -> PyResult<()> {
        let now = clock::at(now);
        self.with(|transport| transport.handle_timeout(now))?
            .map_err(of_transport)
    }

    /// Returns how many seconds, a float, remain until `handle_timeout` is due; None if it never is.
    #[pyo3(signature = (*, now=None))]
    fn wait_seconds(&self, now: Option<&Moment>) -> PyResult<Option<f64>> {
        let now = clock::at(now);
        let deadline = self.with(|transport| transport.poll_timeout())?;
        Ok(deadline.map(|deadline| clock::seconds(now, deadline)))
    }

    fn __repr__(&self) -> PyResult<String> {
        let shown = self.with(|transport| format!("{transport:?}"))?;
        Ok(format!("<{shown}>"))
    }
}

fn of_config(error: &TransportConfigError) -> PyErr {
    let code = match error {
        TransportConfigError::NameTwice(_) => "peer_twice",
        TransportConfigError::OwnName(_) => "own_peer",
        TransportConfigError::KeyTwice(..) => "key_twice",
        TransportConfigError::OwnKey(_) => "own_key",
        TransportConfigError::NoKey(_) => "own_key_missing",
        _ => "config",
    };
    error::raise::<ConfigError>(code, error)
}

fn of_transport(error: TransportError) -> PyErr {
    let code = match error {
        TransportError::NotUp => return error::raise::<MisuseError>("not_up", error),
        TransportError::Rejected => "rejected",
        TransportError::HandshakeTimeout => "handshake_timeout",
        TransportError::Tampered => "tampered",
        TransportError::KeysUsedUp => "keys_used_up",
        TransportError::ReceivedTooLong { .. } => "received_too_long",
        TransportError::Frame(_) => "bad_frame",
        TransportError::NoHello | TransportError::SecondHello | TransportError::HelloLimit => {
            "bad_hello"
        }
        TransportError::LineTooLong { .. } => "frame_too_long",
        TransportError::NumberTooBig => "number_too_big",
        _ => "link",
    };
    error::raise::<LinkError>(code, error)
}
