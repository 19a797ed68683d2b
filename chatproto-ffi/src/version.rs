//! Which library this is.

use crate::guard::guard;
use std::ffi::{CStr, c_char};

/// The number of the interface: the header's and the library's must be equal.
///
/// It grows with every change that a program compiled before would not survive.
pub const CHATPROTO_ABI_VERSION: u32 = 1;

/// The version, ended for C.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// Returns the version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_version() -> *const c_char {
    guard!(c"".as_ptr(), { VERSION.as_ptr() })
}

/// Returns the number of the interface the library was built with.
///
/// A program compares it with `CHATPROTO_ABI_VERSION` before it calls anything else.
/// After a panic: 0, which is the number of no interface.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_abi_version() -> u32 {
    guard!(0, { CHATPROTO_ABI_VERSION })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package() {
        assert_eq!(VERSION.to_str(), Ok(env!("CARGO_PKG_VERSION")));
        assert_eq!(chatproto_version(), VERSION.as_ptr());
        assert_eq!(chatproto_abi_version(), 1);
    }
}
