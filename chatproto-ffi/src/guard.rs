//! The border that no panic crosses.

use crate::error::{CHATPROTO_ERROR_INTERNAL, CHATPROTO_OK, chatproto_error};
use crate::fault::{Fault, INTERNAL, set_detail};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs an export's body; after a panic the export returns the fallback.
///
/// Unwinding into C is undefined, so every export has its whole body in here or in [`fallible`],
/// and a test lists those that have not.
macro_rules! guard {
    ($fallback:expr, $body:block) => {
        $crate::guard::caught(|| $body).unwrap_or($fallback)
    };
}
pub(crate) use guard;

/// Runs the body of an export that returns an error's number; it has a `Result<(), Fault>`.
macro_rules! fallible {
    ($body:block) => {
        $crate::guard::answered(|| $body)
    };
}
pub(crate) use fallible;

/// What the body gives, or nothing if it panicked.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Option<T> {
    // Whatever the body had borrowed is static, atomic, or a handle that is poisoned by this: no
    // half-changed state is seen again.
    catch_unwind(AssertUnwindSafe(body)).ok()
}

/// The number for what the body did; the details are kept for whoever asks.
pub(crate) fn answered(body: impl FnOnce() -> Result<(), Fault>) -> chatproto_error {
    match caught(body) {
        Some(Ok(())) => CHATPROTO_OK,
        Some(Err(fault)) => fault.tell(),
        None => {
            set_detail(INTERNAL);
            CHATPROTO_ERROR_INTERNAL
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(guard!(7, { 8 }), 8);
        assert_eq!(guard!(7, { panic!("met on purpose by a test") }), 7);
    }

    #[test]
    fn a_panic_becomes_an_error_that_tells_nothing_of_it() {
        let number = fallible!({ panic!("met on purpose by a test") });

        assert_eq!(number, 1007);
        assert!(!INTERNAL.contains("on purpose"));
        assert_eq!(fallible!({ Ok(()) }), 0);
    }
}
