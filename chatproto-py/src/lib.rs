//! The native half of the Python package `chatproto`.
#![forbid(unsafe_code)]

use pyo3::prelude::*;

mod clock;
mod driver;
mod error;
mod fork;
mod job;
mod storage;

/// What `chatproto` is made of; import that instead.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::error::{
        ChatProtoError, ConfigError, ForkError, InternalError, InvalidNameError, LimitError,
        LinkError, MisuseError, StoreError, error_codes,
    };
    use super::{error, fork};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        error::set_codes(module.py())?;
        fork::watch(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
