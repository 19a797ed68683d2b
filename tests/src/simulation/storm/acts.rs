//! What people do, at random.

use super::super::story::Note;
use super::super::town::{PASSWORD, REALMS};
use super::folk::{Awaited, Folk, letter, letter_text};
use super::post::{Fate, KEYED};
use crate::world::ClientId;

impl Folk {
    /// Somebody does something, the weather changes, and a little time passes.
    pub(super) fn act(&mut self) {
        let at = self.dice.below(self.people.len());
        match self.dice.below(100) {
            _ if self.people[at].desk.is_none() => self.connect(at),
            _ if self.people[at].token.is_empty() => self.log_in(at),
            0..62 => self.write_letters(at),
            62..90 => self.read(at),
            90..94 => self.hang_up(at),
            94..95 => self.log_in(at),
            95..98 => self.log_out(at),
            _ => self.look_back(at),
        }
        self.moment();
        self.change_weather();
        let pause_ms = [0, 0, 1, 5, 30][self.dice.below(5)];
        self.pass(pause_ms);
    }

    /// Connects if the realm is up, and goes on where the last connection ended.
    pub(super) fn connect(&mut self, at: usize) {
        let realm = self.people[at].person.realm;
        if !self.world.is_up(realm) {
            return;
        }
        let client = self.world.open(realm, &format!("10.0.{realm}.{}", at % 50));
        self.owners.push(Some(at));
        assert_eq!(
            client.index() + 1,
            self.owners.len(),
            "nobody else connects"
        );
        self.people[at].desk = Some(client);
        if self.people[at].token.is_empty() {
            self.log_in(at);
        }
        self.send_again(at);
        if let Some(token) = self.people[at].ended.clone() {
            self.try_ended(at, &token);
        }
    }

    pub(super) fn log_in(&mut self, at: usize) {
        if self.people[at].awaited.contains(&Awaited::Token) {
            return;
        }
        let line = format!("auth {} {PASSWORD}\r\n", self.people[at].person.name());
        self.say(at, &line, Awaited::Token);
    }

    pub(super) fn say(&mut self, at: usize, line: &str, awaited: Awaited) {
        if let Some(desk) = self.people[at].desk {
            self.people[at].awaited.push_back(awaited);
            self.world.write(desk, line.as_bytes());
        }
    }

    /// What was sent under a key and not answered is sent once more, before anything else.
    pub(super) fn send_again(&mut self, at: usize) {
        if self.people[at].token.is_empty() {
            return;
        }
        let retries = std::mem::take(&mut self.people[at].retries);
        for (number, line) in retries {
            self.report.retried += 1;
            let by = self.people[at].person;
            self.note(Note::Wrote {
                message: letter(number),
                by,
                to: None,
            });
            let whole = self.keyed_line(at, number, &line);
            let is_again = true;
            self.say(
                at,
                &whole,
                Awaited::Keyed {
                    number,
                    line,
                    is_again,
                },
            );
        }
    }

    fn keyed_line(&self, at: usize, number: usize, rest: &str) -> String {
        format!("sendid {} k-{number} {rest}", self.people[at].token)
    }

    /// Writes a few letters at once, to friends mostly.
    fn write_letters(&mut self, at: usize) {
        let is_keyed = self.people[at].keyed;
        let is_waiting = |awaited: &Awaited| matches!(awaited, Awaited::Keyed { .. });
        if is_keyed && self.people[at].awaited.iter().any(is_waiting) {
            return;
        }
        if !self.people[at].retries.is_empty() {
            return self.send_again(at);
        }
        let mut recipients = Vec::new();
        for _ in 0..=self.dice.below(5) {
            let to = match self.dice.below(10) {
                0..8 => self.people[at].friends[self.dice.below(4)],
                _ => self.dice.below(self.people.len()),
            };
            // What has to be sent again may come behind what was sent after it to others.
            if !is_keyed || !recipients.contains(&to) {
                recipients.push(to);
            }
        }
        for to in &recipients {
            self.write_letter(at, *to);
        }
        // Some look at their inboxes before the message is on the disk.
        let first = recipients.first().copied().filter(|_| self.dice.chance(30));
        if let Some(first) = first.filter(|first| !self.people[*first].token.is_empty()) {
            self.world.settle();
            self.read(first);
        }
        if self.dice.chance(10) {
            self.write_to_nobody(at);
        }
        if self.dice.chance(10) {
            self.read(at);
        }
    }

    fn write_letter(&mut self, at: usize, to: usize) {
        let (from, recipient) = (self.people[at].person, self.people[to].person);
        let is_far = from.realm != recipient.realm;
        let is_full = is_far && recipient.is_shared() || self.dice.chance(60);
        let name = if is_full {
            recipient.address()
        } else {
            recipient.name()
        };
        let lane = self.lane(at);
        let number = self
            .post
            .send(from, Some(recipient), recipient.address(), lane);
        self.note(Note::Wrote {
            message: letter(number),
            by: from,
            to: Some(recipient),
        });
        self.post_letter(at, number, &name);
    }

    /// A letter that comes back, if it is taken at all.
    fn write_to_nobody(&mut self, at: usize) {
        let from = self.people[at].person;
        let to = format!("tiada@{}", REALMS[self.dice.below(REALMS.len())]);
        let lane = self.lane(at);
        let number = self.post.send(from, None, to.clone(), lane);
        self.note(Note::Wrote {
            message: letter(number),
            by: from,
            to: None,
        });
        self.post_letter(at, number, &to);
    }

    fn lane(&self, at: usize) -> usize {
        if self.people[at].keyed {
            return KEYED;
        }
        self.people[at].desk.map_or(0, ClientId::index)
    }

    fn post_letter(&mut self, at: usize, number: usize, name: &str) {
        self.sent += 1;
        let line = format!("{name} {}\r\n", letter_text(number));
        if self.people[at].keyed {
            let whole = self.keyed_line(at, number, &line);
            let is_again = false;
            self.say(
                at,
                &whole,
                Awaited::Keyed {
                    number,
                    line,
                    is_again,
                },
            );
        } else {
            let whole = format!("send {} {line}", self.people[at].token);
            self.say(at, &whole, Awaited::Sent { number });
        }
    }

    /// Reads the inbox, in the way this person does.
    pub(super) fn read(&mut self, at: usize) {
        let token = self.people[at].token.clone();
        if self.people[at].peeks {
            let limit = [1, 2, 10, 200][self.dice.below(4)];
            return self.say(at, &format!("peek {token} {limit}\r\n"), Awaited::Peek);
        }
        let sure = self.post.surely_in(self.people[at].person);
        self.say(at, &format!("inbox {token}\r\n"), Awaited::Inbox { sure });
    }

    pub(super) fn acknowledge(&mut self, at: usize) {
        let (token, kept) = (&self.people[at].token, &self.people[at].kept);
        let line = format!("ack {token} {kept}\r\n");
        let upto = *kept;
        self.say(at, &line, Awaited::Ack { upto });
    }

    /// Ends a session, or tries one that has ended.
    fn log_out(&mut self, at: usize) {
        if let Some(token) = self.people[at].ended.clone()
            && self.dice.chance(50)
        {
            return self.try_ended(at, &token);
        }
        // What follows would be said in vain.
        if self.people[at].awaited.is_empty() {
            let token = std::mem::take(&mut self.people[at].token);
            self.say(
                at,
                &format!("logout {token}\r\n"),
                Awaited::Logout { token },
            );
        }
    }

    fn try_ended(&mut self, at: usize, token: &str) {
        self.say(at, &format!("peek {token}\r\n"), Awaited::NoSession);
    }

    fn look_back(&mut self, at: usize) {
        let friend = self.people[at].friends[self.dice.below(4)];
        let with = self.people[friend].person.address();
        let line = format!("history {} {with}\r\n", self.people[at].token);
        self.say(at, &line, Awaited::History);
    }

    /// Hangs up, perhaps in the middle of a line.
    fn hang_up(&mut self, at: usize) {
        let Some(desk) = self.people[at].desk else {
            return;
        };
        if self.dice.chance(50) {
            let line = format!("send {} tiada hal", self.people[at].token);
            self.world.write(desk, line.as_bytes());
        }
        let by = self.people[at].person;
        self.note(Note::HungUp { by });
        self.world.drop_client(desk);
        self.be_cut_off(at);
    }

    /// The connection is gone, and what was on its way to this person with it.
    pub(super) fn be_cut_off(&mut self, at: usize) {
        if let Some(desk) = self.people[at].desk.take() {
            self.owners[desk.index()] = None;
        }
        let person = self.people[at].person;
        for awaited in std::mem::take(&mut self.people[at].awaited) {
            match awaited {
                Awaited::Sent { number } => self.post.answer(number, Fate::Unknown),
                Awaited::Keyed { number, line, .. } => {
                    self.people[at].retries.push_back((number, line));
                }
                Awaited::Inbox { sure } => {
                    self.report.inboxes_lost += 1;
                    self.post.lost(person, sure);
                    let what = "loses the reply to `inbox`";
                    self.note(Note::Person { by: person, what });
                }
                Awaited::Token
                | Awaited::Peek
                | Awaited::Ack { .. }
                | Awaited::History
                | Awaited::Logout { .. }
                | Awaited::NoSession => {}
            }
        }
    }
}
