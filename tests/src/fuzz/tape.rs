//! Reads decisions off a fuzzer's bytes.

/// The bytes that are left; at their end each decision is the first one.
pub(super) struct Tape<'a> {
    rest: &'a [u8],
}

impl<'a> Tape<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// At most `n` bytes.
    pub(super) fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(n.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A number below `n`, which is at most 256; 0 where `n` is.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    pub(super) fn one_of<'b, T>(&mut self, choices: &'b [T]) -> &'b T {
        &choices[self.below(choices.len())]
    }

    /// Whether the one case of 16 has come that is the exception.
    pub(super) fn is_odd_case(&mut self) -> bool {
        self.byte() >= 0xf0
    }

    /// A number of any size, small ones mostly.
    pub(super) fn number(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::MAX,
            0xfe => u64::MAX - 1,
            0xfd => 1 << 53,
            0xfc => (1 << 53) - 1,
            0xf0..=0xfb => self
                .bytes(8)
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            small => u64::from(small % 16),
        }
    }

    /// A short text of any bytes, its length first.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let length = self.below(64);
        self.bytes(length)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.bytes(self.rest.len())
    }
}
