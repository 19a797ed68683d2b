//! A realm's own secret key, and the files it is kept in.

use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::{fallible, guard};
use crate::handle::{is_shared, out, shared};
use crate::view::{chatproto_str, file_path};
use chatproto::key_file;
use chatproto::link::key::StaticKey;
use std::ptr;
use zeroize::Zeroizing;

/// A realm's own secret key: whoever has it can pass for the realm. It cannot be read but from the
/// one file that may hold it, in which realmd and the Python package can read it too.
///
/// Ownership: made by `chatproto_key_generate`, `_load` or `_load_or_make`, freed by
/// `chatproto_key_free`; whatever it is given to keeps a copy. Threads: it never changes, so any
/// number may use it at a time.
pub struct chatproto_key {
    pub(crate) key: StaticKey,
    public: String,
}

const _: () = is_shared::<chatproto_key>();

impl chatproto_key {
    fn give(key: StaticKey) -> *mut Self {
        let public = key.public().to_string();
        Box::into_raw(Box::new(Self { key, public }))
    }
}

/// Fresh entropy from the system.
pub(crate) fn fresh_seed() -> Result<[u8; 32], Fault> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

fn fresh_key() -> Result<StaticKey, Fault> {
    let seed = Zeroizing::new(fresh_seed()?);
    Ok(StaticKey::from_seed(*seed))
}

/// Makes a new key, of fresh entropy. Save it: peers know the realm by it.
///
/// Errors: `NO_RANDOM`; then `*key` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_generate(key: *mut *mut chatproto_key) -> chatproto_error {
    fallible!({
        let key = out!(key)?;
        key.put(ptr::null_mut());
        key.put(chatproto_key::give(fresh_key()?));
        Ok(())
    })
}

/// Reads a key file.
///
/// Errors: `KEY_NOT_THERE`, `KEY_OPEN` if others than its owner may read it, `NO_KEY_FILE`,
/// `KEY_FILE`; then `*key` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_load(
    path: chatproto_str,
    key: *mut *mut chatproto_key,
) -> chatproto_error {
    fallible!({
        let key = out!(key)?;
        key.put(ptr::null_mut());
        key.put(chatproto_key::give(key_file::read(&file_path!(path)?)?));
        Ok(())
    })
}

/// Reads a key file, and makes one with a new key if there is none.
///
/// Errors: those of `chatproto_key_load` but the first, and those of `chatproto_key_save`; then
/// `*key` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_load_or_make(
    path: chatproto_str,
    key: *mut *mut chatproto_key,
) -> chatproto_error {
    fallible!({
        let key = out!(key)?;
        key.put(ptr::null_mut());
        let found = key_file::read_or_write(&file_path!(path)?, fresh_key()?)?;
        key.put(chatproto_key::give(found));
        Ok(())
    })
}

/// Writes a new file that its owner alone may read, and the public key beside it: `realm1.pub` for
/// `realm1.key`. A file that is there stays as it is.
///
/// Errors: `KEY_EXISTS`, `KEY_FILE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_save(
    key: *const chatproto_key,
    path: chatproto_str,
) -> chatproto_error {
    fallible!({
        let key = shared!(key)?;
        Ok(key_file::write(&file_path!(path)?, &key.key)?)
    })
}

/// Shows the key that peers may know, 44 characters; valid as long as the key is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_public(
    key: *const chatproto_key,
    public_key: *mut chatproto_str,
) -> chatproto_error {
    fallible!({
        let (key, public_key) = (shared!(key)?, out!(public_key)?);
        public_key.put(chatproto_str::of(&key.public));
        Ok(())
    })
}

/// Frees a key, which is wiped once the last object that keeps a copy is gone. Does nothing for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_key_free(key: *mut chatproto_key) {
    guard!((), {
        if !key.is_null() {
            // SAFETY: as the header says, it is from one of the functions above and not freed.
            drop(unsafe { Box::from_raw(key) });
        }
    });
}
