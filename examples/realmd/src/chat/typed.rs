//! What a person types at the prompt.

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
    /// A command with too few words.
    TooFew,
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
            "auth" | "send" | "group" => Self::TooFew,
            "inbox" => Self::Inbox,
            "activeuser" => Self::ActiveUser,
            "logout" => Self::Logout,
            "help" | "?" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => Self::Unknown,
        }
    }
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
            ("auth", Typed::TooFew),
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
            ("send henderson", Typed::TooFew),
            ("send", Typed::TooFew),
            ("inbox", Typed::Inbox),
            ("activeuser", Typed::ActiveUser),
            ("logout", Typed::Logout),
            ("group bukber", Typed::Group { name: "bukber" }),
            ("group", Typed::TooFew),
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
