//! What a store gives, record by record.

use super::{Opened, Restore};
use crate::account::{Account, Credential};
use crate::id::{PeerId, UserId};
use crate::link::frame::StreamKind;
use crate::link::stream::{InStream, OutStream};
use crate::name::Address;
use crate::realm::links::{Peer, Refused};
use crate::record::{Record, Sender};
use crate::send_key::Numbered;

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
            _ => return Err("a record stands among those of another kind"),
        }
        Ok(())
    }

    pub(super) fn outgoing(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::StreamBegun { peer, kind, stream } => {
                let out = self.peer(peer)?.out(kind);
                if out.id != stream {
                    *out = OutStream::restored(stream, kind, 0);
                }
            }
            Record::Queued {
                peer,
                kind,
                seq,
                envelope,
            } => {
                let out = self.peer(peer)?.out(kind);
                if seq > out.last() + 1 {
                    return Err("a message is missing in a queue");
                }
                if seq == out.last() + 1 {
                    out.append(envelope);
                    out.stored(seq);
                }
            }
            Record::Voided { peer, kind, seq } => {
                self.peer(peer)?.out(kind).voided(seq);
            }
            Record::Acknowledged {
                peer,
                kind,
                durable,
            } => {
                let out = self.peer(peer)?.out(kind);
                if durable > out.last() && out.len() == 0 {
                    *out = OutStream::restored(out.id, kind, durable);
                } else if !out.restore_acknowledged(durable) {
                    return Err("a peer has acknowledged what it was never sent");
                }
            }
            Record::BounceDue { peer, id, user, to } => {
                self.user(user)?;
                let refused = Refused { user, to };
                self.peer(peer)?.refused.insert(id, refused);
            }
            Record::BounceSettled { peer, id } => {
                self.peer(peer)?.refused.remove(&id);
            }
            _ => return Err("a record stands among those of another kind"),
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
        _ => 0,
    }
}
