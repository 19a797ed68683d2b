//! What the columns of a row hold.

use super::fault::Fault;
use crate::id::{PeerId, UserId};
use crate::name::{RealmName, UserName};
use rusqlite::Row;
use uuid::Uuid;

pub(super) fn text(row: &Row<'_>, column: usize) -> Result<Box<str>, Fault> {
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

pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Fault> {
    Ok(row.get(column)?)
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, Fault> {
    bytes(row, column).map(Uuid::from_bytes)
}

pub(super) fn user_name(row: &Row<'_>, column: usize) -> Result<UserName, Fault> {
    UserName::parse(&text(row, column)?).map_err(|_| Fault::Row("a user's name is none"))
}

pub(super) fn realm_name(row: &Row<'_>, column: usize) -> Result<RealmName, Fault> {
    RealmName::parse(&text(row, column)?).map_err(|_| Fault::Row("a realm's name is none"))
}

pub(super) fn user(row: &Row<'_>, column: usize) -> Result<UserId, Fault> {
    Ok(UserId::from_number(row.get(column)?))
}

pub(super) fn realm(row: &Row<'_>, column: usize) -> Result<PeerId, Fault> {
    Ok(PeerId::from_number(row.get(column)?))
}
