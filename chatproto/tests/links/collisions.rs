//! Two connections with one peer, and calls that come too late.

use crate::common::{Site, example_with_peer, hello, name};
use chatproto::{Direction, Event, Frame, LinkCloseReason, Misuse, Output};

/// The realm of that number, and its peer of the other.
fn site(own: usize, peer: usize) -> Site {
    Site::new(example_with_peer(own, peer))
}

#[test]
fn the_connection_dialled_by_the_smaller_name_stays() {
    let table = [
        // Of realm1's point of view: its own dialling counts.
        (1, 2, Direction::Dialled, Direction::Accepted, true),
        (1, 2, Direction::Accepted, Direction::Dialled, false),
        // Of realm2's: the accepted connection does.
        (2, 1, Direction::Accepted, Direction::Dialled, true),
        (2, 1, Direction::Dialled, Direction::Accepted, false),
    ];
    for (own, other, first, second, is_first_kept) in table {
        let mut it = site(own, other);
        let peer = format!("realm{other}");

        let older = it.greeted_by(&peer, first);
        let newer = it.greeted_by(&peer, second);

        let (kept, closed) = if is_first_kept {
            (older, newer)
        } else {
            (newer, older)
        };
        assert!(it.has_closed(closed, LinkCloseReason::Replaced));
        assert!(!it.has_closed(kept, LinkCloseReason::Replaced));
        it.take(kept);
        it.deliver(kept, &[Frame::Ping { n: 5 }]);
        assert_eq!(it.take(kept), [Frame::Pong { n: 5 }], "{own} {first:?}");
    }
}

#[test]
fn of_two_by_the_same_dialler_the_newer_stays() {
    for direction in [Direction::Dialled, Direction::Accepted] {
        for (own, peer) in [(1, 2), (2, 1)] {
            let mut it = site(own, peer);
            let peer = format!("realm{peer}");

            let older = it.greeted_by(&peer, direction);
            let newer = it.greeted_by(&peer, direction);

            assert!(it.has_closed(older, LinkCloseReason::Replaced));
            it.take(newer);
            it.deliver(newer, &[Frame::Ping { n: 5 }]);
            assert_eq!(it.take(newer), [Frame::Pong { n: 5 }]);
        }
    }
}

#[test]
fn late_calls_on_an_old_link_do_nothing() {
    let mut it = site(1, 2);
    let older = it.greeted_by("realm2", Direction::Dialled);
    let newer = it.greeted_by("realm2", Direction::Dialled);
    it.take(older);
    it.take(newer);
    it.outputs.clear();

    it.deliver(older, &[hello("realm2", "realm1"), Frame::Ping { n: 1 }]);
    it.realm.link_down(older, it.now);
    let sent = it.realm.link_sent(older, 7, it.now);
    it.run();

    assert_eq!((sent, it.outputs.len()), (Ok(()), 0));
    assert_eq!(it.realm.link_outgoing(older), []);
    it.deliver(newer, &[Frame::Ping { n: 5 }]);
    assert_eq!(it.take(newer), [Frame::Pong { n: 5 }]);
}

#[test]
fn a_link_that_goes_down_is_told_once() {
    let mut it = site(1, 2);
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.outputs.clear();

    it.link_down(link);
    it.link_down(link);

    let down = Event::LinkDown {
        peer: name("realm2"),
        why: LinkCloseReason::Down,
    };
    assert_eq!(it.outputs, [Output::Event(down)]);
}

#[test]
fn a_link_with_a_realm_that_nobody_configured_is_misuse() {
    let mut it = site(1, 2);

    let link = it
        .realm
        .link_up(&name("realm9"), Direction::Accepted, it.now);
    let dial = it.realm.dial_failed(&name("realm9"), "refused", it.now);

    assert_eq!(link, Err(Misuse::UnknownPeer));
    assert_eq!(dial, Err(Misuse::UnknownPeer));
}

#[test]
fn more_frames_sent_than_there_are_is_misuse() {
    let mut it = site(1, 2);
    let link = it
        .realm
        .link_up(&name("realm2"), Direction::Accepted, it.now)
        .unwrap();
    assert_eq!(it.realm.link_outgoing(link).len(), 1);

    let sent = it.realm.link_sent(link, 2, it.now);

    assert_eq!(sent, Err(Misuse::SentTooMuch));
    assert_eq!(it.realm.link_outgoing(link).len(), 1);
    assert_eq!(it.realm.link_sent(link, 1, it.now), Ok(()));
}

#[test]
fn frames_can_be_taken_and_reported_in_one() {
    let mut it = site(1, 2);
    let link = it
        .realm
        .link_up(&name("realm2"), Direction::Accepted, it.now)
        .unwrap();
    let hello = it.realm.link_outgoing(link).to_vec();

    assert_eq!(it.realm.link_take(link, 0, it.now), []);
    assert_eq!(it.realm.link_take(link, 7, it.now), hello);
    assert_eq!(it.realm.link_take(link, 7, it.now), []);

    assert_eq!(it.realm.link_outgoing(link), []);
}

#[test]
fn last_words_are_taken_once() {
    let mut it = site(1, 2);
    let link = it
        .realm
        .link_up(&name("realm2"), Direction::Accepted, it.now)
        .unwrap();
    it.realm.link_take(link, 7, it.now);

    it.realm.shutdown(it.now);
    let words = it.realm.link_take(link, 7, it.now);

    assert!(matches!(words.as_slice(), [Frame::Bye { .. }]), "{words:?}");
    assert_eq!(it.realm.link_take(link, 7, it.now), []);
}

#[test]
fn a_realm_that_shuts_down_says_bye() {
    let mut it = site(1, 2);
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.take(link);

    it.realm.shutdown(it.now);
    assert!(!it.realm.is_shut_down());
    it.run();

    let bye = Frame::Bye {
        code: "shutting_down".to_owned(),
        text: "Server sedang dimatikan".to_owned(),
    };
    assert_eq!(it.take(link), [bye]);
    assert!(it.has_closed(link, LinkCloseReason::ShutDown));
    assert!(it.realm.is_shut_down());
}

#[test]
fn a_peer_that_says_bye_is_let_go() {
    let mut it = site(1, 2);
    let link = it.greeted_by("realm2", Direction::Accepted);
    let bye = Frame::Bye {
        code: "shutting_down".to_owned(),
        text: String::new(),
    };

    it.deliver(link, &[bye]);

    assert!(it.has_closed(link, LinkCloseReason::Bye));
    let misbehaved = |event: &&Event| matches!(event, Event::PeerMisbehaved { .. });
    assert!(!it.events().iter().any(misbehaved));
}
