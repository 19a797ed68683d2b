//! The thread that reads what is not in memory, while commits go on.

use super::Mouth;
use chatproto::store::sqlite::SqliteReader;
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope, StoreError};
use chatproto::{Misuse, Now, Realm, RealmName, RequestId};
use mio::Waker;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// What a realm wants to be read.
pub(super) enum Wish {
    Messages(Fetch),
    Queue(QueueFetch),
}

/// What was read; none if it could not be.
pub(crate) enum Finding {
    Messages(Option<Fetched>),
    Queue(Option<Vec<QueuedEnvelope>>),
}

impl Wish {
    fn fulfil(&self, reader: &mut SqliteReader) -> Result<Finding, StoreError> {
        match self {
            Self::Messages(fetch) => {
                let fetched = reader.fetch(fetch)?;
                Ok(Finding::Messages(Some(fetched)))
            }
            Self::Queue(fetch) => {
                let rows = reader.fetch_queue(fetch)?;
                Ok(Finding::Queue(Some(rows)))
            }
        }
    }

    fn unfulfilled(&self) -> Unfulfilled {
        match self {
            Self::Messages(_) => || Finding::Messages(None),
            Self::Queue(_) => || Finding::Queue(None),
        }
    }
}

impl Finding {
    /// Gives it to the realm that has asked for it.
    pub(crate) fn tell(
        self,
        realm: &mut Realm,
        request: RequestId,
        now: Now,
    ) -> Result<(), Misuse> {
        match self {
            Self::Messages(fetched) => realm.fetched(request, fetched, now),
            Self::Queue(rows) => realm.queue_fetched(request, rows, now),
        }
    }
}

/// Makes the answer to a wish that cannot be fulfilled.
type Unfulfilled = fn() -> Finding;

type Found = (RequestId, Result<Finding, StoreError>);

/// Wishes under way, and what was found.
pub(super) struct Reading {
    realm: RealmName,
    /// None at the end.
    wishes: Option<Sender<(RequestId, Wish)>>,
    found: Receiver<Found>,
    under_way: BTreeMap<RequestId, Unfulfilled>,
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
        let (wishes, asked) = channel::<(RequestId, Wish)>();
        let (told, found) = channel();
        let mouth = Mouth::new(told, waker);
        let thread = std::thread::Builder::new()
            .name(format!("{realm} reader"))
            .spawn(move || {
                for (request, wish) in asked {
                    mouth.say((request, wish.fulfil(&mut reader)));
                }
            })?;
        Ok(Self {
            realm: realm.clone(),
            wishes: Some(wishes),
            found,
            under_way: BTreeMap::new(),
            told: None,
            thread: Some(thread),
        })
    }

    pub(super) fn read(&mut self, request: RequestId, wish: Wish) {
        self.under_way.insert(request, wish.unfulfilled());
        // A thread that has ended answers nothing, which `found` sees.
        if let Some(wishes) = &self.wishes {
            let _ = wishes.send((request, wish));
        }
    }

    /// The next answer, if there is one.
    pub(super) fn found(&mut self) -> Option<(RequestId, Finding)> {
        let (request, result) = match self.found.try_recv() {
            Ok(found) => found,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                let error = StoreError::Broken("a bug ended the thread that reads".to_owned());
                let (request, _) = self.under_way.first_key_value()?;
                (*request, Err(error))
            }
        };
        let unfulfilled = self.under_way.remove(&request)?;
        let finding = match result {
            Ok(finding) => {
                self.told = None;
                finding
            }
            Err(error) => {
                if self.told.as_ref() != Some(&error) {
                    tracing::error!("{}: messages cannot be read: {error}", self.realm);
                    self.told = Some(error);
                }
                unfulfilled()
            }
        };
        Some((request, finding))
    }
}

impl Drop for Reading {
    /// Closes the second way into the store, so that the first one can put everything in order.
    fn drop(&mut self) {
        self.wishes = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads ended with a bug of its own");
        }
    }
}
