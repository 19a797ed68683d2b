//! Rows become records again, none before what it speaks of.

use super::fault::Fault;
use super::keys::{NUMBER_MAX, parts, place_parts, sender_of, stream_of};
use crate::envelope::{Envelope, Kind};
use crate::id::{PeerId, RemoteId, UserId};
use crate::name::{RealmName, UserName};
use crate::password::PasswordHash;
use crate::record::Record;
use crate::secret::TokenHash;
use rusqlite::{Connection, Row};
use std::sync::Arc;
use uuid::Uuid;

/// Makes one or two records of a row.
type Make = fn(&Row<'_>, &mut dyn FnMut(Record)) -> Result<(), Fault>;

/// What is read, in this order.
const TABLES: [(&str, Make); 13] = [
    ("SELECT id, name FROM realms ORDER BY id", peer),
    (
        "SELECT id, name, display_name, country, password FROM users ORDER BY id",
        account,
    ),
    ("SELECT id, realm, name FROM remotes ORDER BY id", met),
    ("SELECT key, sender FROM senders ORDER BY key", listed),
    (INBOXES, inbox),
    (
        "SELECT id, user, token, opened_unix_ms, used_unix_ms FROM sessions ORDER BY id",
        session,
    ),
    (
        "SELECT sessions FROM meta
        WHERE sessions > coalesce((SELECT max(id) FROM sessions), 0)",
        last_session,
    ),
    (
        "SELECT key, word, digest, (SELECT min(key) FROM send_keys
            WHERE key >= all_keys.key >> 40 << 40)
        FROM send_keys AS all_keys ORDER BY key",
        send_key,
    ),
    (
        "SELECT id, stream, acknowledged FROM streams ORDER BY id",
        stream,
    ),
    (
        "SELECT key, id, kind, answers, reason, origin, destination, sender, recipient,
            sent_unix_ms, expires_unix_ms, text, is_void
        FROM queue WHERE key & 1099511627775 >
            (SELECT acknowledged FROM streams WHERE id = key >> 40) ORDER BY key",
        queued,
    ),
    (
        "SELECT realm, id, user, address FROM bounces_due ORDER BY realm, id",
        bounce_due,
    ),
    (
        "SELECT id, stream, durable, envelope FROM cursors ORDER BY id",
        cursor,
    ),
    ("SELECT key, id FROM refusals ORDER BY key", refused),
];

/// Whose inbox, up to where it was read, the last message, and the bytes of those that wait: seeks
/// alone, so that history costs nothing.
pub(super) const INBOXES: &str = "
    SELECT id, taken,
        coalesce((SELECT max(key) & 1099511627775 FROM messages
            WHERE key BETWEEN id << 40 AND (id << 40) + 1099511627775), 0) AS last,
        coalesce((SELECT sum(octet_length(text)) FROM messages
            WHERE key BETWEEN (id << 40) + taken + 1 AND (id << 40) + 1099511627775), 0) AS bytes
    FROM (
        SELECT users.id, coalesce(inboxes.taken, 0) AS taken
        FROM users LEFT JOIN inboxes ON inboxes.user = users.id ORDER BY users.id
    )";

/// Gives all records, in one transaction.
pub(super) fn load(connection: &Connection, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let transaction = connection.unchecked_transaction()?;
    for (sql, make) in TABLES {
        let mut statement = transaction.prepare(sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            make(row, each)?;
        }
    }
    Ok(transaction.commit()?)
}

fn text(row: &Row<'_>, column: usize) -> Result<Box<str>, Fault> {
    Ok(row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?
        .into())
}

/// A number that cannot be negative, but may be a 64-bit one that was stored as such.
pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Fault> {
    Ok(row.get(column)?)
}

fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, Fault> {
    bytes(row, column).map(Uuid::from_bytes)
}

fn user_name(row: &Row<'_>, column: usize) -> Result<UserName, Fault> {
    UserName::parse(&text(row, column)?).map_err(|_| Fault::Row("a user's name is none"))
}

fn realm_name(row: &Row<'_>, column: usize) -> Result<RealmName, Fault> {
    RealmName::parse(&text(row, column)?).map_err(|_| Fault::Row("a realm's name is none"))
}

fn user(row: &Row<'_>, column: usize) -> Result<UserId, Fault> {
    Ok(UserId::from_number(row.get(column)?))
}

fn realm(row: &Row<'_>, column: usize) -> Result<PeerId, Fault> {
    Ok(PeerId::from_number(row.get(column)?))
}

fn peer(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    each(Record::Peer {
        peer: realm(row, 0)?,
        name: realm_name(row, 1)?,
    });
    Ok(())
}

fn account(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let password = row.get_ref(4)?.as_str_or_null();
    let password = password
        .map_err(rusqlite::Error::from)?
        .map(PasswordHash::parse)
        .transpose()
        .map_err(|_| Fault::Row("a password is no hash"))?;
    each(Record::Account {
        user: user(row, 0)?,
        name: user_name(row, 1)?,
        display_name: text(row, 2)?,
        country: text(row, 3)?,
        password,
    });
    Ok(())
}

fn met(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    each(Record::Met {
        remote: RemoteId::from_number(row.get(0)?),
        peer: realm(row, 1)?,
        name: user_name(row, 2)?,
    });
    Ok(())
}

fn listed(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (owner, position) = place_parts(row.get(0)?)?;
    each(Record::Listed {
        owner,
        position,
        sender: sender_of(row.get(1)?)?,
    });
    Ok(())
}

fn inbox(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (taken, last) = (number(row, 1)?, number(row, 2)?);
    if taken > NUMBER_MAX {
        return Err(Fault::Row(
            "an inbox was read up to where no message can be",
        ));
    }
    if taken > 0 || last > 0 {
        each(Record::Inbox {
            owner: user(row, 0)?,
            taken,
            // Of an inbox that was read and whose history is gone, there are no rows left.
            last: last.max(taken),
            bytes: number(row, 3)?,
        });
    }
    Ok(())
}

fn session(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (session, opened, used) = (number(row, 0)?, number(row, 3)?, number(row, 4)?);
    each(Record::SessionOpened {
        session,
        user: user(row, 1)?,
        token: TokenHash::from_bytes(bytes(row, 2)?),
        unix_ms: opened,
    });
    if used != opened {
        each(Record::SessionUsed {
            session,
            unix_ms: used,
        });
    }
    Ok(())
}

/// Numbers go on after the greatest one that ever was.
fn last_session(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    each(Record::SessionEnded {
        session: number(row, 0)?,
    });
    Ok(())
}

fn send_key(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (owner, number) = parts(row.get(0)?)?;
    let (_, oldest) = parts(row.get(3)?)?;
    each(Record::SendKey {
        user: UserId::from_number(owner),
        number,
        key: text(row, 1)?,
        digest: bytes(row, 2)?,
        oldest,
    });
    Ok(())
}

fn stream(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (peer, kind) = stream_of(row.get(0)?)?;
    each(Record::StreamBegun {
        peer,
        kind,
        stream: uuid(row, 1)?,
    });
    let durable = number(row, 2)?;
    if durable > 0 {
        each(Record::Acknowledged {
            peer,
            kind,
            durable,
        });
    }
    Ok(())
}

fn queued(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (id, seq) = parts(row.get(0)?)?;
    let (peer, kind) = stream_of(id)?;
    let envelope = Envelope {
        id: uuid(row, 1)?,
        kind: envelope_kind(row)?,
        origin: realm_name(row, 5)?,
        destination: realm_name(row, 6)?,
        from: row.get(7)?,
        to: row.get(8)?,
        sent_unix_ms: number(row, 9)?,
        expires_unix_ms: number(row, 10)?,
        text: row.get(11)?,
    };
    each(Record::Queued {
        peer,
        kind,
        seq,
        envelope: Arc::new(envelope),
    });
    if row.get(12)? {
        each(Record::Voided { peer, kind, seq });
    }
    Ok(())
}

fn envelope_kind(row: &Row<'_>) -> Result<Kind, Fault> {
    match &*text(row, 2)? {
        "message" => Ok(Kind::Message),
        "bounce" => Ok(Kind::Bounce {
            answers: uuid(row, 3)?,
            reason: row.get(4)?,
        }),
        other => other
            .strip_prefix("other:")
            .map(|word| Kind::Other(word.to_owned()))
            .ok_or(Fault::Row("an envelope is of no known kind")),
    }
}

fn bounce_due(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    each(Record::BounceDue {
        peer: realm(row, 0)?,
        id: uuid(row, 1)?,
        user: user(row, 2)?,
        to: text(row, 3)?,
    });
    Ok(())
}

fn cursor(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (peer, kind) = stream_of(row.get(0)?)?;
    each(Record::Cursor {
        peer,
        kind,
        stream: uuid(row, 1)?,
        durable: number(row, 2)?,
        id: uuid(row, 3)?,
    });
    Ok(())
}

fn refused(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (peer, seq) = parts(row.get(0)?)?;
    each(Record::Refused {
        peer: PeerId::from_number(peer),
        seq,
        id: uuid(row, 1)?,
    });
    Ok(())
}
