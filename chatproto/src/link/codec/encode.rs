//! Frames into bytes, written straight into the outgoing buffer.

use super::INTEGER_MAX;
use crate::envelope::{Envelope, Kind};
use crate::link::frame::{Frame, Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use uuid::Uuid;

/// A frame has a number that no peer would read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberTooBig;

impl Frame {
    /// Writes the frame as it goes over a link, without the line feed; for people to look at. The
    /// texts of messages are in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use chatproto::Frame;
    ///
    /// assert_eq!(Frame::Ping { n: 7 }.to_json(), r#"{"t":"ping","n":7}"#);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut line = Vec::new();
        // A number that no peer reads is shown nevertheless.
        let _ = encode(self, &mut line);
        line.truncate(line.trim_ascii_end().len());
        String::from_utf8_lossy(&line).into_owned()
    }
}

/// Appends the frame's line, its line feed included.
///
/// # Errors
///
/// A number is beyond 2^53; what was appended is then not a line to send.
pub(crate) fn encode(frame: &Frame, out: &mut Vec<u8>) -> Result<(), NumberTooBig> {
    let mut line = Line { out, exact: true };
    match frame {
        Frame::Hello(hello) => line.hello(hello),
        Frame::Resume(resume) => line.resume(resume),
        Frame::Credit {
            stream,
            upto,
            bytes,
        } => {
            line.id(br#"{"t":"credit","stream":"#, *stream);
            line.number(br#","upto":"#, *upto);
            line.number(br#","bytes":"#, *bytes);
        }
        Frame::Env {
            stream,
            seq,
            envelope,
        } => {
            line.id(br#"{"t":"env","stream":"#, *stream);
            line.number(br#","seq":"#, *seq);
            line.envelope(envelope);
        }
        Frame::Void { stream, seq, id } => {
            line.id(br#"{"t":"void","stream":"#, *stream);
            line.number(br#","seq":"#, *seq);
            line.id(br#","id":"#, *id);
        }
        Frame::Ack {
            stream,
            durable,
            refused,
        } => {
            line.id(br#"{"t":"ack","stream":"#, *stream);
            line.number(br#","durable":"#, *durable);
            line.list(br#","refused":"#, refused, |line, seq| {
                line.number(b"", *seq);
            });
        }
        Frame::Live(event) => line.live(event),
        Frame::Ask { id, question, name } => line.ask(*id, *question, name),
        Frame::Answer { id, found } => {
            line.number(br#"{"t":"answer","id":"#, *id);
            line.raw(if *found {
                br#","found":true"#
            } else {
                br#","found":false"#
            });
        }
        Frame::Ping { n } => line.number(br#"{"t":"ping","n":"#, *n),
        Frame::Pong { n } => line.number(br#"{"t":"pong","n":"#, *n),
        Frame::Error { code, text } => line.words(br#"{"t":"error","code":"#, code, text),
        Frame::Bye { code, text } => line.words(br#"{"t":"bye","code":"#, code, text),
    }
    line.raw(b"}\n");
    if line.exact {
        Ok(())
    } else {
        Err(NumberTooBig)
    }
}

/// A line under way. What each method writes stands behind `before`: the key and what separates it.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    /// Whether all numbers so far are ones that every peer reads exactly.
    exact: bool,
}

impl Line<'_> {
    fn hello(&mut self, hello: &Hello) {
        let [least, greatest] = hello.versions;
        self.text(br#"{"t":"hello","realm":"#, &hello.realm);
        self.text(br#","peer":"#, &hello.peer);
        self.number(br#","versions":["#, least);
        self.number(b",", greatest);
        self.list(br#"],"capabilities":"#, &hello.capabilities, |line, one| {
            line.text(b"", one);
        });
        self.number(br#","limits":{"line_bytes":"#, hello.line_bytes_max);
        self.text(br#"},"software":"#, &hello.software);
    }

    fn resume(&mut self, resume: &Resume) {
        self.id(br#"{"t":"resume","stream":"#, resume.stream);
        self.raw(match resume.kind {
            StreamKind::Mail => br#","kind":"mail""#,
            StreamKind::Bounce => br#","kind":"bounce""#,
        });
        match &resume.view {
            View::Sender { oldest, last } => {
                self.number(br#","sender":{"oldest":"#, *oldest);
                self.number(br#","last":"#, *last);
            }
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            } => {
                self.number(br#","receiver":{"durable":"#, *durable);
                self.number(br#","next":"#, *next);
                if let Some(id) = durable_id {
                    self.id(br#","durable_id":"#, *id);
                }
                if let Some(id) = last_id {
                    self.id(br#","last_id":"#, *id);
                }
            }
        }
        self.raw(b"}");
    }

    fn envelope(&mut self, envelope: &Envelope) {
        self.id(br#","e":{"v":1,"id":"#, envelope.id);
        match &envelope.kind {
            Kind::Message => self.raw(br#","kind":"msg""#),
            Kind::Bounce { answers, .. } => self.id(br#","kind":"bounce","re":"#, *answers),
            Kind::Other(kind) => self.text(br#","kind":"#, kind),
        }
        self.text(br#","origin":"#, envelope.origin.as_str());
        self.text(br#","dst":"#, envelope.destination.as_str());
        self.text(br#","from":"#, &envelope.from);
        self.text(br#","to":"#, &envelope.to);
        self.number(br#","ts":"#, envelope.sent_unix_ms);
        self.number(br#","exp":"#, envelope.expires_unix_ms);
        self.text(br#","body":{"text":"#, &envelope.text);
        if let Kind::Bounce { reason, .. } = &envelope.kind {
            self.text(br#","reason":"#, reason);
        }
        self.raw(b"}}");
    }

    fn live(&mut self, live: &Live) {
        self.text(br#"{"t":"live","group":"#, &live.group);
        self.raw(match live.kind {
            LiveKind::Join => br#","kind":"join""#,
            LiveKind::Members => br#","kind":"members""#,
            LiveKind::Say => br#","kind":"say""#,
            LiveKind::Leave => br#","kind":"leave""#,
            LiveKind::Gone => br#","kind":"gone""#,
        });
        if !live.from.is_empty() {
            self.text(br#","from":"#, &live.from);
        }
        if !live.text.is_empty() {
            self.text(br#","text":"#, &live.text);
        }
        if !live.members.is_empty() {
            self.list(br#","members":"#, &live.members, |line, member| {
                line.text(b"", member);
            });
        }
        if live.home {
            self.raw(br#","home":true"#);
        }
    }

    fn ask(&mut self, id: u64, question: Question, name: &str) {
        self.number(br#"{"t":"ask","id":"#, id);
        self.raw(match question {
            Question::User => br#","question":"user""#,
            Question::Group => br#","question":"group""#,
        });
        self.text(br#","name":"#, name);
    }

    fn words(&mut self, before: &[u8], code: &str, text: &str) {
        self.text(before, code);
        self.text(br#","text":"#, text);
    }

    fn list<T>(&mut self, before: &[u8], items: &[T], write: impl Fn(&mut Self, &T)) {
        self.raw(before);
        self.raw(b"[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.raw(b",");
            }
            write(self, item);
        }
        self.raw(b"]");
    }

    fn text(&mut self, before: &[u8], text: &str) {
        self.raw(before);
        self.raw(b"\"");
        let mut rest = text.as_bytes();
        // Runs without anything to escape are copied as a whole: nearly all text is one run.
        while let Some(at) = rest.iter().position(|byte| must_escape(*byte)) {
            let (clean, tail) = rest.split_at(at);
            self.raw(clean);
            let Some((byte, tail)) = tail.split_first() else {
                break;
            };
            self.escape(*byte);
            rest = tail;
        }
        self.raw(rest);
        self.raw(b"\"");
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                let low = byte & 0x0f;
                let digit = if low < 10 {
                    b'0' + low
                } else {
                    b'a' + low - 10
                };
                return self.raw(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), digit]);
            }
        };
        self.raw(&[b'\\', short]);
    }

    fn id(&mut self, before: &[u8], id: Uuid) {
        self.raw(before);
        self.raw(b"\"");
        self.raw(
            id.hyphenated()
                .encode_lower(&mut Uuid::encode_buffer())
                .as_bytes(),
        );
        self.raw(b"\"");
    }

    fn number(&mut self, before: &[u8], number: u64) {
        self.raw(before);
        self.exact &= number <= INTEGER_MAX;
        let mut digits = [0; 20];
        let mut left = number;
        let mut start = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            start -= 1;
            if left == 0 {
                break;
            }
        }
        self.raw(digits.get(start..).unwrap_or_default());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

/// Whether JSON does not take the byte in a text as it is.
fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
