//! The classic neighbours of a realm: the listeners they come to, and the calls to them.
//!
//! All of it runs on the realm's own loop. A call is one connection for one request and one answer; there
//! are few at a time, and each has its deadline.

mod call;

use crate::listener::Acceptor;
use crate::settings::ClassicSettings;
use call::Call;
use chatproto::{ClassicAnswer, ClassicCall, Misuse, Now, Realm, RealmName, RequestId};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

/// Tokens from here on are those of neighbours; client sockets are numbered from 0 and never so many.
const TOKENS_FROM: usize = usize::MAX / 2;

/// The neighbours of one realm. Listeners have the first tokens, calls those behind them.
pub(crate) struct Neighbours {
    acceptors: Vec<(RealmName, Acceptor)>,
    /// Tokens of listeners, also of those that are closed.
    listeners: usize,
    addresses: BTreeMap<RealmName, SocketAddr>,
    calls: Vec<Option<Call>>,
    /// How long the engine waits for an answer.
    patience_ms: u64,
}

impl Neighbours {
    pub(crate) fn new(
        settings: &BTreeMap<RealmName, ClassicSettings>,
        listeners: Vec<(RealmName, TcpListener)>,
        patience_ms: u64,
    ) -> Self {
        let called = settings.iter().filter_map(|(name, neighbour)| {
            let address = neighbour.address?;
            Some((name.clone(), address))
        });
        let acceptors = listeners.into_iter();
        let acceptors: Vec<_> = acceptors
            .map(|(name, listener)| (name, Acceptor::new(listener)))
            .collect();
        Self {
            listeners: acceptors.len(),
            acceptors,
            addresses: called.collect(),
            calls: Vec::new(),
            patience_ms,
        }
    }

    /// Lets the poll tell of neighbours that come.
    pub(crate) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (at, (_, acceptor)) in self.acceptors.iter_mut().enumerate() {
            let token = Token(TOKENS_FROM + at);
            registry.register(acceptor.listener(), token, Interest::READABLE)?;
        }
        Ok(())
    }

    /// Whether what the poll tells is meant for this.
    pub(crate) fn is_meant(event: &Event) -> bool {
        event.token().0 >= TOKENS_FROM
    }

    /// Does what the poll found ready.
    pub(crate) fn ready(
        &mut self,
        event: &Event,
        realm: &mut Realm,
        now: Now,
    ) -> Result<(), Misuse> {
        let at = event.token().0 - TOKENS_FROM;
        let Some(slot) = at.checked_sub(self.listeners) else {
            if let Some((_, acceptor)) = self.acceptors.get_mut(at) {
                acceptor.wake();
            }
            return Ok(());
        };
        let Some(place) = self.calls.get_mut(slot) else {
            return Ok(());
        };
        let answer = place.as_mut().and_then(Call::go_on);
        match (answer, place.take_if(|call| call.has_ended())) {
            (Some(answer), Some(call)) => realm.called(call.request(), answer, now),
            _ => Ok(()),
        }
    }

    /// The next connection of a neighbour that waits, if there is one.
    pub(crate) fn accept(&mut self, now: Now) -> Option<(RealmName, TcpStream, SocketAddr)> {
        let mut acceptors = self.acceptors.iter_mut();
        acceptors.find_map(|(name, acceptor)| {
            let (stream, from) = acceptor.next(now.mono_ms)?;
            Some((name.clone(), stream, from))
        })
    }

    /// Takes no new connections any more.
    pub(crate) fn stop_listening(&mut self) {
        self.acceptors.clear();
    }

    /// Calls a neighbour. An answer says that it came to nothing at once.
    pub(crate) fn call(
        &mut self,
        request: RequestId,
        asked: ClassicCall,
        registry: &Registry,
        now: Now,
    ) -> Option<ClassicAnswer> {
        let unreached = Some(ClassicAnswer::NotReached);
        let Some(address) = self.addresses.get(&asked.peer) else {
            return unreached;
        };
        let Ok(stream) = TcpStream::connect(*address) else {
            return unreached;
        };
        let mut call = Call::new(request, stream, asked.bytes, self.patience_ms, now);
        let free = self.calls.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.calls.len());
        let token = Token(TOKENS_FROM + self.listeners + slot);
        let both = Interest::READABLE | Interest::WRITABLE;
        if registry.register(call.stream(), token, both).is_err() {
            return unreached;
        }
        match self.calls.get_mut(slot) {
            Some(place) => *place = Some(call),
            None => self.calls.push(Some(call)),
        }
        None
    }

    /// When [`end_late`](Self::end_late) or [`accept`](Self::accept) has something to do.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        let calls = self.calls.iter().flatten().map(Call::deadline_ms);
        let acceptors = self.acceptors.iter();
        let accepting = acceptors.filter_map(|(_, acceptor)| acceptor.deadline_ms());
        calls.chain(accepting).min()
    }

    /// Ends the calls that have had their time.
    pub(crate) fn end_late(&mut self, realm: &mut Realm, now: Now) -> Result<(), Misuse> {
        for place in &mut self.calls {
            let late = place.take_if(|call| call.deadline_ms() <= now.mono_ms);
            if let Some(call) = late {
                realm.called(call.request(), call.given_up(), now)?;
            }
        }
        Ok(())
    }
}
