//! Classic neighbours: messages both ways, and none that is doubled, forged across or lost in silence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod incoming;
mod keys;
mod names;
mod stored;

use chatproto::{Config, ConnectionId, Limits, PeerConfig, RequestId};
use common::{Site, example, name};

const TAKEN: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\", \"sendback\": {\"msg_from\": \"messi\", \"msg_to\": \"Somebody\", \"msg\": \" hi\\r\\n\"}}\r\n\r\n";
const AWAY: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan sedang tidak terhubung\", \"code\": \"realm_away\"}\r\n\r\n";
const UNCLEAR: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan tidak menjawab, tidak diketahui apakah pesan sampai\", \"code\": \"delivery_unknown\"}\r\n\r\n";
const REFUSED: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan menolak pesan\", \"code\": \"realm_refused\"}\r\n\r\n";
const WRONG_TEXT: &str = "{\"status\": \"ERROR\", \"message\": \"Pesan ke realm klasik harus satu baris dan tanpa kata server\", \"code\": \"classic_text\"}\r\n\r\n";
const KEY_REUSED: &str = "{\"status\": \"ERROR\", \"message\": \"Kunci sudah dipakai untuk pesan lain\", \"code\": \"key_reused\"}\r\n\r\n";
const INBOX_FULL: &str = common::INBOX_FULL;

/// realm1 with the classic neighbours `lama` and `tua`, and `datang`, which only calls.
fn config() -> Config {
    example(1)
        .peer(PeerConfig::classic(name("lama")))
        .peer(PeerConfig::classic_incoming_only(name("datang")))
        .peer(PeerConfig::classic(name("tua")))
}

/// That realm, and messi logged in.
struct Old {
    site: Site,
    messi: ConnectionId,
    token: String,
}

impl Old {
    fn new() -> Self {
        Self::of(config())
    }

    fn limited(limits: Limits) -> Self {
        Self::of(config().limits(limits))
    }

    fn of(config: Config) -> Self {
        let mut site = Site::new(config);
        let (messi, token) = site.enter("messi", "surabaya");
        site.outputs.clear();
        Self { site, messi, token }
    }

    /// Sends, and returns the reply, if it is there at once.
    fn send(&mut self, to: &str, text: &str) -> String {
        let line = format!("send {} {to} {text}\r\n", self.token);
        self.site.say(self.messi, &line)
    }

    /// The one call that was asked for.
    fn call(&mut self) -> (RequestId, String) {
        let mut calls = self.site.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    /// Answers a call, and returns what messi then reads.
    fn answer(&mut self, request: RequestId, reply: &str) -> String {
        self.site.answer(request, reply);
        self.site.read(self.messi)
    }

    /// A neighbour asks something on a connection of its own.
    fn asked_by(&mut self, neighbour: &str, line: &str) -> String {
        let id = self.site.neighbour(neighbour);
        let reply = self.site.ask(id, line);
        self.site.hang_up(id);
        reply
    }

    fn inbox(&mut self) -> String {
        let line = format!("inbox {}\r\n", self.token);
        self.site.ask(self.messi, &line)
    }
}
