//! The thread that owns the sockets to other realms.

use super::mouth::Mouth;
use super::roster::Roster;
use super::socket::{Gone, Left, Socket, words};
use super::{Failure, Order, SocketKey, Word};
use crate::clock::Clock;
use crate::escape::Escaped;
use crate::listener::{ACCEPTED_PER_TURN_MAX, Acceptor};
use crate::rare::Rare;
use crate::settings::PeerSettings;
use chatproto::link::transport::LinkTransport;
use chatproto::{Now, RealmName};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// What one socket may bring in before the others get their turn.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Callers of whom nothing is known, in all.
const STRANGERS_MAX: usize = 64;
/// Callers of whom nothing is known, from one address.
const STRANGERS_PER_ADDRESS_MAX: usize = 8;

/// Everything the link thread has.
pub(super) struct LinkThread {
    roster: Roster,
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
    /// Peers that could not be called, and why.
    away: BTreeMap<RealmName, Failure>,
    /// Callers that were turned away.
    turned_away: Rare,
    stopping: bool,
}

impl LinkThread {
    pub(super) fn new(
        roster: Roster,
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
            roster,
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
            away: BTreeMap::new(),
            turned_away: Rare::default(),
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
                    tracing::error!("the links of {} have ended: {error}", self.roster.own());
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

    /// Passes on what there is to tell; why a peer cannot be called the log hears once.
    fn say(&mut self) {
        for word in &self.words {
            match word {
                Word::Up(_, peer, _) => {
                    self.away.remove(peer);
                }
                Word::DialFailed(peer, why) => {
                    let told = self.away.insert(peer.clone(), why.clone());
                    if told.as_ref() != Some(why) {
                        tracing::info!(
                            "{}: no link to {peer}: {}; it is called again and again",
                            self.roster.own(),
                            Escaped(&why.to_string())
                        );
                    }
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
        let acted = act(socket, &mut self.words);
        if let Some((caller, why)) = socket.turned_away()
            && let Some(more) = self.turned_away.happened(self.clock.now().mono_ms)
        {
            let (own, why) = (self.roster.own(), Escaped(&why));
            tracing::warn!(
                "{own}: a caller from {caller} was turned away at the link port: {why}{more}"
            );
        }
        match acted {
            Ok(done) => Some(done),
            Err(Gone(why)) => {
                socket.tell_end(&why, &mut self.words);
                self.sockets.remove(&key);
                None
            }
        }
    }

    fn obey(&mut self, now: Now) {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Dial(peer)) => self.dial(&peer, now),
                Ok(Order::Peers(peers)) => self.meet(peers, now),
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

    /// Takes other peers. Links that were made in another way than they say now are cut, and so is
    /// everybody who is not known yet.
    fn meet(&mut self, peers: BTreeMap<RealmName, PeerSettings>, now: Now) {
        self.away.retain(|peer, _| peers.contains_key(peer));
        let changed = self.roster.replace(peers);
        let is_cut = |socket: &Socket| {
            socket.is_stranger() || changed.iter().any(|peer| socket.is_with(peer))
        };
        let keys: Vec<SocketKey> = self
            .sockets
            .iter()
            .filter(|(_, socket)| is_cut(socket))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.with(key, |socket, words| {
                socket.cut("the realm file has changed", now, words);
                socket.write(now, words)
            });
        }
    }

    fn dial(&mut self, peer: &RealmName, now: Now) {
        match self.try_dial(peer, now) {
            Ok(socket) => {
                self.sockets.insert(self.next_key, socket);
                self.next_key += 1;
            }
            Err(why) => self.words.push(Word::DialFailed(peer.clone(), why)),
        }
    }

    fn try_dial(&mut self, peer: &RealmName, now: Now) -> Result<Socket, Failure> {
        let address = self.roster.address(peer)?;
        let seed = seed().map_err(|error| words(&error))?;
        let mut stream = TcpStream::connect(address).map_err(|error| words(&error))?;
        let key = self.next_key;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(key), interest)
            .map_err(|error| words(&error))?;
        let transport = LinkTransport::dial(self.roster.transport(), peer, seed, now);
        let handshake_ms_max = self.roster.limits().handshake_ms_max;
        let connect_by_ms = now.mono_ms.saturating_add(handshake_ms_max);
        let peer = peer.clone();
        Ok(Socket::dialled(key, stream, transport, peer, connect_by_ms))
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
            self.make_room_for(caller);
            if let Err(error) = self.add(stream, caller, now) {
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
        let transport = LinkTransport::accept(self.roster.transport_for_stranger(now), seed, now);
        self.sockets
            .insert(key, Socket::accepted(key, stream, transport, caller));
        Ok(())
    }

    /// Where there are too many callers of whom nothing is known, the one that came first goes: a peer
    /// has said who it is before as many others have come.
    fn make_room_for(&mut self, caller: IpAddr) {
        let is_from_there = |socket: &Socket| socket.caller == Some(caller);
        for (max, from_there) in [(STRANGERS_PER_ADDRESS_MAX, true), (STRANGERS_MAX, false)] {
            let mut strangers = self.sockets.iter().filter(|(_, socket)| {
                socket.is_stranger() && (!from_there || is_from_there(socket))
            });
            let first = strangers.next().map(|(key, _)| *key);
            if strangers.count() + 1 >= max
                && let Some(first) = first
            {
                // Without a word: there is nobody to be polite to yet.
                self.sockets.remove(&first);
            }
        }
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
