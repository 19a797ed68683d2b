//! The stream between two realms with stores, whatever dies, breaks, expires or is put back to an
//! older copy: each message arrives once and in order, or its sender is told, and the outbox says which.

use crate::common::{LOADINGS, Loading, Log, Pair, SENT, Site, example_with_peer, limits, name};
use crate::holds;
use chatproto::link::frame::{Frame, View};
use chatproto::{Config, Direction, Event, Record, StoreFailure};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// To somebody there, or to nobody, and how many letters.
    Send(bool, usize),
    Take(bool),
    Commit(bool),
    /// The store has no room for the batch, and is offered it again later.
    Full(bool),
    There,
    Back,
    Link,
    Cut,
    Wait(u64),
    Pause(bool),
    Crash(bool, Loading),
    /// The first realm is put back to what it was, so many commits ago.
    Older(usize, Loading),
}

fn step() -> impl Strategy<Value = Step> {
    let loading = || prop::sample::select(LOADINGS.to_vec());
    let site = any::<bool>;
    let letters = prop_oneof![2 => Just(8_usize), 1 => Just(20_000)];
    prop_oneof![
        20 => (prop::bool::weighted(0.8), letters).prop_map(|(is_known, n)| Step::Send(is_known, n)),
        20 => site().prop_map(Step::Take),
        20 => site().prop_map(Step::Commit),
        2 => site().prop_map(Step::Full),
        20 => Just(Step::There),
        16 => Just(Step::Back),
        6 => Just(Step::Link),
        2 => Just(Step::Cut),
        4 => (0_u64..2_000).prop_map(Step::Wait),
        2 => site().prop_map(Step::Pause),
        3 => (site(), loading()).prop_map(|(is_first, loading)| Step::Crash(is_first, loading)),
        1 => (0_usize..8, loading()).prop_map(|(commits, loading)| Step::Older(commits, loading)),
    ]
}

/// When the realms started, each for the first time.
const STARTED_UNIX_MS: u64 = 1_790_000_000_000;

/// How long mail waits, and word of a refusal is awaited.
const QUEUE_MS_MAX: u64 = 5_000;

fn config(own: usize, other: usize) -> Config {
    example_with_peer(own, other).durable(true).limits(limits(&[
        ("queue_memory_bytes_max", 65_536),
        ("queue_ms_max", QUEUE_MS_MAX),
        ("credit_envelopes_max", 6),
        ("outbox_messages_max", 100_000),
    ]))
}

struct World {
    pair: Pair,
    token: String,
    /// How the texts begin that were promised, in order.
    promised: Vec<String>,
    sent: usize,
    under_way: [Option<u64>; 2],
    /// The first realm's log after each commit.
    lengths: Vec<usize>,
    /// What was given up in any life.
    given_up: BTreeSet<String>,
    is_older: bool,
}

impl World {
    fn new() -> Self {
        let mut pair = Pair::of(config(1, 2), config(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        pair.two.commit();
        let lengths = vec![pair.one.log.records.len()];
        Self {
            pair,
            token,
            promised: Vec::new(),
            sent: 0,
            under_way: [None, None],
            lengths,
            given_up: BTreeSet::new(),
            is_older: false,
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
            Step::Send(is_known, letters) => self.send(is_known, letters),
            Step::Take(is_first) => {
                if let Some(batch) = self.site(is_first).take_batch() {
                    self.under_way[usize::from(is_first)] = Some(batch.number);
                }
            }
            Step::Commit(is_first) => self.commit(is_first),
            Step::Full(is_first) => {
                if let Some(number) = self.under_way[usize::from(is_first)].take() {
                    let site = self.site(is_first);
                    let full = StoreFailure::Full;
                    site.realm.store_failed(number, full, site.now).unwrap();
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
            Step::Pause(is_paused) => self.pause(is_paused),
            Step::Crash(is_first, loading) => {
                self.pair.cut();
                self.under_way[usize::from(is_first)] = None;
                self.check_loadings(is_first)?;
                // A start takes time: what is sent after it has greater ids.
                self.site(is_first).now.unix_ms += 1;
                self.site(is_first).restart(loading);
            }
            Step::Older(commits, loading) => {
                self.pair.cut();
                self.under_way[1] = None;
                let at = self.lengths.len().saturating_sub(1 + commits);
                self.lengths.truncate(at + 1);
                let log = &mut self.pair.one.log;
                log.records.truncate(self.lengths[at]);
                // What was promised since is lost with the disk.
                let kept = |text: &String| queued(log).any(|known| known == *text);
                self.promised.retain(kept);
                self.is_older = true;
                self.pair.one.now.unix_ms += 1;
                self.pair.one.restart(loading);
            }
        }
        Ok(())
    }

    fn send(&mut self, is_known: bool, letters: usize) {
        self.sent += 1;
        let to = if is_known { "amsal" } else { "siapa" };
        let text = format!("{:04}{}", self.sent, "x".repeat(letters));
        let line = format!("send {} {to}@realm2 {text}\r\n", self.token);
        let id = self.pair.one.open();
        // Whether it was promised is seen in the store.
        self.pair.one.receive(id, line.as_bytes());
    }

    fn commit(&mut self, is_first: bool) {
        let Some(number) = self.under_way[usize::from(is_first)].take() else {
            return;
        };
        let site = self.site(is_first);
        let before = site.log.records.len();
        site.committed(number);
        if !is_first {
            return;
        }
        self.lengths.push(self.pair.one.log.records.len());
        let replies: Vec<_> = std::mem::take(&mut self.pair.one.unread)
            .into_values()
            .collect();
        let oks = replies.iter().filter(|reply| **reply == SENT.as_bytes());
        let fresh = &self.pair.one.log.records[before..];
        let fresh: Vec<_> = queued_of(fresh).collect();
        assert_eq!(
            oks.count(),
            fresh.len(),
            "an OK for each that is in the store"
        );
        self.promised.extend(fresh);
        for record in &self.pair.one.log.records[before..] {
            if let Record::Posted { post, .. } = record
                && matches!(post.state, chatproto::PostState::Failed(Some(_)))
            {
                self.given_up.insert(post.excerpt[..4].to_owned());
            }
        }
    }

    fn pause(&mut self, is_paused: bool) {
        let one = &mut self.pair.one;
        let realm2 = name("realm2");
        one.realm.pause_peer(&realm2, is_paused, one.now).unwrap();
        one.run();
    }

    /// However the store gives its records, the same realm comes of them.
    fn check_loadings(&mut self, is_first: bool) -> Result<(), TestCaseError> {
        let token = self.token.clone();
        let site = self.site(is_first);
        let log = site.log.clone();
        let mut views = LOADINGS.map(|loading| {
            site.restart(loading);
            let view = view(site, is_first, &token);
            site.log = log.clone();
            view
        });
        let last = views[2].clone();
        for view in &mut views {
            prop_assert_eq!(&*view, &last);
        }
        Ok(())
    }

    /// Nothing breaks any more, until nothing is left to do.
    fn finish(&mut self) {
        self.pause(false);
        for round in 0..40 {
            // A full store is tried again.
            if round < 4 {
                self.pair.one.wait(500);
                self.pair.two.wait(500);
            }
            for is_first in [true, false] {
                for _ in 0..20 {
                    let _ = self.act(Step::Take(is_first));
                    self.commit(is_first);
                }
            }
            // A peer that was contradicted is heard again after a minute.
            if round % 20 == 0 {
                self.pair.cut();
                let wait_ms = if self.is_older { 60_000 } else { 0 };
                self.pair.one.wait(wait_ms);
                self.pair.two.wait(wait_ms);
                self.pair.link();
            }
            self.pair.pump();
        }
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let arrived: Vec<_> = delivered(&self.pair.two.log).collect();
        let once: BTreeSet<_> = arrived.iter().collect();
        prop_assert_eq!(once.len(), arrived.len(), "{:?}", &arrived);
        // What was given up in a life that is forgotten may come after what followed it.
        let was_given_up = |text: &String| self.is_older && self.given_up.contains(text);
        let in_order = arrived.iter().filter(|text| !was_given_up(text));
        prop_assert!(in_order.is_sorted(), "{:?}", arrived);
        let shown = outbox(&mut self.pair.one, &self.token);
        prop_assert_eq!(shown.len(), self.promised.len());
        let has_waited = self.pair.one.now.unix_ms >= STARTED_UNIX_MS + QUEUE_MS_MAX;
        let mut failed = 0;
        for ((text, state), promised) in shown.iter().zip(&self.promised) {
            prop_assert_eq!(text, promised);
            let is_there = arrived.contains(text);
            match state.as_str() {
                "delivered" => prop_assert!(is_there || was_given_up(text), "{} is lost", text),
                "failed expired" | "failed recipient_unknown" => {
                    failed += 1;
                    prop_assert!(!is_there || self.is_older, "{} is both", text);
                }
                // The peer has begun anew, and explains nothing of what was before; or it took too long.
                "failed refused" if self.is_older || has_waited => {
                    failed += 1;
                    prop_assert!(!is_there || self.is_older, "{} is both", text);
                }
                other => prop_assert!(false, "{} is {}", text, other),
            }
        }
        let bounces = self.pair.one.log.records.iter().filter(
            |it| matches!(it, Record::Delivered { text, .. } if text.starts_with(" Pesan untuk")),
        );
        prop_assert_eq!(bounces.count(), failed);
        for site in [&self.pair.one, &self.pair.two] {
            let status = site.realm.peers().next().unwrap();
            prop_assert_eq!((status.queue_messages, status.queue_bytes), (0, 0));
            let fault = site.events().into_iter().find(|it| match it {
                Event::PeerMisbehaved { .. } | Event::FetchFailed => true,
                Event::HistoryTruncated { .. }
                | Event::OlderCopy { .. }
                | Event::PeerRenewed { .. } => !self.is_older,
                _ => false,
            });
            prop_assert_eq!(fault, None);
        }
        Ok(())
    }
}

/// How the texts begin of all messages that ever were queued.
fn queued(log: &Log) -> impl Iterator<Item = String> {
    queued_of(&log.records)
}

fn queued_of(records: &[Record]) -> impl Iterator<Item = String> {
    records.iter().filter_map(|record| match record {
        Record::Queued { envelope, .. } if envelope.to.ends_with("@realm2") => {
            Some(envelope.text.trim()[..4].to_owned())
        }
        _ => None,
    })
}

fn delivered(log: &Log) -> impl Iterator<Item = String> {
    log.records.iter().filter_map(|record| match record {
        Record::Delivered { text, .. } => Some(text.trim()[..4].to_owned()),
        _ => None,
    })
}

/// How each message in the outbox begins, and what became of it.
fn outbox(site: &mut Site, token: &str) -> Vec<(String, String)> {
    let id = site.open();
    let reply = site.ask(id, &format!("outbox {token}\r\n"));
    let reply: serde_json::Value = serde_json::from_str(reply.trim()).unwrap();
    let messages = reply["messages"].as_array().unwrap().iter();
    let shown = messages.map(|it| {
        let word = |key: &str| it[key].as_str().unwrap_or_default();
        let state = format!("{} {}", word("state"), word("reason"));
        (word("msg")[..4].to_owned(), state.trim_end().to_owned())
    });
    shown.collect()
}

/// What there is to see of a realm: what it shows its user, its peer and its operator.
fn view(site: &mut Site, is_first: bool, token: &str) -> String {
    let posts = if is_first {
        outbox(site, token)
    } else {
        Vec::new()
    };
    let status: Vec<_> = site.realm.peers().collect();
    let peer = status[0].name.to_string();
    let link = site.greeted_by(&peer, Direction::Accepted);
    site.commit();
    let mut resumes: Vec<_> = site.take(link).into_iter().collect();
    resumes.retain(|frame| matches!(frame, Frame::Resume(_)));
    // What it has of the peer's: each stream that it knows is announced again.
    let cursors = site.log.records.iter().rev().filter_map(|it| match it {
        Record::Cursor { kind, stream, .. } => Some((*kind, *stream)),
        _ => None,
    });
    let mut cursors: Vec<_> = cursors.collect();
    cursors.dedup_by_key(|it| it.0);
    for (kind, stream) in cursors.into_iter().take(2) {
        let view = View::Sender {
            oldest: 1,
            last: 1 << 20,
        };
        let resume = chatproto::link::frame::Resume { stream, kind, view };
        site.deliver(link, &[Frame::Resume(resume)]);
    }
    resumes.extend(site.take(link));
    format!("{posts:?} {status:?} {resumes:?}")
}

fn play(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in steps {
        world.act(*step)?;
    }
    world.finish();
    world.check()
}

#[test]
fn each_message_arrives_or_its_sender_is_told_and_the_outbox_says_which() {
    let step = step().prop_filter("no older copies", |it| !matches!(it, Step::Older(..)));

    holds(&vec(step, 0..200), |steps| play(&steps));
}

#[test]
fn from_an_older_copy_on_nothing_is_lost_or_doubled() {
    holds(&vec(step(), 0..200), |steps| play(&steps));
}
