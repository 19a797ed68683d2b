//! Ways in which something was once lost, kept too long, or made to wait for no reason.

use crate::common::{
    EMPTY_INBOX, Loading, NO_SESSION, Pair, SENT, Site, example, example_with_peer, limits, name,
};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::store::Fetched;
use chatproto::{Config, Direction, Envelope, Kind, Record, StoreFailure};
use std::sync::Arc;
use uuid::Uuid;

fn durable(number: usize, peer: usize) -> Config {
    example_with_peer(number, peer).durable(true)
}

#[test]
fn a_store_that_breaks_during_a_shutdown_is_broken() {
    let mut site = Site::new(example(1).durable(true));
    let (id, token) = site.enter("messi", "surabaya");
    site.receive(id, format!("send {token} lineker hi\r\n").as_bytes());
    let batch = site.take_batch().unwrap();
    let now = site.now;
    site.realm.shutdown(now);
    site.run();

    site.realm
        .store_failed(batch.number, StoreFailure::Broken, now)
        .unwrap();
    site.run();

    assert_eq!(site.realm.take_batch(), None);
    assert!(!site.read(id).contains(SENT.trim_end()));
    assert!(site.realm.is_shut_down());
}

#[test]
fn a_bounce_that_a_removed_peer_owes_is_written_in_its_place() {
    let bounds = limits(&[("inbox_messages_max", 1)]);
    let mut pair = Pair::of(durable(1, 2).limits(bounds.clone()), durable(2, 1));
    let (id, token) = pair.one.enter("messi", "surabaya");
    let sent = pair
        .one
        .ask(id, &format!("send {token} siapa@realm2 satu\r\n"));
    assert_eq!(sent, SENT);
    pair.connect();
    let is_due = |record: &Record| matches!(record, Record::BounceDue { .. });
    for _ in 0..100 {
        if pair.one.log.records.iter().any(is_due) {
            break;
        }
        pair.two.commit();
        pair.step_there();
        pair.step_back();
        pair.one.commit();
    }
    assert!(pair.one.log.records.iter().any(is_due));

    let alone = example(1).durable(true).limits(bounds);
    assert_eq!(pair.one.try_restart_as(alone, Loading::Whole), Ok(()));

    let id = pair.one.open();
    let inbox = pair.one.ask(id, &format!("inbox {token}\r\n"));
    assert!(
        inbox.contains("Pesan untuk siapa@realm2 tidak terkirim"),
        "{inbox}"
    );
    let own = pair.one.ask(id, &format!("send {token} messi x\r\n"));
    assert_eq!(own, SENT);
}

#[test]
fn new_links_give_no_credit_for_what_is_not_in_the_store() {
    let bounds = limits(&[
        ("inbox_bytes_max", 1 << 30),
        ("inbox_messages_max", 1 << 20),
    ]);
    let mut site = Site::new(durable(1, 2).limits(bounds));
    site.commit();
    let (id, token) = site.enter("messi", "surabaya");
    site.receive(id, format!("send {token} messi x\r\n").as_bytes());
    let batch = site.take_batch().unwrap();
    let (now, failure) = (site.now, StoreFailure::Full);
    site.realm.store_failed(batch.number, failure, now).unwrap();
    site.run();

    let (stream, mut seq, mut bytes) = (Uuid::from_u128(77), 1, 0);
    for _ in 0..20 {
        let link = site.greeted_by("realm2", Direction::Accepted);
        let view = View::Sender {
            oldest: 1,
            last: 100_000,
        };
        let kind = StreamKind::Mail;
        site.deliver(link, &[Frame::Resume(Resume { stream, kind, view })]);
        let mut given = (0, 0);
        for frame in site.take(link) {
            if let Frame::Credit {
                upto,
                bytes,
                stream: of,
            } = frame
                && of == stream
            {
                given = (upto, bytes);
            }
        }
        let mut used = 0;
        while seq <= given.0 && used < given.1 {
            let envelope = letter(seq);
            used += envelope.cost_bytes();
            site.deliver(
                link,
                &[Frame::Env {
                    stream,
                    seq,
                    envelope,
                }],
            );
            seq += 1;
        }
        bytes += used;
        site.link_down(link);
    }

    assert!(bytes > 4_000_000, "{bytes}");
    assert!(bytes < 4_194_304 + 100_000, "{bytes}");
}

fn letter(seq: u64) -> Arc<Envelope> {
    Arc::new(Envelope {
        id: Uuid::from_u128(1_000 + u128::from(seq)),
        kind: Kind::Message,
        origin: name("realm2"),
        destination: name("realm1"),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 1,
        expires_unix_ms: 2,
        text: "x".repeat(50_000),
    })
}

#[test]
fn an_empty_inbox_waits_for_nobody() {
    let mut site = Site::new(example(1).durable(true));
    let (messi, token) = site.enter("messi", "surabaya");
    let (lineker, other) = site.enter("lineker", "surabaya");
    site.receive(lineker, format!("send {other} henderson x\r\n").as_bytes());

    let inbox = site.say(messi, &format!("inbox {token}\r\n"));

    assert_eq!(
        (inbox.as_str(), site.read(lineker).as_str()),
        (EMPTY_INBOX, "")
    );
}

#[test]
fn what_another_reader_took_and_retention_deleted_is_not_missed() {
    for verb in ["inbox", "peek"] {
        let bounds = limits(&[("inbox_memory_bytes_max", 0)]);
        let mut site = Site::new(example(1).durable(true).limits(bounds));
        let (lineker, other) = site.enter("lineker", "surabaya");
        for n in 0..4 {
            site.ask(lineker, &format!("send {other} messi {n}\r\n"));
        }
        let (first, token) = site.enter("messi", "surabaya");
        let second = site.open();
        site.holds_fetches = true;
        site.receive(first, format!("inbox {token}\r\n").as_bytes());
        site.receive(second, format!("{verb} {token}\r\n").as_bytes());
        let fetches = site.fetches();
        site.serve(&fetches[0]);
        site.commit();

        site.fetched(fetches[1].0, Some(Fetched::default()));
        site.commit();

        let reply = site.read(second);
        assert!(reply.starts_with("{\"status\": \"OK\""), "{verb}: {reply}");
    }
}

#[test]
fn a_message_of_an_unlisted_sender_is_shown_as_nobody_elses() {
    let mut site = Site::new(example(1).durable(true));
    let (lineker, first) = site.enter("lineker", "surabaya");
    let (henderson, second) = site.enter("henderson", "surabaya");
    site.ask(henderson, &format!("send {second} messi satu\r\n"));
    site.ask(lineker, &format!("send {first} messi dua\r\n"));
    let is_lost = |record: &Record| matches!(record, Record::Listed { position: 1, .. });
    site.log.records.retain(|record| !is_lost(record));
    let config = example(1).durable(true);
    assert_eq!(site.try_restart_as(config, Loading::Summed), Ok(()));

    let (messi, token) = site.enter("messi", "surabaya");
    let inbox = site.ask(messi, &format!("inbox {token}\r\n"));

    assert!(inbox.contains("store_unreadable"), "{inbox}");
}

#[test]
fn a_lower_limit_on_sessions_is_met_at_the_next_login() {
    let mut site = Site::new(example(1).durable(true));
    let tokens: Vec<_> = (0..10).map(|_| site.enter("messi", "surabaya").1).collect();
    let bounds = limits(&[("sessions_per_user_max", 2)]);
    let config = example(1).durable(true).limits(bounds);
    assert_eq!(site.try_restart_as(config, Loading::Whole), Ok(()));

    let (id, _) = site.enter("messi", "surabaya");

    let asked = tokens
        .iter()
        .map(|token| site.ask(id, &format!("activeuser {token}\r\n")));
    let ended = asked.filter(|reply| reply == NO_SESSION).count();
    assert_eq!(ended, 9);
}
