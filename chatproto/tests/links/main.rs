//! Links between realms: nothing is lost, doubled or forged, whatever breaks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

mod collisions;
#[path = "../common/mod.rs"]
mod common;
mod delivery;
mod groups;
mod names;
mod refusals;
mod resumes;
mod status;
mod violations;
