//! The handshake, from the first byte until it is known who is there.
//!
//! An acceptor writes nothing before the dialler has shown that it knows both keys, and fails at
//! the same byte and with the same error whether a name, a key or a mode is wrong.

use super::Direction;
use super::config::{Security, TransportConfig, TransportPeer};
use super::error::TransportError;
use super::sealed::Sealed;
use crate::link::key::{PublicKey, StaticKey};
use crate::link::noise::{Called, Calling, FIRST_BYTES, LENGTH_BYTES, Refused, SECOND_BYTES};
use crate::name::RealmName;
use crate::time::Now;
use memchr::memchr;

/// How the line begins with which a dialler names itself and whom it takes the other end for.
const PLAIN: &str = "realm-link/1 plain ";
const NOISE: &str = "realm-link/1 noise ";

/// A handshake under way.
pub(super) struct Opening {
    /// None once it is over.
    stage: Option<Stage>,
    deadline_ms: u64,
    /// How many bytes the other end may still send.
    left: u64,
    /// The beginning of what is awaited.
    pub(super) partial: Vec<u8>,
}

/// What is awaited.
enum Stage {
    /// By the acceptor: the dialler's line.
    Line(Acceptor),
    /// By the acceptor: the first message.
    First(Caller),
    /// By the acceptor: something that only the dialler can have sealed, and only now.
    Proof {
        peer: RealmName,
        sealed: Box<Sealed>,
    },
    /// By the dialler: the answer.
    Second {
        peer: RealmName,
        calling: Box<Calling>,
    },
}

/// What a handshake led to.
pub(super) struct Opened {
    pub(super) peer: RealmName,
    pub(super) direction: Direction,
    /// None in plain mode. What it has opened last is the peer's first bytes.
    pub(super) sealed: Option<Box<Sealed>>,
}

enum Step {
    On(Stage),
    Up(Opened),
}

/// What the acceptor compares the dialler's line with.
struct Acceptor {
    own: RealmName,
    key: Option<StaticKey>,
    peers: Vec<TransportPeer>,
    seed: [u8; 32],
}

/// Somebody who has sent a line in noise mode.
struct Caller {
    line: Vec<u8>,
    /// The acceptor's key.
    key: StaticKey,
    seed: [u8; 32],
    /// Whom the line names, and its key; none if that is nobody to be linked with in this mode.
    claimed: Option<(RealmName, PublicKey)>,
}

impl Opening {
    pub(super) fn accept(config: &TransportConfig, seed: [u8; 32], now: Now) -> Self {
        let acceptor = Acceptor {
            own: config.own.clone(),
            key: config.key.clone(),
            peers: config.peers.clone(),
            seed,
        };
        Self::new(Stage::Line(acceptor), config, now)
    }

    /// Appends the dialler's line and the first message.
    pub(super) fn dial(
        config: &TransportConfig,
        (peer, pinned): (&RealmName, &PublicKey),
        seed: [u8; 32],
        now: Now,
        out: &mut Vec<u8>,
    ) -> Result<Self, TransportError> {
        let key = config.key.as_ref().ok_or(TransportError::Rejected)?;
        let line = format!("{NOISE}{} {peer}\n", config.own);
        out.extend_from_slice(line.as_bytes());
        let calling = Calling::begin(key, pinned, line.as_bytes(), seed, out).map_err(rejected)?;
        let stage = Stage::Second {
            peer: peer.clone(),
            calling: Box::new(calling),
        };
        Ok(Self::new(stage, config, now))
    }

    fn new(stage: Stage, config: &TransportConfig, now: Now) -> Self {
        Self {
            stage: Some(stage),
            deadline_ms: now.mono_ms.saturating_add(config.limits.handshake_ms_max),
            left: config.limits.handshake_bytes_max,
            partial: Vec::new(),
        }
    }

    pub(super) fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// Takes bytes off until the handshake is done, or there are none.
    pub(super) fn receive(
        &mut self,
        bytes: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Opened>, TransportError> {
        while self.gather(bytes)? {
            let got = std::mem::take(&mut self.partial);
            let stage = self.stage.take().ok_or(TransportError::Rejected)?;
            match stage.advance(got, out)? {
                Step::On(stage) => self.stage = Some(stage),
                Step::Up(opened) => return Ok(Some(opened)),
            }
        }
        Ok(None)
    }

    /// Gathers what is awaited; true once it is all there.
    fn gather(&mut self, bytes: &mut &[u8]) -> Result<bool, TransportError> {
        if let Some(Stage::Line(_)) = self.stage {
            let window = bytes.get(..self.left as usize).unwrap_or(bytes);
            let end = memchr(b'\n', window);
            self.take(bytes, end.map_or(window.len(), |end| end + 1));
            return if end.is_none() && self.left == 0 {
                Err(TransportError::Rejected)
            } else {
                Ok(end.is_some())
            };
        }
        loop {
            let missing = self.missing()?;
            if missing == 0 || bytes.is_empty() {
                return Ok(missing == 0);
            }
            self.take(bytes, missing.min(bytes.len()));
        }
    }

    /// How many bytes of a message, its length among them, are still to come.
    fn missing(&self) -> Result<usize, TransportError> {
        let whole = match self.partial.first_chunk() {
            None => LENGTH_BYTES,
            Some(length) => {
                let length = usize::from(u16::from_be_bytes(*length));
                if !self.may_be(length) {
                    return Err(TransportError::Rejected);
                }
                LENGTH_BYTES + length
            }
        };
        let missing = whole - self.partial.len();
        if missing as u64 > self.left {
            Err(TransportError::Rejected)
        } else {
            Ok(missing)
        }
    }

    /// Whether the message that is awaited may have this length.
    fn may_be(&self, length: usize) -> bool {
        match self.stage {
            Some(Stage::First(_)) => length == FIRST_BYTES,
            Some(Stage::Second { .. }) => length == SECOND_BYTES,
            Some(Stage::Line(_) | Stage::Proof { .. }) | None => true,
        }
    }

    fn take(&mut self, bytes: &mut &[u8], count: usize) {
        let (head, rest) = bytes.split_at(count);
        self.partial.extend_from_slice(head);
        self.left -= count as u64;
        *bytes = rest;
    }
}

impl Stage {
    /// Takes what was awaited: a line with its line feed, or a message with its length.
    fn advance(self, got: Vec<u8>, out: &mut Vec<u8>) -> Result<Step, TransportError> {
        let message = got.get(LENGTH_BYTES..).unwrap_or_default();
        match self {
            Self::Line(acceptor) => acceptor.line(got),
            Self::First(caller) => caller.answer(message, out),
            Self::Proof { peer, mut sealed } => {
                sealed.open(message).map_err(rejected)?;
                Ok(Step::Up(Opened {
                    peer,
                    direction: Direction::Accepted,
                    sealed: Some(sealed),
                }))
            }
            Self::Second { peer, calling } => {
                let mut sealed = Sealed::new(calling.finish(message).map_err(rejected)?);
                // It is for the acceptor to know that nobody plays back an old handshake, and so
                // short that it fits what the acceptor reads of a stranger.
                let sent = sealed.seal_nothing(out);
                sent.map_err(|_| TransportError::Rejected)?;
                Ok(Step::Up(Opened {
                    peer,
                    direction: Direction::Dialled,
                    sealed: Some(Box::new(sealed)),
                }))
            }
        }
    }
}

impl Acceptor {
    fn line(self, line: Vec<u8>) -> Result<Step, TransportError> {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if let Some(names) = text.strip_prefix(NOISE.as_bytes()) {
            let claimed = match self.peer(names) {
                Some((peer, Security::Noise(key))) => Some((peer, key)),
                _ => None,
            };
            // Without a key of one's own the computation is the same and leads nowhere.
            let key = self.key.unwrap_or_else(|| StaticKey::from_seed(self.seed));
            return Ok(Step::On(Stage::First(Caller {
                line,
                key,
                seed: self.seed,
                claimed,
            })));
        }
        let names = text.strip_prefix(PLAIN.as_bytes());
        match names.and_then(|names| self.peer(names)) {
            Some((peer, Security::Plain)) => Ok(Step::Up(Opened {
                peer,
                direction: Direction::Accepted,
                sealed: None,
            })),
            _ => Err(TransportError::Rejected),
        }
    }

    /// The dialler that the names `DIALLER ACCEPTOR` name, if it may link with this realm.
    fn peer(&self, names: &[u8]) -> Option<(RealmName, Security)> {
        let (dialler, acceptor) = std::str::from_utf8(names).ok()?.split_once(' ')?;
        if acceptor != self.own.as_str() {
            return None;
        }
        let peer = self.peers.iter().find(|peer| peer.name.as_str() == dialler);
        peer.map(|peer| (peer.name.clone(), peer.security))
    }
}

impl Caller {
    /// Answers the first message of whom the line names, and nobody else.
    fn answer(self, first: &[u8], out: &mut Vec<u8>) -> Result<Step, TransportError> {
        // Read even for a name that is not known: the time this takes tells nothing about names.
        let called = Called::read(&self.key, &self.line, self.seed, first).map_err(rejected)?;
        match self.claimed {
            Some((peer, key)) if called.is_from(&key) => {
                let sealed = Box::new(Sealed::new(called.answer(out).map_err(rejected)?));
                Ok(Step::On(Stage::Proof { peer, sealed }))
            }
            _ => Err(TransportError::Rejected),
        }
    }
}

/// The line in plain mode.
pub(super) fn plain_line(own: &RealmName, peer: &RealmName) -> String {
    format!("{PLAIN}{own} {peer}\n")
}

/// Before the link is up, whatever is wrong looks the same.
fn rejected(_: Refused) -> TransportError {
    TransportError::Rejected
}
