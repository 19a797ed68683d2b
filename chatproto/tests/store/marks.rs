//! What a realm has sent, its store knows after a restart too.

use crate::harness::{Harness as _, Sqlite};
use crate::sample::{START_MS, realm1};
use chatproto::link::frame::{Frame, Hello, Resume, StreamKind, View};
use chatproto::store::Store as _;
use chatproto::store::sqlite::SqliteStore;
use chatproto::{
    Config, Direction, Event, Limits, Now, Output, Passwords, PeerConfig, Realm, RealmName, Record,
    UserConfig,
};

const QUEUE_MS_MAX: u64 = 60_000;

fn open(store: &mut SqliteStore, seed: u8, now: Now) -> Realm {
    let mut limits = Limits::default();
    limits.set("queue_ms_max", QUEUE_MS_MAX).unwrap();
    let config = Config::new(realm1())
        .passwords(Passwords::Plain)
        .user(UserConfig::new("messi", "Lionel Messi", "Argentina", "surabaya").unwrap())
        .peer(PeerConfig::new(RealmName::parse("realm2").unwrap()))
        .limits(limits)
        .durable(true);
    let mut restore = Realm::restore(config, [seed; 32], now).unwrap();
    store.load(&mut |record| restore.record(record)).unwrap();
    restore.finish().unwrap()
}

/// Commits whatever there is, and returns the records.
fn commit(realm: &mut Realm, store: &mut SqliteStore, now: Now) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(batch) = realm.take_batch() {
        store.commit(&batch).unwrap();
        realm.committed(batch.number, now).unwrap();
        records.extend(batch.records.iter().cloned());
    }
    records
}

/// The other realm greets, has had nothing yet, and gives credit for one envelope.
fn greet(realm: &mut Realm, now: Now) {
    let peer = RealmName::parse("realm2").unwrap();
    let link = realm.link_up(&peer, Direction::Accepted, now).unwrap();
    let hello = Hello {
        realm: "realm2".to_owned(),
        peer: "realm1".to_owned(),
        versions: [1, 1],
        capabilities: Vec::new(),
        line_bytes_max: 65_536,
        software: String::new(),
    };
    realm.link_frames(link, &[Frame::Hello(hello)], now);
    let frames = realm.link_outgoing(link).to_vec();
    let mail = frames.iter().find_map(|frame| match frame {
        Frame::Resume(it) if it.kind == StreamKind::Mail => Some(it.stream),
        _ => None,
    });
    let stream = mail.unwrap();
    let view = View::Receiver {
        durable: 0,
        next: 1,
        durable_id: None,
        last_id: None,
    };
    let kind = StreamKind::Mail;
    let resume = Frame::Resume(Resume { stream, kind, view });
    let (upto, bytes) = (1, 1 << 20);
    let credit = Frame::Credit {
        stream,
        upto,
        bytes,
    };
    realm.link_frames(link, &[resume, credit], now);
}

#[test]
fn what_may_have_been_sent_before_a_restart_is_never_given_up() {
    let place = Sqlite::new();
    let mut store = place.open();
    let now = Now::new(0, START_MS);
    let mut realm = open(&mut store, 1, now);
    commit(&mut realm, &mut store, now);
    realm.execute(b"auth messi surabaya", now);
    let mut token = None;
    commit(&mut realm, &mut store, now);
    while let Some(output) = realm.poll_output() {
        if let Output::Reply(_, reply) = output {
            let reply = String::from_utf8(reply).unwrap();
            token = reply.split('"').nth(7).map(str::to_owned);
        }
    }
    let line = format!("send {} amsal@realm2 satu", token.unwrap());
    realm.execute(line.as_bytes(), now);
    commit(&mut realm, &mut store, now);
    greet(&mut realm, now);
    let marked = commit(&mut realm, &mut store, now);
    assert!(
        marked
            .iter()
            .any(|it| matches!(it, Record::Marked { upto: 1, .. })),
        "{marked:?}"
    );

    // The realm dies, and is back when the message is too old to be kept any longer.
    drop(realm);
    let later = Now::new(0, START_MS + 2 * QUEUE_MS_MAX);
    let mut realm = open(&mut store, 2, later);
    realm.handle_timeout(later);
    let records = commit(&mut realm, &mut store, later);

    assert!(
        !records.iter().any(|it| matches!(it, Record::Voided { .. })),
        "{records:?}"
    );
    while let Some(output) = realm.poll_output() {
        if let Output::Event(event) = output {
            assert!(!matches!(event, Event::MailGivenUp { .. }), "{event:?}");
        }
    }
}
