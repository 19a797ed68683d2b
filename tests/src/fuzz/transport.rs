//! What anybody may send to the port for links.

use super::house::small_limits;
use super::tape::Tape;
use chatproto::link::transport::{
    LinkTransport, Security, TransportConfig, TransportError, TransportEvent, TransportPeer,
};
use chatproto::{Frame, Limits, Now, RealmName};

/// The line and the frame with which a peer begins.
const HANDSHAKE: &[u8] = b"realm-link/1 plain realm2 realm1\n";
const HELLO: &[u8] =
    b"{\"t\":\"hello\",\"realm\":\"realm2\",\"peer\":\"realm1\",\"versions\":[1,1],\
    \"capabilities\":[],\"limits\":{\"line_bytes\":4096},\"software\":\"x\"}\n";

/// What is outgoing besides frames that were given to be sent: one frame of last words.
const LAST_WORDS_BYTES_MAX: usize = 1_024;

/// What came of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    events: Vec<TransportEvent>,
    failed: Option<TransportError>,
    outgoing: Vec<u8>,
}

/// Reads the first bytes as lengths of reads and the rest as what arrives on an accepted link,
/// after a good beginning where the second byte says so. However it is cut, the same comes of it;
/// and frames that were understood can be said again.
pub fn transport(data: &[u8]) {
    let mut tape = Tape::new(data);
    let count = tape.below(9);
    let beginning = [&b""[..], HANDSHAKE, &[HANDSHAKE, HELLO].concat()][tape.below(3)].to_vec();
    let lengths = tape.bytes(count);
    let bytes = [&beginning, tape.rest()].concat();
    let whole = told(&bytes, &[]);

    assert_eq!(told(&bytes, lengths), whole, "cut as {lengths:?}");
    assert_eq!(told(&bytes, &[1]), whole, "cut into bytes");
    say_again(&whole.events);
}

fn config(own: &str, peer: &str) -> TransportConfig {
    let (own, peer) = (RealmName::parse(own), RealmName::parse(peer));
    TransportConfig {
        own: own.expect("a name"),
        key: None,
        peers: vec![TransportPeer {
            name: peer.expect("a name"),
            security: Security::Plain,
        }],
        limits: small_limits(),
    }
}

/// Plays all bytes in reads of these lengths, over and over; in one read where there are none.
fn told(bytes: &[u8], lengths: &[u8]) -> Told {
    let now = Now::new(0, 0);
    let mut transport = LinkTransport::accept(&config("realm1", "realm2"), [1; 32], now);
    let mut told = Told {
        events: Vec::new(),
        failed: None,
        outgoing: Vec::new(),
    };
    let mut rest = bytes;
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() {
        let length = lengths
            .next()
            .map_or(rest.len(), |n| usize::from(*n).max(1));
        let (read, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let received = transport.receive(read, now);
        told.events
            .extend(std::iter::from_fn(|| transport.poll_event()));
        let error = received.err();
        assert!(
            told.failed.is_none() || error == told.failed,
            "a failure that ended"
        );
        told.failed = error;
    }
    told.outgoing = transport.outgoing().to_vec();
    assert!(told.outgoing.len() <= LAST_WORDS_BYTES_MAX);
    check_events(&told);
    let late = transport.handle_timeout(now.after_ms(Limits::default().handshake_ms_max));
    let is_up = !told.events.is_empty();
    assert_eq!(late.is_ok(), is_up && told.failed.is_none());
    told
}

/// `Up`, then one `hello`, then other frames.
fn check_events(told: &Told) {
    for (at, event) in told.events.iter().enumerate() {
        let is_up = matches!(event, TransportEvent::Up { peer, .. } if peer.as_str() == "realm2");
        let is_hello = matches!(event, TransportEvent::Frame(Frame::Hello(_)));
        assert_eq!(is_up, at == 0, "{event:?}");
        assert_eq!(is_hello, at == 1, "{event:?}");
    }
}

/// Encodes frames again and reads them at the other end.
fn say_again(events: &[TransportEvent]) {
    let now = Now::new(0, 0);
    let at_two = config("realm2", "realm1");
    let mut from = LinkTransport::dial(&at_two, &at_two.peers[0].name, [2; 32], now);
    let mut to = LinkTransport::accept(&config("realm1", "realm2"), [1; 32], now);
    let mut said = Vec::new();
    for event in events {
        if let TransportEvent::Frame(frame) = event {
            match from.send(frame) {
                Ok(()) => said.push(event.clone()),
                // Some escapes are shorter as they came than as they are written here.
                Err(error) => assert_eq!(error, TransportError::LineTooLong { max: 4_096 }),
            }
        }
    }
    let is_greeting = matches!(said.first(), Some(TransportEvent::Frame(Frame::Hello(_))));
    let received = to.receive(from.outgoing(), now);
    assert!(received.is_ok() || !is_greeting, "{received:?}");
    let heard: Vec<_> = std::iter::from_fn(|| to.poll_event()).skip(1).collect();
    if is_greeting {
        assert_eq!(heard, said);
    }
}
