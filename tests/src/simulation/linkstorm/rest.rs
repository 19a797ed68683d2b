//! The end: faults stop, everything drains, and the books are compared.

use super::super::town::REALMS;
use super::folk::{Awaited, Folk, Sent};
use super::ledger::Fate;

/// How often everybody is asked whether anything is left to do.
const ROUNDS_MAX: usize = 600;

/// How long a round is. A realm that is contradicted twice begins anew after a minute.
const ROUND_MS: u64 = 500;

/// So many rounds in which nothing happens mean that nothing will.
const QUIET_ROUNDS: usize = 6;

/// Where an inbox is smaller than this, its places are counted.
const COUNTED_MAX: u64 = 100;

impl Folk {
    pub(super) fn come_to_rest(&mut self) {
        // What is down is up again after this, and finds room.
        self.clear_up();
        self.settle_down();
        if self.dice.chance(50) {
            for realm in 0..self.climate.realms {
                self.crash(realm);
            }
            self.settle_down();
        }
        if self.climate.hostile.is_none() {
            self.wait_for_lost_bounces();
        }
        if self.dice.chance(50) {
            self.count_places();
        }
        self.ask_outboxes();
        self.check_leftovers();
        self.audit();
    }

    /// Where the disks of two realms were set back, one after the other, both may have forgotten that
    /// word of a refusal is lost. It is awaited until its time is over.
    fn wait_for_lost_bounces(&mut self) {
        let mut wait_ms = 0;
        for (realm, limits) in self.climate.limits.iter().enumerate() {
            let is_lost = |left: &String| {
                let peer = left.strip_prefix("a bounce due from ");
                let peer = peer.and_then(|rest| rest.split(' ').next());
                let peer = REALMS.iter().position(|name| Some(*name) == peer);
                let mut ends = [Some(realm), peer].into_iter();
                ends.all(|end| end.is_some_and(|end| self.ledger.was_set_back(end)))
            };
            if self.world.leftovers(realm).iter().any(is_lost) {
                wait_ms = wait_ms.max(limits.queue_ms_max);
            }
        }
        if wait_ms > 0 {
            self.pass(wait_ms);
            self.settle_down();
        }
    }

    /// Everybody connects and reads, until nothing is left and nothing comes any more.
    fn settle_down(&mut self) {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            self.clear_up();
            let is_busy = self.tidy_up();
            self.pass(ROUND_MS);
            quiet = if is_busy || self.waiting().is_some() {
                0
            } else {
                quiet + 1
            };
            if quiet >= QUIET_ROUNDS {
                return;
            }
        }
        let waiting = self.waiting().unwrap_or_default();
        let open = self.people.iter().find(|it| !it.awaited.is_empty());
        let open = open.map(|it| (it.person.address(), it.awaited.front()));
        self.ledger.stray(format!(
            "it never comes to rest: {waiting}, and somebody waits for {open:?}"
        ));
    }

    /// What still waits between realms that keep to the rules.
    fn waiting(&self) -> Option<String> {
        for (realm, name) in REALMS.iter().enumerate().take(self.climate.realms) {
            if !self.world.is_up(realm) {
                return Some(format!("{name} is down"));
            }
            for peer in self.world.peers(realm) {
                let hostile = self.climate.hostile;
                let mut ends = [REALMS[realm], peer.name.as_str()].into_iter();
                let is_hostile = ends.any(|it| hostile.is_some_and(|at| REALMS[at] == it));
                if !is_hostile && peer.queue_messages + peer.queue_bytes > 0 {
                    return Some(format!("{} has {peer:?}", REALMS[realm]));
                }
            }
        }
        None
    }

    /// Everybody does what is left to do; returns whether there is anything.
    fn tidy_up(&mut self) -> bool {
        let mut is_busy = false;
        for at in 0..self.people.len() {
            let person = &self.people[at];
            if person.desk.is_none() {
                self.people[at].left = u64::MAX;
                self.connect(at);
                is_busy = true;
            } else if !person.awaited.is_empty() {
                is_busy = true;
            } else if person.token.is_empty() {
                self.log_in(at);
                is_busy = true;
            } else {
                let before = person.read;
                self.read(at);
                self.moment();
                let person = &self.people[at];
                is_busy |= before != person.read || person.left > 0;
            }
        }
        is_busy
    }

    /// Each place that was kept for a bounce is free again: a small inbox takes as many letters as if
    /// nothing had ever happened.
    fn count_places(&mut self) {
        let realm = self.dice.below(self.climate.realms);
        let limits = &self.climate.limits[realm];
        let places = limits.inbox_messages_max;
        let (hostile, realms) = (self.climate.hostile, self.climate.realms);
        let other = (0..realms).find(|other| *other != realm && hostile != Some(*other));
        let has_room = limits.queue_messages_max > places && limits.queue_ms_max > 60_000;
        let Some(other) = other.filter(|_| has_room && hostile.is_none() && places < COUNTED_MAX)
        else {
            return;
        };
        for peer in (0..realms).filter(|peer| *peer != realm) {
            self.world.pause_peer(realm, peer, true);
        }
        let at = realm * self.climate.users_each;
        let to = self.people[other * self.climate.users_each].person;
        let first = self.ledger.letters.len();
        for _ in 0..=places {
            let mut line = String::new();
            self.write_short_letter(at, (other, Some(to)), &mut line);
            if let Some(desk) = self.people[at].desk {
                self.world.write(desk, line.as_bytes());
            }
        }
        self.pass(100);
        let letters = self.ledger.letters[first..].iter();
        let taken = letters
            .filter(|it| matches!(it.fate, Fate::Taken(_)))
            .count();
        if taken as u64 != places {
            let who = self.people[at].person.address();
            self.ledger
                .stray(format!("{who} has {taken} free places of {places}"));
        }
        for peer in (0..realms).filter(|peer| *peer != realm) {
            self.world.pause_peer(realm, peer, false);
        }
        self.settle_down();
    }

    fn ask_outboxes(&mut self) {
        for at in 0..self.people.len() {
            let line = format!("outbox {}\r\n", self.people[at].token);
            self.say(at, &line, Awaited::Outbox);
        }
        self.pass(100);
        for at in 0..self.people.len() {
            let Some(posts) = self.people[at].outbox.take() else {
                let who = self.people[at].person.address();
                self.ledger.stray(format!("{who} is not shown an outbox"));
                continue;
            };
            for (number, state) in &posts {
                let letter = self.ledger.letters[*number];
                let is_hostile = self.climate.is_hostile(letter.realm)
                    || self.climate.is_hostile(letter.from.realm);
                if *state == Sent::Queued && !is_hostile {
                    self.ledger
                        .stray(format!("letter {number} still waits, says the outbox"));
                }
            }
            self.people[at].outbox = Some(posts);
        }
    }

    /// Nothing is left in the stores that should be gone.
    fn check_leftovers(&mut self) {
        if self.climate.hostile.is_some() || self.is_flawed() {
            return;
        }
        for (realm, name) in REALMS.iter().enumerate().take(self.climate.realms) {
            for left in self.world.leftovers(realm) {
                self.ledger.stray(format!("{name} keeps {left}"));
            }
        }
    }
}
