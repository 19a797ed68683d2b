//! A stream between two realms: a log at the sender, a cursor at the receiver.
//!
//! Neither half knows a clock, a socket or the other stream; both can be copied and compared, so
//! that a model checker can drive them.

mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub(crate) use incoming::{Arrival, InStream};
pub(crate) use outgoing::{Expired, Fate, Next, OutStream, Resumed, Settled};

/// A peer did what the protocol rules out; its link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// No stream gets further: a store has 40 bits for a number, and a peer must not be able to break it
/// with a greater one.
const SEQ_MAX: u64 = (1 << 40) - 1;

/// Refusals that one ack tells, so that it fits any link's line.
const REFUSED_A_FRAME: usize = 128;
