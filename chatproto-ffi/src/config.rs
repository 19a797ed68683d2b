//! What a realm is made of, told bit by bit.

use crate::clock::chatproto_now;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::{fallible, guard};
use crate::handle::{self, Handle, object, opaque, out, shared};
use crate::key::chatproto_key;
use crate::peer::{Peer, chatproto_peer};
use crate::view::{bytes, chatproto_bytes, chatproto_str, file_path, text};
use chatproto::link::key::StaticKey;
use chatproto::store::sqlite::Durability;
use chatproto::work::Place;
use chatproto::{Argon2Cost, Config, Detail, Now, PasswordHash, Passwords, RealmName, UserConfig};
use std::ptr;

/// How a hash begins, which no password should.
const HASH: &str = "$argon2id$";

/// How passwords are kept: `CHATPROTO_PASSWORDS_ARGON2ID` or `CHATPROTO_PASSWORDS_PLAIN`.
pub type chatproto_passwords = i32;
/// As Argon2id hashes. Logging in is then work of the kind `CHATPROTO_WORK_HASH`.
pub const CHATPROTO_PASSWORDS_ARGON2ID: chatproto_passwords = 0;
/// As they are, in memory alone: for lessons and tests.
pub const CHATPROTO_PASSWORDS_PLAIN: chatproto_passwords = 1;

/// How much a realm tells in its events: one of the numbers `CHATPROTO_DETAIL_...`.
pub type chatproto_detail = i32;
/// Connections, logins, links, and whatever went wrong.
pub const CHATPROTO_DETAIL_ESSENTIAL: chatproto_detail = 0;
/// Each command as well.
pub const CHATPROTO_DETAIL_COMMANDS: chatproto_detail = 1;
/// Each line and each reply as well, secrets masked.
pub const CHATPROTO_DETAIL_WIRE: chatproto_detail = 2;
/// Nothing, for programs that throw events away; `chatproto_realm_store_failure` still tells why a
/// store is broken.
pub const CHATPROTO_DETAIL_SILENT: chatproto_detail = 3;

/// What a commit outlives: `CHATPROTO_DURABILITY_FSYNC` or `CHATPROTO_DURABILITY_OS`.
pub type chatproto_durability = i32;
/// A power cut.
pub const CHATPROTO_DURABILITY_FSYNC: chatproto_durability = 0;
/// A killed process. After a power cut the last commits may be gone, but the file is sound.
pub const CHATPROTO_DURABILITY_OS: chatproto_durability = 1;

/// What a realm is made of: its name, users, peers and limits, its key, and where it is kept.
///
/// Ownership: made by `chatproto_config_new`, freed by `chatproto_config_free`. Realms and link
/// configurations take copies, so it may be freed once they are made, or used again. Threads: one
/// at a time, any; one that comes while another is inside gets `BUSY`.
pub struct chatproto_config(pub(crate) Handle<Settings>);

opaque!(chatproto_config: Settings);

/// What was told so far.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) peers: Vec<Peer>,
    pub(crate) key: Option<StaticKey>,
    pub(crate) place: Option<Place>,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) start: Option<Now>,
}

/// Begins the configuration of a realm of that name: no users, no peers, the default limits, and no
/// store.
///
/// Errors: `NOT_A_NAME`; then `*config` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_new(
    name: chatproto_str,
    config: *mut *mut chatproto_config,
) -> chatproto_error {
    fallible!({
        let config = out!(config)?;
        config.put(ptr::null_mut());
        let name = RealmName::parse(text!(name)?)?;
        config.put(handle::give(Settings {
            config: Config::new(name),
            peers: Vec::new(),
            key: None,
            place: None,
            seed: None,
            start: None,
        }));
        Ok(())
    })
}

/// Frees a configuration. Does nothing for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_free(config: *mut chatproto_config) {
    guard!((), {
        // SAFETY: as the header says, it is NULL or from `chatproto_config_new` and not freed.
        unsafe { handle::free(config) };
    });
}

/// Adds a user that the realm has from its start. One that its store knows already stays as it is
/// there.
///
/// `password` is what the user logs in with, or a hash of it that begins with "$argon2id$", as
/// `realmd hash-password` prints it. Where `display_name` is empty, others see `name`; `country`
/// may be empty.
///
/// Errors: `NOT_A_NAME`, `NOT_A_HASH`, `PASSWORD_COST`. A name that is there twice is told by
/// `chatproto_realm_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_add_user(
    config: *mut chatproto_config,
    name: chatproto_str,
    password: chatproto_str,
    display_name: chatproto_str,
    country: chatproto_str,
) -> chatproto_error {
    fallible!({
        let config = object!(config)?;
        let (name, password) = (text!(name)?, text!(password)?);
        let user = user(name, password, text!(display_name)?, text!(country)?)?;
        config.0.with(|settings| {
            settings.config.users.push(user);
            Ok(())
        })
    })
}

/// A user whose password is one, or a hash.
pub(crate) fn user(
    name: &str,
    password: &str,
    display_name: &str,
    country: &str,
) -> Result<UserConfig, Fault> {
    let display_name = match display_name {
        "" => name,
        other => other,
    };
    let user = if password.starts_with(HASH) {
        let hash = PasswordHash::parse(password)?;
        UserConfig::hashed(name, display_name, country, hash)
    } else {
        UserConfig::new(name, display_name, country, password)
    };
    Ok(user?)
}

/// Adds a peer: another realm that this one speaks with.
///
/// Errors: `NOT_A_NAME`, `NOT_A_KEY`, `KEY_UNUSED`, `INVALID_ARGUMENT` for an unknown mode. A name
/// that is there twice is told by `chatproto_realm_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_add_peer(
    config: *mut chatproto_config,
    peer: *const chatproto_peer,
) -> chatproto_error {
    fallible!({
        let config = object!(config)?;
        let peer = Peer::read(shared!(peer)?)?;
        config.0.with(|settings| {
            settings.config.peers.push(peer.config());
            settings.peers.push(peer);
            Ok(())
        })
    })
}

/// Sets a limit, such as `inbox_messages_max`; `hello` shows them all.
///
/// Errors: `LIMIT_UNKNOWN`, `LIMIT_RANGE`. Limits that contradict each other are told by
/// `chatproto_realm_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_limit(
    config: *mut chatproto_config,
    name: chatproto_str,
    value: u64,
) -> chatproto_error {
    fallible!({
        let (config, name) = (object!(config)?, text!(name)?);
        config
            .0
            .with(|settings| Ok(settings.config.limits.set(name, value)?))
    })
}

/// Shows a limit.
///
/// Errors: `LIMIT_UNKNOWN`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_limit(
    config: *mut chatproto_config,
    name: chatproto_str,
    value: *mut u64,
) -> chatproto_error {
    fallible!({
        let (config, name, value) = (object!(config)?, text!(name)?, out!(value)?);
        config.0.with(|settings| {
            let mut limits = settings.config.limits.iter();
            let limit = limits.find(|(limit, _)| *limit == name);
            let (_, limit) =
                limit.ok_or_else(|| chatproto::LimitError::Unknown(name.to_owned()))?;
            value.put(limit);
            Ok(())
        })
    })
}

/// Says how passwords are kept; as Argon2id hashes, if nothing is said.
///
/// Errors: `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_passwords(
    config: *mut chatproto_config,
    passwords: chatproto_passwords,
) -> chatproto_error {
    fallible!({
        let config = object!(config)?;
        let passwords = match passwords {
            CHATPROTO_PASSWORDS_ARGON2ID => Passwords::default(),
            CHATPROTO_PASSWORDS_PLAIN => Passwords::Plain,
            _ => return Err(Fault::invalid("no way to keep passwords has that number")),
        };
        config.0.with(|settings| {
            settings.config.passwords = passwords;
            Ok(())
        })
    })
}

/// Says that passwords are kept as Argon2id hashes, and what one costs: memory in KiB, passes over
/// it, and lanes that could run side by side. The default is 19456, 2 and 1.
///
/// Errors: `PASSWORD_COST`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_password_cost(
    config: *mut chatproto_config,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> chatproto_error {
    fallible!({
        let config = object!(config)?;
        let cost = Argon2Cost::new(memory_kib, passes, lanes)?;
        config.0.with(|settings| {
            settings.config.passwords = Passwords::Argon2id(cost);
            Ok(())
        })
    })
}

/// Says how much the realm tells in its events; the essential, if nothing is said.
///
/// Errors: `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_detail(
    config: *mut chatproto_config,
    detail: chatproto_detail,
) -> chatproto_error {
    fallible!({
        let config = object!(config)?;
        let detail = match detail {
            CHATPROTO_DETAIL_ESSENTIAL => Detail::Essential,
            CHATPROTO_DETAIL_COMMANDS => Detail::Commands,
            CHATPROTO_DETAIL_WIRE => Detail::Wire,
            CHATPROTO_DETAIL_SILENT => Detail::Silent,
            _ => return Err(Fault::invalid("no detail of events has that number")),
        };
        config.0.with(|settings| {
            settings.config.detail = detail;
            Ok(())
        })
    })
}

/// Gives the realm its own key, which encrypted links need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_key(
    config: *mut chatproto_config,
    key: *const chatproto_key,
) -> chatproto_error {
    fallible!({
        let (config, key) = (object!(config)?, shared!(key)?);
        config.0.with(|settings| {
            settings.key = Some(key.key.clone());
            Ok(())
        })
    })
}

/// Has the realm kept in a file of `SQLite`, made if there is none; a file beside it, whose name
/// ends in `.lock`, keeps others out. `path` may be any bytes where the system's paths are bytes.
///
/// Errors: `INVALID_ARGUMENT` for an empty path, or an unknown durability. Whether it can be opened
/// is told by `chatproto_realm_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_store_file(
    config: *mut chatproto_config,
    path: chatproto_str,
    durability: chatproto_durability,
) -> chatproto_error {
    fallible!({
        let (config, path) = (object!(config)?, file_path!(path)?);
        let durability = match durability {
            CHATPROTO_DURABILITY_FSYNC => Durability::Fsync,
            CHATPROTO_DURABILITY_OS => Durability::Os,
            _ => return Err(Fault::invalid("no durability has that number")),
        };
        config.0.with(|settings| {
            settings.place = Some(Place::File { path, durability });
            Ok(())
        })
    })
}

/// Has the realm kept in a store in memory, which is gone with it: for tests and lessons. What
/// depends on a commit waits for it as with a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_store_memory(
    config: *mut chatproto_config,
) -> chatproto_error {
    fallible!({
        object!(config)?.0.with(|settings| {
            settings.place = Some(Place::Memory);
            Ok(())
        })
    })
}

/// Sets the seed of the realm's randomness, 32 bytes, so that a play can be repeated. For tests
/// alone: a seed that is used twice repeats tokens, and one that is known gives them away. Without
/// one, every realm gets a fresh one of the system's.
///
/// Errors: `INVALID_ARGUMENT` for another length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_seed(
    config: *mut chatproto_config,
    seed: chatproto_bytes,
) -> chatproto_error {
    fallible!({
        let (config, seed) = (object!(config)?, bytes!(seed)?);
        let seed = <[u8; 32]>::try_from(seed);
        let seed = seed.map_err(|_| Fault::invalid("a seed has 32 bytes"))?;
        config.0.with(|settings| {
            settings.seed = Some(seed);
            Ok(())
        })
    })
}

/// Sets the moment at which the realm begins, for programs with a clock of their own; the system's,
/// if nothing is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_config_set_start(
    config: *mut chatproto_config,
    start: chatproto_now,
) -> chatproto_error {
    fallible!({
        object!(config)?.0.with(|settings| {
            settings.start = Some(start.engine());
            Ok(())
        })
    })
}
