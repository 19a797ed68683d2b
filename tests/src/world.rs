//! Realms, their clients and the links between them, in one process and on one virtual clock.
//!
//! Nothing here waits: time moves when it is told to. A step costs what happens in it, however
//! many realms and clients there are.

mod client;
mod fault;
mod link;
mod node;
mod peers;
mod storage;
mod wire;

pub use client::ClientId;
pub use fault::Tap;
pub use node::Clock;
pub use storage::Restart;
pub use wire::Wire;

use chatproto::{Config, ConfigError, Event, Now, Output, Realm, RealmName, RequestId};
use client::Client;
use link::{Flight, Pipe};
use node::Node;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

/// The clock of the outside world when the virtual one stands at 0.
const EPOCH_UNIX_MS: u64 = 1_790_000_000_000;

/// What may happen at one moment before the realms count as never coming to rest.
const STEPS_AT_ONCE_MAX: u64 = 10_000_000;

/// Which realm of the world, in the order in which they were added.
pub type RealmIndex = usize;

/// Realms, clients, links and the time.
pub struct World {
    now: Now,
    nodes: Vec<Node>,
    by_name: BTreeMap<RealmName, RealmIndex>,
    clients: Vec<Client>,
    pipes: Vec<Pipe>,
    /// From which realm to which other one nothing gets through.
    severed: BTreeSet<(RealmIndex, RealmIndex)>,
    /// From which realm to which other one everything waits, and what waits.
    held: BTreeSet<(RealmIndex, RealmIndex)>,
    stalled: Vec<Flight>,
    /// How long a frame travels from one realm to another, where not at once.
    latencies_ms: BTreeMap<(RealmIndex, RealmIndex), u64>,
    wire: Wire,
    tap: Option<Box<dyn Tap>>,
    /// What travels, by the moment of arrival and then by the order of departure.
    flights: BTreeMap<(u64, u64), Flight>,
    departures: u64,
    /// Deadlines by realm; one that is not its realm's present one is out of date.
    timers: BinaryHeap<Reverse<(u64, RealmIndex)>>,
    /// Realms that may have outputs.
    stirred: VecDeque<RealmIndex>,
    /// Clients whose input was held back and may go on.
    resumed: VecDeque<ClientId>,
    /// Clients with something new to read, or closed.
    heard: VecDeque<ClientId>,
    steps_at_once: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Makes a world without realms.
    #[must_use]
    pub fn new() -> Self {
        Self {
            now: Now::new(0, EPOCH_UNIX_MS),
            nodes: Vec::new(),
            by_name: BTreeMap::new(),
            clients: Vec::new(),
            pipes: Vec::new(),
            severed: BTreeSet::new(),
            held: BTreeSet::new(),
            stalled: Vec::new(),
            latencies_ms: BTreeMap::new(),
            wire: Wire::Frames,
            tap: None,
            flights: BTreeMap::new(),
            departures: 0,
            timers: BinaryHeap::new(),
            stirred: VecDeque::new(),
            resumed: VecDeque::new(),
            heard: VecDeque::new(),
            steps_at_once: 0,
        }
    }

    /// Adds a realm.
    ///
    /// A durable one has a store on a disk of its own, which commits at once unless it is told
    /// otherwise.
    ///
    /// # Errors
    ///
    /// The configuration contradicts itself.
    pub fn add_realm(&mut self, config: Config, seed: [u8; 32]) -> Result<RealmIndex, ConfigError> {
        let index = self.nodes.len();
        let realm = Realm::new(config.clone(), seed, self.now)?;
        self.by_name.insert(config.realm.clone(), index);
        self.nodes.push(Node::new(config, realm));
        self.stir(index);
        Ok(index)
    }

    /// Says how long whatever one of the two realms sends travels to the other.
    pub fn set_latency_ms(&mut self, a: RealmIndex, b: RealmIndex, latency_ms: u64) {
        self.set_way_ms(a, b, latency_ms);
        self.set_way_ms(b, a, latency_ms);
    }

    /// Says how long whatever one realm sends travels to another, and nothing of the way back.
    pub fn set_way_ms(&mut self, from: RealmIndex, to: RealmIndex, latency_ms: u64) {
        self.latencies_ms.insert((from, to), latency_ms);
    }

    /// Carries one command out without a connection; the answer comes with [`World::replies`].
    ///
    /// # Panics
    ///
    /// The realm is down.
    pub fn execute(&mut self, realm: RealmIndex, line: &[u8]) -> RequestId {
        let now = self.now_at(realm);
        let realm = self.stir(realm).expect("the realm is up");
        realm.execute(line, now)
    }

    /// Tells a realm to go down.
    pub fn shut_down(&mut self, realm: RealmIndex) {
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            realm.shutdown(now);
        }
    }

    /// Lets everything happen that happens now, without time passing.
    pub fn settle(&mut self) {
        loop {
            if let Some(realm) = self.stirred.pop_front() {
                self.nodes[realm].stirred = false;
                self.carry_out(realm);
            } else if let Some(client) = self.resumed.pop_front() {
                self.hand_in_held(client);
            } else if let Some(entry) = self.flights.first_entry()
                && entry.key().0 <= self.now.mono_ms
            {
                let flight = entry.remove();
                self.land(flight);
            } else {
                return;
            }
            self.count_step();
        }
    }

    /// Moves the clock to the next moment at which something happens and lets it happen.
    ///
    /// Returns whether there was one up to `until_ms`; if not, it is `until_ms` now.
    pub fn step(&mut self, until_ms: u64) -> bool {
        self.settle();
        let next_ms = self.next_ms().filter(|next_ms| *next_ms <= until_ms);
        let target_ms = next_ms.unwrap_or(until_ms);
        if target_ms > self.now.mono_ms {
            self.now = self.now.after_ms(target_ms - self.now.mono_ms);
            self.steps_at_once = 0;
        }
        // What comes at the moment of a deadline is taken before that is heeded, or after.
        if target_ms % 2 == 1 {
            self.settle();
        }
        while let Some(Reverse((at_ms, realm))) = self.timers.peek().copied()
            && at_ms <= self.now.mono_ms
        {
            self.timers.pop();
            if self.nodes[realm].deadline_ms == Some(at_ms) {
                self.nodes[realm].deadline_ms = None;
                let now = self.now_at(realm);
                if let Some(realm) = self.stir(realm) {
                    realm.handle_timeout(now);
                }
                self.count_step();
            }
        }
        self.settle();
        next_ms.is_some()
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance_ms(&mut self, ms: u64) {
        let until_ms = self.now.mono_ms.saturating_add(ms);
        while self.step(until_ms) {}
    }

    /// Lets time pass until `reached` holds, at most `ms` milliseconds; returns whether it does.
    pub fn advance_until(&mut self, ms: u64, reached: impl Fn(&Self) -> bool) -> bool {
        let until_ms = self.now.mono_ms.saturating_add(ms);
        self.settle();
        while !reached(self) {
            if !self.step(until_ms) {
                return reached(self);
            }
        }
        true
    }

    /// Takes what a realm has told since the last time.
    pub fn take_events(&mut self, realm: RealmIndex) -> Vec<Event> {
        std::mem::take(&mut self.nodes[realm].events)
    }

    /// Takes the answers to [`World::execute`] that came since the last time.
    pub fn take_replies(&mut self, realm: RealmIndex) -> Vec<(RequestId, Vec<u8>)> {
        std::mem::take(&mut self.nodes[realm].replies)
    }

    /// Sets the clocks of a realm. While it is up its monotonic one only goes forward.
    pub fn set_clock(&mut self, realm: RealmIndex, clock: Clock) {
        self.nodes[realm].clock = clock;
        self.stir(realm);
    }

    /// The clocks of a realm.
    #[must_use]
    pub fn clock(&self, realm: RealmIndex) -> Clock {
        self.nodes[realm].clock
    }

    /// What the clocks of a realm show.
    fn now_at(&self, realm: RealmIndex) -> Now {
        self.nodes[realm].clock.show(self.now)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// The realm of that name.
    #[must_use]
    pub fn realm(&self, name: &str) -> Option<RealmIndex> {
        self.by_name.get(&RealmName::parse(name).ok()?).copied()
    }

    /// How many realms there are.
    #[must_use]
    pub fn realms(&self) -> usize {
        self.nodes.len()
    }

    /// The next moment at which something happens by itself.
    fn next_ms(&mut self) -> Option<u64> {
        let arrival_ms = self.flights.first_key_value().map(|(key, _)| key.0);
        while let Some(Reverse((at_ms, realm))) = self.timers.peek().copied() {
            if self.nodes[realm].deadline_ms == Some(at_ms) {
                return Some(arrival_ms.map_or(at_ms, |arrival_ms| arrival_ms.min(at_ms)));
            }
            self.timers.pop();
        }
        arrival_ms
    }

    /// A realm to be changed, if it is up; its outputs are looked at afterwards.
    fn stir(&mut self, realm: RealmIndex) -> Option<&mut Realm> {
        let node = &mut self.nodes[realm];
        if node.realm.is_some() && !node.stirred {
            node.stirred = true;
            self.stirred.push_back(realm);
        }
        node.realm.as_mut()
    }

    /// Carries out what a realm asks for, until it asks for nothing or is down.
    fn carry_out(&mut self, realm: RealmIndex) {
        loop {
            while let Some(output) = self.nodes[realm].poll_output() {
                if self.is_struck(realm) {
                    return;
                }
                self.obey(realm, output);
                self.count_step();
            }
            if !self.commit(realm) {
                break;
            }
        }
        let node = &mut self.nodes[realm];
        let deadline = node.realm.as_ref().and_then(Realm::poll_timeout);
        let ahead_ms = node.clock.mono_ahead_ms;
        let deadline_ms = deadline.map(|deadline| deadline.at_ms.saturating_sub(ahead_ms));
        if node.deadline_ms != deadline_ms {
            node.deadline_ms = deadline_ms;
            self.timers
                .extend(deadline_ms.map(|at_ms| Reverse((at_ms, realm))));
        }
    }

    fn obey(&mut self, realm: RealmIndex, output: Output) {
        match output {
            Output::Send(connection) => self.deliver(realm, connection),
            Output::PauseRead(connection) => self.pause(realm, connection),
            Output::ResumeRead(connection) => self.resume(realm, connection),
            Output::Close(connection, why) => self.close(realm, connection, why),
            Output::LinkSend(link) => self.depart(realm, link),
            Output::LinkClose(link, _) => self.hang_up(realm, link),
            Output::Dial(peer) => self.dial(realm, &peer),
            Output::Hash(request, job) => {
                let now = self.now_at(realm);
                if let Some(realm) = self.stir(realm) {
                    let taken = realm.verified(request, job.run(), now);
                    taken.expect("the realm has just asked for it");
                }
            }
            Output::Fetch(request, fetch) => self.fetch(realm, request, &fetch),
            Output::FetchQueue(request, fetch) => self.fetch_queue(realm, request, &fetch),
            Output::Reply(request, bytes) => self.nodes[realm].replies.push((request, bytes)),
            Output::Event(event) => self.nodes[realm].events.push(event),
            other => unreachable!("the world cannot carry out {other:?}"),
        }
    }

    fn count_step(&mut self) {
        self.steps_at_once += 1;
        assert!(
            self.steps_at_once < STEPS_AT_ONCE_MAX,
            "the realms never come to rest"
        );
    }
}
