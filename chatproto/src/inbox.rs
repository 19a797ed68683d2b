//! What waits for a user, by sender.

use crate::error::ErrorCode;
use crate::id::{PeerId, RemoteId, UserId};
use std::collections::BTreeMap;

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sender {
    /// A user of this realm.
    Local(UserId),
    /// A user of another realm.
    Remote(RemoteId),
    /// Another realm itself, about a message it could not keep.
    Realm(PeerId),
}

/// The bounds of an inbox.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "they are called as in `Limits`")]
pub(crate) struct Bounds {
    pub(crate) messages_max: u64,
    pub(crate) bytes_max: u64,
    pub(crate) senders_max: u64,
}

/// Above this many senders they are looked up in a map.
const SENDERS_SCANNED_MAX: usize = 32;

/// An emptied inbox keeps room of up to this size for what comes next.
const KEPT_BYTES_MAX: usize = 4_096;

#[derive(Clone, Copy, Debug)]
struct Entry {
    sender: u32,
    text_bytes: u32,
}

/// One user's inbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// In the order in which each first wrote; for ever.
    senders: Vec<Sender>,
    positions: BTreeMap<Sender, u32>,
    /// Oldest first; their texts follow one another in `texts`.
    entries: Vec<Entry>,
    texts: String,
    /// Places kept for bounces of mail that is under way.
    reserved: u64,
    /// The number of the last message, counted from the first that ever came.
    last: u64,
    /// Senders of other realms among `senders`.
    remote_senders: u64,
}

impl Inbox {
    /// Adds a message.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InboxFull`]; nothing was changed.
    pub(crate) fn deliver(
        &mut self,
        sender: Sender,
        text: &str,
        bounds: Bounds,
    ) -> Result<(), ErrorCode> {
        self.check_room(text, bounds)?;
        let position = self
            .position(sender, bounds.senders_max)
            .ok_or(ErrorCode::InboxFull)?;
        self.push(position, text);
        Ok(())
    }

    /// Keeps a place for the bounce of a message under way.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OwnInboxFull`] when there is none; nothing was changed.
    pub(crate) fn reserve(&mut self, bounds: Bounds) -> Result<(), ErrorCode> {
        if self.entries.len() as u64 + self.reserved >= bounds.messages_max {
            return Err(ErrorCode::OwnInboxFull);
        }
        self.reserved += 1;
        Ok(())
    }

    /// Gives a kept place back: the message arrived.
    pub(crate) fn unreserve(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Puts a bounce into the place kept for it.
    pub(crate) fn bounce(&mut self, realm: PeerId, text: &str) {
        self.unreserve();
        // A bounce needs its line however many have written before; peers are few.
        if let Some(position) = self.position(Sender::Realm(realm), u64::MAX) {
            self.push(position, text);
        }
    }

    /// The number of the message last added.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Whether a message of that length has room.
    pub(crate) fn check_room(&self, text: &str, bounds: Bounds) -> Result<(), ErrorCode> {
        let messages = self.entries.len() as u64 + self.reserved;
        let bytes = (self.texts.len() + text.len()) as u64;
        if messages >= bounds.messages_max || bytes > bounds.bytes_max {
            return Err(ErrorCode::InboxFull);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The senders in order, each with its messages, oldest first.
    pub(crate) fn by_sender(&self) -> Grouped<'_> {
        let mut order = Vec::with_capacity(self.entries.len());
        let mut start = 0;
        for entry in &self.entries {
            order.push((entry.sender, start, entry.text_bytes));
            start += entry.text_bytes as usize;
        }
        order.sort_by_key(|(sender, start, _)| (*sender, *start));
        Grouped { inbox: self, order }
    }

    /// Takes all messages out. Senders stay listed.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.texts.clear();
        if self.texts.capacity() > KEPT_BYTES_MAX {
            self.entries = Vec::new();
            self.texts = String::new();
        }
    }

    fn push(&mut self, position: u32, text: &str) {
        self.last += 1;
        self.entries.push(Entry {
            sender: position,
            text_bytes: text.len() as u32,
        });
        self.texts.push_str(text);
    }

    fn position(&mut self, sender: Sender, senders_max: u64) -> Option<u32> {
        if let Some(known) = self.known_position(sender) {
            return Some(known);
        }
        // Other realms get half: their users cannot shut out those of this one.
        let is_remote = matches!(sender, Sender::Remote(_));
        let has_share = !is_remote || self.remote_senders < senders_max.div_ceil(2);
        if self.senders.len() as u64 >= senders_max || !has_share {
            return None;
        }
        self.remote_senders += u64::from(is_remote);
        self.senders.push(sender);
        let position = self.senders.len() as u32 - 1;
        if self.senders.len() > SENDERS_SCANNED_MAX {
            let from = self.positions.len();
            let missing = self.senders.iter().zip(0_u32..).skip(from);
            self.positions
                .extend(missing.map(|(sender, at)| (*sender, at)));
        }
        Some(position)
    }

    fn known_position(&self, sender: Sender) -> Option<u32> {
        if self.senders.len() > SENDERS_SCANNED_MAX {
            return self.positions.get(&sender).copied();
        }
        self.senders
            .iter()
            .position(|known| *known == sender)
            .map(|at| at as u32)
    }
}

/// The inboxes of all users; one is made when it is first written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inboxes {
    inboxes: Vec<Option<Box<Inbox>>>,
}

impl Inboxes {
    pub(crate) fn get(&self, user: UserId) -> Option<&Inbox> {
        self.inboxes.get(user.index())?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, user: UserId) -> Option<&mut Inbox> {
        self.inboxes.get_mut(user.index())?.as_deref_mut()
    }

    pub(crate) fn make(&mut self, user: UserId) -> &mut Inbox {
        let index = user.index();
        if index >= self.inboxes.len() {
            self.inboxes.resize_with(index + 1, || None);
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "the table was made long enough above"
        )]
        self.inboxes[index].get_or_insert_default()
    }
}

/// An inbox sorted for showing.
pub(crate) struct Grouped<'a> {
    inbox: &'a Inbox,
    order: Vec<(u32, usize, u32)>,
}

impl<'a> Grouped<'a> {
    /// Calls `each` with every sender and its messages.
    pub(crate) fn for_each(&self, mut each: impl FnMut(Sender, &mut dyn Iterator<Item = &'a str>)) {
        let mut rest = self.order.as_slice();
        for (sender, position) in self.inbox.senders.iter().zip(0_u32..) {
            let count = rest
                .iter()
                .take_while(|(other, _, _)| *other == position)
                .count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            let texts = &self.inbox.texts;
            let mut messages = own
                .iter()
                .filter_map(|(_, start, bytes)| texts.get(*start..*start + *bytes as usize));
            each(*sender, &mut messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        messages_max: 4,
        bytes_max: 20,
        senders_max: 100,
    };

    fn realm(number: usize) -> Sender {
        Sender::Realm(PeerId::new(number))
    }

    fn shown(inbox: &Inbox) -> Vec<(Sender, Vec<String>)> {
        let mut shown = Vec::new();
        inbox
            .by_sender()
            .for_each(|sender, texts| shown.push((sender, texts.map(str::to_owned).collect())));
        shown
    }

    #[test]
    fn messages_are_grouped_by_sender_and_senders_stay() {
        let mut inbox = Inbox::default();
        for (sender, text) in [(7, "one"), (3, "two"), (7, "three")] {
            inbox.deliver(realm(sender), text, BOUNDS).unwrap();
        }
        let grouped = vec![
            (realm(7), vec!["one".to_owned(), "three".to_owned()]),
            (realm(3), vec!["two".to_owned()]),
        ];
        assert_eq!(shown(&inbox), grouped);

        inbox.clear();
        inbox.deliver(realm(3), "four", BOUNDS).unwrap();
        assert_eq!(
            shown(&inbox),
            [(realm(7), vec![]), (realm(3), vec!["four".to_owned()])]
        );
    }

    #[test]
    fn a_full_inbox_takes_nothing_and_loses_nothing() {
        let mut inbox = Inbox::default();
        for text in ["12345", "12345", "12345"] {
            inbox.deliver(realm(1), text, BOUNDS).unwrap();
        }
        assert_eq!(
            inbox.deliver(realm(1), "123456", BOUNDS),
            Err(ErrorCode::InboxFull)
        );
        assert_eq!(inbox.deliver(realm(1), "12345", BOUNDS), Ok(()));
        assert_eq!(
            inbox.deliver(realm(1), "", BOUNDS),
            Err(ErrorCode::InboxFull)
        );
        assert_eq!(inbox.len(), 4);
    }

    #[test]
    fn a_reserved_place_is_kept_for_its_bounce() {
        let mut inbox = Inbox::default();
        for _ in 0..4 {
            inbox.reserve(BOUNDS).unwrap();
        }
        assert_eq!(inbox.reserve(BOUNDS), Err(ErrorCode::OwnInboxFull));
        assert_eq!(
            inbox.deliver(realm(1), "x", BOUNDS),
            Err(ErrorCode::InboxFull)
        );

        inbox.bounce(PeerId::new(1), "back");
        inbox.unreserve();

        assert_eq!(inbox.deliver(realm(1), "x", BOUNDS), Ok(()));
        assert_eq!(
            inbox.deliver(realm(1), "x", BOUNDS),
            Err(ErrorCode::InboxFull)
        );
    }

    #[test]
    fn many_senders_are_found_again() {
        let bounds = Bounds {
            messages_max: 1_000,
            bytes_max: 1_000,
            senders_max: 100,
        };
        let mut inbox = Inbox::default();
        for _ in 0..2 {
            for number in 0..100 {
                inbox.deliver(realm(number), "x", bounds).unwrap();
            }
        }
        assert_eq!(
            inbox.deliver(realm(100), "x", bounds),
            Err(ErrorCode::InboxFull)
        );

        let shown = shown(&inbox);
        assert_eq!(shown.len(), 100);
        assert!(shown.iter().all(|(_, texts)| texts.len() == 2));
    }
}
