//! An emptied inbox for a program in the same process: the texts as they are, one after the other,
//! with their lengths apart, so that nobody escapes them, sorts them or looks for their ends.
//!
//! First the head: a byte that no other reply begins with; how many senders there are; the length of the
//! owner's display name; for each sender the lengths of its name and of its display name; then all
//! these names, the owner's first. After it how many messages there are; for each message its sender,
//! counted from 0, and its length; then the messages' texts, in that order. Numbers are four bytes, the
//! least significant one first.

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
    owner_bytes: u32,
    senders: Part,
    messages: Part,
}

/// Pairs of numbers, and the texts that they tell of.
#[derive(Clone, Debug, Default)]
struct Part {
    pairs: Vec<[u8; 8]>,
    texts: Vec<u8>,
}

impl Packer {
    /// Begins an inbox; what was packed before is gone.
    pub(crate) fn begin(&mut self, owner: &str) {
        self.owner_bytes = owner.len() as u32;
        self.senders.clear();
        self.senders.text(owner);
        self.messages.clear();
    }

    /// Adds a sender.
    pub(crate) fn sender(&mut self, name: &str, display_name: &str) {
        let lens = pair(name.len() as u32, display_name.len() as u32);
        self.senders.pairs.push(lens);
        self.senders.text(name);
        self.senders.text(display_name);
    }

    /// Adds a message of the sender that was added as the `sender`th, from 0.
    pub(crate) fn message(&mut self, sender: u32, text: &str) {
        self.messages.pairs.push(pair(sender, text.len() as u32));
        self.messages.text(text);
    }

    /// Adds messages whose texts follow one another: the sender of each, and its length.
    pub(crate) fn messages(&mut self, messages: impl Iterator<Item = (u32, u32)>, texts: &str) {
        let pairs = messages.map(|(sender, len)| pair(sender, len));
        self.messages.pairs.extend(pairs);
        self.messages.text(texts);
    }

    /// Appends what was packed.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let numbers = size_of::<[u32; 3]>();
        let room = 1 + numbers + self.senders.len() + self.messages.len();
        if out.is_empty() && out.capacity() < room {
            // Making room takes less than having it grow.
            *out = Vec::with_capacity(room);
        }
        out.reserve(room);
        out.push(MARK);
        out.extend_from_slice(&self.senders.count());
        out.extend_from_slice(&self.owner_bytes.to_le_bytes());
        self.senders.write(out);
        out.extend_from_slice(&self.messages.count());
        self.messages.write(out);
    }
}

impl Part {
    fn clear(&mut self) {
        self.pairs.clear();
        self.pairs.shrink_to(KEPT_BYTES_MAX / size_of::<Pair>());
        self.texts.clear();
        self.texts.shrink_to(KEPT_BYTES_MAX);
    }

    fn text(&mut self, text: &str) {
        self.texts.extend_from_slice(text.as_bytes());
    }

    fn count(&self) -> [u8; 4] {
        (self.pairs.len() as u32).to_le_bytes()
    }

    fn len(&self) -> usize {
        self.pairs.as_flattened().len() + self.texts.len()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.pairs.as_flattened());
        out.extend_from_slice(&self.texts);
    }
}

fn pair(one: u32, other: u32) -> [u8; 8] {
    (u64::from(other) << 32 | u64::from(one)).to_le_bytes()
}

/// A packed inbox.
#[derive(Debug)]
pub struct Inbox<'a> {
    /// The bytes that `owner` and `senders` were read from: the same for the same people, so that what
    /// was made of them can be found again.
    pub head: &'a [u8],
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

/// The messages of an inbox, whose texts are all there.
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
        let (senders, rest) = rest.split_first_chunk()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let (lengths, rest) = split_pairs(rest, *senders)?;
        let (owner, rest) = rest.split_at_checked(number(*owner))?;
        let mut lens = lengths.as_flattened().iter();
        let names = lens.try_fold(0_usize, |sum, len| sum.checked_add(number(*len)))?;
        let (names, rest) = rest.split_at_checked(names)?;
        let (head, _) = reply.split_at_checked(reply.len() - rest.len())?;
        let (messages, rest) = rest.split_first_chunk()?;
        let (numbers, texts) = split_pairs(rest, *messages)?;
        let mut lens = numbers.iter().map(|[_, len]| number(*len));
        let is_whole = lens.try_fold(0, usize::checked_add) == Some(texts.len());
        is_whole.then_some(Self {
            head,
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
        (self.numbers.len(), Some(self.numbers.len()))
    }
}

/// That all texts are there was seen when the inbox was read.
impl ExactSizeIterator for Messages<'_> {}

impl FusedIterator for Messages<'_> {}

/// So many pairs, and what follows them.
fn split_pairs(bytes: &[u8], count: [u8; 4]) -> Option<(&[Pair], &[u8])> {
    let len = number(count).checked_mul(size_of::<Pair>())?;
    let (pairs, rest) = bytes.split_at_checked(len)?;
    let (numbers, _) = pairs.as_chunks();
    let (pairs, _) = numbers.as_chunks();
    Some((pairs, rest))
}

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
        assert!(out.starts_with(inbox.head) && inbox.head.ends_with(b"amsal@realm2"));
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
        let mut out = b"before".to_vec();
        packer.write(&mut out);

        assert_eq!(
            out,
            b"before\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0BmMe\x01\0\0\0\0\0\0\0\x02\0\0\0hi"
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
