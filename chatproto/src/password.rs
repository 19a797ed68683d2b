//! Passwords: how they are kept, and the work of hashing and checking them.
//!
//! The work takes tens of milliseconds on purpose, so the engine only asks for it: see
//! [`Output::Hash`](crate::Output::Hash).

use crate::secret::Secret;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use thiserror::Error;

/// How passwords are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Passwords {
    /// As Argon2id hashes.
    Argon2id(Argon2Cost),
    /// As they are, in memory alone: for lessons and benchmarks.
    Plain,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::Argon2id(Argon2Cost::default())
    }
}

/// What one Argon2id hash costs. The default is the first choice of the OWASP recommendations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// The most memory a hash may take: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 100;
const LANES_MAX: u32 = 64;

impl Argon2Cost {
    /// Sets what a hash costs: memory in KiB, passes over it, and lanes that could run side by side.
    ///
    /// # Errors
    ///
    /// Less memory than 8 KiB a lane, or more of anything than makes sense.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, PasswordError> {
        let is_sound = (1..=LANES_MAX).contains(&lanes)
            && (1..=PASSES_MAX).contains(&passes)
            && (8 * lanes..=MEMORY_KIB_MAX).contains(&memory_kib);
        is_sound
            .then_some(Self {
                memory_kib,
                passes,
                lanes,
            })
            .ok_or(PasswordError::Cost)
    }

    fn argon2(self) -> Result<Argon2<'static>, PasswordError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None)
            .map_err(|_| PasswordError::Cost)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

/// What is wrong with a hash or its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The text is no Argon2 hash.
    #[error("this is no Argon2 hash as `realmd hash-password` prints it")]
    NotAHash,
    /// A cost that is too small or too big.
    #[error(
        "Argon2 takes 1 to 64 lanes, 1 to 100 passes, and from 8 KiB of memory a lane to 1 GiB in all"
    )]
    Cost,
}

/// A password's hash: a PHC string such as `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a PHC string of Argon2.
    ///
    /// # Errors
    ///
    /// It is none, or checking it would cost more than makes sense.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let phc = Phc::new(text).map_err(|_| PasswordError::NotAHash)?;
        let is_argon2 = Algorithm::try_from(phc.algorithm.as_str()).is_ok();
        if !is_argon2 || phc.hash.is_none() || phc.salt.is_none() {
            return Err(PasswordError::NotAHash);
        }
        let params = Params::try_from(&phc).map_err(|_| PasswordError::NotAHash)?;
        Argon2Cost::new(params.m_cost(), params.t_cost(), params.p_cost())?;
        Ok(Self(text.into()))
    }

    /// Hashes a password with 16 random bytes of salt. Takes as long as the cost says.
    ///
    /// # Errors
    ///
    /// A password longer than Argon2 takes, which is 4 GiB.
    pub fn of(password: &Secret, cost: Argon2Cost, salt: [u8; 16]) -> Result<Self, PasswordError> {
        let hash = cost
            .argon2()?
            .hash_password_with_salt(password.reveal().as_bytes(), &salt)
            .map_err(|_| PasswordError::Cost)?;
        Ok(Self(hash.to_string().into()))
    }

    /// Whether it is that password's hash. Takes as long as the hash's own cost says.
    #[must_use]
    pub fn matches(&self, password: &Secret) -> bool {
        let password = password.reveal().as_bytes();
        Argon2::default()
            .verify_password(password, self.as_str())
            .is_ok()
    }

    /// Writes the PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A password as a configuration gives it.
#[derive(Clone, Debug)]
pub enum Password {
    /// In the clear.
    Plain(Secret),
    /// Hashed before.
    Hash(PasswordHash),
}

/// Work that takes long: hashing or checking one password. Any thread may do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordJob {
    password: Secret,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Hash { cost: Argon2Cost, salt: [u8; 16] },
    Check { hash: PasswordHash },
}

/// What came of a [`PasswordJob`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordAnswer {
    /// The hash.
    Hashed(PasswordHash),
    /// It is that password.
    Right,
    /// It is another one.
    Wrong,
    /// The work could not be done.
    Failed,
}

impl PasswordJob {
    pub(crate) fn hash(password: Secret, cost: Argon2Cost, salt: [u8; 16]) -> Self {
        Self {
            password,
            what: What::Hash { cost, salt },
        }
    }

    pub(crate) fn check(password: Secret, hash: PasswordHash) -> Self {
        Self {
            password,
            what: What::Check { hash },
        }
    }

    /// Does the work: some tens of milliseconds and, for the default cost, 19 MiB of memory.
    #[must_use]
    pub fn run(&self) -> PasswordAnswer {
        match &self.what {
            What::Hash { cost, salt } => PasswordHash::of(&self.password, *cost, *salt)
                .map_or(PasswordAnswer::Failed, PasswordAnswer::Hashed),
            What::Check { hash } if hash.matches(&self.password) => PasswordAnswer::Right,
            What::Check { .. } => PasswordAnswer::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Argon2Cost {
        Argon2Cost::new(8, 1, 1).unwrap()
    }

    #[test]
    fn a_hash_is_a_phc_string_that_matches_its_password_alone() {
        let hash = PasswordHash::of(&Secret::new("surabaya"), cheap(), [7; 16]).unwrap();

        assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert_eq!(PasswordHash::parse(hash.as_str()).as_ref(), Ok(&hash));
        assert!(hash.matches(&Secret::new("surabaya")));
        for other in ["", "surabay", "surabaya ", "Surabaya"] {
            assert!(!hash.matches(&Secret::new(other)), "{other:?}");
        }
        assert_eq!(format!("{hash:?}"), "***");
    }

    #[test]
    fn a_hash_of_another_program_matches() {
        // From the reference implementation: argon2 somesalt -id -t 2 -m 16 -p 4 -l 24.
        let text = "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo";

        assert_eq!(PasswordHash::parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn what_is_no_hash_or_too_dear_is_refused() {
        let salt_and_hash = "c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo";
        let table = [
            (String::new(), PasswordError::NotAHash),
            ("surabaya".to_owned(), PasswordError::NotAHash),
            (
                format!("$scrypt$ln=16,r=8,p=1${salt_and_hash}"),
                PasswordError::NotAHash,
            ),
            (
                "$argon2id$v=19$m=19456,t=2,p=1".to_owned(),
                PasswordError::NotAHash,
            ),
            (
                format!("$argon2id$v=19$m=4000000,t=2,p=1${salt_and_hash}"),
                PasswordError::Cost,
            ),
        ];
        for (text, error) in table {
            assert_eq!(PasswordHash::parse(&text), Err(error), "{text}");
        }
        assert_eq!(Argon2Cost::new(7, 1, 1), Err(PasswordError::Cost));
        assert_eq!(Argon2Cost::new(8, 0, 1), Err(PasswordError::Cost));
        assert_eq!(Argon2Cost::new(8, 1, 2), Err(PasswordError::Cost));
    }

    #[test]
    fn a_job_shows_no_password() {
        let job = PasswordJob::hash(Secret::new("surabaya"), cheap(), [7; 16]);
        let PasswordAnswer::Hashed(hash) = job.run() else {
            panic!("not hashed");
        };
        let check = |text| PasswordJob::check(Secret::new(text), hash.clone());

        assert_eq!(check("surabaya").run(), PasswordAnswer::Right);
        assert_eq!(check("jakarta").run(), PasswordAnswer::Wrong);
        let shown = format!("{job:?}{:?}", check("surabaya"));
        assert!(!shown.contains("surabaya") && !shown.contains("argon2id$"));
    }
}
