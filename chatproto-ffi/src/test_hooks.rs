//! What tests of the library need and the header does not have.

use crate::error::chatproto_error;
use crate::guard::fallible;
use crate::handle::object;
use crate::realm::chatproto_realm;

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
