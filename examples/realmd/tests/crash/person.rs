//! Somebody who writes, reads, and remembers everything.

use crate::common::Client;
use crate::common::dice::Dice;
use crate::ledger::{Clock, Contents, Letter, Taking, name, parse};
use crate::town;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines that are sent before their answers are read.
const BURST_MAX: u64 = 16;

pub(crate) struct Person {
    pub(crate) at: usize,
    dice: Dice,
    /// Days so far: one connection each.
    pub(crate) day: usize,
    /// Of all logins that were answered OK.
    pub(crate) tokens: Vec<String>,
    pub(crate) letters: Vec<Letter>,
    /// Since the last audit.
    pub(crate) takings: Vec<Taking>,
    /// The number of the last message that a `peek` showed.
    peeked: u64,
}

/// What a line's answer will tell.
enum Awaited {
    Login,
    Sent(usize),
    Taken(usize),
    Peeked,
    Nothing,
}

impl Person {
    pub(crate) fn new(at: usize, dice: Dice) -> Self {
        Self {
            at,
            dice,
            day: 0,
            tokens: Vec::new(),
            letters: Vec::new(),
            takings: Vec::new(),
            peeked: 0,
        }
    }

    /// Writes and reads on one connection until it breaks, or the day is over.
    pub(crate) fn live(&mut self, address: SocketAddr, clock: &Clock, is_over: &AtomicBool) {
        self.day += 1;
        let Some(mut client) = Client::connect_if_there(address) else {
            return;
        };
        while !is_over.load(Ordering::SeqCst) {
            let (lines, awaited) = self.burst(clock);
            // What a broken connection took of it is not known.
            let is_written = client.stream.write_all(lines.as_bytes()).is_ok();
            for awaited in awaited {
                let Some(reply) = client.reply_if_any() else {
                    return;
                };
                self.read(&awaited, &reply, clock);
            }
            if !is_written {
                return;
            }
        }
    }

    fn burst(&mut self, clock: &Clock) -> (String, Vec<Awaited>) {
        let (mut lines, mut awaited) = (String::new(), Vec::new());
        let Some(token) = self.tokens.last().cloned() else {
            let login = format!("auth {} secret\r\n", name(self.at));
            return (login, vec![Awaited::Login]);
        };
        let mut may_take = true;
        for _ in 0..=self.dice.below(BURST_MAX) {
            let chance = self.dice.below(100);
            let what = match chance {
                0..3 if may_take => {
                    may_take = false;
                    self.take(&token, clock, &mut lines)
                }
                3..6 => {
                    write!(lines, "peek {token} {}\r\n", 1 + self.dice.below(400)).unwrap();
                    Awaited::Peeked
                }
                6..8 => {
                    write!(lines, "auth {} secret\r\n", name(self.at)).unwrap();
                    Awaited::Login
                }
                8 => {
                    write!(lines, "activeuser {token}\r\n").unwrap();
                    Awaited::Nothing
                }
                _ => self.write_letter(&token, chance < 30, &mut lines),
            };
            awaited.push(what);
        }
        (lines, awaited)
    }

    /// Some only ever `ack` what they have seen, the others empty their inboxes.
    fn take(&mut self, token: &str, clock: &Clock, lines: &mut String) -> Awaited {
        if self.at.is_multiple_of(3) {
            // Now and then what was acknowledged long ago.
            let is_old = self.dice.percent(20);
            let upto = if is_old { self.peeked / 2 } else { self.peeked };
            write!(lines, "ack {token} {upto}\r\n").unwrap();
            self.takings.push(Taking::Ack { upto, is_ok: false });
        } else {
            write!(lines, "inbox {token}\r\n").unwrap();
            self.takings.push(Taking::Inbox {
                sent_at: clock.tick(),
                shown: None,
            });
        }
        Awaited::Taken(self.takings.len() - 1)
    }

    fn write_letter(&mut self, token: &str, with_key: bool, lines: &mut String) -> Awaited {
        let number = self.letters.len();
        let to = town::correspondents(self.at)[self.dice.below(town::CORRESPONDENTS) as usize];
        let ballast = if self.dice.percent(5) { 2_000 } else { 20 };
        let text = format!("{}.{number}.{}", self.at, "x".repeat(ballast));
        let letter = Letter {
            to,
            text,
            key: with_key.then(|| format!("k{number}")),
            day: self.day,
            ok_at: None,
            is_repeated: false,
            found: None,
        };
        lines.push_str(&letter.line(self.at, token));
        self.letters.push(letter);
        Awaited::Sent(number)
    }

    fn read(&mut self, awaited: &Awaited, reply: &str, clock: &Clock) {
        let json: Value = serde_json::from_str(reply).unwrap();
        assert_eq!(json["status"], "OK", "{reply}");
        match awaited {
            Awaited::Nothing => {}
            Awaited::Login => {
                let token = json["tokenid"].as_str().unwrap().to_owned();
                self.tokens.push(token);
            }
            Awaited::Sent(number) => self.letters[*number].ok_at = Some(clock.tick()),
            Awaited::Peeked => {
                let messages = json["messages"].as_array().unwrap();
                if let Some(last) = messages.last() {
                    self.peeked = last["id"].as_u64().unwrap();
                }
            }
            Awaited::Taken(at) => match &mut self.takings[*at] {
                Taking::Ack { is_ok, .. } => *is_ok = true,
                Taking::Inbox { shown, .. } => *shown = Some(contents(&json["messages"])),
            },
        }
    }
}

impl Letter {
    /// The line that sends it.
    pub(crate) fn line(&self, from: usize, token: &str) -> String {
        let (to, text) = (town::address_of(self.to, from), &self.text);
        match &self.key {
            Some(key) => format!("sendid {token} {key} {to} {text}\r\n"),
            None => format!("send {token} {to} {text}\r\n"),
        }
    }
}

/// What an `inbox` showed.
fn contents(messages: &Value) -> Contents {
    let mut contents = Contents::new();
    for (sender, messages) in messages.as_object().unwrap() {
        for message in messages.as_array().unwrap() {
            let (from, number) = parse(message["msg"].as_str().unwrap());
            assert_eq!(*sender, name(from));
            contents.entry(from).or_default().push(number);
        }
    }
    contents
}
