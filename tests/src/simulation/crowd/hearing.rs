//! What people read, and what they take it for.

use super::super::ledger::{Heard, Message};
use super::super::reading::{self, Live, Shown};
use super::super::story::Note;
use super::super::town::{REALMS, shown_name};
use super::{Awaited, Crowd, MayBe, Person, Role, StayState, letter, letter_text, said_text};
use crate::world::{ClientId, RealmIndex};
use chatproto::Event;

const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const NOT_FOUND: &str = "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";
const REALM_AWAY: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan sedang tidak \
                          terhubung\", \"code\": \"realm_away\"}\r\n\r\n";

impl Crowd {
    /// Takes note of what a realm tells its operator.
    pub(super) fn watch(&mut self, realm: RealmIndex, event: &Event) {
        match event {
            Event::GroupJoined { user, home, .. } => {
                let home = REALMS.iter().position(|name| *name == home.as_str());
                if let (Some(seat), Some(home)) = (self.stay_of(realm, user.as_str()), home) {
                    self.seated(seat, home);
                }
            }
            Event::GroupLeft { user, .. } => {
                if let Some(seat) = self.stay_of(realm, user.as_str())
                    && self.stays[seat].state == StayState::Dropped
                {
                    self.end_stay(seat);
                }
            }
            Event::PeerMisbehaved { .. }
            | Event::HistoryTruncated { .. }
            | Event::MailRefused { .. }
            | Event::LoginFailed { .. }
            | Event::Refused { .. } => self
                .strays
                .push(format!("{} tells {event:?}", REALMS[realm])),
            Event::LinkDown { .. } if !self.plan.cuts && self.sent > 0 => {
                self.strays
                    .push(format!("{} tells {event:?}", REALMS[realm]));
            }
            _ => {}
        }
    }

    fn stay_of(&self, realm: RealmIndex, user: &str) -> Option<usize> {
        let at = self.by_name.get(&(realm, user.to_owned()))?;
        self.dwellers[*at].stay
    }

    fn seated(&mut self, seat: usize, home: RealmIndex) {
        let group = self.stays[seat].group;
        let is_split = self.talking.iter().any(|other| {
            let other = &self.stays[*other];
            other.group == group && other.home.is_some_and(|other| other != home)
        });
        if is_split && !self.plan.cuts {
            self.splits += 1;
        }
        let by = self.dwellers[self.stays[seat].dweller].person;
        self.note(Note::Seated {
            by,
            seat,
            group,
            home,
        });
        self.stays[seat].home = Some(home);
        if self.stays[seat].state == StayState::Asked {
            self.talk.seated(seat, home);
        }
    }

    fn end_stay(&mut self, seat: usize) {
        self.stays[seat].state = StayState::Over;
        self.dwellers[self.stays[seat].dweller].stay = None;
    }

    /// Reads what a client has to read.
    pub(super) fn hear(&mut self, client: ClientId) {
        if let Some(why) = self.world.close_reason(client) {
            let stray = format!("a connection was closed: {why:?}");
            self.strays.push(stray);
        }
        let read = self.world.unread(client).to_vec();
        self.world.take(client, read.len());
        if read.is_empty() {
            return;
        }
        let Ok(text) = String::from_utf8(read) else {
            return self.strays.push("what came is not UTF-8".to_owned());
        };
        let is_read = match self.roles[client.index()] {
            Role::Desk(at) => self.hear_replies(at, &text),
            Role::Porch(at) => match self.dwellers[at].stay {
                Some(seat) if self.stays[seat].client == client => self.hear_live(seat, &text),
                _ => false,
            },
            Role::Gone => true,
        };
        if !is_read {
            let role = self.roles[client.index()];
            if let Role::Desk(at) | Role::Porch(at) = role {
                self.suspect.get_or_insert(self.dwellers[at].person);
            }
            self.strays
                .push(format!("{role:?} should not have read {text:?}"));
        }
    }

    // Replies.

    fn hear_replies(&mut self, at: usize, text: &str) -> bool {
        let mut rest = text;
        while !rest.is_empty() {
            let Some(reply) = reading::first_reply(rest.as_bytes()) else {
                return false;
            };
            let (reply, after) = rest.split_at(reply.len());
            rest = after;
            let Some(awaited) = self.dwellers[at].awaited.pop_front() else {
                return false;
            };
            if !self.take_reply(at, &awaited, reply) {
                return false;
            }
        }
        true
    }

    fn take_reply(&mut self, at: usize, awaited: &Awaited, reply: &str) -> bool {
        match awaited {
            Awaited::Token => {
                let token = reading::token(reply).map(str::to_owned);
                let is_token = token.is_some();
                self.dwellers[at].token = token.unwrap_or_default();
                is_token
            }
            Awaited::Sent { number, may_be } => {
                let is_taken = reply == SENT;
                self.letters.answer(*number, is_taken);
                let message = letter(*number);
                self.note(Note::Answered { message, is_taken });
                match may_be {
                    MayBe::Taken => is_taken,
                    MayBe::Refused => reply.starts_with("{\"status\": \"ERROR\", "),
                    MayBe::Either => is_taken || reply == NOT_FOUND,
                }
            }
            Awaited::Inbox => match reading::inbox(reply) {
                Some(shown) => self.take_inbox(at, &shown),
                None => false,
            },
            Awaited::ActiveUsers => reply.starts_with("{\"status\": \"OK\", \"message\": \""),
            Awaited::Exactly(expected) => reply == *expected,
        }
    }

    fn take_inbox(&mut self, at: usize, shown: &[Shown]) -> bool {
        let reader = self.dwellers[at].person;
        let mut letters = Vec::new();
        for one in shown {
            let number = one.text.trim_start().split(' ').next();
            let Some(number) = number.and_then(|number| number.parse().ok()) else {
                return false;
            };
            let is_whole = one.text == format!(" {}\r\n", letter_text(number));
            let Some(from) = self.sender(reader, one).filter(|_| is_whole) else {
                return false;
            };
            if one.to != shown_name(reader) {
                return false;
            }
            letters.push((from, number));
            let message = letter(number);
            self.note(Note::Read {
                message,
                by: reader,
            });
        }
        self.letters.read(reader, &letters);
        true
    }

    /// Whom an inbox means: those who share a name are told apart by their realm.
    fn sender(&self, reader: Person, shown: &Shown) -> Option<Person> {
        let (name, realm) = match shown.key.split_once('@') {
            Some((name, realm)) => (name, REALMS.iter().position(|other| *other == realm)),
            None => (shown.key.as_str(), None),
        };
        let lives = |realm: usize| self.by_name.get(&(realm, name.to_owned()));
        let homes = (0..REALMS.len()).filter(|home| realm.is_none_or(|realm| realm == *home));
        let people = homes.filter_map(lives).map(|at| self.dwellers[*at].person);
        let is_shown_right = |person: &Person| {
            let is_own = person.realm == reader.realm;
            let from = if is_own {
                shown_name(*person)
            } else {
                shown.key.clone()
            };
            person.suits(&shown.key, reader.realm) && shown.from == from
        };
        let mut people: Vec<Person> = people.filter(is_shown_right).collect();
        let number: usize = shown.text.trim_start().split(' ').next()?.parse().ok()?;
        // A bare name of two other realms' users: it is the one that has written, as long as only
        // that one has.
        if let Some(from) = self.letters.sender(number)
            && people.contains(&from)
        {
            people = vec![from];
        }
        people.first().copied()
    }

    // Groups.

    fn hear_live(&mut self, seat: usize, text: &str) -> bool {
        match self.stays[seat].state {
            StayState::Asked if self.plan.cuts && text == REALM_AWAY => {
                self.leave(seat, StayState::Over, "is refused");
                self.end_stay(seat);
                true
            }
            StayState::Asked | StayState::In => {
                let Some(pieces) = reading::live(text) else {
                    return false;
                };
                pieces
                    .into_iter()
                    .all(|piece| self.hear_piece(seat, &piece))
            }
            StayState::Leaving if text == "exit" => {
                self.stays[seat].state = StayState::Left;
                true
            }
            StayState::Left => {
                let group = self.stays[seat].group;
                let farewell = format!(
                    "{{\"status\": \"OK\", \"message\": \"Telah keluar dari grup g{group}\"}}\r\n\r\n"
                );
                self.end_stay(seat);
                text == farewell
            }
            StayState::Leaving | StayState::Dropped | StayState::Over => false,
        }
    }

    fn hear_piece(&mut self, seat: usize, piece: &Live<'_>) -> bool {
        let listener = self.dwellers[self.stays[seat].dweller].person;
        let bare = |shown: &str| shown.split('@').next().unwrap_or_default().to_owned();
        self.heard += 1;
        match piece {
            Live::Join(shown) => {
                let name = bare(shown);
                if name == listener.name() && self.stays[seat].state == StayState::Asked {
                    self.stays[seat].state = StayState::In;
                    let what = "sits down";
                    self.note(Note::Stayed {
                        by: listener,
                        seat,
                        group: self.stays[seat].group,
                        what,
                    });
                }
                self.talk.hear(seat, Heard::Join(name), None);
                true
            }
            Live::Leave(shown) => {
                self.talk.hear(seat, Heard::Leave(bare(shown)), None);
                true
            }
            Live::Say(shown, said) => {
                let Some((of, index)) = said.split(' ').next().and_then(|id| id.split_once('.'))
                else {
                    return false;
                };
                let (Ok(of), Ok(index)) = (of.parse::<usize>(), index.parse()) else {
                    return false;
                };
                let speaker = self
                    .stays
                    .get(of)
                    .map(|stay| self.dwellers[stay.dweller].person);
                let from = speaker.filter(|speaker| speaker.suits(shown, listener.realm));
                self.talk.hear(seat, Heard::Say { seat: of, index }, from);
                let message = Message::Group { seat: of, index };
                self.note(Note::Read {
                    message,
                    by: listener,
                });
                *said == said_text(of, index)
            }
            Live::Away => {
                self.talk.hear(seat, Heard::Away, None);
                self.plan.cuts
            }
            Live::Exit(_) => false,
        }
    }
}
