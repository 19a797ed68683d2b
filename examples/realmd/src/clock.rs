//! The clocks that the engine does without.

use chatproto::Now;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Counts from one start, so that the threads of a realm agree on the time.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Reads both clocks.
    pub(crate) fn now(self) -> Now {
        // A machine whose clock stands before 1970 gets 1970.
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(ms(self.start.elapsed()), ms(unix))
    }

    /// How long to wait from `now` until `at_ms`; never too short, so that no turn is in vain.
    pub(crate) fn until(at_ms: u64, now: Now) -> Duration {
        Duration::from_millis(at_ms.saturating_sub(now.mono_ms))
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
