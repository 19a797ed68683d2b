//! The reference model: plain lists of who wrote what to whom, and what each has seen of it.
//!
//! It knows no engine, no world and no time. It is told what people do and what they read, and
//! says which promise was broken.

mod letters;
mod talk;

pub use super::town::Person;
pub use letters::Letters;
pub use talk::{Heard, Talk};

use std::fmt;

/// A message, as the test numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Message {
    /// Of one user to another.
    Private(usize),
    /// To a live group: what a member said, counted from 0, on one stay in a group.
    Group {
        /// Which stay.
        seat: usize,
        /// Which message of it.
        index: usize,
    },
}

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It was promised, and did not come.
    Lost,
    /// It came again.
    Twice,
    /// It came before something that was said earlier, or others saw another order.
    OutOfOrder,
    /// It came to somebody whom it was not for.
    Misdelivered,
    /// It came under another's name.
    Misattributed,
    /// It was refused, or never written, and came all the same.
    Unpromised,
    /// Nobody said whether it was taken.
    Unanswered,
}

/// Which promise was broken, and about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What went wrong.
    pub fault: Fault,
    /// With which message.
    pub message: Message,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private(number) => write!(f, "letter {number}"),
            Self::Group { seat, index } => write!(f, "group message {seat}.{index}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.message)
    }
}
