//! The thread that reads messages which are not in memory, while commits go on.

use super::Mouth;
use chatproto::store::sqlite::SqliteReader;
use chatproto::store::{Fetch, Fetched, StoreError};
use chatproto::{RealmName, RequestId};
use mio::Waker;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

type Found = (RequestId, Result<Fetched, StoreError>);

/// Fetches under way, and what was found.
pub(super) struct Reading {
    realm: RealmName,
    /// None at the end.
    fetches: Option<Sender<(RequestId, Fetch)>>,
    found: Receiver<Found>,
    under_way: BTreeSet<RequestId>,
    /// What was logged last, so that a broken disk does not fill the log.
    told: Option<StoreError>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    pub(super) fn start(
        realm: &RealmName,
        mut reader: SqliteReader,
        waker: &Arc<Waker>,
    ) -> io::Result<Self> {
        let (fetches, asked) = channel::<(RequestId, Fetch)>();
        let (told, found) = channel();
        let mouth = Mouth::new(told, waker);
        let thread = std::thread::Builder::new()
            .name(format!("{realm} reader"))
            .spawn(move || {
                for (request, fetch) in asked {
                    mouth.say((request, reader.fetch(&fetch)));
                }
            })?;
        Ok(Self {
            realm: realm.clone(),
            fetches: Some(fetches),
            found,
            under_way: BTreeSet::new(),
            told: None,
            thread: Some(thread),
        })
    }

    pub(super) fn fetch(&mut self, request: RequestId, fetch: Fetch) {
        self.under_way.insert(request);
        // A thread that has ended answers nothing, which `fetched` sees.
        if let Some(fetches) = &self.fetches {
            let _ = fetches.send((request, fetch));
        }
    }

    /// The next answer, if there is one.
    pub(super) fn fetched(&mut self) -> Option<(RequestId, Option<Fetched>)> {
        let (request, result) = match self.found.try_recv() {
            Ok(found) => found,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                let error = StoreError::Broken("a bug ended the thread that reads".to_owned());
                (self.under_way.first().copied()?, Err(error))
            }
        };
        self.under_way.remove(&request);
        let fetched = match result {
            Ok(fetched) => {
                self.told = None;
                Some(fetched)
            }
            Err(error) => {
                if self.told.as_ref() != Some(&error) {
                    tracing::error!("{}: messages cannot be read: {error}", self.realm);
                    self.told = Some(error);
                }
                None
            }
        };
        Some((request, fetched))
    }
}

impl Drop for Reading {
    /// Closes the second way into the store, so that the first one can put everything in order.
    fn drop(&mut self) {
        self.fetches = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads ended with a bug of its own");
        }
    }
}
