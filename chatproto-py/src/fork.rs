//! Whether this is still the process in which an object was made.
//!
//! After a fork there is one thread in the child, and locks that others held stay locked; files and
//! keys of the parent are the parent's. So what was made before a fork is of no use after it.
//!
//! SQLite has locks for all of a process, which what is made in the child needs too. So nobody forks
//! while it is at work.

use crate::error::{self, ForkError};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many forks lie between the first process and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many threads wait to fork, or do.
static FORKING: AtomicU64 = AtomicU64::new(0);

/// How many calls of SQLite are under way.
static STORING: AtomicU64 = AtomicU64::new(0);

/// Whether this process was forked while one was, which had taken too long to wait for.
static IS_TORN: AtomicBool = AtomicBool::new(false);

/// How long a fork waits for those that are under way.
const PATIENCE: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(1);

/// The process in which something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(u64);

impl Origin {
    /// This process.
    pub(crate) fn here() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is a child of that process.
    pub(crate) fn is_left(self) -> bool {
        self != Self::here()
    }

    /// Fails in a child of that process.
    pub(crate) fn check(self) -> Result<(), Forked> {
        if self.is_left() { Err(Forked) } else { Ok(()) }
    }
}

/// Something was used in another process than the one that made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forked;

impl From<Forked> for PyErr {
    fn from(_: Forked) -> Self {
        error::raise::<ForkError>(
            "forked",
            "this object was made before a fork and is of no use after it: make it in the process that uses it",
        )
    }
}

/// Something that SQLite does; as long as this is there, nobody forks.
pub(crate) struct Storing(());

impl Storing {
    /// Waits for whoever forks just now. Let go of the interpreter first, which a fork needs; and be at
    /// one of these at a time.
    pub(crate) fn begin() -> Self {
        loop {
            while FORKING.load(Ordering::SeqCst) > 0 {
                thread::sleep(POLL);
            }
            STORING.fetch_add(1, Ordering::SeqCst);
            if FORKING.load(Ordering::SeqCst) == 0 {
                return Self(());
            }
            STORING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        STORING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Fails where SQLite can be of no use: a thread that is not in this process has its locks.
pub(crate) fn check_whole() -> Result<(), Torn> {
    if IS_TORN.load(Ordering::Relaxed) {
        return Err(Torn);
    }
    Ok(())
}

/// This process was forked while a store was at work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torn;

impl From<Torn> for PyErr {
    fn from(_: Torn) -> Self {
        error::raise::<ForkError>(
            "forked",
            "this process was forked while a store was at work for long, so that none can be opened here: start \
             it in another way, such as multiprocessing's \"spawn\"",
        )
    }
}

#[pyfunction]
fn before_fork(py: Python<'_>) {
    FORKING.fetch_add(1, Ordering::SeqCst);
    py.detach(|| {
        let end = Instant::now() + PATIENCE;
        while STORING.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(POLL);
        }
    });
}

#[pyfunction]
fn after_fork_in_parent() {
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

#[pyfunction]
fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    // The threads that it counted are not here.
    FORKING.store(0, Ordering::SeqCst);
    if STORING.swap(0, Ordering::SeqCst) > 0 {
        IS_TORN.store(true, Ordering::Relaxed);
    }
}

/// Has the interpreter tell of forks, where the system has any.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    let os = py.import("os")?;
    let Some(register) = os.getattr_opt("register_at_fork")? else {
        return Ok(());
    };
    let options = pyo3::types::PyDict::new(py);
    options.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    options.set_item(
        "after_in_parent",
        wrap_pyfunction!(after_fork_in_parent, py)?,
    )?;
    options.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
    register.call((), Some(&options))?;
    Ok(())
}
