//! The reference model: which message was accepted when, and what has happened to disks and peers
//! since.
//!
//! It knows no engine and no time: everything that matters gets the next number of one count.

use super::super::ledger::{Fault, Finding, Message, Person};

/// What a sender was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing yet.
    Open,
    /// OK, at this point of the count.
    Taken(u32),
    /// An error.
    Refused,
    /// The connection was gone before the answer.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) from: Person,
    /// The realm of the recipient.
    pub(super) realm: usize,
    /// None if nobody there is called so.
    pub(super) to: Option<Person>,
    /// Letters of one lane to one recipient come in the order of their numbers.
    pub(super) lane: usize,
    /// When it was written, and perhaps taken though nobody had been told yet.
    pub(super) written: u32,
    pub(super) fate: Fate,
}

/// A disk that was replaced, or set back to a copy.
#[derive(Clone, Copy, Debug)]
struct Setback {
    realm: usize,
    /// When the copy was made.
    copied: u32,
    at: u32,
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) letters: Vec<Letter>,
    count: u32,
    setbacks: Vec<Setback>,
    /// Which realm took which peer out, and when.
    removals: Vec<(usize, usize, u32)>,
    /// Which realm has told that something of which peer is missing, and when.
    truncations: Vec<(usize, usize, u32)>,
    pub(super) findings: Vec<Finding>,
    pub(super) strays: Vec<String>,
}

impl Ledger {
    pub(super) fn write(
        &mut self,
        from: Person,
        (realm, to): (usize, Option<Person>),
        lane: usize,
    ) -> usize {
        self.letters.push(Letter {
            from,
            realm,
            to,
            lane,
            written: self.count,
            fate: Fate::Open,
        });
        self.letters.len() - 1
    }

    pub(super) fn take(&mut self, number: usize) {
        self.letters[number].fate = Fate::Taken(self.count);
    }

    pub(super) fn answer(&mut self, number: usize, fate: Fate) {
        self.letters[number].fate = fate;
    }

    /// A copy of a disk is made; returns when.
    pub(super) fn copied(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// A disk is set back to a copy, or replaced by an empty one, which is a copy of number 0.
    pub(super) fn set_back(&mut self, realm: usize, copied: u32) {
        self.count += 1;
        let at = self.count;
        self.setbacks.push(Setback { realm, copied, at });
    }

    /// A realm takes a peer out.
    pub(super) fn removed(&mut self, realm: usize, peer: usize) {
        self.count += 1;
        self.removals.push((realm, peer, self.count));
    }

    /// A realm tells that something is missing between it and a peer.
    pub(super) fn truncated(&mut self, realm: usize, peer: usize) {
        self.truncations.push((realm, peer, self.count));
    }

    pub(super) fn find(&mut self, fault: Fault, number: usize) {
        let message = Message::Private(number);
        self.findings.push(Finding { fault, message });
    }

    pub(super) fn stray(&mut self, what: String) {
        self.strays.push(what);
    }

    /// When a realm's disk was first replaced or set back after a point.
    pub(super) fn set_back_after(&self, realm: usize, point: u32) -> Option<u32> {
        let setbacks = self.setbacks.iter();
        let mut after = setbacks.filter(|it| it.realm == realm && it.at > point);
        after.next().map(|it| it.at)
    }

    pub(super) fn was_set_back(&self, realm: usize) -> bool {
        self.set_back_after(realm, 0).is_some()
    }

    /// Whether a realm has forgotten what it accepted at a point: its disk was set back to a copy that
    /// is older.
    pub(super) fn has_forgotten(&self, realm: usize, point: u32) -> bool {
        let mut setbacks = self.setbacks.iter();
        setbacks.any(|it| it.realm == realm && it.copied <= point && point < it.at)
    }

    /// Whether a realm's disk was set back to a copy made after a point.
    pub(super) fn is_in_a_copy_put_back(&self, realm: usize, point: u32) -> bool {
        let mut setbacks = self.setbacks.iter();
        setbacks.any(|it| it.realm == realm && it.copied > point)
    }

    /// Whether a realm has taken a peer out after a point.
    pub(super) fn was_removed(&self, realm: usize, peer: usize, point: u32) -> bool {
        let mut removals = self.removals.iter();
        removals.any(|it| (it.0, it.1) == (realm, peer) && it.2 > point)
    }

    /// Whether any realm ever took this other one out, or the other way round.
    pub(super) fn were_parted(&self, realm: usize, peer: usize) -> bool {
        self.was_removed(realm, peer, 0) || self.was_removed(peer, realm, 0)
    }

    /// Whether a realm has told since that point that something is missing.
    pub(super) fn was_told(&self, realm: usize, peer: usize, point: u32) -> bool {
        let mut told = self.truncations.iter();
        told.any(|it| (it.0, it.1) == (realm, peer) && it.2 >= point)
    }
}
