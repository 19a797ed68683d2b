//! What people do, at random.

use super::super::ledger::Person;
use super::super::town::{PASSWORD, REALMS};
use super::folk::{Awaited, Folk};
use super::ledger::Fate;
use std::fmt::Write;

/// Who waits for more replies than this writes nothing meanwhile.
const PATIENCE: usize = 20;

impl Folk {
    /// Somebody does something, the weather changes, and a little time passes.
    pub(super) fn act(&mut self) {
        let at = self.dice.below(self.people.len());
        match self.dice.below(100) {
            _ if self.people[at].desk.is_none() => self.connect(at),
            _ if self.people[at].token.is_empty() => self.log_in(at),
            _ if self.people[at].awaited.len() > PATIENCE => self.pass(20),
            _ if self.people[at].waits_ms > self.now_ms() => {
                self.read(at);
                self.pass(20);
            }
            0..70 => self.write_letters(at),
            70..96 => self.read(at),
            _ => self.hang_up(at),
        }
        self.moment();
        self.change_weather();
        let longest_ms = [1, 1, 6, self.climate.pause_ms][self.dice.below(4)];
        let pause_ms = self.dice.below(longest_ms) as u64;
        self.pass(pause_ms);
    }

    pub(super) fn connect(&mut self, at: usize) {
        let realm = self.people[at].person.realm;
        if !self.world.is_up(realm) {
            return;
        }
        let client = self.world.open(realm, "10.0.0.1");
        self.owners.push(Some(at));
        assert_eq!(
            client.index() + 1,
            self.owners.len(),
            "nobody else connects"
        );
        self.people[at].desk = Some(client);
        if self.people[at].token.is_empty() {
            self.log_in(at);
        }
    }

    pub(super) fn log_in(&mut self, at: usize) {
        if !self.people[at].awaited.contains(&Awaited::Token) {
            let line = format!("auth {} {PASSWORD}\r\n", self.people[at].person.name());
            self.say(at, &line, Awaited::Token);
        }
    }

    pub(super) fn say(&mut self, at: usize, line: &str, awaited: Awaited) {
        if let Some(desk) = self.people[at].desk {
            self.people[at].awaited.push_back(awaited);
            self.world.write(desk, line.as_bytes());
        }
    }

    fn write_letters(&mut self, at: usize) {
        let from = self.people[at].person;
        let recipients: Vec<_> = (0..=self.dice.below(3))
            .map(|_| self.recipient(from))
            .collect();
        let count = 1 + self.dice.below(self.climate.burst);
        let mut lines = String::new();
        for _ in 0..count {
            let (realm, to) = recipients[self.dice.below(recipients.len())];
            self.write_letter(at, (realm, to), &mut lines);
        }
        if let Some(desk) = self.people[at].desk {
            self.world.write(desk, lines.as_bytes());
        }
    }

    /// Somebody of another realm mostly, and now and then nobody.
    fn recipient(&mut self, from: Person) -> (usize, Option<Person>) {
        let realms = self.climate.realms;
        let other = (from.realm + 1 + self.dice.below(realms - 1)) % realms;
        match self.dice.below(20) {
            0 => (other, None),
            1 => (from.realm, Some(self.somebody(from.realm))),
            _ => (other, Some(self.somebody(other))),
        }
    }

    fn somebody(&mut self, realm: usize) -> Person {
        let number = super::folk::FIRST + self.dice.below(self.climate.users_each);
        Person { realm, number }
    }

    /// Adds a letter to the lines that somebody is about to write.
    fn write_letter(
        &mut self,
        at: usize,
        (realm, to): (usize, Option<Person>),
        lines: &mut String,
    ) {
        let padding = match self.dice.below(400) {
            0 => 5_000,
            1..12 => 1_500,
            _ => 0,
        };
        // Of names alone other realms have to be asked.
        let is_bare = self.dice.chance(3);
        self.put_letter(at, (realm, to), (padding, is_bare), lines);
    }

    pub(super) fn write_short_letter(
        &mut self,
        at: usize,
        to: (usize, Option<Person>),
        lines: &mut String,
    ) {
        self.put_letter(at, to, (0, false), lines);
    }

    fn put_letter(
        &mut self,
        at: usize,
        (realm, to): (usize, Option<Person>),
        (padding, is_bare): (usize, bool),
        lines: &mut String,
    ) {
        let Some(desk) = self.people[at].desk else {
            return;
        };
        let from = self.people[at].person;
        let number = self.ledger.write(from, (realm, to), desk.index());
        self.trace.goes(number, [from.realm, realm]);
        self.trace.letter(self.now_ms(), number, || {
            let to = to.map_or_else(|| nobody(number, realm), Person::address);
            format!("is written by {} to {to}", from.address())
        });
        let address = match to {
            Some(to) if is_bare => to.name(),
            Some(to) => to.address(),
            None => nobody(number, realm),
        };
        let token = &self.people[at].token;
        let _ = write!(lines, "send {token} {address} {number} ");
        lines.extend(std::iter::repeat_n('x', padding));
        lines.push_str("\r\n");
        self.people[at].awaited.push_back(Awaited::Sent(number));
    }

    pub(super) fn read(&mut self, at: usize) {
        if !self.people[at].awaited.contains(&Awaited::Peek) {
            let line = format!("peek {} 1000\r\n", self.people[at].token);
            self.say(at, &line, Awaited::Peek);
        }
    }

    fn hang_up(&mut self, at: usize) {
        if let Some(desk) = self.people[at].desk {
            self.world.drop_client(desk);
            self.be_cut_off(at);
        }
    }

    /// The connection is gone, and what was on its way to this person with it.
    pub(super) fn be_cut_off(&mut self, at: usize) {
        if let Some(desk) = self.people[at].desk.take() {
            self.owners[desk.index()] = None;
        }
        for awaited in std::mem::take(&mut self.people[at].awaited) {
            if let Awaited::Sent(number) = awaited {
                self.ledger.answer(number, Fate::Unknown);
                self.trace
                    .letter(self.now_ms(), number, || "is not answered".to_owned());
            }
        }
    }
}

/// The address of somebody who does not exist, another one for each letter.
pub(super) fn nobody(letter: usize, realm: usize) -> String {
    format!("tiada{letter}@{}", REALMS[realm])
}
