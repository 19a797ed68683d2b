//! What is said between a person and a server: typed lines and received bytes in, what to send
//! and what to show out.

mod history;
mod inbox;
mod known;
mod live;

use super::elsewhere;
use super::reply::{self, Reply};
use super::shown::{shown, shown_name};
use super::typed::Typed;
use history::Past;
use inbox::Paging;
use known::Known;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// The longest reply that is waited for; no inbox of a server with default limits reaches it.
const REPLY_BYTES_MAX: usize = 64 << 20;

/// What `help` shows.
pub(super) const HELP: &str = "\
auth USER [PASSWORD]  log in; a password left out is asked for
send USER TEXT        leave a message; USER may be user@realm
inbox                 read your messages; each is shown once
history USER [N]      the last N (or 20) read messages from USER
outbox                what became of your messages to other realms
realms                the other realms, and whether they can be reached
activeuser            who is logged in
group NAME            chat live in a group; exit leaves it
logout                log out
help                  this
quit                  log out and end";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Write these bytes to the server, in one write.
    Send(Vec<u8>),
    /// Show this to the person.
    Show(String),
    /// End the program; the server's connection is of no more use or no more wanted.
    End {
        /// Whether it ends as the person wished.
        wished: bool,
    },
}

/// A request whose reply has not come yet.
#[derive(Debug)]
enum Request {
    Auth {
        name: String,
    },
    /// Nobody asked for it: what the server says to it is not shown.
    Hello,
    Send {
        to: String,
    },
    Inbox,
    Peek(Paging),
    Ack(Paging),
    History(Past),
    Outbox,
    Realms,
    ActiveUser,
    Logout,
    Group {
        name: String,
    },
}

#[derive(Debug)]
enum Mode {
    /// At the prompt.
    Commands,
    /// At the prompt for the password of that user.
    Password { name: String },
    /// Until the reply has come.
    Waiting(Request),
    /// In a group.
    Live { group: String },
    /// `exit` was said, and its reply has not come yet.
    Leaving,
}

struct User {
    name: String,
    token: String,
}

/// How a conversation is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether an inbox is shown to be read, rather than as JSON.
    pub(super) readable: bool,
    /// Whether there is somebody who can be asked for a password.
    pub(super) asks: bool,
}

/// The person's side of a conversation with a server.
pub(super) struct Conversation {
    style: Style,
    mode: Mode,
    user: Option<User>,
    /// Nothing until the server was asked.
    known: Option<Known>,
    /// Bytes that were received and are not used up.
    held: Vec<u8>,
    actions: VecDeque<Action>,
}

impl Conversation {
    /// Begins with nobody logged in.
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            mode: Mode::Commands,
            user: None,
            known: None,
            held: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes a typed line, without its end. Only when [`takes_lines`](Self::takes_lines).
    pub(super) fn typed(&mut self, line: &str) {
        match std::mem::replace(&mut self.mode, Mode::Commands) {
            Mode::Commands => self.command(line),
            Mode::Password { name } => self.password(name, line.trim()),
            Mode::Live { group } => self.live(group, line),
            mode @ (Mode::Waiting(_) | Mode::Leaving) => self.mode = mode,
        }
    }

    /// There will be no more lines. Only when [`takes_lines`](Self::takes_lines); in a group the
    /// person leaves it first, and this is to be said again.
    pub(super) fn typed_end(&mut self) {
        if let Mode::Live { .. } = self.mode {
            self.typed("exit");
        } else {
            self.mode = Mode::Commands;
            self.command("quit");
        }
    }

    /// Takes the bytes of one read.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        if self.held.len() + bytes.len() > REPLY_BYTES_MAX {
            self.show("The server's answer is too long.");
            self.actions.push_back(Action::End { wished: false });
            return;
        }
        match self.mode {
            Mode::Live { .. } if bytes == live::EXIT => {
                // We did not ask for it, and yet are shown out.
                self.mode = Mode::Leaving;
                self.held.extend_from_slice(bytes);
            }
            Mode::Live { .. } => self.event(bytes),
            Mode::Leaving => self.leaving(bytes),
            Mode::Waiting(Request::Group { .. }) => self.joining(bytes),
            Mode::Commands | Mode::Password { .. } | Mode::Waiting(_) => self.reply(bytes),
        }
    }

    /// Whether a typed line can be taken now; before that it has to wait.
    pub(super) fn takes_lines(&self) -> bool {
        !self.is_waiting()
    }

    /// Whether the server has something to answer.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.mode, Mode::Waiting(_) | Mode::Leaving)
    }

    /// Whether typed lines are messages to a group.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.mode, Mode::Live { .. })
    }

    /// Whether the next line is a password.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.mode, Mode::Password { .. })
    }

    /// What stands before the line that is being typed.
    pub(super) fn prompt(&self) -> String {
        match &self.mode {
            Mode::Commands => {
                // A classic client shows the token here. That is a secret; the name says as much.
                let name = self.user.as_ref().map_or("", |user| &user.name);
                format!("Command {}: ", shown_name(name))
            }
            Mode::Password { name } => format!("Password of {}: ", shown_name(name)),
            Mode::Live { group } => format!("{}> ", shown_name(group)),
            Mode::Waiting(_) | Mode::Leaving => String::new(),
        }
    }

    /// The last words to a server that is at the prompt too: they end the session.
    pub(super) fn farewell(&self) -> Option<Vec<u8>> {
        match (&self.mode, &self.user) {
            (Mode::Commands, Some(user)) => Some(format!("logout {}\r\n", user.token).into_bytes()),
            _ => None,
        }
    }

    fn show(&mut self, text: impl Into<String>) {
        self.actions.push_back(Action::Show(text.into()));
    }

    fn show_senseless(&mut self) {
        self.show("Error, the server's answer makes no sense");
    }

    fn request(&mut self, line: String, request: Request) {
        self.actions.push_back(Action::Send(line.into_bytes()));
        self.mode = Mode::Waiting(request);
    }

    fn command(&mut self, line: &str) {
        match Typed::parse(line) {
            Typed::Nothing => {}
            Typed::Auth {
                name,
                password: Some(password),
            } => self.auth(name.to_owned(), password),
            Typed::Auth {
                name,
                password: None,
            } if self.style.asks => {
                self.mode = Mode::Password {
                    name: name.to_owned(),
                };
            }
            Typed::Help => self.show(HELP),
            Typed::Quit => self.actions.push_back(Action::End { wished: true }),
            Typed::Incorrect | Typed::Auth { .. } => self.show("-Maaf, command tidak benar"),
            Typed::Unknown => self.show("*Maaf, command tidak benar"),
            typed @ (Typed::Send { .. }
            | Typed::Inbox
            | Typed::History { .. }
            | Typed::Outbox
            | Typed::Realms
            | Typed::ActiveUser
            | Typed::Logout
            | Typed::Group { .. }) => self.command_of_user(typed),
        }
    }

    fn command_of_user(&mut self, typed: Typed<'_>) {
        let known = self.known.unwrap_or_default();
        match typed {
            Typed::Send { to, text } => self.ask(
                |token| format!("send {token} {to} {text}\r\n"),
                Request::Send { to: to.to_owned() },
            ),
            // A program gets what it always got.
            Typed::Inbox if self.style.readable && known.acks => self.peek(Paging::default()),
            Typed::Inbox => self.ask(|token| format!("inbox {token}\r\n"), Request::Inbox),
            Typed::History { from, count } if known.history || self.user.is_none() => {
                self.recall(Past::new(from, count));
            }
            Typed::History { .. } => self.show("Error, this server keeps no history"),
            Typed::Outbox if known.outbox || self.user.is_none() => {
                self.ask(|token| format!("outbox {token}\r\n"), Request::Outbox);
            }
            Typed::Outbox => self.show("Error, this server does not tell what became of messages"),
            Typed::Realms if known.realms || self.user.is_none() => {
                self.ask(|token| format!("checkrealm {token}\r\n"), Request::Realms);
            }
            Typed::Realms => self.show("Error, this server does not tell of other realms"),
            Typed::ActiveUser => self.ask(
                |token| format!("activeuser {token}\r\n"),
                Request::ActiveUser,
            ),
            Typed::Logout => self.ask(|token| format!("logout {token}\r\n"), Request::Logout),
            Typed::Group { name } => self.ask(
                |token| format!("group {token} {name} origin\r\n"),
                Request::Group {
                    name: name.to_owned(),
                },
            ),
            Typed::Nothing
            | Typed::Auth { .. }
            | Typed::Help
            | Typed::Quit
            | Typed::Incorrect
            | Typed::Unknown => {}
        }
    }

    /// Asks for what only somebody who is logged in may, with the line that has the token in it.
    fn ask(&mut self, line: impl FnOnce(&str) -> String, request: Request) {
        match &self.user {
            Some(user) => self.request(line(&user.token), request),
            None => self.show("Error, not authorized"),
        }
    }

    fn password(&mut self, name: String, password: &str) {
        if password.is_empty() {
            self.show("Error, not authorized");
        } else {
            self.auth(name, password);
        }
    }

    fn auth(&mut self, name: String, password: &str) {
        self.request(
            format!("auth {name} {password}\r\n"),
            Request::Auth { name },
        );
    }

    fn live(&mut self, group: String, line: &str) {
        if line == "exit" {
            self.mode = Mode::Leaving;
            self.held.clear();
        } else {
            self.mode = Mode::Live { group };
        }
        if !line.is_empty() {
            self.actions
                .push_back(Action::Send(line.as_bytes().to_vec()));
        }
    }

    /// Takes all whole replies.
    fn reply(&mut self, bytes: &[u8]) {
        // Its end may have begun in the read before.
        let from = self.held.len().saturating_sub(reply::END.len() - 1);
        self.held.extend_from_slice(bytes);
        let mut ends = self
            .held
            .get(from..)
            .and_then(reply::first_len)
            .map(|len| from + len);
        while let Some(end) = ends {
            let rest = self.held.split_off(end);
            let whole = std::mem::replace(&mut self.held, rest);
            let request = match std::mem::replace(&mut self.mode, Mode::Commands) {
                Mode::Waiting(request) => Some(request),
                mode => {
                    self.mode = mode;
                    None
                }
            };
            self.answered(&whole, request);
            ends = reply::first_len(&self.held);
        }
    }

    fn answered(&mut self, whole: &[u8], request: Option<Request>) {
        let reply = Reply::parse(whole);
        if let Some(Request::Hello) = request {
            return self.known = Some(Known::told(reply.as_ref()));
        }
        let Some(reply) = reply else {
            return self.show_senseless();
        };
        if let Some(error) = reply.error() {
            return self.show(error);
        }
        match request {
            Some(Request::Auth { name }) => self.logged_in(name, reply.tokenid),
            Some(Request::Send { to }) => self.show(format!("message sent to {}", shown_name(&to))),
            Some(Request::Inbox) => self.inbox(&reply),
            Some(Request::Peek(paging)) => self.peeked(paging, &reply),
            Some(Request::Ack(paging)) => self.acked(paging, &reply),
            Some(Request::History(past)) => self.recalled(past, &reply),
            Some(Request::Outbox) => self.list(reply.messages, elsewhere::posts),
            Some(Request::Realms) => self.list(reply.realms, elsewhere::realms),
            Some(Request::ActiveUser) => {
                let users = shown_name(reply.message.as_deref().unwrap_or_default());
                self.show(format!("Active User: \"{users}\""));
            }
            Some(Request::Logout) => {
                self.user = None;
                self.show("Logout success!");
            }
            Some(Request::Group { .. } | Request::Hello) | None => {
                self.show(shown(reply.message.as_deref().unwrap_or_default()));
            }
        }
    }

    /// Shows a list, as it came to a program.
    fn list(&mut self, list: Option<&RawValue>, readable: fn(&RawValue) -> Option<String>) {
        let text = match list {
            Some(list) if !self.style.readable => Some(list.get().to_owned()),
            Some(list) => readable(list),
            None => None,
        };
        match text {
            Some(text) => self.show(text),
            None => self.show_senseless(),
        }
    }

    fn logged_in(&mut self, name: String, token: Option<String>) {
        let Some(token) = token.filter(|token| token.bytes().all(|b| b.is_ascii_graphic())) else {
            return self.show_senseless();
        };
        self.show(format!("username {} logged in", shown_name(&name)));
        self.user = Some(User { name, token });
        if self.known.is_none() {
            self.request("hello\r\n".to_owned(), Request::Hello);
        }
    }
}

#[cfg(test)]
mod tests;
