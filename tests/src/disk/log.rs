//! A store that writes batches one behind the other.

use super::medium::{Disk, Place, Sector, Survival};
use super::state::{Kept, State};
use chatproto::link::frame::StreamKind;
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, Store, StoreError};
use chatproto::{Batch, Record, UserId};
use std::sync::Arc;

/// What is wrong with a store, so that the checks have something to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// A commit returns before the disk has it all.
    PromisesEarly,
    /// A batch of which a part is missing counts as far as it goes.
    TakesParts,
    /// What a start of the store wrote is taken for what another one wrote.
    MixesStarts,
    /// How far a peer's stream was dealt with is written with the next batch.
    DelaysCursors,
    /// Word of a refusal is written with the batch after that of the cursor which passed it.
    DelaysBounces,
    /// That envelopes may have been sent is not written at all.
    LosesMarks,
}

/// How what was found is told to the realm. All of them come to the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// As few records as there can be; inboxes in short.
    Folded,
    /// The checkpoint, and then each record as it was written.
    AsWritten,
    /// The same, each record twice.
    EachTwice,
    /// The same, all that was written after the checkpoint twice.
    AllTwice,
}

/// What was found on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Batches in all.
    pub batches: u64,
    /// Batches whose commit had returned.
    pub promised: u64,
    /// What is wrong with that.
    pub wrong: Option<String>,
}

/// A log on a disk.
#[derive(Debug)]
pub struct Log {
    disk: Disk,
    flaw: Flaw,
    start: u64,
    /// Everything that was committed.
    state: State,
    /// What was found after the checkpoint.
    found: Vec<Record>,
    loading: Loading,
    /// How many batches the log has, and where the next one goes.
    batches: u64,
    end: usize,
    under_way: Option<UnderWay>,
    is_broken: bool,
    /// What a flaw keeps for the next batch.
    late: Vec<Record>,
}

#[derive(Clone, Debug)]
struct UnderWay {
    records: Arc<Vec<Record>>,
    written: usize,
}

impl Log {
    /// Reads a disk. `start` must be a number that no other start on it has.
    #[must_use]
    pub fn open(disk: Disk, flaw: Flaw, loading: Loading, start: u64) -> (Self, Recovered) {
        let mut log = Self {
            state: disk.checkpoint.clone(),
            batches: disk.checkpoint_upto,
            disk,
            flaw,
            start,
            found: Vec::new(),
            loading,
            end: 0,
            under_way: None,
            is_broken: false,
            late: Vec::new(),
        };
        let whole = log.recover();
        let recovered = log.check(&whole);
        // Only what was found is there from now on.
        log.disk.witness.promised = log.batches;
        log.disk.witness.begun = whole;
        (log, recovered)
    }

    /// Begins to write a batch.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn begin(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.is_broken {
            return Err(StoreError::Broken("the disk is broken".to_owned()));
        }
        if self.disk.is_full {
            return Err(StoreError::Full("the disk is full".to_owned()));
        }
        let records = self.as_written(&batch.records);
        // Of several attempts on the same place the last one counts.
        let done = (self.disk.witness.promised - self.disk.checkpoint_upto) as usize;
        self.disk.witness.begun.truncate(done);
        self.disk.witness.begun.push(Arc::clone(&records));
        let written = 0;
        self.under_way = Some(UnderWay { records, written });
        Ok(())
    }

    /// What is written in the place of a batch: the same, if nothing is wrong.
    fn as_written(&mut self, records: &Arc<Vec<Record>>) -> Arc<Vec<Record>> {
        let is_late: fn(&Record) -> bool = match self.flaw {
            Flaw::DelaysCursors => is_cursor,
            Flaw::DelaysBounces => is_bounce,
            Flaw::LosesMarks => {
                return Arc::new(records.iter().filter_map(without_mark).collect());
            }
            _ => return Arc::clone(records),
        };
        let mut written = std::mem::take(&mut self.late);
        let (late, rest) = records.iter().cloned().partition(is_late);
        self.late = late;
        written.extend::<Vec<_>>(rest);
        Arc::new(written)
    }

    /// Writes the next sector of the batch under way; returns whether there was one left.
    pub fn write_next(&mut self) -> bool {
        let Some(under_way) = &mut self.under_way else {
            return false;
        };
        let index = under_way.written;
        if index == under_way.records.len() {
            return false;
        }
        under_way.written += 1;
        let sector = Sector {
            start: self.start,
            batch: self.batches + 1,
            index,
            records: Arc::clone(&under_way.records),
        };
        self.disk.write(self.end + index, sector);
        true
    }

    /// Makes sure of the batch under way.
    ///
    /// # Errors
    ///
    /// The disk has failed, and nobody knows what of the batch it has.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let under_way = self.under_way.take();
        let under_way = under_way.expect("a batch begins before it is synced");
        assert_eq!(under_way.written, under_way.records.len(), "all is written");
        if std::mem::take(&mut self.disk.fails_next) {
            self.is_broken = true;
            return Err(StoreError::Broken("the disk has failed".to_owned()));
        }
        let count = under_way.records.len();
        match self.flaw {
            Flaw::PromisesEarly => self.disk.keep(self.disk.cached() - count),
            _ => self.disk.sync(),
        }
        self.batches += 1;
        self.disk.witness.promised = self.batches;
        self.end += count;
        for record in under_way.records.iter() {
            self.state.apply(record);
        }
        Ok(())
    }

    /// The process is gone, and perhaps the power.
    #[must_use]
    pub fn crash(mut self, survival: Survival) -> Disk {
        self.disk.crash(survival);
        self.disk
    }

    /// What a copy of the disk is that is made now: all that was synced.
    #[must_use]
    pub fn copy(&self) -> Disk {
        let mut copy = self.disk.clone();
        copy.crash(Survival::Nothing);
        (copy.is_full, copy.fails_next) = (false, false);
        copy.witness
            .begun
            .truncate((self.batches - self.disk.checkpoint_upto) as usize);
        copy
    }

    /// All that ever came to an inbox.
    #[must_use]
    pub fn kept(&self, owner: UserId) -> Vec<Kept> {
        self.state.kept(owner)
    }

    /// What should be gone once everything is settled.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        self.state.leftovers()
    }

    /// Says what is wrong with the store from now on.
    pub fn set_flaw(&mut self, flaw: Flaw) {
        self.flaw = flaw;
    }

    /// Says whether the disk has no room from now on.
    pub fn set_full(&mut self, is_full: bool) {
        self.disk.is_full = is_full;
    }

    /// Lets the next sync fail.
    pub fn fail_next(&mut self) {
        self.disk.fails_next = true;
    }

    /// How many sectors are on their way to the disk.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.disk.cached()
    }

    /// Puts all that is committed into the checkpoint and begins the log anew.
    pub fn compact(&mut self) {
        assert!(self.under_way.is_none(), "nothing is under way");
        self.disk.checkpoint = self.state.clone();
        self.disk.checkpoint_upto = self.batches;
        self.disk.places.clear();
        self.disk.witness.begun.clear();
        self.end = 0;
        self.found.clear();
    }

    /// Takes one batch after the other until one is not whole; returns those.
    fn recover(&mut self) -> Vec<Arc<Vec<Record>>> {
        let mut found = Vec::new();
        loop {
            let (records, count) = self.next_batch();
            let is_whole = count > 0 && count == records.len();
            if !is_whole && (count == 0 || self.flaw != Flaw::TakesParts) {
                return found;
            }
            for record in &records[..count] {
                self.state.apply(record);
                self.found.push(record.clone());
            }
            self.batches += 1;
            self.end += count;
            found.push(if is_whole {
                records
            } else {
                Arc::new(records[..count].to_vec())
            });
        }
    }

    /// The batch at the end of what was found, and how many of its sectors are there.
    fn next_batch(&self) -> (Arc<Vec<Record>>, usize) {
        let Some(Place::Written(first)) = self.disk.places.get(self.end) else {
            return (Arc::default(), 0);
        };
        let mut mixed = Vec::new();
        let belongs = |place: &Place, index: usize| match place {
            Place::Written(sector) => {
                let is_of_start = sector.start == first.start || self.flaw == Flaw::MixesStarts;
                let is_next = sector.batch == self.batches + 1 && sector.index == index;
                (is_of_start && is_next).then(|| sector.records[index].clone())
            }
            Place::Blank | Place::Torn => None,
        };
        let places = &self.disk.places[self.end..];
        for (index, place) in places.iter().take(first.records.len()).enumerate() {
            let Some(record) = belongs(place, index) else {
                break;
            };
            mixed.push(record);
        }
        let count = mixed.len();
        if self.flaw == Flaw::MixesStarts && count == first.records.len() {
            return (Arc::new(mixed), count);
        }
        (Arc::clone(&first.records), count)
    }

    fn check(&self, found: &[Arc<Vec<Record>>]) -> Recovered {
        let witness = &self.disk.witness;
        let is_lost = self.batches < witness.promised;
        let mut begun = witness.begun.iter();
        let is_prefix = found.iter().all(|records| begun.next() == Some(records));
        let wrong = match (is_lost, is_prefix) {
            (false, true) => None,
            (true, _) => Some("batches are lost whose commit had returned".to_owned()),
            (false, false) => Some("what was found is not what was written".to_owned()),
        };
        Recovered {
            batches: self.batches,
            promised: witness.promised,
            wrong,
        }
    }
}

impl Store for Log {
    fn load(&mut self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        if self.loading == Loading::Folded {
            self.state.load(each);
            return Ok(());
        }
        self.disk.checkpoint.load(each);
        let times = if self.loading == Loading::AllTwice {
            2
        } else {
            1
        };
        for record in (0..times).flat_map(|_| &self.found) {
            each(record.clone());
            if self.loading == Loading::EachTwice {
                each(record.clone());
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.begin(batch)?;
        while self.write_next() {}
        self.sync()
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        Ok(self.state.fetch(fetch))
    }

    fn fetch_queue(&mut self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError> {
        Ok(self.state.fetch_queue(fetch))
    }
}

fn is_cursor(record: &Record) -> bool {
    match record {
        Record::Cursor { durable, .. } => *durable > 0,
        Record::Seen { .. } => true,
        _ => false,
    }
}

fn is_bounce(record: &Record) -> bool {
    match record {
        Record::Queued { kind, .. } => *kind == StreamKind::Bounce,
        Record::Refused { .. } => true,
        _ => false,
    }
}

fn without_mark(record: &Record) -> Option<Record> {
    let mut record = record.clone();
    match &mut record {
        Record::Marked { .. } => return None,
        Record::Queued { is_marked, .. } => *is_marked = false,
        _ => {}
    }
    Some(record)
}
