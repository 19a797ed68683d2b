//! Where a message goes: into an inbox here, or into the stream to another realm.

use super::Realm;
use super::clients::Wait;
use super::commands::Caller;
use super::questions::Topic;
use crate::config::Detail;
use crate::envelope::{Envelope, Kind, Vouched, cost_bytes, line_bytes_max};
use crate::error::ErrorCode;
use crate::id::{PeerId, RemoteId, UserId};
use crate::inbox::Sender;
use crate::link::frame::StreamKind;
use crate::name::{Address, RealmName, UserName};
use crate::output::{ConnectionId, Event};
use crate::record::Record;
use crate::time::Now;
use crate::wire::reply;
use std::sync::Arc;
use uuid::Uuid;

/// How long an envelope is tried before its sender is told: 4 days.
const EXPIRY_MS: u64 = 4 * 24 * 60 * 60 * 1_000;

/// Why a message was not kept, where the peer does not say it in words known here.
const REFUSED: &str = "ditolak";

/// Who a message is for.
enum Recipient {
    Local(UserId),
    Remote(PeerId, Address),
    /// Nobody known; other realms may know.
    Unknown(UserName),
    /// Several realms have one.
    Several(Vec<RemoteId>),
    Nobody(ErrorCode),
}

impl Realm {
    pub(super) fn send(&mut self, caller: Caller, to: &str, text: &str, now: Now) {
        let sent = match self.recipient(to) {
            Recipient::Local(recipient) => self.deliver_local(caller.user, recipient, text),
            Recipient::Remote(peer, address) => {
                self.queue_mail(caller.user, peer, &address, text, now)
            }
            Recipient::Nobody(code) => Err(code),
            Recipient::Several(homes) => return self.reply_ambiguous(caller.connection, &homes),
            Recipient::Unknown(name) => {
                let wait = Wait::Recipient {
                    from: caller.user,
                    session: caller.session,
                    name: name.clone(),
                    text: text.to_owned(),
                };
                return self.ask(caller.connection, Topic::User(name), wait, now);
            }
        };
        self.reply_sent(caller.connection, caller.user, caller.session, to, sent);
    }

    /// Goes on with a message once it is known which realms have somebody of that name.
    pub(super) fn send_after_asking(
        &mut self,
        id: ConnectionId,
        wait: Wait,
        homes: &[PeerId],
        now: Now,
    ) {
        let Wait::Recipient {
            from,
            session,
            name,
            text,
        } = wait
        else {
            return;
        };
        for peer in homes {
            if let Some(address) = self.address_at(*peer, name.clone()) {
                self.meet(*peer, &address);
            }
        }
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        let sent = match homes {
            [] => Err(ErrorCode::RecipientUnknown),
            [peer] => match self.address_at(*peer, name.clone()) {
                Some(address) => self.queue_mail(from, *peer, &address, &text, now),
                None => Err(ErrorCode::RecipientUnknown),
            },
            _ => {
                let candidates: Vec<_> = homes
                    .iter()
                    .filter_map(|peer| self.address_at(*peer, name.clone()))
                    .collect();
                return self.reply_candidates(id, &candidates);
            }
        };
        self.reply_sent(id, from, session, name.as_str(), sent);
    }

    fn recipient(&self, to: &str) -> Recipient {
        if let Some(user) = self.accounts.find(to) {
            return Recipient::Local(user);
        }
        if to.contains('@') {
            return self.explicit_recipient(to);
        }
        match self.directory.homes(to) {
            [] => UserName::parse(to).map_or(
                Recipient::Nobody(ErrorCode::RecipientUnknown),
                Recipient::Unknown,
            ),
            [only] => self
                .directory
                .get(*only)
                .map_or(Recipient::Nobody(ErrorCode::RecipientUnknown), |remote| {
                    Recipient::Remote(remote.peer, remote.address.clone())
                }),
            several => Recipient::Several(several.to_vec()),
        }
    }

    fn explicit_recipient(&self, to: &str) -> Recipient {
        let Ok(address) = Address::parse(to) else {
            return Recipient::Nobody(ErrorCode::RecipientUnknown);
        };
        if address.realm == self.name {
            let user = self.accounts.find(address.user.as_str());
            return user.map_or(
                Recipient::Nobody(ErrorCode::RecipientUnknown),
                Recipient::Local,
            );
        }
        match self.peer_ids.get(&address.realm) {
            Some(peer) => Recipient::Remote(*peer, address),
            None => Recipient::Nobody(ErrorCode::RealmUnknown),
        }
    }

    fn reply_sent(
        &mut self,
        id: ConnectionId,
        from: UserId,
        session: u64,
        to: &str,
        sent: Result<(), ErrorCode>,
    ) {
        if let Err(code) = sent {
            return self.reply_error(id, code);
        }
        self.reply(id, reply::SENT);
        self.event_at(Detail::Commands, |realm| {
            realm.user_name(from).map(|from| Event::Sent {
                session,
                from,
                to: to.to_owned(),
            })
        });
    }

    fn reply_ambiguous(&mut self, id: ConnectionId, homes: &[RemoteId]) {
        let remotes = homes.iter().filter_map(|home| self.directory.get(*home));
        let candidates: Vec<_> = remotes.map(|remote| remote.address.clone()).collect();
        self.reply_candidates(id, &candidates);
    }

    fn reply_candidates(&mut self, id: ConnectionId, candidates: &[Address]) {
        let mut names: Vec<_> = candidates.iter().map(Address::to_string).collect();
        names.sort_unstable();
        self.write(id, None, |out| {
            reply::ambiguous(out, names.iter().map(String::as_str));
        });
    }

    fn deliver_local(&mut self, from: UserId, to: UserId, text: &str) -> Result<(), ErrorCode> {
        let bounds = self.inbox_bounds();
        let inbox = self.inboxes.make(to);
        inbox.deliver(Sender::Local(from), text, bounds)?;
        let number = inbox.last();
        if self.batches.is_durable() {
            let names = self.user_name(to).zip(self.user_name(from));
            if let Some((to, from)) = names {
                self.record(|| Record::Delivered {
                    to,
                    number,
                    from: from.to_string(),
                    text: text.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Puts a message into the stream to a peer, and keeps a place for its bounce.
    fn queue_mail(
        &mut self,
        from: UserId,
        peer: PeerId,
        to: &Address,
        text: &str,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let bounds = self.inbox_bounds();
        let sender = self.user_name(from).ok_or(ErrorCode::NoSession)?;
        let (own, limits) = (self.name.clone(), &self.limits);
        let (messages_max, bytes_max) = (limits.queue_messages_max, limits.queue_bytes_max);
        let line_max = limits.link_line_bytes_max;
        let queue = self.peer(peer).ok_or(ErrorCode::RealmUnknown)?;
        if line_bytes_max(text) > line_max.min(queue.line_bytes_max) {
            return Err(ErrorCode::MessageTooLong);
        }
        let cost = cost_bytes(text);
        if queue.mail.len() as u64 >= messages_max || queue.mail.bytes() + cost > bytes_max {
            return Err(ErrorCode::QueueFull);
        }
        self.inboxes.make(from).reserve(bounds)?;
        let envelope = Envelope {
            id: self.random.uuid_v7(now.unix_ms),
            kind: Kind::Message,
            destination: to.realm.clone(),
            from: Address {
                user: sender,
                realm: own.clone(),
            }
            .to_string(),
            origin: own,
            to: to.to_string(),
            sent_unix_ms: now.unix_ms,
            expires_unix_ms: now.unix_ms.saturating_add(EXPIRY_MS),
            text: text.to_owned(),
        };
        self.append(peer, StreamKind::Mail, Arc::new(envelope), now);
        Ok(())
    }

    /// Takes an envelope that a peer's link brought. An error is why it cannot be kept.
    pub(super) fn deliver_remote(
        &mut self,
        peer: PeerId,
        vouched: &Vouched,
        envelope: &Envelope,
    ) -> Result<(), ErrorCode> {
        if envelope.kind != Kind::Message {
            return Err(ErrorCode::UnknownKind);
        }
        let (from, to) = (vouched.from(), vouched.to());
        let user = self
            .accounts
            .find(to.user.as_str())
            .ok_or(ErrorCode::RecipientUnknown)?;
        let bounds = self.inbox_bounds();
        self.inboxes.make(user).check_room(&envelope.text, bounds)?;
        let remote = self.meet(peer, from).ok_or(ErrorCode::InboxFull)?;
        let inbox = self.inboxes.make(user);
        inbox.deliver(Sender::Remote(remote), &envelope.text, bounds)?;
        let number = inbox.last();
        self.record(|| Record::Delivered {
            to: to.user.clone(),
            number,
            from: from.to_string(),
            text: envelope.text.clone(),
        });
        Ok(())
    }

    /// Tells a user of this realm that a message of theirs could not be kept elsewhere. Word of
    /// anything but a refused message is passed over: a peer cannot fill inboxes with it.
    pub(super) fn deliver_bounce(&mut self, peer: PeerId, answers: Uuid, reason: &str) {
        let refused = self
            .peer_mut(peer)
            .and_then(|peer| peer.refused.remove(&answers));
        if let Some(refused) = refused {
            let known = ErrorCode::ALL.iter().find(|code| code.code() == reason);
            let why = known.map_or(REFUSED, |code| code.message());
            self.write_bounce(peer, refused.user, &refused.to, why);
        }
    }

    /// Tells a user that a message never left.
    pub(super) fn bounce_here(&mut self, peer: PeerId, envelope: &Envelope, why: &str) {
        if let Some(user) = self.accounts.find(envelope.writer()) {
            self.write_bounce(peer, user, &envelope.to, why);
        }
    }

    /// The peer has begun anew: what it refused before, it will not explain any more.
    pub(super) fn bounces_are_lost(&mut self, peer: PeerId) {
        let refused = self
            .peer_mut(peer)
            .map(|peer| std::mem::take(&mut peer.refused));
        for refused in refused.unwrap_or_default().into_values() {
            self.write_bounce(peer, refused.user, &refused.to, REFUSED);
        }
    }

    fn write_bounce(&mut self, peer: PeerId, user: UserId, to: &str, why: &str) {
        let text = format!(" Pesan untuk {to} tidak terkirim: {why}\r\n");
        let inbox = self.inboxes.make(user);
        inbox.bounce(peer, &text);
        let number = inbox.last();
        let from = self.peer(peer).map(|peer| format!("*{}*", peer.name));
        if let Some((to, from)) = self.user_name(user).zip(from) {
            self.record(|| Record::Delivered {
                to,
                number,
                from,
                text,
            });
        }
    }

    /// Remembers that a peer has a user; not if its share of the directory is used up.
    pub(super) fn meet(&mut self, peer: PeerId, address: &Address) -> Option<RemoteId> {
        if let Some(known) = self.directory.find(peer, address.user.as_str()) {
            return Some(known);
        }
        let met = self.directory.add(peer, address)?;
        self.record(|| Record::Met {
            address: address.clone(),
        });
        Some(met)
    }

    fn address_at(&self, peer: PeerId, user: UserName) -> Option<Address> {
        self.peer(peer).map(|peer| Address {
            user,
            realm: peer.name.clone(),
        })
    }

    /// What somebody is called in this realm: by bare name where that can mean nobody else.
    pub(super) fn shown(&self, address: &Address) -> String {
        let is_own = address.realm == self.name;
        if is_own || self.is_only_in(address.user.as_str(), &address.realm) {
            return address.user.to_string();
        }
        address.to_string()
    }

    fn is_only_in(&self, user: &str, realm: &RealmName) -> bool {
        let homes = self.directory.homes(user);
        let mut known = homes.iter().filter_map(|home| self.directory.get(*home));
        self.accounts.find(user).is_none()
            && !homes.is_empty()
            && known.all(|remote| remote.address.realm == *realm)
    }
}
