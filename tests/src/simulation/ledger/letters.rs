//! Private messages: each that was taken comes once, to its recipient, in the order of its sender.

use super::{Fault, Finding, Message, Person};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of private messages. Those of one connection are numbered in their order.
#[derive(Debug, Default)]
pub struct Letters {
    all: Vec<Letter>,
    /// What each recipient may still get.
    awaited: BTreeMap<Person, BTreeSet<usize>>,
    /// The last that each recipient saw of a connection.
    seen: BTreeMap<(usize, Person), usize>,
    /// The last of a connection that anybody in a realm saw, before this moment and in it.
    furthest: BTreeMap<(usize, usize), usize>,
    furthest_now: Vec<((usize, usize), usize)>,
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct Letter {
    from: Person,
    to: Person,
    connection: usize,
    fate: Fate,
    is_seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Taken,
    Refused,
    /// The sender hung up before the answer.
    Unknown,
}

impl Letters {
    /// Somebody sends one; returns its number.
    pub fn send(&mut self, connection: usize, from: Person, to: Person) -> usize {
        let number = self.all.len();
        self.all.push(Letter {
            from,
            to,
            connection,
            fate: Fate::Open,
            is_seen: false,
        });
        self.awaited.entry(to).or_default().insert(number);
        number
    }

    /// The sender reads whether it was taken.
    pub fn answer(&mut self, number: usize, is_taken: bool) {
        let fate = if is_taken { Fate::Taken } else { Fate::Refused };
        self.all[number].fate = fate;
    }

    /// The sender hangs up without an answer: it comes once or not at all.
    pub fn hang_up(&mut self, number: usize) {
        self.all[number].fate = Fate::Unknown;
    }

    /// Somebody's inbox shows these, each with whom the inbox says it is from.
    pub fn read(&mut self, reader: Person, shown: &[(Person, usize)]) {
        for (from, number) in shown {
            self.read_one(reader, *from, *number);
        }
        // Whatever a connection sent to this realm before what was seen there must be here too.
        for number in self.awaited.get(&reader).into_iter().flatten() {
            let letter = &self.all[*number];
            let furthest = self.furthest.get(&(letter.connection, reader.realm));
            if letter.fate == Fate::Taken && furthest.is_some_and(|seen| seen > number) {
                let message = Message::Private(*number);
                let fault = Fault::OutOfOrder;
                self.findings.push(Finding { fault, message });
            }
        }
    }

    fn read_one(&mut self, reader: Person, from: Person, number: usize) {
        let mut find = |fault| {
            let message = Message::Private(number);
            self.findings.push(Finding { fault, message });
        };
        let Some(letter) = self.all.get_mut(number) else {
            return find(Fault::Unpromised);
        };
        if letter.to != reader {
            return find(Fault::Misdelivered);
        }
        if std::mem::replace(&mut letter.is_seen, true) {
            return find(Fault::Twice);
        }
        if letter.fate == Fate::Refused {
            find(Fault::Unpromised);
        }
        if letter.from != from {
            find(Fault::Misattributed);
        }
        let last = self.seen.entry((letter.connection, reader)).or_default();
        if *last > number {
            find(Fault::OutOfOrder);
        }
        *last = number.max(*last);
        if let Some(awaited) = self.awaited.get_mut(&reader) {
            awaited.remove(&number);
        }
        let lane = (letter.connection, reader.realm);
        self.furthest_now.push((lane, number));
    }

    /// Everything that was read at the same moment has been told.
    pub fn moment_is_over(&mut self) {
        for (lane, number) in self.furthest_now.drain(..) {
            let furthest = self.furthest.entry(lane).or_default();
            *furthest = number.max(*furthest);
        }
    }

    /// Who wrote a message.
    #[must_use]
    pub fn sender(&self, number: usize) -> Option<Person> {
        self.all.get(number).map(|letter| letter.from)
    }

    /// How many were taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        let fates = self.all.iter().map(|letter| letter.fate);
        fates.filter(|fate| *fate == Fate::Taken).count()
    }

    /// What was found up to now.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is found once everybody has read everything.
    #[must_use]
    pub fn into_findings(mut self) -> Vec<Finding> {
        for (number, letter) in self.all.iter().enumerate() {
            let fault = match letter.fate {
                Fate::Taken if !letter.is_seen => Fault::Lost,
                Fate::Open => Fault::Unanswered,
                Fate::Taken | Fate::Refused | Fate::Unknown => continue,
            };
            let message = Message::Private(number);
            self.findings.push(Finding { fault, message });
        }
        self.findings
    }
}
