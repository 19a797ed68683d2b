//! The native half of the Python package `chatproto`.
#![forbid(unsafe_code)]

use pyo3::prelude::*;

mod error;

/// What `chatproto` is made of; import that instead.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::error::{ChatProtoError, error_codes};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
