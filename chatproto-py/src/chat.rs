//! The drop-in for the coursework's `Chat`: a realm of which each call is one command.

mod open;

use crate::error::{self, MisuseError};
use crate::user;
use chatproto::store::sqlite::Durability;
use chatproto::wire::command::Command;
use chatproto::work::Place;
use chatproto::{
    Config, Detail, Limits, Password, PasswordHash, Passwords, Profile, RealmName, Token,
    UserConfig,
};
use open::Open;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use std::path::PathBuf;
use std::sync::OnceLock;

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
#[derive(Default)]
pub(crate) struct BaseChat {
    /// Nothing before `_begin`.
    begun: OnceLock<Begun>,
}

struct Begun {
    open: Open,
    passwords: Passwords,
}

#[pymethods]
impl BaseChat {
    /// The arguments are for `__init__`.
    #[new]
    #[pyo3(signature = (*_arguments, **_named))]
    fn new(_arguments: &Bound<'_, PyTuple>, _named: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Makes the realm.
    fn _begin(
        &self,
        py: Python<'_>,
        users: Vec<User>,
        realm: &str,
        store: Option<PathBuf>,
    ) -> PyResult<()> {
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
        let twice = || error::raise::<MisuseError>("begun", "this chat was made before");
        if self.begun.get().is_some() {
            return Err(twice());
        }
        let open = py.detach(|| Open::new(config, place.as_ref()))?;
        let begun = self.begun.set(Begun { open, passwords });
        begun.map_err(|_| twice())
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
        self.open()?.ask_with(py, [line], |realm, [line], now| {
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
        self.open()?
            .ask_with(py, texts, |realm, [name, password], now| {
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
        self.open()?
            .ask_with(py, texts, |realm, [token, from, to, text], now| {
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
        self.open()?.ask_with(py, [username], |realm, [name], now| {
            realm.take_inbox(name, now)
        })
    }

    /// Closes the store, if there is one, once what is under way is in it.
    ///
    /// Afterwards every other call raises MisuseError.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.open()?;
        Ok(py.detach(|| open.close())?)
    }

    /// Name, display name and country of a user, if there is one of that name.
    fn _user(&self, name: &Bound<'_, PyString>) -> PyResult<Option<Shown>> {
        // What cannot be UTF-8 is nobody's name.
        let name = name.to_str().unwrap_or_default();
        Ok(self
            .open()?
            .driver
            .with(|realm| realm.user(name).map(owned))?)
    }

    /// The names of all users.
    fn _names(&self) -> PyResult<Vec<String>> {
        Ok(self.open()?.driver.with(|realm| {
            let names = realm.users().map(|user| user.name.to_owned());
            names.collect()
        })?)
    }

    /// Adds a user or changes one, and returns once that is stored.
    fn _register<'py>(&self, py: Python<'py>, user: User) -> PyResult<Bound<'py, PyAny>> {
        let (begun, mut user) = (self.begun()?, described(user)?);
        // Before and not afterwards: then it is stored at once.
        let password = user.password;
        user.password = py.detach(|| hashed(password, begun.passwords))?;
        begun.open.ask(py, |realm, now| realm.set_user(user, now))
    }

    /// Whose a token is: name, display name and country.
    fn _owner(&self, token: &Bound<'_, PyString>) -> PyResult<Option<Shown>> {
        let Some(token) = token.to_str().ok().and_then(Token::parse) else {
            return Ok(None);
        };
        Ok(self
            .open()?
            .driver
            .with(|realm| realm.token_owner(token).map(owned))?)
    }

    /// All live tokens in order of login.
    fn _tokens(&self) -> PyResult<Vec<String>> {
        let tokens = self.open()?.driver.with(|realm| realm.tokens())?;
        Ok(tokens.into_iter().map(Token::reveal).collect())
    }

    /// All live sessions of one moment in order of login: each token, and whose it is.
    fn _sessions(&self) -> PyResult<Vec<(String, Shown)>> {
        Ok(self.open()?.driver.with(|realm| {
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
        self.open()?.ask_with(py, [token], |realm, [token], now| {
            realm.execute_command(&Command::Logout { token: Some(token) }, now)
        })
    }

    fn __repr__(&self) -> String {
        match self.begun.get() {
            Some(begun) => format!("Chat(realm={:?})", begun.open.driver.name()),
            None => "Chat()".to_owned(),
        }
    }
}

impl BaseChat {
    fn begun(&self) -> PyResult<&Begun> {
        self.begun.get().ok_or_else(|| {
            error::raise::<MisuseError>(
                "not_begun",
                "Chat.__init__ was not called: a subclass with an __init__ of its own calls super().__init__()",
            )
        })
    }

    fn open(&self) -> PyResult<&Open> {
        Ok(&self.begun()?.open)
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
