//! One realm of the model in memory: its streams, what waits for the store, and the rules by which
//! it sends. Mirrors `realm/streams.rs`, `realm/links.rs` and `realm/batches.rs`.

use super::super::frame::{Frame, StreamKind};
use super::super::seen::Seen;
use super::super::stream::{InStream, OutStream, Violation};
use super::disk::{Change, Disk, Item};
use super::ids::{self, At};
use super::ledger::Ledger;
use super::scope::{Mutation, Scope};
use crate::id::PeerId;
use crate::record::Record;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// Where an action happens, and what else it may change.
pub(super) struct World<'a> {
    pub(super) at: At,
    pub(super) scope: &'a Scope,
    pub(super) mutation: Option<Mutation>,
    pub(super) ledger: &'a mut Ledger,
    /// Whether the next message that comes is kept or refused.
    pub(super) is_kept: bool,
}

impl World<'_> {
    pub(super) fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(super) fn new_stream(&mut self, kind: StreamKind) -> Uuid {
        let count = &mut self.ledger.counts[self.at.index()].streams;
        *count += 1;
        let count = *count;
        let n = if self.is(Mutation::SameStreamOnNewDisk) {
            1
        } else {
            count
        };
        ids::stream(self.at, kind, n.into())
    }
}

/// What becomes of a stream once a batch is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stored {
    Row {
        seq: u64,
        is_marked: bool,
    },
    Marked(u64),
    Voided(u64),
    /// It has its new numbers up to this one, and is announced if the link is still the same.
    Renumbered {
        last: u64,
        is_same_link: bool,
    },
}

/// Changes that are committed together, and what waits for that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    pub(super) cursors: Vec<(Uuid, u64, Uuid)>,
    rows: Vec<(Uuid, Stored)>,
    pub(super) promises: Vec<Uuid>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// What a realm keeps for as long as a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) announced: BTreeSet<StreamKind>,
    pub(super) renumbered: BTreeMap<StreamKind, Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Side {
    pub(super) mail: OutStream,
    pub(super) bounce: OutStream,
    pub(super) incoming: Vec<InStream>,
    pub(super) seen: Seen,
    pub(super) refused: BTreeSet<Uuid>,
    pub(super) pending: Batch,
    pub(super) under_way: Option<Batch>,
    pub(super) link: Option<Link>,
    /// What the peer will get over the link, in order.
    pub(super) frames: VecDeque<Frame>,
}

/// The one peer of each realm.
pub(super) fn peer() -> PeerId {
    PeerId::from_number(0)
}

impl Side {
    // Up and down.

    /// A realm that starts with a disk.
    pub(super) fn started(disk: &Disk, world: &mut World<'_>) -> Self {
        let mut side = Self {
            mail: disk.mail.clone(),
            bounce: disk.bounce.clone(),
            incoming: disk.incoming.clone(),
            seen: disk.seen.clone(),
            refused: disk.refused.clone(),
            pending: Batch::default(),
            under_way: None,
            link: None,
            frames: VecDeque::new(),
        };
        if !disk.has_peer {
            for kind in [StreamKind::Mail, StreamKind::Bounce] {
                let stream = world.new_stream(kind);
                *side.out(kind) = OutStream::new(stream, kind);
                let peer = peer();
                side.record(Record::StreamBegun { peer, kind, stream });
            }
        }
        side
    }

    /// The link is up, and both have said hello.
    pub(super) fn link_up(&mut self, world: &World<'_>) {
        self.link = Some(Link::default());
        let own = world.scope.mail[world.at.index()] > 0;
        let of_peer = world.scope.mail[world.at.peer().index()] > 0;
        // Streams that never carry anything say nothing either.
        let resumes = [
            own.then(|| self.mail.resume()),
            of_peer.then(|| self.bounce.resume()),
        ];
        self.frames.extend(resumes.into_iter().flatten());
    }

    pub(super) fn link_down(&mut self) {
        self.link = None;
        self.frames.clear();
        self.mail.link_down();
        self.bounce.link_down();
        for stream in &mut self.incoming {
            stream.link_down();
        }
        for batch in self.under_way.iter_mut().chain([&mut self.pending]) {
            for (_, stored) in &mut batch.rows {
                if let Stored::Renumbered { is_same_link, .. } = stored {
                    *is_same_link = false;
                }
            }
        }
    }

    // The store.

    pub(super) fn record(&mut self, record: Record) {
        self.pending.changes.push(Change::Record(record));
    }

    pub(super) fn once_stored(&mut self, stream: Uuid, stored: Stored) {
        self.pending.rows.push((stream, stored));
    }

    pub(super) fn write_inbox(&mut self, item: Item) {
        self.pending.changes.push(Change::Inbox(item));
    }

    /// The store is offered what waits for it.
    pub(super) fn take_batch(&mut self, world: &World<'_>) {
        if self.under_way.is_some() || self.pending.is_empty() {
            return;
        }
        let late = self.split_off(world);
        self.under_way = Some(std::mem::replace(&mut self.pending, late));
    }

    /// What a broken rule leaves for the batch after.
    fn split_off(&mut self, world: &World<'_>) -> Batch {
        let is_late = |change: &Change| match (world.mutation, change) {
            (Some(Mutation::CursorCommittedFirst), change) => {
                !matches!(change, Change::Record(Record::Cursor { .. }))
            }
            (Some(Mutation::InboxCommittedFirst), Change::Record(record)) => {
                matches!(record, Record::Cursor { .. } | Record::Seen { .. })
            }
            (Some(Mutation::RefusalBesideCursor), Change::Record(record)) => match record {
                Record::Queued { kind, .. } => *kind == StreamKind::Bounce,
                Record::Refused { .. } => true,
                _ => false,
            },
            _ => false,
        };
        let batch = &mut self.pending;
        let (late, early): (Vec<_>, Vec<_>) = batch.changes.drain(..).partition(is_late);
        if early.is_empty() || late.is_empty() {
            batch.changes = if early.is_empty() { late } else { early };
            return Batch::default();
        }
        batch.changes = early;
        let mut rest = Batch {
            changes: late,
            ..Batch::default()
        };
        match world.mutation {
            Some(Mutation::InboxCommittedFirst) => {
                rest.cursors = std::mem::take(&mut batch.cursors);
            }
            Some(Mutation::RefusalBesideCursor) => {
                let bounce = self.bounce.id;
                let is_bounce = |row: &(Uuid, Stored)| row.0 == bounce;
                (rest.rows, batch.rows) = batch.rows.drain(..).partition(is_bounce);
            }
            _ => {
                rest.rows = std::mem::take(&mut batch.rows);
                rest.promises = std::mem::take(&mut batch.promises);
            }
        }
        rest
    }

    /// Sends on what a batch held back.
    pub(super) fn committed(&mut self, batch: Batch, world: &mut World<'_>) {
        world.ledger.promised.extend(batch.promises);
        let is_bounce_first = world.is(Mutation::BounceBeforeAck);
        if is_bounce_first {
            self.rows_stored(&batch.rows, world);
        }
        for (stream, seq, id) in batch.cursors {
            if let Ok(stream) = self.incoming_by_id(stream) {
                stream.stored(seq, id);
            }
            self.acknowledge(world);
        }
        if !is_bounce_first {
            self.rows_stored(&batch.rows, world);
        }
    }

    fn rows_stored(&mut self, rows: &[(Uuid, Stored)], world: &mut World<'_>) {
        for (stream, stored) in rows {
            self.stream_stored(*stream, *stored);
        }
        if !rows.is_empty() {
            self.pump(world);
        }
    }

    fn stream_stored(&mut self, stream: Uuid, stored: Stored) {
        let Ok(stream) = self.out_by_id(stream) else {
            return;
        };
        match stored {
            Stored::Row { seq, is_marked } => {
                stream.stored(seq);
                if is_marked {
                    stream.marked(seq);
                }
            }
            Stored::Marked(upto) => stream.marked(upto),
            Stored::Voided(seq) => {
                stream.voided(seq);
            }
            Stored::Renumbered { last, is_same_link } => {
                stream.stored(last);
                stream.marked(last);
                let resume = stream.resume();
                if is_same_link {
                    self.frames.push_back(resume);
                }
            }
        }
    }

    // What there is.

    pub(super) fn out(&mut self, kind: StreamKind) -> &mut OutStream {
        match kind {
            StreamKind::Mail => &mut self.mail,
            StreamKind::Bounce => &mut self.bounce,
        }
    }

    pub(super) fn out_by_id(&mut self, id: Uuid) -> Result<&mut OutStream, Violation> {
        let streams = [&mut self.mail, &mut self.bounce];
        let mut streams = streams.into_iter();
        let known = streams.find(|stream| stream.id == id);
        known.ok_or(Violation("a stream that does not exist"))
    }

    pub(super) fn incoming_by_id(&mut self, id: Uuid) -> Result<&mut InStream, Violation> {
        let known = self.incoming.iter_mut().find(|stream| stream.id == id);
        known.ok_or(Violation("a stream that was not announced"))
    }
}
