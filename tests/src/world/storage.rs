//! The realms' disks, crashes and restarts.

use super::link::Flight;
use super::node::Storage;
use super::{RealmIndex, World};
use crate::disk::{Disk, Flaw, Kept, Loading, Log, Recovered, Survival};
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, Store};
use chatproto::{Batch, Realm, RequestId, StoreFailure, UserId};

/// How a realm is started again.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// The seed of the new start.
    pub seed: [u8; 32],
    /// How it is told what the disk holds.
    pub loading: Loading,
    /// Whether the log begins anew behind a checkpoint.
    pub compacts: bool,
}

impl World {
    /// Says how long a commit of a realm takes from now on.
    pub fn set_commit_ms(&mut self, realm: RealmIndex, ms: u64) {
        self.nodes[realm].commit_ms = ms;
    }

    /// Says how long it takes from now on until a realm has what it wants to read.
    pub fn set_fetch_ms(&mut self, realm: RealmIndex, ms: u64) {
        self.nodes[realm].fetch_ms = ms;
    }

    /// Says what is wrong with the store of a realm from now on.
    pub fn set_flaw(&mut self, realm: RealmIndex, flaw: Flaw) {
        let node = &mut self.nodes[realm];
        node.flaw = flaw;
        if let Some(log) = node.log() {
            log.set_flaw(flaw);
        }
    }

    /// Says whether the disk of a realm has no room from now on.
    pub fn set_disk_full(&mut self, realm: RealmIndex, is_full: bool) {
        if let Some(log) = self.nodes[realm].log() {
            log.set_full(is_full);
        }
    }

    /// Lets the next commit of a realm fail, after which nobody knows what its disk has of it.
    pub fn fail_next_commit(&mut self, realm: RealmIndex) {
        if let Some(log) = self.nodes[realm].log() {
            log.fail_next();
        }
    }

    /// Whether a realm is up.
    #[must_use]
    pub fn is_up(&self, realm: RealmIndex) -> bool {
        self.nodes[realm].realm.is_some()
    }

    /// The points at which a realm could have crashed: before each sector it wrote, before and after
    /// each sync, and before each of its outputs was carried out. Each is told as how many sectors
    /// were on their way to the disk.
    #[must_use]
    pub fn steps(&self, realm: RealmIndex) -> &[usize] {
        &self.nodes[realm].steps
    }

    /// How often a realm has crashed.
    #[must_use]
    pub fn crashes(&self, realm: RealmIndex) -> usize {
        self.nodes[realm].crashes
    }

    /// Lets a realm crash when it comes to a step, counted from 1 as by [`World::steps`].
    pub fn crash_at(&mut self, realm: RealmIndex, step: u64, survival: Survival) {
        self.nodes[realm].strike = Some((step, survival));
    }

    /// The process of a realm dies, and with it all connections; its neighbours are told at once, or
    /// not at all if it is `silent`. Of what its disk had not synced there is left what `survival`
    /// says.
    pub fn crash(&mut self, realm: RealmIndex, survival: Survival, is_silent: bool) {
        let node = &mut self.nodes[realm];
        if node.realm.take().is_none() {
            return;
        }
        node.crashes += 1;
        node.strike = None;
        node.deadline_ms = None;
        node.storage = match std::mem::replace(&mut node.storage, Storage::None) {
            Storage::Open(log) => Storage::Shut(Box::new(log.crash(survival))),
            other => other,
        };
        let clients = std::mem::take(&mut node.clients);
        let pipes = std::mem::take(&mut node.pipes);
        let greeting = std::mem::take(&mut node.greeting);
        for client in clients.into_values() {
            self.lose_client(client);
        }
        for side in pipes.into_values().chain(greeting) {
            self.abandon(side, is_silent);
        }
    }

    /// Starts a realm again that is down, with what its disk holds.
    ///
    /// # Errors
    ///
    /// What is stored contradicts itself.
    pub fn restart(&mut self, realm: RealmIndex, how: &Restart) -> Result<Recovered, String> {
        let now = self.now_at(realm);
        let node = &mut self.nodes[realm];
        assert!(node.realm.is_none(), "only what is down is started");
        node.start += 1;
        let restore =
            Realm::restore(node.config.clone(), how.seed, now).map_err(|e| e.to_string())?;
        // The operator has taken a peer out, and the realm died before that was stored.
        let mut restore = restore.bounce_removed();
        let mut recovered = Recovered {
            batches: 0,
            promised: 0,
            wrong: None,
        };
        if let Storage::Shut(disk) = &node.storage {
            let (mut log, found) = Log::open(Disk::clone(disk), node.flaw, how.loading, node.start);
            recovered = found;
            log.load(&mut |record| restore.record(record))
                .map_err(|e| e.to_string())?;
            if how.compacts {
                log.compact();
            }
            node.realm = Some(restore.finish().map_err(|e| e.to_string())?);
            node.storage = Storage::Open(Box::new(log));
        } else {
            node.realm = Some(restore.finish().map_err(|e| e.to_string())?);
        }
        self.stir(realm);
        Ok(recovered)
    }

    /// What a copy of a realm's disk is that is made now: all that was synced.
    #[must_use]
    pub fn copy_disk(&self, realm: RealmIndex) -> Disk {
        match &self.nodes[realm].storage {
            Storage::Open(log) => log.copy(),
            Storage::Shut(disk) => Disk::clone(disk),
            Storage::None => Disk::default(),
        }
    }

    /// Puts another disk in the place of that of a realm which is down.
    pub fn put_disk(&mut self, realm: RealmIndex, disk: Disk) {
        let node = &mut self.nodes[realm];
        assert!(node.realm.is_none(), "only what is down is opened");
        node.storage = Storage::Shut(Box::new(disk));
    }

    /// All that ever came to the inbox of a user, counted as in the configuration, as the store of
    /// the realm has it.
    #[must_use]
    pub fn kept(&self, realm: RealmIndex, user: u32) -> Vec<Kept> {
        match &self.nodes[realm].storage {
            Storage::Open(log) => log.kept(UserId::from_number(user)),
            Storage::Shut(_) | Storage::None => Vec::new(),
        }
    }

    /// What the store of a realm has that should be gone once everything is settled: what waits for
    /// other realms, refusals, bounces that are awaited.
    #[must_use]
    pub fn leftovers(&self, realm: RealmIndex) -> Vec<String> {
        match &self.nodes[realm].storage {
            Storage::Open(log) => log.leftovers(),
            Storage::Shut(_) | Storage::None => Vec::new(),
        }
    }

    /// Counts a step; the realm may crash at it. Returns whether it does.
    pub(super) fn is_struck(&mut self, realm: RealmIndex) -> bool {
        let node = &mut self.nodes[realm];
        let cached = node.log().map_or(0, |log| log.cached());
        node.steps.push(cached);
        let steps = node.steps.len() as u64;
        if let Some((step, survival)) = node.strike
            && step <= steps
        {
            self.crash(realm, survival, step.is_multiple_of(5));
            return true;
        }
        false
    }

    /// Begins to commit what a realm has to be committed. Returns whether that is done already, so
    /// that the realm may go on.
    pub(super) fn commit(&mut self, realm: RealmIndex) -> bool {
        let node = &mut self.nodes[realm];
        let Some(batch) = node.realm.as_mut().and_then(Realm::take_batch) else {
            return false;
        };
        let log = node.log().expect("a realm with a store makes batches");
        if let Err(error) = log.begin(&batch) {
            self.fail_commit(realm, batch.number, error.failure());
            return true;
        }
        loop {
            if self.is_struck(realm) {
                return false;
            }
            let log = self.nodes[realm].log();
            if !log.is_some_and(Log::write_next) {
                break;
            }
        }
        let Batch { number: batch, .. } = batch;
        let node = &self.nodes[realm];
        if node.commit_ms == 0 {
            self.finish_commit(realm, batch);
            return true;
        }
        let (start, arrival_ms) = (node.start, self.now.mono_ms + node.commit_ms);
        let synced = Flight::Synced {
            realm,
            start,
            batch,
        };
        self.take_off(arrival_ms, synced);
        false
    }

    pub(super) fn finish_commit(&mut self, realm: RealmIndex, batch: u64) {
        if self.is_struck(realm) {
            return;
        }
        let synced = self.nodes[realm].log().map(Log::sync);
        if let Some(Err(error)) = synced {
            return self.fail_commit(realm, batch, error.failure());
        }
        if self.is_struck(realm) {
            return;
        }
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            let committed = realm.committed(batch, now);
            committed.expect("the batch that was taken is under way");
        }
    }

    fn fail_commit(&mut self, realm: RealmIndex, batch: u64, failure: StoreFailure) {
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            let failed = realm.store_failed(batch, failure, now);
            failed.expect("the batch that was taken is under way");
        }
    }

    pub(super) fn fetch(&mut self, realm: RealmIndex, request: RequestId, fetch: &Fetch) {
        let node = &mut self.nodes[realm];
        let log = node.log().expect("a realm with a store fetches");
        let fetched = log.fetch(fetch).expect("the log can be read");
        if node.fetch_ms == 0 {
            return self.hand_in_fetched(realm, request, fetched);
        }
        let (start, arrival_ms) = (node.start, self.now.mono_ms + node.fetch_ms);
        let fetched = Flight::Fetched {
            realm,
            start,
            request,
            fetched,
        };
        self.take_off(arrival_ms, fetched);
    }

    pub(super) fn fetch_queue(
        &mut self,
        realm: RealmIndex,
        request: RequestId,
        fetch: &QueueFetch,
    ) {
        let node = &mut self.nodes[realm];
        let log = node.log().expect("a realm with a store fetches");
        let rows = log.fetch_queue(fetch).expect("the log can be read");
        if node.fetch_ms == 0 {
            return self.hand_in_queue(realm, request, rows);
        }
        let (start, arrival_ms) = (node.start, self.now.mono_ms + node.fetch_ms);
        let rows = Flight::Queue {
            realm,
            start,
            request,
            rows,
        };
        self.take_off(arrival_ms, rows);
    }

    pub(super) fn hand_in_queue(
        &mut self,
        realm: RealmIndex,
        request: RequestId,
        rows: Vec<QueuedEnvelope>,
    ) {
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            let taken = realm.queue_fetched(request, Some(rows), now);
            taken.expect("the realm has asked for it");
        }
    }

    pub(super) fn hand_in_fetched(
        &mut self,
        realm: RealmIndex,
        request: RequestId,
        fetched: Fetched,
    ) {
        let now = self.now_at(realm);
        if let Some(realm) = self.stir(realm) {
            let taken = realm.fetched(request, Some(fetched), now);
            taken.expect("the realm has asked for it");
        }
    }
}
