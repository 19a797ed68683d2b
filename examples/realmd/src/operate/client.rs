//! A command that asks a realm which runs.

use super::protocol::{Answer, Request, WORKING_EVERY_MS};
use super::socket;
use crate::cli::complain;
use chatproto::RealmName;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a realm may be silent before it counts as hung.
const SILENCE_MS_MAX: u64 = 10 * WORKING_EVERY_MS;
/// The longest answer that makes sense.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How it went.
pub(super) enum Attempt {
    Answered(Answer),
    /// Probably no realm runs; what the system said.
    NobodyThere(String),
}

/// Asks the realm at a control socket.
pub(super) fn ask(realm: &RealmName, path: &Path, request: &Request) -> Attempt {
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => return not_connected(realm, path, &error),
    };
    if *request == Request::Compact {
        complain(&format!(
            "{realm} runs: what changes something waits until this is done"
        ));
    }
    Attempt::Answered(converse(stream, request).unwrap_or_else(|error| {
        Answer::failed(match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => format!(
                "{realm} has the socket {} and does not answer: see whether its process hangs",
                path.display()
            ),
            ErrorKind::InvalidData => format!(
                "{realm} answers what this program does not understand: use the realmd that runs it"
            ),
            _ => match request {
                Request::Backup(file) => format!(
                    "{realm} ended before the backup {} was done: make it again, that works without \
                     the realm too",
                    file.display()
                ),
                Request::Compact | Request::Inspect | Request::Peers => {
                    format!("{realm} ended meanwhile: try again, that works without it too")
                }
                Request::Peer(..) | Request::Reload => {
                    format!("{realm} ended meanwhile: see its log")
                }
            },
        })
    }))
}

fn not_connected(realm: &RealmName, path: &Path, error: &io::Error) -> Attempt {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => Attempt::NobodyThere(format!("there is no {shown}")),
        ErrorKind::ConnectionRefused => Attempt::NobodyThere(format!("nobody listens at {shown}")),
        ErrorKind::InvalidInput => Attempt::NobodyThere(socket::too_long(path).to_string()),
        ErrorKind::PermissionDenied => Attempt::Answered(Answer::failed(format!(
            "{shown} may not be used by you: use the user that runs {realm}"
        ))),
        _ => Attempt::NobodyThere(format!("{shown}: {error}")),
    }
}

fn converse(mut stream: UnixStream, request: &Request) -> io::Result<Answer> {
    let silence = Some(Duration::from_millis(SILENCE_MS_MAX));
    stream.set_read_timeout(silence)?;
    stream.set_write_timeout(silence)?;
    // Whoever refuses a connection may have closed it before it is written to, after saying why.
    let written = stream.write_all(request.line().as_bytes());
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let count = lines.by_ref().take(ANSWER_BYTES_MAX).read_line(&mut line)?;
        if count == 0 {
            written?;
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match serde_json::from_str(&line) {
            Ok(Answer::Working { .. }) => {}
            Ok(answer) => return Ok(answer),
            Err(_) => return Err(ErrorKind::InvalidData.into()),
        }
    }
}
