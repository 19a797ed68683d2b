//! Other realms: what goes out to them, and how far theirs has come in.

use super::super::keys::{key, range, stream};
use super::last_words::{Progress, Ring};
use super::{Fault, UNKNOWN, Writer};
use crate::envelope::{Envelope, Kind};
use crate::id::PeerId;
use crate::link::frame::StreamKind;
use crate::record::Record;
use rusqlite::OptionalExtension as _;
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
const IS_ARRIVING: &str = "SELECT 1 FROM cursors WHERE id = ?1 AND stream = ?2";
const DROP_REFUSALS: &str = "DELETE FROM refusals WHERE key BETWEEN ?1 AND ?2";
const ARRIVE: &str = "INSERT INTO cursors VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET
    stream = excluded.stream, durable = excluded.durable, envelope = excluded.envelope
    WHERE stream <> excluded.stream OR durable < excluded.durable";
pub(super) const SEE: &str = "INSERT OR IGNORE INTO seen VALUES (?1, ?2)";
const IS_SEEN: &str = "SELECT 1 FROM seen WHERE key = ?1 AND id = ?2";
const REFUSE: &str = "INSERT OR REPLACE INTO refusals VALUES (?1, ?2)";
const TELL: &str = "DELETE FROM refusals WHERE key = ?1";

impl Writer<'_> {
    /// Whether a stream has this id. If not, what is told of it is of a stream that is gone, or is
    /// to come.
    fn is_now(&mut self, stream: u32, id: Uuid) -> Result<bool, Fault> {
        if let Some(now) = self.streams.get(&stream) {
            return Ok(*now == Some(id));
        }
        let mut statement = self.connection.prepare_cached(STREAM)?;
        let found = statement
            .query_row((stream,), |row| row.get(0))
            .optional()?;
        let now = found.map(Uuid::from_bytes);
        self.streams.insert(stream, now);
        Ok(now == Some(id))
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
                before,
                stream: begun,
                acknowledged,
            } => {
                let id = stream(*peer, *kind)?;
                key(id, *acknowledged)?;
                if self.is_now(id, *before)? {
                    self.renumber(id, *begun, *acknowledged)?;
                }
                Ok(())
            }
            Record::Marked { .. } | Record::Voided { .. } | Record::Acknowledged { .. } => {
                self.write_outgoing(record)
            }
            Record::BounceDue { peer, id, user, to } => {
                let row = (peer.number(), id.as_bytes(), user.number(), &**to);
                self.run(AWAIT, row)
            }
            Record::BounceSettled { peer, id } => self.run(SETTLE, (peer.number(), id.as_bytes())),
            _ => self.write_incoming(record),
        }
    }

    fn write_outgoing(&mut self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Marked {
                peer,
                kind,
                stream: id,
                upto,
            } => {
                let stream = stream(*peer, *kind)?;
                key(stream, *upto)?;
                if self.is_now(stream, *id)? {
                    self.last_words.marked(stream, *upto);
                }
                Ok(())
            }
            Record::Voided {
                peer,
                kind,
                stream: id,
                seq,
            } => {
                let stream = stream(*peer, *kind)?;
                let key = key(stream, *seq)?;
                if self.is_now(stream, *id)? {
                    self.run(VOID, (key,))?;
                }
                Ok(())
            }
            Record::Acknowledged {
                peer,
                kind,
                stream: id,
                durable,
                id: envelope,
            } => {
                let stream = stream(*peer, *kind)?;
                key(stream, *durable)?;
                if self.is_now(stream, *id)? {
                    self.last_words.acknowledged(stream, *durable, *envelope);
                }
                Ok(())
            }
            _ => Err(UNKNOWN),
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
        if self.is_now(id, begun)? {
            return Ok(());
        }
        // What was said of the stream before counts no more, nor do its rows.
        self.last_words.progress.remove(&id);
        self.run(DEQUEUE, range(id)?)?;
        self.become_new(id, begun, 0)
    }

    fn renumber(&mut self, id: u32, begun: Uuid, acknowledged: u64) -> Result<(), Fault> {
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
        self.become_new(id, begun, marked)
    }

    fn become_new(&mut self, id: u32, begun: Uuid, marked: i64) -> Result<(), Fault> {
        self.streams.insert(id, Some(begun));
        self.run(BEGIN, (id, begun.as_bytes(), marked))
    }

    pub(super) fn enqueue(
        &mut self,
        stream: u32,
        id: Uuid,
        seq: u64,
        envelope: &Envelope,
        is_marked: bool,
    ) -> Result<(), Fault> {
        let key = key(stream, seq)?;
        if !self.is_now(stream, id)? {
            return Ok(());
        }
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
            key,
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
            self.last_words.marked(stream, seq);
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
        // There may be thousands, which are not to be looked at for every cursor.
        if kind == StreamKind::Mail {
            let mut statement = self.connection.prepare_cached(IS_ARRIVING)?;
            if !statement.exists((at, arriving.as_bytes()))? {
                self.run(DROP_REFUSALS, range(peer.number())?)?;
            }
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
