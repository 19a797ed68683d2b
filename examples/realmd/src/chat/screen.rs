//! Standard input and output, be they a terminal or not.

use super::conversation::Conversation;
use super::editor::{Edited, Editor, width};
use super::typed::masked;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use std::io::{self, IsTerminal, Write};

/// The columns of a terminal that does not say.
const COLUMNS_DEFAULT: usize = 80;

/// Bytes that may have been typed and not been looked at; above it no more are read.
const PENDING_BYTES_MAX: usize = 1 << 16;

/// The byte of Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// Wipes the line the cursor is in.
const WIPE: &str = "\r\x1b[K";

/// What the input holds next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line, without its end.
    Line(String),
    /// There will be no more.
    End,
}

/// The person's side: where lines come from and text is shown.
pub(super) struct Screen {
    /// What was read and not looked at yet.
    pending: Vec<u8>,
    ended: bool,
    /// Nothing for a pipe: plain lines in, plain lines out.
    terminal: Option<Terminal>,
}

/// A terminal whose line we draw ourselves, so that what arrives does not tear it apart.
struct Terminal {
    editor: Editor,
    before: Termios,
    /// Whether the line on the screen is what is being typed.
    drawn: bool,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

impl Screen {
    /// Takes hold of the terminal, if there is one.
    pub(super) fn open() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let usable = !dumb && io::stdin().is_terminal() && io::stdout().is_terminal();
        let terminal = usable.then(Terminal::open).and_then(Result::ok);
        Self {
            pending: Vec::new(),
            ended: false,
            terminal,
        }
    }

    /// Whether there is a person who sees a prompt.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Whether the input is to be read when it can be. A terminal is read while nothing is
    /// wanted of it too: Ctrl-C works always.
    pub(super) fn reads(&self, wants_line: bool) -> bool {
        !self.ended
            && self.pending.len() < PENDING_BYTES_MAX
            && (wants_line || self.terminal.is_some())
    }

    /// Reads the input, which must be readable; whether it was interrupted.
    pub(super) fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(read) => bytes.get(..read).unwrap_or_default(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return false,
            // A terminal that was closed.
            Err(_) => &[],
        };
        self.ended |= read.is_empty();
        self.pending.extend_from_slice(read);
        self.terminal.is_some() && (self.ended || read.contains(&INTERRUPT))
    }

    /// Takes the next line, as far as it has come.
    ///
    /// What was typed ahead stays where it is: how a line is to be seen depends on what those
    /// before it lead to.
    pub(super) fn next(&mut self, conversation: &Conversation) -> io::Result<Option<Input>> {
        let Some(terminal) = &mut self.terminal else {
            return Ok(line(&mut self.pending, self.ended));
        };
        let mut taken = 0;
        let mut input = None;
        for byte in &self.pending {
            if matches!(byte, b'\r' | b'\n') && !conversation.takes_lines() {
                break;
            }
            taken += 1;
            input = terminal.push(*byte, conversation)?;
            if input.is_some() {
                break;
            }
        }
        self.pending.drain(..taken);
        Ok(input)
    }

    /// Shows a text of one or more lines.
    pub(super) fn show(&mut self, text: &str) -> io::Result<()> {
        let wipe = self.wipe();
        write(&format!("{wipe}{text}\n"))
    }

    /// Draws the line that is being typed, after anything has changed.
    pub(super) fn draw(&mut self, conversation: &Conversation) -> io::Result<()> {
        match &mut self.terminal {
            Some(terminal) => terminal.draw(conversation),
            None => Ok(()),
        }
    }

    /// Wipes the line that was being typed.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let wipe = self.wipe();
        write(wipe)
    }

    fn wipe(&mut self) -> &'static str {
        match &mut self.terminal {
            Some(terminal) if terminal.drawn => {
                terminal.drawn = false;
                WIPE
            }
            _ => "",
        }
    }
}

impl Terminal {
    fn open() -> rustix::io::Result<Self> {
        let before = rustix::termios::tcgetattr(io::stdin())?;
        let mut keys = before.clone();
        // Line ends of the output are left to the terminal; only the input changes.
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        keys.special_codes[SpecialCodeIndex::VMIN] = 1;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, &keys)?;
        Ok(Self {
            editor: Editor::default(),
            before,
            drawn: false,
        })
    }

    fn push(&mut self, byte: u8, conversation: &Conversation) -> io::Result<Option<Input>> {
        match self.editor.push(byte) {
            Edited::Line => Ok(None),
            Edited::EndOfInput => Ok(Some(Input::End)),
            Edited::Redraw => {
                self.drawn = false;
                write("\x1b[H\x1b[2J").map(|()| None)
            }
            Edited::Entered(line) => {
                self.leave(&line, conversation)?;
                Ok(Some(Input::Line(line)))
            }
        }
    }

    /// Leaves an ended line on the screen as it may be seen there, and in the history if it may.
    fn leave(&mut self, line: &str, conversation: &Conversation) -> io::Result<()> {
        self.drawn = false;
        let secret = conversation.is_secret();
        let masked = masked(line);
        if !secret && masked.is_none() {
            self.editor.remember(line);
        }
        if conversation.is_live() {
            // The group hears it from the server, the writer too; once is enough.
            return write(WIPE);
        }
        let prompt = conversation.prompt();
        let seen = if secret {
            ""
        } else {
            masked.as_deref().unwrap_or(line)
        };
        write(&format!("{WIPE}{prompt}{seen}\n"))
    }

    fn draw(&mut self, conversation: &Conversation) -> io::Result<()> {
        let prompt = conversation.prompt();
        let used: usize = prompt.chars().map(width).sum();
        let (view, cursor) = if conversation.is_secret() {
            (String::new(), 0)
        } else {
            // The last column stays free: a terminal may begin a new line after it.
            self.editor.view(columns().saturating_sub(used + 1))
        };
        let column = used + cursor;
        let place = if column == 0 {
            String::new()
        } else {
            format!("\x1b[{column}C")
        };
        self.drawn = true;
        write(&format!("{WIPE}{prompt}{view}\r{place}"))
    }
}

/// The columns of the terminal, now: a window may change its size at any time.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let columns = size.ok().map(|size| usize::from(size.ws_col));
    columns
        .filter(|columns| *columns > 0)
        .unwrap_or(COLUMNS_DEFAULT)
}

/// Cuts the first line off piped bytes.
fn line(pending: &mut Vec<u8>, ended: bool) -> Option<Input> {
    let (len, end) = match pending.iter().position(|byte| *byte == b'\n') {
        Some(len) => (len, 1),
        None if ended && pending.is_empty() => return Some(Input::End),
        None if ended || pending.len() >= PENDING_BYTES_MAX => (pending.len(), 0),
        None => return None,
    };
    let rest = pending.split_off(len + end);
    let line = std::mem::replace(pending, rest);
    let line = line.get(..len).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(Input::Line(String::from_utf8_lossy(line).into_owned()))
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piped_bytes_are_cut_into_lines() {
        let mut pending = b"one\r\ntwo\n\nthree".to_vec();
        let expected = |text: &str| Some(Input::Line(text.to_owned()));

        for text in ["one", "two", ""] {
            assert_eq!(line(&mut pending, false), expected(text));
        }
        assert_eq!(line(&mut pending, false), None);
        assert_eq!(line(&mut pending, true), expected("three"));
        assert_eq!(line(&mut pending, true), Some(Input::End));
    }

    #[test]
    fn a_piped_line_without_an_end_is_cut_at_the_bound() {
        let mut pending = vec![b'x'; PENDING_BYTES_MAX];

        assert_eq!(
            line(&mut pending, false),
            Some(Input::Line("x".repeat(65_536)))
        );
        assert_eq!(line(&mut pending, false), None);
    }
}
