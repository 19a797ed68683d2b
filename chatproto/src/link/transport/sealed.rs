//! Frames as messages of a secure channel: what has come is opened, what goes out is gathered and
//! sealed.

use crate::link::noise::{Channel, Exhausted, LENGTH_BYTES, PLAIN_BYTES_MAX, Refused};

/// A channel and its buffers.
pub(super) struct Sealed {
    pub(super) channel: Channel,
    /// The beginning of a message whose end has not come, its length included.
    pub(super) partial: Vec<u8>,
    /// Where messages are opened; never made shorter, so that it need not be cleared each time.
    pub(super) plain: Vec<u8>,
    /// How much of `plain` the last message was.
    opened: usize,
    /// What waits to be sealed.
    pub(super) waiting: Vec<u8>,
}

impl Sealed {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            partial: Vec::new(),
            plain: Vec::new(),
            opened: 0,
            waiting: Vec::new(),
        }
    }

    /// Takes bytes off up to the end of the next message, and opens it if that end is there.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Result<bool, Refused> {
        if self.partial.is_empty()
            && let Some((message, rest)) = split(bytes)
        {
            *bytes = rest;
            self.open(message)?;
            return Ok(true);
        }
        // Once for the length, which tells what else is missing, and once for the rest.
        for _ in 0..2 {
            let missing = match self.partial.first_chunk() {
                None => LENGTH_BYTES - self.partial.len(),
                Some(length) => LENGTH_BYTES + message_bytes(*length) - self.partial.len(),
            };
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.partial.reserve_exact(missing);
            self.partial.extend_from_slice(head);
            *bytes = rest;
        }
        let mut partial = std::mem::take(&mut self.partial);
        let whole = split(&partial).map(|(message, _)| self.open(message));
        if whole.is_some() {
            partial.clear();
        }
        self.partial = partial;
        whole.transpose().map(|whole| whole.is_some())
    }

    /// Opens a message without its length.
    pub(super) fn open(&mut self, message: &[u8]) -> Result<(), Refused> {
        self.opened = 0;
        self.opened = self.channel.open(message, &mut self.plain)?;
        Ok(())
    }

    /// What the last message carried.
    pub(super) fn opened(&self) -> &[u8] {
        self.plain.get(..self.opened).unwrap_or_default()
    }

    /// Seals what fills messages to the last byte, so that no more waits than one of them holds.
    pub(super) fn seal_full(&mut self, out: &mut Vec<u8>) -> Result<(), Exhausted> {
        if self.waiting.len() < PLAIN_BYTES_MAX {
            return Ok(());
        }
        let full = self.waiting.chunks_exact(PLAIN_BYTES_MAX);
        let left = full.remainder().len();
        for plain in full {
            self.channel.seal(plain, out)?;
        }
        self.waiting.drain(..self.waiting.len() - left);
        Ok(())
    }

    /// Seals what waits.
    pub(super) fn seal_all(&mut self, out: &mut Vec<u8>) -> Result<(), Exhausted> {
        for plain in self.waiting.chunks(PLAIN_BYTES_MAX) {
            self.channel.seal(plain, out)?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// Seals a message with nothing in it.
    pub(super) fn seal_nothing(&mut self, out: &mut Vec<u8>) -> Result<(), Exhausted> {
        self.channel.seal(&[], out)
    }
}

fn message_bytes(length: [u8; LENGTH_BYTES]) -> usize {
    usize::from(u16::from_be_bytes(length))
}

/// The first message of the bytes, without its length, and what is after it; none if its end is
/// not there.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(message_bytes(*length))
}
