//! What each command does.

use super::Realm;
use super::clients::Client;
use crate::config::Detail;
use crate::error::ErrorCode;
use crate::id::UserId;
use crate::inbox::Sender;
use crate::output::{CloseReason, ConnectionId, Event};
use crate::record::Record;
use crate::secret::Token;
use crate::session::SessionId;
use crate::time::Now;
use crate::wire::command::Command;
use crate::wire::{json, reply};

/// A scratch buffer that grew beyond this for one big reply is given back.
const SCRATCH_BYTES_MAX: usize = 65_536;

/// Who gives a command, by the token shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) connection: ConnectionId,
    pub(super) user: UserId,
    /// The session's public number.
    pub(super) session: u64,
    id: SessionId,
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
        let command = Command::parse(line);
        // What a classic client writes in a group that it was refused is no command.
        if !matches!(command, Command::Unknown | Command::TooFewArguments) {
            self.forget_refused_group(id);
        }
        match command {
            Command::Auth { name, password } => self.auth(id, name, password, now),
            Command::Send { token, to, text } => self.changing(id, token, now, |realm, caller| {
                realm.send(caller, to, text, now);
            }),
            Command::Inbox { token } => {
                self.changing(id, token, now, Realm::inbox);
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
        let Some((id, user)) = found else {
            self.reply_error(connection, ErrorCode::NoSession);
            return None;
        };
        if let Some(client) = self
            .clients
            .get_mut(connection)
            .filter(|_| hint != Some(id))
        {
            client.session = Some(id);
        }
        let session = self.sessions.get(id)?.number;
        Some(Caller {
            connection,
            user,
            session,
            id,
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

    fn auth(&mut self, id: ConnectionId, name: &str, password: &str, now: Now) {
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        let account = self
            .accounts
            .find(name)
            .and_then(|user| Some((user, self.accounts.get(user)?)));
        let failure = match account {
            None => ErrorCode::NoSuchUser,
            Some((_, account)) if !account.password.matches(password) => ErrorCode::WrongPassword,
            Some((user, _)) => return self.log_in(id, user, now),
        };
        // What nobody is called may be a password.
        let is_user = failure == ErrorCode::WrongPassword;
        let user = if is_user { name } else { "***" }.to_owned();
        self.event(|| Event::LoginFailed {
            connection: id,
            user,
            code: failure,
        });
        self.reply_error(id, failure);
    }

    fn log_in(&mut self, id: ConnectionId, user: UserId, now: Now) {
        let token = Token::from_random(self.random.bytes());
        let (session, ended) = self.sessions.open(user, token, now.mono_ms);
        if let Some(ended) = ended {
            self.session_ended(user, ended.number);
        }
        self.time_sessions();
        if let Some(client) = self.clients.get_mut(id) {
            client.session = Some(session);
            client.opened_session = Some(session);
        }
        let number = self
            .sessions
            .get(session)
            .map_or(0, |session| session.number);
        if let Some(name) = self.user_name(user) {
            self.event(|| Event::LoggedIn {
                connection: id,
                user: name.clone(),
                session: number,
            });
            self.record(|| Record::SessionOpened {
                user: name,
                session: number,
            });
        }
        let batch = self.batches.last();
        self.write(id, batch, |out| reply::token(out, token));
    }

    fn inbox(&mut self, caller: Caller) {
        // Nobody is there to read the answer: what waits stays.
        if self
            .clients
            .get(caller.connection)
            .is_none_or(|client| client.is_gone)
        {
            return;
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        out.extend_from_slice(reply::INBOX_BEGIN);
        self.render_inbox(caller.user, &mut out);
        out.extend_from_slice(reply::INBOX_END);
        let messages = self
            .inboxes
            .get(caller.user)
            .map_or(0, |inbox| inbox.len() as u64);
        if let Some(inbox) = self
            .inboxes
            .get_mut(caller.user)
            .filter(|inbox| inbox.len() > 0)
        {
            inbox.clear();
            let upto = inbox.last();
            if let Some(user) = self.user_name(caller.user) {
                self.record(|| Record::InboxTaken { user, upto });
            }
        }
        self.reply(caller.connection, &out);
        if out.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = out;
        }
        self.event_at(Detail::Commands, |realm| {
            realm
                .user_name(caller.user)
                .map(|user| Event::InboxRead { user, messages })
        });
    }

    fn render_inbox(&self, user: UserId, out: &mut Vec<u8>) {
        let (Some(inbox), Some(owner)) = (self.inboxes.get(user), self.accounts.get(user)) else {
            return;
        };
        let mut head = Vec::new();
        let mut separator: &[u8] = b"";
        inbox.by_sender().for_each(|sender, texts| {
            let (key, display) = self.sender_names(sender);
            out.extend_from_slice(separator);
            separator = b", ";
            json::string(out, &key);
            out.extend_from_slice(b": [");
            head.clear();
            head.extend_from_slice(b"{\"msg_from\": ");
            json::string(&mut head, &display);
            head.extend_from_slice(b", \"msg_to\": ");
            json::string(&mut head, &owner.display_name);
            head.extend_from_slice(b", \"msg\": \"");
            let mut comma: &[u8] = b"";
            for text in texts {
                out.extend_from_slice(comma);
                comma = b", ";
                out.extend_from_slice(&head);
                json::escaped(out, text);
                out.extend_from_slice(b"\"}");
            }
            out.push(b']');
        });
    }

    /// What a sender is listed under, and what its messages say they are from.
    fn sender_names(&self, sender: Sender) -> (String, String) {
        match sender {
            Sender::Local(user) => {
                let display = self
                    .accounts
                    .get(user)
                    .map_or("", |account| &account.display_name);
                (self.accounts.name(user).to_owned(), display.to_owned())
            }
            Sender::Remote(remote) => {
                let shown = self
                    .directory
                    .get(remote)
                    .map(|remote| self.shown(&remote.address))
                    .unwrap_or_default();
                (shown.clone(), shown)
            }
            Sender::Realm(peer) => {
                let shown = self
                    .peer(peer)
                    .map(|peer| format!("*{}*", peer.name))
                    .unwrap_or_default();
                (shown.clone(), shown)
            }
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

    fn session_ended(&mut self, user: UserId, number: u64) {
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

    fn time_sessions(&mut self) {
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
        Command::Inbox { .. } => "inbox ***".to_owned(),
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
