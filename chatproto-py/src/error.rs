//! The table of errors, and the exceptions of the package: each has a stable code.

use chatproto::store::StoreError as EngineStoreError;
use chatproto::{
    ConfigError as EngineConfigError, ErrorCode, LimitError as EngineLimitError, Misuse, NameError,
    PeerError, RestoreError,
};
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::fmt::Display;

macro_rules! exceptions {
    ($($name:ident($base:ty) $code:literal $doc:literal;)*) => {
        $(pyo3::create_exception!(chatproto, $name, $base, $doc);)*

        /// Gives each class the code that stands there where an instance has none of its own.
        pub(crate) fn set_codes(py: Python<'_>) -> PyResult<()> {
            $(py.get_type::<$name>().setattr("code", $code)?;)*
            Ok(())
        }
    };
}

exceptions! {
    ChatProtoError(pyo3::exceptions::PyException) "chatproto"
        "The base class of every exception that chatproto raises.\n\n`code` is a stable word for what went wrong; the text tells a person what to do.";
    ConfigError(ChatProtoError) "config"
        "What a realm or a link was told contradicts itself.";
    InvalidNameError(ChatProtoError) "invalid_name"
        "A text cannot be the name of a user or a realm.";
    LimitError(ChatProtoError) "limit"
        "A limit that does not exist, or a value out of its range.";
    StoreError(ChatProtoError) "store"
        "A store cannot be opened, or what it holds cannot be right.";
    MisuseError(ChatProtoError) "misuse"
        "The program used an object in a way that cannot be meant: a bug in the program.";
    LinkError(ChatProtoError) "link"
        "The other realm did something that ends the link, or a frame cannot be sent.";
    ForkError(ChatProtoError) "forked"
        "An object was used in a process that was forked after it was made.";
    InternalError(ChatProtoError) "internal"
        "A bug in chatproto; the object is of no use any more.";
}

/// Reads a text that must not be seen: Python's own error would hold it.
pub(crate) fn text<'a>(text: &'a Bound<'_, PyString>, what: &str) -> PyResult<&'a str> {
    text.to_str().map_err(|_| {
        raise::<ConfigError>(
            "not_utf8",
            format!("{what} is no text: it has lone surrogates"),
        )
    })
}

/// Makes an exception with a code of its own.
pub(crate) fn raise<E: PyTypeInfo>(code: &str, message: impl Display) -> PyErr {
    let error = PyErr::new::<E, _>(message.to_string());
    Python::attach(|py| match error.value(py).setattr("code", code) {
        Ok(()) => error,
        Err(other) => other,
    })
}

/// What an object that has met a bug says ever after.
pub(crate) fn internal() -> PyErr {
    raise::<InternalError>(
        "internal",
        "a bug in chatproto ended this object: close it, make another one, and report what led here",
    )
}

pub(crate) fn of_name(error: NameError) -> PyErr {
    raise::<InvalidNameError>("invalid_name", error)
}

pub(crate) fn of_limit(error: &EngineLimitError) -> PyErr {
    let code = match error {
        EngineLimitError::Unknown(_) => "limit_unknown",
        EngineLimitError::Range { .. } => "limit_range",
        EngineLimitError::Order { .. } => "limit_order",
        _ => "limit",
    };
    raise::<LimitError>(code, error)
}

pub(crate) fn of_config(error: &EngineConfigError) -> PyErr {
    let code = match error {
        EngineConfigError::Limit(limit) => return of_limit(limit),
        EngineConfigError::UserTwice(_) => "user_twice",
        EngineConfigError::PeerTwice(_) => "peer_twice",
        EngineConfigError::OwnPeer(_) => "own_peer",
        _ => "config",
    };
    raise::<ConfigError>(code, error)
}

pub(crate) fn of_store(error: &EngineStoreError) -> PyErr {
    let code = match error {
        EngineStoreError::Full(_) => "store_full",
        EngineStoreError::Broken(_) => "store_broken",
        EngineStoreError::Damaged(_) => "store_damaged",
        EngineStoreError::InUse(_) => "store_in_use",
        EngineStoreError::Newer(_) => "store_newer",
        EngineStoreError::Foreign(_) => "store_foreign",
        _ => "store",
    };
    raise::<StoreError>(code, error)
}

pub(crate) fn of_restore(error: &RestoreError) -> PyErr {
    match error {
        RestoreError::PeerRemoved { .. } => raise::<ConfigError>(
            "peer_removed",
            format!("{error}, or put it back and take it out with `remove_peer(…, bounce=True)`"),
        ),
        _ => raise::<StoreError>("store_damaged", error),
    }
}

pub(crate) fn of_misuse(misuse: Misuse) -> PyErr {
    let code = match misuse {
        Misuse::SentTooMuch => "sent_too_much",
        Misuse::WrongBatch => "wrong_batch",
        Misuse::UnknownRequest => "unknown_request",
        Misuse::UnknownPeer => "unknown_peer",
        _ => "misuse",
    };
    raise::<MisuseError>(code, misuse)
}

pub(crate) fn of_peer(error: PeerError) -> PyErr {
    match error {
        PeerError::Unknown => raise::<MisuseError>("unknown_peer", error),
        PeerError::OwnRealm => raise::<ConfigError>("own_peer", error),
        PeerError::HasMail { .. } => raise::<ConfigError>("has_mail", error),
        _ => raise::<ConfigError>("config", error),
    }
}

/// Without random bytes nothing that is secret can be made.
pub(crate) fn no_random(error: getrandom::Error) -> PyErr {
    raise::<ChatProtoError>(
        "no_random",
        format!("the system gives no random bytes: {error}"),
    )
}

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
