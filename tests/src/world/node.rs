//! A realm and what the world keeps for it.

use super::client::ClientId;
use super::link::Side;
use crate::disk::{Disk, Flaw, Loading, Log, Survival};
use chatproto::{Config, ConnectionId, Event, LinkId, Now, Output, Realm, RealmName, RequestId};
use std::collections::{BTreeMap, BTreeSet};

/// By how much the clocks of a realm differ from the world's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How far the monotonic one is ahead.
    pub mono_ahead_ms: u64,
    /// How far the one of the outside world is ahead, or behind.
    pub unix_ahead_ms: i64,
}

impl Clock {
    pub(super) fn show(self, now: Now) -> Now {
        Now {
            mono_ms: now.mono_ms + self.mono_ahead_ms,
            unix_ms: now.unix_ms.saturating_add_signed(self.unix_ahead_ms),
        }
    }
}

pub(super) struct Node {
    pub(super) config: Config,
    /// None while it is down.
    pub(super) realm: Option<Realm>,
    pub(super) name: RealmName,
    /// How often it was started.
    pub(super) start: u64,
    pub(super) clock: Clock,
    pub(super) storage: Storage,
    /// What is wrong with the store.
    pub(super) flaw: Flaw,
    /// How long a commit takes, and a fetch.
    pub(super) commit_ms: u64,
    pub(super) fetch_ms: u64,
    pub(super) deadline_ms: Option<u64>,
    pub(super) stirred: bool,
    /// Whose the open connections are.
    pub(super) clients: BTreeMap<ConnectionId, ClientId>,
    /// Which end of a pipe the open links are.
    pub(super) pipes: BTreeMap<LinkId, Side>,
    /// Ends of pipes on which the other realm has not shown yet who it is.
    pub(super) greeting: BTreeSet<Side>,
    pub(super) events: Vec<Event>,
    pub(super) replies: Vec<(RequestId, Vec<u8>)>,
    /// Steps at which it could have crashed, each as how many sectors were on their way.
    pub(super) steps: Vec<usize>,
    /// The step at which it will crash.
    pub(super) strike: Option<(u64, Survival)>,
    /// How often it has crashed.
    pub(super) crashes: usize,
}

/// Where a realm's records are.
pub(super) enum Storage {
    None,
    Open(Box<Log>),
    /// The realm is down.
    Shut(Box<Disk>),
}

impl Node {
    pub(super) fn new(config: Config, realm: Realm) -> Self {
        let storage = if config.durable {
            let (log, _) = Log::open(Disk::default(), Flaw::None, Loading::Folded, 1);
            Storage::Open(Box::new(log))
        } else {
            Storage::None
        };
        Self {
            name: config.realm.clone(),
            config,
            realm: Some(realm),
            start: 1,
            clock: Clock::default(),
            storage,
            flaw: Flaw::None,
            commit_ms: 0,
            fetch_ms: 0,
            deadline_ms: None,
            stirred: false,
            clients: BTreeMap::new(),
            pipes: BTreeMap::new(),
            greeting: BTreeSet::new(),
            events: Vec::new(),
            replies: Vec::new(),
            steps: Vec::new(),
            strike: None,
            crashes: 0,
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.realm.as_mut()?.poll_output()
    }

    /// Whether this start of the realm is still up.
    pub(super) fn is_start(&self, start: u64) -> bool {
        self.realm.is_some() && self.start == start
    }

    pub(super) fn log(&mut self) -> Option<&mut Log> {
        match &mut self.storage {
            Storage::Open(log) => Some(log),
            Storage::None | Storage::Shut(_) => None,
        }
    }
}
