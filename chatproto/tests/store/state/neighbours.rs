//! What is kept about other realms.

use chatproto::link::frame::StreamKind;
use chatproto::store::QueuedEnvelope;
use chatproto::{Envelope, PeerId, Record, RemoteId, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) type Stream = (PeerId, StreamKind);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Neighbours {
    peers: BTreeMap<PeerId, Record>,
    paused: BTreeSet<PeerId>,
    remotes: BTreeMap<RemoteId, Record>,
    outgoing: BTreeMap<Stream, Outgoing>,
    bounces_due: BTreeMap<(PeerId, Uuid), (UserId, Box<str>)>,
    cursors: BTreeMap<Stream, (Uuid, u64, Uuid)>,
    refused: BTreeMap<(PeerId, u64), Uuid>,
    seen: BTreeMap<(PeerId, u64), Uuid>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outgoing {
    stream: Uuid,
    acknowledged: u64,
    acknowledged_id: Uuid,
    marked: u64,
    /// What waits, and whether it is void.
    queue: BTreeMap<u64, (Arc<Envelope>, bool)>,
}

impl Outgoing {
    fn new(stream: Uuid) -> Self {
        Self {
            stream,
            ..Self::default()
        }
    }
}

impl Neighbours {
    pub(super) fn queue(&self, stream: Stream) -> Vec<QueuedEnvelope> {
        let queue = self.outgoing.get(&stream).map(|out| &out.queue);
        let rows = queue.into_iter().flatten();
        rows.map(|(seq, (envelope, _))| QueuedEnvelope {
            seq: *seq,
            envelope: Arc::clone(envelope),
        })
        .collect()
    }

    pub(super) fn apply(&mut self, record: &Record) {
        match record.clone() {
            Record::Peer { peer, .. } => {
                self.peers.insert(peer, record.clone());
            }
            Record::Paused { peer, is_paused } => {
                if is_paused {
                    self.paused.insert(peer);
                } else {
                    self.paused.remove(&peer);
                }
            }
            Record::Met { remote, .. } => {
                self.remotes.insert(remote, record.clone());
            }
            Record::BounceDue { peer, id, user, to } => {
                self.bounces_due.insert((peer, id), (user, to));
            }
            Record::BounceSettled { peer, id } => {
                self.bounces_due.remove(&(peer, id));
            }
            Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let before = self.cursors.get(&(peer, kind)).copied();
                let is_new = before.is_none_or(|(before, ..)| before != stream);
                if is_new || before.is_some_and(|(_, before, _)| before < durable) {
                    self.cursors.insert((peer, kind), (stream, durable, id));
                }
                if is_new && kind == StreamKind::Mail {
                    self.refused.retain(|(of, _), _| *of != peer);
                }
            }
            Record::Refused { peer, seq, id } => {
                self.refused.insert((peer, seq), id);
            }
            Record::RefusalTold { peer, seq } => {
                self.refused.remove(&(peer, seq));
            }
            Record::Seen {
                peer,
                number,
                id,
                oldest,
            } => {
                self.seen.insert((peer, number), id);
                self.seen.retain(|(of, n), _| *of != peer || *n >= oldest);
            }
            other => self.apply_outgoing(other),
        }
    }

    fn apply_outgoing(&mut self, record: Record) {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let out = self.outgoing.entry((peer, kind)).or_default();
                if out.stream != stream {
                    *out = Outgoing::new(stream);
                }
            }
            Record::StreamRenumbered {
                peer,
                kind,
                before,
                stream,
                acknowledged,
            } => {
                let out = self.outgoing.entry((peer, kind)).or_default();
                if out.stream != before {
                    return;
                }
                let waiting = out.queue.split_off(&(acknowledged + 1));
                *out = Outgoing::new(stream);
                out.queue.extend((1..).zip(waiting.into_values()));
                out.marked = out.queue.len() as u64;
            }
            Record::Queued {
                peer,
                kind,
                stream,
                seq,
                envelope,
                is_marked,
            } => {
                let Some(out) = self.lane(peer, kind, stream) else {
                    return;
                };
                if seq > out.acknowledged {
                    out.queue.entry(seq).or_insert((envelope, false));
                }
                if is_marked {
                    out.marked = out.marked.max(seq);
                }
            }
            Record::Marked {
                peer,
                kind,
                stream,
                upto,
            } => {
                if let Some(out) = self.lane(peer, kind, stream) {
                    out.marked = out.marked.max(upto);
                }
            }
            Record::Voided {
                peer,
                kind,
                stream,
                seq,
            } => {
                let out = self.lane(peer, kind, stream);
                if let Some(row) = out.and_then(|out| out.queue.get_mut(&seq)) {
                    row.1 = true;
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let Some(out) = self.lane(peer, kind, stream) else {
                    return;
                };
                if durable > out.acknowledged {
                    (out.acknowledged, out.acknowledged_id) = (durable, id);
                }
                out.queue.retain(|seq, _| *seq > durable);
            }
            other => panic!("no record for a store: {other:?}"),
        }
    }

    /// A stream, if it has that id.
    fn lane(&mut self, peer: PeerId, kind: StreamKind, stream: Uuid) -> Option<&mut Outgoing> {
        let out = self.outgoing.get_mut(&(peer, kind));
        out.filter(|out| out.stream == stream)
    }

    pub(super) fn peers(&self) -> Vec<Record> {
        self.peers.values().cloned().collect()
    }

    pub(super) fn remotes(&self) -> Vec<Record> {
        self.remotes.values().cloned().collect()
    }

    /// The streams both ways, and what belongs to them.
    pub(super) fn streams(self) -> Vec<Record> {
        let mut records = Vec::new();
        for ((peer, kind), out) in self.outgoing {
            let (stream, upto) = (out.stream, out.marked);
            records.push(Record::StreamBegun { peer, kind, stream });
            records.push(Record::Acknowledged {
                peer,
                kind,
                stream,
                durable: out.acknowledged,
                id: out.acknowledged_id,
            });
            records.push(Record::Marked {
                peer,
                kind,
                stream,
                upto,
            });
            for (seq, (envelope, is_void)) in out.queue {
                records.push(Record::Queued {
                    peer,
                    kind,
                    stream,
                    seq,
                    envelope,
                    is_marked: false,
                });
                records.extend(is_void.then_some(Record::Voided {
                    peer,
                    kind,
                    stream,
                    seq,
                }));
            }
        }
        for ((peer, id), (user, to)) in self.bounces_due {
            records.push(Record::BounceDue { peer, id, user, to });
        }
        for ((peer, kind), (stream, durable, id)) in self.cursors {
            records.push(Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            });
        }
        for ((peer, seq), id) in self.refused {
            records.push(Record::Refused { peer, seq, id });
        }
        for ((peer, number), id) in &self.seen {
            let (oldest, _) = self.seen.range((*peer, 0)..).next().unwrap();
            records.push(Record::Seen {
                peer: *peer,
                number: *number,
                id: *id,
                oldest: oldest.1,
            });
        }
        for peer in self.paused {
            records.push(Record::Paused {
                peer,
                is_paused: true,
            });
        }
        records
    }
}
