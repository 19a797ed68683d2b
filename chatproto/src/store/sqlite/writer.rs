//! Records become rows.

mod last_words;
mod ready;
mod streams;

use super::fault::Fault;
use super::keys::{key, place, range, sender, stream};
use super::posts;
use crate::id::UserId;
use crate::password::PasswordHash;
use crate::record::{Post, Record};
use last_words::{LastWords, Ring};
use ready::Ready;
use rusqlite::{Connection, Params};
use std::collections::BTreeMap;
use streams::{QUEUE, SEE};
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
const LIST: &str = "INSERT OR REPLACE INTO senders VALUES (?1, ?2)";
const REMEMBER: &str = "INSERT OR REPLACE INTO send_keys VALUES (?1, ?2, ?3)";
const POST: &str = "INSERT OR REPLACE INTO posts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// A record that this version does not know would not be kept, so its batch must not be either.
const UNKNOWN: Fault = Fault::Row("a record is of a kind that it does not know");

/// How many statements there are to keep ready, those of [`super::fetch`] and others included.
pub(super) const STATEMENTS: usize = 64;

/// Writes the records of one batch, inside a transaction.
pub(super) struct Writer<'c> {
    connection: &'c Connection,
    last_words: LastWords,
    /// The ids of streams, as far as they were looked up.
    streams: BTreeMap<u32, Option<Uuid>>,
    // What comes by the thousand.
    deliver: Ready<'c>,
    queue: Ready<'c>,
    see: Ready<'c>,
    post: Ready<'c>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            last_words: LastWords::default(),
            streams: BTreeMap::new(),
            deliver: Ready::new(DELIVER),
            queue: Ready::new(QUEUE),
            see: Ready::new(SEE),
            post: Ready::new(POST),
        }
    }

    /// Makes the changes that the records tell of, those that were not made before.
    pub(super) fn write_all(mut self, records: &[Record]) -> Result<(), Fault> {
        for record in records {
            self.write(record)?;
        }
        let last_words = std::mem::take(&mut self.last_words);
        for (id, progress) in last_words.progress {
            self.progress(id, progress)?;
        }
        for ((ring, owner), oldest) in last_words.oldest {
            let (first, _) = range(owner)?;
            self.run(ring.forget(), (first, key(owner, oldest - 1)?))?;
        }
        Ok(())
    }

    fn run(&self, sql: &'static str, params: impl Params) -> Result<(), Fault> {
        self.connection.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn write(&mut self, record: &Record) -> Result<(), Fault> {
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
                stream: id,
                seq,
                envelope,
                is_marked,
            } => self.enqueue(stream(*peer, *kind)?, *id, *seq, envelope, *is_marked),
            Record::Seen {
                peer,
                number,
                id,
                oldest,
            } => self.see(*peer, *number, *id, *oldest),
            Record::Posted {
                user,
                number,
                oldest,
                post,
            } => self.post(*user, *number, *oldest, post),
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
        &mut self,
        user: UserId,
        number: u64,
        word: &str,
        digest: &[u8; 16],
        oldest: u64,
    ) -> Result<(), Fault> {
        let user = user.number();
        self.last_words.oldest(Ring::SendKeys, user, oldest);
        self.run(REMEMBER, (key(user, number)?, word, digest))
    }

    fn post(&mut self, user: UserId, number: u64, oldest: u64, post: &Post) -> Result<(), Fault> {
        let user = user.number();
        self.last_words.oldest(Ring::Posts, user, oldest);
        let (state, reason) = posts::state(post.state);
        let row = (
            key(user, number)?,
            post.id.as_bytes(),
            &*post.to,
            post.unix_ms.cast_signed(),
            &*post.excerpt,
            state,
            reason,
        );
        self.post.add(self.connection, row)?;
        Ok(())
    }

    /// What is there already must be the very same: anything else would be lost without a word.
    fn check_known(&self, sql: &'static str, params: impl Params) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        if statement.exists(params)? {
            return Ok(());
        }
        Err(Fault::Row("a message would take the place of another"))
    }
}
