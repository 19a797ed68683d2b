//! What every store promises, and what the one in `SQLite` promises beyond that.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

mod collisions;
mod contract;
mod crash;
mod fetch;
mod harness;
mod inspect;
mod log;
mod marks;
mod opening;
mod queue;
mod readers;
mod rings;
mod room;
mod sample;
mod state;
mod streams;
mod upkeep;
mod views;
