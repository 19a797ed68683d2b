//! The slow work of a realm with a store in a file or in memory: hashing, reading, committing, and keeping
//! the store in order. Whoever drives a realm and keeps it there takes a [`Job`] out of it, runs it in some
//! thread, and gives the [`Answer`] back; after a commit, see [`Storage::upkeep`].

mod storage;
#[cfg(test)]
mod tests;

pub use storage::{Place, Storage};

use crate::error::Misuse;
use crate::output::{Output, RequestId};
use crate::password::{PasswordAnswer, PasswordJob};
use crate::realm::Realm;
use crate::record::{Batch, StoreFailure};
use crate::store::{Fetch, Fetched, QueueFetch, QueuedEnvelope};
use crate::time::Now;

/// What any thread may do, once.
#[derive(Debug)]
pub enum Job {
    /// A password to hash or check.
    Hash(RequestId, PasswordJob),
    /// Messages to read.
    Fetch(RequestId, Fetch),
    /// Envelopes to read that wait for a peer.
    FetchQueue(RequestId, QueueFetch),
    /// Changes to keep.
    Commit(Batch),
    /// The store to be put in order as of then: its log of commits, and history that is too old. Nobody
    /// waits for it, but a commit that comes meanwhile may have to.
    Tidy(Now),
}

/// What came of a [`Job`], for the realm.
#[derive(Debug)]
pub enum Answer {
    /// Of a password.
    Hashed(RequestId, PasswordAnswer),
    /// The messages; none if they could not be read.
    Fetched(RequestId, Option<Fetched>),
    /// The envelopes; none if they could not be read.
    QueueFetched(RequestId, Option<Vec<QueuedEnvelope>>),
    /// The batch of that number is in the store.
    Committed(u64),
    /// It is not, for that reason.
    NotCommitted(u64, StoreFailure),
    /// The store was put in order; the realm has not asked.
    Tidied,
}

impl Job {
    /// Takes an output that is slow work.
    ///
    /// # Errors
    ///
    /// Any other output, as it came.
    pub fn of(output: Output) -> Result<Self, Output> {
        match output {
            Output::Hash(request, job) => Ok(Self::Hash(request, job)),
            Output::Fetch(request, fetch) => Ok(Self::Fetch(request, fetch)),
            Output::FetchQueue(request, fetch) => Ok(Self::FetchQueue(request, fetch)),
            other => Err(other),
        }
    }

    /// What kind of work it is, as a word: "hash", "read", "commit" or "tidy".
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hash(..) => "hash",
            Self::Fetch(..) | Self::FetchQueue(..) => "read",
            Self::Commit(_) => "commit",
            Self::Tidy(_) => "tidy",
        }
    }

    /// Does it. What fails in the store is part of the answer, and [`Storage::failure`] says why.
    #[must_use]
    pub fn run(&self, storage: Option<&Storage>) -> Answer {
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
            (Self::Tidy(now), Some(storage)) => {
                storage.tidy();
                storage.sweep(*now);
                Ok(Answer::Tidied)
            }
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
    #[must_use]
    pub fn failed(&self) -> Answer {
        match self {
            Self::Hash(request, _) => Answer::Hashed(*request, PasswordAnswer::Failed),
            Self::Fetch(request, _) => Answer::Fetched(*request, None),
            Self::FetchQueue(request, _) => Answer::QueueFetched(*request, None),
            Self::Commit(batch) => Answer::NotCommitted(batch.number, StoreFailure::Broken),
            Self::Tidy(_) => Answer::Tidied,
        }
    }
}

impl Answer {
    /// Gives it to the realm that has asked.
    ///
    /// # Errors
    ///
    /// [`Misuse::WrongBatch`] or [`Misuse::UnknownRequest`] if the realm has not asked, or was
    /// answered before.
    pub fn tell(self, realm: &mut Realm, now: Now) -> Result<(), Misuse> {
        match self {
            Self::Hashed(request, answer) => realm.verified(request, answer, now),
            Self::Fetched(request, fetched) => realm.fetched(request, fetched, now),
            Self::QueueFetched(request, rows) => realm.queue_fetched(request, rows, now),
            Self::Committed(number) => realm.committed(number, now),
            Self::NotCommitted(number, why) => realm.store_failed(number, why, now),
            Self::Tidied => Ok(()),
        }
    }
}
