//! A realm, as a Python object.

use crate::bytes::{encoded, with_bytes};
use crate::clock::{self, Moment};
use crate::driver::Driver;
use crate::error;
use crate::frame::Frame;
use crate::key::StaticKey;
use crate::output;
use crate::peer::{Peer, PeerStatus};
use crate::settings;
use crate::transport::{TransportConfig, direction};
use chatproto::{Config, Connection, ConnectionId, LinkId};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};
use std::path::PathBuf;
use std::sync::Arc;

/// A realm: its users, their sessions and inboxes, live groups, and the streams to other realms.
///
/// It owns no socket, thread or clock: a program feeds it and carries out what it asks for. After any
/// number of calls take `outputs` until there are none, and carry them out in their order: write
/// `outgoing` after a Send and report it with `sent`, run each Work in some thread, and so on. Call
/// `handle_timeout` once `wait_seconds` are over. Several threads may use a realm at a time.
///
/// `store` is None, ":memory:" or the path of an SQLite file. With a store, what is promised to a
/// client is stored first: replies wait for a Work of the kind "commit". `durability` is what a commit
/// outlives: "fsync", a power cut, or "os", a killed process. `passwords` are kept as "argon2id" hashes,
/// or "plain" in memory, for lessons. `detail` is how much is told in events: "essential", "commands" or
/// "wire". `limits` has some of the names that the property `limits` shows, and other values. A `seed`
/// of 32 bytes makes a play repeatable; never use one twice in earnest. With a `now`, all other calls
/// want one too.
///
/// A file is one realm's at a time. In a child that is forked meanwhile the realm is of no use; a child
/// that lives on keeps the file from others only if this process is killed before it has closed it.
///
/// Raises ConfigError, InvalidNameError or LimitError for arguments that contradict themselves, and
/// StoreError if the store cannot be opened. Every method raises MisuseError after `close`, ForkError in
/// a process that was forked since, and InternalError once the realm has met a bug.
#[pyclass(frozen, module = "chatproto")]
pub(crate) struct Realm {
    driver: Arc<Driver>,
    key: Option<Py<StaticKey>>,
    peers: Mutex<Vec<Peer>>,
}

#[pymethods]
impl Realm {
    #[new]
    #[pyo3(signature = (name, users=None, *, peers=None, key=None, limits=None, store=None,
                        durability="fsync", passwords="argon2id", detail="essential", seed=None,
                        now=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "in Python they have names and defaults"
    )]
    fn new(
        py: Python<'_>,
        name: &str,
        users: Option<&Bound<'_, PyAny>>,
        peers: Option<&Bound<'_, PyAny>>,
        key: Option<Py<StaticKey>>,
        limits: Option<&Bound<'_, PyMapping>>,
        store: Option<PathBuf>,
        durability: &str,
        passwords: &str,
        detail: &str,
        seed: Option<&[u8]>,
        now: Option<&Moment>,
    ) -> PyResult<Self> {
        let mut config = Config::new(settings::realm_name(name)?)
            .limits(settings::limits(limits)?)
            .passwords(settings::passwords(passwords)?)
            .detail(settings::detail(detail)?);
        if let Some(users) = users {
            config = settings::with_users(config, users)?;
        }
        let peers = peers.map_or(Ok(Vec::new()), settings::peers)?;
        for peer in &peers {
            config = config.peer(peer.config());
        }
        let place = settings::place(store, durability)?;
        let (seed, now) = (settings::seed(seed)?, now.map(Moment::engine));
        let driver = py.detach(|| Driver::open(config, place.as_ref(), seed, now))?;
        Ok(Self {
            driver: Arc::new(driver),
            key,
            peers: Mutex::new(peers),
        })
    }

    // What it is.

    /// The realm's name.
    #[getter]
    fn name(&self) -> &str {
        self.driver.name().as_str()
    }

    /// The limits in force, by name, each time in a new dictionary.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        settings::limits_dict(py, self.driver.limits())
    }

    /// Whether a shutdown is through: no connection, no link, nothing to commit.
    #[getter]
    fn is_shut_down(&self) -> PyResult<bool> {
        Ok(self.driver.with(|realm| realm.is_shut_down())?)
    }

    /// Why the store failed at what it was asked for last, and what to do; None if it did not.
    #[getter]
    fn store_failure(&self) -> PyResult<Option<String>> {
        let failure = self.driver.store_failure()?;
        Ok(failure.map(|failure| failure.to_string()))
    }

    // Clients.

    /// Takes a new connection from `address`, a str without the port, by which connections are counted.
    /// Returns the connection's number, an int. One connection too many is told so and closed.
    #[pyo3(signature = (address, *, now=None))]
    fn open(&self, address: &str, now: Option<&Moment>) -> PyResult<u64> {
        let (connection, now) = (Connection::new(address), clock::at(now));
        let id = self.driver.with(|realm| realm.open(connection, now))?;
        Ok(id.as_u64())
    }

    /// Takes what one read brought: bytes, or anything like them. In a live group one read is one
    /// message.
    ///
    /// What is said of a connection that is gone changes nothing, here and in the methods below.
    #[pyo3(signature = (connection, data, *, now=None))]
    fn receive(
        &self,
        connection: u64,
        data: &Bound<'_, PyAny>,
        now: Option<&Moment>,
    ) -> PyResult<()> {
        let (id, now) = (ConnectionId::from_u64(connection), clock::at(now));
        with_bytes(data, |bytes| {
            Ok(self.driver.with(|realm| realm.receive(id, bytes, now))?)
        })
    }

    /// Notes that the client will send no more, but may still read.
    #[pyo3(signature = (connection, *, now=None))]
    fn ended(&self, connection: u64, now: Option<&Moment>) -> PyResult<()> {
        let (id, now) = (ConnectionId::from_u64(connection), clock::at(now));
        Ok(self.driver.with(|realm| realm.ended(id, now))?)
    }

    /// Notes that the connection is gone. Whole lines that it had sent are still carried out, but an
    /// `inbox` among them empties nothing.
    #[pyo3(signature = (connection, *, now=None))]
    fn closed(&self, connection: u64, now: Option<&Moment>) -> PyResult<()> {
        let (id, now) = (ConnectionId::from_u64(connection), clock::at(now));
        Ok(self.driver.with(|realm| realm.closed(id, now))?)
    }

    /// Returns the bytes to write to a connection now; b"" if there are none.
    fn outgoing<'py>(&self, py: Python<'py>, connection: u64) -> PyResult<Bound<'py, PyBytes>> {
        let id = ConnectionId::from_u64(connection);
        let bytes = self.driver.with(|realm| realm.outgoing(id).to_vec())?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Notes that the first `n` bytes of `outgoing` were written.
    ///
    /// Raises MisuseError for more than there were.
    #[pyo3(signature = (connection, n, *, now=None))]
    fn sent(&self, connection: u64, n: usize, now: Option<&Moment>) -> PyResult<()> {
        let (id, now) = (ConnectionId::from_u64(connection), clock::at(now));
        let noted = self.driver.with(|realm| realm.sent(id, n, now))?;
        noted.map_err(error::of_misuse)
    }

    /// Carries out one command without a connection, such as "auth messi surabaya", given as a str or
    /// bytes; a line end is added where there is none. Returns an int, which the Reply that answers it
    /// has as its `request`.
    #[pyo3(signature = (line, *, now=None))]
    fn execute(&self, line: &Bound<'_, PyAny>, now: Option<&Moment>) -> PyResult<u64> {
        let now = clock::at(now);
        let execute = |line: &[u8]| Ok(self.driver.with(|realm| realm.execute(line, now))?.0);
        match line.cast::<PyString>() {
            Ok(text) => match text.to_str() {
                Ok(text) => execute(text.as_bytes()),
                Err(_) => execute(encoded(text)?.as_bytes()),
            },
            Err(_) => with_bytes(line, execute),
        }
    }

    // What it asks for, and the time.

    /// Returns a list of all that the realm asks for or tells, in its order; empty if there is nothing.
    fn outputs(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let steps = self.driver.steps()?;
        let mut outputs = Vec::with_capacity(steps.len());
        for step in steps {
            outputs.extend(output::object(py, step, &self.driver)?);
        }
        Ok(outputs)
    }

    /// Returns when `handle_timeout` is due, in ms on the clock of `Now.mono_ms`; None if it is not.
    fn poll_timeout(&self) -> PyResult<Option<u64>> {
        let deadline = self.driver.with(|realm| realm.poll_timeout())?;
        Ok(deadline.map(|deadline| deadline.at_ms))
    }

    /// Returns how many seconds, a float, remain until `handle_timeout` is due; None if it is not.
    #[pyo3(signature = (*, now=None))]
    fn wait_seconds(&self, now: Option<&Moment>) -> PyResult<Option<f64>> {
        let now = clock::at(now);
        let deadline = self.driver.with(|realm| realm.poll_timeout())?;
        Ok(deadline.map(|deadline| clock::seconds(now, deadline)))
    }

    /// Does what is due; harmless at any other moment.
    #[pyo3(signature = (*, now=None))]
    fn handle_timeout(&self, now: Option<&Moment>) -> PyResult<()> {
        let now = clock::at(now);
        Ok(self.driver.with(|realm| realm.handle_timeout(now))?)
    }

    // Other realms.

    /// Returns what a LinkTransport of this realm is made with: its name, key and limits, and its peers
    /// as they are now.
    ///
    /// Raises ConfigError if a key is missing, or a peer could pass for another one.
    fn transport_config(&self) -> PyResult<TransportConfig> {
        self.driver.check()?;
        let peers = self.peers.lock().clone();
        let (own, limits) = (self.driver.name().clone(), self.driver.limits().clone());
        TransportConfig::make(own, self.key.as_ref().map(Py::get), &peers, limits)
    }

    /// Notes that a link with a peer is up, as a LinkTransport tells with Up. Returns the link's
    /// number, an int. Of two links with one peer the realm closes one.
    ///
    /// Raises MisuseError for a realm that is no peer, or another word than "dialled" or "accepted".
    #[pyo3(signature = (peer, direction, *, now=None))]
    fn link_up(&self, peer: &str, direction: &str, now: Option<&Moment>) -> PyResult<u64> {
        let (peer, now) = (settings::realm_name(peer)?, clock::at(now));
        let direction = self::direction(direction)?;
        let up = self
            .driver
            .with(|realm| realm.link_up(&peer, direction, now))?;
        up.map(LinkId::as_u64).map_err(error::of_misuse)
    }

    /// Takes frames that came over a link.
    #[pyo3(signature = (link, frames, *, now=None))]
    fn link_frames(
        &self,
        link: u64,
        frames: Vec<PyRef<'_, Frame>>,
        now: Option<&Moment>,
    ) -> PyResult<()> {
        let (id, now) = (LinkId::from_u64(link), clock::at(now));
        let frames: Vec<_> = frames.iter().map(|frame| frame.frame.clone()).collect();
        Ok(self
            .driver
            .with(|realm| realm.link_frames(id, &frames, now))?)
    }

    /// Returns a list of the frames to send over a link now.
    fn link_outgoing(&self, link: u64) -> PyResult<Vec<Frame>> {
        let id = LinkId::from_u64(link);
        let frames = self.driver.with(|realm| realm.link_outgoing(id).to_vec())?;
        Ok(Frame::all(frames))
    }

    /// Notes that the first `n` frames of `link_outgoing` were taken over by a LinkTransport.
    ///
    /// Raises MisuseError for more than there were.
    #[pyo3(signature = (link, n, *, now=None))]
    fn link_sent(&self, link: u64, n: usize, now: Option<&Moment>) -> PyResult<()> {
        let (id, now) = (LinkId::from_u64(link), clock::at(now));
        let noted = self.driver.with(|realm| realm.link_sent(id, n, now))?;
        noted.map_err(error::of_misuse)
    }

    /// Notes that a link is gone.
    #[pyo3(signature = (link, *, now=None))]
    fn link_down(&self, link: u64, now: Option<&Moment>) -> PyResult<()> {
        let (id, now) = (LinkId::from_u64(link), clock::at(now));
        Ok(self.driver.with(|realm| realm.link_down(id, now))?)
    }

    /// Notes that a Dial led to no link; why is for people to read, users among them: without paths.
    ///
    /// Raises MisuseError for a realm that was never a peer.
    #[pyo3(signature = (peer, why, *, now=None))]
    fn dial_failed(&self, peer: &str, why: &str, now: Option<&Moment>) -> PyResult<()> {
        let (peer, now) = (settings::realm_name(peer)?, clock::at(now));
        let noted = self
            .driver
            .with(|realm| realm.dial_failed(&peer, why, now))?;
        noted.map_err(error::of_misuse)
    }

    /// Returns a list with a PeerStatus for each peer.
    fn peers(&self) -> PyResult<Vec<PeerStatus>> {
        let peers: Vec<_> = self.driver.with(|realm| realm.peers().collect())?;
        Ok(peers.into_iter().map(PeerStatus::from).collect())
    }

    /// Adds a peer, or changes what is said of one.
    ///
    /// Raises ConfigError for this realm's own name.
    #[pyo3(signature = (peer, *, now=None))]
    fn set_peer(&self, peer: &Peer, now: Option<&Moment>) -> PyResult<()> {
        let (config, now) = (peer.config(), clock::at(now));
        let set = self.driver.with(|realm| realm.set_peer(config, now))?;
        set.map_err(error::of_peer)?;
        let mut peers = self.peers.lock();
        peers.retain(|known| known.realm_name() != peer.realm_name());
        peers.push(peer.clone());
        Ok(())
    }

    /// Takes a peer out. With `bounce`, messages that wait for it come back to their senders.
    ///
    /// Raises MisuseError for a realm that is no peer, and ConfigError, with the code "has_mail", if
    /// messages wait and `bounce` is not said; then nothing has changed.
    #[pyo3(signature = (peer, *, bounce=false, now=None))]
    fn remove_peer(&self, peer: &str, bounce: bool, now: Option<&Moment>) -> PyResult<()> {
        let (name, now) = (settings::realm_name(peer)?, clock::at(now));
        let removed = self
            .driver
            .with(|realm| realm.remove_peer(&name, bounce, now))?;
        removed.map_err(error::of_peer)?;
        self.peers
            .lock()
            .retain(|known| known.realm_name() != &name);
        Ok(())
    }

    /// Ends the link with a peer and wants no other, beyond the realm's end too; or, with
    /// `paused=False`, wants one again. Messages wait meanwhile.
    ///
    /// Raises MisuseError for a realm that is no peer.
    #[pyo3(signature = (peer, paused=true, *, now=None))]
    fn pause_peer(&self, peer: &str, paused: bool, now: Option<&Moment>) -> PyResult<()> {
        let (name, now) = (settings::realm_name(peer)?, clock::at(now));
        let done = self
            .driver
            .with(|realm| realm.pause_peer(&name, paused, now))?;
        done.map_err(error::of_peer)
    }

    /// Calls a peer at once that would be called later.
    ///
    /// Raises MisuseError for a realm that is no peer.
    #[pyo3(signature = (peer, *, now=None))]
    fn retry_peer(&self, peer: &str, now: Option<&Moment>) -> PyResult<()> {
        let (name, now) = (settings::realm_name(peer)?, clock::at(now));
        let done = self.driver.with(|realm| realm.retry_peer(&name, now))?;
        done.map_err(error::of_peer)
    }

    // Its end.

    /// Takes nothing new, says goodbye to everybody, and closes each connection and link once its output
    /// is written. Go on as before until `is_shut_down`.
    #[pyo3(signature = (*, now=None))]
    fn shutdown(&self, now: Option<&Moment>) -> PyResult<()> {
        let now = clock::at(now);
        Ok(self.driver.with(|realm| realm.shutdown(now))?)
    }

    /// Ends the realm at once and closes its store, after the commit under way if there is one. Every
    /// other method then raises MisuseError; calling this one again does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.driver.close())?)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_why))]
    fn __exit__(&self, py: Python<'_>, _why: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    #[cfg(debug_assertions)]
    /// Shows tests of this package what becomes of a realm that has met a bug.
    fn _meet_a_bug(&self) -> PyResult<()> {
        Ok(self
            .driver
            .with(|_| std::panic::resume_unwind(Box::new(())))?)
    }

    fn __repr__(&self) -> String {
        format!("<Realm {:?}>", self.name())
    }
}
