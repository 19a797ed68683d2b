//! What holds for any bytes, any frames and any driver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a broken assumption has to end the test, and `tests/run` counts the cases"
)]

mod clients;
#[path = "../common/mod.rs"]
mod common;
mod crashes;
mod drivers;
mod frames;
mod records;
mod streams;
mod twice;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Checks a property with 256 random inputs, or as many as `PROPTEST_CASES` says, and tells how many.
fn holds<S: Strategy>(inputs: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut config = Config::default();
    let cases = config.cases;
    // The more cases, the more inputs are passed over on the way to them.
    config.max_local_rejects = cases.saturating_mul(1_000);
    let mut runner = TestRunner::new(config);
    if let Err(error) = runner.run(inputs, property) {
        panic!("{error}");
    }
    println!("properties: {cases}");
}
