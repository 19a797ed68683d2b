//! Records to keep.

use chatproto::link::frame::StreamKind;
use chatproto::{
    Batch, Envelope, ErrorCode, Kind, PasswordHash, PeerId, Post, PostState, RealmName, Record,
    RemoteId, Sender, TokenHash, UserId, UserName,
};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const START_MS: u64 = 1_790_000_000_000;
pub(crate) const PASSWORD: &str =
    "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo";

pub(crate) fn realm1() -> RealmName {
    RealmName::parse("realm1").unwrap()
}

pub(crate) fn user(number: u32) -> UserId {
    UserId::from_number(number)
}

pub(crate) fn local(number: u32) -> Sender {
    Sender::Local(user(number))
}

pub(crate) fn realm2() -> PeerId {
    PeerId::from_number(0)
}

pub(crate) fn batch(number: u64, records: Vec<Record>) -> Batch {
    Batch {
        number,
        records: Arc::new(records),
    }
}

pub(crate) fn account(number: u32, name: &str) -> Record {
    Record::Account {
        user: user(number),
        name: UserName::parse(name).unwrap(),
        display_name: format!("The {name}").into(),
        country: "Argentina".into(),
        password: Some(PasswordHash::parse(PASSWORD).unwrap()),
    }
}

/// messi, henderson, lineker and lionel.
pub(crate) fn people() -> Vec<Record> {
    let names = ["messi", "henderson", "lineker", "Ünï-名前"];
    (0..).zip(names).map(|(n, name)| account(n, name)).collect()
}

pub(crate) fn delivered(owner: u32, number: u64, text: &str) -> Record {
    Record::Delivered {
        owner: user(owner),
        number,
        sender: local(0),
        unix_ms: START_MS + number,
        text: text.into(),
    }
}

pub(crate) fn taken(owner: u32, upto: u64) -> Record {
    Record::InboxTaken {
        owner: user(owner),
        upto,
    }
}

pub(crate) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000 << 48 | number)
}

pub(crate) fn envelope(number: u128, kind: Kind) -> Arc<Envelope> {
    Arc::new(Envelope {
        id: uuid(number),
        kind,
        origin: realm1(),
        destination: RealmName::parse("realm2").unwrap(),
        from: "messi@realm1".into(),
        to: "amsal@realm2".into(),
        sent_unix_ms: START_MS,
        expires_unix_ms: u64::MAX,
        text: "apa kabar \"amsal\"\0\u{7f}😀".into(),
    })
}

fn queued(kind: StreamKind, stream: u128, seq: u64, what: Kind) -> Record {
    Record::Queued {
        peer: realm2(),
        kind,
        stream: uuid(stream),
        seq,
        envelope: envelope(u128::from(seq), what),
        is_marked: false,
    }
}

/// Every kind of record, in batches as a realm would make them.
pub(crate) fn log() -> Vec<Batch> {
    let batches = [
        people(),
        logins(),
        letters(),
        peers(),
        outgoing(),
        incoming(),
        other_streams(),
        other_numbers(),
        posts(),
    ];
    (1..)
        .zip(batches)
        .map(|(n, records)| batch(n, records))
        .collect()
}

fn logins() -> Vec<Record> {
    let opened = |session: u64, number| Record::SessionOpened {
        session,
        user: user(number),
        token: TokenHash::from_bytes([session as u8; 16]),
        unix_ms: START_MS,
    };
    let used = Record::SessionUsed {
        session: 1,
        unix_ms: START_MS + 60_000,
    };
    let mut later = account(1, "henderson");
    if let Record::Account { password, .. } = &mut later {
        *password = None;
    }
    vec![
        opened(1, 0),
        opened(2, 1),
        opened(3, 1),
        used,
        Record::SessionEnded { session: 2 },
        later,
    ]
}

fn letters() -> Vec<Record> {
    let listed = |owner, position, sender| Record::Listed {
        owner: user(owner),
        position,
        sender,
    };
    let send_key = |number: u64, oldest| Record::SendKey {
        user: user(0),
        number,
        key: format!("key {number}").into(),
        digest: [number as u8; 16],
        oldest,
    };
    vec![
        listed(1, 0, local(0)),
        delivered(1, 1, ""),
        delivered(1, 2, "  apa kabar \r\n"),
        taken(1, 2),
        delivered(1, 3, "satu\0dua"),
        delivered(1, 4, "😀😀"),
        listed(2, 0, local(3)),
        listed(2, 1, local(0)),
        delivered(2, 1, "tiga"),
        taken(2, 1),
        delivered(3, 1, "empat"),
        send_key(1, 1),
        send_key(2, 1),
        send_key(3, 2),
    ]
}

pub(crate) fn peer(number: u32, name: &str) -> Record {
    Record::Peer {
        peer: PeerId::from_number(number),
        name: RealmName::parse(name).unwrap(),
    }
}

fn peers() -> Vec<Record> {
    let met = |remote, number, name| Record::Met {
        remote: RemoteId::from_number(remote),
        peer: PeerId::from_number(number),
        name: UserName::parse(name).unwrap(),
    };
    let from = |owner, number, sender| Record::Delivered {
        owner: user(owner),
        number,
        sender,
        unix_ms: START_MS + number,
        text: "dari jauh".into(),
    };
    vec![
        peer(0, "realm2"),
        peer(1, "realm3"),
        met(0, 0, "amsal"),
        met(1, 1, "amsal"),
        Record::Listed {
            owner: user(1),
            position: 1,
            sender: Sender::Remote(RemoteId::from_number(1)),
        },
        from(1, 5, Sender::Remote(RemoteId::from_number(1))),
        from(1, 6, Sender::Realm(PeerId::from_number(0))),
    ]
}

pub(crate) fn begun(kind: StreamKind, id: u128) -> Record {
    Record::StreamBegun {
        peer: realm2(),
        kind,
        stream: uuid(id),
    }
}

pub(crate) fn acknowledged(kind: StreamKind, stream: u128, durable: u64) -> Record {
    Record::Acknowledged {
        peer: realm2(),
        kind,
        stream: uuid(stream),
        durable,
        id: uuid(u128::from(durable)),
    }
}

fn outgoing() -> Vec<Record> {
    let (peer, mail) = (realm2(), StreamKind::Mail);
    let bounce = Kind::Bounce {
        answers: uuid(77),
        reason: "recipient_unknown".into(),
    };
    let due = |id, user| Record::BounceDue {
        peer,
        id: uuid(id),
        user,
        to: "amsal@realm2".into(),
    };
    vec![
        // A stream that came to nothing, and what it held with it.
        begun(mail, 100),
        queued(mail, 100, 1, Kind::Message),
        queued(mail, 100, 9, Kind::Message),
        acknowledged(mail, 100, 7),
        begun(mail, 101),
        queued(mail, 101, 1, Kind::Message),
        queued(mail, 101, 2, Kind::Message),
        queued(mail, 101, 3, Kind::Message),
        queued(mail, 101, 4, Kind::Other("bounce".into())),
        Record::Voided {
            peer,
            kind: mail,
            stream: uuid(101),
            seq: 3,
        },
        acknowledged(mail, 101, 1),
        acknowledged(mail, 101, 2),
        Record::Marked {
            peer,
            kind: mail,
            stream: uuid(101),
            upto: 3,
        },
        begun(StreamKind::Bounce, 102),
        queued(StreamKind::Bounce, 102, 1, bounce),
        due(5, user(0)),
        due(6, user(1)),
        Record::BounceSettled { peer, id: uuid(5) },
    ]
}

pub(crate) fn cursor(kind: StreamKind, stream: u128, durable: u64) -> Record {
    Record::Cursor {
        peer: realm2(),
        kind,
        stream: uuid(stream),
        durable,
        id: uuid(500 + u128::from(durable)),
    }
}

fn incoming() -> Vec<Record> {
    let peer = realm2();
    let refused = |seq: u64| Record::Refused {
        peer,
        seq,
        id: uuid(u128::from(seq)),
    };
    vec![
        cursor(StreamKind::Mail, 200, 3),
        refused(2),
        cursor(StreamKind::Bounce, 300, 1),
        // The peer has begun anew: what was refused before is of no use.
        cursor(StreamKind::Mail, 201, 1),
        refused(1),
        cursor(StreamKind::Bounce, 301, 9),
        cursor(StreamKind::Mail, 201, 4),
        refused(3),
        refused(4),
        Record::RefusalTold { peer, seq: 3 },
    ]
}

pub(crate) fn realm3() -> PeerId {
    PeerId::from_number(1)
}

/// One of many messages for realm3; its id is greater than those of the messages before it.
pub(crate) fn mail(stream: u128, seq: u64, id: u128, is_marked: bool) -> Record {
    Record::Queued {
        peer: realm3(),
        kind: StreamKind::Mail,
        stream: uuid(stream),
        seq,
        envelope: envelope(id, Kind::Message),
        is_marked,
    }
}

pub(crate) fn mail_acknowledged(stream: u128, durable: u64, id: u128) -> Record {
    Record::Acknowledged {
        peer: realm3(),
        kind: StreamKind::Mail,
        stream: uuid(stream),
        durable,
        id: uuid(id),
    }
}

pub(crate) fn mail_begun(stream: u128) -> Record {
    Record::StreamBegun {
        peer: realm3(),
        kind: StreamKind::Mail,
        stream: uuid(stream),
    }
}

/// Streams are numbered one after the other here.
pub(crate) fn mail_renumbered(stream: u128, acknowledged: u64) -> Record {
    Record::StreamRenumbered {
        peer: realm3(),
        kind: StreamKind::Mail,
        before: uuid(stream - 1),
        stream: uuid(stream),
        acknowledged,
    }
}

pub(crate) fn seen(peer: PeerId, number: u64, oldest: u64) -> Record {
    Record::Seen {
        peer,
        number,
        id: uuid(900 + u128::from(number)),
        oldest,
    }
}

pub(crate) fn posted(owner: u32, number: u64, oldest: u64, state: PostState) -> Record {
    Record::Posted {
        user: user(owner),
        number,
        oldest,
        post: Post {
            id: uuid(u128::from(number)),
            to: "amsal@realm2".into(),
            unix_ms: START_MS + number,
            excerpt: "apa kabar\r\n\0😀".into(),
            state,
        },
    }
}

fn other_streams() -> Vec<Record> {
    let mut records = vec![mail_begun(110)];
    records.extend((1..=5).map(|n| mail(110, n, 110 + u128::from(n), true)));
    records.push(mail_acknowledged(110, 2, 112));
    records.extend((1..=4).map(|n| seen(realm2(), n, 1)));
    records.extend([seen(realm3(), 1, 1), seen(realm2(), 5, 3)]);
    records
}

fn other_numbers() -> Vec<Record> {
    let kind = StreamKind::Mail;
    let paused = |peer, is_paused| Record::Paused { peer, is_paused };
    vec![
        mail(110, 6, 116, false),
        mail_acknowledged(110, 3, 113),
        mail_renumbered(111, 3),
        Record::Voided {
            peer: realm3(),
            kind,
            stream: uuid(111),
            seq: 2,
        },
        mail(111, 4, 117, false),
        paused(realm2(), true),
        paused(realm3(), true),
        paused(realm2(), false),
    ]
}

fn posts() -> Vec<Record> {
    vec![
        posted(0, 1, 1, PostState::Queued),
        posted(0, 2, 1, PostState::Queued),
        posted(0, 3, 1, PostState::Queued),
        posted(0, 4, 1, PostState::Queued),
        posted(1, 1, 1, PostState::Delivered),
        posted(0, 2, 1, PostState::Failed(None)),
        posted(0, 3, 1, PostState::Unknown),
        posted(0, 5, 2, PostState::Queued),
        posted(0, 2, 2, PostState::Failed(Some(ErrorCode::InboxFull))),
        posted(0, 4, 2, PostState::Failed(None)),
    ]
}
