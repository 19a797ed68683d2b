//! What records come to, in plain maps: the log's index while it runs, and its checkpoint.

mod loading;
mod neighbours;

use chatproto::store::{Fetch, Fetched, Message, Part, QueueFetch, QueuedEnvelope};
use chatproto::{Record, Sender, UserId};
use neighbours::Neighbours;
use std::collections::BTreeMap;

/// A message as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who wrote it: `user@realm`, `*realm*`, or the bare name of a user of the same realm.
    pub sender: String,
    /// What was written.
    pub text: Box<str>,
}

/// A realm's durable state.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    accounts: BTreeMap<UserId, Record>,
    /// How each session that goes on was opened, and when it was last used.
    sessions: BTreeMap<u64, (Record, u64)>,
    /// The greatest session number there ever was.
    sessions_last: u64,
    inboxes: BTreeMap<UserId, Inbox>,
    keys: BTreeMap<UserId, BTreeMap<u64, Record>>,
    neighbours: Neighbours,
    posts: BTreeMap<UserId, BTreeMap<u64, Record>>,
}

#[derive(Clone, Debug, Default)]
struct Inbox {
    /// Those who are listed, by their place.
    senders: BTreeMap<u32, Record>,
    /// All that ever came; number 1 is at place 0.
    messages: Vec<Message>,
    taken: u64,
}

impl State {
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Account { user, .. } => {
                self.accounts.insert(*user, record.clone());
            }
            Record::SessionOpened {
                session, unix_ms, ..
            } => {
                // One that ended is not opened again when its record comes twice.
                if *session > self.sessions_last {
                    self.sessions_last = *session;
                    self.sessions.insert(*session, (record.clone(), *unix_ms));
                }
            }
            Record::SessionUsed { session, unix_ms } => {
                if let Some((_, used_unix_ms)) = self.sessions.get_mut(session) {
                    *used_unix_ms = *unix_ms;
                }
            }
            Record::SessionEnded { session } => {
                self.sessions.remove(session);
            }
            Record::Listed {
                owner, position, ..
            } => {
                let senders = &mut self.inboxes.entry(*owner).or_default().senders;
                senders.insert(*position, record.clone());
            }
            Record::SendKey {
                user,
                number,
                oldest,
                ..
            } => {
                let keys = self.keys.entry(*user).or_default();
                keys.insert(*number, record.clone());
                forget_before(keys, *oldest);
            }
            Record::Posted {
                user,
                number,
                oldest,
                ..
            } => {
                let posts = self.posts.entry(*user).or_default();
                posts.insert(*number, record.clone());
                forget_before(posts, *oldest);
            }
            Record::InboxTaken { owner, upto } => {
                let taken = &mut self.inboxes.entry(*owner).or_default().taken;
                *taken = (*taken).max(*upto);
            }
            Record::Delivered { .. } => self.deliver(record),
            other => self.neighbours.apply(other),
        }
    }

    /// All that ever came to an inbox.
    pub(super) fn kept(&self, owner: UserId) -> Vec<Kept> {
        let messages = self.inboxes.get(&owner).map(|inbox| &inbox.messages);
        let kept = messages.into_iter().flatten().map(|message| Kept {
            sender: match message.sender {
                Sender::Local(user) => match self.accounts.get(&user) {
                    Some(Record::Account { name, .. }) => name.to_string(),
                    _ => String::new(),
                },
                other => self.neighbours.name_of(other),
            },
            text: message.text.clone(),
        });
        kept.collect()
    }

    /// What should be gone once everything is settled.
    pub(super) fn leftovers(&self) -> Vec<String> {
        self.neighbours.leftovers()
    }

    fn deliver(&mut self, record: &Record) {
        let Record::Delivered {
            owner,
            number,
            sender,
            unix_ms,
            text,
        } = record
        else {
            return;
        };
        let inbox = self.inboxes.entry(*owner).or_default();
        let message = Message {
            number: *number,
            sender: *sender,
            unix_ms: *unix_ms,
            text: text.clone(),
        };
        let place = *number as usize - 1;
        assert!(
            place <= inbox.messages.len(),
            "message {number} of {owner:?} comes before the one before it"
        );
        if place == inbox.messages.len() {
            inbox.messages.push(message);
        } else {
            assert_eq!(
                inbox.messages[place], message,
                "another message has the same number"
            );
        }
    }

    pub(super) fn fetch_queue(&self, fetch: &QueueFetch) -> Vec<QueuedEnvelope> {
        self.neighbours.fetch(fetch)
    }

    pub(super) fn fetch(&self, fetch: &Fetch) -> Fetched {
        let Some(inbox) = self.inboxes.get(&fetch.owner) else {
            return Fetched::default();
        };
        let first = (fetch.from.max(1) as usize - 1).min(inbox.messages.len());
        let end = (fetch.upto.min(inbox.messages.len() as u64) as usize).max(first);
        let is_of = |senders: &Vec<_>, message: &Message| senders.contains(&message.sender);
        let wanted = inbox.messages[first..end].iter().filter(|message| {
            let senders = fetch.senders.as_ref();
            senders.is_none_or(|senders| is_of(senders, message))
        });
        match fetch.part {
            Part::Oldest => page(wanted, fetch),
            Part::Newest => {
                let mut fetched = page(wanted.rev(), fetch);
                fetched.messages.reverse();
                fetched
            }
        }
    }
}

/// Lets go of what has too small a number.
fn forget_before(numbered: &mut BTreeMap<u64, Record>, oldest: u64) {
    while let Some(first) = numbered.first_entry()
        && *first.key() < oldest
    {
        first.remove();
    }
}

/// The first of these messages, as many as may be.
fn page<'a>(wanted: impl Iterator<Item = &'a Message>, fetch: &Fetch) -> Fetched {
    let mut fetched = Fetched::default();
    let mut bytes = 0;
    for message in wanted {
        let count = fetched.messages.len() as u64;
        if count >= fetch.messages_max || count > 0 && bytes >= fetch.bytes_max {
            fetched.more = true;
            break;
        }
        bytes += message.text.len() as u64;
        fetched.messages.push(message.clone());
    }
    fetched
}
