//! With a store: nothing is promised before it is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption has to end the test"
)]

mod backlog;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod contradictions;
mod copies;
mod deaths;
mod direct;
mod edges;
mod ends;
mod failures;
mod fetch_failures;
mod fetching;
mod keys;
mod links;
mod logins;
mod marks;
mod neighbours;
mod passwords;
mod peers;
mod posts;
mod queues;
mod reading;
mod replies;
mod restore;

use chatproto::{Batch, ConnectionId, StoreFailure};
use common::{Loading, Site, example_with_peer, token_of};

const STORE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Penyimpanan server penuh, coba lagi nanti\", \"code\": \"store_full\"}\r\n\r\n";
const STORE_BROKEN: &str = "{\"status\": \"ERROR\", \"message\": \"Penyimpanan server rusak\", \"code\": \"store_broken\"}\r\n\r\n";
const SHUTTING_DOWN: &str = "{\"status\": \"ERROR\", \"message\": \"Server sedang dimatikan\", \"code\": \"shutting_down\"}\r\n\r\n";

/// realm1 with a store, and somebody logged in.
struct Stored {
    site: Site,
    id: ConnectionId,
    token: String,
}

impl Stored {
    fn new() -> Self {
        let mut site = Site::new(example_with_peer(1, 2).durable(true));
        let id = site.open();
        site.receive(id, b"auth messi surabaya\r\n");
        site.commit();
        let token = token_of(&site.read(id));
        site.outputs.clear();
        Self { site, id, token }
    }

    fn send(&mut self, text: &str) -> String {
        let line = format!("send {} messi {text}\r\n", self.token);
        self.site.say(self.id, &line)
    }

    fn batch(&mut self) -> Batch {
        self.site.take_batch().expect("nothing to commit")
    }

    fn committed(&mut self, number: u64) -> String {
        self.site.committed(number);
        self.site.read(self.id)
    }

    fn failed(&mut self, number: u64, failure: StoreFailure) {
        let now = self.site.now;
        self.site.realm.store_failed(number, failure, now).unwrap();
        self.site.run();
    }

    /// The process dies and is started again; the connection is a new one.
    fn restart(&mut self, loading: Loading) {
        self.site.restart(loading);
        self.id = self.site.open();
    }

    /// The time after which a full store is tried again passes.
    fn pause(&mut self) {
        self.site.wait(1_000);
    }

    /// The store had no room for a message.
    fn full() -> (Self, Batch) {
        let mut it = Self::new();
        it.send("one");
        let batch = it.batch();
        it.failed(batch.number, StoreFailure::Full);
        (it, batch)
    }
}
