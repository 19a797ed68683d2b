//! An emptied inbox for a program in the same process: the texts as they are, one after the other,
//! with their lengths apart, so that nobody escapes them, sorts them or looks for their ends.
//!
//! A byte that no other reply begins with; how many senders there are; how many messages; the length
//! of the owner's display name; for each sender the lengths of its name and of its display name; for
//! each message its sender, counted from 0, and its length; then all these texts, in that order.
//! Numbers are four bytes, the least significant one first.

use std::iter::FusedIterator;

/// What a packed inbox begins with.
const MARK: u8 = 0;

/// Two numbers that belong together.
type Pair = [[u8; 4]; 2];

/// Buffers that grew beyond this for one big inbox are given back.
const KEPT_BYTES_MAX: usize = 65_536;

/// An inbox that is being packed, and room for the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packer {
    senders: u32,
    messages: u32,
    owner_bytes: u32,
    pairs: Vec<u8>,
    texts: Vec<u8>,
}

impl Packer {
    /// Begins an inbox; what was packed before is gone.
    pub(crate) fn begin(&mut self, owner: &str) {
        for kept in [&mut self.pairs, &mut self.texts] {
            kept.clear();
            kept.shrink_to(KEPT_BYTES_MAX);
        }
        (self.senders, self.messages) = (0, 0);
        self.owner_bytes = owner.len() as u32;
        self.texts.extend_from_slice(owner.as_bytes());
    }

    /// Adds a sender; all come before the first message.
    pub(crate) fn sender(&mut self, name: &str, display_name: &str) {
        self.senders += 1;
        self.pair(name.len() as u32, display_name.len() as u32);
        self.texts.extend_from_slice(name.as_bytes());
        self.texts.extend_from_slice(display_name.as_bytes());
    }

    /// Adds a message of the sender that was added as the `sender`th, from 0.
    pub(crate) fn message(&mut self, sender: u32, text: &str) {
        self.messages += 1;
        self.pair(sender, text.len() as u32);
        self.texts.extend_from_slice(text.as_bytes());
    }

    /// Appends what was packed.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(MARK);
        for number in [self.senders, self.messages, self.owner_bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.pairs);
        out.extend_from_slice(&self.texts);
    }

    fn pair(&mut self, one: u32, other: u32) {
        let number = u64::from(other) << 32 | u64::from(one);
        self.pairs.extend_from_slice(&number.to_le_bytes());
    }
}

/// A packed inbox.
#[derive(Debug)]
pub struct Inbox<'a> {
    /// The display name of whom it belongs to, in UTF-8 as all texts here.
    pub owner: &'a [u8],
    /// Whoever has ever written.
    pub senders: Senders<'a>,
    /// What waited, in the order in which it came.
    pub messages: Messages<'a>,
}

/// Who has written to an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender<'a> {
    /// What the messages are listed under.
    pub name: &'a [u8],
    /// What others see.
    pub display_name: &'a [u8],
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which of the senders has written it, from 0.
    pub sender: usize,
    /// What it says.
    pub text: &'a [u8],
}

/// The senders of an inbox.
#[derive(Clone, Debug)]
pub struct Senders<'a> {
    lengths: &'a [Pair],
    texts: &'a [u8],
}

/// The messages of an inbox.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    numbers: &'a [Pair],
    texts: &'a [u8],
}

impl<'a> Inbox<'a> {
    /// Reads a reply; nothing if it is not a packed inbox.
    #[must_use]
    pub fn read(reply: &'a [u8]) -> Option<Self> {
        let rest = reply.strip_prefix(&[MARK])?;
        let (counts, rest) = rest.split_first_chunk::<12>()?;
        let (counts, _) = counts.as_chunks();
        let [senders, messages, owner] = *counts else {
            return None;
        };
        let (pairs, texts) = rest.split_at_checked(
            number(senders)
                .checked_add(number(messages))?
                .checked_mul(size_of::<Pair>())?,
        )?;
        let (numbers, _) = pairs.as_chunks::<4>();
        let (pairs, _) = numbers.as_chunks::<2>();
        let (lengths, numbers) = pairs.split_at_checked(number(senders))?;
        let (owner, texts) = texts.split_at_checked(number(owner))?;
        let names = lengths.as_flattened().iter().copied().map(number).sum();
        let (names, texts) = texts.split_at_checked(names)?;
        Some(Self {
            owner,
            senders: Senders {
                lengths,
                texts: names,
            },
            messages: Messages { numbers, texts },
        })
    }
}

impl<'a> Iterator for Senders<'a> {
    type Item = Sender<'a>;

    fn next(&mut self) -> Option<Sender<'a>> {
        let ([name, display_name], rest) = self.lengths.split_first()?;
        self.lengths = rest;
        let (name, texts) = self.texts.split_at_checked(number(*name))?;
        let (display_name, texts) = texts.split_at_checked(number(*display_name))?;
        self.texts = texts;
        Some(Sender { name, display_name })
    }
}

impl FusedIterator for Senders<'_> {}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let ([sender, len], rest) = self.numbers.split_first()?;
        self.numbers = rest;
        let (text, texts) = self.texts.split_at_checked(number(*len))?;
        self.texts = texts;
        let sender = number(*sender);
        Some(Message { sender, text })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Fewer, if these are bytes that nobody has packed.
        (0, Some(self.numbers.len()))
    }
}

impl FusedIterator for Messages<'_> {}

fn number(bytes: [u8; 4]) -> usize {
    u32::from_le_bytes(bytes) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed() -> Vec<u8> {
        let mut packer = Packer::default();
        packer.begin("another");
        packer.sender("lineker", "Gary Lineker");
        packer.message(0, "gone");
        packer.begin("Gary Lineker");
        packer.sender("messi", "Lionel Messi");
        packer.sender("amsal@realm2", "");
        packer.message(0, "halo");
        packer.message(1, "ya\r\n");
        packer.message(0, "");
        let mut out = Vec::new();
        packer.write(&mut out);
        out
    }

    #[test]
    fn what_was_packed_is_read() {
        let out = packed();

        let inbox = Inbox::read(&out).unwrap();

        assert_eq!(inbox.owner, b"Gary Lineker");
        let sender = |name, display_name| Sender { name, display_name };
        assert_eq!(
            inbox.senders.collect::<Vec<_>>(),
            [
                sender(b"messi", b"Lionel Messi"),
                sender(b"amsal@realm2", b"")
            ]
        );
        let message = |sender, text| Message { sender, text };
        assert_eq!(
            inbox.messages.collect::<Vec<_>>(),
            [
                message(0, &b"halo"[..]),
                message(1, b"ya\r\n"),
                message(0, b"")
            ]
        );
    }

    #[test]
    fn a_packed_inbox_is_these_bytes() {
        let mut packer = Packer::default();
        packer.begin("B");
        packer.sender("m", "Me");
        packer.message(0, "hi");
        let mut out = Vec::new();
        packer.write(&mut out);

        assert_eq!(
            out,
            b"\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0BmMehi"
        );
    }

    #[test]
    fn a_reply_in_json_is_none() {
        assert!(Inbox::read(b"{\"status\": \"OK\", \"messages\": {}}\r\n\r\n").is_none());
        assert!(Inbox::read(b"").is_none());
    }

    #[test]
    fn whatever_bytes_there_are_reading_ends() {
        let out = packed();

        for at in 0..out.len() {
            let mut broken = out.clone();
            broken[at] ^= 0x85;
            for bytes in [&out[..at], &broken] {
                if let Some(inbox) = Inbox::read(bytes) {
                    assert!(inbox.senders.count() + inbox.messages.count() <= 5);
                }
            }
        }
    }
}
