//! The border that no panic crosses.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs an export's body; after a panic the export returns the fallback.
///
/// Unwinding into C is undefined, so every export has its whole body in here, and a test lists
/// those that have not.
macro_rules! guard {
    ($fallback:expr, $body:block) => {
        $crate::guard::caught(|| $body).unwrap_or($fallback)
    };
}
pub(crate) use guard;

/// What the body gives, or nothing if it panicked.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Option<T> {
    // Whatever the body had borrowed is static or atomic: no half-changed state is seen again.
    catch_unwind(AssertUnwindSafe(body)).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(guard!(7, { 8 }), 8);
        assert_eq!(guard!(7, { panic!("met on purpose by a test") }), 7);
    }
}
