//! What the tests share: realms on free ports and a client that never waits for ever.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "a test says what went wrong by failing"
)]

pub(crate) mod dice;
pub(crate) mod running;

use realmd::{Server, Settings};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The longest any answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const REALM1: &str = r#"
name = "realm1"
client = { address = "127.0.0.1:0" }
passwords = { scheme = "plain" }
users = [
    { name = "messi", display_name = "Lionel Messi", country = "Argentina", password = "surabaya" },
    { name = "henderson", display_name = "Jordan Henderson", country = "Inggris", password = "surabaya" },
    { name = "lineker", display_name = "Gary Lineker", country = "Inggris", password = "surabaya" },
]
"#;

/// Starts a realm of that text.
pub(crate) fn start(text: &str) -> Server {
    Server::start(Settings::from_toml(text).unwrap()).unwrap()
}

/// Starts realm1 with some limits.
pub(crate) fn start_with(limits: &str) -> Server {
    start(&format!("{REALM1}\n[limits]\n{limits}\n"))
}

/// Tries until it works; fails when patience is at its end.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A client as the classic one, but with a patience.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    held: Vec<u8>,
    /// So many bytes of it hold no end of a reply.
    looked_at: usize,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::connect_if_there(address).unwrap()
    }

    /// None if nobody listens there.
    pub(crate) fn connect_if_there(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Self {
            stream,
            held: Vec::new(),
            looked_at: 0,
        })
    }

    /// Connects and logs in; the token comes back too.
    pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> (Self, String) {
        let mut client = Self::connect(address);
        let reply = client.ask(&format!("auth {user} {password} \r\n"));
        let token = reply
            .strip_prefix("{\"status\": \"OK\", \"tokenid\": \"")
            .unwrap()
            .strip_suffix("\"}")
            .unwrap();
        let token = token.to_owned();
        (client, token)
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// One reply without its end.
    pub(crate) fn reply(&mut self) -> String {
        loop {
            if let Some(reply) = self.held_reply() {
                return reply;
            }
            assert!(self.more(), "the end came instead of a reply");
        }
    }

    /// A reply that was read already.
    fn held_reply(&mut self) -> Option<String> {
        // What was looked at before is passed over: replies may be megabytes.
        let ends = |held: &[u8]| held.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(at) = ends(&self.held[self.looked_at..]) else {
            self.looked_at = self.held.len().saturating_sub(3);
            return None;
        };
        let end = self.looked_at + at;
        let reply = String::from_utf8(self.held[..end].to_vec()).unwrap();
        self.held.drain(..end + 4);
        self.looked_at = 0;
        Some(reply)
    }

    /// One reply without its end; none if the end came, or nothing for as long as it reads.
    pub(crate) fn reply_if_any(&mut self) -> Option<String> {
        loop {
            if let Some(reply) = self.held_reply() {
                return Some(reply);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.held.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// One reply without its end, if it is there.
    pub(crate) fn reply_at_once(&mut self) -> Option<String> {
        self.stream.set_nonblocking(true).unwrap();
        let reply = self.reply_if_any();
        self.stream.set_nonblocking(false).unwrap();
        reply
    }

    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.send(text);
        self.reply()
    }

    /// Reads until this text has come; what stood before it comes back.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let held = String::from_utf8_lossy(&self.held).into_owned();
            if let Some(at) = held.find(text) {
                self.held.drain(..at + text.len());
                self.looked_at = 0;
                return held[..at].to_owned();
            }
            assert!(
                self.more(),
                "the end came instead of {text:?}, after {held:?}"
            );
        }
    }

    /// Reads to the end; a reset is a failure.
    pub(crate) fn rest(&mut self) -> String {
        while self.more() {}
        String::from_utf8(std::mem::take(&mut self.held)).unwrap()
    }

    /// Reads to the end, however it comes.
    pub(crate) fn ends(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("no end came: {error}"),
            }
        }
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.unwrap(),
            }
        };
        self.held.extend_from_slice(&buffer[..count]);
        count > 0
    }
}

/// What `inbox` says, once it says anything of that text.
pub(crate) fn inbox_with(client: &mut Client, token: &str, text: &str) -> String {
    eventually(text, || {
        let reply = client.ask(&format!("inbox {token} \r\n"));
        reply.contains(text).then_some(reply)
    })
}
