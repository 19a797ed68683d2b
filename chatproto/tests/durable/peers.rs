//! What an operator does about peers while the realm runs.

use crate::common::{LOADINGS, Pair, SENT, Site, example, limits, name};
use crate::neighbours::{apart, durable, faults, send, texts};
use crate::posts::outbox;
use chatproto::link::frame::Frame;
use chatproto::{
    Direction, ErrorCode, Event, LinkCloseReason, Misuse, Output, PeerConfig, PeerError, PeerState,
    PeerStatus, Record, RestoreError,
};

const REMOVED: &str =
    " Pesan untuk amsal@realm2 tidak terkirim: Realm tujuan tidak lagi terhubung dengan realm ini";

/// How the only peer is.
fn status(site: &Site) -> PeerStatus {
    let mut peers = site.realm.peers();
    let status = peers.next().expect("no peer");
    assert_eq!(peers.next(), None);
    status
}

fn dials(site: &mut Site) -> usize {
    let before = site.outputs.len();
    site.outputs.retain(|it| !matches!(it, Output::Dial(_)));
    before - site.outputs.len()
}

fn pause(site: &mut Site, is_paused: bool) {
    let realm2 = name("realm2");
    site.realm.pause_peer(&realm2, is_paused, site.now).unwrap();
    site.run();
    site.commit();
}

fn remove(site: &mut Site, is_bouncing: bool) -> Result<(), PeerError> {
    let removed = site
        .realm
        .remove_peer(&name("realm2"), is_bouncing, site.now);
    site.run();
    site.commit();
    removed
}

fn put(site: &mut Site, peer: PeerConfig) {
    site.realm.set_peer(peer, site.now).unwrap();
    site.run();
    site.commit();
}

fn last_words(site: &Site) -> Option<&str> {
    site.all_frames.last().and_then(|(_, frame)| match frame {
        Frame::Bye { code, .. } => Some(code.as_str()),
        _ => None,
    })
}

/// How many messages were given up, why, and of how many nobody will hear.
fn let_go(site: &Site) -> (u64, Option<ErrorCode>, u64) {
    let (mut given_up, mut why, mut unknown) = (0, None, 0);
    for event in site.events() {
        match event {
            Event::MailGivenUp { messages, code, .. } => {
                given_up += messages;
                why = Some(*code);
            }
            Event::MailUnknown { messages, .. } => unknown += messages,
            _ => {}
        }
    }
    (given_up, why, unknown)
}

// Pauses.

#[test]
fn a_paused_peer_is_neither_called_nor_welcome_and_its_mail_waits() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        pair.settle();

        pause(&mut pair.one, true);
        assert_eq!(last_words(&pair.one), Some("paused"));
        assert_eq!(status(&pair.one).state, PeerState::Paused);
        assert_eq!(send(&mut pair.one, &token, "amsal@realm2", "satu"), SENT);
        pair.cut();
        pair.one.restart(loading);
        pair.one.wait(1_000_000);

        assert_eq!(dials(&mut pair.one), 0, "{loading:?}");
        assert_eq!(status(&pair.one).state, PeerState::Paused);
        let link = pair.one.link_up("realm2", Direction::Accepted);
        assert!(pair.one.has_closed(link, LinkCloseReason::Paused));
        assert_eq!(last_words(&pair.one), Some("paused"));

        pause(&mut pair.one, false);
        assert_eq!(dials(&mut pair.one), 1, "{loading:?}");
        pair.connect();
        pair.settle();
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu"]);
        assert_eq!(faults(&pair), Vec::<String>::new());
        // That it is not paused any more is known after a restart too.
        pair.restart_one(loading);
        assert_eq!(dials(&mut pair.one), 1, "{loading:?}");
    }
}

#[test]
fn a_pause_is_recorded_when_it_begins_and_ends() {
    let (mut pair, _) = apart();
    for is_paused in [true, true, false, false, true] {
        pause(&mut pair.one, is_paused);
    }

    let records = pair.one.log.records.iter();
    let pauses = records.filter_map(|it| match it {
        Record::Paused { is_paused, .. } => Some(*is_paused),
        _ => None,
    });
    assert_eq!(pauses.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_call_that_is_answered_after_the_pause_began_is_closed() {
    let (mut pair, _) = apart();
    assert_eq!(dials(&mut pair.one), 1);
    pause(&mut pair.one, true);

    let link = pair.one.link_up("realm2", Direction::Dialled);
    pair.one.wait(1_000_000);

    assert!(pair.one.has_closed(link, LinkCloseReason::Paused));
    assert_eq!(dials(&mut pair.one), 0);
    pause(&mut pair.one, false);
    assert_eq!(dials(&mut pair.one), 1);
}

#[test]
fn a_call_that_fails_after_the_pause_began_is_not_tried_again() {
    let (mut pair, _) = apart();
    dials(&mut pair.one);
    pause(&mut pair.one, true);

    let now = pair.one.now;
    pair.one
        .realm
        .dial_failed(&name("realm2"), "refused", now)
        .unwrap();
    pair.one.wait(1_000_000);

    assert_eq!(dials(&mut pair.one), 0);
}

// Calling again.

#[test]
fn a_peer_that_would_be_called_later_is_called_now() {
    let (mut pair, _) = apart();
    let (realm2, now) = (name("realm2"), pair.one.now);
    for _ in 0..9 {
        pair.one.realm.dial_failed(&realm2, "refused", now).unwrap();
        pair.one.run();
    }
    dials(&mut pair.one);
    assert!(matches!(status(&pair.one).state, PeerState::Waiting(1..)));

    pair.one.realm.retry_peer(&realm2, now).unwrap();
    pair.one.run();

    assert_eq!(dials(&mut pair.one), 1);
    assert_eq!(status(&pair.one).state, PeerState::Dialling);
    // Once is enough, and the pauses begin anew.
    pair.one.realm.retry_peer(&realm2, now).unwrap();
    pair.one.run();
    assert_eq!(dials(&mut pair.one), 0);
    pair.one.realm.dial_failed(&realm2, "refused", now).unwrap();
    pair.one.wait(500);
    assert_eq!(dials(&mut pair.one), 1);
}

#[test]
fn a_peer_that_is_linked_or_paused_is_not_called() {
    let (mut pair, _) = apart();
    pair.connect();
    dials(&mut pair.one);
    let (realm2, now) = (name("realm2"), pair.one.now);

    pair.one.realm.retry_peer(&realm2, now).unwrap();
    pair.one.run();
    assert_eq!(dials(&mut pair.one), 0);
    pause(&mut pair.one, true);
    pair.one.realm.retry_peer(&realm2, now).unwrap();
    pair.one.run();

    assert_eq!(dials(&mut pair.one), 0);
}

// Taking out.

#[test]
fn nothing_is_known_of_a_peer_that_is_none() {
    let (mut pair, _) = apart();
    let (other, now) = (name("realm9"), pair.one.now);
    let realm = &mut pair.one.realm;

    let unknown = Err(PeerError::Unknown);
    assert_eq!(realm.pause_peer(&other, true, now), unknown);
    assert_eq!(realm.retry_peer(&other, now), unknown);
    assert_eq!(realm.remove_peer(&other, true, now), unknown);
    let own = realm.set_peer(PeerConfig::new(name("realm1")), now);
    assert_eq!(own, Err(PeerError::OwnRealm));
}

#[test]
fn a_peer_that_mail_waits_for_is_not_taken_out() {
    let (mut pair, token) = apart();
    for text in ["satu", "dua"] {
        send(&mut pair.one, &token, "amsal@realm2", text);
    }

    let refused = remove(&mut pair.one, false);

    assert_eq!(refused, Err(PeerError::HasMail { messages: 2 }));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "2 messages wait for it: let them bounce, or keep it until they have arrived"
    );
    pair.connect();
    pair.settle();
    assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu", " dua"]);
    // Now nothing waits.
    assert_eq!(remove(&mut pair.one, false), Ok(()));
    assert_eq!(last_words(&pair.one), Some("removed"));
}

#[test]
fn what_was_given_up_keeps_no_peer_from_being_taken_out() {
    for loading in LOADINGS {
        let config = durable(1, 2).limits(limits(&[("queue_ms_max", 1_000)]));
        let mut site = Site::new(config);
        let (_, token) = site.enter("messi", "surabaya");
        send(&mut site, &token, "amsal@realm2", "satu");
        site.wait(1_000);
        site.commit();
        assert_eq!(let_go(&site), (1, Some(ErrorCode::Expired), 0));

        let without = example(1).durable(true);
        assert_eq!(site.try_restart_as(without, loading), Ok(()), "{loading:?}");
        site.commit();
        site.restart_as(durable(1, 2), loading);

        assert_eq!(remove(&mut site, false), Ok(()), "{loading:?}");
        assert_eq!(texts(&mut site, "messi", "surabaya").len(), 1);
    }
}

/// Two realms that are not linked: one message for the second is under way, and two are not.
fn waiting() -> (Pair, String) {
    let mut pair = Pair::of(durable(1, 2), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.connect();
    pair.settle();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    pair.cut();
    for text in ["dua", "tiga"] {
        send(&mut pair.one, &token, "amsal@realm2", text);
    }
    (pair, token)
}

fn check_let_go(pair: &mut Pair, token: &str) {
    assert_eq!(let_go(&pair.one), (2, Some(ErrorCode::PeerRemoved), 1));
    assert_eq!(
        outbox(&mut pair.one, token),
        [
            "amsal@realm2 satu: unknown",
            "amsal@realm2 dua: failed peer_removed",
            "amsal@realm2 tiga: failed peer_removed",
        ]
    );
    let reply = send(&mut pair.one, token, "amsal@realm2", "x");
    assert!(reply.contains("\"code\": \"realm_unknown\""), "{reply}");
    assert_eq!(pair.one.realm.peers().count(), 0);
}

#[test]
fn what_never_left_bounces_and_of_what_was_under_way_nobody_will_hear() {
    for loading in LOADINGS {
        let (mut pair, token) = waiting();

        assert_eq!(remove(&mut pair.one, true), Ok(()));

        check_let_go(&mut pair, &token);
        let up = pair
            .one
            .realm
            .link_up(&name("realm2"), Direction::Accepted, pair.one.now);
        assert_eq!(up, Err(Misuse::UnknownPeer));
        pair.one.wait(1_000_000);
        // It is all over with a restart too.
        pair.one.restart_as(example(1).durable(true), loading);
        assert_eq!(let_go(&pair.one), (0, None, 0), "{loading:?}");
        let bounces = texts(&mut pair.one, "messi", "surabaya");
        assert_eq!(bounces, [REMOVED, REMOVED], "{loading:?}");
    }
}

#[test]
fn a_restart_without_the_peer_is_refused_or_bounces_its_mail() {
    for loading in LOADINGS {
        let (mut pair, token) = waiting();
        let without = || example(1).durable(true);
        let refused = pair.one.try_restart_as(without(), loading);
        let peer = name("realm2");
        assert_eq!(
            refused,
            Err(RestoreError::PeerRemoved { peer, messages: 3 })
        );

        pair.one.restart_bouncing(without(), loading);
        pair.one.commit();

        check_let_go(&mut pair, &token);
        // Once.
        pair.one.restart_bouncing(without(), loading);
        pair.one.commit();
        assert_eq!(let_go(&pair.one), (0, None, 0), "{loading:?}");
        let bounces = texts(&mut pair.one, "messi", "surabaya");
        assert_eq!(bounces, [REMOVED, REMOVED], "{loading:?}");
    }
}

#[test]
fn places_of_what_was_let_go_of_are_free_again() {
    for loading in LOADINGS {
        for is_at_start in [false, true] {
            let bounds = limits(&[("inbox_messages_max", 3)]);
            let mut pair = Pair::of(durable(1, 2).limits(bounds.clone()), durable(2, 1));
            let (_, token) = pair.one.enter("messi", "surabaya");
            pair.connect();
            pair.settle();
            send(&mut pair.one, &token, "amsal@realm2", "satu");
            pair.cut();
            send(&mut pair.one, &token, "amsal@realm2", "dua");
            if is_at_start {
                let config = example(1).durable(true).limits(bounds);
                pair.one.restart_bouncing(config, loading);
                pair.one.commit();
            } else {
                remove(&mut pair.one, true).unwrap();
            }

            // One bounce is there, and no place is kept any more.
            let sent = [(); 3].map(|()| send(&mut pair.one, &token, "messi", "x") == SENT);
            assert_eq!(sent, [true, true, false], "{loading:?} {is_at_start}");
        }
    }
}

#[test]
fn a_peer_that_is_back_is_the_same_with_a_new_stream() {
    for loading in LOADINGS {
        let (mut pair, token) = waiting();
        remove(&mut pair.one, true).unwrap();
        dials(&mut pair.one);
        put(&mut pair.one, PeerConfig::new(name("realm2")));
        assert_eq!(dials(&mut pair.one), 1);
        assert_eq!(send(&mut pair.one, &token, "amsal@realm2", "empat"), SENT);

        pair.one.restart(loading);
        pair.connect();
        pair.settle();

        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            [" empat"],
            "{loading:?}"
        );
        let made = pair.one.log.records.iter();
        let made = made.filter(|it| matches!(it, Record::Peer { .. }));
        assert_eq!(made.count(), 1);
        assert_eq!(faults(&pair), Vec::<String>::new());
    }
}

#[test]
fn a_bounce_that_is_due_of_a_peer_taken_out_is_made_up_for() {
    let (mut pair, token) = apart();
    send(&mut pair.one, &token, "siapa@realm2", "satu");
    pair.connect();
    pair.settle_until_refused();

    remove(&mut pair.one, false).unwrap();

    assert_eq!(
        texts(&mut pair.one, "messi", "surabaya"),
        [" Pesan untuk siapa@realm2 tidak terkirim: ditolak"]
    );
}

#[test]
fn word_of_a_refusal_waits_for_a_peer_that_was_taken_out_and_is_back() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.link();
        for _ in 0..8 {
            pair.step_there();
            pair.step_back();
            pair.one.commit();
        }
        pair.two.commit();
        pair.cut();

        let (realm1, now) = (name("realm1"), pair.two.now);
        pair.two.realm.remove_peer(&realm1, false, now).unwrap();
        pair.two.run();
        pair.two.commit();
        put(&mut pair.two, PeerConfig::new(realm1));
        pair.two.restart(loading);
        pair.connect();
        pair.settle();
        // The next refusal is told as well.
        send(&mut pair.one, &token, "entah@realm2", "dua");
        pair.settle();

        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [
                " Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan",
                " Pesan untuk entah@realm2 tidak terkirim: User Tidak Ditemukan"
            ],
            "{loading:?}"
        );
        let told = pair.two.log.records.iter();
        let told = told.filter(|it| matches!(it, Record::RefusalTold { .. }));
        assert_eq!(told.count(), 2, "{loading:?}");
    }
}

#[test]
fn a_call_to_a_peer_taken_out_hinders_none_when_it_is_back() {
    let (mut pair, _) = apart();
    assert_eq!(dials(&mut pair.one), 1);
    remove(&mut pair.one, true).unwrap();
    let (realm2, now) = (name("realm2"), pair.one.now);
    let up = pair.one.realm.link_up(&realm2, Direction::Dialled, now);
    assert_eq!(up, Err(Misuse::UnknownPeer));

    put(&mut pair.one, PeerConfig::new(realm2));

    assert_eq!(dials(&mut pair.one), 1);
}

// Adding.

#[test]
fn a_peer_of_run_time_is_called_and_written_to_and_there_after_a_restart() {
    for loading in LOADINGS {
        let mut pair = Pair::of(example(1).durable(true), durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        let before = send(&mut pair.one, &token, "amsal@realm2", "x");

        put(&mut pair.one, PeerConfig::new(name("realm2")));
        assert_eq!(dials(&mut pair.one), 1);
        assert_eq!(send(&mut pair.one, &token, "amsal@realm2", "satu"), SENT);
        let without = pair.one.try_restart_as(example(1).durable(true), loading);
        pair.one.restart_as(durable(1, 2), loading);
        pair.connect();
        pair.settle();

        assert!(before.contains("realm_unknown"), "{before}");
        assert!(without.is_err(), "{loading:?}");
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu"]);
    }
}

#[test]
fn a_peer_may_be_called_from_now_on_or_no_longer() {
    let (mut pair, _) = apart();
    dials(&mut pair.one);
    let (realm2, now) = (name("realm2"), pair.one.now);
    pair.one.realm.dial_failed(&realm2, "refused", now).unwrap();

    put(&mut pair.one, PeerConfig::incoming_only(realm2.clone()));
    pair.one.wait(1_000_000);
    assert_eq!(dials(&mut pair.one), 0);
    assert_eq!(status(&pair.one).state, PeerState::Listening);
    put(&mut pair.one, PeerConfig::new(realm2));

    assert_eq!(dials(&mut pair.one), 1);
    assert_eq!(status(&pair.one).state, PeerState::Dialling);
}

#[test]
fn each_peer_has_its_share_of_the_directory_also_one_of_run_time() {
    let bounds = limits(&[("directory_names_max", 2)]);
    let mut pair = Pair::of(durable(1, 2).limits(bounds), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.connect();
    let resolve = |pair: &mut Pair, user: &str| {
        let id = pair.one.open();
        let line = format!("send {token} {user} hi\r\n");
        pair.one.receive(id, line.as_bytes());
        pair.settle();
        assert_eq!(pair.one.read(id), SENT, "{user}");
        pair.one.hang_up(id);
    };
    resolve(&mut pair, "amsal");

    // Two realms have one name each; who is known stays.
    put(&mut pair.one, PeerConfig::incoming_only(name("realm3")));
    resolve(&mut pair, "herbert");
    resolve(&mut pair, "amsal");

    let met = pair.one.log.records.iter().filter_map(|it| match it {
        Record::Met { name, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(met.collect::<Vec<_>>(), ["amsal"]);
}
