//! A statement that is looked up once a batch, not once a record.

use super::Fault;
use rusqlite::{CachedStatement, Connection, Params};

pub(super) struct Ready<'c> {
    sql: &'static str,
    statement: Option<CachedStatement<'c>>,
}

impl<'c> Ready<'c> {
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            statement: None,
        }
    }

    /// Returns whether a row was added.
    pub(super) fn add(
        &mut self,
        connection: &'c Connection,
        params: impl Params,
    ) -> Result<bool, Fault> {
        let statement = match &mut self.statement {
            Some(statement) => statement,
            none => none.insert(connection.prepare_cached(self.sql)?),
        };
        Ok(statement.execute(params)? > 0)
    }
}
