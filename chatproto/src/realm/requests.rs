//! Commands without a connection.

use super::Realm;
use crate::error::ErrorCode;
use crate::output::{ConnectionId, Output, RequestId};
use crate::time::Now;
use crate::wire::reply;

impl Realm {
    pub(super) fn execute_request(&mut self, line: &[u8], now: Now) -> RequestId {
        let request = self.next_request();
        let id = self.clients.insert("", now.mono_ms);
        if let Some(client) = self.clients.get_mut(id) {
            client.request = Some(request);
        }
        if let Some(code) = self.stopped {
            self.reply_error(id, code);
        } else if line.len() as u64 > self.limits.line_bytes_max {
            self.reply_error(id, ErrorCode::LineTooLong);
        } else if line.ends_with(b"\n") {
            self.line(id, line, now);
        } else {
            self.line(id, &[line, b"\r\n"].concat(), now);
        }
        self.finish_request(id);
        request
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
