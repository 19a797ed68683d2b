//! Classic neighbours: realms that are asked over a connection for each message, and ask the same way.
//!
//! Nothing of it is kept for later: a message either was answered OK there, or its sender is told. What
//! comes from them is for users of this realm alone, and goes nowhere else.

use super::Realm;
use super::clients::{Mode, Wait};
use super::routing::Draft;
use super::timers::Timer;
use crate::config::Detail;
use crate::error::{ErrorCode, Misuse};
use crate::id::{PeerId, RemoteId, UserId};
use crate::name::{Address, RealmName, UserName};
use crate::output::{ClassicAnswer, ClassicCall, ConnectionId, Event, Output, RequestId};
use crate::post;
use crate::record::{Post, PostState};
use crate::send_key::SendDigest;
use crate::time::Now;
use crate::wire::classic::{self, Answer, Request};
use crate::wire::frame::Framer;
use crate::wire::reply;
use std::collections::{BTreeMap, VecDeque};

/// The classic neighbours, and the calls of them under way.
#[derive(Default)]
pub(super) struct Classics {
    /// In the order of the configuration.
    neighbours: Vec<Neighbour>,
    calls: BTreeMap<RequestId, Call>,
}

struct Neighbour {
    peer: PeerId,
    /// Its address is known.
    can_call: bool,
    /// Why it took no message the last time.
    failing: Option<ErrorCode>,
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

impl Classics {
    /// Adds the next neighbour of the configuration.
    pub(super) fn add(&mut self, peer: PeerId, can_call: bool) {
        self.neighbours.push(Neighbour {
            peer,
            can_call,
            failing: None,
        });
    }

    /// Changes what is said of a neighbour, or adds it as the last one.
    pub(super) fn set(&mut self, peer: PeerId, can_call: bool) {
        let mut neighbours = self.neighbours.iter_mut();
        match neighbours.find(|neighbour| neighbour.peer == peer) {
            Some(neighbour) => neighbour.can_call = can_call,
            None => self.add(peer, can_call),
        }
    }

    pub(super) fn remove(&mut self, peer: PeerId) {
        self.neighbours.retain(|neighbour| neighbour.peer != peer);
    }

    fn find(&self, peer: PeerId) -> Option<&Neighbour> {
        self.neighbours
            .iter()
            .find(|neighbour| neighbour.peer == peer)
    }

    fn can_call(&self, peer: PeerId) -> bool {
        self.find(peer).is_some_and(|neighbour| neighbour.can_call)
    }

    /// Whom to ask about a user, whose home first if that is known.
    fn to_ask(&self, home: Option<PeerId>) -> VecDeque<PeerId> {
        let callable = self.neighbours.iter().filter(|it| it.can_call);
        let others = callable
            .map(|it| it.peer)
            .filter(|peer| Some(*peer) != home);
        home.into_iter().chain(others).collect()
    }

    fn under_way(&self, peer: PeerId) -> u64 {
        let calls = self.calls.values();
        calls.filter(|call| call.peer == peer).count() as u64
    }

    /// The call that a user has made under a key.
    fn under_key(&mut self, from: UserId, key: &str) -> Option<&mut Call> {
        self.calls
            .values_mut()
            .find(|call| call.from == from && call.key.as_deref() == Some(key))
    }
}

impl Realm {
    pub(super) fn is_classic(&self, peer: PeerId) -> bool {
        self.classics.find(peer).is_some()
    }

    /// Whether one more of a neighbour's users may be remembered.
    pub(super) fn may_meet(&self, peer: PeerId) -> bool {
        !self.is_classic(peer) || self.directory.count(peer) < self.limits.classic_names_max
    }

    /// Leaves out the classic neighbours' users whose name was met in a linked realm before. Anybody can
    /// bring up a name there, which must not change what that name means by itself.
    pub(super) fn heeded(
        &self,
        homes: impl Iterator<Item = RemoteId>,
    ) -> impl Iterator<Item = RemoteId> {
        let mut is_settled = false;
        homes.filter(move |home| {
            let home = self.directory.get(*home);
            let is_linked = home.is_some_and(|home| !self.is_classic(home.peer));
            is_settled |= is_linked;
            is_linked || !is_settled
        })
    }

    // Messages to them.

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
        if self.classics.under_way(peer) >= self.limits.classic_calls_max {
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
        self.classics.calls.insert(request, call);
    }

    /// Takes what came of a call; one that was given up is passed over.
    pub(super) fn take_called(
        &mut self,
        request: RequestId,
        answer: &ClassicAnswer,
        now: Now,
    ) -> Result<(), Misuse> {
        if let Some(call) = self.classics.calls.remove(&request) {
            self.timers.unset(call.until_ms, Timer::Call(request));
            self.call_answered(call, answer, now);
            return Ok(());
        }
        let was_asked = (1..=self.requests).contains(&request.0);
        was_asked.then_some(()).ok_or(Misuse::UnknownRequest)
    }

    pub(super) fn call_is_late(&mut self, request: RequestId, now: Now) {
        if let Some(call) = self.classics.calls.remove(&request) {
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
        let mut neighbours = self.classics.neighbours.iter_mut();
        let Some(neighbour) = neighbours.find(|neighbour| neighbour.peer == peer) else {
            return;
        };
        if std::mem::replace(&mut neighbour.failing, failing) == failing {
            return;
        }
        let name = self.peer(peer).map(|peer| peer.name.clone());
        if let Some((peer, code)) = name.zip(failing) {
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
            let client = self.clients.get_mut(*id);
            let wait = client.and_then(|client| {
                let is_call = |wait: &mut Box<Wait>| matches!(**wait, Wait::Call);
                client.wait.take_if(is_call)
            });
            if wait.is_none() {
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
        let Some(call) = self.classics.under_key(from, key) else {
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
        for (request, call) in std::mem::take(&mut self.classics.calls) {
            self.timers.unset(call.until_ms, Timer::Call(request));
            for id in call.waiting {
                let client = self.clients.get_mut(id);
                let is_call = |wait: &mut Box<Wait>| matches!(**wait, Wait::Call);
                let wait = client.and_then(|client| client.wait.take_if(is_call));
                if wait.is_some() {
                    self.reply_error(id, ErrorCode::DeliveryUnknown);
                }
            }
        }
    }

    // Messages from them.

    /// Prepares a connection from the listener of a classic neighbour.
    pub(super) fn hear_neighbour(
        &mut self,
        id: ConnectionId,
        name: &RealmName,
    ) -> Result<(), ErrorCode> {
        let peer = self.peer_ids.get(name).copied();
        let peer = peer.filter(|peer| self.is_classic(*peer));
        let peer = peer.ok_or(ErrorCode::RealmUnknown)?;
        if let Some(client) = self.clients.get_mut(id) {
            client.mode = Mode::Neighbour(peer);
            client.framer = Framer::strict();
        }
        Ok(())
    }

    /// The classic neighbour that a connection is for.
    pub(super) fn neighbour_of(&self, id: ConnectionId) -> Option<PeerId> {
        match self.clients.get(id)?.mode {
            Mode::Neighbour(peer) => Some(peer),
            Mode::Command | Mode::Refused(_) | Mode::Live(_) => None,
        }
    }

    /// Carries out a line of a classic neighbour's. It answers with exactly one reply.
    pub(super) fn neighbour_asks(&mut self, id: ConnectionId, peer: PeerId, line: &str, now: Now) {
        let request = Request::parse(line);
        self.event_at(Detail::Wire, |_| {
            let text = masked_request(request, line);
            Some(Event::Received {
                connection: id,
                text,
            })
        });
        match request {
            Request::Send { from, to, text } => {
                if let Err(code) = self.take_classic(id, peer, (from, to, text), now) {
                    self.refuse_classic(id, peer, code);
                }
            }
            Request::CheckGroup { group } => {
                self.write(id, None, |out| classic::no_group(out, group));
            }
            Request::TooFewArguments => self.reply_error(id, ErrorCode::TooFewArguments),
            Request::Unknown => self.reply_error(id, ErrorCode::UnknownCommand),
        }
    }

    /// Takes a message for a user of this realm.
    fn take_classic(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        (from, to, text): (&str, &str, &str),
        now: Now,
    ) -> Result<(), ErrorCode> {
        if self.batches.is_full() {
            return Err(ErrorCode::StoreFull);
        }
        let user = UserName::parse(from).map_err(|_| ErrorCode::InvalidName)?;
        let owner = self.accounts.find(to).ok_or(ErrorCode::RecipientUnknown)?;
        let sender = self.address_at(peer, user).ok_or(ErrorCode::RealmUnknown)?;
        self.keep_remote(peer, &sender, owner, text, now)?;
        let mut out = Vec::new();
        let account = self.accounts.get(owner);
        let display_to = account.map_or("", |account| &account.display_name);
        classic::taken(&mut out, sender.user.as_str(), display_to, text);
        self.reply(id, &out);
        let Address { user, realm } = sender;
        self.event_of(owner, |owner| Event::ClassicReceived {
            connection: id,
            peer: realm,
            from: user,
            to: owner,
        });
        Ok(())
    }

    fn refuse_classic(&mut self, id: ConnectionId, peer: PeerId, code: ErrorCode) {
        self.reply_error(id, code);
        // That somebody is not here is the usual answer to a realm that is looking for them.
        let is_usual = code == ErrorCode::RecipientUnknown;
        let name = self.peer(peer).map(|peer| peer.name.clone());
        if let Some(peer) = name.filter(|_| !is_usual) {
            self.event(|| Event::MailRefused { peer, code });
        }
    }
}

/// A line as it may be seen: a client that has come to the wrong port may say any secret.
fn masked_request(request: Request<'_>, line: &str) -> String {
    match request {
        Request::Send { .. } | Request::CheckGroup { .. } => super::commands::masked_text(line),
        Request::TooFewArguments | Request::Unknown => "***".to_owned(),
    }
}
