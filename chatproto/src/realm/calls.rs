//! Messages to classic neighbours: a call for each, one neighbour after the other, and the lines that wait.

use super::Realm;
use super::clients::{Client, Wait};
use super::routing::Draft;
use super::timers::Timer;
use crate::error::{ErrorCode, Misuse};
use crate::id::{PeerId, UserId};
use crate::name::UserName;
use crate::output::{ClassicAnswer, ClassicCall, ConnectionId, Event, Output, RequestId};
use crate::post;
use crate::record::{Post, PostState};
use crate::send_key::SendDigest;
use crate::time::Now;
use crate::wire::classic::{self, Answer};
use crate::wire::reply;
use std::collections::{BTreeMap, VecDeque};

/// The calls under way.
#[derive(Default)]
pub(super) struct Calls {
    by_request: BTreeMap<RequestId, Call>,
}

impl Calls {
    fn of(&self, peer: PeerId) -> u64 {
        let calls = self.by_request.values();
        calls.filter(|call| call.peer == peer).count() as u64
    }

    /// The call that a user has made under a key.
    fn under_key(&mut self, from: UserId, key: &str) -> Option<&mut Call> {
        self.by_request
            .values_mut()
            .find(|call| call.from == from && call.key.as_deref() == Some(key))
    }
}

/// A message on its way to a classic neighbour.
struct Call {
    /// The lines that wait for it: more than one, where the same key is used again meanwhile.
    waiting: Vec<ConnectionId>,
    from: UserId,
    session: u64,
    /// The recipient as the sender wrote it.
    to: Box<str>,
    text: Box<str>,
    key: Option<Box<str>>,
    /// The recipient in the neighbour's realm.
    user: UserName,
    bytes: Vec<u8>,
    /// Whom to ask next.
    next: VecDeque<PeerId>,
    /// Where the recipient is known to live. That realm alone is waited for.
    home: Option<PeerId>,
    /// Some neighbour could not be asked.
    is_incomplete: bool,
    /// Who is being asked, and until when.
    peer: PeerId,
    until_ms: u64,
}

impl Call {
    fn draft(&self) -> Draft<'_> {
        Draft {
            from: self.from,
            session: self.session,
            to: &self.to,
            text: &self.text,
            key: self.key.as_deref(),
        }
    }
}

impl Realm {
    /// Sends a message to a user of one classic neighbour.
    pub(super) fn call_at(
        &mut self,
        id: ConnectionId,
        draft: &Draft<'_>,
        (home, user): (PeerId, UserName),
        now: Now,
    ) {
        if !self.classics.can_call(home) {
            return self.reply_error(id, ErrorCode::RealmAway);
        }
        self.begin_call(id, draft, user, (Some(home), VecDeque::from([home])), now);
    }

    /// Sends a message to somebody whom no linked realm has: the classic neighbours are tried one
    /// after the other, and first of them the one that is known to have that name.
    pub(super) fn call_any(
        &mut self,
        id: ConnectionId,
        draft: &Draft<'_>,
        (home, user): (Option<PeerId>, UserName),
        now: Now,
    ) {
        if home.is_some_and(|home| !self.classics.can_call(home)) {
            return self.reply_error(id, ErrorCode::RealmAway);
        }
        let to_ask = self.classics.to_ask(home);
        if to_ask.is_empty() {
            return self.reply_error(id, ErrorCode::RecipientUnknown);
        }
        self.begin_call(id, draft, user, (home, to_ask), now);
    }

    fn begin_call(
        &mut self,
        id: ConnectionId,
        draft: &Draft<'_>,
        user: UserName,
        (home, next): (Option<PeerId>, VecDeque<PeerId>),
        now: Now,
    ) {
        let Some(sender) = self.user_name(draft.from) else {
            return self.reply_error(id, ErrorCode::NoSession);
        };
        let Some(bytes) = classic::send(&sender, &user, draft.text) else {
            return self.reply_error(id, ErrorCode::ClassicText);
        };
        let call = Call {
            waiting: Vec::new(),
            from: draft.from,
            session: draft.session,
            to: draft.to.into(),
            text: draft.text.into(),
            key: draft.key.map(Box::from),
            user,
            bytes,
            next,
            home,
            is_incomplete: false,
            // Nobody yet.
            peer: PeerId::from_number(u32::MAX),
            until_ms: 0,
        };
        self.wait_for(id, call, now);
    }

    fn wait_for(&mut self, id: ConnectionId, mut call: Call, now: Now) {
        call.waiting.push(id);
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = Some(Box::new(Wait::Call));
        }
        self.call_next(call, now);
    }

    /// Asks the next neighbour. One that said clearly that it has not taken the message, or that was
    /// sent none, is no reason not to ask another.
    fn call_next(&mut self, mut call: Call, now: Now) {
        let Some(peer) = call.next.pop_front() else {
            let code = if call.is_incomplete {
                ErrorCode::RealmAway
            } else {
                ErrorCode::RecipientUnknown
            };
            return self.end_call(&call, Err(code), now);
        };
        if self.calls.of(peer) >= self.limits.classic_calls_max {
            return self.end_call(&call, Err(ErrorCode::QueueFull), now);
        }
        let Some(name) = self.peer(peer).map(|peer| peer.name.clone()) else {
            return self.end_call(&call, Err(ErrorCode::RealmUnknown), now);
        };
        let request = self.next_request();
        call.peer = peer;
        call.until_ms = now.mono_ms.saturating_add(self.limits.classic_ms_max);
        self.timers.set(call.until_ms, Timer::Call(request));
        let bytes = call.bytes.clone();
        let asked = ClassicCall { peer: name, bytes };
        self.outputs.push_back(Output::Call(request, asked));
        self.calls.by_request.insert(request, call);
    }

    /// Takes what came of a call; one that was given up is passed over.
    pub(super) fn take_called(
        &mut self,
        request: RequestId,
        answer: &ClassicAnswer,
        now: Now,
    ) -> Result<(), Misuse> {
        if let Some(call) = self.calls.by_request.remove(&request) {
            self.timers.unset(call.until_ms, Timer::Call(request));
            self.call_answered(call, answer, now);
            return Ok(());
        }
        let was_asked = (1..=self.requests).contains(&request.0);
        was_asked.then_some(()).ok_or(Misuse::UnknownRequest)
    }

    pub(super) fn call_is_late(&mut self, request: RequestId, now: Now) {
        if let Some(call) = self.calls.by_request.remove(&request) {
            self.call_answered(call, &ClassicAnswer::NoAnswer, now);
        }
    }

    fn call_answered(&mut self, mut call: Call, answer: &ClassicAnswer, now: Now) {
        let failed = match answer {
            ClassicAnswer::NotReached => Some(ErrorCode::RealmAway),
            ClassicAnswer::NoAnswer => Some(ErrorCode::DeliveryUnknown),
            ClassicAnswer::Answered(bytes) => match Answer::parse(bytes) {
                Answer::Taken => {
                    self.note_failing(call.peer, None);
                    return self.end_call(&call, Ok(()), now);
                }
                Answer::NoSuchUser => None,
                Answer::Refused => Some(ErrorCode::RealmRefused),
                Answer::Unclear => Some(ErrorCode::DeliveryUnknown),
            },
        };
        self.note_failing(call.peer, failed);
        match failed {
            None => self.call_next(call, now),
            Some(ErrorCode::RealmAway) if call.home != Some(call.peer) => {
                call.is_incomplete = true;
                self.call_next(call, now);
            }
            Some(code) => self.end_call(&call, Err(code), now),
        }
    }

    /// Tells the operator when a neighbour begins to fail, and when it fails for another reason.
    fn note_failing(&mut self, peer: PeerId, failing: Option<ErrorCode>) {
        let is_news = self.classics.note_failing(peer, failing);
        let name = self.peer(peer).map(|peer| peer.name.clone());
        if let Some((peer, code)) = name.zip(failing).filter(|_| is_news) {
            self.event(|| Event::ClassicFailed { peer, code });
        }
    }

    /// Shows the sender in the outbox what is known of a message.
    fn note_post(&mut self, call: &Call, taken: Result<(), ErrorCode>, now: Now) {
        let state = match taken {
            Ok(()) => PostState::Delivered,
            Err(ErrorCode::DeliveryUnknown) => PostState::Unknown,
            Err(_) => return,
        };
        let address = self.address_at(call.peer, call.user.clone());
        let Some(address) = address.filter(|_| !self.batches.is_full()) else {
            return;
        };
        let id = self.random.uuid_v7(now.unix_ms);
        let post = Post {
            id,
            to: address.to_string().into(),
            unix_ms: now.unix_ms,
            excerpt: post::excerpt(&call.text),
            state: PostState::Queued,
        };
        let posts_max = self.limits.outbox_messages_max;
        self.posts.add(call.from, post, u64::MAX, posts_max);
        self.settle_post(call.from, id, state);
    }

    /// Answers the lines that waited, and goes on with those behind them.
    fn end_call(&mut self, call: &Call, taken: Result<(), ErrorCode>, now: Now) {
        self.note_post(call, taken, now);
        let is_kept = taken.is_ok() && self.keep_sent(call);
        for id in &call.waiting {
            if !self.clients.get_mut(*id).is_some_and(stops_waiting) {
                continue;
            }
            match taken {
                Ok(()) if is_kept => self.reply(*id, reply::SENT),
                Ok(()) => self.write(*id, None, |out| out.extend_from_slice(reply::SENT)),
                Err(code) => self.reply_error(*id, code),
            }
            self.resume_client(*id, now);
            self.finish_request(*id);
        }
    }

    /// Keeps what is to be known of a message that a neighbour has taken. Returns whether there may
    /// be something of it to store.
    fn keep_sent(&mut self, call: &Call) -> bool {
        let draft = call.draft();
        self.event_sent(&draft);
        let is_full = self.batches.is_full();
        if !is_full && let Some(address) = self.address_at(call.peer, call.user.clone()) {
            self.meet(call.peer, &address);
        }
        self.remember_key(&draft);
        // A full store must not hold back what it has nothing to do with.
        !is_full || draft.key.is_some()
    }

    /// Lets a line wait for a message that is on its way already under the same key; an error if that
    /// is another message. Returns whether there is one.
    pub(super) fn join_call(
        &mut self,
        id: ConnectionId,
        from: UserId,
        key: &str,
        digest: &SendDigest,
    ) -> bool {
        let Some(call) = self.calls.under_key(from, key) else {
            return false;
        };
        if call.draft().digest() != *digest {
            self.reply_error(id, ErrorCode::KeyReused);
            return true;
        }
        call.waiting.push(id);
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = Some(Box::new(Wait::Call));
        }
        true
    }

    /// Tells all who wait that nobody will know what came of their messages.
    pub(super) fn give_up_calls(&mut self) {
        for (request, call) in std::mem::take(&mut self.calls.by_request) {
            self.timers.unset(call.until_ms, Timer::Call(request));
            for id in call.waiting {
                if self.clients.get_mut(id).is_some_and(stops_waiting) {
                    self.reply_error(id, ErrorCode::DeliveryUnknown);
                }
            }
        }
    }
}

/// Lets a connection go on that waited for a call; false if it did not.
fn stops_waiting(client: &mut Client) -> bool {
    let is_call = |wait: &mut Box<Wait>| matches!(**wait, Wait::Call);
    client.wait.take_if(is_call).is_some()
}
