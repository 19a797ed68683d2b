//! Records become rows.

use super::fault::Fault;
use super::keys::{key, place, range, sender, stream};
use crate::envelope::{Envelope, Kind};
use crate::id::{PeerId, UserId};
use crate::link::frame::StreamKind;
use crate::password::PasswordHash;
use crate::record::Record;
use rusqlite::{CachedStatement, Connection, Params};
use uuid::Uuid;

const DELIVER: &str = "INSERT OR IGNORE INTO messages VALUES (?1, ?2, ?3, ?4)";
const TAKE: &str = "INSERT INTO inboxes VALUES (?1, ?2)
    ON CONFLICT (user) DO UPDATE SET taken = max(taken, excluded.taken)";
const ACCOUNT: &str = "INSERT OR REPLACE INTO users VALUES (?1, ?2, ?3, ?4, ?5)";
const OPEN: &str = "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3, ?4, ?4)";
const USE: &str = "UPDATE sessions SET used_unix_ms = max(used_unix_ms, ?2) WHERE id = ?1";
const END: &str = "DELETE FROM sessions WHERE id = ?1";
const COUNT_SESSION: &str = "UPDATE meta SET sessions = max(sessions, ?1)";
const IS_DELIVERED: &str =
    "SELECT 1 FROM messages WHERE key = ?1 AND sender = ?2 AND unix_ms = ?3 AND text = ?4";
const IS_QUEUED: &str = "SELECT 1 FROM queue WHERE key = ?1 AND id = ?2";
const LIST: &str = "INSERT OR REPLACE INTO senders VALUES (?1, ?2)";
const REMEMBER: &str = "INSERT OR REPLACE INTO send_keys VALUES (?1, ?2, ?3)";
const FORGET: &str = "DELETE FROM send_keys WHERE key BETWEEN ?1 AND ?2";
const PEER: &str = "INSERT OR REPLACE INTO realms VALUES (?1, ?2)";
const MEET: &str = "INSERT OR REPLACE INTO remotes VALUES (?1, ?2, ?3)";
// Of the rows of another stream nothing is of use any more.
const DROP_QUEUE: &str = "DELETE FROM queue WHERE key BETWEEN ?2 AND ?3
    AND NOT EXISTS (SELECT 1 FROM streams WHERE id = ?1 AND stream = ?4)";
const BEGIN: &str = "INSERT INTO streams VALUES (?1, ?2, 0) ON CONFLICT (id) DO UPDATE SET
    acknowledged = iif(stream = excluded.stream, acknowledged, 0), stream = excluded.stream";
const QUEUE: &str = "INSERT OR IGNORE INTO queue (key, id, kind, answers, reason, origin,
    destination, sender, recipient, sent_unix_ms, expires_unix_ms, text)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const VOID: &str = "UPDATE queue SET is_void = 1 WHERE key = ?1";
const ACKNOWLEDGE: &str = "UPDATE streams SET acknowledged = max(acknowledged, ?2) WHERE id = ?1";
const DEQUEUE: &str = "DELETE FROM queue WHERE key BETWEEN ?1 AND ?2";
const AWAIT: &str = "INSERT OR REPLACE INTO bounces_due VALUES (?1, ?2, ?3, ?4)";
const SETTLE: &str = "DELETE FROM bounces_due WHERE realm = ?1 AND id = ?2";
const DROP_REFUSALS: &str = "DELETE FROM refusals WHERE key BETWEEN ?2 AND ?3
    AND NOT EXISTS (SELECT 1 FROM cursors WHERE id = ?1 AND stream = ?4)";
const ARRIVE: &str = "INSERT INTO cursors VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET
    stream = excluded.stream, durable = excluded.durable, envelope = excluded.envelope
    WHERE stream <> excluded.stream OR durable < excluded.durable";
const REFUSE: &str = "INSERT OR REPLACE INTO refusals VALUES (?1, ?2)";
const TELL: &str = "DELETE FROM refusals WHERE key = ?1";

/// A record that this version does not know would not be kept, so its batch must not be either.
const UNKNOWN: Fault = Fault::Row("a record is of a kind that it does not know");

/// How many statements there are to keep ready, those of [`super::fetch`] and others included.
pub(super) const STATEMENTS: usize = 64;

/// A statement that is looked up once a batch, not once a record.
struct Ready<'c> {
    sql: &'static str,
    statement: Option<CachedStatement<'c>>,
}

impl<'c> Ready<'c> {
    fn new(sql: &'static str) -> Self {
        Self {
            sql,
            statement: None,
        }
    }

    /// Returns whether a row was added.
    fn add(&mut self, connection: &'c Connection, params: impl Params) -> Result<bool, Fault> {
        let statement = match &mut self.statement {
            Some(statement) => statement,
            none => none.insert(connection.prepare_cached(self.sql)?),
        };
        Ok(statement.execute(params)? > 0)
    }
}

/// Writes the records of one batch, inside a transaction.
pub(super) struct Writer<'c> {
    connection: &'c Connection,
    // What comes by the thousand.
    deliver: Ready<'c>,
    queue: Ready<'c>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            deliver: Ready::new(DELIVER),
            queue: Ready::new(QUEUE),
        }
    }

    fn run(&self, sql: &'static str, params: impl Params) -> Result<(), Fault> {
        self.connection.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    /// Makes the change that a record tells of, if it was not made before.
    pub(super) fn write(&mut self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Delivered {
                owner,
                number,
                sender: who,
                unix_ms,
                text,
            } => {
                let row = (
                    key(owner.number(), *number)?,
                    sender(*who),
                    unix_ms.cast_signed(),
                    &**text,
                );
                if self.deliver.add(self.connection, row)? {
                    return Ok(());
                }
                self.check_known(IS_DELIVERED, row)
            }
            Record::InboxTaken { owner, upto } => {
                key(owner.number(), *upto)?;
                self.run(TAKE, (owner.number(), upto.cast_signed()))
            }
            Record::Inbox { .. } => Err(Fault::Row("a summary of an inbox was given to keep")),
            Record::Listed {
                owner,
                position,
                sender: who,
            } => self.run(LIST, (place(*owner, *position)?, sender(*who))),
            Record::SendKey {
                user,
                number,
                key: word,
                digest,
                oldest,
            } => self.remember(*user, *number, word, digest, *oldest),
            Record::Queued {
                peer,
                kind,
                seq,
                envelope,
            } => self.enqueue(*peer, *kind, *seq, envelope),
            Record::Account { .. }
            | Record::SessionOpened { .. }
            | Record::SessionUsed { .. }
            | Record::SessionEnded { .. } => self.write_user(record),
            _ => self.write_peer(record),
        }
    }

    fn write_user(&self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Account {
                user,
                name,
                display_name,
                country,
                password,
            } => {
                key(user.number(), 0)?;
                let password = password.as_ref().map(PasswordHash::as_str);
                let names = (name.as_str(), &**display_name, &**country);
                let row = (user.number(), names.0, names.1, names.2, password);
                self.run(ACCOUNT, row)
            }
            Record::SessionOpened {
                session,
                user,
                token,
                unix_ms,
            } => {
                let id = session.cast_signed();
                let row = (id, user.number(), token.as_bytes(), unix_ms.cast_signed());
                self.run(OPEN, row)
            }
            Record::SessionUsed { session, unix_ms } => {
                self.run(USE, (session.cast_signed(), unix_ms.cast_signed()))
            }
            Record::SessionEnded { session } => {
                self.run(COUNT_SESSION, (session.cast_signed(),))?;
                self.run(END, (session.cast_signed(),))
            }
            _ => Err(UNKNOWN),
        }
    }

    fn remember(
        &self,
        user: UserId,
        number: u64,
        word: &str,
        digest: &[u8; 16],
        oldest: u64,
    ) -> Result<(), Fault> {
        let user = user.number();
        self.run(REMEMBER, (key(user, number)?, word, digest))?;
        match oldest.checked_sub(1) {
            Some(last) => self.run(FORGET, (key(user, 0)?, key(user, last)?)),
            None => Ok(()),
        }
    }

    fn write_peer(&self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Peer { peer, name } => {
                stream(*peer, StreamKind::Mail)?;
                self.run(PEER, (peer.number(), name.as_str()))
            }
            Record::Met { remote, peer, name } => {
                self.run(MEET, (remote.number(), peer.number(), name.as_str()))
            }
            Record::StreamBegun {
                peer,
                kind,
                stream: begun,
            } => self.begin(stream(*peer, *kind)?, *begun),
            Record::Voided { peer, kind, seq } => {
                self.run(VOID, (key(stream(*peer, *kind)?, *seq)?,))
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
            } => {
                let id = stream(*peer, *kind)?;
                let last = key(id, *durable)?;
                self.run(ACKNOWLEDGE, (id, durable.cast_signed()))?;
                self.run(DEQUEUE, (key(id, 0)?, last))
            }
            Record::BounceDue { peer, id, user, to } => {
                let row = (peer.number(), id.as_bytes(), user.number(), &**to);
                self.run(AWAIT, row)
            }
            Record::BounceSettled { peer, id } => self.run(SETTLE, (peer.number(), id.as_bytes())),
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

    fn begin(&self, id: u32, begun: Uuid) -> Result<(), Fault> {
        let (first, last) = range(id)?;
        self.run(DROP_QUEUE, (id, first, last, begun.as_bytes()))?;
        self.run(BEGIN, (id, begun.as_bytes()))
    }

    fn enqueue(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        seq: u64,
        envelope: &Envelope,
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
            key(stream(peer, kind)?, seq)?,
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
        if self.queue.add(self.connection, row)? {
            return Ok(());
        }
        self.check_known(IS_QUEUED, (row.0, row.1))
    }

    /// What is there already must be the very same: anything else would be lost without a word.
    fn check_known(&self, sql: &'static str, params: impl Params) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        if statement.exists(params)? {
            return Ok(());
        }
        Err(Fault::Row("a message would take the place of another"))
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
