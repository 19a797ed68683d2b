//! A server's reply: one JSON object.

use super::message::{self, Message};
use super::shown::{shown, shown_name};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A reply, understood.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Reply<'a> {
    status: String,
    /// What it says to a person.
    #[serde(default)]
    pub(super) message: Option<String>,
    /// The inbox, as it came.
    #[serde(default, borrow)]
    pub(super) messages: Option<&'a RawValue>,
    /// Other realms, as they came.
    #[serde(default, borrow)]
    pub(super) realms: Option<&'a RawValue>,
    /// How many messages wait behind those that are shown.
    #[serde(default)]
    pub(super) left: Option<u64>,
    /// Whether there are messages before those that are shown.
    #[serde(default)]
    pub(super) more: bool,
    /// What the server knows, after `hello`.
    #[serde(default)]
    pub(super) commands: Vec<String>,
    #[serde(default)]
    candidates: Vec<String>,
}

impl<'a> Reply<'a> {
    /// Reads a reply; nothing if it is none.
    pub(super) fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// What went wrong, fit to be shown; nothing if nothing did.
    pub(super) fn error(&self) -> Option<String> {
        if self.status == "OK" {
            return None;
        }
        let message = self
            .message
            .as_deref()
            .unwrap_or("the server does not say why");
        let mut text = format!("Error, {}", shown(message));
        if !self.candidates.is_empty() {
            text.push_str(": ");
            text.push_str(&shown_name(&self.candidates.join(", ")));
        }
        Some(text)
    }

    /// A page of messages.
    pub(super) fn page(&self) -> Option<Vec<Message<'a>>> {
        let messages: Vec<&RawValue> = serde_json::from_str(self.messages?.get()).ok()?;
        messages.into_iter().map(Message::parse).collect()
    }

    /// The inbox for a person: a message a line, and who wrote it.
    pub(super) fn inbox(&self) -> Option<String> {
        let inbox: Inbox = serde_json::from_str(self.messages?.get()).ok()?;
        let mut lines = Vec::new();
        for (sender, messages) in &inbox.0 {
            let texts = messages.iter();
            lines.extend(texts.map(|it| message::line(sender, &it.msg_from, &it.msg)));
        }
        Some(if lines.is_empty() {
            "No new messages.".to_owned()
        } else {
            lines.join("\n")
        })
    }
}

/// Senders and what they wrote, in the order of the reply.
struct Inbox(Vec<(String, Vec<Written>)>);

#[derive(serde::Deserialize)]
struct Written {
    msg_from: String,
    msg: String,
}

impl<'de> Deserialize<'de> for Inbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Senders;

        impl<'de> Visitor<'de> for Senders {
            type Value = Inbox;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("messages by sender")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Inbox, A::Error> {
                let mut senders = Vec::new();
                while let Some(sender) = map.next_entry()? {
                    senders.push(sender);
                }
                Ok(Inbox(senders))
            }
        }

        deserializer.deserialize_map(Senders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_went_wrong() {
        let table = [
            (
                "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n",
                None,
            ),
            (
                "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}",
                Some("Error, Password Salah"),
            ),
            (
                "{\"status\": \"ERROR\"}",
                Some("Error, the server does not say why"),
            ),
            (
                "{\"status\": \"ERROR\", \"message\": \"Nama?\", \"code\": \"ambiguous\", \
                  \"candidates\": [\"a@r1\", \"a@r2\\u001b[m\"]}",
                Some("Error, Nama?: a@r1, a@r2\\u{1b}[m"),
            ),
        ];

        for (json, error) in table {
            assert_eq!(Reply::parse(json).unwrap().error().as_deref(), error);
        }
    }

    #[test]
    fn what_is_no_reply_is_told_apart() {
        for json in ["messi: halo", "", "[]", "{}", "{\"status\": 1}"] {
            assert!(Reply::parse(json).is_none());
        }
    }

    #[test]
    fn an_inbox_is_shown_in_the_order_of_the_reply() {
        let json = r#"{"status": "OK", "messages": {"messi": [
            {"msg_from": "Lionel Messi", "msg_to": "Jordan Henderson", "msg": " hi\r\n"},
            {"msg_from": "Lionel Messi", "msg_to": "Jordan Henderson", "msg": " a\r\nb\u001b[0m \r\n"}],
            "lineker": [], "amsal": [{"msg_from": "amsal", "msg_to": "Jordan Henderson", "msg": " yo"}]}}"#;

        let inbox = Reply::parse(json).unwrap().inbox().unwrap();

        assert_eq!(
            inbox,
            "messi (Lionel Messi): hi\nmessi (Lionel Messi): a\n    b\\u{1b}[0m\namsal: yo"
        );
    }

    #[test]
    fn an_empty_inbox_says_so() {
        for json in [
            "{\"status\": \"OK\", \"messages\": {}}",
            "{\"status\": \"OK\", \"messages\": {\"messi\": []}}",
        ] {
            assert_eq!(
                Reply::parse(json).unwrap().inbox().unwrap(),
                "No new messages."
            );
        }
        assert_eq!(
            Reply::parse("{\"status\": \"OK\", \"messages\": \"Logged Out!\"}")
                .unwrap()
                .inbox(),
            None
        );
    }
}
