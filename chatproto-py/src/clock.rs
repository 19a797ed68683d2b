//! The clocks of the machine, which the engine does without.

use chatproto::Now;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One start for all, so that realms and links agree on the time.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Reads both clocks.
pub(crate) fn now() -> Now {
    // A machine whose clock stands before 1970 gets 1970.
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now::new(ms(START.elapsed()), ms(unix))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
