//! Slow work, as a Python object.

use crate::clock::Moment;
use crate::driver::Driver;
use crate::error::{self, MisuseError};
use crate::output::Output;
use chatproto::work::Job;
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::sync::Arc;

/// Slow work: a password to hash or check, messages to read from the store, changes to commit, or the
/// store to be put in order, which nobody waits for.
///
/// Call `run` once, in any thread. The realm goes on meanwhile; what waits for this work waits until
/// it is done.
#[pyclass(frozen, extends = Output, module = "chatproto")]
pub(crate) struct Work {
    /// What it is: "hash", "read", "commit" or "tidy".
    #[pyo3(get)]
    kind: &'static str,
    driver: Arc<Driver>,
    /// None once it was begun.
    job: Mutex<Option<Job>>,
}

#[pymethods]
impl Work {
    /// Does the work, with the interpreter free for others, and hands what came of it to the realm;
    /// then take `Realm.outputs` again. What goes wrong outside, such as a full disk, the realm deals
    /// with: nothing is raised for it.
    ///
    /// Raises MisuseError if it was begun before, ForkError in a forked process, and InternalError if
    /// the realm has met a bug.
    #[pyo3(signature = (*, now=None))]
    fn run(&self, py: Python<'_>, now: Option<&Moment>) -> PyResult<()> {
        self.driver.check()?;
        let job = self.job.lock().take();
        let Some(job) = job else {
            return Err(error::raise::<MisuseError>(
                "work_done",
                "this work was begun before: run each Work once",
            ));
        };
        let now = now.map(Moment::engine);
        py.detach(|| {
            let done = self.driver.run(&job, now);
            drop(job);
            done
        })?;
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("Work(kind='{}')", self.kind)
    }
}

/// Makes the object of a job.
pub(crate) fn object(py: Python<'_>, job: Job, driver: &Arc<Driver>) -> PyResult<Py<PyAny>> {
    let work = Work {
        kind: job.kind(),
        driver: Arc::clone(driver),
        job: Mutex::new(Some(job)),
    };
    Ok(Py::new(py, Output::above().add_subclass(work))?.into_any())
}
