//! What became of one message, and what went wrong around it, in words: written down only when a run
//! that failed is played once more.

use super::super::town::REALMS;
use chatproto::Frame;
use chatproto::link::frame::View;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use uuid::Uuid;

/// How many lines a story has.
const LINES_MAX: usize = 60;

/// What happened to a letter earlier than this before it was written is another story.
const BEFORE_MS: u64 = 3_000;

/// A book that everybody writes into; none if nobody does.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Option<Rc<RefCell<Book>>>);

#[derive(Debug, Default)]
struct Book {
    letter: Option<usize>,
    /// Between which realms it goes.
    realms: Vec<usize>,
    /// Where it stands in streams: which, and its numbers there.
    places: Vec<(Uuid, u64)>,
    /// When, whether it is about the letter itself, and what.
    lines: Vec<(u64, bool, String)>,
}

impl Trace {
    /// Follows a letter; without one, all that goes wrong.
    pub(super) fn of(letter: Option<usize>) -> Self {
        let book = Book {
            letter,
            ..Book::default()
        };
        Self(Some(Rc::new(RefCell::new(book))))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Something happened to realms.
    pub(super) fn fault(&self, at_ms: u64, realms: &[usize], what: impl FnOnce() -> String) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        let is_near = book.realms.is_empty() || realms.iter().all(|it| book.realms.contains(it));
        if is_near {
            let names: Vec<_> = realms.iter().map(|realm| REALMS[*realm]).collect();
            let line = format!("{} {}", names.join(" and "), what());
            book.lines.push((at_ms, false, line));
        }
    }

    /// Something happened to a letter.
    pub(super) fn letter(&self, at_ms: u64, number: usize, what: impl FnOnce() -> String) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        if book.letter == Some(number) {
            let line = format!("letter {number} {}", what());
            book.lines.push((at_ms, true, line));
        }
    }

    /// The letter goes from one realm to another.
    pub(super) fn goes(&self, number: usize, realms: [usize; 2]) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        if book.letter == Some(number) {
            book.realms = realms.to_vec();
        }
    }

    /// Frames go from one realm to another, or have come there.
    pub(super) fn frames(&self, at_ms: u64, way: (usize, usize), frames: &[Frame], is_there: bool) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        for frame in frames {
            if let Some(what) = book.told(frame) {
                let (from, to) = (REALMS[way.0], REALMS[way.1]);
                let line = if is_there {
                    format!("{to} receives from {from} {what}")
                } else {
                    format!("{from} sends {to} {what}")
                };
                book.lines.push((at_ms, true, line));
            }
        }
    }

    pub(super) fn told(&self) -> String {
        let Some(book) = &self.0 else {
            return String::new();
        };
        let book = book.borrow();
        let first_ms = book.lines.iter().find(|line| line.1).map_or(0, |line| line.0);
        let from_ms = first_ms.saturating_sub(BEFORE_MS);
        let lines: Vec<_> = book.lines.iter().filter(|line| line.0 >= from_ms).collect();
        let skipped = if book.letter.is_some() {
            0
        } else {
            lines.len().saturating_sub(LINES_MAX)
        };
        let mut text = String::new();
        for (at_ms, _, line) in lines.into_iter().skip(skipped).take(LINES_MAX) {
            let _ = writeln!(text, "  {at_ms:>8} ms  {line}");
        }
        text
    }
}

impl Book {
    /// What a frame has to do with the letter, if anything.
    fn told(&mut self, frame: &Frame) -> Option<String> {
        let letter = self.letter?;
        match frame {
            Frame::Env {
                stream,
                seq,
                envelope,
            } if number(&envelope.text) == Some(letter) => {
                if !self.places.contains(&(*stream, *seq)) {
                    self.places.push((*stream, *seq));
                }
                Some(format!("it as number {seq} of stream {}", short(*stream)))
            }
            Frame::Ack {
                stream,
                durable,
                refused,
            } if self.places.iter().any(|at| at.0 == *stream && at.1 <= *durable) => {
                let is_refused = self.places.iter().any(|at| refused.contains(&at.1));
                let how = if is_refused { "refuses it" } else { "has" };
                Some(format!("word that it {how}: up to {durable} of {}", short(*stream)))
            }
            Frame::Resume(resume) if self.places.iter().any(|at| at.0 == resume.stream) => {
                let stream = short(resume.stream);
                Some(match resume.view {
                    View::Sender { oldest, last } => {
                        format!("word that it holds {oldest} to {last} of {stream}")
                    }
                    View::Receiver { durable, next, .. } => {
                        format!("word that it has {durable} and expects {next} of {stream}")
                    }
                })
            }
            Frame::Void { stream, seq, .. } if self.places.contains(&(*stream, *seq)) => {
                Some(format!("a void in its place, {seq} of {}", short(*stream)))
            }
            _ => None,
        }
    }
}

/// The number of the letter that a text is.
pub(super) fn number(text: &str) -> Option<usize> {
    text.trim_start().split([' ', '\r']).next()?.parse().ok()
}

fn short(stream: Uuid) -> String {
    stream.simple().to_string()[..6].to_owned()
}
