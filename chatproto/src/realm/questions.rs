//! Whose is this name? Linked peers are asked; the lines that want to know wait.

use super::Realm;
use super::clients::Wait;
use super::timers::Timer;
use crate::group::Home;
use crate::id::PeerId;
use crate::link::frame::{self, Frame};
use crate::name::{GroupName, UserName};
use crate::output::ConnectionId;
use crate::time::Now;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    User(UserName),
    Group(GroupName),
}

/// All questions under way.
#[derive(Debug, Default)]
pub(super) struct Questions {
    by_id: BTreeMap<u64, Question>,
    by_topic: BTreeMap<Topic, u64>,
    asked: u64,
}

impl Questions {
    fn about(&mut self, topic: &Topic) -> Option<&mut Question> {
        let id = self.by_topic.get(topic)?;
        self.by_id.get_mut(id)
    }

    fn insert(&mut self, question: Question) -> u64 {
        self.asked += 1;
        self.by_topic.insert(question.topic.clone(), self.asked);
        self.by_id.insert(self.asked, question);
        self.asked
    }

    fn remove(&mut self, id: u64) -> Option<Question> {
        let question = self.by_id.remove(&id)?;
        self.by_topic.remove(&question.topic);
        Some(question)
    }
}

/// A question under way.
#[derive(Clone, Debug)]
pub(super) struct Question {
    topic: Topic,
    waiting: Vec<ConnectionId>,
    unanswered: Vec<PeerId>,
    found: Vec<PeerId>,
    /// Peers that asked for the same group meanwhile and come after us: they get their answer, to
    /// the question of that id, once we know.
    deferred: Vec<(PeerId, u64)>,
    /// Peers that asked for the same group meanwhile and come before us: if one of them stays
    /// silent, it is taken to make the group.
    rivals: Vec<PeerId>,
}

impl Realm {
    /// Lets a line wait for the answer of all linked peers; without any it goes on at once.
    pub(super) fn ask(&mut self, id: ConnectionId, topic: Topic, wait: Wait, now: Now) {
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = Some(Box::new(wait));
        }
        if let Some(question) = self.questions.about(&topic) {
            question.waiting.push(id);
            return;
        }
        let asked = self.ready_peers();
        let (kind, name) = match &topic {
            Topic::User(name) => (frame::Question::User, name.to_string()),
            Topic::Group(name) => (frame::Question::Group, name.to_string()),
        };
        let question = Question {
            topic,
            waiting: vec![id],
            unanswered: asked.clone(),
            found: Vec::new(),
            deferred: Vec::new(),
            rivals: Vec::new(),
        };
        let number = self.questions.insert(question);
        if asked.is_empty() {
            return self.resolve(number, now);
        }
        for peer in asked {
            self.push_frame(
                peer,
                Frame::Ask {
                    id: number,
                    question: kind,
                    name: name.clone(),
                },
            );
        }
        self.timers.set(
            now.mono_ms.saturating_add(self.limits.ask_ms_max),
            Timer::Question(number),
        );
    }

    /// Answers a peer's question.
    pub(super) fn asked(&mut self, peer: PeerId, id: u64, kind: frame::Question, name: &str) {
        let found = match kind {
            frame::Question::User => self.accounts.find(name).is_some(),
            frame::Question::Group => match GroupName::parse(name) {
                Err(_) => false,
                Ok(name) if self.groups.find(&name, Home::Here).is_some() => true,
                Ok(name) => {
                    if self.defer(peer, id, &Topic::Group(name)) {
                        return;
                    }
                    false
                }
            },
        };
        self.push_frame(peer, Frame::Answer { id, found });
    }

    /// Two realms ask for the same group at once: the one with the smaller name makes it, so its
    /// answer to the other waits until it knows that nobody else has it.
    fn defer(&mut self, peer: PeerId, id: u64, topic: &Topic) -> bool {
        let is_smaller = self.peer(peer).is_some_and(|peer| self.name < peer.name);
        let Some(question) = self.questions.about(topic) else {
            return false;
        };
        // Who has answered us already has asked later than we did.
        let comes_after = is_smaller || !question.unanswered.contains(&peer);
        // One a peer: a second question of the same has its answer at once.
        if !comes_after {
            if !question.rivals.contains(&peer) {
                question.rivals.push(peer);
            }
            return false;
        }
        let is_first = question.deferred.iter().all(|(other, _)| *other != peer);
        if is_first {
            question.deferred.push((peer, id));
        }
        is_first
    }

    /// Takes an answer. Unasked and late ones are ignored.
    pub(super) fn answered(&mut self, peer: PeerId, id: u64, found: bool, now: Now) {
        let Some(question) = self.questions.by_id.get_mut(&id) else {
            return;
        };
        let Some(at) = question.unanswered.iter().position(|other| *other == peer) else {
            return;
        };
        question.unanswered.remove(at);
        if found {
            question.found.push(peer);
        }
        self.resolve_if_answered(id, now);
    }

    /// Counts on no answer from a peer whose link is gone.
    pub(super) fn no_answers_from(&mut self, peer: PeerId, now: Now) {
        let open: Vec<_> = self.questions.by_id.keys().copied().collect();
        for id in open {
            if let Some(question) = self.questions.by_id.get_mut(&id) {
                question.unanswered.retain(|other| *other != peer);
                question.rivals.retain(|other| *other != peer);
                question.deferred.retain(|(other, _)| *other != peer);
                self.resolve_if_answered(id, now);
            }
        }
    }

    pub(super) fn question_is_late(&mut self, id: u64, now: Now) {
        self.resolve(id, now);
    }

    fn resolve_if_answered(&mut self, id: u64, now: Now) {
        if self
            .questions
            .by_id
            .get(&id)
            .is_some_and(|question| question.unanswered.is_empty())
        {
            self.resolve(id, now);
        }
    }

    fn resolve(&mut self, id: u64, now: Now) {
        let Some(mut question) = self.questions.remove(id) else {
            return;
        };
        if question.found.is_empty() {
            let silent = |peer: &PeerId| question.unanswered.contains(peer);
            question
                .found
                .extend(question.rivals.iter().copied().find(silent));
        }
        question
            .found
            .sort_by_key(|peer| self.peer(*peer).map(|peer| peer.name.clone()));
        for connection in question.waiting {
            self.go_on(connection, &question.found, now);
        }
        let Topic::Group(name) = question.topic else {
            return;
        };
        let found = self.groups.find(&name, Home::Here).is_some();
        for (peer, id) in question.deferred {
            self.push_frame(peer, Frame::Answer { id, found });
        }
    }

    /// Carries out the line that waited, and those behind it.
    fn go_on(&mut self, id: ConnectionId, found: &[PeerId], now: Now) {
        let Some(wait) = self
            .clients
            .get_mut(id)
            .and_then(|client| client.wait.take())
        else {
            return;
        };
        match *wait {
            Wait::Recipient { .. } => self.send_after_asking(id, *wait, found, now),
            Wait::GroupHome { user, name } => self.join_after_asking(id, user, &name, found, now),
            Wait::Join { .. } | Wait::Login { .. } | Wait::Call | Wait::Fetch | Wait::Store => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.wait = Some(wait);
                }
                return;
            }
        }
        self.resume_client(id, now);
        self.finish_request(id);
    }
}
