//! What the program that owns a realm does in it directly, in anybody's name.

use super::chatproto_realm;
use crate::clock::chatproto_now;
use crate::config;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::fallible;
use crate::handle::{object, out};
use crate::view::{chatproto_str, text};
use chatproto::{Profile, Token};

/// A user as others may see it. Its texts are valid until the next call with that realm.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_profile {
    /// What the user logs in with.
    pub name: chatproto_str,
    /// What others see.
    pub display_name: chatproto_str,
    /// Where the user is from.
    pub country: chatproto_str,
}

impl chatproto_profile {
    const NONE: Self = Self {
        name: chatproto_str::NONE,
        display_name: chatproto_str::NONE,
        country: chatproto_str::NONE,
    };

    fn of(profile: Profile<'_>) -> Self {
        Self {
            name: chatproto_str::of(profile.name),
            display_name: chatproto_str::of(profile.display_name),
            country: chatproto_str::of(profile.country),
        }
    }
}

/// Sends a private message of one user to another, or to `user@realm`, without a token. An output
/// of the kind `CHATPROTO_OUTPUT_REPLY` answers it as a `send`; where there is no such sender, with
/// `recipient_unknown`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_send_from(
    realm: *mut chatproto_realm,
    from: chatproto_str,
    to: chatproto_str,
    text: chatproto_str,
    now: chatproto_now,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, request) = (object!(realm)?, out!(request)?);
        let (from, to, text) = (text!(from)?, text!(to)?, text!(text)?);
        realm.0.with(|open| {
            request.put(open.realm.send_from(from, to, text, now.engine()).0);
            Ok(())
        })
    })
}

/// Takes all messages out of a user's inbox without a token. An output of the kind
/// `CHATPROTO_OUTPUT_REPLY` answers it as an `inbox`; where there is no such user, with
/// `recipient_unknown`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_take_inbox(
    realm: *mut chatproto_realm,
    user: chatproto_str,
    now: chatproto_now,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, user, request) = (object!(realm)?, text!(user)?, out!(request)?);
        realm.0.with(|open| {
            request.put(open.realm.take_inbox(user, now.engine()).0);
            Ok(())
        })
    })
}

/// Adds a user, or changes what is said of one, whose sessions and messages stay. The arguments are
/// those of `chatproto_config_add_user`. An output of the kind `CHATPROTO_OUTPUT_REPLY` answers
/// once it is stored.
///
/// Errors: `NOT_A_NAME`, `NOT_A_HASH`, `PASSWORD_COST`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_set_user(
    realm: *mut chatproto_realm,
    name: chatproto_str,
    password: chatproto_str,
    display_name: chatproto_str,
    country: chatproto_str,
    now: chatproto_now,
    request: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, request) = (object!(realm)?, out!(request)?);
        let (name, password) = (text!(name)?, text!(password)?);
        let user = config::user(name, password, text!(display_name)?, text!(country)?)?;
        realm.0.with(|open| {
            request.put(open.realm.set_user(user, now.engine()).0);
            Ok(())
        })
    })
}

/// Shows how many users there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_user_count(
    realm: *mut chatproto_realm,
    count: *mut usize,
) -> chatproto_error {
    fallible!({
        let (realm, count) = (object!(realm)?, out!(count)?);
        realm.0.with(|open| {
            count.put(open.realm.users().count());
            Ok(())
        })
    })
}

/// Shows the user number `at`, counted from 0, in the order in which they were added.
///
/// Errors: `INVALID_ARGUMENT` if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_user_at(
    realm: *mut chatproto_realm,
    at: usize,
    user: *mut chatproto_profile,
) -> chatproto_error {
    fallible!({
        let (realm, user) = (object!(realm)?, out!(user)?);
        realm.0.with(|open| {
            let found = open.realm.users().nth(at);
            let found = found.ok_or_else(|| Fault::invalid("there are not so many users"))?;
            user.put(chatproto_profile::of(found));
            Ok(())
        })
    })
}

/// Shows whose a live token is; its use is not noted. All texts are empty if it is nobody's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_token_owner(
    realm: *mut chatproto_realm,
    token: chatproto_str,
    user: *mut chatproto_profile,
) -> chatproto_error {
    fallible!({
        let (realm, token, user) = (object!(realm)?, text!(token)?, out!(user)?);
        let token = Token::parse(token);
        realm.0.with(|open| {
            let owner = token.and_then(|token| open.realm.token_owner(token));
            user.put(owner.map_or(chatproto_profile::NONE, chatproto_profile::of));
            Ok(())
        })
    })
}
