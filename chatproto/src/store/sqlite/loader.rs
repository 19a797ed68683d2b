//! Rows become records again, none before what it speaks of.

use super::columns::{bytes, number, realm, realm_name, text, user, user_name, uuid};
use super::fault::Fault;
use super::keys::{NUMBER_MAX, parts, place_parts, sender_of, stream_of};
use super::{posts, queue};
use crate::id::{PeerId, RemoteId, UserId};
use crate::password::PasswordHash;
use crate::record::Record;
use crate::secret::TokenHash;
use rusqlite::{Connection, Row};
use std::sync::Arc;

/// Makes one or two records of a row.
type Make = fn(&Row<'_>, &mut dyn FnMut(Record)) -> Result<(), Fault>;

/// What is read, in this order.
const TABLES: [(&str, Make); 16] = [
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
        "SELECT id, stream, acknowledged, acknowledged_id, marked FROM streams ORDER BY id",
        stream,
    ),
    (queue::WAITING, queued),
    (
        "SELECT realm, id, user, address FROM bounces_due ORDER BY realm, id",
        bounce_due,
    ),
    (
        "SELECT id, stream, durable, envelope FROM cursors ORDER BY id",
        cursor,
    ),
    ("SELECT key, id FROM refusals ORDER BY key", refused),
    (
        "SELECT key, id, (SELECT min(key) FROM seen WHERE key >= all_seen.key >> 40 << 40)
        FROM seen AS all_seen ORDER BY key",
        seen,
    ),
    (
        "SELECT key, id, recipient, unix_ms, excerpt, state, reason, (SELECT min(key) FROM posts
            WHERE key >= all_posts.key >> 40 << 40)
        FROM posts AS all_posts ORDER BY key",
        posted,
    ),
    ("SELECT id FROM realms WHERE is_paused ORDER BY id", paused),
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
    let stream = uuid(row, 1)?;
    each(Record::StreamBegun { peer, kind, stream });
    let (durable, upto) = (number(row, 2)?, number(row, 4)?);
    if durable > 0 {
        each(Record::Acknowledged {
            peer,
            kind,
            stream,
            durable,
            id: uuid(row, 3)?,
        });
    }
    if upto > 0 {
        each(Record::Marked {
            peer,
            kind,
            stream,
            upto,
        });
    }
    Ok(())
}

fn queued(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (id, seq) = parts(row.get(0)?)?;
    let (peer, kind) = stream_of(id)?;
    let stream = queue::stream_id(row)?;
    each(Record::Queued {
        peer,
        kind,
        stream,
        seq,
        envelope: Arc::new(queue::envelope(row)?),
        is_marked: false,
    });
    if queue::is_void(row)? {
        each(Record::Voided {
            peer,
            kind,
            stream,
            seq,
        });
    }
    Ok(())
}

fn posted(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (owner, number) = parts(row.get(0)?)?;
    let (_, oldest) = parts(row.get(7)?)?;
    each(Record::Posted {
        user: UserId::from_number(owner),
        number,
        oldest,
        post: posts::post(row)?,
    });
    Ok(())
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

fn seen(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    let (peer, number) = parts(row.get(0)?)?;
    let (_, oldest) = parts(row.get(2)?)?;
    each(Record::Seen {
        peer: PeerId::from_number(peer),
        number,
        id: uuid(row, 1)?,
        oldest,
    });
    Ok(())
}

fn paused(row: &Row<'_>, each: &mut dyn FnMut(Record)) -> Result<(), Fault> {
    each(Record::Paused {
        peer: realm(row, 0)?,
        is_paused: true,
    });
    Ok(())
}
