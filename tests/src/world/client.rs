//! The clients' ends of their connections.

use super::{RealmIndex, World};
use chatproto::{CloseReason, Connection, ConnectionId};
use std::collections::VecDeque;

/// A client of the world: one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(usize);

impl ClientId {
    /// Its number, counted from 0 in the order of opening.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// What the world keeps of a connection.
pub(super) struct Client {
    realm: RealmIndex,
    /// None if the realm was down when the client came.
    connection: Option<ConnectionId>,
    state: State,
    /// Whether the realm wants to read no more for now.
    paused: bool,
    /// What the client did meanwhile.
    held: VecDeque<Input>,
    received: Vec<u8>,
    /// How much of `received` was taken.
    taken: usize,
    /// Whether the client waits in the world's `heard`.
    heard: bool,
}

enum State {
    Open,
    Dropped,
    Closed(CloseReason),
    /// The realm went down, or was not there.
    Lost,
}

enum Input {
    Bytes(Vec<u8>),
    End,
}

impl World {
    /// Connects a client to a realm; where that is down the connection is lost at once.
    pub fn open(&mut self, realm: RealmIndex, address: &str) -> ClientId {
        let now = self.now_at(realm);
        let connection = self
            .stir(realm)
            .map(|realm| realm.open(Connection::new(address), now));
        let client = ClientId(self.clients.len());
        self.clients.push(Client {
            realm,
            connection,
            state: State::Open,
            paused: false,
            held: VecDeque::new(),
            received: Vec::new(),
            taken: 0,
            heard: false,
        });
        match connection {
            Some(connection) => {
                self.nodes[realm].clients.insert(connection, client);
            }
            None => self.lose_client(client),
        }
        client
    }

    /// Writes, once: the realm reads it in one piece, as soon as it reads.
    pub fn write(&mut self, client: ClientId, bytes: &[u8]) {
        self.input(client, Input::Bytes(bytes.to_vec()));
    }

    /// The client will write no more, and reads on.
    pub fn half_close(&mut self, client: ClientId) {
        self.input(client, Input::End);
    }

    /// The client is gone; what it has not read is lost.
    pub fn drop_client(&mut self, client: ClientId) {
        let end = &mut self.clients[client.0];
        if !end.is_open() {
            return;
        }
        end.state = State::Dropped;
        end.held.clear();
        let realm = end.realm;
        let connection = end.connection.expect("an open client has a connection");
        let now = self.now_at(realm);
        self.nodes[realm].clients.remove(&connection);
        if let Some(realm) = self.stir(realm) {
            realm.closed(connection, now);
        }
    }

    /// What the client has received and not taken yet.
    #[must_use]
    pub fn unread(&self, client: ClientId) -> &[u8] {
        let end = &self.clients[client.0];
        &end.received[end.taken..]
    }

    /// Takes the first `n` bytes of what is unread.
    pub fn take(&mut self, client: ClientId, n: usize) {
        let end = &mut self.clients[client.0];
        end.taken += n;
        assert!(
            end.taken <= end.received.len(),
            "more was taken than was received"
        );
        if end.taken == end.received.len() {
            end.received.clear();
            end.taken = 0;
        }
    }

    /// The next client that has something new to read, or was closed, since it was last returned.
    pub fn next_heard(&mut self) -> Option<ClientId> {
        let client = self.heard.pop_front()?;
        self.clients[client.0].heard = false;
        Some(client)
    }

    /// Why the realm closed the connection, if it has.
    #[must_use]
    pub fn close_reason(&self, client: ClientId) -> Option<&CloseReason> {
        match &self.clients[client.0].state {
            State::Closed(why) => Some(why),
            State::Open | State::Dropped | State::Lost => None,
        }
    }

    /// Whether both sides still hold the connection.
    #[must_use]
    pub fn is_open(&self, client: ClientId) -> bool {
        self.clients[client.0].is_open()
    }

    fn input(&mut self, client: ClientId, input: Input) {
        let end = &mut self.clients[client.0];
        if !end.is_open() {
            return;
        }
        if end.paused || !end.held.is_empty() {
            end.held.push_back(input);
        } else {
            self.hand_in(client, &input);
        }
    }

    fn hand_in(&mut self, client: ClientId, input: &Input) {
        let Client {
            realm, connection, ..
        } = self.clients[client.0];
        let now = self.now_at(realm);
        let Some((realm, connection)) = self.stir(realm).zip(connection) else {
            return;
        };
        match input {
            Input::Bytes(bytes) => realm.receive(connection, bytes, now),
            Input::End => realm.ended(connection, now),
        }
    }

    /// Hands in one piece of what was held back; the realm may pause again after each.
    pub(super) fn hand_in_held(&mut self, client: ClientId) {
        let end = &mut self.clients[client.0];
        if end.paused {
            return;
        }
        if let Some(input) = end.held.pop_front() {
            if !end.held.is_empty() {
                self.resumed.push_back(client);
            }
            self.hand_in(client, &input);
        }
    }

    /// The client of a connection, unless that is over.
    fn client_of(&self, realm: RealmIndex, connection: ConnectionId) -> Option<ClientId> {
        self.nodes[realm].clients.get(&connection).copied()
    }

    pub(super) fn deliver(&mut self, realm: RealmIndex, connection: ConnectionId) {
        let Some(client) = self.client_of(realm, connection) else {
            return;
        };
        let now = self.now_at(realm);
        let Some(realm) = &mut self.nodes[realm].realm else {
            return;
        };
        let bytes = realm.outgoing(connection);
        let n = bytes.len();
        self.clients[client.0].received.extend_from_slice(bytes);
        realm
            .sent(connection, n, now)
            .expect("no more is sent than was outgoing");
        self.hear(client);
    }

    pub(super) fn pause(&mut self, realm: RealmIndex, connection: ConnectionId) {
        if let Some(client) = self.client_of(realm, connection) {
            self.clients[client.0].paused = true;
        }
    }

    pub(super) fn resume(&mut self, realm: RealmIndex, connection: ConnectionId) {
        if let Some(client) = self.client_of(realm, connection) {
            self.clients[client.0].paused = false;
            self.resumed.push_back(client);
        }
    }

    pub(super) fn close(&mut self, realm: RealmIndex, connection: ConnectionId, why: CloseReason) {
        if let Some(client) = self.client_of(realm, connection) {
            let end = &mut self.clients[client.0];
            end.state = State::Closed(why);
            end.held.clear();
            self.nodes[realm].clients.remove(&connection);
            self.hear(client);
        }
    }

    /// The realm of a client is down; what came from it before is still there to read.
    pub(super) fn lose_client(&mut self, client: ClientId) {
        let end = &mut self.clients[client.0];
        end.state = State::Lost;
        end.held.clear();
        self.hear(client);
    }

    fn hear(&mut self, client: ClientId) {
        let end = &mut self.clients[client.0];
        if !end.heard {
            end.heard = true;
            self.heard.push_back(client);
        }
    }
}

impl Client {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }
}
