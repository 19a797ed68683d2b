//! What is written to connections.

use super::Realm;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::output::{ConnectionId, Event};
use crate::time::Now;
use crate::wire::reply;

impl Realm {
    /// Writes a reply that tells of the realm's state, so that it waits until that is stored.
    pub(super) fn reply(&mut self, id: ConnectionId, reply: &[u8]) {
        let batch = self.batches.last();
        self.write(id, batch, |out| out.extend_from_slice(reply));
    }

    pub(super) fn reply_error(&mut self, id: ConnectionId, code: ErrorCode) {
        self.write(id, None, |out| reply::error(out, code));
    }

    pub(super) fn write(
        &mut self,
        id: ConnectionId,
        batch: Option<u64>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.detail < Detail::Wire {
            return self.clients.write(id, batch, &mut self.outputs, write);
        }
        if !self.clients.takes_output(id) {
            return;
        }
        let mut text = Vec::new();
        write(&mut text);
        let shown = super::commands::masked_reply(&text);
        self.event(|| Event::Replied {
            connection: id,
            text: shown,
        });
        self.clients.write(id, batch, &mut self.outputs, |out| {
            out.extend_from_slice(&text);
        });
    }

    pub(super) fn settle(&mut self, id: ConnectionId, now: Now) {
        self.clients
            .settle(id, now.mono_ms, &mut self.timers, &mut self.outputs);
        self.finish_request(id);
    }

    pub(super) fn after_sent(&mut self, id: ConnectionId, now: Now) {
        self.clients
            .settle(id, now.mono_ms, &mut self.timers, &mut self.outputs);
        if self.clients.is_drained(id) {
            self.finish_close(id);
        }
    }
}
