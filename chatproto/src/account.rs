//! The realm's own users.

use crate::config::UserConfig;
use crate::id::UserId;
use crate::name::UserName;
use crate::password::{Password, PasswordHash};
use crate::random::SeededMap;
use crate::record::Record;
use crate::secret::Secret;

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: UserName,
    pub(crate) display_name: Box<str>,
    pub(crate) country: Box<str>,
    pub(crate) credential: Credential,
}

/// What a user's password is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// There is none: nobody can log in.
    Missing,
    /// The configuration's, as it is: for the plain scheme, or until its hash is there.
    Plain(Secret),
    Hash(PasswordHash),
}

impl From<Password> for Credential {
    fn from(password: Password) -> Self {
        match password {
            Password::Plain(secret) => Self::Plain(secret),
            Password::Hash(hash) => Self::Hash(hash),
        }
    }
}

impl From<UserConfig> for Account {
    fn from(config: UserConfig) -> Self {
        Self {
            name: config.name,
            display_name: config.display_name.into(),
            country: config.country.into(),
            credential: config.password.into(),
        }
    }
}

impl Account {
    /// The record of the account; a password in the clear is never in it.
    pub(crate) fn record(&self, user: UserId) -> Record {
        let password = match &self.credential {
            Credential::Hash(hash) => Some(hash.clone()),
            Credential::Missing | Credential::Plain(_) => None,
        };
        Record::Account {
            user,
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            country: self.country.clone(),
            password,
        }
    }
}

/// All users by name and number.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Numbers of users that a store does not know any more stay empty.
    accounts: Vec<Option<Account>>,
    by_name: SeededMap<UserName, UserId>,
}

impl Accounts {
    pub(crate) fn new(by_name: SeededMap<UserName, UserId>) -> Self {
        Self {
            accounts: Vec::new(),
            by_name,
        }
    }

    /// Adds a user whose name is not taken.
    pub(crate) fn add(&mut self, account: Account) -> UserId {
        let user = UserId::new(self.accounts.len());
        self.by_name.insert(account.name.clone(), user);
        self.accounts.push(Some(account));
        user
    }

    /// Puts a user at a number, in place of what was there. Returns whether the name is another
    /// user's.
    pub(crate) fn put(&mut self, user: UserId, account: Account) -> bool {
        let index = user.index();
        if index >= self.accounts.len() {
            self.accounts.resize_with(index + 1, || None);
        }
        let known = self.by_name.insert(account.name.clone(), user);
        if let Some(place) = self.accounts.get_mut(index) {
            *place = Some(account);
        }
        known.is_some_and(|known| known != user)
    }

    pub(crate) fn find(&self, name: &str) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: UserId) -> Option<&Account> {
        self.accounts.get(id.index())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: UserId) -> Option<&mut Account> {
        self.accounts.get_mut(id.index())?.as_mut()
    }

    /// All users, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().flatten()
    }

    /// The user's name; a number comes from nowhere but [`Accounts::add`] and the store.
    pub(crate) fn name(&self, id: UserId) -> &str {
        self.get(id).map_or("", |account| account.name.as_str())
    }
}
