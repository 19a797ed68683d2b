//! The realms of a transcript before its first client comes.

use crate::transcript::Action;
use crate::world::World;
use chatproto::{Config, Limits, Passwords, PeerConfig, RealmName, UserConfig};

/// How long the realms get to link.
pub(super) const LINK_MS_MAX: u64 = 120_000;

/// The users of the two example realms: realm, username, display name, password.
const USERS: [[&str; 4]; 6] = [
    ["realm1", "messi", "Lionel Messi", "surabaya"],
    ["realm1", "henderson", "Jordan Henderson", "surabaya"],
    ["realm1", "lineker", "Gary Lineker", "surabaya"],
    ["realm2", "amsal", "Amsal Rizky", "jakarta"],
    ["realm2", "herbert", "Herbert Sterling", "singapura"],
    ["realm2", "napitupulu", "Napitupulu", "jakarta"],
];

/// What the realms will be like.
pub(super) struct Stage {
    durable: bool,
    realms: Vec<String>,
    /// Users with their realms.
    users: Vec<(String, UserConfig)>,
    limits: Limits,
}

impl Stage {
    /// The two example realms.
    pub(super) fn new(durable: bool) -> Result<Self, String> {
        let mut stage = Self {
            durable,
            realms: vec!["realm1".to_owned(), "realm2".to_owned()],
            users: Vec::new(),
            limits: Limits::default(),
        };
        for [realm, name, display_name, password] in USERS {
            stage.add_user(realm, name, display_name, password)?;
        }
        Ok(stage)
    }

    /// Does what a line says if it is about the realms as such; returns whether it was.
    pub(super) fn set(&mut self, action: &Action) -> Result<bool, String> {
        match action {
            Action::Limit(name, value) => {
                self.limits.set(name, *value).map_err(|e| e.to_string())?;
            }
            Action::Realm(name) => self.realms.push(name.clone()),
            Action::User {
                realm,
                name,
                password,
                display_name,
            } => {
                self.add_user(realm, name, display_name, password)?;
            }
            Action::Wait(_)
            | Action::Cut(..)
            | Action::Mend(..)
            | Action::Stop(_)
            | Action::Client(..) => {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the realms, each the peer of each, and lets them link.
    pub(super) fn build(&self) -> Result<World, String> {
        let mut world = World::new();
        for (number, realm) in (1..).zip(&self.realms) {
            let added = world.add_realm(self.config(realm)?, [number; 32]);
            added.map_err(|e| e.to_string())?;
        }
        let linked = world.advance_until(LINK_MS_MAX, |world| {
            let each = 0..world.realms();
            each.clone()
                .all(|a| each.clone().all(|b| a == b || world.linked(a, b)))
        });
        if linked {
            Ok(world)
        } else {
            Err("the realms do not link".to_owned())
        }
    }

    fn add_user(
        &mut self,
        realm: &str,
        name: &str,
        display_name: &str,
        password: &str,
    ) -> Result<(), String> {
        let user = UserConfig::new(name, display_name, "", password).map_err(|e| e.to_string())?;
        self.users.push((realm.to_owned(), user));
        Ok(())
    }

    fn config(&self, realm: &str) -> Result<Config, String> {
        let name = |name: &str| RealmName::parse(name).map_err(|e| e.to_string());
        let mut config = Config::new(name(realm)?)
            .limits(self.limits.clone())
            .passwords(Passwords::Plain)
            .durable(self.durable);
        for (_, user) in self.users.iter().filter(|(of, _)| of == realm) {
            config = config.user(user.clone());
        }
        for peer in self.realms.iter().filter(|peer| *peer != realm) {
            config = config.peer(PeerConfig::new(name(peer)?));
        }
        Ok(config)
    }
}
