//! Messages of one inbox, by their numbers.

use super::fault::Fault;
use super::keys::{NUMBER_MAX, OWNER_MAX, key, parts, sender, sender_of};
use crate::store::{Fetch, Fetched, Message, Part};
use rusqlite::{Connection, Row};

const OLDEST: &str =
    "SELECT key, sender, unix_ms, text FROM messages WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
const NEWEST: &str = "SELECT key, sender, unix_ms, text FROM messages WHERE key BETWEEN ?1 AND ?2
    ORDER BY key DESC";

/// Reads what a fetch asks for. With a list of senders all messages between the two numbers may be
/// looked at, but only what is wanted is held.
pub(super) fn fetch(connection: &Connection, fetch: &Fetch) -> Result<Fetched, Fault> {
    let owner = fetch.owner.number();
    if owner > OWNER_MAX || fetch.from > NUMBER_MAX {
        return Ok(Fetched::default());
    }
    let keys = (
        key(owner, fetch.from)?,
        key(owner, fetch.upto.min(NUMBER_MAX))?,
    );
    let mut codes: Option<Vec<i64>> = fetch
        .senders
        .as_ref()
        .map(|senders| senders.iter().copied().map(sender).collect());
    if let Some(codes) = &mut codes {
        codes.sort_unstable();
    }
    let mut statement = connection.prepare_cached(match fetch.part {
        Part::Oldest => OLDEST,
        Part::Newest => NEWEST,
    })?;
    let mut rows = statement.query(keys)?;
    let mut fetched = Fetched::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let code: i64 = row.get(1)?;
        if matches!(&codes, Some(codes) if codes.binary_search(&code).is_err()) {
            continue;
        }
        let count = fetched.messages.len() as u64;
        if count >= fetch.messages_max || count > 0 && bytes >= fetch.bytes_max {
            fetched.more = true;
            break;
        }
        let message = message(row, code)?;
        bytes += message.text.len() as u64;
        fetched.messages.push(message);
    }
    if fetch.part == Part::Newest {
        fetched.messages.reverse();
    }
    Ok(fetched)
}

fn message(row: &Row<'_>, code: i64) -> Result<Message, Fault> {
    let (_, number) = parts(row.get(0)?)?;
    let text = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Message {
        number,
        sender: sender_of(code)?,
        unix_ms: row.get::<_, i64>(2)?.cast_unsigned(),
        text: text.into(),
    })
}
