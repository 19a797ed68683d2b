//! Names of users, groups and realms: checked once, at the border, and right ever after.

use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Characters that other parts of the protocol give a meaning.
const RESERVED: [char; 7] = ['@', '#', ',', '*', '"', '\\', '/'];

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("a name needs at least one character")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most 64 bytes of UTF-8")]
    TooLong,
    /// A character that cannot stand in a name.
    #[error(
        "a name has no white space, no control characters and none of @ # , * \" \\ /; found {0:?}"
    )]
    Character(char),
    /// An address without its `@realm`.
    #[error("an address is written name@realm")]
    NoRealm,
}

/// Whether Python's `str.strip` takes this character off, which is what the classic
/// servers strip with.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Checks that a text may be a name.
fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    let wrong = |c: &char| is_space(*c) || c.is_control() || RESERVED.contains(c);
    text.chars()
        .find(wrong)
        .map_or(Ok(()), |c| Err(NameError::Character(c)))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and takes it.
            ///
            /// # Errors
            ///
            /// Empty, over [`NAME_BYTES_MAX`] bytes, or with a character that names do not have.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    )*};
}

names! {
    /// What a user logs in with, unique in a realm.
    UserName
    /// What a group is called, unique in its home realm.
    GroupName
    /// What a realm is called, unique among its peers.
    RealmName
}

/// A user of a realm: `messi@realm1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Who.
    pub user: UserName,
    /// Of which realm.
    pub realm: RealmName,
}

impl Address {
    /// Reads `user@realm`.
    ///
    /// # Errors
    ///
    /// [`NameError::NoRealm`] without an `@`, otherwise what is wrong with one of the names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (user, realm) = text.split_once('@').ok_or(NameError::NoRealm)?;
        Ok(Self {
            user: UserName::parse(user)?,
            realm: RealmName::parse(realm)?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.realm)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let longest = "n".repeat(64);
        for good in ["messi", "Ünï", "a-b.c_d", "名前", "😀", longest.as_str()] {
            assert_eq!(UserName::parse(good).unwrap().as_str(), good);
        }

        assert_eq!(UserName::parse(""), Err(NameError::Empty));
        assert_eq!(UserName::parse(&"n".repeat(65)), Err(NameError::TooLong));
        for c in "@#,*\"\\/ \t\r\n\u{1c}\u{7f}\u{85}\u{a0}\u{2003}\0".chars() {
            assert_eq!(
                UserName::parse(&format!("a{c}b")),
                Err(NameError::Character(c))
            );
        }
    }

    #[test]
    fn addresses_have_both_halves() {
        let address = Address::parse("amsal@realm2").unwrap();

        assert_eq!(
            (address.user.as_str(), address.realm.as_str()),
            ("amsal", "realm2")
        );
        assert_eq!(address.to_string(), "amsal@realm2");
        assert_eq!(Address::parse("amsal"), Err(NameError::NoRealm));
        assert_eq!(Address::parse("@realm2"), Err(NameError::Empty));
        assert_eq!(Address::parse("a@b@c"), Err(NameError::Character('@')));
    }
}
