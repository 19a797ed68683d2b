//! What people read, and what realms tell their operators.

use super::super::reading;
use super::super::town::REALMS;
use super::folk::{Awaited, Folk, Sent};
use super::ledger::Fate;
use super::trace::number;
use crate::world::{ClientId, RealmIndex};
use chatproto::{Event, RealmName};
use serde_json::Value;

/// What ends a reply.
const END: &str = "\r\n\r\n";

const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const NO_SESSION: &str =
    "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n";
const NOT_FOUND: &str = "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";

/// Why a message may be refused.
const REFUSALS: [&str; 7] = [
    "inbox_full",
    "own_inbox_full",
    "queue_full",
    "store_full",
    "message_too_long",
    "realm_unknown",
    "ambiguous",
];

/// How long somebody waits for room.
const FULL_MS: u64 = 60;

/// Said of a peer whose disk was set back twice within a minute.
const CONTRADICTED: &str = "a stream was contradicted too often";

impl Folk {
    pub(super) fn watch(&mut self, realm: RealmIndex, event: &Event) {
        let at_ms = self.now_ms();
        match event {
            Event::StoreBroken => self.houses[realm].is_broken = true,
            Event::HistoryTruncated { peer, missing } => {
                let peer = realm_of(peer);
                self.ledger.truncated(realm, peer);
                self.trace.grave(at_ms, &[realm, peer], || {
                    format!("miss {missing} envelopes, says the first")
                });
                self.expect_setback(realm, peer, event);
            }
            Event::OlderCopy { peer } => {
                let peer = realm_of(peer);
                self.trace.grave(at_ms, &[realm, peer], || {
                    "begin a stream anew, says the first".to_owned()
                });
                self.expect_setback(realm, peer, event);
            }
            Event::PeerRenewed { peer } => {
                let peer = realm_of(peer);
                self.trace.grave(at_ms, &[realm, peer], || {
                    "have another stream, of the second, says the first".to_owned()
                });
                if !self.ledger.were_parted(realm, peer) {
                    self.expect_setback(realm, peer, event);
                }
            }
            Event::PeerMisbehaved { peer, what } => {
                let peer = realm_of(peer);
                let is_setback = self.climate.forgets() && what == CONTRADICTED;
                self.trace
                    .fault(at_ms, &[realm, peer], || format!("do not agree: {what}"));
                if !is_setback && !self.is_hostile_pair(realm, peer) {
                    self.stray(realm, event);
                }
            }
            Event::LinkUp { peer } => {
                let peers = [realm, realm_of(peer)];
                self.trace
                    .fault(at_ms, &peers, || "link, says the first".to_owned());
            }
            Event::LinkDown { peer, why } => {
                let peers = [realm, realm_of(peer)];
                self.trace
                    .fault(at_ms, &peers, || format!("part, says the first: {why}"));
            }
            Event::LoginFailed { .. }
            | Event::PasswordFailed
            | Event::FetchFailed
            | Event::Refused { .. } => self.stray(realm, event),
            _ => {}
        }
    }

    fn is_hostile_pair(&self, realm: RealmIndex, peer: RealmIndex) -> bool {
        self.climate.is_hostile(realm) || self.climate.is_hostile(peer)
    }

    /// What only disks that were replaced or set back can bring about.
    fn expect_setback(&mut self, realm: RealmIndex, peer: RealmIndex, event: &Event) {
        let was_set_back = self.ledger.was_set_back(realm) || self.ledger.was_set_back(peer);
        if !was_set_back && !self.is_hostile_pair(realm, peer) {
            self.stray(realm, event);
        }
    }

    fn stray(&mut self, realm: RealmIndex, event: &Event) {
        self.ledger
            .stray(format!("{} tells {event:?}", REALMS[realm]));
    }

    /// Reads what a client has to read, and notices when it is cut off.
    pub(super) fn hear(&mut self, client: ClientId) {
        let read = self.world.unread(client).to_vec();
        self.world.take(client, read.len());
        let Some(at) = self.owners[client.index()] else {
            return;
        };
        let text = String::from_utf8(read).expect("replies are UTF-8");
        let mut rest = text.as_str();
        while let Some(end) = rest.find(END) {
            let (reply, after) = rest.split_at(end + END.len());
            rest = after;
            if code(reply) == "store_broken" {
                // Its last words; whatever else was asked is not answered any more.
                break;
            }
            self.hear_reply(at, reply);
        }
        if !self.world.is_open(client) {
            self.be_cut_off(at);
        }
    }

    fn hear_reply(&mut self, at: usize, reply: &str) {
        let Some(awaited) = self.people[at].awaited.pop_front() else {
            return self.ledger.stray(format!("nobody asked for {reply:?}"));
        };
        if reply == NO_SESSION {
            // The session is not in an older copy, or was too old for a clock that jumped.
            self.people[at].token.clear();
            if let Awaited::Sent(number) = awaited {
                self.ledger.answer(number, Fate::Refused);
            }
            return;
        }
        if !self.take_reply(at, awaited, reply) {
            let who = self.people[at].person.address();
            self.ledger
                .stray(format!("{who} reads {reply:?} as an answer to {awaited:?}"));
        }
    }

    fn take_reply(&mut self, at: usize, awaited: Awaited, reply: &str) -> bool {
        let is_full = code(reply) == "store_full";
        match awaited {
            Awaited::Token => {
                if let Some(token) = reading::token(reply) {
                    token.clone_into(&mut self.people[at].token);
                }
                is_full || !self.people[at].token.is_empty()
            }
            Awaited::Sent(number) => self.take_answer(at, number, reply),
            Awaited::Peek => self.take_peek(at, reply),
            Awaited::Ack => is_full || reply.starts_with("{\"status\": \"OK\", \"removed\": "),
            Awaited::Outbox => match outbox(reply) {
                Some(posts) => {
                    self.people[at].outbox = Some(posts);
                    true
                }
                None => is_full,
            },
        }
    }

    fn take_answer(&mut self, at: usize, number: usize, reply: &str) -> bool {
        let at_ms = self.now_ms();
        if reply == SENT {
            let letter = self.ledger.letters[number];
            self.report.letters += usize::from(letter.from.realm != letter.realm);
            self.ledger.take(number);
            self.trace
                .letter(at_ms, number, || "is accepted".to_owned());
            return true;
        }
        if code(reply).ends_with("_full") {
            self.people[at].waits_ms = at_ms + FULL_MS;
        }
        self.ledger.answer(number, Fate::Refused);
        self.trace.letter(at_ms, number, || {
            format!("is not accepted: {}", code(reply))
        });
        reply == NOT_FOUND || REFUSALS.contains(&code(reply))
    }

    fn take_peek(&mut self, at: usize, reply: &str) -> bool {
        let Some(messages) = reply.strip_prefix("{\"status\": \"OK\", \"messages\": [") else {
            return false;
        };
        let mut upto = None;
        for message in messages.split("{\"id\": ").skip(1) {
            let Some((id, rest)) = message.split_once(',') else {
                return false;
            };
            let Ok(id) = id.parse() else { return false };
            let letter = rest
                .split_once("\"msg\": \"")
                .and_then(|(_, text)| number(text));
            upto = Some(id);
            let person = &mut self.people[at];
            if id > person.read {
                person.read = id;
                person.shown.push((id, letter));
                if let Some(letter) = letter {
                    self.trace
                        .letter(self.now_ms(), letter, || format!("is read as message {id}"));
                }
            }
        }
        let left = messages.rsplit_once("\"left\": ").and_then(|(_, left)| {
            let end = left.find('}')?;
            left[..end].parse().ok()
        });
        let Some(left) = left else { return false };
        self.people[at].left = left;
        if let Some(upto) = upto {
            let line = format!("ack {} {upto}\r\n", self.people[at].token);
            self.say(at, &line, Awaited::Ack);
        }
        true
    }
}

fn realm_of(name: &RealmName) -> RealmIndex {
    let place = REALMS.iter().position(|known| *known == name.as_str());
    place.expect("realms speak of realms")
}

/// What a reply to `outbox` says of letters.
fn outbox(reply: &str) -> Option<Vec<(usize, Sent)>> {
    let value: Value = serde_json::from_str(reply).ok()?;
    let posts = value["messages"].as_array()?.iter();
    let posts = posts.map(|post| {
        let state = match post["state"].as_str()? {
            "queued" => Sent::Queued,
            "delivered" => Sent::Delivered,
            "failed" => Sent::Failed {
                is_explained: post["reason"] != "refused",
            },
            "unknown" => Sent::Unknown,
            _ => return None,
        };
        Some((number(post["msg"].as_str()?)?, state))
    });
    posts.collect()
}

/// The code of an error; nothing for anything else.
fn code(reply: &str) -> &str {
    let code = reply.split_once("\"code\": \"");
    let code = code.and_then(|(_, rest)| rest.split_once('"'));
    code.filter(|_| reply.starts_with("{\"status\": \"ERROR\""))
        .map_or("", |(code, _)| code)
}
