//! Records about other realms that contradict those before them.

use crate::common::{Log, name, restored};
use crate::neighbours::{apart, durable, send};
use chatproto::link::frame::StreamKind;
use chatproto::{Envelope, Kind, Now, PeerId, Post, PostState, Record, RestoreError, UserId};
use std::sync::Arc;
use uuid::Uuid;

fn peer() -> PeerId {
    PeerId::from_number(0)
}

fn nobody() -> PeerId {
    PeerId::from_number(7)
}

const ANEW: Uuid = Uuid::from_u128(0xa2);
const NUMBER_MAX: u64 = 1 << 53;

/// The log of a realm: realm2 has acknowledged two messages and was not sent a third; of realm2 one
/// message was kept.
fn sound() -> Log {
    let (mut pair, token) = apart();
    for text in ["satu", "dua"] {
        send(&mut pair.one, &token, "amsal@realm2", text);
    }
    pair.connect();
    pair.settle();
    let (_, amsal) = pair.two.enter("amsal", "jakarta");
    send(&mut pair.two, &amsal, "messi@realm1", "balas");
    pair.settle();
    pair.cut();
    send(&mut pair.one, &token, "amsal@realm2", "tiga");
    pair.one.log.clone()
}

/// What comes of a log with one more record at its end.
fn with(log: &Log, record: Record) -> Result<(), String> {
    let records = log.records.iter().cloned().chain([record]).collect();
    let now = Now::new(5, 1_790_000_000_000);
    let realm = restored(durable(1, 2), [3; 32], now, records);
    realm.map(drop).map_err(|error| match error {
        RestoreError::Contradiction(what) => what.to_owned(),
        other => panic!("{other:?}"),
    })
}

/// The id of the stream of mail.
fn mail(log: &Log) -> Uuid {
    let mut begun = log.records.iter().filter_map(|it| match it {
        Record::StreamBegun {
            kind: StreamKind::Mail,
            stream,
            ..
        } => Some(*stream),
        _ => None,
    });
    begun.next().unwrap()
}

fn queued(stream: Uuid, seq: u64) -> Record {
    let envelope = Arc::new(Envelope {
        id: Uuid::from_u128(9),
        kind: Kind::Message,
        origin: name("realm1"),
        destination: name("realm2"),
        from: "messi@realm1".to_owned(),
        to: "amsal@realm2".to_owned(),
        sent_unix_ms: 1_790_000_000_000,
        expires_unix_ms: 1_790_345_600_000,
        text: " hi\r\n".to_owned(),
    });
    Record::Queued {
        peer: peer(),
        kind: StreamKind::Mail,
        stream,
        seq,
        envelope,
        is_marked: false,
    }
}

fn acknowledged(stream: Uuid, durable: u64) -> Record {
    Record::Acknowledged {
        peer: peer(),
        kind: StreamKind::Mail,
        stream,
        durable,
        id: Uuid::from_u128(9),
    }
}

fn marked(peer: PeerId, stream: Uuid, upto: u64) -> Record {
    Record::Marked {
        peer,
        kind: StreamKind::Mail,
        stream,
        upto,
    }
}

fn voided(stream: Uuid, seq: u64) -> Record {
    Record::Voided {
        peer: peer(),
        kind: StreamKind::Mail,
        stream,
        seq,
    }
}

fn renumbered(before: Uuid, acknowledged: u64) -> Record {
    Record::StreamRenumbered {
        peer: peer(),
        kind: StreamKind::Mail,
        before,
        stream: ANEW,
        acknowledged,
    }
}

fn seen(number: u64, oldest: u64) -> Record {
    Record::Seen {
        peer: peer(),
        number,
        id: ANEW,
        oldest,
    }
}

fn posted(user: u32, number: u64) -> Record {
    Record::Posted {
        user: UserId::from_number(user),
        number,
        oldest: 1,
        post: Post {
            id: ANEW,
            to: "amsal@realm2".into(),
            unix_ms: 0,
            excerpt: "hi".into(),
            state: PostState::Delivered,
        },
    }
}

#[test]
fn what_contradicts_the_streams_is_refused_with_a_sentence() {
    let log = sound();
    let mail = mail(&log);
    let bounce_refused = Record::Refused {
        peer: peer(),
        seq: 1,
        id: ANEW,
    };
    let paused = Record::Paused {
        peer: nobody(),
        is_paused: true,
    };
    let realm = "it speaks of a realm it lacks";
    let never = "a peer has acknowledged what it was never sent";
    let elsewhere = "a stream was numbered anew from elsewhere";
    let between = "a message that was seen is missing between others";
    let table = [
        (queued(mail, 5), "a message is missing in a queue"),
        (acknowledged(mail, 4), never),
        (acknowledged(mail, NUMBER_MAX), never),
        (marked(nobody(), mail, 3), realm),
        (paused, realm),
        (renumbered(mail, 1), elsewhere),
        (renumbered(mail, 3), elsewhere),
        (renumbered(mail, 0), elsewhere),
        (seen(3, 1), between),
        (seen(NUMBER_MAX, NUMBER_MAX), between),
        (posted(7, 1), "it speaks of a user it lacks"),
    ];
    for (record, what) in table {
        let shown = format!("{record:?}");
        assert_eq!(with(&log, record), Err(what.to_owned()), "{shown}");
    }

    let before = log.records.iter().cloned();
    let is_of_peer = |it: &Record| matches!(it, Record::Cursor { .. } | Record::Seen { .. });
    let records = before.filter(|it| !is_of_peer(it)).collect();
    let refused = with(&Log { records }, bounce_refused);
    assert_eq!(
        refused,
        Err("a message was refused that never came".to_owned())
    );
}

#[test]
fn a_number_that_is_too_great_is_refused() {
    let log = sound();
    let mail = mail(&log);
    let much = NUMBER_MAX + 1;
    let table = [
        queued(mail, much),
        acknowledged(mail, much),
        marked(peer(), mail, much),
        renumbered(mail, much),
        seen(much, 1),
        seen(2, much),
        posted(0, much),
    ];
    for record in table {
        let shown = format!("{record:?}");
        let taken = with(&log, record);
        assert_eq!(taken, Err("a number is too great".to_owned()), "{shown}");
    }
}

#[test]
fn a_record_of_a_stream_that_is_gone_means_nothing() {
    let log = sound();
    for record in [
        queued(ANEW, 9),
        acknowledged(ANEW, 9),
        marked(peer(), ANEW, 9),
        voided(ANEW, 9),
        renumbered(ANEW, 9),
    ] {
        let shown = format!("{record:?}");
        assert_eq!(with(&log, record), Ok(()), "{shown}");
    }
}

#[test]
fn what_goes_on_from_the_records_before_it_is_taken() {
    let log = sound();
    let mail = mail(&log);
    for record in [
        queued(mail, 4),
        queued(mail, 3),
        queued(mail, 1),
        acknowledged(mail, 3),
        acknowledged(mail, 1),
        marked(peer(), mail, 3),
        // Of what is behind it or beyond it nothing is there to be marked or voided.
        marked(peer(), mail, 9),
        voided(mail, 1),
        voided(mail, 3),
        voided(mail, NUMBER_MAX),
        renumbered(mail, 2),
        seen(2, 1),
        seen(1, 1),
        posted(0, 9),
    ] {
        let shown = format!("{record:?}");
        assert_eq!(with(&log, record), Ok(()), "{shown}");
    }
}
