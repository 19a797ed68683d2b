//! What each command does.

use super::Realm;
use super::clients::Client;
use super::routing::Draft;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::id::UserId;
use crate::output::{CloseReason, ConnectionId, Event};
use crate::record::Record;
use crate::secret::Token;
use crate::session::SessionId;
use crate::time::Now;
use crate::wire::command::Command;
use crate::wire::reply;

/// Who gives a command, by the token shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) connection: ConnectionId,
    pub(super) user: UserId,
    /// The session's public number.
    pub(super) session: u64,
    id: SessionId,
}

impl Caller {
    fn draft<'a>(&self, to: &'a str, text: &'a str, key: Option<&'a str>) -> Draft<'a> {
        Draft {
            from: self.user,
            session: self.session,
            to,
            text,
            key,
        }
    }
}

impl Realm {
    /// Carries out a line. It answers with exactly one reply, now or when its wait is over.
    pub(super) fn command(&mut self, id: ConnectionId, line: &str, now: Now) {
        self.event_at(Detail::Wire, |realm| {
            let is_user = |name: &str| realm.accounts.find(name).is_some();
            Some(Event::Received {
                connection: id,
                text: masked_line(line, is_user),
            })
        });
        self.carry_out(id, Command::parse(line), now);
    }

    /// Carries out a command that was understood.
    pub(super) fn carry_out(&mut self, id: ConnectionId, command: Command<'_>, now: Now) {
        // What a classic client writes in a group that it was refused is no command.
        if !matches!(command, Command::Unknown | Command::TooFewArguments) {
            self.forget_refused_group(id);
        }
        match command {
            Command::Auth { name, password } => self.auth(id, name, password, now),
            Command::Send { token, to, text } => self.changing(id, token, now, |realm, caller| {
                realm.send(id, &caller.draft(to, text, None), now);
            }),
            Command::SendId {
                token,
                key,
                to,
                text,
            } => self.changing(id, token, now, |realm, caller| {
                realm.send(id, &caller.draft(to, text, Some(key)), now);
            }),
            Command::Inbox { token } => self.changing(id, token, now, |realm, caller| {
                realm.inbox(id, caller.user);
            }),
            Command::Peek { token, limit } => {
                if let Some(caller) = self.caller(id, token, now) {
                    self.peek(caller, limit);
                }
            }
            Command::Ack { token, id: upto } => self.changing(id, token, now, |realm, caller| {
                realm.ack(caller, upto);
            }),
            Command::History {
                token,
                with,
                before,
                limit,
            } => {
                if let Some(caller) = self.caller(id, token, now) {
                    self.history(caller, with, before, limit);
                }
            }
            Command::Outbox { token } => {
                if let Some(caller) = self.caller(id, token, now) {
                    self.outbox(caller, now);
                }
            }
            Command::CheckRealm { token } => {
                if self.caller(id, token, now).is_some() {
                    self.check_realm(id, now);
                }
            }
            Command::ActiveUser { token } => self.active_users(id, token, now),
            Command::Logout { token } => self.logout(id, token, now),
            Command::Group { token, group } => self.group(id, token, group, now),
            Command::Hello => {
                let (name, limits) = (self.name.clone(), self.limits.clone());
                self.write(id, None, |out| reply::hello(out, name.as_str(), &limits));
            }
            Command::Quit => self.quit(id, now),
            Command::TooFewArguments => self.reply_error(id, ErrorCode::TooFewArguments),
            Command::Unknown => self.reply_error(id, ErrorCode::UnknownCommand),
        }
    }

    /// Finds who shows a token; answers with an error where nobody does.
    pub(super) fn caller(
        &mut self,
        connection: ConnectionId,
        token: &str,
        now: Now,
    ) -> Option<Caller> {
        let hint = self
            .clients
            .get(connection)
            .and_then(|client| client.session);
        let found =
            Token::parse(token).and_then(|token| self.sessions.find(token, hint, now.mono_ms));
        let Some(shown) = found else {
            self.reply_error(connection, ErrorCode::NoSession);
            return None;
        };
        if let Some(client) = self
            .clients
            .get_mut(connection)
            .filter(|_| hint != Some(shown.id))
        {
            client.session = Some(shown.id);
        }
        if shown.is_noteworthy && !self.batches.is_full() {
            self.record(|| Record::SessionUsed {
                session: shown.number,
                unix_ms: now.unix_ms,
            });
        }
        Some(Caller {
            connection,
            user: shown.user,
            session: shown.number,
            id: shown.id,
        })
    }

    /// Carries out what changes something, unless the store has no room for it.
    fn changing(
        &mut self,
        id: ConnectionId,
        token: &str,
        now: Now,
        change: impl FnOnce(&mut Self, Caller),
    ) {
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        if let Some(caller) = self.caller(id, token, now) {
            change(self, caller);
        }
    }

    fn active_users(&mut self, id: ConnectionId, token: &str, now: Now) {
        let Some(caller) = self.caller(id, token, now) else {
            return;
        };
        self.end_expired(now);
        let mut out = Vec::new();
        reply::active_users(
            &mut out,
            self.sessions.active().map(|user| self.accounts.name(user)),
        );
        // It promises nothing, so it need not wait for the store, be it full.
        self.write(id, None, |to| to.extend_from_slice(&out));
        self.event_at(Detail::Commands, |realm| {
            realm
                .user_name(caller.user)
                .map(|user| Event::ActiveUsersRead { user })
        });
    }

    fn logout(&mut self, id: ConnectionId, token: Option<&str>, now: Now) {
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        let session = if let Some(token) = token {
            let Some(caller) = self.caller(id, token, now) else {
                return;
            };
            caller.id
        } else {
            let opened = self
                .clients
                .get(id)
                .and_then(|client| client.opened_session);
            let Some(session) = opened.filter(|opened| self.sessions.get(*opened).is_some()) else {
                return self.reply_error(id, ErrorCode::TooFewArguments);
            };
            session
        };
        if let Some(ended) = self.sessions.end(session) {
            self.session_ended(ended.user, ended.number);
        }
        self.reply(id, reply::LOGGED_OUT);
    }

    pub(super) fn session_ended(&mut self, user: UserId, number: u64) {
        self.record(|| Record::SessionEnded { session: number });
        if let Some(user) = self.user_name(user) {
            self.event(|| Event::LoggedOut {
                user,
                session: number,
            });
        }
    }

    fn quit(&mut self, id: ConnectionId, now: Now) {
        if self.clients.get(id).is_some_and(Client::is_request) {
            return self.reply_error(id, ErrorCode::NeedsConnection);
        }
        self.reply(id, reply::GOODBYE);
        self.begin_close(id, CloseReason::Quit, now);
    }

    pub(super) fn expire_sessions(&mut self, now: Now) {
        self.has_session_timer = false;
        self.end_expired(now);
        self.time_sessions();
    }

    fn end_expired(&mut self, now: Now) {
        for ended in self.sessions.expire(now.mono_ms) {
            self.session_ended(ended.user, ended.number);
        }
    }

    pub(super) fn time_sessions(&mut self) {
        if self.has_session_timer {
            return;
        }
        if let Some(due_ms) = self.sessions.next_check_ms() {
            self.has_session_timer = true;
            self.timers.set(due_ms, super::timers::Timer::Sessions);
        }
    }
}

/// A line as it may be seen. Only what is surely no secret is shown: a password or a token may
/// stand anywhere in a line that is not as it should be, so a name only if somebody has it.
fn masked_line(line: &str, is_user: impl Fn(&str) -> bool) -> String {
    let is_token = |text: &str| Token::parse(text).is_some();
    match Command::parse(line) {
        Command::Auth { name, .. } if is_user(name) => format!("auth {name} ***"),
        Command::Auth { .. } => "auth *** ***".to_owned(),
        Command::Send { token, to, text } if is_token(token) => {
            format!("send *** {to}{}", masked_text(text))
        }
        Command::Send { .. } => "send ***".to_owned(),
        Command::SendId {
            token, to, text, ..
        } if is_token(token) => format!("sendid *** *** {to}{}", masked_text(text)),
        Command::SendId { .. } => "sendid ***".to_owned(),
        Command::Peek { .. } => "peek ***".to_owned(),
        Command::Ack { .. } => "ack ***".to_owned(),
        Command::History { token, with, .. } if is_token(token) => format!("history *** {with}"),
        Command::History { .. } => "history ***".to_owned(),
        Command::Inbox { .. } => "inbox ***".to_owned(),
        Command::Outbox { .. } => "outbox ***".to_owned(),
        Command::CheckRealm { .. } => "checkrealm ***".to_owned(),
        Command::ActiveUser { .. } => "activeuser ***".to_owned(),
        Command::Logout { .. } => "logout ***".to_owned(),
        Command::Group { token, group } if is_token(token) => format!("group *** {group}"),
        Command::Group { .. } => "group ***".to_owned(),
        Command::Hello => "hello".to_owned(),
        Command::Quit => "quit".to_owned(),
        Command::TooFewArguments | Command::Unknown => "***".to_owned(),
    }
}

/// What people write, as it may be seen: some write commands where they are talking to a group.
pub(super) fn masked_text(text: &str) -> String {
    const AUTH: &str = "auth ";
    const TOKEN_BYTES: usize = 36;
    let (before, is_login) = match text.split_once(AUTH) {
        Some((before, _)) => (before, true),
        None => (text, false),
    };
    let mut masked = String::with_capacity(before.len());
    let mut rest = before;
    while let Some(c) = rest.chars().next() {
        let token = rest.get(..TOKEN_BYTES).and_then(Token::parse);
        let (shown, used) = if token.is_some() {
            ("***", TOKEN_BYTES)
        } else {
            ("", c.len_utf8())
        };
        masked.push_str(if token.is_some() {
            shown
        } else {
            rest.get(..used).unwrap_or_default()
        });
        rest = rest.get(used..).unwrap_or_default();
    }
    if is_login {
        masked.push_str("auth ***");
    }
    masked
}

/// Output as it may be seen: without tokens.
pub(super) fn masked_reply(reply: &[u8]) -> String {
    masked_text(&String::from_utf8_lossy(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_show_no_secrets() {
        const T: &str = "0b3c8e2a-1d4f-4a6b-9c8d-7e6f5a4b3c2d";
        let table = [
            ("auth messi surabaya \r\n".to_owned(), "auth messi ***"),
            ("auth surabaya messi\r\n".to_owned(), "auth *** ***"),
            ("auth\tmessi\tsurabaya\r\n".to_owned(), "***"),
            ("Auth messi surabaya\r\n".to_owned(), "***"),
            ("auth surabaya\r\n".to_owned(), "***"),
            ("hello auth messi surabaya\r\n".to_owned(), "hello"),
            (
                format!("send {T} amsal  hi \r\n"),
                "send *** amsal  hi \r\n",
            ),
            (format!("send  {T} amsal hi\r\n"), "send ***"),
            (format!("inbox  {T}\r\n"), "inbox ***"),
            (format!("inbox {T}\nauth messi surabaya\r\n"), "inbox ***"),
            (format!("activeuser x {T}\r\n"), "activeuser ***"),
            (format!("group {T} bukber origin\r\n"), "group *** bukber"),
        ];
        for (line, masked) in table {
            assert_eq!(masked_line(&line, |name| name == "messi"), masked);
        }
    }

    #[test]
    fn a_command_said_to_a_group_shows_no_secrets() {
        let token = Token::from_random([1; 16]).reveal();

        assert_eq!(masked_text(&format!("inbox {token}\r\n")), "inbox ***\r\n");
        assert_eq!(masked_text("é auth messi surabaya\r\n"), "é auth ***");
        assert_eq!(masked_text("halo 😀"), "halo 😀");
    }

    #[test]
    fn replies_show_no_tokens() {
        let mut out = Vec::new();
        reply::token(&mut out, Token::from_random([1; 16]));

        assert_eq!(
            masked_reply(&out),
            "{\"status\": \"OK\", \"tokenid\": \"***\"}\r\n\r\n"
        );
    }
}
