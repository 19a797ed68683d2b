//! Reading messages: from memory, and from the store what is there alone.

use super::Realm;
use super::clients::Wait;
use super::commands::Caller;
use crate::error::{ErrorCode, Misuse};
use crate::id::UserId;
use crate::name::Address;
use crate::output::{ConnectionId, Event, Output, RequestId};
use crate::record::{Record, Sender};
use crate::store::{Fetch, Fetched, Part};
use crate::time::Now;
use crate::wire::reply;

/// What is to be shown once the store has given its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The whole inbox, to be emptied.
    Inbox,
    /// Its first messages, so many at most.
    Peek(u64),
    /// What was taken out before.
    History,
}

/// A fetch under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetching {
    connection: ConnectionId,
    owner: UserId,
    reading: Reading,
    /// The last message that was asked for.
    upto: u64,
}

impl Realm {
    // What a client asks for.

    /// Takes all messages out of an inbox and shows them.
    pub(super) fn inbox(&mut self, id: ConnectionId, user: UserId) {
        // Nobody is there to read the answer: what waits stays.
        if self.clients.get(id).is_none_or(|client| client.is_gone) {
            return;
        }
        match self.stored_part(user) {
            None => self.show_inbox(id, user, &[]),
            Some(fetch) => self.fetch(id, Reading::Inbox, fetch, None),
        }
    }

    /// Shows the first messages of an inbox and leaves them there.
    pub(super) fn peek(&mut self, caller: Caller, limit: Option<&str>) {
        let page = self.limits.page_messages_max;
        match number(limit, page) {
            Some(limit) => self.peek_at(caller.connection, caller.user, limit.min(page)),
            None => self.reply_error(caller.connection, ErrorCode::InvalidNumber),
        }
    }

    pub(super) fn peek_at(&mut self, id: ConnectionId, user: UserId, limit: u64) {
        match self.stored_part(user) {
            Some(mut fetch) if limit > 0 => {
                fetch.messages_max = limit;
                fetch.bytes_max = self.limits.page_bytes_max;
                self.fetch(id, Reading::Peek(limit), fetch, None);
            }
            _ => self.show_peek(id, user, limit, &[]),
        }
    }

    /// Takes messages out that a client has seen.
    pub(super) fn ack(&mut self, caller: Caller, id: &str) {
        let Some(upto) = number(Some(id), 0) else {
            return self.reply_error(caller.connection, ErrorCode::InvalidNumber);
        };
        let inbox = self.inboxes.get_mut(caller.user);
        // What has not come yet must not be removed by a wrong number.
        if upto > inbox.as_ref().map_or(0, |inbox| inbox.last()) {
            return self.reply_error(caller.connection, ErrorCode::NoSuchMessage);
        }
        let (mut removed, mut left) = (0, 0);
        if let Some(inbox) = inbox {
            removed = upto.saturating_sub(inbox.taken());
            inbox.take(upto);
            left = inbox.len();
        }
        if removed > 0 {
            self.record(|| Record::InboxTaken {
                owner: caller.user,
                upto,
            });
        }
        let mut out = Vec::new();
        reply::removed(&mut out, removed, left);
        self.reply(caller.connection, &out);
        self.event_of(caller.user, |user| Event::InboxAcked {
            user,
            messages: removed,
        });
    }

    /// Shows messages that were taken out before.
    pub(super) fn history(
        &mut self,
        caller: Caller,
        with: &str,
        before: Option<&str>,
        limit: Option<&str>,
    ) {
        let (id, user, page) = (
            caller.connection,
            caller.user,
            self.limits.page_messages_max,
        );
        let numbers = number(before, u64::MAX).zip(number(limit, page));
        let Some((before, limit)) = numbers else {
            return self.reply_error(id, ErrorCode::InvalidNumber);
        };
        let senders = self.senders_called(with);
        if senders.is_empty() {
            return self.reply_error(id, ErrorCode::RecipientUnknown);
        }
        let committed = self.batches.committed_upto();
        let inbox = self.inboxes.get(user);
        let (taken, kept) = inbox.map_or((0, 0), |it| (it.taken(), it.kept_upto(committed)));
        // A full store may take long to have the rest.
        let is_kept = taken <= kept || self.batches.is_full();
        let upto = if is_kept { taken.min(kept) } else { taken };
        let upto = upto.min(before.saturating_sub(1));
        if upto == 0 || limit == 0 || !self.batches.is_durable() {
            return self.show_history(id, user, &Fetched::default());
        }
        let fetch = Fetch {
            senders: Some(senders),
            messages_max: limit.min(page),
            bytes_max: self.limits.page_bytes_max,
            part: Part::Newest,
            ..Fetch::range(user, 1, upto)
        };
        let behind = self.batches.last().filter(|_| !is_kept);
        self.fetch(id, Reading::History, fetch, behind);
    }

    /// Everybody of a name, as far as this realm has met them.
    fn senders_called(&self, name: &str) -> Vec<Sender> {
        if let Some(user) = self.accounts.find(name) {
            return vec![Sender::Local(user)];
        }
        let realm = name.strip_prefix('*').and_then(|it| it.strip_suffix('*'));
        if let Some(realm) = realm {
            let peer = self.known_peer(realm);
            return peer.map(Sender::Realm).into_iter().collect();
        }
        let Ok(address) = Address::parse(name) else {
            let homes = self.directory.homes(name).iter();
            return homes.map(|home| Sender::Remote(*home)).collect();
        };
        let user = address.user.as_str();
        if address.realm == self.name {
            let user = self.accounts.find(user);
            return user.map(Sender::Local).into_iter().collect();
        }
        let peer = self.known_peer(address.realm.as_str());
        let remote = peer.and_then(|peer| self.directory.find(peer, user));
        remote.map(Sender::Remote).into_iter().collect()
    }

    // The store's part.

    /// The waiting messages that are in the store alone.
    fn stored_part(&self, user: UserId) -> Option<Fetch> {
        let inbox = self.inboxes.get(user)?;
        let (taken, upto) = (inbox.taken(), inbox.stored_upto());
        (taken < upto).then(|| Fetch::range(user, taken + 1, upto))
    }

    /// Lets a line wait for messages. The store is asked at once, or after a batch.
    fn fetch(
        &mut self,
        connection: ConnectionId,
        reading: Reading,
        fetch: Fetch,
        behind: Option<u64>,
    ) {
        if let Some(client) = self.clients.get_mut(connection) {
            client.wait = Some(Box::new(Wait::Fetch));
        }
        if let Some(inbox) = self.inboxes.get_mut(fetch.owner) {
            inbox.fetching(true);
        }
        let request = self.next_request();
        let fetching = Fetching {
            connection,
            owner: fetch.owner,
            reading,
            upto: fetch.upto,
        };
        self.fetches.insert(request, fetching);
        match behind {
            Some(batch) => self.fetches_behind.push_back((batch, request, fetch)),
            None => self.outputs.push_back(Output::Fetch(request, fetch)),
        }
    }

    /// Asks the store for what had to be in it first.
    pub(super) fn fetches_committed(&mut self, batch: u64) {
        let is_due = |(behind, ..): &(u64, RequestId, Fetch)| *behind <= batch;
        let count = self.fetches_behind.partition_point(is_due);
        let due = self.fetches_behind.drain(..count);
        let outputs = due.map(|(_, request, fetch)| Output::Fetch(request, fetch));
        self.outputs.extend(outputs);
    }

    pub(super) fn take_fetched(
        &mut self,
        request: RequestId,
        fetched: Option<&Fetched>,
        now: Now,
    ) -> Result<(), Misuse> {
        let fetching = self.fetches.remove(&request);
        let fetching = fetching.ok_or(Misuse::UnknownRequest)?;
        let (id, owner) = (fetching.connection, fetching.owner);
        if let Some(inbox) = self.inboxes.get_mut(owner) {
            inbox.fetching(false);
        }
        let is_waiting = self.clients.get_mut(id).is_some_and(|client| {
            let is_fetch = |wait: &mut Box<Wait>| matches!(**wait, Wait::Fetch);
            client.wait.take_if(is_fetch).is_some()
        });
        if !is_waiting {
            return Ok(());
        }
        match fetched.filter(|fetched| self.is_whole(fetching, fetched)) {
            Some(fetched) => self.show(fetching, fetched),
            None => self.unreadable(id),
        }
        self.resume_client(id, now);
        self.finish_request(id);
        Ok(())
    }

    /// Whether a store gave what it must have: of a part of the inbox all that was not taken out
    /// meanwhile, from listed senders.
    fn is_whole(&self, fetching: Fetching, fetched: &Fetched) -> bool {
        if fetching.reading == Reading::History {
            return true;
        }
        let Some(inbox) = self.inboxes.get(fetching.owner) else {
            return false;
        };
        let numbers = fetched.messages.iter().map(|message| message.number);
        let mut waiting = numbers.filter(|number| *number > inbox.taken());
        let mut expected = inbox.taken() + 1..=fetching.upto;
        let is_whole = match fetching.reading {
            // A page ends where it is full, but nowhere else, and may have been taken out wholly.
            Reading::Peek(_) => {
                let is_empty = fetched.messages.is_empty() && !expected.is_empty();
                !is_empty && waiting.all(|number| expected.next() == Some(number))
            }
            _ => waiting.eq(expected),
        };
        is_whole && inbox.knows_senders(&fetched.messages)
    }

    fn unreadable(&mut self, id: ConnectionId) {
        self.event(|| Event::FetchFailed);
        self.reply_error(id, ErrorCode::StoreUnreadable);
    }

    fn show(&mut self, fetching: Fetching, fetched: &Fetched) {
        let (id, owner) = (fetching.connection, fetching.owner);
        let is_gone = self.clients.get(id).is_none_or(|client| client.is_gone);
        match fetching.reading {
            Reading::Inbox if is_gone => {}
            Reading::Inbox if self.batches.is_full() => {
                self.reply_error(id, ErrorCode::StoreFull);
            }
            Reading::Inbox => self.show_inbox(id, owner, &fetched.messages),
            Reading::Peek(limit) => self.show_peek(id, owner, limit, &fetched.messages),
            Reading::History => self.show_history(id, owner, fetched),
        }
    }
}

/// Reads an argument that is a whole number.
fn number(word: Option<&str>, default: u64) -> Option<u64> {
    let Some(word) = word else {
        return Some(default);
    };
    let is_plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    // More than fits is as good as the most.
    is_plain.then(|| word.parse().unwrap_or(u64::MAX))
}
