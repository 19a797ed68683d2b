//! What a program did wrong, or the system refused: a number, and a sentence with the details.

use crate::error::{self, chatproto_error};
use crate::guard::guard;
use chatproto::client::RequestError;
use chatproto::key_file::KeyFileError;
use chatproto::link::key::KeyError;
use chatproto::link::transport::{TransportConfigError, TransportError};
use chatproto::store::StoreError;
use chatproto::{
    ConfigError, LimitError, Misuse, NameError, PasswordError, PeerError, RestoreError,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::fmt::Display;

/// What is said of a panic: nothing of what it said, which may be anything.
pub(crate) const INTERNAL: &str = "a bug in chatproto ended this call: free the object, make another one, and report what led here";

thread_local! {
    static DETAIL: RefCell<CString> = RefCell::default();
}

/// Returns what there is to say of the last error that a function of this library returned in this
/// thread: an English sentence, with names and figures, for the log or the person at the desk.
///
/// Empty if there was none. The text is valid until the next call in this thread that fails, or the
/// thread's end; calls that succeed leave it as it is. There is never a secret in it.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_error_detail() -> *const c_char {
    guard!(c"".as_ptr(), {
        let detail = DETAIL.try_with(|detail| detail.borrow().as_ptr());
        detail.unwrap_or(c"".as_ptr())
    })
}

/// Keeps a sentence for [`chatproto_error_detail`].
pub(crate) fn set_detail(sentence: &str) {
    // A name may have been quoted that has a NUL in it.
    let text = CString::new(sentence).unwrap_or_else(|_| {
        let text = sentence.replace('\0', "\\0");
        CString::new(text).unwrap_or_default()
    });
    // At the very end of a thread there is nobody to ask for it any more.
    let _ = DETAIL.try_with(|detail| detail.replace(text));
}

/// Why an export fails.
#[derive(Debug)]
pub(crate) struct Fault {
    number: chatproto_error,
    detail: Cow<'static, str>,
}

impl Fault {
    /// With a sentence of its own.
    pub(crate) fn new(number: chatproto_error, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { number, detail }
    }

    fn of(number: chatproto_error, error: impl Display) -> Self {
        Self::new(number, error.to_string())
    }

    /// A pointer that must not be NULL.
    pub(crate) fn null(argument: &'static str) -> Self {
        Self::new(
            error::CHATPROTO_ERROR_NULL_ARGUMENT,
            format!("the argument {argument} is NULL"),
        )
    }

    /// An argument that is none of those that make sense.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(error::CHATPROTO_ERROR_INVALID_ARGUMENT, detail)
    }

    /// What C is told, once the sentence is kept.
    pub(crate) fn tell(self) -> chatproto_error {
        set_detail(&self.detail);
        self.number
    }

    #[cfg(test)]
    pub(crate) fn number(&self) -> chatproto_error {
        self.number
    }
}

/// The sentence that is kept, for tests.
#[cfg(test)]
pub(crate) fn detail() -> String {
    DETAIL.with(|detail| detail.borrow().to_str().unwrap().to_owned())
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Self {
        Self::of(error::CHATPROTO_ERROR_NOT_A_NAME, error)
    }
}

impl From<LimitError> for Fault {
    fn from(error: LimitError) -> Self {
        let number = match &error {
            LimitError::Unknown(_) => error::CHATPROTO_ERROR_LIMIT_UNKNOWN,
            LimitError::Range { .. } => error::CHATPROTO_ERROR_LIMIT_RANGE,
            LimitError::Order { .. } => error::CHATPROTO_ERROR_LIMIT_ORDER,
            _ => error::CHATPROTO_ERROR_CONFIG,
        };
        Self::of(number, error)
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        let number = match error {
            ConfigError::Limit(limit) => return limit.into(),
            ConfigError::UserTwice(_) => error::CHATPROTO_ERROR_USER_TWICE,
            ConfigError::PeerTwice(_) => error::CHATPROTO_ERROR_PEER_TWICE,
            ConfigError::OwnPeer(_) => error::CHATPROTO_ERROR_OWN_PEER,
            _ => error::CHATPROTO_ERROR_CONFIG,
        };
        Self::of(number, error)
    }
}

impl From<PasswordError> for Fault {
    fn from(error: PasswordError) -> Self {
        let number = match error {
            PasswordError::NotAHash => error::CHATPROTO_ERROR_NOT_A_HASH,
            _ => error::CHATPROTO_ERROR_PASSWORD_COST,
        };
        Self::of(number, error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::of(error::CHATPROTO_ERROR_NOT_A_KEY, error)
    }
}

impl From<KeyFileError> for Fault {
    fn from(error: KeyFileError) -> Self {
        let number = match &error {
            KeyFileError::NotThere(_) => error::CHATPROTO_ERROR_KEY_NOT_THERE,
            KeyFileError::Open { .. } => error::CHATPROTO_ERROR_KEY_OPEN,
            KeyFileError::NoKey { .. } => error::CHATPROTO_ERROR_NO_KEY_FILE,
            KeyFileError::Exists(_) => error::CHATPROTO_ERROR_KEY_EXISTS,
            _ => error::CHATPROTO_ERROR_KEY_FILE,
        };
        Self::of(number, error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let number = match &error {
            StoreError::Full(_) => error::CHATPROTO_ERROR_STORE_NO_ROOM,
            StoreError::Damaged(_) => error::CHATPROTO_ERROR_STORE_DAMAGED,
            StoreError::InUse(_) => error::CHATPROTO_ERROR_STORE_IN_USE,
            StoreError::Newer(_) => error::CHATPROTO_ERROR_STORE_NEWER,
            StoreError::Foreign(_) => error::CHATPROTO_ERROR_STORE_FOREIGN,
            _ => error::CHATPROTO_ERROR_STORE_FAILED,
        };
        Self::of(number, error)
    }
}

impl From<RestoreError> for Fault {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::PeerRemoved { .. } => Self::new(
                error::CHATPROTO_ERROR_PEER_MISSING,
                format!(
                    "{error}, or put it back and take it out with chatproto_realm_remove_peer and `bounce`"
                ),
            ),
            RestoreError::PeerClassic { .. } => {
                Self::of(error::CHATPROTO_ERROR_PEER_MISSING, error)
            }
            _ => Self::of(error::CHATPROTO_ERROR_STORE_DAMAGED, error),
        }
    }
}

impl From<Misuse> for Fault {
    fn from(misuse: Misuse) -> Self {
        let number = match misuse {
            Misuse::SentTooMuch => error::CHATPROTO_ERROR_SENT_TOO_MUCH,
            Misuse::UnknownPeer => error::CHATPROTO_ERROR_UNKNOWN_PEER,
            _ => error::CHATPROTO_ERROR_UNKNOWN_REQUEST,
        };
        Self::of(number, misuse)
    }
}

impl From<PeerError> for Fault {
    fn from(error: PeerError) -> Self {
        let number = match error {
            PeerError::Unknown => error::CHATPROTO_ERROR_UNKNOWN_PEER,
            PeerError::OwnRealm => error::CHATPROTO_ERROR_OWN_PEER,
            PeerError::HasMail { .. } => error::CHATPROTO_ERROR_PEER_HAS_MAIL,
            _ => error::CHATPROTO_ERROR_CONFIG,
        };
        Self::of(number, error)
    }
}

impl From<TransportConfigError> for Fault {
    fn from(error: TransportConfigError) -> Self {
        let number = match &error {
            TransportConfigError::NameTwice(_) => error::CHATPROTO_ERROR_PEER_TWICE,
            TransportConfigError::OwnName(_) => error::CHATPROTO_ERROR_OWN_PEER,
            TransportConfigError::KeyTwice(..) => error::CHATPROTO_ERROR_KEY_TWICE,
            TransportConfigError::OwnKey(_) => error::CHATPROTO_ERROR_OWN_KEY,
            TransportConfigError::NoKey(_) => error::CHATPROTO_ERROR_OWN_KEY_MISSING,
            _ => error::CHATPROTO_ERROR_CONFIG,
        };
        Self::of(number, error)
    }
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        let number = match error {
            TransportError::NotUp => error::CHATPROTO_ERROR_LINK_NOT_UP,
            TransportError::Rejected => error::CHATPROTO_ERROR_LINK_REJECTED,
            TransportError::HandshakeTimeout => error::CHATPROTO_ERROR_LINK_TIMEOUT,
            TransportError::Tampered => error::CHATPROTO_ERROR_LINK_TAMPERED,
            TransportError::KeysUsedUp => error::CHATPROTO_ERROR_LINK_KEYS_USED_UP,
            TransportError::ReceivedTooLong { .. } => error::CHATPROTO_ERROR_LINK_RECEIVED_TOO_LONG,
            TransportError::Frame(_) => error::CHATPROTO_ERROR_LINK_BAD_FRAME,
            TransportError::NoHello | TransportError::SecondHello | TransportError::HelloLimit => {
                error::CHATPROTO_ERROR_LINK_BAD_HELLO
            }
            TransportError::LineTooLong { .. } => error::CHATPROTO_ERROR_LINK_FRAME_TOO_LONG,
            TransportError::NumberTooBig => error::CHATPROTO_ERROR_LINK_NUMBER_TOO_BIG,
            _ => error::CHATPROTO_ERROR_LINK_FAILED,
        };
        Self::of(number, error)
    }
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Self {
        let number = match error {
            RequestError::NotLoggedIn => error::CHATPROTO_ERROR_NOT_LOGGED_IN,
            RequestError::NotOneWord(_) => error::CHATPROTO_ERROR_NOT_ONE_WORD,
            RequestError::LineEnd => error::CHATPROTO_ERROR_LINE_END,
            RequestError::InGroup => error::CHATPROTO_ERROR_IN_GROUP,
            RequestError::NoGroup => error::CHATPROTO_ERROR_NO_GROUP,
            RequestError::NoText => error::CHATPROTO_ERROR_NO_TEXT,
            _ => error::CHATPROTO_ERROR_REPLY_TOO_LONG,
        };
        Self::of(number, error)
    }
}

impl From<getrandom::Error> for Fault {
    fn from(error: getrandom::Error) -> Self {
        Self::new(
            error::CHATPROTO_ERROR_NO_RANDOM,
            format!("the system gives no random bytes: {error}"),
        )
    }
}

/// The name and the sentence of one of the numbers from 1001.
pub(crate) fn texts(number: chatproto_error) -> Option<(&'static CStr, &'static CStr)> {
    let row = error::OWN.iter().find(|(own, ..)| *own == number)?;
    Some((row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_stays_until_the_next_error() {
        assert_eq!(detail(), "");
        assert_eq!(Fault::null("realm").tell(), 1001);
        assert_eq!(detail(), "the argument realm is NULL");

        let limit = chatproto::Limits::default()
            .set("line_bytes_max", 1)
            .unwrap_err();
        assert_eq!(Fault::from(limit).tell(), 1103);

        assert_eq!(detail(), "line_bytes_max must be from 256 to 16777216");
    }

    #[test]
    fn a_nul_in_a_sentence_is_shown() {
        set_detail("no limit is called \"a\0b\"");

        assert_eq!(detail(), "no limit is called \"a\\0b\"");
    }

    #[test]
    fn another_thread_has_details_of_its_own() {
        Fault::null("realm").tell();

        let other = std::thread::spawn(detail).join().unwrap();

        assert_eq!(other, "");
    }
}
