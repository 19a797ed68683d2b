//! chatproto for C: what `include/chatproto.h` declares.
//!
//! The header is generated from this crate, so what its comments say is written for C. All
//! hand-written `unsafe` of the project is here, and nearly all of that in [`handle`] and [`view`]:
//! how pointers and views become Rust's.
#![allow(non_camel_case_types, reason = "the names C knows them by")]
#![allow(
    clippy::missing_safety_doc,
    reason = "what a caller keeps to is said in the header: at its head for all, and by each type"
)]

pub mod error;
pub mod fault;
mod guard;
mod handle;
pub mod version;
pub mod view;

pub mod clock;
pub mod config;
pub mod event;
pub mod frames;
pub mod key;
pub mod link_config;
pub mod output;
pub mod peer;
pub mod realm;
pub mod transport;
pub mod work;

pub mod client;

#[cfg(feature = "test-hooks")]
mod test_hooks;
