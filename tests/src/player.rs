//! Plays transcripts in a [`World`].

mod stage;
mod text;

use crate::transcript::{Act, Action, Part, Transcript};
use crate::world::{ClientId, RealmIndex, World};
use stage::{LINK_MS_MAX, Stage};
use std::collections::BTreeMap;
use std::fmt;
use text::{Tokens, shown, text_bytes};

/// How long everybody has to be silent after the last line.
const LAST_MS: u64 = 1_000;

/// The last place at which writes are cut in two.
const CUT_MAX: usize = 100;

/// How writes reach the realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutting {
    /// Each in one piece.
    AsWritten,
    /// Byte by byte.
    SingleBytes,
    /// In two pieces, the first of this many bytes.
    At(usize),
    /// Those of a client that stand on consecutive lines in one piece.
    Glued,
}

/// A way to play a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How writes reach the realm.
    pub cutting: Cutting,
    /// Whether the realms have a store.
    pub durable: bool,
}

/// A line that did not come true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its number in the file.
    pub line: usize,
    /// What happened instead.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

/// Every way in which a transcript is to be played.
#[must_use]
pub fn manners(transcript: &Transcript) -> Vec<Manner> {
    let mut cuttings = vec![Cutting::AsWritten];
    if !transcript.live {
        let places = 1..longest_write(transcript).min(CUT_MAX + 1);
        cuttings.extend([Cutting::SingleBytes, Cutting::Glued]);
        cuttings.extend(places.map(Cutting::At));
    }
    let both = |cutting| [false, true].map(|durable| Manner { cutting, durable });
    cuttings.into_iter().flat_map(both).collect()
}

fn longest_write(transcript: &Transcript) -> usize {
    let lengths = transcript
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Client(_, Act::Write(text)) => Some(text_bytes(text)),
            _ => None,
        });
    lengths.max().unwrap_or(0)
}

/// Plays a transcript.
///
/// # Errors
///
/// The first line that does not come true.
pub fn play(transcript: &Transcript, manner: Manner) -> Result<(), Failure> {
    let first_line = transcript.steps.first().map_or(1, |step| step.line);
    let failure = |line| move |what| Failure { line, what };
    let mut stage = Stage::new(manner.durable).map_err(failure(first_line))?;
    let mut steps = transcript.steps.iter().peekable();
    while let Some(step) = steps.peek()
        && stage.set(&step.action).map_err(failure(step.line))?
    {
        steps.next();
    }
    let mut player = Player {
        cutting: manner.cutting,
        world: stage.build().map_err(failure(first_line))?,
        clients: BTreeMap::new(),
        tokens: Tokens::default(),
        glue: Vec::new(),
    };
    let mut last_line = first_line;
    while let Some(step) = steps.next() {
        let next = steps.peek().map(|next| &next.action);
        player
            .take_step(&step.action, next)
            .map_err(failure(step.line))?;
        last_line = step.line;
    }
    player.finish().map_err(failure(last_line))
}

/// A play under way.
struct Player {
    cutting: Cutting,
    world: World,
    clients: BTreeMap<String, ClientId>,
    tokens: Tokens,
    /// Writes that wait to be glued to the next one.
    glue: Vec<u8>,
}

impl Player {
    fn take_step(&mut self, action: &Action, next: Option<&Action>) -> Result<(), String> {
        match action {
            Action::Limit(..) | Action::Realm(_) | Action::User { .. } => {
                return Err("the realms are already running".to_owned());
            }
            Action::Wait(ms) => self.world.advance_ms(*ms),
            Action::Cut(a, b) => {
                let (a, b) = (self.realm(a)?, self.realm(b)?);
                self.world.cut(a, b);
            }
            Action::Mend(a, b) => {
                let (a, b) = (self.realm(a)?, self.realm(b)?);
                self.world.mend(a, b);
                if !self
                    .world
                    .advance_until(LINK_MS_MAX, |world| world.linked(a, b))
                {
                    return Err("the realms do not link again".to_owned());
                }
            }
            Action::Stop(realm) => {
                let realm = self.realm(realm)?;
                self.world.shut_down(realm);
            }
            Action::Client(name, Act::On(realm)) => {
                self.open(name, realm)?;
            }
            Action::Client(name, act) => {
                let client = match self.clients.get(name) {
                    Some(client) => *client,
                    None => self.open(name, "realm1")?,
                };
                self.take_act(name, client, act, next)?;
            }
        }
        self.world.settle();
        Ok(())
    }

    fn take_act(
        &mut self,
        name: &str,
        client: ClientId,
        act: &Act,
        next: Option<&Action>,
    ) -> Result<(), String> {
        match act {
            Act::On(realm) => self.open(name, realm).map(|_| ()),
            Act::Write(text) => self.write(client, text, is_write_of(next, name)),
            Act::Read(text) => self.read(client, text),
            Act::Silent => self.expect_silence(name, client),
            Act::Ends => {
                self.world.half_close(client);
                Ok(())
            }
            Act::Drops => {
                self.world.drop_client(client);
                let unread = self.world.unread(client).len();
                self.world.take(client, unread);
                Ok(())
            }
            Act::Closed => {
                self.expect_silence(name, client)?;
                let is_closed = self.world.close_reason(client).is_some();
                if is_closed {
                    Ok(())
                } else {
                    Err(format!("{name}'s connection is not closed"))
                }
            }
        }
    }

    fn realm(&self, name: &str) -> Result<RealmIndex, String> {
        self.world
            .realm(name)
            .ok_or_else(|| format!("there is no realm {name}"))
    }

    fn open(&mut self, name: &str, realm: &str) -> Result<ClientId, String> {
        if let Some(earlier) = self.clients.get(name) {
            self.expect_silence(name, *earlier)?;
        }
        let realm = self.realm(realm)?;
        let client = self.world.open(realm, "127.0.0.1");
        self.world.settle();
        self.clients.insert(name.to_owned(), client);
        Ok(client)
    }

    fn write(&mut self, client: ClientId, text: &[Part], is_followed: bool) -> Result<(), String> {
        if let Some(name) = self.tokens.missing(text) {
            return Err(format!("${name} is not known yet"));
        }
        if !self.world.is_open(client) {
            return Err("the connection is closed".to_owned());
        }
        let bytes = self.tokens.resolve(text);
        let pieces: Vec<&[u8]> = match self.cutting {
            Cutting::SingleBytes => bytes.chunks(1).collect(),
            Cutting::At(at) if at < bytes.len() => vec![&bytes[..at], &bytes[at..]],
            Cutting::At(_) | Cutting::AsWritten => vec![&bytes],
            Cutting::Glued => {
                self.glue.extend_from_slice(&bytes);
                if !is_followed {
                    self.world.write(client, &std::mem::take(&mut self.glue));
                }
                return Ok(());
            }
        };
        for piece in pieces {
            self.world.write(client, piece);
            self.world.settle();
        }
        Ok(())
    }

    fn read(&mut self, client: ClientId, text: &[Part]) -> Result<(), String> {
        let unread = self.world.unread(client);
        self.tokens.learn(text, unread);
        let expected = self.tokens.resolve(text);
        if self.tokens.missing(text).is_none() && unread.starts_with(&expected) {
            self.world.take(client, expected.len());
            return Ok(());
        }
        Err(format!(
            "\n  expected {}\n  got      {}",
            shown(&expected),
            shown(unread)
        ))
    }

    fn expect_silence(&self, name: &str, client: ClientId) -> Result<(), String> {
        match self.world.unread(client) {
            [] => Ok(()),
            unread => Err(format!(
                "{name} should have nothing to read\n  got      {}",
                shown(unread)
            )),
        }
    }

    /// After the last line nobody has anything left to read, then and a little later.
    fn finish(&mut self) -> Result<(), String> {
        for wait_ms in [0, LAST_MS] {
            self.world.advance_ms(wait_ms);
            for (name, client) in &self.clients {
                self.expect_silence(name, *client)?;
            }
        }
        Ok(())
    }
}

/// Whether an action is a write of that client.
fn is_write_of(action: Option<&Action>, client: &str) -> bool {
    matches!(action, Some(Action::Client(name, Act::Write(_))) if name == client)
}
