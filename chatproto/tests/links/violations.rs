//! A peer that breaks the protocol loses its link, and nothing else happens.

use crate::common::{EMPTY_INBOX, Site, example, hello, limits, name};
use chatproto::link::frame::{Frame, Hello, Live, LiveKind, Resume, StreamKind, View};
use chatproto::{Direction, Envelope, Event, Kind, LinkCloseReason, LinkId, PeerConfig, RealmName};
use std::sync::Arc;
use uuid::Uuid;

const MAIL: Uuid = Uuid::from_u128(0xa1);
const BOUNCE: Uuid = Uuid::from_u128(0xb1);
const NOBODYS: Uuid = Uuid::from_u128(0xff);

/// realm1 with the peers realm2 and realm3.
fn site() -> Site {
    let config = example(1)
        .peer(PeerConfig::new(name("realm2")))
        .peer(PeerConfig::new(name("realm3")))
        .limits(limits(&[("credit_envelopes_max", 3)]));
    Site::new(config)
}

fn greeting(realm: &str, peer: &str, versions: [u64; 2]) -> Frame {
    Frame::Hello(Hello {
        realm: realm.to_owned(),
        peer: peer.to_owned(),
        versions,
        capabilities: Vec::new(),
        line_bytes_max: 65_536,
        software: String::new(),
    })
}

fn resume(stream: Uuid, view: View) -> Frame {
    let kind = if stream == BOUNCE {
        StreamKind::Bounce
    } else {
        StreamKind::Mail
    };
    Frame::Resume(Resume { stream, kind, view })
}

fn holds(stream: Uuid, last: u64) -> Frame {
    resume(stream, View::Sender { oldest: 1, last })
}

fn letter() -> Envelope {
    Envelope {
        id: Uuid::from_u128(1),
        kind: Kind::Message,
        origin: name("realm2"),
        destination: name("realm1"),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: 0,
        text: " hi\r\n".to_owned(),
    }
}

fn carried(stream: Uuid, seq: u64, envelope: Envelope) -> Frame {
    Frame::Env {
        stream,
        seq,
        envelope: Arc::new(envelope),
    }
}

fn live(from: &str, group: &str) -> Frame {
    Frame::Live(Live {
        group: group.to_owned(),
        kind: LiveKind::Join,
        from: from.to_owned(),
        text: "".into(),
        members: Vec::new(),
        home: false,
    })
}

/// Checks that realm2's link was closed for what it did, that nobody got anything, and that
/// realm3's link works on.
fn check_closed(it: &mut Site, bad: LinkId, good: LinkId, what: &str) {
    let misbehaved = Event::PeerMisbehaved {
        peer: name("realm2"),
        what: what.to_owned(),
    };
    assert!(
        it.events().contains(&&misbehaved),
        "{what}: {:?}",
        it.events()
    );
    assert!(it.has_closed(bad, LinkCloseReason::Protocol), "{what}");
    let words = Frame::Error {
        code: "protocol".to_owned(),
        text: what.to_owned(),
    };
    assert_eq!(it.take(bad).last(), Some(&words), "{what}");
    let (messi, token) = it.log_in("messi", "surabaya");
    assert_eq!(it.inbox(messi, &token), EMPTY_INBOX, "{what}");
    it.take(good);
    it.deliver(good, &[Frame::Ping { n: 3 }]);
    assert_eq!(it.take(good), [Frame::Pong { n: 3 }], "{what}");
}

#[test]
fn a_link_begins_with_the_right_hello() {
    let early = "a frame before hello";
    let wrong = "a hello from or to another realm";
    let version = "no version of the protocol that both speak";
    let table = [
        (Frame::Ping { n: 1 }, early),
        (holds(MAIL, 1), early),
        (carried(MAIL, 1, letter()), early),
        (live("amsal@realm2", "bukber"), early),
        (greeting("realm3", "realm1", [1, 1]), wrong),
        (greeting("realm2", "realm3", [1, 1]), wrong),
        (greeting("realm1", "realm2", [1, 1]), wrong),
        (greeting("", "", [1, 1]), wrong),
        (greeting("realm2", "realm1", [2, 3]), version),
        (greeting("realm2", "realm1", [0, 0]), version),
        (greeting("realm2", "realm1", [2, 0]), version),
    ];
    for (frame, what) in table {
        let mut it = site();
        let good = it.greeted_by("realm3", Direction::Accepted);
        let bad = it.link_up("realm2", Direction::Accepted);

        it.deliver(bad, &[frame]);

        check_closed(&mut it, bad, good, what);
    }
}

#[test]
fn a_peer_of_several_versions_is_welcome() {
    let mut it = site();
    let link = it.link_up("realm2", Direction::Accepted);

    it.deliver(link, &[greeting("realm2", "realm1", [0, 9])]);

    let up = Event::LinkUp {
        peer: name("realm2"),
    };
    assert!(it.events().contains(&&up));
}

/// What a linked peer does, and what is wrong with it.
fn violations() -> Vec<(Vec<Frame>, &'static str)> {
    let unannounced = "a stream that was not announced";
    let unknown = "a stream that does not exist";
    let twice = "a stream was resumed twice on one link";
    let nobody = "a live frame from nobody";
    let nothing = View::Receiver {
        durable: 0,
        next: 1,
        durable_id: None,
        last_id: None,
    };
    let first = |id| {
        let mut envelope = letter();
        envelope.id = Uuid::from_u128(id);
        // Nothing of it is to reach messi, whose inbox shows what was delivered.
        "henderson@realm1".clone_into(&mut envelope.to);
        envelope
    };
    let ack = |stream, durable| Frame::Ack {
        stream,
        durable,
        refused: Vec::new(),
    };
    vec![
        (vec![hello("realm2", "realm1")], "a second hello"),
        (vec![carried(MAIL, 1, letter())], unannounced),
        (
            vec![holds(MAIL, 9), carried(BOUNCE, 1, letter())],
            unannounced,
        ),
        (
            vec![Frame::Void {
                stream: MAIL,
                seq: 1,
                id: MAIL,
            }],
            unannounced,
        ),
        (
            vec![holds(MAIL, 9), carried(MAIL, 2, letter())],
            "an envelope is missing in between",
        ),
        (
            vec![holds(MAIL, 9), carried(MAIL, 4, letter())],
            "an envelope beyond the credit given",
        ),
        (vec![holds(MAIL, 9), holds(MAIL, 9)], twice),
        (
            vec![resume(MAIL, View::Sender { oldest: 3, last: 1 })],
            "a resume with numbers that cannot be",
        ),
        (
            vec![
                holds(MAIL, 9),
                carried(MAIL, 1, first(1)),
                Frame::Void {
                    stream: MAIL,
                    seq: 3,
                    id: MAIL,
                },
            ],
            "an envelope is missing in between",
        ),
        (vec![resume(NOBODYS, nothing)], unknown),
        (vec![ack(NOBODYS, 0)], unknown),
        (
            vec![Frame::Credit {
                stream: NOBODYS,
                upto: 1,
                bytes: 1,
            }],
            unknown,
        ),
        (
            vec![live("herbert@realm3", "bukber")],
            "a live frame from another realm's user",
        ),
        (
            vec![live("messi@realm1", "bukber")],
            "a live frame from another realm's user",
        ),
        (vec![live("amsal", "bukber")], nobody),
        (vec![live("", "bukber")], nobody),
        (
            vec![live("amsal@realm2", "no group")],
            "a live frame for no group",
        ),
    ]
}

#[test]
fn a_violation_closes_the_link_and_no_other() {
    for (frames, what) in violations() {
        let mut it = site();
        let good = it.greeted_by("realm3", Direction::Accepted);
        let bad = it.greeted_by("realm2", Direction::Accepted);

        // Credit is given at the end of a read.
        for frame in frames {
            it.deliver(bad, &[frame]);
        }

        check_closed(&mut it, bad, good, what);
    }
}

#[test]
fn an_envelope_that_its_peer_cannot_vouch_for_is_never_delivered() {
    let forged: [fn(&mut Envelope); 11] = [
        |it| it.origin = realm("realm3"),
        |it| it.origin = realm("realm1"),
        |it| it.destination = realm("realm2"),
        |it| it.destination = realm("realm3"),
        |it| it.from = "amsal@realm3".to_owned(),
        |it| it.from = "henderson@realm1".to_owned(),
        |it| it.from = "amsal".to_owned(),
        |it| it.from = "@realm2".to_owned(),
        |it| it.from = "amsal@realm2@realm2".to_owned(),
        |it| it.to = "messi@realm3".to_owned(),
        |it| it.to = "messi".to_owned(),
    ];
    for forge in forged {
        for stream in [MAIL, BOUNCE] {
            let mut it = site();
            let good = it.greeted_by("realm3", Direction::Accepted);
            let bad = it.greeted_by("realm2", Direction::Accepted);
            it.deliver(bad, &[holds(stream, 9)]);
            let mut envelope = letter();
            forge(&mut envelope);

            it.deliver(bad, &[carried(stream, 1, envelope)]);

            let what = "an envelope that its peer cannot vouch for";
            check_closed(&mut it, bad, good, what);
        }
    }
}

#[test]
fn what_came_before_the_violation_stays_and_what_comes_after_is_ignored() {
    let mut it = site();
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(link, &[holds(MAIL, 9)]);
    let text = |id, text: &str| {
        let mut envelope = letter();
        (envelope.id, envelope.text) = (Uuid::from_u128(id), text.to_owned());
        envelope
    };

    it.deliver(
        link,
        &[
            carried(MAIL, 1, text(1, " before\r\n")),
            hello("realm2", "realm1"),
            carried(MAIL, 2, text(2, " after\r\n")),
        ],
    );
    it.deliver(link, &[carried(MAIL, 2, text(2, " after\r\n"))]);

    let (messi, token) = it.log_in("messi", "surabaya");
    assert_eq!(
        it.inbox(messi, &token),
        "{\"status\": \"OK\", \"messages\": {\"amsal\": [{\"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" before\\r\\n\"}]}}\r\n\r\n"
    );
}

#[test]
fn a_peer_is_welcome_again_after_a_violation() {
    let mut it = site();
    let bad = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(bad, &[hello("realm2", "realm1")]);

    let link = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(link, &[holds(MAIL, 1)]);
    it.deliver(link, &[carried(MAIL, 1, letter())]);

    let (messi, token) = it.log_in("messi", "surabaya");
    assert!(it.inbox(messi, &token).contains("\"amsal\": ["));
}

fn realm(text: &str) -> RealmName {
    name(text)
}
