//! Compares what was answered, what the inboxes showed, and what the outboxes say.

use crate::ledger::{Answer, Bounce, Item, Letter, NOBODY, name, parse};
use crate::person::Person;
use crate::world::World;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was looked at so far.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) promised: u64,
    pub(crate) bounced: u64,
    pub(crate) unanswered: u64,
    pub(crate) unanswered_there: u64,
    pub(crate) refused: u64,
    pub(crate) sent_again: u64,
}

#[derive(Deserialize)]
struct Post {
    to: String,
    msg: String,
    state: String,
    reason: Option<String>,
}

/// A letter that came into an inbox.
struct Arrived {
    owner: usize,
    /// Its number there.
    place: usize,
}

pub(crate) struct Audit {
    /// How much of each inbox was looked at.
    looked_at: Vec<usize>,
    pub(crate) count: Count,
}

impl Audit {
    pub(crate) fn new(people: usize) -> Self {
        Self {
            looked_at: vec![0; people],
            count: Count::default(),
        }
    }

    /// Balances the ledger of a round. Nobody writes any more, and nothing is under way.
    pub(crate) fn check(&mut self, people: &mut [Person], world: &World) {
        let outboxes: Vec<Value> = people
            .iter_mut()
            .map(|person| settle(person, world))
            .collect();
        let arrived = self.arrivals(people, world);
        for (person, outbox) in people.iter_mut().zip(outboxes) {
            self.check_letters(person, outbox, &arrived, world);
            self.count.sent_again += std::mem::take(&mut person.sent_again);
            person.before += person.letters.len();
            person.letters.clear();
            self.looked_at[person.at] = person.inbox.items.len();
        }
    }

    /// All letters that came in this round: each one that was written for that inbox, and once, and
    /// after those that its writer sent there before.
    fn arrivals(&self, people: &[Person], world: &World) -> BTreeMap<(usize, usize), Arrived> {
        let mut arrived = BTreeMap::new();
        for owner in people {
            let mut heard: BTreeMap<usize, usize> = BTreeMap::new();
            let items = owner.inbox.items.iter().enumerate();
            for (place, item) in items.skip(self.looked_at[owner.at]) {
                let Item::Letter { from, number } = *item else {
                    continue;
                };
                let at = number.wrapping_sub(people[from].before);
                let Some(letter) = people[from].letters.get(at) else {
                    let what = format!("{number} of {from} was not written in this round");
                    world.fail(&what, world.ms(), world.ms());
                };
                if letter.to != owner.at {
                    wrong(from, letter, world, &format!("went to {}", name(owner.at)));
                }
                let owner = owner.at;
                if arrived
                    .insert((from, number), Arrived { owner, place })
                    .is_some()
                {
                    wrong(from, letter, world, "came twice");
                }
                if letter.is_repeated {
                    continue;
                }
                let before = heard.insert(from, number);
                if let Some(before) = before.filter(|before| *before > number) {
                    wrong(from, letter, world, &format!("came after {before}"));
                }
            }
        }
        arrived
    }

    /// Each letter is where its answer and the outbox say, and nowhere else.
    fn check_letters(
        &mut self,
        person: &Person,
        outbox: Value,
        arrived: &BTreeMap<(usize, usize), Arrived>,
        world: &World,
    ) {
        let mut told = self.bounces(person);
        let mut posts = posts(person, outbox, world);
        for letter in &person.letters {
            let wrong = |what: &str| wrong(person.at, letter, world, what);
            let arrived = arrived.get(&(person.at, letter.number));
            let is_there = arrived.is_some();
            let Some(post) = posts.remove(&letter.number) else {
                match letter.answer {
                    _ if is_there => wrong("came, and is in no outbox"),
                    Answer::Ok => wrong("was answered OK and is lost"),
                    Answer::Refused => self.count.refused += 1,
                    Answer::None => self.count.unanswered += 1,
                }
                continue;
            };
            if post.to != letter.address() {
                wrong(&format!("is for {} in the outbox", post.to));
            }
            match letter.answer {
                Answer::Refused => wrong("was refused and is in the outbox"),
                Answer::Ok => self.count.promised += 1,
                Answer::None => {
                    self.count.unanswered += 1;
                    self.count.unanswered_there += 1;
                }
            }
            match (post.state.as_str(), arrived) {
                ("delivered", Some(_)) => {}
                ("failed", None) => self.count_bounce(letter, &post, &mut told, &wrong),
                (state, Some(Arrived { owner, place })) => {
                    let inbox = name(*owner);
                    wrong(&format!(
                        "is {state} in the outbox and number {} of {inbox}",
                        place + 1
                    ));
                }
                (state, None) => wrong(&format!("is {state} in the outbox and in no inbox")),
            }
        }
        if let Some((bounce, more)) = told.iter().find(|(_, more)| **more > 0) {
            let who = name(person.at);
            let what = format!("{who} was told {more} times too often: {bounce:?}");
            world.fail(&what, world.ms(), world.ms());
        }
    }

    fn count_bounce(
        &mut self,
        letter: &Letter,
        post: &Post,
        told: &mut BTreeMap<Bounce, u64>,
        wrong: &impl Fn(&str),
    ) {
        let is_full = match post.reason.as_deref() {
            Some("inbox_full") => true,
            Some("recipient_unknown") => false,
            _ => return wrong(&format!("has failed for a wrong reason: {:?}", post.reason)),
        };
        if is_full == (letter.to == NOBODY) {
            wrong("has failed for the wrong reason");
        }
        let bounce = Bounce {
            realm: letter.realm,
            to: letter.to,
            is_full,
        };
        match told.get_mut(&bounce) {
            Some(count) if *count > 0 => *count -= 1,
            _ => wrong("has failed, and there is no bounce"),
        }
        self.count.bounced += 1;
    }

    /// The bounces of this round.
    fn bounces(&self, person: &Person) -> BTreeMap<Bounce, u64> {
        let mut bounces = BTreeMap::new();
        for item in person.inbox.items.iter().skip(self.looked_at[person.at]) {
            if let Item::Bounce(bounce) = item {
                *bounces.entry(*bounce).or_default() += 1;
            }
        }
        bounces
    }
}

/// Has a person read all there is; realms run, and lines may still break from before.
fn settle(person: &mut Person, world: &World) -> Value {
    for _ in 0..100 {
        if let Ok(outbox) = person.settle(world) {
            return outbox;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let what = format!("{} cannot read", name(person.at));
    world.fail(&what, world.ms(), world.ms())
}

/// What the outbox says of the letters of this round.
fn posts(person: &Person, mut outbox: Value, world: &World) -> BTreeMap<usize, Post> {
    let posts: Vec<Post> = serde_json::from_value(outbox["messages"].take()).unwrap();
    let mut known = BTreeMap::new();
    for post in posts {
        let Some((from, number)) = parse(&post.msg).filter(|(from, _)| *from == person.at) else {
            let what = format!("{} has {:?} in the outbox", name(person.at), post.msg);
            world.fail(&what, world.ms(), world.ms());
        };
        if number < person.before {
            continue;
        }
        let Some(letter) = person.letters.get(number - person.before) else {
            let what = format!("{number} of {from} is in the outbox and was never written");
            world.fail(&what, world.ms(), world.ms());
        };
        if known.insert(number, post).is_some() {
            wrong(from, letter, world, "is twice in the outbox");
        }
    }
    known
}

fn wrong(from: usize, letter: &Letter, world: &World, what: &str) {
    let Letter {
        number,
        answer,
        day,
        sent_ms,
        ..
    } = letter;
    let seconds = *sent_ms as f64 / 1_000.0;
    let to = letter.address();
    let again = if letter.is_repeated {
        ", sent again"
    } else {
        ""
    };
    let key = if letter.has_key { ", with a key" } else { "" };
    let who = name(from);
    let what = format!(
        "message {number} of {who} to {to} {what} (sent at {seconds:.3} s on connection {day}{key}{again}; answer: {answer:?})"
    );
    world.fail(&what, *sent_ms, *sent_ms);
}
