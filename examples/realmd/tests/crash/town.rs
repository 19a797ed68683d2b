//! The two realms, and who lives where.

use crate::common::dice::Dice;
use crate::common::running::{Home, Running};
use crate::common::{Client, eventually};
use crate::ledger::name;
use crate::person::Person;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// To how many others each person writes.
pub(crate) const CORRESPONDENTS: u64 = 5;
/// Every so many-th person lives in the second realm.
const ABROAD_EVERY: usize = 5;
/// What must never be read in a log.
const ALARMS: [&str; 4] = ["panicked", "bug", "history_truncated", "ERROR"];

/// Whom a person writes to: most of them neighbours, one far away, and oneself.
pub(crate) fn correspondents(person: usize) -> [usize; CORRESPONDENTS as usize] {
    [1, 2, 3, 7, 0].map(|step| (person + step) % crate::PEOPLE)
}

/// Who writes to a person.
pub(crate) fn senders(person: usize) -> [usize; CORRESPONDENTS as usize] {
    [1, 2, 3, 7, 0].map(|step| (person + crate::PEOPLE - step) % crate::PEOPLE)
}

/// In which of the two realms a person lives.
pub(crate) fn realm_of(person: usize) -> usize {
    usize::from(person.is_multiple_of(ABROAD_EVERY))
}

/// What one person writes to reach another.
pub(crate) fn address_of(person: usize, from: usize) -> String {
    if realm_of(person) == realm_of(from) {
        name(person)
    } else {
        format!("{}@realm{}", name(person), realm_of(person) + 1)
    }
}

pub(crate) struct Town {
    homes: [Home; 2],
    realms: [Option<Running>; 2],
}

impl Town {
    /// Starts the realms and links them.
    pub(crate) fn found(people: usize) -> Self {
        let (first, second) = (Home::new(""), Home::new(""));
        let key_of = |at: usize| [&first, &second][at].path(&format!("data/realm{}.pub", at + 1));
        let nowhere = "127.0.0.1:0";
        second.write(
            "realm.toml",
            &realm_file(1, people, None, nowhere, &key_of(0)),
        );
        let running = second.start();
        let link = running.link.unwrap();
        running.kill();
        // From now on it is found where it was at first.
        second.write(
            "realm.toml",
            &realm_file(1, people, None, &link.to_string(), &key_of(0)),
        );
        first.write(
            "realm.toml",
            &realm_file(0, people, Some(link), nowhere, &key_of(1)),
        );
        let mut town = Self {
            realms: [Some(first.start()), Some(second.start())],
            homes: [first, second],
        };
        town.introduce();
        town
    }

    /// Waits until the realms have met: before that there is nowhere to send to.
    fn introduce(&mut self) {
        for (at, other) in [(0, 2), (1, 1)] {
            let (mut client, token) = Client::login(self.realm(at).address, "guest", "secret");
            eventually("the realms are linked", || {
                let reply = client.ask(&format!("send {token} guest@realm{other} halo\r\n"));
                reply.contains("\"OK\"").then_some(())
            });
        }
    }

    fn realm(&self, at: usize) -> &Running {
        self.realms[at].as_ref().unwrap()
    }

    /// Where a person's clients connect.
    pub(crate) fn address(&self, person: &Person) -> SocketAddr {
        self.realm(realm_of(person.at)).address
    }

    /// Kills one realm or both, in whatever they are at.
    pub(crate) fn kill_some(&mut self, dice: &mut Dice) {
        let which = match dice.below(4) {
            0 => vec![1],
            1 | 2 => vec![0],
            _ => vec![0, 1],
        };
        for at in which {
            let log = self.realms[at].take().unwrap().kill();
            let alarm = log
                .lines()
                .find(|line| ALARMS.iter().any(|word| line.contains(word)));
            assert_eq!(alarm, None);
        }
    }

    /// Starts what was killed; sometimes it is killed once more while it starts.
    pub(crate) fn start_again(&mut self, dice: &mut Dice) {
        for (home, realm) in self.homes.iter().zip(&mut self.realms) {
            if realm.is_some() {
                continue;
            }
            if dice.percent(30) {
                home.start_and_kill_after(Duration::from_micros(dice.below(60_000)));
            }
            *realm = Some(home.start());
        }
    }
}

/// One of the realms, and where the key of the other one is.
fn realm_file(
    at: usize,
    people: usize,
    dials: Option<SocketAddr>,
    link: &str,
    key: &Path,
) -> String {
    let (own, other) = (at + 1, 2 - at);
    let dials = dials.map_or(String::new(), |to| format!("address = \"{to}\", "));
    let key = key.display();
    let mut text = format!(
        "name = \"realm{own}\"\n\
         client = {{ address = \"127.0.0.1:0\" }}\n\
         store = {{ folder = \"data\" }}\n\
         passwords = {{ scheme = \"plain\" }}\n\
         link = {{ address = \"{link}\" }}\n\
         peers = [{{ name = \"realm{other}\", {dials}public_key_file = \"{key}\" }}]\n\
         [limits]\n\
         redial_ms_min = 10\nredial_ms_max = 50\n\
         inbox_messages_max = 1_000_000\ninbox_bytes_max = 1_000_000_000\ninbox_memory_bytes_max = 2_000\n\
         sessions_per_user_max = 1_000_000\nqueue_messages_max = 1_000_000\n\
         page_messages_max = 100_000\npage_bytes_max = 1_000_000_000\noutgoing_bytes_max = 1_000_000_000\n"
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
