//! The store of a realm, seen from the thread that owns the realm.
//!
//! Commits run on a thread of their own, one batch at a time: while one is under way the records of
//! all connections gather for the next. A second thread reads what is not in memory.

mod opening;
mod reading;
mod sweep;
mod thread;

pub(crate) use opening::{Opened, StoreStartError, make_private, open};

use chatproto::store::sqlite::SqliteStore;
use chatproto::store::{Fetch, QueueFetch, StoreError};
use chatproto::{Batch, RequestId};
use mio::Waker;
use reading::{Finding, Reading, Wish};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// What the realm, or an operator, wants of the store's thread.
enum Order {
    Commit(Batch),
    /// Something else, between two commits.
    Ask(Box<dyn FnOnce(&mut SqliteStore) + Send>),
    /// Close the store and end.
    Stop,
}

/// What the store's thread tells the realm.
#[derive(Debug)]
pub(crate) enum Word {
    /// A batch is in the store.
    Committed(u64),
    /// A batch is not in the store.
    Failed(u64, StoreError),
    /// The store failed at something that no batch asked for, or its thread has ended.
    Broken(StoreError),
}

/// Tells the realm something and wakes it; when a thread ends, whyever, the realm is woken too.
struct Mouth<T> {
    words: Option<Sender<T>>,
    waker: Arc<Waker>,
}

impl<T> Mouth<T> {
    fn new(words: Sender<T>, waker: &Arc<Waker>) -> Self {
        Self {
            words: Some(words),
            waker: Arc::clone(waker),
        }
    }

    fn say(&self, word: T) {
        if let Some(words) = &self.words {
            // Without a receiver the realm has ended.
            let _ = words.send(word);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!("the realm's thread cannot be woken: {error}");
        }
    }
}

impl<T> Drop for Mouth<T> {
    fn drop(&mut self) {
        self.words = None;
        self.wake();
    }
}

/// Another thread's way to the store of a running realm.
#[derive(Clone)]
pub(crate) struct StoreHandle {
    orders: Sender<Order>,
    file: PathBuf,
}

impl StoreHandle {
    /// The store's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Does something with the store between two commits, and waits for it; none if the realm has
    /// ended. Whatever takes long holds up every sender: for reading, ask for a
    /// [`reader`](SqliteStore::reader) and use that one here.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut SqliteStore) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = channel();
        let ask = move |store: &mut SqliteStore| {
            // Whoever asked may have given up.
            let _ = answer.send(question(store));
        };
        self.orders.send(Order::Ask(Box::new(ask))).ok()?;
        answered.recv().ok()
    }
}

/// The store of one realm.
pub(crate) struct Storage {
    orders: Sender<Order>,
    words: Receiver<Word>,
    /// None at the end.
    reading: Option<Reading>,
    file: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Storage {
    /// Starts the threads. `waker` is how they make themselves heard.
    pub(crate) fn start(opened: Opened, waker: &Arc<Waker>) -> io::Result<Self> {
        let (orders, received) = channel();
        let (told, words) = channel();
        let Opened {
            store,
            reader,
            realm,
            file,
            retention,
        } = opened;
        let reading = Reading::start(&realm, reader, waker)?;
        let mouth = Mouth::new(told, waker);
        let commits = thread::StoreThread::new(store, retention, received, mouth);
        let thread = std::thread::Builder::new()
            .name(format!("{realm} store"))
            .spawn(move || commits.run())?;
        Ok(Self {
            orders,
            words,
            reading: Some(reading),
            file,
            thread: Some(thread),
        })
    }

    /// Waits for the commit under way, closes the store, and says which file it was.
    pub(crate) fn close(self) -> PathBuf {
        self.file.clone()
    }

    /// The way for other threads.
    pub(crate) fn handle(&self) -> StoreHandle {
        StoreHandle {
            orders: self.orders.clone(),
            file: self.file.clone(),
        }
    }

    /// Commits a batch; a word tells how it went.
    pub(crate) fn commit(&self, batch: Batch) {
        // A thread that has ended is heard of by its silence.
        let _ = self.orders.send(Order::Commit(batch));
    }

    /// The next word, if there is one.
    pub(crate) fn hear(&self) -> Option<Word> {
        match self.words.try_recv() {
            Ok(word) => Some(word),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Word::Broken(StoreError::Broken(
                "a bug ended the thread of the store, nothing is known of what was written: start anew"
                    .to_owned(),
            ))),
        }
    }

    /// Reads messages that a fetch asks for.
    pub(crate) fn fetch(&mut self, request: RequestId, fetch: Fetch) {
        if let Some(reading) = &mut self.reading {
            reading.read(request, Wish::Messages(fetch));
        }
    }

    /// Reads envelopes that a fetch asks for.
    pub(crate) fn fetch_queue(&mut self, request: RequestId, fetch: QueueFetch) {
        if let Some(reading) = &mut self.reading {
            reading.read(request, Wish::Queue(fetch));
        }
    }

    /// What a fetch found, to be told to the realm. That it could not be read was logged.
    pub(crate) fn found(&mut self) -> Option<(RequestId, Finding)> {
        self.reading.as_mut()?.found()
    }
}

impl Drop for Storage {
    /// Lets the commit under way end, and closes the store.
    fn drop(&mut self) {
        self.reading = None;
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread ended with a bug of its own");
        }
    }
}
