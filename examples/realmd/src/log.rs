//! The log on standard error, written by a thread of its own: whoever reads it slowly loses
//! lines, and the realms lose nothing.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel,
};
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Lines that wait for a slow reader; those after them are lost.
const LINES_WAITING_MAX: usize = 8_192;
/// Bytes that are written at once.
const WRITE_BYTES_MAX: usize = 64 * 1024;
/// How long the end of the program waits for the last lines.
const FLUSH_MS_MAX: u64 = 1_000;

/// Starts the log; what is said until the answer is dropped still reaches standard error.
///
/// `RUST_LOG` chooses what is told; without it that is everything from `info` on.
pub(crate) fn start() -> io::Result<Flush> {
    let (lines, flush) = writer(io::stderr(), Duration::from_millis(FLUSH_MS_MAX))?;
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .with_writer(Arc::new(lines))
        .finish();
    // A program that has a log of its own keeps it.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(flush)
}

enum Message {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    Flush(Sender<()>),
}

/// Takes whole lines, and never waits.
struct Lines {
    messages: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self
            .messages
            .try_send(Message::Line(line.to_vec()))
            .is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits, when dropped, for the lines said so far; but not for ever.
pub(crate) struct Flush {
    messages: SyncSender<Message>,
    patience: Duration,
}

impl Drop for Flush {
    fn drop(&mut self) {
        let end = Instant::now() + self.patience;
        let (done, written) = channel();
        let mut message = Message::Flush(done);
        while let Err(TrySendError::Full(again)) = self.messages.try_send(message) {
            if Instant::now() >= end {
                return;
            }
            message = again;
            thread::sleep(Duration::from_millis(5));
        }
        let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// Starts the thread that writes.
fn writer(to: impl Write + Send + 'static, patience: Duration) -> io::Result<(Lines, Flush)> {
    let (messages, waiting) = sync_channel(LINES_WAITING_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&lost);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(to, &waiting, &counter))?;
    let flush = Flush {
        messages: messages.clone(),
        patience,
    };
    Ok((Lines { messages, lost }, flush))
}

fn write_all(mut to: impl Write, waiting: &Receiver<Message>, lost: &AtomicU64) {
    let mut text = Vec::new();
    while let Ok(first) = waiting.recv() {
        let mut flushed = Vec::new();
        let mut next = Ok(first);
        while let Ok(message) = next {
            match message {
                Message::Line(line) => text.extend_from_slice(&line),
                Message::Flush(done) => flushed.push(done),
            }
            next = if text.len() < WRITE_BYTES_MAX {
                waiting.try_recv()
            } else {
                Err(TryRecvError::Empty)
            };
        }
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            text.extend_from_slice(lost_line(missing).as_bytes());
        }
        // Nobody is left to tell when the log itself cannot be written.
        let _ = to.write_all(&text).and_then(|()| to.flush());
        text.clear();
        for done in flushed {
            let _ = done.send(());
        }
    }
}

fn lost_line(missing: u64) -> String {
    format!("({missing} log lines are missing here: the log is read too slowly)\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However busy the machine is.
    const PATIENCE: Duration = Duration::from_secs(120);
    use std::sync::{Condvar, Mutex};

    /// Swallows nothing until it is opened.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<State>, Condvar)>);

    #[derive(Default)]
    struct State {
        open: bool,
        written: Vec<u8>,
    }

    impl Gate {
        fn open(&self) {
            self.0.0.lock().unwrap().open = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap()
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.0.lock().unwrap();
            while !state.open {
                state = self.0.1.wait(state).unwrap();
            }
            state.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_in_order() {
        let gate = Gate::default();
        gate.open();
        let (lines, flush) = writer(gate.clone(), PATIENCE).unwrap();

        for n in 0..100 {
            (&lines).write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        drop(flush);

        let text = gate.text();
        let read: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(read, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_log_that_nobody_reads_stops_nobody_and_tells_what_is_missing() {
        let gate = Gate::default();
        let (lines, flush) = writer(gate.clone(), PATIENCE).unwrap();

        for _ in 0..40_000 {
            (&lines).write_all(b"line\n").unwrap();
        }
        gate.open();
        drop(flush);

        let text = gate.text();
        let told = text
            .lines()
            .filter_map(|line| line.strip_prefix('(')?.split_once(' '));
        let missing: usize = told.map(|(count, _)| count.parse::<usize>().unwrap()).sum();
        assert!(missing > 0);
        let written = text.lines().filter(|line| *line == "line").count();
        assert_eq!(written + missing, 40_000);
    }
}
