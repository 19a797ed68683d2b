//! The cryptography that the handshake is made of, as the Noise state machine wants it.
//!
//! Secrets held here are wiped when they are dropped.

use crate::random::Random;
use blake2::{Blake2s256, Digest as _};
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _, Nonce, Tag};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// The length of an authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Everything that one handshake needs, and whose randomness.
pub(super) struct Primitives {
    seed: Zeroizing<[u8; 32]>,
}

impl Primitives {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self { seed }
    }
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn snow::types::Random>> {
        Some(Box::new(Seeded(Random::new(*self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(X25519::default())),
            DHChoice::Curve448 => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        match choice {
            HashChoice::Blake2s => Some(Box::new(Blake2s::default())),
            _ => None,
        }
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        match choice {
            CipherChoice::ChaChaPoly => Some(Box::new(ChaChaPoly::default())),
            CipherChoice::AESGCM => None,
        }
    }
}

struct Seeded(Random);

impl snow::types::Random for Seeded {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

struct X25519 {
    secret: StaticSecret,
    public: PublicKey,
}

impl Default for X25519 {
    /// A place for a key that comes later.
    fn default() -> Self {
        Self {
            secret: StaticSecret::from([0; 32]),
            public: PublicKey::from([0; 32]),
        }
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        let mut bytes = Zeroizing::new([0; 32]);
        copy(secret, bytes.as_mut());
        self.secret = StaticSecret::from(*bytes);
        self.public = PublicKey::from(&self.secret);
    }

    fn generate(&mut self, random: &mut dyn snow::types::Random) -> Result<(), Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.try_fill_bytes(bytes.as_mut())?;
        self.set(bytes.as_ref());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    /// Refuses a key of low order, which would make the secret known to everybody.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public: [u8; 32] = match public.get(..32).map(TryInto::try_into) {
            Some(Ok(public)) => public,
            _ => return Err(Error::Dh),
        };
        let shared = self.secret.diffie_hellman(&public.into());
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        copy(shared.as_bytes(), out);
        Ok(())
    }
}

#[derive(Default)]
struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::new();
    }

    fn input(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn result(&mut self, out: &mut [u8]) {
        copy(&std::mem::take(&mut self.0).finalize(), out);
    }
}

/// The cipher, once it has a key.
#[derive(Default)]
struct ChaChaPoly(Option<ChaCha20Poly1305>);

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(ChaCha20Poly1305::new(key.into()));
    }

    /// Returns 0, which is no length of a message, if there is no key or no room.
    fn encrypt(&self, number: u64, header: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let mut sealed = || {
            let (body, rest) = out.split_at_mut_checked(plain.len())?;
            let place = rest.first_chunk_mut::<TAG_BYTES>()?;
            let bytes = InOutBuf::new(plain, body).ok()?;
            let cipher = self.0.as_ref()?;
            let tag = cipher.encrypt_inout_detached(&nonce(number), header, bytes);
            *place = tag.ok()?.into();
            Some(plain.len() + TAG_BYTES)
        };
        sealed().unwrap_or(0)
    }

    fn decrypt(
        &self,
        number: u64,
        header: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut opened = || {
            let (body, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
            let out = out.get_mut(..body.len())?;
            let bytes = InOutBuf::new(body, out).ok()?;
            let cipher = self.0.as_ref()?;
            let tag = Tag::from(*tag);
            cipher
                .decrypt_inout_detached(&nonce(number), header, bytes, &tag)
                .ok()?;
            Some(body.len())
        };
        opened().ok_or(Error::Decrypt)
    }
}

/// A message's number as the cipher wants it: 4 bytes of nothing, then the lowest byte first.
fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    for (to, from) in nonce.iter_mut().skip(4).zip(number.to_le_bytes()) {
        *to = from;
    }
    nonce
}

/// Copies as much as there is room for.
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
