//! The loop of a realm: one thread that owns the engine and all client sockets.

mod attending;

use crate::classic::Neighbours;
use crate::clients::Clients;
use crate::clock::Clock;
use crate::hashes::Hashes;
use crate::journal::Journal;
use crate::links::Links;
use crate::listener::{ACCEPTED_PER_TURN_MAX, Acceptor};
use crate::operate::Desk;
use crate::reload::Current;
use crate::store::{Storage, Word};
use chatproto::store::StoreError;
use chatproto::{
    ClassicAnswer, ClassicCall, Connection, Misuse, Now, Output, Realm, RealmName, RequestId,
    StoreFailure,
};
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
    neighbours: Option<Neighbours>,
    hashes: Hashes,
    /// For operators; it goes before the store.
    desk: Option<Desk>,
    storage: Option<Storage>,
    /// The settings in force.
    current: Option<Current>,
    /// The batch that the store has not answered.
    committing: Option<u64>,
    /// Why the store is broken.
    failure: Option<StoreError>,
    /// The store had no room for what it was given last.
    is_full: bool,
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
            hashes: Hashes::new(realm.limits().hashes_max, Arc::clone(&waker)),
            realm,
            journal,
            clock,
            poll,
            waker,
            clients: Clients::new(),
            acceptor: Some(acceptor),
            links: None,
            neighbours: None,
            desk: None,
            storage: None,
            current: None,
            committing: None,
            failure: None,
            is_full: false,
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

    pub(crate) fn hear(&mut self, mut neighbours: Neighbours) -> io::Result<()> {
        neighbours.register(self.poll.registry())?;
        self.neighbours = Some(neighbours);
        Ok(())
    }

    /// Takes what operators work with.
    pub(crate) fn operate(&mut self, storage: Option<Storage>, desk: Desk, current: Current) {
        self.storage = storage;
        self.desk = Some(desk);
        self.current = Some(current);
        self.meet(self.clock.now());
    }

    /// Runs until the realm has ended.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let now = self.clock.now();
        self.carry_out(now);
        self.commit(now);
        loop {
            let realm = &mut self.realm;
            let is_gathering = self.links.as_mut().is_some_and(|links| links.gather(realm));
            let timeout = if is_gathering {
                Some(Duration::ZERO)
            } else {
                self.timeout()
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            if is_gathering && events.is_empty() {
                // The loop is about to sleep: nothing more will join these orders.
                let realm = &mut self.realm;
                self.links.iter_mut().for_each(|links| links.flush(realm));
                continue;
            }
            let now = self.clock.now();
            self.turn(&events, now);
            if self.has_ended(now) {
                return self.finish();
            }
        }
    }

    fn turn(&mut self, events: &Events, now: Now) {
        self.hear_threads(now);
        self.clients.read_again(&mut self.realm, now);
        let mut handled = 0;
        for event in events {
            match event.token() {
                LISTENER => self.acceptor.iter_mut().for_each(Acceptor::wake),
                WAKER => {}
                _ if Neighbours::is_meant(event) => {
                    if let Some(neighbours) = &mut self.neighbours {
                        expect_use(neighbours.ready(event, &mut self.realm, now));
                    }
                }
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
        if let Some(neighbours) = &mut self.neighbours {
            expect_use(neighbours.end_late(&mut self.realm, now));
        }
        if self
            .realm
            .poll_timeout()
            .is_some_and(|deadline| deadline.at_ms <= now.mono_ms)
        {
            self.realm.handle_timeout(now);
        }
        if self.end_at_ms.is_none() && self.stop.load(Ordering::SeqCst) {
            self.end(now);
            self.realm.shutdown(now);
        }
        self.carry_out(now);
        self.accept(now);
        // Once a turn: handed over earlier, batches are smaller and there are more of them.
        self.commit(now);
        self.clients.let_go(now);
    }

    /// Closes the store, which lets a commit under way end.
    fn finish(mut self) -> io::Result<()> {
        self.desk = None;
        let file = self.storage.take().map(Storage::close);
        if let Some(failure) = self.failure {
            return Err(io::Error::other(failure.to_string()));
        }
        self.journal.ended(file.as_deref());
        Ok(())
    }

    /// Takes in what the threads beside the loop have done.
    fn hear_threads(&mut self, now: Now) {
        while let Some((request, answer)) = self.hashes.answer() {
            expect_use(self.realm.verified(request, answer, now));
        }
        while let Some((request, finding)) = self.storage.as_mut().and_then(Storage::found) {
            expect_use(finding.tell(&mut self.realm, request, now));
        }
        while self.failure.is_none()
            && let Some(word) = self.storage.as_ref().and_then(Storage::hear)
        {
            match word {
                Word::Committed(number) => {
                    self.committing = None;
                    self.is_full = false;
                    self.journal.stored();
                    if let Some(desk) = &mut self.desk {
                        desk.committed(now);
                    }
                    expect_use(self.realm.committed(number, now));
                }
                Word::Failed(number, StoreError::Full(sentence)) => {
                    self.committing = None;
                    self.is_full = true;
                    self.journal.full(&sentence);
                    let full = StoreFailure::Full;
                    expect_use(self.realm.store_failed(number, full, now));
                }
                Word::Failed(_, error) | Word::Broken(error) => self.fail(error, now),
            }
        }
        self.attend(now);
    }

    /// Hands the next batch to the store, if none is under way.
    fn commit(&mut self, now: Now) {
        let Some(batch) = self.realm.take_batch() else {
            if let Some(desk) = &mut self.desk
                && self.committing.is_none()
                && !self.is_full
            {
                desk.nothing_to_store();
            }
            return;
        };
        if self.failure.is_some() {
            let broken = StoreFailure::Broken;
            expect_use(self.realm.store_failed(batch.number, broken, now));
            self.carry_out(now);
        } else if let Some(storage) = &self.storage {
            self.committing = Some(batch.number);
            if let Some(desk) = &mut self.desk {
                desk.committing(batch.records.len());
            }
            storage.commit(batch);
        }
    }

    /// Ends the realm at once: nothing is known any more of what is in the store.
    fn fail(&mut self, error: StoreError, now: Now) {
        self.journal.broken(&error);
        self.failure = Some(error);
        self.end(now);
        match self.committing.take() {
            Some(number) => {
                let broken = StoreFailure::Broken;
                expect_use(self.realm.store_failed(number, broken, now));
            }
            None => self.realm.shutdown(now),
        }
    }

    fn end(&mut self, now: Now) {
        self.end_at_ms = Some(now.mono_ms + END_MS_MAX);
        self.acceptor = None;
        if let Some(neighbours) = &mut self.neighbours {
            neighbours.stop_listening();
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
            self.neighbours.as_ref().and_then(Neighbours::deadline_ms),
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
                Output::Event(event) => {
                    self.journal.event(&event, now);
                    if let Some(desk) = &mut self.desk {
                        desk.event(&event, now);
                    }
                }
                Output::Hash(request, job) => self.hashes.run(request, job),
                Output::Fetch(request, fetch) => match &mut self.storage {
                    Some(storage) => storage.fetch(request, fetch),
                    None => expect_use(self.realm.fetched(request, None, now)),
                },
                Output::FetchQueue(request, fetch) => match &mut self.storage {
                    Some(storage) => storage.fetch_queue(request, fetch),
                    None => expect_use(self.realm.queue_fetched(request, None, now)),
                },
                Output::Call(request, call) => self.call(request, call, now),
                other => self.carry_out_link(other, now),
            }
        }
    }

    fn carry_out_link(&mut self, output: Output, now: Now) {
        match (output, &mut self.links) {
            (Output::LinkSend(id), Some(links)) => links.note_frames(id, &mut self.realm),
            (Output::LinkClose(id, _), Some(links)) => links.close(id),
            (Output::Dial(peer), Some(links)) => links.dial(peer),
            (Output::Dial(peer), None) => {
                let why = "the realm has no thread for links";
                expect_use(self.realm.dial_failed(&peer, why, now));
            }
            // Nothing is executed without a connection here.
            _ => {}
        }
    }

    fn call(&mut self, request: RequestId, call: ClassicCall, now: Now) {
        let answer = match &mut self.neighbours {
            Some(neighbours) => neighbours.call(request, call, self.poll.registry(), now),
            None => Some(ClassicAnswer::NotReached),
        };
        if let Some(answer) = answer {
            expect_use(self.realm.called(request, answer, now));
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
                break;
            };
            self.open(stream, from, None, now);
            self.carry_out(now);
        }
        for _ in 0..ACCEPTED_PER_TURN_MAX {
            let neighbours = self.neighbours.as_mut();
            let accepted = neighbours.and_then(|neighbours| neighbours.accept(now));
            let Some((name, stream, from)) = accepted else {
                return;
            };
            self.open(stream, from, Some(&name), now);
            self.carry_out(now);
        }
    }

    fn open(
        &mut self,
        stream: mio::net::TcpStream,
        from: SocketAddr,
        neighbour: Option<&RealmName>,
        now: Now,
    ) {
        if stream.set_nodelay(true).is_err() {
            // The client has left while it waited.
            return;
        }
        let address = from.ip().to_canonical().to_string();
        let connection = match neighbour {
            Some(neighbour) => Connection::classic(address, neighbour.clone()),
            None => Connection::new(address),
        };
        let id = self.realm.open(connection, now);
        self.journal.connection(id, from, neighbour);
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

fn expect_use(result: Result<(), Misuse>) {
    if let Err(misuse) = result {
        tracing::error!("a bug in this server: {misuse}");
    }
}
