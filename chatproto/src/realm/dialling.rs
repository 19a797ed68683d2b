//! When a peer is called, and called again.

use super::Realm;
use super::timers::Timer;
use crate::id::PeerId;
use crate::output::Output;
use crate::time::Now;

impl Realm {
    /// A pause has ended, perhaps one that counts no more.
    pub(super) fn redial_is_due(&mut self, peer: PeerId, now: Now) {
        let due_ms = self.peer(peer).and_then(|peer| peer.redial_ms);
        if due_ms.is_some_and(|due_ms| due_ms <= now.mono_ms) {
            self.redial(peer, now);
        }
    }

    pub(super) fn redial(&mut self, peer: PeerId, now: Now) {
        let is_stopped = self.stopped.is_some();
        let Some(place) = self.peer_mut(peer) else {
            return;
        };
        if let Some(due_ms) = place
            .redial_ms
            .take()
            .filter(|due_ms| *due_ms > now.mono_ms)
        {
            self.timers.unset(due_ms, Timer::Redial(peer));
        }
        let Some(place) = self.peer_mut(peer) else {
            return;
        };
        let is_wanted = place.can_dial && !place.is_paused;
        if is_stopped || !is_wanted || place.is_dialling || place.link.is_some() {
            return;
        }
        place.is_dialling = true;
        let name = place.name.clone();
        self.outputs.push_back(Output::Dial(name));
    }

    pub(super) fn dialled_in_vain(&mut self, peer: PeerId, why: &str, now: Now) {
        if let Some(place) = self.peer_mut(peer) {
            place.is_dialling = false;
            place.last_error = Some(why.into());
        }
        self.schedule_redial(peer, now);
    }

    /// Dials again after a pause that doubles with each failure, at a random point of it: so that
    /// not all realms call one that is back at the same moment.
    pub(super) fn schedule_redial(&mut self, peer: PeerId, now: Now) {
        let (least, most) = (self.limits.redial_ms_min, self.limits.redial_ms_max);
        let Some(place) = self
            .peers
            .get_mut(peer.index())
            .filter(|place| place.can_dial && !place.is_dialling && !place.is_paused)
        else {
            return;
        };
        let doubled = least.saturating_mul(1 << place.failures.min(20));
        place.failures = place.failures.saturating_add(1);
        let pause_ms = 1 + self.random.up_to(doubled.min(most).saturating_sub(1));
        let due_ms = now.mono_ms.saturating_add(pause_ms);
        if let Some(before_ms) = place.redial_ms.replace(due_ms) {
            self.timers.unset(before_ms, Timer::Redial(peer));
        }
        self.timers.set(due_ms, Timer::Redial(peer));
    }
}
