//! Another realm, as this one is told of it, and how it stands with it.

use crate::class::{Shown as _, repr};
use crate::error::{self, ConfigError};
use chatproto::link::key::PublicKey;
use chatproto::link::transport::{Security, TransportPeer};
use chatproto::{PeerConfig, PeerState, PeerStatus as EngineStatus, RealmName};
use pyo3::prelude::*;

/// Another realm that this one is linked with.
///
/// `mode` is "noise": encrypted, with the realm that has `public_key` and no other; or "plain", which
/// protects nothing, for lessons on one machine, and wants `insecure=True`. `public_key` is what that
/// realm's `StaticKey.public` shows, 44 characters; without one no `LinkTransport` can be made with it.
/// With `dial=False` this realm waits to be called. Classic neighbours are none of this package's.
///
/// Raises InvalidNameError, and ConfigError for a key or a mode that cannot be.
#[pyclass(frozen, eq, module = "chatproto")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    name: RealmName,
    /// None where a key is still needed.
    security: Option<Security>,
    dial: bool,
}

impl Peer {
    pub(crate) fn realm_name(&self) -> &RealmName {
        &self.name
    }

    pub(crate) fn config(&self) -> PeerConfig {
        if self.dial {
            PeerConfig::new(self.name.clone())
        } else {
            PeerConfig::incoming_only(self.name.clone())
        }
    }

    /// What a transport has to know of it.
    pub(crate) fn transport(&self) -> PyResult<TransportPeer> {
        let Some(security) = self.security else {
            return Err(error::raise::<ConfigError>(
                "key_missing",
                format!(
                    "{name} has no public key, so no link with it can be encrypted: ask its operator for it and say \
                     Peer({name:?}, public_key=...)",
                    name = self.name.as_str()
                ),
            ));
        };
        Ok(TransportPeer {
            name: self.name.clone(),
            security,
        })
    }
}

#[pymethods]
impl Peer {
    #[new]
    #[pyo3(signature = (name, *, public_key=None, mode="noise", dial=true, insecure=false))]
    fn new(
        name: &str,
        public_key: Option<&str>,
        mode: &str,
        dial: bool,
        insecure: bool,
    ) -> PyResult<Self> {
        let name = RealmName::parse(name).map_err(error::of_name)?;
        let security = match (mode, public_key) {
            ("noise", None) => None,
            ("noise", Some(key)) => {
                let key = PublicKey::parse(key)
                    .map_err(|error| error::raise::<ConfigError>("invalid_key", error))?;
                Some(Security::Noise(key))
            }
            ("plain", _) if !insecure => {
                return Err(error::raise::<ConfigError>(
                    "insecure",
                    "anybody can read along and claim to be that realm: use mode=\"noise\", or say insecure=True",
                ));
            }
            ("plain", Some(_)) => {
                return Err(error::raise::<ConfigError>(
                    "key_unused",
                    "a plain link uses no key: take public_key out, or use mode=\"noise\"",
                ));
            }
            ("plain", None) => Some(Security::Plain),
            _ => {
                return Err(error::raise::<ConfigError>(
                    "unknown_mode",
                    "the mode of a link is \"noise\" or \"plain\"",
                ));
            }
        };
        Ok(Self {
            name,
            security,
            dial,
        })
    }

    /// What it is called.
    #[getter]
    fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The key by which it is known, if it is.
    #[getter]
    fn public_key(&self) -> Option<String> {
        match self.security {
            Some(Security::Noise(key)) => Some(key.to_string()),
            _ => None,
        }
    }

    /// "noise" or "plain".
    #[getter]
    fn mode(&self) -> &'static str {
        match self.security {
            Some(Security::Plain) => "plain",
            _ => "noise",
        }
    }

    /// Whether it is called.
    #[getter]
    fn dial(&self) -> bool {
        self.dial
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self.name.to_string().shown(py)?;
        let key = self.public_key().shown(py)?;
        let dial = if self.dial { "True" } else { "False" };
        let mode = self.mode();
        Ok(format!(
            "Peer({name}, public_key={key}, mode='{mode}', dial={dial})"
        ))
    }
}

/// How a realm stands with a peer.
#[pyclass(frozen, eq, get_all, module = "chatproto")]
#[derive(PartialEq, Eq)]
pub(crate) struct PeerStatus {
    /// The other realm.
    name: String,
    /// "linked", "greeting", "dialling", "waiting", "listening" or "paused".
    state: &'static str,
    /// In the state "waiting": in how many ms it is called again.
    waiting_ms: Option<u64>,
    /// Messages and bounces that wait for it, or that it has not acknowledged.
    queue_messages: u64,
    /// Their bytes.
    queue_bytes: u64,
    /// When the oldest of those messages was taken, in ms since 1970.
    oldest_unix_ms: Option<u64>,
    /// How long it took at last to answer a ping, in ms.
    round_trip_ms: Option<u64>,
    /// Why there was no link at last; as it came, so escape it before showing it.
    last_error: Option<String>,
}

impl From<EngineStatus> for PeerStatus {
    fn from(status: EngineStatus) -> Self {
        Self {
            name: status.name.to_string(),
            state: status.state.word(),
            waiting_ms: match status.state {
                PeerState::Waiting(ms) => Some(ms),
                _ => None,
            },
            queue_messages: status.queue_messages,
            queue_bytes: status.queue_bytes,
            oldest_unix_ms: status.oldest_unix_ms,
            round_trip_ms: status.round_trip_ms,
            last_error: status.last_error,
        }
    }
}

#[pymethods]
impl PeerStatus {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let state = self.state.to_owned();
        let fields = [
            ("name", &self.name as _),
            ("state", &state as _),
            ("waiting_ms", &self.waiting_ms as _),
            ("queue_messages", &self.queue_messages as _),
            ("queue_bytes", &self.queue_bytes as _),
            ("oldest_unix_ms", &self.oldest_unix_ms as _),
            ("round_trip_ms", &self.round_trip_ms as _),
            ("last_error", &self.last_error as _),
        ];
        repr(py, "PeerStatus", &fields)
    }
}
