//! Slow work that a realm asks for: hashing, reading the store, committing to it.

use crate::storage::Storage;
use chatproto::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope};
use chatproto::{
    Batch, Misuse, Now, Output, PasswordAnswer, PasswordJob, Realm, RequestId, StoreFailure,
};

/// What any thread may do, once.
pub(crate) enum Job {
    Hash(RequestId, PasswordJob),
    Fetch(RequestId, Fetch),
    FetchQueue(RequestId, QueueFetch),
    Commit(Batch),
}

/// What came of it, for the realm.
pub(crate) enum Answer {
    Hashed(RequestId, PasswordAnswer),
    Fetched(RequestId, Option<Fetched>),
    QueueFetched(RequestId, Option<Vec<QueuedEnvelope>>),
    Committed(u64),
    NotCommitted(u64, StoreFailure),
}

impl Job {
    /// Takes an output that is slow work, and gives any other back.
    pub(crate) fn of(output: Output) -> Result<Self, Output> {
        match output {
            Output::Hash(request, job) => Ok(Self::Hash(request, job)),
            Output::Fetch(request, fetch) => Ok(Self::Fetch(request, fetch)),
            Output::FetchQueue(request, fetch) => Ok(Self::FetchQueue(request, fetch)),
            other => Err(other),
        }
    }

    /// What kind of work it is, as a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Hash(..) => "hash",
            Self::Fetch(..) | Self::FetchQueue(..) => "read",
            Self::Commit(_) => "commit",
        }
    }

    /// Does it.
    pub(crate) fn run(&self, storage: Option<&Storage>) -> Answer {
        let done = match (self, storage) {
            (Self::Hash(request, job), _) => Ok(Answer::Hashed(*request, job.run())),
            (Self::Fetch(request, fetch), Some(storage)) => storage
                .fetch(fetch)
                .map(|fetched| Answer::Fetched(*request, Some(fetched))),
            (Self::FetchQueue(request, fetch), Some(storage)) => storage
                .fetch_queue(fetch)
                .map(|rows| Answer::QueueFetched(*request, Some(rows))),
            (Self::Commit(batch), Some(storage)) => storage
                .commit(batch)
                .map(|()| Answer::Committed(batch.number)),
            (_, None) => return self.failed(),
        };
        match (done, self) {
            (Ok(answer), _) => answer,
            (Err(error), Self::Commit(batch)) => {
                Answer::NotCommitted(batch.number, error.failure())
            }
            (Err(_), _) => self.failed(),
        }
    }

    /// The answer where it came to nothing.
    pub(crate) fn failed(&self) -> Answer {
        match self {
            Self::Hash(request, _) => Answer::Hashed(*request, PasswordAnswer::Failed),
            Self::Fetch(request, _) => Answer::Fetched(*request, None),
            Self::FetchQueue(request, _) => Answer::QueueFetched(*request, None),
            Self::Commit(batch) => Answer::NotCommitted(batch.number, StoreFailure::Broken),
        }
    }
}

impl Answer {
    /// Gives it to the realm that has asked.
    pub(crate) fn tell(self, realm: &mut Realm, now: Now) -> Result<(), Misuse> {
        match self {
            Self::Hashed(request, answer) => realm.verified(request, answer, now),
            Self::Fetched(request, fetched) => realm.fetched(request, fetched, now),
            Self::QueueFetched(request, rows) => realm.queue_fetched(request, rows, now),
            Self::Committed(number) => realm.committed(number, now),
            Self::NotCommitted(number, why) => realm.store_failed(number, why, now),
        }
    }
}
