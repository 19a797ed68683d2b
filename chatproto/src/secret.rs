//! Passwords and tokens: printed as `***`, compared in constant time, wiped on drop.

use blake2::{Blake2s256, Digest as _};
use std::fmt;
use zeroize::Zeroize;

/// A text that must not be seen, such as a password.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text to what cannot do without it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares with a text in a time that depends on the text's length alone.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), text.as_bytes());
        let mut difference = own.len() ^ other.len();
        for (at, byte) in other.iter().enumerate() {
            // Beyond the own end there is still something to compare with.
            let mine = own.get(at).copied().unwrap_or(0);
            difference |= usize::from(mine ^ byte);
        }
        std::hint::black_box(difference) == 0
    }
}

/// In constant time.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What eight digits of a token are worth, and zero if they are such digits: the bytes of `digits`, the
/// first one on top. They are read all at once, since every `send` shows a token.
fn hex(digits: u64) -> (u128, u64) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let letters = digits >> 6 & EACH;
    // '0' is 0x30; 'a' is 0x61, and worth 10.
    let values = (digits & (0x0f * EACH)) + 9 * letters;
    let wrong_row = (digits & (0xf0 * EACH)) ^ (0x30 * EACH + 0x30 * letters);
    let too_much = values & (0x10 * EACH);
    let wrong_kind = ((values + 6 * EACH) >> 4 & EACH) ^ letters;
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    let all = (fours | fours >> 16) & 0xffff_ffff;
    (all.into(), wrong_row | too_much | wrong_kind)
}

/// What a client shows to act for a user: the 128 bits of a version-4 UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u128);

impl Token {
    /// Makes a token of 16 random bytes.
    pub(crate) fn from_random(bytes: [u8; 16]) -> Self {
        Self(
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .as_u128(),
        )
    }

    /// Reads the one form a token is written in: lower case, with hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let four = |at: usize| bytes.get(at..)?.first_chunk().copied();
        let eight = |at: usize, then: usize| {
            let (high, low) = (
                u32::from_be_bytes(four(at)?),
                u32::from_be_bytes(four(then)?),
            );
            Some(hex(u64::from(high) << 32 | u64::from(low)))
        };
        let parts = [eight(0, 4)?, eight(9, 14)?, eight(19, 24)?, eight(28, 32)?];
        let (value, wrong) = parts.iter().fold((0, 0), |(value, wrong), part| {
            (value << 32 | part.0, wrong | part.1)
        });
        let hyphens = [8, 13, 18, 23].map(|at| bytes.get(at) == Some(&b'-'));
        (wrong == 0 && hyphens == [true; 4]).then_some(Self(value))
    }

    /// What stands for the token where it must not be seen.
    #[must_use]
    pub(crate) fn hash(self) -> TokenHash {
        let digest = Blake2s256::digest(self.0.to_be_bytes());
        let mut hash = [0; 16];
        for (to, from) in hash.iter_mut().zip(digest) {
            *to = from;
        }
        TokenHash(hash)
    }

    /// Appends the token for the one client that may see it.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let uuid = uuid::Uuid::from_u128(self.0).hyphenated();
        out.extend_from_slice(uuid.encode_lower(&mut text).as_bytes());
    }

    /// Writes the token for the one client that may see it.
    #[must_use]
    pub fn reveal(self) -> String {
        uuid::Uuid::from_u128(self.0).hyphenated().to_string()
    }
}

/// What a token is on disk: the first half of its BLAKE2s-256 digest. A token has 122 random bits, so
/// there is nothing to guess, and neither a salt nor a longer hash would add anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 16]);

impl TokenHash {
    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Takes a digest that was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_match_only_themselves() {
        let secret = Secret::new("surabaya");

        assert!(secret.matches("surabaya"));
        for other in ["", "surabay", "surabayaa", "Surabaya", "surabaya\0"] {
            assert!(!secret.matches(other), "{other:?}");
        }
        assert!(!Secret::new("a\0").matches("a"));
    }

    #[test]
    fn nothing_shows_a_secret() {
        let token = Token::from_random([7; 16]);

        assert_eq!(
            format!("{:?} {}", Secret::new("x"), Secret::new("x")),
            "*** ***"
        );
        assert_eq!(format!("{token:?}"), "***");
    }

    #[test]
    fn tokens_are_read_as_they_are_written_and_no_other_way() {
        let token = Token::from_random([0xab; 16]);
        let text = token.reveal();

        assert_eq!(text, "abababab-abab-4bab-abab-abababababab");
        assert_eq!(Token::parse(&text), Some(token));
        let others = [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            text.replace('-', "a"),
        ];
        for other in others {
            assert_eq!(Token::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn each_byte_of_a_token_is_read_as_it_should_be() {
        let text = "01234567-89ab-cdef-fedc-ba9876543210";
        assert_eq!(Token::parse(text).unwrap().reveal(), text);

        for at in 0..text.len() {
            for byte in 0..=127_u8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = byte;
                let changed = String::from_utf8(bytes).unwrap();
                let is_token = match text.as_bytes()[at] {
                    b'-' => byte == b'-',
                    _ => b"0123456789abcdef".contains(&byte),
                };
                let read = Token::parse(&changed).map(Token::reveal);
                assert_eq!(read, is_token.then_some(changed));
            }
        }
        assert_eq!(Token::parse(&text.replacen("45", "é", 1)), None);
    }
}
