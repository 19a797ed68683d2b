//! All randomness of a realm, from the one seed it is made with.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::BuildHasher;
use uuid::Uuid;

/// A map hashed under a key of the realm's own, so that nobody can choose names that collide.
pub(crate) type SeededMap<K, V> = HashMap<K, V, SeededState>;

/// A set hashed likewise.
#[expect(
    clippy::disallowed_types,
    reason = "this is the one with `SeededState`"
)]
pub(crate) type SeededSet<T> = std::collections::HashSet<T, SeededState>;

/// Makes the hashers of a [`SeededMap`].
#[derive(Clone)]
pub(crate) struct SeededState {
    keys: (u64, u64),
}

impl std::fmt::Debug for SeededState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeededState(***)")
    }
}

impl BuildHasher for SeededState {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.keys.0, self.keys.1)
    }
}

/// A stream of random numbers that only the seed determines.
#[derive(Clone)]
pub(crate) struct Random {
    rng: ChaCha20Rng,
    /// The time and the counter of the last envelope's identity.
    last_v7: (u64, u16),
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(***)")
    }
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            rng: ChaCha20Rng::from_seed(seed),
            last_v7: (0, 0),
        }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) fn map<K, V>(&mut self) -> SeededMap<K, V> {
        let keys = (self.rng.next_u64(), self.rng.next_u64());
        HashMap::with_hasher(SeededState { keys })
    }

    pub(crate) fn set<T>(&mut self) -> SeededSet<T> {
        let keys = (self.rng.next_u64(), self.rng.next_u64());
        SeededSet::with_hasher(SeededState { keys })
    }

    /// A number from 0 to `bound`, both included.
    pub(crate) fn up_to(&mut self, bound: u64) -> u64 {
        match bound.checked_add(1) {
            // The bias of a remainder is below 2^-20 for any span of time that is asked for here.
            Some(count) => self.rng.next_u64() % count,
            None => self.rng.next_u64(),
        }
    }

    /// A stream's identity.
    pub(crate) fn uuid_v4(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// An envelope's identity: sorts by the time it was made, and by order within a millisecond.
    pub(crate) fn uuid_v7(&mut self, unix_ms: u64) -> Uuid {
        let mut bytes = [0; 10];
        self.rng.fill_bytes(&mut bytes);
        let (last_ms, counter) = self.last_v7;
        let (ms, counter) = if unix_ms > last_ms {
            (unix_ms, 0)
        } else if counter < V7_COUNTER_MAX {
            (last_ms, counter + 1)
        } else {
            (last_ms + 1, 0)
        };
        self.last_v7 = (ms, counter);
        for (to, from) in bytes.iter_mut().zip(counter.to_be_bytes()) {
            *to = from;
        }
        uuid::Builder::from_unix_timestamp_millis(ms, &bytes).into_uuid()
    }
}

/// The bits after a time-ordered identity's version.
const V7_COUNTER_MAX: u16 = 0x0fff;

/// When an id of version 7 was made.
pub(crate) fn unix_ms_of(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_envelopes_sort_in_the_order_of_their_making() {
        let mut random = Random::new([7; 32]);

        let ids: Vec<_> = (0..10_000)
            .map(|at| random.uuid_v7(1_790_000_000_000 + at / 5_000))
            .collect();

        assert!(ids.is_sorted_by(|one, two| one < two));
        assert_eq!(ids[0].get_version_num(), 7);
    }
}
