//! What all these tests share: a realm with a driver that does the least, and two of them linked, in
//! virtual time.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test program uses a part of it, and a broken assumption has to end the test"
)]

mod log;
mod pair;

pub(crate) use log::{LOADINGS, Loading, Log};
pub(crate) use pair::Pair;

use chatproto::link::frame::{Resume, StreamKind, View};
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope};
use chatproto::{
    Argon2Cost, Batch, ClassicAnswer, ClassicCall, Config, Connection, ConnectionId, Direction,
    Event, Frame, Limits, LinkCloseReason, LinkId, Now, Output, PasswordAnswer, PasswordHash,
    PasswordJob, Passwords, PeerConfig, Realm, RealmName, Record, RequestId, RestoreError, Secret,
    UserConfig,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

pub(crate) const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
pub(crate) const UNKNOWN_USER: &str =
    "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";
pub(crate) const NO_SESSION: &str =
    "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n";
pub(crate) const UNKNOWN_COMMAND: &str =
    "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n";
pub(crate) const EMPTY_INBOX: &str = "{\"status\": \"OK\", \"messages\": {}}\r\n\r\n";
pub(crate) const EMPTY_PAGE: &str = "{\"status\": \"OK\", \"messages\": [], \"left\": 0}\r\n\r\n";
pub(crate) const INBOX_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Kotak masuk penerima penuh, coba lagi nanti\", \"code\": \"inbox_full\"}\r\n\r\n";

pub(crate) fn name(text: &str) -> RealmName {
    RealmName::parse(text).unwrap()
}

/// The example realm of that number, 1 to 3, with the others for peers.
pub(crate) fn example(number: usize) -> Config {
    let users = [
        [
            ("messi", "Lionel Messi", "surabaya"),
            ("henderson", "Jordan Henderson", "surabaya"),
            ("lineker", "Gary Lineker", "surabaya"),
        ],
        [
            ("amsal", "Amsal Rizky", "jakarta"),
            ("herbert", "Herbert Sterling", "singapura"),
            ("napitupulu", "Napitupulu", "jakarta"),
        ],
        [
            ("amsal", "Amsal Lain", "jakarta"),
            ("messi", "Messi Lain", "surabaya"),
            ("rina", "Rina", "bandung"),
        ],
    ];
    let realm = name(&format!("realm{number}"));
    let mut config = Config::new(realm)
        .passwords(Passwords::Plain)
        .limits(limits(&[]));
    for (user, display, password) in users[number - 1] {
        config = config.user(UserConfig::new(user, display, "", password).unwrap());
    }
    config
}

/// What a hash costs where only its being one counts.
pub(crate) fn cheap() -> Argon2Cost {
    Argon2Cost::new(8, 1, 1).unwrap()
}

pub(crate) fn hash(password: &str) -> PasswordHash {
    PasswordHash::of(&Secret::new(password), cheap(), [9; 16]).unwrap()
}

/// realm1, with passwords that were hashed before.
pub(crate) fn hashed_example() -> Config {
    let mut config = Config::new(name("realm1")).passwords(Passwords::Argon2id(cheap()));
    for (user, display) in [
        ("messi", "Lionel Messi"),
        ("henderson", "Jordan Henderson"),
        ("lineker", "Gary Lineker"),
    ] {
        let user = UserConfig::hashed(user, display, "", hash("surabaya")).unwrap();
        config = config.user(user);
    }
    config
}

/// The same, with one peer that it knows how to dial.
pub(crate) fn example_with_peer(number: usize, peer: usize) -> Config {
    example(number).peer(PeerConfig::new(name(&format!("realm{peer}"))))
}

/// The defaults but for these, and for acks: those wait for nothing, so that a conversation is over
/// when nothing more is said.
pub(crate) fn limits(values: &[(&str, u64)]) -> Limits {
    let mut limits = Limits::default();
    limits.set("ack_ms_max", 0).unwrap();
    for (name, value) in values {
        limits.set(name, *value).unwrap();
    }
    limits
}

/// A realm and its driver: sockets that take everything at once, a store that forgets nothing, and a
/// clock that stands still until it is told to go on.
pub(crate) struct Site {
    pub(crate) realm: Realm,
    config: Config,
    seed: [u8; 32],
    /// What is in the store.
    pub(crate) log: Log,
    under_way: Option<Batch>,
    /// Whether fetches stay among the outputs, for the test to answer.
    pub(crate) holds_fetches: bool,
    /// The same for fetches of a queue.
    pub(crate) holds_queues: bool,
    pub(crate) now: Now,
    /// What each connection was sent and has not looked at.
    pub(crate) unread: BTreeMap<ConnectionId, Vec<u8>>,
    /// Each write to a connection by itself.
    pub(crate) writes: Vec<(ConnectionId, String)>,
    /// Connections that take nothing.
    pub(crate) deaf: BTreeSet<ConnectionId>,
    /// Frames on their way out.
    pub(crate) frames: BTreeMap<LinkId, VecDeque<Frame>>,
    /// Every frame there ever was, in order.
    pub(crate) all_frames: Vec<(LinkId, Frame)>,
    /// Everything else that came out.
    pub(crate) outputs: Vec<Output>,
}

impl Site {
    pub(crate) fn new(config: Config) -> Self {
        Self::seeded(config, 7)
    }

    pub(crate) fn seeded(config: Config, seed: u8) -> Self {
        let now = Now::new(1_000, 1_790_000_000_000);
        let mut site = Self {
            realm: Realm::new(config.clone(), [seed; 32], now).unwrap(),
            config,
            seed: [seed; 32],
            log: Log::default(),
            under_way: None,
            holds_fetches: false,
            holds_queues: false,
            now,
            unread: BTreeMap::new(),
            writes: Vec::new(),
            deaf: BTreeSet::new(),
            frames: BTreeMap::new(),
            all_frames: Vec::new(),
            outputs: Vec::new(),
        };
        site.run();
        site
    }

    /// Carries out all outputs.
    pub(crate) fn run(&mut self) {
        while let Some(output) = self.realm.poll_output() {
            match output {
                Output::Send(id) if !self.deaf.contains(&id) => self.write_to(id),
                Output::Send(_) => {}
                Output::LinkSend(link) => self.take_frames(link),
                Output::Fetch(request, fetch) if !self.holds_fetches => {
                    let fetched = self.log.read(&fetch);
                    self.realm
                        .fetched(request, Some(fetched), self.now)
                        .unwrap();
                }
                Output::FetchQueue(request, fetch) if !self.holds_queues => {
                    let rows = self.log.read_queue(&fetch);
                    self.realm
                        .queue_fetched(request, Some(rows), self.now)
                        .unwrap();
                }
                other => self.outputs.push(other),
            }
        }
    }

    fn write_to(&mut self, id: ConnectionId) {
        let bytes = self.realm.outgoing(id).to_vec();
        let text = String::from_utf8(bytes.clone()).unwrap();
        self.writes.push((id, text));
        self.unread.entry(id).or_default().extend(&bytes);
        self.realm.sent(id, bytes.len(), self.now).unwrap();
    }

    fn take_frames(&mut self, link: LinkId) {
        let frames = self.realm.link_outgoing(link).to_vec();
        self.realm.link_sent(link, frames.len(), self.now).unwrap();
        let copies = frames.iter().map(|frame| (link, frame.clone()));
        self.all_frames.extend(copies);
        self.frames.entry(link).or_default().extend(frames);
    }

    // Clients.

    pub(crate) fn open(&mut self) -> ConnectionId {
        self.open_from("127.0.0.1")
    }

    pub(crate) fn open_from(&mut self, address: &str) -> ConnectionId {
        let id = self.realm.open(Connection::new(address), self.now);
        self.run();
        id
    }

    /// Lets a connection take what waits for it again.
    pub(crate) fn listen(&mut self, id: ConnectionId) {
        self.deaf.remove(&id);
        self.write_to(id);
        self.run();
    }

    pub(crate) fn receive(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.realm.receive(id, bytes, self.now);
        self.run();
    }

    /// What a connection was sent since it last looked.
    pub(crate) fn read(&mut self, id: ConnectionId) -> String {
        String::from_utf8(self.unread.remove(&id).unwrap_or_default()).unwrap()
    }

    /// Sends, and returns what came back.
    pub(crate) fn say(&mut self, id: ConnectionId, text: &str) -> String {
        self.receive(id, text.as_bytes());
        self.read(id)
    }

    /// Opens a connection and logs in on it.
    pub(crate) fn log_in(&mut self, user: &str, password: &str) -> (ConnectionId, String) {
        let id = self.open();
        let token = self.auth(id, user, password);
        (id, token)
    }

    pub(crate) fn auth(&mut self, id: ConnectionId, user: &str, password: &str) -> String {
        let reply = self.say(id, &format!("auth {user} {password} \r\n"));
        token_of(&reply)
    }

    pub(crate) fn inbox(&mut self, id: ConnectionId, token: &str) -> String {
        self.say(id, &format!("inbox {token} \r\n"))
    }

    pub(crate) fn hang_up(&mut self, id: ConnectionId) {
        self.realm.closed(id, self.now);
        self.run();
    }

    // Classic neighbours.

    /// A connection from the listener of a classic neighbour.
    pub(crate) fn neighbour(&mut self, neighbour: &str) -> ConnectionId {
        let connection = Connection::classic("10.0.0.9", name(neighbour));
        let id = self.realm.open(connection, self.now);
        self.run();
        id
    }

    /// The calls that were not looked at before: whom, and the line.
    pub(crate) fn calls(&mut self) -> Vec<(RequestId, String)> {
        let mut found = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Call(request, call) => {
                let line = String::from_utf8(call.bytes.clone()).unwrap();
                found.push((*request, format!("{}: {line}", call.peer)));
                false
            }
            _ => true,
        });
        found
    }

    pub(crate) fn called(&mut self, request: RequestId, answer: ClassicAnswer) {
        self.realm.called(request, answer, self.now).unwrap();
        self.run();
    }

    /// The neighbour answers a call.
    pub(crate) fn answer(&mut self, request: RequestId, reply: &str) {
        self.called(request, ClassicAnswer::Answered(reply.into()));
    }

    // Time.

    /// Lets time pass, timer by timer.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end_ms = self.now.mono_ms + ms;
        while let Some(due) = self.realm.poll_timeout().filter(|due| due.at_ms <= end_ms) {
            let pause = due.at_ms.saturating_sub(self.now.mono_ms);
            self.now = self.now.after_ms(pause);
            self.realm.handle_timeout(self.now);
            self.run();
        }
        self.now = self.now.after_ms(end_ms - self.now.mono_ms);
        self.realm.handle_timeout(self.now);
        self.run();
    }

    // Links.

    /// A link with that realm is up, and that realm has said hello.
    pub(crate) fn greeted_by(&mut self, peer: &str, direction: Direction) -> LinkId {
        let link = self.link_up(peer, direction);
        let hello = hello(peer, self.realm.name().as_str());
        self.deliver(link, &[hello]);
        link
    }

    pub(crate) fn link_up(&mut self, peer: &str, direction: Direction) -> LinkId {
        let link = self
            .realm
            .link_up(&name(peer), direction, self.now)
            .unwrap();
        self.run();
        link
    }

    pub(crate) fn deliver(&mut self, link: LinkId, frames: &[Frame]) {
        self.realm.link_frames(link, frames, self.now);
        self.run();
    }

    pub(crate) fn link_down(&mut self, link: LinkId) {
        self.frames.remove(&link);
        self.realm.link_down(link, self.now);
        self.run();
    }

    /// The frames that a link was given since it last looked.
    pub(crate) fn take(&mut self, link: LinkId) -> Vec<Frame> {
        self.frames.remove(&link).unwrap_or_default().into()
    }

    // Outputs.

    pub(crate) fn has_closed(&self, link: LinkId, why: LinkCloseReason) -> bool {
        self.outputs.contains(&Output::LinkClose(link, why))
    }

    pub(crate) fn events(&self) -> Vec<&Event> {
        let events = self.outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// The passwords that are to be hashed or checked, and were not asked for before.
    pub(crate) fn hashes(&mut self) -> Vec<(RequestId, PasswordJob)> {
        let mut found = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Hash(request, job) => {
                found.push((*request, job.clone()));
                false
            }
            _ => true,
        });
        found
    }

    pub(crate) fn verify(&mut self, request: RequestId, answer: PasswordAnswer) {
        self.realm.verified(request, answer, self.now).unwrap();
        self.run();
    }

    /// Hashes and checks until there is nothing to do. Returns how many there were.
    pub(crate) fn work(&mut self) -> usize {
        let mut count = 0;
        loop {
            let jobs = self.hashes();
            if jobs.is_empty() {
                return count;
            }
            count += jobs.len();
            for (request, job) in jobs {
                self.verify(request, job.run());
            }
        }
    }

    // The store.

    /// The fetches that were held, and not asked for before.
    pub(crate) fn fetches(&mut self) -> Vec<(RequestId, Fetch)> {
        let mut found = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Fetch(request, fetch) => {
                found.push((*request, fetch.clone()));
                false
            }
            _ => true,
        });
        found
    }

    pub(crate) fn fetched(&mut self, request: RequestId, fetched: Option<Fetched>) {
        self.realm.fetched(request, fetched, self.now).unwrap();
        self.run();
    }

    /// Answers a fetch as it should be.
    pub(crate) fn serve(&mut self, (request, fetch): &(RequestId, Fetch)) {
        let fetched = self.log.read(fetch);
        self.fetched(*request, Some(fetched));
    }

    /// The fetches of a queue that were held, and not asked for before.
    pub(crate) fn queue_fetches(&mut self) -> Vec<(RequestId, QueueFetch)> {
        let mut found = Vec::new();
        self.outputs.retain(|output| match output {
            Output::FetchQueue(request, fetch) => {
                found.push((*request, fetch.clone()));
                false
            }
            _ => true,
        });
        found
    }

    pub(crate) fn queue_fetched(
        &mut self,
        request: RequestId,
        fetched: Option<Vec<QueuedEnvelope>>,
    ) {
        self.realm
            .queue_fetched(request, fetched, self.now)
            .unwrap();
        self.run();
    }

    /// The next batch to commit.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        let batch = self.realm.take_batch()?;
        self.under_way = Some(batch.clone());
        Some(batch)
    }

    /// The batch under way is in the store.
    pub(crate) fn committed(&mut self, number: u64) {
        let batch = self.under_way.take_if(|batch| batch.number == number);
        self.log.append(&batch.expect("another batch"));
        self.realm.committed(number, self.now).unwrap();
        self.run();
    }

    /// Commits until there is nothing to commit.
    pub(crate) fn commit(&mut self) {
        while let Some(batch) = self.take_batch() {
            self.committed(batch.number);
        }
    }

    /// Sends, commits, and returns what came back.
    pub(crate) fn ask(&mut self, id: ConnectionId, text: &str) -> String {
        self.receive(id, text.as_bytes());
        self.commit();
        self.read(id)
    }

    /// Opens a connection and logs in on it, with a store.
    pub(crate) fn enter(&mut self, user: &str, password: &str) -> (ConnectionId, String) {
        let id = self.open();
        let reply = self.ask(id, &format!("auth {user} {password} \r\n"));
        (id, token_of(&reply))
    }

    /// The process dies, and another one is started: what was not committed is lost.
    pub(crate) fn restart(&mut self, loading: Loading) {
        self.restart_as(self.config.clone(), loading);
    }

    /// The same, with another configuration.
    pub(crate) fn restart_as(&mut self, config: Config, loading: Loading) {
        self.try_restart_as(config, loading).unwrap();
    }

    pub(crate) fn try_restart_as(
        &mut self,
        config: Config,
        loading: Loading,
    ) -> Result<(), RestoreError> {
        // Each start has a seed of its own.
        let counted = self.seed[..8].try_into().unwrap();
        let counted = u64::from_le_bytes(counted).wrapping_add(1);
        self.seed[..8].copy_from_slice(&counted.to_le_bytes());
        // The clock that never goes back begins anew.
        self.now = Now::new(3, self.now.unix_ms);
        let records = self.log.loaded(loading);
        let realm = restored(config.clone(), self.seed, self.now, records)?;
        self.begin(config, realm);
        Ok(())
    }

    /// The same, where the messages for peers that the configuration lacks bounce.
    pub(crate) fn restart_bouncing(&mut self, config: Config, loading: Loading) {
        self.seed[8] = self.seed[8].wrapping_add(1);
        self.now = Now::new(3, self.now.unix_ms);
        let mut restore = Realm::restore(config.clone(), self.seed, self.now).unwrap();
        for record in self.log.loaded(loading) {
            restore.record(record);
        }
        let realm = restore.bounce_removed().finish().unwrap();
        self.begin(config, realm);
    }

    fn begin(&mut self, config: Config, realm: Realm) {
        self.realm = realm;
        self.config = config;
        self.under_way = None;
        self.unread.clear();
        self.writes.clear();
        self.deaf.clear();
        self.frames.clear();
        self.all_frames.clear();
        self.outputs.clear();
        self.run();
    }
}

/// A realm made of records.
pub(crate) fn restored(
    config: Config,
    seed: [u8; 32],
    now: Now,
    records: Vec<Record>,
) -> Result<Realm, RestoreError> {
    let mut restore = Realm::restore(config, seed, now).unwrap();
    for record in records {
        restore.record(record);
    }
    restore.finish()
}

pub(crate) fn token_of(reply: &str) -> String {
    let (_, rest) = reply.split_once("\"tokenid\": \"").expect(reply);
    rest[..36].to_owned()
}

/// The texts that an `inbox` shows, in its order and without their line ends.
pub(crate) fn texts_of(inbox: &str) -> Vec<String> {
    let texts = inbox.split("\"msg\": \"").skip(1);
    let texts = texts.map(|rest| rest.split("\\r\\n\"").next().unwrap().to_owned());
    texts.collect()
}

pub(crate) fn hello(from: &str, to: &str) -> Frame {
    Frame::Hello(chatproto::link::frame::Hello {
        realm: from.to_owned(),
        peer: to.to_owned(),
        versions: [1, 1],
        capabilities: Vec::new(),
        line_bytes_max: 65_536,
        software: String::new(),
    })
}

/// The id of the stream of mail that a realm announced on a link.
pub(crate) fn mail_stream(frames: &[Frame]) -> Uuid {
    let mut announced = frames.iter().filter_map(|frame| match frame {
        Frame::Resume(resume) if resume.kind == StreamKind::Mail => Some(resume.stream),
        _ => None,
    });
    announced.next().expect("no stream was announced")
}

/// A peer that has nothing of a new stream of mail yet, and lets a hundred envelopes of any size come.
pub(crate) fn resumed(stream: Uuid) -> [Frame; 2] {
    let resume = Resume {
        stream,
        kind: StreamKind::Mail,
        view: View::Receiver {
            durable: 0,
            next: 1,
            durable_id: None,
            last_id: None,
        },
    };
    let credit = Frame::Credit {
        stream,
        upto: 100,
        bytes: 1 << 40,
    };
    [Frame::Resume(resume), credit]
}
