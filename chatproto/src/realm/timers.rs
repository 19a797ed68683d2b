//! Everything that happens at a time, in one table.

use super::Realm;
use crate::id::PeerId;
use crate::output::{ConnectionId, LinkId, RequestId};
use crate::time::{Deadline, Now};
use std::collections::BTreeSet;

/// What a time is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A line that has begun must end.
    Line(ConnectionId),
    /// What was sent has been read by itself.
    Gap(ConnectionId),
    /// Last words have had their time.
    Close(ConnectionId),
    /// A group's home has had its time to answer.
    Join(ConnectionId),
    /// Peers have had their time to say whose a name is.
    Question(u64),
    /// A classic neighbour has had its time to answer.
    Call(RequestId),
    /// Is the link alive?
    Link(LinkId),
    /// Acks have waited for long enough.
    Ack(PeerId),
    /// The peer may be dialled again.
    Redial(PeerId),
    /// Messages for a peer may have expired.
    Expiry(PeerId),
    /// Messages for a peer could not be read, and are tried again.
    Queue(PeerId),
    /// Sessions may have expired.
    Sessions,
    /// A full store may have room again.
    Store,
}

impl Timer {
    const fn why(self) -> &'static str {
        match self {
            Self::Line(_) => "a line that does not end",
            Self::Gap(_) => "the pause around exit",
            Self::Close(_) => "last words unread",
            Self::Join(_) => "a group's home that does not answer",
            Self::Question(_) => "a question to peers",
            Self::Call(_) => "a classic neighbour that does not answer",
            Self::Link(_) => "the pulse of a link",
            Self::Ack(_) => "acks that are due",
            Self::Redial(_) => "a peer to dial",
            Self::Expiry(_) => "messages that wait for too long",
            Self::Queue(_) => "a queue to read again",
            Self::Sessions => "sessions that expire",
            Self::Store => "a full store to try again",
        }
    }
}

/// All times, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    times: BTreeSet<(u64, Timer)>,
}

impl Timers {
    pub(super) fn set(&mut self, at_ms: u64, timer: Timer) {
        self.times.insert((at_ms, timer));
    }

    pub(super) fn unset(&mut self, at_ms: u64, timer: Timer) {
        self.times.remove(&(at_ms, timer));
    }

    pub(super) fn next(&self) -> Option<Deadline> {
        let (at_ms, timer) = self.times.first()?;
        Some(Deadline {
            at_ms: *at_ms,
            why: timer.why(),
        })
    }

    fn take_due(&mut self, now_ms: u64) -> Option<Timer> {
        let first = self
            .times
            .first()
            .copied()
            .filter(|(at_ms, _)| *at_ms <= now_ms)?;
        self.times.remove(&first);
        Some(first.1)
    }
}

impl Realm {
    pub(super) fn run_timers(&mut self, now: Now) {
        while let Some(timer) = self.timers.take_due(now.mono_ms) {
            match timer {
                Timer::Line(id) => self.line_is_late(id, now),
                Timer::Gap(id) => self.settle(id, now),
                Timer::Close(id) => self.close_is_late(id, now),
                Timer::Join(id) => self.join_is_late(id, now),
                Timer::Question(id) => self.question_is_late(id, now),
                Timer::Call(request) => self.call_is_late(request, now),
                Timer::Link(id) => self.check_pulse(id, now),
                Timer::Ack(peer) => self.acknowledge(peer, now),
                Timer::Redial(peer) => self.redial_is_due(peer, now),
                Timer::Expiry(peer) => self.expire_mail(peer, now),
                Timer::Queue(peer) => self.read_queue_again(peer, now),
                Timer::Sessions => self.expire_sessions(now),
                Timer::Store => self.batches.retry(),
            }
        }
    }
}
