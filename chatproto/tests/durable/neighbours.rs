//! A realm that is started again goes on with its peers where it was.

use crate::common::{
    INBOX_FULL, LOADINGS, Pair, SENT, Site, example, example_with_peer, limits, name, texts_of,
};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::{Config, Direction, Event, PeerConfig, Record, RestoreError};

const REALM_UNKNOWN: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tidak dikenal\", \"code\": \"realm_unknown\"}\r\n\r\n";

pub(crate) fn durable(number: usize, peer: usize) -> Config {
    example_with_peer(number, peer).durable(true)
}

/// Two realms with stores, and messi's token; not linked yet.
pub(crate) fn apart() -> (Pair, String) {
    let mut pair = Pair::of(durable(1, 2), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.two.commit();
    (pair, token)
}

pub(crate) fn send(site: &mut Site, token: &str, to: &str, text: &str) -> String {
    let id = site.open();
    let reply = site.ask(id, &format!("send {token} {to} {text}\r\n"));
    site.hang_up(id);
    reply
}

/// All texts of an inbox, which is then empty.
pub(crate) fn texts(site: &mut Site, user: &str, password: &str) -> Vec<String> {
    let (id, token) = site.enter(user, password);
    let inbox = site.ask(id, &format!("inbox {token}\r\n"));
    site.ask(id, "logout\r\n");
    site.hang_up(id);
    texts_of(&inbox)
}

pub(crate) fn faults(pair: &Pair) -> Vec<String> {
    let events = pair.one.events().into_iter().chain(pair.two.events());
    let is_fault = |event: &&Event| {
        matches!(
            event,
            Event::PeerMisbehaved { .. } | Event::HistoryTruncated { .. }
        )
    };
    events
        .filter(is_fault)
        .map(|event| format!("{event:?}"))
        .collect()
}

// Who the peers are.

#[test]
fn peers_keep_their_numbers_when_the_configuration_has_another_order() {
    for loading in LOADINGS {
        let peers = |names: [&str; 2]| {
            let config = example(1).durable(true);
            names.into_iter().fold(config, |config, peer| {
                config.peer(PeerConfig::new(name(peer)))
            })
        };
        let mut pair = Pair::of(peers(["realm3", "realm2"]), durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        send(&mut pair.one, &token, "rina@realm3", "tiga");

        pair.one.restart_as(peers(["realm2", "realm3"]), loading);
        pair.connect();
        pair.settle();

        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            [" dua"],
            "{loading:?}"
        );
        let made = pair
            .one
            .log
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Peer { peer, name } => Some((peer.number(), name.to_string())),
                _ => None,
            });
        let expected = [(0, "realm3".to_owned()), (1, "realm2".to_owned())];
        assert_eq!(made.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_peer_that_mail_waits_for_cannot_be_left_out() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        send(&mut pair.one, &token, "amsal@realm2", "dua");

        let error = pair
            .one
            .try_restart_as(example(1).durable(true), loading)
            .unwrap_err();

        let expected = RestoreError::PeerRemoved {
            peer: name("realm2"),
            messages: 2,
        };
        assert_eq!(error, expected);
        assert_eq!(
            error.to_string(),
            "2 messages wait for realm2, which is no peer of this realm any more: put it back among the peers"
        );
        // Put back, it has everything.
        pair.one.restart_as(durable(1, 2), loading);
        pair.connect();
        pair.settle();
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu", " dua"]);
    }
}

#[test]
fn bounces_for_a_peer_left_out_wait_until_it_is_put_back() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.link();
        // The bounce is queued at the second realm, and the link breaks.
        for _ in 0..8 {
            pair.step_there();
            pair.step_back();
            pair.one.commit();
        }
        pair.two.commit();
        pair.cut();

        pair.two.restart_as(example(2).durable(true), loading);
        pair.two.commit();
        pair.two.restart_as(durable(2, 1), loading);
        pair.connect();
        pair.settle();

        assert_eq!(
            texts(&mut pair.one, "messi", "surabaya"),
            [" Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan"],
            "{loading:?}"
        );
    }
}

#[test]
fn of_a_peer_left_out_old_messages_show_the_name() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        let (amsal, other) = pair.two.enter("amsal", "jakarta");
        for text in ["satu", "dua"] {
            pair.two
                .ask(amsal, &format!("send {other} messi@realm1 {text}\r\n"));
        }
        pair.settle();
        pair.cut();

        pair.one.restart_as(example(1).durable(true), loading);
        let id = pair.one.open();
        let peeked = pair.one.ask(id, &format!("peek {token} 1\r\n"));
        let inbox = pair.one.ask(id, &format!("inbox {token}\r\n"));
        let history = pair
            .one
            .ask(id, &format!("history {token} amsal@realm2\r\n"));
        let away = send(&mut pair.one, &token, "amsal@realm2", "hai");
        let bare = send(&mut pair.one, &token, "amsal", "hai");

        assert!(
            peeked.contains("\"from\": \"amsal\", \"msg_from\": \"amsal\""),
            "{peeked}"
        );
        assert!(
            inbox.contains("{\"amsal\": [{\"msg_from\": \"amsal\", "),
            "{inbox}"
        );
        assert_eq!(history.matches("\"from\": \"amsal\"").count(), 2);
        assert_eq!(away, REALM_UNKNOWN);
        assert_eq!(bare, crate::common::UNKNOWN_USER);
    }
}

#[test]
fn a_peer_left_out_and_put_back_is_the_same() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        pair.settle();
        pair.cut();

        pair.one.restart_as(example(1).durable(true), loading);
        assert!(
            !pair
                .one
                .outputs
                .iter()
                .any(|output| matches!(output, chatproto::Output::Dial(_)))
        );
        pair.one.restart_as(durable(1, 2), loading);
        send(&mut pair.one, &token, "amsal@realm2", "dua");
        pair.connect();
        pair.settle();

        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu", " dua"]);
        assert_eq!(faults(&pair), Vec::<String>::new());
    }
}

#[test]
fn who_lives_where_is_known_after_a_restart() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        let id = pair.one.open();
        pair.one
            .receive(id, format!("send {token} amsal satu\r\n").as_bytes());
        pair.settle();
        assert_eq!(pair.one.read(id), SENT);

        pair.restart_one(loading);
        // Nobody is there to be asked.
        let sent = send(&mut pair.one, &token, "amsal", "dua");
        pair.connect();
        pair.settle();

        assert_eq!(sent, SENT);
        assert_eq!(texts(&mut pair.two, "amsal", "jakarta"), [" satu", " dua"]);
        let asked = pair.one.all_frames.iter();
        assert!(
            !asked
                .into_iter()
                .any(|(_, frame)| matches!(frame, Frame::Ask { .. }))
        );
    }
}

#[test]
fn a_peer_of_the_configuration_is_dialled_after_a_restart() {
    for loading in LOADINGS {
        let (mut pair, _) = apart();
        pair.one.restart(loading);

        let dials = pair.one.outputs.iter();
        let dials = dials.filter(|output| matches!(output, chatproto::Output::Dial(_)));
        assert_eq!(dials.count(), 1);
    }
}

// Queues.

fn mail_resume(frames: &[Frame]) -> Resume {
    let resume = frames.iter().find_map(|frame| match frame {
        Frame::Resume(resume) if resume.kind == StreamKind::Mail => Some(resume.clone()),
        _ => None,
    });
    resume.expect("no resume")
}

#[test]
fn queued_mail_goes_out_after_a_restart_under_its_stream_and_numbers() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        for text in ["satu", "dua"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        let link = pair.one.greeted_by("realm2", Direction::Accepted);
        let before = mail_resume(&pair.one.take(link));
        let queued = pair
            .one
            .log
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Queued { seq, envelope, .. } => Some((*seq, envelope.id)),
                _ => None,
            });
        let queued: Vec<_> = queued.collect();

        pair.one.restart(loading);
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        let link = pair.one.greeted_by("realm2", Direction::Accepted);
        let after = mail_resume(&pair.one.take(link));
        let view = View::Receiver {
            durable: 0,
            next: 1,
            durable_id: None,
            last_id: None,
        };
        let resume = Resume {
            stream: after.stream,
            kind: StreamKind::Mail,
            view,
        };
        let credit = Frame::Credit {
            stream: after.stream,
            upto: 100,
            bytes: 100_000,
        };
        pair.one.deliver(link, &[Frame::Resume(resume), credit]);
        pair.one.commit();

        assert_eq!(before.stream, after.stream, "{loading:?}");
        assert_eq!(before.view, View::Sender { oldest: 1, last: 2 });
        assert_eq!(after.view, View::Sender { oldest: 1, last: 3 });
        let sent: Vec<_> = pair
            .one
            .take(link)
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Env {
                    stream,
                    seq,
                    envelope,
                } => Some((stream, seq, envelope.id)),
                _ => None,
            })
            .collect();
        assert_eq!(sent.len(), 3);
        for ((stream, seq, id), expected) in sent.iter().zip(&queued) {
            assert_eq!((*stream, (*seq, *id)), (before.stream, *expected));
        }
    }
}

#[test]
fn acknowledged_mail_is_not_sent_again_and_numbers_go_on() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        for text in ["satu", "dua"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        pair.settle();

        pair.restart_one(loading);
        send(&mut pair.one, &token, "amsal@realm2", "tiga");
        pair.connect();
        pair.settle();

        let seqs = pair
            .one
            .all_frames
            .iter()
            .filter_map(|(_, frame)| match frame {
                Frame::Env { seq, .. } => Some(*seq),
                _ => None,
            });
        assert_eq!(seqs.collect::<Vec<_>>(), [3], "{loading:?}");
        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            [" satu", " dua", " tiga"]
        );
    }
}

#[test]
fn places_for_bounces_are_kept_again() {
    for loading in LOADINGS {
        let bounds = limits(&[("inbox_messages_max", 1)]);
        let mut pair = Pair::of(durable(1, 2).limits(bounds), durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        assert_eq!(send(&mut pair.one, &token, "amsal@realm2", "satu"), SENT);

        pair.one.restart(loading);
        let kept = send(&mut pair.one, &token, "messi", "x");
        pair.connect();
        pair.settle();
        pair.restart_one(loading);
        let free = send(&mut pair.one, &token, "messi", "x");

        assert_eq!([kept.as_str(), &free], [INBOX_FULL, SENT], "{loading:?}");
    }
}

#[test]
fn places_for_bounces_that_are_due_are_kept_again() {
    for loading in LOADINGS {
        let bounds = limits(&[("inbox_messages_max", 1)]);
        let mut pair = Pair::of(durable(1, 2).limits(bounds), durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.connect();
        pair.settle_until_refused();
        let settled = pair.one.log.records.iter();
        let is_settled = |record: &Record| matches!(record, Record::BounceSettled { .. });
        assert!(!settled.into_iter().any(is_settled));

        pair.restart_one(loading);
        let kept = send(&mut pair.one, &token, "messi", "x");
        pair.connect();
        pair.settle();
        let bounce = texts(&mut pair.one, "messi", "surabaya");
        let free = send(&mut pair.one, &token, "messi", "x");

        assert_eq!([kept.as_str(), &free], [INBOX_FULL, SENT], "{loading:?}");
        assert_eq!(
            bounce,
            [" Pesan untuk siapa@realm2 tidak terkirim: User Tidak Ditemukan"]
        );
    }
}

#[test]
fn a_refusal_that_was_told_is_not_told_again() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.settle();

        pair.restart_two(loading);
        pair.connect();
        pair.settle();
        send(&mut pair.one, &token, "entah@realm2", "dua");
        pair.settle();

        let told = pair
            .two
            .log
            .records
            .iter()
            .filter_map(|record| match record {
                Record::RefusalTold { seq, .. } => Some(*seq),
                _ => None,
            });
        assert_eq!(told.collect::<Vec<_>>(), [1, 2], "{loading:?}");
        let acks = pair
            .two
            .all_frames
            .iter()
            .filter_map(|(_, frame)| match frame {
                Frame::Ack { refused, .. } => Some(refused.clone()),
                _ => None,
            });
        let refusals: Vec<_> = acks.flatten().collect();
        assert_eq!(refusals, [2], "{loading:?}");
    }
}
