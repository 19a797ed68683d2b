//! All randomness of a realm, from the one seed it is made with.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::BuildHasher;
use uuid::Uuid;

/// A map hashed under a key of the realm's own, so that nobody can choose names that collide.
pub(crate) type SeededMap<K, V> = HashMap<K, V, SeededState>;

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
pub(crate) struct Random(ChaCha20Rng);

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(***)")
    }
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) fn map<K, V>(&mut self) -> SeededMap<K, V> {
        let keys = (self.0.next_u64(), self.0.next_u64());
        HashMap::with_hasher(SeededState { keys })
    }

    /// A number from 0 to `bound`, both included.
    pub(crate) fn up_to(&mut self, bound: u64) -> u64 {
        match bound.checked_add(1) {
            // The bias of a remainder is below 2^-20 for any span of time that is asked for here.
            Some(count) => self.0.next_u64() % count,
            None => self.0.next_u64(),
        }
    }

    /// A stream's identity.
    pub(crate) fn uuid_v4(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// An envelope's identity: sorts by the time it was made.
    pub(crate) fn uuid_v7(&mut self, unix_ms: u64) -> Uuid {
        let mut bytes = [0; 10];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(unix_ms, &bytes).into_uuid()
    }
}
