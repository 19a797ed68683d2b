//! How the link thread makes itself heard.

use super::{FRAMES_IN_FLIGHT_MAX, Word};
use mio::Waker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

/// So many frames that had room are news that the realm should hear soon. It may hear of fewer when it
/// is awake: as long as it has not heard of less than this, it may have more on their way, and needs no
/// wake to send them.
const TAKEN_UNHEARD_MAX: usize = FRAMES_IN_FLIGHT_MAX / 8;

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
        // What had no room before was not told before, though the realm was woken for it.
        self.told |= !self.held.is_empty();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::SocketKey;
    use mio::{Events, Poll, Token};
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    struct Listener {
        mouth: Mouth,
        words: Receiver<Word>,
        poll: Poll,
    }

    impl Listener {
        fn new(room: usize) -> Self {
            let poll = Poll::new().unwrap();
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
            let (told, words) = sync_channel(room);
            let mouth = Mouth::new(told, waker, Arc::default());
            Self { mouth, words, poll }
        }

        /// Says these words; returns whether the realm was woken for it.
        fn say(&mut self, mut words: Vec<Word>) -> bool {
            self.mouth.say(&mut words);
            self.mouth.wake();
            let mut events = Events::with_capacity(1);
            self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            !events.is_empty()
        }
    }

    fn down(key: SocketKey) -> Word {
        Word::Down(key)
    }

    #[test]
    fn words_that_had_to_wait_for_room_wake_the_realm_again() {
        let mut listener = Listener::new(1);

        assert!(listener.say(vec![down(1), down(2)]));
        assert!(listener.mouth.is_full());
        assert!(matches!(listener.words.try_recv(), Ok(Word::Down(1))));
        assert!(listener.say(Vec::new()));

        assert!(matches!(listener.words.try_recv(), Ok(Word::Down(2))));
        assert!(!listener.say(Vec::new()));
    }

    #[test]
    fn room_for_a_few_frames_wakes_nobody_and_for_many_it_does() {
        let mut listener = Listener::new(128);

        for _ in 0..63 {
            assert!(!listener.say(vec![Word::Taken(1, 1)]));
        }
        assert!(listener.say(vec![Word::Taken(1, 1)]));
        assert!(!listener.say(vec![Word::Taken(1, 63)]));
        assert!(listener.say(vec![down(1)]));
    }
}
