//! How an inbox is read: page by page, and no message is taken out before it was shown.

use super::{Conversation, Request};
use crate::chat::message::Message;
use crate::chat::reply::Reply;

/// How far an inbox has been read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paging {
    /// The last message that was shown.
    shown_upto: u64,
    /// How many are still to be shown, once that is known: those that waited at the beginning.
    /// What comes meanwhile does not count, so this ends however fast others write.
    left: Option<u64>,
}

impl Conversation {
    /// Asks for the next page.
    pub(super) fn peek(&mut self, paging: Paging) {
        self.request(Request::Peek(paging), |client| client.command("peek", ""));
    }

    /// Shows a page, and then has it taken out.
    pub(super) fn peeked(&mut self, paging: Paging, reply: &Reply<'_>) {
        let Some(page) = reply.page() else {
            return self.show_senseless();
        };
        let is_new = |message: &&Message<'_>| message.id() > paging.shown_upto;
        let page: Vec<_> = page.iter().filter(is_new).collect();
        let Some(last) = page.last() else {
            return match (paging.left, reply.left) {
                (Some(_), _) => {}
                (None, None | Some(0)) => self.show("No new messages."),
                (None, Some(_)) => {
                    self.show("New messages wait, but cannot be shown yet: try again later.");
                }
            };
        };
        let count = page.len() as u64;
        let left = paging.left.unwrap_or_else(|| {
            let unshown = reply.left.unwrap_or_default();
            unshown.saturating_add(count)
        });
        let paging = Paging {
            shown_upto: last.id(),
            left: Some(left.saturating_sub(count)),
        };
        let lines: Vec<_> = page.into_iter().map(Message::line).collect();
        // Actions are carried out in order, and the first that fails ends the program: what
        // could not be shown stays in the inbox.
        self.show(lines.join("\n"));
        self.request(Request::Ack(paging), |client| client.ack(paging.shown_upto));
    }

    /// Goes on with the next page, if there is one.
    pub(super) fn acked(&mut self, paging: Paging, reply: &Reply<'_>) {
        if paging.left != Some(0) && reply.left != Some(0) {
            self.peek(paging);
        }
    }

    /// Shows a whole inbox, which the server has emptied.
    pub(super) fn inbox(&mut self, reply: &Reply<'_>) {
        let text = match reply.messages {
            Some(messages) if !self.style.readable => Some(messages.get().to_owned()),
            _ => reply.inbox(),
        };
        match text {
            Some(text) => self.show(text),
            None => self.show_senseless(),
        }
    }
}
