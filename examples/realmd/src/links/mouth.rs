//! How the link thread makes itself heard.

use super::{FRAMES_IN_FLIGHT_MAX, Word};
use mio::Waker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

/// How the link thread tells the realm something without ever waiting for it.
pub(super) struct Mouth {
    words: SyncSender<Word>,
    waker: Arc<Waker>,
    /// Asks the realm for a wake once it has heard what there is.
    starved: Arc<AtomicBool>,
    /// What has no room yet.
    held: VecDeque<Word>,
    /// Something was told since the last wake that the realm should hear soon.
    told: bool,
    /// Frames that had room, told since the last wake.
    taken: usize,
}

/// So many frames that had room are news that the realm should hear soon. Of fewer it hears when it
/// is awake: it may have many more on their way.
const TAKEN_UNHEARD_MAX: usize = FRAMES_IN_FLIGHT_MAX / 8;

impl Mouth {
    pub(super) fn new(
        words: SyncSender<Word>,
        waker: Arc<Waker>,
        starved: Arc<AtomicBool>,
    ) -> Self {
        Self {
            words,
            waker,
            starved,
            held: VecDeque::new(),
            told: false,
            taken: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells what there is room for and holds the rest.
    pub(super) fn say(&mut self, words: &mut Vec<Word>) {
        if words.is_empty() && self.held.is_empty() {
            return;
        }
        for word in words.drain(..) {
            match word {
                Word::Taken(_, count) => self.taken += count,
                _ => self.told = true,
            }
            self.held.push_back(word);
        }
        self.told |= self.taken >= TAKEN_UNHEARD_MAX;
        if !self.push() {
            // Asked for first and tried again after: the realm may have made room in between,
            // and would not come back by itself.
            self.starved.store(true, Ordering::SeqCst);
            self.told = true;
            self.push();
        }
    }

    /// Wakes the realm if it was told something.
    pub(super) fn wake(&mut self) {
        if !std::mem::take(&mut self.told) {
            return;
        }
        self.taken = 0;
        if let Err(error) = self.waker.wake() {
            tracing::error!("the realm's thread cannot be woken: {error}");
        }
    }

    /// Tells as much as possible; true if that was everything.
    fn push(&mut self) -> bool {
        while let Some(word) = self.held.pop_front() {
            if let Err(error) = self.words.try_send(word) {
                let (TrySendError::Full(word) | TrySendError::Disconnected(word)) = error;
                self.held.push_front(word);
                return false;
            }
        }
        true
    }
}
