//! Two realms that know each other's keys.

use super::*;
use crate::link::codec::tests::any::any_frame;
use crate::link::noise::{Calling, Channel, PLAIN_BYTES_MAX};
use proptest::collection::vec;
use proptest::prelude::*;

/// What two realms agree to read in a line, where it is more than usual.
const LONG_LINE_BYTES_MAX: u64 = 300_000;

/// Both ends of a link on which long lines may be said.
fn linked_for_long_lines() -> (LinkTransport, LinkTransport) {
    let (mut one, mut two) = linked();
    for end in [&mut one, &mut two] {
        end.reader = Reader::new(LONG_LINE_BYTES_MAX);
        end.send(&greeting(LONG_LINE_BYTES_MAX)).unwrap();
    }
    pass(&mut one, &mut two);
    pass(&mut two, &mut one);
    assert_eq!(events(&mut one), [hello(LONG_LINE_BYTES_MAX)]);
    assert_eq!(events(&mut two), [hello(LONG_LINE_BYTES_MAX)]);
    (one, two)
}

#[test]
fn two_realms_meet_and_say_nothing_in_the_clear() {
    let (mut one, mut two) = (one(), two());
    assert_eq!((events(&mut one), events(&mut two)), (vec![], vec![]));

    // A line of 33 bytes, and a message of 96 behind its length.
    let line = b"realm-link/1 noise realm1 realm2\n";
    let first = pass(&mut one, &mut two);
    assert_eq!((first.len(), &first[..33]), (131, &line[..]));
    assert_eq!(first[33..35], [0, 96]);
    assert_eq!(events(&mut two), []);
    assert_eq!(one.send(&greeting(5_000)), Err(TransportError::NotUp));
    assert_eq!(two.send(&greeting(5_000)), Err(TransportError::NotUp));

    let second = pass(&mut two, &mut one);
    assert_eq!((second.len(), &second[..2]), (50, &[0, 48][..]));
    assert_eq!(events(&mut one), [up("realm2", Direction::Dialled)]);
    assert_eq!((one.poll_timeout(), events(&mut two)), (None, vec![]));

    let third = pass(&mut one, &mut two);
    assert_eq!((third.len(), &third[..2]), (18, &[0, 16][..]));
    assert_eq!(events(&mut two), [up("realm1", Direction::Accepted)]);
    assert_eq!(two.poll_timeout(), None);

    one.send(&greeting(5_000)).unwrap();
    let sealed = pass(&mut one, &mut two);
    assert_eq!(events(&mut two), [hello(5_000)]);
    assert!(sealed.windows(5).all(|bytes| bytes != b"hello"));
}

#[test]
fn frames_that_wait_share_a_message() {
    let (mut one, mut two) = greeted();
    for n in 1..=1_000 {
        one.send(&Frame::Ping { n }).unwrap();
    }

    // 1,000 lines of 18 bytes and 2,893 digits; one length and one tag make 18 bytes more.
    assert_eq!(one.outgoing_bytes(), 20_893);
    assert_eq!(one.outgoing().len(), 20_911);
    assert_eq!(one.outgoing_bytes(), 20_911);
    assert_eq!(one.outgoing().len(), 20_911);
    one.send(&Frame::Ping { n: 1_001 }).unwrap();
    assert_eq!(one.outgoing().len(), 20_911 + 22 + 18);
    pass(&mut one, &mut two);
    assert_eq!(events(&mut two), (1..=1_001).map(ping).collect::<Vec<_>>());
}

#[test]
fn no_more_waits_to_be_sealed_than_a_message_holds() {
    let (mut one, mut two) = greeted();
    for _ in 0..100 {
        one.send(&bye(5_000)).unwrap();
        assert!(one.sealed.as_ref().unwrap().waiting.len() < PLAIN_BYTES_MAX);
    }

    // 500,000 bytes in 8 messages, of which 7 are full.
    let sealed = pass(&mut one, &mut two);
    assert_eq!(sealed.len(), 500_000 + 8 * 18);
    assert_eq!(events(&mut two).len(), 100);
}

#[test]
fn a_line_may_be_longer_than_a_message() {
    for bytes in [65_518, 65_519, 65_520, 65_536, 131_038, 131_039, 300_000] {
        let (mut one, mut two) = linked_for_long_lines();
        one.send(&bye(bytes)).unwrap();
        one.send(&Frame::Ping { n: 1 }).unwrap();

        let sealed = taken(&mut one);
        let messages = (bytes + 19).div_ceil(65_519);
        assert_eq!(sealed.len(), bytes + 19 + messages * 18, "{bytes}");
        for piece in sealed.chunks(1_000) {
            two.receive(piece, START).unwrap();
        }
        let expected = [TransportEvent::Frame(bye(bytes)), ping(1)];
        assert!(events(&mut two) == expected, "{bytes}");
    }
}

#[test]
fn buffers_stay_bounded_however_much_is_carried() {
    let (mut one, mut two) = greeted();
    for _ in 0..30 {
        for _ in 0..20 {
            one.send(&bye(5_000)).unwrap();
        }
        for piece in taken(&mut one).chunks(30_000) {
            two.receive(piece, START).unwrap();
        }
        assert_eq!(events(&mut two).len(), 20);
    }

    // A message under way, the one opened last, the beginning of a line.
    assert!(held_bytes(&two) <= 65_537 + 65_519 + 2 * 5_000, "{two:?}");
    // A message and a line that wait, and the 100,054 bytes that were taken together; both grow
    // by doubling.
    assert!(
        held_bytes(&one) <= 2 * (65_519 + 5_000) + 2 * 100_054,
        "{one:?}"
    );
}

#[test]
fn the_dialler_waits_no_longer_than_the_handshake_may_take() {
    let (last, over) = (START.after_ms(4_999), START.after_ms(5_000));
    let mut transport = one();
    let deadline = Deadline {
        at_ms: 6_000,
        why: "link handshake",
    };

    assert_eq!(transport.poll_timeout(), Some(deadline));
    assert_eq!(transport.handle_timeout(last), Ok(()));
    let timeout = Err(TransportError::HandshakeTimeout);
    assert_eq!(transport.handle_timeout(over), timeout);
    assert_eq!(transport.outgoing(), b"");
    assert_eq!(
        (transport.poll_event(), transport.poll_timeout()),
        (None, None)
    );
}

#[test]
fn without_a_key_nobody_is_dialled() {
    let mut config = sealed_config(1, &[("realm2", 2)]);
    config.key = None;
    let mut transport = LinkTransport::dial(&config, &realm("realm2"), [11; 32], START);

    assert_eq!(
        (transport.poll_event(), transport.outgoing()),
        (None, &b""[..])
    );
    assert_eq!(transport.poll_timeout().unwrap().at_ms, 1_000);
    let rejected = Err(TransportError::Rejected);
    assert_eq!(transport.handle_timeout(START), rejected);
}

#[test]
fn the_longest_names_fit_the_least_limit() {
    let mut limits = Limits::default();
    limits.set("handshake_bytes_max", 512).unwrap();
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let config = |own: &str, digit: u8, other: &str, pinned: u8| TransportConfig {
        own: realm(own),
        key: Some(key(digit)),
        peers: vec![peer(other, Security::Noise(key(pinned).public()))],
        limits: limits.clone(),
    };
    let mut one = LinkTransport::dial(&config(&a, 1, &b, 2), &realm(&b), [11; 32], START);
    let mut two = LinkTransport::accept(&config(&b, 2, &a, 1), [12; 32], START);

    pass(&mut one, &mut two);
    pass(&mut two, &mut one);
    pass(&mut one, &mut two);
    assert_eq!(events(&mut two), [up(&a, Direction::Accepted)]);
}

#[test]
fn the_first_transport_message_may_carry_frames() {
    let (mut two, mut channel) = channel();
    let mut third = Vec::new();
    let lines = format!("{HELLO}\n{{\"t\":\"ping\",\"n\":7}}\n");
    channel.seal(lines.as_bytes(), &mut third).unwrap();
    two.receive(&third, START).unwrap();
    let expected = [up("realm1", Direction::Accepted), hello(5_000), ping(7)];
    assert_eq!(events(&mut two), expected);
}

#[test]
fn a_bad_frame_ends_the_link_with_last_words_for_the_peer_alone() {
    let (mut one, mut two) = linked();
    one.send(&Frame::Ping { n: 1 }).unwrap();
    let early = taken(&mut one);

    let no_hello = Err(TransportError::NoHello);
    assert_eq!(two.receive(&early, START), no_hello);
    let words = taken(&mut two);
    assert_eq!(two.send(&Frame::Ping { n: 2 }), no_hello);
    assert_eq!(two.outgoing(), b"");
    one.receive(&words, START).unwrap();
    let [TransportEvent::Frame(Frame::Error { code, .. })] = &events(&mut one)[..] else {
        panic!("the last words are no error");
    };
    assert_eq!(code, "bad_hello");
    assert!(words.windows(5).all(|bytes| bytes != b"hello"));
}

#[test]
fn a_link_whose_keys_are_used_up_ends() {
    let used_up = TransportError::KeysUsedUp;
    let (mut one, mut two) = greeted();
    one.sealed.as_mut().unwrap().channel.sealed = u64::MAX;
    one.send(&Frame::Ping { n: 1 }).unwrap();
    assert_eq!(one.outgoing(), b"");
    assert_eq!(one.send(&Frame::Ping { n: 2 }), Err(used_up));
    assert_eq!(one.poll_timeout().unwrap().at_ms, 0);
    assert_eq!(one.handle_timeout(START), Err(used_up));
    assert_eq!((one.poll_timeout(), one.outgoing()), (None, &b""[..]));

    // It is noticed when a message is full, too; what was sealed before is good.
    two.send(&Frame::Ping { n: 1 }).unwrap();
    let before = two.outgoing().len();
    two.sealed.as_mut().unwrap().channel.sealed = u64::MAX;
    let error = (0..100).find_map(|_| two.send(&bye(5_000)).err());
    assert_eq!(error, Some(used_up));
    assert_eq!(two.outgoing().len(), before);
    assert_eq!(two.receive(b"", START), Err(used_up));
}

#[test]
fn nothing_shows_what_is_carried() {
    let (mut one, mut two) = greeted();
    let frame = Frame::Bye {
        code: "rahasia".into(),
        text: "rahasia".into(),
    };
    one.send(&frame).unwrap();
    let shown = format!("{one:?}");
    assert!(!shown.contains("rahasia"), "{shown}");

    let sealed = pass(&mut one, &mut two);
    assert!(sealed.windows(7).all(|bytes| bytes != b"rahasia"));
    let shown = format!("{two:?}");
    assert!(!shown.contains("rahasia"), "{shown}");
}

/// Gives the bytes in pieces of these lengths, over and over.
fn give(to: &mut LinkTransport, bytes: &[u8], pieces: &[usize]) {
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        to.receive(now, START).unwrap();
        rest = later;
        if rest.is_empty() {
            return;
        }
    }
}

/// A whole session in which `realm1` says these frames, asked for its bytes after each batch:
/// what each end was told, and all that `realm1` wrote.
fn session(
    batches: &[Vec<Frame>],
    pieces: &[usize],
) -> (Vec<TransportEvent>, Vec<TransportEvent>, Vec<u8>) {
    let (mut one, mut two) = (one(), two());
    let mut written = taken(&mut one);
    give(&mut two, &written, pieces);
    give(&mut one, &taken(&mut two), pieces);
    one.send(&greeting(65_536)).unwrap();
    two.send(&greeting(1 << 20)).unwrap_err();
    for batch in batches {
        for frame in batch {
            // A frame may be over the 4,096 bytes that are allowed before the peer's hello.
            let _ = one.send(frame);
        }
        let bytes = taken(&mut one);
        give(&mut two, &bytes, pieces);
        written.extend(bytes);
    }
    (events(&mut one), events(&mut two), written)
}

fn any_batches() -> impl Strategy<Value = Vec<Vec<Frame>>> {
    let is_hello = |frame: &Frame| matches!(frame, Frame::Hello(_));
    let frame = any_frame().prop_filter("one hello", move |frame| !is_hello(frame));
    vec(vec(frame, 0..6), 1..5)
}

proptest! {
    #[test]
    fn cuts_do_not_matter(batches in any_batches(), pieces in vec(1_usize..200, 1..20)) {
        let whole = session(&batches, &[usize::MAX]);

        prop_assert_eq!(&session(&batches, &pieces), &whole);
        prop_assert_eq!(&session(&batches, &[1]), &whole);
        let said = batches.iter().flatten().filter(|frame| {
            let mut line = Vec::new();
            encode(frame, &mut line).unwrap();
            line.len() <= 4_096
        });
        let said = said.cloned().map(TransportEvent::Frame);
        let greeting = [up("realm1", Direction::Accepted), hello(65_536)];
        prop_assert_eq!(whole.1, greeting.into_iter().chain(said).collect::<Vec<_>>());
    }
}

/// An acceptor that is up, and the dialler's end of the channel, which can seal anything.
fn channel() -> (LinkTransport, Channel) {
    let line = b"realm-link/1 noise realm1 realm2\n";
    let (mut first, mut two) = (line.to_vec(), two());
    let calling = Calling::begin(&key(1), &key(2).public(), line, [11; 32], &mut first);
    two.receive(&first, START).unwrap();
    let answer = taken(&mut two);
    (two, calling.unwrap().finish(&answer[2..]).unwrap())
}

proptest! {
    /// What a peer with the right key says is judged as in plain mode, however it is sealed.
    #[test]
    fn a_peer_may_say_no_more_than_in_plain_mode(
        frames in vec(any_frame(), 0..5),
        garbage in vec(any::<u8>(), 0..50),
        lengths in vec(0_usize..300, 1..5),
    ) {
        let mut lines = format!("{HELLO}\n").into_bytes();
        for frame in &frames {
            encode(frame, &mut lines).unwrap();
        }
        lines.extend(garbage);
        let mut config = sealed_config(2, &[]);
        config.peers.push(peer("realm1", Security::Plain));
        let mut plain = LinkTransport::accept(&config, [12; 32], START);
        plain.receive(b"realm-link/1 plain realm1 realm2\n", START).unwrap();
        let expected = (plain.receive(&lines, START), events(&mut plain));

        let (mut two, mut channel) = channel();
        let (mut sealed, mut rest) = (Vec::new(), &lines[..]);
        channel.seal(b"", &mut sealed).unwrap();
        for length in lengths.iter().chain(&[usize::MAX]) {
            let (now, later) = rest.split_at((*length).min(rest.len()));
            for plain in now.chunks(PLAIN_BYTES_MAX) {
                channel.seal(plain, &mut sealed).unwrap();
            }
            rest = later;
        }
        let result = two.receive(&sealed, START);
        prop_assert_eq!((result, events(&mut two)), expected);
    }
}

#[test]
fn the_same_seeds_give_the_same_bytes() {
    let batches = [vec![Frame::Ping { n: 1 }], vec![Frame::Ping { n: 2 }]];
    let once = session(&batches, &[usize::MAX]);
    assert_eq!(session(&batches, &[usize::MAX]), once);

    let config = sealed_config(1, &[("realm2", 2)]);
    let mut other = LinkTransport::dial(&config, &realm("realm2"), [99; 32], START);
    let first = other.outgoing();
    assert_eq!(first[..35], once.2[..35]);
    assert_ne!(first[35..67], once.2[35..67]);
}
