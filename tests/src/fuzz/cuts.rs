//! The same bytes, cut differently.

use super::house::small_limits;
use super::seat::holds;
use super::tape::Tape;
use chatproto::{
    CloseReason, Config, Connection, ConnectionId, Now, Output, Passwords, Realm, RealmName,
    UserConfig,
};

/// What a client got for its bytes.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    bytes: Vec<u8>,
    closed: Option<CloseReason>,
}

/// Reads the first bytes as lengths of reads and the rest as what a client sends; 1 and 2 in it
/// stand for the tokens of two users. However it is cut, the client reads the same.
pub fn cuts(data: &[u8]) {
    let mut tape = Tape::new(data);
    let count = tape.below(9);
    let lengths = tape.bytes(count);
    let rest = tape.rest();
    if holds(rest, b"group") {
        // In live mode one read is one message: there cuts do matter.
        return;
    }
    let whole = told(rest, &[]);

    assert_eq!(told(rest, lengths), whole, "cut as {lengths:?}");
    assert_eq!(told(rest, &[1]), whole, "cut into bytes");
}

/// Plays all bytes in reads of these lengths, over and over; in one read where there are none.
fn told(bytes: &[u8], lengths: &[u8]) -> Told {
    let now = Now::new(0, 1_790_000_000_000);
    let mut realm = realm(now);
    let tokens = ["messi", "henderson"].map(|name| log_in(&mut realm, name, now));
    let input: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| match byte {
            1 => tokens[0].clone(),
            2 => tokens[1].clone(),
            other => vec![*other],
        })
        .collect();
    let id = realm.open(Connection::new("10.0.0.1"), now);
    let mut told = Told {
        bytes: Vec::new(),
        closed: None,
    };
    let mut rest = input.as_slice();
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() {
        let length = lengths
            .next()
            .map_or(rest.len(), |n| usize::from(*n).max(1));
        let (read, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        realm.receive(id, read, now);
        drain(&mut realm, id, &mut told, now);
    }
    realm.ended(id, now);
    drain(&mut realm, id, &mut told, now);
    told
}

fn realm(now: Now) -> Realm {
    let own = RealmName::parse("realm1").expect("a name");
    let mut config = Config::new(own)
        .limits(small_limits())
        .passwords(Passwords::Plain);
    for name in ["messi", "henderson"] {
        let user = UserConfig::new(name, name, "X", "surabaya");
        config = config.user(user.expect("a name"));
    }
    Realm::new(config, [7; 32], now).expect("a configuration that is right")
}

fn log_in(realm: &mut Realm, name: &str, now: Now) -> Vec<u8> {
    let id = realm.open(Connection::new("10.0.0.2"), now);
    realm.receive(id, format!("auth {name} surabaya\r\n").as_bytes(), now);
    let reply = realm.outgoing(id).to_vec();
    realm.closed(id, now);
    let reply = reply.strip_suffix(b"\"}\r\n\r\n").expect("a token's end");
    reply[reply.len() - 36..].to_vec()
}

fn drain(realm: &mut Realm, id: ConnectionId, told: &mut Told, now: Now) {
    while let Some(output) = realm.poll_output() {
        match output {
            Output::Send(other) if other == id => {
                let bytes = realm.outgoing(id).to_vec();
                told.bytes.extend_from_slice(&bytes);
                realm.sent(id, bytes.len(), now).expect("what was outgoing");
            }
            Output::Close(other, why) if other == id => told.closed = Some(why),
            _ => {}
        }
    }
}
