//! What became of one message, and what went wrong around it, in words: written down only when a run
//! that failed is played once more.

use super::super::town::REALMS;
use chatproto::link::frame::View;
use chatproto::{Frame, Kind};
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use uuid::Uuid;

/// How many lines a story has.
const LINES_MAX: usize = 40;

/// How many lines are told of what led to something.
const LIGHT_MAX: usize = 2;

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
    /// What it is called on links.
    ids: Vec<Uuid>,
    /// Where it stands in streams: which, and its numbers there.
    places: Vec<(Uuid, u64)>,
    /// Which realm has told which one that it has the letter, since something last happened.
    acks: Vec<(usize, usize, bool)>,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    at_ms: u64,
    weight: Weight,
    text: String,
}

/// What a line has to do with what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is in the air.
    Light,
    /// It changes what realms know.
    Grave,
    /// It is about the letter itself.
    Letter,
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

    /// Something happened between realms.
    pub(super) fn fault(&self, at_ms: u64, realms: &[usize], what: impl FnOnce() -> String) {
        self.tell(at_ms, (Weight::Light, realms), what);
    }

    /// Something happened to realms that changes what they know.
    pub(super) fn grave(&self, at_ms: u64, realms: &[usize], what: impl FnOnce() -> String) {
        self.tell(at_ms, (Weight::Grave, realms), what);
    }

    fn tell(
        &self,
        at_ms: u64,
        (weight, realms): (Weight, &[usize]),
        what: impl FnOnce() -> String,
    ) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        let is_near = book.realms.is_empty() || realms.iter().all(|it| book.realms.contains(it));
        if is_near {
            let names: Vec<_> = realms.iter().map(|realm| REALMS[*realm]).collect();
            let text = format!("{} {}", names.join(" and "), what());
            book.lines.push(Line {
                at_ms,
                weight,
                text,
            });
            if weight == Weight::Grave {
                book.acks.clear();
            }
        }
    }

    /// Something happened to a letter.
    pub(super) fn letter(&self, at_ms: u64, number: usize, what: impl FnOnce() -> String) {
        let Some(book) = &self.0 else { return };
        let mut book = book.borrow_mut();
        if book.letter == Some(number) {
            let text = format!("letter {number} {}", what());
            book.lines.push(Line {
                at_ms,
                weight: Weight::Letter,
                text,
            });
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
                if matches!(frame, Frame::Ack { .. }) {
                    if book.acks.contains(&(way.0, way.1, is_there)) {
                        continue;
                    }
                    book.acks.push((way.0, way.1, is_there));
                }
                let (from, to) = (REALMS[way.0], REALMS[way.1]);
                let text = if is_there {
                    format!("{to} receives from {from} {what}")
                } else {
                    format!("{from} sends {to} {what}")
                };
                book.lines.push(Line {
                    at_ms,
                    weight: Weight::Letter,
                    text,
                });
            }
        }
    }

    pub(super) fn told(&self) -> String {
        let Some(book) = &self.0 else {
            return String::new();
        };
        let book = book.borrow();
        let of_letter = |line: &&Line| line.weight == Weight::Letter;
        let first_ms = book
            .lines
            .iter()
            .find(of_letter)
            .map_or(0, |line| line.at_ms);
        let from_ms = first_ms.saturating_sub(BEFORE_MS);
        let lines = book.lines.iter().enumerate();
        let told = lines.filter(|(at, line)| {
            let next = book.lines[*at..].iter().take(1 + LIGHT_MAX);
            let is_close = book.letter.is_none() || next.into_iter().any(|it| of_letter(&it));
            line.at_ms >= from_ms && (line.weight != Weight::Light || is_close)
        });
        let told: Vec<_> = told.map(|(_, line)| line).collect();
        let mut text = String::new();
        for (at, line) in told.iter().enumerate() {
            if at < LINES_MAX / 2 || at + LINES_MAX / 2 >= told.len() {
                let _ = writeln!(text, "  {:>8} ms  {}", line.at_ms, line.text);
            } else if at == LINES_MAX / 2 {
                text.push_str("  …\n");
            }
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
                    self.ids.push(envelope.id);
                }
                Some(format!("it as number {seq} of stream {}", short(*stream)))
            }
            Frame::Env { seq, envelope, .. } => match &envelope.kind {
                Kind::Bounce { answers, .. } if self.ids.contains(answers) => {
                    Some(format!("a bounce of it as number {seq}"))
                }
                _ => None,
            },
            Frame::Ack {
                stream,
                durable,
                refused,
            } if self
                .places
                .iter()
                .any(|at| at.0 == *stream && at.1 <= *durable) =>
            {
                let mut places = self.places.iter();
                let is_refused = places.any(|at| at.0 == *stream && refused.contains(&at.1));
                let how = if is_refused { "refuses it" } else { "has" };
                Some(format!(
                    "word that it {how}: up to {durable} of {}",
                    short(*stream)
                ))
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
