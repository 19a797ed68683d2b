//! The format of a store: how a new one is laid out, and how one of an earlier format becomes one of
//! today's.

use super::fault::{Fault, damaged};
use crate::name::RealmName;
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode};

/// Tells a store from all other `SQLite` files: "chtp".
const APPLICATION_ID: i32 = 0x6368_7470;

/// What leads from each format to the next; the first one from format 1 to format 2. A step that
/// was released is never changed again.
const STEPS: &[&str] = &[];

const TABLES: &str = include_str!("tables.sql");
const VIEWS: &str = include_str!("views.sql");

/// Lays out an empty store.
pub(super) fn create(connection: &Connection, realm: &RealmName) -> Result<(), Fault> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(VIEWS)?;
    transaction.execute(
        "INSERT INTO meta (only, realm) VALUES (1, ?1)",
        (realm.as_str(),),
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", format(STEPS))?;
    Ok(transaction.commit()?)
}

/// The format that these steps end at.
fn format(steps: &[&str]) -> u32 {
    1 + steps.len() as u32
}

/// Checks that a file is a store of this realm, of a format that is known.
pub(super) fn recognise(
    connection: &Connection,
    name: &str,
    realm: &RealmName,
) -> Result<(), StoreError> {
    recognise_among(connection, name, realm, STEPS)
}

fn recognise_among(
    connection: &Connection,
    name: &str,
    realm: &RealmName,
    steps: &[&str],
) -> Result<(), StoreError> {
    let pragma = |pragma| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
            .map_err(|error| not_a_store(name, error))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(foreign(name));
    }
    let (found, known) = (pragma("user_version")?, format(steps));
    // A negative one cannot be told from one of a far future.
    let found = found.cast_unsigned();
    if found > known {
        return Err(StoreError::Newer(format!(
            "the store {name} has format {found}, and this program knows formats up to {known}: run \
             the newer program that made it"
        )));
    }
    if found < 1 {
        return Err(damaged(name, "it has no format"));
    }
    let owner: String = connection
        .query_row("SELECT realm FROM meta", (), |row| row.get(0))
        .map_err(|error| Fault::from(error).at(name))?;
    if owner != realm.as_str() {
        return Err(StoreError::Foreign(format!(
            "the store {name} belongs to the realm {owner}, not to {realm}: name another file, or the \
             right realm"
        )));
    }
    Ok(())
}

fn foreign(name: &str) -> StoreError {
    StoreError::Foreign(format!(
        "the file {name} is not a realm's store, or its beginning is damaged: name another file, or put \
         back a backup; it was left as it is"
    ))
}

/// A file that is nothing of `SQLite`'s may be anything, a store whose beginning is damaged included.
fn not_a_store(name: &str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(name),
        _ => Fault::Sql(error).at(name),
    }
}

/// Brings a store to the present format: wholly, or not at all.
pub(super) fn migrate(connection: &Connection) -> Result<(), Fault> {
    migrate_by(connection, STEPS)
}

fn migrate_by(connection: &Connection, steps: &[&str]) -> Result<(), Fault> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = found.saturating_sub(1) as usize;
    let missing = steps.get(done..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    // What ends early is rolled back when the transaction is dropped.
    let transaction = connection.unchecked_transaction()?;
    // A step need not know the views: they are for people, and made anew.
    let views: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?
        .query_map((), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for view in views {
        transaction.execute_batch(&format!("DROP VIEW \"{view}\""))?;
    }
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(VIEWS)?;
    transaction.pragma_update(None, "user_version", format(steps))?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &[&str] = &[
        "ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT 'id'",
        "CREATE TABLE badges (user INTEGER PRIMARY KEY, badge TEXT NOT NULL) STRICT;
        INSERT INTO badges SELECT id, 'founder' FROM users",
    ];

    fn realm1() -> RealmName {
        RealmName::parse("realm1").unwrap()
    }

    fn old_store() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection, &realm1()).unwrap();
        let messi = "INSERT INTO users VALUES (0, 'messi', 'Lionel Messi', 'Argentina', NULL)";
        connection.execute(messi, ()).unwrap();
        connection
    }

    fn schema(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> T {
        connection.query_row(sql, (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_old_store_takes_all_steps_that_it_lacks() {
        let connection = old_store();

        migrate_by(&connection, &LATER[..1]).unwrap();
        assert_eq!(one::<i64>(&connection, "PRAGMA user_version"), 2);
        migrate_by(&connection, LATER).unwrap();

        assert_eq!(one::<i64>(&connection, "PRAGMA user_version"), 3);
        assert_eq!(
            one::<String>(&connection, "SELECT language FROM users"),
            "id"
        );
        assert_eq!(
            one::<String>(&connection, "SELECT badge FROM badges"),
            "founder"
        );
        assert_eq!(
            one::<String>(&connection, "SELECT name FROM people"),
            "messi"
        );
        assert!(recognise_among(&connection, "x", &realm1(), LATER).is_ok());
        let newer = recognise(&connection, "x", &realm1());
        assert!(matches!(newer, Err(StoreError::Newer(_))), "{newer:?}");
        // Once more is no step more.
        migrate_by(&connection, LATER).unwrap();
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let connection = old_store();
        let before = schema(&connection);

        let failed = migrate_by(&connection, &[LATER[0], "INSERT INTO nowhere VALUES (1)"]);

        assert!(failed.is_err());
        assert_eq!(schema(&connection), before);
        assert_eq!(one::<i64>(&connection, "PRAGMA user_version"), 1);
        assert!(connection.is_autocommit());
    }
}
