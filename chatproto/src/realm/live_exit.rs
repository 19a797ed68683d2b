//! The way out of a live group for a classic client, which takes one read that is `exit` for it.

use super::Realm;
use super::clients::{Client, Mode};
use crate::error::ErrorCode;
use crate::output::ConnectionId;
use crate::time::Now;
use crate::wire::reply;

impl Realm {
    pub(super) fn exit(&mut self, id: ConnectionId, now: Now) {
        let live = self.clients.get(id).and_then(Client::live);
        let Some(name) = live
            .and_then(|live| self.groups.get(live.group))
            .map(|group| group.name.clone())
        else {
            return;
        };
        self.leave_group(id);
        self.say_exit(id, now, |out| reply::left_group(out, name.as_str()));
    }

    /// `exit` by itself, and the reply by itself.
    pub(super) fn say_exit(
        &mut self,
        id: ConnectionId,
        now: Now,
        reply: impl FnOnce(&mut Vec<u8>),
    ) {
        self.clients.gap(id);
        self.write(id, None, |out| out.extend_from_slice(b"exit"));
        self.clients.gap(id);
        self.write(id, None, reply);
        self.settle(id, now);
    }

    /// A classic client thinks it is live although its `group` was refused: it gets out all the same.
    pub(super) fn answer_late_exit(&mut self, id: ConnectionId, error: &[u8], now: Now) {
        self.say_exit(id, now, |out| out.extend_from_slice(error));
    }

    pub(super) fn refuse_group(&mut self, id: ConnectionId, code: ErrorCode) {
        self.reply_error(id, code);
        self.expect_late_exit(id, code);
    }

    /// The client has gone on to something else.
    pub(super) fn forget_refused_group(&mut self, id: ConnectionId) {
        let client = self.clients.get_mut(id);
        if let Some(client) = client.filter(|client| matches!(client.mode, Mode::Refused(_))) {
            client.mode = Mode::Command;
        }
    }

    pub(super) fn expect_late_exit(&mut self, id: ConnectionId, code: ErrorCode) {
        let mut error = Vec::new();
        reply::error(&mut error, code);
        if let Some(client) = self.clients.get_mut(id) {
            client.mode = Mode::Refused(error.into());
        }
    }
}
