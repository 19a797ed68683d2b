//! A server's reply: one JSON object.

use super::END;
use super::message::{Message, Messages};
use crate::error::ErrorCode;
use crate::secret::Secret;

/// What a server says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    json: String,
    is_ok: bool,
    message: Option<String>,
    code: Option<String>,
    messages: Vec<Message>,
}

#[derive(serde::Deserialize)]
struct Told {
    status: String,
    message: Option<String>,
    code: Option<String>,
    tokenid: Option<String>,
    #[serde(default)]
    messages: Messages,
}

impl Reply {
    /// Reads a reply, its end included, and the token in it; nothing if it is none.
    pub(super) fn parse(whole: &[u8]) -> Option<(Self, Option<Secret>)> {
        let text = str::from_utf8(whole.strip_suffix(END)?).ok()?;
        let told: Told = serde_json::from_str(text).ok()?;
        let json = match &told.tokenid {
            Some(token) if !token.is_empty() => text.replace(&format!("\"{token}\""), "\"***\""),
            _ => text.to_owned(),
        };
        // Written into lines, so it must be one word.
        let is_word =
            |token: &String| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        let token = told.tokenid.filter(is_word).map(Secret::new);
        let reply = Self {
            json,
            is_ok: told.status == "OK",
            message: told.message,
            code: told.code,
            messages: told.messages.0,
        };
        Some((reply, token))
    }

    /// The reply as it came, in JSON and without its end; a token in it reads as `***`.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether the server did what it was asked for.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.is_ok
    }

    /// What it says to a person.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What went wrong, if anything did that has a code; the classic errors are known by their texts.
    #[must_use]
    pub fn error(&self) -> Option<ErrorCode> {
        if self.is_ok {
            return None;
        }
        let by_code = |code: &ErrorCode| Some(code.code()) == self.code.as_deref();
        let by_text = |code: &ErrorCode| {
            self.code.is_none() && code.is_classic() && Some(code.message()) == self.message()
        };
        let mut all = ErrorCode::ALL.iter();
        all.find(|code| by_code(code) || by_text(code)).copied()
    }

    /// The messages that it tells, of all senders; an inbox groups them by sender.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }
}
