//! A link's bytes: the handshake, then frames, one a line, sealed where the configuration says so.

mod config;
mod error;
mod opening;
mod outgoing;
mod reader;
mod sealed;
#[cfg(test)]
mod tests;

pub use self::config::{Security, TransportConfig, TransportConfigError, TransportPeer};
pub use self::error::TransportError;
pub use super::codec::FrameError;

use self::opening::{Opened, Opening, plain_line};
use self::outgoing::Outgoing;
use self::reader::Reader;
use self::sealed::Sealed;
use super::codec::encode;
use super::frame::Frame;
use super::noise::Exhausted;
use crate::name::RealmName;
use crate::time::{Deadline, Now};
use std::collections::VecDeque;
use std::fmt;

/// Which side made the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This one.
    Dialled,
    /// The other one.
    Accepted,
}

/// What a transport tells of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportEvent {
    /// The handshake is done; comes once and before any frame.
    Up {
        /// The realm at the other end.
        peer: RealmName,
        /// Which side made the connection.
        direction: Direction,
    },
    /// A frame has come; the first one is a `hello`, no other is, unless the peer ends the link at
    /// once with an `error` or a `bye`.
    Frame(Frame),
}

/// One connection to another realm, from its first byte: bytes in, frames out, and back.
///
/// It holds no socket and no state of the realm. Whoever drives it writes what
/// [`outgoing`](Self::outgoing) shows and reports it with [`sent`](Self::sent), gives it what came
/// with [`receive`](Self::receive), and takes events until there are none. After an error from
/// `receive` or [`handle_timeout`](Self::handle_timeout), events that are still there and what is
/// outgoing are good; then the connection is to be closed.
///
/// How a peer is linked with is fixed by the configuration and never agreed on. A stranger gets not
/// one byte, whatever is wrong with what it sends, and costs one handshake and the limits
/// `handshake_bytes_max` and `handshake_ms_max`, which hold until the link is up.
///
/// Memory is bounded by one line, in noise mode 64 KiB more for each of what is read, opened and
/// to be sealed (twice that for the last, which grows by doubling), and by what the caller leaves:
/// frames not polled, bytes not written. Stop reading, and stop sending, while there is much of
/// either. In noise mode one read may complete a message, and bring 64 KiB more of frames.
///
/// # Examples
///
/// ```
/// use chatproto::link::key::StaticKey;
/// use chatproto::link::transport::{
///     Direction, LinkTransport, Security, TransportConfig, TransportEvent, TransportPeer,
/// };
/// use chatproto::{Limits, Now, RealmName};
///
/// let (one, two) = (RealmName::parse("realm1")?, RealmName::parse("realm2")?);
/// let (key_of_one, key_of_two) = (StaticKey::from_seed([1; 32]), StaticKey::from_seed([2; 32]));
/// let config = |own: &RealmName, key: &StaticKey, peer: &RealmName, pinned: &StaticKey| {
///     let security = Security::Noise(pinned.public());
///     TransportConfig {
///         own: own.clone(),
///         key: Some(key.clone()),
///         peers: vec![TransportPeer { name: peer.clone(), security }],
///         limits: Limits::default(),
///     }
/// };
/// let at_one = config(&one, &key_of_one, &two, &key_of_two);
/// let at_two = config(&two, &key_of_two, &one, &key_of_one);
/// at_one.check()?;
///
/// let now = Now::new(0, 0);
/// let mut dialler = LinkTransport::dial(&at_one, &two, [3; 32], now); // fresh entropy, in earnest
/// let mut acceptor = LinkTransport::accept(&at_two, [4; 32], now);
/// acceptor.receive(dialler.outgoing(), now)?;
/// dialler.sent(usize::MAX);
/// dialler.receive(acceptor.outgoing(), now)?;
/// acceptor.receive(dialler.outgoing(), now)?;
/// let up = TransportEvent::Up { peer: one, direction: Direction::Accepted };
/// assert_eq!(acceptor.poll_event(), Some(up));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LinkTransport {
    state: State,
    /// The secure channel; none in plain mode, or when the link is not up.
    sealed: Option<Box<Sealed>>,
    reader: Reader,
    events: VecDeque<TransportEvent>,
    out: Outgoing,
}

/// How far a connection has come.
enum State {
    /// Who is there is not known yet.
    Opening(Box<Opening>),
    /// Frames flow.
    Up,
    /// Nothing more is read or sent.
    Failed(TransportError),
    /// As `Failed`, since a time that has come and of which nobody has been told.
    Doomed {
        error: TransportError,
        since_ms: u64,
    },
}

impl LinkTransport {
    /// Begins on a connection that this realm made to `peer`.
    ///
    /// In plain mode it is up at once, since nothing is awaited. To a peer that is not in the
    /// configuration, or cannot be reached for want of an own key, nothing is sent, and
    /// [`handle_timeout`](Self::handle_timeout) rejects it. The seed must be fresh entropy for every
    /// connection: with the same one twice, a link that was recorded can be played back.
    #[must_use]
    pub fn dial(config: &TransportConfig, peer: &RealmName, seed: [u8; 32], now: Now) -> Self {
        let barred = State::Doomed {
            error: TransportError::Rejected,
            since_ms: now.mono_ms,
        };
        let mut transport = Self::new(config, barred);
        match config.peer(peer).map(|peer| peer.security) {
            Some(Security::Plain) => {
                let line = plain_line(&config.own, peer);
                transport.out.bytes.extend_from_slice(line.as_bytes());
                transport.rise(Opened {
                    peer: peer.clone(),
                    direction: Direction::Dialled,
                    sealed: None,
                });
            }
            Some(Security::Noise(key)) => {
                let mut first = Vec::new();
                let opening = Opening::dial(config, (peer, &key), seed, now, &mut first);
                if let Ok(opening) = opening {
                    transport.out.bytes.append(&mut first);
                    transport.state = State::Opening(Box::new(opening));
                }
            }
            None => {}
        }
        transport
    }

    /// Begins on a connection that somebody made to this realm.
    ///
    /// The seed must be fresh entropy for every connection.
    #[must_use]
    pub fn accept(config: &TransportConfig, seed: [u8; 32], now: Now) -> Self {
        let opening = Opening::accept(config, seed, now);
        Self::new(config, State::Opening(Box::new(opening)))
    }

    fn new(config: &TransportConfig, state: State) -> Self {
        Self {
            state,
            sealed: None,
            reader: Reader::new(config.limits.link_line_bytes_max),
            events: VecDeque::new(),
            out: Outgoing::default(),
        }
    }

    /// Takes bytes from the socket, cut anyhow.
    ///
    /// # Errors
    ///
    /// The peer did something that ends the link. Frames before that are still among the events;
    /// close after writing what is outgoing, which may be an `error` frame for the peer.
    pub fn receive(&mut self, bytes: &[u8], now: Now) -> Result<(), TransportError> {
        self.handle_timeout(now)?;
        self.read(bytes).map_err(|error| self.fail(error))
    }

    /// Fails a handshake whose time is over; harmless at any other moment.
    ///
    /// # Errors
    ///
    /// The link is to be closed, for this or an earlier reason.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), TransportError> {
        match &self.state {
            State::Opening(opening) if now.mono_ms >= opening.deadline_ms() => {
                Err(self.fail(TransportError::HandshakeTimeout))
            }
            State::Opening(_) | State::Up => Ok(()),
            State::Failed(error) => Err(*error),
            State::Doomed { error, .. } => {
                let error = *error;
                Err(self.fail(error))
            }
        }
    }

    /// Returns what happened next; `None` until more bytes come.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    /// Appends a frame to what is outgoing.
    ///
    /// # Errors
    ///
    /// The frame is more than the peer reads, or it is not the time for frames; then nothing was
    /// appended. After a failure of the link that failure, again.
    pub fn send(&mut self, frame: &Frame) -> Result<(), TransportError> {
        match &self.state {
            State::Up => {}
            State::Opening(_) => return Err(TransportError::NotUp),
            State::Failed(error) | State::Doomed { error, .. } => return Err(*error),
        }
        let max = self.reader.peer_line_bytes_max();
        let Some(sealed) = &mut self.sealed else {
            return append(frame, max, &mut self.out.bytes);
        };
        append(frame, max, &mut sealed.waiting)?;
        let full = sealed.seal_full(&mut self.out.bytes);
        full.map_err(|_| self.fail(TransportError::KeysUsedUp))
    }

    /// Takes note that the first `n` bytes of what is outgoing have been written.
    pub fn sent(&mut self, n: usize) {
        self.out.sent(n);
    }

    /// Shows what is to be written now; in noise mode, seals it first.
    ///
    /// The more frames were sent before, the fewer messages they are sealed in.
    pub fn outgoing(&mut self) -> &[u8] {
        if self.seal().is_err() {
            self.sealed = None;
            self.state = State::Doomed {
                error: TransportError::KeysUsedUp,
                since_ms: 0,
            };
        }
        self.out.unsent()
    }

    /// About how many bytes [`outgoing`](Self::outgoing) would show; what sealing adds to those not
    /// sealed yet is left out.
    #[must_use]
    pub fn outgoing_bytes(&self) -> usize {
        let waiting = self
            .sealed
            .as_ref()
            .map_or(0, |sealed| sealed.waiting.len());
        self.out.len() + waiting
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Opening(opening) => Some(Deadline {
                at_ms: opening.deadline_ms(),
                why: "link handshake",
            }),
            State::Doomed { since_ms, .. } => Some(Deadline {
                at_ms: *since_ms,
                why: "link barred",
            }),
            State::Up | State::Failed(_) => None,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let mut rest = bytes;
        if let State::Opening(opening) = &mut self.state {
            let Some(opened) = opening.receive(&mut rest, &mut self.out.bytes)? else {
                return Ok(());
            };
            self.rise(opened);
            if let Some(sealed) = &self.sealed {
                self.reader.read(sealed.opened(), &mut self.events)?;
            }
        }
        let Some(sealed) = &mut self.sealed else {
            return self.reader.read(rest, &mut self.events);
        };
        while sealed
            .next(&mut rest)
            .map_err(|_| TransportError::Tampered)?
        {
            self.reader.read(sealed.opened(), &mut self.events)?;
        }
        Ok(())
    }

    /// Seals whatever waits for it.
    fn seal(&mut self) -> Result<(), Exhausted> {
        match &mut self.sealed {
            Some(sealed) => sealed.seal_all(&mut self.out.bytes),
            None => Ok(()),
        }
    }

    /// It is known who is there.
    fn rise(&mut self, opened: Opened) {
        let Opened {
            peer,
            direction,
            sealed,
        } = opened;
        self.events
            .push_back(TransportEvent::Up { peer, direction });
        self.sealed = sealed;
        self.state = State::Up;
    }

    /// Ends the link, with last words where the peer may have some.
    fn fail(&mut self, error: TransportError) -> TransportError {
        if let State::Up = self.state {
            if let Some(code) = error.last_words() {
                let words = Frame::Error {
                    code: code.to_owned(),
                    text: error.to_string(),
                };
                // There is no number in it and it is short, so it can always be sent.
                let _ = self.send(&words);
            }
            // With keys that are used up the peer sees the connection close and no more.
            let _ = self.seal();
        } else {
            // A stranger gets nothing, not even what was ready before its mistake.
            self.out = Outgoing::default();
        }
        self.sealed = None;
        self.reader.end();
        self.state = State::Failed(error);
        error
    }
}

/// Appends a frame's line, if it is one that the peer reads.
fn append(frame: &Frame, max: u64, out: &mut Vec<u8>) -> Result<(), TransportError> {
    let start = out.len();
    let encoded = encode(frame, out);
    let result = match encoded {
        Err(_) => Err(TransportError::NumberTooBig),
        Ok(()) if (out.len() - start) as u64 > max => Err(TransportError::LineTooLong { max }),
        Ok(()) => Ok(()),
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

impl fmt::Debug for LinkTransport {
    /// Shows no content: what is buffered is people's mail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Opening(_) => "opening",
            State::Up if self.reader.is_greeted() => "greeted",
            State::Up => "up",
            State::Failed(_) | State::Doomed { .. } => "failed",
        };
        f.debug_struct("LinkTransport")
            .field("state", &state)
            .field("events", &self.events.len())
            .field("outgoing_bytes", &self.outgoing_bytes())
            .finish_non_exhaustive()
    }
}
