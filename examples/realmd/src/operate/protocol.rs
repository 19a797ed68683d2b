//! What goes over a control socket: one line that asks, lines of JSON that answer.
//!
//! `echo inspect | nc -U realm1.sock` works too.

use super::desk::PeerOrder;
use super::peers::PeersReport;
use super::report::Report;
use chatproto::RealmName;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest line that asks: a path may have 4,096 bytes.
const LINE_BYTES_MAX: usize = 8_192;
/// Time for that line.
const LINE_MS_MAX: u64 = 5_000;
/// How often a realm that works says so.
pub(super) const WORKING_EVERY_MS: u64 = 1_000;

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A copy, at a path from the root.
    Backup(PathBuf),
    Compact,
    Inspect,
    Peers,
    Peer(PeerOrder, RealmName),
    Reload,
}

impl Request {
    /// Its first word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Backup(_) => "backup",
            Self::Compact => "compact",
            Self::Inspect => "inspect",
            Self::Peers => "peers",
            Self::Peer(..) => "peer",
            Self::Reload => "reload",
        }
    }

    /// The line, its end included. A path is UTF-8 without line ends, see
    /// [`Order`](super::Order::parse).
    pub(super) fn line(&self) -> String {
        match self {
            Self::Backup(destination) => format!("backup {}\n", destination.display()),
            Self::Peer(order, peer) => {
                let (word, more) = match order {
                    PeerOrder::Retry => ("retry", ""),
                    PeerOrder::Pause => ("pause", ""),
                    PeerOrder::Resume => ("resume", ""),
                    PeerOrder::Remove { is_bouncing: false } => ("remove", ""),
                    PeerOrder::Remove { is_bouncing: true } => ("remove", " bounce"),
                };
                format!("peer {word} {peer}{more}\n")
            }
            Self::Compact | Self::Inspect | Self::Peers | Self::Reload => {
                format!("{}\n", self.word())
            }
        }
    }

    /// Reads a line without its end.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest) {
            ("backup", path) if path.starts_with('/') => Ok(Self::Backup(path.into())),
            ("backup", _) => Err("backup needs a path that begins with /".to_owned()),
            ("compact", "") => Ok(Self::Compact),
            ("inspect", "") => Ok(Self::Inspect),
            ("peers", "") => Ok(Self::Peers),
            ("reload", "") => Ok(Self::Reload),
            ("peer", order) => peer(order),
            _ => Err(
                "this realm does not know that command, it knows backup, compact, inspect, peers, peer \
                 and reload: use the realmd that runs it"
                    .to_owned(),
            ),
        }
    }
}

/// Reads `ORDER PEER [bounce]`.
fn peer(text: &str) -> Result<Request, String> {
    let mut words = text.split(' ');
    let order = match (words.next(), words.clone().nth(1)) {
        (Some("retry"), None) => PeerOrder::Retry,
        (Some("pause"), None) => PeerOrder::Pause,
        (Some("resume"), None) => PeerOrder::Resume,
        (Some("remove"), None) => PeerOrder::Remove { is_bouncing: false },
        (Some("remove"), Some("bounce")) => PeerOrder::Remove { is_bouncing: true },
        _ => return Err("peer takes retry, pause, resume or remove, and a name".to_owned()),
    };
    let name = RealmName::parse(words.next().unwrap_or_default());
    let name = name.map_err(|error| error.to_string())?;
    match words.nth(1) {
        None => Ok(Request::Peer(order, name)),
        Some(_) => Err("there are words too many".to_owned()),
    }
}

/// What a realm answers, each in a line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is not ready yet; more is to come.
    Working {
        seconds: u64,
    },
    Inspected(Box<Report>),
    BackedUp {
        file: String,
        bytes: u64,
        ms: u64,
    },
    Compacted {
        file: String,
        bytes_before: u64,
        bytes_after: u64,
        ms: u64,
    },
    Peers(Box<PeersReport>),
    /// It is done, and that is what to say of it.
    Done {
        sentences: Vec<String>,
    },
    Failed {
        sentence: String,
    },
}

impl Answer {
    pub(super) fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed {
            sentence: sentence.into(),
        }
    }

    /// The line, its end included.
    pub(super) fn line(&self) -> String {
        // Nothing in it cannot be written as JSON.
        let text = serde_json::to_string(self).unwrap_or_default();
        text + "\n"
    }
}

/// Reads the line that asks, within its bounds; none if the other end said nothing.
pub(super) fn read_line(stream: &mut UnixStream) -> Result<Option<String>, String> {
    let end = Instant::now() + Duration::from_millis(LINE_MS_MAX);
    let mut line = Vec::new();
    let mut buffer = [0; 1_024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("no line came within {} s", LINE_MS_MAX / 1_000));
        }
        let read = stream
            .set_read_timeout(Some(left))
            .and_then(|()| stream.read(&mut buffer));
        let count = match read {
            Ok(count) => count,
            Err(error) if is_passing(&error) => continue,
            Err(_) => return Ok(None),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        let end_at = bytes.iter().position(|byte| *byte == b'\n');
        let part = bytes.get(..end_at.unwrap_or(count)).unwrap_or_default();
        line.extend_from_slice(part);
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("a line has at most {LINE_BYTES_MAX} bytes"));
        }
        if end_at.is_some() {
            let text = String::from_utf8(line).map_err(|_| "a line is UTF-8".to_owned())?;
            return Ok(Some(text.trim_end_matches('\r').to_owned()));
        }
        if count == 0 {
            return Ok(None);
        }
    }
}

/// Whether a read may just be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn realm2() -> RealmName {
        RealmName::parse("realm2").unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Option<String>, String> {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        there.write_all(bytes).unwrap();
        drop(there);
        read_line(&mut here)
    }

    #[test]
    fn requests_are_lines() {
        let table = [
            (Request::Backup("/a b/ü.db".into()), "backup /a b/ü.db\n"),
            (Request::Compact, "compact\n"),
            (Request::Inspect, "inspect\n"),
            (Request::Peers, "peers\n"),
            (Request::Reload, "reload\n"),
            (
                Request::Peer(PeerOrder::Retry, realm2()),
                "peer retry realm2\n",
            ),
            (
                Request::Peer(PeerOrder::Pause, realm2()),
                "peer pause realm2\n",
            ),
            (
                Request::Peer(PeerOrder::Resume, realm2()),
                "peer resume realm2\n",
            ),
            (
                Request::Peer(PeerOrder::Remove { is_bouncing: false }, realm2()),
                "peer remove realm2\n",
            ),
            (
                Request::Peer(PeerOrder::Remove { is_bouncing: true }, realm2()),
                "peer remove realm2 bounce\n",
            ),
        ];
        for (request, line) in table {
            assert_eq!(request.line(), line);
            assert_eq!(Request::parse(line.trim_end()), Ok(request));
        }

        for wrong in [
            "",
            "backup",
            "backup a",
            "compact now",
            "Inspect",
            " inspect",
            "peer",
            "peer retry",
            "peer retry a@b",
            "peer retry realm2 bounce",
            "peer remove realm2 all",
            "peer remove realm2 bounce all",
            "peer resume realm2 ",
        ] {
            assert!(Request::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn answers_are_lines_of_json() {
        let answer = Answer::Compacted {
            file: "/a\nb".to_owned(),
            bytes_before: 3,
            bytes_after: 2,
            ms: 1,
        };

        let line = answer.line();

        assert_eq!(
            line,
            "{\"compacted\":{\"file\":\"/a\\nb\",\"bytes_before\":3,\"bytes_after\":2,\"ms\":1}}\n"
        );
        assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer);
    }

    #[test]
    fn a_line_has_bounds() {
        let longest = "n".repeat(8_192);

        assert_eq!(read(b"inspect\r\nmore"), Ok(Some("inspect".to_owned())));
        assert_eq!(read(b"inspect"), Ok(None));
        assert_eq!(read(b""), Ok(None));
        let line = format!("{longest}\n");
        assert_eq!(read(line.as_bytes()), Ok(Some(longest.clone())));
        let longer = format!("{longest}n\n");
        assert_eq!(
            read(longer.as_bytes()),
            Err("a line has at most 8192 bytes".to_owned())
        );
        assert_eq!(read(b"\xff\n"), Err("a line is UTF-8".to_owned()));
    }
}
