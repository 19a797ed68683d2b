//! The table of errors, and the exception that all others of the package derive from.

use chatproto::ErrorCode;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pyo3::create_exception!(
    chatproto,
    ChatProtoError,
    pyo3::exceptions::PyException,
    "The base class of every exception that chatproto raises."
);

/// Returns the sentence a person is shown for each error code, in Indonesian.
///
/// The keys are the codes as they stand in replies, such as `inbox_full`, in the order of their
/// numbers. Each call returns a new dictionary.
#[pyfunction]
pub(crate) fn error_codes(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let codes = PyDict::new(py);
    for code in ErrorCode::ALL {
        codes.set_item(code.code(), code.message())?;
    }
    Ok(codes)
}
