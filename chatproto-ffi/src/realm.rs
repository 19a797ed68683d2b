//! A realm, as C holds one.

pub mod clients;
pub mod links;
pub mod outputs;
pub mod owner;
pub mod peers;

use crate::clock::{NEVER, chatproto_now};
use crate::config::{Settings, chatproto_config};
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::guard::{fallible, guard};
use crate::handle::{self, Handle, object, opaque, out};
use crate::key::fresh_seed;
use crate::output::{Shown, chatproto_output};
use crate::peer::Peer;
use crate::view::chatproto_str;
use crate::work::{Done, Shared};
use chatproto::link::key::StaticKey;
use chatproto::work::{Job, Storage};
use chatproto::{Limits, Now, PeerStatus, Realm, RealmName};
use std::ptr;
use std::sync::Arc;

/// A realm: its users, their sessions and inboxes, live groups, and the streams to other realms.
///
/// It owns no socket, thread or clock: a program feeds it and carries out what it asks for. After
/// any number of calls that tell it something, and before waiting, call
/// `chatproto_realm_next_output` until there is none, and carry the outputs out in their order.
/// Call `chatproto_realm_handle_timeout` once the moment of `chatproto_realm_poll_timeout` has
/// come. Whatever clients and peers send, functions go on to succeed: an error is one of the
/// program, or of the system it runs on.
///
/// Connections, links and requests go by numbers that this library makes. A late call with the
/// number of something that is gone does nothing and succeeds.
///
/// Ownership: made by `chatproto_realm_new`, freed by `chatproto_realm_free`. Threads: one at a
/// time, any: it may be handed from thread to thread, with whatever the program uses to do that. A
/// call that comes while another thread is inside gets `BUSY`, and has done nothing. After a fork,
/// use it in one of the two processes; its store can be used by the one that has opened it.
pub struct chatproto_realm(pub(crate) Handle<Open>);

opaque!(chatproto_realm: Open);

/// A realm that is not closed.
pub(crate) struct Open {
    pub(crate) realm: Realm,
    name: RealmName,
    limits: Limits,
    key: Option<StaticKey>,
    pub(crate) peers: Vec<Peer>,
    shared: Arc<Shared>,
    /// What the store wants, besides what the realm asks for.
    upkeep: Option<Job>,
    shown: Shown,
    pub(crate) shown_peer: Option<PeerStatus>,
    shown_text: String,
}

impl Open {
    fn new(settings: &Settings) -> Result<Self, Fault> {
        let config = settings.config.clone().durable(settings.place.is_some());
        let (name, limits) = (config.realm.clone(), config.limits.clone());
        let seed = settings.seed.map_or_else(fresh_seed, Ok)?;
        let now = settings
            .start
            .unwrap_or_else(|| crate::clock::chatproto_now_of_system().engine());
        let mut restore = Realm::restore(config, seed, now)?;
        let place = settings.place.as_ref();
        let storage = place.map(|place| Storage::open(place, &name, &mut restore));
        let storage = storage.transpose()?;
        Ok(Self {
            realm: restore.finish()?,
            name,
            limits,
            key: settings.key.clone(),
            peers: settings.peers.clone(),
            shared: Shared::new(storage),
            upkeep: None,
            shown: Shown::default(),
            shown_peer: None,
            shown_text: String::new(),
        })
    }

    pub(crate) fn name(&self) -> &RealmName {
        &self.name
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn key(&self) -> Option<&StaticKey> {
        self.key.as_ref()
    }

    fn next_output(&mut self) -> chatproto_output {
        self.shared.answer_abandoned(&mut self.realm);
        while let Some(output) = self.realm.poll_output() {
            let shown = chatproto_output::of(output, &self.shared, &mut self.shown);
            if let Some(output) = shown {
                return output;
            }
        }
        // Asked for last, so that all that has happened goes into one.
        let commit = || self.realm.take_batch().map(Job::Commit);
        match self.upkeep.take().or_else(commit) {
            Some(job) => chatproto_output::job(&self.shared, job),
            None => chatproto_output::NONE,
        }
    }

    fn complete(&mut self, done: Done, now: Now) {
        let upkeep = done.upkeep(self.shared.storage.as_ref(), now);
        self.upkeep = upkeep.or(self.upkeep.take());
        done.tell(&mut self.realm, now);
    }

    /// Keeps a text to be shown until the next call.
    pub(crate) fn show(&mut self, text: String) -> chatproto_str {
        self.shown_text = text;
        chatproto_str::of(&self.shown_text)
    }
}

impl Drop for Open {
    /// Work that is still out and about keeps the store in memory, but not open.
    fn drop(&mut self) {
        if let Some(storage) = &self.shared.storage {
            storage.close();
        }
    }
}

/// Makes a realm, or puts it together of what its store holds; reading that may take long.
///
/// Errors: what the configuration says contradicts itself (`USER_TWICE`, `PEER_TWICE`, `OWN_PEER`,
/// `LIMIT_ORDER`, `CONFIG`); the store cannot be opened (`STORE_...`); messages wait for a realm
/// that the configuration does not name as a linked peer (`PEER_MISSING`); `NO_RANDOM`. Then
/// `*realm` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_new(
    config: *mut chatproto_config,
    realm: *mut *mut chatproto_realm,
) -> chatproto_error {
    fallible!({
        let (config, realm) = (object!(config)?, out!(realm)?);
        realm.put(ptr::null_mut());
        let open = config.0.with(|settings| Open::new(settings))?;
        realm.put(handle::give(open));
        Ok(())
    })
}

/// Ends the realm at once and closes its store, after the commit under way if there is one. What no
/// commit was begun for is not kept; nobody was promised anything of it. Every other function gives
/// `CLOSED` from then on; closing it again does nothing. To end it in peace, see
/// `chatproto_realm_shutdown` first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_close(realm: *mut chatproto_realm) -> chatproto_error {
    fallible!({
        drop(object!(realm)?.0.close()?);
        Ok(())
    })
}

/// Frees a realm, closing it where it is not. Does nothing for NULL. While another thread is
/// inside, nothing is freed: a leak does less harm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_free(realm: *mut chatproto_realm) {
    guard!((), {
        // SAFETY: as the header says, it is NULL or from `chatproto_realm_new` and not freed.
        unsafe { handle::free(realm) };
    });
}

/// Shows the realm's name; valid until the realm is closed or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_name(
    realm: *mut chatproto_realm,
    name: *mut chatproto_str,
) -> chatproto_error {
    fallible!({
        let (realm, name) = (object!(realm)?, out!(name)?);
        realm.0.with(|open| {
            name.put(chatproto_str::of(open.name.as_str()));
            Ok(())
        })
    })
}

// Its time.

/// Shows when `chatproto_realm_handle_timeout` is due, on the clock of `chatproto_now.mono_ms`;
/// `CHATPROTO_NEVER` if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_poll_timeout(
    realm: *mut chatproto_realm,
    at_ms: *mut u64,
) -> chatproto_error {
    fallible!({
        let (realm, at_ms) = (object!(realm)?, out!(at_ms)?);
        realm.0.with(|open| {
            let deadline = open.realm.poll_timeout();
            at_ms.put(deadline.map_or(NEVER, |deadline| deadline.at_ms));
            Ok(())
        })
    })
}

/// Does what is due; harmless at any other moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_handle_timeout(
    realm: *mut chatproto_realm,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        object!(realm)?.0.with(|open| {
            open.realm.handle_timeout(now.engine());
            Ok(())
        })
    })
}

/// Shows why the store failed at what it was asked for last, and what to do; empty if it did not,
/// or there is none. Valid until the next call with this realm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_store_failure(
    realm: *mut chatproto_realm,
    why: *mut chatproto_str,
) -> chatproto_error {
    fallible!({
        let (realm, why) = (object!(realm)?, out!(why)?);
        realm.0.with(|open| {
            let storage = open.shared.storage.as_ref();
            let failure = storage.and_then(Storage::failure);
            let text = failure.map_or_else(String::new, |failure| failure.to_string());
            why.put(open.show(text));
            Ok(())
        })
    })
}

// Its end.

/// Has the realm take nothing new, say goodbye to everybody, and close each connection and link
/// once its output is written. Go on as before until `chatproto_realm_is_shut_down`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_shutdown(
    realm: *mut chatproto_realm,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        object!(realm)?.0.with(|open| {
            open.realm.shutdown(now.engine());
            Ok(())
        })
    })
}

/// Shows whether a shutdown is through: no connection, no link, nothing to commit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_realm_is_shut_down(
    realm: *mut chatproto_realm,
    is_shut_down: *mut bool,
) -> chatproto_error {
    fallible!({
        let (realm, is_shut_down) = (object!(realm)?, out!(is_shut_down)?);
        realm.0.with(|open| {
            is_shut_down.put(open.realm.is_shut_down());
            Ok(())
        })
    })
}
