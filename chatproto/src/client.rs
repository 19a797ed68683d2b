//! The client's half of the protocol: requests as bytes, and replies and live texts out of what was
//! read. Like a realm it has no socket and no clock.
//!
//! It speaks with every server of the protocol, the classic ones too, which take a second request
//! before they have answered the first for a part of that. So one request is under way at a time, and
//! the others wait here.

mod live;
mod message;
mod outgoing;
mod reply;

pub use message::Message;
pub use reply::Reply;

use crate::secret::Secret;
use live::{Live, Unread};
use memchr::memmem;
use outgoing::Outgoing;
use std::collections::VecDeque;
use thiserror::Error;

/// What ends a reply.
const END: &[u8] = b"\r\n\r\n";

/// What every reply begins with. No name holds a quotation mark, so no live text does.
const START: &[u8] = b"{\"status\": ";

/// The longest reply that is waited for unless another bound is set; no inbox of a server with
/// default limits reaches it.
const REPLY_BYTES_MAX: usize = 64 << 20;

/// One connection to a server, as a client has it.
///
/// Write what [`outgoing`](Self::outgoing) has, one write a time, and report it with
/// [`sent`](Self::sent); hand in what was read with [`receive`](Self::receive); then take
/// [`next`](Self::next) until there is nothing.
///
/// # Examples
///
/// ```
/// use chatproto::client::{Client, Incoming};
///
/// let mut client = Client::new();
/// let login = client.log_in("messi", "surabaya")?;
/// assert_eq!(client.outgoing(), b"auth messi surabaya\r\n");
/// client.sent(client.outgoing().len());
///
/// client.receive(b"{\"status\": \"OK\", \"tokenid\": \"T\"}\r\n\r\n");
/// let Some(Incoming::Reply { request, reply }) = client.next() else { panic!("no reply") };
/// assert_eq!((request, reply.is_ok()), (login, true));
///
/// client.send("henderson", "apa kabar")?;
/// assert_eq!(client.outgoing(), b"send T henderson apa kabar\r\n");
/// # Ok::<(), chatproto::client::RequestError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    token: Option<Secret>,
    requests: u64,
    waiting: VecDeque<Request>,
    under_way: Option<(u64, Kind)>,
    mode: Mode,
    outgoing: Outgoing,
    /// What was read and is not used up.
    unread: Unread,
    incoming: VecDeque<Incoming>,
    reply_bytes_max: usize,
    is_broken: bool,
}

/// A request that was not written yet.
#[derive(Debug)]
struct Request {
    number: u64,
    kind: Kind,
    line: Secret,
}

/// What the reply to a request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LogIn,
    LogOut,
    Join,
    Leave,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    Live,
    /// `exit` was said, and its reply has not come yet.
    Leaving,
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// The reply to a request.
    Reply {
        /// The number that the request was given.
        request: u64,
        /// What it says.
        reply: Reply,
    },
    /// A reply that nobody asked for: the server says why it closes, or why it shows the client out
    /// of a group.
    Notice(Reply),
    /// Something in the place of a reply that is none. The next request may fare better.
    Senseless {
        /// The request that waited, if one did.
        request: Option<u64>,
    },
    /// The group is joined: what comes from now on is [`Incoming::Text`], until the reply to
    /// [`Client::leave`].
    Joined {
        /// The number that the request was given.
        request: u64,
    },
    /// What a group is told.
    Text(String),
    /// A reply is longer than the bound; close the connection. Nothing follows.
    TooLong,
}

/// Why a request cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It acts for a user, and nobody is logged in.
    #[error("nobody is logged in: log in first")]
    NotLoggedIn,
    /// A name or a word is empty, or has white space in it.
    #[error("{0:?} must be one word")]
    NotOneWord(&'static str),
    /// A text has a line end in it, which would end the request.
    #[error("a text must not have CR LF in it: leave out the CR")]
    LineEnd,
    /// In a group only texts are sent, and nothing on the way out of one.
    #[error("this connection is in a group: leave it first")]
    InGroup,
    /// Texts are for groups.
    #[error("this connection is in no group: join one first")]
    NoGroup,
    /// A text for a group is empty, or is "exit".
    #[error("a text for a group must not be empty, nor \"exit\"")]
    NoText,
    /// A reply was too long, and what follows it cannot be found.
    #[error("the server's answer was too long: connect anew")]
    Broken,
}

impl Client {
    /// Begins with nobody logged in.
    #[must_use]
    pub fn new() -> Self {
        Self::with_reply_bytes_max(REPLY_BYTES_MAX)
    }

    /// The same with a bound of one's own for replies, in bytes.
    #[must_use]
    pub fn with_reply_bytes_max(reply_bytes_max: usize) -> Self {
        Self {
            token: None,
            requests: 0,
            waiting: VecDeque::new(),
            under_way: None,
            mode: Mode::Commands,
            outgoing: Outgoing::default(),
            unread: Unread::default(),
            incoming: VecDeque::new(),
            reply_bytes_max,
            is_broken: false,
        }
    }

    // Requests.

    /// Logs in. The token that comes back is kept here and is not shown.
    ///
    /// # Errors
    ///
    /// As all requests: [`RequestError`], and then nothing is written.
    pub fn log_in(&mut self, name: &str, password: &str) -> Result<u64, RequestError> {
        let (name, password) = (word("name", name)?, word("password", password)?);
        self.request(Kind::LogIn, format!("auth {name} {password}\r\n"))
    }

    /// Ends the session.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn log_out(&mut self) -> Result<u64, RequestError> {
        let line = format!("logout {}\r\n", self.token()?);
        self.request(Kind::LogOut, line)
    }

    /// Leaves a message for a user, or for `user@realm`. The server keeps a space before the text and
    /// the line end after it, as the classic clients have it.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn send(&mut self, to: &str, text: &str) -> Result<u64, RequestError> {
        let (to, text) = (word("to", to)?, one_line(text)?);
        let line = format!("send {} {to} {text}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// The same with a key: sent again with it, after a reply that was lost, there is no second copy.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn send_once(&mut self, key: &str, to: &str, text: &str) -> Result<u64, RequestError> {
        let (key, to, text) = (word("key", key)?, word("to", to)?, one_line(text)?);
        let line = format!("sendid {} {key} {to} {text}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// Takes all messages out of the inbox. If the reply is lost, so are they: where the server knows
    /// [`peek`](Self::peek) and [`ack`](Self::ack), use those.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn inbox(&mut self) -> Result<u64, RequestError> {
        let line = format!("inbox {}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// Reads the first messages of the inbox, at most so many, and leaves them there.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn peek(&mut self, limit: u64) -> Result<u64, RequestError> {
        let line = format!("peek {} {limit}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// Removes messages from the inbox, up to and including the one of that number.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn ack(&mut self, upto: u64) -> Result<u64, RequestError> {
        let line = format!("ack {} {upto}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// Asks who is logged in.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn active_users(&mut self) -> Result<u64, RequestError> {
        let line = format!("activeuser {}\r\n", self.token()?);
        self.request(Kind::Other, line)
    }

    /// Joins a live group. [`Incoming::Joined`] tells that it went well; a reply is an error.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn join(&mut self, group: &str) -> Result<u64, RequestError> {
        let group = word("group", group)?;
        let line = format!("group {} {group} origin\r\n", self.token()?);
        self.request(Kind::Join, line)
    }

    /// Sends any other line, which is given without its end; a token in it is the caller's to know.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn line(&mut self, line: &str) -> Result<u64, RequestError> {
        let line = format!("{}\r\n", one_line(line)?);
        self.request(Kind::Other, line)
    }

    /// The same with a command that takes the token first: `command("history", "messi")`.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn command(&mut self, verb: &str, rest: &str) -> Result<u64, RequestError> {
        let (verb, rest) = (word("verb", verb)?, one_line(rest)?);
        let token = self.token()?;
        let line = if rest.is_empty() {
            format!("{verb} {token}\r\n")
        } else {
            format!("{verb} {token} {rest}\r\n")
        };
        self.request(Kind::Other, line)
    }

    /// Says something in the group.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn say(&mut self, text: &str) -> Result<(), RequestError> {
        self.check()?;
        if self.mode != Mode::Live {
            return Err(RequestError::NoGroup);
        }
        if text.is_empty() || text.trim_end_matches(['\r', '\n']) == "exit" {
            return Err(RequestError::NoText);
        }
        self.outgoing.push(text.as_bytes());
        Ok(())
    }

    /// Leaves the group; its reply tells when that is done.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    pub fn leave(&mut self) -> Result<u64, RequestError> {
        self.check()?;
        if self.mode != Mode::Live {
            return Err(RequestError::NoGroup);
        }
        self.requests += 1;
        self.under_way = Some((self.requests, Kind::Leave));
        self.mode = Mode::Leaving;
        self.unread.clear();
        self.outgoing.push(b"exit");
        Ok(self.requests)
    }

    // Bytes.

    /// What to write now, in one write: in a group each write is a message of its own.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outgoing.first()
    }

    /// Notes that so many of these bytes were written.
    pub fn sent(&mut self, n: usize) {
        self.outgoing.sent(n);
    }

    /// Takes what one read brought.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.is_broken || bytes.is_empty() {
            return;
        }
        match (self.mode, self.under_way) {
            (Mode::Commands, Some((request, Kind::Join))) => self.joining(request, bytes),
            (Mode::Commands, _) => self.replies(bytes),
            (Mode::Live, _) if live::shows_out(bytes) => {
                self.mode = Mode::Leaving;
                self.leaving(bytes);
            }
            (Mode::Live, _) => self.live(bytes),
            (Mode::Leaving, _) => self.leaving(bytes),
        }
    }

    /// What has come, in its order.
    #[expect(
        clippy::should_implement_trait,
        reason = "there may be more after nothing, once more was read"
    )]
    pub fn next(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the connection is in a group, where texts are said and nothing else.
    #[must_use]
    pub fn is_in_group(&self) -> bool {
        self.mode == Mode::Live
    }

    /// Whether the connection is on its way out of a group: nothing can be said or asked before the
    /// reply has come.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.mode == Mode::Leaving
    }

    // Inside.

    fn check(&self) -> Result<(), RequestError> {
        if self.is_broken {
            return Err(RequestError::Broken);
        }
        Ok(())
    }

    fn token(&self) -> Result<&str, RequestError> {
        let token = self.token.as_ref().map(Secret::reveal);
        token.ok_or(RequestError::NotLoggedIn)
    }

    fn request(&mut self, kind: Kind, line: String) -> Result<u64, RequestError> {
        let line = Secret::new(line);
        self.check()?;
        if self.mode != Mode::Commands {
            return Err(RequestError::InGroup);
        }
        self.requests += 1;
        self.waiting.push_back(Request {
            number: self.requests,
            kind,
            line,
        });
        self.begin_next();
        Ok(self.requests)
    }

    /// Writes the next request, if none is under way.
    fn begin_next(&mut self) {
        if self.under_way.is_some() || self.mode != Mode::Commands {
            return;
        }
        if let Some(next) = self.waiting.pop_front() {
            self.under_way = Some((next.number, next.kind));
            self.outgoing.push(next.line.reveal().as_bytes());
        }
    }

    /// Takes all whole replies.
    fn replies(&mut self, bytes: &[u8]) {
        // Its end may have begun in the read before.
        let mut from = self.unread.len().saturating_sub(END.len() - 1);
        self.unread.push(bytes);
        loop {
            let rest = self.unread.bytes().get(from..).unwrap_or_default();
            let Some(at) = memmem::find(rest, END) else {
                break;
            };
            let whole = self.unread.take(from + at + END.len());
            from = 0;
            self.answered(&whole);
        }
        self.check_length();
    }

    fn answered(&mut self, whole: &[u8]) {
        let request = self.under_way.take();
        let incoming = match (Reply::parse(whole), request) {
            (Some((reply, None)), Some((request, Kind::LogIn))) if reply.is_ok() => {
                Incoming::Senseless {
                    request: Some(request),
                }
            }
            (Some((reply, token)), Some((request, kind))) => {
                self.note(kind, &reply, token);
                Incoming::Reply { request, reply }
            }
            (Some((reply, _)), None) => Incoming::Notice(reply),
            (None, request) => Incoming::Senseless {
                request: request.map(|(request, _)| request),
            },
        };
        self.incoming.push_back(incoming);
        self.begin_next();
    }

    /// Notes what a reply changes.
    fn note(&mut self, kind: Kind, reply: &Reply, token: Option<Secret>) {
        match kind {
            Kind::LogIn if reply.is_ok() => self.token = token,
            Kind::LogOut if reply.is_ok() => self.token = None,
            _ => {}
        }
    }

    /// Gives up on a reply that does not end.
    fn check_length(&mut self) {
        if self.unread.len() <= self.reply_bytes_max {
            return;
        }
        self.is_broken = true;
        self.unread.clear();
        self.waiting.clear();
        self.outgoing.clear();
        self.incoming.push_back(Incoming::TooLong);
    }

    /// After `group`: an error is a reply, the first event is none.
    fn joining(&mut self, request: u64, bytes: &[u8]) {
        let begins = self.unread.bytes().iter().chain(bytes).take(START.len());
        if begins.eq(START.iter().take(self.unread.len() + bytes.len())) {
            return self.replies(bytes);
        }
        self.under_way = None;
        self.mode = Mode::Live;
        self.incoming.push_back(Incoming::Joined { request });
        self.live(bytes);
    }

    fn live(&mut self, bytes: &[u8]) {
        match self.unread.live(bytes) {
            Live::Text(text) => self.text(text),
            // The server closes and says why.
            Live::Reply(whole) => self.answered(&whole),
        }
    }

    fn leaving(&mut self, bytes: &[u8]) {
        let (text, reply) = self.unread.leaving(bytes);
        self.text(text);
        if let Some(whole) = reply {
            self.mode = Mode::Commands;
            self.answered(&whole);
        }
        self.check_length();
    }

    fn text(&mut self, text: String) {
        if !text.is_empty() {
            self.incoming.push_back(Incoming::Text(text));
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// Checks an argument that the server takes for one word.
fn word<'a>(what: &'static str, text: &'a str) -> Result<&'a str, RequestError> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(RequestError::NotOneWord(what));
    }
    Ok(text)
}

fn one_line(text: &str) -> Result<&str, RequestError> {
    if text.contains("\r\n") {
        return Err(RequestError::LineEnd);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
