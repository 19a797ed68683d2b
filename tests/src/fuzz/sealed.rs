//! What may become of a link in noise mode when somebody on the wire works on its bytes.

use super::house::small_limits;
use super::tape::Tape;
use chatproto::link::frame::Hello;
use chatproto::link::key::StaticKey;
use chatproto::link::transport::{
    LinkTransport, Security, TransportConfig, TransportError, TransportEvent, TransportPeer,
};
use chatproto::{Frame, Limits, Now, RealmName};
use std::sync::OnceLock;

/// The line, the first message, and the message with nothing in it, each behind its length.
const DIALLER_BYTES: usize = 33 + 98 + 18;
const FIRST_BYTES: usize = 33 + 98;
/// The acceptor's answer, behind its length.
const ANSWER_BYTES: usize = 50;

/// The error frame of a link that was up, sealed.
const LAST_WORDS_BYTES_MAX: usize = 1_024;

const NOW: Now = Now::new(0, 0);

/// Which end the bytes arrive at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Dialler,
    Acceptor,
}

/// A session that nobody has touched: what each end wrote.
struct Session {
    by_dialler: Vec<u8>,
    by_acceptor: Vec<u8>,
}

/// What came of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    events: Vec<TransportEvent>,
    failed: Option<TransportError>,
    outgoing: Vec<u8>,
}

/// Reads the first bytes as which end to attack, with which randomness, and as lengths of reads; the
/// rest as changes to the bytes that end should have got, or as all it gets. However that is cut,
/// the end sees the beginning of the true session and nothing else; and nothing at all if the bytes
/// are of another session, or were changed before the handshake was over.
pub fn sealed(data: &[u8]) {
    let mut tape = Tape::new(data);
    let end = *tape.one_of(&[End::Acceptor, End::Dialler]);
    let is_replayed = tape.byte() % 4 == 1;
    let is_invented = tape.is_odd_case();
    let count = tape.below(9);
    let lengths = tape.bytes(count).to_vec();
    let session = session();
    let (genuine, handshake_bytes) = match end {
        End::Acceptor => (&session.by_dialler, DIALLER_BYTES),
        End::Dialler => (&session.by_acceptor, ANSWER_BYTES),
    };
    let bytes = if is_invented {
        tape.rest().to_vec()
    } else {
        changed(genuine, &session.by_acceptor, &mut tape)
    };
    let whole = told(end, is_replayed, &bytes, &[]);

    assert_eq!(
        told(end, is_replayed, &bytes, &lengths),
        whole,
        "cut as {lengths:?}"
    );
    let is_genuine = !is_replayed && genuine.get(..handshake_bytes) == bytes.get(..handshake_bytes);
    assert_eq!(!whole.events.is_empty(), is_genuine, "{whole:?}");
    let all = told(end, false, genuine, &[]).events;
    assert!(all.starts_with(&whole.events), "{whole:?}");
    if let (Some(error), false) = (whole.failed, is_genuine) {
        assert_eq!(error, TransportError::Rejected);
        assert!(whole.outgoing.is_empty());
    }
}

/// Makes some changes to the bytes: flips, deletes, doubles, inserts, cuts off.
fn changed(genuine: &[u8], other: &[u8], tape: &mut Tape<'_>) -> Vec<u8> {
    let mut bytes = genuine.to_vec();
    while !tape.is_empty() {
        let what = tape.below(6);
        let at = usize::from(tape.byte()) * 256 + usize::from(tape.byte());
        let at = at % (bytes.len() + 1);
        let end = (at + tape.below(64)).min(bytes.len());
        match what {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << tape.below(8);
                }
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(end..end, again));
            }
            3 => drop(bytes.splice(at..at, tape.text().iter().copied())),
            4 => drop(bytes.splice(at..at, other.iter().copied())),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn session() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| {
        let (mut dialler, mut acceptor) = (dialler(1), acceptor(2));
        let mut session = Session {
            by_dialler: Vec::new(),
            by_acceptor: Vec::new(),
        };
        pass(&mut dialler, &mut acceptor, &mut session.by_dialler);
        pass(&mut acceptor, &mut dialler, &mut session.by_acceptor);
        pass(&mut dialler, &mut acceptor, &mut session.by_dialler);
        for frames in [vec![hello()], pings(1..2), pings(2..40)] {
            for frame in &frames {
                dialler.send(frame).expect("a frame of its time");
                acceptor.send(frame).expect("a frame of its time");
            }
            pass(&mut dialler, &mut acceptor, &mut session.by_dialler);
            pass(&mut acceptor, &mut dialler, &mut session.by_acceptor);
        }
        session
    })
}

fn pass(from: &mut LinkTransport, to: &mut LinkTransport, written: &mut Vec<u8>) {
    let bytes = from.outgoing();
    to.receive(bytes, NOW).expect("nobody is in between");
    written.extend_from_slice(bytes);
    from.sent(usize::MAX);
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        realm: "realm".to_owned(),
        peer: "peer".to_owned(),
        versions: [1, 1],
        capabilities: Vec::new(),
        line_bytes_max: 4_096,
        software: String::new(),
    })
}

fn pings(numbers: std::ops::Range<u64>) -> Vec<Frame> {
    numbers.map(|n| Frame::Ping { n }).collect()
}

fn dialler(seed: u8) -> LinkTransport {
    let (config, peer) = config("realm2", 2, "realm1", 1);
    LinkTransport::dial(&config, &peer, [seed; 32], NOW)
}

fn acceptor(seed: u8) -> LinkTransport {
    let (config, _) = config("realm1", 1, "realm2", 2);
    LinkTransport::accept(&config, [seed; 32], NOW)
}

fn config(own: &str, key: u8, peer: &str, pinned: u8) -> (TransportConfig, RealmName) {
    let own = RealmName::parse(own).expect("a name");
    let name = RealmName::parse(peer).expect("a name");
    let security = Security::Noise(StaticKey::from_seed([pinned; 32]).public());
    let config = TransportConfig {
        own,
        key: Some(StaticKey::from_seed([key; 32])),
        peers: vec![TransportPeer {
            name: name.clone(),
            security,
        }],
        limits: small_limits(),
    };
    (config, name)
}

/// Plays all bytes in reads of these lengths, over and over; in one read where there are none.
fn told(end: End, is_replayed: bool, bytes: &[u8], lengths: &[u8]) -> Told {
    let mut transport = match end {
        End::Dialler => dialler(1 + 2 * u8::from(is_replayed)),
        End::Acceptor => acceptor(2 + 2 * u8::from(is_replayed)),
    };
    let mut first = Vec::new();
    if end == End::Dialler {
        first.extend_from_slice(transport.outgoing());
        transport.sent(first.len());
    }
    let mut told = Told {
        events: Vec::new(),
        failed: None,
        outgoing: Vec::new(),
    };
    let mut lengths = lengths.iter().cycle();
    let mut rest = bytes;
    let mut read_bytes = 0;
    while !rest.is_empty() {
        let length = lengths
            .next()
            .map_or(rest.len(), |n| usize::from(*n).max(1));
        let (read, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        read_bytes += read.len();
        let error = transport.receive(read, NOW).err();
        told.events
            .extend(std::iter::from_fn(|| transport.poll_event()));
        assert!(told.failed.is_none() || error == told.failed);
        told.failed = error;
        check_written(end, &told, read_bytes, transport.outgoing());
    }
    told.outgoing = transport.outgoing().to_vec();
    check_deadline(&mut transport, &told);
    told
}

/// A stranger reads nothing but the answer to a first message that was genuine.
fn check_written(end: End, told: &Told, read_bytes: usize, outgoing: &[u8]) {
    let is_up = !told.events.is_empty();
    let most = match end {
        _ if is_up => ANSWER_BYTES + LAST_WORDS_BYTES_MAX,
        End::Acceptor if read_bytes >= FIRST_BYTES => ANSWER_BYTES,
        End::Acceptor | End::Dialler => 0,
    };
    assert!(outgoing.len() <= most, "{} bytes", outgoing.len());
    assert!(is_up || told.failed.is_none() || outgoing.is_empty());
}

/// The deadline holds until the link is up, and no longer.
fn check_deadline(transport: &mut LinkTransport, told: &Told) {
    let over = NOW.after_ms(Limits::default().handshake_ms_max);
    let late = transport.handle_timeout(over).err();
    let expected = match told.failed {
        None if told.events.is_empty() => Some(TransportError::HandshakeTimeout),
        failed => failed,
    };
    assert_eq!(late, expected);
    assert_eq!(transport.poll_timeout(), None);
}
