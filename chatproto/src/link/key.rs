//! The keys by which realms know each other: one pair a realm, of curve X25519.

#[cfg(test)]
mod tests;

use base64ct::{Base64, Encoding};
use blake2::{Blake2s256, Digest as _};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

/// The length of a key in its text form, padding included.
const TEXT_BYTES: usize = 44;

/// Keeps a seed that is used for something else as well from giving the key away.
const SEED_DOMAIN: &[u8] = b"realm-link/1 static key";

/// Why a text or some bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another length than the one all keys have.
    #[error("a key has 44 characters of base64, the last one \"=\"; this text has {found} bytes")]
    Length {
        /// How many bytes the text has.
        found: usize,
    },
    /// The right length and not base64.
    #[error("a key is standard base64 of 32 bytes; this text is not")]
    NotBase64,
    /// A public key in a form that no realm writes: the same key could be pinned under another
    /// name with it.
    #[error("a public key must be a reduced number; copy the one that the peer shows")]
    NotReduced,
    /// A public key with which every secret key agrees on the same secret.
    #[error(
        "the public key is of low order and protects nothing; copy the one that the peer shows"
    )]
    LowOrder,
}

/// A realm's own secret key.
///
/// It is printed as `***` and wiped when the last copy is dropped; copies share one place in
/// memory.
///
/// # Examples
///
/// ```
/// use chatproto::link::key::{PublicKey, StaticKey};
///
/// let key = StaticKey::from_seed([7; 32]); // fresh entropy, in earnest
/// let again = StaticKey::parse(&key.reveal())?;
/// assert_eq!(again.public(), key.public());
/// assert_eq!(PublicKey::parse(&key.public().to_string())?, key.public());
/// assert_eq!(format!("{key:?}"), "***");
/// # Ok::<(), chatproto::link::key::KeyError>(())
/// ```
#[derive(Clone)]
pub struct StaticKey {
    secret: Arc<StaticSecret>,
    public: PublicKey,
}

impl StaticKey {
    /// Makes the key that the seed determines; the seed must be fresh entropy.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let digest = Blake2s256::new()
            .chain_update(SEED_DOMAIN)
            .chain_update(*seed);
        Self::from_bytes(&Zeroizing::new(digest.finalize().into()))
    }

    /// Reads the form in which [`reveal`](Self::reveal) writes a key.
    ///
    /// # Errors
    ///
    /// The text is not base64 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        decode(text).map(|bytes| Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let secret = Arc::new(StaticSecret::from(*bytes));
        let public = x25519_dalek::PublicKey::from(&*secret).to_bytes();
        Self {
            secret,
            public: PublicKey(public),
        }
    }

    /// The key that peers may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Writes the key for the one file that may hold it; the text is wiped on drop.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(self.secret.as_bytes()))
    }

    /// Gives the secret to the handshake.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.secret.as_bytes()
    }
}

impl FromStr for StaticKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The key by which another realm is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the form in which a key is shown.
    ///
    /// # Errors
    ///
    /// The text is not base64 of 32 bytes, or these are not a key that protects anything.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = *decode(text)?;
        if !is_reduced(&bytes) {
            return Err(KeyError::NotReduced);
        }
        // Any secret will do: what is of low order brings them all to the same end.
        let probe = StaticSecret::from([1; 32]);
        if probe.diffie_hellman(&bytes.into()).was_contributory() {
            Ok(Self(bytes))
        } else {
            Err(KeyError::LowOrder)
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64::encode_string(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let found = text.len();
    if found != TEXT_BYTES {
        return Err(KeyError::Length { found });
    }
    let mut bytes = Zeroizing::new([0; 32]);
    match Base64::decode(text, bytes.as_mut()) {
        Ok(read) if read.len() == 32 => Ok(bytes),
        // 31 or 33 bytes have 44 characters too, with other padding.
        _ => Err(KeyError::NotBase64),
    }
}

/// Whether the bytes, the lowest first, are below 2^255 - 19, the prime that the curve is over.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    *highest < 0x7f
        || *highest == 0x7f && (*lowest < 0xed || middle.iter().any(|byte| *byte != 0xff))
}
