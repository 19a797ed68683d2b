//! A realm's durable state in plain maps: what any store's records must come to.

use chatproto::link::frame::StreamKind;
use chatproto::store::Message;
use chatproto::{Envelope, PeerId, Record, RemoteId, Sender, UserId};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

type Stream = (PeerId, StreamKind);

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
    peers: BTreeMap<PeerId, Record>,
    remotes: BTreeMap<RemoteId, Record>,
    streams: BTreeMap<Stream, (Uuid, u64)>,
    queue: BTreeMap<(Stream, u64), (Arc<Envelope>, bool)>,
    bounces_due: BTreeMap<(PeerId, Uuid), (UserId, Box<str>)>,
    cursors: BTreeMap<Stream, (Uuid, u64, Uuid)>,
    refused: BTreeMap<(PeerId, u64), Uuid>,
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
            _ => self.apply_to_peer(record),
        }
    }

    fn apply_to_peer(&mut self, record: &Record) {
        let state = &mut self.state;
        match record.clone() {
            Record::Peer { peer, .. } => {
                state.peers.insert(peer, record.clone());
            }
            Record::Met { remote, .. } => {
                state.remotes.insert(remote, record.clone());
            }
            Record::StreamBegun { peer, kind, stream } => {
                let at = state.streams.entry((peer, kind)).or_insert((stream, 0));
                if at.0 != stream {
                    *at = (stream, 0);
                    state.queue.retain(|(of, _), _| *of != (peer, kind));
                }
            }
            Record::Queued {
                peer,
                kind,
                seq,
                envelope,
            } => {
                let row = state.queue.entry(((peer, kind), seq));
                row.or_insert((envelope, false));
            }
            Record::Voided { peer, kind, seq } => {
                if let Some(row) = state.queue.get_mut(&((peer, kind), seq)) {
                    row.1 = true;
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
            } => {
                if let Some(at) = state.streams.get_mut(&(peer, kind)) {
                    at.1 = at.1.max(durable);
                }
                let of = (peer, kind);
                state
                    .queue
                    .retain(|(at, seq), _| *at != of || *seq > durable);
            }
            Record::BounceDue { peer, id, user, to } => {
                state.bounces_due.insert((peer, id), (user, to));
            }
            Record::BounceSettled { peer, id } => {
                state.bounces_due.remove(&(peer, id));
            }
            Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let before = state.cursors.get(&(peer, kind)).copied();
                let is_new = before.is_none_or(|(before, ..)| before != stream);
                if is_new || before.is_some_and(|(_, before, _)| before < durable) {
                    state.cursors.insert((peer, kind), (stream, durable, id));
                }
                if is_new && kind == StreamKind::Mail {
                    state.refused.retain(|(of, _), _| *of != peer);
                }
            }
            Record::Refused { peer, seq, id } => {
                state.refused.insert((peer, seq), id);
            }
            Record::RefusalTold { peer, seq } => {
                state.refused.remove(&(peer, seq));
            }
            other => panic!("no record for a store: {other:?}"),
        }
    }

    /// Records that come to the same state, none before what it speaks of.
    pub(crate) fn records(&self) -> Vec<Record> {
        let state = self.state();
        let mut records: Vec<Record> = Vec::new();
        records.extend(state.peers.into_values());
        records.extend(state.accounts.into_values());
        records.extend(state.remotes.into_values());
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
        for ((peer, kind), (stream, durable)) in state.streams {
            let begun = Record::StreamBegun { peer, kind, stream };
            let acknowledged = Record::Acknowledged {
                peer,
                kind,
                durable,
            };
            records.extend([begun, acknowledged]);
        }
        for (((peer, kind), seq), (envelope, is_void)) in state.queue {
            records.push(Record::Queued {
                peer,
                kind,
                seq,
                envelope,
            });
            records.extend(is_void.then_some(Record::Voided { peer, kind, seq }));
        }
        for ((peer, id), (user, to)) in state.bounces_due {
            records.push(Record::BounceDue { peer, id, user, to });
        }
        for ((peer, kind), (stream, durable, id)) in state.cursors {
            records.push(Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            });
        }
        for ((peer, seq), id) in state.refused {
            records.push(Record::Refused { peer, seq, id });
        }
        records
    }
}
