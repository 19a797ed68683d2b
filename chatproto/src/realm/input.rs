//! From bytes to lines and live messages, in order, one after the other.

use super::Realm;
use super::clients::{Client, Mode, Wait, refusal};
use super::questions::Questions;
use super::timers::Timer;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::group::LiveGroups;
use crate::output::{CloseReason, Connection, ConnectionId, Event, Output, RequestId};
use crate::time::Now;
use crate::wire::frame::{Cut, LineBuf};
use crate::wire::reply;

/// Refused connections that may be waiting for their error to be read; more are closed in silence.
const REFUSED_MAX: usize = 256;

/// Whether a read is the classic client's way out of a live group.
pub(super) fn is_exit(read: &[u8]) -> bool {
    read == b"exit" || read == b"exit\r\n"
}

impl Realm {
    pub(super) fn open_client(&mut self, connection: &Connection, now: Now) -> ConnectionId {
        let id = self.clients.insert(&connection.address, now.mono_ms);
        let code = self.refusal_of(&connection.address, now);
        let Some(code) = code else {
            self.clients.admit(id);
            return id;
        };
        self.event(|| Event::Refused {
            connection: id,
            code,
        });
        if self.clients.len() as u64 > self.clients.counted() + REFUSED_MAX as u64 {
            self.clients.begin_close(id, refusal(code));
            self.finish_close(id);
        } else {
            self.close_client(id, code, now);
        }
        id
    }

    /// Why a connection from an address cannot be taken, after room was made where that helps.
    fn refusal_of(&mut self, address: &str, now: Now) -> Option<ErrorCode> {
        if let Some(stopped) = self.stopped {
            return Some(stopped);
        }
        if self.clients.count_of(address) >= self.limits.connections_per_address_max {
            return Some(ErrorCode::AddressConnections);
        }
        if self.clients.counted() >= self.limits.connections_max {
            let Some(idle) = self
                .clients
                .longest_idle(now.mono_ms, self.limits.idle_ms_min)
            else {
                return Some(ErrorCode::TooManyConnections);
            };
            self.close_client(idle, ErrorCode::IdleEvicted, now);
        }
        None
    }

    pub(super) fn client_sent(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if client.closing.is_some() || client.has_ended || client.is_gone || bytes.is_empty() {
            return;
        }
        client.touch(now.mono_ms);
        if client.is_blocked() {
            self.clients
                .stash(id, bytes, self.limits.waiting_bytes_max, &mut self.outputs);
        } else {
            self.consume(id, bytes, now);
            self.resume_client(id, now);
        }
    }

    /// Carries out one read, as far as no line has to wait.
    fn consume(&mut self, id: ConnectionId, read: &[u8], now: Now) {
        self.set_running(id, true);
        self.consume_lines(id, read, now);
        self.set_running(id, false);
    }

    /// While a read is carried out, nothing else of its connection is: what a line waited for may
    /// be there at once.
    fn set_running(&mut self, id: ConnectionId, is_running: bool) {
        if let Some(client) = self.clients.get_mut(id) {
            client.is_running = is_running;
        }
    }

    fn consume_lines(&mut self, id: ConnectionId, read: &[u8], now: Now) {
        if is_exit(read) && self.late_exit(id, now) {
            return;
        }
        let line_max = self.limits.line_bytes_max as usize;
        let mut rest = read;
        let mut line = LineBuf::Borrowed(&[]);
        loop {
            let Some(client) = self.clients.get_mut(id) else {
                return;
            };
            if client.closing.is_some() {
                return;
            }
            if client.is_blocked() {
                return self.clients.stash_again(
                    id,
                    rest,
                    self.limits.waiting_bytes_max,
                    &mut self.outputs,
                );
            }
            if client.live().is_some() {
                return self.live_input(id, rest, now);
            }
            let cut = client.framer.next(&mut rest, line_max, &mut line);
            if cut == Cut::NeedMore {
                return self.time_line(id, now);
            }
            client.line_began_ms = u64::MAX;
            if cut == Cut::TooLong {
                self.reply_error(id, ErrorCode::LineTooLong);
            } else {
                self.line(id, line.as_bytes(), now);
            }
        }
    }

    /// Lets a classic client out that waits in a group which it was refused. What it wrote there
    /// is forgotten.
    fn late_exit(&mut self, id: ConnectionId, now: Now) -> bool {
        let Some(client) = self.clients.get_mut(id) else {
            return false;
        };
        let Mode::Refused(error) = &mut client.mode else {
            return false;
        };
        let error = std::mem::take(error);
        client.mode = Mode::Command;
        client.framer.forget_line();
        client.line_began_ms = u64::MAX;
        self.answer_late_exit(id, &error, now);
        true
    }

    fn line(&mut self, id: ConnectionId, line: &[u8], now: Now) {
        if matches!(line, b"\r\n" | b"\n") {
            return;
        }
        match std::str::from_utf8(line) {
            Ok(line) => self.command(id, line, now),
            Err(_) => self.reply_error(id, ErrorCode::InvalidUtf8),
        }
    }

    /// Watches a line that has begun, from the read that began it.
    fn time_line(&mut self, id: ConnectionId, now: Now) {
        let line_ms_max = self.limits.line_ms_max;
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if !client.framer.is_inside_line() {
            return;
        }
        if client.line_began_ms == u64::MAX {
            client.line_began_ms = now.mono_ms;
        }
        if client.line_timer_ms.is_none() {
            let due_ms = client.line_began_ms.saturating_add(line_ms_max);
            client.line_timer_ms = Some(due_ms);
            self.timers.set(due_ms, Timer::Line(id));
        }
    }

    pub(super) fn line_is_late(&mut self, id: ConnectionId, now: Now) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.line_timer_ms = None;
        if client.closing.is_some() || !client.framer.is_inside_line() {
            return;
        }
        // The line that the timer was set for may have ended, and another one begun.
        if now.mono_ms < client.line_began_ms.saturating_add(self.limits.line_ms_max) {
            return self.time_line(id, now);
        }
        client.framer.abandon_line();
        client.line_began_ms = u64::MAX;
        self.reply_error(id, ErrorCode::LineTimeout);
    }

    /// Goes on with the reads that waited.
    pub(super) fn resume_client(&mut self, id: ConnectionId, now: Now) {
        if self.clients.get(id).is_none_or(|client| client.is_running) {
            // Whoever carries out its present read goes on with the next.
            return;
        }
        while let Some(read) = self.clients.unstash(id, &mut self.outputs) {
            self.consume(id, &read, now);
        }
        self.finish_if_done(id, now);
    }

    pub(super) fn client_ended(&mut self, id: ConnectionId, now: Now) {
        if let Some(client) = self.clients.get_mut(id) {
            client.has_ended = true;
            self.finish_if_done(id, now);
        }
    }

    pub(super) fn client_gone(&mut self, id: ConnectionId, now: Now) {
        let Some(client) = self.clients.get(id) else {
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
        self.resume_client(id, now);
    }

    /// Forgets a connection, and what was to happen to it at a time.
    fn remove_client(&mut self, id: ConnectionId) {
        if let Some(Client {
            line_timer_ms: Some(due_ms),
            ..
        }) = self.clients.remove(id)
        {
            self.timers.unset(due_ms, Timer::Line(id));
        }
    }

    /// Ends a connection that will send no more, once nothing of it waits.
    fn finish_if_done(&mut self, id: ConnectionId, now: Now) {
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

    // Output, and the end.

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

    /// Says why and closes.
    pub(super) fn close_client(&mut self, id: ConnectionId, code: ErrorCode, now: Now) {
        self.leave_group(id);
        self.reply_error(id, code);
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

    pub(super) fn stop(&mut self, code: ErrorCode, now: Now) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(code);
        if code == ErrorCode::StoreBroken {
            // What waited for the store was never promised, and never will be.
            self.clients.drop_held();
        }
        // Nobody's answer counts any more, lest it be told that there was none.
        self.questions = Questions::default();
        self.close_links(now);
        // All members go at once: nobody is told that the others leave.
        self.groups = LiveGroups::new();
        for id in self.clients.ids() {
            if self.clients.get(id).is_some_and(Client::is_request) {
                self.fail_request(id);
            } else {
                self.close_client(id, code, now);
            }
        }
    }

    // Commands without a connection.

    pub(super) fn execute_request(&mut self, line: &[u8], now: Now) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
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
    fn fail_request(&mut self, id: ConnectionId) {
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
