//! The realm: a deterministic state machine. Bytes, frames, time and verdicts go in; bytes, frames,
//! records and requests come out.

mod arrivals;
mod awaited;
mod batches;
mod calls;
mod classic;
mod clients;
mod closing;
mod commands;
mod dialling;
mod direct;
mod input;
mod links;
mod live;
mod live_exit;
mod live_links;
mod live_talk;
mod logins;
mod outbox;
mod peers;
mod pulse;
mod questions;
mod reading;
mod replies;
mod requests;
mod restore;
mod routing;
mod showing;
mod streams;
mod timers;

use crate::account::Accounts;
use crate::config::{Config, ConfigError, Detail, PeerConfig};
use crate::directory::Directory;
use crate::error::{ErrorCode, Misuse, PeerError};
use crate::group::LiveGroups;
use crate::id::{PeerId, UserId};
use crate::inbox::{Bounds, Inboxes};
use crate::limits::Limits;
use crate::link::frame::Frame;
use crate::link::transport::Direction;
use crate::name::{RealmName, UserName};
use crate::output::{
    ClassicAnswer, Connection, ConnectionId, Event, LinkCloseReason, LinkId, Output, RequestId,
};
use crate::password::{PasswordAnswer, Passwords};
use crate::post::Posts;
use crate::random::Random;
use crate::record::{Batch, Record, StoreFailure};
use crate::send_key::SendKeys;
use crate::session::Sessions;
use crate::slots::Slots;
use crate::store::{Fetch, Fetched, QueuedEnvelope};
use crate::time::{Deadline, Now};
use crate::wire::packed::Packer;
use batches::Batches;
use calls::Calls;
use classic::Classics;
use clients::Clients;
pub use direct::Profile;
use links::Link;
use logins::Logins;
use peers::Peer;
pub use peers::{PeerState, PeerStatus};
use questions::Questions;
use reading::Fetching;
pub use restore::{Restore, RestoreError};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use streams::Stored;
use timers::{Timer, Timers};
use uuid::Uuid;

/// A realm: its users, their sessions and inboxes, live groups, and the streams to other realms.
///
/// It owns no socket, thread, clock, file or randomness: a *driver* feeds it and carries out what
/// it asks for. The contract:
///
/// 1. Call [`poll_output`](Self::poll_output) until it returns `None` after any number of inputs,
///    and before waiting. Carry the outputs out in their order.
/// 2. After [`Output::Send`], write [`outgoing`](Self::outgoing) and report with
///    [`sent`](Self::sent); where the socket takes less, go on once it is writable. Likewise links.
/// 3. Call [`handle_timeout`](Self::handle_timeout) once [`poll_timeout`](Self::poll_timeout) is due.
/// 4. With [`Config::durable`], commit what [`take_batch`](Self::take_batch) gives, and report with
///    [`committed`](Self::committed) or [`store_failed`](Self::store_failed). The engine holds back
///    whatever depends on a batch until then.
/// 5. Give every realm a fresh seed from the operating system: a repeated seed repeats tokens.
///
/// No bytes, frames or times from outside make it panic; an `Err` means a mistake of the driver.
///
/// # Examples
///
/// ```
/// use chatproto::{Config, Connection, Now, Output, Realm, RealmName, UserConfig};
///
/// let config = Config::new(RealmName::parse("realm1")?)
///     .user(UserConfig::new("messi", "Lionel Messi", "Argentina", "surabaya")?);
/// let now = Now::new(0, 1_790_000_000_000);
/// let mut realm = Realm::new(config, [7; 32], now)?;
///
/// let messi = realm.open(Connection::new("127.0.0.1"), now);
/// realm.receive(messi, b"auth messi wrong \r\n", now);
/// while let Some(output) = realm.poll_output() {
///     if let Output::Send(id) = output {
///         let reply = realm.outgoing(id).to_vec(); // a driver writes this to the socket
///         assert_eq!(reply, b"{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n");
///         realm.sent(id, reply.len(), now)?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Realm {
    name: RealmName,
    limits: Limits,
    detail: Detail,
    /// Requests that empty an inbox want it packed.
    is_packed: bool,
    passwords: Passwords,
    clock: Now,
    random: Random,
    accounts: Accounts,
    sessions: Sessions,
    inboxes: Inboxes,
    send_keys: SendKeys,
    posts: Posts,
    logins: Logins,
    directory: Directory,
    groups: LiveGroups<ConnectionId>,
    peers: Vec<Peer>,
    peer_ids: BTreeMap<RealmName, PeerId>,
    links: Slots<Link>,
    questions: Questions,
    classics: Classics,
    calls: Calls,
    requests: u64,
    fetches: BTreeMap<RequestId, Fetching>,
    clients: Clients,
    timers: Timers,
    batches: Batches,
    outputs: VecDeque<Output>,
    /// Where a live event is put together, once for all who get it.
    scratch: Vec<u8>,
    packer: Packer,
    /// What becomes of streams once a batch is in the store.
    stored_behind: VecDeque<(u64, PeerId, Uuid, Stored)>,
    /// Cursors of peers' streams that wait for a batch.
    cursors_behind: VecDeque<(u64, PeerId, Uuid, u64, Uuid)>,
    /// Fetches of what a batch brings.
    fetches_behind: VecDeque<(u64, RequestId, Fetch)>,
    /// What is read of streams: of which peer, of which one, and up to where.
    queue_fetches: BTreeMap<RequestId, (PeerId, Uuid, u64)>,
    /// Inboxes that take too much memory until a batch is in the store.
    to_relieve: VecDeque<(u64, UserId)>,
    /// Connections whose next line waits until less is to be stored.
    crowded_out: Vec<ConnectionId>,
    /// Members of live groups that read too slowly, to be closed before anything else happens.
    slow_members: Vec<ConnectionId>,
    /// Links that take too little.
    slow_links: Vec<LinkId>,
    has_session_timer: bool,
    /// Why nothing new is taken any more.
    stopped: Option<ErrorCode>,
}

/// Says which realm it is, and nothing of what is in it: passwords, tokens, messages.
impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Realm {
    /// Makes a realm of which nothing is stored yet.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, see [`Config::check`].
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Result<Self, ConfigError> {
        let restore = Self::restore(config, seed, now)?;
        // Without records there is nothing that could be wrong with them.
        Ok(restore.begin())
    }

    /// Begins to make a realm of what a store holds.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself, see [`Config::check`].
    pub fn restore(config: Config, seed: [u8; 32], now: Now) -> Result<Restore, ConfigError> {
        config.check()?;
        let limits = config.limits;
        let mut random = Random::new(seed);
        let accounts = Accounts::new(random.map());
        let share = limits.directory_names_max / (config.peers.len() as u64).max(1);
        let realm = Self {
            name: config.realm,
            detail: config.detail,
            is_packed: config.packed && config.detail < Detail::Wire,
            passwords: config.passwords,
            clock: Now::default().max_each(now),
            sessions: Sessions::new(
                random.map(),
                random.map(),
                limits.session_idle_ms_max,
                limits.sessions_per_user_max,
            ),
            inboxes: Inboxes::default(),
            send_keys: SendKeys::default(),
            posts: Posts::default(),
            logins: Logins::default(),
            directory: Directory::new(random.map(), share),
            groups: LiveGroups::new(),
            peers: Vec::new(),
            peer_ids: BTreeMap::new(),
            links: Slots::new(),
            questions: Questions::default(),
            classics: Classics::default(),
            calls: Calls::default(),
            requests: 0,
            fetches: BTreeMap::new(),
            clients: Clients::new(random.map(), limits.exit_gap_ms, limits.outgoing_bytes_max),
            timers: Timers::default(),
            batches: Batches::new(config.durable, limits.uncommitted_bytes_max),
            outputs: VecDeque::new(),
            scratch: Vec::new(),
            packer: Packer::default(),
            stored_behind: VecDeque::new(),
            cursors_behind: VecDeque::new(),
            fetches_behind: VecDeque::new(),
            queue_fetches: BTreeMap::new(),
            to_relieve: VecDeque::new(),
            crowded_out: Vec::new(),
            slow_members: Vec::new(),
            slow_links: Vec::new(),
            has_session_timer: false,
            stopped: None,
            random,
            accounts,
            limits,
        };
        Ok(Restore::new(realm, config.users, config.peers))
    }

    // Clients.

    /// Takes a new connection. One too many is told so and closed.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a description made for this one call"
    )]
    pub fn open(&mut self, connection: Connection, now: Now) -> ConnectionId {
        let now = self.tick(now);
        self.open_client(&connection, now)
    }

    /// Takes what one read brought. In live mode one read is one message.
    pub fn receive(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        let now = self.tick(now);
        self.client_sent(id, bytes, now);
        self.cut_slow(now);
    }

    /// The client will send no more, but may still read.
    pub fn ended(&mut self, id: ConnectionId, now: Now) {
        let now = self.tick(now);
        self.client_ended(id, now);
        self.cut_slow(now);
    }

    /// The connection is gone. Whole lines it had sent are still carried out, but an `inbox` among
    /// them empties nothing, since nobody would read it.
    pub fn closed(&mut self, id: ConnectionId, now: Now) {
        let now = self.tick(now);
        self.client_gone(id, now);
        self.cut_slow(now);
    }

    /// What to write to a connection now; valid until the next call that takes `&mut self`.
    #[must_use]
    pub fn outgoing(&self, id: ConnectionId) -> &[u8] {
        self.clients.outgoing(id)
    }

    /// Notes that the first `n` bytes of [`outgoing`](Self::outgoing) were written.
    ///
    /// # Errors
    ///
    /// [`Misuse::SentTooMuch`] for more than there was.
    pub fn sent(&mut self, id: ConnectionId, n: usize, now: Now) -> Result<(), Misuse> {
        let now = self.tick(now);
        if self.clients.sent(id, n, now.mono_ms)? {
            self.resume_client(id, now);
        }
        self.after_sent(id, now);
        self.cut_slow(now);
        Ok(())
    }

    /// Takes nothing new, says goodbye to everybody, and closes each connection and link once its
    /// output is written.
    pub fn shutdown(&mut self, now: Now) {
        let now = self.tick(now);
        self.stop(ErrorCode::ShuttingDown, now);
        self.cut_slow(now);
    }

    /// Whether a shutdown is through: no connection, no link, nothing to commit.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        let is_committed =
            self.stopped == Some(ErrorCode::StoreBroken) || self.batches.last().is_none();
        self.stopped.is_some() && self.clients.len() == 0 && self.links.len() == 0 && is_committed
    }

    /// Carries out one command without a connection; [`Output::Reply`] answers it. A line end is
    /// added where there is none. `group` and `quit` get the error `needs_connection`. Requests do not
    /// wait while much is to be stored, nor do their failed logins count: their number is up to the
    /// caller.
    pub fn execute(&mut self, line: &[u8], now: Now) -> RequestId {
        if line.ends_with(b"\n") {
            self.execute_exactly(line, now)
        } else {
            self.execute_exactly(&[line, b"\r\n"].concat(), now)
        }
    }

    /// The same without adding a line end, so that the text of a `send` is kept without one.
    pub fn execute_exactly(&mut self, line: &[u8], now: Now) -> RequestId {
        let now = self.tick(now);
        let request = self.execute_request(line, now);
        self.cut_slow(now);
        request
    }

    // Other realms.

    /// A link with a peer is authenticated and up. Of two links with one peer the engine closes one.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownPeer`], also for a classic neighbour: the transport should never have let it
    /// through.
    pub fn link_up(
        &mut self,
        peer: &RealmName,
        direction: Direction,
        now: Now,
    ) -> Result<LinkId, Misuse> {
        let now = self.tick(now);
        let known = self.peer_ids.get(peer).copied();
        let linked = known.filter(|peer| !self.is_classic(*peer));
        let peer = linked.ok_or(Misuse::UnknownPeer)?;
        let id = self.open_link(peer, direction, now);
        self.cut_slow(now);
        Ok(id)
    }

    /// Takes frames that came over a link.
    pub fn link_frames(&mut self, link: LinkId, frames: &[Frame], now: Now) {
        let now = self.tick(now);
        self.take_frames(link, frames, now);
        self.cut_slow(now);
    }

    /// A link is gone.
    pub fn link_down(&mut self, link: LinkId, now: Now) {
        let now = self.tick(now);
        self.drop_link(link, LinkCloseReason::Down, now);
        self.cut_slow(now);
    }

    /// The frames to send over a link now; valid until the next call.
    ///
    /// They count as seen from then on: [`Output::LinkSend`] tells of later ones alone. Whoever takes over
    /// only some has to come back for the others by itself.
    pub fn link_outgoing(&mut self, link: LinkId) -> &[Frame] {
        self.links.get_mut(link.0).map_or(&[], Link::outgoing)
    }

    /// Notes that the first `n` frames of [`link_outgoing`](Self::link_outgoing) were taken over.
    ///
    /// # Errors
    ///
    /// [`Misuse::SentTooMuch`] for more than there were.
    pub fn link_sent(&mut self, link: LinkId, n: usize, now: Now) -> Result<(), Misuse> {
        let now = self.tick(now);
        self.frames_sent(link, n, now)?;
        self.cut_slow(now);
        Ok(())
    }

    /// Takes up to `max` of the frames to send over a link now:
    /// [`link_outgoing`](Self::link_outgoing) and [`link_sent`](Self::link_sent) in one, for whoever
    /// hands them to another thread.
    pub fn link_take(&mut self, link: LinkId, max: usize, now: Now) -> Vec<Frame> {
        let now = self.tick(now);
        let taken = self.hand_over_frames(link, max, now);
        self.cut_slow(now);
        taken
    }

    /// An [`Output::Dial`] led to no link. Why is for people to read, users among them: without paths.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownPeer`] for a name that was never dialled.
    pub fn dial_failed(&mut self, peer: &RealmName, why: &str, now: Now) -> Result<(), Misuse> {
        let now = self.tick(now);
        let peer = self.known_peer(peer.as_str());
        let peer = peer.ok_or(Misuse::UnknownPeer)?;
        self.dialled_in_vain(peer, why, now);
        Ok(())
    }

    // What an operator wants of other realms.

    /// How the realm stands with each peer, by number.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus> {
        let peers = self.peers.iter().enumerate();
        let present = peers.filter(|(_, peer)| self.peer_ids.contains_key(&peer.name));
        present.map(|(at, peer)| self.peer_status(PeerId::new(at), peer))
    }

    /// Adds a peer, or changes what is said of one.
    ///
    /// # Errors
    ///
    /// [`PeerError::OwnRealm`].
    pub fn set_peer(&mut self, peer: PeerConfig, now: Now) -> Result<(), PeerError> {
        let now = self.tick(now);
        self.put_peer(peer, now)
    }

    /// Takes a peer out, with what waits for it: what never left bounces, and of what was under way
    /// nobody will hear. Should it come back, it is known again.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unknown`]; [`PeerError::HasMail`] if messages wait and `is_bouncing` is not set:
    /// then nothing has changed.
    pub fn remove_peer(
        &mut self,
        peer: &RealmName,
        is_bouncing: bool,
        now: Now,
    ) -> Result<(), PeerError> {
        let now = self.tick(now);
        let peer = *self.peer_ids.get(peer).ok_or(PeerError::Unknown)?;
        self.take_out_peer(peer, is_bouncing, now)?;
        self.cut_slow(now);
        Ok(())
    }

    /// Ends the link with a peer and wants no other until it is resumed, beyond the realm's end too;
    /// or wants one again. Messages for it wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unknown`].
    pub fn pause_peer(
        &mut self,
        peer: &RealmName,
        is_paused: bool,
        now: Now,
    ) -> Result<(), PeerError> {
        let now = self.tick(now);
        let peer = *self.peer_ids.get(peer).ok_or(PeerError::Unknown)?;
        self.pause(peer, is_paused, now);
        self.cut_slow(now);
        Ok(())
    }

    /// Calls a peer at once that would be called later.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unknown`].
    pub fn retry_peer(&mut self, peer: &RealmName, now: Now) -> Result<(), PeerError> {
        let now = self.tick(now);
        let peer = *self.peer_ids.get(peer).ok_or(PeerError::Unknown)?;
        self.retry(peer, now);
        Ok(())
    }

    /// Takes what came of an [`Output::Call`]. What comes too late is passed over.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] for a request that was never made.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "nobody else needs it any more"
    )]
    pub fn called(
        &mut self,
        request: RequestId,
        answer: ClassicAnswer,
        now: Now,
    ) -> Result<(), Misuse> {
        let now = self.tick(now);
        self.take_called(request, &answer, now)?;
        self.cut_slow(now);
        Ok(())
    }

    // The store.

    /// The next batch to commit, one at a time. Ask after every turn.
    pub fn take_batch(&mut self) -> Option<Batch> {
        if self.stopped == Some(ErrorCode::StoreBroken) {
            return None;
        }
        self.batches.take()
    }

    /// Notes that a batch is in the store; what waited for it is released.
    ///
    /// # Errors
    ///
    /// [`Misuse::WrongBatch`] for any number but that of the batch under way.
    pub fn committed(&mut self, number: u64, now: Now) -> Result<(), Misuse> {
        let now = self.tick(now);
        let was_full = self.batches.is_full();
        self.batches.committed(number)?;
        if was_full {
            self.event(|| Event::StoreRecovered);
        }
        for id in self.clients.committed(number) {
            self.settle(id, now);
        }
        self.streams_committed(number, now);
        self.fetches_committed(number);
        self.relieve_inboxes(number);
        self.let_in_crowd(now);
        self.cut_slow(now);
        Ok(())
    }

    /// Notes that a batch is not in the store. A full store is offered the batch again after a
    /// pause, and changes are refused until it is taken; a broken one ends the realm.
    ///
    /// # Errors
    ///
    /// [`Misuse::WrongBatch`] for any number but that of the batch under way.
    pub fn store_failed(
        &mut self,
        number: u64,
        failure: StoreFailure,
        now: Now,
    ) -> Result<(), Misuse> {
        let now = self.tick(now);
        let was_full = self.batches.is_full();
        let retry_at_ms = now.mono_ms.saturating_add(self.limits.store_retry_ms);
        self.batches.failed(number, failure, retry_at_ms)?;
        match failure {
            StoreFailure::Full => {
                self.timers.set(retry_at_ms, Timer::Store);
                if !was_full {
                    self.event(|| Event::StoreFull);
                }
                self.let_in_crowd(now);
            }
            StoreFailure::Broken => {
                self.event(|| Event::StoreBroken);
                self.stop(ErrorCode::StoreBroken, now);
            }
        }
        self.cut_slow(now);
        Ok(())
    }

    /// Takes what [`Output::Fetch`] asked for; none if it could not be read, of which the client is
    /// told.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] if nothing was asked for by that request, or it was answered.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "nobody else needs it any more"
    )]
    pub fn fetched(
        &mut self,
        request: RequestId,
        fetched: Option<Fetched>,
        now: Now,
    ) -> Result<(), Misuse> {
        let now = self.tick(now);
        self.take_fetched(request, fetched.as_ref(), now)?;
        self.cut_slow(now);
        Ok(())
    }

    /// Takes what [`Output::FetchQueue`] asked for; none if it could not be read, then it is asked for
    /// again after a pause.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] if nothing was asked for by that request, or it was answered.
    pub fn queue_fetched(
        &mut self,
        request: RequestId,
        fetched: Option<Vec<QueuedEnvelope>>,
        now: Now,
    ) -> Result<(), Misuse> {
        let now = self.tick(now);
        self.take_queue(request, fetched, now)?;
        self.cut_slow(now);
        Ok(())
    }

    /// Takes what came of the job of an [`Output::Hash`].
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] if nothing was asked for by that request, or it was answered.
    pub fn verified(
        &mut self,
        request: RequestId,
        answer: PasswordAnswer,
        now: Now,
    ) -> Result<(), Misuse> {
        let now = self.tick(now);
        self.take_answer(request, answer, now)?;
        self.cut_slow(now);
        Ok(())
    }

    // Outputs and time.

    /// The next thing to do or to know.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if let Some(Output::LinkClose(id, _)) = &output {
            self.links.remove(id.0);
        }
        output
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let now = self.tick(now);
        self.run_timers(now);
        self.cut_slow(now);
    }

    /// The realm's name.
    #[must_use]
    pub fn name(&self) -> &RealmName {
        &self.name
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    // What all parts use.

    /// Clamps a clock that ran backwards.
    fn tick(&mut self, now: Now) -> Now {
        self.clock = self.clock.max_each(now);
        self.clock
    }

    /// Cuts off those who leave too much unread. They are only noted while something goes on, since
    /// each that leaves a group makes more for the others to read.
    fn cut_slow(&mut self, now: Now) {
        loop {
            if let Some(id) = self.slow_members.pop() {
                self.close_client(id, ErrorCode::SlowReader, now);
            } else if let Some(id) = self.slow_links.pop() {
                self.close_link(id, LinkCloseReason::Slow, None, now);
            } else {
                return;
            }
        }
    }

    fn event(&mut self, event: impl FnOnce() -> Event) {
        if self.detail > Detail::Silent {
            self.outputs.push_back(Output::Event(event()));
        }
    }

    fn event_at(&mut self, detail: Detail, event: impl FnOnce(&Self) -> Option<Event>) {
        if self.detail >= detail {
            let event = event(self);
            self.outputs.extend(event.map(Output::Event));
        }
    }

    fn record(&mut self, record: impl FnOnce() -> Record) {
        self.batches.push(record);
    }

    fn inbox_bounds(&self) -> Bounds {
        Bounds {
            messages_max: self.limits.inbox_messages_max,
            bytes_max: self.limits.inbox_bytes_max,
            senders_max: self.limits.inbox_senders_max,
        }
    }

    fn user_name(&self, user: UserId) -> Option<UserName> {
        self.accounts.get(user).map(|account| account.name.clone())
    }

    fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// The realm of that name, a peer or one that was.
    fn known_peer(&self, name: &str) -> Option<PeerId> {
        let at = self
            .peers
            .iter()
            .position(|peer| peer.name.as_str() == name);
        at.map(PeerId::new)
    }

    fn peer(&self, id: PeerId) -> Option<&Peer> {
        self.peers.get(id.index())
    }

    fn peer_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(id.index())
    }
}
