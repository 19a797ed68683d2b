//! Fuzz bodies: ordinary functions that take any bytes and panic on a broken invariant.
//!
//! cargo-fuzz calls them from `tests/fuzz`, and `tests/tests/fuzz.rs` over the kept corpus and over
//! inputs made from it.

mod classic;
mod client;
mod cuts;
mod frames;
mod house;
mod lines;
mod link;
mod mutate;
mod sealed;
mod seat;
mod tape;
mod transport;

pub use classic::classic;
pub use client::client;
pub use cuts::cuts;
pub use link::link;
pub use mutate::{Dice, mutate};
pub use sealed::sealed;
pub use transport::transport;

/// A fuzz body and the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All fuzz bodies.
pub const TARGETS: [Target; 6] = [
    ("client", client),
    ("classic", classic),
    ("link", link),
    ("transport", transport),
    ("sealed", sealed),
    ("cuts", cuts),
];
