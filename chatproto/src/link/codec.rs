//! A frame as bytes and back: one JSON object, one line.

mod decode;
mod encode;
mod envelope;
mod fields;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use decode::decode;
pub(crate) use encode::encode;

use thiserror::Error;

/// The greatest integer that every JSON implementation reads exactly.
pub(crate) const INTEGER_MAX: u64 = 1 << 53;

/// Why a line is not a frame.
///
/// Nothing of the line itself is in here, so it can be logged and sent back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Bytes that are not UTF-8.
    #[error("a line must be UTF-8")]
    NotUtf8,
    /// A byte below 0x20.
    #[error("a line must have no control characters but the line feed at its end; escape them")]
    ControlByte,
    /// No JSON object, or one without a text in `t`.
    #[error("a line must be one JSON object with its type in \"t\"")]
    NotAnObject,
    /// An object with the same key twice.
    #[error("a key must stand only once in its object")]
    DuplicateKey,
    /// Objects and arrays in each other too deep.
    #[error("objects and arrays must not be more than 8 deep")]
    TooDeep,
    /// An integer beyond 2^53.
    #[error("integers must be within 2^53")]
    IntegerTooBig,
    /// Half of a surrogate pair.
    #[error("an escaped surrogate must be one of a pair")]
    LoneSurrogate,
    /// A known frame with a field missing or of the wrong type.
    #[error("a field of the frame {0:?} is missing or wrong")]
    Field(&'static str),
    /// A frame type that this version does not know and may not skip.
    #[error("a frame of an unknown type must say \"opt\": true to be skipped")]
    UnknownType,
}
