//! What happens to realms, disks and links.

use super::super::story::Note;
use super::super::town::REALMS;
use super::Weather;
use super::folk::{Folk, pairs};
use crate::disk::{Loading, Survival};
use crate::world::{RealmIndex, Restart};

impl Folk {
    /// Now and then something breaks or changes, and what was broken is mended.
    pub(super) fn change_weather(&mut self) {
        if self.storm.weather != Weather::Wild {
            return;
        }
        self.mend_links();
        let realm = self.dice.below(REALMS.len());
        match self.dice.below(1_000) {
            // At some step soon, which may be any.
            0..15 => {
                let ahead = [3, 12, 40, 120][self.dice.below(4)];
                let ahead = 1 + self.dice.below(ahead) as u64;
                let step = self.world.steps(realm).len() as u64 + ahead;
                let survival = self.dice.survival(6);
                self.world.crash_at(realm, step, survival);
            }
            15..20 => self.crash(realm),
            20..26 => self.fill_disk(realm),
            26..29 => self.world.fail_next_commit(realm),
            29..60 => {
                let ms = [0, 1, 3, 20, 150][self.dice.below(5)];
                self.world.set_commit_ms(realm, ms);
            }
            60..80 => {
                let ms = [0, 1, 30][self.dice.below(3)];
                self.world.set_fetch_ms(realm, ms);
            }
            80..95 => self.cut_link(),
            _ => {}
        }
    }

    pub(super) fn crash(&mut self, realm: RealmIndex) {
        let (survival, is_silent) = (self.dice.survival(6), self.dice.chance(30));
        self.world.crash(realm, survival, is_silent);
        self.moment();
    }

    fn fill_disk(&mut self, realm: RealmIndex) {
        self.report.full += 1;
        let until_ms = self.now_ms() + self.dice.below(1_500) as u64;
        self.houses[realm].room_ms = Some(until_ms);
        self.world.set_disk_full(realm, true);
        let what = "has a full disk";
        self.note(Note::Realm { realm, what });
    }

    fn make_room(&mut self, realm: RealmIndex) {
        self.houses[realm].room_ms = None;
        self.world.set_disk_full(realm, false);
        let what = "has room on its disk";
        self.note(Note::Realm { realm, what });
    }

    /// Realms that are down are started again in time, those whose disk failed go down.
    pub(super) fn look_after_houses(&mut self) {
        let now_ms = self.now_ms();
        for realm in 0..REALMS.len() {
            if std::mem::take(&mut self.houses[realm].is_broken) {
                self.report.failed += 1;
                self.crash(realm);
            }
            let house = self.houses[realm];
            let is_up = self.world.is_up(realm);
            if house.room_ms.is_some_and(|room_ms| room_ms <= now_ms) && is_up {
                self.make_room(realm);
            }
            match house.restart_ms {
                None if !is_up => {
                    let what = "crashes";
                    self.note(Note::Realm { realm, what });
                    let pause_ms = [0, 20, 500, 5_000][self.dice.below(4)];
                    let pause_ms = self.dice.below(pause_ms + 1) as u64;
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
        let what = "starts again";
        self.note(Note::Realm { realm, what });
        match self.world.restart(realm, &restart) {
            Ok(recovered) => {
                self.report.unpromised += usize::from(recovered.batches > recovered.promised);
                if self.storm.compares
                    && let Some(wrong) = recovered.wrong
                {
                    self.strays.push(format!("{}: {wrong}", REALMS[realm]));
                }
            }
            Err(wrong) => {
                self.strays
                    .push(format!("{} does not start: {wrong}", REALMS[realm]));
            }
        }
    }

    // Links.

    fn cut_link(&mut self) {
        let all: Vec<_> = pairs().collect();
        let pair = all[self.dice.below(all.len())];
        if self.cut.contains_key(&pair) {
            return;
        }
        let longest_ms = [20, 300, 4_000, 15_000][self.dice.below(4)];
        let until_ms = self.now_ms() + self.dice.below(longest_ms) as u64;
        self.cut.insert(pair, until_ms);
        self.report.cuts += 1;
        let what = if self.dice.chance(40) {
            self.world.mute(pair.0, pair.1);
            "fall silent"
        } else {
            self.world.cut(pair.0, pair.1);
            "are cut"
        };
        self.note(Note::Link { realms: pair, what });
    }

    fn mend_links(&mut self) {
        let now_ms = self.now_ms();
        let over = self.cut.iter().filter(|(_, until_ms)| **until_ms <= now_ms);
        let over: Vec<_> = over.map(|(pair, _)| *pair).collect();
        for pair in over {
            self.mend_link(pair);
        }
    }

    fn mend_link(&mut self, pair: (RealmIndex, RealmIndex)) {
        self.cut.remove(&pair);
        self.world.mend(pair.0, pair.1);
        let what = "are mended";
        self.note(Note::Link { realms: pair, what });
    }

    /// Nothing breaks any more.
    pub(super) fn clear_up(&mut self) {
        for pair in self.cut.keys().copied().collect::<Vec<_>>() {
            self.mend_link(pair);
        }
        for realm in 0..REALMS.len() {
            self.world.crash_at(realm, u64::MAX, Survival::Everything);
            self.make_room(realm);
            self.world.set_commit_ms(realm, 0);
            self.world.set_fetch_ms(realm, 0);
        }
    }
}
