//! What a server can do that a classic one cannot.

use crate::chat::reply::Reply;

/// What a server can do, as far as it matters here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Show messages, and take them out when they were seen.
    pub(super) acks: bool,
    /// Show messages that were taken out.
    pub(super) history: bool,
    /// Tell what became of messages to other realms.
    pub(super) outbox: bool,
    /// Tell how other realms can be reached.
    pub(super) realms: bool,
}

impl Known {
    /// What a server says to `hello`. A classic one says an error, and a strange one anything.
    pub(super) fn told(reply: Option<&Reply<'_>>) -> Self {
        let commands = reply.map_or(&[][..], |reply| &reply.commands);
        let knows = |command: &str| commands.iter().any(|known| known == command);
        Self {
            acks: knows("peek") && knows("ack"),
            history: knows("history"),
            outbox: knows("outbox"),
            realms: knows("checkrealm"),
        }
    }
}
