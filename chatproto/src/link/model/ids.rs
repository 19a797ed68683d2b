//! Names that people can read in a counterexample, as the ids that the streams want.

use super::super::frame::StreamKind;
use crate::envelope::{Envelope, Kind};
use crate::error::ErrorCode;
use crate::name::RealmName;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// One of the two realms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum At {
    A,
    B,
}

impl At {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(super) fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

const STREAM: u128 = 1 << 100;
const BOUNCE: u128 = 1 << 101;
const AT_B: u128 = 1 << 90;

fn by(at: At) -> u128 {
    if at == At::B { AT_B } else { 0 }
}

/// The message that a realm's user sends as the n-th.
pub(super) fn message(at: At, n: u64) -> Uuid {
    Uuid::from_u128(by(at) | u128::from(n))
}

/// Whose message it is, and which.
pub(super) fn sent_by(message: Uuid) -> (At, u64) {
    let id = message.as_u128();
    let at = if id & AT_B == 0 { At::A } else { At::B };
    (at, id as u64)
}

/// The stream that a realm begins as the n-th.
pub(super) fn stream(at: At, kind: StreamKind, n: u64) -> Uuid {
    let kind = u128::from(kind == StreamKind::Bounce) << 64;
    Uuid::from_u128(STREAM | by(at) | kind | u128::from(n))
}

fn bounce_id(at: At, n: u64) -> Uuid {
    Uuid::from_u128(BOUNCE | by(at) | u128::from(n))
}

/// An id as a story tells it.
pub(super) fn shown(id: Uuid) -> String {
    let (at, n) = sent_by(id);
    let bits = id.as_u128();
    if bits & STREAM != 0 {
        let kind = if bits & (1 << 64) == 0 {
            "mail"
        } else {
            "bounce"
        };
        format!("{kind}:{at:?}.{n}")
    } else if bits & BOUNCE != 0 {
        format!("bounce {at:?}{n}")
    } else {
        format!("{at:?}{n}")
    }
}

/// Each id is one envelope's.
impl Hash for Envelope {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.id.hash(hasher);
    }
}

static EMPTY: LazyLock<[Arc<Envelope>; 2]> = LazyLock::new(|| {
    let realm = |at: At| RealmName::parse(&format!("realm{at:?}").to_lowercase()).unwrap();
    At::BOTH.map(|at| {
        Arc::new(Envelope {
            id: Uuid::nil(),
            kind: Kind::Message,
            origin: realm(at),
            destination: realm(at.peer()),
            from: format!("user@{}", realm(at)),
            to: format!("user@{}", realm(at.peer())),
            sent_unix_ms: 0,
            expires_unix_ms: 0,
            text: String::new(),
        })
    })
});

/// The longest line that the peers of a model read, as far as envelopes are concerned.
pub(super) const LINE_BYTES_MAX: u64 = 1_024;

/// A message. The n-th expires at the moment n. One that is too long has a text at all.
pub(super) fn letter(at: At, n: u64, is_too_long: bool) -> Arc<Envelope> {
    let mut letter = Envelope::clone(&EMPTY[at.index()]);
    letter.id = message(at, n);
    letter.expires_unix_ms = n;
    if is_too_long {
        letter.text.push('x');
    }
    Arc::new(letter)
}

/// The bounce that a realm makes as its n-th, for a message of its peer.
pub(super) fn bounce(at: At, n: u64, refused: &Envelope) -> Arc<Envelope> {
    let mut bounce = refused.bounce(bounce_id(at, n), ErrorCode::InboxFull, 0, u64::MAX);
    bounce.text.clear();
    Arc::new(bounce)
}

/// The message that a bounce answers.
pub(super) fn answers(envelope: &Envelope) -> Option<Uuid> {
    match &envelope.kind {
        Kind::Bounce { answers, .. } => Some(*answers),
        Kind::Message | Kind::Other(_) => None,
    }
}
