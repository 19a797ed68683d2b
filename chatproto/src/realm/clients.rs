//! The clients' connections: who is there, and which bytes each may be sent when.

use super::outbox::{Outbox, Pool};
use super::timers::{Timer, Timers};
use crate::error::{ErrorCode, Misuse};
use crate::group::GroupId;
use crate::id::{PeerId, UserId};
use crate::name::{GroupName, UserName};
use crate::output::{CloseReason, ConnectionId, Output, RequestId};
use crate::random::SeededMap;
use crate::secret::Secret;
use crate::session::SessionId;
use crate::slots::Slots;
use crate::wire::frame::Framer;
use std::collections::VecDeque;
use std::sync::Arc;

/// What one read costs beside its bytes while it waits.
const CHUNK_OVERHEAD_BYTES: usize = 32;

/// How a connection's bytes are read.
#[derive(Clone)]
pub(super) enum Mode {
    /// Lines.
    Command,
    /// Lines; but a classic client whose `group` was refused with these bytes waits for `exit`.
    Refused(Box<[u8]>),
    /// Lines of a classic neighbour's, none of them a command.
    Neighbour(PeerId),
    /// One read is one message to a group.
    Live(Box<Live>),
}

/// A connection's place in a live group.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) group: GroupId,
    pub(super) user: UserId,
    /// The begin of a character.
    pub(super) begun: Vec<u8>,
}

/// What a line of a connection waits for. Later lines wait with it.
#[derive(Clone)]
pub(super) enum Wait {
    /// Whose name is it? Then the message goes there.
    Recipient {
        from: UserId,
        session: u64,
        name: UserName,
        text: String,
        /// Of a `sendid`.
        key: Option<Box<str>>,
    },
    /// Where is the group? Then it is joined there, or made here.
    GroupHome { user: UserId, name: GroupName },
    /// The home's word that the member is in.
    Join { group: GroupId, until_ms: u64 },
    /// A classic neighbour's answer.
    Call,
    /// Is it the user's password?
    Login { user: UserId, password: Secret },
    /// Messages from the store.
    Fetch,
    /// Less that is to be stored.
    Store,
}

/// One connection.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) address: Arc<str>,
    /// Counted among the connections: not refused, not closing.
    is_counted: bool,
    pub(super) framer: Framer,
    pub(super) mode: Mode,
    pub(super) wait: Option<Box<Wait>>,
    /// Reads that came while a line waited.
    stash: VecDeque<Box<[u8]>>,
    stash_bytes: usize,
    outbox: Outbox,
    is_read_paused: bool,
    /// Too much output is unread: lines wait until it is less.
    is_choked: bool,
    /// It will send no more.
    pub(super) has_ended: bool,
    /// It is gone; what it had sent whole is still carried out.
    pub(super) is_gone: bool,
    pub(super) closing: Option<CloseReason>,
    /// The session last used, where the next line's token is looked for first.
    pub(super) session: Option<SessionId>,
    /// The session last opened, for a `logout` without a token.
    pub(super) opened_session: Option<SessionId>,
    /// Not a connection but one command.
    pub(super) request: Option<RequestId>,
    active_ms: u64,
    /// When the line that is being read began; `u64::MAX` for none.
    pub(super) line_began_ms: u64,
    pub(super) line_timer_ms: Option<u64>,
    /// One of its reads is being carried out.
    pub(super) is_running: bool,
}

impl Client {
    fn new(address: Arc<str>, now_ms: u64) -> Self {
        Self {
            address,
            is_counted: false,
            framer: Framer::default(),
            mode: Mode::Command,
            wait: None,
            stash: VecDeque::new(),
            stash_bytes: 0,
            outbox: Outbox::default(),
            is_read_paused: false,
            is_choked: false,
            has_ended: false,
            is_gone: false,
            closing: None,
            session: None,
            opened_session: None,
            request: None,
            active_ms: now_ms,
            line_began_ms: u64::MAX,
            line_timer_ms: None,
            is_running: false,
        }
    }

    /// Whether its next line has to wait.
    pub(super) fn is_blocked(&self) -> bool {
        self.wait.is_some() || self.is_choked
    }

    /// Whether it is one command without a connection.
    pub(super) fn is_request(&self) -> bool {
        self.request.is_some()
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.mode {
            Mode::Live(live) => Some(live),
            Mode::Command | Mode::Refused(_) | Mode::Neighbour(_) => None,
        }
    }

    /// Bytes it has not taken yet, held back or not.
    pub(super) fn backlog(&self) -> usize {
        self.outbox.backlog()
    }

    pub(super) fn touch(&mut self, now_ms: u64) {
        self.active_ms = now_ms;
    }

    /// Since when nothing has come of it, if it may have to make room: not a member of a group,
    /// nor one that waits for an answer.
    fn idle_since_ms(&self) -> Option<u64> {
        let is_free = self.wait.is_none() && self.live().is_none() && self.closing.is_none();
        (self.is_counted && is_free).then(|| self.active_ms.max(self.outbox.sent_ms()))
    }
}

/// The connections of one address.
#[derive(Clone, Default)]
pub(super) struct Neighbours {
    count: u64,
    /// Before this none of them can have been idle for long enough to make room.
    none_idle_before_ms: u64,
}

/// All connections, and the buffers they share.
pub(super) struct Clients {
    table: Slots<Client>,
    per_address: SeededMap<Arc<str>, Neighbours>,
    /// The address of requests.
    nowhere: Arc<str>,
    counted: u64,
    pool: Pool,
    /// Connections with output behind a batch, in the order of the batches.
    behind_batches: VecDeque<(u64, ConnectionId)>,
    committed: u64,
    gap_ms: u64,
    choke_bytes: usize,
    /// Before this nobody can have been idle for long enough to make room.
    none_idle_before_ms: u64,
}

impl Clients {
    pub(super) fn new(
        per_address: SeededMap<Arc<str>, Neighbours>,
        gap_ms: u64,
        outgoing_bytes_max: u64,
    ) -> Self {
        Self {
            table: Slots::new(),
            per_address,
            nowhere: "".into(),
            counted: 0,
            pool: Pool::default(),
            behind_batches: VecDeque::new(),
            committed: 0,
            gap_ms,
            choke_bytes: usize::try_from(outgoing_bytes_max).unwrap_or(usize::MAX),
            none_idle_before_ms: 0,
        }
    }

    pub(super) fn insert(&mut self, address: &str, now_ms: u64) -> ConnectionId {
        let address = match self.per_address.get_key_value(address) {
            Some((known, _)) => Arc::clone(known),
            None => address.into(),
        };
        ConnectionId(self.table.insert(Client::new(address, now_ms)))
    }

    /// Makes a place for one command without a connection.
    pub(super) fn insert_request(&mut self, request: RequestId, now_ms: u64) -> ConnectionId {
        let mut client = Client::new(Arc::clone(&self.nowhere), now_ms);
        client.request = Some(request);
        ConnectionId(self.table.insert(client))
    }

    /// Counts a connection among those that are there.
    pub(super) fn admit(&mut self, id: ConnectionId) {
        if let Some(client) = self.table.get_mut(id.0).filter(|client| !client.is_counted) {
            client.is_counted = true;
            self.counted += 1;
            self.per_address
                .entry(Arc::clone(&client.address))
                .or_default()
                .count += 1;
        }
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Client> {
        self.table.get(id.0)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Client> {
        self.table.get_mut(id.0)
    }

    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        self.table.keys().into_iter().map(ConnectionId).collect()
    }

    /// Connections of any kind, the refused and the closing included.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn counted(&self) -> u64 {
        self.counted
    }

    pub(super) fn count_of(&self, address: &str) -> u64 {
        self.per_address.get(address).map_or(0, |there| there.count)
    }

    /// The connection that has been idle for longest, of all or of one address, if that is
    /// `idle_ms_min` or more.
    pub(super) fn longest_idle(
        &mut self,
        address: Option<&str>,
        now_ms: u64,
        idle_ms_min: u64,
    ) -> Option<ConnectionId> {
        // A look at all connections is dear: until the longest idle one has been so for long
        // enough, there is no need for another.
        let none_before_ms = match address {
            None => &mut self.none_idle_before_ms,
            Some(address) => &mut self.per_address.get_mut(address)?.none_idle_before_ms,
        };
        if now_ms < *none_before_ms {
            return None;
        }
        let is_meant = |client: &Client| address.is_none_or(|address| *client.address == *address);
        let idle = self.table.iter().filter(|(_, client)| is_meant(client));
        let longest = idle
            .filter_map(|(key, client)| Some((client.idle_since_ms()?, key)))
            .min();
        let since_ms = longest.map_or(now_ms, |(since_ms, _)| since_ms);
        if now_ms.saturating_sub(since_ms) < idle_ms_min {
            *none_before_ms = since_ms.saturating_add(idle_ms_min);
            return None;
        }
        longest.map(|(_, key)| ConnectionId(key))
    }

    // Input that waits.

    /// Keeps a read for later.
    pub(super) fn stash(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        bytes_max: u64,
        outputs: &mut VecDeque<Output>,
    ) {
        self.keep(id, bytes, bytes_max, outputs, VecDeque::push_back);
    }

    /// Keeps the rest of a read that could not be carried out whole, before all that came later.
    pub(super) fn stash_again(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        bytes_max: u64,
        outputs: &mut VecDeque<Output>,
    ) {
        self.keep(id, bytes, bytes_max, outputs, VecDeque::push_front);
    }

    fn keep(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        bytes_max: u64,
        outputs: &mut VecDeque<Output>,
        put: impl FnOnce(&mut VecDeque<Box<[u8]>>, Box<[u8]>),
    ) {
        let Some(client) = self.table.get_mut(id.0).filter(|_| !bytes.is_empty()) else {
            return;
        };
        put(&mut client.stash, bytes.into());
        client.stash_bytes += bytes.len() + CHUNK_OVERHEAD_BYTES;
        let is_too_much = client.stash_bytes as u64 > bytes_max;
        if is_too_much && !client.is_read_paused && !client.is_gone {
            client.is_read_paused = true;
            outputs.push_back(Output::PauseRead(id));
        }
    }

    /// The next read to carry out, if the connection may go on.
    pub(super) fn unstash(
        &mut self,
        id: ConnectionId,
        outputs: &mut VecDeque<Output>,
    ) -> Option<Box<[u8]>> {
        let client = self
            .table
            .get_mut(id.0)
            .filter(|client| !client.is_blocked())?;
        let bytes = client.stash.pop_front();
        if let Some(bytes) = &bytes {
            client.stash_bytes -= bytes.len() + CHUNK_OVERHEAD_BYTES;
        } else if client.is_read_paused {
            client.is_read_paused = false;
            if client.closing.is_none() && !client.is_gone {
                outputs.push_back(Output::ResumeRead(id));
            }
        }
        bytes
    }

    /// Throws away the reads that wait.
    pub(super) fn drop_input(&mut self, id: ConnectionId) {
        if let Some(client) = self.table.get_mut(id.0) {
            client.stash = VecDeque::new();
            client.stash_bytes = 0;
        }
    }

    // Output.

    /// Whether what is written for a connection can still reach it.
    pub(super) fn takes_output(&self, id: ConnectionId) -> bool {
        let client = self.table.get(id.0);
        client.is_some_and(|client| !client.is_gone && client.closing.is_none())
    }

    /// Lets `write` append to the connection's output. What is written waits for the batch, if one
    /// is given, and for all that was written before.
    pub(super) fn write(
        &mut self,
        id: ConnectionId,
        batch: Option<u64>,
        outputs: &mut VecDeque<Output>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(client) = self.table.get_mut(id.0) else {
            return;
        };
        if client.is_gone || client.closing.is_some() {
            return;
        }
        let batch = batch.filter(|batch| *batch > self.committed);
        if client.outbox.write(batch, &mut self.pool, write) {
            self.behind_batches.extend(batch.map(|batch| (batch, id)));
        }
        if client.backlog() >= self.choke_bytes {
            client.is_choked = true;
        }
        Self::queue_send(client, id, outputs);
    }

    /// What follows waits until what was written before has been read by itself.
    pub(super) fn gap(&mut self, id: ConnectionId) {
        let Some(client) = self.table.get_mut(id.0) else {
            return;
        };
        if !client.is_gone && client.closing.is_none() {
            client.outbox.gap();
        }
    }

    /// Opens the gates whose time has come.
    pub(super) fn settle(
        &mut self,
        id: ConnectionId,
        now_ms: u64,
        timers: &mut Timers,
        outputs: &mut VecDeque<Output>,
    ) {
        let Some(client) = self.table.get_mut(id.0) else {
            return;
        };
        let gap_ends_ms = client.outbox.settle(self.committed, self.gap_ms, now_ms);
        if let Some(gap_ends_ms) = gap_ends_ms {
            timers.set(gap_ends_ms, Timer::Gap(id));
        }
        Self::queue_send(client, id, outputs);
    }

    /// Notes that a batch is in the store; `settled` gets the connections whose output it held.
    pub(super) fn committed(&mut self, batch: u64) -> Vec<ConnectionId> {
        self.committed = batch;
        let count = self
            .behind_batches
            .partition_point(|(behind, _)| *behind <= batch);
        self.behind_batches
            .drain(..count)
            .map(|(_, id)| id)
            .collect()
    }

    /// Throws away all output that waits for the store.
    pub(super) fn drop_held(&mut self) {
        for key in self.table.keys() {
            if let Some(client) = self.table.get_mut(key) {
                client.outbox.drop_held();
            }
        }
        self.behind_batches.clear();
    }

    /// What a driver may speak of: not what carries a request, though its number can be guessed.
    pub(super) fn connection(&self, id: ConnectionId) -> Option<&Client> {
        self.table.get(id.0).filter(|client| !client.is_request())
    }

    pub(super) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Client> {
        let client = self.table.get_mut(id.0);
        client.filter(|client| !client.is_request())
    }

    pub(super) fn outgoing(&self, id: ConnectionId) -> &[u8] {
        let client = self.connection(id);
        client.map_or(&[], |client| client.outbox.outgoing())
    }

    /// Notes what was sent. Returns whether lines that waited for room may go on.
    pub(super) fn sent(&mut self, id: ConnectionId, n: usize, now_ms: u64) -> Result<bool, Misuse> {
        let Some(client) = self
            .table
            .get_mut(id.0)
            .filter(|client| !client.is_gone && !client.is_request())
        else {
            return Ok(false);
        };
        client.outbox.sent(n, now_ms, &mut self.pool)?;
        let has_room = client.is_choked && client.backlog() * 2 < self.choke_bytes;
        if has_room {
            client.is_choked = false;
        }
        Ok(has_room)
    }

    /// Takes the whole output of a request that is answered.
    pub(super) fn take_reply(&mut self, id: ConnectionId) -> Option<(RequestId, Vec<u8>)> {
        let client = self.table.get_mut(id.0)?;
        let request = client
            .request
            .filter(|_| client.wait.is_none() && !client.outbox.is_held())?;
        let reply = std::mem::take(&mut client.outbox).into_bytes();
        self.table.forget(id.0);
        Some((request, reply))
    }

    // The end.

    /// From now on nothing is read, and the connection goes once its output is sent.
    pub(super) fn begin_close(&mut self, id: ConnectionId, why: CloseReason) {
        let Some(client) = self.table.get_mut(id.0) else {
            return;
        };
        client.closing.get_or_insert(why);
        client.wait = None;
        client.stash = VecDeque::new();
        client.framer = Framer::default();
        // Who still has answers to read may take its time, and is counted meanwhile.
        if !why.leaves_answers() {
            Self::uncount(&mut self.per_address, &mut self.counted, client);
        }
    }

    /// Until when a closing connection is left its answers.
    pub(super) fn answers_until_ms(
        &self,
        id: ConnectionId,
        now_ms: u64,
        pause_ms_max: u64,
    ) -> Option<u64> {
        let client = self.table.get(id.0)?;
        client.closing.filter(|why| why.leaves_answers())?;
        let from_ms = if client.outbox.waits_for_store() {
            now_ms
        } else {
            client.outbox.sent_ms()
        };
        Some(from_ms.saturating_add(pause_ms_max))
    }

    /// Whether a closing connection has all its output.
    pub(super) fn is_drained(&self, id: ConnectionId) -> bool {
        self.table
            .get(id.0)
            .is_some_and(|client| client.closing.is_some() && client.backlog() == 0)
    }

    /// The connection is gone: nothing is sent any more, but its whole lines are carried out.
    pub(super) fn gone(&mut self, id: ConnectionId) {
        let Some(client) = self.table.get_mut(id.0) else {
            return;
        };
        client.is_gone = true;
        client.is_choked = false;
        client.outbox.clear(&mut self.pool);
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Client> {
        let mut client = self.table.remove(id.0)?;
        Self::uncount(&mut self.per_address, &mut self.counted, &mut client);
        client.outbox.clear(&mut self.pool);
        Some(client)
    }

    fn queue_send(client: &mut Client, id: ConnectionId, outputs: &mut VecDeque<Output>) {
        if client.request.is_none() && client.outbox.begins_to_send() {
            outputs.push_back(Output::Send(id));
        }
    }

    fn uncount(
        per_address: &mut SeededMap<Arc<str>, Neighbours>,
        counted: &mut u64,
        client: &mut Client,
    ) {
        if !std::mem::take(&mut client.is_counted) {
            return;
        }
        *counted -= 1;
        if let Some(there) = per_address.get_mut(&client.address) {
            there.count -= 1;
            if there.count == 0 {
                per_address.remove(&client.address);
            }
        }
    }
}

/// The error a connection is refused with, and the reason it is closed for.
pub(super) const fn refusal(code: ErrorCode) -> CloseReason {
    match code {
        ErrorCode::IdleEvicted => CloseReason::IdleEvicted,
        ErrorCode::SlowReader => CloseReason::SlowReader,
        ErrorCode::ShuttingDown => CloseReason::ShutDown,
        ErrorCode::StoreBroken => CloseReason::StoreBroken,
        _ => CloseReason::Refused,
    }
}
