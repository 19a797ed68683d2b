//! Replies to clients: one JSON object each, ended by CR LF CR LF.

use super::json;
use crate::error::ErrorCode;
use crate::limits::Limits;
use crate::secret::Token;

/// What ends a reply.
pub const END: &[u8] = b"\r\n\r\n";

/// The whole reply to a `send` that was taken.
pub(crate) const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";

/// The whole reply to a `logout`. Its key is `messages`, as it has always been.
pub(crate) const LOGGED_OUT: &[u8] = b"{\"status\": \"OK\", \"messages\": \"Logged Out!\"}\r\n\r\n";

/// The reply to a `quit`.
pub(crate) const GOODBYE: &[u8] = b"{\"status\": \"OK\", \"message\": \"Sampai jumpa\"}\r\n\r\n";

/// The reply to what needs no more words.
pub(crate) const DONE: &[u8] = b"{\"status\": \"OK\"}\r\n\r\n";

/// The begin of the reply to `inbox`.
pub(crate) const INBOX_BEGIN: &[u8] = b"{\"status\": \"OK\", \"messages\": {";

/// The end of the reply to `inbox`.
pub(crate) const INBOX_END: &[u8] = b"}}\r\n\r\n";

/// Appends the reply to a login.
pub(crate) fn token(out: &mut Vec<u8>, token: Token) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"tokenid\": \"");
    token.write(out);
    out.extend_from_slice(b"\"}\r\n\r\n");
}

/// Appends an error.
pub(crate) fn error(out: &mut Vec<u8>, code: ErrorCode) {
    error_begin(out, code);
    out.extend_from_slice(b"}\r\n\r\n");
}

/// Appends the error that lists who may have been meant.
pub(crate) fn ambiguous<'a>(out: &mut Vec<u8>, candidates: impl Iterator<Item = &'a str>) {
    error_begin(out, ErrorCode::Ambiguous);
    out.extend_from_slice(b", \"candidates\": [");
    for (at, candidate) in candidates.enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        json::string(out, candidate);
    }
    out.extend_from_slice(b"]}\r\n\r\n");
}

fn error_begin(out: &mut Vec<u8>, code: ErrorCode) {
    out.extend_from_slice(b"{\"status\": \"ERROR\", \"message\": ");
    json::string(out, code.message());
    if !code.is_classic() {
        out.extend_from_slice(b", \"code\": ");
        json::string(out, code.code());
    }
}

/// A message to another realm as `outbox` shows it.
pub(crate) struct PostShown<'a> {
    pub(crate) to: &'a str,
    pub(crate) excerpt: &'a str,
    pub(crate) state: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) unix_ms: u64,
}

/// A peer as `checkrealm` shows it.
pub(crate) struct PeerShown<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: &'a str,
    pub(crate) queue_messages: u64,
    pub(crate) queue_bytes: u64,
    /// How long ago the oldest message was taken.
    pub(crate) oldest_ms: Option<u64>,
    pub(crate) round_trip_ms: Option<u64>,
    pub(crate) error: Option<&'a str>,
}

/// A message as `peek` and `history` show it.
pub(crate) struct Shown<'a> {
    pub(crate) id: u64,
    pub(crate) from: &'a str,
    pub(crate) display_from: &'a str,
    pub(crate) display_to: &'a str,
    pub(crate) text: &'a str,
    pub(crate) unix_ms: u64,
}

/// Appends the begin of a list of messages.
pub(crate) fn messages_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"messages\": [");
}

/// Appends a message of such a list.
pub(crate) fn message(out: &mut Vec<u8>, is_first: bool, shown: &Shown<'_>) {
    out.extend_from_slice(if is_first { b"{" } else { b", {" });
    out.extend_from_slice(b"\"id\": ");
    json::number(out, shown.id);
    let texts = [
        (&b", \"from\": "[..], shown.from),
        (b", \"msg_from\": ", shown.display_from),
        (b", \"msg_to\": ", shown.display_to),
        (b", \"msg\": ", shown.text),
    ];
    for (key, text) in texts {
        out.extend_from_slice(key);
        json::string(out, text);
    }
    out.extend_from_slice(b", \"ts\": ");
    json::number(out, shown.unix_ms);
    out.push(b'}');
}

/// Appends the end of a list of messages of which so many more wait.
pub(crate) fn messages_left(out: &mut Vec<u8>, left: u64) {
    out.extend_from_slice(b"], \"left\": ");
    json::number(out, left);
    out.extend_from_slice(b"}\r\n\r\n");
}

/// Appends the end of a list of messages that may go on further back.
pub(crate) fn messages_more(out: &mut Vec<u8>, more: bool) {
    out.extend_from_slice(b"], \"more\": ");
    out.extend_from_slice(if more { b"true" } else { b"false" });
    out.extend_from_slice(b"}\r\n\r\n");
}

/// Appends the reply to `ack`.
pub(crate) fn removed(out: &mut Vec<u8>, removed: u64, left: u64) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"removed\": ");
    json::number(out, removed);
    out.extend_from_slice(b", \"left\": ");
    json::number(out, left);
    out.extend_from_slice(b"}\r\n\r\n");
}

/// Appends a message of the list of those that went to other realms.
pub(crate) fn post(out: &mut Vec<u8>, is_first: bool, shown: &PostShown<'_>) {
    out.extend_from_slice(if is_first { b"{" } else { b", {" });
    let texts = [
        (&b"\"to\": "[..], Some(shown.to)),
        (b", \"msg\": ", Some(shown.excerpt)),
        (b", \"state\": ", Some(shown.state)),
        (b", \"reason\": ", shown.reason),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            out.extend_from_slice(key);
            json::string(out, text);
        }
    }
    out.extend_from_slice(b", \"ts\": ");
    json::number(out, shown.unix_ms);
    out.push(b'}');
}

/// Appends the begin of the list of peers.
pub(crate) fn peers_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"realms\": [");
}

/// Appends a peer of that list.
pub(crate) fn peer(out: &mut Vec<u8>, is_first: bool, status: &PeerShown<'_>) {
    out.extend_from_slice(if is_first { b"{" } else { b", {" });
    out.extend_from_slice(b"\"realm\": ");
    json::string(out, status.name);
    out.extend_from_slice(b", \"state\": ");
    json::string(out, status.state);
    let numbers = [
        (&b", \"queue\": "[..], Some(status.queue_messages)),
        (b", \"bytes\": ", Some(status.queue_bytes)),
        (b", \"oldest_ms\": ", status.oldest_ms),
        (b", \"round_trip_ms\": ", status.round_trip_ms),
    ];
    for (key, value) in numbers {
        out.extend_from_slice(key);
        match value {
            Some(value) => json::number(out, value),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(b", \"error\": ");
    match status.error {
        Some(error) => json::string(out, error),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Appends the end of a list after which there is nothing to say.
pub(crate) fn list_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}\r\n\r\n");
}

/// Appends the list of those who are logged in.
pub(crate) fn active_users<'a>(out: &mut Vec<u8>, names: impl Iterator<Item = &'a str>) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"message\": \"");
    for name in names {
        json::escaped(out, name);
        out.extend_from_slice(b", ");
    }
    out.extend_from_slice(b"\"}\r\n\r\n");
}

/// Appends the confirmation that a live group was left.
pub(crate) fn left_group(out: &mut Vec<u8>, group: &str) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"message\": \"Telah keluar dari grup ");
    json::escaped(out, group);
    out.extend_from_slice(b"\"}\r\n\r\n");
}

/// The verbs `hello` tells.
const COMMANDS: [&str; 14] = [
    "auth",
    "send",
    "sendid",
    "inbox",
    "peek",
    "ack",
    "history",
    "outbox",
    "checkrealm",
    "activeuser",
    "logout",
    "group",
    "hello",
    "quit",
];

/// Appends who this server is and what bounds it has.
pub(crate) fn hello(out: &mut Vec<u8>, realm: &str, limits: &Limits) {
    out.extend_from_slice(b"{\"status\": \"OK\", \"realm\": ");
    json::string(out, realm);
    out.extend_from_slice(b", \"protocol\": 1, \"software\": ");
    json::string(out, concat!("chatproto ", env!("CARGO_PKG_VERSION")));
    out.extend_from_slice(b", \"commands\": [");
    for (at, command) in COMMANDS.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        json::string(out, command);
    }
    out.extend_from_slice(b"], \"limits\": {");
    for (at, (name, value)) in limits.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        json::string(out, name);
        out.extend_from_slice(b": ");
        json::number(out, value);
    }
    out.extend_from_slice(b"}}\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn classic_errors_have_the_classic_bytes() {
        let reply = text(|out| error(out, ErrorCode::UnknownCommand));

        assert_eq!(
            reply,
            "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n"
        );
    }

    #[test]
    fn newer_errors_have_a_code() {
        let reply = text(|out| error(out, ErrorCode::InvalidName));

        assert_eq!(
            reply,
            "{\"status\": \"ERROR\", \"message\": \"Nama tidak benar\", \"code\": \"invalid_name\"}\r\n\r\n"
        );
    }

    #[test]
    fn lists_are_written_as_the_classic_servers_write_them() {
        let nobody = text(|out| active_users(out, [].into_iter()));
        let two = text(|out| active_users(out, ["lineker", "messi"].into_iter()));

        assert_eq!(nobody, "{\"status\": \"OK\", \"message\": \"\"}\r\n\r\n");
        assert_eq!(
            two,
            "{\"status\": \"OK\", \"message\": \"lineker, messi, \"}\r\n\r\n"
        );
    }

    #[test]
    fn hello_tells_every_limit() {
        let reply = text(|out| hello(out, "realm1", &Limits::default()));
        let value: serde_json::Value = serde_json::from_str(reply.trim_end()).unwrap();

        assert_eq!(value["limits"]["line_bytes_max"], 65_536);
        assert_eq!(
            value["limits"].as_object().unwrap().len(),
            Limits::default().iter().count()
        );
    }
}
