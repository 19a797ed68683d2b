//! A realm's disk: what the records committed so far are restored as. Mirrors
//! `realm/restore/records.rs`.

use super::super::frame::{Frame, Resume, StreamKind, View};
use super::super::seen::Seen;
use super::super::stream::{InStream, OutStream};
use super::ids;
use crate::id::UserId;
use crate::random::Random;
use crate::record::Record;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The one user of each realm.
pub(super) fn user() -> UserId {
    UserId::from_number(0)
}

/// Something in a user's inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// A message of the peer's user, and the stream that brought it.
    Kept { message: Uuid, stream: Uuid },
    /// Word that the peer has not kept a message of the user's own.
    Bounced(Uuid),
    /// Word that one was never sent.
    GivenUp(Uuid),
}

/// One change in a batch: a record as it ships, or, in place of those for inboxes, what is added.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    Record(Record),
    Inbox(Item),
}

/// What a realm durably knows of its peer, and its user's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    /// The peer is known, and the streams to it have begun.
    pub(super) has_peer: bool,
    pub(super) mail: OutStream,
    pub(super) bounce: OutStream,
    pub(super) incoming: Vec<InStream>,
    pub(super) seen: Seen,
    /// Messages that the peer has refused and not explained yet.
    pub(super) refused: BTreeSet<Uuid>,
    pub(super) inbox: Vec<Item>,
}

impl Disk {
    pub(super) fn empty() -> Self {
        Self {
            has_peer: false,
            mail: OutStream::new(Uuid::nil(), StreamKind::Mail),
            bounce: OutStream::new(Uuid::nil(), StreamKind::Bounce),
            incoming: Vec::new(),
            seen: Seen::new(Random::new([7; 32]).set()),
            refused: BTreeSet::new(),
            inbox: Vec::new(),
        }
    }

    /// Takes a batch. Returns whether a realm could be restored of it.
    pub(super) fn commit(&mut self, changes: Vec<Change>) -> bool {
        changes.into_iter().all(|change| match change {
            Change::Inbox(item) => {
                self.inbox.push(item);
                true
            }
            Change::Record(record) => self.restore(record),
        })
    }

    /// Whether a message of this realm's user waits for the peer, or for its fate.
    pub(super) fn is_sending(&self, message: Uuid) -> bool {
        let (sent, unsent) = self.mail.clone().end();
        sent.iter().chain(&unsent).any(|row| row.id == message)
    }

    /// Whether the peer's user is still to be told that a message was refused.
    pub(super) fn is_bouncing(&self, message: Uuid) -> bool {
        let (sent, unsent) = self.bounce.clone().end();
        let bounces = sent.iter().chain(&unsent);
        let mut bounces = bounces.filter_map(|row| row.envelope.as_deref());
        bounces.any(|bounce| ids::answers(bounce) == Some(message))
    }

    pub(super) fn has(&self, item: Item) -> bool {
        self.inbox.contains(&item)
    }

    pub(super) fn has_kept(&self, message: Uuid) -> bool {
        let is_it =
            |item: &Item| matches!(item, Item::Kept { message: kept, .. } if *kept == message);
        self.inbox.iter().any(is_it)
    }

    pub(super) fn has_failed(&self, message: Uuid) -> bool {
        self.has(Item::Bounced(message)) || self.has(Item::GivenUp(message))
    }

    /// Whether it knew of a message what its peer has let go of since.
    pub(super) fn knew(&self, message: Uuid) -> bool {
        self.has_kept(message) || self.has(Item::Bounced(message)) || self.is_bouncing(message)
    }

    /// The last number of a stream that this disk knows to be dealt with.
    pub(super) fn cursor(&self, stream: Uuid) -> u64 {
        let known = self.incoming.iter().find(|known| known.id == stream);
        let resumed = known.and_then(|known| known.clone().resume(1, 0).ok());
        match resumed {
            Some((
                Frame::Resume(Resume {
                    view: View::Receiver { durable, .. },
                    ..
                }),
                _,
            )) => durable,
            _ => 0,
        }
    }

    pub(super) fn out(&mut self, kind: StreamKind) -> &mut OutStream {
        match kind {
            StreamKind::Mail => &mut self.mail,
            StreamKind::Bounce => &mut self.bounce,
        }
    }

    fn mail_in(&mut self) -> Option<&mut InStream> {
        let mut incoming = self.incoming.iter_mut();
        incoming.find(|stream| stream.kind == StreamKind::Mail)
    }

    /// Takes a record as a restart would. Returns whether it fits those before it.
    fn restore(&mut self, record: Record) -> bool {
        match record {
            Record::StreamBegun { .. }
            | Record::StreamRenumbered { .. }
            | Record::Queued { .. }
            | Record::Marked { .. }
            | Record::Voided { .. }
            | Record::Acknowledged { .. } => self.outgoing(record),
            Record::BounceDue { id, .. } => {
                self.refused.insert(id);
                true
            }
            Record::BounceSettled { id, .. } => {
                self.refused.remove(&id);
                true
            }
            other => self.incoming(&other),
        }
    }

    fn outgoing(&mut self, record: Record) -> bool {
        match record {
            Record::StreamBegun { kind, stream, .. } => {
                self.has_peer = true;
                *self.out(kind) = OutStream::new(stream, kind);
            }
            Record::StreamRenumbered {
                kind,
                before,
                stream,
                acknowledged,
                ..
            } => {
                let Some(out) = self.out_by_id(kind, before) else {
                    return true;
                };
                let settled = out.renumber(stream);
                let last = out.last();
                out.stored(last);
                out.marked(last);
                return settled == acknowledged;
            }
            Record::Queued {
                kind,
                stream,
                seq,
                envelope,
                is_marked,
                ..
            } => {
                let is_mail = kind == StreamKind::Mail;
                let expires_ms = envelope.expires_unix_ms;
                let Some(out) = self.out_by_id(kind, stream) else {
                    return true;
                };
                if seq != out.last() + 1 {
                    return false;
                }
                out.append(envelope, is_mail.then(user), expires_ms, u64::MAX);
                out.stored(seq);
                if is_marked {
                    out.marked(seq);
                }
            }
            Record::Marked {
                kind, stream, upto, ..
            } => {
                if let Some(out) = self.out_by_id(kind, stream) {
                    out.marked(upto.min(out.last()));
                }
            }
            Record::Voided {
                kind, stream, seq, ..
            } => {
                if let Some(out) = self.out_by_id(kind, stream) {
                    out.voided(seq);
                }
            }
            Record::Acknowledged {
                kind,
                stream,
                durable,
                id,
                ..
            } => {
                let out = self.out_by_id(kind, stream);
                return out.is_none_or(|out| out.restore_acknowledged(durable, id));
            }
            _ => {}
        }
        true
    }

    fn incoming(&mut self, record: &Record) -> bool {
        match *record {
            Record::Cursor {
                kind,
                stream,
                durable,
                id,
                ..
            } => {
                let known = self.incoming.iter_mut().find(|known| known.kind == kind);
                match known {
                    Some(known) if known.id == stream => known.restore_cursor(durable, id),
                    Some(known) => *known = InStream::restored(stream, kind, durable, id),
                    None => {
                        let begun = InStream::restored(stream, kind, durable, id);
                        self.incoming.push(begun);
                    }
                }
            }
            Record::Seen {
                number, id, oldest, ..
            } => return self.seen.restore(number, id, oldest),
            Record::Refused { seq, id, .. } => {
                let Some(mail) = self.mail_in() else {
                    return false;
                };
                mail.restore_refused(seq, id);
            }
            Record::RefusalTold { seq, .. } => {
                if let Some(mail) = self.mail_in() {
                    mail.restore_told(seq);
                }
            }
            ref other => panic!("{other:?} has no place in a model"),
        }
        true
    }

    /// The stream of that id; none if another one is in its place.
    fn out_by_id(&mut self, kind: StreamKind, stream: Uuid) -> Option<&mut OutStream> {
        Some(self.out(kind)).filter(|out| out.id == stream)
    }
}
