//! Closed sockets whose last words are still on the way.
//!
//! A socket that is closed with input unread resets the connection, and the reset overtakes what
//! the client has not read yet. So the writing half is closed first, and the rest a little later.

use chatproto::Now;
use mio::Registry;
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::Read;
use std::net::Shutdown;

/// How long a client has to read what was said last.
const LINGER_MS: u64 = 300;
/// Sockets that linger at a time; the oldest makes room.
const SOCKETS_MAX: usize = 256;
/// What is read, to be thrown away, before a socket is let go.
const DRAINED_BYTES_MAX: usize = 256 * 1024;

/// The closed sockets, oldest first.
#[derive(Default)]
pub(super) struct Lingering {
    sockets: VecDeque<(u64, TcpStream)>,
}

impl Lingering {
    pub(super) fn add(&mut self, mut stream: TcpStream, registry: &Registry, now: Now) {
        let registered = registry.deregister(&mut stream).is_ok();
        if !registered || stream.shutdown(Shutdown::Write).is_err() || drained(&mut stream) {
            return;
        }
        if self.sockets.len() >= SOCKETS_MAX {
            self.sockets.pop_front();
        }
        self.sockets.push_back((now.mono_ms + LINGER_MS, stream));
    }

    pub(super) fn deadline_ms(&self) -> Option<u64> {
        self.sockets.front().map(|(until_ms, _)| *until_ms)
    }

    pub(super) fn let_go(&mut self, now: Now) {
        while self
            .deadline_ms()
            .is_some_and(|until_ms| until_ms <= now.mono_ms)
        {
            if let Some((_, mut stream)) = self.sockets.pop_front() {
                drained(&mut stream);
            }
        }
    }
}

/// Throws away what came in; true when the client is gone.
fn drained(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 8 * 1024];
    let mut left = DRAINED_BYTES_MAX;
    while left > 0 {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
    false
}
