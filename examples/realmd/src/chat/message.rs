//! A message as a server tells it, and as a person sees it.

use super::date::utc;
use super::shown::{shown, shown_name};
use serde_json::value::RawValue;

/// A message of a page that `peek` or `history` shows.
#[derive(Debug)]
pub(super) struct Message<'a> {
    json: &'a str,
    told: Told,
}

/// What is told of it.
#[derive(Debug, serde::Deserialize)]
struct Told {
    id: u64,
    from: String,
    msg_from: String,
    msg: String,
    #[serde(rename = "ts")]
    unix_ms: u64,
}

impl<'a> Message<'a> {
    /// Reads a message; nothing if it is none.
    pub(super) fn parse(raw: &'a RawValue) -> Option<Self> {
        let json = raw.get();
        let told = serde_json::from_str(json).ok()?;
        Some(Self { json, told })
    }

    /// Its number in the inbox.
    pub(super) fn id(&self) -> u64 {
        self.told.id
    }

    /// The message as it came.
    pub(super) fn json(&self) -> &'a str {
        self.json
    }

    /// Who wrote it and what.
    pub(super) fn line(&self) -> String {
        line(&self.told.from, &self.told.msg_from, &self.told.msg)
    }

    /// When, who wrote it and what.
    pub(super) fn dated_line(&self) -> String {
        format!("[{}] {}", utc(self.told.unix_ms), self.line())
    }
}

/// A message for a person: the name to answer to, the name to be seen where it is another one,
/// and the text.
pub(super) fn line(from: &str, display_from: &str, text: &str) -> String {
    let text = shown(text.trim());
    if display_from == from {
        return format!("{}: {text}", shown_name(from));
    }
    format!(
        "{} ({}): {text}",
        shown_name(from),
        shown_name(display_from)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_with_and_without_its_date() {
        let json = r#"{"id": 7, "from": "messi\u001b[m", "msg_from": "Lionel Messi",
            "msg_to": "Jordan Henderson", "msg": " a\r\nb \r\n", "ts": 951782400000}"#;
        let raw: &RawValue = serde_json::from_str(json).unwrap();

        let message = Message::parse(raw).unwrap();

        assert_eq!(message.id(), 7);
        assert_eq!(message.line(), "messi\\u{1b}[m (Lionel Messi): a\n    b");
        assert_eq!(
            message.dated_line(),
            "[2000-02-29 00:00 UTC] messi\\u{1b}[m (Lionel Messi): a\n    b"
        );
        assert_eq!(message.json(), json);
    }

    #[test]
    fn what_lacks_a_part_is_no_message() {
        for json in [
            "7",
            "{}",
            r#"{"id": -1, "from": "a", "msg_from": "a", "msg": "b", "ts": 0}"#,
        ] {
            assert!(Message::parse(serde_json::from_str(json).unwrap()).is_none());
        }
    }
}
