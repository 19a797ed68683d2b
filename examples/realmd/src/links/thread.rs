//! The thread that owns the sockets to other realms.

use super::socket::{Gone, Left, Socket};
use super::{Order, SocketKey, Word};
use crate::clock::Clock;
use crate::listener::{ACCEPTED_PER_TURN_MAX, Acceptor};
use chatproto::link::transport::{LinkTransport, TransportConfig};
use chatproto::{Now, RealmName};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// What one socket may bring in before the others get their turn.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Callers of whom nothing is known, in all.
const STRANGERS_MAX: usize = 64;
/// Callers of whom nothing is known, from one address.
const STRANGERS_PER_ADDRESS_MAX: usize = 8;

/// How the link thread tells the realm something without ever waiting for it.
pub(super) struct Mouth {
    words: SyncSender<Word>,
    waker: Arc<Waker>,
    /// Asks the realm for a wake once it has heard what there is.
    starved: Arc<AtomicBool>,
    /// What has no room yet.
    held: VecDeque<Word>,
    /// Something was told since the last wake.
    told: bool,
}

impl Mouth {
    pub(super) fn new(
        words: SyncSender<Word>,
        waker: Arc<Waker>,
        starved: Arc<AtomicBool>,
    ) -> Self {
        Self {
            words,
            waker,
            starved,
            held: VecDeque::new(),
            told: false,
        }
    }

    fn is_full(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells what there is room for and holds the rest.
    fn say(&mut self, words: &mut Vec<Word>) {
        if words.is_empty() && self.held.is_empty() {
            return;
        }
        self.told = true;
        self.held.extend(words.drain(..));
        if !self.push() {
            // Asked for first and tried again after: the realm may have made room in between,
            // and would not come back by itself.
            self.starved.store(true, Ordering::SeqCst);
            self.push();
        }
    }

    /// Wakes the realm if it was told something.
    fn wake(&mut self) {
        if std::mem::take(&mut self.told)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!("the realm's thread cannot be woken: {error}");
        }
    }

    /// Tells as much as possible; true if that was everything.
    fn push(&mut self) -> bool {
        while let Some(word) = self.held.pop_front() {
            if let Err(error) = self.words.try_send(word) {
                let (std::sync::mpsc::TrySendError::Full(word)
                | std::sync::mpsc::TrySendError::Disconnected(word)) = error;
                self.held.push_front(word);
                return false;
            }
        }
        true
    }
}

/// Everything the link thread has.
pub(super) struct LinkThread {
    config: TransportConfig,
    addresses: BTreeMap<RealmName, SocketAddr>,
    poll: Poll,
    waker: Arc<Waker>,
    acceptor: Option<Acceptor>,
    clock: Clock,
    orders: Receiver<Order>,
    realm: Mouth,
    sockets: BTreeMap<SocketKey, Socket>,
    next_key: SocketKey,
    /// Sockets that may have more to read.
    again: BTreeSet<SocketKey>,
    buffer: Box<[u8]>,
    /// What to tell at the end of the turn.
    words: Vec<Word>,
    /// Peers that did not answer the last call.
    away: BTreeSet<RealmName>,
    stopping: bool,
}

impl LinkThread {
    pub(super) fn new(
        config: TransportConfig,
        addresses: BTreeMap<RealmName, SocketAddr>,
        listener: Option<TcpListener>,
        clock: Clock,
        orders: Receiver<Order>,
        realm: Mouth,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut acceptor = listener.map(Acceptor::new);
        if let Some(acceptor) = &mut acceptor {
            poll.registry()
                .register(acceptor.listener(), LISTENER, Interest::READABLE)?;
        }
        Ok(Self {
            config,
            addresses,
            poll,
            waker,
            acceptor,
            clock,
            orders,
            realm,
            sockets: BTreeMap::new(),
            next_key: 0,
            again: BTreeSet::new(),
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            words: Vec::new(),
            away: BTreeSet::new(),
            stopping: false,
        })
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Runs until it is told to stop and everything is closed.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !(self.stopping && self.sockets.is_empty()) {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!("the links of {} have ended: {error}", self.config.own);
                    return;
                }
                _ => self.turn(&events),
            }
        }
    }

    fn turn(&mut self, events: &Events) {
        let now = self.clock.now();
        for event in events {
            match event.token() {
                LISTENER => self.acceptor.iter_mut().for_each(Acceptor::wake),
                WAKER => {}
                Token(key) => {
                    self.again.insert(key);
                    self.with(key, |socket, words| {
                        socket.check_connected(words)?;
                        socket.write(now, words)
                    });
                }
            }
        }
        self.obey(now);
        self.read(now);
        self.accept(now);
        self.expire(now);
        self.say();
        self.realm.wake();
    }

    /// Passes on what there is to tell; of a peer that does not answer, the log hears once.
    fn say(&mut self) {
        for word in &self.words {
            match word {
                Word::Up(_, peer, _) => {
                    self.away.remove(peer);
                }
                Word::DialFailed(peer) if self.away.insert(peer.clone()) => {
                    tracing::info!(
                        "{}: {peer} does not answer; it is called again and again",
                        self.config.own
                    );
                }
                _ => {}
            }
        }
        self.realm.say(&mut self.words);
    }

    fn timeout(&self) -> Option<Duration> {
        let reading = !self.again.is_empty() && !self.realm.is_full();
        if reading {
            return Some(Duration::ZERO);
        }
        let accepting = self
            .acceptor
            .as_ref()
            .filter(|_| !self.realm.is_full())
            .and_then(Acceptor::deadline_ms);
        let deadline = self
            .sockets
            .values()
            .filter_map(Socket::deadline_ms)
            .chain(accepting)
            .min();
        deadline.map(|at_ms| Clock::until(at_ms, self.clock.now()))
    }

    /// Lets a socket do something, and forgets it if that was its end.
    fn with<T>(
        &mut self,
        key: SocketKey,
        act: impl FnOnce(&mut Socket, &mut Vec<Word>) -> Result<T, Gone>,
    ) -> Option<T> {
        let socket = self.sockets.get_mut(&key)?;
        if let Ok(done) = act(socket, &mut self.words) {
            return Some(done);
        }
        socket.tell_end(&mut self.words);
        self.sockets.remove(&key);
        None
    }

    fn obey(&mut self, now: Now) {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Dial(peer)) => self.dial(&peer, now),
                Ok(Order::Send(key, frames)) => {
                    self.with(key, |socket, words| {
                        socket.queue(frames);
                        socket.write(now, words)
                    });
                }
                Ok(Order::Close(key)) => {
                    self.with(key, |socket, words| {
                        socket.close(now);
                        socket.write(now, words)
                    });
                }
                Err(TryRecvError::Empty) => return,
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => {
                    self.stop(now);
                    return;
                }
            }
        }
    }

    /// Closes everything, giving last words a moment.
    fn stop(&mut self, now: Now) {
        self.stopping = true;
        self.acceptor = None;
        let keys: Vec<SocketKey> = self.sockets.keys().copied().collect();
        for key in keys {
            self.with(key, |socket, words| {
                socket.close(now);
                socket.write(now, words)
            });
        }
    }

    fn dial(&mut self, peer: &RealmName, now: Now) {
        let stream = match self.addresses.get(peer) {
            Some(address) => TcpStream::connect(*address),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let key = self.next_key;
        let registered = stream.and_then(|mut stream| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, Token(key), interest)?;
            Ok(stream)
        });
        let (Ok(stream), Ok(seed)) = (registered, seed()) else {
            self.words.push(Word::DialFailed(peer.clone()));
            return;
        };
        self.next_key += 1;
        let transport = LinkTransport::dial(&self.config, peer, seed, now);
        let connect_by_ms = now
            .mono_ms
            .saturating_add(self.config.limits.handshake_ms_max);
        let socket = Socket::dialled(key, stream, transport, peer.clone(), connect_by_ms);
        self.sockets.insert(key, socket);
    }

    /// Reads once from each socket that may have something, unless the realm lags behind.
    fn read(&mut self, now: Now) {
        for key in std::mem::take(&mut self.again) {
            self.say();
            if self.realm.is_full() {
                self.again.insert(key);
                continue;
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let left = self.with(key, |socket, words| {
                let left = socket.read(&mut buffer, now, words)?;
                socket.write(now, words)?;
                Ok(left)
            });
            self.buffer = buffer;
            if left == Some(Left::More) {
                self.again.insert(key);
            }
        }
    }

    fn accept(&mut self, now: Now) {
        for _ in 0..ACCEPTED_PER_TURN_MAX {
            if self.realm.is_full() {
                return;
            }
            let accepted = self
                .acceptor
                .as_mut()
                .and_then(|acceptor| acceptor.next(now.mono_ms));
            let Some((stream, from)) = accepted else {
                return;
            };
            let caller = from.ip().to_canonical();
            // Who is too much is closed without a word: there is nobody to be polite to yet.
            if self.has_room_for(caller)
                && let Err(error) = self.add(stream, caller, now)
            {
                tracing::warn!("a link from {caller} was not taken: {error}");
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, caller: IpAddr, now: Now) -> io::Result<()> {
        let (key, seed) = (self.next_key, seed()?);
        stream.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(key), interest)?;
        self.next_key += 1;
        let transport = LinkTransport::accept(&self.config, seed, now);
        self.sockets
            .insert(key, Socket::accepted(key, stream, transport, caller));
        Ok(())
    }

    fn has_room_for(&self, caller: IpAddr) -> bool {
        let strangers = || self.sockets.values().filter(|socket| socket.is_stranger());
        let from_there = strangers()
            .filter(|socket| socket.caller == Some(caller))
            .count();
        strangers().count() < STRANGERS_MAX && from_there < STRANGERS_PER_ADDRESS_MAX
    }

    fn expire(&mut self, now: Now) {
        let due = |socket: &Socket| {
            socket
                .deadline_ms()
                .is_some_and(|at_ms| at_ms <= now.mono_ms)
        };
        let keys: Vec<SocketKey> = self
            .sockets
            .iter()
            .filter(|(_, socket)| due(socket))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.with(key, |socket, words| socket.expire(now, words));
        }
    }
}

/// Fresh entropy for one connection.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
