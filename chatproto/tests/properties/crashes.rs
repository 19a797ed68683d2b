//! Two realms with stores, of which now and then one dies: whatever was promised is there, and
//! nothing is there twice.

use crate::common::{LOADINGS, Loading, Log, Pair, SENT, Site, example_with_peer, limits};
use crate::holds;
use chatproto::{Config, ConnectionId, Event, Record, StoreFailure, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is sent to whom, and what is done with what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Send(&'static str),
    SendId(&'static str),
    /// The last `sendid` again, as by a client that has not seen its answer.
    Again,
    Inbox,
    Peek,
    Ack(u64),
    History,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Act(usize, Act),
    /// The store takes the next batch.
    Take(bool),
    /// The store has it.
    Commit(bool),
    /// The store has no room for it.
    Full(bool),
    There,
    Back,
    Link,
    Cut,
    Wait(u64),
    Crash(bool, Loading),
}

const RECIPIENTS: [&str; 6] = [
    "messi",
    "henderson",
    "amsal",
    "amsal@realm2",
    "messi@realm1",
    "siapa@realm2",
];

fn step() -> impl Strategy<Value = Step> {
    let to = || prop::sample::select(RECIPIENTS.to_vec());
    let act = prop_oneof![
        10 => to().prop_map(Act::Send),
        5 => to().prop_map(Act::SendId),
        3 => Just(Act::Again),
        3 => Just(Act::Inbox),
        2 => Just(Act::Peek),
        2 => (0_u64..12).prop_map(Act::Ack),
        1 => Just(Act::History),
    ];
    let loading = prop::sample::select(LOADINGS.to_vec());
    let site = any::<bool>;
    prop_oneof![
        40 => (0_usize..5, act).prop_map(|(client, act)| Step::Act(client, act)),
        14 => site().prop_map(Step::Take),
        14 => site().prop_map(Step::Commit),
        2 => site().prop_map(Step::Full),
        8 => Just(Step::There),
        8 => Just(Step::Back),
        4 => Just(Step::Link),
        1 => Just(Step::Cut),
        3 => (0_u64..3_000).prop_map(Step::Wait),
        4 => (site(), loading).prop_map(|(is_first, loading)| Step::Crash(is_first, loading)),
    ]
}

/// A line that was not answered yet.
#[derive(Clone, Debug)]
struct Asked {
    act: Act,
    text: String,
}

/// Somebody who is logged in. After a crash they come back with the same token.
struct Client {
    is_first: bool,
    user: UserId,
    id: ConnectionId,
    token: String,
    waiting: VecDeque<Asked>,
    /// The key, recipient and text of the last `sendid`.
    last: Option<(String, &'static str, String)>,
}

struct World {
    pair: Pair,
    clients: Vec<Client>,
    sent: usize,
    /// Batches that the stores have begun to take.
    under_way: [Option<u64>; 2],
    /// Texts that an OK was read for.
    promised: BTreeSet<String>,
    /// Texts that were refused.
    refused: BTreeSet<String>,
    /// What was shown by `inbox`, which shows it once.
    consumed: BTreeSet<(bool, u32, String)>,
    /// How long the logs were after each commit.
    boundaries: [Vec<usize>; 2],
}

fn config(own: usize, other: usize) -> Config {
    example_with_peer(own, other).durable(true).limits(limits(&[
        ("inbox_memory_bytes_max", 30),
        ("page_messages_max", 100_000),
        ("uncommitted_bytes_max", 1_500),
    ]))
}

/// The numbers and texts that wait in an inbox, as the log alone tells it.
fn waiting_in(log: &Log, owner: UserId) -> Vec<(u64, String)> {
    let taken = log.records.iter().filter_map(|record| match record {
        Record::InboxTaken { owner: of, upto } if *of == owner => Some(*upto),
        _ => None,
    });
    let taken = taken.max().unwrap_or(0);
    let messages = log.messages(owner);
    let left = messages.range(taken + 1..);
    left.map(|(number, message)| (*number, message.text.to_string()))
        .collect()
}

/// Texts as a reply shows them.
fn shown(reply: &str) -> Vec<String> {
    let texts = reply.split("\"msg\": \"").skip(1);
    texts
        .map(|rest| {
            let end = rest.find('"').unwrap();
            rest[..end].replace("\\r\\n", "\r\n")
        })
        .collect()
}

impl World {
    fn new() -> Self {
        let mut pair = Pair::of(config(1, 2), config(2, 1));
        let mut clients = Vec::new();
        for (is_first, name, number) in [
            (true, "messi", 0),
            (true, "messi", 0),
            (true, "henderson", 1),
            (false, "amsal", 0),
            (false, "amsal", 0),
        ] {
            let site = if is_first {
                &mut pair.one
            } else {
                &mut pair.two
            };
            let password = if is_first { "surabaya" } else { "jakarta" };
            let (id, token) = site.enter(name, password);
            clients.push(Client {
                is_first,
                user: UserId::from_number(number),
                id,
                token,
                waiting: VecDeque::new(),
                last: None,
            });
        }
        pair.link();
        let boundaries = [&pair.one, &pair.two].map(|site| vec![site.log.records.len()]);
        Self {
            pair,
            clients,
            sent: 0,
            under_way: [None, None],
            promised: BTreeSet::new(),
            refused: BTreeSet::new(),
            consumed: BTreeSet::new(),
            boundaries,
        }
    }

    fn site(&mut self, is_first: bool) -> &mut Site {
        if is_first {
            &mut self.pair.one
        } else {
            &mut self.pair.two
        }
    }

    fn act(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Act(client, act) => self.ask(client, act),
            Step::Take(is_first) => {
                let batch = self.site(is_first).take_batch();
                if let Some(batch) = batch {
                    self.under_way[usize::from(is_first)] = Some(batch.number);
                }
            }
            Step::Commit(is_first) => self.commit(is_first),
            Step::Full(is_first) => {
                if let Some(number) = self.under_way[usize::from(is_first)].take() {
                    let site = self.site(is_first);
                    let now = site.now;
                    let full = StoreFailure::Full;
                    site.realm.store_failed(number, full, now).unwrap();
                    site.run();
                }
            }
            Step::There => drop(self.pair.step_there()),
            Step::Back => drop(self.pair.step_back()),
            Step::Link => {
                self.pair.cut();
                self.pair.link();
            }
            Step::Cut => self.pair.cut(),
            Step::Wait(ms) => {
                self.pair.one.wait(ms);
                self.pair.two.wait(ms);
            }
            Step::Crash(is_first, loading) => self.crash(is_first, loading)?,
        }
        self.read()
    }

    fn commit(&mut self, is_first: bool) {
        if let Some(number) = self.under_way[usize::from(is_first)].take() {
            let site = self.site(is_first);
            site.committed(number);
            let length = site.log.records.len();
            self.boundaries[usize::from(!is_first)].push(length);
        }
    }

    fn ask(&mut self, client: usize, act: Act) {
        self.sent += 1;
        let text = format!(" n{:05}\r\n", self.sent);
        let client = &mut self.clients[client];
        let token = &client.token;
        let (line, text) = match act {
            Act::Send(to) => (format!("send {token} {to}{text}"), text),
            Act::SendId(to) => {
                let key = format!("k{}", self.sent);
                client.last = Some((key.clone(), to, text.clone()));
                (format!("sendid {token} {key} {to}{text}"), text)
            }
            Act::Again => {
                let Some((key, to, text)) = &client.last else {
                    return;
                };
                (format!("sendid {token} {key} {to}{text}"), text.clone())
            }
            Act::Inbox => (format!("inbox {token}\r\n"), String::new()),
            Act::Peek => (format!("peek {token}\r\n"), String::new()),
            Act::Ack(id) => (format!("ack {token} {id}\r\n"), String::new()),
            Act::History => (format!("history {token} messi\r\n"), String::new()),
        };
        client.waiting.push_back(Asked { act, text });
        let (is_first, id) = (client.is_first, client.id);
        self.site(is_first).receive(id, line.as_bytes());
    }

    fn crash(&mut self, is_first: bool, loading: Loading) -> Result<(), TestCaseError> {
        self.under_way[usize::from(is_first)] = None;
        if is_first {
            self.pair.restart_one(loading);
        } else {
            self.pair.restart_two(loading);
        }
        for at in 0..self.clients.len() {
            if self.clients[at].is_first == is_first {
                self.clients[at].id = self.site(is_first).open();
                self.clients[at].waiting.clear();
            }
        }
        self.check_inboxes(is_first)
    }

    /// Each inbox is what the log says.
    fn check_inboxes(&mut self, is_first: bool) -> Result<(), TestCaseError> {
        for at in 0..self.clients.len() {
            let client = &self.clients[at];
            if client.is_first != is_first || !client.waiting.is_empty() {
                continue;
            }
            let (user, id) = (client.user, client.id);
            let line = format!("peek {}\r\n", client.token);
            let site = self.site(is_first);
            let expected = waiting_in(&site.log, user);
            let reply = site.say(id, &line);
            let texts: Vec<_> = expected.iter().map(|(_, text)| text.clone()).collect();
            prop_assert_eq!(shown(&reply), texts);
            for (number, _) in expected {
                let id = format!("\"id\": {number}, ");
                prop_assert!(reply.contains(&id), "{}", reply);
            }
        }
        Ok(())
    }

    /// Reads all replies, each in its turn.
    fn read(&mut self) -> Result<(), TestCaseError> {
        for at in 0..self.clients.len() {
            let (is_first, id) = (self.clients[at].is_first, self.clients[at].id);
            let replies = self.site(is_first).read(id);
            for reply in replies.split_inclusive("\r\n\r\n") {
                let asked = self.clients[at].waiting.pop_front();
                self.answered(at, &asked.expect("a reply that nobody asked for"), reply)?;
            }
        }
        Ok(())
    }

    fn answered(&mut self, at: usize, asked: &Asked, reply: &str) -> Result<(), TestCaseError> {
        let (is_first, user) = (self.clients[at].is_first, self.clients[at].user);
        if reply.starts_with("{\"status\": \"ERROR\"") {
            if matches!(asked.act, Act::Send(_)) {
                self.refused.insert(asked.text.clone());
            }
            return Ok(());
        }
        let log = &self.site(is_first).log;
        match asked.act {
            Act::Send(_) | Act::SendId(_) | Act::Again => {
                prop_assert_eq!(reply, SENT);
                let is_kept = log.records.iter().any(|record| match record {
                    Record::Delivered { text, .. } => **text == *asked.text,
                    Record::Queued { envelope, .. } => envelope.text == asked.text,
                    _ => false,
                });
                prop_assert!(is_kept, "an OK for what is not in the store: {:?}", asked);
                self.promised.insert(asked.text.clone());
            }
            Act::Inbox => {
                let waiting = waiting_in(log, user);
                for text in shown(reply) {
                    let is_left = waiting.iter().any(|(_, left)| *left == text);
                    prop_assert!(!is_left, "shown, but not taken out: {}", text);
                    let place = (is_first, user.number(), text.clone());
                    let is_new = self.consumed.insert(place);
                    // The words of bounces are all the same.
                    prop_assert!(is_new || text.contains("siapa"), "twice: {}", text);
                }
            }
            Act::Peek | Act::History => {
                let kept = log.messages(user);
                for text in shown(reply) {
                    let is_kept = kept.values().any(|message| *message.text == *text);
                    prop_assert!(is_kept, "shown before it was kept: {}", text);
                }
            }
            Act::Ack(_) => {}
        }
        Ok(())
    }

    /// Everything comes to an end.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for round in 0..30 {
            self.pair.one.wait(1_000);
            self.pair.two.wait(1_000);
            for is_first in [true, false] {
                for _ in 0..100 {
                    let batch = self.site(is_first).take_batch();
                    let slot = &mut self.under_way[usize::from(is_first)];
                    *slot = batch.map(|batch| batch.number).or(*slot);
                    self.commit(is_first);
                }
            }
            if round == 0 {
                self.pair.cut();
                self.pair.link();
            }
            self.pair.pump();
        }
        self.read()?;
        for client in &self.clients {
            let unanswered = &client.waiting;
            prop_assert!(unanswered.is_empty(), "no reply to {:?}", unanswered);
        }
        self.check_inboxes(true)?;
        self.check_inboxes(false)
    }

    /// What arrived where, in order.
    fn arrived(&self, is_first: bool) -> Vec<(UserId, String)> {
        let site = if is_first {
            &self.pair.one
        } else {
            &self.pair.two
        };
        let delivered = site.log.records.iter().filter_map(|record| match record {
            Record::Delivered { owner, text, .. } => Some((*owner, text.to_string())),
            _ => None,
        });
        delivered.collect()
    }

    fn check_mail(&self) -> Result<(), TestCaseError> {
        let mut seen = BTreeMap::new();
        for (_, text) in [self.arrived(true), self.arrived(false)].concat() {
            *seen.entry(text).or_insert(0_usize) += 1;
        }
        let queued = self
            .pair
            .one
            .log
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Queued { envelope, .. } if envelope.to == "siapa@realm2" => {
                    Some(&envelope.text)
                }
                _ => None,
            });
        let unknown: BTreeSet<_> = queued.collect();
        for (text, count) in &seen {
            let is_bounce = text.contains("siapa");
            prop_assert!(*count == 1 || is_bounce, "{} times {:?}", count, text);
            prop_assert!(
                !self.refused.contains(text),
                "refused, and sent: {:?}",
                text
            );
        }
        for text in &self.promised {
            let is_there = seen.contains_key(text);
            prop_assert!(is_there || unknown.contains(text), "lost: {:?}", text);
        }
        let bounces: usize = seen
            .iter()
            .filter(|(text, _)| text.contains("siapa"))
            .map(|(_, count)| count)
            .sum();
        prop_assert_eq!(
            bounces,
            unknown.len(),
            "each refused message has one bounce"
        );
        for site in [&self.pair.one, &self.pair.two] {
            let fault = site.events().into_iter().find(|event| {
                matches!(
                    event,
                    Event::PeerMisbehaved { .. }
                        | Event::HistoryTruncated { .. }
                        | Event::FetchFailed
                )
            });
            prop_assert_eq!(fault, None);
        }
        Ok(())
    }
}

#[test]
fn what_was_promised_outlives_any_crash_and_nothing_comes_twice() {
    holds(&vec(step(), 0..250), |steps| {
        let mut world = World::new();
        for step in &steps {
            world.act(*step)?;
        }

        world.finish()?;

        world.check_mail()
    });
}

#[test]
fn who_writes_to_one_inbox_is_read_in_order() {
    let act = prop_oneof![
        3 => Just(Act::Send("henderson")),
        1 => Just(Act::SendId("henderson")),
    ];
    let steps = prop_oneof![
        6 => act.prop_map(|act| Step::Act(0, act)),
        3 => step().prop_filter("nobody else writes", |step| !matches!(step, Step::Act(..))),
    ];

    holds(&vec(steps, 0..150), |steps| {
        let mut world = World::new();
        for step in &steps {
            world.act(*step)?;
        }
        world.finish()?;

        let henderson = UserId::from_number(1);
        let of_henderson = world.arrived(true).into_iter();
        let texts = of_henderson.filter(|(owner, _)| *owner == henderson);
        let texts: Vec<_> = texts.map(|(_, text)| text).collect();
        prop_assert!(texts.is_sorted(), "{:?}", texts);
        Ok(())
    });
}

#[test]
fn a_restart_from_any_batch_gives_what_that_much_of_the_log_says() {
    holds(&vec(step(), 0..120), |steps| {
        let mut world = World::new();
        for step in &steps {
            world.act(*step)?;
        }
        world.finish()?;

        for is_first in [true, false] {
            let lengths = world.boundaries[usize::from(!is_first)].clone();
            let whole = world.site(is_first).log.clone();
            for length in lengths {
                for loading in LOADINGS {
                    world.site(is_first).log.records = whole.records[..length].to_vec();
                    world.crash(is_first, loading)?;
                    let site = world.site(is_first);
                    prop_assert_eq!(site.take_batch(), None, "a restart that adds records");
                }
            }
        }
        Ok(())
    });
}
