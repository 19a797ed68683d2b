//! The end: everything comes to rest, all realms crash once more, and the books are compared.

use super::super::town::REALMS;
use super::folk::Folk;
use super::hearing::NOT_FOUND;
use super::post::{Item, Person};
use std::collections::BTreeMap;

/// After this long without anybody doing anything all queues are empty.
const REST_MS: u64 = 12_000;

/// How often everybody is asked whether anything is left to do.
const ROUNDS_MAX: usize = 400;

impl Folk {
    pub(super) fn come_to_rest(&mut self) {
        if self.has_failed() {
            return;
        }
        // What is down is up again after this, and finds room.
        self.pass(6_000);
        let steps = (0..REALMS.len()).map(|realm| self.world.steps(realm).to_vec());
        self.report.steps = steps.collect();
        self.clear_up();
        self.settle_down();
        self.pass(REST_MS);
        self.settle_down();
        for realm in 0..REALMS.len() {
            self.crash(realm);
        }
        self.pass(6_000);
        self.clear_up();
        self.settle_down();
        self.pass(REST_MS);
        self.settle_down();
        if self.has_failed() {
            return;
        }
        let mut inboxes = BTreeMap::new();
        for at in 0..self.people.len() {
            inboxes.insert(self.people[at].person, self.look_through(at));
        }
        if self.has_failed() {
            return;
        }
        let items = inboxes.values().flatten();
        self.report.bounced = items.filter(|item| item.about.is_some()).count();
        self.post.audit(&inboxes);
    }

    /// Everybody connects, sends again what was not answered, and reads until nothing is left.
    fn settle_down(&mut self) {
        let mut busy = Vec::new();
        for _ in 0..ROUNDS_MAX {
            busy.clear();
            for at in 0..self.people.len() {
                if self.tidy_up(at) {
                    busy.push(at);
                }
                self.moment();
            }
            if busy.is_empty() || self.has_failed() {
                return;
            }
            self.pass(200);
        }
        let Some(at) = busy.first().copied() else {
            return;
        };
        let one = &self.people[at];
        let stray = format!(
            "{} never comes to rest: waits for {:?}, has {} to send again, and {} left to read behind {}",
            one.person.address(),
            one.awaited,
            one.retries.len(),
            one.left,
            one.kept
        );
        self.stray(at, stray);
    }

    /// Does what one person has left to do; returns whether there was anything.
    fn tidy_up(&mut self, at: usize) -> bool {
        let one = &self.people[at];
        if one.desk.is_none() {
            self.people[at].left = u64::MAX;
            self.connect(at);
            return true;
        }
        if !one.awaited.is_empty() {
            return true;
        }
        if one.token.is_empty() {
            self.log_in(at);
            return true;
        }
        if !one.retries.is_empty() {
            self.send_again(at);
            return true;
        }
        if !one.peeks {
            self.read(at);
            self.moment();
            return !self.people[at].awaited.is_empty();
        }
        let before = (one.kept, one.left);
        self.acknowledge(at);
        self.read(at);
        self.moment();
        let one = &self.people[at];
        !one.awaited.is_empty() || before != (one.kept, one.left) || one.left > 0
    }

    /// All that an inbox ever had, as its owner finds it in the history.
    fn look_through(&mut self, at: usize) -> Vec<Item> {
        let reader = self.people[at].person;
        let writers = self.post.writers(reader);
        let realms = REALMS.iter().enumerate();
        let others = realms.filter(|(realm, _)| *realm != reader.realm);
        let mut names: Vec<String> = writers.into_iter().map(Person::address).collect();
        names.extend(others.map(|(_, name)| format!("*{name}*")));
        let mut items: Vec<Item> = names
            .iter()
            .flat_map(|name| self.look_through_one(at, name))
            .collect();
        items.sort_by_key(|item| item.id);
        items
    }

    fn look_through_one(&mut self, at: usize, with: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut before = u64::MAX;
        loop {
            let Some(desk) = self.people[at].desk else {
                self.stray(at, "somebody is cut off at the end".to_owned());
                return items;
            };
            let line = format!("history {} {with} {before} 1000\r\n", self.people[at].token);
            self.world.write(desk, line.as_bytes());
            let answered = self
                .world
                .advance_until(5_000, |world| !world.unread(desk).is_empty());
            let reply = String::from_utf8_lossy(self.world.unread(desk)).into_owned();
            self.world.take(desk, reply.len());
            if answered && reply == NOT_FOUND {
                return items;
            }
            let Some(page) = self.listed(at, &reply) else {
                self.stray(at, format!("the history with {with} is {reply:?}"));
                return items;
            };
            before = page.first().map_or(0, |item| item.id);
            items.splice(0..0, page);
            if !reply.contains("\"more\": true") || before == 0 {
                return items;
            }
        }
    }
}
