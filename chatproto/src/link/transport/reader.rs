//! Lines cut out of what has come, and frames made of them.

use super::TransportEvent;
use super::error::TransportError;
use crate::link::codec::decode;
use crate::link::frame::Frame;
use memchr::memchr;
use std::collections::VecDeque;

/// What a peer reads before its `hello` has said more, in bytes; the least it may say.
const PEER_LINE_BYTES_MIN: u64 = 4_096;

/// Reads the frames of a link that is up.
pub(super) struct Reader {
    line_bytes_max: u64,
    /// The beginning of a line whose end has not come.
    pub(super) partial: Vec<u8>,
    /// What the peer reads in one line.
    peer_line_bytes_max: u64,
    /// The peer's `hello` has come.
    is_greeted: bool,
}

impl Reader {
    pub(super) fn new(line_bytes_max: u64) -> Self {
        Self {
            line_bytes_max,
            partial: Vec::new(),
            peer_line_bytes_max: PEER_LINE_BYTES_MIN,
            is_greeted: false,
        }
    }

    pub(super) fn peer_line_bytes_max(&self) -> u64 {
        self.peer_line_bytes_max
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.is_greeted
    }

    /// Lets go of what it holds; nothing more is read.
    pub(super) fn end(&mut self) {
        self.partial = Vec::new();
    }

    /// Takes bytes, cut anyhow.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        events: &mut VecDeque<TransportEvent>,
    ) -> Result<(), TransportError> {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(end);
            self.check_length(head)?;
            rest = tail.get(1..).unwrap_or_default();
            if self.partial.is_empty() {
                events.extend(self.line(head)?);
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(head);
                events.extend(self.line(&line)?);
                line.clear();
                self.partial = line;
            }
        }
        self.check_length(rest)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Checks the line under way with these bytes more, its line feed not counted.
    fn check_length(&self, more: &[u8]) -> Result<(), TransportError> {
        let max = self.line_bytes_max;
        if (self.partial.len() + more.len()) as u64 >= max {
            Err(TransportError::ReceivedTooLong { max })
        } else {
            Ok(())
        }
    }

    /// Takes a line without its line feed; one that may be passed over is no event.
    fn line(&mut self, line: &[u8]) -> Result<Option<TransportEvent>, TransportError> {
        let frame = decode(line)?;
        match &frame {
            Some(Frame::Hello(_)) if self.is_greeted => return Err(TransportError::SecondHello),
            Some(Frame::Hello(hello)) if hello.line_bytes_max < PEER_LINE_BYTES_MIN => {
                return Err(TransportError::HelloLimit);
            }
            Some(Frame::Hello(hello)) => {
                self.peer_line_bytes_max = hello.line_bytes_max;
                self.is_greeted = true;
            }
            // Whoever ends the link at once may say why.
            Some(Frame::Error { .. } | Frame::Bye { .. }) => {}
            _ if !self.is_greeted => return Err(TransportError::NoHello),
            _ => {}
        }
        Ok(frame.map(TransportEvent::Frame))
    }
}
