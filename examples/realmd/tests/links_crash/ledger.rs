//! What people wrote, and what they were ever shown.

use crate::world::REALMS;
use serde::Deserialize;

/// Somebody who does not exist.
pub(crate) const NOBODY: usize = usize::MAX;

/// In which realm a person lives.
pub(crate) fn realm_of(person: usize) -> usize {
    person % REALMS
}

pub(crate) fn name(person: usize) -> String {
    format!("u{person}")
}

/// What became of the line that sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// None yet, or none any more.
    None,
    Ok,
    /// It was not taken.
    Refused,
}

/// A message of this round; its number is its place among all that its sender wrote.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) number: usize,
    /// A person, or nobody in some realm.
    pub(crate) to: usize,
    pub(crate) realm: usize,
    /// Sent without the realm's name.
    pub(crate) is_bare: bool,
    pub(crate) has_key: bool,
    pub(crate) answer: Answer,
    /// It was sent more than once, so that its place in the order may be any of those.
    pub(crate) is_repeated: bool,
    /// On which connection it was sent first.
    pub(crate) day: usize,
    pub(crate) sent_ms: u64,
}

impl Letter {
    pub(crate) fn new(number: usize, to: usize, realm: usize) -> Self {
        Self {
            number,
            to,
            realm,
            is_bare: false,
            has_key: false,
            answer: Answer::None,
            is_repeated: false,
            day: 0,
            sent_ms: 0,
        }
    }

    /// The recipient in full.
    pub(crate) fn address(&self) -> String {
        let realm = self.realm + 1;
        if self.to == NOBODY {
            format!("nobody@realm{realm}")
        } else {
            format!("{}@realm{realm}", name(self.to))
        }
    }

    /// The line that sends it; the text is `sender.number.ballast`.
    pub(crate) fn line(&self, from: usize, token: &str) -> String {
        let number = self.number;
        let to = if self.is_bare {
            name(self.to)
        } else {
            self.address()
        };
        let ballast = if number.is_multiple_of(20) { 2_000 } else { 20 };
        let text = format!("{from}.{number}.{}", "x".repeat(ballast));
        if self.has_key {
            format!("sendid {token} k{number} {to} {text}\r\n")
        } else {
            format!("send {token} {to} {text}\r\n")
        }
    }
}

/// Who wrote a text and which letter of theirs it is.
pub(crate) fn parse(text: &str) -> Option<(usize, usize)> {
    let mut parts = text.trim().split('.').map(|part| part.parse().ok());
    let mut part = || parts.next().flatten();
    Some((part()?, part()?))
}

/// A message as `peek` shows it.
#[derive(Deserialize)]
pub(crate) struct Shown {
    id: u64,
    from: String,
    msg: String,
}

#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Shown>,
    pub(crate) left: u64,
}

/// What came into an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Letter { from: usize, number: usize },
    Bounce(Bounce),
}

/// Word of a message that was not kept, or an outbox's word of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bounce {
    pub(crate) realm: usize,
    pub(crate) to: usize,
    pub(crate) is_full: bool,
}

/// All that an inbox ever showed: the message of number `n` is in place `n - 1`.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) items: Vec<Item>,
}

impl Inbox {
    /// Takes down what a `peek` showed. An error is what is wrong with it.
    pub(crate) fn take_down(&mut self, page: &[Shown]) -> Result<(), String> {
        for shown in page {
            let Shown { id, from, msg } = shown;
            let item = item(from, msg)?;
            let place = (*id as usize).wrapping_sub(1);
            match self.items.get(place) {
                Some(known) if *known == item => {}
                Some(known) => {
                    return Err(format!("message {id} was {known:?} and is {item:?}"));
                }
                None if place == self.items.len() => self.items.push(item),
                None => {
                    let last = self.items.len();
                    return Err(format!("after message {last} comes message {id}"));
                }
            }
        }
        Ok(())
    }
}

fn item(from: &str, text: &str) -> Result<Item, String> {
    if from.starts_with('*') {
        let bounce = bounce(from, text).ok_or_else(|| format!("an odd bounce: {from} {text:?}"))?;
        return Ok(Item::Bounce(bounce));
    }
    let (writer, number) = parse(text).ok_or_else(|| format!("nobody wrote {text:?}"))?;
    let user = from.split('@').next().unwrap_or_default();
    if user != name(writer) {
        return Err(format!("{from} is said to have written {text:?}"));
    }
    Ok(Item::Letter {
        from: writer,
        number,
    })
}

fn bounce(from: &str, text: &str) -> Option<Bounce> {
    let realm = from.strip_prefix("*realm")?.strip_suffix('*')?;
    let rest = text.trim().strip_prefix("Pesan untuk ")?;
    let (address, why) = rest.split_once(" tidak terkirim: ")?;
    let is_full = match why {
        "Kotak masuk penerima penuh, coba lagi nanti" => true,
        "User Tidak Ditemukan" => false,
        _ => return None,
    };
    let bounce = Bounce::of(address, is_full)?;
    (bounce.realm + 1 == realm.parse::<usize>().ok()?).then_some(bounce)
}

impl Bounce {
    /// Of a message to that address.
    pub(crate) fn of(address: &str, is_full: bool) -> Option<Self> {
        let (user, realm) = address.split_once("@realm")?;
        let realm = realm.parse::<usize>().ok()? - 1;
        let to = match user.strip_prefix('u') {
            Some(number) => number.parse().ok()?,
            None => NOBODY,
        };
        Some(Self { realm, to, is_full })
    }
}
