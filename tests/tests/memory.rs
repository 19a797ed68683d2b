//! Memory stays under the bound that the limits give, whatever anybody sends.
//!
//! Each test lets somebody send far more than its bound, under small limits, and looks at the peak.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where what it builds on is not there"
)]

use chatproto::link::frame::{Hello, Live, LiveKind, Question};
use chatproto::link::key::StaticKey;
use chatproto::link::transport::{LinkTransport, Security, TransportConfig, TransportPeer};
use chatproto::{
    Config, Connection, ConnectionId, Direction, Frame, Limits, LinkId, Now, Output, Passwords,
    PeerConfig, Realm, RealmName, UserConfig,
};
use peak_alloc::PeakAlloc;
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time: there is one count of the whole process.
static TURN: Mutex<()> = Mutex::new(());

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

const NOW: Now = Now::new(0, 1_790_000_000_000);

/// What `act` has allocated at the most, on top of what there was before.
fn peak_of(act: impl FnOnce()) -> usize {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    act();
    MEMORY.peak_usage().saturating_sub(before)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    for (name, value) in [
        ("connections_max", 8),
        ("connections_per_address_max", 8),
        ("line_bytes_max", 1_024),
        ("waiting_bytes_max", 4_096),
        ("outgoing_bytes_max", 4_096),
        ("inbox_messages_max", 16),
        ("inbox_bytes_max", 4_096),
        ("sessions_per_user_max", 4),
        ("live_groups_max", 4),
        ("live_members_max", 4),
        ("directory_names_max", 16),
        ("queue_messages_max", 16),
        ("link_line_bytes_max", 4_096),
        ("handshake_bytes_max", 1_024),
    ] {
        limits.set(name, value).unwrap();
    }
    limits
}

fn realm(durable: bool) -> Realm {
    let peer = PeerConfig::incoming_only(name("realm2"));
    let mut config = Config::new(name("realm1"))
        .limits(limits())
        .passwords(Passwords::Plain)
        .durable(durable)
        .peer(peer);
    for user in ["messi", "henderson"] {
        config = config.user(UserConfig::new(user, user, "X", "surabaya").unwrap());
    }
    Realm::new(config, [7; 32], NOW).unwrap()
}

fn name(name: &str) -> RealmName {
    RealmName::parse(name).unwrap()
}

fn plain(peer: &str) -> TransportPeer {
    TransportPeer {
        name: name(peer),
        security: Security::Plain,
    }
}

/// A realm and its one peer, each known by a key that a digit stands for.
fn sealed(own: &str, digit: u8, peer: &str, pinned: u8) -> TransportConfig {
    let key = |digit| StaticKey::from_seed([digit; 32]);
    TransportConfig {
        own: name(own),
        key: Some(key(digit)),
        peers: vec![TransportPeer {
            name: name(peer),
            security: Security::Noise(key(pinned).public()),
        }],
        limits: limits(),
    }
}

/// A client that logs in; returns its token.
fn log_in(realm: &mut Realm, user: &str) -> (ConnectionId, String) {
    let id = realm.open(Connection::new("10.0.0.1"), NOW);
    realm.receive(id, format!("auth {user} surabaya\r\n").as_bytes(), NOW);
    let reply = String::from_utf8(read(realm, id)).unwrap();
    (id, reply[reply.len() - 42..reply.len() - 6].to_owned())
}

fn read(realm: &mut Realm, id: ConnectionId) -> Vec<u8> {
    let bytes = realm.outgoing(id).to_vec();
    realm.sent(id, bytes.len(), NOW).unwrap();
    while realm.poll_output().is_some() {}
    bytes
}

/// A link with realm2 that has greeted.
fn link(realm: &mut Realm) -> LinkId {
    let id = realm
        .link_up(&name("realm2"), Direction::Accepted, NOW)
        .unwrap();
    realm.link_frames(id, &[hello()], NOW);
    send(realm, id);
    id
}

/// What `realm2` begins with.
fn hello() -> Frame {
    Frame::Hello(Hello {
        realm: "realm2".to_owned(),
        peer: "realm1".to_owned(),
        versions: [1, 1],
        capabilities: Vec::new(),
        line_bytes_max: 4_096,
        software: String::new(),
    })
}

/// Takes over all that a link has to send.
fn send(realm: &mut Realm, id: LinkId) {
    let frames = realm.link_outgoing(id).len();
    realm.link_sent(id, frames, NOW).unwrap();
    while realm.poll_output().is_some() {}
}

#[test]
fn a_line_without_end_costs_no_more_than_the_longest_line() {
    let read = vec![b'x'; 64 * KIB];

    let peak = peak_of(|| {
        let mut realm = realm(false);
        for _ in 0..8 {
            let id = realm.open(Connection::new("10.0.0.1"), NOW);
            for _ in 0..128 {
                realm.receive(id, &read, NOW);
                while realm.poll_output().is_some() {}
            }
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 64 MiB");
}

#[test]
fn answers_left_unread_cost_no_more_than_the_output_and_the_waiting_input() {
    let read = b"hello\r\n".repeat(100);

    let peak = peak_of(|| {
        let mut realm = realm(false);
        for _ in 0..8 {
            let id = realm.open(Connection::new("10.0.0.1"), NOW);
            let mut is_paused = false;
            for _ in 0..10_000 {
                if !is_paused {
                    realm.receive(id, &read, NOW);
                }
                while let Some(output) = realm.poll_output() {
                    is_paused |= output == Output::PauseRead(id);
                }
            }
            assert!(is_paused);
        }
    });

    assert!(peak < 256 * KIB, "{peak} bytes for 56 MB");
}

#[test]
fn messages_nobody_reads_cost_no_more_than_an_inbox() {
    let peak = peak_of(|| {
        let mut realm = realm(false);
        let (id, token) = log_in(&mut realm, "messi");
        let line = format!("send {token} henderson {}\r\n", "x".repeat(200));
        for _ in 0..100_000 {
            realm.receive(id, line.as_bytes(), NOW);
            read(&mut realm, id);
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 20 MB");
}

#[test]
fn connections_beyond_the_limit_cost_no_more_than_those_that_are_told() {
    let peak = peak_of(|| {
        let mut realm = realm(false);
        for _ in 0..100_000 {
            realm.open(Connection::new("10.0.0.1"), NOW);
            while realm.poll_output().is_some() {}
        }
    });

    assert!(peak < 512 * KIB, "{peak} bytes for 100000 connections");
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let peak = peak_of(|| {
        let mut realm = realm(false);
        for _ in 0..100_000 {
            let id = realm.open(Connection::new("10.0.0.1"), NOW);
            realm.receive(id, b"hello", NOW);
            realm.closed(id, NOW);
            while realm.poll_output().is_some() {}
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 100000 connections");
}

#[test]
fn a_stranger_on_the_links_port_costs_no_more_than_a_handshake() {
    let config = TransportConfig {
        own: name("realm1"),
        key: None,
        peers: vec![plain("realm2")],
        limits: limits(),
    };

    let peak = peak_of(|| {
        let mut transport = LinkTransport::accept(&config, [1; 32], NOW);
        for _ in 0..MIB {
            let _ = transport.receive(b"r", NOW);
        }
    });

    assert!(peak < 8 * KIB, "{peak} bytes for 1 MiB");
}

#[test]
fn a_stranger_in_noise_mode_costs_no_more_than_a_handshake() {
    for lacking in [0, 1] {
        let peak = peak_of(|| {
            let at_two = sealed("realm2", 2, "realm1", 1);
            let at_one = sealed("realm1", 1, "realm2", 2);
            let mut dialler = LinkTransport::dial(&at_two, &name("realm1"), [3; 32], NOW);
            let mut acceptor = LinkTransport::accept(&at_one, [4; 32], NOW);
            let first = dialler.outgoing();
            let _ = acceptor.receive(&first[..first.len() - lacking], NOW);
            // To a first message that was whole, the length of one that there is room for.
            let _ = acceptor.receive(&[0x03, 0x00], NOW);
            for _ in 0..MIB {
                let _ = acceptor.receive(b"r", NOW);
            }
        });

        assert!(peak < 12 * KIB, "{peak} bytes for 1 MiB");
    }
}

#[test]
fn sealed_frames_cost_no_more_than_a_message_at_each_stage() {
    let peak = peak_of(|| {
        let (at_two, at_one) = (
            sealed("realm2", 2, "realm1", 1),
            sealed("realm1", 1, "realm2", 2),
        );
        let mut dialler = LinkTransport::dial(&at_two, &name("realm1"), [3; 32], NOW);
        let mut acceptor = LinkTransport::accept(&at_one, [4; 32], NOW);
        acceptor.receive(dialler.outgoing(), NOW).unwrap();
        dialler.sent(usize::MAX);
        dialler.receive(acceptor.outgoing(), NOW).unwrap();
        dialler.send(&hello()).unwrap();
        let words = Frame::Bye {
            code: String::new(),
            text: "x".repeat(1_000),
        };
        for _ in 0..2_000 {
            dialler.send(&words).unwrap();
            if dialler.outgoing_bytes() > 64 * KIB {
                for read in dialler.outgoing().chunks(KIB) {
                    acceptor.receive(read, NOW).unwrap();
                    while acceptor.poll_event().is_some() {}
                }
                dialler.sent(usize::MAX);
            }
        }
    });

    // What waits and what is sealed, both grown by doubling; what has come and what is opened.
    assert!(peak < (128 + 256 + 64 + 64) * KIB, "{peak} bytes for 2 MB");
}

#[test]
fn a_peers_line_without_end_costs_no_more_than_the_longest_line() {
    let config = TransportConfig {
        own: name("realm1"),
        key: None,
        peers: vec![plain("realm2")],
        limits: limits(),
    };
    let read = vec![b'x'; KIB];

    let peak = peak_of(|| {
        let mut transport = LinkTransport::accept(&config, [1; 32], NOW);
        let handshake = b"realm-link/1 plain realm2 realm1\n";
        transport.receive(handshake, NOW).unwrap();
        for _ in 0..10_000 {
            let _ = transport.receive(&read, NOW);
        }
    });

    assert!(peak < 16 * KIB, "{peak} bytes for 10 MB");
}

#[test]
fn a_peer_that_reads_nothing_is_cut_off() {
    let ping = vec![Frame::Ping { n: 1 }; 100];

    let peak = peak_of(|| {
        let mut realm = realm(false);
        let id = link(&mut realm);
        for _ in 0..10_000 {
            realm.link_frames(id, &ping, NOW);
            while realm.poll_output().is_some() {}
        }
    });

    assert!(peak < 8 * MIB, "{peak} bytes for 1000000 pings");
}

#[test]
fn a_peers_pings_cost_nothing_while_the_store_is_full() {
    let peak = peak_of(|| {
        let mut realm = realm(true);
        let id = link(&mut realm);
        for _ in 0..100_000 {
            realm.link_frames(id, &[Frame::Ping { n: 1 }], NOW);
            send(&mut realm, id);
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 100000 pings");
}

#[test]
fn questions_asked_over_and_over_cost_no_more_than_one() {
    let ask = |id| Frame::Ask {
        id,
        question: Question::Group,
        name: "bukber".to_owned(),
    };

    let peak = peak_of(|| {
        let mut realm = realm(false);
        let (client, token) = log_in(&mut realm, "messi");
        let id = link(&mut realm);
        realm.receive(
            client,
            format!("group {token} bukber origin\r\n").as_bytes(),
            NOW,
        );
        for n in 0..100_000 {
            realm.link_frames(id, &[ask(n)], NOW);
            send(&mut realm, id);
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 100000 questions");
}

#[test]
fn members_and_groups_of_a_peer_cost_no_more_than_their_limits() {
    let join = |n: u32| {
        Frame::Live(Live {
            group: format!("group{}", n % 1_000),
            kind: LiveKind::Join,
            from: format!("user{n}@realm2"),
            text: "".into(),
            members: Vec::new(),
            home: false,
        })
    };

    let peak = peak_of(|| {
        let mut realm = realm(false);
        let id = link(&mut realm);
        for n in 0..100_000 {
            realm.link_frames(id, &[join(n)], NOW);
            send(&mut realm, id);
        }
    });

    assert!(peak < 128 * KIB, "{peak} bytes for 100000 members");
}
