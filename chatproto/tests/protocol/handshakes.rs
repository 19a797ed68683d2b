//! The handshake in noise mode, as far as it can be seen from outside.

use crate::common::name;
use crate::document;
use chatproto::link::key::StaticKey;
use chatproto::link::transport::{
    Direction, LinkTransport, Security, TransportConfig, TransportEvent, TransportPeer,
};
use chatproto::{Limits, Now};

fn config(own: (usize, &StaticKey), peer: (usize, &StaticKey)) -> TransportConfig {
    TransportConfig {
        own: name(&format!("realm{}", own.0)),
        key: Some(own.1.clone()),
        peers: vec![TransportPeer {
            name: name(&format!("realm{}", peer.0)),
            security: Security::Noise(peer.1.public()),
        }],
        limits: Limits::default(),
    }
}

/// What is to be written, once.
fn written(by: &mut LinkTransport) -> Vec<u8> {
    let bytes = by.outgoing().to_vec();
    by.sent(usize::MAX);
    bytes
}

/// A message behind its length, in words.
fn message(from: &str, bytes: &[u8]) -> String {
    let (length, body) = bytes.split_at(2);
    assert_eq!(
        body.len(),
        usize::from(length[0]) << 8 | usize::from(length[1])
    );
    let shown = format!("{from}> {:02x} {:02x}", length[0], length[1]);
    let begin = body.iter().take(4).map(|byte| format!("{byte:02x}"));
    let begin = begin.collect::<Vec<_>>().join(" ");
    format!("{shown}  {begin} …  2 + {} bytes", body.len())
}

#[test]
fn three_messages_and_a_line() {
    let (one, two) = (StaticKey::from_seed([1; 32]), StaticKey::from_seed([2; 32]));
    let (at_one, at_two) = (config((1, &one), (2, &two)), config((2, &two), (1, &one)));
    let now = Now::new(0, 0);
    let mut dialler = LinkTransport::dial(&at_one, &name("realm2"), [3; 32], now);
    let mut acceptor = LinkTransport::accept(&at_two, [4; 32], now);

    let first = written(&mut dialler);
    acceptor.receive(&first, now).unwrap();
    let second = written(&mut acceptor);
    assert_eq!(acceptor.poll_event(), None);
    dialler.receive(&second, now).unwrap();
    let third = written(&mut dialler);
    acceptor.receive(&third, now).unwrap();

    let up = TransportEvent::Up {
        peer: name("realm1"),
        direction: Direction::Accepted,
    };
    assert_eq!(acceptor.poll_event(), Some(up));
    let end = first.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let line = std::str::from_utf8(&first[..end]).unwrap();
    let heard = [
        format!("realm1> {}", line.trim_end()),
        message("realm1", &first[end..]),
        message("realm2", &second),
        "# The dialler is up: only realm2 could answer.".to_owned(),
        message("realm1", &third),
        "# The acceptor is up: only realm1 could seal this, and only now.".to_owned(),
    ];
    document::check("noise", &heard);
}
