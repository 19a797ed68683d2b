//! What a terminal sends when keys are pressed.

/// One key, or one character of a paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    EraseWord,
    EraseToStart,
    EraseToEnd,
    Redraw,
    /// Ctrl-D: the end of the input, or the character under the cursor.
    EndOfInput,
}

/// Where in a sequence of bytes the reading is.
#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC [ or ESC O: what came so far.
    Sequence(Vec<u8>),
    /// Within a character of several bytes.
    Character(Vec<u8>),
}

/// The longest sequence that is remembered; no key has one as long.
const SEQUENCE_BYTES_MAX: usize = 16;

/// Reads bytes as keys, however they are cut.
#[derive(Default)]
pub(super) struct Keys {
    state: State,
}

impl Keys {
    /// Takes a byte; a key, if it completes one.
    pub(super) fn push(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Sequence(so_far) => self.sequence(so_far, byte),
            State::Character(so_far) => self.character(so_far, byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\r' | b'\n' => Some(Key::Enter),
            0x01 => Some(Key::Home),
            0x02 => Some(Key::Left),
            0x04 => Some(Key::EndOfInput),
            0x05 => Some(Key::End),
            0x06 => Some(Key::Right),
            0x08 | 0x7f => Some(Key::Backspace),
            b'\t' => Some(Key::Char(' ')),
            0x0b => Some(Key::EraseToEnd),
            0x0c => Some(Key::Redraw),
            0x0e => Some(Key::Down),
            0x10 => Some(Key::Up),
            0x15 => Some(Key::EraseToStart),
            0x17 => Some(Key::EraseWord),
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x00..=0x1f => None,
            0x20..=0x7e => Some(Key::Char(char::from(byte))),
            0x80..=0xff => self.character(Vec::new(), byte),
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'[' | b'O' => {
                self.state = State::Sequence(Vec::new());
                None
            }
            b'b' => Some(Key::WordLeft),
            b'f' => Some(Key::WordRight),
            0x08 | 0x7f => Some(Key::EraseWord),
            // A lone ESC before a key that ends something must not swallow it.
            b'\r' | b'\n' | 0x04 | 0x1b => self.ground(byte),
            _ => None,
        }
    }

    fn sequence(&mut self, mut so_far: Vec<u8>, byte: u8) -> Option<Key> {
        if !(0x40..=0x7e).contains(&byte) {
            if so_far.len() < SEQUENCE_BYTES_MAX {
                so_far.push(byte);
            }
            self.state = State::Sequence(so_far);
            return None;
        }
        match (so_far.as_slice(), byte) {
            (b"", b'A') => Some(Key::Up),
            (b"", b'B') => Some(Key::Down),
            (b"", b'C') => Some(Key::Right),
            (b"", b'D') => Some(Key::Left),
            (b"1;5" | b"1;3", b'C') => Some(Key::WordRight),
            (b"1;5" | b"1;3", b'D') => Some(Key::WordLeft),
            (b"", b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
            (b"", b'F') | (b"4" | b"8", b'~') => Some(Key::End),
            (b"3", b'~') => Some(Key::Delete),
            _ => None,
        }
    }

    fn character(&mut self, mut so_far: Vec<u8>, byte: u8) -> Option<Key> {
        so_far.push(byte);
        match std::str::from_utf8(&so_far) {
            // What cannot be seen would only be sent unseen.
            Ok(text) => text
                .chars()
                .next()
                .filter(|c| !c.is_control())
                .map(Key::Char),
            Err(error) if error.error_len().is_none() => {
                self.state = State::Character(so_far);
                None
            }
            // A byte that cannot go on with the character begins something of its own.
            Err(_) if so_far.len() > 1 => self.ground(byte),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|byte| keys.push(*byte)).collect()
    }

    #[test]
    fn bytes_are_read_as_keys() {
        let table: [(&[u8], &[Key]); 9] = [
            (b"a\r", &[Key::Char('a'), Key::Enter]),
            ("é😀".as_bytes(), &[Key::Char('é'), Key::Char('😀')]),
            (
                b"\x1b[A\x1b[B\x1bOC\x1b[D",
                &[Key::Up, Key::Down, Key::Right, Key::Left],
            ),
            (
                b"\x1b[H\x1b[4~\x1b[3~\x7f",
                &[Key::Home, Key::End, Key::Delete, Key::Backspace],
            ),
            (b"\x1b[1;5C\x1bb", &[Key::WordRight, Key::WordLeft]),
            (b"\x1b[200~\x1b[99;99Zx", &[Key::Char('x')]),
            (
                b"\x04\x1b\x04\x1b\r",
                &[Key::EndOfInput, Key::EndOfInput, Key::Enter],
            ),
            (
                b"\xffa\xc3b\xe0\x80c",
                &[Key::Char('a'), Key::Char('b'), Key::Char('c')],
            ),
            ("\u{85}\x00x".as_bytes(), &[Key::Char('x')]),
        ];

        for (bytes, expected) in table {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_endless_sequence_costs_no_memory_and_ends() {
        let mut bytes = b"\x1b[".to_vec();
        bytes.extend([b'1'; 10_000]);
        bytes.extend(b"~x");

        assert_eq!(keys(&bytes), [Key::Char('x')]);
    }
}
