//! What a link demands of its JSON beyond what JSON parsers check.
//!
//! Two readers of one line must never take different things from it: each key stands once, numbers
//! are exact everywhere, texts are Unicode, and nothing is deep enough to trouble a stack. This is
//! one pass over the bytes, without recursion. Well-formedness is left to the parser after it: on a
//! line that is not JSON the outcome here is any, on one that is, it is exact.

#[cfg(test)]
mod tests;

use super::codec::{FrameError, INTEGER_MAX};
use memchr::memchr2;
use std::borrow::Cow;

/// How many objects and arrays may stand in each other, the frame itself included.
const DEPTH_MAX: usize = 8;

/// Up to so many keys, comparing each with each is cheaper than sorting them.
const FEW_KEYS: usize = 16;

/// Checks the line and returns the frame's type, the text in its `t`.
///
/// # Errors
///
/// Anything a link does not take, as far as it is seen before the parser runs.
pub(super) fn scan(line: &str) -> Result<Cow<'_, str>, FrameError> {
    // The least of all bytes is found many at a time, the first one below something is not.
    if line.bytes().fold(u8::MAX, u8::min) < 0x20 {
        return Err(FrameError::ControlByte);
    }
    if !line.trim_start_matches(' ').starts_with('{') {
        return Err(FrameError::NotAnObject);
    }
    let mut scan = Scan {
        line,
        at: 0,
        open: [Open {
            is_object: false,
            first_key: 0,
        }; DEPTH_MAX],
        depth: 0,
        keys: Vec::with_capacity(FEW_KEYS),
        key_next: false,
        type_next: false,
        frame_type: None,
    };
    scan.run()?;
    scan.frame_type.ok_or(FrameError::NotAnObject)
}

/// An object or array that has begun and not yet ended.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    /// Where its keys begin in [`Scan::keys`].
    first_key: usize,
}

struct Scan<'a> {
    line: &'a str,
    at: usize,
    open: [Open; DEPTH_MAX],
    depth: usize,
    /// The keys of all open objects, inner ones behind outer ones.
    keys: Vec<Cow<'a, str>>,
    /// Whether a text that comes now is a key.
    key_next: bool,
    /// Whether a value that comes now is the frame's type.
    type_next: bool,
    frame_type: Option<Cow<'a, str>>,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), FrameError> {
        let bytes = self.line.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => self.text()?,
                b'{' | b'[' => self.begin(*byte == b'{')?,
                b'}' | b']' => self.end(*byte == b'}')?,
                b',' => {
                    self.key_next = self.innermost().is_some_and(|open| open.is_object);
                    self.type_next = false;
                }
                b'-' | b'0'..=b'9' => self.number()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn innermost(&self) -> Option<Open> {
        self.open.get(self.depth.checked_sub(1)?).copied()
    }

    fn begin(&mut self, is_object: bool) -> Result<(), FrameError> {
        let open = self.open.get_mut(self.depth).ok_or(FrameError::TooDeep)?;
        *open = Open {
            is_object,
            first_key: self.keys.len(),
        };
        self.depth += 1;
        self.key_next = is_object;
        self.type_next = false;
        Ok(())
    }

    fn end(&mut self, is_object: bool) -> Result<(), FrameError> {
        let open = self.innermost().ok_or(FrameError::NotAnObject)?;
        if open.is_object != is_object {
            return Err(FrameError::NotAnObject);
        }
        let keys = self.keys.get_mut(open.first_key..).unwrap_or_default();
        if has_twice(keys) {
            return Err(FrameError::DuplicateKey);
        }
        self.keys.truncate(open.first_key);
        self.depth -= 1;
        self.key_next = false;
        Ok(())
    }

    /// Takes a text whose opening quote has been passed.
    fn text(&mut self) -> Result<(), FrameError> {
        let start = self.at;
        let mut escaped = false;
        let mut surrogates = false;
        loop {
            let rest = self.line.as_bytes().get(self.at..).unwrap_or_default();
            match first_special(rest) {
                Some((at, b'"')) => {
                    self.at += at + 1;
                    break;
                }
                Some((at, _)) => {
                    escaped = true;
                    surrogates |= matches!(rest.get(at + 1..at + 3), Some(b"ud" | b"uD"));
                    self.at += at + 2;
                }
                None => return Err(FrameError::NotAnObject),
            }
        }
        if surrogates {
            unescape(self.line, start, self.at).ok_or(FrameError::LoneSurrogate)?;
        }
        let wanted = self.key_next || self.type_next;
        if !wanted {
            return Ok(());
        }
        let text = if escaped {
            Cow::Owned(unescape(self.line, start, self.at).ok_or(FrameError::NotAnObject)?)
        } else {
            Cow::Borrowed(
                self.line
                    .get(start..self.at - 1)
                    .ok_or(FrameError::NotAnObject)?,
            )
        };
        if self.key_next {
            self.key_next = false;
            self.type_next = self.depth == 1 && text == "t";
            self.keys.push(text);
        } else {
            self.type_next = false;
            self.frame_type = Some(text);
        }
        Ok(())
    }

    /// Takes a number whose first byte has been passed.
    fn number(&mut self) -> Result<(), FrameError> {
        let start = self.at - 1;
        let rest = self.line.get(start..).unwrap_or_default();
        let in_number = |c: &u8| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let bytes = rest.bytes().take_while(|c| in_number(c)).count();
        self.at = start + bytes;
        self.type_next = false;
        let digits = rest
            .get(..bytes)
            .unwrap_or_default()
            .trim_start_matches('-');
        if !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Ok(());
        }
        match digits.parse::<u64>() {
            Ok(number) if number <= INTEGER_MAX => Ok(()),
            _ => Err(FrameError::IntegerTooBig),
        }
    }
}

/// The first quote or backslash.
fn first_special(bytes: &[u8]) -> Option<(usize, u8)> {
    // Most texts are keys and names, shorter than what makes a vectorised search worth its start.
    const SHORT: usize = 16;
    let special = |byte: &u8| matches!(byte, b'"' | b'\\');
    let at = match bytes.iter().take(SHORT).position(special) {
        Some(at) => at,
        None => SHORT + memchr2(b'"', b'\\', bytes.get(SHORT..)?)?,
    };
    bytes.get(at).map(|byte| (at, *byte))
}

/// The text between the quotes around `start` and before `end`, if its escapes are right.
///
/// A lone surrogate is the one wrong escape that a parser lets pass in fields it ignores.
fn unescape(line: &str, start: usize, end: usize) -> Option<String> {
    serde_json::from_str(line.get(start.checked_sub(1)?..end)?).ok()
}

/// Whether two of the keys are the same; leaves them in any order.
fn has_twice(keys: &mut [Cow<'_, str>]) -> bool {
    if keys.len() <= FEW_KEYS {
        let later = |at: usize| keys.get(at + 1..).unwrap_or_default();
        return keys
            .iter()
            .enumerate()
            .any(|(at, key)| later(at).contains(key));
    }
    keys.sort_unstable();
    keys.windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
}
