//! Where threads that share a realm leave for each other what they took out of it: replies that
//! another one waits for, and work that whoever waits may do.

use chatproto::RequestId;
use chatproto::work::Job;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Replies and work that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Desk {
    papers: Mutex<Papers>,
    changed: Condvar,
}

#[derive(Default)]
struct Papers {
    /// The requests that somebody waits for, with the reply once it is there.
    awaited: BTreeMap<RequestId, Option<Vec<u8>>>,
    jobs: VecDeque<Job>,
}

/// What a thread that waits finds.
pub(crate) enum Found {
    Reply(Vec<u8>),
    Job(Job),
    /// Time has passed.
    Nothing,
}

impl Desk {
    /// From now on the reply to a request is kept.
    pub(crate) fn await_reply(&self, request: RequestId) {
        self.papers.lock().awaited.insert(request, None);
    }

    /// Nobody waits for that reply any more. Others may wait for work that was left to this thread.
    pub(crate) fn give_up(&self, request: RequestId) {
        self.papers.lock().awaited.remove(&request);
        self.changed.notify_all();
    }

    /// Leaves a reply for whoever waits for it.
    pub(crate) fn put_reply(&self, request: RequestId, reply: Vec<u8>) {
        if let Some(place) = self.papers.lock().awaited.get_mut(&request) {
            *place = Some(reply);
        }
        self.changed.notify_all();
    }

    /// Leaves work for whoever has time.
    pub(crate) fn put_job(&self, job: Job) {
        self.papers.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    pub(crate) fn take_job(&self) -> Option<Job> {
        self.papers.lock().jobs.pop_front()
    }

    /// Takes some work that is left to nobody: whoever waits for a reply does it meanwhile.
    pub(crate) fn take_idle_job(&self) -> Option<Job> {
        let mut papers = self.papers.lock();
        if papers.awaited.is_empty() {
            return papers.jobs.pop_front();
        }
        self.changed.notify_one();
        None
    }

    /// Takes the reply to a request, or else some work; waits for either, but not for long.
    pub(crate) fn wait(&self, request: RequestId, at_most: Duration) -> Found {
        let mut papers = self.papers.lock();
        for is_last in [false, true] {
            if papers.awaited.get(&request).is_some_and(Option::is_some) {
                let reply = papers.awaited.remove(&request).flatten();
                return reply.map_or(Found::Nothing, Found::Reply);
            }
            if let Some(job) = papers.jobs.pop_front() {
                return Found::Job(job);
            }
            if !is_last {
                self.changed.wait_for(&mut papers, at_most);
            }
        }
        Found::Nothing
    }
}
