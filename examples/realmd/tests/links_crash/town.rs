//! The three realms, what they suffer, and what they say about it.

use crate::common::Client;
use crate::common::dice::Dice;
use crate::common::running::{Home, REALMD, Running};
use crate::ledger::{name, realm_of};
use crate::proxy::Proxy;
use crate::world::{Fault, Place, REALMS, World};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What must never be read in a log: that a realm is wrong, or takes another one for wrong. No line
/// can make it so that noise does not notice.
const ALARMS: [&str; 8] = [
    "panicked",
    "bug",
    "ERROR",
    "history_truncated",
    "older copy",
    "begun its messages anew",
    "broke the rules",
    "ends the link: protocol",
];
/// How long queues may stand still.
const STANDSTILL: Duration = Duration::from_secs(90);

/// Inboxes that nobody empties get full, and so do those whose owners have as much under way: each of
/// those has a place for its bounce.
const INBOX_MESSAGES_MAX: u64 = 400;

/// What the realms differ in, so that they are not all alike: a long and a short credit, messages
/// that stay in memory and such that are read from the store again.
const LIMITS: [&str; REALMS] = [
    "inbox_memory_bytes_max = 2_000\nqueue_memory_bytes_max = 65_536\n",
    "credit_envelopes_max = 40\nqueue_memory_bytes_max = 65_536\n",
    "credit_bytes_max = 65_536\ncredit_envelopes_max = 500\n",
];

pub(crate) struct Town {
    home: Home,
    world: Arc<World>,
    realms: [Mutex<Option<Running>>; REALMS],
    /// How much of each log was looked at.
    read: [Mutex<usize>; REALMS],
    _proxies: Vec<Proxy>,
}

/// A stopped process, which goes on when this is dropped.
struct Stopped<'a>(&'a Running);

impl<'a> Stopped<'a> {
    fn new(running: &'a Running) -> Self {
        running.signal(Signal::STOP);
        Self(running)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::CONT);
    }
}

impl Town {
    /// Starts the realms; some are killed before they have ever run.
    pub(crate) fn found(people: usize, world: &Arc<World>, dice: &mut Dice) -> Self {
        let home = Home::new("");
        let mut proxies = Vec::new();
        for at in 0..REALMS {
            let mut text = realm_file(at, people);
            for other in (0..REALMS).filter(|other| *other != at) {
                let proxy = Proxy::between(at, other, world, dice.fork());
                write!(
                    text,
                    "[[peers]]\nname = \"realm{0}\"\naddress = \"{1}\"\npublic_key_file = \"data/realm{0}.pub\"\n",
                    other + 1,
                    proxy.address
                )
                .unwrap();
                proxies.push(proxy);
            }
            home.write(&format!("realm{}.toml", at + 1), &text);
        }
        let town = Self {
            home,
            world: Arc::clone(world),
            realms: Default::default(),
            read: Default::default(),
            _proxies: proxies,
        };
        for at in 0..REALMS {
            town.start(at, dice);
        }
        town
    }

    fn path(&self, at: usize, extension: &str) -> PathBuf {
        self.home.path(&format!("realm{}.{extension}", at + 1))
    }

    fn command(&self, at: usize) -> Command {
        let mut command = Command::new(REALMD);
        command.arg(self.path(at, "toml"));
        command
    }

    fn log(&self, at: usize) -> File {
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true);
        options.open(self.path(at, "log")).unwrap()
    }

    /// Starts a realm; sometimes it is killed once more while it starts.
    fn start(&self, at: usize, dice: &mut Dice) {
        while dice.percent(30) {
            let us = dice.below(150_000);
            let mut child = self
                .command(at)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(self.log(at))
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_micros(us));
            child.kill().unwrap();
            child.wait().unwrap();
            let what = format!("realm{}, {us} us after its start", at + 1);
            self.world.suffered(Fault::KillAtStart, &what);
        }
        let running = Running::start_logging(&mut self.command(at), self.log(at).into());
        let place = Place {
            clients: running.address,
            links: running.link.unwrap(),
        };
        self.world.note(&format!("realm{} is there", at + 1));
        self.world.set_place(at, Some(place));
        *self.realms[at].lock().unwrap() = Some(running);
    }

    /// Kills, stops and ends a realm again and again while the weather is rough; then it runs.
    pub(crate) fn suffer(&self, at: usize, dice: &mut Dice) {
        let world = &self.world;
        let name = format!("realm{}", at + 1);
        while world.is_rough() {
            world.nap(100 + dice.below(1_500));
            if !world.is_rough() {
                return;
            }
            let mut realm = self.realms[at].lock().unwrap();
            match dice.below(100) {
                0..45 => {
                    world.suffered(Fault::Kill, &name);
                    let running = realm.take();
                    drop(realm);
                    world.set_place(at, None);
                    running.unwrap().kill();
                }
                45..85 => {
                    let ms = 100 + dice.below(1_900);
                    world.suffered(Fault::Stop, &format!("{name} for {ms} ms"));
                    let running = realm.as_ref().unwrap();
                    let stopped = Stopped::new(running);
                    world.nap(ms);
                    drop(stopped);
                    world.note(&format!("{name} goes on"));
                    continue;
                }
                _ => {
                    world.suffered(Fault::Restart, &name);
                    let running = realm.take();
                    drop(realm);
                    running.unwrap().stop();
                    world.set_place(at, None);
                }
            }
            if dice.percent(40) {
                world.nap(dice.below(1_000));
            }
            self.start(at, dice);
        }
    }

    /// Waits until all that is under way has come to something.
    pub(crate) fn drain(&self) {
        let mut guests: Vec<_> = (0..REALMS)
            .map(|at| {
                let place = self.world.place(at).unwrap();
                Client::login(place.clients, "guest", "secret")
            })
            .collect();
        let (mut waiting, mut since) = (u64::MAX, Instant::now());
        let mut times_empty = 0;
        // Twice, since a bounce may begin where all was empty a moment ago.
        while times_empty < 2 {
            let now: u64 = guests.iter_mut().map(queued).sum();
            times_empty = if now == 0 { times_empty + 1 } else { 0 };
            if now != waiting {
                (waiting, since) = (now, Instant::now());
            }
            if since.elapsed() > STANDSTILL {
                let what = format!("{now} messages and bounces wait in the queues for ever");
                let ms = self.world.ms();
                self.world.fail(&what, ms, ms);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Looks for alarms in what the logs say since the last time.
    pub(crate) fn check_logs(&self) {
        for at in 0..REALMS {
            let log = std::fs::read(self.path(at, "log")).unwrap_or_default();
            let mut read = self.read[at].lock().unwrap();
            let fresh = String::from_utf8_lossy(&log[*read..]);
            let alarm = fresh
                .lines()
                .find(|line| ALARMS.iter().any(|word| line.contains(word)));
            if let Some(alarm) = alarm {
                let what = format!("realm{} says: {alarm}", at + 1);
                let ms = self.world.ms_of(alarm);
                self.world.fail(&what, ms, ms);
            }
            *read = log.len();
        }
    }

    /// Ends all realms as their operators would.
    pub(crate) fn end(&self) {
        for realm in &self.realms {
            realm.lock().unwrap().take().unwrap().stop();
        }
        self.check_logs();
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.home.keep();
            let folder = self.home.path("");
            println!("crash: the logs and data are in {}", folder.display());
        }
    }
}

/// How many messages and bounces a realm has for others.
fn queued((client, token): &mut (Client, String)) -> u64 {
    let reply = client.ask(&format!("checkrealm {token}\r\n"));
    let reply: Value = serde_json::from_str(&reply).unwrap();
    let realms = reply["realms"].as_array().unwrap();
    assert_eq!(realms.len(), REALMS - 1);
    let queues = realms.iter().map(|realm| realm["queue"].as_u64().unwrap());
    queues.sum()
}

fn realm_file(at: usize, people: usize) -> String {
    let mut text = format!(
        "name = \"realm{}\"\n\
         client = {{ address = \"127.0.0.1:0\" }}\n\
         store = {{ folder = \"data\" }}\n\
         passwords = {{ scheme = \"plain\" }}\n\
         link = {{ address = \"127.0.0.1:0\" }}\n\
         [limits]\n\
         redial_ms_min = 10\nredial_ms_max = 100\n\
         handshake_ms_max = 3_000\nlink_ping_ms = 500\nlink_dead_ms = 4_000\nunacknowledged_ms_max = 6_000\n\
         inbox_messages_max = {INBOX_MESSAGES_MAX}\noutbox_messages_max = {}\nsend_keys_max = 1_000\n\
         page_messages_max = 1_000\npage_bytes_max = 1_000_000\nsessions_per_user_max = 1_000\n{}",
        at + 1,
        2 * crate::person::LETTERS_MAX,
        LIMITS[at],
    );
    let here = (0..people).filter(|person| realm_of(*person) == at);
    for user in here.map(name).chain(["guest".to_owned()]) {
        write!(
            text,
            "[[users]]\nname = \"{user}\"\npassword = \"secret\"\n"
        )
        .unwrap();
    }
    text
}
