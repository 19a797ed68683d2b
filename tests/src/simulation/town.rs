//! Who lives where, and what they are called.

use chatproto::{Config, Limits, NameError, Passwords, PeerConfig, RealmName, UserConfig};
use std::ops::Range;

/// The realms, in the order of their names: of two, the smaller one has the say.
pub(super) const REALMS: [&str; 4] = ["barat", "selatan", "timur", "utara"];

/// What everybody logs in with.
pub(super) const PASSWORD: &str = "rahasia";

/// Names that a realm shares with the next one; each realm has twice as many shared names.
const SHARED_EACH: usize = 10;

/// A user, as the test knows it: by realm and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// Which realm.
    pub realm: usize,
    /// Which of its users, counted from 0.
    pub number: usize,
}

impl Person {
    /// The bare name. The first few numbers of each realm share theirs with one of another realm.
    pub(super) fn name(self) -> String {
        let Self { realm, number } = self;
        let next_to = |realm: usize| (realm + REALMS.len() - 1) % REALMS.len();
        if number < SHARED_EACH {
            format!("budi{}", realm * SHARED_EACH + number)
        } else if number < 2 * SHARED_EACH {
            format!(
                "budi{}",
                next_to(realm) * SHARED_EACH + number - SHARED_EACH
            )
        } else {
            format!("{}{number}", &REALMS[realm][..1])
        }
    }

    /// Name and realm.
    pub(super) fn address(self) -> String {
        format!("{}@{}", self.name(), REALMS[self.realm])
    }

    /// Whether somebody in another realm has the same name.
    pub(super) fn is_shared(self) -> bool {
        self.number < 2 * SHARED_EACH
    }

    /// Whether a realm may show this person so. The bare name is its own user's.
    pub(super) fn suits(self, shown: &str, realm: usize) -> bool {
        let is_taken = self.realm != realm
            && [0, SHARED_EACH]
                .into_iter()
                .flat_map(|first| first..first + SHARED_EACH)
                .any(|number| Person { realm, number }.name() == self.name());
        shown == self.address() && self.realm != realm || shown == self.name() && !is_taken
    }
}

/// The configuration of a realm that may link with all others.
pub(super) fn config(
    realm: usize,
    users: Range<usize>,
    limits: Limits,
    durable: bool,
) -> Result<Config, NameError> {
    let own = RealmName::parse(REALMS[realm])?;
    let mut config = Config::new(own)
        .limits(limits)
        .passwords(Passwords::Plain)
        .durable(durable);
    for number in users {
        let person = Person { realm, number };
        let name = person.name();
        config = config.user(UserConfig::new(&name, &shown_name(person), "", PASSWORD)?);
    }
    for peer in (0..REALMS.len()).filter(|peer| *peer != realm) {
        config = config.peer(PeerConfig::new(RealmName::parse(REALMS[peer])?));
    }
    Ok(config)
}

/// The display name.
pub(super) fn shown_name(person: Person) -> String {
    format!("Saudara {}", person.name())
}
