//! Passwords are hashed and checked on threads of their own: each takes tens of milliseconds.

use chatproto::{PasswordAnswer, PasswordJob, RequestId};
use mio::Waker;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// How much the loop goes before the hashing where there are too few cores for both.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

type Job = (RequestId, PasswordJob);
type Answer = (RequestId, PasswordAnswer);

/// Threads that hash, started when they are first needed. They end with this, each after the job it
/// is at.
pub(crate) struct Hashes {
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    told: Sender<Answer>,
    answers: Receiver<Answer>,
    waker: Arc<Waker>,
    threads: usize,
    threads_max: usize,
    /// Jobs that are not answered yet.
    under_way: usize,
}

impl Hashes {
    /// As many threads as there are cores, and no more than there will be jobs at a time.
    pub(crate) fn new(jobs_max: u64, waker: Arc<Waker>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (jobs, waiting) = channel();
        let (told, answers) = channel();
        Self {
            jobs,
            waiting: Arc::new(Mutex::new(waiting)),
            told,
            answers,
            waker,
            threads: 0,
            threads_max: cores.min(usize::try_from(jobs_max).unwrap_or(cores)),
            under_way: 0,
        }
    }

    /// Lets some thread do a job.
    pub(crate) fn run(&mut self, request: RequestId, job: PasswordJob) {
        self.under_way += 1;
        if self.threads < self.under_way.min(self.threads_max) {
            match self.start_thread() {
                Ok(()) => self.threads += 1,
                Err(error) => {
                    tracing::error!("no thread to check passwords with: {error}");
                    if self.threads == 0 {
                        tell(&self.told, &self.waker, (request, PasswordAnswer::Failed));
                        return;
                    }
                }
            }
        }
        // This end holds the other one too.
        let _ = self.jobs.send((request, job));
    }

    /// The next answer, if there is one.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let answer = self.answers.try_recv().ok()?;
        self.under_way = self.under_way.saturating_sub(1);
        Some(answer)
    }

    fn start_thread(&self) -> std::io::Result<()> {
        let waiting = Arc::clone(&self.waiting);
        let told = self.told.clone();
        let waker = Arc::clone(&self.waker);
        std::thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || {
                step_back();
                while let Some((request, job)) = next(&waiting) {
                    // A login that is never answered would wait for ever.
                    let answer = catch_unwind(AssertUnwindSafe(|| job.run()))
                        .unwrap_or(PasswordAnswer::Failed);
                    drop(job);
                    if !tell(&told, &waker, (request, answer)) {
                        return;
                    }
                }
            })
            .map(drop)
    }
}

/// Hands an answer to the loop; false if that has ended.
fn tell(told: &Sender<Answer>, waker: &Waker, answer: Answer) -> bool {
    let is_heard = told.send(answer).is_ok();
    if let Err(error) = waker.wake() {
        tracing::error!("the realm's thread cannot be woken: {error}");
    }
    is_heard
}

fn next(waiting: &Mutex<Receiver<Job>>) -> Option<Job> {
    // Nothing that could panic runs under the lock.
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.recv().ok()
}

/// Lets the loop go first. On Linux this is of one thread; elsewhere it would slow the loop as well.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!("hashing has the same rights as everything else: {error}");
    }
}
