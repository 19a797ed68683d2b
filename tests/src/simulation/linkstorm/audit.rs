//! What every inbox came to, against what was accepted.

use super::super::ledger::{Fault, Person};
use super::super::town::REALMS;
use super::acts::nobody;
use super::folk::{FIRST, Folk, Sent};
use super::ledger::{Fate, Letter};
use super::trace::number;
use crate::disk::Kept;
use chatproto::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

/// Why a realm gives up a message that, as far as it knows, never left.
const GIVEN_UP: [ErrorCode; 3] = [
    ErrorCode::Expired,
    ErrorCode::PeerRemoved,
    ErrorCode::MessageTooLong,
];

/// What came of all letters.
#[derive(Default)]
struct Found {
    delivered: BTreeSet<usize>,
    /// Letters that are not there, for a reason that their sender knows.
    explained: BTreeSet<usize>,
    /// Bounces of each person, by the address that they are about.
    bounces: BTreeMap<(Person, String), usize>,
    /// How many of those say that the message never left.
    given_up: BTreeMap<(Person, String), usize>,
}

impl Found {
    /// Takes a bounce that may be of a letter, if there is one left.
    fn take_bounce(&mut self, letter: &Letter, number: usize) -> bool {
        let to = letter.to.map(Person::address);
        let about = to.unwrap_or_else(|| nobody(number, letter.realm));
        let bounces = self.bounces.get_mut(&(letter.from, about));
        let bounces = bounces.filter(|bounces| **bounces > 0);
        bounces.map(|bounces| *bounces -= 1).is_some()
    }
}

impl Folk {
    /// Compares what the realms have kept with what was promised and shown.
    pub(super) fn audit(&mut self) {
        let mut found = Found::default();
        for at in 0..self.people.len() {
            let owner = self.people[at].person;
            let kept = self.world.kept(owner.realm, (owner.number - FIRST) as u32);
            self.audit_shown(at, &kept);
            self.audit_inbox(owner, &kept, &mut found);
        }
        self.audit_fates(&mut found);
        self.audit_bounces(found);
    }

    /// What was read is what was kept, each under its number.
    fn audit_shown(&mut self, at: usize, kept: &[Kept]) {
        let shown = std::mem::take(&mut self.people[at].shown);
        for ((id, letter), expected) in shown.iter().zip(1..) {
            let there = kept.get(*id as usize - 1);
            let is_right = there.is_some_and(|it| number(&it.text) == *letter);
            if (!is_right || *id != expected)
                && !self.ledger.was_set_back(at / self.climate.users_each)
            {
                let who = self.people[at].person.address();
                self.ledger.stray(format!(
                    "{who} was shown {letter:?} as message {id} out of turn"
                ));
                return;
            }
        }
    }

    fn audit_inbox(&mut self, owner: Person, kept: &[Kept], found: &mut Found) {
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for one in kept {
            if let Some(realm) = one.sender.strip_prefix('*') {
                self.audit_bounce(owner, realm.trim_end_matches('*'), &one.text, found);
                continue;
            }
            let is_hostile = self.climate.hostile.is_some_and(|hostile| {
                one.sender.ends_with(&format!("@{}", REALMS[hostile])) || owner.realm == hostile
            });
            if is_hostile {
                // Its people may say anything, in their own names.
                if let Some(letter) = number(&one.text) {
                    found.delivered.insert(letter);
                }
                continue;
            }
            let known = number(&one.text).filter(|it| *it < self.ledger.letters.len());
            let Some(number) = known else {
                let who = owner.address();
                self.ledger
                    .stray(format!("{who} has {one:?}, which nobody wrote"));
                continue;
            };
            let letter = self.ledger.letters[number];
            let sender = if letter.from.realm == owner.realm {
                letter.from.name()
            } else {
                letter.from.address()
            };
            let before = last.insert(letter.lane, number);
            if letter.to != Some(owner) {
                self.ledger.find(Fault::Misdelivered, number);
            } else if sender != one.sender {
                self.ledger.find(Fault::Misattributed, number);
            } else if letter.fate == Fate::Refused {
                self.ledger.find(Fault::Unpromised, number);
            } else if !found.delivered.insert(number) {
                self.ledger.find(Fault::Twice, number);
            } else if before.is_some_and(|before| before > number) && !self.is_old(&letter) {
                self.ledger.find(Fault::OutOfOrder, number);
            }
        }
    }

    fn audit_bounce(&mut self, owner: Person, realm: &str, text: &str, found: &mut Found) {
        let about = text.strip_prefix(" Pesan untuk ");
        let about = about.and_then(|about| about.split_once(" tidak terkirim: "));
        let of_realm = |about: &(&str, &str)| about.0.ends_with(&format!("@{realm}"));
        if let Some((about, reason)) = about.filter(of_realm) {
            self.report.bounced += 1;
            let key = (owner, about.to_owned());
            if GIVEN_UP
                .iter()
                .any(|code| reason.starts_with(code.message()))
            {
                *found.given_up.entry(key.clone()).or_default() += 1;
            }
            *found.bounces.entry(key).or_default() += 1;
        } else {
            let who = owner.address();
            self.ledger.stray(format!("{who} has {text:?} of {realm}"));
        }
    }

    /// Whether nothing is promised about a letter.
    fn is_of_hostile(&self, letter: &Letter) -> bool {
        self.climate.is_hostile(letter.realm) || self.climate.is_hostile(letter.from.realm)
    }

    /// Whether a letter was written before the disk of one of its realms was replaced or set back.
    fn is_old(&self, letter: &Letter) -> bool {
        let mut realms = [letter.from.realm, letter.realm].into_iter();
        realms.any(|realm| self.ledger.set_back_after(realm, letter.written).is_some())
    }

    /// Whether a letter may be nowhere: its realm has forgotten it, or one of the two has forgotten
    /// what the other had let go of, and both have said so.
    fn may_be_missing(&self, letter: &Letter, point: u32) -> bool {
        let (from, to) = (letter.from.realm, letter.realm);
        let is_told = |at| self.ledger.was_told(from, to, at) && self.ledger.was_told(to, from, at);
        let set_back = |realm| self.ledger.set_back_after(realm, point);
        self.ledger.has_forgotten(from, point)
            || set_back(to).is_some_and(|at| from == to || is_told(at))
            || set_back(from).is_some_and(is_told)
    }

    /// What the outboxes say agrees with what came of the letters.
    fn audit_fates(&mut self, found: &mut Found) {
        for at in 0..self.people.len() {
            for (number, state) in self.people[at].outbox.take().unwrap_or_default() {
                let letter = self.ledger.letters[number];
                match state {
                    Sent::Failed { is_explained: true } => {
                        found.explained.insert(number);
                    }
                    Sent::Failed { .. } | Sent::Queued => self.suspect = Some(number),
                    _ => {}
                }
                if self.is_old(&letter) || self.is_of_hostile(&letter) {
                    continue;
                }
                let is_there = found.delivered.contains(&number);
                let is_right = match state {
                    Sent::Delivered => is_there,
                    Sent::Failed { .. } => !is_there,
                    Sent::Queued => false,
                    Sent::Unknown => self.is_unknown(&letter),
                };
                if !is_right {
                    self.ledger.stray(format!(
                        "the outbox says of letter {number} that it is {state:?}, and it is {} there",
                        if is_there { "" } else { "not" }
                    ));
                    self.ledger.find(Fault::Lost, number);
                }
            }
        }
    }

    /// What did not come has come back, once; what came has not.
    fn audit_bounces(&mut self, mut found: Found) {
        let mut due: BTreeMap<(Person, usize), Due> = BTreeMap::new();
        let (mut bounced, mut spared) = (Vec::new(), Vec::new());
        for number in 0..self.ledger.letters.len() {
            let letter = self.ledger.letters[number];
            if letter.fate == Fate::Open {
                self.ledger.find(Fault::Unanswered, number);
            }
            if self.is_of_hostile(&letter) || letter.fate == Fate::Refused {
                continue;
            }
            let is_there = found.delivered.contains(&number);
            let due = due.entry((letter.from, letter.realm)).or_default();
            match letter.fate {
                // It may bounce nonetheless where its realm forgot that it had gone: from a copy in which it
                // still waited it may be given up before the peer can say that it came.
                Fate::Taken(point) if is_there => {
                    let realm = letter.from.realm;
                    if self.ledger.has_forgotten(realm, point) {
                        due.spare += 1;
                    } else if self.ledger.is_in_a_copy_put_back(realm, point) {
                        due.spare_given_up += 1;
                    }
                }
                Fate::Taken(point) if self.may_be_nowhere(&letter, point) => spared.push(number),
                Fate::Taken(_) => bounced.push(number),
                _ => due.spare += usize::from(!is_there),
            }
        }
        // Which of several letters to one address a bounce means is not told: those that must have
        // one come first, and of them those of which the outbox knows it.
        bounced.sort_by_key(|number| !found.explained.contains(number));
        for number in bounced {
            let letter = self.ledger.letters[number];
            if !found.take_bounce(&letter, number) {
                let due = due.entry((letter.from, letter.realm)).or_default();
                due.missing.push(number);
            }
        }
        for number in spared {
            let letter = self.ledger.letters[number];
            if !found.take_bounce(&letter, number) {
                due.entry((letter.from, letter.realm)).or_default().spare += 1;
                let is_unknown = self.is_unknown(&letter);
                self.report.unknown += usize::from(is_unknown);
                self.report.forgotten += usize::from(!is_unknown);
            }
        }
        self.match_bounces(due, &found);
    }

    /// Whether nobody may ever know what became of a letter: its realm took the peer out.
    fn is_unknown(&self, letter: &Letter) -> bool {
        let (from, to) = (letter.from.realm, letter.realm);
        self.ledger.was_removed(from, to, letter.written)
    }

    fn may_be_nowhere(&self, letter: &Letter, point: u32) -> bool {
        self.is_unknown(letter) || self.may_be_missing(letter, point)
    }

    /// Bounces that say no more than which realm they are about, and those left over, stand for what
    /// is still without one.
    fn match_bounces(&mut self, mut due: BTreeMap<(Person, usize), Due>, found: &Found) {
        for ((person, about), left) in &found.bounces {
            let (user, realm) = about.split_once('@').unwrap_or_default();
            let realm = REALMS
                .iter()
                .position(|known| *known == realm)
                .unwrap_or_default();
            if self.climate.is_hostile(realm) || self.climate.is_hostile(person.realm) {
                continue;
            }
            let due = due.entry((*person, realm)).or_default();
            let mut left = *left;
            if user == "*" {
                let matched = left.min(due.missing.len());
                due.missing.drain(..matched);
                left -= matched;
            }
            let key = (*person, about.clone());
            let given_up = found.given_up.get(&key).copied().unwrap_or_default();
            due.extra_given_up += left.min(given_up);
            due.extra += left;
        }
        for ((person, realm), due) in due {
            for number in due.missing {
                self.ledger.find(Fault::Lost, number);
            }
            let spare = due.spare + due.extra_given_up.min(due.spare_given_up);
            if due.extra > spare {
                let (who, extra) = (person.address(), due.extra - spare);
                self.ledger.stray(format!(
                    "{who} has {extra} bounces too many about {}",
                    REALMS[realm]
                ));
            }
        }
    }
}

/// Bounces that somebody should have about a realm.
#[derive(Default)]
struct Due {
    /// Letters that are nowhere and of which no bounce tells.
    missing: Vec<usize>,
    /// Bounces about nothing that has to be missing.
    extra: usize,
    /// How many of those there may be.
    spare: usize,
    /// How many of the extra ones may say that a message never left.
    extra_given_up: usize,
    /// How many of these there may be beside the others.
    spare_given_up: usize,
}
