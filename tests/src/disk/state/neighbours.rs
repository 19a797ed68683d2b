//! What is kept about other realms: their users, and the streams both ways.

use chatproto::link::frame::StreamKind;
use chatproto::{PeerId, Record, RemoteId};
use std::collections::BTreeMap;
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
}

#[derive(Clone, Debug)]
struct Outgoing {
    stream: Uuid,
    acknowledged: u64,
    /// What waits, and whether it is void.
    queue: BTreeMap<u64, (Record, bool)>,
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
            other => unreachable!("the engine makes no {other:?}"),
        }
    }

    fn apply_outgoing(&mut self, record: &Record) {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let begun = || Outgoing {
                    stream: *stream,
                    acknowledged: 0,
                    queue: BTreeMap::new(),
                };
                let known = self.outgoing.entry((*peer, *kind)).or_insert_with(begun);
                if known.stream != *stream {
                    *known = begun();
                }
            }
            Record::Queued {
                peer, kind, seq, ..
            } => {
                let out = self.lane(*peer, *kind);
                if *seq > out.acknowledged {
                    let row = out.queue.entry(*seq);
                    row.or_insert_with(|| (record.clone(), false));
                }
            }
            Record::Voided { peer, kind, seq } => {
                if let Some((_, is_void)) = self.lane(*peer, *kind).queue.get_mut(seq) {
                    *is_void = true;
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
            } => {
                let out = self.lane(*peer, *kind);
                out.acknowledged = out.acknowledged.max(*durable);
                out.queue = out.queue.split_off(&(out.acknowledged + 1));
            }
            _ => {}
        }
    }

    fn lane(&mut self, peer: PeerId, kind: StreamKind) -> &mut Outgoing {
        let out = self.outgoing.get_mut(&(peer, kind));
        out.expect("a stream begins before anything else happens to it")
    }

    /// Realms and their users, before anything that speaks of them.
    pub(super) fn names(&self) -> impl Iterator<Item = Record> + '_ {
        self.peers.values().chain(self.remotes.values()).cloned()
    }

    pub(super) fn streams(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for ((peer, kind), out) in &self.outgoing {
            let (peer, kind) = (*peer, *kind);
            let (stream, durable) = (out.stream, out.acknowledged);
            records.push(Record::StreamBegun { peer, kind, stream });
            records.push(Record::Acknowledged {
                peer,
                kind,
                durable,
            });
            for (seq, (queued, is_void)) in &out.queue {
                let seq = *seq;
                records.push(queued.clone());
                records.extend(is_void.then_some(Record::Voided { peer, kind, seq }));
            }
        }
        records.extend(self.bounces_due.values().cloned());
        records.extend(self.cursors.values().map(|(_, cursor)| cursor.clone()));
        records.extend(self.refused.values().cloned());
        records
    }
}
