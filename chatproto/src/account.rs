//! The realm's own users.

use crate::config::UserConfig;
use crate::id::UserId;
use crate::name::UserName;
use crate::random::SeededMap;
use crate::secret::Secret;

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: UserName,
    pub(crate) display_name: Box<str>,
    pub(crate) password: Secret,
}

/// All users by name and number.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    accounts: Vec<Account>,
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
    pub(crate) fn add(&mut self, user: UserConfig) -> UserId {
        let id = UserId::new(self.accounts.len());
        self.by_name.insert(user.name.clone(), id);
        self.accounts.push(Account {
            name: user.name,
            display_name: user.display_name.into(),
            password: user.password,
        });
        id
    }

    pub(crate) fn find(&self, name: &str) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: UserId) -> Option<&Account> {
        self.accounts.get(id.index())
    }

    /// The user's name; a number comes from nowhere but [`Accounts::add`].
    pub(crate) fn name(&self, id: UserId) -> &str {
        self.get(id).map_or("", |account| account.name.as_str())
    }
}
