//! What became of messages to other realms, as rows have it.

use super::columns::{number, text, uuid};
use super::fault::Fault;
use crate::error::ErrorCode;
use crate::record::{Post, PostState};
use rusqlite::Row;

/// The numbers of a state: what became of it, and why.
pub(super) fn state(state: PostState) -> (i64, Option<&'static str>) {
    match state {
        PostState::Queued => (0, None),
        PostState::Delivered => (1, None),
        PostState::Failed(reason) => (2, reason.map(ErrorCode::code)),
        PostState::Unknown => (3, None),
    }
}

/// The post in a row, after its key.
pub(super) fn post(row: &Row<'_>) -> Result<Post, Fault> {
    Ok(Post {
        id: uuid(row, 1)?,
        to: text(row, 2)?,
        unix_ms: number(row, 3)?,
        excerpt: text(row, 4)?,
        state: match row.get(5)? {
            0 => PostState::Queued,
            1 => PostState::Delivered,
            2 => PostState::Failed(reason(row)?),
            3 => PostState::Unknown,
            _ => return Err(Fault::Row("a message has come to nothing that there is")),
        },
    })
}

/// A reason that only a later version knows is none to this one.
fn reason(row: &Row<'_>) -> Result<Option<ErrorCode>, Fault> {
    let code = row.get_ref(6)?.as_str_or_null();
    let code = code.map_err(rusqlite::Error::from)?;
    let is_it = |known: &&ErrorCode| Some(known.code()) == code;
    Ok(ErrorCode::ALL.iter().find(is_it).copied())
}
