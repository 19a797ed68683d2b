//! Where the loop of a realm answers its operators.

use super::control::Control;
use super::report::{Link, Running};
use crate::store::StoreHandle;
use chatproto::{Event, Now, RealmName};
use mio::Waker;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long an operator waits for the loop.
const ANSWER_MS_MAX: u64 = 5_000;

/// What an operator asks the loop, with the way for the answer.
enum Question {
    Status(Sender<Status>),
}

/// What only the loop knows.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// None if the realm does not run.
    pub(super) running: Option<Running>,
    /// The peers of the realm file; without a link if the realm does not run.
    pub(super) links: BTreeMap<RealmName, Option<Link>>,
}

/// The loop's end: it keeps count of what operators ask about. Dropping it closes the control
/// socket, so it goes before the store, whose lock keeps others from making one.
pub(crate) struct Desk {
    questions: Receiver<Question>,
    running: Running,
    links: BTreeMap<RealmName, Option<Link>>,
    /// Records of the commit under way.
    committing: u64,
    _control: Option<Control>,
}

impl Desk {
    /// Opens the control socket beside the store. A realm that cannot have one does without.
    pub(crate) fn open(
        realm: &RealmName,
        store: StoreHandle,
        peers: Vec<RealmName>,
        waker: &Arc<Waker>,
        now: Now,
    ) -> Self {
        let (ask, questions) = channel();
        let asker = Asker {
            questions: ask,
            waker: Arc::clone(waker),
        };
        let link = Link {
            is_up: false,
            since_unix_ms: now.unix_ms,
            why: None,
        };
        let control = Control::start(realm, store, asker).inspect_err(|(path, error)| {
            tracing::warn!(
                "{realm}: there is no control socket {}: {error}; so while the realm runs there is no \
                 realmd backup, inspect or compact",
                path.display()
            );
        });
        Self {
            questions,
            running: Running {
                process: std::process::id(),
                since_unix_ms: now.unix_ms,
                clients: 0,
                batches: 0,
                records: 0,
                last_commit_unix_ms: None,
            },
            links: peers
                .into_iter()
                .map(|peer| (peer, Some(link.clone())))
                .collect(),
            committing: 0,
            _control: control.ok(),
        }
    }

    /// Notes what goes to the store.
    pub(crate) fn committing(&mut self, records: usize) {
        self.committing = records as u64;
    }

    /// Notes that it is there.
    pub(crate) fn committed(&mut self, now: Now) {
        self.running.batches += 1;
        self.running.records += self.committing;
        self.running.last_commit_unix_ms = Some(now.unix_ms);
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
        let Some(Some(link)) = self.links.get_mut(peer) else {
            return;
        };
        if link.is_up != is_up {
            link.since_unix_ms = now.unix_ms;
        }
        link.is_up = is_up;
        link.why = why;
    }

    /// Answers what was asked; `clients` counts them.
    pub(crate) fn answer(&mut self, clients: impl Fn() -> usize) {
        for question in self.questions.try_iter() {
            match question {
                Question::Status(answer) => {
                    self.running.clients = clients() as u64;
                    // Whoever asked may have given up.
                    let _ = answer.send(Status {
                        running: Some(self.running.clone()),
                        links: self.links.clone(),
                    });
                }
            }
        }
    }
}

/// The operators' end.
pub(super) struct Asker {
    questions: Sender<Question>,
    waker: Arc<Waker>,
}

impl Asker {
    /// Asks the loop how the realm is.
    pub(super) fn status(&self) -> io::Result<Status> {
        let (answer, answered) = channel();
        let ending = || io::Error::other("the realm is ending");
        self.questions
            .send(Question::Status(answer))
            .map_err(|_| ending())?;
        self.waker.wake()?;
        let patience = Duration::from_millis(ANSWER_MS_MAX);
        match answered.recv_timeout(patience) {
            Ok(status) => Ok(status),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(io::Error::other(format!(
                "the loop of the realm has not answered for {} s",
                ANSWER_MS_MAX / 1_000
            ))),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(ending()),
        }
    }
}
