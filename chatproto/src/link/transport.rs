//! A link's bytes: the handshake, then frames, one a line.

mod error;
#[cfg(test)]
mod tests;

pub use self::error::TransportError;
pub use super::codec::FrameError;

use super::codec::{decode, encode};
use super::frame::Frame;
use crate::limits::Limits;
use crate::name::RealmName;
use crate::time::{Deadline, Now};
use memchr::memchr;
use std::collections::VecDeque;
use std::fmt;

/// What a peer reads before its `hello` has said more, in bytes; the least it may say.
const PEER_LINE_BYTES_MIN: u64 = 4_096;

/// What has been sent is cut off the buffer when it is more than this and than half of it.
const COMPACT_BYTES: usize = 65_536;

/// What a transport needs to know of its realm.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// The realm's own name.
    pub own: RealmName,
    /// The peers that may be linked with in plain mode.
    pub peers: Vec<RealmName>,
    /// The realm's limits.
    pub limits: Limits,
}

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
    /// A frame has come; the first one is a `hello`, no other is.
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
/// Memory is bounded by one line and by what the caller leaves: frames not polled, bytes not
/// written. Stop reading, and stop sending, while there is much of either.
///
/// # Examples
///
/// ```
/// use chatproto::link::transport::{Direction, LinkTransport, TransportConfig, TransportEvent};
/// use chatproto::{Limits, Now, RealmName};
///
/// let (one, two) = (RealmName::parse("realm1")?, RealmName::parse("realm2")?);
/// let limits = Limits::default();
/// let at_one = TransportConfig { own: one.clone(), peers: vec![two.clone()], limits: limits.clone() };
/// let at_two = TransportConfig { own: two.clone(), peers: vec![one.clone()], limits };
///
/// let now = Now::new(0, 0);
/// let dialler = LinkTransport::dial(&at_one, &two, now);
/// let mut acceptor = LinkTransport::accept(&at_two, now);
/// assert_eq!(dialler.outgoing(), b"realm-link/1 plain realm1 realm2\n");
/// acceptor.receive(dialler.outgoing(), now)?;
/// let up = TransportEvent::Up { peer: one, direction: Direction::Accepted };
/// assert_eq!(acceptor.poll_event(), Some(up));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LinkTransport {
    state: State,
    limits: Limits,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    events: VecDeque<TransportEvent>,
    /// What the peer reads in one line.
    peer_line_bytes_max: u64,
    out: Vec<u8>,
    /// How much of `out` has been sent.
    sent: usize,
}

/// How far a connection has come.
enum State {
    /// The dialler's line is awaited.
    Accepting {
        own: RealmName,
        peers: Vec<RealmName>,
        deadline_ms: u64,
    },
    /// The handshake is done and the peer's `hello` is awaited.
    Up,
    /// Frames flow.
    Greeted,
    /// Nothing more is read or sent.
    Failed(TransportError),
    /// As `Failed`, since a time that has come and of which nobody has been told.
    Barred { since_ms: u64 },
}

impl LinkTransport {
    /// Begins on a connection that this realm made to `peer`.
    ///
    /// It is up at once, since the plain mode awaits nothing. To a peer that is not in the
    /// configuration nothing is sent, and [`handle_timeout`](Self::handle_timeout) rejects it.
    #[must_use]
    pub fn dial(config: &TransportConfig, peer: &RealmName, now: Now) -> Self {
        if !config.peers.contains(peer) {
            return Self::new(
                config,
                State::Barred {
                    since_ms: now.mono_ms,
                },
            );
        }
        let mut transport = Self::new(config, State::Up);
        let line = format!("realm-link/1 plain {} {peer}\n", config.own);
        transport.out.extend_from_slice(line.as_bytes());
        let direction = Direction::Dialled;
        transport.events.push_back(TransportEvent::Up {
            peer: peer.clone(),
            direction,
        });
        transport
    }

    /// Begins on a connection that somebody made to this realm.
    #[must_use]
    pub fn accept(config: &TransportConfig, now: Now) -> Self {
        let deadline_ms = now.mono_ms.saturating_add(config.limits.handshake_ms_max);
        let (own, peers) = (config.own.clone(), config.peers.clone());
        Self::new(
            config,
            State::Accepting {
                own,
                peers,
                deadline_ms,
            },
        )
    }

    fn new(config: &TransportConfig, state: State) -> Self {
        Self {
            state,
            limits: config.limits.clone(),
            partial: Vec::new(),
            events: VecDeque::new(),
            peer_line_bytes_max: PEER_LINE_BYTES_MIN,
            out: Vec::new(),
            sent: 0,
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
        self.read_lines(bytes).map_err(|error| self.fail(error))
    }

    /// Fails a handshake whose time is over; harmless at any other moment.
    ///
    /// # Errors
    ///
    /// The link is to be closed, for this or an earlier reason.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), TransportError> {
        match &self.state {
            State::Accepting { deadline_ms, .. } if now.mono_ms >= *deadline_ms => {
                Err(self.fail(TransportError::HandshakeTimeout))
            }
            State::Accepting { .. } | State::Up | State::Greeted => Ok(()),
            State::Failed(error) => Err(*error),
            State::Barred { .. } => Err(self.fail(TransportError::Rejected)),
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
            State::Up | State::Greeted => {}
            State::Accepting { .. } => return Err(TransportError::NotUp),
            State::Failed(error) => return Err(*error),
            State::Barred { .. } => return Err(TransportError::Rejected),
        }
        let start = self.out.len();
        let encoded = encode(frame, &mut self.out);
        let max = self.peer_line_bytes_max;
        let result = match encoded {
            Err(_) => Err(TransportError::NumberTooBig),
            Ok(()) if (self.out.len() - start) as u64 > max => {
                Err(TransportError::LineTooLong { max })
            }
            Ok(()) => Ok(()),
        };
        if result.is_err() {
            self.out.truncate(start);
        }
        result
    }

    /// Takes note that the first `n` bytes of what is outgoing have been written.
    pub fn sent(&mut self, n: usize) {
        self.sent = self.sent.saturating_add(n).min(self.out.len());
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        } else if self.sent > COMPACT_BYTES && self.sent > self.out.len() / 2 {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Shows what is to be written now.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match self.state {
            State::Accepting { deadline_ms, .. } => Some(Deadline {
                at_ms: deadline_ms,
                why: "link handshake",
            }),
            State::Barred { since_ms } => Some(Deadline {
                at_ms: since_ms,
                why: "link barred",
            }),
            State::Up | State::Greeted | State::Failed(_) => None,
        }
    }

    fn read_lines(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(end);
            self.check_length(self.partial.len() + head.len())?;
            rest = tail.get(1..).unwrap_or_default();
            if self.partial.is_empty() {
                self.line(head)?;
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(head);
                self.line(&line)?;
                line.clear();
                self.partial = line;
            }
        }
        self.check_length(self.partial.len() + rest.len())?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Checks a line of `bytes` bytes so far, its line feed not counted.
    fn check_length(&self, bytes: usize) -> Result<(), TransportError> {
        let (max, error) = if matches!(self.state, State::Accepting { .. }) {
            (self.limits.handshake_bytes_max, TransportError::Rejected)
        } else {
            let max = self.limits.link_line_bytes_max;
            (max, TransportError::ReceivedTooLong { max })
        };
        if bytes as u64 >= max {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// Takes a line without its line feed.
    fn line(&mut self, line: &[u8]) -> Result<(), TransportError> {
        if let State::Accepting { own, peers, .. } = &self.state {
            let peer = dialler(line, own, peers).ok_or(TransportError::Rejected)?;
            let direction = Direction::Accepted;
            self.events
                .push_back(TransportEvent::Up { peer, direction });
            self.state = State::Up;
            return Ok(());
        }
        let Some(frame) = decode(line)? else {
            return if matches!(self.state, State::Greeted) {
                Ok(())
            } else {
                Err(TransportError::NoHello)
            };
        };
        match (&self.state, &frame) {
            (State::Greeted, Frame::Hello(_)) => return Err(TransportError::SecondHello),
            (State::Greeted, _) => {}
            (_, Frame::Hello(hello)) if hello.line_bytes_max < PEER_LINE_BYTES_MIN => {
                return Err(TransportError::HelloLimit);
            }
            (_, Frame::Hello(hello)) => {
                self.peer_line_bytes_max = hello.line_bytes_max;
                self.state = State::Greeted;
            }
            _ => return Err(TransportError::NoHello),
        }
        self.events.push_back(TransportEvent::Frame(frame));
        Ok(())
    }

    /// Ends the link, with last words where the peer may have some.
    fn fail(&mut self, error: TransportError) -> TransportError {
        if let Some(code) = error.last_words() {
            let words = Frame::Error {
                code: code.to_owned(),
                text: error.to_string(),
            };
            // There is no number in it and it is short, so it can always be sent.
            let _ = self.send(&words);
        }
        self.partial = Vec::new();
        self.state = State::Failed(error);
        error
    }
}

impl fmt::Debug for LinkTransport {
    /// Shows no content: what is buffered is people's mail.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Accepting { .. } => "accepting",
            State::Up => "up",
            State::Greeted => "greeted",
            State::Failed(_) | State::Barred { .. } => "failed",
        };
        f.debug_struct("LinkTransport")
            .field("state", &state)
            .field("events", &self.events.len())
            .field("outgoing_bytes", &self.outgoing().len())
            .finish_non_exhaustive()
    }
}

/// The peer that the dialler's line names, if the line is right in every other way.
fn dialler(line: &[u8], own: &RealmName, peers: &[RealmName]) -> Option<RealmName> {
    let line = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("realm-link/1 plain ")?;
    let (dialler, acceptor) = line.split_once(' ')?;
    if acceptor != own.as_str() {
        return None;
    }
    peers.iter().find(|peer| peer.as_str() == dialler).cloned()
}
