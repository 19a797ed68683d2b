//! A realm's durable state in plain maps: what any store's records must come to.

mod neighbours;

use chatproto::store::{Message, QueuedEnvelope};
use chatproto::{Post, Record, Sender, UserId};
use neighbours::{Neighbours, Stream};
use std::collections::BTreeMap;

/// Up to where an inbox was read, its last message, and the bytes that wait.
type Summary = (u64, u64, u64);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    accounts: BTreeMap<UserId, Record>,
    sessions: BTreeMap<u64, (Record, u64)>,
    /// The greatest number of a session that ended.
    ended: u64,
    listed: BTreeMap<(UserId, u32), Sender>,
    keys: BTreeMap<(UserId, u64), (Box<str>, [u8; 16])>,
    posts: BTreeMap<(UserId, u64), Post>,
    neighbours: Neighbours,
    inboxes: BTreeMap<UserId, Summary>,
}

/// A state with its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    state: State,
    messages: BTreeMap<(UserId, u64), Message>,
    taken: BTreeMap<UserId, u64>,
}

impl Model {
    pub(crate) fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut model = Self::default();
        for record in records {
            model.apply(record);
        }
        model
    }

    /// What waits in a stream, by number.
    pub(crate) fn queue(&self, stream: Stream) -> Vec<QueuedEnvelope> {
        self.state.neighbours.queue(stream)
    }

    pub(crate) fn messages(&self, owner: UserId) -> Vec<Message> {
        let all = self.messages.range((owner, 0)..=(owner, u64::MAX));
        all.map(|(_, message)| message.clone()).collect()
    }

    /// The state, each inbox in short.
    pub(crate) fn state(&self) -> State {
        let mut state = self.state.clone();
        // A number matters when none that lives is greater.
        if state.sessions.keys().last() >= Some(&state.ended) {
            state.ended = 0;
        }
        for (owner, taken) in &self.taken {
            state.inboxes.insert(*owner, (*taken, *taken, 0));
        }
        for ((owner, number), message) in &self.messages {
            let inbox = state.inboxes.entry(*owner).or_default();
            inbox.1 = inbox.1.max(*number);
            if *number > inbox.0 {
                inbox.2 += message.text.len() as u64;
            }
        }
        state
    }

    pub(crate) fn apply(&mut self, record: &Record) {
        let state = &mut self.state;
        match record {
            Record::Account { user, .. } => {
                state.accounts.insert(*user, record.clone());
            }
            Record::SessionOpened {
                session, unix_ms, ..
            } => {
                state.sessions.insert(*session, (record.clone(), *unix_ms));
            }
            Record::SessionUsed { session, unix_ms } => {
                if let Some((_, used)) = state.sessions.get_mut(session) {
                    *used = *unix_ms;
                }
            }
            Record::SessionEnded { session } => {
                state.ended = state.ended.max(*session);
                state.sessions.remove(session);
            }
            Record::Listed {
                owner,
                position,
                sender,
            } => {
                state.listed.insert((*owner, *position), *sender);
            }
            Record::SendKey {
                user,
                number,
                key,
                digest,
                oldest,
            } => {
                state.keys.insert((*user, *number), (key.clone(), *digest));
                state
                    .keys
                    .retain(|(whose, n), _| whose != user || n >= oldest);
            }
            Record::Delivered {
                owner,
                number,
                sender,
                unix_ms,
                text,
            } => {
                let message = Message {
                    number: *number,
                    sender: *sender,
                    unix_ms: *unix_ms,
                    text: text.clone(),
                };
                self.messages.insert((*owner, *number), message);
            }
            Record::InboxTaken { owner, upto } => {
                let taken = self.taken.entry(*owner).or_default();
                *taken = (*taken).max(*upto);
            }
            Record::Inbox {
                owner,
                taken,
                last,
                bytes,
            } => {
                let summary = (*taken, *last, *bytes);
                assert_eq!(state.inboxes.insert(*owner, summary), None);
            }
            Record::Posted {
                user,
                number,
                oldest,
                post,
            } => {
                state.posts.insert((*user, *number), post.clone());
                state
                    .posts
                    .retain(|(whose, n), _| whose != user || n >= oldest);
            }
            _ => state.neighbours.apply(record),
        }
    }

    /// Records that come to the same state, none before what it speaks of.
    pub(crate) fn records(&self) -> Vec<Record> {
        let state = self.state();
        let mut records = state.neighbours.peers();
        records.extend(state.accounts.into_values());
        records.extend(state.neighbours.remotes());
        for ((owner, position), sender) in state.listed {
            records.push(Record::Listed {
                owner,
                position,
                sender,
            });
        }
        for (owner, (taken, last, bytes)) in state.inboxes {
            records.push(Record::Inbox {
                owner,
                taken,
                last,
                bytes,
            });
        }
        for (session, (opened, unix_ms)) in state.sessions {
            records.extend([opened, Record::SessionUsed { session, unix_ms }]);
        }
        records.push(Record::SessionEnded {
            session: state.ended,
        });
        records.retain(|record| *record != Record::SessionEnded { session: 0 });
        let keys = &state.keys;
        for ((user, number), (key, digest)) in keys.clone() {
            let (oldest, _) = keys.range((user, 0)..).next().unwrap();
            records.push(Record::SendKey {
                user,
                number,
                key,
                digest,
                oldest: oldest.1,
            });
        }
        records.extend(state.neighbours.streams());
        let posts = &state.posts;
        for ((user, number), post) in posts.clone() {
            let (oldest, _) = posts.range((user, 0)..).next().unwrap();
            records.push(Record::Posted {
                user,
                number,
                oldest: oldest.1,
                post,
            });
        }
        records
    }
}
