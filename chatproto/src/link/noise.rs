//! The secure channel of a link: `Noise_IK_25519_ChaChaPoly_BLAKE2s`.
//!
//! Both realms have pinned each other's public key, so the dialler can name itself and prove who it
//! is in one message, and the channel stands after one round trip:
//!
//! ```text
//! dialler                                                            acceptor
//!   the line that names both ─────────────────────────────────────────▶ the prologue
//!   a key for this once; the own key, sealed ─────────────── 96 bytes ─▶ is it pinned?
//!   is it sealed for me? ◀─ 48 bytes ─────────────── a key for this once
//!   up
//!   a transport message with nothing in it ───────────────── 16 bytes ─▶ is it of this once?
//!                                                                       up
//! ```
//!
//! Each message stands behind its length, two bytes, the higher first. The prologue is hashed into
//! both ends, so a handshake made for one pair of names is worth nothing for another pair. The
//! first message can be recorded and sent again by anybody, and is answered; but who sends it again
//! lacks the dialler's key for that once, and cannot seal what comes third.
//!
//! A transport message is opened only in its turn: what is left out, doubled, put in another order
//! or changed in a single bit is noticed, and nothing of it is shown.

mod primitives;
#[cfg(test)]
mod tests;

use self::primitives::{Primitives, TAG_BYTES};
use super::key::{PublicKey, StaticKey};
use snow::{Builder, HandshakeState, StatelessTransportState};

const PROTOCOL: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// The bytes of the length before each message.
pub(crate) const LENGTH_BYTES: usize = 2;
/// The length of the dialler's first message.
pub(crate) const FIRST_BYTES: usize = 96;
/// The length of the acceptor's answer.
pub(crate) const SECOND_BYTES: usize = 48;
/// What one transport message can carry.
pub(crate) const PLAIN_BYTES_MAX: usize = 65_535 - TAG_BYTES;

/// A message is not what it should be, or this end cannot make one.
///
/// It says no more: what exactly was wrong helps only an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Nothing more can be sealed with the keys of this channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// A handshake whose answer the dialler awaits.
pub(crate) struct Calling(HandshakeState);

impl Calling {
    /// Appends the first message, for the realm that has the secret of `peer`.
    pub(crate) fn begin(
        key: &StaticKey,
        peer: &PublicKey,
        prologue: &[u8],
        seed: [u8; 32],
        out: &mut Vec<u8>,
    ) -> Result<Self, Refused> {
        let mut handshake = builder(key, prologue, seed)
            .and_then(|builder| builder.remote_public_key(peer.as_bytes()))
            .and_then(Builder::build_initiator)
            .map_err(|_| Refused)?;
        write::<FIRST_BYTES>(&mut handshake, out)?;
        Ok(Self(handshake))
    }

    /// Reads the answer.
    pub(crate) fn finish(mut self, second: &[u8]) -> Result<Channel, Refused> {
        read(&mut self.0, second)?;
        Channel::new(self.0)
    }
}

/// A first message that was in order, and whose it is.
pub(crate) struct Called {
    handshake: HandshakeState,
    /// The key of which the dialler has the secret, as it was sent.
    caller: [u8; 32],
}

impl Called {
    /// Reads a first message.
    pub(crate) fn read(
        key: &StaticKey,
        prologue: &[u8],
        seed: [u8; 32],
        first: &[u8],
    ) -> Result<Self, Refused> {
        let mut handshake = builder(key, prologue, seed)
            .and_then(Builder::build_responder)
            .map_err(|_| Refused)?;
        read(&mut handshake, first)?;
        let caller = handshake.get_remote_static().map(TryInto::try_into);
        match caller {
            Some(Ok(caller)) => Ok(Self { handshake, caller }),
            _ => Err(Refused),
        }
    }

    pub(crate) fn is_from(&self, key: &PublicKey) -> bool {
        self.caller == *key.as_bytes()
    }

    /// Appends the answer. Who is there is certain only when the channel has opened something.
    pub(crate) fn answer(mut self, out: &mut Vec<u8>) -> Result<Channel, Refused> {
        write::<SECOND_BYTES>(&mut self.handshake, out)?;
        Channel::new(self.handshake)
    }
}

/// What is left of a handshake: a key and a count of messages for each direction.
pub(crate) struct Channel {
    keys: StatelessTransportState,
    pub(super) sealed: u64,
    opened: u64,
}

impl Channel {
    fn new(handshake: HandshakeState) -> Result<Self, Refused> {
        let keys = handshake.into_stateless_transport_mode();
        Ok(Self {
            keys: keys.map_err(|_| Refused)?,
            sealed: 0,
            opened: 0,
        })
    }

    /// Appends one message that carries up to [`PLAIN_BYTES_MAX`] bytes, behind its length.
    pub(crate) fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
        let start = out.len();
        let length = plain.len() + TAG_BYTES;
        out.extend_from_slice(&(length as u16).to_be_bytes());
        let body = out.len();
        out.resize(body + length, 0);
        let place = out.get_mut(body..).unwrap_or_default();
        if self.keys.write_message(self.sealed, plain, place) != Ok(length) {
            out.truncate(start);
            return Err(Exhausted);
        }
        // The greatest number is never used, so there is one after it.
        self.sealed += 1;
        Ok(())
    }

    /// Opens the next message into `plain`, which is made as long as it has to be, and says how
    /// much of it that is.
    pub(crate) fn open(&mut self, message: &[u8], plain: &mut Vec<u8>) -> Result<usize, Refused> {
        let length = message.len().checked_sub(TAG_BYTES).ok_or(Refused)?;
        if let Some(more) = length.checked_sub(plain.len()) {
            plain.reserve_exact(more);
            plain.resize(length, 0);
        }
        let opened = self.keys.read_message(self.opened, message, plain);
        if opened != Ok(length) {
            return Err(Refused);
        }
        self.opened += 1;
        Ok(length)
    }
}

fn builder<'a>(
    key: &'a StaticKey,
    prologue: &'a [u8],
    seed: [u8; 32],
) -> Result<Builder<'a>, snow::Error> {
    Builder::with_resolver(PROTOCOL.parse()?, Box::new(Primitives::new(seed)))
        .local_private_key(key.as_bytes())?
        .prologue(prologue)
}

/// Appends a handshake message of that length, with nothing in it.
fn write<const LENGTH: usize>(
    handshake: &mut HandshakeState,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let mut message = [0; LENGTH];
    if handshake.write_message(&[], &mut message) != Ok(LENGTH) {
        return Err(Refused);
    }
    out.extend_from_slice(&(LENGTH as u16).to_be_bytes());
    out.extend_from_slice(&message);
    Ok(())
}

/// Reads a handshake message with nothing in it.
fn read(handshake: &mut HandshakeState, message: &[u8]) -> Result<(), Refused> {
    match handshake.read_message(message, &mut []) {
        Ok(0) => Ok(()),
        _ => Err(Refused),
    }
}
