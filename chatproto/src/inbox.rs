//! What waits for a user, by sender.
//!
//! Messages have numbers without gaps. Of a long inbox with a store behind it only the newest are in
//! memory; the ones before them are fetched when they are to be shown.

use crate::error::ErrorCode;
use crate::id::{PeerId, UserId};
use crate::record::Sender;
use crate::store::Message;
use std::collections::{BTreeMap, VecDeque};

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

/// Messages of one inbox that a store can number.
pub(crate) const NUMBER_MAX: u64 = (1 << 40) - 1;

#[derive(Clone, Copy, Debug)]
struct Entry {
    unix_ms: u64,
    sender: u32,
    text_bytes: u32,
}

/// What delivering a message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// The message's number.
    pub(crate) number: u64,
    /// The sender's place in the list, if this is its first message.
    pub(crate) listed: Option<u32>,
}

/// One user's inbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// In the order in which each first wrote; for ever.
    senders: Vec<Sender>,
    positions: BTreeMap<Sender, u32>,
    /// Senders of other realms among `senders`.
    remote_senders: u64,
    /// The newest messages, oldest first; their texts follow one another in `texts`.
    entries: VecDeque<Entry>,
    texts: String,
    /// Bytes at the begin of `texts` whose entries are gone.
    skipped: usize,
    /// The number of the last message that was taken out.
    taken: u64,
    /// The number of the last message.
    last: u64,
    /// Bytes of the waiting messages that are in the store alone.
    stored_bytes: u64,
    /// Places kept for bounces of mail that is under way.
    reserved: u64,
    /// Fetches under way, during which nothing more leaves the memory.
    fetches: u32,
    /// The batches that messages wait for, at most two of them, each with the number of the first
    /// such message; 0 for none.
    fresh: [(u64, u64); 2],
    /// It is looked at again when its newest messages are in the store.
    pub(crate) is_to_relieve: bool,
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
        unix_ms: u64,
        bounds: Bounds,
    ) -> Result<Delivered, ErrorCode> {
        self.check_room(text, bounds)?;
        let (position, listed) = self
            .position(sender, bounds.senders_max)
            .ok_or(ErrorCode::InboxFull)?;
        Ok(self.push(position, listed, text, unix_ms))
    }

    /// Keeps a place for the bounce of a message under way.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OwnInboxFull`] when there is none; nothing was changed.
    pub(crate) fn reserve(&mut self, bounds: Bounds) -> Result<(), ErrorCode> {
        if self.len() + self.reserved >= bounds.messages_max {
            return Err(ErrorCode::OwnInboxFull);
        }
        self.reserved += 1;
        Ok(())
    }

    /// Keeps a place again that was kept before the realm's start.
    pub(crate) fn restore_reserved(&mut self) {
        self.reserved += 1;
    }

    /// Gives a kept place back: the message arrived.
    pub(crate) fn unreserve(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Puts a bounce into the place kept for it.
    pub(crate) fn bounce(&mut self, realm: PeerId, text: &str, unix_ms: u64) -> Option<Delivered> {
        self.unreserve();
        // A bounce needs its line however many have written before; peers are few.
        let (position, listed) = self.position(Sender::Realm(realm), u64::MAX)?;
        Some(self.push(position, listed, text, unix_ms))
    }

    /// Whether a message of that length has room.
    pub(crate) fn check_room(&self, text: &str, bounds: Bounds) -> Result<(), ErrorCode> {
        let bytes = self.bytes() + text.len() as u64;
        let is_full = self.len() + self.reserved >= bounds.messages_max;
        if is_full || bytes > bounds.bytes_max || self.last >= NUMBER_MAX {
            return Err(ErrorCode::InboxFull);
        }
        Ok(())
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> u64 {
        self.last - self.taken
    }

    /// Bytes of text that wait. Those of messages in the store alone are an estimate once some of
    /// them, but not all, were taken out.
    fn bytes(&self) -> u64 {
        self.stored_bytes + self.resident_bytes()
    }

    fn resident_bytes(&self) -> u64 {
        (self.texts.len() - self.skipped) as u64
    }

    /// What the messages in memory take there.
    fn memory_bytes(&self) -> u64 {
        self.resident_bytes() + (self.entries.len() * size_of::<Entry>()) as u64
    }

    /// The number of the last message taken out.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// The number of the last message that came.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The last of the waiting messages that is in the store alone; `taken` if there is none.
    pub(crate) fn stored_upto(&self) -> u64 {
        self.last - self.entries.len() as u64
    }

    /// Notes that a fetch begins, or has ended.
    pub(crate) fn fetching(&mut self, is_begin: bool) {
        self.fetches = if is_begin {
            self.fetches + 1
        } else {
            self.fetches.saturating_sub(1)
        };
    }

    /// The waiting messages in order, those of the store in front.
    pub(crate) fn waiting<'a>(
        &'a self,
        stored: &'a [Message],
    ) -> impl Iterator<Item = Waiting<'a>> {
        let upto = self.stored_upto();
        let stored = stored
            .iter()
            .filter(move |message| message.number > self.taken && message.number <= upto)
            .map(|message| Waiting {
                number: message.number,
                sender: message.sender,
                unix_ms: message.unix_ms,
                text: &message.text,
            });
        stored.chain(self.resident())
    }

    fn resident(&self) -> impl Iterator<Item = Waiting<'_>> {
        let mut start = self.skipped;
        let numbered = self.entries.iter().zip(self.stored_upto() + 1..);
        numbered.filter_map(move |(entry, number)| {
            let from = start;
            start += entry.text_bytes as usize;
            Some(Waiting {
                number,
                sender: *self.senders.get(entry.sender as usize)?,
                unix_ms: entry.unix_ms,
                text: self.texts.get(from..start)?,
            })
        })
    }

    /// Whether the senders of all messages are listed.
    pub(crate) fn knows_senders(&self, stored: &[Message]) -> bool {
        let mut senders = stored.iter().map(|message| message.sender);
        senders.all(|sender| self.known_position(sender).is_some())
    }

    /// Whoever has ever written.
    pub(crate) fn senders(&self) -> &[Sender] {
        &self.senders
    }

    /// The messages that the store gave back, oldest first, each with its sender's place among the
    /// senders; see [`Inbox::knows_senders`].
    pub(crate) fn fetched<'a>(
        &'a self,
        stored: &'a [Message],
    ) -> impl Iterator<Item = (u32, &'a str)> {
        let upto = self.stored_upto();
        stored
            .iter()
            .filter(move |message| message.number > self.taken && message.number <= upto)
            .map(|message| {
                let position = self.known_position(message.sender).unwrap_or_default();
                (position, &*message.text)
            })
    }

    /// The messages after those: the place of each one's sender, and its length; and their texts, one
    /// after the other.
    pub(crate) fn in_memory(&self) -> (impl ExactSizeIterator<Item = (u32, u32)>, &str) {
        let entries = self.entries.iter();
        (
            entries.map(|entry| (entry.sender, entry.text_bytes)),
            self.texts.get(self.skipped..).unwrap_or_default(),
        )
    }

    /// The senders in order, each with its messages, oldest first; see
    /// [`Inbox::knows_senders`].
    pub(crate) fn by_sender<'a>(&'a self, stored: &'a [Message]) -> Grouped<'a> {
        let mut order = Vec::with_capacity(stored.len() + self.entries.len());
        order.extend(self.fetched(stored));
        let (messages, mut texts) = self.in_memory();
        order.extend(messages.filter_map(|(sender, len)| {
            let (text, rest) = texts.split_at_checked(len as usize)?;
            texts = rest;
            Some((sender, text))
        }));
        order.sort_by_key(|(sender, _)| *sender);
        Grouped {
            senders: &self.senders,
            order,
        }
    }

    /// Takes messages out, up to a number. Senders stay listed.
    pub(crate) fn take(&mut self, upto: u64) {
        let upto = upto.min(self.last);
        if upto <= self.taken {
            return;
        }
        let stored_upto = self.stored_upto();
        if upto < stored_upto {
            let (before, taken) = (stored_upto - self.taken, upto.saturating_sub(self.taken));
            let share = u128::from(self.stored_bytes) * u128::from(taken) / u128::from(before);
            self.stored_bytes -= share as u64;
        } else {
            self.stored_bytes = 0;
            self.drop_resident(upto);
        }
        self.taken = self.taken.max(upto);
    }

    /// Lets go of messages in memory, up to a number.
    fn drop_resident(&mut self, upto: u64) {
        let count = upto.saturating_sub(self.stored_upto()) as usize;
        if count >= self.entries.len() {
            self.entries.clear();
            self.texts.clear();
            self.skipped = 0;
            if self.texts.capacity() > KEPT_BYTES_MAX {
                self.entries = VecDeque::new();
                self.texts = String::new();
            }
            return;
        }
        let dropped = self.entries.drain(..count);
        self.skipped += dropped.map(|it| it.text_bytes as usize).sum::<usize>();
        if self.skipped * 2 >= self.texts.len() {
            self.texts.drain(..self.skipped);
            self.skipped = 0;
            self.texts.shrink_to(self.texts.len() * 2);
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    /// Notes that the newest message is part of a batch.
    pub(crate) fn is_part_of(&mut self, batch: u64, committed: u64) {
        let [first, second] = &mut self.fresh;
        if first.0 <= committed {
            *first = std::mem::take(second);
        }
        if first.0 <= committed {
            *first = (batch, self.last);
        } else if first.0 != batch && second.0 != batch {
            *second = (batch, self.last);
        }
    }

    /// The last message that is in the store, once everything up to a batch is.
    pub(crate) fn kept_upto(&self, committed: u64) -> u64 {
        let mut waiting = self.fresh.iter().filter(|(batch, _)| *batch > committed);
        waiting.next().map_or(self.last, |(_, first)| first - 1)
    }

    /// Leaves the oldest messages to the store alone, once they take more memory than they may.
    /// Returns whether they still do, since they are not in the store yet.
    pub(crate) fn relieve(&mut self, bytes_max: u64, committed: u64) -> bool {
        if self.memory_bytes() <= bytes_max {
            return false;
        }
        if self.fetches > 0 {
            return true;
        }
        let (before, kept_upto) = (self.resident_bytes(), self.kept_upto(committed));
        let (mut left, mut upto) = (self.memory_bytes(), self.stored_upto());
        for entry in &self.entries {
            if left * 2 <= bytes_max || upto >= kept_upto {
                break;
            }
            left -= u64::from(entry.text_bytes) + size_of::<Entry>() as u64;
            upto += 1;
        }
        self.drop_resident(upto);
        self.stored_bytes += before - self.resident_bytes();
        left > bytes_max
    }

    // What a store gives back.

    /// Lists a sender at its place. Returns whether it is the next one.
    pub(crate) fn restore_sender(&mut self, position: u32, sender: Sender) -> bool {
        let next = self.senders.len() as u32;
        if position == next && self.known_position(sender).is_none() {
            self.list(sender);
            return true;
        }
        self.senders.get(position as usize) == Some(&sender)
    }

    /// Notes what waits in the store.
    pub(crate) fn restore(&mut self, taken: u64, last: u64, bytes: u64) {
        self.entries.clear();
        self.texts.clear();
        (self.taken, self.last, self.stored_bytes) = (taken, last.max(taken), bytes);
    }

    /// Puts a message back. Returns whether it is the next one, or was there before.
    pub(crate) fn restore_message(
        &mut self,
        number: u64,
        sender: Sender,
        text: &str,
        unix_ms: u64,
    ) -> bool {
        if number <= self.last {
            return true;
        }
        let Some(position) = self.known_position(sender) else {
            return false;
        };
        if number != self.last + 1 {
            return false;
        }
        self.push(position, false, text, unix_ms);
        true
    }

    fn push(&mut self, position: u32, is_listed: bool, text: &str, unix_ms: u64) -> Delivered {
        self.last += 1;
        self.entries.push_back(Entry {
            unix_ms,
            sender: position,
            text_bytes: text.len() as u32,
        });
        self.texts.push_str(text);
        Delivered {
            number: self.last,
            listed: is_listed.then_some(position),
        }
    }

    /// The sender's place, and whether it is new.
    fn position(&mut self, sender: Sender, senders_max: u64) -> Option<(u32, bool)> {
        if let Some(known) = self.known_position(sender) {
            return Some((known, false));
        }
        // Other realms get half: their users cannot shut out those of this one.
        let is_remote = matches!(sender, Sender::Remote(_));
        let has_share = !is_remote || self.remote_senders < senders_max.div_ceil(2);
        if self.senders.len() as u64 >= senders_max || !has_share {
            return None;
        }
        Some((self.list(sender), true))
    }

    fn list(&mut self, sender: Sender) -> u32 {
        self.remote_senders += u64::from(matches!(sender, Sender::Remote(_)));
        self.senders.push(sender);
        let position = self.senders.len() as u32 - 1;
        if self.senders.len() > SENDERS_SCANNED_MAX {
            let from = self.positions.len();
            let missing = self.senders.iter().zip(0_u32..).skip(from);
            self.positions
                .extend(missing.map(|(sender, at)| (*sender, at)));
        }
        position
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

/// A message that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting<'a> {
    pub(crate) number: u64,
    pub(crate) sender: Sender,
    pub(crate) unix_ms: u64,
    pub(crate) text: &'a str,
}

/// An inbox sorted for showing.
pub(crate) struct Grouped<'a> {
    senders: &'a [Sender],
    order: Vec<(u32, &'a str)>,
}

impl<'a> Grouped<'a> {
    /// Calls `each` with every sender and its messages.
    pub(crate) fn for_each(&self, mut each: impl FnMut(Sender, &mut dyn Iterator<Item = &'a str>)) {
        let mut rest = self.order.as_slice();
        for (sender, position) in self.senders.iter().zip(0_u32..) {
            let is_own = |(other, _): &&(u32, &str)| *other == position;
            let count = rest.iter().take_while(is_own).count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            each(*sender, &mut own.iter().map(|(_, text)| *text));
        }
    }
}

#[cfg(test)]
mod tests;
