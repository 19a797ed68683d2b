//! Another realm, as this one is told of it, and how it stands with it.

use crate::clock::NEVER;
use crate::error;
use crate::fault::Fault;
use crate::view::{chatproto_str, text};
use chatproto::link::key::PublicKey;
use chatproto::link::transport::{Security, TransportPeer};
use chatproto::{PeerConfig, PeerState, PeerStatus, RealmName};

/// How another realm is spoken with: one of `CHATPROTO_PEER_NOISE`, `_INSECURE` and `_CLASSIC`.
pub type chatproto_peer_mode = i32;

/// Over an encrypted link with the realm that has `public_key`, and no other.
pub const CHATPROTO_PEER_NOISE: chatproto_peer_mode = 0;
/// Over a link that protects nothing: anybody can read along and claim to be that realm. For tests
/// and lessons on one machine.
pub const CHATPROTO_PEER_INSECURE: chatproto_peer_mode = 1;
/// With the requests of the classic servers, over connections of their own. Nothing proves who
/// calls.
pub const CHATPROTO_PEER_CLASSIC: chatproto_peer_mode = 2;

/// Another realm, as a configuration tells of it. All zero but the name is a sound beginning.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_peer {
    /// What it is called.
    pub name: chatproto_str,
    /// How it is spoken with.
    pub mode: chatproto_peer_mode,
    /// Whether its address is known, so that it can be called; otherwise it calls.
    pub dial: bool,
    /// With `CHATPROTO_PEER_NOISE`, what its operator's `chatproto_key_public` shows, 44
    /// characters. Without one messages for it wait, and no link configuration can be made.
    /// Otherwise empty.
    pub public_key: chatproto_str,
}

/// A peer, checked.
#[derive(Clone)]
pub(crate) struct Peer {
    name: RealmName,
    mode: Mode,
    dial: bool,
}

#[derive(Clone, Copy)]
enum Mode {
    Linked(Security),
    /// To be encrypted, once there is a key.
    Keyless,
    Classic,
}

impl Peer {
    pub(crate) fn read(peer: &chatproto_peer) -> Result<Self, Fault> {
        let name = RealmName::parse(text!(peer.name)?)?;
        let key = text!(peer.public_key)?;
        let mode = match peer.mode {
            CHATPROTO_PEER_NOISE if key.is_empty() => Mode::Keyless,
            CHATPROTO_PEER_NOISE => Mode::Linked(Security::Noise(PublicKey::parse(key)?)),
            CHATPROTO_PEER_INSECURE | CHATPROTO_PEER_CLASSIC if !key.is_empty() => {
                return Err(Fault::new(
                    error::CHATPROTO_ERROR_KEY_UNUSED,
                    "such a link uses no key: take public_key out, or use CHATPROTO_PEER_NOISE",
                ));
            }
            CHATPROTO_PEER_INSECURE => Mode::Linked(Security::Plain),
            CHATPROTO_PEER_CLASSIC => Mode::Classic,
            _ => return Err(Fault::invalid("no mode of a peer has that number")),
        };
        let dial = peer.dial;
        Ok(Self { name, mode, dial })
    }

    pub(crate) fn name(&self) -> &RealmName {
        &self.name
    }

    pub(crate) fn config(&self) -> PeerConfig {
        let name = self.name.clone();
        match (self.mode, self.dial) {
            (Mode::Linked(_) | Mode::Keyless, true) => PeerConfig::new(name),
            (Mode::Linked(_) | Mode::Keyless, false) => PeerConfig::incoming_only(name),
            (Mode::Classic, true) => PeerConfig::classic(name),
            (Mode::Classic, false) => PeerConfig::classic_incoming_only(name),
        }
    }

    /// What a transport has to know of it; nothing of a classic neighbour, nor before its key is known.
    pub(crate) fn transport(&self) -> Option<TransportPeer> {
        match self.mode {
            Mode::Linked(security) => Some(TransportPeer {
                name: self.name.clone(),
                security,
            }),
            Mode::Classic | Mode::Keyless => None,
        }
    }

    /// Its name, if it cannot be linked with before its key is known.
    pub(crate) fn keyless(&self) -> Option<RealmName> {
        matches!(self.mode, Mode::Keyless).then(|| self.name.clone())
    }
}

/// What is told of a peer that cannot be linked with before its key is known.
pub(crate) fn no_key_of(name: &RealmName) -> Fault {
    Fault::new(
        error::CHATPROTO_ERROR_KEY_MISSING,
        format!(
            "{name} has no public key, so no link with it can be encrypted: ask its operator for it and put it into \
             public_key"
        ),
    )
}

/// How it is with the link to a peer: one of the numbers `CHATPROTO_PEER_STATE_...`.
pub type chatproto_peer_state = i32;

/// It is up.
pub const CHATPROTO_PEER_STATE_LINKED: chatproto_peer_state = 1;
/// There is a connection, and the peer has not said hello yet.
pub const CHATPROTO_PEER_STATE_GREETING: chatproto_peer_state = 2;
/// The peer is being called.
pub const CHATPROTO_PEER_STATE_DIALLING: chatproto_peer_state = 3;
/// The peer is called again in `waiting_ms`.
pub const CHATPROTO_PEER_STATE_WAITING: chatproto_peer_state = 4;
/// The peer is not called, but may call.
pub const CHATPROTO_PEER_STATE_LISTENING: chatproto_peer_state = 5;
/// The link is not wanted now.
pub const CHATPROTO_PEER_STATE_PAUSED: chatproto_peer_state = 6;
/// A classic neighbour, which is called for each message.
pub const CHATPROTO_PEER_STATE_CLASSIC: chatproto_peer_state = 7;

/// How a realm stands with a peer. Its texts are valid until the next call with that realm.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_peer_status {
    /// The other realm.
    pub name: chatproto_str,
    /// How it is with the link.
    pub state: chatproto_peer_state,
    /// In the state `CHATPROTO_PEER_STATE_WAITING`: in how many ms it is called again. Otherwise 0.
    pub waiting_ms: u64,
    /// Messages and bounces that wait for it, or that it has not acknowledged.
    pub queue_messages: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// When the oldest of those messages was taken, in ms since 1970; `CHATPROTO_NEVER` if there is
    /// none.
    pub oldest_unix_ms: u64,
    /// How long it took at last to answer a ping, in ms; `CHATPROTO_NEVER` if it never did.
    pub round_trip_ms: u64,
    /// Why there was no link at last, or empty; as it came, so escape it before showing it.
    pub last_error: chatproto_str,
}

impl chatproto_peer_status {
    pub(crate) fn of(status: &PeerStatus) -> Self {
        let last_error = status.last_error.as_deref();
        Self {
            name: chatproto_str::of(status.name.as_str()),
            state: number(status.state),
            waiting_ms: match status.state {
                PeerState::Waiting(ms) => ms,
                _ => 0,
            },
            queue_messages: status.queue_messages,
            queue_bytes: status.queue_bytes,
            oldest_unix_ms: status.oldest_unix_ms.unwrap_or(NEVER),
            round_trip_ms: status.round_trip_ms.unwrap_or(NEVER),
            last_error: last_error.map_or(chatproto_str::NONE, chatproto_str::of),
        }
    }
}

/// 0 for a state that is newer than this file, of which a test would tell.
fn number(state: PeerState) -> chatproto_peer_state {
    match state {
        PeerState::Linked => CHATPROTO_PEER_STATE_LINKED,
        PeerState::Greeting => CHATPROTO_PEER_STATE_GREETING,
        PeerState::Dialling => CHATPROTO_PEER_STATE_DIALLING,
        PeerState::Waiting(_) => CHATPROTO_PEER_STATE_WAITING,
        PeerState::Listening => CHATPROTO_PEER_STATE_LISTENING,
        PeerState::Paused => CHATPROTO_PEER_STATE_PAUSED,
        PeerState::Classic => CHATPROTO_PEER_STATE_CLASSIC,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::variants;

    #[test]
    fn states_have_numbers_that_never_change() {
        let states = [
            (PeerState::Linked, 1),
            (PeerState::Greeting, 2),
            (PeerState::Dialling, 3),
            (PeerState::Waiting(9), 4),
            (PeerState::Listening, 5),
            (PeerState::Paused, 6),
            (PeerState::Classic, 7),
        ];

        for (state, expected) in states {
            assert_eq!(number(state), expected);
        }
        let source = include_str!("../../chatproto/src/realm/peers.rs");
        assert_eq!(variants(source, "PeerState").len(), states.len());
    }
}
