//! What the program that owns a realm does in it directly, in anybody's name: without a connection,
//! and without a token.

use super::Realm;
use super::routing::Draft;
use crate::account::{Account, Credential};
use crate::config::UserConfig;
use crate::error::ErrorCode;
use crate::id::UserId;
use crate::output::{ConnectionId, RequestId};
use crate::password::Passwords;
use crate::time::Now;
use crate::wire::command::Command;
use crate::wire::reply;

/// A user as others may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile<'a> {
    /// What the user logs in with.
    pub name: &'a str,
    /// What others see.
    pub display_name: &'a str,
    /// Where the user is from.
    pub country: &'a str,
}

impl<'a> From<&'a Account> for Profile<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            name: account.name.as_str(),
            display_name: &account.display_name,
            country: &account.country,
        }
    }
}

impl Realm {
    pub(super) fn execute_parts(&mut self, command: &Command<'_>, now: Now) -> RequestId {
        let bytes = command.text_bytes();
        self.request(bytes, now, |realm, id| realm.carry_out(id, *command, now))
    }

    pub(super) fn send_as(&mut self, from: &str, to: &str, text: &str, now: Now) -> RequestId {
        self.request(text.len(), now, |realm, id| {
            if let Some(from) = realm.direct_user(id, from) {
                let draft = Draft {
                    from,
                    session: 0,
                    to,
                    text,
                    key: None,
                };
                realm.send(id, &draft, now);
            }
        })
    }

    pub(super) fn inbox_of(&mut self, user: &str, now: Now) -> RequestId {
        self.request(0, now, |realm, id| {
            if let Some(user) = realm.direct_user(id, user) {
                realm.inbox(id, user);
            }
        })
    }

    /// Who is to change something, unless there is nobody of that name or no room in the store.
    fn direct_user(&mut self, id: ConnectionId, name: &str) -> Option<UserId> {
        let user = self.accounts.find(name).ok_or(ErrorCode::RecipientUnknown);
        let user = user.and_then(|user| self.has_room().map(|()| user));
        user.map_err(|code| self.reply_error(id, code)).ok()
    }

    fn has_room(&self) -> Result<(), ErrorCode> {
        if self.batches.is_full() {
            return Err(ErrorCode::StoreFull);
        }
        Ok(())
    }

    pub(super) fn put_user(&mut self, config: UserConfig, now: Now) -> RequestId {
        self.request(0, now, |realm, id| {
            if let Err(code) = realm.has_room() {
                return realm.reply_error(id, code);
            }
            realm.put_account(config);
            realm.reply(id, reply::DONE);
            realm.start_jobs();
        })
    }

    fn put_account(&mut self, config: UserConfig) {
        let account = Account::from(config);
        let user = match self.accounts.find(account.name.as_str()) {
            Some(user) => {
                self.accounts.put(user, account.clone());
                user
            }
            None => self.accounts.add(account.clone()),
        };
        // What is being hashed is a password that the user had before.
        self.logins.forget_hash(user);
        self.keep_account(user, &account);
    }

    /// Records an account, and has its password hashed where it is not.
    pub(super) fn keep_account(&mut self, user: UserId, account: &Account) {
        self.record(|| account.record(user));
        self.hash_if_plain(user, account);
    }

    pub(super) fn hash_if_plain(&mut self, user: UserId, account: &Account) {
        let is_plain = matches!(account.credential, Credential::Plain(_));
        if is_plain && self.passwords != Passwords::Plain {
            self.logins.hash_later(user);
        }
    }
}
