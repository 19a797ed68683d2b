//! What a realm is made of, as it comes from Python.

use crate::error::{self, ConfigError};
use crate::peer::Peer;
use crate::user::User;
use chatproto::store::sqlite::Durability;
use chatproto::work::Place;
use chatproto::{Config, Detail, Limits, Passwords, RealmName};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyMapping};
use std::path::PathBuf;

/// The name of a store that is gone when the process is.
const MEMORY: &str = ":memory:";

/// Takes the name of a realm.
pub(crate) fn realm_name(text: &str) -> PyResult<RealmName> {
    RealmName::parse(text).map_err(error::of_name)
}

/// Takes limits by name; those that are not named keep their defaults.
pub(crate) fn limits(named: Option<&Bound<'_, PyMapping>>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    let Some(named) = named else {
        return Ok(limits);
    };
    for item in named.items()? {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        // What is no number of this size is over, or under, every limit.
        let value: u64 = value.cast::<PyInt>()?.extract().unwrap_or(u64::MAX);
        limits
            .set(&name, value)
            .map_err(|error| error::of_limit(&error))?;
    }
    limits.check().map_err(|error| error::of_limit(&error))?;
    Ok(limits)
}

/// Gives limits to Python.
pub(crate) fn limits_dict<'py>(py: Python<'py>, limits: &Limits) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in limits.iter() {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

/// Takes peers.
pub(crate) fn peers(peers: &Bound<'_, PyAny>) -> PyResult<Vec<Peer>> {
    let mut taken = Vec::new();
    for peer in peers.try_iter()? {
        taken.push(peer?.cast::<Peer>()?.get().clone());
    }
    Ok(taken)
}

/// Adds users to a configuration.
pub(crate) fn with_users(mut config: Config, users: &Bound<'_, PyAny>) -> PyResult<Config> {
    for user in users.try_iter()? {
        config = config.user(user?.cast::<User>()?.get().config().clone());
    }
    Ok(config)
}

/// How passwords are kept.
pub(crate) fn passwords(word: &str) -> PyResult<Passwords> {
    match word {
        "argon2id" => Ok(Passwords::default()),
        "plain" => Ok(Passwords::Plain),
        _ => Err(unknown_word("passwords", "\"argon2id\" or \"plain\"")),
    }
}

/// How much is told.
pub(crate) fn detail(word: &str) -> PyResult<Detail> {
    match word {
        "essential" => Ok(Detail::Essential),
        "commands" => Ok(Detail::Commands),
        "wire" => Ok(Detail::Wire),
        _ => Err(unknown_word(
            "detail",
            "\"essential\", \"commands\" or \"wire\"",
        )),
    }
}

/// Where the realm is kept.
pub(crate) fn place(store: Option<PathBuf>, durability: &str) -> PyResult<Option<Place>> {
    let durability = match durability {
        "fsync" => Durability::Fsync,
        "os" => Durability::Os,
        _ => return Err(unknown_word("durability", "\"fsync\" or \"os\"")),
    };
    Ok(store.map(|path| {
        if path.as_os_str() == MEMORY {
            Place::Memory
        } else {
            Place::File { path, durability }
        }
    }))
}

/// Takes the seed of a realm.
pub(crate) fn seed(bytes: Option<&[u8]>) -> PyResult<Option<[u8; 32]>> {
    bytes.map(<[u8; 32]>::try_from).transpose().map_err(|_| {
        error::raise::<ConfigError>(
            "seed",
            "a seed has 32 bytes, fresh ones for each start; leave it out and it is made",
        )
    })
}

fn unknown_word(argument: &str, words: &str) -> PyErr {
    error::raise::<ConfigError>("unknown_word", format!("{argument} is {words}"))
}
