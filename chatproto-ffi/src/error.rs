//! The errors, by number.

use crate::fault;
use crate::guard::guard;
use chatproto::ErrorCode;
use std::ffi::{CStr, CString, c_char};
use std::sync::LazyLock;

/// What went wrong: 0 for nothing, or one of the numbers below, which never change and are never
/// used again.
///
/// Up to 999 they are the protocol's: what a client or a peer did wrong, or what stood in its way.
/// They stand in replies and events, and no function returns them. From 1001 on they are what
/// functions return: what the program did wrong, or what the outside refused.
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

/// An argument is NULL that must not be.
pub const CHATPROTO_ERROR_NULL_ARGUMENT: chatproto_error = 1001;
/// A text is not UTF-8.
pub const CHATPROTO_ERROR_NOT_UTF8: chatproto_error = 1002;
/// An argument is none of those that make sense there.
pub const CHATPROTO_ERROR_INVALID_ARGUMENT: chatproto_error = 1003;
/// Another thread is inside the object; nothing was done.
pub const CHATPROTO_ERROR_BUSY: chatproto_error = 1004;
/// The object was closed before.
pub const CHATPROTO_ERROR_CLOSED: chatproto_error = 1005;
/// The object met a bug of this library before; nothing is known of it.
pub const CHATPROTO_ERROR_POISONED: chatproto_error = 1006;
/// The call met a bug of this library, and the object is of no use any more.
pub const CHATPROTO_ERROR_INTERNAL: chatproto_error = 1007;
/// More was reported as sent than was outgoing.
pub const CHATPROTO_ERROR_SENT_TOO_MUCH: chatproto_error = 1008;
/// No request of that number is open.
pub const CHATPROTO_ERROR_UNKNOWN_REQUEST: chatproto_error = 1009;
/// No peer of that name is configured.
pub const CHATPROTO_ERROR_UNKNOWN_PEER: chatproto_error = 1010;
/// The work was run before.
pub const CHATPROTO_ERROR_WORK_DONE: chatproto_error = 1011;
/// What it was told contradicts itself.
pub const CHATPROTO_ERROR_CONFIG: chatproto_error = 1101;
/// No limit has that name.
pub const CHATPROTO_ERROR_LIMIT_UNKNOWN: chatproto_error = 1102;
/// The limit is out of its range.
pub const CHATPROTO_ERROR_LIMIT_RANGE: chatproto_error = 1103;
/// Two limits contradict each other.
pub const CHATPROTO_ERROR_LIMIT_ORDER: chatproto_error = 1104;
/// Two users have the same name.
pub const CHATPROTO_ERROR_USER_TWICE: chatproto_error = 1105;
/// Two peers have the same name.
pub const CHATPROTO_ERROR_PEER_TWICE: chatproto_error = 1106;
/// A realm cannot be its own peer.
pub const CHATPROTO_ERROR_OWN_PEER: chatproto_error = 1107;
/// The text cannot be the name of a user or a realm.
pub const CHATPROTO_ERROR_NOT_A_NAME: chatproto_error = 1108;
/// The text begins like the hash of a password, and is none.
pub const CHATPROTO_ERROR_NOT_A_HASH: chatproto_error = 1109;
/// Hashing a password cannot cost that.
pub const CHATPROTO_ERROR_PASSWORD_COST: chatproto_error = 1110;
/// Messages wait for the peer; nothing was changed.
pub const CHATPROTO_ERROR_PEER_HAS_MAIL: chatproto_error = 1111;
/// Messages wait for a realm that is no linked peer any more.
pub const CHATPROTO_ERROR_PEER_MISSING: chatproto_error = 1112;
/// The text is no key.
pub const CHATPROTO_ERROR_NOT_A_KEY: chatproto_error = 1113;
/// A peer has no public key, so no link with it can be encrypted.
pub const CHATPROTO_ERROR_KEY_MISSING: chatproto_error = 1114;
/// Encrypted links need a key of the realm's own.
pub const CHATPROTO_ERROR_OWN_KEY_MISSING: chatproto_error = 1115;
/// The key of a peer is the realm's own.
pub const CHATPROTO_ERROR_OWN_KEY: chatproto_error = 1116;
/// Two peers have the same key.
pub const CHATPROTO_ERROR_KEY_TWICE: chatproto_error = 1117;
/// A key was given for a link that is not encrypted.
pub const CHATPROTO_ERROR_KEY_UNUSED: chatproto_error = 1118;
/// The system gives no random bytes.
pub const CHATPROTO_ERROR_NO_RANDOM: chatproto_error = 1201;
/// The system refuses to read or write the key file.
pub const CHATPROTO_ERROR_KEY_FILE: chatproto_error = 1202;
/// There is no such key file.
pub const CHATPROTO_ERROR_KEY_NOT_THERE: chatproto_error = 1203;
/// Others than its owner can read the key file.
pub const CHATPROTO_ERROR_KEY_OPEN: chatproto_error = 1204;
/// There is such a key file already; it stays as it is.
pub const CHATPROTO_ERROR_KEY_EXISTS: chatproto_error = 1205;
/// The file is no key file.
pub const CHATPROTO_ERROR_NO_KEY_FILE: chatproto_error = 1206;
/// There is no room for the store.
pub const CHATPROTO_ERROR_STORE_NO_ROOM: chatproto_error = 1211;
/// The store cannot be read or written.
pub const CHATPROTO_ERROR_STORE_FAILED: chatproto_error = 1212;
/// What the store holds is not as it should be.
pub const CHATPROTO_ERROR_STORE_DAMAGED: chatproto_error = 1213;
/// Another process has the store open, or another realm of this one.
pub const CHATPROTO_ERROR_STORE_IN_USE: chatproto_error = 1214;
/// A later version of this library made the store.
pub const CHATPROTO_ERROR_STORE_NEWER: chatproto_error = 1215;
/// The store belongs to another realm, or is something else altogether.
pub const CHATPROTO_ERROR_STORE_FOREIGN: chatproto_error = 1216;
/// The link has ended.
pub const CHATPROTO_ERROR_LINK_FAILED: chatproto_error = 1301;
/// A frame cannot be sent before the link is up.
pub const CHATPROTO_ERROR_LINK_NOT_UP: chatproto_error = 1302;
/// The other side is no peer, or does not take this realm for one.
pub const CHATPROTO_ERROR_LINK_REJECTED: chatproto_error = 1303;
/// The handshake of the link did not end in time.
pub const CHATPROTO_ERROR_LINK_TIMEOUT: chatproto_error = 1304;
/// Something on the way changed what the link carries.
pub const CHATPROTO_ERROR_LINK_TAMPERED: chatproto_error = 1305;
/// The link has sent as much as its keys are good for.
pub const CHATPROTO_ERROR_LINK_KEYS_USED_UP: chatproto_error = 1306;
/// A line of the link is over this realm's limit.
pub const CHATPROTO_ERROR_LINK_RECEIVED_TOO_LONG: chatproto_error = 1307;
/// A line of the link is no frame.
pub const CHATPROTO_ERROR_LINK_BAD_FRAME: chatproto_error = 1308;
/// The link does not begin as links do.
pub const CHATPROTO_ERROR_LINK_BAD_HELLO: chatproto_error = 1309;
/// The frame is more than the peer reads; the link goes on.
pub const CHATPROTO_ERROR_LINK_FRAME_TOO_LONG: chatproto_error = 1310;
/// The frame has a number that no peer reads; the link goes on.
pub const CHATPROTO_ERROR_LINK_NUMBER_TOO_BIG: chatproto_error = 1311;
/// Nobody is logged in.
pub const CHATPROTO_ERROR_NOT_LOGGED_IN: chatproto_error = 1401;
/// A name or a word is empty, or has white space in it.
pub const CHATPROTO_ERROR_NOT_ONE_WORD: chatproto_error = 1402;
/// A text has CR LF in it, which would end the request.
pub const CHATPROTO_ERROR_LINE_END: chatproto_error = 1403;
/// In a group nothing but texts can be sent.
pub const CHATPROTO_ERROR_IN_GROUP: chatproto_error = 1404;
/// The connection is in no group.
pub const CHATPROTO_ERROR_NO_GROUP: chatproto_error = 1405;
/// A text for a group is empty, or is "exit".
pub const CHATPROTO_ERROR_NO_TEXT: chatproto_error = 1406;
/// A reply was too long before, and what follows it cannot be found: connect anew.
pub const CHATPROTO_ERROR_REPLY_TOO_LONG: chatproto_error = 1407;

/// A number from 1001, its name and its sentence.
type Own = (chatproto_error, &'static CStr, &'static CStr);

const fn row(number: chatproto_error, name: &'static CStr, text: &'static CStr) -> Own {
    (number, name, text)
}

/// The errors of programs, by number.
pub(crate) const OWN: &[Own] = &[
    row(
        CHATPROTO_ERROR_NULL_ARGUMENT,
        c"null_argument",
        c"An argument is NULL that must not be.",
    ),
    row(
        CHATPROTO_ERROR_NOT_UTF8,
        c"not_utf8",
        c"A text is not UTF-8.",
    ),
    row(
        CHATPROTO_ERROR_INVALID_ARGUMENT,
        c"invalid_argument",
        c"An argument is none of those that make sense there.",
    ),
    row(
        CHATPROTO_ERROR_BUSY,
        c"busy",
        c"Another thread is inside the object; nothing was done.",
    ),
    row(
        CHATPROTO_ERROR_CLOSED,
        c"closed",
        c"The object was closed before.",
    ),
    row(
        CHATPROTO_ERROR_POISONED,
        c"poisoned",
        c"The object met a bug of this library before; nothing is known of it.",
    ),
    row(
        CHATPROTO_ERROR_INTERNAL,
        c"internal",
        c"The call met a bug of this library, and the object is of no use any more.",
    ),
    row(
        CHATPROTO_ERROR_SENT_TOO_MUCH,
        c"sent_too_much",
        c"More was reported as sent than was outgoing.",
    ),
    row(
        CHATPROTO_ERROR_UNKNOWN_REQUEST,
        c"unknown_request",
        c"No request of that number is open.",
    ),
    row(
        CHATPROTO_ERROR_UNKNOWN_PEER,
        c"unknown_peer",
        c"No peer of that name is configured.",
    ),
    row(
        CHATPROTO_ERROR_WORK_DONE,
        c"work_done",
        c"The work was run before.",
    ),
    row(
        CHATPROTO_ERROR_CONFIG,
        c"config",
        c"What it was told contradicts itself.",
    ),
    row(
        CHATPROTO_ERROR_LIMIT_UNKNOWN,
        c"limit_unknown",
        c"No limit has that name.",
    ),
    row(
        CHATPROTO_ERROR_LIMIT_RANGE,
        c"limit_range",
        c"The limit is out of its range.",
    ),
    row(
        CHATPROTO_ERROR_LIMIT_ORDER,
        c"limit_order",
        c"Two limits contradict each other.",
    ),
    row(
        CHATPROTO_ERROR_USER_TWICE,
        c"user_twice",
        c"Two users have the same name.",
    ),
    row(
        CHATPROTO_ERROR_PEER_TWICE,
        c"peer_twice",
        c"Two peers have the same name.",
    ),
    row(
        CHATPROTO_ERROR_OWN_PEER,
        c"own_peer",
        c"A realm cannot be its own peer.",
    ),
    row(
        CHATPROTO_ERROR_NOT_A_NAME,
        c"not_a_name",
        c"The text cannot be the name of a user or a realm.",
    ),
    row(
        CHATPROTO_ERROR_NOT_A_HASH,
        c"not_a_hash",
        c"The text begins like the hash of a password, and is none.",
    ),
    row(
        CHATPROTO_ERROR_PASSWORD_COST,
        c"password_cost",
        c"Hashing a password cannot cost that.",
    ),
    row(
        CHATPROTO_ERROR_PEER_HAS_MAIL,
        c"peer_has_mail",
        c"Messages wait for the peer; nothing was changed.",
    ),
    row(
        CHATPROTO_ERROR_PEER_MISSING,
        c"peer_missing",
        c"Messages wait for a realm that is no linked peer any more.",
    ),
    row(
        CHATPROTO_ERROR_NOT_A_KEY,
        c"not_a_key",
        c"The text is no key.",
    ),
    row(
        CHATPROTO_ERROR_KEY_MISSING,
        c"key_missing",
        c"A peer has no public key, so no link with it can be encrypted.",
    ),
    row(
        CHATPROTO_ERROR_OWN_KEY_MISSING,
        c"own_key_missing",
        c"Encrypted links need a key of the realm's own.",
    ),
    row(
        CHATPROTO_ERROR_OWN_KEY,
        c"own_key",
        c"The key of a peer is the realm's own.",
    ),
    row(
        CHATPROTO_ERROR_KEY_TWICE,
        c"key_twice",
        c"Two peers have the same key.",
    ),
    row(
        CHATPROTO_ERROR_KEY_UNUSED,
        c"key_unused",
        c"A key was given for a link that is not encrypted.",
    ),
    row(
        CHATPROTO_ERROR_NO_RANDOM,
        c"no_random",
        c"The system gives no random bytes.",
    ),
    row(
        CHATPROTO_ERROR_KEY_FILE,
        c"key_file",
        c"The system refuses to read or write the key file.",
    ),
    row(
        CHATPROTO_ERROR_KEY_NOT_THERE,
        c"key_not_there",
        c"There is no such key file.",
    ),
    row(
        CHATPROTO_ERROR_KEY_OPEN,
        c"key_open",
        c"Others than its owner can read the key file.",
    ),
    row(
        CHATPROTO_ERROR_KEY_EXISTS,
        c"key_exists",
        c"There is such a key file already; it stays as it is.",
    ),
    row(
        CHATPROTO_ERROR_NO_KEY_FILE,
        c"no_key_file",
        c"The file is no key file.",
    ),
    row(
        CHATPROTO_ERROR_STORE_NO_ROOM,
        c"store_no_room",
        c"There is no room for the store.",
    ),
    row(
        CHATPROTO_ERROR_STORE_FAILED,
        c"store_failed",
        c"The store cannot be read or written.",
    ),
    row(
        CHATPROTO_ERROR_STORE_DAMAGED,
        c"store_damaged",
        c"What the store holds is not as it should be.",
    ),
    row(
        CHATPROTO_ERROR_STORE_IN_USE,
        c"store_in_use",
        c"Another process has the store open, or another realm of this one.",
    ),
    row(
        CHATPROTO_ERROR_STORE_NEWER,
        c"store_newer",
        c"A later version of this library made the store.",
    ),
    row(
        CHATPROTO_ERROR_STORE_FOREIGN,
        c"store_foreign",
        c"The store belongs to another realm, or is something else altogether.",
    ),
    row(
        CHATPROTO_ERROR_LINK_FAILED,
        c"link_failed",
        c"The link has ended.",
    ),
    row(
        CHATPROTO_ERROR_LINK_NOT_UP,
        c"link_not_up",
        c"A frame cannot be sent before the link is up.",
    ),
    row(
        CHATPROTO_ERROR_LINK_REJECTED,
        c"link_rejected",
        c"The other side is no peer, or does not take this realm for one.",
    ),
    row(
        CHATPROTO_ERROR_LINK_TIMEOUT,
        c"link_timeout",
        c"The handshake of the link did not end in time.",
    ),
    row(
        CHATPROTO_ERROR_LINK_TAMPERED,
        c"link_tampered",
        c"Something on the way changed what the link carries.",
    ),
    row(
        CHATPROTO_ERROR_LINK_KEYS_USED_UP,
        c"link_keys_used_up",
        c"The link has sent as much as its keys are good for.",
    ),
    row(
        CHATPROTO_ERROR_LINK_RECEIVED_TOO_LONG,
        c"link_received_too_long",
        c"A line of the link is over this realm's limit.",
    ),
    row(
        CHATPROTO_ERROR_LINK_BAD_FRAME,
        c"link_bad_frame",
        c"A line of the link is no frame.",
    ),
    row(
        CHATPROTO_ERROR_LINK_BAD_HELLO,
        c"link_bad_hello",
        c"The link does not begin as links do.",
    ),
    row(
        CHATPROTO_ERROR_LINK_FRAME_TOO_LONG,
        c"link_frame_too_long",
        c"The frame is more than the peer reads; the link goes on.",
    ),
    row(
        CHATPROTO_ERROR_LINK_NUMBER_TOO_BIG,
        c"link_number_too_big",
        c"The frame has a number that no peer reads; the link goes on.",
    ),
    row(
        CHATPROTO_ERROR_NOT_LOGGED_IN,
        c"not_logged_in",
        c"Nobody is logged in.",
    ),
    row(
        CHATPROTO_ERROR_NOT_ONE_WORD,
        c"not_one_word",
        c"A name or a word is empty, or has white space in it.",
    ),
    row(
        CHATPROTO_ERROR_LINE_END,
        c"line_end",
        c"A text has CR LF in it, which would end the request.",
    ),
    row(
        CHATPROTO_ERROR_IN_GROUP,
        c"in_group",
        c"In a group nothing but texts can be sent.",
    ),
    row(
        CHATPROTO_ERROR_NO_GROUP,
        c"no_group",
        c"The connection is in no group.",
    ),
    row(
        CHATPROTO_ERROR_NO_TEXT,
        c"no_text",
        c"A text for a group is empty, or is \"exit\".",
    ),
    row(
        CHATPROTO_ERROR_REPLY_TOO_LONG,
        c"reply_too_long",
        c"A reply was too long before, and what follows it cannot be found: connect anew.",
    ),
];

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

/// Returns the sentence for an error: up to 999 what a person in a chat is shown, in Indonesian;
/// from 1001 on what a programmer is, in English.
///
/// 0 gives "OK"; a number that is none of the errors gives a text that says so. The text lives as
/// long as the program. `chatproto_error_detail` has more to say of the last error.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_error_text(error: chatproto_error) -> *const c_char {
    guard!(UNKNOWN.as_ptr(), {
        match (texts(error), fault::texts(error)) {
            (Some(texts), _) => texts.message.as_ptr(),
            (None, Some((_, text))) => text.as_ptr(),
            (None, None) if error == CHATPROTO_OK => c"OK".as_ptr(),
            (None, None) => UNKNOWN.as_ptr(),
        }
    })
}

/// Returns the name of an error, such as `inbox_full`, as it stands in a reply's `code`.
///
/// 0 gives "ok"; a number that is none of the errors gives "unknown". The text lives as long as the
/// program.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_error_name(error: chatproto_error) -> *const c_char {
    guard!(c"unknown".as_ptr(), {
        match (texts(error), fault::texts(error)) {
            (Some(texts), _) => texts.name.as_ptr(),
            (None, Some((name, _))) => name.as_ptr(),
            (None, None) if error == CHATPROTO_OK => c"ok".as_ptr(),
            (None, None) => c"unknown".as_ptr(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text behind a pointer that an export gave.
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
    fn every_number_of_programs_has_a_constant_and_texts_of_its_own() {
        let source = include_str!("error.rs");
        let constants = source.lines().filter_map(|line| {
            let rest = line.strip_prefix("pub const CHATPROTO_ERROR_")?;
            let (name, number) = rest.strip_suffix(';')?.split_once(": chatproto_error = ")?;
            let number: chatproto_error = number.parse().unwrap();
            (number > 1_000).then(|| (number, name.to_lowercase()))
        });
        let rows = OWN
            .iter()
            .map(|(number, name, _)| (*number, name.to_str().unwrap().to_owned()));

        assert!(constants.eq(rows));
        assert!(OWN.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for (number, name, sentence) in OWN {
            assert_eq!(text(chatproto_error_name(*number)), name.to_str().unwrap());
            assert_eq!(
                text(chatproto_error_text(*number)),
                sentence.to_str().unwrap()
            );
            let is_protocols = ErrorCode::ALL
                .iter()
                .any(|code| code.code() == text(name.as_ptr()));
            assert!(!is_protocols, "{name:?}");
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
