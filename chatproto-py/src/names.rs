//! Names that were shown to Python before.

use hashbrown::HashMap;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many are kept; with one more all are forgotten.
const KEPT_MAX: usize = 1_024;

/// Longer ones are not kept.
const BYTES_MAX: usize = 128;

/// Names as Python strings: in a chat there are few, again and again.
#[derive(Default)]
pub(crate) struct Names {
    /// The lock is held for looking one up or adding it, while nothing of Python's runs.
    known: Mutex<HashMap<Box<[u8]>, Py<PyString>>>,
}

impl Names {
    /// The string that a name is, which is in UTF-8.
    pub(crate) fn string<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
    ) -> PyResult<Bound<'py, PyString>> {
        if let Some(known) = self.known.lock().get(name) {
            return Ok(known.bind(py).clone());
        }
        let string = PyString::from_bytes(py, name)?;
        if name.len() <= BYTES_MAX {
            let kept = string.clone().unbind();
            let mut known = self.known.lock();
            let forgotten = (known.len() >= KEPT_MAX).then(|| std::mem::take(&mut *known));
            known.insert(name.into(), kept);
            drop(known);
            drop(forgotten);
        }
        Ok(string)
    }
}
