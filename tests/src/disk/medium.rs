//! Sectors with a write cache in front of them.

use super::state::State;
use chatproto::Record;
use std::sync::Arc;

/// What the disk can write as a whole: one record of a batch, and where it belongs.
///
/// The records of a batch are shared, so a sector holds a place in them in place of bytes.
#[derive(Clone, Debug)]
pub(super) struct Sector {
    /// Which start of the store wrote it: a number that no other start has.
    pub(super) start: u64,
    /// The batch's place in the log, counted from 1.
    pub(super) batch: u64,
    /// Which of the batch's records.
    pub(super) index: usize,
    pub(super) records: Arc<Vec<Record>>,
}

/// What became of a place on the disk.
#[derive(Clone, Debug, Default)]
pub(super) enum Place {
    #[default]
    Blank,
    /// Half of it was written: its checksum is wrong.
    Torn,
    Written(Sector),
}

/// What is left of the sectors that were not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Nothing.
    Nothing,
    /// Everything: the process died, and the system wrote the rest.
    Everything,
    /// The first so many.
    First(usize),
    /// All but the first so many: they were written in another order.
    AllButFirst(usize),
    /// All but this one, of which one half was written.
    Torn(usize),
    /// Each or not, as the bits of the number say, the first one's last.
    Some(u64),
    /// Everything, and the last so many once more behind it.
    Twice(usize),
}

/// A disk. What was synced stays.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub(super) places: Vec<Place>,
    /// Writes on their way, in order.
    cache: Vec<(usize, Sector)>,
    /// What the log before the first place came to; replaced as a whole.
    pub(super) checkpoint: State,
    /// How many batches are in the checkpoint.
    pub(super) checkpoint_upto: u64,
    pub(super) is_full: bool,
    pub(super) fails_next: bool,
    pub(super) witness: Witness,
}

/// What really happened, to compare with what is found.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    /// The batches whose commit returned, and their number.
    pub(super) promised: u64,
    /// Those of them that are not in the checkpoint, and the one that may be under way.
    pub(super) begun: Vec<Arc<Vec<Record>>>,
}

impl Disk {
    pub(super) fn write(&mut self, place: usize, sector: Sector) {
        self.cache.push((place, sector));
    }

    /// How many sectors are on their way.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn sync(&mut self) {
        self.keep(self.cache.len());
    }

    /// Writes the first so many sectors that are on their way.
    pub(super) fn keep(&mut self, count: usize) {
        let kept: Vec<_> = self.cache.drain(..count).collect();
        for (place, sector) in kept {
            self.put(place, Place::Written(sector));
        }
    }

    /// The power goes; what was on its way is lost or not.
    pub(super) fn crash(&mut self, survival: Survival) {
        let cache = std::mem::take(&mut self.cache);
        let count = cache.len();
        let end = cache.last().map_or(0, |(place, _)| place + 1);
        let lives = |at: usize| match survival {
            Survival::Nothing => false,
            Survival::Everything | Survival::Twice(_) => true,
            Survival::First(first) => at < first,
            Survival::AllButFirst(first) => at >= first,
            Survival::Torn(torn) => at != torn,
            Survival::Some(bits) => bits >> (at % 64) & 1 == 1,
        };
        for (at, (place, sector)) in cache.iter().enumerate() {
            if lives(at) {
                self.put(*place, Place::Written(sector.clone()));
            } else if survival == Survival::Torn(at) {
                self.put(*place, Place::Torn);
            }
        }
        if let Survival::Twice(last) = survival {
            let tail = &cache[count - last.min(count)..];
            for (at, (_, sector)) in tail.iter().enumerate() {
                self.put(end + at, Place::Written(sector.clone()));
            }
        }
    }

    fn put(&mut self, place: usize, what: Place) {
        if place >= self.places.len() {
            self.places.resize_with(place + 1, Place::default);
        }
        self.places[place] = what;
    }
}
