//! The people, the realms they live in, and all that is known about them.

use super::super::dice::Dice;
use super::super::ledger::Person;
use super::super::town::{PASSWORD, REALMS, shown_name};
use super::climate::Climate;
use super::ledger::{Fate, Ledger};
use super::taps::Taps;
use super::trace::Trace;
use super::{LinkReport, LinkStorm, Sabotage};
use crate::disk::{Disk, Flaw};
use crate::simulation::Failure;
use crate::world::{ClientId, RealmIndex, World};
use chatproto::{Config, Passwords, PeerConfig, RealmName, UserConfig};
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The number of the first user of each realm: from there on no two have the same name.
pub(super) const FIRST: usize = 20;

/// After so many acts a run ends in any case.
const ACTS_MAX: usize = 30_000;

/// After so many acts without a message that was accepted, time passes faster.
const LULL_ACTS: usize = 60;
const LULL_MS: u64 = 400;

pub(super) struct Folk {
    pub(super) storm: LinkStorm,
    pub(super) climate: Climate,
    pub(super) dice: Dice,
    pub(super) world: World,
    pub(super) people: Vec<Resident>,
    /// Whose each client of the world is.
    pub(super) owners: Vec<Option<usize>>,
    pub(super) houses: Vec<House>,
    /// Pairs of realms between which something is wrong, and until when.
    pub(super) broken: BTreeMap<(RealmIndex, RealmIndex), u64>,
    /// Which realm has paused, or taken out, which peer, and until when.
    pub(super) paused: BTreeMap<(RealmIndex, RealmIndex), u64>,
    pub(super) removed: BTreeMap<(RealmIndex, RealmIndex), u64>,
    pub(super) ledger: Ledger,
    /// A letter with which something may be wrong.
    pub(super) suspect: Option<usize>,
    pub(super) report: LinkReport,
    /// Whether a hostile realm behaves, and flaws are mended.
    pub(super) is_calm: Rc<Cell<bool>>,
    pub(super) trace: Trace,
}

/// What becomes of a realm, and when.
#[derive(Debug, Default)]
pub(super) struct House {
    pub(super) restart_ms: Option<u64>,
    pub(super) room_ms: Option<u64>,
    pub(super) is_broken: bool,
    /// A copy of its disk, and when it was made.
    pub(super) copy: Option<(Disk, u32)>,
    /// What it will find on its disk when it starts again, and of when that is.
    pub(super) other_disk: Option<(Disk, u32)>,
}

/// A user with one connection at a time.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) person: Person,
    pub(super) token: String,
    pub(super) desk: Option<ClientId>,
    pub(super) awaited: VecDeque<Awaited>,
    /// Until then nothing is written, since there was no room for the last letter.
    pub(super) waits_ms: u64,
    /// The number of the last message that was read, and how many wait behind it.
    pub(super) read: u64,
    pub(super) left: u64,
    /// What was read, by its number in the inbox: letters, and none for a bounce.
    pub(super) shown: Vec<(u64, Option<usize>)>,
    /// What `outbox` shows in the end: letters and states.
    pub(super) outbox: Option<Vec<(usize, Sent)>>,
}

/// What `outbox` says of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Queued,
    Delivered,
    /// The reason is known once the bounce is there.
    Failed {
        is_explained: bool,
    },
    Unknown,
}

/// The reply that comes next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Token,
    Sent(usize),
    Peek,
    Ack,
    Outbox,
}

impl Folk {
    pub(super) fn new(storm: &LinkStorm, trace: Trace) -> Self {
        let mut dice = Dice::new(storm.seed);
        let climate = Climate::new(&mut dice);
        let mut world = World::new();
        world.set_wire(climate.wire);
        for realm in 0..climate.realms {
            let added = world.add_realm(config(&climate, realm), dice.seed());
            assert_eq!(added, Ok(realm), "the realms are well configured");
            if let Sabotage::Store(flaw) = storm.sabotage {
                world.set_flaw(realm, flaw);
            }
            for other in 0..realm {
                world.set_latency_ms(realm, other, dice.below(40) as u64);
            }
        }
        let is_calm = Rc::new(Cell::new(false));
        let people = (0..climate.realms * climate.users_each).map(|at| Resident {
            person: Person {
                realm: at / climate.users_each,
                number: FIRST + at % climate.users_each,
            },
            token: String::new(),
            desk: None,
            awaited: VecDeque::new(),
            waits_ms: 0,
            read: 0,
            left: 0,
            shown: Vec::new(),
            outbox: None,
        });
        let mut folk = Self {
            storm: *storm,
            dice,
            world,
            people: people.collect(),
            owners: Vec::new(),
            houses: (0..climate.realms).map(|_| House::default()).collect(),
            broken: BTreeMap::new(),
            paused: BTreeMap::new(),
            removed: BTreeMap::new(),
            ledger: Ledger::default(),
            suspect: None,
            report: LinkReport::default(),
            is_calm,
            trace,
            climate,
        };
        folk.report.hostile = usize::from(folk.climate.hostile.is_some());
        folk.tap();
        folk
    }

    /// Lets somebody listen in who changes what is said, or writes it down.
    fn tap(&mut self) {
        let hostile = self
            .climate
            .hostile
            .map(|realm| (realm, self.dice.number()));
        let taps = Taps::new(
            (hostile, self.storm.sabotage),
            self.climate.realms,
            Rc::clone(&self.is_calm),
            self.trace.clone(),
        );
        if taps.is_needed() {
            self.world.set_tap(taps);
        }
    }

    /// Everything happens.
    pub(super) fn live(&mut self) {
        let mut lull = 0;
        for _ in 0..ACTS_MAX {
            let letters = self.report.letters;
            if letters >= self.storm.letters {
                break;
            }
            self.act();
            lull = if self.report.letters > letters {
                0
            } else {
                lull + 1
            };
            if lull > LULL_ACTS {
                // What is in the way takes longer to go away.
                self.pass(LULL_MS);
            }
        }
        self.come_to_rest();
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.world.now().mono_ms
    }

    /// Lets time pass, moment by moment.
    pub(super) fn pass(&mut self, ms: u64) {
        let until_ms = self.now_ms() + ms;
        while self.world.step(until_ms) {
            self.moment();
        }
        self.moment();
    }

    /// Everybody reads what there is to read now.
    pub(super) fn moment(&mut self) {
        self.world.settle();
        for realm in 0..self.climate.realms {
            for event in self.world.take_events(realm) {
                self.watch(realm, &event);
            }
        }
        while let Some(client) = self.world.next_heard() {
            self.hear(client);
        }
        self.look_after_houses();
    }

    /// What it all came to.
    pub(super) fn finish(mut self) -> Result<LinkReport, Failure> {
        let crashes = (0..self.climate.realms).map(|realm| self.world.crashes(realm));
        self.report.crashes = crashes.sum();
        self.report.virtual_ms = self.now_ms();
        let letters = self.ledger.letters.iter();
        let unknown = letters.filter(|letter| letter.fate == Fate::Unknown);
        self.report.unanswered = unknown.count();
        if self.ledger.findings.is_empty() && self.ledger.strays.is_empty() {
            return Ok(self.report);
        }
        self.ledger.findings.sort_by_key(|finding| finding.message);
        Err(Failure {
            seed: self.storm.seed,
            findings: self.ledger.findings,
            strays: self.ledger.strays,
            story: String::new(),
        })
    }

    pub(super) fn story(&self) -> String {
        self.trace.told()
    }

    /// Whether a flaw of the stores is meant to show.
    pub(super) fn is_flawed(&self) -> bool {
        matches!(self.storm.sabotage, Sabotage::Store(flaw) if flaw != Flaw::None)
    }
}

fn config(climate: &Climate, realm: RealmIndex) -> Config {
    let name = |realm: usize| RealmName::parse(REALMS[realm]).expect("realms have names");
    let mut config = Config::new(name(realm))
        .limits(climate.limits[realm].clone())
        .passwords(Passwords::Plain)
        .durable(true);
    for number in FIRST..FIRST + climate.users_each {
        let person = Person { realm, number };
        let user = UserConfig::new(&person.name(), &shown_name(person), "", PASSWORD);
        config = config.user(user.expect("people have names"));
    }
    for peer in (0..climate.realms).filter(|peer| *peer != realm) {
        config = config.peer(PeerConfig::new(name(peer)));
    }
    config
}
