//! Somebody who writes to other realms, reads, and remembers everything.

use crate::common::Client;
use crate::common::dice::Dice;
use crate::ledger::{Answer, Inbox, Letter, NOBODY, Page, name, realm_of};
use crate::world::{REALMS, World};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// Lines that are sent before their answers are read.
const BURST_MAX: u64 = 16;
/// What one writes in a round at most: the outbox shows as many.
pub(crate) const LETTERS_MAX: usize = 500;
/// Messages a `peek` asks for.
const PAGE: u64 = 200;
/// The longest a realm may take for an answer, though it is stopped and its disk is slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// These never empty their inboxes while they write.
const IDLE_PEOPLE: usize = 6;

pub(crate) struct Person {
    pub(crate) at: usize,
    dice: Dice,
    token: Option<String>,
    /// Connections so far.
    day: usize,
    /// Of this round.
    pub(crate) letters: Vec<Letter>,
    /// Letters of the rounds before.
    pub(crate) before: usize,
    pub(crate) inbox: Inbox,
    /// What was taken out of it, perhaps.
    acked: usize,
    /// Between bursts, at most.
    pause_ms: u64,
    /// Keys that were used again.
    pub(crate) sent_again: u64,
}

/// What a line's answer will tell.
enum Awaited {
    Letter(usize),
    Page,
    Nothing,
}

/// The connection has broken.
pub(crate) struct Broken;

impl Person {
    pub(crate) fn new(at: usize, dice: Dice, pause_ms: u64) -> Self {
        Self {
            at,
            dice,
            token: None,
            day: 0,
            letters: Vec::new(),
            before: 0,
            inbox: Inbox::default(),
            acked: 0,
            pause_ms,
            sent_again: 0,
        }
    }

    /// Writes and reads while the weather is rough, on one connection after the other; then until
    /// every message with a key has its answer.
    pub(crate) fn live(&mut self, world: &World) {
        let mut calls_in_vain = 0;
        loop {
            if let Some(mut client) = self.call(world) {
                calls_in_vain = 0;
                if self.spend_day(&mut client, world).is_ok() {
                    return;
                }
            } else {
                calls_in_vain += 1;
                let what = format!("{} cannot connect", name(self.at));
                if calls_in_vain > 6_000 {
                    world.fail(&what, world.ms(), world.ms());
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn call(&self, world: &World) -> Option<Client> {
        let place = world.place(realm_of(self.at))?;
        let client = Client::connect_if_there(place.clients)?;
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(client)
    }

    fn spend_day(&mut self, client: &mut Client, world: &World) -> Result<(), Broken> {
        self.day += 1;
        let token = self.log_in(client, world)?;
        self.send_again(client, &token, world)?;
        while world.is_rough() {
            let (lines, awaited) = self.burst(&token, world);
            self.exchange(client, &lines, &awaited, world)?;
            world.nap(self.dice.below(self.pause_ms));
        }
        Ok(())
    }

    pub(crate) fn log_in(&mut self, client: &mut Client, world: &World) -> Result<String, Broken> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let line = format!("auth {} secret\r\n", name(self.at));
        let reply = self.ask(client, &line, world)?;
        let json: Value = serde_json::from_str(&reply).unwrap();
        let Some(token) = json["tokenid"].as_str() else {
            return Err(Broken);
        };
        self.token = Some(token.to_owned());
        Ok(token.to_owned())
    }

    /// What has a key and no answer is sent again.
    fn send_again(
        &mut self,
        client: &mut Client,
        token: &str,
        world: &World,
    ) -> Result<(), Broken> {
        let (mut lines, mut awaited) = (String::new(), Vec::new());
        for (at, letter) in self.letters.iter_mut().enumerate() {
            if letter.has_key && letter.answer == Answer::None {
                letter.is_repeated = true;
                self.sent_again += 1;
                lines.push_str(&letter.line(self.at, token));
                awaited.push(Awaited::Letter(at));
            }
        }
        self.exchange(client, &lines, &awaited, world)
    }

    fn burst(&mut self, token: &str, world: &World) -> (String, Vec<Awaited>) {
        let (mut lines, mut awaited) = (String::new(), Vec::new());
        if self.at >= IDLE_PEOPLE && self.acked < self.inbox.items.len() {
            self.acked = self.inbox.items.len();
            write!(lines, "ack {token} {}\r\n", self.acked).unwrap();
            awaited.push(Awaited::Nothing);
        }
        if self.dice.percent(60) {
            write!(lines, "peek {token} {PAGE}\r\n").unwrap();
            awaited.push(Awaited::Page);
        }
        for _ in 0..=self.dice.below(BURST_MAX) {
            if self.dice.percent(4) {
                self.repeat(token, (&mut lines, &mut awaited));
            } else if self.letters.len() < LETTERS_MAX {
                let letter = self.write_letter(world);
                lines.push_str(&letter.line(self.at, token));
                self.letters.push(letter);
                awaited.push(Awaited::Letter(self.letters.len() - 1));
            }
        }
        (lines, awaited)
    }

    /// Sends again what was answered OK: that is no second copy.
    fn repeat(&mut self, token: &str, (lines, awaited): (&mut String, &mut Vec<Awaited>)) {
        let recent = self.letters.iter().enumerate().rev().take(100);
        let mut promised =
            recent.filter(|(_, letter)| letter.has_key && letter.answer == Answer::Ok);
        if let Some((at, letter)) = promised.nth(self.dice.below(8) as usize) {
            lines.push_str(&letter.line(self.at, token));
            awaited.push(Awaited::Letter(at));
            self.sent_again += 1;
        }
    }

    fn write_letter(&mut self, world: &World) -> Letter {
        let number = self.before + self.letters.len();
        let letter = if self.dice.percent(2) {
            let realm = (self.at + 1 + self.dice.below(2) as usize) % REALMS;
            Letter::new(number, NOBODY, realm)
        } else {
            // None of them in the writer's own realm; those who never read get more than their share.
            let step = self.dice.pick(&[1, 2, 4, 5, 7, 8]);
            let idle = (self.at + step) % REALMS + REALMS * self.dice.below(2) as usize;
            let other = (self.at + step) % crate::PEOPLE;
            let to = if self.dice.percent(8) { idle } else { other };
            let is_bare = self.dice.percent(25);
            Letter {
                is_bare,
                ..Letter::new(number, to, realm_of(to))
            }
        };
        Letter {
            has_key: self.dice.percent(35),
            day: self.day,
            sent_ms: world.ms(),
            ..letter
        }
    }

    fn exchange(
        &mut self,
        client: &mut Client,
        lines: &str,
        awaited: &[Awaited],
        world: &World,
    ) -> Result<(), Broken> {
        // What a broken connection took of it is not known.
        let is_written = client.stream.write_all(lines.as_bytes()).is_ok();
        let mut is_refused = false;
        for awaited in awaited {
            let reply = self.reply(client, world)?;
            match awaited {
                Awaited::Letter(at) => is_refused |= self.read_answer(*at, &reply, world)?,
                Awaited::Page => {
                    let page: Page = self.read(&reply, world)?;
                    self.take_down(&page, world);
                }
                Awaited::Nothing => {
                    let _: Value = self.read(&reply, world)?;
                }
            }
        }
        if is_refused {
            // Their own inbox is full, or the realm they ask for is away.
            world.nap(20);
        }
        if is_written { Ok(()) } else { Err(Broken) }
    }

    fn reply(&self, client: &mut Client, world: &World) -> Result<String, Broken> {
        let began_ms = world.ms();
        if let Some(reply) = client.reply_if_any() {
            return Ok(reply);
        }
        let ms = world.ms() - began_ms;
        if ms >= PATIENCE.as_millis() as u64 {
            let what = format!("{} waits for an answer in vain", name(self.at));
            world.fail(&what, began_ms, began_ms);
        }
        Err(Broken)
    }

    pub(crate) fn ask(
        &self,
        client: &mut Client,
        line: &str,
        world: &World,
    ) -> Result<String, Broken> {
        client
            .stream
            .write_all(line.as_bytes())
            .map_err(|_| Broken)?;
        self.reply(client, world)
    }

    /// Takes the answer to a letter; true if it was not taken.
    fn read_answer(&mut self, at: usize, reply: &str, world: &World) -> Result<bool, Broken> {
        let letter = &mut self.letters[at];
        if reply == r#"{"status": "OK", "message": "Message Sent"}"# {
            if letter.answer != Answer::Ok {
                world.promise();
            }
            letter.answer = Answer::Ok;
            return Ok(false);
        }
        let json: Value = serde_json::from_str(reply).unwrap();
        let why = json["code"].as_str().or(json["message"].as_str());
        match why {
            // It says so and closes, whatever line it was at.
            Some("shutting_down") => return Err(Broken),
            Some("own_inbox_full" | "queue_full" | "User Tidak Ditemukan")
                if letter.answer != Answer::Ok =>
            {
                letter.answer = Answer::Refused;
            }
            _ => {
                let what = format!("{} of {} was answered {reply}", letter.number, self.at);
                world.fail(&what, letter.sent_ms, world.ms());
            }
        }
        Ok(true)
    }

    pub(crate) fn read<T: serde::de::DeserializeOwned>(
        &self,
        reply: &str,
        world: &World,
    ) -> Result<T, Broken> {
        if reply.contains("\"shutting_down\"") {
            return Err(Broken);
        }
        let is_ok = reply.starts_with(r#"{"status": "OK""#);
        match serde_json::from_str(reply) {
            Ok(read) if is_ok => Ok(read),
            _ => {
                let what = format!("{} was answered {reply}", name(self.at));
                world.fail(&what, world.ms(), world.ms())
            }
        }
    }

    fn take_down(&mut self, page: &Page, world: &World) {
        if let Err(wrong) = self.inbox.take_down(&page.messages) {
            let what = format!("in the inbox of {}: {wrong}", name(self.at));
            world.fail(&what, world.ms(), world.ms());
        }
    }

    /// Empties the inbox, and shows what the outbox says.
    pub(crate) fn settle(&mut self, world: &World) -> Result<Value, Broken> {
        let mut client = self.call(world).ok_or(Broken)?;
        let token = self.log_in(&mut client, world)?;
        loop {
            let reply = self.ask(&mut client, &format!("peek {token} {PAGE}\r\n"), world)?;
            let page: Page = self.read(&reply, world)?;
            self.take_down(&page, world);
            let line = format!("ack {token} {}\r\n", self.inbox.items.len());
            let reply = self.ask(&mut client, &line, world)?;
            let _: Value = self.read(&reply, world)?;
            if page.left == 0 {
                break;
            }
        }
        let reply = self.ask(&mut client, &format!("outbox {token}\r\n"), world)?;
        self.read(&reply, world)
    }
}
