//! How connections end: in peace, with last words, or at once.

use super::Realm;
use super::clients::{Client, Wait, refusal};
use super::questions::Questions;
use super::timers::Timer;
use crate::error::ErrorCode;
use crate::group::LiveGroups;
use crate::output::{CloseReason, ConnectionId, Output};
use crate::time::Now;

impl Realm {
    pub(super) fn client_ended(&mut self, id: ConnectionId, now: Now) {
        if let Some(client) = self.clients.connection_mut(id) {
            client.has_ended = true;
            self.finish_if_done(id, now);
        }
    }

    pub(super) fn client_gone(&mut self, id: ConnectionId, now: Now) {
        let Some(client) = self.clients.connection(id) else {
            return;
        };
        if client.closing.is_some() {
            return self.remove_client(id);
        }
        // Behind a `group` come live messages, not lines; nobody is there for them any more.
        let is_joining = matches!(
            client.wait.as_deref(),
            Some(Wait::GroupHome { .. } | Wait::Join { .. })
        );
        if is_joining {
            self.leave_group(id);
            self.clients.drop_input(id);
        }
        self.clients.gone(id);
        if let Some(client) = self.clients.get_mut(id) {
            // Nobody would learn the token; the lines behind the login are carried out all the same.
            client
                .wait
                .take_if(|wait| matches!(**wait, Wait::Login { .. }));
        }
        self.resume_client(id, now);
    }

    /// Ends a connection that will send no more, once nothing of it waits.
    pub(super) fn finish_if_done(&mut self, id: ConnectionId, now: Now) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let will_go = client.has_ended || client.is_gone;
        if client.is_blocked() || client.is_running || !will_go {
            return;
        }
        let is_gone = client.is_gone;
        self.leave_group(id);
        if is_gone {
            self.remove_client(id);
        } else {
            self.begin_close(id, CloseReason::Ended, now);
        }
    }

    /// Says why and closes.
    pub(super) fn close_client(&mut self, id: ConnectionId, code: ErrorCode, now: Now) {
        let is_live = self.clients.get(id).and_then(Client::live).is_some();
        self.leave_group(id);
        if is_live {
            // No reply is expected there, but a line that says what happens.
            let line = format!("*{}*: {}", self.name, code.message());
            self.write(id, None, |out| out.extend_from_slice(line.as_bytes()));
        } else {
            self.reply_error(id, code);
        }
        self.begin_close(id, refusal(code), now);
    }

    pub(super) fn begin_close(&mut self, id: ConnectionId, why: CloseReason, now: Now) {
        if self.clients.get(id).is_some_and(|client| client.is_gone) {
            // The driver has let go of it already.
            self.remove_client(id);
            return;
        }
        self.clients.begin_close(id, why);
        if self.clients.is_drained(id) {
            return self.finish_close(id);
        }
        self.timers.set(
            now.mono_ms.saturating_add(self.limits.close_ms_max),
            Timer::Close(id),
        );
    }

    /// Last words have had their time. Answers have more, as long as they are being read or wait
    /// for the store.
    pub(super) fn close_is_late(&mut self, id: ConnectionId, now: Now) {
        match self
            .clients
            .answers_until_ms(id, now.mono_ms, self.limits.close_ms_max)
        {
            Some(until_ms) if until_ms > now.mono_ms => self.timers.set(until_ms, Timer::Close(id)),
            _ => self.finish_close(id),
        }
    }

    pub(super) fn finish_close(&mut self, id: ConnectionId) {
        if let Some(Client {
            closing: Some(why), ..
        }) = self.clients.get(id)
        {
            let why = *why;
            self.remove_client(id);
            self.outputs.push_back(Output::Close(id, why));
        }
    }

    /// Forgets a connection, and what was to happen to it at a time.
    pub(super) fn remove_client(&mut self, id: ConnectionId) {
        if let Some(Client {
            line_timer_ms: Some(due_ms),
            ..
        }) = self.clients.remove(id)
        {
            self.timers.unset(due_ms, Timer::Line(id));
        }
    }

    pub(super) fn stop(&mut self, code: ErrorCode, now: Now) {
        let is_broken = code == ErrorCode::StoreBroken;
        if self.stopped == Some(ErrorCode::StoreBroken) || (self.stopped.is_some() && !is_broken) {
            return;
        }
        self.stopped = Some(code);
        if is_broken {
            // What waited for the store was never promised, and never will be.
            self.clients.drop_held();
        }
        // Nobody's answer counts any more, lest it be told that there was none.
        self.questions = Questions::default();
        // All members go at once: nobody is told that the others leave.
        self.groups = LiveGroups::new();
        self.close_links(now);
        self.give_up_calls();
        for id in self.clients.ids() {
            let Some(client) = self.clients.get(id) else {
                continue;
            };
            if client.is_request() {
                self.fail_request(id);
            } else if client.closing.is_none() {
                self.close_client(id, code, now);
            } else if self.clients.is_drained(id) {
                // What it was still to read was dropped with all that waited for the store.
                self.finish_close(id);
            }
        }
    }
}
