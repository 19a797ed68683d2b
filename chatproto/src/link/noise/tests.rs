//! The bytes of the handshake, and that messages are opened in their turn.

use super::*;
use snow::params::DHChoice;
use snow::resolvers::CryptoResolver as _;
use std::fmt::Write as _;

const PROLOGUE: &[u8] = b"realm-link/1 noise realm1 realm2\n";

fn key(digit: u8) -> StaticKey {
    StaticKey::from_seed([digit; 32])
}

/// What `write` appends: a length, which is checked, and the message.
fn message<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> (T, Vec<u8>) {
    let mut out = Vec::new();
    let result = write(&mut out);
    let body = out.split_off(LENGTH_BYTES);
    assert_eq!(
        usize::from(u16::from_be_bytes([out[0], out[1]])),
        body.len()
    );
    (result, body)
}

/// Both ends of a handshake, the dialler's first, and its two messages.
fn handshake() -> (Channel, Channel, Vec<u8>, Vec<u8>) {
    let pinned = key(2).public();
    let (calling, first) = message(|out| Calling::begin(&key(1), &pinned, PROLOGUE, [11; 32], out));
    let called = Called::read(&key(2), PROLOGUE, [12; 32], &first).unwrap();
    assert!(called.is_from(&key(1).public()) && !called.is_from(&key(3).public()));
    let (at_two, second) = message(|out| called.answer(out));
    let at_one = calling.unwrap().finish(&second).unwrap();
    (at_one, at_two.unwrap(), first, second)
}

fn seal(channel: &mut Channel, plain: &[u8]) -> Vec<u8> {
    let (sealed, message) = message(|out| channel.seal(plain, out));
    sealed.unwrap();
    message
}

fn open(channel: &mut Channel, message: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    let length = channel.open(message, &mut plain)?;
    Ok(plain[..length].to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The expected bytes come from another implementation of the protocol, made for this test.
#[test]
fn the_bytes_are_those_of_the_noise_protocol() {
    let (mut one, mut two, first, second) = handshake();

    assert_eq!(
        hex(&first),
        "112866436d77cdbe987da36d85f61bb9cde2ba4f024a078f6d11f7e5886fe85b3102319b94ae74a61fddef1f190af0\
         93ab9a167e890b0844349b855da7eb223651464a1bc5b5b171cf60a4db0ef357aca7662016eec0bf3c2bd03c124658\
         6724"
    );
    assert_eq!(
        hex(&second),
        "96593613505b9a0aed14334a0cd60347b47f3f801c6a2899dd6def6518034e35119d7dabe52d70578523782e965dcb\
         3b"
    );
    let nothing = seal(&mut one, b"");
    assert_eq!(hex(&nothing), "810ff2b3cae770b9c423ec1d450601fa");
    let halo = seal(&mut one, b"halo\n");
    assert_eq!(hex(&halo), "f04dcc5d7ea77ba7bf9621d342cac6dbb4aec3e654");
    let apa_kabar = seal(&mut two, b"apa kabar\n");
    let expected = "eb1c7b52cdaa171d3b9e83305621ac1357a1850c3b8c457bfb84";
    assert_eq!(hex(&apa_kabar), expected);
    assert_eq!(open(&mut two, &nothing).unwrap(), b"");
    assert_eq!(open(&mut two, &halo).unwrap(), b"halo\n");
    assert_eq!(open(&mut one, &apa_kabar).unwrap(), b"apa kabar\n");
}

#[test]
fn a_key_of_low_order_agrees_on_nothing() {
    let mut own = Primitives::new([1; 32])
        .resolve_dh(&DHChoice::Curve25519)
        .unwrap();
    own.set(&[7; 32]);
    let agree = |public: &[u8]| {
        let mut secret = [0; 32];
        own.dh(public, &mut secret).map(|()| secret)
    };

    let one = [&[1][..], &[0; 31]].concat();
    for low in [&[0; 32][..], &one] {
        assert_eq!(agree(low), Err(snow::Error::Dh));
    }
    assert!(agree(key(2).public().as_bytes()).is_ok());
}

#[test]
fn messages_are_opened_in_their_turn_and_at_the_other_end() {
    let (mut one, mut two, ..) = handshake();
    let first = seal(&mut one, b"first");
    let second = seal(&mut one, b"second");

    assert_eq!(open(&mut two, &second), Err(Refused));
    assert_eq!(open(&mut one, &first), Err(Refused));
    assert_eq!(open(&mut two, &first).unwrap(), b"first");
    assert_eq!(open(&mut two, &first), Err(Refused));
    assert_eq!(open(&mut two, &second[..21]), Err(Refused));
    assert_eq!(open(&mut two, &second[..15]), Err(Refused));
    assert_eq!(open(&mut two, b""), Err(Refused));
    assert_eq!(open(&mut two, &second).unwrap(), b"second");
}

#[test]
fn a_message_carries_up_to_65519_bytes() {
    let (mut one, mut two, ..) = handshake();
    let plain = vec![b'x'; 65_519];

    let message = seal(&mut one, &plain);
    assert_eq!(message.len(), 65_535);
    assert_eq!(open(&mut two, &message).unwrap(), plain);

    let mut out = b"before".to_vec();
    let too_much = one.seal(&vec![b'x'; 65_520], &mut out);
    assert_eq!((too_much, &out[..]), (Err(Exhausted), &b"before"[..]));
}

#[test]
fn the_numbers_of_messages_never_come_again() {
    let (mut one, mut two, ..) = handshake();
    (one.sealed, two.opened) = (u64::MAX - 1, u64::MAX - 1);
    let last = seal(&mut one, b"last");
    assert_eq!(open(&mut two, &last).unwrap(), b"last");

    for _ in 0..2 {
        let mut out = Vec::new();
        assert_eq!(one.seal(b"more", &mut out), Err(Exhausted));
        assert_eq!(open(&mut two, &last), Err(Refused));
        assert_eq!((one.sealed, two.opened), (u64::MAX, u64::MAX));
        assert!(out.is_empty());
    }
}
