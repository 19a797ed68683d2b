//! Where a realm keeps its data.

use super::SettingsError;
use super::table::{At, Document, Table};
use chatproto::RealmName;
use chatproto::store::sqlite::{Durability, Retention, SqliteOptions};
use std::path::PathBuf;
use std::time::Duration;

const STORE: [&str; 5] = [
    "folder",
    "durability",
    "bytes_max",
    "history_days",
    "history_messages_max",
];
const HISTORY_DAYS: u64 = 30;
/// No longer than a calendar makes sense for.
const HISTORY_DAYS_MAX: u64 = 36_500;
const HISTORY_MESSAGES_MAX: u64 = 10_000;
/// With less there is no room for the first user.
const BYTES_MIN: u64 = 256 * 1024;
/// No disk is bigger, and the number fits everywhere.
const BYTES_MAX: u64 = 1 << 48;

/// Where a realm keeps its data, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreSettings {
    /// The folder of the files; it is made where there is none.
    pub folder: PathBuf,
    /// What a message that was answered OK outlives.
    pub durability: Durability,
    /// How long the file may become, in bytes; as long as there is room, if nothing is said.
    pub bytes_max: Option<u64>,
    /// How long messages stay after they were read.
    pub history: Duration,
    /// How many read messages of an inbox stay.
    pub history_messages_max: u64,
}

impl StoreSettings {
    /// A store in a folder, kept as a realm file keeps it that says no more.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            durability: Durability::Fsync,
            bytes_max: None,
            history: days(HISTORY_DAYS),
            history_messages_max: HISTORY_MESSAGES_MAX,
        }
    }

    /// The file of a realm.
    #[must_use]
    pub fn file(&self, realm: &RealmName) -> PathBuf {
        self.folder.join(format!("{realm}.db"))
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        let options = SqliteOptions::new().durability(self.durability);
        match self.bytes_max {
            Some(bytes_max) => options.bytes_max(bytes_max),
            None => options,
        }
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention {
            ms: u64::try_from(self.history.as_millis()).unwrap_or(u64::MAX),
            messages_max: self.history_messages_max,
        }
    }
}

/// Reads `[store]`, if there is one.
pub(super) fn read(
    document: Document<'_>,
    top: &Table<'_>,
) -> Result<Option<StoreSettings>, SettingsError> {
    let Some(table) = top.table("store", "[store]", &STORE)? else {
        return Ok(None);
    };
    let folder = table.required_text("folder")?;
    if folder.value.is_empty() {
        let sentence = "\"folder\" names a folder, such as \"data\"";
        return Err(document.error(folder.offset, sentence));
    }
    let mut store = StoreSettings::new(folder.value);
    let durability = [("fsync", Durability::Fsync), ("os", Durability::Os)];
    if let Some(durability) = table.choice("durability", durability)? {
        store.durability = durability.value;
    }
    let bytes = (BYTES_MIN, BYTES_MAX);
    store.bytes_max = number(document, &table, "bytes_max", bytes)?;
    if let Some(count) = number(document, &table, "history_days", (0, HISTORY_DAYS_MAX))? {
        store.history = days(count);
    }
    let messages = (0, u64::from(u32::MAX));
    if let Some(count) = number(document, &table, "history_messages_max", messages)? {
        store.history_messages_max = count;
    }
    Ok(Some(store))
}

/// A number that must lie between two others.
pub(super) fn number(
    document: Document<'_>,
    table: &Table<'_>,
    key: &str,
    (low, high): (u64, u64),
) -> Result<Option<u64>, SettingsError> {
    let Some(At { value, offset }) = table.number(key)? else {
        return Ok(None);
    };
    if (low..=high).contains(&value) {
        return Ok(Some(value));
    }
    let sentence = format!("{key:?} must be from {low} to {high}, not {value}");
    Err(document.error(offset, sentence))
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}
