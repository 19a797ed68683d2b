//! The errors, by number.

use crate::guard::guard;
use chatproto::ErrorCode;
use std::ffi::{CStr, CString, c_char};
use std::sync::LazyLock;

/// What went wrong: 0 for nothing, or one of the numbers below, which never change.
#[allow(non_camel_case_types, reason = "the name C knows it by")]
pub type chatproto_error = i32;

/// Nothing went wrong.
pub const CHATPROTO_OK: chatproto_error = 0;
/// `auth`: no user of that name.
pub const CHATPROTO_ERROR_NO_SUCH_USER: chatproto_error = 1;
/// `auth`: the password is another one.
pub const CHATPROTO_ERROR_WRONG_PASSWORD: chatproto_error = 2;
/// `send`: nobody of that name here or in a linked realm.
pub const CHATPROTO_ERROR_RECIPIENT_UNKNOWN: chatproto_error = 3;
/// The token is unknown or has expired.
pub const CHATPROTO_ERROR_NO_SESSION: chatproto_error = 4;
/// A command with too few arguments.
pub const CHATPROTO_ERROR_TOO_FEW_ARGUMENTS: chatproto_error = 5;
/// A command that does not exist.
pub const CHATPROTO_ERROR_UNKNOWN_COMMAND: chatproto_error = 6;
/// A line over the limit; it was thrown away to its end.
pub const CHATPROTO_ERROR_LINE_TOO_LONG: chatproto_error = 7;
/// A line that is not UTF-8.
pub const CHATPROTO_ERROR_INVALID_UTF8: chatproto_error = 8;
/// A line that began and did not end in time; what had come of it was thrown away.
pub const CHATPROTO_ERROR_LINE_TIMEOUT: chatproto_error = 9;
/// A name that cannot be one.
pub const CHATPROTO_ERROR_INVALID_NAME: chatproto_error = 10;
/// The recipient's inbox is full.
pub const CHATPROTO_ERROR_INBOX_FULL: chatproto_error = 11;
/// Several realms have a user of that name; the reply lists them.
pub const CHATPROTO_ERROR_AMBIGUOUS: chatproto_error = 12;
/// No peer of that name is configured.
pub const CHATPROTO_ERROR_REALM_UNKNOWN: chatproto_error = 13;
/// What waits for that peer is at its bound.
pub const CHATPROTO_ERROR_QUEUE_FULL: chatproto_error = 14;
/// The realm is configured but not linked now.
pub const CHATPROTO_ERROR_REALM_AWAY: chatproto_error = 15;
/// The message does not fit a link's longest line.
pub const CHATPROTO_ERROR_MESSAGE_TOO_LONG: chatproto_error = 16;
/// The live group has as many members as it may.
pub const CHATPROTO_ERROR_GROUP_FULL: chatproto_error = 17;
/// The realm has as many live groups as it may.
pub const CHATPROTO_ERROR_TOO_MANY_GROUPS: chatproto_error = 18;
/// The realm has as many connections as it may.
pub const CHATPROTO_ERROR_TOO_MANY_CONNECTIONS: chatproto_error = 19;
/// The address has as many connections as it may.
pub const CHATPROTO_ERROR_ADDRESS_CONNECTIONS: chatproto_error = 20;
/// The connection made room for another one.
pub const CHATPROTO_ERROR_IDLE_EVICTED: chatproto_error = 21;
/// The client leaves too much unread.
pub const CHATPROTO_ERROR_SLOW_READER: chatproto_error = 22;
/// The realm is going down.
pub const CHATPROTO_ERROR_SHUTTING_DOWN: chatproto_error = 23;
/// `group`, `listen` and `quit` want a connection of their own.
pub const CHATPROTO_ERROR_NEEDS_CONNECTION: chatproto_error = 24;
/// The store is full; nothing was changed.
pub const CHATPROTO_ERROR_STORE_FULL: chatproto_error = 25;
/// The store has failed; the realm has stopped.
pub const CHATPROTO_ERROR_STORE_BROKEN: chatproto_error = 26;
/// An envelope of a kind this realm does not know.
pub const CHATPROTO_ERROR_UNKNOWN_KIND: chatproto_error = 27;
/// The sender's own inbox has no place for word of a message that may not arrive.
pub const CHATPROTO_ERROR_OWN_INBOX_FULL: chatproto_error = 28;
/// Too many logins from this address have failed.
pub const CHATPROTO_ERROR_TOO_MANY_LOGINS: chatproto_error = 29;
/// The work of checking a password could not be done.
pub const CHATPROTO_ERROR_PASSWORD_UNCHECKED: chatproto_error = 30;
/// An argument that should be a whole number.
pub const CHATPROTO_ERROR_INVALID_NUMBER: chatproto_error = 31;
/// `ack`: no message of that number has come yet; nothing was removed.
pub const CHATPROTO_ERROR_NO_SUCH_MESSAGE: chatproto_error = 32;
/// `sendid`: a key that cannot be one.
pub const CHATPROTO_ERROR_INVALID_KEY: chatproto_error = 33;
/// `sendid`: the key was used for another message; nothing was sent.
pub const CHATPROTO_ERROR_KEY_REUSED: chatproto_error = 34;
/// What is stored could not be read; it is still there.
pub const CHATPROTO_ERROR_STORE_UNREADABLE: chatproto_error = 35;
/// The realm was away for so long that the message was given up.
pub const CHATPROTO_ERROR_EXPIRED: chatproto_error = 36;
/// The realm is no peer any more.
pub const CHATPROTO_ERROR_PEER_REMOVED: chatproto_error = 37;
/// A classic realm would keep another text than this one; nothing was sent.
pub const CHATPROTO_ERROR_CLASSIC_TEXT: chatproto_error = 38;
/// A classic realm was sent the message and gave no clear answer: it may have it or not.
pub const CHATPROTO_ERROR_DELIVERY_UNKNOWN: chatproto_error = 39;
/// A classic realm answered that it does not take the message.
pub const CHATPROTO_ERROR_REALM_REFUSED: chatproto_error = 40;

/// Shown for a number that is none of the errors.
const UNKNOWN: &CStr = c"Kesalahan tidak dikenal";

/// One error's texts, ended for C.
struct Texts {
    name: CString,
    message: CString,
}

/// The texts of all errors; the error numbered `n` stands at `n - 1`.
static TEXTS: LazyLock<Vec<Texts>> = LazyLock::new(|| {
    // No text of the table holds a NUL byte; one that did would come out empty.
    let ended = |text: &str| CString::new(text).unwrap_or_default();
    ErrorCode::ALL
        .iter()
        .map(|code| Texts {
            name: ended(code.code()),
            message: ended(code.message()),
        })
        .collect()
});

/// The texts of the error of that number.
fn texts(error: chatproto_error) -> Option<&'static Texts> {
    let at = usize::try_from(error).ok()?.checked_sub(1)?;
    TEXTS.get(at)
}

/// Returns the sentence a person is shown for an error, in Indonesian.
///
/// 0 gives "OK"; a number that is none of the errors gives a text that says so.
#[allow(unsafe_code, reason = "the name is this library's own")]
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_error_text(error: chatproto_error) -> *const c_char {
    guard!(UNKNOWN.as_ptr(), {
        match texts(error) {
            Some(texts) => texts.message.as_ptr(),
            None if error == CHATPROTO_OK => c"OK".as_ptr(),
            None => UNKNOWN.as_ptr(),
        }
    })
}

/// Returns the name of an error, such as `inbox_full`, as it stands in a reply's `code`.
///
/// 0 gives "ok"; a number that is none of the errors gives "unknown".
#[allow(unsafe_code, reason = "the name is this library's own")]
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_error_name(error: chatproto_error) -> *const c_char {
    guard!(c"unknown".as_ptr(), {
        match texts(error) {
            Some(texts) => texts.name.as_ptr(),
            None if error == CHATPROTO_OK => c"ok".as_ptr(),
            None => c"unknown".as_ptr(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text behind a pointer that an export gave.
    #[allow(unsafe_code, reason = "reads as C does")]
    fn text(pointer: *const c_char) -> &'static str {
        // SAFETY: the exports return static texts that end with a NUL byte.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
    }

    #[test]
    fn every_error_has_its_texts() {
        for code in ErrorCode::ALL {
            let number = chatproto_error::from(*code as u16);

            assert_eq!(text(chatproto_error_text(number)), code.message());
            assert_eq!(text(chatproto_error_name(number)), code.code());
        }
    }

    #[test]
    fn other_numbers_have_texts_too() {
        assert_eq!(text(chatproto_error_text(0)), "OK");
        assert_eq!(text(chatproto_error_name(0)), "ok");
        for number in [-1, i32::MIN, i32::MAX, 10_000] {
            assert_eq!(
                text(chatproto_error_text(number)),
                "Kesalahan tidak dikenal"
            );
            assert_eq!(text(chatproto_error_name(number)), "unknown");
        }
    }

    #[test]
    fn every_error_has_a_constant_of_its_name_and_number() {
        let source = include_str!("error.rs");

        for code in ErrorCode::ALL {
            let name = code.code().to_uppercase();
            let line = format!(
                "pub const CHATPROTO_ERROR_{name}: chatproto_error = {};",
                *code as u16
            );
            assert!(source.contains(&line), "missing: {line}");
        }
    }
}
