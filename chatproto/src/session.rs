//! Who is logged in: tokens and the users behind them.

use crate::id::UserId;
use crate::random::SeededMap;
use crate::secret::Token;
use crate::slots::{Key, Slots};
use std::collections::{BTreeMap, BTreeSet};

/// A session's place in the table.
pub(crate) type SessionId = Key;

/// One live token.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    token: Token,
    pub(crate) user: UserId,
    /// Counts logins; what a session is called where its token must not be seen.
    pub(crate) number: u64,
    used_ms: u64,
    /// Where it stands in `checks`.
    check_ms: u64,
}

/// All live tokens.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    table: Slots<Session>,
    by_token: SeededMap<Token, SessionId>,
    /// Each user's sessions, in order of login.
    by_user: BTreeMap<UserId, Vec<SessionId>>,
    /// Each user with a session, by the number of the oldest one.
    active: BTreeMap<u64, UserId>,
    /// When each session is looked at again; it has expired if it was not used since.
    checks: BTreeSet<(u64, SessionId)>,
    opened: u64,
    idle_ms_max: u64,
    per_user_max: u64,
}

impl Sessions {
    pub(crate) fn new(
        by_token: SeededMap<Token, SessionId>,
        idle_ms_max: u64,
        per_user_max: u64,
    ) -> Self {
        Self {
            table: Slots::new(),
            by_token,
            by_user: BTreeMap::new(),
            active: BTreeMap::new(),
            checks: BTreeSet::new(),
            opened: 0,
            idle_ms_max,
            per_user_max,
        }
    }

    /// Opens a session. A user who has as many as may be loses the one unused for longest, which
    /// is returned too.
    pub(crate) fn open(
        &mut self,
        user: UserId,
        token: Token,
        now_ms: u64,
    ) -> (SessionId, Option<Session>) {
        let ended = self.make_room(user);
        self.opened += 1;
        let number = self.opened;
        let check_ms = now_ms.saturating_add(self.idle_ms_max);
        let id = self.table.insert(Session {
            token,
            user,
            number,
            used_ms: now_ms,
            check_ms,
        });
        self.by_token.insert(token, id);
        let own = self.by_user.entry(user).or_default();
        if own.is_empty() {
            self.active.insert(number, user);
        }
        own.push(id);
        self.checks.insert((check_ms, id));
        (id, ended)
    }

    /// Finds the session of a token and notes its use. `hint` is where it was last found.
    pub(crate) fn find(
        &mut self,
        token: Token,
        hint: Option<SessionId>,
        now_ms: u64,
    ) -> Option<(SessionId, UserId)> {
        let known = hint.filter(|id| {
            self.table
                .get(*id)
                .is_some_and(|session| session.token == token)
        });
        let id = known.or_else(|| self.by_token.get(&token).copied())?;
        let session = self.table.get_mut(id)?;
        if now_ms.saturating_sub(session.used_ms) > self.idle_ms_max {
            // `expire` will end it.
            return None;
        }
        session.used_ms = now_ms;
        Some((id, session.user))
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.table.get(id)
    }

    pub(crate) fn end(&mut self, id: SessionId) -> Option<Session> {
        let session = self.table.remove(id)?;
        self.by_token.remove(&session.token);
        self.checks.remove(&(session.check_ms, id));
        let own = self.by_user.get_mut(&session.user)?;
        let was_oldest = own.first() == Some(&id);
        own.retain(|other| *other != id);
        let next = own
            .first()
            .and_then(|next| self.table.get(*next))
            .map(|next| next.number);
        if next.is_none() {
            self.by_user.remove(&session.user);
        }
        if was_oldest {
            self.active.remove(&session.number);
            self.active
                .extend(next.map(|number| (number, session.user)));
        }
        Some(session)
    }

    /// Ends what has expired, and returns it.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<Session> {
        let mut ended = Vec::new();
        while let Some((due_ms, id)) = self.checks.first().copied() {
            if due_ms >= now_ms {
                break;
            }
            self.checks.remove(&(due_ms, id));
            let Some(session) = self.table.get_mut(id) else {
                continue;
            };
            let expires_ms = session.used_ms.saturating_add(self.idle_ms_max);
            if expires_ms < now_ms {
                ended.extend(self.end(id));
            } else {
                session.check_ms = expires_ms;
                self.checks.insert((expires_ms, id));
            }
        }
        ended
    }

    /// When [`Sessions::expire`] may have something to do.
    pub(crate) fn next_check_ms(&self) -> Option<u64> {
        self.checks
            .first()
            .map(|(due_ms, _)| due_ms.saturating_add(1))
    }

    /// Each user with a live token once, in order of login.
    pub(crate) fn active(&self) -> impl Iterator<Item = UserId> {
        self.active.values().copied()
    }

    fn make_room(&mut self, user: UserId) -> Option<Session> {
        let own = self.by_user.get(&user)?;
        if (own.len() as u64) < self.per_user_max {
            return None;
        }
        let used_ms = |id: &&SessionId| self.table.get(**id).map(|session| session.used_ms);
        let stalest = own.iter().min_by_key(used_ms).copied()?;
        self.end(stalest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Accounts;
    use crate::config::UserConfig;
    use crate::random::Random;

    struct Fixture {
        sessions: Sessions,
        random: Random,
        users: [UserId; 2],
    }

    impl Fixture {
        fn new(per_user_max: u64) -> Self {
            let mut random = Random::new([1; 32]);
            let mut accounts = Accounts::new(random.map());
            let users =
                ["a", "b"].map(|name| accounts.add(UserConfig::new(name, "", "", "").unwrap()));
            Self {
                sessions: Sessions::new(random.map(), 100, per_user_max),
                random,
                users,
            }
        }

        fn open(&mut self, user: usize, now_ms: u64) -> Token {
            let token = Token::from_random(self.random.bytes());
            self.sessions.open(self.users[user], token, now_ms);
            token
        }

        fn active(&self) -> Vec<UserId> {
            self.sessions.active().collect()
        }
    }

    #[test]
    fn users_are_active_once_in_the_order_of_their_oldest_session() {
        let mut it = Fixture::new(9);
        let first = it.open(0, 0);
        it.open(1, 0);
        it.open(0, 0);
        assert_eq!(it.active(), it.users);

        let (id, _) = it.sessions.find(first, None, 0).unwrap();
        it.sessions.end(id);
        assert_eq!(it.active(), [it.users[1], it.users[0]]);
    }

    #[test]
    fn a_token_expires_when_it_is_not_used() {
        let mut it = Fixture::new(9);
        let (used, unused) = (it.open(0, 0), it.open(1, 0));
        assert!(it.sessions.find(used, None, 100).is_some());

        it.sessions.expire(101);

        assert_eq!(it.active(), [it.users[0]]);
        assert!(it.sessions.find(unused, None, 101).is_none());
        assert!(it.sessions.find(used, None, 200).is_some());
        assert!(it.sessions.find(used, None, 301).is_none());
    }

    #[test]
    fn the_session_unused_for_longest_makes_room() {
        let mut it = Fixture::new(2);
        let (first, second) = (it.open(0, 0), it.open(0, 1));
        it.sessions.find(first, None, 2);

        let third = it.open(0, 3);

        assert!(it.sessions.find(second, None, 4).is_none());
        assert!(it.sessions.find(first, None, 4).is_some());
        assert!(it.sessions.find(third, None, 4).is_some());
    }
}
