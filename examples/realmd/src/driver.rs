//! The loop of a realm: one thread that owns the engine and all client sockets.

use crate::clients::Clients;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::links::Links;
use crate::listener::{ACCEPTED_PER_TURN_MAX, Acceptor};
use chatproto::{Connection, Now, Output, Realm};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// Sockets that one turn can hear of.
const EVENTS_MAX: usize = 1_024;
/// Sockets that are read before the answers so far are written. More of them save writes to those
/// who hear of many others, the members of a group; fewer let the first ones go on sooner.
const EVENTS_PER_WRITE: usize = 16;
/// How long the realm may take to say goodbye.
const END_MS_MAX: u64 = 5_000;

/// Asks a realm's loop to end.
#[derive(Clone)]
pub(crate) struct Stop {
    wanted: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    pub(crate) fn now(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        if let Err(error) = self.waker.wake() {
            tracing::error!("a realm's thread cannot be woken: {error}");
        }
    }
}

/// A realm with all its sockets.
pub(crate) struct Driver {
    realm: Realm,
    journal: Journal,
    clock: Clock,
    poll: Poll,
    waker: Arc<Waker>,
    clients: Clients,
    acceptor: Option<Acceptor>,
    links: Option<Links>,
    stop: Arc<AtomicBool>,
    /// When a realm that ends has had time enough.
    end_at_ms: Option<u64>,
}

impl Driver {
    pub(crate) fn new(
        realm: Realm,
        journal: Journal,
        clock: Clock,
        mut acceptor: Acceptor,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        poll.registry()
            .register(acceptor.listener(), LISTENER, Interest::READABLE)?;
        Ok(Self {
            realm,
            journal,
            clock,
            poll,
            waker,
            clients: Clients::new(),
            acceptor: Some(acceptor),
            links: None,
            stop: Arc::default(),
            end_at_ms: None,
        })
    }

    /// How others make themselves heard by this loop.
    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop {
            wanted: Arc::clone(&self.stop),
            waker: self.waker(),
        }
    }

    pub(crate) fn link(&mut self, links: Links) {
        self.links = Some(links);
    }

    /// Runs until the realm has ended.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.carry_out(self.clock.now());
        loop {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.clock.now();
            self.turn(&events, now);
            if self.has_ended(now) {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, events: &Events, now: Now) {
        self.clients.read_again(&mut self.realm, now);
        let mut handled = 0;
        for event in events {
            match event.token() {
                LISTENER => self.acceptor.iter_mut().for_each(Acceptor::wake),
                WAKER => {}
                _ => self.clients.ready(event, &mut self.realm, now),
            }
            handled += 1;
            if handled % EVENTS_PER_WRITE == 0 {
                self.carry_out(now);
            }
        }
        if let Some(links) = &mut self.links {
            links.hear(&mut self.realm, now);
        }
        if self
            .realm
            .poll_timeout()
            .is_some_and(|deadline| deadline.at_ms <= now.mono_ms)
        {
            self.realm.handle_timeout(now);
        }
        if self.end_at_ms.is_none() && self.stop.load(Ordering::SeqCst) {
            self.end_at_ms = Some(now.mono_ms + END_MS_MAX);
            self.acceptor = None;
            self.realm.shutdown(now);
        }
        self.carry_out(now);
        self.accept(now);
        self.clients.let_go(now);
        if let Some(links) = &mut self.links {
            links.flush();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.clients.has_unread() || self.links.as_ref().is_some_and(Links::has_unheard) {
            return Some(Duration::ZERO);
        }
        let engine = self.realm.poll_timeout().map(|deadline| deadline.at_ms);
        let accepting = self.acceptor.as_ref().and_then(Acceptor::deadline_ms);
        let at_ms = [
            engine,
            accepting,
            self.clients.deadline_ms(),
            self.end_at_ms,
        ]
        .into_iter()
        .flatten()
        .min();
        at_ms.map(|at_ms| Clock::until(at_ms, self.clock.now()))
    }

    fn carry_out(&mut self, now: Now) {
        while let Some(output) = self.realm.poll_output() {
            match output {
                Output::Send(id) => self.clients.write(id, &mut self.realm, now),
                Output::PauseRead(id) => self.clients.pause(id),
                Output::ResumeRead(id) => self.clients.resume(id),
                Output::Close(id, reason) => {
                    self.journal.closed(id, reason);
                    self.clients.close(id, reason, self.poll.registry(), now);
                }
                Output::Event(event) => self.journal.event(&event),
                other => self.carry_out_link(other, now),
            }
        }
    }

    fn carry_out_link(&mut self, output: Output, now: Now) {
        match (output, &mut self.links) {
            (Output::LinkSend(id), Some(links)) => links.send(id, &mut self.realm),
            (Output::LinkClose(id, _), Some(links)) => links.close(id),
            (Output::Dial(peer), Some(links)) => links.dial(peer),
            (Output::Dial(peer), None) => {
                if let Err(misuse) = self.realm.dial_failed(&peer, now) {
                    tracing::error!("a bug in this server: {misuse}");
                }
            }
            // Nothing is executed without a connection here.
            _ => {}
        }
    }

    /// Takes new connections, each dealt with before the next: the engine may make room for
    /// one by closing another, whose slot must be free by then.
    fn accept(&mut self, now: Now) {
        for _ in 0..ACCEPTED_PER_TURN_MAX {
            let accepted = self
                .acceptor
                .as_mut()
                .and_then(|acceptor| acceptor.next(now.mono_ms));
            let Some((stream, from)) = accepted else {
                return;
            };
            self.open(stream, from, now);
            self.carry_out(now);
        }
    }

    fn open(&mut self, stream: mio::net::TcpStream, from: SocketAddr, now: Now) {
        if stream.set_nodelay(true).is_err() {
            // The client has left while it waited.
            return;
        }
        let id = self
            .realm
            .open(Connection::new(from.ip().to_canonical().to_string()), now);
        self.journal.connection(id, from);
        if let Err(error) = self.clients.add(self.poll.registry(), stream, id) {
            tracing::warn!("a connection from {from} was not taken: {error}");
            self.realm.closed(id, now);
        }
    }

    fn has_ended(&self, now: Now) -> bool {
        let Some(end_at_ms) = self.end_at_ms else {
            return false;
        };
        now.mono_ms >= end_at_ms
            || (self.realm.is_shut_down() && self.clients.deadline_ms().is_none())
    }
}
