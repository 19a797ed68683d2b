//! What a client is to write: each push in a write of its own.

use std::collections::VecDeque;
use std::fmt;
use zeroize::Zeroize as _;

/// Bytes to write, in pieces. They may hold a password or a token, and are wiped once written.
#[derive(Default)]
pub(super) struct Outgoing {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first one that were written.
    written: usize,
}

impl Outgoing {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pieces.push_back(bytes.to_vec());
    }

    /// What is left of the first piece.
    pub(super) fn first(&self) -> &[u8] {
        let first = self.pieces.front().and_then(|it| it.get(self.written..));
        first.unwrap_or_default()
    }

    pub(super) fn sent(&mut self, n: usize) {
        self.written += n;
        let first = self.pieces.front();
        if first.is_some_and(|first| first.len() <= self.written) {
            self.written = 0;
            self.pieces.pop_front().into_iter().for_each(wipe);
        }
    }

    pub(super) fn clear(&mut self) {
        self.written = 0;
        self.pieces.drain(..).for_each(wipe);
    }
}

fn wipe(mut bytes: Vec<u8>) {
    bytes.zeroize();
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} bytes)", self.first().len())
    }
}
