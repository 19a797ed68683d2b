//! Keys under which messages were sent: the same again is no second copy.

use crate::id::UserId;
use blake2::{Blake2s256, Digest as _};
use std::collections::{BTreeMap, VecDeque};

/// The longest key.
const KEY_BYTES_MAX: usize = 64;

/// What was sent to whom, in short.
pub(crate) type SendDigest = [u8; 16];

/// Digests a message.
pub(crate) fn digest(to: &str, text: &str) -> SendDigest {
    let digest = Blake2s256::new()
        .chain_update((to.len() as u64).to_be_bytes())
        .chain_update(to)
        .chain_update(text)
        .finalize();
    let mut short = SendDigest::default();
    for (to, from) in short.iter_mut().zip(digest) {
        *to = from;
    }
    short
}

/// Whether a word can be a key.
pub(crate) fn is_key(word: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    (1..=KEY_BYTES_MAX).contains(&word.len()) && !word.chars().any(is_odd)
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was used for this very message.
    Same,
    /// It was used for another one.
    Other,
    /// It was not used, as far as is remembered.
    Fresh,
}

/// The keys of all users, of each the newest.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendKeys {
    by_user: BTreeMap<UserId, Keys>,
}

#[derive(Clone, Debug, Default)]
struct Keys {
    /// In the order of use; the last one has the number `last`.
    used: VecDeque<(Box<str>, SendDigest)>,
    last: u64,
}

/// A key's number, and that of the oldest one which is still remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) oldest: u64,
}

impl SendKeys {
    pub(crate) fn find(&self, user: UserId, key: &str, digest: &SendDigest) -> Known {
        let keys = self.by_user.get(&user);
        let found = keys.and_then(|keys| keys.used.iter().rev().find(|(own, _)| **own == *key));
        match found {
            None => Known::Fresh,
            Some((_, own)) if own == digest => Known::Same,
            Some(_) => Known::Other,
        }
    }

    /// Remembers a key, and forgets the oldest one where there are too many.
    pub(crate) fn add(
        &mut self,
        user: UserId,
        key: &str,
        digest: SendDigest,
        keys_max: u64,
    ) -> Numbered {
        let keys = self.by_user.entry(user).or_default();
        keys.last += 1;
        keys.used.push_back((key.into(), digest));
        while keys.used.len() as u64 > keys_max {
            keys.used.pop_front();
        }
        Numbered {
            number: keys.last,
            oldest: keys.last + 1 - keys.used.len() as u64,
        }
    }

    /// Puts a key back. Returns whether it is the next one, or was there before.
    pub(crate) fn restore(
        &mut self,
        user: UserId,
        numbered: Numbered,
        key: &str,
        digest: SendDigest,
    ) -> bool {
        let Numbered { number, oldest } = numbered;
        let keys = self.by_user.entry(user).or_default();
        if number <= keys.last {
            return true;
        }
        // Those before the first that a store remembers are forgotten.
        if !keys.used.is_empty() && number != keys.last + 1 {
            return false;
        }
        keys.last = number;
        keys.used.push_back((key.into(), digest));
        while keys.used.len() as u64 > (number + 1).saturating_sub(oldest) {
            keys.used.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_with_its_message_until_newer_ones_push_it_out() {
        let (mut keys, user) = (SendKeys::default(), UserId::new(0));
        let hi = digest("messi", " hi\r\n");
        let add = |keys: &mut SendKeys, key| keys.add(user, key, hi, 2);

        assert_eq!(keys.find(user, "a", &hi), Known::Fresh);
        assert_eq!(
            add(&mut keys, "a"),
            Numbered {
                number: 1,
                oldest: 1
            }
        );
        assert_eq!(keys.find(user, "a", &hi), Known::Same);
        assert_eq!(keys.find(UserId::new(1), "a", &hi), Known::Fresh);
        for other in [digest("messi", " ho\r\n"), digest("messi ", "hi\r\n")] {
            assert_eq!(keys.find(user, "a", &other), Known::Other);
        }
        add(&mut keys, "b");
        assert_eq!(
            add(&mut keys, "c"),
            Numbered {
                number: 3,
                oldest: 2
            }
        );
        assert_eq!(keys.find(user, "a", &hi), Known::Fresh);
        assert_eq!(keys.find(user, "b", &hi), Known::Same);
    }

    #[test]
    fn keys_are_short_words() {
        let long = "k".repeat(64);
        for key in ["1", "0198c1f2-7e6f", "a+b/c=", long.as_str()] {
            assert!(is_key(key), "{key:?}");
        }
        let too_long = "k".repeat(65);
        for key in ["", "a\tb", "a\u{a0}b", "\u{7f}", too_long.as_str()] {
            assert!(!is_key(key), "{key:?}");
        }
    }

    #[test]
    fn restored_keys_are_numbered_on() {
        let (mut keys, user) = (SendKeys::default(), UserId::new(0));
        let hi = digest("messi", " hi\r\n");

        let restored = [
            (7, 7, "a"),
            (8, 7, "b"),
            (7, 7, "a"),
            (10, 7, "d"),
            (9, 8, "c"),
        ]
        .map(|(number, oldest, key)| keys.restore(user, Numbered { number, oldest }, key, hi));

        assert_eq!(restored, [true, true, true, false, true]);
        assert_eq!(keys.find(user, "a", &hi), Known::Fresh);
        assert_eq!(keys.find(user, "b", &hi), Known::Same);
        assert_eq!(keys.add(user, "d", hi, 9).number, 10);
    }
}
