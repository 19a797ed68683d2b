//! Whether a link is alive: pings, and acknowledgements that do not come.

use super::Realm;
use super::timers::Timer;
use crate::id::PeerId;
use crate::link::frame::Frame;
use crate::output::{LinkCloseReason, LinkId};
use crate::time::Now;

/// What tells whether a link is alive.
#[derive(Debug)]
pub(super) struct Pulse {
    opened_ms: u64,
    /// When anything came last.
    pub(super) heard_ms: u64,
    pinged_ms: u64,
    /// The last ping was not answered yet.
    is_pinging: bool,
    /// When it is looked at next.
    due_ms: u64,
    /// Since when envelopes are under way without any acknowledgement.
    awaiting_since_ms: Option<u64>,
}

impl Pulse {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            opened_ms: now_ms,
            heard_ms: now_ms,
            pinged_ms: now_ms,
            is_pinging: false,
            due_ms: u64::MAX,
            awaiting_since_ms: None,
        }
    }
}

impl Realm {
    pub(super) fn time_pulse(&mut self, id: LinkId, now: Now) {
        let limits = &self.limits;
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let ping_from = link.pulse.heard_ms.max(link.pulse.pinged_ms);
        let due = [
            Some(ping_from.saturating_add(limits.link_ping_ms)),
            Some(link.pulse.heard_ms.saturating_add(limits.link_dead_ms)),
            (!link.is_ready).then(|| link.pulse.opened_ms.saturating_add(limits.handshake_ms_max)),
            link.pulse
                .awaiting_since_ms
                .map(|since| since.saturating_add(limits.unacknowledged_ms_max)),
        ];
        let due_ms = due.into_iter().flatten().min().unwrap_or(u64::MAX);
        let due_ms = due_ms.max(now.mono_ms + 1);
        // A timer that comes too early sees what there is to do and is set again.
        if due_ms < link.pulse.due_ms {
            self.timers.unset(link.pulse.due_ms, Timer::Link(id));
            link.pulse.due_ms = due_ms;
            self.timers.set(due_ms, Timer::Link(id));
        }
    }

    pub(super) fn check_pulse(&mut self, id: LinkId, now: Now) {
        let limits = &self.limits;
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.pulse.due_ms = u64::MAX;
        let over = |since: u64, max: u64| now.mono_ms >= since.saturating_add(max);
        let is_dead = over(link.pulse.heard_ms, limits.link_dead_ms)
            || (!link.is_ready && over(link.pulse.opened_ms, limits.handshake_ms_max))
            || link
                .pulse
                .awaiting_since_ms
                .is_some_and(|since| over(since, limits.unacknowledged_ms_max));
        if is_dead {
            return self.close_link(id, LinkCloseReason::Dead, None, now);
        }
        if over(
            link.pulse.heard_ms.max(link.pulse.pinged_ms),
            limits.link_ping_ms,
        ) {
            self.ping(id, now);
        }
        self.time_pulse(id, now);
    }

    pub(super) fn ping(&mut self, id: LinkId, now: Now) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.pulse.pinged_ms = now.mono_ms;
            link.pulse.is_pinging = true;
            self.push_to(id, Frame::Ping { n: now.mono_ms });
        }
    }

    /// Takes the answer to the last ping; any other is of no use.
    pub(super) fn take_pong(&mut self, id: LinkId, n: u64, now: Now) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        if !link.pulse.is_pinging || n != link.pulse.pinged_ms {
            return;
        }
        link.pulse.is_pinging = false;
        let peer = link.peer;
        if let Some(place) = self.peer_mut(peer) {
            place.round_trip_ms = Some(now.mono_ms.saturating_sub(n));
        }
    }

    /// Notes whether envelopes are under way, so that a peer which acknowledges none is found out.
    pub(super) fn watch_acks(&mut self, peer: PeerId, is_progress: bool, now: Now) {
        let Some(place) = self.peers.get(peer.index()) else {
            return;
        };
        let (Some(id), is_awaiting) = (place.link, place.is_awaiting_ack()) else {
            return;
        };
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let was_awaiting = link.pulse.awaiting_since_ms.is_some();
        if !is_awaiting {
            link.pulse.awaiting_since_ms = None;
        } else if is_progress || !was_awaiting {
            link.pulse.awaiting_since_ms = Some(now.mono_ms);
        }
        if is_awaiting && !was_awaiting {
            self.time_pulse(id, now);
        }
    }
}
