//! Who may log in, and how passwords are kept.

use super::SettingsError;
use super::storage::number;
use super::table::{At, Document, Table};
use chatproto::{Argon2Cost, PasswordHash, Passwords, UserConfig};

const USER: [&str; 5] = [
    "name",
    "display_name",
    "country",
    "password",
    "password_hash",
];
const PASSWORDS: [&str; 4] = ["scheme", "memory_kib", "passes", "lanes"];
/// What a hash costs, where nothing is said: memory in KiB, passes and lanes.
pub(crate) const COST: [u32; 3] = [19_456, 2, 1];

/// What a password must be, so that `auth` can carry it.
pub(crate) const PASSWORD_RULE: &str =
    "a password has at least one character and no white space, or nobody could log in with it";

/// Whether somebody could log in with that password.
pub(crate) fn is_password(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Reads `[[users]]`.
pub(super) fn read(
    document: Document<'_>,
    top: &Table<'_>,
) -> Result<Vec<UserConfig>, SettingsError> {
    let mut users: Vec<UserConfig> = Vec::new();
    for table in top.tables("users", "[[users]]", &USER)? {
        let name = table.required_text("name")?;
        let user = user(document, &table, name)?;
        if users.iter().any(|other| other.name == user.name) {
            let sentence = format!("the user {:?} is named twice", user.name.as_str());
            return Err(document.error(name.offset, sentence));
        }
        users.push(user);
    }
    Ok(users)
}

fn user(
    document: Document<'_>,
    table: &Table<'_>,
    name: At<&str>,
) -> Result<UserConfig, SettingsError> {
    let text = |key, default| {
        let text = table.text(key)?;
        Ok(text.map_or(default, |text: At<&str>| text.value))
    };
    let display_name = text("display_name", name.value)?;
    let country = text("country", "")?;
    let (plain, hash) = (table.text("password")?, table.text("password_hash")?);
    let user = match (plain, hash) {
        (Some(plain), None) if is_password(plain.value) => {
            UserConfig::new(name.value, display_name, country, plain.value)
        }
        (Some(plain), None) => return Err(document.error(plain.offset, PASSWORD_RULE)),
        (None, Some(hash)) => {
            let parsed = PasswordHash::parse(hash.value);
            let parsed = parsed.map_err(|error| document.error(hash.offset, error.to_string()))?;
            UserConfig::hashed(name.value, display_name, country, parsed)
        }
        (Some(_), Some(hash)) => {
            let sentence = "a user has a \"password\" or a \"password_hash\", not both";
            return Err(document.error(hash.offset, sentence));
        }
        (None, None) => {
            let sentence = "[[users]] needs the key \"password\", or \"password_hash\" with what `realmd \
                            hash-password` prints";
            return Err(table.error(sentence));
        }
    };
    user.map_err(|error| document.error(name.offset, error.to_string()))
}

/// Reads `[passwords]`.
pub(super) fn passwords(
    document: Document<'_>,
    top: &Table<'_>,
) -> Result<Passwords, SettingsError> {
    let Some(table) = top.table("passwords", "[passwords]", &PASSWORDS)? else {
        return Ok(Passwords::default());
    };
    let is_plain = table.choice("scheme", [("argon2id", false), ("plain", true)])?;
    let costs = ["memory_kib", "passes", "lanes"];
    if is_plain.is_some_and(|plain| plain.value) {
        let cost = table.keys().filter(|key| costs.contains(&key.value));
        return match cost.min_by_key(|key| key.offset) {
            None => Ok(Passwords::Plain),
            Some(key) => {
                let sentence = format!("{:?} is for the scheme \"argon2id\" alone", key.value);
                Err(document.error(key.offset, sentence))
            }
        };
    }
    let mut cost = COST;
    for (key, value) in costs.into_iter().zip(&mut cost) {
        if let Some(number) = number(document, &table, key, (1, u64::from(u32::MAX)))? {
            *value = u32::try_from(number).unwrap_or(*value);
        }
    }
    let [memory_kib, passes, lanes] = cost;
    Argon2Cost::new(memory_kib, passes, lanes)
        .map(Passwords::Argon2id)
        .map_err(|error| table.error(error.to_string()))
}
