//! The time as an argument: the engine never reads a clock.

/// A moment, as the caller's clocks show it.
///
/// `mono_ms` drives every timer; `unix_ms` is only ever shown and recorded. A clock that
/// runs backwards is clamped by the engine.
///
/// # Examples
///
/// ```
/// let start = chatproto::Now::new(0, 1_790_000_000_000);
/// assert_eq!(start.after_ms(250).mono_ms, 250);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds on a clock that never goes back, from any start.
    pub mono_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub unix_ms: u64,
}

/// 146 million years.
const MONO_MS_MAX: u64 = 1 << 62;

impl Now {
    /// Makes a moment from both clocks.
    #[must_use]
    pub const fn new(mono_ms: u64, unix_ms: u64) -> Self {
        Self { mono_ms, unix_ms }
    }

    /// Returns the moment `ms` milliseconds later on both clocks.
    #[must_use]
    pub const fn after_ms(self, ms: u64) -> Self {
        Self {
            mono_ms: self.mono_ms.saturating_add(ms),
            unix_ms: self.unix_ms.saturating_add(ms),
        }
    }

    /// Returns the later of both moments, clock by clock. Times so far off that a deadline after
    /// them could not be told from them are brought nearer.
    #[must_use]
    pub(crate) fn max_each(self, other: Self) -> Self {
        Self {
            mono_ms: self.mono_ms.max(other.mono_ms.min(MONO_MS_MAX)),
            unix_ms: self.unix_ms.max(other.unix_ms),
        }
    }
}

/// When the engine wants [`handle_timeout`](crate::Realm::handle_timeout) called, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// On the clock of [`Now::mono_ms`].
    pub at_ms: u64,
    /// What the earliest timer is for; for logs and tests.
    pub why: &'static str,
}
