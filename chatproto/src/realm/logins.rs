//! Logins: passwords are checked beside the engine, by turns for all addresses, and who fails too
//! often has to wait.
//!
//! Failures count for one user from one address: so nobody can guess fast, nor lock out others who
//! share the address, nor lock a user out from elsewhere.

use super::Realm;
use super::clients::Wait;
use crate::account::Credential;
use crate::error::{ErrorCode, Misuse};
use crate::id::UserId;
use crate::output::{ConnectionId, Event, Output, RequestId};
use crate::password::{PasswordAnswer, PasswordJob, Passwords};
use crate::record::Record;
use crate::secret::{Secret, Token};
use crate::time::Now;
use crate::wire::reply;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Addresses and users whose failed logins are remembered; with more of them the first are forgotten.
const FAILED_MAX: usize = 65_536;

/// From where to whom a login goes; to nobody for all names that nobody has.
type Way = (Arc<str>, Option<UserId>);

/// Passwords to be checked or hashed, and what failed before.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// Connections that wait for a check, by address.
    waiting: BTreeMap<Arc<str>, VecDeque<ConnectionId>>,
    /// The addresses of `waiting`, the next one first.
    turns: VecDeque<Arc<str>>,
    /// Users whose password the configuration gives in the clear.
    unhashed: VecDeque<UserId>,
    under_way: BTreeMap<RequestId, Job>,
    /// When each way on which logins failed has all its failures again.
    forgiven_ms: BTreeMap<Way, u64>,
}

/// What a job under way is for.
#[derive(Clone, Copy, Debug)]
enum Job {
    Login(ConnectionId),
    Account(UserId),
    /// Hashes a password that was changed meanwhile.
    Outdated,
}

impl Logins {
    fn wait(&mut self, address: Arc<str>, id: ConnectionId) {
        let line = self.waiting.entry(Arc::clone(&address)).or_default();
        if line.is_empty() {
            self.turns.push_back(address);
        }
        line.push_back(id);
    }

    /// The next connection to serve: each address has its turn, however many wait there.
    fn next(&mut self) -> Option<ConnectionId> {
        let address = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&address)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        next
    }

    pub(super) fn hash_later(&mut self, user: UserId) {
        self.unhashed.push_back(user);
    }

    /// Passes over what comes of hashing a user's password now.
    pub(super) fn forget_hash(&mut self, user: UserId) {
        for job in self.under_way.values_mut() {
            if matches!(job, Job::Account(of) if *of == user) {
                *job = Job::Outdated;
            }
        }
    }
}

impl Realm {
    pub(super) fn auth(&mut self, id: ConnectionId, name: &str, password: &str, now: Now) {
        if self.clients.get(id).is_none_or(|client| client.is_gone) {
            // Nobody would learn the token.
            return;
        }
        if self.batches.is_full() {
            return self.reply_error(id, ErrorCode::StoreFull);
        }
        let user = self.accounts.find(name);
        if !self.may_try(id, user, now) {
            return self.login_failed(id, name, ErrorCode::TooManyLogins);
        }
        let known = user.and_then(|user| Some((user, self.accounts.get(user)?)));
        let Some((user, account)) = known else {
            self.charge(id, None, now);
            return self.login_failed(id, name, ErrorCode::NoSuchUser);
        };
        match &account.credential {
            Credential::Plain(own) if own.matches(password) => self.log_in(id, user, now),
            Credential::Plain(_) | Credential::Missing => {
                self.charge(id, Some(user), now);
                self.login_failed(id, name, ErrorCode::WrongPassword);
            }
            Credential::Hash(_) => {
                // Taken for a failure until it is known, or many at once would all be checked.
                self.charge(id, Some(user), now);
                let password = Secret::new(password);
                if let Some(client) = self.clients.get_mut(id) {
                    client.wait = Some(Box::new(Wait::Login { user, password }));
                    let address = Arc::clone(&client.address);
                    self.logins.wait(address, id);
                }
                self.start_jobs();
            }
        }
    }

    /// Asks for as many jobs as may be under way: logins first.
    pub(super) fn start_jobs(&mut self) {
        while (self.logins.under_way.len() as u64) < self.limits.hashes_max {
            let Some((what, job)) = self.next_login().or_else(|| self.next_hash()) else {
                return;
            };
            let request = self.next_request();
            self.logins.under_way.insert(request, what);
            self.outputs.push_back(Output::Hash(request, job));
        }
    }

    fn next_login(&mut self) -> Option<(Job, PasswordJob)> {
        while let Some(id) = self.logins.next() {
            // Those that are gone or closing wait for nothing any more.
            let Some(client) = self.clients.get(id) else {
                continue;
            };
            let Some(Wait::Login { user, password }) = client.wait.as_deref() else {
                continue;
            };
            let account = self.accounts.get(*user);
            if let Some(Credential::Hash(hash)) = account.map(|account| &account.credential) {
                let job = PasswordJob::check(password.clone(), hash.clone());
                return Some((Job::Login(id), job));
            }
        }
        None
    }

    fn next_hash(&mut self) -> Option<(Job, PasswordJob)> {
        let Passwords::Argon2id(cost) = self.passwords else {
            return None;
        };
        while let Some(user) = self.logins.unhashed.pop_front() {
            let account = self.accounts.get(user);
            if let Some(Credential::Plain(password)) = account.map(|account| &account.credential) {
                let job = PasswordJob::hash(password.clone(), cost, self.random.bytes());
                return Some((Job::Account(user), job));
            }
        }
        None
    }

    pub(super) fn take_answer(
        &mut self,
        request: RequestId,
        answer: PasswordAnswer,
        now: Now,
    ) -> Result<(), Misuse> {
        let job = self.logins.under_way.remove(&request);
        match job.ok_or(Misuse::UnknownRequest)? {
            Job::Login(id) => self.checked(id, &answer, now),
            Job::Account(user) => self.hashed(user, answer),
            Job::Outdated => {}
        }
        if self.stopped.is_none() {
            self.start_jobs();
        }
        Ok(())
    }

    fn checked(&mut self, id: ConnectionId, answer: &PasswordAnswer, now: Now) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let Some(wait) = client
            .wait
            .take_if(|wait| matches!(**wait, Wait::Login { .. }))
        else {
            return;
        };
        let Wait::Login { user, .. } = *wait else {
            return;
        };
        match answer {
            PasswordAnswer::Wrong => {
                let name = self.accounts.name(user).to_owned();
                self.login_failed(id, &name, ErrorCode::WrongPassword);
            }
            PasswordAnswer::Right => {
                self.forgive(id, user);
                if self.batches.is_full() {
                    self.reply_error(id, ErrorCode::StoreFull);
                } else {
                    self.log_in(id, user, now);
                }
            }
            PasswordAnswer::Failed | PasswordAnswer::Hashed(_) => {
                self.forgive(id, user);
                self.event(|| Event::PasswordFailed);
                self.reply_error(id, ErrorCode::PasswordUnchecked);
            }
        }
        self.resume_client(id, now);
        self.finish_request(id);
    }

    /// Keeps a hash in place of the password that the configuration gave.
    fn hashed(&mut self, user: UserId, answer: PasswordAnswer) {
        let PasswordAnswer::Hashed(hash) = answer else {
            return self.event(|| Event::PasswordFailed);
        };
        let Some(account) = self.accounts.get_mut(user) else {
            return;
        };
        account.credential = Credential::Hash(hash);
        let record = account.record(user);
        self.record(|| record);
    }

    /// Whether a failed login is left on a connection's way to a user.
    fn may_try(&self, id: ConnectionId, user: Option<UserId>, now: Now) -> bool {
        let Some(way) = self.way(id, user) else {
            return true;
        };
        let forgiven_ms = self.logins.forgiven_ms.get(&way);
        let used_ms = forgiven_ms.map_or(0, |at_ms| at_ms.saturating_sub(now.mono_ms));
        used_ms.saturating_add(self.failure_ms()) <= self.limits.failed_logins_ms
    }

    /// None for a request, behind which stands whoever owns the realm.
    fn way(&self, id: ConnectionId, user: Option<UserId>) -> Option<Way> {
        let client = self.clients.get(id).filter(|client| !client.is_request())?;
        Some((Arc::clone(&client.address), user))
    }

    /// How long it takes until one failure is forgiven.
    fn failure_ms(&self) -> u64 {
        self.limits.failed_logins_ms / self.limits.failed_logins_max
    }

    fn login_failed(&mut self, id: ConnectionId, name: &str, code: ErrorCode) {
        // What nobody is called may be a password.
        let is_user = self.accounts.find(name).is_some();
        let user = if is_user { name } else { "***" }.to_owned();
        self.event(|| Event::LoginFailed {
            connection: id,
            user,
            code,
        });
        self.reply_error(id, code);
    }

    fn charge(&mut self, id: ConnectionId, user: Option<UserId>, now: Now) {
        let failure_ms = self.failure_ms();
        let Some(way) = self.way(id, user) else {
            return;
        };
        let forgiven = &mut self.logins.forgiven_ms;
        if forgiven.len() >= FAILED_MAX && !forgiven.contains_key(&way) {
            forgiven.retain(|_, at_ms| *at_ms > now.mono_ms);
            if forgiven.len() >= FAILED_MAX {
                forgiven.pop_first();
            }
        }
        let at_ms = forgiven.entry(way).or_default();
        *at_ms = (*at_ms).max(now.mono_ms).saturating_add(failure_ms);
    }

    /// Takes back what [`charge`](Self::charge) took before it was known.
    fn forgive(&mut self, id: ConnectionId, user: UserId) {
        let failure_ms = self.failure_ms();
        let way = self.way(id, Some(user));
        if let Some(at_ms) = way.and_then(|way| self.logins.forgiven_ms.get_mut(&way)) {
            *at_ms = at_ms.saturating_sub(failure_ms);
        }
    }

    fn log_in(&mut self, id: ConnectionId, user: UserId, now: Now) {
        let token = Token::from_random(self.random.bytes());
        let (session, ended) = self.sessions.open(user, token, now.mono_ms);
        for ended in ended {
            self.session_ended(user, ended.number);
        }
        self.time_sessions();
        if let Some(client) = self.clients.get_mut(id) {
            client.session = Some(session);
            client.opened_session = Some(session);
        }
        let number = self
            .sessions
            .get(session)
            .map_or(0, |session| session.number);
        if let Some(name) = self.user_name(user) {
            self.event(|| Event::LoggedIn {
                connection: id,
                user: name,
                session: number,
            });
        }
        self.record(|| Record::SessionOpened {
            session: number,
            user,
            token: token.hash(),
            unix_ms: now.unix_ms,
        });
        let batch = self.batches.last();
        self.write(id, batch, |out| reply::token(out, token));
    }
}
