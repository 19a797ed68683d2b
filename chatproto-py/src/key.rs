//! A realm's own secret key, as a Python object.

use crate::driver::fresh_seed;
use crate::error::{self, ConfigError};
use chatproto::key_file::{self, KeyFileError};
use chatproto::link::key::StaticKey as EngineKey;
use pyo3::prelude::*;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A realm's own secret key: whoever has it can pass for the realm. It cannot be read but from the
/// one file that may hold it, in which realmd can read it too.
#[pyclass(frozen, module = "chatproto")]
pub(crate) struct StaticKey {
    pub(crate) key: EngineKey,
}

#[pymethods]
impl StaticKey {
    /// Makes a new key, of fresh entropy. Save it: peers know the realm by it.
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        let seed = Zeroizing::new(fresh_seed().map_err(error::no_random)?);
        let key = EngineKey::from_seed(*seed);
        Ok(Self { key })
    }

    /// Reads a key file.
    ///
    /// Raises ConfigError, with the code "key_not_there" if there is none, "key_open" if others than
    /// its owner may read it, "no_key" if there is something else in it, and "key_file" if the system
    /// refuses something.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let key = py.detach(|| key_file::read(&path)).map_err(of_file)?;
        Ok(Self { key })
    }

    /// Reads a key file, and makes one with a new key if there is none.
    ///
    /// Raises ConfigError as `load` and `save` do.
    #[staticmethod]
    fn load_or_make(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let made = Self::generate()?;
        let key = py
            .detach(|| key_file::read_or_write(&path, made.key))
            .map_err(of_file)?;
        Ok(Self { key })
    }

    /// Writes a new file that its owner alone may read, and the public key beside it: `realm1.pub` for
    /// `realm1.key`. A file that is there stays.
    ///
    /// Raises ConfigError, with the code "key_exists" if there is such a file, and "key_file" if the
    /// system refuses something.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| key_file::write(&path, &self.key))
            .map_err(of_file)?;
        Ok(())
    }

    /// The key that peers may know: 44 characters.
    #[getter]
    fn public(&self) -> String {
        self.key.public().to_string()
    }

    fn __repr__(&self) -> String {
        format!("StaticKey(***, public='{}')", self.key.public())
    }
}

fn of_file(error: KeyFileError) -> PyErr {
    let code = match &error {
        KeyFileError::NotThere(_) => {
            let sentence = format!("{error}: StaticKey.load_or_make makes one");
            return error::raise::<ConfigError>("key_not_there", sentence);
        }
        KeyFileError::Open { .. } => "key_open",
        KeyFileError::NoKey { .. } => "no_key",
        KeyFileError::Exists(_) => "key_exists",
        _ => "key_file",
    };
    error::raise::<ConfigError>(code, error)
}
