//! Who is logged in: tokens and the users behind them.

use crate::id::UserId;
use crate::random::SeededMap;
use crate::secret::{Token, TokenHash};
use crate::slots::{Key, Slots};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// Where it stands among the checks of its user.
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

/// The sessions of one user. Whatever is new goes to the end of both lists, which are sorted.
#[derive(Clone, Debug, Default)]
struct Own {
    /// By their numbers: in order of login.
    sessions: VecDeque<(u64, SessionId)>,
    /// When each is looked at again, and its number; it has expired if it was not used since.
    checks: VecDeque<(u64, u64)>,
}

impl Own {
    fn session(&self, number: u64) -> Option<SessionId> {
        let at = self.sessions.binary_search_by_key(&number, |(it, _)| *it);
        self.sessions.get(at.ok()?).map(|(_, id)| *id)
    }
}

/// Adds to a sorted list.
fn put<T: Ord>(list: &mut VecDeque<T>, item: T) {
    let is_last = list.back().is_none_or(|last| *last < item);
    let at = if is_last {
        list.len()
    } else {
        list.partition_point(|it| *it < item)
    };
    list.insert(at, item);
}

/// Takes out of a sorted list.
fn take<T: Ord>(list: &mut VecDeque<T>, item: &T) {
    if let Ok(at) = list.binary_search(item) {
        list.remove(at);
    }
}

/// All live tokens.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    table: Slots<Session>,
    by_token: SeededMap<Token, SessionId>,
    /// Those of which only the store's hash is known.
    by_hash: SeededMap<TokenHash, SessionId>,
    by_user: Vec<Own>,
    /// Each user with a session, by the number of the oldest one.
    active: BTreeMap<u64, UserId>,
    /// When the first session of each user is looked at again.
    checks: BTreeSet<(u64, UserId)>,
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
            by_user: Vec::new(),
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
        if user.index() >= self.by_user.len() {
            self.by_user.resize_with(user.index() + 1, Own::default);
        }
        if let Some(own) = self.by_user.get_mut(user.index()) {
            if own.sessions.is_empty() {
                self.active.insert(number, user);
            }
            put(&mut own.sessions, (number, id));
        }
        self.change_checks(user, None, Some((check_ms, number)));
        id
    }

    /// Changes when a user's sessions are looked at.
    fn change_checks(&mut self, user: UserId, old: Option<(u64, u64)>, new: Option<(u64, u64)>) {
        let Some(own) = self.by_user.get_mut(user.index()) else {
            return;
        };
        let before = own.checks.front().copied();
        if let Some(old) = old {
            take(&mut own.checks, &old);
        }
        if let Some(new) = new {
            put(&mut own.checks, new);
        }
        let after = own.checks.front().copied();
        if before != after {
            if let Some((at_ms, _)) = before {
                self.checks.remove(&(at_ms, user));
            }
            self.checks.extend(after.map(|(at_ms, _)| (at_ms, user)));
        }
    }

    /// The user's session that was unused for longest.
    fn stalest(&mut self, user: UserId) -> Option<SessionId> {
        loop {
            let own = self.by_user.get(user.index())?;
            let first = *own.checks.front()?;
            let id = own.session(first.1)?;
            let session = self.table.get_mut(id)?;
            if session.check_ms == session.expires_ms {
                return Some(id);
            }
            // It was used since it was looked at; whatever follows was not used before that.
            session.check_ms = session.expires_ms;
            let next = (session.check_ms, first.1);
            self.change_checks(user, Some(first), Some(next));
        }
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
        let (user, number) = (session.user, session.number);
        self.change_checks(user, Some((session.check_ms, number)), None);
        if let Some(own) = self.by_user.get_mut(user.index()) {
            take(&mut own.sessions, &(number, id));
            if self.active.remove(&number).is_some() {
                let next = own.sessions.front();
                self.active.extend(next.map(|(next, _)| (*next, user)));
            }
        }
        Some(session)
    }

    /// Ends what has expired, and returns it.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<Session> {
        let mut ended = Vec::new();
        while let Some((due_ms, user)) = self.checks.first().copied() {
            if due_ms >= now_ms {
                break;
            }
            let Some(stalest) = self.stalest(user) else {
                break;
            };
            let is_over = |session: &Session| session.expires_ms < now_ms;
            if self.table.get(stalest).is_some_and(is_over) {
                ended.extend(self.end(stalest));
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

    /// Whose a token is, if it is a live one; its use is not noted.
    pub(crate) fn owner(&self, token: Token, now_ms: u64) -> Option<UserId> {
        let known = self.by_token.get(&token);
        let unshown = || self.by_hash.get(&token.hash());
        let session = self.table.get(*known.or_else(unshown)?)?;
        (now_ms <= session.expires_ms).then_some(session.user)
    }

    /// The live tokens that are known, in order of login; of those that a store brought back, the
    /// ones that were shown since.
    pub(crate) fn tokens(&self, now_ms: u64) -> Vec<Token> {
        let live = self.table.iter().filter_map(|(_, session)| {
            let Proof::Token(token) = session.proof else {
                return None;
            };
            (now_ms <= session.expires_ms).then_some((session.number, token))
        });
        let mut live: Vec<_> = live.collect();
        live.sort_unstable_by_key(|(number, _)| *number);
        live.into_iter().map(|(_, token)| token).collect()
    }

    fn make_room(&mut self, user: UserId) -> Vec<Session> {
        let mut ended = Vec::new();
        let count = |sessions: &Self| {
            let own = sessions.by_user.get(user.index());
            own.map_or(0, |own| own.sessions.len() as u64)
        };
        while count(self) >= self.per_user_max {
            let Some(session) = self.stalest(user).and_then(|id| self.end(id)) else {
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
    fn of_sessions_unused_for_equally_long_the_oldest_makes_room() {
        let mut it = Fixture::new(3);
        let tokens = [it.open(0, 0), it.open(0, 1), it.open(0, 2)];
        for (token, now_ms) in [(tokens[1], 7), (tokens[0], 7), (tokens[2], 9)] {
            it.sessions.find(token, None, now_ms);
        }

        it.open(0, 9);
        it.open(0, 9);

        let owners = tokens.map(|token| it.sessions.owner(token, 9));
        assert_eq!(owners, [None, None, Some(it.users[0])]);
    }

    #[test]
    fn live_tokens_are_told_in_the_order_of_login() {
        let mut it = Fixture::new(9);
        let (first, second) = (it.open(0, 0), it.open(1, 0));
        let shown = it.sessions.find(first, None, 50).unwrap();
        it.sessions.end(shown.id);
        let third = it.open(0, 50);
        it.sessions.find(second, None, 50);

        assert_eq!(it.sessions.tokens(100), [second, third]);
        assert_eq!(it.sessions.owner(third, 100), Some(it.users[0]));
        assert_eq!(it.sessions.owner(first, 100), None);
        assert_eq!(it.sessions.owner(second, 151), None);
        assert_eq!(it.sessions.tokens(151), []);
    }

    #[test]
    fn a_token_of_before_the_start_has_an_owner_and_is_not_told() {
        let mut it = Fixture::new(9);
        let token = Token::from_random([9; 16]);
        it.sessions.restore(it.users[0], 7, token.hash(), 60, 1_000);

        assert_eq!(it.sessions.owner(token, 1_000), Some(it.users[0]));
        assert_eq!(it.sessions.tokens(1_000), []);
        it.sessions.find(token, None, 1_000);
        assert_eq!(it.sessions.tokens(1_000), [token]);
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
