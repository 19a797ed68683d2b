//! The control socket of a realm that runs.
//!
//! A thread takes connections; each has another one that reads its line, and the work a third, so
//! that whoever waits for it hears that it goes on. The loop of the realm waits for none of them.

use super::desk::{Asker, PeerOrder};
use super::job;
use super::protocol::{Answer, Request, WORKING_EVERY_MS, read_line};
use super::socket;
use crate::reload::{self, ReloadError};
use crate::settings::Settings;
use crate::store::StoreHandle;
use chatproto::RealmName;
use chatproto::store::sqlite::{SqliteReader, SqliteStore};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Operators at a time, and work that goes on after they left.
const OPERATORS_MAX: usize = 8;
/// How long an operator may leave an answer unread.
const WRITE_MS_MAX: u64 = 5_000;
/// The pause after a connection that the system could not give.
const RETRY: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// The files of a realm.
pub(super) struct Files {
    pub(super) store: StoreHandle,
    /// The file that its settings were read from, if they were.
    pub(super) realm_file: Option<PathBuf>,
}

/// The control socket; it is gone when this is dropped.
pub(super) struct Control {
    path: PathBuf,
    /// When it is closed the thread ends.
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    pub(super) fn start(
        realm: &RealmName,
        files: Files,
        asker: Asker,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let path = socket::beside(files.store.file());
        Self::start_at(path.clone(), realm, files, asker).map_err(|error| (path, error))
    }

    fn start_at(path: PathBuf, realm: &RealmName, files: Files, asker: Asker) -> io::Result<Self> {
        let Files { store, realm_file } = files;
        // The folder of the program may be another one when the socket is to go.
        let path = std::path::absolute(&path).unwrap_or(path);
        let file = std::path::absolute(store.file()).unwrap_or_else(|_| store.file().to_owned());
        let (wake, woken) = UnixStream::pair()?;
        let mut control = Self {
            path: path.clone(),
            wake: Some(wake),
            thread: None,
        };
        let listener = socket::listen(&path)?;
        let office = Arc::new(Office {
            realm: realm.clone(),
            store,
            file,
            realm_file,
            asker,
            operators: Arc::default(),
            is_writing: Arc::default(),
        });
        let thread = Builder::new()
            .name(format!("{realm} control"))
            .spawn(move || accept(&office, &listener, &woken))?;
        control.thread = Some(thread);
        Ok(control)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What is there without a thread is not of this realm.
        if let Some(thread) = self.thread.take() {
            let _ = fs::remove_file(&self.path);
            self.wake = None;
            if thread.join().is_err() {
                tracing::error!("the thread of a control socket ended with a bug of its own");
            }
        }
    }
}

/// Takes connections until the other end of `woken` is closed.
fn accept(office: &Arc<Office>, listener: &UnixListener, woken: &UnixStream) {
    let mut is_exhausted = false;
    loop {
        let mut ready = [
            PollFd::new(woken, PollFlags::IN),
            PollFd::new(listener, PollFlags::IN),
        ];
        // A connection that cannot be taken stays ready; the pause keeps this from spinning.
        let (watched, timeout) = if is_exhausted {
            (&mut ready[..1], Some(&RETRY))
        } else {
            (&mut ready[..], None)
        };
        match poll(watched, timeout) {
            Err(rustix::io::Errno::INTR) | Ok(_) => {}
            Err(error) => {
                tracing::error!("{}: the control socket has failed: {error}", office.realm);
                return;
            }
        }
        if !ready[0].revents().is_empty() {
            return;
        }
        is_exhausted = match listener.accept() {
            Ok((stream, _)) => {
                welcome(office, stream);
                false
            }
            Err(error) => !matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        };
    }
}

/// Gives a connection a thread, if there is one to be had.
fn welcome(office: &Arc<Office>, mut stream: UnixStream) {
    let patience = Some(Duration::from_millis(WRITE_MS_MAX));
    if stream.set_nonblocking(false).is_err() || stream.set_write_timeout(patience).is_err() {
        return;
    }
    let refusal = if !socket::admits(&stream) {
        tracing::warn!(
            "{}: somebody else wanted to use the control socket and was refused",
            office.realm
        );
        Some("only the user that runs the realm may do that".to_owned())
    } else if let Some(seat) = Seat::take(&office.operators) {
        let (office, realm) = (Arc::clone(office), &office.realm);
        let started = Builder::new()
            .name(format!("{realm} operator"))
            .spawn(move || office.serve(stream, seat));
        if let Err(error) = started {
            tracing::warn!("{realm}: no thread for an operator: {error}");
        }
        return;
    } else {
        Some(format!(
            "{OPERATORS_MAX} operators are at work already: try again when they are done"
        ))
    };
    if let Some(sentence) = refusal {
        // It fits into any socket that is empty.
        let _ = stream.write_all(Answer::failed(sentence).line().as_bytes());
    }
}

/// One of the few places for operators, until it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(taken: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(Arc::clone(taken));
        (seat.0.fetch_add(1, Ordering::SeqCst) < OPERATORS_MAX).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The right to write big files, which one operator at a time has.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Self> {
        let is_taken = taken.swap(true, Ordering::SeqCst);
        (!is_taken).then(|| Self(Arc::clone(taken)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What work needs.
struct Office {
    realm: RealmName,
    store: StoreHandle,
    /// The store's path from the root.
    file: PathBuf,
    /// The realm's own file.
    realm_file: Option<PathBuf>,
    asker: Asker,
    operators: Arc<AtomicUsize>,
    is_writing: Arc<AtomicBool>,
}

impl Office {
    /// Answers the one line of a connection.
    fn serve(self: Arc<Self>, mut stream: UnixStream, seat: Seat) {
        let line = match read_line(&mut stream) {
            Ok(Some(line)) => Request::parse(&line),
            Ok(None) => return,
            Err(sentence) => Err(sentence),
        };
        let answer = match line {
            Ok(request) => self.work(request, &mut stream, seat),
            Err(sentence) => Some(Answer::failed(sentence)),
        };
        if let Some(answer) = answer {
            let _ = stream.write_all(answer.line().as_bytes());
        }
    }

    /// Does what is asked, telling now and then that it goes on; none if nobody waits for it any
    /// more, though it is done.
    fn work(self: Arc<Self>, request: Request, to: &mut UnixStream, seat: Seat) -> Option<Answer> {
        let (done, answered) = channel();
        let realm = self.realm.clone();
        let work = move || {
            let answer = self.carry_out(&request);
            match &answer {
                Answer::Failed { sentence } => {
                    tracing::warn!("{}: {} failed: {sentence}", self.realm, request.word());
                }
                Answer::Inspected(_) | Answer::Peers(_) => {
                    tracing::debug!("{}: was inspected", self.realm);
                }
                // The loop has told of it.
                Answer::Done { .. } => {}
                _ => tracing::info!("{}: {} is done", self.realm, request.word()),
            }
            let _ = done.send(answer);
            drop(seat);
        };
        if let Err(error) = Builder::new().name(format!("{realm} work")).spawn(work) {
            return Some(Answer::failed(format!("no thread for it: {error}")));
        }
        let began = Instant::now();
        loop {
            match answered.recv_timeout(Duration::from_millis(WORKING_EVERY_MS)) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Answer::failed("a bug of the realm ended it"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = began.elapsed().as_secs();
                    let line = Answer::Working { seconds }.line();
                    to.write_all(line.as_bytes()).ok()?;
                }
            }
        }
    }

    fn carry_out(&self, request: &Request) -> Answer {
        let turn = match request {
            Request::Inspect | Request::Peers | Request::Peer(..) | Request::Reload => None,
            Request::Backup(_) | Request::Compact => match Turn::take(&self.is_writing) {
                Some(turn) => Some(turn),
                None => {
                    return Answer::failed(
                        "another backup or compact is under way: try again when it is done",
                    );
                }
            },
        };
        let answer = match request {
            Request::Inspect => self.inspect(),
            Request::Peers => self.asker.peers().map_or_else(
                |error| Answer::failed(error.to_string()),
                |report| Answer::Peers(Box::new(report)),
            ),
            Request::Peer(order, peer) => self.peer(*order, peer),
            Request::Reload => self.reload(),
            Request::Backup(destination) => match self.reader() {
                Ok(mut reader) => job::backup(&mut reader, destination),
                Err(answer) => answer,
            },
            Request::Compact => {
                let file = self.file.clone();
                let compacted = self.store.ask(move |store| job::compact(&file, store));
                compacted.unwrap_or_else(ending)
            }
        };
        drop(turn);
        answer
    }

    fn inspect(&self) -> Answer {
        let status = match self.asker.status() {
            Ok(status) => status,
            Err(error) => return Answer::failed(error.to_string()),
        };
        match self.reader() {
            Ok(mut reader) => job::inspect(&self.realm, &self.file, status, &mut reader),
            Err(answer) => answer,
        }
    }

    fn peer(&self, order: PeerOrder, peer: &RealmName) -> Answer {
        if let PeerOrder::Remove { .. } = order
            && let Err(sentence) = self.check_unnamed(peer)
        {
            return Answer::failed(sentence);
        }
        match self.asker.peer(order, peer.clone()) {
            Ok(Ok(sentence)) => Answer::Done {
                sentences: vec![sentence],
            },
            Ok(Err(sentence)) => Answer::failed(sentence),
            Err(error) => Answer::failed(error.to_string()),
        }
    }

    /// Checks that a peer would not be back at the next start.
    fn check_unnamed(&self, peer: &RealmName) -> Result<(), String> {
        let Some(file) = &self.realm_file else {
            return Ok(());
        };
        let settings = Settings::from_file(file).map_err(|error| error.to_string())?;
        if !settings
            .config
            .peers
            .iter()
            .any(|named| named.name == *peer)
        {
            return Ok(());
        }
        let report = self.asker.peers().map_err(|error| error.to_string())?;
        let waiting = match report.waiting_for(peer) {
            0 => String::new(),
            1 => "; one message waits for it".to_owned(),
            many => format!("; {many} messages wait for it"),
        };
        Err(format!(
            "{} still names {peer}, so that it would be back at the next start: take its [[peers]] out there first{waiting}",
            file.display()
        ))
    }

    fn reload(&self) -> Answer {
        let Some(file) = &self.realm_file else {
            return Answer::failed(format!("{} was not read from a file", self.realm));
        };
        let taken = Settings::from_file(file)
            .map_err(ReloadError::from)
            .and_then(reload::prepare)
            .and_then(|prepared| self.asker.reload(prepared));
        match taken {
            Ok(sentences) => Answer::Done { sentences },
            Err(error) => Answer::failed(format!("nothing has changed: {error}")),
        }
    }

    /// A way into the store of its own, so that commits go on.
    fn reader(&self) -> Result<SqliteReader, Answer> {
        match self.store.ask(|store: &mut SqliteStore| store.reader()) {
            Some(Ok(reader)) => Ok(reader),
            Some(Err(error)) => Err(Answer::failed(error.to_string())),
            None => Err(ending()),
        }
    }
}

fn ending() -> Answer {
    Answer::failed("the realm is ending: try again, it goes without it too")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_and_turns_are_given_back() {
        let (operators, is_writing) = (Arc::default(), Arc::default());

        let seats: Vec<_> = (0..8).map(|_| Seat::take(&operators).unwrap()).collect();
        assert!(Seat::take(&operators).is_none());
        drop(seats);
        assert!(Seat::take(&operators).is_some());

        let turn = Turn::take(&is_writing).unwrap();
        assert!(Turn::take(&is_writing).is_none());
        drop(turn);
        assert!(Turn::take(&is_writing).is_some());
    }
}
