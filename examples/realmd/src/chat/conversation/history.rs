//! How messages are shown that were read before.

use super::{Conversation, Request};
use crate::chat::message::Message;
use crate::chat::reply::Reply;
use crate::chat::shown::shown_name;
use crate::chat::typed::HISTORY_MAX;

/// What is wanted of somebody's messages, and what has come of it.
#[derive(Debug)]
pub(super) struct Past {
    from: String,
    wanted: usize,
    /// Only messages before this one have not come yet.
    before: u64,
    /// What has come, oldest first.
    messages: Vec<String>,
}

impl Past {
    /// Nothing has come yet.
    pub(super) fn new(from: &str, wanted: usize) -> Self {
        Self {
            from: from.to_owned(),
            wanted,
            before: u64::MAX,
            messages: Vec::new(),
        }
    }

    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.messages.len())
    }

    /// What has come, for a program.
    fn json(&self) -> String {
        format!("[{}]", self.messages.join(", "))
    }

    /// What has come, for a person.
    fn text(&self, more: bool) -> String {
        let from = shown_name(&self.from);
        if self.messages.is_empty() {
            return format!("No messages from {from} that you have read.");
        }
        let text = self.messages.join("\n");
        if !more {
            return text;
        }
        let wanted = self.wanted.saturating_mul(2).min(HISTORY_MAX);
        if wanted == self.wanted {
            return format!("{text}\nThere are older ones.");
        }
        format!("{text}\nThere are older ones: history {from} {wanted} shows more.")
    }
}

impl Conversation {
    /// Asks for what is missing; a server shows so many at a time.
    pub(super) fn recall(&mut self, past: Past) {
        let words = format!("{} {} {}", past.from, past.before, past.missing());
        self.request(Request::History(past), |client| {
            client.command("history", &words)
        });
    }

    /// Shows the messages, once all have come.
    pub(super) fn recalled(&mut self, mut past: Past, reply: &Reply<'_>) {
        let Some(page) = reply.page() else {
            return self.show_senseless();
        };
        let first = page.first().map(Message::id);
        // A page that leads no further back is none.
        let first = first.filter(|first| *first < past.before);
        if let Some(first) = first {
            past.before = first;
            let is_readable = self.style.readable;
            let messages = page.iter().map(|message| {
                if is_readable {
                    message.dated_line()
                } else {
                    message.json().to_owned()
                }
            });
            past.messages.splice(0..0, messages);
        }
        if reply.more && first.is_some() && past.missing() > 0 {
            self.recall(past);
        } else if self.style.readable {
            self.show(past.text(reply.more));
        } else {
            self.show(past.json());
        }
    }
}
