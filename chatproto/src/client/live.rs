//! What was read and is not used up, and what of it a group was told.

use super::{END, START};
use memchr::memmem;
use std::fmt;

/// What a leaver gets, in a read of its own if all goes well.
const EXIT: &[u8] = b"exit";

/// Whether a read in a group is the server's word that the client is out of it, though nobody asked for
/// that. The reply may have come with it; what is said in a group begins with a name and is never this.
pub(super) fn shows_out(read: &[u8]) -> bool {
    let mark = [EXIT, START].concat();
    read.starts_with(EXIT) && (mark.starts_with(read) || read.starts_with(&mark))
}

/// Bytes that were read.
#[derive(Default)]
pub(super) struct Unread(Vec<u8>);

/// What a read in a group is.
pub(super) enum Live {
    /// Something that was said, as far as its characters are whole.
    Text(String),
    /// A reply: the server closes and says why.
    Reply(Vec<u8>),
}

impl Unread {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Takes the first so many bytes out.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.0.split_off(len.min(self.0.len()));
        std::mem::replace(&mut self.0, rest)
    }

    /// Takes a read in a group.
    pub(super) fn live(&mut self, bytes: &[u8]) -> Live {
        self.push(bytes);
        if self.0.starts_with(START) && self.0.ends_with(END) {
            return Live::Reply(std::mem::take(&mut self.0));
        }
        Live::Text(self.text(self.len()))
    }

    /// Takes a read after `exit` was said: what was said meanwhile, and then the reply, however all
    /// of it was cut.
    pub(super) fn leaving(&mut self, bytes: &[u8]) -> (String, Option<Vec<u8>>) {
        let mark = [EXIT, START].concat();
        let mut text = String::new();
        if memmem::rfind(&self.0, &mark).is_none() && !goes_on(&self.0, bytes, &mark) {
            text = self.text(self.len());
        }
        self.push(bytes);
        let Some(at) = memmem::rfind(&self.0, &mark) else {
            if !goes_on(&self.0, b"", &mark) {
                text.push_str(&self.text(self.len()));
            }
            return (text, None);
        };
        if !self.0.ends_with(END) {
            return (text, None);
        }
        let reply = self.0.split_off(at + EXIT.len());
        text.push_str(&self.text(at));
        self.clear();
        (text, Some(reply))
    }

    /// Takes the first so many bytes out as text; the beginning of a character that is not there
    /// whole yet stays.
    fn text(&mut self, len: usize) -> String {
        let mut text = self.take(len);
        if self.0.is_empty() {
            self.0 = text.split_off(text.len() - incomplete_len(&text));
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// It may hold a token.
impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unread({} bytes)", self.len())
    }
}

/// Whether the bytes held end with a beginning of the mark that these bytes go on with.
fn goes_on(held: &[u8], bytes: &[u8], mark: &[u8]) -> bool {
    (1..mark.len())
        .filter_map(|len| mark.split_at_checked(len))
        .any(|(begun, rest)| {
            held.ends_with(begun) && rest.iter().zip(bytes).all(|(want, byte)| want == byte)
        })
}

/// How many bytes at the end are the beginning of a character that is not there yet.
fn incomplete_len(bytes: &[u8]) -> usize {
    let tail = bytes
        .get(bytes.len().saturating_sub(3)..)
        .unwrap_or_default();
    let Some(first) = tail.iter().rposition(|byte| byte & 0xc0 != 0x80) else {
        return 0;
    };
    let rest = tail.get(first..).unwrap_or_default();
    match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => rest.len(),
        _ => 0,
    }
}
