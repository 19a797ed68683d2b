//! The drop-in for the coursework's `Chat`: a realm of which each call is one command.

use crate::clock;
use crate::desk::{Desk, Found};
use crate::driver::{Driver, Step, Unusable};
use crate::error;
use crate::inbox::{self, Heads};
use crate::json;
use crate::user;
use chatproto::store::sqlite::Durability;
use chatproto::wire::command::Command;
use chatproto::wire::packed;
use chatproto::work::{Job, Place};
use chatproto::{
    Config, Detail, Limits, Now, Output, Password, PasswordHash, Passwords, Profile, Realm,
    RealmName, RequestId, Token, UserConfig,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::path::PathBuf;
use std::time::Duration;

/// How long a thread waits before it looks whether somebody has pressed Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// What nobody's lessons run into, without a store.
const GENEROUS: [(&str, u64); 5] = [
    ("sessions_per_user_max", 100_000),
    ("line_bytes_max", 16_777_216),
    ("inbox_messages_max", 1_000_000),
    ("inbox_bytes_max", 268_435_456),
    ("inbox_senders_max", 1_000_000),
];

/// Name, display name, country and password.
type User = (String, String, String, String);

/// The same without the password.
type Shown = (String, String, String);

/// What `chatproto.Chat` is made of; use that instead.
#[pyclass(frozen, subclass, module = "chatproto._native")]
pub(crate) struct BaseChat {
    driver: Driver,
    desk: Desk,
    passwords: Passwords,
    heads: Heads,
}

#[pymethods]
impl BaseChat {
    #[new]
    #[pyo3(signature = (users, realm, store))]
    fn new(
        py: Python<'_>,
        users: Vec<User>,
        realm: &str,
        store: Option<PathBuf>,
    ) -> PyResult<Self> {
        let realm = RealmName::parse(realm).map_err(error::of_name)?;
        let (mut limits, mut passwords) = (Limits::default(), Passwords::default());
        if store.is_none() {
            passwords = Passwords::Plain;
            for (name, value) in GENEROUS {
                limits
                    .set(name, value)
                    .map_err(|error| error::of_limit(&error))?;
            }
        }
        let mut config = Config::new(realm)
            .passwords(passwords)
            .limits(limits)
            .detail(Detail::Silent)
            .packed(true);
        for user in users {
            config = config.user(described(user)?);
        }
        let place = store.map(place);
        let chat = py.detach(|| -> PyResult<Self> {
            let chat = Self {
                driver: Driver::open(config, place.as_ref(), None, None)?,
                desk: Desk::default(),
                passwords,
                heads: Heads::default(),
            };
            // Users are stored, and their passwords hashed, before anybody is promised anything.
            chat.driver.with(|realm| chat.collect(realm, None))?;
            chat.work()?;
            Ok(chat)
        })?;
        Ok(chat)
    }

    /// Carries out one line of the protocol and returns the reply.
    ///
    /// The line may end with CR LF or without; the text of a `send` is kept as it is written here.
    /// Any text gets a reply: a mistake is one with `status` "ERROR". `group` and `quit` want a
    /// connection, and get the error `needs_connection`.
    ///
    /// Raises MisuseError after `close`, and ForkError in a process that was forked since.
    fn proses<'py>(
        &self,
        py: Python<'py>,
        line: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.ask_with(py, [line], |realm, [line], now| {
            realm.execute_exactly(line.as_bytes(), now)
        })
    }

    /// Logs a user in and returns the reply, with the `tokenid` if it went well.
    ///
    /// Both arguments are taken as they are, white space included.
    fn autentikasi_user<'py>(
        &self,
        py: Python<'py>,
        username: &Bound<'py, PyString>,
        password: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let texts = [username, password];
        self.ask_with(py, texts, |realm, [name, password], now| {
            realm.execute_command(&Command::Auth { name, password }, now)
        })
    }

    /// Sends a message from one user to another and returns the reply.
    ///
    /// `sessionid` is any live token, as in the classic class: the program is trusted to say who
    /// writes. The message is kept as it is.
    fn send_message<'py>(
        &self,
        py: Python<'py>,
        sessionid: &Bound<'py, PyString>,
        username_from: &Bound<'py, PyString>,
        username_dest: &Bound<'py, PyString>,
        message: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let texts = [sessionid, username_from, username_dest, message];
        self.ask_with(py, texts, |realm, [token, from, to, text], now| {
            let owner = Token::parse(token).and_then(|token| realm.token_owner(token));
            if owner.is_some() {
                realm.send_from(from, to, text, now)
            } else {
                // That is answered as any command without a session.
                realm.execute_command(&Command::Inbox { token }, now)
            }
        })
    }

    /// Takes all messages out of a user's inbox and returns the reply, without a token.
    fn get_inbox<'py>(
        &self,
        py: Python<'py>,
        username: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.ask_with(py, [username], |realm, [name], now| {
            realm.take_inbox(name, now)
        })
    }

    /// Closes the store, if there is one, once what is under way is in it.
    ///
    /// Afterwards every other call raises MisuseError.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| -> Result<(), Unusable> {
            // What nobody waits for may have been left to the next call.
            match self.work() {
                Ok(()) | Err(Unusable::Closed | Unusable::Broken) => {}
                Err(unusable @ Unusable::Forked) => return Err(unusable),
            }
            self.driver.close()?;
            Ok(())
        })?)
    }

    /// Name, display name and country of a user, if there is one of that name.
    fn _user(&self, name: &Bound<'_, PyString>) -> PyResult<Option<Shown>> {
        // What cannot be UTF-8 is nobody's name.
        let name = name.to_str().unwrap_or_default();
        Ok(self.driver.with(|realm| realm.user(name).map(owned))?)
    }

    /// The names of all users.
    fn _names(&self) -> PyResult<Vec<String>> {
        Ok(self.driver.with(|realm| {
            let names = realm.users().map(|user| user.name.to_owned());
            names.collect()
        })?)
    }

    /// Adds a user or changes one, and returns once that is stored.
    fn _register<'py>(&self, py: Python<'py>, user: User) -> PyResult<Bound<'py, PyAny>> {
        let mut user = described(user)?;
        // Before and not afterwards: then it is stored at once.
        let password = user.password;
        user.password = py.detach(|| hashed(password, self.passwords))?;
        self.ask(py, |realm, now| realm.set_user(user, now))
    }

    /// Whose a token is: name, display name and country.
    fn _owner(&self, token: &Bound<'_, PyString>) -> PyResult<Option<Shown>> {
        let Some(token) = token.to_str().ok().and_then(Token::parse) else {
            return Ok(None);
        };
        Ok(self
            .driver
            .with(|realm| realm.token_owner(token).map(owned))?)
    }

    /// All live tokens in order of login.
    fn _tokens(&self) -> PyResult<Vec<String>> {
        let tokens = self.driver.with(|realm| realm.tokens())?;
        Ok(tokens.into_iter().map(Token::reveal).collect())
    }

    /// All live sessions of one moment in order of login: each token, and whose it is.
    fn _sessions(&self) -> PyResult<Vec<(String, Shown)>> {
        Ok(self.driver.with(|realm| {
            let tokens = realm.tokens().into_iter();
            let sessions =
                tokens.filter_map(|token| Some((token.reveal(), owned(realm.token_owner(token)?))));
            sessions.collect()
        })?)
    }

    /// Ends the session of a token.
    fn _end<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.ask_with(py, [token], |realm, [token], now| {
            realm.execute_command(&Command::Logout { token: Some(token) }, now)
        })
    }

    fn __repr__(&self) -> String {
        format!("Chat(realm={:?})", self.driver.name())
    }
}

impl BaseChat {
    /// Begins a request, sees it through, and returns its reply.
    fn ask<'py>(
        &self,
        py: Python<'py>,
        begin: impl FnOnce(&mut Realm, Now) -> RequestId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::now();
        let (request, turn) = self.driver.with(|realm| {
            handle_timeouts(realm, now);
            let request = begin(realm, now);
            let turn = self.collect(realm, Some(request));
            if turn.reply.is_none() {
                // Before anybody else can take the reply out of the realm.
                self.desk.await_reply(request);
            }
            (request, turn)
        })?;
        let reply = match turn.reply {
            None => self.wait(py, request)?,
            Some(reply) => {
                // One piece, not all there is: others may bring more without end, and do it then.
                if turn.has_work
                    && let Some(job) = self.desk.take_idle_job()
                {
                    py.detach(|| self.run(&job))?;
                }
                reply
            }
        };
        match packed::Inbox::read(&reply) {
            Some(emptied) => Ok(inbox::reply(py, emptied, &self.heads)?.into_any()),
            None => json::read(py, &reply)?.ok_or_else(error::internal),
        }
    }

    /// Asks with texts. One that cannot be UTF-8 gets the engine's answer to that.
    fn ask_with<'py, const N: usize>(
        &self,
        py: Python<'py>,
        texts: [&Bound<'py, PyString>; N],
        begin: impl FnOnce(&mut Realm, [&str; N], Now) -> RequestId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut read = [""; N];
        for (text, read) in texts.into_iter().zip(&mut read) {
            let Ok(text) = text.to_str() else {
                let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
                let bytes = bytes.cast_into::<PyBytes>()?;
                return self.ask(py, |realm, now| {
                    realm.execute_exactly(bytes.as_bytes(), now)
                });
            };
            *read = text;
        }
        self.ask(py, |realm, now| begin(realm, read, now))
    }

    /// Takes out of the realm what it puts out. Work is left on the desk, and so are replies to
    /// others.
    fn collect(&self, realm: &mut Realm, own: Option<RequestId>) -> Turn {
        let mut turn = Turn::default();
        while let Some(output) = realm.poll_output() {
            match Step::of(output) {
                Step::Output(Output::Reply(request, reply)) if own == Some(request) => {
                    turn.reply = Some(reply);
                }
                Step::Output(Output::Reply(request, reply)) => self.desk.put_reply(request, reply),
                Step::Output(_) => {}
                Step::Job(job) => {
                    self.desk.put_job(job);
                    turn.has_work = true;
                }
            }
        }
        if let Some(batch) = realm.take_batch() {
            self.desk.put_job(Job::Commit(batch));
            turn.has_work = true;
        }
        turn
    }

    /// Waits until a request is answered, and does what there is to do meanwhile.
    fn wait(&self, py: Python<'_>, request: RequestId) -> PyResult<Vec<u8>> {
        loop {
            let waited = py.detach(|| self.wait_a_while(request));
            let waited = waited.map_err(PyErr::from).and_then(|reply| {
                let signals = if reply.is_none() {
                    py.check_signals()
                } else {
                    Ok(())
                };
                signals.map(|()| reply)
            });
            match waited {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => {
                    self.desk.give_up(request);
                    return Err(error);
                }
            }
        }
    }

    fn wait_a_while(&self, request: RequestId) -> Result<Option<Vec<u8>>, Unusable> {
        match self.desk.wait(request, PATIENCE) {
            Found::Reply(reply) => return Ok(Some(reply)),
            Found::Job(job) => self.run(&job)?,
            Found::Nothing => {
                let now = clock::now();
                self.driver.with(|realm| {
                    handle_timeouts(realm, now);
                    self.collect(realm, None);
                })?;
            }
        }
        Ok(None)
    }

    /// Does what there is to do.
    fn work(&self) -> Result<(), Unusable> {
        while let Some(job) = self.desk.take_job() {
            self.run(&job)?;
        }
        Ok(())
    }

    fn run(&self, job: &Job) -> Result<(), Unusable> {
        self.driver.run(job, None)?;
        self.driver.with(|realm| self.collect(realm, None))?;
        if let Some(upkeep) = self.driver.take_upkeep() {
            self.desk.put_job(upkeep);
        }
        Ok(())
    }
}

/// What a look at the realm's outputs brought.
#[derive(Default)]
struct Turn {
    reply: Option<Vec<u8>>,
    has_work: bool,
}

fn handle_timeouts(realm: &mut Realm, now: Now) {
    if realm
        .poll_timeout()
        .is_some_and(|due| due.at_ms <= now.mono_ms)
    {
        realm.handle_timeout(now);
    }
}

fn place(path: PathBuf) -> Place {
    if path.as_os_str() == ":memory:" {
        return Place::Memory;
    }
    Place::File {
        path,
        durability: Durability::Fsync,
    }
}

fn owned(user: Profile<'_>) -> Shown {
    let Profile {
        name,
        display_name,
        country,
        ..
    } = user;
    (name.to_owned(), display_name.to_owned(), country.to_owned())
}

fn described((name, display_name, country, password): User) -> PyResult<UserConfig> {
    user::described(&name, &password, &display_name, &country)
}

/// Only a hash is ever stored.
fn hashed(password: Password, passwords: Passwords) -> PyResult<Password> {
    let (Passwords::Argon2id(cost), Password::Plain(secret)) = (passwords, &password) else {
        return Ok(password);
    };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(error::no_random)?;
    let hash = PasswordHash::of(secret, cost, salt);
    let hash = hash.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(Password::Hash(hash))
}
