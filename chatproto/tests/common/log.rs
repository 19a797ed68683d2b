//! The plainest store there can be: every record that was ever committed, in order.

use chatproto::link::frame::StreamKind;
use chatproto::store::{Fetch, Fetched, Message, Part, QueueFetch, QueuedEnvelope};
use chatproto::{Batch, PeerId, Record, UserId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a realm is told when it is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loading {
    /// Every record there ever was.
    Whole,
    /// What is left of them, and of messages only that they are there: so does a database.
    Summed,
    /// Every record, and all of them again: a record that comes twice does no more than once.
    Twice,
    /// Every record, and each again at once.
    Doubled,
}

/// All ways.
pub(crate) const LOADINGS: [Loading; 4] = [
    Loading::Whole,
    Loading::Summed,
    Loading::Twice,
    Loading::Doubled,
];

/// Committed records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) records: Vec<Record>,
}

impl Log {
    pub(crate) fn loaded(&self, loading: Loading) -> Vec<Record> {
        match loading {
            Loading::Whole => self.records.clone(),
            Loading::Summed => self.summed(),
            Loading::Twice => [&self.records[..], &self.records].concat(),
            Loading::Doubled => {
                let doubled = self.records.iter().flat_map(|it| [it.clone(), it.clone()]);
                doubled.collect()
            }
        }
    }

    pub(crate) fn append(&mut self, batch: &Batch) {
        self.records.extend(batch.records.iter().cloned());
    }

    /// All messages that ever reached an inbox.
    pub(crate) fn messages(&self, of: UserId) -> BTreeMap<u64, Message> {
        let delivered = self.records.iter().filter_map(|record| match record {
            Record::Delivered {
                owner,
                number,
                sender,
                unix_ms,
                text,
            } if *owner == of => Some(Message {
                number: *number,
                sender: *sender,
                unix_ms: *unix_ms,
                text: text.clone(),
            }),
            _ => None,
        });
        delivered.map(|message| (message.number, message)).collect()
    }

    pub(crate) fn read(&self, fetch: &Fetch) -> Fetched {
        let mut messages = self.messages(fetch.owner);
        messages.retain(|number, message| {
            let senders = fetch.senders.as_ref();
            (fetch.from..=fetch.upto).contains(number)
                && senders.is_none_or(|senders| senders.contains(&message.sender))
        });
        let mut found: Vec<_> = messages.into_values().collect();
        if fetch.part == Part::Newest {
            found.reverse();
        }
        let mut bytes = 0;
        let mut fits = |at: usize, message: &Message| {
            let fits = (at as u64) < fetch.messages_max && (at == 0 || bytes < fetch.bytes_max);
            bytes += message.text.len() as u64;
            fits
        };
        let all = found.len();
        let count = found
            .iter()
            .enumerate()
            .take_while(|(at, it)| fits(*at, it));
        let count = count.count();
        found.truncate(count);
        if fetch.part == Part::Newest {
            found.reverse();
        }
        Fetched {
            messages: found,
            more: count < all,
        }
    }

    /// What waits in a stream, from one number to another, up to so many bytes.
    pub(crate) fn read_queue(&self, fetch: &QueueFetch) -> Vec<QueuedEnvelope> {
        let stream = stream_of(fetch.peer, fetch.kind);
        let range = (QUEUES, stream, fetch.from.into())..=(QUEUES, stream, fetch.upto.into());
        let sum = self.sum();
        let rows = sum.kept.range(range).filter_map(|(_, row)| match row {
            Record::Queued { seq, envelope, .. } => Some(QueuedEnvelope {
                seq: *seq,
                envelope: envelope.clone(),
            }),
            _ => None,
        });
        let mut bytes = 0;
        let fits = |row: &QueuedEnvelope| {
            let fits = bytes == 0 || bytes < fetch.bytes_max;
            bytes += row.envelope.cost_bytes();
            fits
        };
        rows.take_while(fits).collect()
    }

    fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for record in &self.records {
            sum.add(record);
        }
        sum
    }

    fn summed(&self) -> Vec<Record> {
        self.sum().records()
    }
}

/// What a record is about: its table, and where it stands there.
type Place = (u8, u64, u128);

/// What all records together come to.
#[derive(Default)]
struct Sum {
    kept: BTreeMap<Place, Record>,
    /// Each inbox's messages by length, and the last one taken out.
    inboxes: BTreeMap<UserId, (BTreeMap<u64, u64>, u64)>,
    sessions_opened: u64,
}

const SESSIONS: u8 = 3;
const SEND_KEYS: u8 = 6;
const QUEUES: u8 = 9;
const VOIDS: u8 = 10;
const BOUNCES: u8 = 11;
const CURSORS: u8 = 12;
const REFUSALS: u8 = 13;
const MARKS: u8 = 14;
const POSTS: u8 = 15;
const SEEN: u8 = 16;
const PAUSES: u8 = 17;

const STREAMS: u8 = 7;
const ACKS: u8 = 8;

fn stream_of(peer: PeerId, kind: StreamKind) -> u64 {
    u64::from(peer.number()) * 2 + u64::from(kind == StreamKind::Bounce)
}

impl Sum {
    fn put(&mut self, place: Place, record: &Record) {
        self.kept.insert(place, record.clone());
    }

    fn drop_upto(&mut self, table: u8, of: u64, upto: u64) {
        let range = (table, of, 0)..=(table, of, u128::from(upto));
        let places: Vec<_> = self.kept.range(range).map(|(place, _)| *place).collect();
        for place in places {
            self.kept.remove(&place);
        }
    }

    fn add(&mut self, record: &Record) {
        let number = |user: &UserId| u64::from(user.number());
        match record {
            Record::Account { user, .. } => self.put((0, number(user), 0), record),
            Record::Peer { peer, .. } => self.put((1, peer.number().into(), 0), record),
            Record::Met { remote, .. } => self.put((2, remote.number().into(), 0), record),
            Record::SessionOpened { session, .. } => {
                self.sessions_opened = self.sessions_opened.max(*session);
                self.put((SESSIONS, *session, 0), record);
            }
            Record::SessionUsed { session, .. } => {
                if self.kept.contains_key(&(SESSIONS, *session, 0)) {
                    self.put((SESSIONS, *session, 1), record);
                }
            }
            Record::SessionEnded { session } => self.drop_upto(SESSIONS, *session, 1),
            Record::Listed {
                owner, position, ..
            } => self.put((4, number(owner), (*position).into()), record),
            Record::SendKey {
                user,
                number: at,
                oldest,
                ..
            } => {
                self.put((SEND_KEYS, number(user), (*at).into()), record);
                self.drop_upto(SEND_KEYS, number(user), oldest - 1);
            }
            Record::Delivered {
                owner,
                number: at,
                text,
                ..
            } => {
                let (messages, _) = self.inboxes.entry(*owner).or_default();
                messages.insert(*at, text.len() as u64);
            }
            Record::InboxTaken { owner, upto } => {
                let (_, taken) = self.inboxes.entry(*owner).or_default();
                *taken = (*taken).max(*upto);
            }
            Record::Posted {
                user,
                number: at,
                oldest,
                ..
            } => {
                self.put((POSTS, number(user), (*at).into()), record);
                self.drop_upto(POSTS, number(user), oldest - 1);
            }
            Record::Paused { peer, .. } => {
                self.put((PAUSES, peer.number().into(), 0), record);
            }
            _ => self.add_stream(record),
        }
    }

    fn add_stream(&mut self, record: &Record) {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let of = stream_of(*peer, *kind);
                let before = self.kept.insert((STREAMS, of, 0), record.clone());
                let is_same =
                    matches!(before, Some(Record::StreamBegun { stream: it, .. }) if it == *stream);
                if !is_same {
                    for table in [ACKS, QUEUES, VOIDS, MARKS] {
                        self.drop_upto(table, of, u64::MAX);
                    }
                }
            }
            Record::StreamRenumbered { before, .. } if !self.is_present(*before) => {}
            Record::StreamRenumbered {
                peer,
                kind,
                stream,
                acknowledged,
                ..
            } => self.renumber(*peer, *kind, *stream, *acknowledged),
            Record::Marked { stream, .. }
            | Record::Queued { stream, .. }
            | Record::Voided { stream, .. }
            | Record::Acknowledged { stream, .. }
                if !self.is_present(*stream) => {}
            Record::Marked {
                peer, kind, upto, ..
            } => {
                let place = (MARKS, stream_of(*peer, *kind), 0);
                let before = self.kept.get(&place);
                if !matches!(before, Some(Record::Marked { upto: it, .. }) if it >= upto) {
                    self.put(place, record);
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
                ..
            } => {
                let stream = stream_of(*peer, *kind);
                self.put((ACKS, stream, 0), record);
                self.drop_upto(QUEUES, stream, *durable);
                self.drop_upto(VOIDS, stream, *durable);
            }
            Record::Queued {
                peer, kind, seq, ..
            } => self.put((QUEUES, stream_of(*peer, *kind), (*seq).into()), record),
            Record::Voided {
                peer, kind, seq, ..
            } => {
                self.put((VOIDS, stream_of(*peer, *kind), (*seq).into()), record);
            }
            Record::BounceDue { peer, id, .. } => {
                self.put((BOUNCES, peer.number().into(), id.as_u128()), record);
            }
            Record::BounceSettled { peer, id } => {
                let place = (BOUNCES, peer.number().into(), id.as_u128());
                self.kept.remove(&place);
            }
            Record::Cursor {
                peer, kind, stream, ..
            } => {
                let place = (CURSORS, stream_of(*peer, *kind), 0);
                let before = self.kept.insert(place, record.clone());
                let is_same =
                    matches!(before, Some(Record::Cursor { stream: it, .. }) if it == *stream);
                if !is_same && *kind == StreamKind::Mail {
                    self.drop_upto(REFUSALS, peer.number().into(), u64::MAX);
                }
            }
            Record::Refused { peer, seq, .. } => {
                self.put((REFUSALS, peer.number().into(), (*seq).into()), record);
            }
            Record::RefusalTold { peer, seq } => {
                let place = (REFUSALS, peer.number().into(), (*seq).into());
                self.kept.remove(&place);
            }
            Record::Seen {
                peer,
                number: at,
                oldest,
                ..
            } => {
                self.put((SEEN, peer.number().into(), (*at).into()), record);
                self.drop_upto(SEEN, peer.number().into(), oldest - 1);
            }
            other => panic!("a record of a new kind: {other:?}"),
        }
    }

    fn is_present(&self, stream: Uuid) -> bool {
        let mut begun = self.kept.range((STREAMS, 0, 0)..(ACKS, 0, 0));
        begun.any(
            |(_, begun)| matches!(begun, Record::StreamBegun { stream: it, .. } if *it == stream),
        )
    }

    /// What waits is counted from 1 again, and may all have been sent.
    fn renumber(&mut self, peer: PeerId, kind: StreamKind, stream: Uuid, acknowledged: u64) {
        let of = stream_of(peer, kind);
        let mut upto = 0;
        for table in [QUEUES, VOIDS] {
            let range = (table, of, 0)..=(table, of, u128::MAX);
            let rows: Vec<_> = self.kept.range(range).map(|(_, row)| row.clone()).collect();
            self.drop_upto(table, of, u64::MAX);
            for mut row in rows {
                if let Record::Queued {
                    seq,
                    stream: of_row,
                    ..
                }
                | Record::Voided {
                    seq,
                    stream: of_row,
                    ..
                } = &mut row
                {
                    *of_row = stream;
                    *seq -= acknowledged;
                    upto = upto.max(*seq);
                    self.kept.insert((table, of, (*seq).into()), row);
                }
            }
        }
        self.kept.remove(&(ACKS, of, 0));
        let begun = Record::StreamBegun { peer, kind, stream };
        self.kept.insert((STREAMS, of, 0), begun);
        let marked = Record::Marked {
            peer,
            kind,
            stream,
            upto,
        };
        self.kept.insert((MARKS, of, 0), marked);
    }

    fn records(mut self) -> Vec<Record> {
        for (owner, (messages, taken)) in std::mem::take(&mut self.inboxes) {
            let last = messages.keys().next_back().copied().unwrap_or(0);
            let inbox = Record::Inbox {
                owner,
                taken,
                last,
                bytes: messages.range(taken + 1..).map(|(_, bytes)| bytes).sum(),
            };
            self.put((5, owner.number().into(), 0), &inbox);
        }
        let last = self.sessions_opened;
        if last > 0 && !self.kept.contains_key(&(SESSIONS, last, 0)) {
            let ended = Record::SessionEnded { session: last };
            self.put((SESSIONS, last, 2), &ended);
        }
        self.kept.into_values().collect()
    }
}
