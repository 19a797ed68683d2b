//! The handshake, the limits, and that cuts do not matter.

use super::*;
use crate::link::codec::tests::any::any_frame;
use crate::link::transport::outgoing::COMPACT_BYTES;
use proptest::collection::vec;
use proptest::prelude::*;

fn config(own: &str, peers: &[&str]) -> TransportConfig {
    let peers = peers.iter().map(|name| peer(name, Security::Plain));
    TransportConfig {
        own: realm(own),
        key: None,
        peers: peers.collect(),
        limits: Limits::default(),
    }
}

fn accept(config: &TransportConfig) -> LinkTransport {
    LinkTransport::accept(config, [2; 32], START)
}

/// `realm2`, which is called.
fn acceptor() -> LinkTransport {
    accept(&config("realm2", &["realm0", "realm1"]))
}

fn dial(peer: &str) -> LinkTransport {
    LinkTransport::dial(&config("realm1", &["realm2"]), &realm(peer), [1; 32], START)
}

/// `realm2`, called by `realm1`, which has said hello.
fn greeted() -> LinkTransport {
    let mut transport = acceptor();
    let greeting = format!("realm-link/1 plain realm1 realm2\n{HELLO}\n");
    transport.receive(greeting.as_bytes(), START).unwrap();
    assert_eq!(
        events(&mut transport),
        [up("realm1", Direction::Accepted), hello(5_000)]
    );
    transport
}

/// A ping's line of just that many bytes, its line feed included.
fn ping_line(bytes: usize) -> String {
    let mut line = r#"{"t":"ping","n":1}"#.to_owned();
    line.push_str(&" ".repeat(bytes - 1 - line.len()));
    line.push('\n');
    line
}

#[test]
fn two_realms_meet() {
    let mut one = dial("realm2");
    let mut two = acceptor();
    assert_eq!(events(&mut one), [up("realm2", Direction::Dialled)]);
    assert_eq!(outgoing(&mut one), "realm-link/1 plain realm1 realm2\n");
    assert_eq!(one.poll_timeout(), None);

    let TransportEvent::Frame(greeting) = hello(5_000) else {
        unreachable!()
    };
    one.send(&greeting).unwrap();
    one.send(&Frame::Ping { n: 7 }).unwrap();
    two.receive(one.outgoing(), START).unwrap();

    let expected = [up("realm1", Direction::Accepted), hello(5_000), ping(7)];
    assert_eq!(events(&mut two), expected);
    two.send(&greeting).unwrap();
    one.receive(two.outgoing(), START).unwrap();
    assert_eq!(events(&mut one), [hello(5_000)]);
}

#[test]
fn a_wrong_handshake_always_looks_the_same() {
    let wrong = [
        "realm-link/1 plain realm1 realm3\n",
        "realm-link/1 plain realm3 realm2\n",
        "realm-link/1 plain realm2 realm2\n",
        "realm-link/1 plain realm1 realm2 \n",
        "realm-link/1 plain realm1  realm2\n",
        "realm-link/1 plain  realm1 realm2\n",
        "realm-link/1 plain realm1 realm2 realm2\n",
        "realm-link/1 plain realm1 realm2\r\n",
        "realm-link/1 plain realm1\n",
        "realm-link/1 plain realm1 \n",
        "realm-link/2 plain realm1 realm2\n",
        "REALM-LINK/1 plain realm1 realm2\n",
        "auth messi surabaya\n",
        "\n",
    ];

    for line in wrong {
        let mut transport = acceptor();
        let bytes = [line.as_bytes(), HELLO.as_bytes(), b"\n"].concat();
        assert_eq!(
            transport.receive(&bytes, START),
            Err(TransportError::Rejected),
            "{line}"
        );

        assert_eq!(transport.poll_event(), None);
        assert_eq!(outgoing(&mut transport), "");
        assert_eq!(transport.poll_timeout(), None);
        let more = transport.receive(b"realm-link/1 plain realm1 realm2\n", START);
        assert_eq!(more, Err(TransportError::Rejected));
        assert_eq!(
            transport.send(&Frame::Ping { n: 1 }),
            Err(TransportError::Rejected)
        );
    }
    let not_utf8 = acceptor().receive(b"realm-link/1 plain \xff realm2\n", START);
    assert_eq!(not_utf8, Err(TransportError::Rejected));
}

#[test]
fn the_handshake_is_bounded_in_bytes() {
    for (max, bytes) in [(4_096, 4_095), (256, 255)] {
        let mut config = config("realm2", &["realm1"]);
        config.limits.handshake_bytes_max = max;

        let mut transport = accept(&config);
        assert_eq!(transport.receive(&vec![b'r'; bytes], START), Ok(()));
        assert_eq!(
            transport.receive(b"r", START),
            Err(TransportError::Rejected)
        );
        assert_eq!(held_bytes(&transport), 0);

        let mut transport = accept(&config);
        let flood = vec![b'r'; 1_000_000];
        assert_eq!(
            transport.receive(&flood, START),
            Err(TransportError::Rejected)
        );
        assert_eq!(held_bytes(&transport), 0);
    }
}

#[test]
fn the_handshake_is_bounded_in_time() {
    let line = b"realm-link/1 plain realm1 realm2\n";
    let (last, over) = (START.after_ms(4_999), START.after_ms(5_000));
    let timeout = Err(TransportError::HandshakeTimeout);

    let mut transport = acceptor();
    let deadline = Deadline {
        at_ms: 6_000,
        why: "link handshake",
    };
    assert_eq!(transport.poll_timeout(), Some(deadline));
    assert_eq!(transport.handle_timeout(last), Ok(()));
    transport.receive(line, last).unwrap();
    assert_eq!(transport.poll_timeout(), None);
    assert_eq!(transport.handle_timeout(over), Ok(()));
    assert_eq!(events(&mut transport), [up("realm1", Direction::Accepted)]);

    let mut transport = acceptor();
    transport.receive(b"realm-link", START).unwrap();
    assert_eq!(transport.handle_timeout(over), timeout);
    assert_eq!(transport.receive(line, over), timeout);
    assert_eq!(
        (transport.poll_event(), outgoing(&mut transport)),
        (None, "")
    );
    assert_eq!(acceptor().receive(line, over), timeout);
}

#[test]
fn a_realm_that_is_not_a_plain_peer_is_not_dialled() {
    let mut transport = dial("realm3");

    assert_eq!(
        (transport.poll_event(), outgoing(&mut transport)),
        (None, "")
    );
    assert_eq!(transport.poll_timeout().unwrap().at_ms, 1_000);
    assert_eq!(
        transport.send(&Frame::Ping { n: 1 }),
        Err(TransportError::Rejected)
    );
    assert_eq!(
        transport.handle_timeout(START),
        Err(TransportError::Rejected)
    );
    assert_eq!(transport.poll_timeout(), None);
}

#[test]
fn nothing_is_sent_before_the_link_is_up() {
    let mut transport = acceptor();

    assert_eq!(
        transport.send(&Frame::Ping { n: 1 }),
        Err(TransportError::NotUp)
    );
    assert_eq!(outgoing(&mut transport), "");
    transport
        .receive(b"realm-link/1 plain realm1 realm2\n", START)
        .unwrap();
    transport.send(&Frame::Ping { n: 1 }).unwrap();
    assert_eq!(outgoing(&mut transport), "{\"t\":\"ping\",\"n\":1}\n");
}

#[test]
fn the_first_frame_is_the_only_hello() {
    let before = |line: &str| {
        let mut transport = acceptor();
        let bytes = format!("realm-link/1 plain realm1 realm2\n{line}\n");
        let result = transport.receive(bytes.as_bytes(), START);
        assert_eq!(events(&mut transport), [up("realm1", Direction::Accepted)]);
        (result, outgoing(&mut transport).to_owned())
    };
    let told =
        r#"{"t":"error","code":"bad_hello","text":"the first frame of a link must be a hello"}"#;
    let expected = (Err(TransportError::NoHello), format!("{told}\n"));
    assert_eq!(before(r#"{"t":"ping","n":1}"#), expected);
    assert_eq!(before(r#"{"t":"typing","opt":true}"#), expected);
    let small = before(&HELLO.replace("5000", "4095"));
    assert_eq!(small.0, Err(TransportError::HelloLimit));
    let not_json = before("GET / HTTP/1.1");
    assert_eq!(
        not_json.0,
        Err(TransportError::Frame(FrameError::NotAnObject))
    );

    let mut transport = greeted();
    let again = format!("{}{HELLO}\n", ping_line(30));
    let result = transport.receive(again.as_bytes(), START);
    assert_eq!(result, Err(TransportError::SecondHello));
    assert_eq!(events(&mut transport), [ping(1)]);
}

#[test]
fn last_words_need_no_hello() {
    let words = r#"{"t":"bye","code":"paused","text":"later"}"#;
    let mut transport = acceptor();

    let bytes = format!("realm-link/1 plain realm1 realm2\n{words}\n");
    transport.receive(bytes.as_bytes(), START).unwrap();

    let bye = Frame::Bye {
        code: "paused".to_owned(),
        text: "later".to_owned(),
    };
    let expected = [
        up("realm1", Direction::Accepted),
        TransportEvent::Frame(bye),
    ];
    assert_eq!(events(&mut transport), expected);
}

#[test]
fn a_bad_frame_ends_the_link_with_last_words() {
    let mut transport = greeted();
    transport.send(&Frame::Pong { n: 1 }).unwrap();
    let lines = "{\"t\":\"ping\",\"n\":1}\n{\"t\":\"ping\",\"n\":1,\"n\":\"secret\"}\n{\"t\":\"ping\",\"n\":2}\n";
    let error = transport.receive(lines.as_bytes(), START).unwrap_err();

    assert_eq!(error, TransportError::Frame(FrameError::DuplicateKey));
    assert_eq!(events(&mut transport), [ping(1)]);
    let told = concat!(
        "{\"t\":\"pong\",\"n\":1}\n",
        "{\"t\":\"error\",\"code\":\"bad_frame\",\"text\":",
        "\"a line of the link is not a frame: a key must stand only once in its object\"}\n",
    );
    assert_eq!(outgoing(&mut transport), told);
    // Neither the rest of the stream nor anything of the own side follows.
    assert_eq!(
        transport.receive(b"{\"t\":\"ping\",\"n\":3}\n", START),
        Err(error)
    );
    assert_eq!(transport.send(&Frame::Ping { n: 1 }), Err(error));
    assert_eq!(
        (transport.poll_event(), outgoing(&mut transport)),
        (None, told)
    );
}

#[test]
fn unknown_frames_that_allow_it_are_passed_over() {
    let mut transport = greeted();
    let lines = format!("{{\"t\":\"typing\",\"opt\":true}}\n{}", ping_line(19));

    assert_eq!(transport.receive(lines.as_bytes(), START), Ok(()));
    assert_eq!(events(&mut transport), [ping(1)]);
}

#[test]
fn a_line_is_read_up_to_the_own_limit() {
    let too_long = Err(TransportError::ReceivedTooLong { max: 65_536 });

    let mut transport = greeted();
    assert_eq!(
        transport.receive(ping_line(65_536).as_bytes(), START),
        Ok(())
    );
    let line = ping_line(65_536);
    let (one, other) = line.as_bytes().split_at(65_535);
    assert_eq!(transport.receive(one, START), Ok(()));
    assert_eq!(transport.receive(other, START), Ok(()));
    assert_eq!(events(&mut transport), [ping(1), ping(1)]);
    assert_eq!(
        transport.receive(ping_line(65_537).as_bytes(), START),
        too_long
    );
    assert!(outgoing(&mut transport).starts_with(r#"{"t":"error","code":"line_too_long","#));

    // A line over the limit ends the link before its end has come.
    let mut transport = greeted();
    assert_eq!(transport.receive(one, START), Ok(()));
    assert_eq!(transport.receive(b" ", START), too_long);
    assert_eq!(
        (transport.poll_event(), transport.reader.partial.capacity()),
        (None, 0)
    );
}

#[test]
fn a_line_is_sent_up_to_the_peers_limit() {
    let mut transport = acceptor();
    transport
        .receive(b"realm-link/1 plain realm1 realm2\n", START)
        .unwrap();
    for max in [4_096, 5_000] {
        assert_eq!(transport.send(&bye(max)), Ok(()));
        assert_eq!(transport.outgoing().len(), max);

        let too_long = Err(TransportError::LineTooLong { max: max as u64 });
        assert_eq!(transport.send(&bye(max + 1)), too_long);
        assert_eq!(transport.outgoing().len(), max);

        // The link goes on, and with a hello in which the peer reads more.
        transport.sent(max);
        if max == 4_096 {
            transport
                .receive(format!("{HELLO}\n").as_bytes(), START)
                .unwrap();
        }
    }
    let too_big = transport.send(&Frame::Ping { n: u64::MAX });
    assert_eq!(
        (too_big, outgoing(&mut transport)),
        (Err(TransportError::NumberTooBig), "")
    );
}

#[test]
fn what_was_sent_is_let_go_of() {
    let mut transport = greeted();
    let mut expected = Vec::new();
    for n in 0..20_000 {
        transport.send(&Frame::Ping { n }).unwrap();
        expected.extend_from_slice(format!("{{\"t\":\"ping\",\"n\":{n}}}\n").as_bytes());
    }

    let all = expected.len();
    let mut written = Vec::new();
    while !transport.outgoing().is_empty() {
        let n = transport.outgoing().len().min(1_000);
        written.extend_from_slice(&transport.outgoing()[..n]);
        transport.sent(n);
        let left = all - written.len();
        assert!(
            transport.out.bytes.len() <= 2 * left.max(COMPACT_BYTES),
            "{left}"
        );
    }
    assert!(written == expected);
    assert_eq!(transport.out.bytes.len(), 0);

    transport.send(&Frame::Ping { n: 1 }).unwrap();
    transport.sent(usize::MAX);
    assert_eq!(outgoing(&mut transport), "");
}

#[test]
fn nothing_shows_what_is_carried() {
    let mut transport = greeted();
    transport
        .send(&Frame::Bye {
            code: "rahasia".into(),
            text: "rahasia".into(),
        })
        .unwrap();
    transport
        .receive(
            b"{\"t\":\"bye\",\"code\":\"rahasia\"}\n{\"t\":\"rahasia",
            START,
        )
        .unwrap();
    let shown = format!("{transport:?}");
    assert!(!shown.contains("rahasia"), "{shown}");

    let error = transport.receive(b"\"}\n", START).unwrap_err();
    let shown = format!("{error} {error:?} {transport:?}");
    assert!(!shown.contains("rahasia"), "{shown}");
}

/// What came of the bytes, given in pieces of these lengths and then the rest.
fn outcome(
    transport: &mut LinkTransport,
    bytes: &[u8],
    pieces: &[usize],
) -> (Vec<TransportEvent>, Option<TransportError>, Vec<u8>) {
    let mut rest = bytes;
    let mut result = Ok(());
    for piece in pieces.iter().copied().chain([usize::MAX]) {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        result = result.and_then(|()| transport.receive(now, START));
    }
    (
        events(transport),
        result.err(),
        transport.outgoing().to_vec(),
    )
}

/// A connection's bytes: a handshake and frames, most of them good.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let frame = any_frame().prop_map(|frame| {
        let mut line = Vec::new();
        encode(&frame, &mut line).unwrap();
        line
    });
    let handshake = Just(format!("realm-link/1 plain realm1 realm2\n{HELLO}\n").into_bytes());
    let garbage = vec(any::<u8>(), 0..50);
    let part = prop_oneof![20 => frame, 1 => garbage.clone(), 1 => Just(b"\n".to_vec())];
    (prop_oneof![20 => handshake, 1 => garbage], vec(part, 0..10))
        .prop_map(|(handshake, parts)| [handshake, parts.concat()].concat())
}

proptest! {
    #[test]
    fn cuts_do_not_matter(bytes in any_bytes(), pieces in vec(0_usize..200, 0..20)) {
        let whole = outcome(&mut acceptor(), &bytes, &[]);

        let cut = outcome(&mut acceptor(), &bytes, &pieces);
        let single = outcome(&mut acceptor(), &bytes, &vec![1; bytes.len()]);
        prop_assert_eq!(&cut, &whole);
        prop_assert_eq!(&single, &whole);
    }

    #[test]
    fn garbage_does_no_harm(bytes in vec(any::<u8>(), 0..300), pieces in vec(0_usize..50, 0..9)) {
        let (seen, _, out) = outcome(&mut acceptor(), &bytes, &pieces);
        prop_assert!(seen.is_empty() && out.is_empty());

        let mut transport = greeted();
        let whole_line = bytes.contains(&b'\n');
        let (seen, error, _) = outcome(&mut transport, &bytes, &pieces);
        prop_assert!(seen.is_empty());
        prop_assert_eq!(error.is_some(), whole_line);
    }
}
