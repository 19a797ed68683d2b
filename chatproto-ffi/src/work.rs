//! Slow work that a realm asks for, and the store it is done in.

use crate::error::{CHATPROTO_ERROR_WORK_DONE, chatproto_error};
use crate::fault::Fault;
use crate::guard::{fallible, guard};
use crate::handle::{self, Handle, object, opaque};
use chatproto::work::{Answer, Job, Storage};
use chatproto::{Now, Realm};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What kind of work it is: one of the numbers `CHATPROTO_WORK_...`.
pub type chatproto_work_kind = i32;
/// A password to hash or check: some tens of milliseconds of a processor, and 19 MiB.
pub const CHATPROTO_WORK_HASH: chatproto_work_kind = 1;
/// Messages to read from the store.
pub const CHATPROTO_WORK_READ: chatproto_work_kind = 2;
/// Changes to commit to the store. There is one at a time, and replies wait for it.
pub const CHATPROTO_WORK_COMMIT: chatproto_work_kind = 3;
/// The store to be put in order, now and then after a commit: its log of commits, and history that is too
/// old. Nobody waits for it, but a commit that comes meanwhile may have to.
pub const CHATPROTO_WORK_TIDY: chatproto_work_kind = 4;

/// Slow work that a realm asks for. The realm goes on meanwhile; what waits for this work waits
/// until `chatproto_realm_complete`.
///
/// Ownership: it comes with an output of a realm, and `chatproto_realm_complete` takes it over.
/// What is to come to nothing, or outlives its realm, is freed by `chatproto_work_free`. It needs
/// no realm to be run, and may be run after its realm was freed, in vain. Threads: one at a time,
/// any; to run it in another thread than the realm's is what it is for.
pub struct chatproto_work(pub(crate) Handle<Work>);

opaque!(chatproto_work: Work);

/// What a realm and its work have in common.
pub(crate) struct Shared {
    pub(crate) storage: Option<Storage>,
    /// Answers of work that was freed, and whether there are any.
    abandoned: Mutex<Vec<Answer>>,
    has_abandoned: AtomicBool,
}

impl Shared {
    pub(crate) fn new(storage: Option<Storage>) -> Arc<Self> {
        Arc::new(Self {
            storage,
            abandoned: Mutex::default(),
            has_abandoned: AtomicBool::new(false),
        })
    }

    /// Answers for the work that was freed.
    pub(crate) fn answer_abandoned(&self, realm: &mut Realm) {
        // Looked at before each output, so it must cost next to nothing.
        if !self.has_abandoned.load(Ordering::Acquire) {
            return;
        }
        self.has_abandoned.store(false, Ordering::Release);
        let mut abandoned = self
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let answers = mem::take(&mut *abandoned);
        drop(abandoned);
        for answer in answers {
            // Each is the only one to its question. Nobody has told the time; the realm knows one.
            let _ = answer.tell(realm, Now::new(0, 0));
        }
    }
}

pub(crate) struct Work {
    shared: Arc<Shared>,
    stage: Stage,
}

enum Stage {
    Asked(Job),
    /// With the failure that it is until it is done.
    UnderWay(Option<Answer>),
    Done(Done),
    /// The realm has the answer.
    Told,
}

/// What came of work.
pub(crate) struct Done {
    /// None once the realm has it.
    answer: Option<Answer>,
    /// The log of commits has grown long, as was seen where that may take time.
    wants_tidying: bool,
}

impl Done {
    /// What is to be done next, which nobody waits for.
    pub(crate) fn upkeep(&self, storage: Option<&Storage>, now: Now) -> Option<Job> {
        let is_commit = matches!(self.answer, Some(Answer::Committed(_)));
        let wants_sweeping = || storage.is_some_and(|storage| storage.wants_sweeping(now));
        let is_due = is_commit && (self.wants_tidying || wants_sweeping());
        is_due.then_some(Job::Tidy(now))
    }

    /// Tells the realm.
    pub(crate) fn tell(self, realm: &mut Realm, now: Now) {
        if let Some(answer) = self.answer {
            // It is the only answer to its question.
            let _ = answer.tell(realm, now);
        }
    }
}

impl Work {
    /// Makes work of a job for C to hold.
    pub(crate) fn give(shared: &Arc<Shared>, job: Job) -> *mut chatproto_work {
        handle::give(Self {
            shared: Arc::clone(shared),
            stage: Stage::Asked(job),
        })
    }

    pub(crate) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    fn run(&mut self) -> Result<(), Fault> {
        let failed = match &self.stage {
            Stage::Asked(job) => Some(job.failed()),
            _ => {
                return Err(Fault::new(
                    CHATPROTO_ERROR_WORK_DONE,
                    "this work was run before: run it once, then complete it",
                ));
            }
        };
        // Should it panic, that is what came of it.
        let asked = mem::replace(&mut self.stage, Stage::UnderWay(failed));
        if let Stage::Asked(job) = asked {
            let storage = self.shared.storage.as_ref();
            let answer = job.run(storage);
            let is_commit = matches!(answer, Answer::Committed(_));
            self.stage = Stage::Done(Done {
                answer: Some(answer),
                wants_tidying: is_commit && storage.is_some_and(Storage::wants_tidying),
            });
        }
        Ok(())
    }

    /// Takes the answer out; work that was not done has failed.
    pub(crate) fn answer(&mut self) -> Done {
        let answer = match mem::replace(&mut self.stage, Stage::Told) {
            Stage::Done(done) => return done,
            Stage::Asked(job) => Some(job.failed()),
            Stage::UnderWay(failed) => failed,
            Stage::Told => None,
        };
        Done {
            answer,
            wants_tidying: false,
        }
    }
}

impl Drop for Work {
    /// The realm must not wait for ever.
    fn drop(&mut self) {
        let Some(answer) = self.answer().answer else {
            return;
        };
        let mut abandoned = self
            .shared
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        abandoned.push(answer);
        self.shared.has_abandoned.store(true, Ordering::Release);
    }
}

/// The number of a job's kind.
pub(crate) fn kind(job: &Job) -> chatproto_work_kind {
    match job {
        Job::Hash(..) => CHATPROTO_WORK_HASH,
        Job::Fetch(..) | Job::FetchQueue(..) => CHATPROTO_WORK_READ,
        Job::Commit(_) => CHATPROTO_WORK_COMMIT,
        Job::Tidy(_) => CHATPROTO_WORK_TIDY,
    }
}

/// Does the work, which may take long, and keeps what came of it for `chatproto_realm_complete`.
///
/// What goes wrong outside, such as a full disk, is part of what came of it: the realm deals with
/// it, and `chatproto_realm_store_failure` shows it. Errors: `WORK_DONE` if it was run before;
/// `INTERNAL`, and the work has failed: complete it all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_work_run(work: *mut chatproto_work) -> chatproto_error {
    fallible!({ object!(work)?.0.with(Work::run) })
}

/// Frees work that comes to nothing: what has waited for it fails, as soon as the realm is asked
/// for its next output. Does nothing for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_work_free(work: *mut chatproto_work) {
    guard!((), {
        // SAFETY: as the header says, it is NULL or from an output, and neither freed nor taken over.
        unsafe { handle::free(work) };
    });
}
