//! The client sockets of a realm: bytes from them into the engine, and from the engine to them.
//!
//! Sockets are registered once, for both directions and edge-triggered, so that a request costs
//! one read and one write and the poll is never spoken to in between.

mod lingering;

use chatproto::{CloseReason, ConnectionId, Now, Realm};
use lingering::Lingering;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};

/// What one socket may bring in before the others get their turn.
const READ_BYTES_MAX: usize = 256 * 1024;

/// A client's socket. There may be ten thousands: no buffer here.
struct Slot {
    stream: TcpStream,
    id: ConnectionId,
    /// The engine wants nothing more for now.
    paused: bool,
    /// There may be more to read than was read.
    unread: bool,
    /// On the list of those to read again.
    listed: bool,
    /// The client sends no more.
    ended: bool,
    /// The last write found no room.
    blocked: bool,
}

/// All client sockets of one realm, each at the index of its [`ConnectionId`].
pub(crate) struct Clients {
    slots: Vec<Option<Slot>>,
    /// One for all reads.
    buffer: Box<[u8]>,
    /// Sockets to read without being told so by the poll.
    again: Vec<ConnectionId>,
    lingering: Lingering,
}

impl Clients {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            again: Vec::new(),
            lingering: Lingering::default(),
        }
    }

    /// How many are connected.
    pub(crate) fn count(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Takes the socket of a connection that the engine has just opened.
    pub(crate) fn add(
        &mut self,
        registry: &Registry,
        mut stream: TcpStream,
        id: ConnectionId,
    ) -> io::Result<()> {
        let index = id.index();
        registry.register(
            &mut stream,
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        let slot = Slot {
            stream,
            id,
            paused: false,
            unread: false,
            listed: false,
            ended: false,
            blocked: false,
        };
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        Ok(())
    }

    /// Does what the poll found a socket ready for.
    pub(crate) fn ready(&mut self, event: &Event, realm: &mut Realm, now: Now) {
        let Some(Some(slot)) = self.slots.get_mut(event.token().0) else {
            return;
        };
        let id = slot.id;
        // Both directions are dead, which no read would tell now.
        if (slot.paused || slot.ended) && (event.is_error() || event.is_write_closed()) {
            self.gone(id, realm, now);
            return;
        }
        if slot.blocked && event.is_writable() {
            slot.blocked = false;
            self.write(id, realm, now);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(id, event.is_read_closed(), realm, now);
        }
    }

    /// Whether sockets wait to be read without the poll telling.
    pub(crate) fn has_unread(&self) -> bool {
        !self.again.is_empty()
    }

    /// Reads once from each socket that was left with something to read.
    pub(crate) fn read_again(&mut self, realm: &mut Realm, now: Now) {
        let listed = self.again.len();
        for at in 0..listed {
            let Some(id) = self.again.get(at).copied() else {
                break;
            };
            if let Some(slot) = self.slot(id) {
                slot.listed = false;
                self.read(id, true, realm, now);
            }
        }
        // Those listed meanwhile stand behind, for the next turn.
        self.again.drain(..listed);
    }

    /// Reads once. With `to_the_end` a short read does not mean that all was read: the end of the
    /// stream, which the poll will not tell of again, may stand behind it.
    fn read(&mut self, id: ConnectionId, to_the_end: bool, realm: &mut Realm, now: Now) {
        // Not `self.slot`: the buffer is borrowed beside it.
        let Some(Some(slot)) = self.slots.get_mut(id.index()) else {
            return;
        };
        slot.unread = true;
        if slot.paused || slot.ended {
            return;
        }
        match slot.stream.read(&mut self.buffer) {
            Ok(0) => {
                slot.ended = true;
                realm.ended(id, now);
            }
            Ok(count) => {
                slot.unread = to_the_end || count == self.buffer.len();
                realm.receive(id, self.buffer.get(..count).unwrap_or_default(), now);
                self.list(id);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => slot.unread = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => self.list(id),
            Err(_) => self.gone(id, realm, now),
        }
    }

    /// Lists a socket that has more to read for the next turn.
    fn list(&mut self, id: ConnectionId) {
        let Some(slot) = self.slot(id) else { return };
        if slot.unread && !slot.listed && !slot.paused && !slot.ended {
            slot.listed = true;
            self.again.push(id);
        }
    }

    /// Writes what the engine has for a connection: one call, unless the socket takes only a part.
    pub(crate) fn write(&mut self, id: ConnectionId, realm: &mut Realm, now: Now) {
        let Some(slot) = self.slot(id) else { return };
        while !slot.blocked {
            let bytes = realm.outgoing(id);
            if bytes.is_empty() {
                return;
            }
            match slot.stream.write(bytes) {
                Ok(count) => {
                    let all = count == bytes.len();
                    if let Err(misuse) = realm.sent(id, count, now) {
                        tracing::error!("a bug in this server: {misuse}");
                    }
                    if all {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => slot.blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.gone(id, realm, now);
                    return;
                }
            }
        }
    }

    /// Stops reading from a connection for now.
    pub(crate) fn pause(&mut self, id: ConnectionId) {
        if let Some(slot) = self.slot(id) {
            slot.paused = true;
        }
    }

    /// Goes on reading from a connection.
    pub(crate) fn resume(&mut self, id: ConnectionId) {
        if let Some(slot) = self.slot(id) {
            slot.paused = false;
            // Word of what came meanwhile may have been passed over.
            slot.unread = true;
            self.list(id);
        }
    }

    /// Closes a connection that the engine is done with, so that its last words arrive.
    pub(crate) fn close(
        &mut self,
        id: ConnectionId,
        reason: CloseReason,
        registry: &Registry,
        now: Now,
    ) {
        let Some(slot) = self.take(id) else { return };
        if !slot.ended && !matches!(reason, CloseReason::Ended) {
            self.lingering.add(slot.stream, registry, now);
        }
    }

    /// When [`let_go`](Self::let_go) has something to do.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        self.lingering.deadline_ms()
    }

    /// Lets those closed sockets go whose time is over.
    pub(crate) fn let_go(&mut self, now: Now) {
        self.lingering.let_go(now);
    }

    /// The socket is dead.
    fn gone(&mut self, id: ConnectionId, realm: &mut Realm, now: Now) {
        if self.take(id).is_some() {
            realm.closed(id, now);
        }
    }

    fn slot(&mut self, id: ConnectionId) -> Option<&mut Slot> {
        self.slots
            .get_mut(id.index())?
            .as_mut()
            .filter(|slot| slot.id == id)
    }

    fn take(&mut self, id: ConnectionId) -> Option<Slot> {
        self.slots
            .get_mut(id.index())?
            .take_if(|slot| slot.id == id)
    }
}
