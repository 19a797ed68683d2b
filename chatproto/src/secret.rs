//! Passwords and tokens: printed as `***`, compared in constant time, wiped on drop.

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
        const HYPHENS: [usize; 4] = [8, 13, 18, 23];
        let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut bits: u128 = 0;
        let mut wrong = false;
        for (at, byte) in bytes.iter().enumerate() {
            if HYPHENS.contains(&at) {
                wrong |= *byte != b'-';
                continue;
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            bits = bits << 4 | u128::from(digit);
        }
        (!wrong).then_some(Self(bits))
    }

    /// Writes the token for the one client that may see it.
    #[must_use]
    pub fn reveal(self) -> String {
        uuid::Uuid::from_u128(self.0).hyphenated().to_string()
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
}
