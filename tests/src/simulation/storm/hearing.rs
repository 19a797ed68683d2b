//! What people read, and what they take it for.

use super::super::reading::{self, Shown};
use super::super::story::Note;
use super::super::town::{REALMS, shown_name};
use super::folk::{Awaited, Folk, letter, letter_text};
use super::post::{Fate, Item};
use crate::world::{ClientId, RealmIndex};
use chatproto::Event;
use serde_json::Value;

const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
pub(super) const NOT_FOUND: &str =
    "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";
const LOGGED_OUT: &str = "{\"status\": \"OK\", \"messages\": \"Logged Out!\"}\r\n\r\n";
const NO_SESSION: &str =
    "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n";

/// Why a message may be refused.
const REFUSALS: [&str; 4] = ["inbox_full", "own_inbox_full", "queue_full", "store_full"];

impl Folk {
    /// Takes note of what a realm tells its operator.
    pub(super) fn watch(&mut self, realm: RealmIndex, event: &Event) {
        match event {
            Event::PeerMisbehaved { .. }
            | Event::HistoryTruncated { .. }
            | Event::LoginFailed { .. }
            | Event::PasswordFailed
            | Event::FetchFailed
            | Event::Refused { .. } => self
                .strays
                .push(format!("{} tells {event:?}", REALMS[realm])),
            Event::StoreBroken => {
                let what = "has a broken store";
                self.note(Note::Realm { realm, what });
                self.houses[realm].is_broken = true;
            }
            _ => {}
        }
    }

    /// Reads what a client has to read, and notices when it is cut off.
    pub(super) fn hear(&mut self, client: ClientId) {
        let read = self.world.unread(client).to_vec();
        self.world.take(client, read.len());
        let Some(at) = self.owners[client.index()] else {
            return;
        };
        match String::from_utf8(read) {
            Ok(text) => self.hear_replies(at, &text),
            Err(_) => self.strays.push("what came is not UTF-8".to_owned()),
        }
        if !self.world.is_open(client) {
            self.be_cut_off(at);
        }
    }

    fn hear_replies(&mut self, at: usize, text: &str) {
        let mut rest = text;
        while let Some(reply) = reading::first_reply(rest.as_bytes()) {
            let (reply, after) = rest.split_at(reply.len());
            rest = after;
            if code(reply) == "store_broken" {
                // Its last words; whatever else was asked is not answered any more.
                return;
            }
            let Some(awaited) = self.people[at].awaited.pop_front() else {
                return self.stray(at, format!("nobody asked for {reply:?}"));
            };
            let shown = format!("{awaited:?}");
            if !self.take_reply(at, awaited, reply) {
                let who = self.people[at].person.address();
                self.stray(at, format!("{who} reads {reply:?} as an answer to {shown}"));
            }
        }
        if !rest.is_empty() {
            self.stray(at, format!("half a reply: {rest:?}"));
        }
    }

    fn take_reply(&mut self, at: usize, awaited: Awaited, reply: &str) -> bool {
        let is_full = code(reply) == "store_full";
        match awaited {
            Awaited::Token => {
                if let Some(token) = reading::token(reply) {
                    token.clone_into(&mut self.people[at].token);
                    self.send_again(at);
                    return true;
                }
                is_full
            }
            Awaited::Sent { number } => self.take_answer(number, reply, false),
            Awaited::Keyed { number, line, .. } if is_full => {
                // It may have been taken before.
                self.people[at].retries.push_back((number, line));
                true
            }
            Awaited::Keyed {
                number, is_again, ..
            } => self.take_answer(number, reply, is_again),
            Awaited::Inbox { .. } if is_full => true,
            Awaited::Inbox { .. } => match reading::inbox(reply) {
                Some(shown) => self.take_inbox(at, &shown),
                None => false,
            },
            Awaited::Peek => self.take_peek(at, reply),
            Awaited::Ack { upto } => {
                if !is_full {
                    let acknowledged = &mut self.people[at].acknowledged;
                    *acknowledged = upto.max(*acknowledged);
                }
                is_full || reply.starts_with("{\"status\": \"OK\", \"removed\": ")
            }
            Awaited::Logout { token } if is_full => {
                self.people[at].token = token;
                true
            }
            Awaited::Logout { token } => {
                self.people[at].ended = Some(token);
                reply == LOGGED_OUT
            }
            Awaited::NoSession => reply == NO_SESSION,
            Awaited::History => {
                reply.starts_with("{\"status\": \"OK\", \"messages\": [") || reply == NOT_FOUND
            }
        }
    }

    /// An earlier attempt may still be under way when a later one is refused.
    fn take_answer(&mut self, number: usize, reply: &str, is_again: bool) -> bool {
        let is_taken = reply == SENT;
        let fate = match (is_taken, is_again) {
            (true, _) => Fate::Taken,
            (false, false) => Fate::Refused,
            (false, true) => Fate::Unknown,
        };
        self.post.answer(number, fate);
        let message = letter(number);
        self.note(Note::Answered { message, is_taken });
        is_taken || reply == NOT_FOUND || REFUSALS.contains(&code(reply))
    }

    fn take_inbox(&mut self, at: usize, shown: &[Shown]) -> bool {
        let reader = self.people[at].person;
        if shown.len() as u64 > self.houses[reader.realm].inbox_max {
            return false;
        }
        let (mut letters, mut bounces) = (Vec::new(), 0);
        for one in shown {
            let item = self.item(at, 0, &one.key, [&one.from, &one.to], &one.text);
            match item {
                None => return false,
                Some(Item { letter: None, .. }) => bounces += 1,
                Some(Item {
                    letter: Some(number),
                    ..
                }) => {
                    letters.push(number);
                    let message = letter(number);
                    self.note(Note::Read {
                        message,
                        by: reader,
                    });
                }
            }
        }
        self.post.emptied(reader, letters, bounces);
        true
    }

    fn take_peek(&mut self, at: usize, reply: &str) -> bool {
        let reader = self.people[at].person;
        let Some(items) = self.listed(at, reply) else {
            return false;
        };
        let value: Value = serde_json::from_str(reply).unwrap_or_default();
        let left = value["left"].as_u64().unwrap_or(u64::MAX);
        if left.saturating_add(items.len() as u64) > self.houses[reader.realm].inbox_max {
            return false;
        }
        self.people[at].left = left;
        for item in items {
            let id = item.id;
            if id <= self.people[at].acknowledged {
                self.stray(at, format!("{} is back: {item:?}", reader.address()));
            }
            if let Some(number) = item.letter {
                let message = letter(number);
                self.note(Note::Read {
                    message,
                    by: reader,
                });
            }
            self.post.peeked(reader, item);
            self.people[at].kept = self.people[at].kept.max(id);
        }
        if self.dice.chance(80) {
            self.acknowledge(at);
        }
        true
    }

    /// The messages of a reply to `peek` or `history`.
    pub(super) fn listed(&self, at: usize, reply: &str) -> Option<Vec<Item>> {
        let value: Value = serde_json::from_str(reply).ok()?;
        let messages = value["messages"].as_array()?;
        let items = messages.iter().map(|message| {
            let text = |key: &str| message[key].as_str();
            let names = [text("msg_from")?, text("msg_to")?];
            self.item(
                at,
                message["id"].as_u64()?,
                text("from")?,
                names,
                text("msg")?,
            )
        });
        items.collect()
    }

    /// What a message is that somebody is shown; nothing if it cannot be.
    fn item(&self, at: usize, id: u64, key: &str, names: [&str; 2], text: &str) -> Option<Item> {
        let reader = self.people[at].person;
        let [from, to] = names;
        if to != shown_name(reader) {
            return None;
        }
        if key.starts_with('*') {
            let about = text.strip_prefix(" Pesan untuk ")?;
            let (about, _) = about.split_once(" tidak terkirim: ")?;
            let about = Some(about.to_owned());
            let letter = None;
            return (key == from).then_some(Item { id, letter, about });
        }
        let number = text.trim_start().split(' ').next()?.parse().ok()?;
        let writer = self.post.sender(number)?;
        let is_own = writer.realm == reader.realm;
        let display = if is_own {
            shown_name(writer)
        } else {
            key.to_owned()
        };
        let is_whole = text == format!(" {}\r\n", letter_text(number));
        (is_whole && from == display && writer.suits(key, reader.realm)).then_some(Item {
            id,
            letter: Some(number),
            about: None,
        })
    }
}

/// The code of an error; nothing for anything else.
fn code(reply: &str) -> &str {
    let code = reply.split_once("\"code\": \"");
    let code = code.and_then(|(_, rest)| rest.split_once('"'));
    code.filter(|_| reply.starts_with("{\"status\": \"ERROR\""))
        .map_or("", |(code, _)| code)
}
