//! Parts of a state that states share, hashed once: half of a checker's time goes into hashing.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A part that knows its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hashed<T> {
    part: Arc<T>,
    hash: u64,
}

impl<T: Clone + Hash> Hashed<T> {
    pub(super) fn new(part: T) -> Self {
        let hash = hash_of(&part);
        let part = Arc::new(part);
        Self { part, hash }
    }

    /// Changes it, and not the states that share it.
    pub(super) fn change<R>(&mut self, what: impl FnOnce(&mut T) -> R) -> R {
        let changed = what(Arc::make_mut(&mut self.part));
        self.hash = hash_of(&*self.part);
        changed
    }
}

impl<T> Deref for Hashed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.part
    }
}

impl<T> Hash for Hashed<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

/// The same value gives the same hash in every run.
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = Folded(0x9e37_79b9_7f4a_7c15);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Multiplies into 128 bits and folds them; nobody chooses what is hashed here.
struct Folded(u64);

impl Hasher for Folded {
    fn write_u64(&mut self, n: u64) {
        let product = u128::from(self.0 ^ n) * 0xd6e8_feb8_6659_fd93_u128;
        self.0 = (product as u64 ^ (product >> 64) as u64).rotate_left(23);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
