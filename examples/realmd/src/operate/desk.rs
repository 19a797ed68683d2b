//! Where the loop of a realm answers its operators.

use super::control::{Control, Files};
use super::peers::PeersReport;
use super::report::{Link, Running};
use crate::reload::{Prepared, ReloadError};
use crate::store::StoreHandle;
use chatproto::{Event, Now, PeerState, PeerStatus, RealmName};
use mio::Waker;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long an operator waits for the loop.
const ANSWER_MS_MAX: u64 = 5_000;

/// What an operator asks the loop, with the way for the answer.
pub(crate) enum Question {
    Status(Sender<Status>),
    /// How the realm stands with its peers.
    Peers(Sender<PeersReport>),
    /// Something to be done about a peer; the answer is a sentence.
    Peer(PeerOrder, RealmName, Sender<Result<String, String>>),
    /// Other settings, of which what can be is taken.
    Reload(Box<Prepared>, Sender<Result<Vec<String>, ReloadError>>),
}

/// What can be done about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerOrder {
    /// Call it now.
    Retry,
    /// Link with it no more for now.
    Pause,
    /// Link with it again.
    Resume,
    /// Forget it; what waits for it bounces, if that is agreed to.
    Remove { is_bouncing: bool },
}

/// What only the loop knows.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// None if the realm does not run.
    pub(super) running: Option<Running>,
    /// The peers of the realm; without a link if the realm does not run.
    pub(super) links: BTreeMap<RealmName, Option<Link>>,
}

/// The loop's end: it keeps count of what operators ask about. Dropping it closes the control
/// socket, so it goes before the store, whose lock keeps others from making one.
pub(crate) struct Desk {
    realm: RealmName,
    questions: Receiver<Question>,
    asker: Asker,
    running: Running,
    links: BTreeMap<RealmName, Link>,
    /// Records of the commit under way.
    committing: u64,
    /// Answers to what is in no batch yet.
    held: Vec<Held>,
    /// Answers to what is in the batch under way.
    under_way: Vec<Held>,
    _control: Option<Control>,
}

/// An answer that promises something, and so waits for the store.
type Held = (Sender<Result<String, String>>, String);

impl Desk {
    /// Opens the control socket beside the store, if there is one. A realm that cannot have a socket
    /// does without.
    pub(crate) fn open(
        realm: &RealmName,
        store: Option<StoreHandle>,
        realm_file: Option<PathBuf>,
        waker: &Arc<Waker>,
        now: Now,
    ) -> Self {
        let (ask, questions) = channel();
        let asker = Asker {
            questions: ask,
            waker: Arc::clone(waker),
        };
        let control = store.and_then(|store| {
            let files = Files { store, realm_file };
            let control = Control::start(realm, files, asker.clone());
            let control = control.inspect_err(|(path, error)| {
                tracing::warn!(
                    "{realm}: there is no control socket {}: {error}; so while the realm runs there is no \
                     realmd backup, inspect, compact, peers, peer or reload",
                    path.display()
                );
            });
            control.ok()
        });
        Self {
            realm: realm.clone(),
            questions,
            asker,
            running: Running {
                process: std::process::id(),
                since_unix_ms: now.unix_ms,
                clients: 0,
                batches: 0,
                records: 0,
                last_commit_unix_ms: None,
            },
            links: BTreeMap::new(),
            committing: 0,
            held: Vec::new(),
            under_way: Vec::new(),
            _control: control,
        }
    }

    /// The way to ask here.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Takes note of the peers that there are.
    pub(crate) fn meet<'a>(&mut self, peers: impl Iterator<Item = &'a RealmName>, now: Now) {
        let mut before = std::mem::take(&mut self.links);
        for peer in peers {
            let link = before.remove(peer).unwrap_or(Link {
                is_up: false,
                since_unix_ms: now.unix_ms,
                why: None,
            });
            self.links.insert(peer.clone(), link);
        }
    }

    /// Notes what goes to the store.
    pub(crate) fn committing(&mut self, records: usize) {
        self.committing = records as u64;
        self.under_way.append(&mut self.held);
    }

    /// Notes that it is there.
    pub(crate) fn committed(&mut self, now: Now) {
        self.running.batches += 1;
        self.running.records += self.committing;
        self.running.last_commit_unix_ms = Some(now.unix_ms);
        let answers = std::mem::take(&mut self.under_way);
        answer_all(answers);
    }

    /// Answers once what was done is in the store.
    pub(crate) fn answer_later(&mut self, to: Sender<Result<String, String>>, sentence: String) {
        self.held.push((to, sentence));
    }

    /// Nothing is to be stored: whoever waits for that waits no longer.
    pub(crate) fn nothing_to_store(&mut self) {
        answer_all(std::mem::take(&mut self.held));
    }

    /// Notes how the links are.
    pub(crate) fn event(&mut self, event: &Event, now: Now) {
        let (peer, is_up, why) = match event {
            Event::LinkUp { peer } => (peer, true, None),
            Event::LinkDown { peer, why } | Event::LinkFailed { peer, why } => {
                (peer, false, Some(why.to_string()))
            }
            _ => return,
        };
        let Some(link) = self.links.get_mut(peer) else {
            return;
        };
        if link.is_up != is_up {
            link.since_unix_ms = now.unix_ms;
        }
        link.is_up = is_up;
        link.why = why;
    }

    /// Notes that a link is wanted from now on, or is not.
    pub(crate) fn paused(&mut self, peer: &RealmName, now: Now) {
        if let Some(link) = self.links.get_mut(peer) {
            link.since_unix_ms = now.unix_ms;
        }
    }

    /// The next question, if there is one.
    pub(crate) fn question(&self) -> Option<Question> {
        self.questions.try_recv().ok()
    }

    /// How the realm is, with so many clients.
    pub(crate) fn status(&mut self, clients: usize) -> Status {
        self.running.clients = clients as u64;
        let links = self.links.iter();
        Status {
            running: Some(self.running.clone()),
            links: links
                .map(|(name, link)| (name.clone(), Some(link.clone())))
                .collect(),
        }
    }

    /// How the realm stands with its peers, of which those are in its file.
    pub(crate) fn peers(
        &self,
        peers: impl Iterator<Item = PeerStatus>,
        is_named: impl Fn(&RealmName) -> Option<&'static str>,
        now: Now,
    ) -> PeersReport {
        let mut report = PeersReport::new(&self.realm, now.unix_ms, true);
        for status in peers {
            let link = self.links.get(&status.name);
            let since = link.map(|link| link.since_unix_ms);
            let mode = is_named(&status.name);
            let retry_ms = match status.state {
                PeerState::Waiting(ms) => Some(ms),
                _ => None,
            };
            report.add_running(&status, mode, since, retry_ms);
        }
        report
    }
}

fn answer_all(answers: Vec<Held>) {
    for (to, sentence) in answers {
        // Whoever asked may have given up.
        let _ = to.send(Ok(sentence));
    }
}

/// The operators' end.
#[derive(Clone)]
pub(crate) struct Asker {
    questions: Sender<Question>,
    waker: Arc<Waker>,
}

impl Asker {
    /// Asks the loop how the realm is.
    pub(super) fn status(&self) -> io::Result<Status> {
        self.ask(Question::Status)
    }

    /// Asks how it stands with its peers.
    pub(super) fn peers(&self) -> io::Result<PeersReport> {
        self.ask(Question::Peers)
    }

    /// Has something done about a peer, and returns what to say of it.
    pub(super) fn peer(
        &self,
        order: PeerOrder,
        peer: RealmName,
    ) -> io::Result<Result<String, String>> {
        self.ask(|answer| Question::Peer(order, peer, answer))
    }

    /// Has other settings taken, and returns what to say of it.
    pub(crate) fn reload(&self, prepared: Prepared) -> Result<Vec<String>, ReloadError> {
        self.ask(|answer| Question::Reload(Box::new(prepared), answer))?
    }

    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Question) -> io::Result<T> {
        let (answer, answered) = channel();
        let ending = || io::Error::other("the realm is ending");
        self.questions
            .send(question(answer))
            .map_err(|_| ending())?;
        self.waker.wake()?;
        let patience = Duration::from_millis(ANSWER_MS_MAX);
        match answered.recv_timeout(patience) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => Err(io::Error::other(format!(
                "the loop of the realm has not answered for {} s",
                ANSWER_MS_MAX / 1_000
            ))),
            Err(RecvTimeoutError::Disconnected) => Err(ending()),
        }
    }
}
