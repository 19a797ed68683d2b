//! Old history is deleted bit by bit, while nothing is to be committed.

use chatproto::store::StoreError;
use chatproto::store::sqlite::{Retention, SqliteStore};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between the end of a sweep and the next.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// Between two steps of a sweep; a commit that comes meanwhile goes first.
const STEP_EVERY: Duration = Duration::from_millis(20);
/// How long a step should take, since a commit may have to wait for it.
const STEP_MAX: Duration = Duration::from_millis(3);
/// Inboxes and messages that one step looks at.
const BUDGET_MIN: u64 = 16;
const BUDGET_MAX: u64 = 4_096;

/// Where the deleting is.
pub(super) struct Sweep {
    retention: Retention,
    budget: u64,
    next: Instant,
}

impl Sweep {
    /// Begins the first sweep soon: a realm may never run for long.
    pub(super) fn new(retention: Retention) -> Self {
        Self {
            retention,
            budget: BUDGET_MIN,
            next: Instant::now() + STEP_EVERY,
        }
    }

    /// How long until the next step.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Begins a sweep now, unless one goes on.
    pub(super) fn hurry(&mut self) {
        self.next = self.next.min(Instant::now() + STEP_EVERY);
    }

    /// Deletes a little.
    pub(super) fn step(&mut self, store: &mut SqliteStore) -> Result<(), StoreError> {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        let began = Instant::now();
        let pruned = store.prune(self.retention, unix_ms, self.budget);
        let ended = Instant::now();
        self.adjust(ended - began);
        let is_over = pruned.as_ref().map_or(true, |pruned| pruned.is_done);
        self.next = ended + if is_over { SWEEP_EVERY } else { STEP_EVERY };
        pruned?;
        store.tidy()
    }

    fn adjust(&mut self, took: Duration) {
        self.budget = if took > STEP_MAX {
            self.budget / 2
        } else if took < STEP_MAX / 4 {
            self.budget * 2
        } else {
            self.budget
        }
        .clamp(BUDGET_MIN, BUDGET_MAX);
    }
}
