//! What a line asks for.

use crate::name::is_space;

/// The word a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Log in.
    Auth,
    /// Send a private message.
    Send,
    /// Send a private message once, however often it is asked for.
    SendId,
    /// Take the messages out of the inbox.
    Inbox,
    /// Show the messages of the inbox.
    Peek,
    /// Take messages out that were shown.
    Ack,
    /// Show messages that were taken out before.
    History,
    /// Show what became of messages to other realms.
    Outbox,
    /// Show how the realm stands with its peers.
    CheckRealm,
    /// Who is logged in.
    ActiveUser,
    /// End a session.
    Logout,
    /// Join a live group.
    Group,
    /// Who is this server, and what are its limits.
    Hello,
    /// Say goodbye.
    Quit,
    /// Anything else.
    Unknown,
}

/// No verb is as long as this, white space around it included; what is, need not be looked through.
const VERB_BYTES_MAX: usize = 16;

impl Verb {
    /// The verb of a line that may not be whole, nor be UTF-8.
    pub(crate) fn of(line: &[u8]) -> Self {
        let start = line.get(..VERB_BYTES_MAX).unwrap_or(line);
        let field = match memchr::memchr(b' ', start) {
            Some(end) => start.get(..end).unwrap_or(start),
            None if line.len() > VERB_BYTES_MAX => return Self::Unknown,
            None => start,
        };
        std::str::from_utf8(field).map_or(Self::Unknown, |field| Self::named(strip(field)))
    }

    /// Whether the verb ends in a text that may be of several lines.
    pub(crate) fn carries_text(self) -> bool {
        matches!(self, Self::Send | Self::SendId)
    }

    fn named(name: &str) -> Self {
        match name {
            "auth" => Self::Auth,
            "send" => Self::Send,
            "sendid" => Self::SendId,
            "inbox" => Self::Inbox,
            "peek" => Self::Peek,
            "ack" => Self::Ack,
            "history" => Self::History,
            "outbox" => Self::Outbox,
            "checkrealm" => Self::CheckRealm,
            "activeuser" => Self::ActiveUser,
            "logout" => Self::Logout,
            "group" => Self::Group,
            "hello" => Self::Hello,
            "quit" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

/// A line, understood. All texts are those of the line.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `auth NAME PASSWORD`
    Auth {
        /// The user's name.
        name: &'a str,
        /// The password.
        password: &'a str,
    },
    /// `send T U MESSAGE`
    Send {
        /// The sender's token.
        token: &'a str,
        /// The recipient: a name or `user@realm`.
        to: &'a str,
        /// The message as it is stored: the space before it and the line's own end included.
        text: &'a str,
    },
    /// `sendid T KEY U MESSAGE`
    SendId {
        /// The sender's token.
        token: &'a str,
        /// What tells this message from others of the sender.
        key: &'a str,
        /// The recipient: a name or `user@realm`.
        to: &'a str,
        /// The message, as for `send`.
        text: &'a str,
    },
    /// `inbox T`
    Inbox {
        /// The user's token.
        token: &'a str,
    },
    /// `peek T [LIMIT]`
    Peek {
        /// The user's token.
        token: &'a str,
        /// How many messages at most.
        limit: Option<&'a str>,
    },
    /// `ack T ID`
    Ack {
        /// The user's token.
        token: &'a str,
        /// The last message to take out.
        id: &'a str,
    },
    /// `history T U [BEFORE-ID [LIMIT]]`
    History {
        /// The user's token.
        token: &'a str,
        /// Who wrote the messages: a name or `user@realm`.
        with: &'a str,
        /// Only messages before this one.
        before: Option<&'a str>,
        /// How many messages at most.
        limit: Option<&'a str>,
    },
    /// `outbox T`
    Outbox {
        /// The user's token.
        token: &'a str,
    },
    /// `checkrealm T`
    CheckRealm {
        /// The user's token.
        token: &'a str,
    },
    /// `activeuser T`
    ActiveUser {
        /// The user's token.
        token: &'a str,
    },
    /// `logout [T]`
    Logout {
        /// The token to end; without one, the session last opened on the connection.
        token: Option<&'a str>,
    },
    /// `group T G origin`
    Group {
        /// The user's token.
        token: &'a str,
        /// The group: a name or `group@realm`.
        group: &'a str,
    },
    /// `hello`
    Hello,
    /// `quit`
    Quit,
    /// A known verb with too few arguments.
    TooFewArguments,
    /// No verb at all.
    Unknown,
}

impl std::fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auth { name, .. } => write!(f, "auth {name:?} ***"),
            Self::Send { to, text, .. } => write!(f, "send *** {to:?}{text:?}"),
            Self::SendId { to, text, .. } => write!(f, "sendid *** *** {to:?}{text:?}"),
            Self::Inbox { .. } => f.write_str("inbox ***"),
            Self::Peek { .. } => f.write_str("peek ***"),
            Self::Ack { .. } => f.write_str("ack ***"),
            Self::History { with, .. } => write!(f, "history *** {with:?}"),
            Self::Outbox { .. } => f.write_str("outbox ***"),
            Self::CheckRealm { .. } => f.write_str("checkrealm ***"),
            Self::ActiveUser { .. } => f.write_str("activeuser ***"),
            Self::Logout { .. } => f.write_str("logout ***"),
            Self::Group { group, .. } => write!(f, "group *** {group:?}"),
            Self::Hello => f.write_str("hello"),
            Self::Quit => f.write_str("quit"),
            Self::TooFewArguments => f.write_str("too few arguments"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl<'a> Command<'a> {
    /// Reads a line, its end included.
    ///
    /// # Examples
    ///
    /// ```
    /// use chatproto::wire::command::Command;
    ///
    /// let command = Command::parse("send T henderson  hello son \r\n");
    /// assert_eq!(command, Command::Send { token: "T", to: "henderson", text: "  hello son \r\n" });
    /// assert_eq!(Command::parse("send T\r\n"), Command::TooFewArguments);
    /// ```
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let mut fields = Fields::of(line);
        let Some(first) = fields.next() else {
            return Self::Unknown;
        };
        let verb = Verb::named(strip(first));
        if verb == Verb::Unknown {
            return Self::Unknown;
        }
        Self::arguments(verb, &mut fields).unwrap_or(Self::TooFewArguments)
    }

    fn arguments(verb: Verb, fields: &mut Fields<'a>) -> Option<Self> {
        let mut next = || fields.next().map(strip);
        let is_there = |word: &&str| !word.is_empty();
        Some(match verb {
            Verb::Auth => Self::Auth {
                name: next()?,
                password: next()?,
            },
            Verb::Send => Self::Send {
                token: next()?,
                to: next()?,
                text: fields.text(),
            },
            Verb::SendId => Self::SendId {
                token: next()?,
                key: next()?,
                to: next()?,
                text: fields.text(),
            },
            Verb::Inbox => Self::Inbox { token: next()? },
            Verb::Peek => Self::Peek {
                token: next()?,
                limit: next().filter(is_there),
            },
            Verb::Ack => Self::Ack {
                token: next()?,
                id: next()?,
            },
            Verb::History => Self::History {
                token: next()?,
                with: next()?,
                before: next().filter(is_there),
                limit: next().filter(is_there),
            },
            Verb::Outbox => Self::Outbox { token: next()? },
            Verb::CheckRealm => Self::CheckRealm { token: next()? },
            Verb::ActiveUser => Self::ActiveUser { token: next()? },
            Verb::Logout => Self::Logout {
                token: next().filter(is_there),
            },
            Verb::Group => Self::Group {
                token: next()?,
                group: next()?,
            },
            Verb::Hello => Self::Hello,
            Verb::Quit => Self::Quit,
            Verb::Unknown => Self::Unknown,
        })
    }

    /// Appends the command as a client sends it. A `send` brings its own line end in its text and
    /// gets one only where it has none.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (at, word) in self.words().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word.as_bytes());
        }
        let end = match self {
            Self::Send { text, .. } | Self::SendId { text, .. } => {
                out.extend_from_slice(text.as_bytes());
                if text.ends_with("\r\n") { "" } else { "\r\n" }
            }
            _ => " \r\n",
        };
        out.extend_from_slice(end.as_bytes());
    }

    /// How long its words and its text are, taken together.
    pub(crate) fn text_bytes(&self) -> usize {
        let text = match self {
            Self::Send { text, .. } | Self::SendId { text, .. } => text.len(),
            _ => 0,
        };
        self.words().map(str::len).sum::<usize>() + text
    }

    /// The words between single spaces, without a text.
    fn words(&self) -> impl Iterator<Item = &'a str> {
        let words = match *self {
            Self::Auth { name, password } => [Some("auth"), Some(name), Some(password), None, None],
            Self::Send { token, to, .. } => [Some("send"), Some(token), Some(to), None, None],
            Self::SendId { token, key, to, .. } => {
                [Some("sendid"), Some(token), Some(key), Some(to), None]
            }
            Self::Inbox { token } => [Some("inbox"), Some(token), None, None, None],
            Self::Peek { token, limit } => [Some("peek"), Some(token), limit, None, None],
            Self::Ack { token, id } => [Some("ack"), Some(token), Some(id), None, None],
            Self::History {
                token,
                with,
                before,
                limit,
            } => [Some("history"), Some(token), Some(with), before, limit],
            Self::Outbox { token } => [Some("outbox"), Some(token), None, None, None],
            Self::CheckRealm { token } => [Some("checkrealm"), Some(token), None, None, None],
            Self::ActiveUser { token } => [Some("activeuser"), Some(token), None, None, None],
            Self::Logout { token } => [Some("logout"), token, None, None, None],
            Self::Group { token, group } => [
                Some("group"),
                Some(token),
                Some(group),
                Some("origin"),
                None,
            ],
            Self::Hello => [Some("hello"), None, None, None, None],
            Self::Quit => [Some("quit"), None, None, None, None],
            Self::TooFewArguments | Self::Unknown => [None; 5],
        };
        words.into_iter().flatten()
    }
}

/// Takes white space off both ends, as Python does.
#[must_use]
pub fn strip(text: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_none_or(|byte| (0x21..0x80).contains(byte));
    if is_plain(text.as_bytes().first()) && is_plain(text.as_bytes().last()) {
        return text;
    }
    text.trim_matches(is_space)
}

/// What stands between single spaces.
pub(super) struct Fields<'a> {
    line: &'a str,
    /// Where the next field begins; none after the last.
    start: Option<usize>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self {
            line,
            start: Some(0),
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        let rest = self.line.get(self.start?..)?;
        let Some((field, _)) =
            memchr::memchr(b' ', rest.as_bytes()).and_then(|at| rest.split_at_checked(at))
        else {
            self.start = None;
            return Some(rest);
        };
        self.start = self.start.map(|start| start + field.len() + 1);
        Some(field)
    }

    /// All that is left, with the space before it; nothing where there is none.
    pub(super) fn text(&self) -> &'a str {
        let space = self.start.and_then(|start| start.checked_sub(1));
        space
            .and_then(|space| self.line.get(space..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
