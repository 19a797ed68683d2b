//! One connection to another realm: a socket and the transport that speaks over it.

use super::{SocketKey, Word};
use chatproto::link::transport::{LinkTransport, TransportEvent};
use chatproto::{Frame, Now, RealmName};
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};

/// Encoded bytes that may wait for a socket; frames beyond stay with the realm.
const ENCODED_BYTES_MAX: usize = 1024 * 1024;
/// How long the last bytes may take.
const CLOSE_MS_MAX: u64 = 500;

/// How far a connection has come.
enum Phase {
    /// Who is there is not known yet.
    Handshake,
    /// The realm has heard of it.
    Up,
    /// Nothing that comes in matters any more.
    Closing { until_ms: u64, shut: bool },
}

/// The socket is of no more use, and why.
pub(super) struct Gone(pub(super) String);

/// What a caller that is turned away gives no reason for, since it should look alike to it.
const HUNG_UP: &str = "it hung up during the handshake: is this realm its peer there, by this name, with this realm's \
                       public key and in the same mode?";

/// Whether a socket may have more to read.
#[derive(PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    More,
}

/// A socket, its transport and the frames that wait for room.
pub(super) struct Socket {
    key: SocketKey,
    pub(super) stream: TcpStream,
    transport: LinkTransport,
    phase: Phase,
    /// Whom we called; none if we were called.
    dialled: Option<RealmName>,
    /// Who is there, once that is known.
    peer: Option<RealmName>,
    /// Where the caller is.
    pub(super) caller: Option<IpAddr>,
    connected: bool,
    /// When a call that nobody answers is given up.
    connect_by_ms: u64,
    pending: VecDeque<Frame>,
    /// Frames that had room and were not told of yet.
    taken: usize,
    /// Why a stranger was turned away, until that was told.
    turned_away: Option<String>,
}

impl Socket {
    pub(super) fn dialled(
        key: SocketKey,
        stream: TcpStream,
        transport: LinkTransport,
        peer: RealmName,
        connect_by_ms: u64,
    ) -> Self {
        Self {
            dialled: Some(peer),
            connect_by_ms,
            ..Self::new(key, stream, transport)
        }
    }

    pub(super) fn accepted(
        key: SocketKey,
        stream: TcpStream,
        transport: LinkTransport,
        caller: IpAddr,
    ) -> Self {
        Self {
            caller: Some(caller),
            connected: true,
            ..Self::new(key, stream, transport)
        }
    }

    fn new(key: SocketKey, stream: TcpStream, transport: LinkTransport) -> Self {
        Self {
            key,
            stream,
            transport,
            phase: Phase::Handshake,
            dialled: None,
            peer: None,
            caller: None,
            connected: false,
            connect_by_ms: u64::MAX,
            pending: VecDeque::new(),
            taken: 0,
            turned_away: None,
        }
    }

    /// Whether this is a caller of whom nothing is known, or nothing more is wanted.
    pub(super) fn is_stranger(&self) -> bool {
        self.caller.is_some() && !matches!(self.phase, Phase::Up)
    }

    /// Whether this is how that peer is, or would be, linked with.
    pub(super) fn is_with(&self, peer: &RealmName) -> bool {
        self.peer.as_ref().or(self.dialled.as_ref()) == Some(peer)
    }

    /// Why a stranger was turned away, told once.
    pub(super) fn turned_away(&mut self) -> Option<(IpAddr, String)> {
        let why = self.turned_away.take()?;
        Some((self.caller?, why))
    }

    /// Learns whether a call was answered.
    pub(super) fn check_connected(&mut self, words: &mut Vec<Word>) -> Result<(), Gone> {
        if self.connected {
            return Ok(());
        }
        if let Some(error) = self.stream.take_error().map_err(|error| gone(&error))? {
            return Err(gone(&error));
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connected = true;
                // Small frames must not wait for one another's acknowledgement.
                self.stream
                    .set_nodelay(true)
                    .map_err(|error| gone(&error))?;
                // A plain transport that dials knows from the start who is there.
                self.collect(words);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            Err(error) => Err(gone(&error)),
        }
    }

    /// Reads once and says what came of it.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        now: Now,
        words: &mut Vec<Word>,
    ) -> Result<Left, Gone> {
        if !self.connected {
            return Ok(Left::Nothing);
        }
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err(Gone(HUNG_UP.to_owned())),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Left::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Left::More),
            Err(error) => return Err(gone(&error)),
        };
        if matches!(self.phase, Phase::Closing { .. }) {
            return Ok(Left::More);
        }
        let result = self
            .transport
            .receive(buffer.get(..count).unwrap_or_default(), now);
        self.collect(words);
        if let Err(error) = result {
            self.fail(&error.to_string(), now, words);
        }
        Ok(Left::More)
    }

    /// Passes on what the transport made of the bytes.
    fn collect(&mut self, words: &mut Vec<Word>) {
        let mut frames = Vec::new();
        while let Some(event) = self.transport.poll_event() {
            match event {
                TransportEvent::Up { peer, direction } => {
                    self.phase = Phase::Up;
                    self.peer = Some(peer.clone());
                    words.push(Word::Up(self.key, peer, direction));
                }
                TransportEvent::Frame(frame) => frames.push(frame),
                _ => {}
            }
        }
        if !frames.is_empty() {
            words.push(Word::Frames(self.key, frames));
        }
    }

    /// Takes frames to send.
    pub(super) fn queue(&mut self, frames: Vec<Frame>) {
        if !matches!(self.phase, Phase::Closing { .. }) {
            self.pending.extend(frames);
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&mut self, now: Now, words: &mut Vec<Word>) -> Result<(), Gone> {
        while self.connected {
            self.encode(now, words);
            let bytes = self.transport.outgoing();
            if bytes.is_empty() {
                return self.shut();
            }
            match self.stream.write(bytes) {
                Ok(count) => self.transport.sent(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(gone(&error)),
            }
        }
        Ok(())
    }

    /// Turns frames into bytes while there is room.
    fn encode(&mut self, now: Now, words: &mut Vec<Word>) {
        let before = self.taken;
        while self.transport.outgoing_bytes() < ENCODED_BYTES_MAX {
            let Some(frame) = self.pending.pop_front() else {
                break;
            };
            if let Err(error) = self.transport.send(&frame) {
                // Leaving one frame out would break the stream it belongs to.
                self.fail(&error.to_string(), now, words);
                return;
            }
            self.taken += 1;
        }
        if self.taken > before && matches!(self.phase, Phase::Up) {
            words.push(Word::Taken(self.key, std::mem::take(&mut self.taken)));
        }
    }

    /// Ends the sending half once everything was written.
    fn shut(&mut self) -> Result<(), Gone> {
        if let Phase::Closing {
            shut: shut @ false, ..
        } = &mut self.phase
        {
            *shut = true;
            let shut = self.stream.shutdown(Shutdown::Write);
            shut.map_err(|error| gone(&error))?;
        }
        Ok(())
    }

    /// Gives up after an error, leaving the transport its last words.
    fn fail(&mut self, what: &str, now: Now, words: &mut Vec<Word>) {
        match (&self.phase, &self.peer) {
            (Phase::Up, Some(peer)) => {
                tracing::warn!("link with {peer} ended: {}", crate::escape::Escaped(what));
            }
            (Phase::Handshake, _) if self.caller.is_some() => {
                self.turned_away = Some(what.to_owned());
            }
            _ => {}
        }
        self.tell_end(what, words);
        self.pending.clear();
        self.close(now);
    }

    /// Ends it at once, since the peer is to be linked with in another way.
    pub(super) fn cut(&mut self, why: &str, now: Now, words: &mut Vec<Word>) {
        self.tell_end(why, words);
        self.pending.clear();
        self.close(now);
    }

    /// Tells the realm, if it waits for anything from this socket, that nothing will come.
    pub(super) fn tell_end(&mut self, why: &str, words: &mut Vec<Word>) {
        match (&self.phase, &self.dialled) {
            (Phase::Up, _) => words.push(Word::Down(self.key)),
            (Phase::Handshake, Some(peer)) => {
                words.push(Word::DialFailed(peer.clone(), why.to_owned().into()));
            }
            _ => {}
        }
    }

    /// Sends what is left and ends.
    pub(super) fn close(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Closing { .. }) {
            self.phase = Phase::Closing {
                until_ms: now.mono_ms + CLOSE_MS_MAX,
                shut: false,
            };
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn deadline_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Closing { until_ms, .. } => Some(until_ms),
            Phase::Handshake | Phase::Up if !self.connected => Some(self.connect_by_ms),
            Phase::Handshake | Phase::Up => {
                self.transport.poll_timeout().map(|deadline| deadline.at_ms)
            }
        }
    }

    /// Does what is due.
    pub(super) fn expire(&mut self, now: Now, words: &mut Vec<Word>) -> Result<(), Gone> {
        if self.deadline_ms().is_none_or(|at_ms| at_ms > now.mono_ms) {
            return Ok(());
        }
        if matches!(self.phase, Phase::Closing { .. }) || !self.connected {
            return Err(Gone("nobody answers there".to_owned()));
        }
        if let Err(error) = self.transport.handle_timeout(now) {
            self.fail(&error.to_string(), now, words);
        }
        self.write(now, words)
    }
}

/// The words of the system, without its number for them.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        kind @ (ErrorKind::ConnectionRefused
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied
        | ErrorKind::TimedOut) => kind.to_string(),
        _ => error.to_string(),
    }
}

fn gone(error: &io::Error) -> Gone {
    Gone(match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            HUNG_UP.to_owned()
        }
        _ => words(error),
    })
}
