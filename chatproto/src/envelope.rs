//! What one realm gives another to deliver.

use crate::error::ErrorCode;
use crate::name::{Address, NameError, RealmName};
use thiserror::Error;
use uuid::Uuid;

/// A durable message between realms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// UUID version 7 by the origin realm, unique with `origin`.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// The realm that made it.
    pub origin: RealmName,
    /// The realm it is for.
    pub destination: RealmName,
    /// Who wrote it: `user@realm`, not yet checked against `origin`.
    pub from: String,
    /// Whom it is for: `user@realm`.
    pub to: String,
    /// The origin's clock, in ms since 1970; shown, never used to order.
    pub sent_unix_ms: u64,
    /// When the origin gives up, in ms since 1970.
    pub expires_unix_ms: u64,
    /// What was written.
    pub text: String,
}

/// What an envelope is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A private message.
    Message,
    /// Word that an envelope could not be kept.
    Bounce {
        /// The id of that envelope.
        answers: Uuid,
        /// Why, as the code of [`ErrorCode`].
        reason: String,
    },
    /// A kind of a later version, refused like mail for nobody.
    Other(String),
}

/// What is wrong with an envelope as a whole; such a peer is broken or hostile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// `origin` is not the authenticated peer.
    #[error("the envelope's origin is not the peer that sent it")]
    Origin,
    /// `dst` is not this realm.
    #[error("the envelope is for another realm")]
    Destination,
    /// An address that is none.
    #[error("the envelope's {field} is no address: {error}")]
    Address {
        /// `from` or `to`.
        field: &'static str,
        /// What is wrong with it.
        error: NameError,
    },
    /// `from` is of another realm than `origin`.
    #[error("the envelope's sender is of another realm than its origin")]
    Sender,
    /// `to` is of another realm than `dst`.
    #[error("the envelope's recipient is of another realm than its destination")]
    Recipient,
}

/// An envelope's addresses, once its sender was found to belong to the authenticated peer: the only
/// thing that is delivered.
///
/// [`Envelope::vouch`] alone makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    from: Address,
    to: Address,
}

impl Vouched {
    /// Who wrote it, of the peer's realm.
    #[must_use]
    pub fn from(&self) -> &Address {
        &self.from
    }

    /// Whom it is for, of this realm.
    #[must_use]
    pub fn to(&self) -> &Address {
        &self.to
    }
}

/// What an envelope costs of a stream's credit in bytes beside its texts: the names and numbers.
const OVERHEAD_BYTES: u64 = 512;

/// What an envelope with this text takes of a stream's credit in bytes.
#[must_use]
pub(crate) fn cost_bytes(text: &str) -> u64 {
    OVERHEAD_BYTES + text.len() as u64
}

/// The most that the line of an envelope with this text can take on a link: ids, numbers and names
/// are bounded.
#[must_use]
pub(crate) fn line_bytes_max(text: &str) -> u64 {
    2 * OVERHEAD_BYTES + escaped_bytes(text)
}

impl Envelope {
    /// Checks who the envelope is from and for against the link that brought it.
    ///
    /// # Errors
    ///
    /// Any mismatch between `origin`, `dst`, `from`, `to` and the two realms of the link.
    pub fn vouch(&self, peer: &RealmName, own: &RealmName) -> Result<Vouched, EnvelopeError> {
        if self.origin != *peer {
            return Err(EnvelopeError::Origin);
        }
        if self.destination != *own {
            return Err(EnvelopeError::Destination);
        }
        let from = self.address("from", &self.from)?;
        let to = self.address("to", &self.to)?;
        if from.realm != *peer {
            return Err(EnvelopeError::Sender);
        }
        if to.realm != *own {
            return Err(EnvelopeError::Recipient);
        }
        Ok(Vouched { from, to })
    }

    /// Reads an address. Messages go from user to user; what else there is may concern groups.
    fn address(&self, field: &'static str, text: &str) -> Result<Address, EnvelopeError> {
        let name = match self.kind {
            Kind::Message => text,
            Kind::Bounce { .. } | Kind::Other(_) => text.strip_prefix('#').unwrap_or(text),
        };
        Address::parse(name).map_err(|error| EnvelopeError::Address { field, error })
    }

    /// What the envelope takes of a stream's credit in bytes: the same on both sides.
    #[must_use]
    pub fn cost_bytes(&self) -> u64 {
        cost_bytes(&self.text)
    }

    /// The name of the user it says it is from, without the realm.
    #[must_use]
    pub(crate) fn writer(&self) -> &str {
        self.from
            .split_once('@')
            .map_or(self.from.as_str(), |(user, _)| user)
    }

    /// The most that the envelope's line on a link can take.
    #[must_use]
    pub(crate) fn line_bytes_max(&self) -> u64 {
        line_bytes_max(&self.text)
    }

    /// The envelope that tells `self`'s sender that it was refused.
    #[must_use]
    pub(crate) fn bounce(&self, id: Uuid, reason: ErrorCode, unix_ms: u64, expires: u64) -> Self {
        Self {
            id,
            kind: Kind::Bounce {
                answers: self.id,
                reason: reason.code().to_owned(),
            },
            origin: self.destination.clone(),
            destination: self.origin.clone(),
            from: self.to.clone(),
            to: self.from.clone(),
            sent_unix_ms: unix_ms,
            expires_unix_ms: expires,
            text: reason.message().to_owned(),
        }
    }
}

/// How many bytes `text` takes inside a string of a link's frame, where only what JSON demands is
/// escaped; rounded up for control characters.
fn escaped_bytes(text: &str) -> u64 {
    text.bytes()
        .map(|byte| {
            if byte < 0x20 || byte == 0x7f {
                6
            } else {
                1 + u64::from(matches!(byte, b'"' | b'\\'))
            }
        })
        .sum()
}
