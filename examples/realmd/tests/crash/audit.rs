//! Compares what the realms hold with what the ledgers say.

use crate::common::dice::Dice;
use crate::common::{Client, eventually};
use crate::ledger::{Clock, Contents, Taking, name, parse};
use crate::person::Person;
use crate::town::{self, Town};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was looked at so far.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) promised: u64,
    pub(crate) promised_abroad: u64,
    pub(crate) unanswered: u64,
    pub(crate) unanswered_there: u64,
    pub(crate) taken: u64,
    pub(crate) sent_again: u64,
    pub(crate) logins: u64,
}

/// What is known of one inbox.
#[derive(Clone, Default)]
struct Known {
    /// The last message that was taken out.
    taken: u64,
    /// The last message that ever came.
    last: u64,
    /// The last letter of each sender that came in order, with its number here.
    heard: BTreeMap<usize, usize>,
}

/// The messages of an inbox that came since the last audit or wait in it: by number, who wrote it
/// and which letter it is.
type Found = BTreeMap<u64, (usize, usize)>;

pub(crate) struct Audit {
    inboxes: Vec<Known>,
    /// How many letters of each person were looked for: what was promised of them was found.
    letters: Vec<usize>,
    sent_again: u64,
}

impl Audit {
    pub(crate) fn new(people: usize) -> Self {
        Self {
            inboxes: vec![Known::default(); people],
            letters: vec![0; people],
            sent_again: 0,
        }
    }

    /// Checks everybody's inbox. Nobody is connected meanwhile.
    pub(crate) fn check(
        &mut self,
        people: &mut [Person],
        town: &Town,
        clock: &Clock,
        dice: &mut Dice,
    ) {
        for person in people.iter_mut() {
            if person.tokens.is_empty() {
                let (_, token) = Client::login(town.address(person), &name(person.at), "secret");
                person.tokens.push(token);
            }
            self.send_again(person, town, clock);
        }
        for owner in 0..people.len() {
            self.check_inbox(owner, people, town, dice);
        }
        self.letters = people.iter().map(|person| person.letters.len()).collect();
    }

    /// What was sent with a key is sent again: what nobody answered, and some of what was answered.
    fn send_again(&mut self, person: &mut Person, town: &Town, clock: &Clock) {
        let (at, day) = (person.at, person.day);
        let Some(token) = person.tokens.last() else {
            return;
        };
        let mut client = Client::connect(town.address(person));
        // The realm remembers the last 256 keys.
        let skipped = person.letters.len().saturating_sub(200);
        let todays = person.letters.iter_mut().skip(skipped);
        let todays = todays.filter(|letter| letter.day == day && letter.key.is_some());
        for (turn, letter) in todays.enumerate() {
            if letter.ok_at.is_some() && turn % 4 != 0 {
                continue;
            }
            let reply = client.ask(&letter.line(at, token));
            assert_eq!(reply, "{\"status\": \"OK\", \"message\": \"Message Sent\"}");
            letter.is_repeated |= letter.ok_at.is_none();
            letter.ok_at = letter.ok_at.or_else(|| Some(clock.tick()));
            self.sent_again += 1;
        }
    }

    fn check_inbox(&mut self, owner: usize, people: &mut [Person], town: &Town, dice: &mut Dice) {
        let known = self.inboxes[owner].clone();
        let (found, waiting_from) = eventually("what was answered OK is there", || {
            let (found, waiting_from) = read_inbox(&people[owner], &known, town, dice);
            let there: BTreeSet<_> = found.values().collect();
            let missing = town::senders(owner).into_iter().find_map(|from| {
                let letters = people[from].letters.iter().enumerate();
                letters
                    .skip(self.letters[from])
                    .filter(|(_, letter)| letter.to == owner && letter.ok_at.is_some())
                    .map(|(number, _)| (from, number))
                    .find(|message| !there.contains(message))
            });
            // From the other realm it may still be on its way.
            if let Some((from, number)) = missing {
                let is_abroad = town::realm_of(from) != town::realm_of(owner);
                assert!(is_abroad, "lost: letter {number} of {from} to {owner}");
                return None;
            }
            Some((found, waiting_from))
        });
        self.check_order(owner, people, &found);
        self.check_takings(owner, people, &found, waiting_from);
    }

    /// Each message is one that was written for this inbox, here once, and after the one before.
    fn check_order(&mut self, owner: usize, people: &mut [Person], found: &Found) {
        let known = &mut self.inboxes[owner];
        for (id, (from, number)) in found.range(known.last + 1..) {
            assert_eq!(*id, known.last + 1, "a gap in the inbox of {owner}");
            known.last = *id;
            let letter = &mut people[*from].letters[*number];
            assert_eq!(letter.to, owner, "letter {number} of {from} went astray");
            assert_eq!(letter.found, None, "letter {number} of {from} came twice");
            letter.found = Some(*id);
            if letter.is_repeated {
                continue;
            }
            let before = known.heard.insert(*from, *number);
            assert!(
                before.is_none_or(|before| before < *number),
                "letter {number} of {from} to {owner} came after {before:?}"
            );
        }
    }

    /// What was taken out is what was shown, and all that was shown.
    fn check_takings(
        &mut self,
        owner: usize,
        people: &mut [Person],
        found: &Found,
        waiting_from: Option<u64>,
    ) {
        let known = &mut self.inboxes[owner];
        let mut taken = known.taken;
        let mut may_be = Vec::new();
        for taking in std::mem::take(&mut people[owner].takings) {
            match taking {
                Taking::Ack { upto, is_ok: true } => taken = taken.max(upto),
                Taking::Ack { upto, is_ok: false } => may_be.push((upto, upto)),
                Taking::Inbox {
                    shown: Some(shown), ..
                } => {
                    let upto = taken + shown.values().map(Vec::len).sum::<usize>() as u64;
                    let mut there = Contents::new();
                    let those = found.range(taken + 1..).take_while(|(id, _)| **id <= upto);
                    for (_, (from, number)) in those {
                        there.entry(*from).or_default().push(*number);
                    }
                    assert_eq!(there, shown, "{owner} was shown something else");
                    taken = upto;
                }
                Taking::Inbox {
                    sent_at,
                    shown: None,
                } => {
                    // At least all that was answered OK here before it was sent, and at most what
                    // came until it was carried out. From abroad an OK is not for the arrival.
                    let was_there = |(from, number): &(usize, usize)| {
                        let ok_at = people[*from].letters[*number].ok_at;
                        let is_abroad = town::realm_of(*from) != town::realm_of(owner);
                        !is_abroad && ok_at.is_some_and(|ok_at| ok_at < sent_at)
                    };
                    let mut least = found.iter().rev();
                    let least = least.find(|(_, message)| was_there(message));
                    may_be.push((least.map_or(0, |(id, _)| *id), known.last));
                }
            }
        }
        let now = waiting_from.map_or(known.last, |first| first - 1);
        let is_explained = now == taken
            || may_be
                .iter()
                .any(|(least, most)| now > taken && (*least..=*most).contains(&now));
        assert!(
            is_explained,
            "of the inbox of {owner} everything up to {now} is taken, and was up to {taken}; unanswered: {may_be:?}"
        );
        known.taken = now;
    }

    /// Sums up; the ledgers were checked before.
    pub(crate) fn count(&self, people: &[Person]) -> Count {
        let mut count = Count {
            sent_again: self.sent_again,
            taken: self.inboxes.iter().map(|known| known.taken).sum(),
            ..Count::default()
        };
        for person in people {
            count.logins += person.tokens.len() as u64;
            for letter in &person.letters {
                let is_abroad = town::realm_of(letter.to) != town::realm_of(person.at);
                if letter.ok_at.is_some() {
                    count.promised += 1;
                    count.promised_abroad += u64::from(is_abroad);
                } else {
                    count.unanswered += 1;
                    count.unanswered_there += u64::from(letter.found.is_some());
                }
            }
        }
        count
    }
}

/// All messages of an inbox that are not known yet or wait, and the first that waits. Any token that
/// was given out shows them.
fn read_inbox(
    person: &Person,
    known: &Known,
    town: &Town,
    dice: &mut Dice,
) -> (Found, Option<u64>) {
    let token = &person.tokens[dice.below(person.tokens.len() as u64) as usize];
    let mut client = Client::connect(town.address(person));
    let mut found = Found::new();
    let mut add = |messages: &Value| {
        for message in messages.as_array().unwrap() {
            let id = message["id"].as_u64().unwrap();
            let letter = parse(message["msg"].as_str().unwrap());
            let before = found.insert(id, letter);
            assert!(before.is_none_or(|before| before == letter));
        }
    };
    let waiting = ask(&mut client, &format!("peek {token} 100000\r\n"));
    add(&waiting["messages"]);
    let first = waiting["messages"][0]["id"].as_u64();
    for from in town::senders(person.at) {
        let from = town::address_of(from, person.at);
        let mut before = u64::MAX >> 1;
        // Page by page into the past, until it is known.
        while before > known.taken + 1 {
            let page = ask(
                &mut client,
                &format!("history {token} {from} {before} 500\r\n"),
            );
            add(&page["messages"]);
            let Some(oldest) = page["messages"][0]["id"].as_u64() else {
                break;
            };
            assert!(oldest < before);
            before = oldest;
        }
    }
    (found, first)
}

fn ask(client: &mut Client, line: &str) -> Value {
    let reply = client.ask(line);
    let json: Value = serde_json::from_str(&reply).unwrap();
    // Nobody of that name has ever written.
    let is_stranger = json["message"] == "User Tidak Ditemukan";
    if is_stranger {
        return serde_json::json!({ "messages": [] });
    }
    assert_eq!(json["status"], "OK", "{reply}");
    json
}
