//! The streams of mail and bounces to other realms: what is sent when, and what became of it.

use super::Realm;
use super::awaited::Refused;
use super::timers::Timer;
use crate::envelope::Envelope;
use crate::error::{ErrorCode, Misuse};
use crate::id::{PeerId, UserId};
use crate::link::frame::{Resume, StreamKind, View};
use crate::link::stream::{Expired, Fate, Next, OutStream, Resumed, Settled, Violation};
use crate::output::{Event, LinkId, Output, RequestId};
use crate::record::{PostState, Record};
use crate::store::{QueueFetch, QueuedEnvelope};
use crate::time::Now;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Envelopes wait in their stream while a link has this many frames to send.
const FRAMES_AHEAD: usize = 512;

/// How long a peer has to agree with streams that it had contradicted, before they are begun anew
/// once more.
const RENUMBERED_MS_MIN: u64 = 60_000;

/// What becomes of a stream once a batch is in the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored {
    /// A row is there, and may perhaps be sent.
    Row { seq: u64, is_marked: bool },
    /// Rows up to here may be sent.
    Marked(u64),
    /// A row goes as a void.
    Voided(u64),
    /// The stream is there, and is announced on the link.
    Begun(LinkId),
}

impl Realm {
    // Sending.

    /// Adds an envelope to a stream, and sends it once it is stored.
    pub(super) fn append(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        envelope: Arc<Envelope>,
        writer: Option<UserId>,
        now: Now,
    ) {
        let expires_ms = match kind {
            StreamKind::Mail => now.mono_ms.saturating_add(self.limits.queue_ms_max),
            // Word of a refusal is owed for ever.
            StreamKind::Bounce => u64::MAX,
        };
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let memory_bytes_max = match kind {
            StreamKind::Mail if self.batches.is_durable() => self.limits.queue_memory_bytes_max,
            _ => u64::MAX,
        };
        let stream = place.out(kind);
        let copy = Arc::clone(&envelope);
        let (seq, is_marked) = stream.append(copy, writer, expires_ms, memory_bytes_max);
        let id = stream.id;
        self.batches.push(|| Record::Queued {
            peer,
            kind,
            stream: id,
            seq,
            envelope,
            is_marked,
        });
        let batch = self.batches.last();
        if kind == StreamKind::Mail && place.expiry_ms.is_none() {
            place.expiry_ms = Some(expires_ms);
            self.timers.set(expires_ms, Timer::Expiry(peer));
        }
        let row = Stored::Row { seq, is_marked };
        if let Some(batch) = batch {
            self.stored_behind.push_back((batch, peer, id, row));
            return;
        }
        self.stream_stored(peer, id, row);
        // A bounce goes out after the ack that tells of the refusal.
        if kind == StreamKind::Mail {
            self.pump(peer, now);
        }
    }

    /// Sends what the streams hold, as far as credit and the link's room go. Bounces first: they
    /// never wait for mail.
    pub(super) fn pump(&mut self, peer: PeerId, now: Now) {
        let Some(id) = self.peer(peer).and_then(|place| place.link) else {
            return;
        };
        self.mark(peer);
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let Some(link) = self.links.get_mut(id.0).filter(|link| link.is_ready) else {
            return;
        };
        let before = link.outgoing.len();
        let mut too_long = Vec::new();
        for stream in [&mut place.bounce, &mut place.mail] {
            while link.outgoing.len() < FRAMES_AHEAD {
                match stream.next(place.line_bytes_max) {
                    Some(Next::Frame(frame)) => link.outgoing.push_back(frame),
                    Some(Next::TooLong(row)) => too_long.push((stream.kind, row)),
                    None => break,
                }
            }
        }
        if link.outgoing.len() > before {
            if !std::mem::replace(&mut link.is_send_queued, true) {
                self.outputs.push_back(Output::LinkSend(id));
            }
            self.watch_acks(peer, false, now);
        }
        for (kind, row) in too_long {
            self.give_up(peer, kind, &row, ErrorCode::MessageTooLong, now);
        }
        self.read_queue(peer, now);
    }

    /// Tells the store which rows may be sent from now on, before they are.
    fn mark(&mut self, peer: PeerId) {
        for kind in [StreamKind::Bounce, StreamKind::Mail] {
            let Some(stream) = self
                .peers
                .get_mut(peer.index())
                .map(|place| place.out(kind))
            else {
                return;
            };
            let stream_id = stream.id;
            let Some(upto) = stream.mark() else { continue };
            self.record(|| Record::Marked {
                peer,
                kind,
                stream: stream_id,
                upto,
            });
            self.once_stored(peer, stream_id, Stored::Marked(upto));
        }
    }

    /// Notes what becomes of a stream when all that happened so far is in the store, or at once
    /// where it is.
    pub(super) fn once_stored(&mut self, peer: PeerId, stream: Uuid, stored: Stored) {
        match self.batches.last() {
            Some(batch) => self.stored_behind.push_back((batch, peer, stream, stored)),
            None => self.stream_stored(peer, stream, stored),
        }
    }

    fn stream_stored(&mut self, peer: PeerId, stream: Uuid, stored: Stored) {
        let place = self.peers.get_mut(peer.index());
        // It may have been numbered anew meanwhile, or have ended.
        let Some(Ok(stream)) = place.map(|place| place.out_by_id(stream)) else {
            return;
        };
        match stored {
            Stored::Row { seq, is_marked } => {
                stream.stored(seq);
                if is_marked {
                    stream.marked(seq);
                }
            }
            Stored::Marked(upto) => stream.marked(upto),
            Stored::Voided(seq) => {
                stream.voided(seq);
            }
            Stored::Begun(link) => {
                let id = stream.id;
                self.announce_stream(peer, id, link);
            }
        }
    }

    /// Tells a peer of a stream, if the link is still that one.
    pub(super) fn announce_stream(&mut self, peer: PeerId, stream: Uuid, link: LinkId) {
        let place = self.peer_mut(peer).filter(|place| place.link == Some(link));
        let stream = place.and_then(|place| place.out_by_id(stream).ok());
        if let Some(resume) = stream.map(|stream| stream.resume()) {
            self.push_frame(peer, resume);
        }
    }

    /// Sends on what a batch held back: rows may go out, cursors be acknowledged.
    pub(super) fn streams_committed(&mut self, batch: u64, now: Now) {
        // Acks first: they tell of refusals before the bounces do.
        let count = self
            .cursors_behind
            .partition_point(|(behind, ..)| *behind <= batch);
        let cursors: Vec<_> = self.cursors_behind.drain(..count).collect();
        for (_, peer, stream, seq, id) in cursors {
            if let Some(Ok(stream)) = self
                .peer_mut(peer)
                .map(|place| place.incoming_by_id(stream))
            {
                stream.stored(seq, id);
            }
            self.acknowledge(peer, now);
        }
        let count = self
            .stored_behind
            .partition_point(|(behind, ..)| *behind <= batch);
        let mut moved = BTreeSet::new();
        for _ in 0..count {
            if let Some((_, peer, stream, stored)) = self.stored_behind.pop_front() {
                self.stream_stored(peer, stream, stored);
                moved.insert(peer);
            }
        }
        for peer in moved {
            self.pump(peer, now);
            // What expired before it was stored can be read now, link or not.
            self.read_queue(peer, now);
        }
    }

    // What is in the store alone.

    /// Has messages read whose turn comes soon.
    pub(super) fn read_queue(&mut self, peer: PeerId, now: Now) {
        let bytes_max = self.limits.queue_memory_bytes_max;
        let Some(mail) = self
            .peers
            .get_mut(peer.index())
            .map(|place| &mut place.mail)
        else {
            return;
        };
        let stream = mail.id;
        let Some((from, upto, bytes_max)) = mail.wanted(bytes_max, now.mono_ms) else {
            return;
        };
        let request = self.next_request();
        self.queue_fetches.insert(request, (peer, stream, upto));
        let fetch = QueueFetch {
            bytes_max,
            ..QueueFetch::range(peer, StreamKind::Mail, from, upto)
        };
        self.outputs.push_back(Output::FetchQueue(request, fetch));
    }

    pub(super) fn take_queue(
        &mut self,
        request: RequestId,
        fetched: Option<Vec<QueuedEnvelope>>,
        now: Now,
    ) -> Result<(), Misuse> {
        let asked = self.queue_fetches.remove(&request);
        let (peer, stream, upto) = asked.ok_or(Misuse::UnknownRequest)?;
        let place = self.peers.get_mut(peer.index());
        let Some(mail) = place
            .map(|place| &mut place.mail)
            .filter(|mail| mail.id == stream)
        else {
            return Ok(());
        };
        // All of it may have been acknowledged meanwhile.
        let rows = fetched.filter(|rows| !rows.is_empty() || !mail.holds(upto));
        let is_whole = rows.is_some_and(|rows| {
            let mut rows = rows.into_iter();
            rows.all(|row| mail.fetched(row.seq, row.envelope))
        });
        if is_whole {
            mail.fetch_ended();
            self.expire_mail(peer, now);
            self.pump(peer, now);
        } else {
            self.event(|| Event::FetchFailed);
            let again_ms = now.mono_ms.saturating_add(self.limits.store_retry_ms);
            self.timers.set(again_ms, Timer::Queue(peer));
        }
        Ok(())
    }

    /// What could not be read is not asked for again before the pause is over.
    pub(super) fn read_queue_again(&mut self, peer: PeerId, now: Now) {
        if let Some(place) = self.peer_mut(peer) {
            place.mail.fetch_ended();
        }
        self.expire_mail(peer, now);
        self.pump(peer, now);
    }

    // Giving up.

    /// Gives up what has waited for too long and was never sent.
    pub(super) fn expire_mail(&mut self, peer: PeerId, now: Now) {
        let mut messages = 0;
        let code = ErrorCode::Expired;
        while let Some(row) = self
            .peer_mut(peer)
            .and_then(|place| place.mail.expire(now.mono_ms))
        {
            messages += 1;
            self.give_up(peer, StreamKind::Mail, &row, code, now);
        }
        if messages > 0
            && let Some(peer) = self.peer(peer).map(|place| place.name.clone())
        {
            self.event(|| Event::MailGivenUp {
                peer,
                messages,
                code,
            });
        }
        self.expire_bounces(peer, now);
        self.read_queue(peer, now);
        self.time_expiry(peer, now);
    }

    fn time_expiry(&mut self, peer: PeerId, now: Now) {
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        // What is overdue waits for something else: for being read.
        let due = [place.mail.expires_ms(), place.refused.due_ms()];
        let due = due.into_iter().flatten();
        let due_ms = due.filter(|due_ms| *due_ms > now.mono_ms).min();
        if place.expiry_ms == due_ms {
            return;
        }
        if let Some(before_ms) = std::mem::replace(&mut place.expiry_ms, due_ms) {
            self.timers.unset(before_ms, Timer::Expiry(peer));
        }
        if let Some(due_ms) = due_ms {
            self.timers.set(due_ms, Timer::Expiry(peer));
        }
    }

    /// Tells a writer that a message will not be sent; it goes as a void once that is stored.
    fn give_up(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        row: &Expired,
        code: ErrorCode,
        now: Now,
    ) {
        let Some(stream) = self.peer_mut(peer).map(|place| place.out(kind).id) else {
            return;
        };
        let seq = row.seq;
        self.record(|| Record::Voided {
            peer,
            kind,
            stream,
            seq,
        });
        if kind == StreamKind::Mail {
            let to = Some(row.envelope.to.as_str());
            self.bounce_here(peer, row.envelope.id, row.writer, to, code, now);
        }
        self.once_stored(peer, stream, Stored::Voided(seq));
        if self.batches.last().is_none() {
            self.pump(peer, now);
        }
    }

    // What the peer says of it.

    pub(super) fn take_resume(
        &mut self,
        peer: PeerId,
        resume: &Resume,
        now: Now,
    ) -> Result<(), Violation> {
        match resume.view {
            View::Sender { oldest, last } => self.take_sender(peer, resume, (oldest, last), now),
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            } => {
                let last = next.checked_sub(1);
                let last = last.ok_or(Violation("a resume with numbers that cannot be"))?;
                let place = self.peers.get_mut(peer.index());
                let place = place.ok_or(Violation("no peer"))?;
                let stream = place.out_by_id(resume.stream)?;
                let (kind, name) = (stream.kind, place.name.clone());
                let resumed = place
                    .out(kind)
                    .resumed((durable, durable_id), (last, last_id))?;
                match resumed {
                    Resumed::Agreed => {}
                    Resumed::Truncated(missing) => {
                        // It may have forgotten what it refused, too.
                        self.bounces_are_lost(peer, now);
                        self.event(|| Event::HistoryTruncated {
                            peer: name,
                            missing,
                        });
                    }
                    Resumed::Older => return self.renumber(peer, kind, now),
                }
                self.watch_acks(peer, true, now);
                Ok(())
            }
        }
    }

    /// Begins a stream anew with what it holds: the peer has had more of it than this realm knows of.
    fn renumber(&mut self, peer: PeerId, kind: StreamKind, now: Now) -> Result<(), Violation> {
        let new = self.random.uuid_v4();
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        let link_id = place.link.ok_or(Violation("no link"))?;
        let link = self.links.get_mut(link_id.0).ok_or(Violation("no link"))?;
        // A peer that never agrees would keep the store busy.
        let due_ms = place
            .renumbered_ms
            .map(|at_ms| at_ms.saturating_add(RENUMBERED_MS_MIN));
        let is_due = due_ms.is_none_or(|due_ms| due_ms <= now.mono_ms);
        if link.renumbered.contains_key(&kind) || !(is_due || link.renumbered.len() == 1) {
            return Err(Violation("a stream was contradicted too often"));
        }
        place.renumbered_ms = Some(now.mono_ms);
        let stream = place.out(kind);
        let before = stream.id;
        link.renumbered.insert(kind, before);
        let acknowledged = stream.renumber(new);
        let (last, name) = (stream.last(), place.name.clone());
        self.record(|| Record::StreamRenumbered {
            peer,
            kind,
            before,
            stream: new,
            acknowledged,
        });
        // Nor is it announced on another link before that is stored.
        let batch = self.batches.last();
        if let Some(place) = self.peer_mut(peer) {
            place.begun_behind = batch;
        }
        self.event(|| Event::OlderCopy { peer: name });
        let rows = Stored::Row {
            seq: last,
            is_marked: true,
        };
        self.once_stored(peer, new, rows);
        self.once_stored(peer, new, Stored::Begun(link_id));
        Ok(())
    }

    /// Whether a stream went by that id on the link before this realm began it anew.
    pub(super) fn is_renumbered(&self, link: LinkId, stream: Uuid) -> bool {
        let link = self.links.get(link.0);
        link.is_some_and(|link| link.renumbered.values().any(|before| *before == stream))
    }

    pub(super) fn take_ack(
        &mut self,
        peer: PeerId,
        stream: Uuid,
        durable: u64,
        refused: &[u64],
        now: Now,
    ) -> Result<(), Violation> {
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        let out: &mut OutStream = place.out_by_id(stream)?;
        let kind = out.kind;
        let settled = out.acknowledged(durable, refused)?;
        if let Some(last) = settled.last() {
            let id = last.id;
            self.record(|| Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            });
        }
        let is_progress = !settled.is_empty();
        for row in settled {
            self.settled(peer, kind, &row, now);
        }
        if !refused.is_empty() {
            self.expire_mail(peer, now);
        }
        self.watch_acks(peer, is_progress, now);
        Ok(())
    }

    /// Deals with a row that a peer has stored. The place of a refused message stays for its
    /// bounce.
    fn settled(&mut self, peer: PeerId, kind: StreamKind, row: &Settled, now: Now) {
        let due_ms = self.bounce_due_ms(row.id, now);
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let envelope = row.envelope.as_deref();
        if kind == StreamKind::Bounce {
            let mut mail = place.incoming.iter_mut();
            let mail = mail.find(|stream| stream.kind == StreamKind::Mail);
            if let Some(seq) = mail.and_then(|mail| mail.bounced(row.id)) {
                self.record(|| Record::RefusalTold { peer, seq });
            }
            return;
        }
        let (Some(user), id) = (row.writer, row.id) else {
            return;
        };
        match row.fate {
            Fate::Kept => {
                if let Some(inbox) = self.inboxes.get_mut(user) {
                    inbox.unreserve();
                }
                self.settle_post(user, id, PostState::Delivered);
            }
            Fate::Refused => {
                let to: Box<str> = envelope.map_or("", |it| &it.to).into();
                let refused = Refused {
                    user,
                    to: to.clone(),
                    due_ms,
                };
                place.refused.insert(id, refused);
                self.record(|| Record::BounceDue { peer, id, user, to });
                self.settle_post(user, id, PostState::Failed(None));
            }
            Fate::Voided => {}
        }
    }

    // What users are shown.

    /// Notes what became of a message that a user sent.
    pub(super) fn settle_post(&mut self, user: UserId, id: Uuid, state: PostState) {
        if let Some(settled) = self.posts.settle(user, id, state) {
            self.record(|| Record::Posted {
                user,
                number: settled.number,
                oldest: settled.oldest,
                post: settled.post,
            });
        }
    }
}
