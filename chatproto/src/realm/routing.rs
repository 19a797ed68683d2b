//! Where a message goes: into an inbox here, or into the stream to another realm.

use super::Realm;
use super::awaited::Refused;
use super::clients::Wait;
use super::questions::Topic;
use crate::config::Detail;
use crate::envelope::{Envelope, Kind, Vouched, cost_bytes, line_bytes_max};
use crate::error::ErrorCode;
use crate::id::{PeerId, RemoteId, UserId};
use crate::inbox::Delivered;
use crate::link::frame::StreamKind;
use crate::name::{Address, RealmName, UserName};
use crate::output::{ConnectionId, Event};
use crate::post;
use crate::random::unix_ms_of;
use crate::record::{Post, PostState, Record, Sender};
use crate::send_key::{self, Known, SendDigest};
use crate::time::Now;
use crate::wire::reply;
use std::sync::Arc;
use uuid::Uuid;

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

/// A message to be sent.
pub(super) struct Draft<'a> {
    pub(super) from: UserId,
    pub(super) session: u64,
    pub(super) to: &'a str,
    pub(super) text: &'a str,
    /// What tells it from other messages of the sender.
    pub(super) key: Option<&'a str>,
}

impl Draft<'_> {
    pub(super) fn digest(&self) -> SendDigest {
        send_key::digest(self.to, self.text)
    }
}

impl Realm {
    pub(super) fn send(&mut self, id: ConnectionId, draft: &Draft<'_>, now: Now) {
        if self.was_sent(id, draft) {
            return;
        }
        let sent = match self.recipient(draft.to) {
            Recipient::Local(recipient) => {
                self.deliver_local(draft.from, recipient, draft.text, now)
            }
            Recipient::Remote(peer, address) if self.is_classic(peer) => {
                return self.call_at(id, draft, (peer, address.user), now);
            }
            Recipient::Remote(peer, address) => {
                self.queue_mail(draft.from, peer, &address, draft.text, now)
            }
            Recipient::Nobody(code) => Err(code),
            Recipient::Several(homes) => return self.reply_ambiguous(id, &homes),
            Recipient::Unknown(name) => {
                let wait = Wait::Recipient {
                    from: draft.from,
                    session: draft.session,
                    name: name.clone(),
                    text: draft.text.to_owned(),
                    key: draft.key.map(Box::from),
                };
                return self.ask(id, Topic::User(name), wait, now);
            }
        };
        self.reply_sent(id, draft, sent);
    }

    /// Answers a message whose key was used before.
    fn was_sent(&mut self, id: ConnectionId, draft: &Draft<'_>) -> bool {
        let Some(key) = draft.key else {
            return false;
        };
        if !send_key::is_key(key) {
            self.reply_error(id, ErrorCode::InvalidKey);
            return true;
        }
        let digest = draft.digest();
        match self.send_keys.find(draft.from, key, &digest) {
            Known::Fresh => return self.join_call(id, draft.from, key, &digest),
            Known::Same => self.reply(id, reply::SENT),
            Known::Other => self.reply_error(id, ErrorCode::KeyReused),
        }
        true
    }

    /// Remembers the key of a message that was taken, in the batch that the message is part of.
    pub(super) fn remember_key(&mut self, draft: &Draft<'_>) {
        let Some(key) = draft.key else { return };
        let (user, digest, keys_max) = (draft.from, draft.digest(), self.limits.send_keys_max);
        let numbered = self.send_keys.add(user, key, digest, keys_max);
        self.record(|| Record::SendKey {
            user,
            number: numbered.number,
            key: key.into(),
            digest,
            oldest: numbered.oldest,
        });
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
            key,
        } = wait
        else {
            return;
        };
        let draft = Draft {
            from,
            session,
            to: name.as_str(),
            text: &text,
            key: key.as_deref(),
        };
        let found = homes.iter().map(|peer| (*peer, name.clone()));
        let found: Vec<_> = found
            .filter_map(|(peer, name)| Some((peer, self.address_at(peer, name)?)))
            .collect();
        for (peer, address) in &found {
            self.meet(*peer, address);
        }
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        if self.was_sent(id, &draft) {
            // Meanwhile, on another connection.
            return;
        }
        let sent = match self.candidates(&name, found).as_slice() {
            [] => return self.call_any(id, &draft, (None, name.clone()), now),
            [(peer, _)] if self.is_classic(*peer) => {
                return self.call_any(id, &draft, (Some(*peer), name.clone()), now);
            }
            [(peer, address)] => self.queue_mail(from, *peer, address, &text, now),
            several => {
                let several: Vec<_> = several.iter().map(|(_, it)| it.clone()).collect();
                return self.reply_candidates(id, &several);
            }
        };
        self.reply_sent(id, &draft, sent);
    }

    /// Everybody who may be meant by a name, once it was asked for.
    fn candidates(
        &self,
        name: &UserName,
        mut found: Vec<(PeerId, Address)>,
    ) -> Vec<(PeerId, Address)> {
        let known = self.routes(name.as_str());
        for remote in known.filter_map(|known| self.directory.get(known)) {
            if found.iter().all(|(peer, _)| *peer != remote.peer) {
                found.push((remote.peer, remote.address.clone()));
            }
        }
        found
    }

    fn recipient(&self, to: &str) -> Recipient {
        if let Some(user) = self.accounts.find(to) {
            return Recipient::Local(user);
        }
        if to.contains('@') {
            return self.explicit_recipient(to);
        }
        let homes: Vec<_> = self.routes(to).collect();
        match homes.as_slice() {
            [] => UserName::parse(to).map_or(
                Recipient::Nobody(ErrorCode::RecipientUnknown),
                Recipient::Unknown,
            ),
            [only] => match self.directory.get(*only) {
                None => Recipient::Nobody(ErrorCode::RecipientUnknown),
                // Anybody can bring up a name there, so linked realms are asked for it all the same.
                Some(remote) if self.is_classic(remote.peer) => {
                    Recipient::Unknown(remote.address.user.clone())
                }
                Some(remote) => Recipient::Remote(remote.peer, remote.address.clone()),
            },
            several => Recipient::Several(several.to_vec()),
        }
    }

    /// Where somebody of that name is known to live, among the present peers.
    fn routes(&self, name: &str) -> impl Iterator<Item = RemoteId> {
        let homes = self.directory.homes(name).iter().copied();
        let present = homes.filter(|home| {
            let home = self.directory.get(*home);
            home.is_some_and(|home| self.peer_ids.contains_key(&home.address.realm))
        });
        self.heeded(present)
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

    fn reply_sent(&mut self, id: ConnectionId, draft: &Draft<'_>, sent: Result<(), ErrorCode>) {
        if let Err(code) = sent {
            return self.reply_error(id, code);
        }
        self.remember_key(draft);
        self.reply(id, reply::SENT);
        self.event_sent(draft);
    }

    pub(super) fn event_sent(&mut self, draft: &Draft<'_>) {
        self.event_at(Detail::Commands, |realm| {
            realm.user_name(draft.from).map(|from| Event::Sent {
                session: draft.session,
                from,
                to: draft.to.to_owned(),
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

    fn deliver_local(
        &mut self,
        from: UserId,
        to: UserId,
        text: &str,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let (bounds, sender) = (self.inbox_bounds(), Sender::Local(from));
        let inbox = self.inboxes.make(to);
        let delivered = inbox.deliver(sender, text, now.unix_ms, bounds)?;
        self.record_delivered(to, sender, text, delivered, now);
        Ok(())
    }

    /// Records a message that was put into an inbox, which may then hold less of it in memory.
    fn record_delivered(
        &mut self,
        owner: UserId,
        sender: Sender,
        text: &str,
        delivered: Delivered,
        now: Now,
    ) {
        if !self.batches.is_durable() {
            return;
        }
        if let Some(position) = delivered.listed {
            self.record(|| Record::Listed {
                owner,
                position,
                sender,
            });
        }
        self.record(|| Record::Delivered {
            owner,
            number: delivered.number,
            sender,
            unix_ms: now.unix_ms,
            text: text.into(),
        });
        let (batch, committed) = (self.batches.next(), self.batches.committed_upto());
        let bytes_max = self.limits.inbox_memory_bytes_max;
        if let Some(inbox) = self.inboxes.get_mut(owner) {
            inbox.is_part_of(batch, committed);
            let is_too_much = inbox.relieve(bytes_max, committed);
            if is_too_much && !std::mem::replace(&mut inbox.is_to_relieve, true) {
                self.to_relieve.push_back((batch, owner));
            }
        }
    }

    /// Lets inboxes hold less in memory of what is in the store now.
    pub(super) fn relieve_inboxes(&mut self, committed: u64) {
        let is_due = |(behind, _): &(u64, UserId)| *behind <= committed;
        let count = self.to_relieve.partition_point(is_due);
        for (_, owner) in self.to_relieve.drain(..count) {
            if let Some(inbox) = self.inboxes.get_mut(owner) {
                inbox.is_to_relieve = false;
                inbox.relieve(self.limits.inbox_memory_bytes_max, committed);
            }
        }
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
            expires_unix_ms: now.unix_ms.saturating_add(self.limits.queue_ms_max),
            text: text.to_owned(),
        };
        let post = Post {
            id: envelope.id,
            to: envelope.to.as_str().into(),
            unix_ms: now.unix_ms,
            excerpt: post::excerpt(text),
            state: PostState::Queued,
        };
        let expires_ms = now.mono_ms.saturating_add(self.limits.queue_ms_max);
        let posts_max = self.limits.outbox_messages_max;
        self.posts.add(from, post, expires_ms, posts_max);
        self.append(peer, StreamKind::Mail, Arc::new(envelope), Some(from), now);
        Ok(())
    }

    /// Takes an envelope that a peer's link brought. An error is why it cannot be kept.
    pub(super) fn deliver_remote(
        &mut self,
        peer: PeerId,
        vouched: &Vouched,
        envelope: &Envelope,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if envelope.kind != Kind::Message {
            return Err(ErrorCode::UnknownKind);
        }
        let (from, to) = (vouched.from(), vouched.to());
        let user = self
            .accounts
            .find(to.user.as_str())
            .ok_or(ErrorCode::RecipientUnknown)?;
        self.keep_remote(peer, from, user, &envelope.text, now)
    }

    /// Puts a message of another realm's user into an inbox here.
    pub(super) fn keep_remote(
        &mut self,
        peer: PeerId,
        from: &Address,
        to: UserId,
        text: &str,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let bounds = self.inbox_bounds();
        self.inboxes.make(to).check_room(text, bounds)?;
        let remote = self.meet(peer, from).ok_or(ErrorCode::InboxFull)?;
        let (sender, inbox) = (Sender::Remote(remote), self.inboxes.make(to));
        let delivered = inbox.deliver(sender, text, now.unix_ms, bounds)?;
        self.record_delivered(to, sender, text, delivered, now);
        Ok(())
    }

    /// Tells a user of this realm that a message of theirs could not be kept elsewhere. Word of
    /// anything but a refused message is passed over: a peer cannot fill inboxes with it.
    pub(super) fn deliver_bounce(
        &mut self,
        peer: PeerId,
        answers: Uuid,
        reason: &str,
        from: &str,
        now: Now,
    ) {
        let refused = self
            .peer_mut(peer)
            .and_then(|peer| peer.refused.remove(answers));
        let Some(refused) = refused else { return };
        self.record(|| Record::BounceSettled { peer, id: answers });
        let known = ErrorCode::ALL.iter().find(|code| code.code() == reason);
        let why = known.map_or(REFUSED, |code| code.message());
        let to = Some(&*refused.to).filter(|to| !to.is_empty());
        self.write_bounce(peer, refused.user, to.unwrap_or(from), why, now);
        let state = PostState::Failed(known.copied());
        self.settle_post(refused.user, answers, state);
    }

    /// Tells a user that a message never left.
    pub(super) fn bounce_here(
        &mut self,
        peer: PeerId,
        id: Uuid,
        writer: Option<UserId>,
        to: Option<&str>,
        code: ErrorCode,
        now: Now,
    ) {
        let Some(user) = writer else { return };
        let realm = self.somebody_at(peer);
        self.write_bounce(peer, user, to.unwrap_or(&realm), code.message(), now);
        self.settle_post(user, id, PostState::Failed(Some(code)));
    }

    /// The peer has begun anew: what it refused before, it will not explain any more.
    pub(super) fn bounces_are_lost(&mut self, peer: PeerId, now: Now) {
        let refused = self.peer_mut(peer).map(|peer| peer.refused.take_all());
        for (id, refused) in refused.unwrap_or_default() {
            self.bounce_unexplained(peer, id, &refused, now);
        }
    }

    /// Gives up on bounces that were awaited for too long: a peer that owes them holds places in
    /// inboxes here.
    pub(super) fn expire_bounces(&mut self, peer: PeerId, now: Now) {
        while let Some((id, refused)) = self
            .peer_mut(peer)
            .and_then(|peer| peer.refused.take_due(now.mono_ms))
        {
            self.bounce_unexplained(peer, id, &refused, now);
        }
    }

    /// Tells a user that a message was refused, where the peer does not say why.
    fn bounce_unexplained(&mut self, peer: PeerId, id: Uuid, refused: &Refused, now: Now) {
        self.record(|| Record::BounceSettled { peer, id });
        let realm = self.somebody_at(peer);
        let to = Some(&*refused.to).filter(|to| !to.is_empty());
        self.write_bounce(peer, refused.user, to.unwrap_or(&realm), REFUSED, now);
    }

    /// Until when word of a message that is refused is awaited: for as long as it might have waited
    /// itself. What it waited before a restart is known by its id alone, which tells when it was written.
    pub(super) fn bounce_due_ms(&self, id: Uuid, now: Now) -> u64 {
        let wait_ms = self.limits.queue_ms_max;
        let latest_unix_ms = unix_ms_of(id).saturating_add(wait_ms.saturating_mul(2));
        let left_ms = latest_unix_ms.saturating_sub(now.unix_ms);
        now.mono_ms.saturating_add(wait_ms.min(left_ms))
    }

    /// What a recipient is called of whom only the realm is known.
    fn somebody_at(&self, peer: PeerId) -> String {
        self.peer(peer)
            .map(|peer| format!("*@{}", peer.name))
            .unwrap_or_default()
    }

    fn write_bounce(&mut self, peer: PeerId, user: UserId, to: &str, why: &str, now: Now) {
        let text = format!(" Pesan untuk {to} tidak terkirim: {why}\r\n");
        let inbox = self.inboxes.make(user);
        if let Some(delivered) = inbox.bounce(peer, &text, now.unix_ms) {
            self.record_delivered(user, Sender::Realm(peer), &text, delivered, now);
        }
    }

    /// Remembers that a peer has a user; not if its share of the directory is used up.
    pub(super) fn meet(&mut self, peer: PeerId, address: &Address) -> Option<RemoteId> {
        if let Some(known) = self.directory.find(peer, address.user.as_str()) {
            return Some(known);
        }
        if !self.may_meet(peer) {
            return None;
        }
        let met = self.directory.add(peer, address)?;
        self.record(|| Record::Met {
            remote: met,
            peer,
            name: address.user.clone(),
        });
        Some(met)
    }

    pub(super) fn address_at(&self, peer: PeerId, user: UserName) -> Option<Address> {
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
        let heeded = self.heeded(homes.iter().copied());
        let mut known = heeded.filter_map(|home| self.directory.get(home));
        self.accounts.find(user).is_none()
            && !homes.is_empty()
            && known.all(|remote| remote.address.realm == *realm)
    }
}
