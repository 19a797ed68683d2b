//! How a realm stands with its peers, for operators and users.

use crate::common::{Pair, SENT, Site, example, example_with_peer, hello, name};
use chatproto::link::frame::Frame;
use chatproto::{Direction, Event, LinkId, Output, PeerConfig, PeerState, PeerStatus};

fn site() -> Site {
    Site::new(example_with_peer(1, 2))
}

/// How the only peer is.
fn status(site: &Site) -> PeerStatus {
    let mut peers = site.realm.peers();
    let status = peers.next().expect("no peer");
    assert_eq!(peers.next(), None);
    status
}

fn state(site: &Site) -> PeerState {
    status(site).state
}

/// The number of the ping among what a link was given.
fn ping(site: &mut Site, link: LinkId) -> Option<u64> {
    let mut pings = site.take(link).into_iter().filter_map(|frame| match frame {
        Frame::Ping { n } => Some(n),
        _ => None,
    });
    let first = pings.next();
    assert_eq!(pings.next(), None);
    first
}

fn bye(text: &str) -> Frame {
    Frame::Bye {
        code: "maintenance".to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn the_state_of_a_link_is_told() {
    let mut it = site();
    assert_eq!(it.outputs, [Output::Dial(name("realm2"))]);
    assert_eq!(state(&it), PeerState::Dialling);

    it.realm
        .dial_failed(&name("realm2"), "nobody listens", it.now)
        .unwrap();
    let due = it.realm.poll_timeout().unwrap().at_ms - it.now.mono_ms;
    assert_eq!(state(&it), PeerState::Waiting(due));
    it.wait(due);
    assert_eq!(state(&it), PeerState::Dialling);
    let link = it.link_up("realm2", Direction::Dialled);
    assert_eq!(state(&it), PeerState::Greeting);
    it.deliver(link, &[hello("realm2", "realm1")]);
    assert_eq!(state(&it), PeerState::Linked);
    it.realm.pause_peer(&name("realm2"), true, it.now).unwrap();
    it.run();
    assert_eq!(state(&it), PeerState::Paused);

    let words = [
        (PeerState::Dialling, "dialling"),
        (PeerState::Waiting(7), "waiting"),
        (PeerState::Greeting, "greeting"),
        (PeerState::Linked, "linked"),
        (PeerState::Paused, "paused"),
        (PeerState::Listening, "listening"),
    ];
    assert!(words.iter().all(|(state, word)| state.word() == *word));
}

#[test]
fn a_peer_that_only_calls_is_waited_for() {
    let mut it = Site::new(example(1).peer(PeerConfig::incoming_only(name("realm2"))));
    assert_eq!(state(&it), PeerState::Listening);

    let link = it.greeted_by("realm2", Direction::Accepted);
    assert_eq!(state(&it), PeerState::Linked);
    it.link_down(link);

    assert_eq!(state(&it), PeerState::Listening);
}

#[test]
fn what_waits_is_counted_with_its_bytes_and_age() {
    let mut it = site();
    let (messi, token) = it.log_in("messi", "surabaya");
    let nothing = status(&it);
    it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    let first_unix_ms = it.now.unix_ms;
    it.wait(10);
    it.say(messi, &format!("send {token} amsal@realm2 hai\r\n"));

    let two = status(&it);

    assert_eq!((nothing.queue_messages, nothing.queue_bytes), (0, 0));
    assert_eq!(nothing.oldest_unix_ms, None);
    assert_eq!((two.queue_messages, two.queue_bytes), (2, 517 + 518));
    assert_eq!(two.oldest_unix_ms, Some(first_unix_ms));
}

#[test]
fn nothing_waits_once_it_is_acknowledged() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    pair.one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    assert_eq!(status(&pair.one).queue_messages, 1);

    pair.pump();

    let done = status(&pair.one);
    assert_eq!((done.queue_messages, done.queue_bytes), (0, 0));
    assert_eq!(done.oldest_unix_ms, None);
}

#[test]
fn a_ping_follows_the_hello_and_its_answer_tells_the_round_trip() {
    let mut it = site();
    let link = it.greeted_by("realm2", Direction::Accepted);
    let n = ping(&mut it, link).expect("no ping");
    assert_eq!(status(&it).round_trip_ms, None);

    it.wait(25);
    it.deliver(link, &[Frame::Pong { n }]);

    assert_eq!(status(&it).round_trip_ms, Some(25));
    it.link_down(link);
    assert_eq!(status(&it).round_trip_ms, None);
}

#[test]
fn a_pong_that_is_late_repeated_or_never_asked_for_tells_nothing() {
    let mut it = site();
    let link = it.greeted_by("realm2", Direction::Accepted);
    let first = ping(&mut it, link).expect("no ping");
    it.deliver(link, &[Frame::Pong { n: first + 1 }, Frame::Pong { n: 0 }]);
    it.deliver(link, &[Frame::Pong { n: 1 << 53 }]);
    assert_eq!(status(&it).round_trip_ms, None);

    // The next ping is on its way, and the answer to the first one comes.
    it.wait(15_000);
    let second = ping(&mut it, link).expect("no second ping");
    it.wait(5);
    it.deliver(link, &[Frame::Pong { n: first }]);
    assert_eq!(status(&it).round_trip_ms, None);
    it.deliver(link, &[Frame::Pong { n: second }]);
    assert_eq!(status(&it).round_trip_ms, Some(5));

    it.wait(100);
    it.deliver(link, &[Frame::Pong { n: second }]);
    assert_eq!(status(&it).round_trip_ms, Some(5));
}

#[test]
fn why_there_is_no_link_is_told() {
    let error = |it: &Site| status(it).last_error.unwrap_or_default();
    let mut it = site();
    assert_eq!(status(&it).last_error, None);
    it.realm
        .dial_failed(&name("realm2"), "nobody listens", it.now)
        .unwrap();
    assert_eq!(error(&it), "nobody listens");

    let link = it.greeted_by("realm2", Direction::Accepted);
    it.link_down(link);
    assert_eq!(error(&it), "the connection is gone");
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(link, &[bye("gone fishing\u{7}")]);
    assert_eq!(error(&it), "it said: gone fishing\u{7}");
    // A peer does not get to write at length into logs and onto screens.
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(link, &[bye(&"é".repeat(30_000))]);
    let told = Event::PeerSaid {
        peer: name("realm2"),
        code: "maintenance".to_owned(),
        text: "é".repeat(256),
    };
    assert!(it.events().contains(&&told));
    assert_eq!(error(&it), format!("it said: {}", "é".repeat(191)));
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.deliver(link, &[hello("realm2", "realm1")]);
    assert_eq!(error(&it), "a second hello");
    it.greeted_by("realm2", Direction::Accepted);
    it.wait(40_000);
    assert_eq!(error(&it), "the peer fell silent");
    it.link_up("realm2", Direction::Accepted);
    it.wait(60_000);
    assert_eq!(error(&it), "the peer fell silent");
}

#[test]
fn checkrealm_shows_each_peer() {
    let config = example_with_peer(1, 2).peer(PeerConfig::incoming_only(name("realm3")));
    let mut it = Site::new(config);
    let (messi, token) = it.log_in("messi", "surabaya");
    it.say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    it.realm
        .dial_failed(&name("realm2"), "\"nobody\"\u{7}", it.now)
        .unwrap();
    it.run();
    let link = it.greeted_by("realm3", Direction::Accepted);
    let n = ping(&mut it, link).unwrap();
    it.wait(7);
    it.deliver(link, &[Frame::Pong { n }]);

    // Whoever is logged in may ask, and nobody else.
    let shown = it.say(messi, &format!("checkrealm {token}\r\n"));
    let stranger = it.say(messi, "checkrealm 0b3c8e2a-1d4f-4a6b-9c8d-7e6f5a4b3c2d\r\n");
    let unsaid = it.say(messi, "checkrealm\r\n");

    let state = status_word(&it, "realm2");
    assert_eq!(
        shown,
        format!(
            "{{\"status\": \"OK\", \"realms\": [{{\"realm\": \"realm2\", \"state\": \"{state}\", \"queue\": 1, \"bytes\": 517, \"oldest_ms\": 7, \"round_trip_ms\": null, \"error\": \"\\\"nobody\\\"\\u0007\"}}, {{\"realm\": \"realm3\", \"state\": \"linked\", \"queue\": 0, \"bytes\": 0, \"oldest_ms\": null, \"round_trip_ms\": 7, \"error\": null}}]}}\r\n\r\n"
        )
    );
    assert_eq!(stranger, crate::common::NO_SESSION);
    assert_eq!(
        unsaid,
        "{\"status\": \"ERROR\", \"message\": \"--Protocol Tidak Benar\"}\r\n\r\n"
    );
}

#[test]
fn checkrealm_tells_of_no_error_that_is_over() {
    let mut it = Site::new(example_with_peer(1, 2));
    let (messi, token) = it.log_in("messi", "surabaya");
    it.realm
        .dial_failed(&name("realm2"), "nobody is there", it.now)
        .unwrap();
    it.greeted_by("realm2", Direction::Accepted);

    let shown = it.say(messi, &format!("checkrealm {token}\r\n"));

    assert!(shown.contains("\"state\": \"linked\""), "{shown}");
    assert!(shown.ends_with("\"error\": null}]}\r\n\r\n"), "{shown}");
    let mut peers = it.realm.peers();
    let told = peers.find_map(|peer| peer.last_error);
    assert_eq!(told.as_deref(), Some("nobody is there"));
}

fn status_word(site: &Site, peer: &str) -> &'static str {
    let mut peers = site.realm.peers();
    let status = peers.find(|it| it.name == name(peer)).unwrap();
    status.state.word()
}

#[test]
fn a_realm_without_peers_has_nothing_to_show() {
    let mut it = Site::new(example(1));
    let (messi, token) = it.log_in("messi", "surabaya");

    let realms = it.say(messi, &format!("checkrealm {token}\r\n"));
    let outbox = it.say(messi, &format!("outbox {token}\r\n"));

    assert_eq!(realms, "{\"status\": \"OK\", \"realms\": []}\r\n\r\n");
    assert_eq!(outbox, "{\"status\": \"OK\", \"messages\": []}\r\n\r\n");
}

#[test]
fn without_a_store_an_outbox_is_told_as_well() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    for (to, text) in [("amsal@realm2", "hai é"), ("siapa@realm2", "\"x\"")] {
        let line = format!("send {token} {to} {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    }
    let queued = pair.one.say(messi, &format!("outbox {token}\r\n"));
    pair.pump();
    let done = pair.one.say(messi, &format!("outbox {token}\r\n"));

    assert_eq!(
        queued,
        "{\"status\": \"OK\", \"messages\": [{\"to\": \"amsal@realm2\", \"msg\": \"hai \\u00e9\", \"state\": \"queued\", \"ts\": 1790000000000}, {\"to\": \"siapa@realm2\", \"msg\": \"\\\"x\\\"\", \"state\": \"queued\", \"ts\": 1790000000000}]}\r\n\r\n"
    );
    assert_eq!(
        done,
        "{\"status\": \"OK\", \"messages\": [{\"to\": \"amsal@realm2\", \"msg\": \"hai \\u00e9\", \"state\": \"delivered\", \"ts\": 1790000000000}, {\"to\": \"siapa@realm2\", \"msg\": \"\\\"x\\\"\", \"state\": \"failed\", \"reason\": \"recipient_unknown\", \"ts\": 1790000000000}]}\r\n\r\n"
    );
}
