//! The plainest store there could be: a log of batches in memory.

use crate::harness::Harness;
use crate::sample::realm1;
use crate::state::Model;
use chatproto::store::{Fetch, Fetched, Part, QueueFetch, QueuedEnvelope, Store, StoreError};
use chatproto::{Batch, RealmName, Record};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, Default)]
struct Disk {
    realm: Option<RealmName>,
    batches: Vec<Batch>,
    is_newer: bool,
    is_damaged: bool,
    is_open: bool,
}

/// A place for a [`Log`].
#[derive(Default)]
pub(crate) struct Shelf(Arc<Mutex<Disk>>);

pub(crate) struct Log {
    disk: Arc<Mutex<Disk>>,
    bytes_max: usize,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.disk.lock().unwrap().is_open = false;
    }
}

impl Log {
    fn model(&self) -> Model {
        let disk = self.disk.lock().unwrap();
        Model::of(disk.batches.iter().flat_map(|batch| batch.records.iter()))
    }
}

fn bytes(batch: &Batch) -> usize {
    let text = |record: &Record| match record {
        Record::Delivered { text, .. } => text.len(),
        _ => 0,
    };
    batch.records.iter().map(|record| 64 + text(record)).sum()
}

impl Store for Log {
    fn load(&mut self, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        self.model().records().into_iter().for_each(each);
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut disk = self.disk.lock().unwrap();
        let used: usize = disk.batches.iter().map(bytes).sum();
        if used + bytes(batch) > self.bytes_max {
            return Err(StoreError::Full("no room: make some".into()));
        }
        disk.batches.push(batch.clone());
        Ok(())
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Fetched, StoreError> {
        let mut wanted = self.model().messages(fetch.owner);
        wanted.retain(|message| {
            let is_of = |senders: &Vec<_>| senders.contains(&message.sender);
            (fetch.from..=fetch.upto).contains(&message.number)
                && fetch.senders.as_ref().is_none_or(is_of)
        });
        if fetch.part == Part::Newest {
            wanted.reverse();
        }
        let mut fetched = Fetched::default();
        let mut bytes = 0;
        for message in wanted {
            let count = fetched.messages.len() as u64;
            if count == fetch.messages_max || (count > 0 && bytes >= fetch.bytes_max) {
                fetched.more = true;
                break;
            }
            bytes += message.text.len() as u64;
            fetched.messages.push(message);
        }
        fetched.messages.sort_by_key(|message| message.number);
        Ok(fetched)
    }

    fn fetch_queue(&mut self, fetch: &QueueFetch) -> Result<Vec<QueuedEnvelope>, StoreError> {
        let mut found: Vec<QueuedEnvelope> = Vec::new();
        let mut bytes = 0;
        for row in self.model().queue((fetch.peer, fetch.kind)) {
            if !found.is_empty() && bytes >= fetch.bytes_max {
                break;
            }
            if (fetch.from..=fetch.upto).contains(&row.seq) {
                bytes += row.envelope.cost_bytes();
                found.push(row);
            }
        }
        Ok(found)
    }
}

impl Shelf {
    fn take(&self, realm: &RealmName, bytes_max: usize) -> Result<Log, StoreError> {
        let mut disk = self.0.lock().unwrap();
        if disk.is_open {
            return Err(StoreError::InUse("open elsewhere: close it".into()));
        }
        if disk.is_newer {
            return Err(StoreError::Newer("too new: run the newer one".into()));
        }
        if disk.is_damaged {
            return Err(StoreError::Damaged("spoiled: put back a backup".into()));
        }
        if disk.realm.get_or_insert_with(|| realm.clone()) != realm {
            return Err(StoreError::Foreign("another realm's: name another".into()));
        }
        disk.is_open = true;
        Ok(Log {
            disk: Arc::clone(&self.0),
            bytes_max,
        })
    }
}

impl Harness for Shelf {
    type Store = Log;

    fn new() -> Self {
        Self::default()
    }

    fn open_for(&self, realm: &RealmName) -> Result<Log, StoreError> {
        self.take(realm, usize::MAX)
    }

    fn open_small(&self, bytes_max: u64) -> Log {
        self.take(&realm1(), bytes_max as usize).unwrap()
    }

    fn killed(&self) -> Self {
        let mut disk = self.0.lock().unwrap().clone();
        disk.is_open = false;
        Self(Arc::new(Mutex::new(disk)))
    }

    fn make_newer(&self) {
        self.0.lock().unwrap().is_newer = true;
    }

    fn damage(&self) {
        self.0.lock().unwrap().is_damaged = true;
    }
}
