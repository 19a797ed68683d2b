//! What a store gives, record by record.

use super::{Opened, Restore};
use crate::account::{Account, Credential};
use crate::envelope::Envelope;
use crate::id::{PeerId, UserId};
use crate::link::frame::StreamKind;
use crate::link::stream::{InStream, OutStream};
use crate::name::Address;
use crate::post;
use crate::realm::awaited::Refused;
use crate::realm::peers::Peer;
use crate::record::{Post, PostState, Record, Sender};
use crate::send_key::Numbered;
use std::sync::Arc;
use uuid::Uuid;

/// The most users that a store can number.
const USERS_MAX: u32 = 1 << 23;

impl Restore {
    pub(super) fn people(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Account {
                user,
                name,
                display_name,
                country,
                password,
            } => {
                if user.number() >= USERS_MAX {
                    return Err("a user has too great a number");
                }
                let account = Account {
                    name,
                    display_name,
                    country,
                    credential: password.map_or(Credential::Missing, Credential::Hash),
                };
                let is_taken = self.realm.accounts.put(user, account);
                return if is_taken {
                    Err("two users have one name")
                } else {
                    Ok(())
                };
            }
            Record::SessionOpened {
                session,
                user,
                token,
                unix_ms,
            } => {
                self.user(user)?;
                // One that ended before is not opened again when its record comes twice.
                if session > self.sessions_opened {
                    self.sessions_opened = session;
                    let used_unix_ms = unix_ms;
                    let opened = Opened {
                        user,
                        token,
                        used_unix_ms,
                    };
                    self.sessions.insert(session, opened);
                }
            }
            Record::SessionUsed { session, unix_ms } => {
                if let Some(opened) = self.sessions.get_mut(&session) {
                    opened.used_unix_ms = opened.used_unix_ms.max(unix_ms);
                }
            }
            Record::SessionEnded { session } => {
                self.sessions_opened = self.sessions_opened.max(session);
                self.sessions.remove(&session);
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    pub(super) fn messages(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Listed {
                owner,
                position,
                sender,
            } => {
                self.user(owner)?;
                self.sender(sender)?;
                let inbox = self.realm.inboxes.make(owner);
                if !inbox.restore_sender(position, sender) {
                    return Err("a sender is listed at another's place");
                }
            }
            Record::Delivered {
                owner,
                number,
                sender,
                unix_ms,
                text,
            } => {
                self.user(owner)?;
                let inbox = self.realm.inboxes.make(owner);
                if !inbox.restore_message(number, sender, &text, unix_ms) {
                    return Err("a message has no place in its inbox");
                }
            }
            Record::InboxTaken { owner, upto } => {
                self.user(owner)?;
                let inbox = self.realm.inboxes.make(owner);
                if upto > inbox.last() {
                    return Err("messages were taken out that never came");
                }
                inbox.take(upto);
            }
            Record::Inbox {
                owner,
                taken,
                last,
                bytes,
            } => {
                self.user(owner)?;
                self.realm.inboxes.make(owner).restore(taken, last, bytes);
            }
            Record::SendKey {
                user,
                number,
                key,
                digest,
                oldest,
            } => {
                self.user(user)?;
                let numbered = Numbered { number, oldest };
                let keys = &mut self.realm.send_keys;
                if !keys.restore(user, numbered, &key, digest) {
                    return Err("a key is missing between others");
                }
            }
            Record::Posted {
                user, number, post, ..
            } => {
                self.user(user)?;
                let posts_max = self.realm.limits.outbox_messages_max;
                let posts = &mut self.realm.posts;
                posts.restore(user, post, Some(number), u64::MAX, posts_max);
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    pub(super) fn neighbours(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Peer { peer, name } => {
                let next = self.realm.peers.len();
                if peer.index() == next {
                    let peer = Peer::new(name, &mut self.realm.random);
                    self.realm.peers.push(peer);
                } else if self.realm.peer(peer).is_none_or(|known| known.name != name) {
                    return Err("a realm has another's number");
                }
            }
            Record::Met { remote, peer, name } => {
                let realm = self.peer(peer)?.name.clone();
                let address = Address { user: name, realm };
                if !self.realm.directory.restore(remote, peer, &address) {
                    return Err("a user of another realm has another's number");
                }
            }
            Record::Paused { peer, is_paused } => self.peer(peer)?.is_paused = is_paused,
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    pub(super) fn outgoing(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let out = self.peer(peer)?.out(kind);
                if out.id != stream {
                    *out = OutStream::new(stream, kind);
                }
            }
            Record::StreamRenumbered {
                peer,
                kind,
                before,
                stream,
                acknowledged,
            } => {
                if let Some(out) = self.stream(peer, kind, before)? {
                    let settled = out.renumber(stream);
                    let last = out.last();
                    out.stored(last);
                    out.marked(last);
                    if settled != acknowledged {
                        return Err("a stream was numbered anew from elsewhere");
                    }
                }
            }
            Record::Marked {
                peer,
                kind,
                stream,
                upto,
            } => {
                if let Some(out) = self.stream(peer, kind, stream)? {
                    out.restore_marked(upto);
                }
            }
            Record::Queued {
                peer,
                kind,
                stream,
                seq,
                envelope,
                is_marked,
            } => {
                if self.stream(peer, kind, stream)?.is_some() {
                    return self.queued(peer, kind, seq, envelope, is_marked);
                }
            }
            Record::Voided {
                peer,
                kind,
                stream,
                seq,
            } => {
                if let Some(out) = self.stream(peer, kind, stream)? {
                    out.voided(seq);
                }
            }
            Record::Acknowledged {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let out = self.stream(peer, kind, stream)?;
                if out.is_some_and(|out| !out.restore_acknowledged(durable, id)) {
                    return Err("a peer has acknowledged what it was never sent");
                }
            }
            Record::BounceDue { peer, id, user, to } => {
                self.user(user)?;
                let due_ms = self.realm.bounce_due_ms(id, self.realm.clock);
                let refused = Refused { user, to, due_ms };
                self.peer(peer)?.refused.insert(id, refused);
            }
            Record::BounceSettled { peer, id } => {
                self.peer(peer)?.refused.remove(id);
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn queued(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        seq: u64,
        envelope: Arc<Envelope>,
        is_marked: bool,
    ) -> Result<(), &'static str> {
        let (now, limits) = (self.realm.clock, &self.realm.limits);
        let (queue_ms_max, posts_max) = (limits.queue_ms_max, limits.outbox_messages_max);
        let queue_memory_bytes_max = limits.queue_memory_bytes_max;
        // A clock that was set meanwhile lets nothing wait for longer than ever.
        let left_ms = envelope.expires_unix_ms.saturating_sub(now.unix_ms);
        let expires_ms = now.mono_ms.saturating_add(left_ms.min(queue_ms_max));
        let is_mail = kind == StreamKind::Mail;
        let writer = self
            .realm
            .accounts
            .find(envelope.writer())
            .filter(|_| is_mail);
        let out = self.peer(peer)?.out(kind);
        if seq > out.last() + 1 {
            return Err("a message is missing in a queue");
        }
        if seq <= out.last() {
            return Ok(());
        }
        let post = Post {
            id: envelope.id,
            to: envelope.to.as_str().into(),
            unix_ms: envelope.sent_unix_ms,
            excerpt: post::excerpt(&envelope.text),
            state: PostState::Queued,
        };
        let (expires_row_ms, memory_bytes_max) = if is_mail {
            (expires_ms, queue_memory_bytes_max)
        } else {
            (u64::MAX, u64::MAX)
        };
        out.append(envelope, writer, expires_row_ms, memory_bytes_max);
        out.stored(seq);
        if is_marked {
            out.marked(seq);
        }
        if let Some(writer) = writer {
            let posts = &mut self.realm.posts;
            posts.restore(writer, post, None, expires_ms, posts_max);
        }
        Ok(())
    }

    pub(super) fn incoming(&mut self, record: &Record) -> Result<(), &'static str> {
        match *record {
            Record::Cursor {
                peer,
                kind,
                stream,
                durable,
                id,
            } => {
                let place = self.peer(peer)?;
                let known = place.incoming.iter_mut().find(|known| known.kind == kind);
                match known {
                    Some(known) if known.id == stream => known.restore_cursor(durable, id),
                    Some(known) => *known = InStream::restored(stream, kind, durable, id),
                    None => {
                        let begun = InStream::restored(stream, kind, durable, id);
                        place.incoming.push(begun);
                    }
                }
            }
            Record::Seen {
                peer,
                number,
                id,
                oldest,
            } => {
                let seen = &mut self.peer(peer)?.seen;
                if !seen.restore(number, id, oldest) {
                    return Err("a message that was seen is missing between others");
                }
            }
            Record::Refused { peer, seq, id } => {
                let mail = self.mail(peer)?;
                mail.ok_or("a message was refused that never came")?
                    .restore_refused(seq, id);
            }
            Record::RefusalTold { peer, seq } => {
                if let Some(mail) = self.mail(peer)? {
                    mail.restore_told(seq);
                }
            }
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    fn user(&self, user: UserId) -> Result<(), &'static str> {
        let account = self.realm.accounts.get(user);
        account.map(|_| ()).ok_or("it speaks of a user it lacks")
    }

    fn sender(&self, sender: Sender) -> Result<(), &'static str> {
        let is_known = match sender {
            Sender::Local(user) => self.realm.accounts.get(user).is_some(),
            Sender::Remote(remote) => self.realm.directory.get(remote).is_some(),
            Sender::Realm(peer) => self.realm.peer(peer).is_some(),
        };
        is_known
            .then_some(())
            .ok_or("it speaks of a sender it lacks")
    }

    fn peer(&mut self, peer: PeerId) -> Result<&mut Peer, &'static str> {
        self.realm
            .peer_mut(peer)
            .ok_or("it speaks of a realm it lacks")
    }

    /// The stream of that id; none if another one is in its place.
    fn stream(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        stream: Uuid,
    ) -> Result<Option<&mut OutStream>, &'static str> {
        let out = self.peer(peer)?.out(kind);
        Ok(Some(out).filter(|out| out.id == stream))
    }

    fn mail(&mut self, peer: PeerId) -> Result<Option<&mut InStream>, &'static str> {
        let mut incoming = self.peer(peer)?.incoming.iter_mut();
        Ok(incoming.find(|stream| stream.kind == StreamKind::Mail))
    }
}

/// The greatest number of a record that is counted on from.
pub(super) fn greatest(record: &Record) -> u64 {
    match record {
        Record::SessionOpened { session, .. } | Record::SessionEnded { session } => *session,
        Record::Delivered { number, .. } => *number,
        Record::Inbox {
            taken, last, bytes, ..
        } => *taken.max(last).max(bytes),
        Record::SendKey { number, oldest, .. } => *number.max(oldest),
        Record::Queued { seq, .. } | Record::Refused { seq, .. } => *seq,
        Record::Acknowledged { durable, .. } | Record::Cursor { durable, .. } => *durable,
        Record::StreamRenumbered { acknowledged, .. } => *acknowledged,
        Record::Marked { upto, .. } => *upto,
        Record::Posted { number, oldest, .. } | Record::Seen { number, oldest, .. } => {
            *number.max(oldest)
        }
        _ => 0,
    }
}
