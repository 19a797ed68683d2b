//! Chance that a seed decides.

use crate::disk::Survival;

/// A stream of numbers that look random: the same seed gives the same ones.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number: one step of `SplitMix64`.
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound`, without it.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The seed of a realm.
    pub(super) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for bytes in seed.chunks_mut(8) {
            bytes.copy_from_slice(&self.number().to_le_bytes());
        }
        seed
    }

    /// What is left of a disk after a crash, told by numbers below `few_max`.
    pub(super) fn survival(&mut self, few_max: usize) -> Survival {
        let few = self.below(few_max);
        match self.below(7) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::First(few),
            3 => Survival::AllButFirst(few),
            4 => Survival::Torn(few),
            5 => Survival::Twice(few),
            _ => Survival::Some(self.number()),
        }
    }
}
