//! What goes wrong between realms.

use super::link::{Flight, Side};
use super::{RealmIndex, World};
use chatproto::Frame;

/// Somebody who sees what realms say to each other, and may change it.
pub trait Tap {
    /// Frames are about to leave a realm for another one.
    fn departs(&mut self, _at_ms: u64, _way: (RealmIndex, RealmIndex), _frames: &mut Vec<Frame>) {}

    /// Frames of a realm have come to another one.
    fn arrives(&mut self, _at_ms: u64, _way: (RealmIndex, RealmIndex), _frames: &[Frame]) {}
}

impl World {
    /// Lets somebody see all frames from now on, and change them.
    pub fn set_tap(&mut self, tap: impl Tap + 'static) {
        self.tap = Some(Box::new(tap));
    }

    /// Breaks the links between two realms, with whatever travels on them, and keeps them broken.
    pub fn cut(&mut self, a: RealmIndex, b: RealmIndex) {
        self.mute(a, b);
        let ended: Vec<Side> = self.sides(a, b).chain(self.sides(b, a)).collect();
        for side in ended {
            self.lose(side);
            self.lose(side.other());
        }
    }

    /// Swallows whatever the two realms send each other from now on; neither is told.
    pub fn mute(&mut self, a: RealmIndex, b: RealmIndex) {
        self.mute_way(a, b);
        self.mute_way(b, a);
    }

    /// Swallows whatever one realm sends another from now on; what that one sends still comes.
    pub fn mute_way(&mut self, from: RealmIndex, to: RealmIndex) {
        self.severed.insert((from, to));
    }

    /// Lets two realms link again, when one of them dials the next time.
    ///
    /// A link that was muted is lost: no connection goes on after something on it went missing.
    pub fn mend(&mut self, a: RealmIndex, b: RealmIndex) {
        self.cut(a, b);
        self.severed.remove(&(a, b));
        self.severed.remove(&(b, a));
    }

    /// Whether anything that the two realms send each other is swallowed.
    #[must_use]
    pub fn is_severed(&self, a: RealmIndex, b: RealmIndex) -> bool {
        self.severed.contains(&(a, b)) || self.severed.contains(&(b, a))
    }

    /// Holds back whatever one realm sends another, until it is let go: nothing goes missing.
    pub fn hold(&mut self, from: RealmIndex, to: RealmIndex) {
        self.held.insert((from, to));
    }

    /// Lets everything arrive that was held back between two realms.
    pub fn let_loose(&mut self, a: RealmIndex, b: RealmIndex) {
        self.held.remove(&(a, b));
        self.held.remove(&(b, a));
        for flight in std::mem::take(&mut self.stalled) {
            // What is still held back, or lost meanwhile, takes the same way again.
            self.land(flight);
        }
    }

    /// Breaks the link between two realms once so many more frames, or bytes, have come to `to`.
    pub fn cut_after(&mut self, from: RealmIndex, to: RealmIndex, units: usize) {
        for side in self.sides(to, from).collect::<Vec<_>>() {
            self.end_mut(side).fuse = Some(units);
        }
    }

    /// Breaks the link of a realm with another one, which is not told: to that one it looks alive.
    pub fn break_at(&mut self, realm: RealmIndex, peer: RealmIndex) {
        for side in self.sides(realm, peer).collect::<Vec<_>>() {
            self.lose(side);
        }
    }

    /// What of a flight goes on: nothing of what is swallowed or held back.
    pub(super) fn let_through(&mut self, flight: Flight) -> Option<Flight> {
        let (Flight::Frames(side, _) | Flight::Bytes(side, _) | Flight::HangUp(side)) = &flight
        else {
            return Some(flight);
        };
        let way = self.way_to(*side);
        if self.severed.contains(&way) {
            return None;
        }
        if self.held.contains(&way) {
            self.stalled.push(flight);
            return None;
        }
        Some(flight)
    }

    /// Whether a connection can be made between two realms now.
    pub(super) fn is_free(&self, a: RealmIndex, b: RealmIndex) -> bool {
        let mut ways = [(a, b), (b, a)].into_iter();
        ways.all(|way| !self.severed.contains(&way) && !self.held.contains(&way))
    }

    /// Counts what arrives at an end against its fuse. Returns how much of it still arrives, if
    /// the connection breaks over it.
    pub(super) fn burn(&mut self, side: Side, units: usize) -> Option<usize> {
        let fuse = &mut self.end_mut(side).fuse;
        let left = (*fuse)?;
        *fuse = left.checked_sub(units);
        (units > left).then_some(left)
    }

    /// Both ends of a pipe learn that it is gone.
    pub(super) fn break_pipe(&mut self, side: Side) {
        self.lose(side);
        self.lose(side.other());
    }
}
