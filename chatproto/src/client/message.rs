//! Messages as a reply tells them.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A message out of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in the inbox, where the server tells it.
    pub id: Option<u64>,
    /// Who wrote it: a user name, or `user@realm`.
    pub from: String,
    /// The name that others see.
    pub display_from: String,
    /// The name of whom it is for, as others see it.
    pub display_to: String,
    /// What it says, with the space before it and the line end after it that most clients send.
    pub text: String,
    /// When the server took it, in milliseconds since 1970, where it tells that.
    pub unix_ms: Option<u64>,
}

/// What stands under `messages`: nothing, if it is something else than messages.
#[derive(Debug, Default)]
pub(super) struct Messages(pub(super) Vec<Message>);

#[derive(serde::Deserialize)]
struct Told {
    id: Option<u64>,
    from: Option<String>,
    msg_from: Option<String>,
    msg_to: Option<String>,
    msg: Option<String>,
    ts: Option<u64>,
}

impl Told {
    /// The message, from whom it says or else from whom it is listed under.
    fn message(self, sender: &str) -> Option<Message> {
        Some(Message {
            id: self.id,
            from: self.from.unwrap_or_else(|| sender.to_owned()),
            display_from: self.msg_from?,
            display_to: self.msg_to?,
            text: self.msg?,
            unix_ms: self.ts,
        })
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Messages;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    /// An inbox: lists by sender.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Messages, A::Error> {
        let mut messages = Vec::new();
        while let Some((sender, told)) = map.next_entry::<String, Vec<Told>>()? {
            messages.extend(told.into_iter().filter_map(|it| it.message(&sender)));
        }
        Ok(Messages(messages))
    }

    /// A page: a list; of other things too.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Messages, A::Error> {
        let mut messages = Vec::new();
        while let Some(told) = seq.next_element::<Told>()? {
            messages.extend(told.message(""));
        }
        Ok(Messages(messages))
    }

    /// The reply to `logout` has a text there.
    fn visit_str<E>(self, _text: &str) -> Result<Messages, E> {
        Ok(Messages::default())
    }

    fn visit_unit<E>(self) -> Result<Messages, E> {
        Ok(Messages::default())
    }
}
