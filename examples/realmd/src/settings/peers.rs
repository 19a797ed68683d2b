//! How a realm is linked with its peers.

use super::Place;
use chatproto::link::key::PublicKey;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a peer is, and how the link with it is protected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerSettings {
    /// Where it is called; without one it calls.
    pub address: Option<SocketAddr>,
    /// How the link is protected.
    pub security: PeerSecurity,
    /// Where the peer stands.
    pub(crate) place: Option<Place>,
}

/// How the link with a peer is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerSecurity {
    /// Encrypted, with the realm that has this key and no other.
    Noise(PublicKey),
    /// The same with the key in a file, which may come later.
    NoiseFile(PathBuf),
    /// Not at all; this machine must not be left.
    Plain,
}

impl PeerSettings {
    /// A peer whose link is protected that way, and that calls.
    #[must_use]
    pub fn new(security: PeerSecurity) -> Self {
        Self {
            address: None,
            security,
            place: None,
        }
    }

    /// Says where the peer is called.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }
}

impl PeerSecurity {
    /// The word for it in a realm file.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Noise(_) | Self::NoiseFile(_) => "noise",
            Self::Plain => "plain",
        }
    }
}
