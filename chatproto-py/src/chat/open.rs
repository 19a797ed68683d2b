//! A chat that was made: each call of it is one command to its realm.

use crate::bytes::encoded;
use crate::clock;
use crate::desk::{Desk, Found};
use crate::driver::{Driver, Step, Unusable};
use crate::error;
use crate::inbox::{self, Heads};
use crate::json;
use chatproto::wire::packed;
use chatproto::work::{Job, Place};
use chatproto::{Config, Now, Output, Realm, RequestId};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::time::Duration;

/// How long a thread waits before it looks whether somebody has pressed Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// A realm, and what its callers leave for each other.
pub(super) struct Open {
    pub(super) driver: Driver,
    desk: Desk,
    heads: Heads,
}

impl Open {
    /// Makes a realm; that may take long.
    pub(super) fn new(config: Config, place: Option<&Place>) -> PyResult<Self> {
        let open = Self {
            driver: Driver::open(config, place, None, None)?,
            desk: Desk::default(),
            heads: Heads::default(),
        };
        // Users are stored, and their passwords hashed, before anybody is promised anything.
        open.driver.with(|realm| open.collect(realm, None))?;
        open.work()?;
        Ok(open)
    }

    /// Ends it, once what is under way is in the store.
    pub(super) fn close(&self) -> Result<(), Unusable> {
        // What nobody waits for may have been left to the next call.
        match self.work() {
            Ok(()) | Err(Unusable::Closed | Unusable::Broken) => {}
            Err(unusable @ Unusable::Forked) => return Err(unusable),
        }
        self.driver.close()?;
        Ok(())
    }

    /// Begins a request, sees it through, and returns its reply.
    pub(super) fn ask<'py>(
        &self,
        py: Python<'py>,
        begin: impl FnOnce(&mut Realm, Now) -> RequestId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::roughly_now();
        let (request, turn) = self.driver.with(|realm| {
            handle_timeouts(realm, now);
            let request = begin(realm, now);
            let turn = self.collect(realm, Some(request));
            if turn.reply.is_none() {
                // Before anybody else can take the reply out of the realm.
                self.desk.await_reply(request);
            }
            (request, turn)
        })?;
        let reply = match turn.reply {
            None => self.wait(py, request)?,
            Some(reply) => {
                // One piece, not all there is: others may bring more without end, and do it then.
                if turn.has_work
                    && let Some(job) = self.desk.take_idle_job()
                {
                    py.detach(|| self.run(&job))?;
                }
                reply
            }
        };
        match packed::Inbox::read(&reply) {
            Some(emptied) => Ok(inbox::reply(py, emptied, &self.heads)?.into_any()),
            None => json::read(py, &reply)?.ok_or_else(error::internal),
        }
    }

    /// Asks with texts. One that cannot be UTF-8 gets the engine's answer to that.
    pub(super) fn ask_with<'py, const N: usize>(
        &self,
        py: Python<'py>,
        texts: [&Bound<'py, PyString>; N],
        begin: impl FnOnce(&mut Realm, [&str; N], Now) -> RequestId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut read = [""; N];
        for (text, read) in texts.into_iter().zip(&mut read) {
            let Ok(text) = text.to_str() else {
                let bytes = encoded(text)?;
                return self.ask(py, |realm, now| {
                    realm.execute_exactly(bytes.as_bytes(), now)
                });
            };
            *read = text;
        }
        self.ask(py, |realm, now| begin(realm, read, now))
    }

    /// Takes out of the realm what it puts out. Work is left on the desk, and so are replies to
    /// others.
    fn collect(&self, realm: &mut Realm, own: Option<RequestId>) -> Turn {
        let mut turn = Turn::default();
        while let Some(output) = realm.poll_output() {
            match Step::of(output) {
                Step::Output(Output::Reply(request, reply)) if own == Some(request) => {
                    turn.reply = Some(reply);
                }
                Step::Output(Output::Reply(request, reply)) => self.desk.put_reply(request, reply),
                Step::Output(_) => {}
                Step::Job(job) => {
                    self.desk.put_job(job);
                    turn.has_work = true;
                }
            }
        }
        if let Some(batch) = realm.take_batch() {
            self.desk.put_job(Job::Commit(batch));
            turn.has_work = true;
        }
        turn
    }

    /// Waits until a request is answered, and does what there is to do meanwhile.
    fn wait(&self, py: Python<'_>, request: RequestId) -> PyResult<Vec<u8>> {
        loop {
            let waited = py.detach(|| self.wait_a_while(request));
            let waited = waited.map_err(PyErr::from).and_then(|reply| {
                let signals = if reply.is_none() {
                    py.check_signals()
                } else {
                    Ok(())
                };
                signals.map(|()| reply)
            });
            match waited {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => {
                    self.desk.give_up(request);
                    return Err(error);
                }
            }
        }
    }

    fn wait_a_while(&self, request: RequestId) -> Result<Option<Vec<u8>>, Unusable> {
        match self.desk.wait(request, PATIENCE) {
            Found::Reply(reply) => return Ok(Some(reply)),
            Found::Job(job) => self.run(&job)?,
            Found::Nothing => {
                let now = clock::now();
                self.driver.with(|realm| {
                    handle_timeouts(realm, now);
                    self.collect(realm, None);
                })?;
            }
        }
        Ok(None)
    }

    /// Does what there is to do.
    fn work(&self) -> Result<(), Unusable> {
        while let Some(job) = self.desk.take_job() {
            self.run(&job)?;
        }
        Ok(())
    }

    fn run(&self, job: &Job) -> Result<(), Unusable> {
        self.driver.run(job, None)?;
        self.driver.with(|realm| self.collect(realm, None))?;
        if let Some(upkeep) = self.driver.take_upkeep() {
            self.desk.put_job(upkeep);
        }
        Ok(())
    }
}

/// What a look at the realm's outputs brought.
#[derive(Default)]
struct Turn {
    reply: Option<Vec<u8>>,
    has_work: bool,
}

fn handle_timeouts(realm: &mut Realm, now: Now) {
    if realm
        .poll_timeout()
        .is_some_and(|due| due.at_ms <= now.mono_ms)
    {
        realm.handle_timeout(now);
    }
}
