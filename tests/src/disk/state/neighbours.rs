//! What is kept about other realms: their users, and the streams both ways.

use chatproto::link::frame::StreamKind;
use chatproto::store::{QueueFetch, QueuedEnvelope};
use chatproto::{Envelope, PeerId, Record, RemoteId, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

type Lane = (PeerId, StreamKind);

#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    peers: BTreeMap<PeerId, Record>,
    remotes: BTreeMap<RemoteId, Record>,
    outgoing: BTreeMap<Lane, Outgoing>,
    bounces_due: BTreeMap<(PeerId, Uuid), Record>,
    /// The stream that a cursor is in, and the cursor.
    cursors: BTreeMap<Lane, (Uuid, Record)>,
    refused: BTreeMap<(PeerId, u64), Record>,
    seen: BTreeMap<PeerId, BTreeMap<u64, Record>>,
    paused: BTreeMap<PeerId, Record>,
}

#[derive(Clone, Debug)]
struct Outgoing {
    stream: Uuid,
    acknowledged: u64,
    acknowledged_id: Uuid,
    marked: u64,
    /// What waits, and whether it is void.
    queue: BTreeMap<u64, (Arc<Envelope>, bool)>,
}

impl Outgoing {
    fn begun(stream: Uuid) -> Self {
        Self {
            stream,
            acknowledged: 0,
            acknowledged_id: Uuid::nil(),
            marked: 0,
            queue: BTreeMap::new(),
        }
    }

    /// Goes on under another id with what waits behind a number, counted from 1.
    fn renumber(&mut self, stream: Uuid, acknowledged: u64) {
        let waiting = self.queue.split_off(&(acknowledged + 1));
        *self = Self::begun(stream);
        let rows = waiting.into_iter();
        self.queue = rows.map(|(seq, row)| (seq - acknowledged, row)).collect();
        self.marked = self.queue.keys().next_back().copied().unwrap_or(0);
    }
}

impl Neighbours {
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Peer { peer, .. } => {
                self.peers.insert(*peer, record.clone());
            }
            Record::Met { remote, .. } => {
                self.remotes.insert(*remote, record.clone());
            }
            Record::StreamBegun { .. }
            | Record::StreamRenumbered { .. }
            | Record::Marked { .. }
            | Record::Queued { .. }
            | Record::Voided { .. }
            | Record::Acknowledged { .. } => self.apply_outgoing(record),
            Record::BounceDue { peer, id, .. } => {
                self.bounces_due.insert((*peer, *id), record.clone());
            }
            Record::BounceSettled { peer, id } => {
                self.bounces_due.remove(&(*peer, *id));
            }
            Record::Cursor {
                peer, kind, stream, ..
            } => {
                let lane = (*peer, *kind);
                let before = self.cursors.insert(lane, (*stream, record.clone()));
                let is_new = before.is_none_or(|(before, _)| before != *stream);
                if is_new && *kind == StreamKind::Mail {
                    self.refused.retain(|(of, _), _| of != peer);
                }
            }
            Record::Refused { peer, seq, .. } => {
                self.refused.insert((*peer, *seq), record.clone());
            }
            Record::RefusalTold { peer, seq } => {
                self.refused.remove(&(*peer, *seq));
            }
            Record::Seen {
                peer,
                number,
                oldest,
                ..
            } => {
                let seen = self.seen.entry(*peer).or_default();
                seen.insert(*number, record.clone());
                // Not one by one: there may be a hundred thousand.
                *seen = seen.split_off(oldest);
            }
            Record::Paused { peer, is_paused } => {
                self.paused.remove(peer);
                if *is_paused {
                    self.paused.insert(*peer, record.clone());
                }
            }
            other => unreachable!("the engine makes no {other:?}"),
        }
    }

    fn apply_outgoing(&mut self, record: &Record) {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let begun = || Outgoing::begun(*stream);
                let known = self.outgoing.entry((*peer, *kind)).or_insert_with(begun);
                if known.stream != *stream {
                    *known = begun();
                }
            }
            Record::StreamRenumbered {
                peer,
                kind,
                before,
                stream,
                acknowledged,
            } => {
                if let Some(out) = self.lane(*peer, *kind, *before) {
                    out.renumber(*stream, *acknowledged);
                }
            }
            Record::Queued {
                peer,
                kind,
                stream,
                seq,
                envelope,
                is_marked,
            } => {
                let Some(out) = self.lane(*peer, *kind, *stream) else {
                    return;
                };
                if *seq > out.acknowledged {
                    let row = out.queue.entry(*seq);
                    let (queued, _) = row.or_insert_with(|| (Arc::clone(envelope), false));
                    assert_eq!(queued, envelope, "another envelope has the same number");
                }
                if *is_marked {
                    out.marked = out.marked.max(*seq);
                }
            }
            Record::Marked {
                peer,
                kind,
                stream,
                upto,
            } => {
                if let Some(out) = self.lane(*peer, *kind, *stream) {
                    out.marked = out.marked.max(*upto);
                }
            }
            Record::Voided {
                peer,
                kind,
                stream,
                seq,
            } => {
                let out = self.lane(*peer, *kind, *stream);
                if let Some((_, is_void)) = out.and_then(|out| out.queue.get_mut(seq)) {
                    *is_void = true;
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let out = self.lane(*peer, *kind, *stream);
                if let Some(out) = out.filter(|out| out.acknowledged < *durable) {
                    (out.acknowledged, out.acknowledged_id) = (*durable, *id);
                    out.queue = out.queue.split_off(&(out.acknowledged + 1));
                }
            }
            _ => {}
        }
    }

    /// The stream of that id; none if another one is in its place.
    fn lane(&mut self, peer: PeerId, kind: StreamKind, stream: Uuid) -> Option<&mut Outgoing> {
        let out = self.outgoing.get_mut(&(peer, kind));
        let out = out.expect("a stream begins before anything else happens to it");
        Some(out).filter(|out| out.stream == stream)
    }

    /// What waits in a stream, as far as it is asked for.
    pub(super) fn fetch(&self, fetch: &QueueFetch) -> Vec<QueuedEnvelope> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        let out = self.outgoing.get(&(fetch.peer, fetch.kind));
        let queue = out
            .into_iter()
            .flat_map(|out| out.queue.range(fetch.from..=fetch.upto.max(fetch.from)));
        for (seq, (envelope, _)) in queue.filter(|(seq, _)| **seq <= fetch.upto) {
            if !rows.is_empty() && bytes >= fetch.bytes_max {
                break;
            }
            bytes += envelope.cost_bytes();
            rows.push(QueuedEnvelope {
                seq: *seq,
                envelope: Arc::clone(envelope),
            });
        }
        rows
    }

    /// What somebody of another realm is called, or that realm itself.
    pub(super) fn name_of(&self, sender: Sender) -> String {
        match sender {
            Sender::Remote(remote) => match self.remotes.get(&remote) {
                Some(Record::Met { peer, name, .. }) => format!("{name}@{}", self.realm(*peer)),
                _ => String::new(),
            },
            Sender::Realm(peer) => format!("*{}*", self.realm(peer)),
            Sender::Local(_) => String::new(),
        }
    }

    fn realm(&self, peer: PeerId) -> String {
        match self.peers.get(&peer) {
            Some(Record::Peer { name, .. }) => name.to_string(),
            _ => String::new(),
        }
    }

    /// What should be gone once everything is settled.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let mut left = Vec::new();
        for ((peer, kind), out) in &self.outgoing {
            let count = out.queue.len();
            if count > 0 {
                let peer = self.realm(*peer);
                left.push(format!("{count} rows of {kind:?} for {peer}"));
            }
        }
        for (peer, id) in self.bounces_due.keys() {
            left.push(format!(
                "a bounce due from {} about {id}",
                self.realm(*peer)
            ));
        }
        for (peer, seq) in self.refused.keys() {
            left.push(format!("a refusal of {}'s {seq}", self.realm(*peer)));
        }
        left
    }

    /// Realms and their users, before anything that speaks of them.
    pub(super) fn names(&self) -> impl Iterator<Item = Record> + '_ {
        self.peers.values().chain(self.remotes.values()).cloned()
    }

    pub(super) fn streams(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for ((peer, kind), out) in &self.outgoing {
            let (peer, kind) = (*peer, *kind);
            let (stream, upto) = (out.stream, out.marked);
            records.push(Record::StreamBegun { peer, kind, stream });
            records.push(Record::Acknowledged {
                peer,
                kind,
                stream,
                durable: out.acknowledged,
                id: out.acknowledged_id,
            });
            for (seq, (envelope, is_void)) in &out.queue {
                let seq = *seq;
                records.push(Record::Queued {
                    peer,
                    kind,
                    stream,
                    seq,
                    envelope: Arc::clone(envelope),
                    is_marked: false,
                });
                records.extend(is_void.then_some(Record::Voided {
                    peer,
                    kind,
                    stream,
                    seq,
                }));
            }
            records.push(Record::Marked {
                peer,
                kind,
                stream,
                upto,
            });
        }
        records.extend(self.paused.values().cloned());
        let seen = self.seen.values().flat_map(BTreeMap::values);
        records.extend(seen.cloned());
        records.extend(self.bounces_due.values().cloned());
        records.extend(self.cursors.values().map(|(_, cursor)| cursor.clone()));
        records.extend(self.refused.values().cloned());
        records
    }
}
