//! What arrives of a peer's streams: mail and bounces, each once.

use super::Realm;
use super::timers::Timer;
use crate::envelope::{Envelope, Kind};
use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::link::frame::{Resume, StreamKind};
use crate::link::stream::{Arrival, InStream, Violation};
use crate::output::Event;
use crate::record::Record;
use crate::time::Now;
use std::sync::Arc;
use uuid::Uuid;

impl Realm {
    /// Takes a peer's word of what it holds.
    pub(super) fn take_sender(
        &mut self,
        peer: PeerId,
        resume: &Resume,
        (oldest, last): (u64, u64),
        now: Now,
    ) -> Result<(), Violation> {
        let place = self
            .peers
            .get_mut(peer.index())
            .ok_or(Violation("no peer"))?;
        let (name, kind) = (place.name.clone(), resume.kind);
        let mut incoming = place.incoming.iter();
        let is_new = incoming.all(|stream| stream.id != resume.stream);
        let mut is_renewed = false;
        let (answer, missing) = if is_new {
            let link = place.link.and_then(|link| self.links.get_mut(link.0));
            if link.is_none_or(|link| !link.announced.insert(kind)) {
                return Err(Violation("two streams of a kind on one link"));
            }
            // One stream of a kind: a new one means that the peer has begun anew.
            is_renewed = place
                .incoming
                .iter()
                .any(|stream| stream.kind == kind && stream.has_begun());
            // What makes no sense changes nothing: the store would lack the stream.
            let mut begun = InStream::new(resume.stream, kind);
            let answered = begun.resume(oldest, last)?;
            place.incoming.retain(|stream| stream.kind != kind);
            place.incoming.push(begun);
            answered
        } else {
            place.incoming_by_id(resume.stream)?.resume(oldest, last)?
        };
        self.push_frame(peer, answer);
        if is_new {
            // What is refused from now on is of this stream.
            self.record(|| Record::Cursor {
                peer,
                kind,
                stream: resume.stream,
                durable: 0,
                id: Uuid::nil(),
            });
        }
        // Those of a bounce stream that are missing may be any that are awaited; what comes all the
        // same is passed over.
        if (is_new || missing > 0) && kind == StreamKind::Bounce {
            self.bounces_are_lost(peer, now);
        }
        if is_renewed {
            let peer = name.clone();
            self.event(|| Event::PeerRenewed { peer });
        }
        if missing > 0 {
            let peer = name;
            self.event(|| Event::HistoryTruncated { peer, missing });
        }
        Ok(())
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
                let to = vouched.from().to_string();
                self.deliver_bounce(peer, *answers, reason, &to, now);
            }
            // A bounce is never bounced, so nothing on that stream is answered.
            (StreamKind::Bounce, _) => {}
            (StreamKind::Mail, Kind::Bounce { .. }) => {
                return Err(Violation("a bounce on the stream of mail"));
            }
            // It came before, in another stream.
            (StreamKind::Mail, _) if place.seen.contains(&envelope.id) => {}
            (StreamKind::Mail, _) => match self.deliver_remote(peer, &vouched, envelope, now) {
                Ok(()) => self.note_seen(peer, envelope.id),
                Err(code) => self.refuse_mail(peer, stream, envelope, code, now),
            },
        }
        Ok(())
    }

    /// Remembers a message, in the batch that it is part of.
    fn note_seen(&mut self, peer: PeerId, id: Uuid) {
        let ids_max = self.limits.seen_messages_max;
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let numbered = place.seen.add(id, ids_max);
        self.record(|| Record::Seen {
            peer,
            number: numbered.number,
            id,
            oldest: numbered.oldest,
        });
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
        let bounce_id = self.random.uuid_v7(now.unix_ms);
        let expires_unix_ms = envelope.expires_unix_ms;
        let bounce = envelope.bounce(bounce_id, code, now.unix_ms, expires_unix_ms);
        self.append(peer, StreamKind::Bounce, Arc::new(bounce), None, now);
        let Some(place) = self.peers.get_mut(peer.index()) else {
            return;
        };
        let name = place.name.clone();
        if let Ok(stream) = place.incoming_by_id(stream) {
            let seq = stream.refused(bounce_id);
            self.record(|| Record::Refused {
                peer,
                seq,
                id: bounce_id,
            });
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

    /// Sends acks and credit that are due. An ack may wait a moment for more to tell.
    pub(super) fn acknowledge(&mut self, peer: PeerId, now: Now) {
        let (envelopes_max, bytes_max) = (
            self.limits.credit_envelopes_max,
            self.limits.credit_bytes_max,
        );
        let wait_ms = self.limits.ack_ms_max;
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
        let is_over = wait_ms == 0 || place.ack_ms.is_some_and(|at_ms| at_ms <= now.mono_ms);
        let mut due = Vec::new();
        for stream in &mut place.incoming {
            if is_over || stream.is_ack_urgent() {
                due.extend(stream.acks());
            }
            if !(is_bounced && stream.kind == StreamKind::Mail) {
                due.extend(stream.credit(envelopes_max, bytes_max));
            }
        }
        let is_waiting = place.incoming.iter().any(InStream::is_ack_due);
        match place.ack_ms {
            Some(at_ms) if !is_waiting => {
                self.timers.unset(at_ms, Timer::Ack(peer));
                place.ack_ms = None;
            }
            None if is_waiting => {
                let at_ms = now.mono_ms.saturating_add(wait_ms);
                self.timers.set(at_ms, Timer::Ack(peer));
                place.ack_ms = Some(at_ms);
            }
            _ => {}
        }
        for frame in due {
            self.push_to(link, frame);
        }
    }
}
