//! What classic realms say to each other: a connection for each request, and one reply.

use super::command::{Fields, strip};
use super::json;
use crate::name::UserName;
use serde::Deserialize;
use std::borrow::Cow;

/// Classic realms take this out of whatever they are sent, texts and names included.
const CUT_OUT: &str = "server ";

/// What a classic realm asks for. All texts are those of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// `server send FROM TO MESSAGE`
    Send {
        /// The sender: a user of the realm that asks.
        from: &'a str,
        /// The recipient: a user of the realm that is asked.
        to: &'a str,
        /// The message as it is stored: the space before it and the line's own end included.
        text: &'a str,
    },
    /// `check group USER G other`
    CheckGroup {
        /// The group.
        group: &'a str,
    },
    /// One of these with too few arguments.
    TooFewArguments,
    /// Anything else.
    Unknown,
}

impl<'a> Request<'a> {
    /// Reads a line, its end included.
    ///
    /// # Examples
    ///
    /// ```
    /// use chatproto::wire::classic::Request;
    ///
    /// let request = Request::parse("server send amsal messi jadi main mes? \r\n");
    /// assert_eq!(request, Request::Send { from: "amsal", to: "messi", text: " jadi main mes? \r\n" });
    /// assert_eq!(Request::parse("auth messi surabaya\r\n"), Request::Unknown);
    /// ```
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let mut fields = Fields::of(line);
        let words = (fields.next().map(strip), fields.next().map(strip));
        let request = match words {
            (Some("server"), Some("send")) => Self::send(&mut fields),
            (Some("check"), Some("group")) => Self::check_group(&mut fields),
            _ => return Self::Unknown,
        };
        request.unwrap_or(Self::TooFewArguments)
    }

    fn send(fields: &mut Fields<'a>) -> Option<Self> {
        Some(Self::Send {
            from: strip(fields.next()?),
            to: strip(fields.next()?),
            text: fields.text(),
        })
    }

    fn check_group(fields: &mut Fields<'a>) -> Option<Self> {
        fields.next()?;
        Some(Self::CheckGroup {
            group: strip(fields.next()?),
        })
    }
}

/// The request that has a classic realm keep a message; none if it would keep another text than this
/// one, or take it for more than one request.
pub(crate) fn send(from: &UserName, to: &UserName, text: &str) -> Option<Vec<u8>> {
    let end = if text.is_empty() { "\r\n" } else { "" };
    let rest = format!("send {from} {to}{text}{end}");
    let is_of_one_line = |line: &str| !line.contains(['\r', '\n']);
    let is_kept = rest.strip_suffix("\r\n").is_some_and(is_of_one_line)
        && (text.is_empty() || text.starts_with(' '))
        && !rest.contains(CUT_OUT);
    is_kept.then(|| [CUT_OUT, &rest].concat().into_bytes())
}

/// What the answer to a `server send` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The message is kept.
    Taken,
    /// Nobody there has that name.
    NoSuchUser,
    /// Some other error.
    Refused,
    /// It cannot be told.
    Unclear,
}

#[derive(Deserialize)]
struct Fate<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl Answer {
    /// Reads an answer: one JSON object, with or without its end, of which two keys count.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let answer = bytes.trim_ascii();
        // The parser would take a list for its fields in their order.
        if !answer.starts_with(b"{") {
            return Self::Unclear;
        }
        let Ok(fate) = serde_json::from_slice::<Fate<'_>>(answer) else {
            return Self::Unclear;
        };
        match (&*fate.status, &*fate.message) {
            ("OK", _) => Self::Taken,
            ("ERROR", "User Tidak Ditemukan") => Self::NoSuchUser,
            ("ERROR", _) => Self::Refused,
            _ => Self::Unclear,
        }
    }
}

/// Appends the reply to a `server send` that was taken.
pub(crate) fn taken(out: &mut Vec<u8>, from: &str, display_to: &str, text: &str) {
    out.extend_from_slice(
        b"{\"status\": \"OK\", \"message\": \"Message Sent\", \"sendback\": {\"msg_from\": ",
    );
    json::string(out, from);
    out.extend_from_slice(b", \"msg_to\": ");
    json::string(out, display_to);
    out.extend_from_slice(b", \"msg\": ");
    json::string(out, text);
    out.extend_from_slice(b"}}\r\n\r\n");
}

/// Appends the reply to a `check group`: no group here is for users of classic realms.
pub(crate) fn no_group(out: &mut Vec<u8>, group: &str) {
    out.extend_from_slice(b"{\"status\": \"PENDING\", \"message\": \"Tidak ada grup ");
    json::escaped(out, group);
    out.extend_from_slice(b" di server\"}\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn sent(from: &str, to: &str, text: &str) -> Option<String> {
        send(&user(from), &user(to), text).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn requests_are_read_as_classic_realms_read_them() {
        let send = |from, to, text| Request::Send { from, to, text };
        let table = [
            (
                "server send amsal messi jadi main mes? \r\n",
                send("amsal", "messi", " jadi main mes? \r\n"),
            ),
            (" server send amsal messi hi\r\n", Request::Unknown),
            (
                "server send amsal messi  hi \r\n",
                send("amsal", "messi", "  hi \r\n"),
            ),
            ("server send amsal messi\r\n", send("amsal", "messi", "")),
            (
                "server send amsal messi \r\n",
                send("amsal", "messi", " \r\n"),
            ),
            (
                "\tserver\t send amsal\t messi\t x\r\n",
                send("amsal", "messi", " x\r\n"),
            ),
            (
                "server send amsal messi a\nb\r\n",
                send("amsal", "messi", " a\nb\r\n"),
            ),
            ("server send amsal\r\n", Request::TooFewArguments),
            ("server send\r\n", Request::TooFewArguments),
            ("server  send amsal messi hi\r\n", Request::Unknown),
            ("server\r\n", Request::Unknown),
            ("Server send amsal messi hi\r\n", Request::Unknown),
            ("server inbox messi\r\n", Request::Unknown),
            (
                "check group amsal bukber other \r\n",
                Request::CheckGroup { group: "bukber" },
            ),
            (
                "check group amsal bukber\r\n",
                Request::CheckGroup { group: "bukber" },
            ),
            ("check group amsal\r\n", Request::TooFewArguments),
            ("check user amsal\r\n", Request::Unknown),
            ("send T messi hi\r\n", Request::Unknown),
            ("\r\n", Request::Unknown),
            ("", Request::Unknown),
        ];
        for (line, request) in table {
            assert_eq!(Request::parse(line), request, "{line:?}");
        }
    }

    #[test]
    fn a_text_goes_as_it_is_stored_here() {
        for (text, line) in [
            (" hi\r\n", "server send messi amsal hi\r\n"),
            (
                "  hello son \r\n",
                "server send messi amsal  hello son \r\n",
            ),
            (" é😀\r\n", "server send messi amsal é😀\r\n"),
            (
                " my server, a server\r\n",
                "server send messi amsal my server, a server\r\n",
            ),
            ("", "server send messi amsal\r\n"),
        ] {
            let sent = sent("messi", "amsal", text).unwrap();

            assert_eq!(sent, line);
            assert_eq!(
                Request::parse(&sent),
                Request::Send {
                    from: "messi",
                    to: "amsal",
                    text
                }
            );
        }
    }

    #[test]
    fn what_a_classic_realm_would_not_keep_as_it_is_does_not_go() {
        for text in [
            " one\r\ntwo\r\n",
            " one\ntwo\r\n",
            " one\rtwo\r\n",
            " one\r\r\n",
            " one\n\r\n",
            " one\n",
            " one",
            "one\r\n",
            " the server is down\r\n",
            " server \r\n",
            " observer x\r\n",
            " serserver ver x\r\n",
            "\r\n",
        ] {
            assert_eq!(sent("messi", "amsal", text), None, "{text:?}");
        }
        assert_eq!(sent("server", "amsal", " hi\r\n"), None);
        assert_eq!(sent("messi", "observer", " hi\r\n"), None);
        assert!(sent("messi", "observer", "").is_some());
    }

    #[test]
    fn answers_are_read_for_what_they_say() {
        let table: &[(&[u8], Answer)] = &[
            (
                b"{\"status\": \"OK\", \"message\": \"Message Sent\", \"sendback\": {\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" hi\\r\\n\"}}\r\n\r\n",
                Answer::Taken,
            ),
            (b"{\"status\":\"OK\"}", Answer::Taken),
            (b" {\"x\": [[{}]], \"status\": \"\\u004fK\"} \r\n", Answer::Taken),
            (
                b"{\"status\": \"OK\", \"sendback\": {\"msg\": \"\\ud83d\"}}\r\n\r\n",
                Answer::Taken,
            ),
            (
                b"{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n",
                Answer::NoSuchUser,
            ),
            (
                b"{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n",
                Answer::Refused,
            ),
            (b"{\"status\": \"ERROR\"}\r\n\r\n", Answer::Refused),
            (b"{\"status\": \"PENDING\"}\r\n\r\n", Answer::Unclear),
            (b"{\"status\": \"OK\", \"status\": \"ERROR\"}\r\n\r\n", Answer::Unclear),
            (b"{\"status\": \"OK\"}{\"status\": \"OK\"}\r\n\r\n", Answer::Unclear),
            (b"{\"status\": \"OK\", \"message\": \"Mess", Answer::Unclear),
            (b"{\"status\": null}\r\n\r\n", Answer::Unclear),
            (b"[\"OK\", \"Message Sent\"]\r\n\r\n", Answer::Unclear),
            (b"{\"status\": \"OK\", \"message\": \"\xff\"}\r\n\r\n", Answer::Unclear),
            (b"OK\r\n\r\n", Answer::Unclear),
            (b"\r\n\r\n", Answer::Unclear),
            (b"", Answer::Unclear),
        ];
        for (bytes, answer) in table {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(Answer::parse(bytes), *answer, "{shown}");
        }
        let deep = [
            b"{\"status\": \"OK\", \"x\": ".to_vec(),
            vec![b'['; 100_000],
        ]
        .concat();
        assert_eq!(Answer::parse(&deep), Answer::Unclear);
    }

    #[test]
    fn replies_have_the_classic_bytes() {
        let (mut sent, mut pending) = (Vec::new(), Vec::new());
        taken(&mut sent, "amsal", "Lionel Messi", " jadi main mes? \r\n");
        no_group(&mut pending, "bukber");

        assert_eq!(
            String::from_utf8(sent).unwrap(),
            "{\"status\": \"OK\", \"message\": \"Message Sent\", \"sendback\": {\"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" jadi main mes? \\r\\n\"}}\r\n\r\n"
        );
        assert_eq!(
            String::from_utf8(pending).unwrap(),
            "{\"status\": \"PENDING\", \"message\": \"Tidak ada grup bukber di server\"}\r\n\r\n"
        );
    }
}
