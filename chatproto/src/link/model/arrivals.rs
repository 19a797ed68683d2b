//! What one realm of the model does with what arrives. Mirrors `realm/arrivals.rs` and the frames of
//! `realm/links.rs`.

use super::super::frame::{Frame, Resume, StreamKind, View};
use super::super::stream::{Arrival, InStream, Resumed, Violation};
use super::disk::{Change, Item};
use super::ids;
use super::ledger::Report;
use super::scope::Mutation;
use super::side::{Side, World, peer};
use crate::envelope::Envelope;
use crate::record::Record;
use uuid::Uuid;

impl Side {
    /// Takes the next frame. An error is what the peer is accused of: the link is to be closed.
    pub(super) fn take(&mut self, frame: &Frame, world: &mut World<'_>) -> Result<(), Violation> {
        let taken = self.take_frame(frame, world);
        self.store_cursors(world);
        taken?;
        self.acknowledge(world);
        self.pump(world);
        Ok(())
    }

    fn take_frame(&mut self, frame: &Frame, world: &mut World<'_>) -> Result<(), Violation> {
        match frame {
            Frame::Resume(Resume { stream, .. })
            | Frame::Credit { stream, .. }
            | Frame::Ack { stream, .. }
                if self.is_renumbered(*stream) => {}
            Frame::Resume(resume) => self.take_resume(resume, world)?,
            Frame::Credit {
                stream,
                upto,
                bytes,
            } => self.out_by_id(*stream)?.credit(*upto, *bytes),
            Frame::Env {
                stream,
                seq,
                envelope,
            } => self.take_envelope(*stream, *seq, envelope, world)?,
            Frame::Void { stream, seq, id } => {
                self.incoming_by_id(*stream)?.voided(*seq, *id)?;
            }
            Frame::Ack {
                stream,
                durable,
                refused,
            } => self.take_ack(*stream, *durable, refused, world)?,
            other => panic!("{other:?} has no place in a model"),
        }
        Ok(())
    }

    fn take_resume(&mut self, resume: &Resume, world: &mut World<'_>) -> Result<(), Violation> {
        let (durable, next, durable_id, last_id) = match resume.view {
            View::Sender { oldest, last } => return self.take_sender(resume, oldest, last, world),
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            } => (durable, next, durable_id, last_id),
        };
        let last = next.checked_sub(1);
        let last = last.ok_or(Violation("a resume with numbers that cannot be"))?;
        let (mut durable, mut last) = ((durable, durable_id), (last, last_id));
        if world.is(Mutation::OneNumberInResume) {
            durable = last;
        }
        if world.is(Mutation::IdsNotCompared) {
            (durable.1, last.1) = (None, None);
        }
        let stream = self.out_by_id(resume.stream)?;
        let kind = stream.kind;
        match stream.resumed(durable, last)? {
            Resumed::Agreed => {}
            Resumed::Truncated(_) => world.report(Report::Truncated),
            Resumed::Older => {
                self.renumber(kind, world)?;
                world.report(Report::OlderCopy);
            }
        }
        Ok(())
    }

    fn take_sender(
        &mut self,
        resume: &Resume,
        oldest: u64,
        last: u64,
        world: &mut World<'_>,
    ) -> Result<(), Violation> {
        let (kind, stream) = (resume.kind, resume.stream);
        let is_new = self.incoming.iter().all(|known| known.id != stream);
        let mut is_renewed = false;
        if is_new {
            let link = self.link.as_mut();
            if link.is_none_or(|link| !link.announced.insert(kind)) {
                return Err(Violation("two streams of a kind on one link"));
            }
            let mut incoming = self.incoming.iter();
            is_renewed = incoming.any(|known| known.kind == kind && known.has_begun());
            self.incoming.retain(|known| known.kind != kind);
            self.incoming.push(InStream::new(stream, kind));
        }
        let (answer, missing) = self.incoming_by_id(stream)?.resume(oldest, last)?;
        self.frames.push_back(answer);
        if is_new {
            self.record(Record::Cursor {
                peer: peer(),
                kind,
                stream,
                durable: 0,
                id: Uuid::nil(),
            });
        }
        if is_new && kind == StreamKind::Bounce {
            self.bounces_are_lost();
        }
        if is_renewed {
            world.report(Report::PeerRenewed);
        }
        if missing > 0 {
            world.report(Report::Truncated);
        }
        Ok(())
    }

    fn take_envelope(
        &mut self,
        stream: Uuid,
        seq: u64,
        envelope: &Envelope,
        world: &mut World<'_>,
    ) -> Result<(), Violation> {
        let incoming = self.incoming_by_id(stream)?;
        if incoming.arrived(seq, envelope)? == Arrival::Duplicate {
            return Ok(());
        }
        match (incoming.kind, ids::answers(envelope)) {
            (StreamKind::Bounce, Some(answered)) => self.deliver_bounce(answered),
            (StreamKind::Bounce, None) => {}
            (StreamKind::Mail, Some(_)) => {
                return Err(Violation("a bounce on the stream of mail"));
            }
            (StreamKind::Mail, None) if self.was_seen(envelope.id, world) => {}
            (StreamKind::Mail, None) if world.is_kept => self.keep(stream, envelope, world),
            (StreamKind::Mail, None) => self.refuse_mail(stream, envelope, world),
        }
        Ok(())
    }

    fn was_seen(&self, id: Uuid, world: &World<'_>) -> bool {
        self.seen.contains(&id) && !world.is(Mutation::NothingSeen)
    }

    fn keep(&mut self, stream: Uuid, envelope: &Envelope, world: &World<'_>) {
        let id = envelope.id;
        self.write_inbox(Item::Kept {
            message: id,
            stream,
        });
        let numbered = self.seen.add(id, world.scope.seen);
        self.record(Record::Seen {
            peer: peer(),
            number: numbered.number,
            id,
            oldest: numbered.oldest,
        });
    }

    fn refuse_mail(&mut self, stream: Uuid, envelope: &Envelope, world: &mut World<'_>) {
        let count = &mut world.ledger.counts[world.at.index()].refusals;
        *count += 1;
        let bounce = ids::bounce(world.at, u64::from(*count), envelope);
        let id = if world.is(Mutation::BounceKnownByMessage) {
            envelope.id
        } else {
            bounce.id
        };
        self.append(StreamKind::Bounce, bounce, world);
        if let Ok(stream) = self.incoming_by_id(stream) {
            let (peer, seq) = (peer(), stream.refused(id));
            if !world.is(Mutation::RefusalsForgotten) {
                self.record(Record::Refused { peer, seq, id });
            }
        }
    }

    fn deliver_bounce(&mut self, answered: Uuid) {
        if self.refused.remove(&answered) {
            let peer = peer();
            self.record(Record::BounceSettled { peer, id: answered });
            self.write_inbox(Item::Bounced(answered));
        }
    }

    /// The peer has begun anew: what it refused before, it will not explain any more.
    fn bounces_are_lost(&mut self) {
        for id in std::mem::take(&mut self.refused) {
            let peer = peer();
            self.record(Record::BounceSettled { peer, id });
            self.write_inbox(Item::Bounced(id));
        }
    }

    // What it says of that.

    /// Puts the cursors into the same batch as what they passed.
    pub(super) fn store_cursors(&mut self, world: &World<'_>) {
        for stream in &mut self.incoming {
            let Some((durable, id)) = stream.record() else {
                continue;
            };
            self.pending.changes.push(Change::Record(Record::Cursor {
                peer: peer(),
                kind: stream.kind,
                stream: stream.id,
                durable,
                id,
            }));
            if world.is(Mutation::AckBeforeCommit) {
                stream.stored(durable, id);
            }
            self.pending.cursors.push((stream.id, durable, id));
        }
    }

    /// Sends acks and credit that are due.
    pub(super) fn acknowledge(&mut self, world: &World<'_>) {
        if self.link.is_none() {
            return;
        }
        let credit = world.scope.credit;
        let is_bounced = self.bounce.len() as u64 >= credit;
        for stream in &mut self.incoming {
            self.frames.extend(stream.acks());
            if !(is_bounced && stream.kind == StreamKind::Mail) {
                self.frames
                    .extend(stream.credit(credit, u64::from(u32::MAX)));
            }
        }
    }
}

impl World<'_> {
    fn report(&mut self, report: Report) {
        if !self.is(Mutation::LossUnreported) {
            self.ledger.reports.insert((self.at, report));
        }
    }
}
