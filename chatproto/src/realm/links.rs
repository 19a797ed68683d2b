//! Links with other realms: which connection counts, what its frames mean, and what flows when.

use super::streams::Stored;
use super::timers::Timer;
use super::{Realm, peers};
use crate::error::{ErrorCode, Misuse};
use crate::id::PeerId;
use crate::link::frame::{Frame, Hello, Resume, StreamKind};
use crate::link::stream::Violation;
use crate::link::transport::Direction;
use crate::output::{Event, LinkCloseReason, LinkId, Output};
use crate::time::Now;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// Every realm reads lines of this length.
const LINE_BYTES_MIN: u64 = 4_096;

/// The version of the link protocol spoken here.
const VERSION: u64 = 1;

/// A peer that leaves this much unread, live text mostly, is cut off. All members of the largest
/// groups can join again at once and be far below.
const OUTGOING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a live frame takes beside its text.
const LIVE_BYTES: usize = 256;

/// What any other frame counts for: a peer has no reason to be owed thousands of them.
const FRAME_BYTES: usize = 1_024;

/// One connection with a peer.
#[derive(Debug)]
pub(super) struct Link {
    peer: PeerId,
    direction: Direction,
    pub(super) outgoing: VecDeque<Frame>,
    outgoing_bytes: usize,
    pub(super) is_send_queued: bool,
    /// The peer has said hello.
    pub(super) is_ready: bool,
    pub(super) is_closed: bool,
    opened_ms: u64,
    heard_ms: u64,
    pinged_ms: u64,
    /// The last ping was not answered yet.
    is_pinging: bool,
    /// The kinds of streams that the peer has begun anew on it.
    pub(super) announced: BTreeSet<StreamKind>,
    /// The streams that this realm has begun anew on it, by kind, and what they were before: late
    /// word of those is passed over.
    pub(super) renumbered: BTreeMap<StreamKind, Uuid>,
    /// When its pulse is looked at next.
    pulse_ms: u64,
    /// Since when envelopes are under way without any acknowledgement.
    awaiting_since_ms: Option<u64>,
}

/// What is kept of a peer's last words, in characters: logs and users see them.
const WORDS_CHARS_MAX: usize = 256;

fn beginning(words: &str) -> String {
    words.chars().take(WORDS_CHARS_MAX).collect()
}

/// What a frame counts for among the bytes that a peer leaves unread. Envelopes and voids are few
/// at a time, and stay in their stream.
fn weight(frame: &Frame) -> usize {
    match frame {
        Frame::Env { .. } | Frame::Void { .. } => 0,
        Frame::Live(live) => LIVE_BYTES + live.text.len(),
        _ => FRAME_BYTES,
    }
}

impl Link {
    fn new(peer: PeerId, direction: Direction, now_ms: u64) -> Self {
        Self {
            peer,
            direction,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            is_send_queued: false,
            is_ready: false,
            is_closed: false,
            opened_ms: now_ms,
            heard_ms: now_ms,
            pinged_ms: now_ms,
            is_pinging: false,
            announced: BTreeSet::new(),
            renumbered: BTreeMap::new(),
            pulse_ms: u64::MAX,
            awaiting_since_ms: None,
        }
    }

    pub(super) fn outgoing(&mut self) -> &[Frame] {
        self.is_send_queued = false;
        self.outgoing.make_contiguous()
    }
}

impl Realm {
    // Up and down.

    pub(super) fn open_link(&mut self, peer: PeerId, direction: Direction, now: Now) -> LinkId {
        let id = LinkId(self.links.insert(Link::new(peer, direction, now.mono_ms)));
        if let Some(peer) = self
            .peer_mut(peer)
            .filter(|_| direction == Direction::Dialled)
        {
            peer.is_dialling = false;
        }
        let present = self.peer(peer).and_then(|peer| peer.link);
        if self.stopped.is_some() {
            self.close_link(id, LinkCloseReason::ShutDown, None, now);
            return id;
        }
        if self.peer(peer).is_some_and(|peer| peer.is_paused) {
            self.close_link(id, LinkCloseReason::Paused, Some(peers::paused()), now);
            return id;
        }
        if let Some(present) = present {
            if !self.is_preferred(peer, direction, present) {
                self.close_link(id, LinkCloseReason::Replaced, None, now);
                return id;
            }
            self.close_link(present, LinkCloseReason::Replaced, None, now);
        }
        let own = self.name.to_string();
        let line_bytes_max = self.limits.link_line_bytes_max;
        let Some(place) = self.peer_mut(peer) else {
            return id;
        };
        place.link = Some(id);
        let hello = Hello {
            realm: own,
            peer: place.name.to_string(),
            versions: [VERSION, VERSION],
            capabilities: vec!["live".to_owned()],
            line_bytes_max,
            software: concat!("chatproto ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        self.push_to(id, Frame::Hello(hello));
        self.time_pulse(id, now);
        id
    }

    /// Of two connections the one that the realm with the smaller name dialled stays; of two by the
    /// same dialler, the newer.
    fn is_preferred(&self, peer: PeerId, direction: Direction, present: LinkId) -> bool {
        let Some(present) = self.links.get(present.0) else {
            return true;
        };
        let own_is_smaller = self.peer(peer).is_some_and(|peer| self.name < peer.name);
        let preferred = if own_is_smaller {
            Direction::Dialled
        } else {
            Direction::Accepted
        };
        present.direction == direction || direction == preferred
    }

    pub(super) fn close_link(
        &mut self,
        id: LinkId,
        why: LinkCloseReason,
        words: Option<Frame>,
        now: Now,
    ) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.is_closed = true;
        link.outgoing.clear();
        if let Some(words) = words {
            link.outgoing.push_back(words);
            self.outputs.push_back(Output::LinkSend(id));
        }
        self.outputs.push_back(Output::LinkClose(id, why));
        self.forget_link(id, why, now);
    }

    pub(super) fn drop_link(&mut self, id: LinkId, why: LinkCloseReason, now: Now) {
        if self.links.get(id.0).is_some_and(|link| !link.is_closed) {
            self.forget_link(id, why, now);
            self.links.remove(id.0);
        }
    }

    /// What follows for the peer when its link is gone.
    fn forget_link(&mut self, id: LinkId, why: LinkCloseReason, now: Now) {
        let Some((peer, was_ready)) = self.links.get(id.0).map(|link| (link.peer, link.is_ready))
        else {
            return;
        };
        let Some(place) = self.peer_mut(peer).filter(|place| place.link == Some(id)) else {
            return;
        };
        place.link = None;
        place.round_trip_ms = None;
        place.last_error = Some(why.to_string().into());
        place.mail.link_down();
        place.bounce.link_down();
        for stream in &mut place.incoming {
            stream.link_down();
        }
        let name = place.name.clone();
        let is_first = place.failures == 0;
        if !was_ready && is_first && why != LinkCloseReason::Replaced {
            self.event(|| Event::LinkFailed {
                peer: name.clone(),
                why,
            });
        }
        if was_ready {
            self.event(|| Event::LinkDown { peer: name, why });
            self.no_answers_from(peer, now);
            self.groups_lose(peer, now);
        }
        self.schedule_redial(peer, now);
    }

    pub(super) fn close_links(&mut self, now: Now) {
        for key in self.links.keys() {
            let text = ErrorCode::ShuttingDown.message().to_owned();
            let bye = Frame::Bye {
                code: ErrorCode::ShuttingDown.code().to_owned(),
                text,
            };
            self.close_link(LinkId(key), LinkCloseReason::ShutDown, Some(bye), now);
        }
    }

    /// A pause has ended, perhaps one that counts no more.
    pub(super) fn redial_is_due(&mut self, peer: PeerId, now: Now) {
        let due_ms = self.peer(peer).and_then(|peer| peer.redial_ms);
        if due_ms.is_some_and(|due_ms| due_ms <= now.mono_ms) {
            self.redial(peer, now);
        }
    }

    pub(super) fn redial(&mut self, peer: PeerId, now: Now) {
        let is_stopped = self.stopped.is_some();
        let Some(place) = self.peer_mut(peer) else {
            return;
        };
        if let Some(due_ms) = place
            .redial_ms
            .take()
            .filter(|due_ms| *due_ms > now.mono_ms)
        {
            self.timers.unset(due_ms, Timer::Redial(peer));
        }
        let Some(place) = self.peer_mut(peer) else {
            return;
        };
        let is_wanted = place.can_dial && !place.is_paused;
        if is_stopped || !is_wanted || place.is_dialling || place.link.is_some() {
            return;
        }
        place.is_dialling = true;
        let name = place.name.clone();
        self.outputs.push_back(Output::Dial(name));
    }

    pub(super) fn dialled_in_vain(&mut self, peer: PeerId, why: &str, now: Now) {
        if let Some(place) = self.peer_mut(peer) {
            place.is_dialling = false;
            place.last_error = Some(why.into());
        }
        self.schedule_redial(peer, now);
    }

    /// Dials again after a pause that doubles with each failure, at a random point of it: so that
    /// not all realms call one that is back at the same moment.
    pub(super) fn schedule_redial(&mut self, peer: PeerId, now: Now) {
        let (least, most) = (self.limits.redial_ms_min, self.limits.redial_ms_max);
        let Some(place) = self
            .peers
            .get_mut(peer.index())
            .filter(|place| place.can_dial && !place.is_dialling && !place.is_paused)
        else {
            return;
        };
        let doubled = least.saturating_mul(1 << place.failures.min(20));
        place.failures = place.failures.saturating_add(1);
        let pause_ms = 1 + self.random.up_to(doubled.min(most).saturating_sub(1));
        let due_ms = now.mono_ms.saturating_add(pause_ms);
        if let Some(before_ms) = place.redial_ms.replace(due_ms) {
            self.timers.unset(before_ms, Timer::Redial(peer));
        }
        self.timers.set(due_ms, Timer::Redial(peer));
    }

    pub(super) fn is_ready(&self, peer: PeerId) -> bool {
        let link = self.peer(peer).and_then(|peer| peer.link);
        link.and_then(|link| self.links.get(link.0))
            .is_some_and(|link| link.is_ready)
    }

    pub(super) fn ready_peers(&self) -> Vec<PeerId> {
        (0..self.peers.len())
            .map(PeerId::new)
            .filter(|peer| self.is_ready(*peer))
            .collect()
    }

    // The pulse.

    fn time_pulse(&mut self, id: LinkId, now: Now) {
        let limits = &self.limits;
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let ping_from = link.heard_ms.max(link.pinged_ms);
        let due = [
            Some(ping_from.saturating_add(limits.link_ping_ms)),
            Some(link.heard_ms.saturating_add(limits.link_dead_ms)),
            (!link.is_ready).then(|| link.opened_ms.saturating_add(limits.handshake_ms_max)),
            link.awaiting_since_ms
                .map(|since| since.saturating_add(limits.unacknowledged_ms_max)),
        ];
        let due_ms = due.into_iter().flatten().min().unwrap_or(u64::MAX);
        let due_ms = due_ms.max(now.mono_ms + 1);
        // A timer that comes too early sees what there is to do and is set again.
        if due_ms < link.pulse_ms {
            self.timers.unset(link.pulse_ms, Timer::Link(id));
            link.pulse_ms = due_ms;
            self.timers.set(due_ms, Timer::Link(id));
        }
    }

    pub(super) fn check_pulse(&mut self, id: LinkId, now: Now) {
        let limits = &self.limits;
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.pulse_ms = u64::MAX;
        let over = |since: u64, max: u64| now.mono_ms >= since.saturating_add(max);
        let is_dead = over(link.heard_ms, limits.link_dead_ms)
            || (!link.is_ready && over(link.opened_ms, limits.handshake_ms_max))
            || link
                .awaiting_since_ms
                .is_some_and(|since| over(since, limits.unacknowledged_ms_max));
        if is_dead {
            return self.close_link(id, LinkCloseReason::Dead, None, now);
        }
        if over(link.heard_ms.max(link.pinged_ms), limits.link_ping_ms) {
            self.ping(id, now);
        }
        self.time_pulse(id, now);
    }

    fn ping(&mut self, id: LinkId, now: Now) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.pinged_ms = now.mono_ms;
            link.is_pinging = true;
            self.push_to(id, Frame::Ping { n: now.mono_ms });
        }
    }

    /// Takes the answer to the last ping; any other is of no use.
    fn take_pong(&mut self, id: LinkId, n: u64, now: Now) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        if !link.is_pinging || n != link.pinged_ms {
            return;
        }
        link.is_pinging = false;
        let peer = link.peer;
        if let Some(place) = self.peer_mut(peer) {
            place.round_trip_ms = Some(now.mono_ms.saturating_sub(n));
        }
    }

    /// Notes whether envelopes are under way, so that a peer which acknowledges none is found out.
    pub(super) fn watch_acks(&mut self, peer: PeerId, is_progress: bool, now: Now) {
        let Some(place) = self.peers.get(peer.index()) else {
            return;
        };
        let (Some(id), is_awaiting) = (place.link, place.is_awaiting_ack()) else {
            return;
        };
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let was_awaiting = link.awaiting_since_ms.is_some();
        if !is_awaiting {
            link.awaiting_since_ms = None;
        } else if is_progress || !was_awaiting {
            link.awaiting_since_ms = Some(now.mono_ms);
        }
        if is_awaiting && !was_awaiting {
            self.time_pulse(id, now);
        }
    }

    // Sending.

    pub(super) fn push_frame(&mut self, peer: PeerId, frame: Frame) {
        if let Some(link) = self
            .peer(peer)
            .and_then(|peer| peer.link)
            .filter(|_| self.is_ready(peer))
        {
            self.push_to(link, frame);
        }
    }

    pub(super) fn push_to(&mut self, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.outgoing_bytes += weight(&frame);
        link.outgoing.push_back(frame);
        if link.outgoing_bytes > OUTGOING_BYTES_MAX && !self.slow_links.contains(&id) {
            self.slow_links.push(id);
        }
        if !std::mem::replace(&mut link.is_send_queued, true) {
            self.outputs.push_back(Output::LinkSend(id));
        }
    }

    pub(super) fn frames_sent(&mut self, id: LinkId, n: usize, now: Now) -> Result<(), Misuse> {
        let Some(link) = self.links.get_mut(id.0) else {
            return Ok(());
        };
        if link.is_closed {
            // What was taken over before the end is told of late; only last words are left here.
            return Ok(());
        }
        if n > link.outgoing.len() {
            return Err(Misuse::SentTooMuch);
        }
        let taken = link.outgoing.drain(..n);
        link.outgoing_bytes -= taken.map(|frame| weight(&frame)).sum::<usize>();
        let peer = link.peer;
        self.pump(peer, now);
        Ok(())
    }

    // Receiving.

    pub(super) fn take_frames(&mut self, id: LinkId, frames: &[Frame], now: Now) {
        let Some(link) = self.links.get_mut(id.0).filter(|link| !link.is_closed) else {
            return;
        };
        link.heard_ms = now.mono_ms;
        let peer = link.peer;
        for frame in frames {
            if let Err(Violation(what)) = self.take_frame(id, peer, frame, now) {
                return self.misbehaved(id, peer, what, now);
            }
            if self.links.get(id.0).is_none_or(|link| link.is_closed) {
                return self.store_cursors(peer);
            }
        }
        self.store_cursors(peer);
        self.acknowledge(peer, now);
        self.pump(peer, now);
    }

    fn misbehaved(&mut self, id: LinkId, peer: PeerId, what: &'static str, now: Now) {
        if let Some(name) = self.peer(peer).map(|peer| peer.name.clone()) {
            self.event(|| Event::PeerMisbehaved {
                peer: name,
                what: what.to_owned(),
            });
        }
        // What was dealt with before the bad frame stays so.
        self.store_cursors(peer);
        let words = Frame::Error {
            code: "protocol".to_owned(),
            text: what.to_owned(),
        };
        self.close_link(id, LinkCloseReason::Protocol, Some(words), now);
        self.peer_failed(peer, what);
    }

    fn take_frame(
        &mut self,
        id: LinkId,
        peer: PeerId,
        frame: &Frame,
        now: Now,
    ) -> Result<(), Violation> {
        let is_ready = self.links.get(id.0).is_some_and(|link| link.is_ready);
        if let Frame::Hello(hello) = frame {
            return if is_ready {
                Err(Violation("a second hello"))
            } else {
                self.greeted(id, peer, hello, now)
            };
        }
        if let Frame::Error { code, text } | Frame::Bye { code, text } = frame {
            let (code, text) = (beginning(code), beginning(text));
            let said = format!("it said: {text}");
            if let Some(peer) = self.peer(peer).map(|peer| peer.name.clone()) {
                self.event(|| Event::PeerSaid { peer, code, text });
            }
            self.close_link(id, LinkCloseReason::Bye, None, now);
            self.peer_failed(peer, &said);
            return Ok(());
        }
        if !is_ready {
            return Err(Violation("a frame before hello"));
        }
        match frame {
            Frame::Resume(Resume { stream, .. })
            | Frame::Credit { stream, .. }
            | Frame::Ack { stream, .. }
                if self.is_renumbered(id, *stream) => {}
            Frame::Resume(resume) => self.take_resume(peer, resume, now)?,
            Frame::Credit {
                stream,
                upto,
                bytes,
            } => {
                let place = self.peer_mut(peer).ok_or(Violation("no peer"))?;
                place.out_by_id(*stream)?.credit(*upto, *bytes);
            }
            Frame::Env {
                stream,
                seq,
                envelope,
            } => self.take_envelope(peer, *stream, *seq, envelope, now)?,
            Frame::Void { stream, seq, id } => {
                let place = self.peer_mut(peer).ok_or(Violation("no peer"))?;
                place.incoming_by_id(*stream)?.voided(*seq, *id)?;
            }
            Frame::Ack {
                stream,
                durable,
                refused,
            } => self.take_ack(peer, *stream, *durable, refused, now)?,
            Frame::Live(live) => self.take_live(peer, live, now)?,
            Frame::Ask { id, question, name } => self.asked(peer, *id, *question, name),
            Frame::Answer { id, found } => self.answered(peer, *id, *found, now),
            Frame::Ping { n } => self.push_to(id, Frame::Pong { n: *n }),
            Frame::Pong { n } => self.take_pong(id, *n, now),
            Frame::Hello(_) | Frame::Error { .. } | Frame::Bye { .. } => {}
        }
        Ok(())
    }

    fn greeted(
        &mut self,
        id: LinkId,
        peer: PeerId,
        hello: &Hello,
        now: Now,
    ) -> Result<(), Violation> {
        let own = self.name.clone();
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        if hello.realm != place.name.as_str() || hello.peer != own.as_str() {
            return Err(Violation("a hello from or to another realm"));
        }
        let [least, greatest] = hello.versions;
        if !(least..=greatest).contains(&VERSION) {
            return Err(Violation("no version of the protocol that both speak"));
        }
        if hello.line_bytes_max < LINE_BYTES_MIN {
            return Err(Violation("a hello that allows too short lines"));
        }
        place.line_bytes_max = hello.line_bytes_max;
        place.failures = 0;
        let name = place.name.clone();
        let streams = [place.mail.id, place.bounce.id];
        let begun_behind = place.begun_behind;
        if let Some(link) = self.links.get_mut(id.0) {
            link.is_ready = true;
        }
        self.event(|| Event::LinkUp { peer: name });
        // A stream that a crash could undo must not be known to the peer.
        let is_stored = begun_behind.is_none_or(|batch| batch <= self.batches.committed_upto());
        for stream in streams {
            if is_stored {
                self.announce_stream(peer, stream, id);
            } else {
                self.once_stored(peer, stream, Stored::Begun(id));
            }
        }
        self.ping(id, now);
        self.groups_regain(peer);
        Ok(())
    }
}
