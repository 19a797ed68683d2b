//! Who is logged in: tokens and the users behind them.

use crate::id::UserId;
use crate::random::SeededMap;
use crate::secret::{Token, TokenHash};
use crate::slots::{Key, Slots};
use std::collections::{BTreeMap, BTreeSet};

/// A session's place in the table.
pub(crate) type SessionId = Key;

/// How often at most the use of a session is worth a record.
const NOTED_MS: u64 = 60_000;

/// One live token.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    proof: Proof,
    pub(crate) user: UserId,
    /// Counts logins; what a session is called where its token must not be seen.
    pub(crate) number: u64,
    /// It is over when it is not used before.
    expires_ms: u64,
    /// Where it stands in `checks`.
    check_ms: u64,
    /// When its use was last recorded.
    noted_ms: u64,
}

/// What a client has to show.
#[derive(Clone, Debug)]
enum Proof {
    Token(Token),
    /// All that a store knows; the token takes its place when it is first shown.
    Hash(TokenHash),
}

/// A session whose token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) number: u64,
    /// Its use is worth a record.
    pub(crate) is_noteworthy: bool,
}

/// All live tokens.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    table: Slots<Session>,
    by_token: SeededMap<Token, SessionId>,
    /// Those of which only the store's hash is known.
    by_hash: SeededMap<TokenHash, SessionId>,
    /// Each user's sessions, by their numbers: in order of login.
    by_user: BTreeMap<(UserId, u64), SessionId>,
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
        by_hash: SeededMap<TokenHash, SessionId>,
        idle_ms_max: u64,
        per_user_max: u64,
    ) -> Self {
        Self {
            table: Slots::new(),
            by_token,
            by_hash,
            by_user: BTreeMap::new(),
            active: BTreeMap::new(),
            checks: BTreeSet::new(),
            opened: 0,
            idle_ms_max,
            per_user_max,
        }
    }

    /// Opens a session. A user who has as many as may be loses those unused for longest, which are
    /// returned too.
    pub(crate) fn open(
        &mut self,
        user: UserId,
        token: Token,
        now_ms: u64,
    ) -> (SessionId, Vec<Session>) {
        let ended = self.make_room(user);
        let session = Session {
            proof: Proof::Token(token),
            user,
            number: self.opened + 1,
            expires_ms: now_ms.saturating_add(self.idle_ms_max),
            check_ms: 0,
            noted_ms: now_ms,
        };
        let id = self.insert(session);
        self.by_token.insert(token, id);
        (id, ended)
    }

    /// Puts back a session of before the realm's start, in the order of their numbers. It was last
    /// used `age_ms` ago.
    pub(crate) fn restore(
        &mut self,
        user: UserId,
        number: u64,
        hash: TokenHash,
        age_ms: u64,
        now_ms: u64,
    ) {
        let left_ms = self.idle_ms_max.saturating_sub(age_ms);
        let session = Session {
            proof: Proof::Hash(hash),
            user,
            number,
            expires_ms: now_ms.saturating_add(left_ms),
            check_ms: 0,
            noted_ms: now_ms,
        };
        let id = self.insert(session);
        self.by_hash.insert(hash, id);
    }

    /// Goes on counting after a number.
    pub(crate) fn count_from(&mut self, number: u64) {
        self.opened = self.opened.max(number);
    }

    fn insert(&mut self, mut session: Session) -> SessionId {
        session.check_ms = session.expires_ms;
        let (user, number, check_ms) = (session.user, session.number, session.check_ms);
        self.count_from(number);
        let id = self.table.insert(session);
        if self.own(user).next().is_none() {
            self.active.insert(number, user);
        }
        self.by_user.insert((user, number), id);
        self.checks.insert((check_ms, id));
        id
    }

    /// Finds the session of a token and notes its use. `hint` is where it was last found.
    pub(crate) fn find(
        &mut self,
        token: Token,
        hint: Option<SessionId>,
        now_ms: u64,
    ) -> Option<Shown> {
        let known = hint.filter(|id| {
            self.table
                .get(*id)
                .is_some_and(|session| matches!(session.proof, Proof::Token(own) if own == token))
        });
        let id = known
            .or_else(|| self.by_token.get(&token).copied())
            .or_else(|| self.recognise(token))?;
        let session = self.table.get_mut(id)?;
        if now_ms > session.expires_ms {
            // `expire` will end it.
            return None;
        }
        session.expires_ms = now_ms.saturating_add(self.idle_ms_max);
        let is_noteworthy = now_ms.saturating_sub(session.noted_ms) >= NOTED_MS;
        if is_noteworthy {
            session.noted_ms = now_ms;
        }
        Some(Shown {
            id,
            user: session.user,
            number: session.number,
            is_noteworthy,
        })
    }

    /// Finds the session of a token that is shown for the first time since the realm's start.
    fn recognise(&mut self, token: Token) -> Option<SessionId> {
        if self.by_hash.is_empty() {
            return None;
        }
        let id = self.by_hash.remove(&token.hash())?;
        self.by_token.insert(token, id);
        self.table.get_mut(id)?.proof = Proof::Token(token);
        Some(id)
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.table.get(id)
    }

    pub(crate) fn end(&mut self, id: SessionId) -> Option<Session> {
        let session = self.table.remove(id)?;
        match &session.proof {
            Proof::Token(token) => self.by_token.remove(token),
            Proof::Hash(hash) => self.by_hash.remove(hash),
        };
        self.checks.remove(&(session.check_ms, id));
        self.by_user.remove(&(session.user, session.number));
        if self.active.remove(&session.number).is_some() {
            let next = self.own(session.user).next();
            let next = next.and_then(|next| self.table.get(next));
            let next = next.map(|next| (next.number, session.user));
            self.active.extend(next);
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
            if session.expires_ms < now_ms {
                ended.extend(self.end(id));
            } else {
                session.check_ms = session.expires_ms;
                self.checks.insert((session.check_ms, id));
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

    /// A user's sessions, in order of login.
    fn own(&self, user: UserId) -> impl Iterator<Item = SessionId> {
        let own = self.by_user.range((user, 0)..=(user, u64::MAX));
        own.map(|(_, id)| *id)
    }

    fn make_room(&mut self, user: UserId) -> Vec<Session> {
        let mut ended = Vec::new();
        while self.own(user).count() as u64 >= self.per_user_max {
            let expires_ms = |id: &SessionId| self.table.get(*id).map(|it| it.expires_ms);
            let stalest = self.own(user).min_by_key(expires_ms);
            let Some(session) = stalest.and_then(|stalest| self.end(stalest)) else {
                break;
            };
            ended.push(session);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    struct Fixture {
        sessions: Sessions,
        random: Random,
        users: [UserId; 2],
    }

    impl Fixture {
        fn new(per_user_max: u64) -> Self {
            let mut random = Random::new([1; 32]);
            Self {
                sessions: Sessions::new(random.map(), random.map(), 100, per_user_max),
                random,
                users: [0, 1].map(UserId::new),
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

        let shown = it.sessions.find(first, None, 0).unwrap();
        it.sessions.end(shown.id);
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

    #[test]
    fn a_restored_session_is_known_by_its_token_and_ages_on() {
        let mut it = Fixture::new(9);
        let token = Token::from_random([9; 16]);
        it.sessions.restore(it.users[0], 7, token.hash(), 60, 1_000);
        let other = Token::from_random([8; 16]);

        assert_eq!(it.sessions.find(other, None, 1_000), None);
        let shown = it.sessions.find(token, None, 1_040).unwrap();
        assert_eq!((shown.user, shown.number), (it.users[0], 7));
        assert_eq!(it.sessions.find(token, Some(shown.id), 1_140), Some(shown));
        assert!(it.sessions.find(token, None, 1_241).is_none());
        let (next, _) = it.sessions.open(it.users[1], other, 1_241);
        assert_eq!(it.sessions.get(next).unwrap().number, 8);
    }

    #[test]
    fn a_restored_session_expires_when_it_would_have() {
        let mut it = Fixture::new(9);
        let token = Token::from_random([9; 16]);
        it.sessions.restore(it.users[0], 7, token.hash(), 60, 1_000);

        assert!(it.sessions.find(token, None, 1_041).is_none());
        assert_eq!(it.sessions.expire(1_041).len(), 1);
        assert!(it.sessions.find(token, None, 0).is_none());
    }

    #[test]
    fn the_use_of_a_session_is_noted_once_a_minute() {
        let mut random = Random::new([1; 32]);
        let mut sessions = Sessions::new(random.map(), random.map(), 1_000_000, 9);
        let token = Token::from_random([9; 16]);
        sessions.open(UserId::new(0), token, 0);

        let times = [59_999, 60_000, 60_001, 119_999, 120_000];
        let noted = times.map(|now_ms| {
            let shown = sessions.find(token, None, now_ms);
            shown.unwrap().is_noteworthy
        });
        assert_eq!(noted, [false, true, false, false, true]);
    }
}
