//! In between two realms: whatever is done to their bytes, no frame comes of it that was not sent.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// What comes of one of the sides of [`recorded`] where nobody is in between.
fn true_events(up: TransportEvent) -> Vec<TransportEvent> {
    vec![up, hello(5_000), ping(1), ping(2), ping(3)]
}

/// Where the transport messages of some recorded bytes are, each behind its length.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut messages) = (bytes, Vec::new());
    while let [high, low, ..] = rest {
        let (message, after) = rest.split_at(2 + usize::from(u16::from_be_bytes([*high, *low])));
        messages.push(message);
        rest = after;
    }
    messages
}

#[test]
fn a_flipped_bit_never_makes_a_wrong_frame() {
    let (by_one, by_two) = recorded();
    let up_at_two = true_events(up("realm1", Direction::Accepted));
    let up_at_one = true_events(up("realm2", Direction::Dialled));
    let handshake_of_one = FIRST_BYTES + PROOF_BYTES;

    for at in 0..by_one.len() {
        let mut flipped = by_one.clone();
        flipped[at] ^= 1 << (at % 8);
        let look = look(&mut two(), &flipped);
        assert!(up_at_two.starts_with(&look.events), "{at}: {look:?}");
        assert!(
            at >= handshake_of_one || look.events.is_empty(),
            "{at}: {look:?}"
        );
        assert_ne!(look.events, up_at_two, "{at}");
        let before_first = look.taken < FIRST_BYTES || at < FIRST_BYTES;
        assert!(!before_first || look.written.is_empty(), "{at}: {look:?}");
    }
    for at in 0..by_two.len() {
        let mut flipped = by_two.clone();
        flipped[at] ^= 1 << (at % 8);
        let mut one = one();
        taken(&mut one);
        let look = look(&mut one, &flipped);
        assert!(up_at_one.starts_with(&look.events), "{at}: {look:?}");
        assert!(
            at >= SECOND_BYTES || look.events.is_empty(),
            "{at}: {look:?}"
        );
        assert_ne!(look.events, up_at_one, "{at}");
    }
}

#[test]
fn a_stream_cut_anywhere_is_a_beginning_of_the_whole() {
    let (by_one, _) = recorded();
    let whole = true_events(up("realm1", Direction::Accepted));
    for at in 0..by_one.len() {
        let mut two = two();
        assert_eq!(two.receive(&by_one[..at], START), Ok(()), "{at}");
        let seen = events(&mut two);
        assert!(whole.starts_with(&seen) && seen.len() < whole.len(), "{at}");
        assert_eq!(seen.is_empty(), at < FIRST_BYTES + PROOF_BYTES, "{at}");
    }
}

#[test]
fn messages_of_a_link_stay_in_their_order() {
    let (by_one, _) = recorded();
    let (handshake, after) = by_one.split_at(FIRST_BYTES + PROOF_BYTES);
    let [hello_1, ping_1, ping_2, ping_3] = messages(after)[..] else {
        panic!("four messages")
    };
    let greeted = [up("realm1", Direction::Accepted), hello(5_000), ping(1)];
    let short = [&[0, 34][..], &ping_2[2..36]].concat();
    let long = [&[0, 36][..], &ping_2[2..], &[7]].concat();
    for (what, next) in [
        ("dropped", ping_3),
        ("doubled", ping_1),
        ("put first", ping_3),
        ("cut short", &short[..]),
        ("longer", &long[..]),
        ("empty", &[0, 0]),
        (
            "no more than a tag",
            &[&[0, 16][..], &ping_2[21..37]].concat(),
        ),
        ("less than a tag", &[&[0, 15][..], &ping_2[2..17]].concat()),
    ] {
        let mut two = two();
        let bytes = [handshake, hello_1, ping_1, next, ping_2, ping_3].concat();
        let result = two.receive(&bytes, START);
        assert_eq!(result, Err(TransportError::Tampered), "{what}");
        assert_eq!(events(&mut two), greeted, "{what}");
        assert_eq!(two.receive(ping_2, START), result, "{what}");
    }
}

#[test]
fn a_peer_is_told_that_its_messages_were_tampered_with() {
    let (mut one, mut two) = greeted();
    one.send(&Frame::Ping { n: 1 }).unwrap();
    let mut bytes = taken(&mut one);
    bytes[5] ^= 0x10;

    let tampered = Err(TransportError::Tampered);
    assert_eq!(two.receive(&bytes, START), tampered);
    assert_eq!(two.send(&Frame::Ping { n: 2 }), tampered);
    pass(&mut two, &mut one);
    let words = Frame::Error {
        code: "bad_message".into(),
        text: "a message of the link was changed, left out or doubled on its way".into(),
    };
    assert_eq!(events(&mut one), [TransportEvent::Frame(words)]);
    assert_eq!(two.outgoing(), b"");
}

/// A recorded session that somebody has worked on.
fn any_tampering() -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        0..6_u8,
        vec(any::<u8>(), 0..40),
    );
    vec(change, 1..4).prop_map(|changes| {
        let (by_one, by_two) = recorded();
        let mut bytes = by_one.clone();
        for (at, what, some) in changes {
            let at = at.index(bytes.len());
            let end = (at + some.len()).min(bytes.len());
            match what {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..at, some)),
                2 => drop(bytes.splice(at..end, some)),
                3 => bytes.truncate(at.max(1)),
                4 => drop(bytes.splice(at..at, by_one.clone())),
                _ => drop(bytes.splice(at..at, by_two.clone())),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_session_only_its_beginning_gets_through(bytes in any_tampering()) {
        let (by_one, _) = recorded();
        let same = by_one.iter().zip(&bytes).take_while(|(own, other)| own == other).count();
        let whole = true_events(up("realm1", Direction::Accepted));
        let mut two = two();
        let result = two.receive(&bytes, START);

        let seen = events(&mut two);
        prop_assert!(whole.starts_with(&seen), "{:?}", seen);
        prop_assert_eq!(seen.is_empty(), same < FIRST_BYTES + PROOF_BYTES);
        prop_assert!(result.is_ok() || !seen.is_empty() || two.outgoing().is_empty());
        prop_assert!(held_bytes(&two) <= 70_000);
    }

    #[test]
    fn garbage_never_gets_up(bytes in vec(any::<u8>(), 0..300)) {
        let line = b"realm-link/1 noise realm1 realm2\n\0\x60";
        for bytes in [bytes.clone(), [&line[..], &bytes].concat()] {
            let seen = look(&mut two(), &bytes);
            prop_assert!(seen.events.is_empty() && seen.written.is_empty());

            let mut one = one();
            taken(&mut one);
            prop_assert!(look(&mut one, &bytes).events.is_empty());
        }
    }
}
