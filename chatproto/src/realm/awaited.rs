//! Messages that a peer has refused, and whose bounce has not come.

use crate::id::UserId;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A refused message, of which its sender is still to be told.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) user: UserId,
    /// For whom it was; empty if nobody remembers.
    pub(super) to: Box<str>,
    /// Until when its bounce is awaited.
    pub(super) due_ms: u64,
}

/// All that one peer still has to explain, by id.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    refused: BTreeMap<Uuid, Refused>,
    /// The same by the time, the earliest first.
    due: BTreeSet<(u64, Uuid)>,
}

impl Awaited {
    pub(super) fn insert(&mut self, id: Uuid, refused: Refused) {
        self.remove(id);
        self.due.insert((refused.due_ms, id));
        self.refused.insert(id, refused);
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Refused> {
        let refused = self.refused.remove(&id)?;
        self.due.remove(&(refused.due_ms, id));
        Some(refused)
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> BTreeMap<Uuid, Refused> {
        self.due.clear();
        std::mem::take(&mut self.refused)
    }

    /// Takes out one that was awaited for too long.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Option<(Uuid, Refused)> {
        let (_, id) = *self.due.first().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        self.remove(id).map(|refused| (id, refused))
    }

    /// When [`take_due`](Self::take_due) has something next.
    pub(super) fn due_ms(&self) -> Option<u64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Refused> {
        self.refused.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.refused.is_empty()
    }
}
