//! What is said between a person and a server: typed lines and received bytes in, what to send
//! and what to show out.

mod history;
mod inbox;
mod known;

use super::elsewhere;
use super::reply::Reply;
use super::shown::{shown, shown_name};
use super::typed::Typed;
use chatproto::client::{Client, Incoming, RequestError};
use history::Past;
use inbox::Paging;
use known::Known;
use serde_json::value::RawValue;
use std::collections::VecDeque;

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

/// What is to be done with the reply to a request.
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
    /// Out of a group.
    Leave,
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
    client: Client,
    /// The request whose reply has not come yet; there is one at a time.
    waiting: Option<Request>,
    /// Whose password is asked for.
    unlocking: Option<String>,
    /// Who is logged in.
    user: Option<String>,
    /// The group that was joined last.
    group: String,
    /// Nothing until the server was asked.
    known: Option<Known>,
    actions: VecDeque<Action>,
}

impl Conversation {
    /// Begins with nobody logged in.
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            client: Client::new(),
            waiting: None,
            unlocking: None,
            user: None,
            group: String::new(),
            known: None,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes a typed line, without its end. Only when [`takes_lines`](Self::takes_lines).
    pub(super) fn typed(&mut self, line: &str) {
        if self.is_waiting() {
            return;
        }
        if let Some(name) = self.unlocking.take() {
            self.password(&name, line.trim());
        } else if self.is_live() {
            self.live(line);
        } else {
            self.command(line);
        }
    }

    /// There will be no more lines. Only when [`takes_lines`](Self::takes_lines); in a group the
    /// person leaves it first, and this is to be said again.
    pub(super) fn typed_end(&mut self) {
        if self.is_live() {
            self.typed("exit");
        } else {
            self.unlocking = None;
            self.command("quit");
        }
    }

    /// Takes the bytes of one read.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.client.receive(bytes);
        while let Some(incoming) = self.client.next() {
            self.came(&incoming);
        }
    }

    /// Whether a typed line can be taken now; before that it has to wait.
    pub(super) fn takes_lines(&self) -> bool {
        !self.is_waiting()
    }

    /// Whether the server has something to answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some() || self.client.is_leaving()
    }

    /// Whether typed lines are messages to a group.
    pub(super) fn is_live(&self) -> bool {
        self.client.is_in_group()
    }

    /// Whether the next line is a password.
    pub(super) fn is_secret(&self) -> bool {
        self.unlocking.is_some()
    }

    /// What stands before the line that is being typed.
    pub(super) fn prompt(&self) -> String {
        if self.is_waiting() {
            return String::new();
        }
        if self.is_live() {
            return format!("{}> ", shown_name(&self.group));
        }
        if let Some(name) = &self.unlocking {
            return format!("Password of {}: ", shown_name(name));
        }
        // A classic client shows the token here. That is a secret; the name says as much.
        let name = self.user.as_deref().unwrap_or_default();
        format!("Command {}: ", shown_name(name))
    }

    /// The last words to a server that is at the prompt too: they end the session.
    pub(super) fn farewell(&mut self) -> Option<Vec<u8>> {
        if self.is_waiting() || self.is_live() {
            return None;
        }
        self.client.log_out().ok()?;
        let line = self.client.outgoing().to_vec();
        self.client.sent(line.len());
        Some(line)
    }

    fn show(&mut self, text: impl Into<String>) {
        self.actions.push_back(Action::Show(text.into()));
    }

    fn show_senseless(&mut self) {
        self.show("Error, the server's answer makes no sense");
    }

    /// Makes a request, or says why there is none.
    fn request(
        &mut self,
        request: Request,
        make: impl FnOnce(&mut Client) -> Result<u64, RequestError>,
    ) {
        match make(&mut self.client) {
            Ok(_) => {
                self.waiting = Some(request);
                self.write();
            }
            Err(RequestError::NotLoggedIn) => self.show("Error, not authorized"),
            Err(error) => self.show(format!("Error, {error}")),
        }
    }

    /// Has everything written that the client wants to write.
    fn write(&mut self) {
        while !self.client.outgoing().is_empty() {
            let bytes = self.client.outgoing().to_vec();
            self.client.sent(bytes.len());
            self.actions.push_back(Action::Send(bytes));
        }
    }

    fn command(&mut self, line: &str) {
        match Typed::parse(line) {
            Typed::Nothing => {}
            Typed::Auth {
                name,
                password: Some(password),
            } => self.auth(name, password),
            Typed::Auth {
                name,
                password: None,
            } if self.style.asks => self.unlocking = Some(name.to_owned()),
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
            Typed::Send { to, text } => {
                let request = Request::Send { to: to.to_owned() };
                self.request(request, |client| client.send(to, text));
            }
            // A program gets what it always got.
            Typed::Inbox if self.style.readable && known.acks => self.peek(Paging::default()),
            Typed::Inbox => self.request(Request::Inbox, Client::inbox),
            Typed::History { from, count } if known.history || self.user.is_none() => {
                self.recall(Past::new(from, count));
            }
            Typed::History { .. } => self.show("Error, this server keeps no history"),
            Typed::Outbox if known.outbox || self.user.is_none() => {
                self.request(Request::Outbox, |client| client.command("outbox", ""));
            }
            Typed::Outbox => self.show("Error, this server does not tell what became of messages"),
            Typed::Realms if known.realms || self.user.is_none() => {
                self.request(Request::Realms, |client| client.command("checkrealm", ""));
            }
            Typed::Realms => self.show("Error, this server does not tell of other realms"),
            Typed::ActiveUser => self.request(Request::ActiveUser, Client::active_users),
            Typed::Logout => self.request(Request::Logout, Client::log_out),
            Typed::Group { name } => {
                let request = Request::Group {
                    name: name.to_owned(),
                };
                self.request(request, |client| client.join(name));
            }
            Typed::Nothing
            | Typed::Auth { .. }
            | Typed::Help
            | Typed::Quit
            | Typed::Incorrect
            | Typed::Unknown => {}
        }
    }

    fn password(&mut self, name: &str, password: &str) {
        if password.is_empty() {
            self.show("Error, not authorized");
        } else {
            self.auth(name, password);
        }
    }

    fn auth(&mut self, name: &str, password: &str) {
        let request = Request::Auth {
            name: name.to_owned(),
        };
        self.request(request, |client| client.log_in(name, password));
    }

    /// Says a line in the group.
    fn live(&mut self, line: &str) {
        if line == "exit" {
            self.request(Request::Leave, Client::leave);
        } else if !line.is_empty() {
            match self.client.say(line) {
                Ok(()) => self.write(),
                Err(error) => self.show(format!("Error, {error}")),
            }
        }
    }

    fn came(&mut self, incoming: &Incoming) {
        match incoming {
            Incoming::Reply { reply, .. } => {
                let request = self.waiting.take();
                self.answered(reply.json(), request);
            }
            Incoming::Notice(reply) => self.answered(reply.json(), None),
            Incoming::Joined { .. } => {
                if let Some(Request::Group { name }) = self.waiting.take() {
                    self.group = name;
                }
            }
            Incoming::Text(text) => self.show(shown(text)),
            Incoming::TooLong => {
                self.show("The server's answer is too long.");
                self.actions.push_back(Action::End { wished: false });
            }
            // Also what this program does not know yet.
            _ => match self.waiting.take() {
                Some(Request::Hello) => self.known = Some(Known::default()),
                _ => self.show_senseless(),
            },
        }
    }

    fn answered(&mut self, json: &str, request: Option<Request>) {
        let reply = Reply::parse(json);
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
            Some(Request::Auth { name }) => self.logged_in(name),
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
            Some(Request::Group { .. } | Request::Leave | Request::Hello) | None => {
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

    fn logged_in(&mut self, name: String) {
        self.show(format!("username {} logged in", shown_name(&name)));
        self.user = Some(name);
        if self.known.is_none() {
            self.request(Request::Hello, |client| client.line("hello"));
        }
    }
}

#[cfg(test)]
mod tests;
