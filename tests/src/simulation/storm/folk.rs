//! The people and the realms they live in.

use super::super::dice::Dice;
use super::super::ledger::{Message, Person};
use super::super::story::{Note, Story};
use super::super::town::{self, REALMS};
use super::post::Post;
use super::{Storm, StormReport, Weather};
use crate::simulation::Failure;
use crate::world::{ClientId, RealmIndex, World};
use chatproto::Limits;
use std::collections::{BTreeMap, VecDeque};

/// Everybody, and all that is known about them.
pub(super) struct Folk {
    pub(super) storm: Storm,
    pub(super) dice: Dice,
    pub(super) world: World,
    pub(super) people: Vec<Resident>,
    /// Whose each client of the world is.
    pub(super) owners: Vec<Option<usize>>,
    pub(super) post: Post,
    pub(super) story: Story,
    pub(super) strays: Vec<String>,
    pub(super) suspect: Option<Person>,
    pub(super) houses: Vec<House>,
    /// Pairs of realms that are cut off from each other, and until when.
    pub(super) cut: BTreeMap<(RealmIndex, RealmIndex), u64>,
    pub(super) sent: usize,
    pub(super) report: StormReport,
}

/// What becomes of a realm, and when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct House {
    pub(super) restart_ms: Option<u64>,
    pub(super) room_ms: Option<u64>,
    pub(super) is_broken: bool,
    /// The most that one inbox may hold, bounces included.
    pub(super) inbox_max: u64,
}

/// A user with one connection at a time.
pub(super) struct Resident {
    pub(super) person: Person,
    /// Reads by `peek` and `ack`, not by `inbox`.
    pub(super) peeks: bool,
    /// Sends with keys, and again until there is an answer.
    pub(super) keyed: bool,
    pub(super) token: String,
    pub(super) desk: Option<ClientId>,
    pub(super) awaited: VecDeque<Awaited>,
    /// Messages to be sent again, and the rest of their lines.
    pub(super) retries: VecDeque<(usize, String)>,
    /// A token that has ended for ever.
    pub(super) ended: Option<String>,
    /// The last message of which the realm has said that it is gone.
    pub(super) acknowledged: u64,
    /// The last message that was kept, and how many the realm says are left behind what it showed.
    pub(super) kept: u64,
    pub(super) left: u64,
    /// Two of the same realm, and two of any.
    pub(super) friends: [usize; 4],
}

/// The reply that comes next on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Token,
    Sent {
        number: usize,
    },
    Keyed {
        number: usize,
        line: String,
        is_again: bool,
    },
    Inbox {
        sure: Vec<usize>,
    },
    Peek,
    Ack {
        upto: u64,
    },
    History,
    Logout {
        token: String,
    },
    /// The error for a token that has ended.
    NoSession,
}

impl Folk {
    pub(super) fn new(storm: &Storm) -> Self {
        let mut dice = Dice::new(storm.seed);
        let mut world = World::new();
        let mut houses = vec![House::default(); REALMS.len()];
        for (realm, house) in houses.iter_mut().enumerate() {
            let limits = limits(&mut dice);
            house.inbox_max = limits.inbox_messages_max;
            let config = town::config(realm, storm.users.clone(), limits, true);
            let config = config.expect("the names of the town are names");
            let added = world.add_realm(config, dice.seed());
            assert_eq!(added, Ok(realm), "the town is well configured");
            world.set_flaw(realm, storm.flaw);
            if storm.weather != Weather::Wild {
                world.set_commit_ms(realm, 3);
                world.set_fetch_ms(realm, 1);
            }
        }
        if let Weather::Strike(realm, step, survival) = storm.weather {
            world.crash_at(realm, step, survival);
        }
        for (a, b) in pairs() {
            world.set_latency_ms(a, b, 2 + dice.below(60) as u64);
        }
        let people = residents(storm, &mut dice);
        Self {
            storm: storm.clone(),
            people,
            dice,
            world,
            owners: Vec::new(),
            post: Post::default(),
            story: Story::default(),
            strays: Vec::new(),
            suspect: None,
            houses,
            cut: BTreeMap::new(),
            sent: 0,
            report: StormReport::default(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.sent >= self.storm.letters
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.strays.is_empty() || self.post.has_findings()
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
        for realm in 0..REALMS.len() {
            for event in self.world.take_events(realm) {
                self.watch(realm, &event);
            }
        }
        while let Some(client) = self.world.next_heard() {
            self.hear(client);
            // Some answer at once.
            self.world.settle();
        }
        self.look_after_houses();
    }

    pub(super) fn note(&mut self, note: Note) {
        self.story.note(self.world.now().mono_ms, note);
    }

    pub(super) fn stray(&mut self, at: usize, what: String) {
        self.suspect.get_or_insert(self.people[at].person);
        self.strays.push(what);
    }

    /// What it all came to.
    pub(super) fn finish(mut self) -> Result<StormReport, Failure> {
        self.report.users = self.people.len();
        self.report.taken = self.post.count(super::post::Fate::Taken);
        self.report.unknown = self.post.count(super::post::Fate::Unknown);
        self.report.virtual_ms = self.now_ms();
        let crashes = (0..REALMS.len()).map(|realm| self.world.crashes(realm));
        self.report.crashes = crashes.sum();
        let (findings, more) = self.post.into_findings();
        self.strays.extend(more);
        if findings.is_empty() && self.strays.is_empty() {
            return Ok(self.report);
        }
        let of_message = findings.first().map(|first| self.story.of(first.message));
        let of_person = || self.suspect.map(|suspect| self.story.of_person(suspect));
        Err(Failure {
            seed: self.storm.seed,
            story: of_message.or_else(of_person).unwrap_or_default(),
            findings,
            strays: self.strays,
        })
    }
}

/// Everybody, with their habits and friends.
fn residents(storm: &Storm, dice: &mut Dice) -> Vec<Resident> {
    let realms = REALMS.len();
    let all = realms * storm.users.len();
    let mut friend = |at: usize, is_near: bool| {
        if is_near {
            at % realms + realms * dice.below(storm.users.len())
        } else {
            dice.below(all)
        }
    };
    let friends: Vec<[usize; 4]> = (0..all)
        .map(|at| [true, true, false, false].map(|is_near| friend(at, is_near)))
        .collect();
    let residents = friends.into_iter().enumerate();
    let residents = residents.map(|(at, friends)| Resident {
        person: Person {
            realm: at % realms,
            number: storm.users.start + at / realms,
        },
        peeks: dice.chance(50),
        keyed: dice.chance(50),
        token: String::new(),
        desk: None,
        awaited: VecDeque::new(),
        retries: VecDeque::new(),
        ended: None,
        acknowledged: 0,
        kept: 0,
        left: 0,
        friends,
    });
    residents.collect()
}

/// All pairs of realms, the smaller first.
pub(super) fn pairs() -> impl Iterator<Item = (RealmIndex, RealmIndex)> {
    let all = 0..REALMS.len();
    all.clone()
        .flat_map(move |a| all.clone().map(move |b| (a, b)))
        .filter(|(a, b)| a < b)
}

/// Limits that are tight enough to be felt now and then.
fn limits(dice: &mut Dice) -> Limits {
    let mut limits = Limits::default();
    let mut set = |name, values: &[u64]| {
        let value = values[dice.below(values.len())];
        limits.set(name, value).expect("in the limit's range");
    };
    set("inbox_memory_bytes_max", &[0, 40, 300, 16_384]);
    set("inbox_messages_max", &[8, 25, 1_000]);
    set("page_messages_max", &[3, 7, 100]);
    set("page_bytes_max", &[1, 100, 262_144]);
    set("credit_envelopes_max", &[1, 3, 100]);
    set("ack_ms_max", &[0, 5, 300]);
    set("queue_messages_max", &[20, 1_000]);
    set("uncommitted_bytes_max", &[500, 67_108_864]);
    set("store_retry_ms", &[50, 1_000]);
    set("redial_ms_max", &[1_000]);
    set("link_ping_ms", &[2_000]);
    set("link_dead_ms", &[6_000]);
    set("unacknowledged_ms_max", &[5_000]);
    set("sessions_per_user_max", &[1_000]);
    limits
}

/// What a message says: its number, and something hard to carry now and then.
pub(super) fn letter_text(number: usize) -> String {
    let texts = [
        "apa kabar",
        "",
        " dua  spasi ",
        "\"kutip\" \\",
        "é ß 😀 \u{7f}",
        "a\nb\tc",
    ];
    let long = "panjang ".repeat(number % 23 / 22 * 20);
    format!("{number} {}{long}", texts[number % texts.len()])
}

/// The message of a letter's number.
pub(super) fn letter(number: usize) -> Message {
    Message::Private(number)
}
