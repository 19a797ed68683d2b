//! One direction of a connection, and what befalls it.

use crate::common::dice::Dice;
use crate::proxy::{Recordings, keep};
use crate::world::{Fault, World};
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// As much of a connection's beginning is kept.
const RECORDED_BYTES: usize = 8 * 1_024;
/// How often those who wait for bytes look up.
const LOOK_UP: Duration = Duration::from_millis(50);
/// How long a realm may leave bytes unread before its line is cut: longer than it is ever stopped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of a realm with another one.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) world: Arc<World>,
    pub(crate) is_over: Arc<AtomicBool>,
    pub(crate) is_cut: AtomicBool,
    /// The dialler's and the acceptor's.
    pub(crate) ends: [TcpStream; 2],
}

impl Line {
    /// Ends both directions, by resets or not.
    fn cut(&self, is_reset: bool) {
        self.is_cut.store(true, Ordering::SeqCst);
        for end in &self.ends {
            if is_reset {
                let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
            }
            // It wakes whoever reads there; the other side hears of it when the socket is dropped.
            let _ = end.shutdown(Shutdown::Read);
        }
    }

    fn is_ended(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst) || self.is_over.load(Ordering::SeqCst)
    }
}

/// Ends a connection by a reset.
pub(crate) fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Whether nothing came for a while.
pub(crate) fn is_patience(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// How bytes get on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Plain,
    /// So many bytes still go one by one.
    Trickle(u64),
    /// They vanish.
    Swallow,
}

/// The line is of no more use.
struct Ended;

pub(crate) struct Pump {
    line: Arc<Line>,
    from: usize,
    to: usize,
    dice: Dice,
    /// Bytes until something happens.
    left: u64,
    pace: Pace,
    recordings: Option<Recordings>,
    recorded: Vec<u8>,
}

impl Pump {
    pub(crate) fn new(
        line: Arc<Line>,
        (from, to): (usize, usize),
        dice: Dice,
        recordings: Option<Recordings>,
    ) -> Self {
        let mut pump = Self {
            line,
            from,
            to,
            dice,
            left: 0,
            pace: Pace::Plain,
            recordings,
            recorded: Vec::new(),
        };
        pump.left = pump.respite();
        pump
    }

    /// Carries bytes until the connection ends.
    pub(crate) fn run(mut self) {
        let line = Arc::clone(&self.line);
        for end in &line.ends {
            let _ = end.set_nodelay(true);
            let _ = end.set_read_timeout(Some(LOOK_UP));
            let _ = end.set_write_timeout(Some(WRITE_TIMEOUT));
        }
        let mut buffer = [0; 16 * 1_024];
        while !line.is_ended() {
            match (&line.ends[self.from]).read(&mut buffer) {
                Ok(0) => {
                    let _ = line.ends[self.to].shutdown(Shutdown::Write);
                    break;
                }
                Ok(count) => {
                    self.record(&buffer[..count]);
                    if self.carry(&mut buffer[..count]).is_err() {
                        line.cut(true);
                    }
                }
                Err(error) if is_patience(&error) => {}
                Err(_) => line.cut(true),
            }
            if self.pace == Pace::Swallow && !line.world.is_rough() {
                line.cut(true);
            }
        }
        if let Some(recordings) = &self.recordings {
            keep(recordings, self.recorded);
        }
    }

    fn record(&mut self, bytes: &[u8]) {
        let room = RECORDED_BYTES - self.recorded.len();
        if self.recordings.is_some() {
            self.recorded
                .extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
    }

    fn carry(&mut self, mut bytes: &mut [u8]) -> Result<(), Ended> {
        while !bytes.is_empty() {
            if self.left == 0 && self.line.world.is_rough() {
                self.left = self.respite();
                self.suffer(&mut bytes[0])?;
            }
            let step = match self.pace {
                Pace::Trickle(_) => 1,
                Pace::Plain | Pace::Swallow if self.line.world.is_rough() => self.left.max(1),
                Pace::Plain | Pace::Swallow => u64::MAX,
            };
            let count = step.min(bytes.len() as u64) as usize;
            let (now, later) = bytes.split_at_mut(count);
            self.left = self.left.saturating_sub(count as u64);
            self.write(now)?;
            bytes = later;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        if self.line.is_ended() {
            return Err(Ended);
        }
        if self.pace == Pace::Swallow {
            return Ok(());
        }
        let written = (&self.line.ends[self.to]).write_all(bytes);
        if let Pace::Trickle(left) = self.pace {
            let is_enough = left == 0 || !self.line.world.is_rough();
            self.pace = if is_enough {
                Pace::Plain
            } else {
                std::thread::sleep(Duration::from_millis(2));
                Pace::Trickle(left - 1)
            };
        }
        written.map_err(|_| Ended)
    }

    /// Something happens before that byte.
    fn suffer(&mut self, next: &mut u8) -> Result<(), Ended> {
        let line = Arc::clone(&self.line);
        let tell = |fault, what: &str| {
            let way = ["", " back"][self.from];
            line.world
                .suffered(fault, &format!("{}{way} {what}", line.name));
        };
        match self.dice.below(100) {
            0..25 => {
                let is_reset = self.dice.percent(50);
                tell(Fault::Cut, if is_reset { "by a reset" } else { "by a FIN" });
                line.cut(is_reset);
                return Err(Ended);
            }
            25..48 => {
                let ms = 1 + self.dice.below(100);
                tell(Fault::Delay, &format!("{ms} ms"));
                line.world.nap(ms);
            }
            48..63 => {
                let ms = 100 + self.dice.below(2_000);
                tell(Fault::Stall, &format!("{ms} ms"));
                line.world.nap(ms);
            }
            63..78 => {
                let count = 20 + self.dice.below(300);
                tell(Fault::Trickle, &format!("{count} bytes"));
                self.pace = Pace::Trickle(count);
            }
            78..88 => {
                tell(Fault::Flip, "of a bit");
                *next ^= 1 << self.dice.below(8);
            }
            88..93 => {
                tell(Fault::Swallow, "of all that follows");
                self.pace = Pace::Swallow;
            }
            _ => {
                tell(Fault::HalfCut, "by a FIN, the other way goes on");
                let _ = line.ends[self.to].shutdown(Shutdown::Write);
                self.pace = Pace::Swallow;
            }
        }
        Ok(())
    }

    /// How many bytes pass in peace. Many faults fall into the handshake.
    fn respite(&mut self) -> u64 {
        let upto = match self.dice.below(10) {
            0..2 => 250,
            2..7 => 5_000,
            _ => 60_000,
        };
        1 + self.dice.below(upto)
    }
}
