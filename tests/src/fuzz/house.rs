//! A realm under small limits and the driver it has: everything it asks for is carried out, and
//! what it promises is checked.

use super::classic::check_call;
use super::lines::USERS;
use super::link::Wire;
use super::seat::{FORGED, Seat, check_reply, check_write, reply_bytes_max};
use super::tape::Tape;
use crate::disk::{Disk, Flaw, Loading, Log};
use chatproto::store::{Fetch, QueueFetch, Store};
use chatproto::{
    Argon2Cost, Batch, ClassicAnswer, Config, ConnectionId, Detail, Event, Frame, Limits, Now,
    Output, PasswordAnswer, PasswordJob, Passwords, PeerConfig, Realm, RealmName, Record,
    RequestId, UserConfig,
};
use std::collections::{BTreeMap, VecDeque};

/// The realm's own name; it stands between those of its peers.
pub(super) const OWN: &str = "realm1";

/// Tokens that are remembered.
const TOKENS_MAX: usize = 12;

/// What may happen at one moment, or while a little time passes, before it counts as endless.
const STEPS_MAX: usize = 10_000;

/// All bounds are so low that a few dozen bytes reach them.
const LIMITS: [(&str, u64); 42] = [
    ("connections_max", 6),
    ("connections_per_address_max", 3),
    ("idle_ms_min", 1_000),
    ("line_bytes_max", 256),
    ("line_ms_max", 500),
    ("waiting_bytes_max", 512),
    ("outgoing_bytes_max", 1_024),
    ("close_ms_max", 300),
    ("inbox_messages_max", 4),
    ("inbox_bytes_max", 200),
    ("inbox_senders_max", 3),
    ("inbox_memory_bytes_max", 40),
    ("page_messages_max", 3),
    ("page_bytes_max", 64),
    ("send_keys_max", 2),
    ("failed_logins_max", 12),
    ("failed_logins_ms", 10_000),
    ("hashes_max", 1),
    ("uncommitted_bytes_max", 1_024),
    ("store_retry_ms", 100),
    ("sessions_per_user_max", 2),
    ("session_idle_ms_max", 60_000),
    ("live_groups_max", 2),
    ("live_members_max", 3),
    ("exit_gap_ms", 20),
    ("ask_ms_max", 50),
    ("directory_names_max", 4),
    ("classic_calls_max", 2),
    ("classic_ms_max", 150),
    ("classic_names_max", 2),
    ("queue_messages_max", 3),
    ("queue_bytes_max", 4_096),
    ("ack_ms_max", 20),
    ("credit_envelopes_max", 3),
    ("credit_bytes_max", 65_536),
    ("link_line_bytes_max", 4_096),
    ("handshake_ms_max", 200),
    ("link_ping_ms", 500),
    ("link_dead_ms", 1_500),
    ("unacknowledged_ms_max", 1_000),
    ("redial_ms_min", 50),
    ("redial_ms_max", 400),
];

/// The limits all fuzz bodies work under.
pub(super) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    for (name, value) in LIMITS {
        limits.set(name, value).expect("in the limit's range");
    }
    limits
}

/// What a realm may wait for.
enum Question {
    Fetch(RequestId, Fetch),
    FetchQueue(RequestId, QueueFetch),
    Hash(RequestId, PasswordJob),
    Call(RequestId),
}

/// A realm, its clients and its links.
pub(super) struct House {
    pub(super) realm: Realm,
    pub(super) now: Now,
    pub(super) wires: Vec<Wire>,
    pub(super) limits: Limits,
    pub(super) seats: Vec<Seat>,
    pub(super) gone: Vec<ConnectionId>,
    pub(super) tokens: Vec<String>,
    /// Commands without a connection, and whether they were empty.
    pub(super) requests: BTreeMap<RequestId, bool>,
    /// The store takes every batch at once.
    pub(super) is_committing: bool,
    pub(super) offered: Option<Batch>,
    store: Log,
    /// What the realm waits for is answered at once.
    pub(super) is_answering: bool,
    questions: VecDeque<Question>,
    is_in_timer: bool,
    /// What hung on the store is lost, answers too.
    pub(super) is_broken: bool,
    pub(super) misbehaved: Vec<RealmName>,
    /// What the realm sent over links, and to which peer.
    pub(super) said: Vec<(usize, Frame)>,
}

impl House {
    pub(super) fn new(tape: &mut Tape<'_>, peers: &[&str]) -> Self {
        let linked = |peer: &&str| PeerConfig::new(RealmName::parse(peer).expect("a name"));
        Self::with(tape, peers.iter().map(linked).collect())
    }

    pub(super) fn with(tape: &mut Tape<'_>, peers: Vec<PeerConfig>) -> Self {
        let limits = small_limits();
        let choice = tape.byte();
        // Not `Silent`: events tell this house who is in a group.
        let detail = [Detail::Essential, Detail::Commands, Detail::Wire][usize::from(choice % 3)];
        let cheap = Argon2Cost::new(8, 1, 1).expect("a cost");
        let passwords = match choice & 0x30 {
            0x30 => Passwords::Argon2id(cheap),
            _ => Passwords::Plain,
        };
        let own = RealmName::parse(OWN).expect("a name");
        let mut config = Config::new(own)
            .limits(limits.clone())
            .detail(detail)
            .passwords(passwords)
            .durable(choice & 0x40 != 0);
        for (name, password) in &USERS[..3] {
            let user = UserConfig::new(name, &format!("{name} \"é\""), "X", password);
            config = config.user(user.expect("a name"));
        }
        config.peers = peers;
        let now = Now::new(5, 1_790_000_000_000);
        Self {
            realm: Realm::new(config, [7; 32], now).expect("a configuration that is right"),
            now,
            wires: Vec::new(),
            limits,
            seats: Vec::new(),
            gone: Vec::new(),
            tokens: Vec::new(),
            requests: BTreeMap::new(),
            is_committing: choice & 0x80 == 0,
            offered: None,
            store: Log::open(Disk::default(), Flaw::None, Loading::Folded, 1).0,
            is_answering: true,
            questions: VecDeque::new(),
            is_in_timer: false,
            is_broken: false,
            misbehaved: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Writes to a client, as much as its socket takes. Returns whether there was anything.
    pub(super) fn write_to(&mut self, at: usize, n: usize) -> bool {
        let id = self.seats[at].id;
        let bytes = self.realm.outgoing(id);
        let bytes = bytes[..n.min(bytes.len())].to_vec();
        let token = self.seats[at].read(&bytes, &self.limits);
        if let Some(token) = token {
            self.tokens.insert(0, token);
            self.tokens.truncate(TOKENS_MAX);
        }
        let sent = self.realm.sent(id, bytes.len(), self.now);
        sent.expect("as much as was outgoing");
        !bytes.is_empty()
    }

    /// Every client reads all that there is.
    pub(super) fn drain(&mut self) {
        for _ in 0..STEPS_MAX {
            let ids: Vec<_> = self.seats.iter().map(|seat| seat.id).collect();
            let mut any = false;
            for id in ids {
                let at = self.seats.iter().position(|seat| seat.id == id);
                any |= at.is_some_and(|at| self.write_to(at, usize::MAX));
                self.carry_out();
            }
            if !any {
                return;
            }
        }
        unreachable!("the clients are never done reading");
    }

    pub(super) fn offer(&mut self) {
        if let Some(batch) = self.realm.take_batch() {
            for record in batch.records.iter() {
                if let Record::Delivered { text, .. } = record {
                    assert!(!text.contains(FORGED), "a forged text was delivered");
                }
            }
            self.offered = Some(batch);
        }
    }

    pub(super) fn commit(&mut self, batch: &Batch) {
        self.store.commit(batch).expect("there is room");
        let committed = self.realm.committed(batch.number, self.now);
        committed.expect("the batch that is under way");
    }

    /// Answers what the realm has waited for longest.
    pub(super) fn answer(&mut self, is_failure: bool) {
        let taken = match self.questions.pop_front() {
            None => return,
            Some(Question::Fetch(request, fetch)) => {
                let fetched = self.store.fetch(&fetch).ok().filter(|_| !is_failure);
                self.realm.fetched(request, fetched, self.now)
            }
            Some(Question::FetchQueue(request, fetch)) => {
                let rows = self.store.fetch_queue(&fetch).ok().filter(|_| !is_failure);
                self.realm.queue_fetched(request, rows, self.now)
            }
            Some(Question::Hash(request, job)) => {
                let answer = if is_failure {
                    PasswordAnswer::Failed
                } else {
                    job.run()
                };
                self.realm.verified(request, answer, self.now)
            }
            Some(Question::Call(request)) => {
                let answer = if is_failure {
                    ClassicAnswer::NotReached
                } else {
                    ClassicAnswer::Answered(b"{\"status\": \"OK\"}\r\n\r\n".to_vec())
                };
                self.realm.called(request, answer, self.now)
            }
        };
        taken.expect("the realm has asked for it");
    }

    /// Takes the call out that has waited for longest, for an answer of any kind.
    pub(super) fn next_call(&mut self) -> Option<RequestId> {
        let is_call = |question: &Question| matches!(question, Question::Call(_));
        let at = self.questions.iter().position(is_call)?;
        match self.questions.remove(at)? {
            Question::Call(request) => Some(request),
            Question::Fetch(..) | Question::FetchQueue(..) | Question::Hash(..) => None,
        }
    }

    /// Lets time pass, stopping at each deadline on the way.
    pub(super) fn advance(&mut self, ms: u64) {
        let until = self.now.after_ms(ms);
        for _ in 0..STEPS_MAX {
            let due_ms = self.realm.poll_timeout().map(|deadline| deadline.at_ms);
            let Some(due_ms) = due_ms.filter(|due_ms| *due_ms <= until.mono_ms) else {
                self.now = until;
                return;
            };
            self.now = self.now.after_ms(due_ms.saturating_sub(self.now.mono_ms));
            self.realm.handle_timeout(self.now);
            let next = self.realm.poll_timeout();
            assert!(
                next.is_none_or(|next| next.at_ms > self.now.mono_ms),
                "what was due is not done: {next:?}"
            );
            self.is_in_timer = true;
            self.carry_out();
            self.is_in_timer = false;
        }
        unreachable!("the realm's timers never rest");
    }

    /// Carries out all that the realm asks for, and checks its bounds.
    pub(super) fn carry_out(&mut self) {
        for _ in 0..STEPS_MAX {
            let outputs: Vec<_> = std::iter::from_fn(|| self.realm.poll_output()).collect();
            if self.is_committing {
                self.offer();
            }
            let batch = self.offered.take_if(|_| self.is_committing);
            let is_asked = self.is_answering && !self.questions.is_empty();
            if outputs.is_empty() && batch.is_none() && !is_asked {
                return self.check_bounds();
            }
            // What a connection is has to be known before its bytes are read.
            for output in &outputs {
                if let Output::Event(event) = output {
                    self.heard(event);
                }
            }
            for output in outputs {
                self.obey(output);
            }
            if let Some(batch) = batch {
                self.commit(&batch);
            }
            while self.is_answering && !self.questions.is_empty() {
                self.answer(false);
            }
        }
        unreachable!("the realm never comes to rest");
    }

    fn heard(&mut self, event: &Event) {
        match event {
            Event::GroupJoined { connection, .. } => {
                let seats = &mut self.seats;
                if let Some(seat) = seats.iter_mut().find(|seat| seat.id == *connection) {
                    seat.goes_live();
                }
            }
            Event::Replied { text, .. } => check_write(text),
            Event::PeerMisbehaved { peer, .. } => self.misbehaved.push(peer.clone()),
            _ => {}
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Send(id) => {
                let at = self.seat(id);
                if self.seats[at].is_reading {
                    self.write_to(at, usize::MAX);
                }
            }
            Output::PauseRead(id) => {
                let at = self.seat(id);
                assert!(!std::mem::replace(&mut self.seats[at].is_paused, true));
            }
            Output::ResumeRead(id) => {
                let at = self.seat(id);
                assert!(std::mem::replace(&mut self.seats[at].is_paused, false));
            }
            Output::Close(id, why) => {
                let at = self.seat(id);
                let seat = self.seats.remove(at);
                let is_answered = !self.is_in_timer && !self.is_broken;
                seat.check_closed(why, is_answered, &self.limits);
                self.gone.push(id);
            }
            Output::Reply(request, reply) => {
                let is_empty = self.requests.remove(&request);
                match is_empty {
                    None => unreachable!("a second answer to {request:?}"),
                    Some(true) if reply.is_empty() => {}
                    Some(_) => drop(check_reply(&reply, &self.limits)),
                }
            }
            Output::Fetch(request, fetch) => {
                self.questions.push_back(Question::Fetch(request, fetch));
            }
            Output::FetchQueue(request, fetch) => {
                self.questions
                    .push_back(Question::FetchQueue(request, fetch));
            }
            Output::Hash(request, job) => {
                self.questions.push_back(Question::Hash(request, job));
            }
            Output::Call(request, call) => {
                check_call(&call);
                self.questions.push_back(Question::Call(request));
            }
            Output::LinkSend(id) => self.link_send(id),
            Output::LinkClose(id, why) => self.link_close(id, why),
            _ => {}
        }
    }

    /// Where a connection sits; the realm never speaks of one that is gone.
    fn seat(&self, id: ConnectionId) -> usize {
        let at = self.seats.iter().position(|seat| seat.id == id);
        at.expect("a connection that is there")
    }

    fn check_bounds(&mut self) {
        let max = self.limits.outgoing_bytes_max as usize + reply_bytes_max(&self.limits);
        for seat in &self.seats {
            let backlog = self.realm.outgoing(seat.id).len();
            assert!(backlog <= max, "{backlog} bytes are outgoing");
        }
        self.check_wires();
    }

    /// Lets everything end: each line gets its reply, and a shutdown leaves nothing open.
    pub(super) fn finish(mut self) {
        (self.is_committing, self.is_answering) = (true, true);
        self.carry_out();
        for seat in &mut self.seats {
            seat.is_reading = true;
        }
        for _ in 0..64 {
            self.drain();
            if !self.seats.iter().any(|seat| seat.is_waiting(&self.limits)) {
                break;
            }
            self.advance(self.limits.ask_ms_max);
        }
        for seat in self.seats.iter().filter(|_| !self.is_broken) {
            seat.check_replies(&self.limits);
        }
        for seat in &mut self.seats {
            seat.is_reading = seat.id.index() % 2 == 0;
        }
        self.realm.shutdown(self.now);
        self.carry_out();
        self.advance(2 * self.limits.close_ms_max + 4 * self.limits.exit_gap_ms);
        assert!(self.realm.is_shut_down(), "the shutdown does not end");
        assert!(self.seats.is_empty() && self.wires.is_empty());
        assert!(self.requests.is_empty(), "commands without an answer");
    }
}
