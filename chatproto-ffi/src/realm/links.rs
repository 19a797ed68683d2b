//! The links of a realm with others.

use super::chatproto_realm;
use crate::clock::chatproto_now;
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::frames::chatproto_frames;
use crate::guard::fallible;
use crate::handle::{object, out, shared};
use crate::link_config::chatproto_link_config;
use crate::peer::Peer;
use crate::view::{chatproto_str, text};
use chatproto::link::transport::TransportConfig;
use chatproto::{Direction, LinkId, RealmName};
use std::ptr;

/// Which side made a connection: `CHATPROTO_DIALLED` or `CHATPROTO_ACCEPTED`.
pub type chatproto_direction = i32;
/// This one.
pub const CHATPROTO_DIALLED: chatproto_direction = 1;
/// The other one.
pub const CHATPROTO_ACCEPTED: chatproto_direction = 2;

/// Makes what transports of this realm are made with: its name, key and limits, and its peers as
/// they are now. After a change of the peers, make another one. A peer whose key is not known yet is
/// not linked with, whoever calls.
///
/// Errors: `OWN_KEY_MISSING`, `KEY_TWICE`, `OWN_KEY`; then `*links` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_link_config(
    realm: *mut chatproto_realm,
    links: *mut *mut chatproto_link_config,
) -> chatproto_error {
    fallible!({
        let (realm, links) = (object!(realm)?, out!(links)?);
        links.put(ptr::null_mut());
        realm.0.with(|open| {
            let config = TransportConfig {
                own: open.name().clone(),
                key: open.key().cloned(),
                peers: open.peers.iter().filter_map(Peer::transport).collect(),
                limits: open.limits().clone(),
            };
            let keyless = open.peers.iter().filter_map(Peer::keyless).collect();
            links.put(chatproto_link_config::give(config, keyless)?);
            Ok(())
        })
    })
}

/// Notes that a link with a peer is up, as a transport tells it, and gives its number. Of two links
/// with one peer the realm closes one.
///
/// Errors: `UNKNOWN_PEER`, `NOT_A_NAME`, `INVALID_ARGUMENT` for an unknown direction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_link_up(
    realm: *mut chatproto_realm,
    peer: chatproto_str,
    direction: chatproto_direction,
    now: chatproto_now,
    link: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, peer, link) = (object!(realm)?, text!(peer)?, out!(link)?);
        let peer = RealmName::parse(peer)?;
        let direction = match direction {
            CHATPROTO_DIALLED => Direction::Dialled,
            CHATPROTO_ACCEPTED => Direction::Accepted,
            _ => return Err(Fault::invalid("no direction has that number")),
        };
        realm.0.with(|open| {
            let id = open.realm.link_up(&peer, direction, now.engine())?;
            link.put(id.as_u64());
            Ok(())
        })
    })
}

/// Takes frames that came over a link. They stay the program's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_link_frames(
    realm: *mut chatproto_realm,
    link: u64,
    frames: *const chatproto_frames,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, frames) = (object!(realm)?, shared!(frames)?);
        let link = LinkId::from_u64(link);
        realm.0.with(|open| {
            open.realm.link_frames(link, &frames.frames, now.engine());
            Ok(())
        })
    })
}

/// Takes up to `max` frames that a link is to carry, for `chatproto_transport_send`: they count as
/// sent, and are the program's. `*frames` is NULL if there are none.
///
/// `CHATPROTO_OUTPUT_LINK_SEND` tells of later ones alone: who has taken `max` has to come back for
/// others by itself. Take no more while much is outgoing at the transport.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_link_take(
    realm: *mut chatproto_realm,
    link: u64,
    max: usize,
    now: chatproto_now,
    frames: *mut *mut chatproto_frames,
) -> chatproto_error {
    fallible!({
        let (realm, frames) = (object!(realm)?, out!(frames)?);
        frames.put(ptr::null_mut());
        let link = LinkId::from_u64(link);
        realm.0.with(|open| {
            let taken = open.realm.link_take(link, max, now.engine());
            if !taken.is_empty() {
                frames.put(chatproto_frames::give(taken));
            }
            Ok(())
        })
    })
}

/// Notes that a link is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_link_down(
    realm: *mut chatproto_realm,
    link: u64,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let link = LinkId::from_u64(link);
        object!(realm)?.0.with(|open| {
            open.realm.link_down(link, now.engine());
            Ok(())
        })
    })
}

/// Notes that an output of the kind `CHATPROTO_OUTPUT_DIAL` led to no link; `why` is for people to
/// read, users among them: without paths.
///
/// Errors: `UNKNOWN_PEER` for a realm that was never a peer, `NOT_A_NAME`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_dial_failed(
    realm: *mut chatproto_realm,
    peer: chatproto_str,
    why: chatproto_str,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (realm, peer, why) = (object!(realm)?, text!(peer)?, text!(why)?);
        let peer = RealmName::parse(peer)?;
        realm
            .0
            .with(|open| Ok(open.realm.dial_failed(&peer, why, now.engine())?))
    })
}
