//! A user, as a realm is told of one.

use crate::class::repr;
use crate::error::{self, ConfigError};
use chatproto::{PasswordHash, UserConfig};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How a hash begins, which no password should.
const HASH: &str = "$argon2id$";

/// A user that a realm has from its start. One that its store knows already stays as it is there.
///
/// `password` is what the user logs in with, or a hash of it that begins with "$argon2id$", as
/// `realmd hash-password` prints it; it cannot be read back. Without a `display_name` others see the
/// name. Raises InvalidNameError, and ConfigError for a hash that is none or a password that is no text.
#[pyclass(frozen, module = "chatproto")]
pub(crate) struct User {
    config: UserConfig,
}

impl User {
    pub(crate) fn config(&self) -> &UserConfig {
        &self.config
    }
}

#[pymethods]
impl User {
    #[new]
    #[pyo3(signature = (name, password, display_name="", country=""))]
    fn new(
        name: &str,
        password: &Bound<'_, PyString>,
        display_name: &str,
        country: &str,
    ) -> PyResult<Self> {
        let password = error::text(password, "the password")?;
        let display_name = match display_name {
            "" => name,
            other => other,
        };
        let config = described(name, password, display_name, country)?;
        Ok(Self { config })
    }

    /// What the user logs in with.
    #[getter]
    fn name(&self) -> &str {
        self.config.name.as_str()
    }

    /// What others see.
    #[getter]
    fn display_name(&self) -> &str {
        &self.config.display_name
    }

    /// Where the user is from.
    #[getter]
    fn country(&self) -> &str {
        &self.config.country
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self.config.name.to_string();
        let fields = [
            ("name", &name as _),
            ("password", &Masked as _),
            ("display_name", &self.config.display_name as _),
            ("country", &self.config.country as _),
        ];
        repr(py, "User", &fields)
    }
}

/// What the engine is told of a user whose password is one, or a hash.
pub(crate) fn described(
    name: &str,
    password: &str,
    display_name: &str,
    country: &str,
) -> PyResult<UserConfig> {
    let config = if password.starts_with(HASH) {
        let hash = PasswordHash::parse(password)
            .map_err(|error| error::raise::<ConfigError>("invalid_hash", error))?;
        UserConfig::hashed(name, display_name, country, hash)
    } else {
        UserConfig::new(name, display_name, country, password)
    };
    config.map_err(error::of_name)
}

/// What must not be shown.
struct Masked;

impl crate::class::Shown for Masked {
    fn shown(&self, _: Python<'_>) -> PyResult<String> {
        Ok("***".to_owned())
    }
}
