//! Some realms in one folder, each with one user of its own.

use crate::common::running::{Home, REALMD, Running};
use crate::common::{Client, eventually};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

/// The folder, and the ports that its realms have.
pub(crate) struct Town {
    home: Home,
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A peer by the file in which its key is.
pub(crate) fn by_file(name: &str, address: Option<SocketAddr>) -> String {
    let called = address.map_or_else(String::new, |address| format!("address = \"{address}\"\n"));
    format!("[[peers]]\nname = \"{name}\"\n{called}public_key_file = \"data/{name}.pub\"\n")
}

impl Town {
    pub(crate) fn new() -> Self {
        Self {
            home: Home::new(""),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes `NAME.toml` of a realm whose user is called after it.
    pub(crate) fn write(&self, name: &str, link: &str, peers: &str) {
        let text = format!(
            "name = \"{name}\"\nclient = {{ address = \"127.0.0.1:0\" }}\nstore = {{ folder = \"data\" }}\n\
             passwords = {{ scheme = \"plain\" }}\nlink = {{ {link} }}\n\
             users = [{{ name = \"user-of-{name}\", password = \"p\" }}]\n\
             limits = {{ redial_ms_min = 20, redial_ms_max = 200 }}\n{peers}"
        );
        self.home.write(&format!("{name}.toml"), &text);
    }

    /// Writes a realm that listens somewhere for links.
    pub(crate) fn write_linked(&self, name: &str, peers: &str) {
        self.write(name, "address = \"127.0.0.1:0\"", peers);
    }

    pub(crate) fn start(&self, name: &str) -> Running {
        self.start_with(name, &[])
    }

    pub(crate) fn start_with(&self, name: &str, more: &[&str]) -> Running {
        let file = self.path(&format!("{name}.toml"));
        Running::start(Command::new(REALMD).args(more).arg(file))
    }

    /// realm1, which waits for realm2, and realm2, which calls it.
    pub(crate) fn linked() -> (Self, Running, Running) {
        let town = Self::new();
        town.write_linked("realm1", &by_file("realm2", None));
        let one = town.start("realm1");
        town.write_linked("realm2", &by_file("realm1", one.link));
        let two = town.start("realm2");
        town.until_linked("realm1", "realm2");
        town.until_linked("realm2", "realm1");
        (town, one, two)
    }

    /// Runs realmd in the folder.
    pub(crate) fn realmd(&self, words: &[&str]) -> Output {
        let mut command = Command::new(REALMD);
        command.current_dir(self.path("")).args(words);
        command.env("RUST_LOG", "off").output().unwrap()
    }

    /// What realmd prints when all is well.
    pub(crate) fn told(&self, words: &[&str]) -> String {
        let output = self.realmd(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one sentence of a realmd that refuses.
    pub(crate) fn refused(&self, words: &[&str]) -> String {
        let output = self.realmd(words);
        assert!(!output.status.success(), "{words:?}: {output:?}");
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        sentence.trim_end().to_owned()
    }

    /// How a realm stands with a peer, if it is one.
    pub(crate) fn peer(&self, realm: &str, peer: &str) -> Option<Value> {
        let told = self.told(&["peers", &format!("{realm}.toml"), "--json"]);
        let report: Value = serde_json::from_str(&told).unwrap();
        let peers = report["peers"].as_array().unwrap();
        peers.iter().find(|it| it["name"] == peer).cloned()
    }

    pub(crate) fn until(
        &self,
        realm: &str,
        peer: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(&format!("{realm} and {peer}: {what}"), || {
            self.peer(realm, peer).filter(|peer| holds(peer))
        })
    }

    pub(crate) fn until_linked(&self, realm: &str, peer: &str) -> Value {
        self.until(realm, peer, "linked", |peer| peer["state"] == "linked")
    }

    /// Waits until calling a peer has led nowhere for that reason.
    pub(crate) fn until_failed(&self, realm: &str, peer: &str, why: &str) {
        self.until(realm, peer, why, |peer| {
            peer["last_error"]
                .as_str()
                .is_some_and(|error| error.contains(why))
        });
    }
}

/// Somebody who is logged in.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) token: String,
}

impl Person {
    pub(crate) fn of(realm: &Running, name: &str) -> Self {
        let (client, token) = Client::login(realm.address, &format!("user-of-{name}"), "p");
        Self { client, token }
    }

    pub(crate) fn send(&mut self, to: &str, text: &str) {
        let reply = self
            .client
            .ask(&format!("send {} {to} {text}\r\n", self.token));
        assert_eq!(reply, "{\"status\": \"OK\", \"message\": \"Message Sent\"}");
    }

    /// The reply to a command, as JSON.
    pub(crate) fn ask(&mut self, command: &str) -> Value {
        let reply = self.client.ask(&format!("{command} {}\r\n", self.token));
        serde_json::from_str(&reply).unwrap()
    }

    /// Waits for a message with that text in it.
    pub(crate) fn receive(&mut self, text: &str) -> String {
        eventually(text, || {
            let reply = self.client.ask(&format!("peek {}\r\n", self.token));
            reply.contains(text).then_some(reply)
        })
    }

    /// The state of the messages sent elsewhere, oldest first.
    pub(crate) fn states(&mut self) -> Vec<String> {
        let outbox = self.ask("outbox");
        let messages = outbox["messages"].as_array().unwrap();
        let states = messages
            .iter()
            .map(|it| it["state"].as_str().unwrap().to_owned());
        states.collect()
    }
}

/// What a realm logs, while it runs.
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    /// Takes the log over; [`Running::stop`] has none then.
    pub(crate) fn of(realm: &mut Running) -> Self {
        let lines = BufReader::new(realm.child.stderr.take().unwrap()).lines();
        let text = Arc::new(Mutex::new(String::new()));
        let log = Self(Arc::clone(&text));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *text.lock().unwrap() += &(line + "\n");
            }
        });
        log
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn until(&self, text: &str) {
        eventually(text, || self.text().contains(text).then_some(()));
    }
}

/// How many lines of a log have that text in them.
pub(crate) fn lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}
