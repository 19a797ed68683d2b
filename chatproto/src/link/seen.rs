//! Which messages of a peer were kept: the same one in another stream is no second copy.

use crate::random::SeededSet;
use std::collections::VecDeque;
use uuid::Uuid;

/// The ids of the messages last kept of one peer.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq, Eq))]
pub(crate) struct Seen {
    ids: SeededSet<Uuid>,
    /// In the order in which they were kept; the last one has the number `last`.
    order: VecDeque<Uuid>,
    last: u64,
}

/// A message's number among all kept of its peer, and the least one that is still remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) oldest: u64,
}

impl Seen {
    pub(crate) fn new(ids: SeededSet<Uuid>) -> Self {
        Self {
            ids,
            order: VecDeque::new(),
            last: 0,
        }
    }

    pub(crate) fn contains(&self, id: &Uuid) -> bool {
        self.ids.contains(id)
    }

    /// Remembers a message, and forgets the oldest one where there are too many.
    pub(crate) fn add(&mut self, id: Uuid, ids_max: u64) -> Numbered {
        self.last += 1;
        self.push(id, ids_max);
        Numbered {
            number: self.last,
            oldest: self.last + 1 - self.order.len() as u64,
        }
    }

    /// Puts a message back. Returns whether it is the next one, or was there before.
    pub(crate) fn restore(&mut self, number: u64, id: Uuid, oldest: u64) -> bool {
        if number <= self.last {
            return true;
        }
        // Those before the first that a store remembers are forgotten.
        if !self.order.is_empty() && number != self.last + 1 {
            return false;
        }
        self.last = number;
        self.push(id, (number + 1).saturating_sub(oldest));
        true
    }

    fn push(&mut self, id: Uuid, ids_max: u64) {
        self.ids.insert(id);
        self.order.push_back(id);
        while self.order.len() as u64 > ids_max {
            if let Some(first) = self.order.pop_front() {
                self.ids.remove(&first);
            }
        }
    }
}

/// What is in the set is in the order too.
#[cfg(test)]
impl std::hash::Hash for Seen {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        (&self.order, self.last).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const A: Uuid = Uuid::from_u128(0xa);
    const B: Uuid = Uuid::from_u128(0xb);
    const C: Uuid = Uuid::from_u128(0xc);

    fn seen() -> Seen {
        Seen::new(Random::new([7; 32]).set())
    }

    #[test]
    fn the_newest_ids_are_remembered() {
        let mut seen = seen();

        seen.add(A, 2);
        seen.add(B, 2);
        let numbered = seen.add(C, 2);

        let expected = Numbered {
            number: 3,
            oldest: 2,
        };
        assert_eq!(numbered, expected);
        assert_eq!([A, B, C].map(|id| seen.contains(&id)), [false, true, true]);
    }

    #[test]
    fn what_a_store_gives_twice_is_there_once() {
        let mut restored = seen();

        assert!(restored.restore(7, A, 6));
        assert!(restored.restore(8, B, 7));
        assert!(restored.restore(7, A, 6));

        assert!(!restored.restore(10, C, 7));
        let expected = Numbered {
            number: 9,
            oldest: 8,
        };
        assert_eq!(restored.add(C, 2), expected);
        assert!(!restored.contains(&A));
    }
}
