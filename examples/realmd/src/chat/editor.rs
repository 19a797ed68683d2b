//! The line that is being typed at a terminal.

use super::keys::{Key, Keys};
use unicode_width::UnicodeWidthChar;

/// Lines that are remembered.
const HISTORY_LINES_MAX: usize = 500;

/// The longest line that can be typed; a server takes none longer.
const LINE_CHARS_MAX: usize = 16_384;

/// What a byte from the terminal led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// Nothing, or only the line changed.
    Line,
    /// The line was ended.
    Entered(String),
    /// The screen is to be wiped.
    Redraw,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// A line, its cursor, and the lines before it.
#[derive(Default)]
pub(super) struct Editor {
    keys: Keys,
    text: Vec<char>,
    /// From 0 to the length of `text`.
    cursor: usize,
    history: Vec<String>,
    /// Which line of the history is shown; none while a new one is typed.
    recalled: Option<usize>,
    /// The new line, while one of the history is shown.
    draft: Vec<char>,
}

impl Editor {
    /// Takes a byte from the terminal.
    pub(super) fn push(&mut self, byte: u8) -> Edited {
        match self.keys.push(byte) {
            Some(key) => self.press(key),
            None => Edited::Line,
        }
    }

    /// Remembers a line for the up and down keys.
    pub(super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        if self.history.len() == HISTORY_LINES_MAX {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
    }

    /// The part of the line that fits so many columns, and the column of the cursor in it.
    pub(super) fn view(&self, columns: usize) -> (String, usize) {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let mut start = self.cursor;
        let mut cursor_column = 0;
        // The cursor itself needs a column too.
        for c in before.iter().rev() {
            if cursor_column + width(*c) + 1 > columns {
                break;
            }
            cursor_column += width(*c);
            start -= 1;
        }
        let mut view = String::new();
        let mut used = 0;
        for c in self.text.get(start..).unwrap_or_default() {
            used += width(*c);
            if used > columns {
                break;
            }
            view.push(*c);
        }
        (view, cursor_column)
    }

    fn press(&mut self, key: Key) -> Edited {
        match key {
            Key::Char(c) => self.insert(c),
            Key::Enter => return Edited::Entered(self.enter()),
            Key::EndOfInput if self.text.is_empty() => return Edited::EndOfInput,
            Key::Redraw => return Edited::Redraw,
            Key::Backspace => self.erase(self.before(), self.cursor),
            Key::Delete | Key::EndOfInput => self.erase(self.cursor, self.after()),
            Key::EraseWord => self.erase(self.word_before(), self.cursor),
            Key::EraseToStart => self.erase(0, self.cursor),
            Key::EraseToEnd => self.erase(self.cursor, self.text.len()),
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::WordLeft => self.cursor = self.word_before(),
            Key::WordRight => self.cursor = self.word_after(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Up => self.older(),
            Key::Down => self.newer(),
        }
        Edited::Line
    }

    fn insert(&mut self, c: char) {
        if self.text.len() < LINE_CHARS_MAX {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    fn enter(&mut self) -> String {
        self.recalled = None;
        self.draft.clear();
        self.cursor = 0;
        std::mem::take(&mut self.text).into_iter().collect()
    }

    fn erase(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = from;
    }

    /// The place one to the left; marks that stand over a character go with it.
    fn before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before.iter().rposition(|c| width(*c) > 0).unwrap_or(0)
    }

    /// The place one to the right.
    fn after(&self) -> usize {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        let marks = rest.iter().skip(1).take_while(|c| width(**c) == 0).count();
        self.cursor + rest.len().min(1 + marks)
    }

    fn word_before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let word = before.iter().rposition(|c| !c.is_whitespace()).unwrap_or(0);
        before
            .iter()
            .take(word)
            .rposition(|c| c.is_whitespace())
            .map_or(0, |at| at + 1)
    }

    fn word_after(&self) -> usize {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        let space = rest.iter().take_while(|c| c.is_whitespace()).count();
        let word = rest
            .iter()
            .skip(space)
            .take_while(|c| !c.is_whitespace())
            .count();
        self.cursor + space + word
    }

    fn older(&mut self) {
        let at = match self.recalled {
            Some(at) => at.checked_sub(1),
            None => self.history.len().checked_sub(1),
        };
        let Some(at) = at else { return };
        if self.recalled.is_none() {
            self.draft = std::mem::take(&mut self.text);
        }
        self.recall(at);
    }

    fn newer(&mut self) {
        let Some(at) = self.recalled else { return };
        if at + 1 < self.history.len() {
            return self.recall(at + 1);
        }
        self.recalled = None;
        self.text = std::mem::take(&mut self.draft);
        self.cursor = self.text.len();
    }

    fn recall(&mut self, at: usize) {
        self.recalled = Some(at);
        self.text = self
            .history
            .get(at)
            .map(|line| line.chars().collect())
            .unwrap_or_default();
        self.cursor = self.text.len();
    }
}

/// How many columns a character takes.
pub(super) fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, bytes: &[u8]) -> Vec<Edited> {
        let edited = bytes.iter().map(|byte| editor.push(*byte));
        edited.filter(|edited| *edited != Edited::Line).collect()
    }

    fn entered(bytes: &[u8]) -> Vec<Edited> {
        typed(&mut Editor::default(), bytes)
    }

    fn line(text: &str) -> Edited {
        Edited::Entered(text.to_owned())
    }

    #[test]
    fn keys_edit_the_line() {
        let table: [(&[u8], &str); 9] = [
            (b"halo\r", "halo"),
            (b"hlo\x1b[D\x1b[Da\r", "halo"),
            (b"halox\x7f\r", "halo"),
            (b"\x7f\x1b[3~\x1b[Dx\r", "x"),
            (b"one two \x17three\r", "one three"),
            (b"one two\x1bb\x0b\r", "one "),
            (b"one\x01\x1b[3~t\x05x\r", "tnex"),
            (b"one two\x01\x1bf\x15\r", " two"),
            ("e\u{301}x\x1b[D\x7f\r".as_bytes(), "x"),
        ];

        for (bytes, expected) in table {
            assert_eq!(entered(bytes), [line(expected)], "{bytes:?}");
        }
    }

    #[test]
    fn the_end_is_told_only_on_an_empty_line() {
        assert_eq!(
            entered(b"ab\x01\x04\r\x04"),
            [line("b"), Edited::EndOfInput]
        );
    }

    #[test]
    fn lines_come_back_from_the_history() {
        let mut editor = Editor::default();
        for remembered in ["one", "two", "two", " "] {
            editor.remember(remembered);
        }

        assert_eq!(
            typed(&mut editor, b"new\x1b[A\x1b[A\x1b[A\r"),
            [line("one")]
        );
        assert_eq!(
            typed(&mut editor, b"new\x1b[A\x1b[B\x1b[B!\r"),
            [line("new!")]
        );
        assert_eq!(typed(&mut editor, b"\x1b[A\r"), [line("two")]);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut editor = Editor::default();
        for number in 0..=HISTORY_LINES_MAX {
            editor.remember(&number.to_string());
        }

        assert_eq!(editor.history.len(), 500);
        assert_eq!(editor.history[0], "1");
    }

    #[test]
    fn a_long_line_shows_what_is_around_the_cursor() {
        let mut editor = Editor::default();
        typed(&mut editor, b"abcdefghij");
        assert_eq!(editor.view(20), ("abcdefghij".to_owned(), 10));
        assert_eq!(editor.view(5), ("ghij".to_owned(), 4));

        typed(&mut editor, b"\x01");
        assert_eq!(editor.view(5), ("abcde".to_owned(), 0));

        typed(&mut editor, "名前".as_bytes());
        assert_eq!(editor.view(5), ("名前a".to_owned(), 4));
        assert_eq!(editor.view(4), ("前ab".to_owned(), 2));
        assert_eq!(editor.view(0), (String::new(), 0));
    }
}
