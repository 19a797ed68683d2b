//! The document of the link protocol shows what two realms say: its sample traffic is played again.
//!
//! `CHATPROTO_RENEW=1` puts what was played into the document, where it is meant to have changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod document;
mod handshakes;
mod mail;
mod talk;
mod tap;
