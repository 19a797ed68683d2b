//! One client's end of a connection, and what it may be sent.

use super::lines::replies_due;
use chatproto::{CloseReason, ConnectionId, ErrorCode, Limits};
use serde_json::Value;

/// The longest event of a live group.
const EVENT_BYTES_MAX: usize = 900;

/// Every forged text; it must never be shown to anybody. What clients write is in lower case.
pub(super) const FORGED: &str = "FORGED";

/// A client and what it has read so far.
pub(super) struct Seat {
    pub(super) id: ConnectionId,
    /// Takes what it is sent at once.
    pub(super) is_reading: bool,
    /// The realm wants nothing of it for now.
    pub(super) is_paused: bool,
    /// It has closed its sending side.
    pub(super) has_ended: bool,
    /// It is the connection of a classic neighbour.
    is_neighbour: bool,
    /// It was in a live group, where nothing is framed.
    was_live: bool,
    /// How many replies it deserves cannot be told from its bytes alone.
    is_unpredictable: bool,
    fed: Vec<u8>,
    unparsed: Vec<u8>,
    replies: u64,
}

impl Seat {
    pub(super) fn new(id: ConnectionId) -> Self {
        Self {
            id,
            is_reading: true,
            is_paused: false,
            has_ended: false,
            is_neighbour: false,
            was_live: false,
            is_unpredictable: false,
            fed: Vec::new(),
            unparsed: Vec::new(),
            replies: 0,
        }
    }

    /// One of a classic neighbour, on which LF never ends a line: as after a CR LF elsewhere.
    pub(super) fn of_neighbour(id: ConnectionId) -> Self {
        Self {
            is_neighbour: true,
            fed: b"\r\n".to_vec(),
            ..Self::new(id)
        }
    }

    pub(super) fn is_neighbour(&self) -> bool {
        self.is_neighbour
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.fed.extend_from_slice(bytes);
    }

    /// From here on it reads text without frames.
    pub(super) fn goes_live(&mut self) {
        self.was_live = true;
        self.is_unpredictable = true;
        self.unparsed = Vec::new();
    }

    /// Takes what it was sent; returns a token, if there is one in it.
    pub(super) fn read(&mut self, bytes: &[u8], limits: &Limits) -> Option<String> {
        assert!(!holds(bytes, FORGED.as_bytes()), "a forged text was shown");
        if self.was_live {
            return None;
        }
        self.unparsed.extend_from_slice(bytes);
        let mut token = None;
        loop {
            if self.unparsed == b"exit" {
                // The way out of a group that it was refused, by itself.
                self.is_unpredictable = true;
                self.unparsed.clear();
            }
            let end = self
                .unparsed
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            let Some(end) = end else {
                return token;
            };
            let reply: Vec<u8> = self.unparsed.drain(..end + 4).collect();
            self.replies += 1;
            let reply = if self.is_neighbour {
                check_neighbours_reply(&reply, limits)
            } else {
                check_reply(&reply, limits)
            };
            self.is_unpredictable |= reply["code"] == ErrorCode::LineTimeout.code();
            token = reply["tokenid"].as_str().map(str::to_owned).or(token);
        }
    }

    fn due(&self, limits: &Limits) -> u64 {
        replies_due(&self.fed, limits.line_bytes_max as usize)
    }

    /// Whether replies are missing.
    pub(super) fn is_waiting(&self, limits: &Limits) -> bool {
        !self.is_unpredictable && self.replies < self.due(limits)
    }

    /// Checks what it has read once nothing more is to come for now.
    pub(super) fn check_replies(&self, limits: &Limits) {
        if self.is_unpredictable {
            return;
        }
        assert!(
            self.unparsed.is_empty(),
            "half a reply: {:?}",
            self.unparsed
        );
        assert_eq!(
            self.replies,
            self.due(limits),
            "replies to {:?}",
            String::from_utf8_lossy(&self.fed)
        );
    }

    /// Checks what it has read when it is closed.
    pub(super) fn check_closed(&self, why: CloseReason, is_answered: bool, limits: &Limits) {
        if self.is_unpredictable {
            return;
        }
        if why == CloseReason::Ended && is_answered {
            return self.check_replies(limits);
        }
        let last_words = u64::from(!matches!(why, CloseReason::Ended | CloseReason::Quit));
        assert!(
            self.replies <= self.due(limits) + last_words,
            "{} replies to {:?}",
            self.replies,
            String::from_utf8_lossy(&self.fed)
        );
    }
}

/// Checks one reply, its end included.
pub(super) fn check_reply(reply: &[u8], limits: &Limits) -> Value {
    let shown = String::from_utf8_lossy(reply);
    assert!(reply.is_ascii(), "not in ASCII: {shown:?}");
    assert!(
        reply.len() <= reply_bytes_max(limits),
        "a reply of {} bytes",
        reply.len()
    );
    let object = reply.strip_suffix(b"\r\n\r\n").unwrap_or_default();
    let value: Value = serde_json::from_slice(object).unwrap_or_default();
    let is_error = value["status"] == "ERROR";
    assert!(is_error || value["status"] == "OK", "no reply: {shown:?}");
    assert!(
        !is_error || value["message"].is_string(),
        "no message: {shown:?}"
    );
    if let Some(code) = value["code"].as_str() {
        let is_known = ErrorCode::ALL.iter().any(|known| known.code() == code);
        assert!(is_known && is_error, "no code: {shown:?}");
    }
    if let Some(inbox) = value["messages"].as_object() {
        let lists = inbox.values().filter_map(Value::as_array);
        let messages: usize = lists.map(Vec::len).sum();
        assert!(
            messages as u64 <= limits.inbox_messages_max,
            "{messages} messages in one inbox"
        );
    }
    value
}

/// Checks a reply to a classic neighbour, its end included: it has nothing that is for clients.
fn check_neighbours_reply(reply: &[u8], limits: &Limits) -> Value {
    for word in [&b"\"tokenid\": "[..], b"\"messages\": "] {
        assert!(!holds(reply, word), "a neighbour was told too much");
    }
    if reply.starts_with(b"{\"status\": \"PENDING\", ") {
        return Value::Null;
    }
    check_reply(reply, limits)
}

/// What is told of a write: a reply as a whole, or one event of a live group.
pub(super) fn check_write(text: &str) {
    let is_reply = text.starts_with("{\"status\": ") && text.ends_with("}\r\n\r\n");
    assert!(
        is_reply || text.len() <= EVENT_BYTES_MAX,
        "neither a reply nor an event: {text:?}"
    );
}

/// The longest reply under these limits: that to `inbox`, or that to `hello`.
pub(super) fn reply_bytes_max(limits: &Limits) -> usize {
    let message = 256;
    let sender = 512;
    // A control character is one byte inside and six in JSON.
    let inbox = limits.inbox_bytes_max * 6
        + limits.inbox_messages_max * message
        + (limits.inbox_senders_max + 2) * sender;
    inbox.max(4_096) as usize
}

pub(super) fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|some| some == word)
}
