//! What every inbox came to, against what was promised and shown.

use super::{Fate, Fault, KEYED, Person, Post, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// A message of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number there.
    pub id: u64,
    /// Which letter it is; none for a bounce.
    pub letter: Option<usize>,
    /// Whom the letter was for that a bounce is about.
    pub about: Option<String>,
}

impl Post {
    /// Compares all that every inbox ever had, in order, with what was promised and shown.
    pub fn audit(&mut self, inboxes: &BTreeMap<Person, Vec<Item>>) {
        let mut delivered = BTreeSet::new();
        let mut bounces: BTreeMap<(Person, String), usize> = BTreeMap::new();
        for (owner, items) in inboxes {
            self.audit_inbox(*owner, items, &mut delivered);
            for about in items.iter().filter_map(|item| item.about.clone()) {
                *bounces.entry((*owner, about)).or_default() += 1;
            }
            self.audit_readings(*owner, items);
        }
        self.audit_fates(&delivered, bounces);
    }

    fn audit_inbox(&mut self, owner: Person, items: &[Item], delivered: &mut BTreeSet<usize>) {
        let mut last: BTreeMap<(Person, usize), usize> = BTreeMap::new();
        for (item, id) in items.iter().zip(1..) {
            if item.id != id {
                let who = owner.address();
                self.strays
                    .push(format!("{who} should have message {id}, and has {item:?}"));
                return;
            }
            let Some(number) = item.letter else { continue };
            let Some(letter) = self.letters.get(number) else {
                self.find(Fault::Unpromised, number);
                continue;
            };
            // What nobody asked for any more may still have been on its way.
            let is_late = letter.fate == Fate::Unknown && letter.lane == KEYED;
            let lane = (letter.from, letter.lane);
            let before = if is_late {
                None
            } else {
                last.insert(lane, number)
            };
            if letter.recipient != Some(owner) {
                self.find(Fault::Misdelivered, number);
            } else if letter.fate == Fate::Refused {
                self.find(Fault::Unpromised, number);
            } else if !delivered.insert(number) {
                self.find(Fault::Twice, number);
            } else if before.is_some_and(|before| before > number) {
                self.find(Fault::OutOfOrder, number);
            }
        }
    }

    /// What clients read are pieces of what was in their inboxes, one behind the other; only between
    /// two of them may something be missing, if a reply was lost there.
    fn audit_readings(&mut self, owner: Person, items: &[Item]) {
        let ids: BTreeMap<usize, u64> = items
            .iter()
            .filter_map(|item| Some((item.letter?, item.id)))
            .collect();
        // Up to where the inbox may have been emptied.
        let mut ends = BTreeSet::from([0]);
        // What a lost reply took with it reaches at least as far as this, or it took nothing.
        let mut lost_from: Option<u64> = None;
        for reading in self.readers.remove(&owner).unwrap_or_default() {
            match reading {
                Reading::Peeked(item) => {
                    if items.get(item.id as usize - 1) != Some(&item) {
                        let who = owner.address();
                        self.strays.push(format!("{who} had been shown {item:?}"));
                    }
                }
                Reading::Lost { sure } => {
                    let sure = sure.iter().filter_map(|number| ids.get(number));
                    let upto = sure.max().copied().unwrap_or(0);
                    lost_from = Some(lost_from.unwrap_or(u64::MAX).min(upto));
                }
                Reading::Emptied { letters, bounces } => {
                    let count = (letters.len() + bounces) as u64;
                    if count == 0 {
                        continue;
                    }
                    let lost = lost_from.take();
                    let first = ends.first().copied().unwrap_or(0);
                    let may_end = |end: &u64| {
                        ends.contains(end) || lost.is_some_and(|from| *end >= from.max(first))
                    };
                    let shown: BTreeSet<_> = letters.iter().filter_map(|it| ids.get(it)).collect();
                    let fits = |end: &u64| {
                        let piece = items.get(*end as usize..(end + count) as usize);
                        piece.is_some_and(|piece| {
                            let is_shown = |item: &&Item| shown.contains(&item.id);
                            shown.len() == letters.len()
                                && piece.iter().filter(is_shown).count() == shown.len()
                                && piece.iter().filter(|it| it.letter.is_none()).count() == bounces
                        })
                    };
                    let begins = (0..=items.len() as u64).filter(may_end).filter(fits);
                    let next: BTreeSet<_> = begins.map(|end| end + count).collect();
                    if next.is_empty() {
                        let who = owner.address();
                        self.strays.push(format!(
                            "{who} read letters {letters:?} and {bounces} bounces, which do not \
                             follow on {ends:?} (lost: {lost:?})"
                        ));
                        return;
                    }
                    ends = next;
                }
            }
        }
    }

    /// Everything that was promised came, or came back; never both.
    fn audit_fates(
        &mut self,
        delivered: &BTreeSet<usize>,
        mut bounces: BTreeMap<(Person, String), usize>,
    ) {
        // Which of several letters to one address a bounce means is not told: first those that were
        // promised, then those of which nobody knows.
        for wanted in [Fate::Taken, Fate::Unknown, Fate::Open] {
            for number in 0..self.letters.len() {
                let letter = &self.letters[number];
                if letter.fate != wanted || delivered.contains(&number) {
                    continue;
                }
                let about = (letter.from, letter.to.clone());
                let left = bounces.get_mut(&about).filter(|left| **left > 0);
                match left {
                    Some(left) => *left -= 1,
                    None if wanted == Fate::Taken => self.find(Fault::Lost, number),
                    None => {}
                }
            }
        }
        for number in 0..self.letters.len() {
            if self.letters[number].fate == Fate::Open {
                self.find(Fault::Unanswered, number);
            }
        }
        for ((from, to), left) in bounces.into_iter().filter(|(_, left)| *left > 0) {
            let who = from.address();
            self.strays
                .push(format!("{who} got {left} bounces too many about {to}"));
        }
    }
}
