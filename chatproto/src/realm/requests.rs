//! Commands without a connection.

use super::Realm;
use crate::error::ErrorCode;
use crate::output::{ConnectionId, Output, RequestId};
use crate::time::Now;
use crate::wire::reply;

impl Realm {
    /// Carries out a line exactly as it is.
    pub(super) fn execute_request(&mut self, line: &[u8], now: Now) -> RequestId {
        self.request(line.len(), now, |realm, id| realm.line(id, line, now))
    }

    /// Lets `carry_out` answer a request that brings so many bytes.
    pub(super) fn request(
        &mut self,
        bytes: usize,
        now: Now,
        carry_out: impl FnOnce(&mut Self, ConnectionId),
    ) -> RequestId {
        let request = self.next_request();
        let id = self.clients.insert_request(request, now.mono_ms);
        if let Some(code) = self.stopped {
            self.reply_error(id, code);
        } else if bytes as u64 > self.limits.line_bytes_max {
            self.reply_error(id, ErrorCode::LineTooLong);
        } else {
            carry_out(self, id);
        }
        self.finish_request(id);
        request
    }

    /// Whether it is a request and no connection.
    pub(super) fn is_request(&self, id: ConnectionId) -> bool {
        let client = self.clients.get(id);
        client.is_some_and(|client| client.request.is_some())
    }

    /// Answers a request whose wait will not end well.
    pub(super) fn fail_request(&mut self, id: ConnectionId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.wait = None;
        }
        self.finish_request(id);
    }

    /// Gives out the reply to a request once it is there.
    pub(super) fn finish_request(&mut self, id: ConnectionId) {
        let Some((request, mut reply)) = self.clients.take_reply(id) else {
            return;
        };
        if reply.is_empty() {
            // An empty line, or one that cannot be answered any more.
            reply::error(
                &mut reply,
                self.stopped.unwrap_or(ErrorCode::UnknownCommand),
            );
        }
        self.outputs.push_back(Output::Reply(request, reply));
    }
}
