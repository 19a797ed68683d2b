//! What happens to realms, disks, clocks and links.

use super::super::town::REALMS;
use super::folk::Folk;
use crate::disk::{Disk, Flaw, Loading, Survival};
use crate::world::{Clock, RealmIndex, Restart};
use chatproto::PeerState;

/// No realm's disk is replaced or set back more often.
const SETBACKS_MAX: usize = 4;

/// How far a clock may be off.
const CLOCK_MS_MAX: usize = 172_800_000;

/// What happens to a realm.
type Happening = fn(&mut Folk, RealmIndex);

impl Folk {
    /// Now and then something breaks or changes, and what was broken is mended.
    pub(super) fn change_weather(&mut self) {
        self.mend_what_is_due();
        let realm = self.dice.below(self.climate.realms);
        let mut at = self.dice.below(1_000);
        let climate = self.climate.clone();
        let faults: [(usize, Happening); 9] = [
            (climate.crashes, Self::crash_somehow),
            (climate.disks_fail, Self::fail_disk),
            (climate.stores_slow, Self::slow_store),
            (climate.links_fail, Self::fail_link),
            (climate.clocks_jump, Self::jump_clock),
            (climate.disks_replaced, Self::replace_disk),
            (climate.disks_restored, Self::restore_disk),
            (climate.peers_pause, Self::pause_peer),
            (climate.peers_removed, Self::remove_peer),
        ];
        for (rate, happen) in faults {
            if at < rate {
                return happen(self, realm);
            }
            at -= rate;
        }
    }

    // Crashes.

    fn crash_somehow(&mut self, realm: RealmIndex) {
        if self.dice.chance(40) {
            return self.crash(realm);
        }
        let ahead = [3, 12, 40, 120][self.dice.below(4)];
        let ahead = 1 + self.dice.below(ahead) as u64;
        let step = self.world.steps(realm).len() as u64 + ahead;
        let survival = self.dice.survival(8);
        self.world.crash_at(realm, step, survival);
    }

    pub(super) fn crash(&mut self, realm: RealmIndex) {
        let (survival, is_silent) = (self.dice.survival(8), self.dice.chance(30));
        self.world.crash(realm, survival, is_silent);
        self.moment();
    }

    /// Realms that are down are started again in time, those whose disk failed go down.
    pub(super) fn look_after_houses(&mut self) {
        let now_ms = self.now_ms();
        for realm in 0..self.climate.realms {
            if std::mem::take(&mut self.houses[realm].is_broken) {
                self.report.disks_failed += 1;
                self.crash(realm);
            }
            let is_up = self.world.is_up(realm);
            let room_ms = self.houses[realm].room_ms;
            if is_up && room_ms.is_some_and(|room_ms| room_ms <= now_ms) {
                self.make_room(realm);
            }
            match self.houses[realm].restart_ms {
                None if !is_up => {
                    self.trace.grave(now_ms, &[realm], || "crashes".to_owned());
                    let longest_ms = [1, 20, 500, 8_000][self.dice.below(4)];
                    let pause_ms = self.dice.below(longest_ms) as u64;
                    self.houses[realm].restart_ms = Some(now_ms + pause_ms);
                }
                Some(restart_ms) if restart_ms <= now_ms => {
                    self.houses[realm].restart_ms = None;
                    self.restart(realm);
                }
                _ => {}
            }
        }
    }

    fn restart(&mut self, realm: RealmIndex) {
        if let Some((disk, copied)) = self.houses[realm].other_disk.take() {
            self.ledger.set_back(realm, copied);
            self.world.put_disk(realm, disk);
            let people = self.people.iter_mut();
            for person in people.filter(|it| it.person.realm == realm) {
                (person.read, person.left) = (0, u64::MAX);
                person.shown.clear();
            }
            self.trace
                .grave(self.now_ms(), &[realm], || "has another disk".to_owned());
        }
        if self.climate.clocks_jump > 0 {
            // Another process counts from anywhere.
            let mono_ahead_ms = self.dice.below(1_000_000_000) as u64;
            let unix_ahead_ms = self.unix_ahead_ms();
            let clock = Clock {
                mono_ahead_ms,
                unix_ahead_ms,
            };
            self.world.set_clock(realm, clock);
        }
        let loadings = [
            Loading::Folded,
            Loading::AsWritten,
            Loading::EachTwice,
            Loading::AllTwice,
        ];
        let restart = Restart {
            seed: self.dice.seed(),
            loading: loadings[self.dice.below(4)],
            compacts: self.dice.chance(70),
        };
        self.trace
            .grave(self.now_ms(), &[realm], || "starts again".to_owned());
        let wrong = match self.world.restart(realm, &restart) {
            Ok(recovered) => recovered.wrong.filter(|_| !self.is_flawed()),
            Err(wrong) => Some(wrong),
        };
        if let Some(wrong) = wrong {
            self.ledger.stray(format!("{}: {wrong}", REALMS[realm]));
        }
        self.note_paused(realm);
    }

    /// A realm may have come back with peers that it had paused once.
    fn note_paused(&mut self, realm: RealmIndex) {
        let until_ms = self.now_ms();
        for status in self.world.peers(realm) {
            if status.state == PeerState::Paused
                && let Some(peer) = self.world.realm(status.name.as_str())
            {
                self.paused.entry((realm, peer)).or_insert(until_ms);
            }
        }
    }

    // Disks.

    fn fail_disk(&mut self, realm: RealmIndex) {
        if self.dice.chance(30) {
            return self.world.fail_next_commit(realm);
        }
        self.report.disks_failed += 1;
        let until_ms = self.now_ms() + self.dice.below(1_500) as u64;
        self.houses[realm].room_ms = Some(until_ms);
        self.world.set_disk_full(realm, true);
        self.trace
            .fault(self.now_ms(), &[realm], || "has a full disk".to_owned());
    }

    fn make_room(&mut self, realm: RealmIndex) {
        self.houses[realm].room_ms = None;
        self.world.set_disk_full(realm, false);
    }

    fn slow_store(&mut self, realm: RealmIndex) {
        if self.dice.chance(60) {
            let ms = [0, 1, 3, 20, 150, 1_500][self.dice.below(6)];
            self.world.set_commit_ms(realm, ms);
        } else {
            let ms = [0, 1, 30, 700][self.dice.below(4)];
            self.world.set_fetch_ms(realm, ms);
        }
    }

    fn replace_disk(&mut self, realm: RealmIndex) {
        if self.report.replaced + self.report.restored < SETBACKS_MAX {
            self.report.replaced += 1;
            self.set_back(realm, (Disk::default(), 0));
        }
    }

    /// A copy of the disk is made, or takes the disk's place.
    fn restore_disk(&mut self, realm: RealmIndex) {
        match self.houses[realm].copy.take() {
            Some(copy) if self.report.replaced + self.report.restored < SETBACKS_MAX => {
                self.report.restored += 1;
                self.set_back(realm, copy);
            }
            _ => {
                let copied = self.ledger.copied();
                self.houses[realm].copy = Some((self.world.copy_disk(realm), copied));
                let what = || "has a copy made of its disk".to_owned();
                self.trace.grave(self.now_ms(), &[realm], what);
            }
        }
    }

    fn set_back(&mut self, realm: RealmIndex, disk: (Disk, u32)) {
        self.houses[realm].other_disk = Some(disk);
        self.crash(realm);
    }

    // Clocks.

    fn unix_ahead_ms(&mut self) -> i64 {
        let ms = [1, 2_000, 100_000, CLOCK_MS_MAX][self.dice.below(4)];
        self.dice.below(2 * ms).cast_signed() as i64 - ms.cast_signed() as i64
    }

    fn jump_clock(&mut self, realm: RealmIndex) {
        self.report.jumps += 1;
        let mut clock = self.world.clock(realm);
        if self.dice.chance(70) {
            clock.unix_ahead_ms = self.unix_ahead_ms();
        } else {
            // The machine slept.
            clock.mono_ahead_ms += self.dice.below(90_000) as u64;
        }
        self.world.set_clock(realm, clock);
        self.trace.fault(self.now_ms(), &[realm], || {
            format!("has a clock that jumps: {clock:?}")
        });
    }

    // Links.

    fn fail_link(&mut self, realm: RealmIndex) {
        let realms = self.climate.realms;
        let other = (realm + 1 + self.dice.below(realms - 1)) % realms;
        let pair = (realm.min(other), realm.max(other));
        if self.broken.contains_key(&pair) {
            return;
        }
        self.report.cuts += 1;
        let longest_ms = self.climate.fault_ms_max;
        let until_ms = self.now_ms() + self.dice.below(longest_ms) as u64;
        let what = match self.dice.below(9) {
            0 => {
                self.world.cut(realm, other);
                "are cut off from each other"
            }
            1 => {
                self.world.mute(realm, other);
                "lose what they send each other"
            }
            2 => {
                self.world.mute_way(realm, other);
                "lose what the first one sends"
            }
            3 => {
                self.world.hold(realm, other);
                "have to wait for what the first one sends"
            }
            4 => {
                self.world.hold(realm, other);
                self.world.hold(other, realm);
                "have to wait for each other"
            }
            5 | 6 => {
                let units = {
                    let most = [3, 40, 4_000][self.dice.below(3)];
                    self.dice.below(most)
                };
                self.world.cut_after(realm, other, units);
                self.note_link(pair, "have a connection that will break in the middle");
                return;
            }
            7 => {
                self.world.break_at(realm, other);
                self.note_link(pair, "have a connection that one of them takes for alive");
                return;
            }
            _ => {
                let ms = [0, 5, 80, 600][self.dice.below(4)];
                return self.world.set_way_ms(realm, other, ms);
            }
        };
        self.broken.insert(pair, until_ms);
        self.note_link((realm, other), what);
    }

    fn note_link(&mut self, (a, b): (RealmIndex, RealmIndex), what: &str) {
        self.trace.fault(self.now_ms(), &[a, b], || what.to_owned());
    }

    fn mend_link(&mut self, (a, b): (RealmIndex, RealmIndex)) {
        self.broken.remove(&(a, b));
        self.world.let_loose(a, b);
        if self.world.is_severed(a, b) {
            self.world.mend(a, b);
        }
        self.note_link((a, b), "are mended");
    }

    // Operators.

    fn pause_peer(&mut self, realm: RealmIndex) {
        let realms = self.climate.realms;
        let peer = (realm + 1 + self.dice.below(realms - 1)) % realms;
        if !self.world.is_up(realm) || !self.world.is_peer(realm, peer) {
            return;
        }
        let until_ms = self.now_ms() + self.dice.below(self.climate.fault_ms_max) as u64;
        self.paused.insert((realm, peer), until_ms);
        self.world.pause_peer(realm, peer, true);
        self.note_link((realm, peer), "are paused by the first");
    }

    fn resume_peer(&mut self, (realm, peer): (RealmIndex, RealmIndex)) {
        if !self.world.is_up(realm) {
            return;
        }
        self.paused.remove(&(realm, peer));
        if self.world.is_peer(realm, peer) {
            self.world.pause_peer(realm, peer, false);
        }
        self.note_link((realm, peer), "are resumed by the first");
    }

    fn remove_peer(&mut self, realm: RealmIndex) {
        let realms = self.climate.realms;
        let peer = (realm + 1 + self.dice.below(realms - 1)) % realms;
        if !self.world.is_peer(realm, peer) {
            return;
        }
        self.report.removed += 1;
        let until_ms = self.now_ms() + self.dice.below(self.climate.fault_ms_max) as u64;
        self.removed.insert((realm, peer), until_ms);
        self.ledger.removed(realm, peer);
        self.world.remove_peer(realm, peer);
        let what = || "part for good, as the first wants it".to_owned();
        self.trace.grave(self.now_ms(), &[realm, peer], what);
    }

    fn put_back_peer(&mut self, (realm, peer): (RealmIndex, RealmIndex)) {
        self.removed.remove(&(realm, peer));
        self.world.add_peer(realm, peer);
        self.note_paused(realm);
        let what = || "are peers again".to_owned();
        self.trace.grave(self.now_ms(), &[realm, peer], what);
    }

    // Mending.

    fn mend_what_is_due(&mut self) {
        let now_ms = self.now_ms();
        for pair in due(&self.broken, now_ms) {
            self.mend_link(pair);
        }
        for pair in due(&self.paused, now_ms) {
            self.resume_peer(pair);
        }
        for pair in due(&self.removed, now_ms) {
            self.put_back_peer(pair);
        }
    }

    /// Nothing breaks any more, and all that was broken is mended.
    pub(super) fn clear_up(&mut self) {
        self.is_calm.set(true);
        for realm in 0..self.climate.realms {
            self.world.crash_at(realm, u64::MAX, Survival::Everything);
            self.world.set_flaw(realm, Flaw::None);
            self.make_room(realm);
            self.world.set_commit_ms(realm, 0);
            self.world.set_fetch_ms(realm, 0);
            for other in 0..realm {
                self.world.set_latency_ms(realm, other, 5);
                self.world.cut_after(realm, other, usize::MAX);
                self.world.cut_after(other, realm, usize::MAX);
            }
        }
        for pair in due(&self.broken, u64::MAX) {
            self.mend_link(pair);
        }
        for pair in due(&self.paused, u64::MAX) {
            self.resume_peer(pair);
        }
        for pair in due(&self.removed, u64::MAX) {
            self.put_back_peer(pair);
        }
    }
}

type Ends = std::collections::BTreeMap<(RealmIndex, RealmIndex), u64>;

fn due(ends: &Ends, now_ms: u64) -> Vec<(RealmIndex, RealmIndex)> {
    let over = ends.iter().filter(|(_, until_ms)| **until_ms <= now_ms);
    over.map(|(pair, _)| *pair).collect()
}
