//! What crosses rooms: transcripts of clients and realms, and a world in virtual time to play them in.
#![forbid(unsafe_code)]
#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "only tests use this: an index that is wrong or a promise that is broken has to stop them"
)]

pub mod disk;
pub mod fuzz;
pub mod player;
pub mod simulation;
pub mod transcript;
pub mod world;
