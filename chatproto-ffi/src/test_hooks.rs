//! What tests of the library need and the header does not have.

use crate::error::chatproto_error;
use crate::guard::fallible;
use crate::handle::object;
use crate::realm::chatproto_realm;
use std::sync::atomic::{AtomicBool, Ordering};

/// Meets a bug inside a realm.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn chatproto_test_meet_a_bug(
    realm: *mut chatproto_realm,
) -> chatproto_error {
    fallible!({
        object!(realm)?
            .0
            .with(|_| std::panic::resume_unwind(Box::new(())))
    })
}

/// Whether whoever stays inside a realm is to leave.
static LEAVE: AtomicBool = AtomicBool::new(false);

/// Stays inside a realm until it is told to leave.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn chatproto_test_stay_inside(
    realm: *mut chatproto_realm,
) -> chatproto_error {
    fallible!({
        object!(realm)?.0.with(|_| {
            while !LEAVE.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            Ok(())
        })
    })
}

/// Has whoever stays inside a realm leave.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub(crate) extern "C" fn chatproto_test_leave() {
    LEAVE.store(true, Ordering::Release);
}
