//! chatproto for C: what `include/chatproto.h` declares.
//!
//! The header is generated from this crate, so what its comments say is written for C.
#![deny(unsafe_code)]

pub mod error;
mod guard;
pub mod version;
