//! The time: an argument of whatever depends on it.

use crate::guard::guard;
use chatproto::Now;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Stands for a moment that never comes, or a figure that is not known: `UINT64_MAX`.
pub(crate) const NEVER: u64 = u64::MAX;

/// A moment, as two clocks show it.
///
/// All calls for one realm take theirs from the same clocks: either `chatproto_now_of_system`, or a
/// clock of the program's own, as in tests. A clock that runs backwards counts as standing still.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_now {
    /// Milliseconds on a clock that never goes back, from any start. It drives every timer.
    pub mono_ms: u64,
    /// Milliseconds since 1970, UTC. It is only ever shown and recorded.
    pub unix_ms: u64,
}

impl chatproto_now {
    pub(crate) fn engine(self) -> Now {
        Now::new(self.mono_ms, self.unix_ms)
    }
}

/// One start for all, so that realms and links agree on the time.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Reads the clocks of the machine. `mono_ms` counts from a moment in this process.
///
/// After a panic both are 0, which counts as a clock that stands still.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_now_of_system() -> chatproto_now {
    let stopped = chatproto_now {
        mono_ms: 0,
        unix_ms: 0,
    };
    guard!(stopped, {
        // A machine whose clock stands before 1970 gets 1970.
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        chatproto_now {
            mono_ms: ms(START.elapsed()),
            unix_ms: ms(unix),
        }
    })
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_go_on() {
        let (first, then) = (chatproto_now_of_system(), chatproto_now_of_system());

        assert!(then.mono_ms >= first.mono_ms);
        // The year 2025 has begun.
        assert!(first.unix_ms > 1_735_689_600_000);
    }
}
