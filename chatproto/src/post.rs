//! What users sent to other realms, and what became of it.

use crate::id::UserId;
use crate::record::{Post, PostState};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// What is kept of a message's text to know it by, in characters.
const EXCERPT_CHARS_MAX: usize = 64;

/// How a text begins.
pub(crate) fn excerpt(text: &str) -> Box<str> {
    let text = text.trim();
    let end = text.char_indices().nth(EXCERPT_CHARS_MAX);
    text.get(..end.map_or(text.len(), |(at, _)| at))
        .unwrap_or_default()
        .into()
}

/// The newest messages of all users to other realms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posts {
    by_user: BTreeMap<UserId, Sent>,
}

/// What one user sent, oldest first.
#[derive(Clone, Debug, Default)]
struct Sent {
    posts: VecDeque<Known>,
    /// How many of this user's messages have come to something.
    settled: u64,
}

/// A message that is remembered.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) post: Post,
    /// Its number among those that have come to something.
    number: Option<u64>,
    /// When it will be too old to be still on its way, in ms of the realm's clock.
    pub(crate) expires_ms: u64,
}

/// What is to be stored of a message that has come to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) number: u64,
    pub(crate) oldest: u64,
    pub(crate) post: Post,
}

impl Posts {
    /// Remembers a message, and forgets the oldest one where there are too many.
    pub(crate) fn add(&mut self, user: UserId, post: Post, expires_ms: u64, posts_max: u64) {
        let sent = self.by_user.entry(user).or_default();
        sent.posts.push_back(Known {
            post,
            number: None,
            expires_ms,
        });
        while sent.posts.len() as u64 > posts_max {
            sent.posts.pop_front();
        }
    }

    /// Notes what became of a message, if it is still remembered and anything has changed.
    pub(crate) fn settle(&mut self, user: UserId, id: Uuid, state: PostState) -> Option<Settled> {
        let sent = self.by_user.get_mut(&user)?;
        let known = sent.posts.iter_mut().find(|known| known.post.id == id)?;
        if known.post.state == state {
            return None;
        }
        known.post.state = state;
        let number = *known.number.get_or_insert(sent.settled + 1);
        sent.settled = sent.settled.max(number);
        let post = known.post.clone();
        // Older messages may come to something after newer ones: what is remembered counts.
        let numbers = sent.posts.iter().filter_map(|known| known.number);
        Some(Settled {
            number,
            oldest: numbers.min().unwrap_or(number),
            post,
        })
    }

    /// Puts a message back that had come to something, with its number, or that is on its way.
    pub(crate) fn restore(
        &mut self,
        user: UserId,
        post: Post,
        number: Option<u64>,
        expires_ms: u64,
        posts_max: u64,
    ) {
        let sent = self.by_user.entry(user).or_default();
        sent.settled = sent.settled.max(number.unwrap_or(0));
        let mut posts = sent.posts.iter_mut();
        if let Some(known) = posts.find(|known| known.post.id == post.id) {
            if number.is_some() {
                known.post = post;
                known.number = number;
            }
            return;
        }
        sent.posts.push_back(Known {
            post,
            number,
            expires_ms,
        });
        if sent.posts.len() as u64 >= posts_max.saturating_mul(2) {
            sent.keep_newest(posts_max);
        }
    }

    /// Brings what was put back into order. What is not waiting any more and came to nothing known was
    /// forgotten before it came to something.
    pub(crate) fn restored(&mut self, waiting: &BTreeSet<Uuid>, posts_max: u64) {
        for sent in self.by_user.values_mut() {
            sent.posts
                .retain(|known| known.number.is_some() || waiting.contains(&known.post.id));
            sent.keep_newest(posts_max);
        }
    }

    /// What a user sent, oldest first.
    pub(crate) fn of(&self, user: UserId) -> impl Iterator<Item = &Known> {
        let sent = self.by_user.get(&user);
        sent.into_iter().flat_map(|sent| &sent.posts)
    }
}

impl Sent {
    fn keep_newest(&mut self, posts_max: u64) {
        let posts = self.posts.make_contiguous();
        posts.sort_by_key(|known| known.post.id);
        let surplus = posts.len().saturating_sub(posts_max as usize);
        self.posts.drain(..surplus);
    }
}
