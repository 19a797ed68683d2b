//! A line between two realms that does what lines do: it breaks, stalls, garbles, and lets strangers
//! in between.

use crate::common::dice::Dice;
use crate::pump::{self, Line, Pump};
use crate::world::{Fault, World};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often somebody who calls is looked for.
const TURN: Duration = Duration::from_millis(5);
/// Once in so many turns a stranger calls.
const TURNS_PER_STRANGER: u64 = 250;
const STRANGERS_MAX: usize = 3;
/// How long a stranger waits for an answer at most.
const STRANGER_MS_MAX: u64 = 3_000;
/// Beginnings of connections that are kept to be played back.
const RECORDINGS_MAX: usize = 4;
/// All that an acceptor says to somebody who has not shown that he knows the dialler's key: the
/// answer of the handshake, with its length.
const ANSWER_BYTES: usize = 2 + 48;

/// What the dialler said at the beginning of some connections.
pub(crate) type Recordings = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// The line over which one realm calls another; gone when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn between(from: usize, to: usize, world: &Arc<World>, dice: Dice) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let mut exchange = Exchange {
            listener,
            to,
            name: format!("line {} > {}", from + 1, to + 1),
            world: Arc::clone(world),
            dice,
            is_over: Arc::clone(&is_over),
            recordings: Recordings::default(),
            refuses_until_ms: 0,
            count: 0,
            strangers: Vec::new(),
            threads: Vec::new(),
        };
        Self {
            address,
            is_over,
            thread: Some(std::thread::spawn(move || exchange.run())),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Exchange {
    listener: TcpListener,
    to: usize,
    name: String,
    world: Arc<World>,
    dice: Dice,
    is_over: Arc<AtomicBool>,
    recordings: Recordings,
    refuses_until_ms: u64,
    /// Connections so far.
    count: u64,
    strangers: Vec<JoinHandle<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Exchange {
    fn run(&mut self) {
        while !self.is_over.load(Ordering::SeqCst) {
            match self.listener.accept() {
                Ok((dialler, _)) => self.take(dialler),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(TURN),
                Err(error) => self.world.accuse(&format!("{}: {error}", self.name)),
            }
            self.threads.retain(|thread| !thread.is_finished());
            self.strangers.retain(|thread| !thread.is_finished());
            let is_time = self.dice.below(TURNS_PER_STRANGER) == 0;
            if is_time && self.world.is_rough() && self.strangers.len() < STRANGERS_MAX {
                self.call_as_stranger();
            }
        }
        let threads = self.threads.drain(..).chain(self.strangers.drain(..));
        threads.for_each(|thread| thread.join().unwrap_or_default());
    }

    fn take(&mut self, dialler: TcpStream) {
        self.count += 1;
        let name = format!("{}, connection {}", self.name, self.count);
        dialler.set_nonblocking(false).unwrap();
        if self.world.is_rough() {
            if self.dice.percent(6) {
                self.refuses_until_ms = self.world.ms() + self.dice.below(1_000);
            }
            if self.world.ms() < self.refuses_until_ms {
                self.world.suffered(Fault::Refusal, &name);
                pump::reset(&dialler);
                return;
            }
        }
        let place = self.world.place(self.to);
        let Some(acceptor) = place.and_then(|place| TcpStream::connect(place.links).ok()) else {
            pump::reset(&dialler);
            return;
        };
        let is_echo = self.world.is_rough() && self.dice.percent(3);
        if is_echo {
            self.world.suffered(Fault::Echo, &name);
        }
        let line = Arc::new(Line {
            name,
            world: Arc::clone(&self.world),
            is_over: Arc::clone(&self.is_over),
            is_cut: AtomicBool::new(false),
            ends: [dialler, acceptor],
        });
        for from in [0, 1] {
            // An echo plays what the dialler says back to it.
            let to = if is_echo { from } else { 1 - from };
            let recordings = (from == 0 && !is_echo).then(|| Arc::clone(&self.recordings));
            let pump = Pump::new(Arc::clone(&line), (from, to), self.dice.fork(), recordings);
            self.threads.push(std::thread::spawn(move || pump.run()));
        }
    }

    /// Somebody calls who is no realm: with nothing to say, or with what a dialler once said.
    fn call_as_stranger(&mut self) {
        let Some(place) = self.world.place(self.to) else {
            return;
        };
        let recording = {
            let recordings = self.recordings.lock().unwrap();
            let at = self.dice.below(RECORDINGS_MAX as u64) as usize;
            recordings.get(at).cloned()
        };
        let mut words = recording.unwrap_or_default();
        if self.dice.percent(30) {
            words.truncate(self.dice.below(words.len() as u64 + 1) as usize);
        }
        let fault = if words.is_empty() {
            Fault::Stranger
        } else {
            Fault::Replay
        };
        let what = format!("{}: {} bytes", self.name, words.len());
        self.world.suffered(fault, &what);
        let (name, world, is_over) = (
            self.name.clone(),
            Arc::clone(&self.world),
            Arc::clone(&self.is_over),
        );
        self.strangers.push(std::thread::spawn(move || {
            let answer = play(place.links, &words, &world, &is_over);
            if answer > ANSWER_BYTES {
                let said = words.len();
                world.accuse(&format!(
                    "{name}: {said} bytes that were played back were answered by {answer}"
                ));
            }
        }));
    }
}

/// Says that and counts what is answered.
fn play(to: SocketAddr, words: &[u8], world: &World, is_over: &AtomicBool) -> usize {
    let Ok(mut stream) = TcpStream::connect(to) else {
        return 0;
    };
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let _ = stream.write_all(words);
    let (end, mut answer) = (Instant::now() + Duration::from_millis(STRANGER_MS_MAX), 0);
    let mut buffer = [0; 4_096];
    while Instant::now() < end && world.is_rough() && !is_over.load(Ordering::SeqCst) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer += count,
            Err(error) if pump::is_patience(&error) => {}
            Err(_) => break,
        }
    }
    answer
}

/// Keeps the beginning of a connection.
pub(crate) fn keep(recordings: &Recordings, words: Vec<u8>) {
    let mut recordings = recordings.lock().unwrap();
    if recordings.len() >= RECORDINGS_MAX {
        recordings.pop_front();
    }
    recordings.push_back(words);
}
