//! Every limit: what happens at it, and one past it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

mod acks;
mod classic;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod inboxes;
mod links;
mod live;
mod logins;
mod queues;
mod store;

use chatproto::Limits;

/// Where each limit is tested: `handshake_bytes_max` with the transport, which alone knows of bytes
/// before the handshake, all others here.
const TESTED: [&str; 47] = [
    "connections_max",
    "connections_per_address_max",
    "idle_ms_min",
    "line_bytes_max",
    "line_ms_max",
    "waiting_bytes_max",
    "outgoing_bytes_max",
    "close_ms_max",
    "inbox_messages_max",
    "inbox_bytes_max",
    "inbox_senders_max",
    "inbox_memory_bytes_max",
    "page_messages_max",
    "page_bytes_max",
    "send_keys_max",
    "failed_logins_max",
    "failed_logins_ms",
    "hashes_max",
    "uncommitted_bytes_max",
    "store_retry_ms",
    "sessions_per_user_max",
    "session_idle_ms_max",
    "live_groups_max",
    "live_members_max",
    "exit_gap_ms",
    "ask_ms_max",
    "directory_names_max",
    "outbox_messages_max",
    "classic_calls_max",
    "classic_ms_max",
    "classic_names_max",
    "queue_messages_max",
    "queue_bytes_max",
    "queue_memory_bytes_max",
    "queue_ms_max",
    "seen_messages_max",
    "ack_ms_max",
    "credit_envelopes_max",
    "credit_bytes_max",
    "link_line_bytes_max",
    "handshake_bytes_max",
    "handshake_ms_max",
    "link_ping_ms",
    "link_dead_ms",
    "unacknowledged_ms_max",
    "redial_ms_min",
    "redial_ms_max",
];

#[test]
fn no_limit_is_forgotten() {
    let limits: Vec<_> = Limits::default().iter().map(|(name, _)| name).collect();

    assert_eq!(limits, TESTED);
}
