//! What people do, at random.

use super::super::ledger::Message;
use super::super::story::Note;
use super::super::town::{PASSWORD, REALMS};
use super::{Awaited, Crowd, MayBe, Role, Stay, StayState, letter, letter_text, pairs, said_text};
use crate::world::RealmIndex;

/// Names of groups that people think of.
const GROUPS: usize = 60;

/// Groups beside those, which some meet in for a short while.
const MEETINGS: usize = 40;

/// Seats that are taken or asked for at a time, at most.
const STAYS_MAX: usize = 350;

/// Errors a client can count on.
const UNKNOWN: &str = "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n";
const TOO_FEW: &str = "{\"status\": \"ERROR\", \"message\": \"--Protocol Tidak Benar\"}\r\n\r\n";
const NO_SESSION: &str =
    "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n";

impl Crowd {
    /// Somebody does something, and a little time passes.
    pub(in super::super) fn act(&mut self) {
        let has_letters = self.sent < self.plan.letters;
        let has_talk = self.said < self.plan.group_messages;
        match self.dice.below(1_000) {
            0..150 if has_letters => self.write_letters(),
            150..280 => {
                let at = self.anybody();
                self.read_inbox(at);
            }
            280..850 if has_talk => self.say(),
            850..900 if has_talk => self.join(),
            900..920 if has_talk => self.meet(),
            920..955 => self.exit(),
            955..965 => self.drop_porch(),
            965..975 => self.drop_desk(),
            975..985 => self.log_in_again(),
            985.. => self.try_oddly(),
            _ => {}
        }
        self.moment();
        if self.plan.cuts {
            self.disturb();
        }
        let pause_ms = self.dice.below(if self.plan.cuts { 60 } else { 5 }) as u64;
        self.pass(pause_ms);
    }

    fn anybody(&mut self) -> usize {
        self.dice.below(self.dwellers.len())
    }

    /// Writes a few letters at once, to friends mostly.
    fn write_letters(&mut self) {
        let from = self.anybody();
        let mut lines = String::new();
        for _ in 0..=self.dice.below(5) {
            let to = match self.dice.below(10) {
                0..6 => self.dwellers[from].friends[self.dice.below(3)],
                6..8 => self.dice.below(20),
                _ => self.anybody(),
            };
            lines.push_str(&self.letter_line(from, to));
            // All that follows has to wait until it is clear that nobody is meant.
            if self.dice.chance(10) {
                lines.push_str(&self.line_to_nobody(from));
            }
        }
        if self.dice.chance(10) {
            lines.push_str("inbox ");
            lines.push_str(&self.dwellers[from].token);
            lines.push_str("\r\n");
            self.dwellers[from].awaited.push_back(Awaited::Inbox);
        }
        let is_cut = self.dice.chance(40);
        let at = if is_cut {
            self.dice.below(lines.len())
        } else {
            0
        };
        let desk = self.dwellers[from].desk;
        let (first, second) = lines.as_bytes().split_at(at);
        for piece in [first, second]
            .into_iter()
            .filter(|piece| !piece.is_empty())
        {
            self.world.write(desk, piece);
        }
    }

    fn letter_line(&mut self, from: usize, to: usize) -> String {
        let (sender, recipient) = (self.dwellers[from].person, self.dwellers[to].person);
        let is_far = sender.realm != recipient.realm;
        let is_full = is_far && recipient.is_shared() || self.dice.chance(40);
        let may_be = if is_far && !is_full && self.plan.cuts {
            MayBe::Either
        } else {
            MayBe::Taken
        };
        let name = if is_full {
            recipient.address()
        } else {
            recipient.name()
        };
        let connection = self.dwellers[from].desk.index();
        let number = self.letters.send(connection, sender, recipient);
        self.sent += 1;
        self.note(Note::Wrote {
            message: letter(number),
            by: sender,
            to: Some(recipient),
        });
        self.dwellers[from]
            .awaited
            .push_back(Awaited::Sent { number, may_be });
        format!(
            "send {} {name} {}\r\n",
            self.dwellers[from].token,
            letter_text(number)
        )
    }

    /// A letter that is refused, and must reach nobody.
    fn line_to_nobody(&mut self, from: usize) -> String {
        let person = self.dwellers[from].person;
        let number = self
            .letters
            .send(self.dwellers[from].desk.index(), person, person);
        let names = [
            "tiada".to_owned(),
            format!("tiada@{}", REALMS[person.realm]),
            format!("{}@pulau", person.name()),
        ];
        let may_be = MayBe::Refused;
        self.dwellers[from]
            .awaited
            .push_back(Awaited::Sent { number, may_be });
        let name = &names[number % names.len()];
        format!(
            "send {} {name} {}\r\n",
            self.dwellers[from].token,
            letter_text(number)
        )
    }

    pub(super) fn read_inbox(&mut self, at: usize) {
        let line = format!("inbox {} \r\n", self.dwellers[at].token);
        self.dwellers[at].awaited.push_back(Awaited::Inbox);
        self.world.write(self.dwellers[at].desk, line.as_bytes());
    }

    /// Hangs up, perhaps in the middle of a line, and connects again.
    fn drop_desk(&mut self) {
        let at = self.anybody();
        let (person, desk) = (self.dwellers[at].person, self.dwellers[at].desk);
        if self.dwellers[at].token.is_empty() {
            return;
        }
        if self.dice.chance(50) {
            let line = self.line_to_nobody(at).replace("tiada", &person.name());
            let half = line.trim_end_matches("\r\n");
            self.world.write(desk, half.as_bytes());
        }
        self.note(Note::HungUp { by: person });
        self.world.drop_client(desk);
        self.roles[desk.index()] = Role::Gone;
        for awaited in std::mem::take(&mut self.dwellers[at].awaited) {
            match awaited {
                Awaited::Sent {
                    number,
                    may_be: MayBe::Refused,
                } => {
                    self.letters.answer(number, false);
                }
                Awaited::Sent { number, .. } => self.letters.hang_up(number),
                _ => {}
            }
        }
        self.dwellers[at].desk = self.connect(person.realm, Role::Desk(at));
    }

    fn log_in_again(&mut self) {
        let at = self.anybody();
        let desk = self.dwellers[at].desk;
        let line = format!("auth {} {PASSWORD}\r\n", self.dwellers[at].person.name());
        self.dwellers[at].awaited.push_back(Awaited::Token);
        self.world.write(desk, line.as_bytes());
    }

    /// Lines that have nothing to do with messages: each gets its one reply, in order.
    fn try_oddly(&mut self) {
        let at = self.anybody();
        let desk = self.dwellers[at].desk;
        let (line, awaited) = match self.dice.below(5) {
            0 => (
                format!("activeuser {}\r\n", self.dwellers[at].token),
                Awaited::ActiveUsers,
            ),
            1 => ("kirim semua \r\n".to_owned(), Awaited::Exactly(UNKNOWN)),
            2 => ("send\r\n".to_owned(), Awaited::Exactly(TOO_FEW)),
            3 => (
                "inbox bukan-token\r\n".to_owned(),
                Awaited::Exactly(NO_SESSION),
            ),
            _ => return self.world.write(desk, b"\r\n"),
        };
        self.dwellers[at].awaited.push_back(awaited);
        self.world.write(desk, line.as_bytes());
    }

    // Groups.

    /// Somebody joins a group, some of which are far more popular than others.
    fn join(&mut self) {
        let at = self.anybody();
        let widest = 1 + self.dice.below(GROUPS);
        let group = self.dice.below(widest);
        self.join_group(at, group);
    }

    /// A few join the same group at nearly the same moment, which hardly anybody else is in.
    fn meet(&mut self) {
        let group = GROUPS + self.dice.below(MEETINGS);
        for _ in 0..2 + self.dice.below(3) {
            let at = self.anybody();
            self.join_group(at, group);
            self.moment();
            let pause_ms = [0, 0, 1, 40][self.dice.below(4)];
            self.pass(pause_ms);
        }
    }

    fn join_group(&mut self, at: usize, group: usize) {
        if self.dwellers[at].stay.is_some() || self.talking.len() >= STAYS_MAX {
            return;
        }
        let person = self.dwellers[at].person;
        let client = match self.dwellers[at].porch {
            Some(porch) => porch,
            None => self.connect(person.realm, Role::Porch(at)),
        };
        let seat = self.talk.sit_down(person, person.name(), group);
        self.stays.push(Stay {
            dweller: at,
            client,
            group,
            home: None,
            state: StayState::Asked,
        });
        self.dwellers[at].porch = Some(client);
        self.dwellers[at].stay = Some(seat);
        let what = "asks for a seat";
        self.note(Note::Stayed {
            by: person,
            seat,
            group,
            what,
        });
        let line = format!("group {} g{group} origin \r\n", self.dwellers[at].token);
        self.world.write(client, line.as_bytes());
        self.talking.push(seat);
        // Some do not wait until they are in.
        if self.dice.chance(20) {
            self.say_on(seat);
        }
    }

    fn say(&mut self) {
        if self.talking.is_empty() {
            return;
        }
        let seat = self.talking[self.dice.below(self.talking.len())];
        for _ in 0..=self.dice.below(3) {
            self.say_on(seat);
        }
    }

    fn say_on(&mut self, seat: usize) {
        // Where a join may be refused, what was said too early would be taken for a command.
        if self.plan.cuts && self.stays[seat].state == StayState::Asked {
            return;
        }
        let index = self.talk.say(seat);
        self.said += 1;
        let by = self.dwellers[self.stays[seat].dweller].person;
        let message = Message::Group { seat, index };
        self.note(Note::Wrote {
            message,
            by,
            to: None,
        });
        let text = format!("[{}]", said_text(seat, index));
        self.world.write(self.stays[seat].client, text.as_bytes());
    }

    fn exit(&mut self) {
        let Some(seat) = self.any_stay(StayState::In) else {
            return;
        };
        if self.dice.chance(30) {
            self.say_on(seat);
            self.moment();
        }
        self.leave(seat, StayState::Leaving, "leaves");
        self.world.write(self.stays[seat].client, b"exit");
    }

    fn drop_porch(&mut self) {
        let state = [StayState::In, StayState::Asked][self.dice.below(2)];
        let Some(seat) = self.any_stay(state) else {
            return;
        };
        if self.dice.chance(30) {
            self.say_on(seat);
            self.moment();
        }
        self.leave(seat, StayState::Dropped, "hangs up");
        let Stay {
            client, dweller, ..
        } = self.stays[seat];
        self.roles[client.index()] = Role::Gone;
        self.dwellers[dweller].porch = None;
        self.world.drop_client(client);
    }

    pub(super) fn leave(&mut self, seat: usize, state: StayState, what: &'static str) {
        let by = self.dwellers[self.stays[seat].dweller].person;
        let group = self.stays[seat].group;
        self.note(Note::Stayed {
            by,
            seat,
            group,
            what,
        });
        self.talk.stand_up(seat);
        self.talking.retain(|other| *other != seat);
        self.stays[seat].state = state;
    }

    fn any_stay(&mut self, state: StayState) -> Option<usize> {
        let stays = &self.stays;
        let those = self.talking.iter().copied();
        let those: Vec<_> = those.filter(|seat| stays[*seat].state == state).collect();
        if those.is_empty() {
            return None;
        }
        Some(those[self.dice.below(those.len())])
    }

    // Links.

    /// Now and then a link breaks or falls silent, and those whose time has come are mended.
    fn disturb(&mut self) {
        let now_ms = self.world.now().mono_ms;
        let over = self.cut.iter().filter(|(_, until_ms)| **until_ms <= now_ms);
        let over: Vec<_> = over.map(|(pair, _)| *pair).collect();
        for pair in over {
            self.cut.remove(&pair);
            self.mend(pair);
        }
        if !self.dice.chance(3) {
            return;
        }
        let longest_ms = [20, 300, 4_000, 15_000][self.dice.below(4)];
        let until_ms = now_ms + self.dice.below(longest_ms) as u64;
        let is_silent = self.dice.chance(40);
        let all: Vec<_> = pairs().collect();
        let chosen = all[self.dice.below(all.len())];
        // At times it is all links of a realm.
        let is_all = self.dice.chance(20);
        for pair in all {
            let is_meant = pair == chosen || is_all && (pair.0 == chosen.0 || pair.1 == chosen.0);
            if is_meant && !self.cut.contains_key(&pair) {
                self.cut.insert(pair, until_ms);
                self.disturb_pair(pair, is_silent);
            }
        }
    }

    fn disturb_pair(&mut self, pair: (RealmIndex, RealmIndex), is_silent: bool) {
        self.cuts += 1;
        let what = if is_silent {
            self.world.mute(pair.0, pair.1);
            "fall silent"
        } else {
            self.world.cut(pair.0, pair.1);
            "are cut"
        };
        self.note(Note::Link { realms: pair, what });
        self.moment();
    }

    pub(super) fn mend(&mut self, pair: (RealmIndex, RealmIndex)) {
        self.world.mend(pair.0, pair.1);
        let what = "are mended";
        self.note(Note::Link { realms: pair, what });
        self.moment();
    }
}
