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
use crate::secret::Token;
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
    /// The same as [`execute_exactly`](Self::execute_exactly) for a command that is given in its parts.
    /// They are taken as they are: there may be white space in them.
    /// [`Event::Received`](crate::Event::Received) does not tell of it.
    pub fn execute_command(&mut self, command: &Command<'_>, now: Now) -> RequestId {
        let bytes = command.text_bytes();
        self.direct(bytes, now, |realm, id, now| {
            realm.carry_out(id, *command, now);
        })
    }

    /// Sends a private message of one user to another, or to `user@realm`, without a token; answered
    /// by [`Output::Reply`](crate::Output::Reply) as a `send` is. Where there is no such sender, the
    /// error is `recipient_unknown`.
    pub fn send_from(&mut self, from: &str, to: &str, text: &str, now: Now) -> RequestId {
        self.direct(text.len(), now, |realm, id, now| {
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

    /// Takes all messages out of a user's inbox without a token; answered by
    /// [`Output::Reply`](crate::Output::Reply) as an `inbox` is. Where there is no such user, the error
    /// is `recipient_unknown`.
    pub fn take_inbox(&mut self, user: &str, now: Now) -> RequestId {
        self.direct(0, now, |realm, id, _| {
            if let Some(user) = realm.direct_user(id, user) {
                realm.inbox(id, user);
            }
        })
    }

    /// Adds a user, or changes what is said of one, whose sessions and messages stay;
    /// [`Output::Reply`](crate::Output::Reply) answers once it is stored. A password in the clear is
    /// hashed afterwards, as one of the configuration is: where that must not be lost, hash it before.
    pub fn set_user(&mut self, user: UserConfig, now: Now) -> RequestId {
        self.direct(0, now, |realm, id, _| {
            if let Err(code) = realm.has_room() {
                return realm.reply_error(id, code);
            }
            realm.put_account(user);
            realm.reply(id, reply::DONE);
            realm.start_jobs();
        })
    }

    /// The users, in the order in which they were added.
    pub fn users(&self) -> impl Iterator<Item = Profile<'_>> {
        self.accounts.iter().map(Profile::from)
    }

    /// The user of that name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<Profile<'_>> {
        let user = self.accounts.find(name)?;
        self.accounts.get(user).map(Profile::from)
    }

    /// Whose a live token is. Its use is not noted.
    #[must_use]
    pub fn token_owner(&self, token: Token) -> Option<Profile<'_>> {
        let user = self.sessions.owner(token, self.clock.mono_ms)?;
        self.accounts.get(user).map(Profile::from)
    }

    /// The live tokens in order of login. Of those from before the realm's start, of which a store
    /// has no more than a hash, only the ones that were shown since are known.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        self.sessions.tokens(self.clock.mono_ms)
    }

    /// Carries out what brings so many bytes, and is answered as a request.
    fn direct(
        &mut self,
        bytes: usize,
        now: Now,
        carry_out: impl FnOnce(&mut Self, ConnectionId, Now),
    ) -> RequestId {
        let now = self.tick(now);
        let request = self.request(bytes, now, |realm, id| carry_out(realm, id, now));
        self.cut_slow(now);
        request
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
