//! What a group is told, and how it is joined and left.

use super::{Conversation, Mode, Request};
use crate::chat::reply;
use crate::chat::shown::shown;

/// What a leaver gets, in a read of its own if all goes well.
pub(super) const EXIT: &[u8] = b"exit";

impl Conversation {
    /// What comes after `group`: an error is a reply, the first event is not.
    pub(super) fn joining(&mut self, bytes: &[u8]) {
        let begins = self.held.iter().chain(bytes).take(reply::START.len());
        if begins.eq(reply::START.iter().take(self.held.len() + bytes.len())) {
            return self.reply(bytes);
        }
        if let Mode::Waiting(Request::Group { name }) = &mut self.mode {
            self.mode = Mode::Live {
                group: std::mem::take(name),
            };
        }
        self.event(bytes);
    }

    /// Shows what a group is told.
    pub(super) fn event(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        if self.held.starts_with(reply::START) && self.held.ends_with(reply::END) {
            let whole = std::mem::take(&mut self.held);
            return self.answered(&whole, None);
        }
        self.show_held(self.held.len());
    }

    /// Shows what a group is told until the reply to `exit` has come, however it was cut.
    pub(super) fn leaving(&mut self, bytes: &[u8]) {
        let mark = [EXIT, reply::START].concat();
        let find = |held: &[u8]| held.windows(mark.len()).rposition(|window| window == mark);
        if find(&self.held).is_none() && !goes_on(&self.held, bytes, &mark) {
            self.show_held(self.held.len());
        }
        self.held.extend_from_slice(bytes);
        let Some(at) = find(&self.held) else {
            if !goes_on(&self.held, b"", &mark) {
                self.show_held(self.held.len());
            }
            return;
        };
        if self.held.ends_with(reply::END) {
            let whole = self.held.split_off(at + EXIT.len());
            self.show_held(at);
            self.held.clear();
            self.mode = Mode::Commands;
            self.answered(&whole, None);
        }
    }

    /// Shows the first so many of the bytes that are held, as far as they are whole characters.
    fn show_held(&mut self, len: usize) {
        let rest = self.held.split_off(len);
        let mut text = std::mem::replace(&mut self.held, rest);
        if self.held.is_empty() {
            self.held = text.split_off(text.len() - incomplete_len(&text));
        }
        if !text.is_empty() {
            self.show(shown(&String::from_utf8_lossy(&text)));
        }
    }
}

/// Whether the bytes held end with a beginning of the mark that these bytes go on with.
fn goes_on(held: &[u8], bytes: &[u8], mark: &[u8]) -> bool {
    (1..mark.len())
        .filter_map(|len| mark.split_at_checked(len))
        .any(|(begun, rest)| {
            held.ends_with(begun)
                && rest
                    .iter()
                    .zip(bytes)
                    .all(|(expected, byte)| expected == byte)
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
