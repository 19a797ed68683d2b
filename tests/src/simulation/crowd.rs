//! The people: their connections, what they wait for, and what they read.

mod acts;
mod hearing;

use super::dice::Dice;
use super::ledger::{Letters, Message, Talk};
use super::story::{Note, Story};
use super::town::{self, PASSWORD, Person, REALMS};
use super::{Failure, Plan, Report};
use crate::world::{ClientId, RealmIndex, World};
use chatproto::Limits;
use std::collections::{BTreeMap, VecDeque};

/// How long the links may take to come up.
const LINK_MS_MAX: u64 = 120_000;

/// After this long without anybody doing anything all queues are empty.
const REST_MS: u64 = 120_000;

/// Everybody, and all that is known about them.
pub(super) struct Crowd {
    plan: Plan,
    dice: Dice,
    world: World,
    dwellers: Vec<Dweller>,
    by_name: BTreeMap<(RealmIndex, String), usize>,
    /// Whose each client of the world is.
    roles: Vec<Role>,
    stays: Vec<Stay>,
    /// Stays whose member may say something.
    talking: Vec<usize>,
    letters: Letters,
    talk: Talk,
    story: Story,
    strays: Vec<String>,
    /// Whom the first stray happened to.
    suspect: Option<Person>,
    /// Pairs of realms that are cut off from each other, and until when.
    cut: BTreeMap<(RealmIndex, RealmIndex), u64>,
    sent: usize,
    said: usize,
    heard: usize,
    splits: usize,
    cuts: usize,
}

/// A user with a connection for commands and perhaps one for groups.
struct Dweller {
    person: Person,
    token: String,
    desk: ClientId,
    awaited: VecDeque<Awaited>,
    /// The connection that was last used for a group, unless it was dropped.
    porch: Option<ClientId>,
    stay: Option<usize>,
    friends: [usize; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Desk(usize),
    Porch(usize),
    Gone,
}

/// The reply that comes next on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Awaited {
    Token,
    Sent { number: usize, may_be: MayBe },
    Inbox,
    ActiveUsers,
    Exactly(&'static str),
}

/// How a message may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MayBe {
    Taken,
    Refused,
    /// Its name has to be asked for, while links come and go.
    Either,
}

/// One stay of somebody in a group.
struct Stay {
    dweller: usize,
    client: ClientId,
    group: usize,
    home: Option<RealmIndex>,
    state: StayState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StayState {
    Asked,
    In,
    /// Has written `exit`.
    Leaving,
    /// Has read `exit`.
    Left,
    /// Hung up; the realm has not let go yet.
    Dropped,
    Over,
}

impl Crowd {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let mut world = World::new();
        for realm in 0..REALMS.len() {
            let limits = limits(&mut dice, plan.cuts);
            let config = town::config(realm, 0..plan.users_each, limits, realm.is_multiple_of(2));
            let config = config.expect("the names of the town are names");
            let added = world.add_realm(config, dice.seed());
            assert_eq!(added, Ok(realm), "the town is well configured");
        }
        for (a, b) in pairs() {
            world.set_latency_ms(a, b, 2 + dice.below(60) as u64);
        }
        Self {
            plan: plan.clone(),
            dice,
            world,
            dwellers: Vec::new(),
            by_name: BTreeMap::new(),
            roles: Vec::new(),
            stays: Vec::new(),
            talking: Vec::new(),
            letters: Letters::default(),
            talk: if plan.cuts {
                Talk::lossy()
            } else {
                Talk::default()
            },
            story: Story::default(),
            strays: Vec::new(),
            suspect: None,
            cut: BTreeMap::new(),
            sent: 0,
            said: 0,
            heard: 0,
            splits: 0,
            cuts: 0,
        }
    }

    /// Everybody connects and logs in, and the realms link.
    pub(super) fn settle_in(&mut self) {
        let all = REALMS.len() * self.plan.users_each;
        for number in 0..self.plan.users_each {
            for realm in 0..REALMS.len() {
                let person = Person { realm, number };
                let at = self.dwellers.len();
                let desk = self.connect(realm, Role::Desk(at));
                self.by_name.insert((realm, person.name()), at);
                let friends = [0; 3].map(|_| self.dice.below(all));
                self.dwellers.push(Dweller {
                    person,
                    token: String::new(),
                    desk,
                    awaited: VecDeque::from([Awaited::Token]),
                    porch: None,
                    stay: None,
                    friends,
                });
                let line = format!("auth {} {PASSWORD} \r\n", person.name());
                self.world.write(desk, line.as_bytes());
                self.moment();
            }
        }
        let linked = |world: &World| pairs().all(|(a, b)| world.linked(a, b));
        if !self.world.advance_until(LINK_MS_MAX, linked) {
            self.strays.push("the realms do not link".to_owned());
        }
        self.moment();
        self.pass(1_000);
    }

    /// Lets time pass, moment by moment.
    fn pass(&mut self, ms: u64) {
        let until_ms = self.world.now().mono_ms + ms;
        while self.world.step(until_ms) {
            self.moment();
        }
        self.moment();
    }

    /// Everybody reads what there is to read now.
    fn moment(&mut self) {
        self.world.settle();
        for realm in 0..REALMS.len() {
            for event in self.world.take_events(realm) {
                self.watch(realm, &event);
            }
        }
        while let Some(client) = self.world.next_heard() {
            self.hear(client);
        }
        self.letters.moment_is_over();
        self.talk.moment_is_over();
    }

    fn connect(&mut self, realm: RealmIndex, role: Role) -> ClientId {
        let address = format!("10.{realm}.0.{}", self.dice.below(32));
        let client = self.world.open(realm, &address);
        self.roles.push(role);
        assert_eq!(client.index() + 1, self.roles.len(), "nobody else connects");
        client
    }

    pub(super) fn is_done(&self) -> bool {
        self.sent >= self.plan.letters && self.said >= self.plan.group_messages
    }

    pub(super) fn has_failed(&self) -> bool {
        let findings = self.letters.findings().len() + self.talk.findings().len();
        findings + self.strays.len() > 0
    }

    /// Mends everything, waits until nothing is under way, and lets everybody read the rest.
    pub(super) fn come_to_rest(&mut self) {
        for pair in std::mem::take(&mut self.cut).into_keys() {
            self.mend(pair);
        }
        self.pass(REST_MS);
        for at in 0..self.dwellers.len() {
            self.read_inbox(at);
            self.moment();
        }
        self.pass(1_000);
        for at in 0..self.dwellers.len() {
            if let Some(awaited) = self.dwellers[at].awaited.front() {
                let who = self.dwellers[at].person.address();
                self.suspect.get_or_insert(self.dwellers[at].person);
                self.strays
                    .push(format!("{who} still waits for {awaited:?}"));
            }
        }
    }

    /// What it all came to.
    pub(super) fn finish(self) -> Result<Report, Failure> {
        let is_cut_short = self.has_failed();
        let report = Report {
            realms: REALMS.len(),
            users: self.dwellers.len(),
            letters: self.letters.taken(),
            group_messages: self.talk.said(),
            heard: self.heard,
            splits: self.splits,
            cuts: self.cuts,
            virtual_ms: self.world.now().mono_ms,
        };
        let (letters, talk) = (self.letters, self.talk);
        // What was cut short says nothing about what was still to come.
        let findings = if is_cut_short {
            [letters.findings(), talk.findings()].concat()
        } else {
            [letters.into_findings(), talk.into_findings()].concat()
        };
        if findings.is_empty() && self.strays.is_empty() {
            return Ok(report);
        }
        let of_message = findings.first().map(|first| self.story.of(first.message));
        let of_person = || self.suspect.map(|suspect| self.story.of_person(suspect));
        Err(Failure {
            seed: self.plan.seed,
            story: of_message.or_else(of_person).unwrap_or_default(),
            findings,
            strays: self.strays,
        })
    }

    fn note(&mut self, note: Note) {
        self.story.note(self.world.now().mono_ms, note);
    }
}

/// All pairs of realms, the smaller first.
fn pairs() -> impl Iterator<Item = (RealmIndex, RealmIndex)> {
    let all = 0..REALMS.len();
    all.clone()
        .flat_map(move |a| all.clone().map(move |b| (a, b)))
        .filter(|(a, b)| a < b)
}

/// Limits that now and then are tight enough to be felt.
fn limits(dice: &mut Dice, cuts: bool) -> Limits {
    let mut limits = Limits::default();
    if dice.chance(50) {
        // One a round trip is enough for few letters only.
        limits.credit_envelopes_max = if cuts { 1 } else { 4 } + dice.below(12) as u64;
    }
    if cuts {
        limits.redial_ms_max = 2_000;
        limits.link_ping_ms = 2_000;
        limits.link_dead_ms = 6_000;
        limits.unacknowledged_ms_max = 5_000;
    }
    limits
}

/// What a letter says. Everything that is hard to carry stands in some of them.
fn letter_text(number: usize) -> String {
    let texts = [
        "apa kabar",
        "",
        " dua  spasi ",
        "\"kutip\" dan \\garis",
        "é ß 😀 \u{7f}",
        "baris\nbaru\tlagi",
        "exit",
        "{\"status\": \"OK\"}",
    ];
    format!("{number} {}", texts[number % texts.len()])
}

/// What is said in a group, without the brackets around it.
fn said_text(seat: usize, index: usize) -> String {
    let texts = [
        "",
        "halo semua",
        "exit",
        "😀 é",
        "\"{}\" \\ : b1 telah bergabung",
    ];
    format!("{seat}.{index} {}", texts[(seat + index) % texts.len()])
}

/// The message of a letter's number.
fn letter(number: usize) -> Message {
    Message::Private(number)
}
