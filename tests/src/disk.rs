//! A disk that loses what was not synced, and a store on it: a log of batches.
//!
//! The log is as plain as a log can be, so that what is shown with it is shown of the engine. Its
//! [`Flaw`]s are there to show that the checks find what they are for.

mod log;
mod medium;
mod state;

pub use log::{Flaw, Loading, Log, Recovered};
pub use medium::{Disk, Survival};
pub use state::Kept;
