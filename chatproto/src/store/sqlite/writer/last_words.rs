//! What a batch says again and again, where only the last word counts: it is written once.

use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows of an owner of which the oldest are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ring {
    SendKeys,
    Seen,
    Posts,
}

impl Ring {
    pub(super) fn forget(self) -> &'static str {
        match self {
            Self::SendKeys => "DELETE FROM send_keys WHERE key BETWEEN ?1 AND ?2",
            Self::Seen => "DELETE FROM seen WHERE key BETWEEN ?1 AND ?2",
            Self::Posts => "DELETE FROM posts WHERE key BETWEEN ?1 AND ?2",
        }
    }
}

/// How far a stream has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The last number that the peer has stored, and the envelope's id.
    pub(super) acknowledged: Option<(u64, Uuid)>,
    pub(super) marked: u64,
}

#[derive(Debug, Default)]
pub(super) struct LastWords {
    /// Of each stream.
    pub(super) progress: BTreeMap<u32, Progress>,
    /// The oldest number of an owner that is kept.
    pub(super) oldest: BTreeMap<(Ring, u32), u64>,
}

impl LastWords {
    pub(super) fn marked(&mut self, stream: u32, upto: u64) {
        let progress = self.progress.entry(stream).or_default();
        progress.marked = progress.marked.max(upto);
    }

    pub(super) fn acknowledged(&mut self, stream: u32, durable: u64, id: Uuid) {
        let progress = self.progress.entry(stream).or_default();
        if progress
            .acknowledged
            .is_none_or(|(before, _)| before < durable)
        {
            progress.acknowledged = Some((durable, id));
        }
    }

    /// Notes which number of an owner is the oldest; the first one forgets nothing.
    pub(super) fn oldest(&mut self, ring: Ring, owner: u32, oldest: u64) {
        if oldest > 1 {
            let kept = self.oldest.entry((ring, owner)).or_default();
            *kept = (*kept).max(oldest);
        }
    }
}
