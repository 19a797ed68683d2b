//! Other realms: what goes out to them, and how far theirs has come in.

use super::super::keys::{key, range, stream};
use super::last_words::{Progress, Ring};
use super::{Fault, UNKNOWN, Writer};
use crate::envelope::{Envelope, Kind};
use crate::id::PeerId;
use crate::link::frame::StreamKind;
use crate::record::Record;
use rusqlite::OptionalExtension as _;
use std::collections::BTreeMap;
use uuid::Uuid;

const PEER: &str = "INSERT INTO realms (id, name) VALUES (?1, ?2)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name";
const PAUSE: &str = "UPDATE realms SET is_paused = ?2 WHERE id = ?1";
const MEET: &str = "INSERT OR REPLACE INTO remotes VALUES (?1, ?2, ?3)";
const STREAM: &str = "SELECT stream FROM streams WHERE id = ?1";
const BEGIN: &str = "INSERT INTO streams (id, stream, marked) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET
    stream = excluded.stream, acknowledged = 0, acknowledged_id = NULL, marked = excluded.marked";
pub(super) const QUEUE: &str =
    "INSERT OR IGNORE INTO queue (key, id, kind, answers, reason, origin,
    destination, sender, recipient, sent_unix_ms, expires_unix_ms, text)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const IS_QUEUED: &str = "SELECT 1 FROM queue WHERE key = ?1 AND id = ?2";
// Row by row from the least on, so that the place of each is free.
const SHIFT: &str = "UPDATE queue SET key = key - ?3 WHERE key BETWEEN ?1 AND ?2";
const LAST: &str = "SELECT max(key) FROM queue WHERE key BETWEEN ?1 AND ?2";
const VOID: &str = "UPDATE queue SET is_void = 1 WHERE key = ?1";
const MARK: &str = "UPDATE streams SET marked = max(marked, ?2) WHERE id = ?1";
const ACKNOWLEDGE: &str = "UPDATE streams SET acknowledged = ?2, acknowledged_id = ?3
    WHERE id = ?1 AND acknowledged < ?2";
const DEQUEUE: &str = "DELETE FROM queue WHERE key BETWEEN ?1 AND ?2";
const AWAIT: &str = "INSERT OR REPLACE INTO bounces_due VALUES (?1, ?2, ?3, ?4)";
const SETTLE: &str = "DELETE FROM bounces_due WHERE realm = ?1 AND id = ?2";
const DROP_REFUSALS: &str = "DELETE FROM refusals WHERE key BETWEEN ?2 AND ?3
    AND NOT EXISTS (SELECT 1 FROM cursors WHERE id = ?1 AND stream = ?4)";
const ARRIVE: &str = "INSERT INTO cursors VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET
    stream = excluded.stream, durable = excluded.durable, envelope = excluded.envelope
    WHERE stream <> excluded.stream OR durable < excluded.durable";
pub(super) const SEE: &str = "INSERT OR IGNORE INTO seen VALUES (?1, ?2)";
const IS_SEEN: &str = "SELECT 1 FROM seen WHERE key = ?1 AND id = ?2";
const REFUSE: &str = "INSERT OR REPLACE INTO refusals VALUES (?1, ?2)";
const TELL: &str = "DELETE FROM refusals WHERE key = ?1";

/// At which record of a batch a stream took the id that it has already.
pub(super) type Known = BTreeMap<u32, usize>;

/// The stream to a peer that a record is about.
fn stream_of(record: &Record) -> Option<(PeerId, StreamKind)> {
    match record {
        Record::StreamBegun { peer, kind, .. }
        | Record::StreamRenumbered { peer, kind, .. }
        | Record::Queued { peer, kind, .. }
        | Record::Marked { peer, kind, .. }
        | Record::Voided { peer, kind, .. }
        | Record::Acknowledged { peer, kind, .. } => Some((*peer, *kind)),
        _ => None,
    }
}

/// Whether a record is about a stream in which nothing is any more: its numbers must not be taken
/// for those of the stream in its place.
pub(super) fn is_over(known: &Known, at: usize, record: &Record) -> Result<bool, Fault> {
    let Some((peer, kind)) = stream_of(record) else {
        return Ok(false);
    };
    let begins = known.get(&stream(peer, kind)?);
    Ok(begins.is_some_and(|&begins| at < begins))
}

impl Writer<'_> {
    /// Which streams got the id that they have in this very batch: it comes for the second time. An
    /// id never comes back.
    pub(super) fn known(&self, records: &[Record]) -> Result<Known, Fault> {
        let mut begins: BTreeMap<u32, (usize, Uuid)> = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            if let Record::StreamBegun {
                peer,
                kind,
                stream: id,
            }
            | Record::StreamRenumbered {
                peer,
                kind,
                stream: id,
                ..
            } = record
            {
                begins.insert(stream(*peer, *kind)?, (at, *id));
            }
        }
        let mut known = Known::new();
        for (stream, (at, id)) in begins {
            if self.is_of(stream, id)? {
                known.insert(stream, at);
            }
        }
        Ok(known)
    }

    /// Whether a stream has this id.
    fn is_of(&self, stream: u32, id: Uuid) -> Result<bool, Fault> {
        let mut statement = self.connection.prepare_cached(STREAM)?;
        let found: Option<[u8; 16]> = statement
            .query_row((stream,), |row| row.get(0))
            .optional()?;
        Ok(found.as_ref() == Some(id.as_bytes()))
    }

    pub(super) fn write_peer(&mut self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Peer { peer, name } => {
                stream(*peer, StreamKind::Mail)?;
                self.run(PEER, (peer.number(), name.as_str()))
            }
            Record::Paused { peer, is_paused } => self.run(PAUSE, (peer.number(), *is_paused)),
            Record::Met { remote, peer, name } => {
                self.run(MEET, (remote.number(), peer.number(), name.as_str()))
            }
            Record::StreamBegun {
                peer,
                kind,
                stream: begun,
            } => self.begin(stream(*peer, *kind)?, *begun),
            Record::StreamRenumbered {
                peer,
                kind,
                stream: begun,
                acknowledged,
            } => self.renumber(stream(*peer, *kind)?, *begun, *acknowledged),
            Record::Marked { peer, kind, upto } => {
                let id = stream(*peer, *kind)?;
                key(id, *upto)?;
                self.last_words.marked(id, *upto);
                Ok(())
            }
            Record::Voided { peer, kind, seq } => {
                self.run(VOID, (key(stream(*peer, *kind)?, *seq)?,))
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
                id,
            } => {
                let stream = stream(*peer, *kind)?;
                key(stream, *durable)?;
                self.last_words.acknowledged(stream, *durable, *id);
                Ok(())
            }
            Record::BounceDue { peer, id, user, to } => {
                let row = (peer.number(), id.as_bytes(), user.number(), &**to);
                self.run(AWAIT, row)
            }
            Record::BounceSettled { peer, id } => self.run(SETTLE, (peer.number(), id.as_bytes())),
            _ => self.write_incoming(record),
        }
    }

    fn write_incoming(&self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Cursor {
                peer,
                kind,
                stream: arriving,
                durable,
                id,
            } => self.arrive(*peer, *kind, *arriving, *durable, *id),
            Record::Refused { peer, seq, id } => {
                self.run(REFUSE, (key(peer.number(), *seq)?, id.as_bytes()))
            }
            Record::RefusalTold { peer, seq } => self.run(TELL, (key(peer.number(), *seq)?,)),
            _ => Err(UNKNOWN),
        }
    }

    fn begin(&mut self, id: u32, begun: Uuid) -> Result<(), Fault> {
        if self.is_of(id, begun)? {
            return Ok(());
        }
        // What was said of the stream before counts no more, nor do its rows.
        self.last_words.progress.remove(&id);
        self.run(DEQUEUE, range(id)?)?;
        self.run(BEGIN, (id, begun.as_bytes(), 0))
    }

    fn renumber(&mut self, id: u32, begun: Uuid, acknowledged: u64) -> Result<(), Fault> {
        if self.is_of(id, begun)? {
            return Ok(());
        }
        self.last_words.progress.remove(&id);
        let (first, last) = range(id)?;
        let gone = key(id, acknowledged)?;
        self.run(DEQUEUE, (first, gone))?;
        if acknowledged > 0 {
            self.run(SHIFT, (gone, last, acknowledged.cast_signed()))?;
        }
        let mut statement = self.connection.prepare_cached(LAST)?;
        let waits: Option<i64> = statement.query_row((first, last), |row| row.get(0))?;
        // They may all have been sent.
        let marked = waits.map_or(0, |last| last - first);
        self.run(BEGIN, (id, begun.as_bytes(), marked))
    }

    pub(super) fn enqueue(
        &mut self,
        id: u32,
        seq: u64,
        envelope: &Envelope,
        is_marked: bool,
    ) -> Result<(), Fault> {
        let (word, answers, reason) = match &envelope.kind {
            Kind::Message => ("message".into(), None, None),
            Kind::Bounce { answers, reason } => {
                let answers = Some(answers.as_bytes());
                ("bounce".into(), answers, Some(reason.as_str()))
            }
            // Whatever the word is, it cannot pass for one of the two above.
            Kind::Other(word) => (std::borrow::Cow::from(format!("other:{word}")), None, None),
        };
        let row = (
            key(id, seq)?,
            envelope.id.as_bytes(),
            &*word,
            answers,
            reason,
            envelope.origin.as_str(),
            envelope.destination.as_str(),
            envelope.from.as_str(),
            envelope.to.as_str(),
            envelope.sent_unix_ms.cast_signed(),
            envelope.expires_unix_ms.cast_signed(),
            envelope.text.as_str(),
        );
        if is_marked {
            self.last_words.marked(id, seq);
        }
        if self.queue.add(self.connection, row)? {
            return Ok(());
        }
        self.check_known(IS_QUEUED, (row.0, row.1))
    }

    /// Writes how far a stream has got.
    pub(super) fn progress(&self, id: u32, progress: Progress) -> Result<(), Fault> {
        if progress.marked > 0 {
            self.run(MARK, (id, progress.marked.cast_signed()))?;
        }
        let Some((durable, envelope)) = progress.acknowledged else {
            return Ok(());
        };
        let row = (id, durable.cast_signed(), envelope.as_bytes());
        self.run(ACKNOWLEDGE, row)?;
        self.run(DEQUEUE, (key(id, 0)?, key(id, durable)?))
    }

    pub(super) fn see(
        &mut self,
        peer: PeerId,
        number: u64,
        id: Uuid,
        oldest: u64,
    ) -> Result<(), Fault> {
        let peer = peer.number();
        let row = (key(peer, number)?, id.as_bytes());
        self.last_words.oldest(Ring::Seen, peer, oldest);
        if self.see.add(self.connection, row)? {
            return Ok(());
        }
        self.check_known(IS_SEEN, row)
    }

    fn arrive(
        &self,
        peer: PeerId,
        kind: StreamKind,
        arriving: Uuid,
        durable: u64,
        id: Uuid,
    ) -> Result<(), Fault> {
        let at = stream(peer, kind)?;
        if kind == StreamKind::Mail {
            let (first, last) = range(peer.number())?;
            self.run(DROP_REFUSALS, (at, first, last, arriving.as_bytes()))?;
        }
        let row = (
            at,
            arriving.as_bytes(),
            durable.cast_signed(),
            id.as_bytes(),
        );
        self.run(ARRIVE, row)
    }
}
