//! The time: the clocks of the machine, which the engine does without, and moments of one's own.

use crate::class::repr;
use chatproto::{Deadline, Now};
use pyo3::prelude::*;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One start for all, so that realms and links agree on the time.
static START_MS: LazyLock<u64> = LazyLock::new(monotonic::ms);

/// How long the calendar is taken to run as the clock does: half of what a short call takes is
/// reading clocks.
const CALENDAR_MS: u64 = 10;

/// When the calendar was read last, on the clock that never goes back; far from any time at first.
static READ_AT_MS: AtomicU64 = AtomicU64::new(1 << 63);

/// How far the calendar was ahead of the clock then.
static AHEAD_MS: AtomicU64 = AtomicU64::new(0);

/// The clock that never goes back, from some start.
#[cfg(target_os = "linux")]
mod monotonic {
    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn ms() -> u64 {
        read(ClockId::Monotonic)
    }

    /// The same as it was a few milliseconds ago at most, for a fraction of the price.
    pub(super) fn rough_ms() -> u64 {
        read(ClockId::MonotonicCoarse)
    }

    #[expect(
        clippy::cast_sign_loss,
        reason = "it begins at 0, when the machine does"
    )]
    fn read(clock: ClockId) -> u64 {
        let read = clock_gettime(clock);
        read.tv_sec as u64 * 1_000 + read.tv_nsec as u64 / 1_000_000
    }
}

#[cfg(not(target_os = "linux"))]
mod monotonic {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn ms() -> u64 {
        super::ms(BEGIN.elapsed())
    }

    pub(super) use ms as rough_ms;
}

/// Reads the clock, and the calendar if it was not read just before.
pub(crate) fn now() -> Now {
    at_ms(monotonic::ms())
}

/// Reads the time as it was a few milliseconds ago at most: for those who ask a realm often, and that a
/// realm's clock never goes back is the realm's to see to.
pub(crate) fn roughly_now() -> Now {
    at_ms(monotonic::rough_ms())
}

fn at_ms(ms: u64) -> Now {
    let mono_ms = ms.saturating_sub(*START_MS);
    if mono_ms.wrapping_sub(READ_AT_MS.load(Ordering::Acquire)) >= CALENDAR_MS {
        AHEAD_MS.store(unix_ms().saturating_sub(mono_ms), Ordering::Relaxed);
        READ_AT_MS.store(mono_ms, Ordering::Release);
    }
    Now::new(mono_ms, mono_ms + AHEAD_MS.load(Ordering::Relaxed))
}

fn unix_ms() -> u64 {
    // A machine whose clock stands before 1970 gets 1970.
    ms(SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default())
}

/// The moment that was given, or that of the machine.
pub(crate) fn at(now: Option<&Moment>) -> Now {
    now.map_or_else(self::now, Moment::engine)
}

/// How many seconds remain until a deadline.
#[expect(
    clippy::cast_precision_loss,
    reason = "no deadline is so far off that a millisecond of it is lost"
)]
pub(crate) fn seconds(now: Now, deadline: Deadline) -> f64 {
    deadline.at_ms.saturating_sub(now.mono_ms) as f64 / 1_000.0
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment, as two clocks show it: `mono_ms` drives timers, and `unix_ms` is shown and recorded.
///
/// Wherever one may be given and is not, the clocks of the machine are read. Either all calls of a
/// realm get one, as in tests with a time of their own, or none: the clock of a realm never goes back.
#[pyclass(frozen, eq, hash, ord, get_all, name = "Now", module = "chatproto")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment {
    /// Milliseconds on a clock that never goes back, from any start.
    mono_ms: u64,
    /// Milliseconds since 1970, UTC.
    unix_ms: u64,
}

impl Moment {
    pub(crate) fn engine(&self) -> Now {
        Now::new(self.mono_ms, self.unix_ms)
    }
}

#[pymethods]
impl Moment {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("mono_ms", "unix_ms")
    }

    #[new]
    fn new(mono_ms: u64, unix_ms: u64) -> Self {
        Self { mono_ms, unix_ms }
    }

    /// Reads the clocks of the machine. `mono_ms` counts from a moment in this process.
    #[staticmethod]
    fn machine() -> Self {
        let now = now();
        Self::new(now.mono_ms, now.unix_ms)
    }

    /// Returns the moment that many milliseconds later.
    fn after_ms(&self, ms: u64) -> Self {
        let later = self.engine().after_ms(ms);
        Self::new(later.mono_ms, later.unix_ms)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = [
            ("mono_ms", &self.mono_ms as _),
            ("unix_ms", &self.unix_ms as _),
        ];
        repr(py, "Now", &fields)
    }
}
