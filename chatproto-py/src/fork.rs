//! Whether this is still the process in which an object was made.
//!
//! After a fork there is one thread in the child, and locks that others held stay locked; files and
//! keys of the parent are the parent's. So what was made before a fork is of no use after it.

use crate::error::{self, ForkError};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many forks lie between the first process and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

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

#[pyfunction]
fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Has the interpreter tell of forks, where the system has any.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    let os = py.import("os")?;
    let Some(register) = os.getattr_opt("register_at_fork")? else {
        return Ok(());
    };
    let options = pyo3::types::PyDict::new(py);
    let tell = pyo3::wrap_pyfunction!(after_fork_in_child, py)?;
    options.set_item("after_in_child", tell)?;
    register.call((), Some(&options))?;
    Ok(())
}
