//! Messages that a peer has refused, and whose bounce has not come.

use crate::id::UserId;
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// A refused message, of which its sender is still to be told.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) user: UserId,
    /// For whom it was; empty if nobody remembers.
    pub(super) to: Box<str>,
}

/// All that one peer still has to explain, by id.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    refused: BTreeMap<Uuid, Refused>,
    /// Until when each is awaited, the earliest first; what was explained since is still among them.
    due: VecDeque<(u64, Uuid)>,
}

impl Awaited {
    pub(super) fn insert(&mut self, id: Uuid, refused: Refused, due_ms: u64) {
        self.refused.insert(id, refused);
        self.due.push_back((due_ms, id));
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Refused> {
        let refused = self.refused.remove(&id);
        self.forget_explained();
        refused
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> BTreeMap<Uuid, Refused> {
        self.due.clear();
        std::mem::take(&mut self.refused)
    }

    /// Takes out one that was awaited for too long.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Option<(Uuid, Refused)> {
        let (_, id) = self.due.front().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        let id = *id;
        self.remove(id).map(|refused| (id, refused))
    }

    /// When [`take_due`](Self::take_due) has something next.
    pub(super) fn due_ms(&self) -> Option<u64> {
        self.due.front().map(|(due_ms, _)| *due_ms)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Refused> {
        self.refused.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.refused.is_empty()
    }

    /// Bounces come in the order of the refusals, so what was explained stands in front.
    fn forget_explained(&mut self) {
        while let Some((_, id)) = self.due.front()
            && !self.refused.contains_key(id)
        {
            self.due.pop_front();
        }
    }
}
