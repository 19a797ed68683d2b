//! Showing messages: an inbox that is emptied, a page of it, and what was taken out before.

use super::Realm;
use super::commands::Caller;
use super::peers::PeerState;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::id::UserId;
use crate::inbox::{Inbox, Waiting};
use crate::name::UserName;
use crate::output::{ConnectionId, Event};
use crate::record::{PostState, Record, Sender};
use crate::store::{Fetched, Message};
use crate::time::Now;
use crate::wire::packed::Packer;
use crate::wire::reply::{PeerShown, PostShown};
use crate::wire::{json, reply};
use std::borrow::Cow;

/// A scratch buffer that grew beyond this for one big reply is given back.
const SCRATCH_BYTES_MAX: usize = 65_536;

impl Realm {
    pub(super) fn show_inbox(&mut self, id: ConnectionId, user: UserId, stored: &[Message]) {
        let mut out = std::mem::take(&mut self.scratch);
        let mut packer = std::mem::take(&mut self.packer);
        let is_packed = self.is_packed && self.is_request(id);
        if is_packed {
            self.pack_inbox(user, stored, &mut packer);
        } else {
            out.clear();
            out.extend_from_slice(reply::INBOX_BEGIN);
            self.render_inbox(user, stored, &mut out);
            out.extend_from_slice(reply::INBOX_END);
        }
        let inbox = self.inboxes.get(user);
        let messages = inbox.map_or(0, Inbox::len);
        let committed = self.batches.committed_upto();
        let is_kept = inbox.is_none_or(|inbox| inbox.kept_upto(committed) == inbox.last());
        if let Some(inbox) = self.inboxes.get_mut(user).filter(|_| messages > 0) {
            let upto = inbox.last();
            inbox.take(upto);
            self.record(|| Record::InboxTaken { owner: user, upto });
        }
        // Classic clients ask often; what others are waiting for is none of their business.
        let waits_for_nothing = messages == 0 && is_kept;
        let batch = self.batches.last().filter(|_| !waits_for_nothing);
        self.write(id, batch, |to| {
            if is_packed {
                packer.write(to);
            } else {
                to.extend_from_slice(&out);
            }
        });
        self.packer = packer;
        if out.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = out;
        }
        self.event_of(user, |user| Event::InboxRead { user, messages });
    }

    fn render_inbox(&self, user: UserId, stored: &[Message], out: &mut Vec<u8>) {
        let (Some(inbox), Some(owner)) = (self.inboxes.get(user), self.accounts.get(user)) else {
            return;
        };
        let mut head = Vec::new();
        let mut separator: &[u8] = b"";
        inbox.by_sender(stored).for_each(|sender, texts| {
            let (key, display) = self.sender_names(sender);
            out.extend_from_slice(separator);
            separator = b", ";
            json::string(out, &key);
            out.extend_from_slice(b": [");
            head.clear();
            head.extend_from_slice(b"{\"msg_from\": ");
            json::string(&mut head, &display);
            head.extend_from_slice(b", \"msg_to\": ");
            json::string(&mut head, &owner.display_name);
            head.extend_from_slice(b", \"msg\": \"");
            let mut comma: &[u8] = b"";
            for text in texts {
                out.extend_from_slice(comma);
                comma = b", ";
                out.extend_from_slice(&head);
                json::escaped(out, text);
                out.extend_from_slice(b"\"}");
            }
            out.push(b']');
        });
    }

    fn pack_inbox(&self, user: UserId, stored: &[Message], packer: &mut Packer) {
        let owner = self.accounts.get(user);
        packer.begin(owner.map_or("", |owner| &owner.display_name));
        if let Some(inbox) = self.inboxes.get(user) {
            for sender in inbox.senders() {
                let (name, display_name) = self.sender_names(*sender);
                packer.sender(&name, &display_name);
            }
            for (sender, text) in inbox.fetched(stored) {
                packer.message(sender, text);
            }
            let (messages, texts) = inbox.in_memory();
            packer.messages(messages, texts);
        }
    }

    pub(super) fn show_peek(
        &mut self,
        id: ConnectionId,
        user: UserId,
        limit: u64,
        stored: &[Message],
    ) {
        let (mut out, mut shown, mut waiting, mut next) = (Vec::new(), 0, 0, 0);
        let (bytes_max, committed) = (self.limits.page_bytes_max, self.batches.committed_upto());
        reply::messages_begin(&mut out);
        let inbox = self.inboxes.get(user);
        let kept_upto = inbox.map_or(0, |inbox| inbox.kept_upto(committed));
        if let Some(inbox) = inbox {
            // A full store may take long to have the rest.
            let is_full = self.batches.is_full();
            let upto = if is_full { kept_upto } else { u64::MAX };
            waiting = inbox.len();
            next = inbox.taken() + 1;
            let mut bytes = 0;
            for message in inbox.waiting(stored) {
                let is_enough = shown >= limit || (shown > 0 && bytes >= bytes_max);
                if message.number != next || message.number > upto || is_enough {
                    break;
                }
                self.render_message(user, message, shown == 0, &mut out);
                bytes += message.text.len() as u64;
                next += 1;
                shown += 1;
            }
        }
        if shown == 0 && stored.last().is_some_and(|last| last.number < next) {
            // All that was fetched has been taken out meanwhile.
            return self.peek_at(id, user, limit);
        }
        reply::messages_left(&mut out, waiting - shown);
        if next > kept_upto + 1 {
            self.reply(id, &out);
        } else {
            self.write(id, None, |to| to.extend_from_slice(&out));
        }
        self.event_of(user, |user| Event::InboxPeeked {
            user,
            messages: shown,
        });
    }

    pub(super) fn show_history(&mut self, id: ConnectionId, user: UserId, fetched: &Fetched) {
        let mut out = Vec::new();
        reply::messages_begin(&mut out);
        for (at, message) in fetched.messages.iter().enumerate() {
            let shown = Waiting {
                number: message.number,
                sender: message.sender,
                unix_ms: message.unix_ms,
                text: &message.text,
            };
            self.render_message(user, shown, at == 0, &mut out);
        }
        reply::messages_more(&mut out, fetched.more);
        // All of it is in the store.
        self.write(id, None, |to| to.extend_from_slice(&out));
        let messages = fetched.messages.len() as u64;
        self.event_of(user, |user| Event::HistoryRead { user, messages });
    }

    fn render_message(
        &self,
        user: UserId,
        message: Waiting<'_>,
        is_first: bool,
        out: &mut Vec<u8>,
    ) {
        let (from, display_from) = self.sender_names(message.sender);
        let owner = self.accounts.get(user);
        let shown = reply::Shown {
            id: message.number,
            from: &from,
            display_from: &display_from,
            display_to: owner.map_or("", |owner| &owner.display_name),
            text: message.text,
            unix_ms: message.unix_ms,
        };
        reply::message(out, is_first, &shown);
    }

    /// What a sender is listed under, and what its messages say they are from.
    fn sender_names(&self, sender: Sender) -> (Cow<'_, str>, Cow<'_, str>) {
        match sender {
            Sender::Local(user) => {
                let account = self.accounts.get(user);
                let display = account.map_or("", |account| &account.display_name);
                (self.accounts.name(user).into(), display.into())
            }
            Sender::Remote(remote) => {
                let shown = self
                    .directory
                    .get(remote)
                    .map(|remote| self.shown(&remote.address))
                    .unwrap_or_default();
                (shown.clone().into(), shown.into())
            }
            Sender::Realm(peer) => {
                let shown = self
                    .peer(peer)
                    .map(|peer| format!("*{}*", peer.name))
                    .unwrap_or_default();
                (shown.clone().into(), shown.into())
            }
        }
    }

    pub(super) fn event_of(&mut self, user: UserId, event: impl FnOnce(UserName) -> Event) {
        self.event_at(Detail::Commands, |realm| realm.user_name(user).map(event));
    }

    /// Shows what became of the messages that a user sent to other realms.
    pub(super) fn outbox(&mut self, caller: Caller, now: Now) {
        let mut out = Vec::new();
        reply::messages_begin(&mut out);
        for (at, known) in self.posts.of(caller.user).enumerate() {
            let post = &known.post;
            let (state, reason) = match post.state {
                // It is too old to be still on its way, and may have left: nobody knows.
                PostState::Queued if known.expires_ms <= now.mono_ms => ("unknown", None),
                PostState::Queued => ("queued", None),
                PostState::Delivered => ("delivered", None),
                PostState::Failed(reason) => ("failed", Some(reason)),
                PostState::Unknown => ("unknown", None),
            };
            let shown = PostShown {
                to: &post.to,
                excerpt: &post.excerpt,
                state,
                reason: reason.map(|reason| reason.map_or("refused", ErrorCode::code)),
                unix_ms: post.unix_ms,
            };
            reply::post(&mut out, at == 0, &shown);
        }
        reply::list_end(&mut out);
        self.reply(caller.connection, &out);
    }

    /// Shows how the realm stands with its peers.
    pub(super) fn check_realm(&mut self, id: ConnectionId, now: Now) {
        let mut out = Vec::new();
        reply::peers_begin(&mut out);
        for (at, status) in self.peers().enumerate() {
            let age = |unix_ms: u64| now.unix_ms.saturating_sub(unix_ms);
            let is_linked = status.state == PeerState::Linked;
            let shown = PeerShown {
                name: status.name.as_str(),
                state: status.state.word(),
                queue_messages: status.queue_messages,
                queue_bytes: status.queue_bytes,
                oldest_ms: status.oldest_unix_ms.map(age),
                round_trip_ms: status.round_trip_ms,
                // What is over is no error; `Realm::peers` still tells of it.
                error: status.last_error.as_deref().filter(|_| !is_linked),
            };
            reply::peer(&mut out, at == 0, &shown);
        }
        reply::list_end(&mut out);
        // It promises nothing, so it need not wait for the store, be it full.
        self.write(id, None, |to| to.extend_from_slice(&out));
    }
}
