//! The peers of a realm: how it stands with them, and what is changed about them while it runs.

use super::chatproto_realm;
use crate::clock::chatproto_now;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::fallible;
use crate::handle::{object, out, shared};
use crate::peer::{Peer, chatproto_peer, chatproto_peer_status};
use crate::view::{chatproto_str, text};
use chatproto::RealmName;

/// Shows how many peers there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_peer_count(
    realm: *mut chatproto_realm,
    count: *mut usize,
) -> chatproto_error {
    fallible!({
        let (realm, count) = (object!(realm)?, out!(count)?);
        realm.0.with(|open| {
            count.put(open.realm.peers().count());
            Ok(())
        })
    })
}

/// Shows how the realm stands with its peer number `at`, counted from 0. The texts are valid until
/// the next call with this realm.
///
/// Errors: `INVALID_ARGUMENT` if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_peer_at(
    realm: *mut chatproto_realm,
    at: usize,
    status: *mut chatproto_peer_status,
) -> chatproto_error {
    fallible!({
        let (realm, status) = (object!(realm)?, out!(status)?);
        realm.0.with(|open| {
            let peer = open.realm.peers().nth(at);
            let peer = peer.ok_or_else(|| Fault::invalid("there are not so many peers"))?;
            status.put(chatproto_peer_status::of(open.shown_peer.insert(peer)));
            Ok(())
        })
    })
}

/// Adds a peer, or changes what is said of one. Then make another link configuration.
///
/// Errors: those of `chatproto_config_add_peer`, and `OWN_PEER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_set_peer(
    realm: *mut chatproto_realm,
    peer: *const chatproto_peer,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, peer) = (object!(realm)?, Peer::read(shared!(peer)?)?);
        realm.0.with(|open| {
            open.realm.set_peer(peer.config(), now.engine())?;
            open.peers.retain(|known| known.name() != peer.name());
            open.peers.push(peer);
            Ok(())
        })
    })
}

/// Takes a peer out. With `bounce`, messages that wait for it come back to their senders.
///
/// Errors: `UNKNOWN_PEER`; `PEER_HAS_MAIL` if messages wait and `bounce` is not set: then nothing
/// has changed; `NOT_A_NAME`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_remove_peer(
    realm: *mut chatproto_realm,
    peer: chatproto_str,
    bounce: bool,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, peer) = (object!(realm)?, RealmName::parse(text!(peer)?)?);
        realm.0.with(|open| {
            open.realm.remove_peer(&peer, bounce, now.engine())?;
            open.peers.retain(|known| known.name() != &peer);
            Ok(())
        })
    })
}

/// Ends the link with a peer and wants no other, beyond the realm's end too; or, with `paused`
/// false, wants one again. Messages wait meanwhile.
///
/// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_pause_peer(
    realm: *mut chatproto_realm,
    peer: chatproto_str,
    paused: bool,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, peer) = (object!(realm)?, RealmName::parse(text!(peer)?)?);
        realm
            .0
            .with(|open| Ok(open.realm.pause_peer(&peer, paused, now.engine())?))
    })
}

/// Calls a peer at once that would be called later.
///
/// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_retry_peer(
    realm: *mut chatproto_realm,
    peer: chatproto_str,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, peer) = (object!(realm)?, RealmName::parse(text!(peer)?)?);
        realm
            .0
            .with(|open| Ok(open.realm.retry_peer(&peer, now.engine())?))
    })
}
