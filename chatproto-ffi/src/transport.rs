//! A link's bytes: the handshake, then frames, sealed where the configuration says so.

use crate::clock::{NEVER, chatproto_now};
use crate::error::chatproto_error;
use crate::fault::Fault;
use crate::frames::chatproto_frames;
use crate::guard::{fallible, guard};
use crate::handle::{self, Handle, object, opaque, out, shared};
use crate::key::fresh_seed;
use crate::link_config::chatproto_link_config;
use crate::peer::no_key_of;
use crate::realm::links::{CHATPROTO_ACCEPTED, CHATPROTO_DIALLED, chatproto_direction};
use crate::view::{bytes, chatproto_bytes, chatproto_str, text};
use chatproto::link::transport::{LinkTransport, TransportEvent};
use chatproto::{Direction, Frame, Misuse, RealmName};
use std::ptr;

/// One connection to another realm, from its first byte: bytes in, frames out, and back.
///
/// It holds no socket, and nothing of a realm. Write what `chatproto_transport_outgoing` shows and
/// report it by `chatproto_transport_sent`; give it what comes by `chatproto_transport_receive`;
/// then take what happened by `chatproto_transport_next`. After an error `LINK_...` of a function
/// that does not say that the link goes on, take what is still there, write what is outgoing, and
/// close the connection. A stranger gets not a byte.
///
/// Ownership: made by `chatproto_transport_dial` or `_accept`, freed by `chatproto_transport_free`.
/// Threads: one at a time, any; it shares nothing with its realm, so it can live in another thread.
/// One that comes while another is inside gets `BUSY`.
pub struct chatproto_transport(Handle<Open>);

opaque!(chatproto_transport: Open);

pub(crate) struct Open {
    transport: LinkTransport,
    /// What comes after the frames that were shown last.
    next: Option<TransportEvent>,
    shown_peer: Option<RealmName>,
}

impl Open {
    fn give(transport: LinkTransport) -> *mut chatproto_transport {
        handle::give(Self {
            transport,
            next: None,
            shown_peer: None,
        })
    }

    fn poll(&mut self) -> Option<TransportEvent> {
        self.next.take().or_else(|| self.transport.poll_event())
    }

    fn next(&mut self) -> chatproto_link_event {
        loop {
            match self.poll() {
                Some(TransportEvent::Up { peer, direction }) => {
                    return chatproto_link_event {
                        kind: CHATPROTO_LINK_EVENT_UP,
                        direction: match direction {
                            Direction::Dialled => CHATPROTO_DIALLED,
                            Direction::Accepted => CHATPROTO_ACCEPTED,
                        },
                        peer: chatproto_str::of(self.shown_peer.insert(peer).as_str()),
                        ..chatproto_link_event::NONE
                    };
                }
                Some(TransportEvent::Frame(frame)) => {
                    return chatproto_link_event {
                        kind: CHATPROTO_LINK_EVENT_FRAMES,
                        frames: chatproto_frames::give(self.frames(frame)),
                        ..chatproto_link_event::NONE
                    };
                }
                Some(_) => {}
                None => return chatproto_link_event::NONE,
            }
        }
    }

    /// This frame and those behind it.
    fn frames(&mut self, first: Frame) -> Vec<Frame> {
        let mut frames = vec![first];
        loop {
            match self.poll() {
                Some(TransportEvent::Frame(frame)) => frames.push(frame),
                other => {
                    self.next = other;
                    return frames;
                }
            }
        }
    }
}

/// What happened on a link: one of the numbers `CHATPROTO_LINK_EVENT_...`.
pub type chatproto_link_event_kind = i32;
/// Nothing, until more bytes come.
pub const CHATPROTO_LINK_EVENT_NONE: chatproto_link_event_kind = 0;
/// It is known who is at the other end: call `chatproto_realm_link_up` with `peer` and `direction`.
/// Comes once, and before all else.
pub const CHATPROTO_LINK_EVENT_UP: chatproto_link_event_kind = 1;
/// Frames have come: hand `frames` to `chatproto_realm_link_frames`, then free them.
pub const CHATPROTO_LINK_EVENT_FRAMES: chatproto_link_event_kind = 2;

/// What happened on a link. `peer` is valid until the next call with that transport; `frames`
/// belong to the program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_link_event {
    /// What it is.
    pub kind: chatproto_link_event_kind,
    /// Which side made the connection.
    pub direction: chatproto_direction,
    /// The realm at the other end.
    pub peer: chatproto_str,
    /// What has come.
    pub frames: *mut chatproto_frames,
}

impl chatproto_link_event {
    const NONE: Self = Self {
        kind: CHATPROTO_LINK_EVENT_NONE,
        direction: 0,
        peer: chatproto_str::NONE,
        frames: ptr::null_mut(),
    };
}

/// Begins on a connection that this realm made to `peer`.
///
/// Errors: `UNKNOWN_PEER` if `links` has no such peer, `KEY_MISSING` if the peer's key was not known
/// when it was made, `NOT_A_NAME`, `NO_RANDOM`; then `*transport` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_dial(
    links: *const chatproto_link_config,
    peer: chatproto_str,
    now: chatproto_now,
    transport: *mut *mut chatproto_transport,
) -> chatproto_error {
    fallible!({
        let (links, transport) = (shared!(links)?, out!(transport)?);
        transport.put(ptr::null_mut());
        let peer = RealmName::parse(text!(peer)?)?;
        let config = &links.config;
        if links.keyless.contains(&peer) {
            return Err(no_key_of(&peer));
        }
        if config.peers.iter().all(|known| known.name != peer) {
            return Err(Misuse::UnknownPeer.into());
        }
        let dialled = LinkTransport::dial(config, &peer, fresh_seed()?, now.engine());
        transport.put(Open::give(dialled));
        Ok(())
    })
}

/// Begins on a connection that somebody made to this realm.
///
/// Errors: `NO_RANDOM`; then `*transport` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_accept(
    links: *const chatproto_link_config,
    now: chatproto_now,
    transport: *mut *mut chatproto_transport,
) -> chatproto_error {
    fallible!({
        let (links, transport) = (shared!(links)?, out!(transport)?);
        transport.put(ptr::null_mut());
        let accepted = LinkTransport::accept(&links.config, fresh_seed()?, now.engine());
        transport.put(Open::give(accepted));
        Ok(())
    })
}

/// Frees a transport. Does nothing for NULL. While another thread is inside, nothing is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_free(transport: *mut chatproto_transport) {
    guard!((), {
        // SAFETY: as the header says, it is NULL or from one of the two functions above and not freed.
        unsafe { handle::free(transport) };
    });
}

/// Takes bytes from the connection, cut anyhow.
///
/// Errors: `LINK_...` if the link has ended, for something that the peer did or for an earlier
/// reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_receive(
    transport: *mut chatproto_transport,
    data: chatproto_bytes,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        let (transport, data) = (object!(transport)?, bytes!(data)?);
        transport
            .0
            .with(|open| Ok(open.transport.receive(data, now.engine())?))
    })
}

/// Takes what happened next; one of the kind `CHATPROTO_LINK_EVENT_NONE` means that nothing did.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_next(
    transport: *mut chatproto_transport,
    event: *mut chatproto_link_event,
) -> chatproto_error {
    fallible!({
        let (transport, event) = (object!(transport)?, out!(event)?);
        event.put(chatproto_link_event::NONE);
        transport.0.with(|open| {
            event.put(open.next());
            Ok(())
        })
    })
}

/// Appends frames to what is outgoing. They stay the program's. Those before the one that an error
/// is about were appended.
///
/// Errors: `LINK_NOT_UP`, `LINK_FRAME_TOO_LONG`, `LINK_NUMBER_TOO_BIG`, after which the link goes
/// on; others if it has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_send(
    transport: *mut chatproto_transport,
    frames: *const chatproto_frames,
) -> chatproto_error {
    fallible!({
        let (transport, frames) = (object!(transport)?, shared!(frames)?);
        transport.0.with(|open| {
            let mut frames = frames.frames.iter();
            Ok(frames.try_for_each(|frame| open.transport.send(frame))?)
        })
    })
}

/// Shows what to write to the connection now; valid until the next call with this transport.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_outgoing(
    transport: *mut chatproto_transport,
    data: *mut chatproto_bytes,
) -> chatproto_error {
    fallible!({
        let (transport, data) = (object!(transport)?, out!(data)?);
        transport.0.with(|open| {
            data.put(chatproto_bytes::of(open.transport.outgoing()));
            Ok(())
        })
    })
}

/// Shows about how many bytes `chatproto_transport_outgoing` would show: take no more frames from
/// the realm while it is much. It costs nothing, while the other function seals what waits for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_outgoing_bytes(
    transport: *mut chatproto_transport,
    bytes: *mut usize,
) -> chatproto_error {
    fallible!({
        let (transport, bytes) = (object!(transport)?, out!(bytes)?);
        transport.0.with(|open| {
            bytes.put(open.transport.outgoing_bytes());
            Ok(())
        })
    })
}

/// Notes that the first `n` bytes of what is outgoing were written.
///
/// Errors: `SENT_TOO_MUCH` for more than there were; nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_sent(
    transport: *mut chatproto_transport,
    n: usize,
) -> chatproto_error {
    fallible!({
        object!(transport)?.0.with(|open| {
            if n > open.transport.outgoing().len() {
                return Err(Fault::from(Misuse::SentTooMuch));
            }
            open.transport.sent(n);
            Ok(())
        })
    })
}

/// Shows when `chatproto_transport_handle_timeout` is due, on the clock of `chatproto_now.mono_ms`;
/// `CHATPROTO_NEVER` if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_poll_timeout(
    transport: *mut chatproto_transport,
    at_ms: *mut u64,
) -> chatproto_error {
    fallible!({
        let (transport, at_ms) = (object!(transport)?, out!(at_ms)?);
        transport.0.with(|open| {
            let deadline = open.transport.poll_timeout();
            at_ms.put(deadline.map_or(NEVER, |deadline| deadline.at_ms));
            Ok(())
        })
    })
}

/// Does what is due; harmless at any other moment.
///
/// Errors: `LINK_...` if the link has ended, for want of a handshake or for an earlier reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_transport_handle_timeout(
    transport: *mut chatproto_transport,
    now: chatproto_now,
) -> chatproto_error {
    fallible!({
        object!(transport)?
            .0
            .with(|open| Ok(open.transport.handle_timeout(now.engine())?))
    })
}
