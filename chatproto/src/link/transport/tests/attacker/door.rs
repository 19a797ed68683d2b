//! Before anything is known of who calls: what strangers get, and what they cost.

use super::*;

#[test]
fn a_wrong_name_a_wrong_key_and_a_wrong_mode_look_alike() {
    let mut forged = call("realm1", 1, "realm2", 2);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let mut noise_for_plain = sealed_config(2, &[("realm0", 0)]);
    noise_for_plain.peers.push(peer("realm1", Security::Plain));
    let mut without_key = noise_for_plain.clone();
    without_key.key = None;
    let usual = sealed_config(2, &[("realm0", 0), ("realm1", 1)]);
    let cases = [
        ("no realm's key", &usual, call("realm1", 9, "realm2", 2)),
        ("another's key", &usual, call("realm1", 0, "realm2", 2)),
        ("another's name", &usual, call("realm0", 1, "realm2", 2)),
        ("an unknown realm", &usual, call("realm3", 3, "realm2", 2)),
        ("the realm itself", &usual, call("realm2", 2, "realm2", 2)),
        ("called otherwise", &usual, call("realm1", 1, "realm9", 2)),
        ("for another key", &usual, call("realm1", 1, "realm2", 9)),
        ("forged", &usual, forged),
        (
            "a plain peer",
            &noise_for_plain,
            call("realm1", 1, "realm2", 2),
        ),
        ("no own key", &without_key, call("realm1", 1, "realm2", 2)),
    ];

    for (what, config, bytes) in cases {
        assert_eq!(bytes.len(), FIRST_BYTES);
        let mut transport = LinkTransport::accept(config, [12; 32], START);
        let more = [&bytes[..], b"\0\x10and more"].concat();
        assert_eq!(look(&mut transport, &more), turned_away(131), "{what}");
        assert_eq!(held_bytes(&transport), 0, "{what}");

        // In one read too, and until the last byte there is nothing but the deadline to see.
        let mut transport = LinkTransport::accept(config, [12; 32], START);
        transport.receive(&bytes[..130], START).unwrap();
        assert_eq!(transport.poll_timeout().unwrap().at_ms, 6_000, "{what}");
        let rejected = Err(TransportError::Rejected);
        assert_eq!(transport.receive(&more[130..], START), rejected, "{what}");
        assert_eq!(transport.receive(&bytes, START), rejected, "{what}");
        assert_eq!(transport.outgoing(), b"", "{what}");
    }
}

#[test]
fn what_is_no_line_in_noise_mode_is_turned_away_at_its_end() {
    for line in [
        "realm-link/1 plain realm1 realm2\n",
        "realm-link/1 plain realm3 realm2\n",
        "realm-link/1 plain realm1 realm9\n",
        "realm-link/2 noise realm1 realm2\n",
        "realm-link/1  noise realm1 realm2\n",
        "\n",
    ] {
        let expected = turned_away(line.len());
        assert_eq!(look(&mut two(), line.as_bytes()), expected, "{line}");
    }
    // Names that nobody has wait for a message, as all unknown names do.
    for names in [&b"realm1"[..], b"realm1 realm2 realm2", b"\xff realm2", b""] {
        let line = [b"realm-link/1 noise ", names, b"\n\0\x60"].concat();
        let bytes = [&line[..], &[7; 96]].concat();
        assert_eq!(look(&mut two(), &bytes), turned_away(bytes.len()));
    }
}

#[test]
fn a_realm_in_plain_mode_is_not_taken_for_one_in_noise_mode() {
    let mut config = sealed_config(2, &[("realm0", 0)]);
    config.peers.push(peer("realm1", Security::Plain));
    let plain = b"realm-link/1 plain realm1 realm2\n";
    let mut transport = LinkTransport::accept(&config, [12; 32], START);
    transport.receive(plain, START).unwrap();
    assert_eq!(events(&mut transport), [up("realm1", Direction::Accepted)]);

    let of_realm0 = b"realm-link/1 plain realm0 realm2\n";
    let mut transport = LinkTransport::accept(&config, [12; 32], START);
    assert_eq!(look(&mut transport, of_realm0), turned_away(33));
}

#[test]
fn a_first_message_of_another_length_is_not_waited_for() {
    let line = b"realm-link/1 noise realm1 realm2\n";
    for length in [0, 1, 95, 97, 4_096, 65_535_u16] {
        let bytes = [line, &length.to_be_bytes()[..], &[7; 100]].concat();
        assert_eq!(look(&mut two(), &bytes), turned_away(35), "{length}");
    }
    for length in [0, 47, 49, 65_535_u16] {
        let bytes = [&length.to_be_bytes()[..], &[7; 100]].concat();
        let mut one = one();
        taken(&mut one);
        assert_eq!(look(&mut one, &bytes), turned_away(2), "{length}");
    }
}

#[test]
fn a_stranger_costs_no_more_than_the_limit() {
    // With the first message answered, 4,096 - 131 - 2 bytes are left for a message.
    for (length, taken) in [
        (3_963, 131 + 2 + 3_963),
        (3_964, 131 + 2),
        (65_535_u16, 133),
    ] {
        let (mut one, mut two) = (one(), two());
        let first = one.outgoing().to_vec();
        let bytes = [&first, &length.to_be_bytes()[..], &vec![7; 70_000]].concat();
        let look = look(&mut two, &bytes);

        assert_eq!(look.taken, taken, "{length}");
        assert_eq!(look.error, Some(TransportError::Rejected));
        assert_eq!((look.written.len(), look.events), (SECOND_BYTES, vec![]));
        assert_eq!(held_bytes(&two), 0);
    }
}

#[test]
fn a_slow_stranger_is_given_up() {
    let (mut one, mut two) = (one(), two());
    let first = one.outgoing().to_vec();
    let mut now = START;
    for byte in &first[..50] {
        assert_eq!(two.receive(&[*byte], now), Ok(()));
        now = now.after_ms(99);
    }
    // The time does not begin again with the first message.
    assert_eq!(two.receive(&first[50..], now), Ok(()));
    assert_eq!(two.poll_timeout().unwrap().at_ms, 6_000);
    assert_eq!(taken(&mut two).len(), SECOND_BYTES);

    let timeout = Err(TransportError::HandshakeTimeout);
    assert_eq!(two.receive(&[0], START.after_ms(5_000)), timeout);
    assert_eq!((two.poll_event(), two.outgoing()), (None, &b""[..]));
    assert_eq!(held_bytes(&two), 0);
}

#[test]
fn a_replayed_handshake_never_gets_up() {
    let (by_one, _) = recorded();
    let config = sealed_config(2, &[("realm0", 0), ("realm1", 1)]);
    for seed in [13, 14] {
        let mut two = LinkTransport::accept(&config, [seed; 32], START);
        let look = look(&mut two, &by_one);

        // It is answered, as the first message is genuine, and stops at what was sealed then.
        assert_eq!(look.taken, FIRST_BYTES + PROOF_BYTES);
        assert_eq!(look.error, Some(TransportError::Rejected));
        assert_eq!((look.written.len(), look.events), (SECOND_BYTES, vec![]));
    }

    // In one read, even the answer is taken back.
    let mut two = LinkTransport::accept(&config, [13; 32], START);
    assert_eq!(two.receive(&by_one, START), Err(TransportError::Rejected));
    assert_eq!((two.poll_event(), two.outgoing()), (None, &b""[..]));

    // Without anything after it, it waits for the deadline.
    let mut two = LinkTransport::accept(&config, [13; 32], START);
    two.receive(&by_one[..FIRST_BYTES], START).unwrap();
    assert_eq!(two.send(&greeting(5_000)), Err(TransportError::NotUp));
    let late = two.handle_timeout(START.after_ms(5_000));
    assert_eq!(late, Err(TransportError::HandshakeTimeout));
    assert_eq!((two.poll_event(), two.outgoing()), (None, &b""[..]));
}

#[test]
fn a_replayed_answer_never_gets_up() {
    let (_, by_two) = recorded();
    let config = sealed_config(1, &[("realm2", 2)]);
    let mut one = LinkTransport::dial(&config, &realm("realm2"), [15; 32], START);
    taken(&mut one);

    assert_eq!(look(&mut one, &by_two), turned_away(SECOND_BYTES));
}

#[test]
fn what_is_sent_back_to_its_sender_is_not_taken() {
    let (mut one_end, mut two_end) = (one(), two());
    let first = taken(&mut one_end);
    assert_eq!(look(&mut one_end, &first), turned_away(2));
    let message = [&first[LINE_BYTES..], &first].concat();
    let mut one_end = one();
    taken(&mut one_end);
    assert_eq!(look(&mut one_end, &message), turned_away(2));

    // To the door of the realm that dialled.
    let config = sealed_config(1, &[("realm2", 2)]);
    let mut at_one = LinkTransport::accept(&config, [12; 32], START);
    assert_eq!(look(&mut at_one, &first), turned_away(FIRST_BYTES));

    // The acceptor's own bytes.
    two_end.receive(&first, START).unwrap();
    let answer = taken(&mut two_end);
    assert_eq!(look(&mut two_end, &answer), turned_away(SECOND_BYTES));

    let (mut one, mut two) = greeted();
    for end in [&mut one, &mut two] {
        end.send(&Frame::Ping { n: 1 }).unwrap();
        let own = taken(end);
        let tampered = Err(TransportError::Tampered);
        assert_eq!(
            (end.receive(&own, START), end.poll_event()),
            (tampered, None)
        );
    }
}

#[test]
fn handshakes_are_not_to_be_spliced() {
    let call = |seed| {
        let config = sealed_config(1, &[("realm2", 2)]);
        LinkTransport::dial(&config, &realm("realm2"), [seed; 32], START)
    };
    let answer = |seed, first: &[u8]| {
        let config = sealed_config(2, &[("realm0", 0), ("realm1", 1)]);
        let mut two = LinkTransport::accept(&config, [seed; 32], START);
        two.receive(first, START).unwrap();
        two
    };
    let (mut a, mut b) = (call(31), call(32));
    let (first_a, first_b) = (taken(&mut a), taken(&mut b));
    let (mut at_a, mut at_b) = (answer(33, &first_a), answer(34, &first_b));
    let (second_a, second_b) = (taken(&mut at_a), taken(&mut at_b));

    // The answer to one, to another; and half of each.
    assert_eq!(look(&mut call(31), &second_b).events, []);
    let halves = [&second_a[..34], &second_b[34..]].concat();
    assert_eq!(
        look(&mut call(31), &halves),
        Look {
            written: first_a.clone(),
            ..turned_away(50)
        }
    );
    // The proof of one, to another.
    a.receive(&second_a, START).unwrap();
    b.receive(&second_b, START).unwrap();
    let (proof_a, proof_b) = (taken(&mut a), taken(&mut b));
    assert_eq!(look(&mut at_a, &proof_b), turned_away(PROOF_BYTES));
    assert_eq!(look(&mut at_b, &proof_a), turned_away(PROOF_BYTES));
    // The first message of one, in parts of another's, and behind another name.
    for cut in [LINE_BYTES + 2 + 32, LINE_BYTES + 2 + 32 + 48] {
        let spliced = [&first_a[..cut], &first_b[cut..]].concat();
        assert_eq!(look(&mut two(), &spliced), turned_away(FIRST_BYTES));
    }
    let renamed = [
        b"realm-link/1 noise realm0 realm2\n",
        &first_a[LINE_BYTES..],
    ]
    .concat();
    assert_eq!(look(&mut two(), &renamed), turned_away(FIRST_BYTES));
}

#[test]
fn only_the_pinned_key_can_answer() {
    let config = TransportConfig {
        key: Some(key(9)),
        ..sealed_config(2, &[("realm1", 1)])
    };
    let (mut one, mut impostor) = (one(), LinkTransport::accept(&config, [12; 32], START));
    let first = taken(&mut one);
    assert_eq!(look(&mut impostor, &first), turned_away(FIRST_BYTES));

    let invented = [&[0, 48][..], &[7; 48], b"\0\x10and more"].concat();
    assert_eq!(look(&mut one, &invented), turned_away(SECOND_BYTES));
    assert_eq!(one.poll_timeout(), None);
}
