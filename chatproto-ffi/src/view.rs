//! Bytes and texts that one side shows the other.

use crate::error;
use crate::fault::Fault;
use crate::guard::guard;
use std::ffi::{CStr, OsStr, c_char};
use std::path::PathBuf;
use std::ptr;

/// A view of bytes: `len` of them from `data` on. `data` may be NULL if `len` is 0.
///
/// As an argument it has to be valid during the call only: what is kept is copied. As a result it
/// is valid for as long as the function says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

/// A view of a text: UTF-8, `len` bytes from `data` on, without a NUL at its end. `data` may be
/// NULL if `len` is 0.
///
/// As an argument it has to be valid during the call only: what is kept is copied. As a result it
/// is valid for as long as the function says; print it with `printf("%.*s", (int)text.len,
/// text.data)`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct chatproto_str {
    /// The first byte.
    pub data: *const c_char,
    /// How many there are.
    pub len: usize,
}

impl chatproto_bytes {
    /// No bytes.
    pub(crate) const NONE: Self = Self {
        data: ptr::null(),
        len: 0,
    };

    /// A view of these.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes behind a view of C.
    ///
    /// # Safety
    ///
    /// `data` is NULL, or leads to `len` bytes that nobody changes while `'a` lasts.
    pub(crate) unsafe fn slice<'a>(self, argument: &'static str) -> Result<&'a [u8], Fault> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Fault::null(argument));
        }
        if isize::try_from(self.len).is_err() {
            return Err(Fault::invalid(format!("{argument} is longer than memory")));
        }
        // SAFETY: the caller's; and it is neither NULL nor longer than a slice can be.
        Ok(unsafe { std::slice::from_raw_parts(self.data, self.len) })
    }
}

impl chatproto_str {
    /// No text.
    pub(crate) const NONE: Self = Self {
        data: ptr::null(),
        len: 0,
    };

    /// A view of this.
    pub(crate) fn of(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            len: text.len(),
        }
    }

    pub(crate) fn bytes(self) -> chatproto_bytes {
        chatproto_bytes {
            data: self.data.cast(),
            len: self.len,
        }
    }
}

/// The bytes of a view, or the fault that says which argument is wrong.
macro_rules! bytes {
    ($view:expr) => {{
        let view: $crate::view::chatproto_bytes = $view;
        // SAFETY: as the header says of every view that is an argument, it is valid during the call.
        unsafe { view.slice(stringify!($view)) }
    }};
}

/// The text of a view, likewise.
macro_rules! text {
    ($view:expr) => {{
        let view: $crate::view::chatproto_str = $view;
        // SAFETY: as the header says of every view that is an argument, it is valid during the call.
        unsafe { view.bytes().slice(stringify!($view)) }
            .and_then(|bytes| $crate::view::utf8(bytes, stringify!($view)))
    }};
}

/// The path of a view: any bytes where the system's paths are bytes, or else UTF-8.
macro_rules! file_path {
    ($view:expr) => {{
        let view: $crate::view::chatproto_str = $view;
        // SAFETY: as the header says of every view that is an argument, it is valid during the call.
        unsafe { view.bytes().slice(stringify!($view)) }.and_then($crate::view::path_of)
    }};
}
pub(crate) use {bytes, file_path, text};

pub(crate) fn utf8<'a>(bytes: &'a [u8], argument: &'static str) -> Result<&'a str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| {
        let detail = format!("the argument {argument} is not UTF-8");
        Fault::new(error::CHATPROTO_ERROR_NOT_UTF8, detail)
    })
}

pub(crate) fn path_of(bytes: &[u8]) -> Result<PathBuf, Fault> {
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Fault::invalid("a path has at least one byte, and no NUL"));
    }
    #[cfg(unix)]
    let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    #[cfg(not(unix))]
    let path = utf8(bytes, "path")?;
    Ok(PathBuf::from(path))
}

/// Makes a view of a text that ends with a NUL, which is left out; NULL gives an empty one.
///
/// It is valid for as long as the text is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_str_of(text: *const c_char) -> chatproto_str {
    guard!(chatproto_str::NONE, {
        if text.is_null() {
            return chatproto_str::NONE;
        }
        // SAFETY: the caller's: a text that ends with a NUL.
        let len = unsafe { CStr::from_ptr(text) }.to_bytes().len();
        chatproto_str { data: text, len }
    })
}

/// Makes a view of bytes that a program has as characters, such as a line to be carried out.
///
/// It is valid for as long as the text is.
#[unsafe(no_mangle)]
pub extern "C" fn chatproto_str_bytes(text: chatproto_str) -> chatproto_bytes {
    guard!(chatproto_bytes::NONE, { text.bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_allowed_with_length_0_alone() {
        let none = chatproto_bytes::NONE;
        let wrong = chatproto_bytes { len: 1, ..none };

        assert_eq!(bytes!(none).unwrap(), b"");
        assert_eq!(bytes!(wrong).unwrap_err().number(), 1001);
        assert_eq!(text!(chatproto_str::NONE).unwrap(), "");
    }

    #[test]
    fn views_show_what_is_there() {
        assert_eq!(text!(chatproto_str::of("é")).unwrap(), "é");
        assert_eq!(bytes!(chatproto_bytes::of(b"a\0b")).unwrap(), b"a\0b");
        // SAFETY: both are what the function takes.
        let (text, none) = unsafe {
            (
                chatproto_str_of(c"messi".as_ptr()),
                chatproto_str_of(ptr::null()),
            )
        };
        assert_eq!((text.len, none.len), (5, 0));
        assert!(none.data.is_null());
    }

    #[test]
    fn what_is_not_utf8_is_no_text() {
        let bytes = [0xff];
        let view = chatproto_str {
            data: bytes.as_ptr().cast(),
            len: 1,
        };

        assert_eq!(text!(view).unwrap_err().number(), 1002);
    }

    #[test]
    fn a_view_longer_than_memory_is_refused() {
        let byte = 0u8;
        let view = chatproto_bytes {
            data: &raw const byte,
            len: usize::MAX,
        };

        assert_eq!(bytes!(view).unwrap_err().number(), 1003);
    }
}
