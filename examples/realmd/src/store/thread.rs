//! The thread that owns a store and commits.

use super::sweep::Sweep;
use super::{Mouth, Order, Word};
use chatproto::Batch;
use chatproto::store::sqlite::{Retention, SqliteStore};
use chatproto::store::{Store as _, StoreError};
use std::sync::mpsc::{Receiver, RecvTimeoutError};

pub(super) struct StoreThread {
    store: SqliteStore,
    sweep: Sweep,
    orders: Receiver<Order>,
    realm: Mouth<Word>,
    /// The batch before, kept so that the many texts in it are given back to the system here and
    /// not by the realm's loop, which has let go of it by the time the next one comes.
    previous: Option<Batch>,
}

impl StoreThread {
    pub(super) fn new(
        store: SqliteStore,
        retention: Retention,
        orders: Receiver<Order>,
        realm: Mouth<Word>,
    ) -> Self {
        Self {
            store,
            sweep: Sweep::new(retention),
            orders,
            realm,
            previous: None,
        }
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            match self.orders.recv_timeout(self.sweep.pause()) {
                Ok(Order::Commit(batch)) => self.commit(batch),
                Ok(Order::Ask(question)) => question(&mut self.store),
                Err(RecvTimeoutError::Timeout) => {
                    let swept = self.sweep.step(&mut self.store);
                    self.check(swept);
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn commit(&mut self, batch: Batch) {
        match self.store.commit(&batch) {
            Ok(()) => {
                self.realm.say(Word::Committed(batch.number));
                self.previous = Some(batch);
                let tidied = self.store.tidy();
                self.check(tidied);
            }
            Err(error) => {
                if matches!(error, StoreError::Full(_)) {
                    // Old history may be what there is too much of.
                    self.sweep.hurry();
                }
                self.realm.say(Word::Failed(batch.number, error));
            }
        }
    }

    /// That there is no room is told when a batch finds none.
    fn check(&self, done: Result<(), StoreError>) {
        match done {
            Ok(()) | Err(StoreError::Full(_)) => {}
            Err(error) => self.realm.say(Word::Broken(error)),
        }
    }
}
