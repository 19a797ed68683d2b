//! From bytes to lines and live messages, in order, one after the other.

use super::Realm;
use super::clients::{Mode, Wait, refusal};
use super::timers::Timer;
use crate::error::ErrorCode;
use crate::output::{Connection, ConnectionId, Event};
use crate::time::Now;
use crate::wire::frame::{Cut, LineBuf};

/// Refused connections that may be waiting for their error to be read; more are closed in silence.
const REFUSED_MAX: usize = 256;

/// Whether a read is the classic client's way out of a live group.
pub(super) fn is_exit(read: &[u8]) -> bool {
    read == b"exit" || read == b"exit\r\n"
}

impl Realm {
    pub(super) fn open_client(&mut self, connection: &Connection, now: Now) -> ConnectionId {
        let id = self.clients.insert(&connection.address, now.mono_ms);
        let set_up = match &connection.neighbour {
            Some(neighbour) => self.hear_neighbour(id, neighbour),
            None => Ok(()),
        };
        let code = set_up
            .err()
            .or_else(|| self.refusal_of(&connection.address, now));
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
        let limits = &self.limits;
        let is_crowded = self.clients.count_of(address) >= limits.connections_per_address_max;
        let (of, code) = if is_crowded {
            (Some(address), ErrorCode::AddressConnections)
        } else if self.clients.counted() >= limits.connections_max {
            (None, ErrorCode::TooManyConnections)
        } else {
            return None;
        };
        let idle_ms_min = limits.idle_ms_min;
        let Some(idle) = self.clients.longest_idle(of, now.mono_ms, idle_ms_min) else {
            return Some(code);
        };
        self.close_client(idle, ErrorCode::IdleEvicted, now);
        None
    }

    pub(super) fn client_sent(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        let Some(client) = self.clients.connection_mut(id) else {
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
            if self.batches.is_crowded()
                && !self.batches.is_full()
                && !rest.is_empty()
                && client.wait.is_none()
            {
                client.wait = Some(Box::new(Wait::Store));
                self.crowded_out.push(id);
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
    pub(super) fn late_exit(&mut self, id: ConnectionId, now: Now) -> bool {
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

    pub(super) fn line(&mut self, id: ConnectionId, line: &[u8], now: Now) {
        if matches!(line, b"\r\n" | b"\n") {
            return;
        }
        match std::str::from_utf8(line) {
            Ok(line) => match self.neighbour_of(id) {
                Some(peer) => self.neighbour_asks(id, peer, line, now),
                None => self.command(id, line, now),
            },
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

    /// Lets lines go on that waited until less was to be stored.
    pub(super) fn let_in_crowd(&mut self, now: Now) {
        if self.batches.is_crowded() && !self.batches.is_full() {
            return;
        }
        for id in std::mem::take(&mut self.crowded_out) {
            if let Some(client) = self.clients.get_mut(id) {
                client.wait.take_if(|wait| matches!(**wait, Wait::Store));
            }
            self.resume_client(id, now);
        }
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
}
