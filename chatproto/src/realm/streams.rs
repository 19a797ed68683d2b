//! The streams of mail and bounces: what is sent when, and what arrives.

use super::Realm;
use super::links::Refused;
use crate::envelope::{Envelope, Kind};
use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::link::frame::{Resume, StreamKind, View};
use crate::link::stream::{Arrival, Fate, InStream, Next, Resumed, Settled, Violation};
use crate::output::{Event, Output};
use crate::record::Record;
use crate::time::Now;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Envelopes wait in their stream while a link has this many frames to send.
const FRAMES_AHEAD: usize = 512;

impl Realm {
    // Sending.

    /// Adds an envelope to a stream, and sends it once it is stored.
    pub(super) fn append(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        envelope: Arc<Envelope>,
        now: Now,
    ) {
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let stream = place.out(kind);
        let seq = stream.append(Arc::clone(&envelope));
        self.batches.push(|| Record::Queued {
            peer,
            kind,
            seq,
            envelope,
        });
        if let Some(batch) = self.batches.last() {
            self.rows_behind.push_back((batch, peer, kind, seq));
            return;
        }
        stream.stored(seq);
        // A bounce goes out after the ack that tells of the refusal.
        if kind == StreamKind::Mail {
            self.pump(peer, now);
        }
    }

    /// Sends what the streams hold, as far as credit and the link's room go. Bounces first: they
    /// never wait for mail.
    pub(super) fn pump(&mut self, peer: PeerId, now: Now) {
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let Some(id) = place.link else { return };
        let Some(link) = self.links.get_mut(id.0).filter(|link| link.is_ready) else {
            return;
        };
        let before = link.outgoing.len();
        let mut too_long = Vec::new();
        for stream in [&mut place.bounce, &mut place.mail] {
            while link.outgoing.len() < FRAMES_AHEAD {
                match stream.next(place.line_bytes_max) {
                    Some(Next::Frame(frame)) => link.outgoing.push_back(frame),
                    Some(Next::TooLong(seq, envelope)) => {
                        too_long.push((stream.kind, seq, envelope));
                    }
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
        for (kind, seq, envelope) in too_long {
            self.give_up(peer, kind, seq, &envelope, now);
        }
    }

    /// Tells a sender that a message cannot be sent; it goes as a void once that is stored.
    fn give_up(&mut self, peer: PeerId, kind: StreamKind, seq: u64, envelope: &Envelope, now: Now) {
        self.record(|| Record::Voided { peer, kind, seq });
        if kind == StreamKind::Mail {
            let why = ErrorCode::MessageTooLong.message();
            self.bounce_here(peer, envelope, why, now);
        }
        match self.batches.last() {
            Some(batch) => self.voids_behind.push_back((batch, peer, kind, seq)),
            None => self.send_void(peer, kind, seq, now),
        }
    }

    fn send_void(&mut self, peer: PeerId, kind: StreamKind, seq: u64, now: Now) {
        if let Some(place) = self.peer_mut(peer) {
            place.out(kind).voided(seq);
        }
        self.pump(peer, now);
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
            self.acknowledge(peer);
        }
        let count = self
            .rows_behind
            .partition_point(|(behind, ..)| *behind <= batch);
        let rows: Vec<_> = self.rows_behind.drain(..count).collect();
        let mut moved = BTreeSet::new();
        for (_, peer, kind, seq) in rows {
            if let Some(place) = self.peer_mut(peer) {
                place.out(kind).stored(seq);
                moved.insert(peer);
            }
        }
        for peer in moved {
            self.pump(peer, now);
        }
        let count = self
            .voids_behind
            .partition_point(|(behind, ..)| *behind <= batch);
        let voids: Vec<_> = self.voids_behind.drain(..count).collect();
        for (_, peer, kind, seq) in voids {
            self.send_void(peer, kind, seq, now);
        }
    }

    // Receiving.

    pub(super) fn take_resume(
        &mut self,
        peer: PeerId,
        resume: &Resume,
        now: Now,
    ) -> Result<(), Violation> {
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        let name = place.name.clone();
        match resume.view {
            View::Sender { oldest, last } => {
                let is_new = place
                    .incoming
                    .iter()
                    .all(|stream| stream.id != resume.stream);
                if is_new {
                    let link = place.link.and_then(|link| self.links.get_mut(link.0));
                    if link.is_none_or(|link| !link.announced.insert(resume.kind)) {
                        return Err(Violation("two streams of a kind on one link"));
                    }
                    // One stream of a kind: a new one means that the peer has begun anew.
                    place.incoming.retain(|stream| stream.kind != resume.kind);
                    place
                        .incoming
                        .push(InStream::new(resume.stream, resume.kind));
                }
                let (answer, missing) =
                    place.incoming_by_id(resume.stream)?.resume(oldest, last)?;
                self.push_frame(peer, answer);
                if is_new {
                    // What is refused from now on is of this stream.
                    self.record(|| Record::Cursor {
                        peer,
                        kind: resume.kind,
                        stream: resume.stream,
                        durable: 0,
                        id: Uuid::nil(),
                    });
                }
                if is_new && resume.kind == StreamKind::Bounce {
                    self.bounces_are_lost(peer, now);
                }
                if missing > 0 {
                    self.event(|| Event::HistoryTruncated {
                        peer: name,
                        missing,
                    });
                }
            }
            View::Receiver { durable, next, .. } => {
                let stream = place.out_by_id(resume.stream)?;
                let resumed = stream.resumed(durable, next)?;
                if let Resumed::Truncated(missing) = resumed {
                    self.event(|| Event::HistoryTruncated {
                        peer: name,
                        missing,
                    });
                }
                self.watch_acks(peer, true, now);
            }
        }
        Ok(())
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
        let stream = place.out_by_id(stream)?;
        let kind = stream.kind;
        let settled = stream.acknowledged(durable, refused)?;
        let is_progress = !settled.is_empty();
        if is_progress {
            self.record(|| Record::Acknowledged {
                peer,
                kind,
                durable,
            });
        }
        for envelope in settled {
            self.settled(peer, &envelope);
        }
        self.watch_acks(peer, is_progress, now);
        Ok(())
    }

    /// Deals with a row that a peer has stored. The place of a refused message stays for its
    /// bounce.
    fn settled(&mut self, peer: PeerId, settled: &Settled) {
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let envelope = &settled.envelope;
        if let Kind::Bounce { answers, .. } = envelope.kind {
            let mut mail = place.incoming.iter_mut();
            let mail = mail.find(|stream| stream.kind == StreamKind::Mail);
            if let Some(seq) = mail.and_then(|mail| mail.bounced(answers)) {
                self.record(|| Record::RefusalTold { peer, seq });
            }
            return;
        }
        let Some(user) = self.accounts.find(envelope.writer()) else {
            return;
        };
        match settled.fate {
            Fate::Kept => {
                if let Some(inbox) = self.inboxes.get_mut(user) {
                    inbox.unreserve();
                }
            }
            Fate::Refused => {
                let to: Box<str> = envelope.to.as_str().into();
                let refused = Refused {
                    user,
                    to: to.clone(),
                };
                place.refused.insert(envelope.id, refused);
                let id = envelope.id;
                self.record(|| Record::BounceDue { peer, id, user, to });
            }
            Fate::Voided => {}
        }
    }

    pub(super) fn take_envelope(
        &mut self,
        peer: PeerId,
        stream: Uuid,
        seq: u64,
        envelope: &Envelope,
        now: Now,
    ) -> Result<(), Violation> {
        let own = self.name.clone();
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        let vouched = envelope.vouch(&place.name, &own);
        let incoming = place.incoming_by_id(stream)?;
        let vouched =
            vouched.map_err(|_| Violation("an envelope that its peer cannot vouch for"))?;
        if incoming.arrived(seq, envelope)? == Arrival::Duplicate {
            return Ok(());
        }
        match (incoming.kind, &envelope.kind) {
            (StreamKind::Bounce, Kind::Bounce { answers, reason }) => {
                self.deliver_bounce(peer, *answers, reason, now);
            }
            // A bounce is never bounced, so nothing on that stream is answered.
            (StreamKind::Bounce, _) => {}
            (StreamKind::Mail, Kind::Bounce { .. }) => {
                return Err(Violation("a bounce on the stream of mail"));
            }
            (StreamKind::Mail, _) => {
                if let Err(code) = self.deliver_remote(peer, &vouched, envelope, now) {
                    self.refuse_mail(peer, stream, envelope, code, now);
                }
            }
        }
        Ok(())
    }

    /// Answers mail that cannot be kept by a bounce, in the same batch as the cursor.
    fn refuse_mail(
        &mut self,
        peer: PeerId,
        stream: Uuid,
        envelope: &Envelope,
        code: ErrorCode,
        now: Now,
    ) {
        let id = self.random.uuid_v7(now.unix_ms);
        let bounce = envelope.bounce(id, code, now.unix_ms, envelope.expires_unix_ms);
        self.append(peer, StreamKind::Bounce, Arc::new(bounce), now);
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let name = place.name.clone();
        if let Ok(stream) = place.incoming_by_id(stream) {
            let (seq, id) = (stream.refused(), envelope.id);
            self.record(|| Record::Refused { peer, seq, id });
        }
        self.event(|| Event::MailRefused { peer: name, code });
    }

    /// Puts the cursors into the same batch as what they passed.
    pub(super) fn store_cursors(&mut self, peer: PeerId) {
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        for stream in &mut place.incoming {
            let Some((durable, id)) = stream.record() else {
                continue;
            };
            let (kind, stream_id) = (stream.kind, stream.id);
            self.batches.push(|| Record::Cursor {
                peer,
                kind,
                stream: stream_id,
                durable,
                id,
            });
            match self.batches.last() {
                Some(batch) => self
                    .cursors_behind
                    .push_back((batch, peer, stream_id, durable, id)),
                None => stream.stored(durable, id),
            }
        }
    }

    /// Sends acks and credit that are due.
    pub(super) fn acknowledge(&mut self, peer: PeerId) {
        let (envelopes_max, bytes_max) = (
            self.limits.credit_envelopes_max,
            self.limits.credit_bytes_max,
        );
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let Some(link) = place
            .link
            .filter(|link| self.links.get(link.0).is_some_and(|link| link.is_ready))
        else {
            return;
        };
        // Who takes no bounces gives no more cause for them.
        let is_bounced = place.bounce.len() as u64 >= envelopes_max;
        let mut due = Vec::new();
        for stream in &mut place.incoming {
            due.extend(stream.acks());
            if !(is_bounced && stream.kind == StreamKind::Mail) {
                due.extend(stream.credit(envelopes_max, bytes_max));
            }
        }
        for frame in due {
            self.push_to(link, frame);
        }
    }
}
