//! `realmd chat`: a client at the terminal, in the classic dialect.
//!
//! One thread waits for the person and the server at once, so neither has to wait for the other,
//! and what arrives is shown above the line that is being typed.

mod conversation;
mod date;
mod editor;
mod elsewhere;
mod keys;
mod message;
mod reply;
mod screen;
mod shown;
mod typed;

use conversation::{Action, Conversation, Style};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use screen::{Input, Screen};
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a server may take to accept, to take what is written and to answer.
const SERVER_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two messages to a group: what a server reads at once is one message to it,
/// so pasted lines must not arrive together.
const LIVE_PAUSE: Duration = Duration::from_millis(60);

/// How long the next message waits for the server to have said anything after the one before:
/// mostly that is the message itself, and so the proof that it was read.
const ECHO_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the server may take to end the session when the person goes.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// The port of the first example realm.
const PORT_DEFAULT: u16 = 8889;

/// How a chat came to its end.
enum Ended {
    /// The person wished it.
    Wished,
    /// The server cannot be talked to any more; the sentence says why.
    Server(String),
    /// There is nowhere to show anything.
    Output,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Output
    }
}

/// Chats with the server at `HOST` or `HOST:PORT` until the person or the server ends it.
///
/// Fails if the server cannot be reached or goes away; one sentence on standard error says so.
#[must_use]
pub(crate) fn run(address: &str) -> ExitCode {
    let stream = match connect(address) {
        Ok(stream) => stream,
        Err(sentence) => return failed(&sentence),
    };
    let mut screen = Screen::open();
    let ended = Chat::new(stream, &screen).talk(&mut screen, address);
    let closed = screen.close();
    // The terminal is itself again before the last sentence.
    drop(screen);
    match ended {
        Ended::Server(sentence) => failed(&sentence),
        Ended::Wished if closed.is_ok() => ExitCode::SUCCESS,
        Ended::Wished | Ended::Output => ExitCode::FAILURE,
    }
}

/// Says what went wrong, in a sentence of its own.
fn failed(sentence: &str) -> ExitCode {
    // Nobody is left to hear of a standard error that is gone.
    let _ = writeln!(io::stderr(), "{sentence}");
    ExitCode::FAILURE
}

/// Connects, or says in a sentence what to do.
fn connect(address: &str) -> Result<TcpStream, String> {
    let shown = shown::shown_name(address);
    let found = match address.to_socket_addrs() {
        Ok(found) => found,
        // Without a port, perhaps: a bare IPv6 address has colons of its own.
        Err(_) => (address.trim_matches(['[', ']']), PORT_DEFAULT)
            .to_socket_addrs()
            .map_err(|_| {
                format!(
                    "There is no server address {shown:?}: write HOST:PORT, such as 127.0.0.1:8889."
                )
            })?,
    };
    let mut why = String::from("no address");
    for address in found {
        match TcpStream::connect_timeout(&address, SERVER_TIMEOUT).and_then(prepared) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!(
        "Cannot reach {shown} ({why}): is the server running? Start it with `realmd REALM.toml` \
         in another terminal, then try again."
    ))
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(SERVER_TIMEOUT))?;
    Ok(stream)
}

/// A conversation over a connection.
struct Chat {
    stream: TcpStream,
    conversation: Conversation,
    /// What was typed and its turn has not come.
    input: Option<Input>,
    /// When something was last sent to the server or came from it.
    last: Instant,
    /// When something was last sent.
    sent: Instant,
}

impl Chat {
    fn new(stream: TcpStream, screen: &Screen) -> Self {
        let style = Style {
            readable: io::stdout().is_terminal(),
            asks: screen.is_terminal(),
        };
        Self {
            stream,
            conversation: Conversation::new(style),
            input: None,
            last: Instant::now(),
            sent: Instant::now(),
        }
    }

    fn talk(&mut self, screen: &mut Screen, address: &str) -> Ended {
        if screen.is_terminal() {
            let welcome = format!(
                "Connected to {}. Log in with auth USER; help shows all commands, quit ends.",
                shown::shown_name(address)
            );
            if screen.show(&welcome).is_err() {
                return Ended::Output;
            }
        }
        loop {
            if let Err(ended) = self.turn(screen) {
                return ended;
            }
        }
    }

    /// Does all that can be done, then waits until there is more.
    fn turn(&mut self, screen: &mut Screen) -> Result<(), Ended> {
        self.take_input(screen)?;
        screen.draw(&self.conversation)?;
        let (typed, answered) = self.wait(screen)?;
        if typed && screen.read() {
            self.farewell();
            return Err(Ended::Wished);
        }
        if answered {
            self.read_server()?;
            self.carry_out(|text| screen.show(text))?;
        }
        Ok(())
    }

    /// Takes what was typed, until something has to wait its turn.
    fn take_input(&mut self, screen: &mut Screen) -> Result<(), Ended> {
        loop {
            if self.input.is_none() {
                self.input = screen.next(&self.conversation)?;
            }
            if !self.conversation.takes_lines() || !self.pause().is_zero() {
                return Ok(());
            }
            match &self.input {
                None => return Ok(()),
                Some(Input::Line(line)) => {
                    self.conversation.typed(line);
                    self.input = None;
                }
                // It stays the end.
                Some(Input::End) => self.conversation.typed_end(),
            }
            self.carry_out(|text| screen.show(text))?;
        }
    }

    /// How long the next line still has to wait for the one before to be read by itself.
    fn pause(&self) -> Duration {
        if !self.conversation.is_live() {
            return Duration::ZERO;
        }
        let is_heard = self.last > self.sent;
        let pause = if is_heard { LIVE_PAUSE } else { ECHO_TIMEOUT };
        pause.saturating_sub(self.sent.elapsed())
    }

    /// Does what there is to do, in order. Where something fails, nothing that follows is done:
    /// a server is not told that a message was seen which could not be shown.
    fn carry_out(&mut self, mut show: impl FnMut(&str) -> io::Result<()>) -> Result<(), Ended> {
        while let Some(action) = self.conversation.poll_action() {
            match action {
                Action::Show(text) => show(&text)?,
                Action::Send(bytes) => {
                    self.stream.write_all(&bytes).map_err(|_| gone())?;
                    self.sent = Instant::now();
                    self.last = self.sent;
                }
                Action::End { wished: true } => {
                    self.farewell();
                    return Err(Ended::Wished);
                }
                Action::End { wished: false } => return Err(gone()),
            }
        }
        Ok(())
    }

    /// Waits for the person or the server: which of them has something.
    fn wait(&self, screen: &Screen) -> Result<(bool, bool), Ended> {
        let stdin = io::stdin();
        let timeout = self.timeout()?;
        let server = PollFd::new(&self.stream, PollFlags::IN);
        let person = PollFd::new(&stdin, PollFlags::IN);
        let polled = if screen.reads(self.input.is_none()) {
            let mut both = [server, person];
            poll(&mut both, timeout.as_ref()).map(|_| both.map(|fd| !fd.revents().is_empty()))
        } else {
            let mut one = [server];
            poll(&mut one, timeout.as_ref()).map(|ready| [ready > 0, false])
        };
        match polled {
            Ok([server, person]) => Ok((person, server)),
            Err(rustix::io::Errno::INTR) => Ok((false, false)),
            Err(_) => Err(Ended::Output),
        }
    }

    /// How long to wait at most.
    fn timeout(&self) -> Result<Option<Timespec>, Ended> {
        let longest = if self.conversation.is_waiting() {
            let left = SERVER_TIMEOUT.saturating_sub(self.last.elapsed());
            if left.is_zero() {
                return Err(Ended::Server("The server does not answer.".to_owned()));
            }
            left
        } else if self.input.is_none() {
            return Ok(None);
        } else {
            self.pause()
        };
        Ok(Timespec::try_from(longest).ok())
    }

    fn read_server(&mut self) -> Result<(), Ended> {
        let mut bytes = [0; 16_384];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(gone()),
            Ok(read) => {
                self.last = Instant::now();
                self.conversation
                    .received(bytes.get(..read).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(gone()),
        }
    }

    /// Logs out, so that nobody takes the person for being there still; the reply is nobody's.
    fn farewell(&mut self) {
        let Some(line) = self.conversation.farewell() else {
            return;
        };
        let last_words = self
            .stream
            .write_all(&line)
            .and_then(|()| self.stream.shutdown(Shutdown::Write))
            .and_then(|()| self.stream.set_read_timeout(Some(FAREWELL_TIMEOUT)));
        // Whoever hangs up before everything is read takes back what was just written.
        let began = Instant::now();
        let mut bytes = [0; 4096];
        while last_words.is_ok()
            && began.elapsed() < FAREWELL_TIMEOUT
            && self.stream.read(&mut bytes).is_ok_and(|read| read > 0)
        {}
    }
}

/// The server hung up.
fn gone() -> Ended {
    Ended::Server("The server has closed the connection.".to_owned())
}

#[cfg(test)]
mod tests;
