//! Disks that are put back to an older copy, or replaced: found out, reported, and nothing is lost
//! or doubled from then on.

use crate::common::{LOADINGS, Loading, Log, Pair, SENT, Site};
use crate::neighbours::{apart, durable, send, texts};
use crate::posts::outbox;
use chatproto::link::frame::{Frame, StreamKind, View};
use chatproto::{Event, Record};

const UNKNOWN: &str = " Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan";

/// Two linked realms, and messi's token.
fn linked() -> (Pair, String) {
    let (mut pair, token) = apart();
    pair.connect();
    pair.settle();
    (pair, token)
}

/// What a realm noticed of disks.
fn noticed(site: &Site) -> Vec<String> {
    let events = site.events().into_iter();
    let events = events.filter_map(|event| match event {
        Event::OlderCopy { peer } => Some(format!("older copy, {peer}")),
        Event::PeerRenewed { peer } => Some(format!("renewed, {peer}")),
        Event::HistoryTruncated { peer, missing } => Some(format!("{missing} missing, {peer}")),
        Event::PeerMisbehaved { peer, what } => Some(format!("{peer}: {what}")),
        _ => None,
    });
    events.collect()
}

/// A realm's disk is put back to what it was.
fn put_back(site: &mut Site, log: &Log, loading: Loading) {
    site.log = log.clone();
    site.restart(loading);
}

/// How many messages of each text reached inboxes of a realm that was never put back.
fn delivered(site: &Site) -> Vec<String> {
    let records = site.log.records.iter();
    let texts = records.filter_map(|record| match record {
        Record::Delivered { text, .. } => Some(text.trim().to_owned()),
        _ => None,
    });
    texts.collect()
}

// The sender.

#[test]
fn a_sender_put_back_numbers_what_it_holds_anew_and_nothing_is_lost_or_doubled() {
    // It may have sent less or more since than in the life that is forgotten.
    for fresh in [&["tiga"][..], &["tiga", "empat", "lima", "enam"]] {
        for loading in LOADINGS {
            let (mut pair, token) = linked();
            send(&mut pair.one, &token, "amsal@realm2", "satu");
            pair.settle();
            let copy = pair.one.log.clone();
            for text in ["dua", "dua dua"] {
                send(&mut pair.one, &token, "amsal@realm2", text);
            }
            pair.settle();
            pair.cut();

            put_back(&mut pair.one, &copy, loading);
            for text in fresh {
                assert_eq!(send(&mut pair.one, &token, "amsal@realm2", text), SENT);
            }
            pair.two.outputs.clear();
            pair.connect();
            pair.settle();

            let expected = [&["satu", "dua", "dua dua"], fresh].concat();
            assert_eq!(delivered(&pair.two), expected, "{loading:?}");
            assert_eq!(noticed(&pair.one), ["older copy, realm2"]);
            assert_eq!(noticed(&pair.two), ["renewed, realm1"]);
            // It goes on as if nothing had been, over a restart too.
            pair.restart_one(loading);
            send(&mut pair.one, &token, "amsal@realm2", "akhir");
            pair.connect();
            pair.settle();
            assert_eq!(delivered(&pair.two).last().unwrap(), "akhir");
            assert_eq!(noticed(&pair.one), Vec::<String>::new());
            let outbox = outbox(&mut pair.one, &token);
            assert!(
                outbox.iter().all(|it| it.ends_with("delivered")),
                "{outbox:?}"
            );
        }
    }
}

#[test]
fn what_had_been_delivered_in_the_life_forgotten_is_recognised() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        for text in ["satu", "dua"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        let copy = pair.one.log.clone();
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        pair.connect();
        pair.settle();
        pair.cut();

        put_back(&mut pair.one, &copy, loading);
        // The other side forgets nothing over a restart either.
        pair.two.restart(loading);
        pair.connect();
        pair.settle();

        assert_eq!(delivered(&pair.two), ["satu", "dua", "tiga"], "{loading:?}");
        assert_eq!(noticed(&pair.one), ["older copy, realm2"]);
        assert_eq!(
            outbox(&mut pair.one, &token),
            [
                "amsal@realm2 satu: delivered",
                "amsal@realm2 dua: delivered"
            ]
        );
    }
}

#[test]
fn new_numbers_are_in_the_store_before_the_peer_hears_of_them() {
    let (mut pair, token) = linked();
    let copy = pair.one.log.clone();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    pair.settle();
    pair.cut();
    put_back(&mut pair.one, &copy, Loading::Summed);
    send(&mut pair.one, &token, "amsal@realm2", "dua");

    pair.link();
    for _ in 0..3 {
        pair.pump();
        pair.two.commit();
    }
    let (link, _) = pair.links.unwrap();
    let announced = |site: &Site| {
        let frames = site.all_frames.iter();
        let resumes = frames.filter(|(on, frame)| {
            let is_mail = matches!(frame, Frame::Resume(it)
                if it.kind == StreamKind::Mail && matches!(it.view, View::Sender { .. }));
            *on == link && is_mail
        });
        resumes.count()
    };
    let before = announced(&pair.one);
    let batch = pair.one.take_batch().unwrap();
    pair.one.committed(batch.number);

    let is_new = |it: &Record| {
        matches!(
            it,
            Record::StreamRenumbered {
                kind: StreamKind::Mail,
                acknowledged: 0,
                ..
            }
        )
    };
    assert!(batch.records.iter().any(is_new));
    assert_eq!((before, announced(&pair.one)), (1, 2));
    pair.settle();
    assert_eq!(delivered(&pair.two), ["satu", "dua"]);
}

#[test]
fn new_numbers_are_in_the_store_before_the_peer_hears_of_them_on_another_link() {
    let (mut pair, token) = linked();
    let copy = pair.one.log.clone();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    pair.settle();
    pair.cut();
    put_back(&mut pair.one, &copy, Loading::Summed);
    send(&mut pair.one, &token, "amsal@realm2", "dua");
    pair.link();
    while noticed(&pair.one).is_empty() {
        assert!(pair.step_there() | pair.step_back());
    }
    let batch = pair.one.take_batch().unwrap();

    // The link breaks, and the store is still busy with the new numbers.
    pair.cut();
    pair.connect();
    let (link, _) = pair.links.unwrap();
    let is_announced = |site: &Site| {
        let mut frames = site.all_frames.iter();
        frames.any(|(on, frame)| {
            let is_sender = matches!(frame, Frame::Resume(it)
                if matches!(it.view, View::Sender { .. }));
            *on == link && is_sender
        })
    };
    let before = is_announced(&pair.one);
    pair.one.committed(batch.number);
    pair.pump();

    assert_eq!([before, is_announced(&pair.one)], [false, true]);
    pair.settle();
    assert_eq!(delivered(&pair.two), ["satu", "dua"]);
    assert_eq!(noticed(&pair.one), ["older copy, realm2"]);
}

/// A sender that was put back, with a message that it had sent in the life forgotten and a new one;
/// a link on which so many steps are done; then something happens.
fn disturbed(steps: usize, loading: Loading, disturb: impl Fn(&mut Pair, Loading)) -> Vec<String> {
    let (mut pair, token) = apart();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    send(&mut pair.one, &token, "siapa@realm2", "entah");
    let copy = pair.one.log.clone();
    send(&mut pair.one, &token, "amsal@realm2", "dua");
    pair.connect();
    pair.settle();
    pair.cut();
    put_back(&mut pair.one, &copy, loading);
    pair.one.wait(1);
    send(&mut pair.one, &token, "amsal@realm2", "tiga");

    pair.link();
    for step in 0..steps {
        match step % 5 {
            0 | 2 => drop(pair.step_there()),
            1 => drop(pair.step_back()),
            3 => pair.one.commit(),
            _ => pair.two.commit(),
        }
    }
    disturb(&mut pair, loading);
    pair.connect();
    pair.settle();
    // A peer that contradicts too often is left alone for a minute.
    pair.cut();
    pair.one.wait(60_000);
    pair.connect();
    pair.settle();

    assert_eq!(delivered(&pair.two), ["satu", "dua", "tiga"], "{steps}");
    let mut outbox = outbox(&mut pair.one, &token);
    let refused = outbox.remove(1);
    assert_eq!(
        outbox,
        [
            "amsal@realm2 satu: delivered",
            "amsal@realm2 tiga: delivered"
        ],
        "{steps}"
    );
    // A bounce of the life forgotten is missing: where the realm dies before it has this one, it does
    // not wait for the reason.
    assert!(
        refused == "siapa@realm2 entah: failed recipient_unknown"
            || refused == "siapa@realm2 entah: failed refused",
        "{steps}: {refused}"
    );
    let bounces = texts(&mut pair.one, "messi", "surabaya");
    let known = |it: &String| it == UNKNOWN || it.ends_with("tidak terkirim: ditolak");
    assert!(bounces.iter().all(known), "{steps}: {bounces:?}");
    bounces
}

#[test]
fn new_numbers_survive_a_cut_between_any_two_steps() {
    for steps in 0..80 {
        let bounces = disturbed(steps, Loading::Summed, |pair, _| pair.cut());

        assert_eq!(bounces.len(), 1, "{steps}: {bounces:?}");
    }
}

#[test]
fn new_numbers_survive_a_crash_of_the_sender_between_any_two_steps() {
    for steps in 0..80 {
        let loading = LOADINGS[steps % LOADINGS.len()];
        let bounces = disturbed(steps, loading, Pair::restart_one);

        assert_eq!(bounces.len(), 1, "{steps}: {bounces:?}");
    }
}

#[test]
fn new_numbers_survive_a_crash_of_the_receiver_between_any_two_steps() {
    for steps in 0..80 {
        let loading = LOADINGS[steps % LOADINGS.len()];
        let bounces = disturbed(steps, loading, Pair::restart_two);

        assert_eq!(bounces.len(), 1, "{steps}: {bounces:?}");
    }
}

#[test]
fn new_numbers_survive_a_crash_of_both_between_any_two_steps() {
    for steps in 0..80 {
        let loading = LOADINGS[steps % LOADINGS.len()];
        let bounces = disturbed(steps, loading, |pair, loading| {
            pair.restart_one(loading);
            pair.restart_two(loading);
        });

        assert_eq!(bounces.len(), 1, "{steps}: {bounces:?}");
    }
}

#[test]
fn a_message_refused_in_the_life_forgotten_is_refused_again_and_told_once() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        let copy = pair.one.log.clone();
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        pair.connect();
        pair.settle();
        pair.cut();

        put_back(&mut pair.one, &copy, loading);
        pair.connect();
        pair.settle();

        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [UNKNOWN],
            "{loading:?}"
        );
        assert_eq!(
            outbox(&mut pair.one, &token),
            ["siapa@realm2 satu: failed recipient_unknown"]
        );
    }
}

#[test]
fn a_late_bounce_of_the_life_forgotten_takes_no_other_ones_place() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        let copy = pair.one.log.clone();
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        // The second realm refuses the first message, and its bounce is not fetched.
        pair.link();
        for _ in 0..100 {
            pair.step_there();
            pair.one.commit();
            if delivered(&pair.two) == ["dua"] {
                break;
            }
            pair.step_back();
            pair.two.commit();
            let (_, link) = pair.links.unwrap();
            let back = pair.two.frames.entry(link).or_default();
            back.retain(|frame| !matches!(frame, Frame::Env { .. }));
        }
        pair.cut();
        assert_eq!(delivered(&pair.two), ["dua"]);

        put_back(&mut pair.one, &copy, loading);
        pair.link();
        while noticed(&pair.one).is_empty() {
            assert!(pair.step_there() | pair.step_back());
        }
        // While the new numbers are stored the first bounce comes, and is not stored yet.
        let batch = pair.one.take_batch().unwrap();
        pair.pump();
        pair.one.committed(batch.number);
        let refusals = |site: &Site| {
            let events = site.events().into_iter();
            let refusals = events.filter(|it| matches!(it, Event::MailRefused { .. }));
            refusals.count()
        };
        assert_eq!(refusals(&pair.two), 1);
        pair.pump();
        // The same message is refused again; before that is stored, the peer has the first bounce.
        assert_eq!(refusals(&pair.two), 2);
        pair.one.commit();
        pair.pump();
        pair.settle();

        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [UNKNOWN],
            "{loading:?}"
        );
        assert_eq!(
            outbox(&mut pair.one, &token),
            ["siapa@realm2 satu: failed recipient_unknown"]
        );
    }
}

#[test]
fn bounces_of_a_realm_put_back_are_numbered_anew_too() {
    for loading in LOADINGS {
        let (mut pair, token) = linked();
        let copy = pair.two.log.clone();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.settle();
        pair.cut();

        put_back(&mut pair.two, &copy, loading);
        pair.one.outputs.clear();
        send(&mut pair.one, &token, "siapa@realm2", "dua");
        pair.connect();
        pair.settle();
        send(&mut pair.one, &token, "siapa@realm2", "tiga");
        pair.settle();

        let bounces = texts(&mut pair.one, "messi", "surabaya");
        assert_eq!(bounces.len(), 3, "{loading:?}: {bounces:?}");
        let seen = noticed(&pair.one);
        let expected = ["1 missing, realm2", "renewed, realm2"];
        assert_eq!(seen, expected, "{loading:?}");
    }
}

// The receiver.

#[test]
fn a_receiver_put_back_is_reported_on_both_sides_and_goes_on() {
    for loading in LOADINGS {
        let (mut pair, token) = linked();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.settle();
        let copy = pair.two.log.clone();
        for text in ["dua", "tiga"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        pair.settle();
        pair.cut();

        put_back(&mut pair.two, &copy, loading);
        send(&mut pair.one, &token, "amsal@realm2", "empat");
        pair.one.outputs.clear();
        pair.connect();
        pair.settle();

        assert_eq!(noticed(&pair.one), ["2 missing, realm2"], "{loading:?}");
        assert_eq!(noticed(&pair.two), ["2 missing, realm1"]);
        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            [" satu", " empat"]
        );
        // That is over: a second time nothing is reported.
        pair.restart_two(loading);
        pair.one.outputs.clear();
        pair.connect();
        pair.settle();
        assert_eq!(noticed(&pair.one), Vec::<String>::new(), "{loading:?}");
        assert_eq!(noticed(&pair.two), Vec::<String>::new());
    }
}

#[test]
fn what_a_receiver_put_back_had_not_acknowledged_is_not_lost() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.two.commit();
        let copy = pair.two.log.clone();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.link();
        // The second realm has stored it, and its ack is lost.
        for _ in 0..20 {
            pair.step_there();
            pair.one.commit();
            pair.two.commit();
            let (_, link) = pair.links.unwrap();
            let back = pair.two.frames.entry(link).or_default();
            back.retain(|frame| !matches!(frame, Frame::Ack { .. }));
            pair.step_back();
        }
        pair.cut();
        assert_eq!(delivered(&pair.two), ["satu"]);

        put_back(&mut pair.two, &copy, loading);
        pair.connect();
        pair.settle();

        assert_eq!(delivered(&pair.two), ["satu"], "{loading:?}");
        assert_eq!(noticed(&pair.one), Vec::<String>::new());
        assert_eq!(noticed(&pair.two), Vec::<String>::new());
    }
}

// New disks.

#[test]
fn a_sender_with_a_new_disk_is_reported_and_welcome() {
    for loading in LOADINGS {
        let (mut pair, token) = linked();
        for text in ["satu", "dua"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        pair.settle();
        pair.cut();

        put_back(&mut pair.one, &Log::default(), loading);
        let (_, token) = pair.one.enter("messi", "surabaya");
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        pair.two.outputs.clear();
        pair.connect();
        pair.settle();

        assert_eq!(noticed(&pair.one), Vec::<String>::new(), "{loading:?}");
        assert_eq!(noticed(&pair.two), ["renewed, realm1"]);
        assert_eq!(delivered(&pair.two), ["satu", "dua", "tiga"]);
    }
}

#[test]
fn a_receiver_with_a_new_disk_is_reported_on_both_sides_and_gets_what_waits() {
    for loading in LOADINGS {
        let (mut pair, token) = linked();
        for text in ["satu", "dua"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        pair.settle();
        pair.cut();

        put_back(&mut pair.two, &Log::default(), loading);
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        pair.one.outputs.clear();
        pair.connect();
        pair.settle();

        assert_eq!(noticed(&pair.one), ["2 missing, realm2"], "{loading:?}");
        assert_eq!(noticed(&pair.two), ["2 missing, realm1"]);
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" tiga"]);
        assert_eq!(
            outbox(&mut pair.one, &token).last().unwrap(),
            "amsal@realm2 tiga: delivered"
        );
    }
}

#[test]
fn a_receiver_with_a_new_disk_that_had_acknowledged_nothing_is_no_news() {
    let (mut pair, token) = apart();
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    put_back(&mut pair.two, &Log::default(), Loading::Whole);

    pair.connect();
    pair.settle();

    assert_eq!(delivered(&pair.two), ["satu"]);
    assert_eq!(noticed(&pair.one), Vec::<String>::new());
    assert_eq!(noticed(&pair.two), Vec::<String>::new());
}

#[test]
fn a_bounce_that_a_new_disk_has_lost_is_made_up_for() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.connect();
        pair.settle_until_refused();
        pair.cut();

        put_back(&mut pair.two, &Log::default(), loading);
        pair.connect();
        pair.settle();

        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [" Pesan untuk siapa@realm2 tidak terkirim: ditolak"],
            "{loading:?}"
        );
        assert_eq!(
            outbox(&mut pair.one, &token),
            ["siapa@realm2 satu: failed refused"]
        );
    }
}

#[test]
fn both_disks_put_back_at_once_agree_again() {
    for loading in LOADINGS {
        let (mut pair, token) = linked();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.settle();
        let copies = (pair.one.log.clone(), pair.two.log.clone());
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        pair.settle();
        pair.cut();

        put_back(&mut pair.one, &copies.0, loading);
        put_back(&mut pair.two, &copies.1, loading);
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        pair.connect();
        pair.settle();

        assert_eq!(delivered(&pair.two), ["satu", "tiga"], "{loading:?}");
        assert_eq!(noticed(&pair.one), Vec::<String>::new());
        assert_eq!(noticed(&pair.two), Vec::<String>::new());
    }
}

#[test]
fn seen_messages_max_of_a_peer_are_recognised_the_newest() {
    for loading in LOADINGS {
        for (seen_max, expected) in [
            (2, &["satu", "dua"][..]),
            // One that is not recognised takes the place of the next one.
            (1, &["satu", "dua", "satu", "dua"]),
        ] {
            let bounds = crate::common::limits(&[("seen_messages_max", seen_max)]);
            let mut pair = Pair::of(durable(1, 2), durable(2, 1).limits(bounds));
            let (_, token) = pair.one.enter("messi", "surabaya");
            for text in ["satu", "dua"] {
                send(&mut pair.one, &token, "amsal@realm2", text);
            }
            let copy = pair.one.log.clone();
            pair.connect();
            send(&mut pair.one, &token, "siapa@realm2", "entah");
            pair.settle();
            pair.cut();
            pair.two.restart(loading);

            put_back(&mut pair.one, &copy, loading);
            pair.connect();
            pair.settle();

            assert_eq!(delivered(&pair.two), expected, "{loading:?}");
        }
    }
}
