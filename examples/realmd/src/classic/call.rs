//! One call of a classic neighbour: connect, write the request, read the answer, close.

use chatproto::{ClassicAnswer, Now, RequestId};
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

/// What ends an answer.
const END: &[u8] = b"\r\n\r\n";
/// An answer gives the text back, each byte of it escaped to six at most,
const ECHO_FACTOR: usize = 6;
/// and may have so much beside it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A call under way.
pub(super) struct Call {
    request: RequestId,
    stream: TcpStream,
    is_connected: bool,
    bytes: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    answer_bytes_max: usize,
    connect_until_ms: u64,
    until_ms: u64,
    has_ended: bool,
}

impl Call {
    /// A call over a socket that is being connected. It gives up a little before the engine does, so
    /// that what is known of it is not lost; and soon where nobody is there at all.
    pub(super) fn new(
        request: RequestId,
        stream: TcpStream,
        bytes: Vec<u8>,
        patience_ms: u64,
        now: Now,
    ) -> Self {
        let until_ms = |part_ms: u64| now.mono_ms.saturating_add(part_ms.max(1));
        Self {
            request,
            stream,
            is_connected: false,
            answer_bytes_max: ANSWER_BYTES_MAX + ECHO_FACTOR * bytes.len(),
            bytes,
            written: 0,
            answer: Vec::new(),
            connect_until_ms: until_ms(patience_ms / 2),
            until_ms: until_ms(patience_ms - patience_ms / 10),
            has_ended: false,
        }
    }

    pub(super) fn request(&self) -> RequestId {
        self.request
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn deadline_ms(&self) -> u64 {
        if self.is_connected {
            self.until_ms
        } else {
            self.connect_until_ms.min(self.until_ms)
        }
    }

    /// What it comes to if nothing else happens.
    pub(super) fn given_up(&self) -> ClassicAnswer {
        if self.written == 0 {
            ClassicAnswer::NotReached
        } else {
            ClassicAnswer::NoAnswer
        }
    }

    /// Does what can be done now. Returns the answer once the call is over.
    pub(super) fn go_on(&mut self) -> Option<ClassicAnswer> {
        let answer = self.step();
        self.has_ended |= answer.is_some();
        answer
    }

    fn step(&mut self) -> Option<ClassicAnswer> {
        if !self.is_connected && !self.connected()? {
            return Some(ClassicAnswer::NotReached);
        }
        if !self.write() && self.written == 0 {
            return Some(ClassicAnswer::NotReached);
        }
        // Whoever takes no more may have said why.
        self.read()
    }

    /// Whether the connection is there; none if that is not known yet.
    fn connected(&mut self) -> Option<bool> {
        if !matches!(self.stream.take_error(), Ok(None)) {
            return Some(false);
        }
        // Only a connection has another end.
        self.is_connected = self.stream.peer_addr().is_ok();
        self.is_connected.then_some(true)
    }

    /// Writes what there is room for; false if nothing can be written any more.
    fn write(&mut self) -> bool {
        while let Some(rest) = self.bytes.get(self.written..).filter(|it| !it.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return false,
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn read(&mut self) -> Option<ClassicAnswer> {
        let mut buffer = [0; 4 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Some(self.at_the_end()),
                Ok(count) => {
                    let looked_at = self.answer.len().saturating_sub(END.len() - 1);
                    let read = buffer.get(..count).unwrap_or_default();
                    self.answer.extend_from_slice(read);
                    if self.ends_after(looked_at) {
                        return Some(ClassicAnswer::Answered(std::mem::take(&mut self.answer)));
                    }
                    if self.answer.len() > self.answer_bytes_max {
                        return Some(ClassicAnswer::NoAnswer);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(self.at_the_end()),
            }
        }
    }

    /// Whether the answer has its end behind that place; then what follows is cut off.
    fn ends_after(&mut self, looked_at: usize) -> bool {
        let new = self.answer.get(looked_at..).unwrap_or_default();
        let end = new.windows(END.len()).position(|four| four == END);
        if let Some(at) = end {
            self.answer.truncate(looked_at + at + END.len());
        }
        end.is_some()
    }

    /// The neighbour has hung up; what it has said is all there is.
    fn at_the_end(&mut self) -> ClassicAnswer {
        if self.answer.is_empty() {
            self.given_up()
        } else {
            ClassicAnswer::Answered(std::mem::take(&mut self.answer))
        }
    }
}
