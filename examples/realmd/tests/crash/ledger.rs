//! What a person sent, and what came back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts what happened to different people in an order.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A message that was sent; its number is its place in the ledger of its sender.
pub(crate) struct Letter {
    pub(crate) to: usize,
    pub(crate) text: String,
    /// The key, if it was sent with one.
    pub(crate) key: Option<String>,
    /// On which of the sender's connections.
    pub(crate) day: usize,
    /// When its OK had been read.
    pub(crate) ok_at: Option<u64>,
    /// It was sent more than once, so that its place in the order may be either one's.
    pub(crate) is_repeated: bool,
    /// Under which number the audit has found it.
    pub(crate) found: Option<u64>,
}

/// What people read in an inbox, by sender: the numbers of their letters.
pub(crate) type Contents = BTreeMap<usize, Vec<usize>>;

/// Something that took messages out of an inbox, or may have.
pub(crate) enum Taking {
    /// An `inbox`, and what it showed if its reply was read.
    Inbox {
        sent_at: u64,
        shown: Option<Contents>,
    },
    /// An `ack` of everything up to a number, and whether it was answered OK.
    Ack { upto: u64, is_ok: bool },
}

/// The name of a person.
pub(crate) fn name(person: usize) -> String {
    format!("u{person}")
}

/// Who and which letter of theirs a text is; the text is `person.number.ballast`.
pub(crate) fn parse(text: &str) -> (usize, usize) {
    let mut parts = text.trim().split('.').map(|part| part.parse().ok());
    let mut part = || parts.next().flatten();
    match (part(), part()) {
        (Some(person), Some(number)) => (person, number),
        _ => panic!("a text that nobody wrote: {text:?}"),
    }
}
