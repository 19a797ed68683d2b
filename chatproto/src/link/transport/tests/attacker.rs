//! Somebody on the wire, or at the door, who is not who the name says.

mod door;
mod wire;

use super::*;

/// `realm-link/1 noise realm1 realm2` and its line feed.
const LINE_BYTES: usize = 33;
/// The line, and the first message behind its length.
const FIRST_BYTES: usize = LINE_BYTES + 98;
/// What the acceptor answers.
const SECOND_BYTES: usize = 50;
/// The message that is up to the dialler alone, behind its length.
const PROOF_BYTES: usize = 18;

/// How an acceptor takes what it is sent.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    /// How many bytes it took before it was done with the stranger.
    taken: usize,
    error: Option<TransportError>,
    /// What it wrote.
    written: Vec<u8>,
    events: Vec<TransportEvent>,
}

/// Gives the bytes one by one, and reads what is written after each.
fn look(to: &mut LinkTransport, bytes: &[u8]) -> Look {
    let mut look = Look {
        taken: 0,
        error: None,
        written: Vec::new(),
        events: Vec::new(),
    };
    for byte in bytes {
        look.error = to.receive(&[*byte], START).err();
        look.taken += 1;
        look.written.extend(taken(to));
        look.events.extend(events(to));
        if look.error.is_some() {
            break;
        }
    }
    look
}

/// Turned away without a word after so many bytes.
fn turned_away(taken: usize) -> Look {
    Look {
        taken,
        error: Some(TransportError::Rejected),
        written: Vec::new(),
        events: Vec::new(),
    }
}

/// The first bytes of a realm that has the secret of this digit, and believes that the realm it
/// calls has that of `pinned`.
fn call(own: &str, secret: u8, called: &str, pinned: u8) -> Vec<u8> {
    let config = TransportConfig {
        own: realm(own),
        key: Some(key(secret)),
        peers: vec![peer(called, Security::Noise(key(pinned).public()))],
        limits: Limits::default(),
    };
    let mut transport = LinkTransport::dial(&config, &realm(called), [21; 32], START);
    taken(&mut transport)
}

/// What `realm1` and `realm2` wrote in a session with a hello and three pings each way.
fn recorded() -> (Vec<u8>, Vec<u8>) {
    let (mut one, mut two) = (one(), two());
    let mut by_one = pass(&mut one, &mut two);
    let mut by_two = pass(&mut two, &mut one);
    by_one.extend(pass(&mut one, &mut two));
    for n in 0..4 {
        let frame = match n {
            0 => greeting(5_000),
            n => Frame::Ping { n },
        };
        one.send(&frame).unwrap();
        by_one.extend(pass(&mut one, &mut two));
        two.send(&frame).unwrap();
        by_two.extend(pass(&mut two, &mut one));
    }
    (by_one, by_two)
}
