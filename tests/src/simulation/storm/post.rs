//! The reference model: who wrote what to whom, what they were told of it, and what each inbox came
//! to in the end.
//!
//! Inboxes number what comes, and a realm's history has all of it, so that in the end each inbox is
//! known as a whole. What clients read on the way must be pieces of that.

mod audit;

pub use super::super::ledger::{Fault, Finding, Message, Person};
pub use audit::Item;

use std::collections::BTreeMap;

/// The lane of messages that are sent again until they are answered, whatever the connection.
pub const KEYED: usize = usize::MAX;

/// What is known of all messages.
#[derive(Debug, Default)]
pub struct Post {
    letters: Vec<Letter>,
    readers: BTreeMap<Person, Vec<Reading>>,
    findings: Vec<Finding>,
    strays: Vec<String>,
}

#[derive(Debug)]
struct Letter {
    from: Person,
    /// An address; not all of them are somebody's.
    to: String,
    recipient: Option<Person>,
    /// Letters of one lane to one recipient come in the order of their numbers.
    lane: usize,
    fate: Fate,
}

/// What a sender was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    Open,
    /// OK.
    Taken,
    /// An error.
    Refused,
    /// The connection was gone before the answer, and nobody asked again.
    Unknown,
}

/// What a client read of its inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// A reply to `inbox`: these letters, and so many bounces.
    Emptied { letters: Vec<usize>, bounces: usize },
    /// The reply to `inbox` was lost; these were in the inbox when it was asked for.
    Lost { sure: Vec<usize> },
    /// One message of a `peek`, which stays until it is acknowledged.
    Peeked(Item),
}

impl Post {
    /// Somebody sends a message; returns its number.
    pub fn send(
        &mut self,
        from: Person,
        recipient: Option<Person>,
        to: String,
        lane: usize,
    ) -> usize {
        self.letters.push(Letter {
            from,
            to,
            recipient,
            lane,
            fate: Fate::Open,
        });
        self.letters.len() - 1
    }

    /// The sender learns what became of it.
    pub fn answer(&mut self, number: usize, fate: Fate) {
        self.letters[number].fate = fate;
    }

    /// What is surely in an inbox now: what its own realm has taken, and nobody has read yet.
    #[must_use]
    pub fn surely_in(&self, reader: Person) -> Vec<usize> {
        let letters = self.letters.iter().enumerate();
        letters
            .filter(|(_, letter)| {
                letter.recipient == Some(reader)
                    && letter.from.realm == reader.realm
                    && letter.fate == Fate::Taken
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// Somebody reads a reply to `inbox`.
    pub fn emptied(&mut self, reader: Person, letters: Vec<usize>, bounces: usize) {
        let readings = self.readers.entry(reader).or_default();
        readings.push(Reading::Emptied { letters, bounces });
    }

    /// Somebody's connection is gone before the reply to `inbox` came.
    pub fn lost(&mut self, reader: Person, sure: Vec<usize>) {
        let readings = self.readers.entry(reader).or_default();
        readings.push(Reading::Lost { sure });
    }

    /// Somebody is shown a message by `peek`. A client that keeps what it is shown must see no
    /// number twice with different messages, and leave none out.
    pub fn peeked(&mut self, reader: Person, item: Item) {
        let readings = self.readers.entry(reader).or_default();
        match readings.get(item.id as usize - 1) {
            Some(Reading::Peeked(known)) if *known == item => return,
            None if item.id as usize == readings.len() + 1 => {
                readings.push(Reading::Peeked(item));
                return;
            }
            _ => {}
        }
        let stray = format!("{} is shown {item:?} out of turn", reader.address());
        self.strays.push(stray);
    }

    /// Who wrote a message.
    #[must_use]
    pub fn sender(&self, number: usize) -> Option<Person> {
        self.letters.get(number).map(|letter| letter.from)
    }

    /// Everybody who may have written to somebody.
    #[must_use]
    pub fn writers(&self, reader: Person) -> Vec<Person> {
        let to = self.letters.iter();
        let to = to.filter(|letter| letter.recipient == Some(reader));
        let mut writers: Vec<_> = to.map(|letter| letter.from).collect();
        writers.sort_unstable();
        writers.dedup();
        writers
    }

    /// How many senders were told that.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        let fates = self.letters.iter().filter(|letter| letter.fate == fate);
        fates.count()
    }

    /// What is wrong with messages, and what else is.
    #[must_use]
    pub fn into_findings(self) -> (Vec<Finding>, Vec<String>) {
        (self.findings, self.strays)
    }

    /// Whether anything is wrong up to now.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty() || !self.strays.is_empty()
    }

    fn find(&mut self, fault: Fault, number: usize) {
        let message = Message::Private(number);
        self.findings.push(Finding { fault, message });
    }
}
