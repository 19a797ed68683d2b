//! Bytes, whatever kind of object they come in.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Gives the bytes of a bytes-like object to a function: those of `bytes` as they are, since they never
/// change, and a copy of others.
pub(crate) fn with_bytes<T>(
    data: &Bound<'_, PyAny>,
    act: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return act(bytes.as_bytes());
    }
    let copy = PyBuffer::<u8>::get(data)?.to_vec(data.py())?;
    act(&copy)
}

/// A text in UTF-8, its lone surrogates too, at which the engine tells that it is none.
pub(crate) fn encoded<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}
