//! What the tests of both modes share.

mod attacker;
mod config;
mod noise;
mod plain;

use super::*;
use crate::limits::Limits;
use crate::link::frame::Hello;
use crate::link::key::StaticKey;

const START: Now = Now::new(1_000, 0);
const HELLO: &str = r#"{"t":"hello","realm":"realm1","peer":"realm2","versions":[1,1],"capabilities":[],"limits":{"line_bytes":5000},"software":""}"#;

fn realm(name: &str) -> RealmName {
    RealmName::parse(name).unwrap()
}

fn peer(name: &str, security: Security) -> TransportPeer {
    let name = realm(name);
    TransportPeer { name, security }
}

/// The key of a realm whose name ends with this digit.
fn key(digit: u8) -> StaticKey {
    StaticKey::from_seed([digit; 32])
}

/// `realm1` or `realm2`, by its digit, which is linked with others that have pinned keys.
fn sealed_config(own: u8, peers: &[(&str, u8)]) -> TransportConfig {
    let peers = peers.iter().map(|(name, digit)| {
        let security = Security::Noise(key(*digit).public());
        peer(name, security)
    });
    TransportConfig {
        own: realm(&format!("realm{own}")),
        key: Some(key(own)),
        peers: peers.collect(),
        limits: Limits::default(),
    }
}

/// `realm1`, which calls `realm2`.
fn one() -> LinkTransport {
    let config = sealed_config(1, &[("realm2", 2)]);
    LinkTransport::dial(&config, &realm("realm2"), [11; 32], START)
}

/// `realm2`, which is called, and knows another realm as well.
fn two() -> LinkTransport {
    let config = sealed_config(2, &[("realm0", 0), ("realm1", 1)]);
    LinkTransport::accept(&config, [12; 32], START)
}

/// Takes what is outgoing.
fn taken(from: &mut LinkTransport) -> Vec<u8> {
    let bytes = from.outgoing().to_vec();
    from.sent(bytes.len());
    bytes
}

/// Carries over what is outgoing, and returns it.
fn pass(from: &mut LinkTransport, to: &mut LinkTransport) -> Vec<u8> {
    let bytes = taken(from);
    to.receive(&bytes, START).unwrap();
    bytes
}

/// Both ends of a link that is up.
fn linked() -> (LinkTransport, LinkTransport) {
    let (mut one, mut two) = (one(), two());
    pass(&mut one, &mut two);
    pass(&mut two, &mut one);
    pass(&mut one, &mut two);
    assert_eq!(events(&mut one), [up("realm2", Direction::Dialled)]);
    assert_eq!(events(&mut two), [up("realm1", Direction::Accepted)]);
    (one, two)
}

/// Both ends of a link on which both have said hello.
fn greeted() -> (LinkTransport, LinkTransport) {
    let (mut one, mut two) = linked();
    one.send(&greeting(5_000)).unwrap();
    two.send(&greeting(5_000)).unwrap();
    pass(&mut one, &mut two);
    pass(&mut two, &mut one);
    assert_eq!(events(&mut one), [hello(5_000)]);
    assert_eq!(events(&mut two), [hello(5_000)]);
    (one, two)
}

fn up(peer: &str, direction: Direction) -> TransportEvent {
    TransportEvent::Up {
        peer: realm(peer),
        direction,
    }
}

/// The frame in [`HELLO`].
fn greeting(line_bytes_max: u64) -> Frame {
    Frame::Hello(Hello {
        realm: "realm1".into(),
        peer: "realm2".into(),
        versions: [1, 1],
        capabilities: vec![],
        line_bytes_max,
        software: String::new(),
    })
}

fn hello(line_bytes_max: u64) -> TransportEvent {
    TransportEvent::Frame(greeting(line_bytes_max))
}

fn ping(n: u64) -> TransportEvent {
    TransportEvent::Frame(Frame::Ping { n })
}

fn events(transport: &mut LinkTransport) -> Vec<TransportEvent> {
    std::iter::from_fn(|| transport.poll_event()).collect()
}

fn outgoing(transport: &mut LinkTransport) -> &str {
    std::str::from_utf8(transport.outgoing()).unwrap()
}

/// A frame whose line has just that many bytes.
fn bye(bytes: usize) -> Frame {
    const AROUND: usize = r#"{"t":"bye","code":"","text":""}"#.len() + 1;
    Frame::Bye {
        code: String::new(),
        text: "x".repeat(bytes - AROUND),
    }
}

/// What the transport's buffers take up.
fn held_bytes(transport: &LinkTransport) -> usize {
    let LinkTransport {
        state,
        sealed,
        reader,
        out,
        ..
    } = transport;
    let opening = match state {
        State::Opening(opening) => opening.partial.capacity(),
        _ => 0,
    };
    let sealed = sealed.as_ref().map_or(0, |sealed| {
        sealed.partial.capacity() + sealed.plain.capacity() + sealed.waiting.capacity()
    });
    opening + sealed + reader.partial.capacity() + out.bytes.capacity()
}
