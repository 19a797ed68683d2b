//! A realm behind a lock, with its store: what the classes of the package share.

use crate::clock;
use crate::error;
use crate::fork::{self, Forked, Origin, Storing, Torn};
use chatproto::store::StoreError;
use chatproto::work::{Job, Place, Storage};
use chatproto::{Config, ConfigError, Limits, Now, Output, Realm, RealmName, RestoreError};
use parking_lot::Mutex;
use pyo3::{PyErr, Python};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A realm that several threads may use at a time.
///
/// The lock is held for short calls of the engine alone: no Python object is made or dropped under
/// it, and nothing that waits happens under it. So it can be waited for with the interpreter held.
/// Slow work is a [`Job`], and is [run](Self::run) without the interpreter.
pub(crate) struct Driver {
    origin: Origin,
    name: RealmName,
    limits: Limits,
    state: Mutex<State>,
    storage: Option<Storage>,
    /// What the store wants, besides what the realm asks for.
    upkeep: Mutex<Option<Job>>,
}

enum State {
    Open(Box<Realm>),
    Closed,
    /// A bug was met; nothing is known of the realm.
    Broken,
}

/// What a realm asks for: slow work, which any thread may do, or something else.
pub(crate) enum Step {
    Job(Job),
    Output(Output),
}

/// Why a realm cannot be made.
pub(crate) enum OpenError {
    Config(ConfigError),
    Store(StoreError),
    Restore(RestoreError),
    Seed(getrandom::Error),
    Torn(Torn),
}

/// Why a realm cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// This is another process.
    Forked,
    /// It was closed.
    Closed,
    /// It has met a bug.
    Broken,
}

impl Driver {
    /// Makes a realm, or puts it together of what its store holds; reading that may take long. Without
    /// a seed it gets a fresh one, without a time that of the machine.
    pub(crate) fn open(
        config: Config,
        place: Option<&Place>,
        seed: Option<[u8; 32]>,
        now: Option<Now>,
    ) -> Result<Self, OpenError> {
        let name = config.realm.clone();
        let limits = config.limits.clone();
        let config = config.durable(place.is_some());
        let seed = seed.map_or_else(fresh_seed, Ok)?;
        let mut restore = Realm::restore(config, seed, now.unwrap_or_else(clock::now))?;
        let storage = match place {
            Some(place) => {
                fork::check_whole()?;
                let _storing = Storing::begin();
                Some(Storage::open(place, &name, &mut restore)?)
            }
            None => None,
        };
        let realm = restore.finish()?;
        Ok(Self {
            origin: Origin::here(),
            name,
            limits,
            state: Mutex::new(State::Open(Box::new(realm))),
            storage,
            upkeep: Mutex::new(None),
        })
    }

    pub(crate) fn name(&self) -> &RealmName {
        &self.name
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Fails in a process that was forked since.
    pub(crate) fn check(&self) -> Result<(), Forked> {
        self.origin.check()
    }

    /// Uses the realm. `act` is short and has nothing to do with Python.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Realm) -> T) -> Result<T, Unusable> {
        // Before the lock, which may have been held elsewhere when the process was forked.
        self.origin.check()?;
        let mut state = self.state.lock();
        let realm = match &mut *state {
            State::Open(realm) => realm,
            State::Closed => return Err(Unusable::Closed),
            State::Broken => return Err(Unusable::Broken),
        };
        catch_unwind(AssertUnwindSafe(|| act(realm))).map_err(|_| {
            *state = State::Broken;
            Unusable::Broken
        })
    }

    /// All that the realm asks for, in its order. The next batch is asked for once the one before is
    /// in the store, so that what happens meanwhile goes into one.
    pub(crate) fn steps(&self) -> Result<Vec<Step>, Unusable> {
        self.with(|realm| {
            let mut steps = Vec::new();
            while let Some(output) = realm.poll_output() {
                steps.push(Step::of(output));
            }
            let commit = realm.take_batch().map(Job::Commit);
            let jobs = self.take_upkeep().into_iter().chain(commit);
            steps.extend(jobs.map(Step::Job));
            steps
        })
    }

    /// Does slow work and hands in what came of it; there may be new outputs then. Let go of the
    /// interpreter first. Whatever fails outside is the engine's to know; a realm that was closed
    /// meanwhile needs no answer.
    pub(crate) fn run(&self, job: &Job, now: Option<Now>) -> Result<(), Unusable> {
        self.origin.check()?;
        let storage = self.storage.as_ref();
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let _storing = (!matches!(job, Job::Hash(..))).then(Storing::begin);
            job.run(storage)
        }));
        let answer = answer.unwrap_or_else(|_| job.failed());
        let now = now.unwrap_or_else(clock::now);
        if let Some(upkeep) = storage.and_then(|storage| storage.upkeep(&answer, now)) {
            *self.upkeep.lock() = Some(upkeep);
        }
        match self.with(|realm| answer.tell(realm, now)) {
            // A job is run once, so the realm knows of it.
            Ok(_) | Err(Unusable::Closed) => Ok(()),
            Err(unusable) => Err(unusable),
        }
    }

    /// What the store wants, which nobody waits for.
    pub(crate) fn take_upkeep(&self) -> Option<Job> {
        self.upkeep.lock().take()
    }

    /// Why the store failed at what it was asked for last.
    pub(crate) fn store_failure(&self) -> Result<Option<StoreError>, Forked> {
        self.origin.check()?;
        Ok(self.storage.as_ref().and_then(Storage::failure))
    }

    /// Ends the realm and closes its store, once a commit under way is done: let go of the
    /// interpreter first. What no commit was begun for is not kept; nobody was promised anything of it.
    pub(crate) fn close(&self) -> Result<(), Forked> {
        self.origin.check()?;
        let mut state = self.state.lock();
        let before = match &*state {
            State::Open(_) => Some(std::mem::replace(&mut *state, State::Closed)),
            State::Closed | State::Broken => None,
        };
        drop(state);
        // It may be big, and nobody waits for the lock meanwhile.
        drop(before);
        if let Some(storage) = &self.storage {
            let _storing = Storing::begin();
            storage.close();
        }
        Ok(())
    }
}

impl Drop for Driver {
    /// Closes the store where `close` has not. That may take long, and wait for a fork, which waits for
    /// the interpreter.
    fn drop(&mut self) {
        if let Some(storage) = self.storage.take() {
            let close = || {
                let _storing = Storing::begin();
                drop(storage);
            };
            // None at the end of the interpreter, when nobody forks.
            let _ = Python::try_attach(|py| py.detach(close));
        }
    }
}

impl Step {
    /// Tells slow work from the rest.
    pub(crate) fn of(output: Output) -> Self {
        match Job::of(output) {
            Ok(job) => Self::Job(job),
            Err(output) => Self::Output(output),
        }
    }
}

/// Fresh entropy from the system.
pub(crate) fn fresh_seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

impl From<Forked> for Unusable {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

impl From<Unusable> for PyErr {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Forked => Forked.into(),
            Unusable::Closed => {
                error::raise::<error::MisuseError>("closed", "the realm is closed: make a new one")
            }
            Unusable::Broken => error::internal(),
        }
    }
}

impl From<ConfigError> for OpenError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RestoreError> for OpenError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error)
    }
}

impl From<getrandom::Error> for OpenError {
    fn from(error: getrandom::Error) -> Self {
        Self::Seed(error)
    }
}

impl From<Torn> for OpenError {
    fn from(torn: Torn) -> Self {
        Self::Torn(torn)
    }
}

impl From<OpenError> for PyErr {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Config(error) => error::of_config(&error),
            OpenError::Store(error) => error::of_store(&error),
            OpenError::Restore(error) => error::of_restore(&error),
            OpenError::Seed(error) => error::no_random(error),
            OpenError::Torn(torn) => torn.into(),
        }
    }
}
