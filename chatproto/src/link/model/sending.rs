//! What one realm of the model sends, and what its peer says of that. Mirrors `realm/streams.rs`.

use super::super::frame::{Frame, StreamKind};
use super::super::stream::{Expired, Fate, Next, Settled, Violation};
use super::disk::{Item, user};
use super::ids::{self, LINE_BYTES_MAX};
use super::scope::Mutation;
use super::side::{Side, Stored, World, peer};
use crate::envelope::Envelope;
use crate::record::Record;
use std::sync::Arc;
use uuid::Uuid;

impl Side {
    // Sending.

    /// A user sends a message.
    pub(super) fn send(&mut self, is_too_long: bool, world: &mut World<'_>) {
        let count = &mut world.ledger.counts[world.at.index()].mail;
        *count += 1;
        let letter = ids::letter(world.at, u64::from(*count), is_too_long);
        let id = letter.id;
        self.append(StreamKind::Mail, letter, world);
        if world.is(Mutation::OkBeforeCommit) {
            world.ledger.promised.insert(id);
        } else {
            self.pending.promises.push(id);
        }
    }

    pub(super) fn append(
        &mut self,
        kind: StreamKind,
        envelope: Arc<Envelope>,
        world: &mut World<'_>,
    ) {
        let (writer, expires_ms) = match kind {
            StreamKind::Mail => (Some(user()), envelope.expires_unix_ms),
            StreamKind::Bounce => (None, u64::MAX),
        };
        let stream = self.out(kind);
        let (seq, is_marked) = stream.append(Arc::clone(&envelope), writer, expires_ms, u64::MAX);
        let id = stream.id;
        if world.is(Mutation::SentBeforeCommit) {
            stream.stored(seq);
        }
        self.record(Record::Queued {
            peer: peer(),
            kind,
            stream: id,
            seq,
            envelope,
            is_marked: is_marked && !world.is(Mutation::ExpiryWithoutMark),
        });
        self.once_stored(id, Stored::Row { seq, is_marked });
        if world.is(Mutation::SentBeforeCommit) {
            self.out(kind).marked(seq);
            self.pump(world);
        }
    }

    /// Sends what the streams hold, bounces first.
    pub(super) fn pump(&mut self, world: &mut World<'_>) {
        if self.link.is_none() {
            return;
        }
        self.mark(world);
        let mut too_long = Vec::new();
        for kind in [StreamKind::Bounce, StreamKind::Mail] {
            loop {
                let stream = self.out(kind);
                match stream.next(LINE_BYTES_MAX) {
                    Some(Next::Frame(frame)) => {
                        self.frames.push_back(frame);
                        if world.is(Mutation::PruneOnSend) {
                            self.prune_sent(kind);
                        }
                    }
                    Some(Next::TooLong(row)) => too_long.push((kind, row)),
                    None => break,
                }
            }
        }
        for (kind, row) in too_long {
            self.give_up(kind, &row, world);
        }
    }

    fn prune_sent(&mut self, kind: StreamKind) {
        let Some(Frame::Env { seq, envelope, .. }) = self.frames.back() else {
            return;
        };
        let (durable, id) = (*seq, envelope.id);
        let stream = self.out(kind).id;
        if self.out(kind).acknowledged(durable, &[]).is_ok() {
            let peer = peer();
            self.record(Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            });
        }
    }

    /// Tells the store which rows may be sent from now on, before they are.
    fn mark(&mut self, world: &World<'_>) {
        for kind in [StreamKind::Bounce, StreamKind::Mail] {
            let out = self.out(kind);
            let stream = out.id;
            let Some(upto) = out.mark() else { continue };
            if world.is(Mutation::ExpiryWithoutMark) || world.is(Mutation::SentBeforeMark) {
                out.marked(upto);
            }
            if world.is(Mutation::ExpiryWithoutMark) {
                continue;
            }
            let peer = peer();
            self.record(Record::Marked {
                peer,
                kind,
                stream,
                upto,
            });
            self.once_stored(stream, Stored::Marked(upto));
        }
    }

    // Giving up.

    /// Gives up the next message that was never sent: its time is over. Returns whether there is one.
    pub(super) fn expire(&mut self, world: &mut World<'_>) -> bool {
        let Some(now_ms) = self.mail.expires_ms() else {
            return false;
        };
        let mut is_any = false;
        while let Some(row) = self.mail.expire(now_ms) {
            is_any = true;
            self.give_up(StreamKind::Mail, &row, world);
        }
        is_any
    }

    fn give_up(&mut self, kind: StreamKind, row: &Expired, world: &World<'_>) {
        let (peer, seq) = (peer(), row.seq);
        let stream = self.out(kind).id;
        self.record(Record::Voided {
            peer,
            kind,
            stream,
            seq,
        });
        if kind == StreamKind::Mail && row.writer.is_some() {
            self.write_inbox(Item::GivenUp(row.envelope.id));
        }
        if world.is(Mutation::VoidBeforeCommit) {
            self.out(kind).voided(seq);
        }
        self.once_stored(stream, Stored::Voided(seq));
    }

    // What the peer says of it.

    pub(super) fn renumber(
        &mut self,
        kind: StreamKind,
        world: &mut World<'_>,
    ) -> Result<(), Violation> {
        let stream = world.new_stream(kind);
        let before = self.out(kind).id;
        let link = self.link.as_mut().ok_or(Violation("no link"))?;
        if link.renumbered.contains_key(&kind) {
            return Err(Violation("a stream was contradicted too often"));
        }
        link.renumbered.insert(kind, before);
        let acknowledged = self.out(kind).renumber(stream);
        let last = self.out(kind).last();
        let peer = peer();
        self.record(Record::StreamRenumbered {
            peer,
            kind,
            before,
            stream,
            acknowledged,
        });
        self.once_stored(
            stream,
            Stored::Renumbered {
                last,
                is_same_link: true,
            },
        );
        Ok(())
    }

    pub(super) fn is_renumbered(&self, stream: Uuid) -> bool {
        let link = self.link.as_ref();
        link.is_some_and(|link| link.renumbered.values().any(|before| *before == stream))
    }

    pub(super) fn take_ack(
        &mut self,
        stream: Uuid,
        durable: u64,
        refused: &[u64],
        world: &World<'_>,
    ) -> Result<(), Violation> {
        let out = self.out_by_id(stream)?;
        let kind = out.kind;
        let settled = out.acknowledged(durable, refused)?;
        if let Some(last) = settled.last() {
            let (peer, id) = (peer(), last.id);
            self.record(Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            });
        }
        for row in settled {
            self.settled(kind, &row, world);
        }
        Ok(())
    }

    fn settled(&mut self, kind: StreamKind, row: &Settled, world: &World<'_>) {
        let peer = peer();
        if kind == StreamKind::Bounce {
            let answered = row.envelope.as_deref().and_then(ids::answers);
            let by_message = answered.filter(|_| world.is(Mutation::BounceKnownByMessage));
            let bounce = by_message.unwrap_or(row.id);
            let mut mail = self.incoming.iter_mut();
            let mail = mail.find(|stream| stream.kind == StreamKind::Mail);
            if let Some(seq) = mail.and_then(|mail| mail.bounced(bounce)) {
                self.record(Record::RefusalTold { peer, seq });
            }
            return;
        }
        if let (Some(user), Fate::Refused) = (row.writer, row.fate) {
            let id = row.id;
            self.refused.insert(id);
            let to = Box::default();
            self.record(Record::BounceDue { peer, id, user, to });
        }
    }
}
