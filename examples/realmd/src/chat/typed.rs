//! What a person types at the prompt.

/// How many messages `history` shows if nothing else is said.
const HISTORY_DEFAULT: usize = 20;

/// How many messages `history` shows at most.
pub(super) const HISTORY_MAX: usize = 1_000;

/// One typed line, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// Nothing but white space.
    Nothing,
    /// `auth NAME [PASSWORD]`
    Auth {
        name: &'a str,
        password: Option<&'a str>,
    },
    /// `send USER TEXT`
    Send { to: &'a str, text: &'a str },
    /// `inbox`
    Inbox,
    /// `history USER [N]`
    History { from: &'a str, count: usize },
    /// `outbox`
    Outbox,
    /// `realms`, or `checkrealm` as the server calls it.
    Realms,
    /// `activeuser`
    ActiveUser,
    /// `logout`
    Logout,
    /// `group NAME`
    Group { name: &'a str },
    /// `help`
    Help,
    /// `quit`, or `exit` outside of a group.
    Quit,
    /// A command with too few words, or with a number that is none.
    Incorrect,
    /// Anything else.
    Unknown,
}

impl<'a> Typed<'a> {
    /// Understands a line.
    pub(super) fn parse(line: &'a str) -> Self {
        let (verb, rest) = word(line);
        let (first, text) = word(rest);
        match verb {
            "" => Self::Nothing,
            "auth" if !first.is_empty() => {
                let (password, _) = word(text);
                Self::Auth {
                    name: first,
                    password: (!password.is_empty()).then_some(password),
                }
            }
            "send" if !text.is_empty() => Self::Send { to: first, text },
            "group" if !first.is_empty() => Self::Group { name: first },
            "history" if !first.is_empty() => {
                count(word(text).0).map_or(Self::Incorrect, |count| Self::History {
                    from: first,
                    count,
                })
            }
            "auth" | "send" | "group" | "history" => Self::Incorrect,
            "inbox" => Self::Inbox,
            "outbox" => Self::Outbox,
            "realms" | "checkrealm" => Self::Realms,
            "activeuser" => Self::ActiveUser,
            "logout" => Self::Logout,
            "help" | "?" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

/// How many messages are wanted; nothing if that is no number of messages.
fn count(word: &str) -> Option<usize> {
    if word.is_empty() {
        return Some(HISTORY_DEFAULT);
    }
    let count = word.parse().ok().filter(|count| *count > 0);
    count.map(|count: usize| count.min(HISTORY_MAX))
}

/// The first word of a text, and what follows it; white space around both is taken off.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// The line as it may stay on the screen: without the password of an `auth`.
///
/// Nothing for a line that holds none.
pub(super) fn masked(line: &str) -> Option<String> {
    match Typed::parse(line) {
        Typed::Auth {
            name,
            password: Some(_),
        } => Some(format!("auth {name} ***")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let table = [
            ("", Typed::Nothing),
            (" \t ", Typed::Nothing),
            (
                "auth messi surabaya",
                Typed::Auth {
                    name: "messi",
                    password: Some("surabaya"),
                },
            ),
            (
                "  auth  messi  surabaya  x",
                Typed::Auth {
                    name: "messi",
                    password: Some("surabaya"),
                },
            ),
            (
                "auth messi",
                Typed::Auth {
                    name: "messi",
                    password: None,
                },
            ),
            ("auth", Typed::Incorrect),
            (
                "send henderson apa  kabar ",
                Typed::Send {
                    to: "henderson",
                    text: "apa  kabar",
                },
            ),
            (
                "send amsal@realm2 hi",
                Typed::Send {
                    to: "amsal@realm2",
                    text: "hi",
                },
            ),
            ("send henderson", Typed::Incorrect),
            ("send", Typed::Incorrect),
            ("inbox", Typed::Inbox),
            (
                "history messi",
                Typed::History {
                    from: "messi",
                    count: 20,
                },
            ),
            (
                " history  amsal@realm2  7 x",
                Typed::History {
                    from: "amsal@realm2",
                    count: 7,
                },
            ),
            (
                "history messi 1001",
                Typed::History {
                    from: "messi",
                    count: 1_000,
                },
            ),
            ("history", Typed::Incorrect),
            ("history messi 0", Typed::Incorrect),
            ("history messi -1", Typed::Incorrect),
            ("history messi all", Typed::Incorrect),
            ("outbox", Typed::Outbox),
            ("realms", Typed::Realms),
            ("checkrealm", Typed::Realms),
            ("activeuser", Typed::ActiveUser),
            ("logout", Typed::Logout),
            ("group bukber", Typed::Group { name: "bukber" }),
            ("group", Typed::Incorrect),
            ("help", Typed::Help),
            ("?", Typed::Help),
            ("quit", Typed::Quit),
            ("exit", Typed::Quit),
            ("Auth messi x", Typed::Unknown),
            ("authmessi", Typed::Unknown),
        ];

        for (line, typed) in table {
            assert_eq!(Typed::parse(line), typed, "{line:?}");
        }
    }

    #[test]
    fn only_a_password_is_masked() {
        assert_eq!(
            masked(" auth messi  surabaya x").as_deref(),
            Some("auth messi ***")
        );
        assert_eq!(masked("auth messi"), None);
        assert_eq!(masked("send messi auth messi surabaya"), None);
    }
}
