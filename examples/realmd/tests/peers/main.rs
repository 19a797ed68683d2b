//! Realms in processes of their own that are linked with each other, and what their operators do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

#[path = "../common/mod.rs"]
mod common;
mod keys;
mod linking;
mod orders;
mod reloading;
mod strangers;
mod town;
