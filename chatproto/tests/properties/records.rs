//! Any records at all: a realm comes of them or a sentence, never a panic, then or later.

use crate::common::{Site, example_with_peer, hash, hello, name, restored, token_of};
use crate::holds;
use blake2::{Blake2s256, Digest as _};
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::store::{Fetched, Message, QueuedEnvelope};
use chatproto::{
    Config, Direction, Envelope, ErrorCode, Kind, Now, Output, PeerId, Post, PostState, Realm,
    Record, RemoteId, Sender, TokenHash, UserId, UserName,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

/// Numbers of things: there, missing, and far too great.
fn small() -> impl Strategy<Value = u32> {
    prop_oneof![
        20 => 0_u32..3,
        2 => 3_u32..40,
        1 => prop::sample::select(vec![1 << 23, (1 << 23) + 1, u32::MAX - 1, u32::MAX]),
    ]
}

/// Numbers that count up: the next ones, and far too great.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => 0_u64..6,
        1 => (1_u64 << 40) - 2..=(1 << 40) + 1,
        1 => (1_u64 << 53) - 1..=(1 << 53) + 1,
        1 => (1_u64 << 63) - 2..=(1 << 63) + 1,
        1 => u64::MAX - 2..=u64::MAX,
    ]
}

fn user() -> impl Strategy<Value = UserId> {
    small().prop_map(UserId::from_number)
}

fn peer() -> impl Strategy<Value = PeerId> {
    small().prop_map(PeerId::from_number)
}

fn kind() -> impl Strategy<Value = StreamKind> {
    prop_oneof![Just(StreamKind::Mail), Just(StreamKind::Bounce)]
}

fn id() -> impl Strategy<Value = Uuid> {
    (0_u128..4).prop_map(Uuid::from_u128)
}

fn sender() -> impl Strategy<Value = Sender> {
    prop_oneof![
        4 => user().prop_map(Sender::Local),
        2 => small().prop_map(|remote| Sender::Remote(RemoteId::from_number(remote))),
        1 => peer().prop_map(Sender::Realm),
    ]
}

fn user_name() -> impl Strategy<Value = UserName> {
    let names = vec!["messi", "henderson", "amsal", "aguero", "siapa"];
    prop::sample::select(names).prop_map(|name| UserName::parse(name).unwrap())
}

fn envelope() -> impl Strategy<Value = Arc<Envelope>> {
    let kind = prop_oneof![
        3 => Just(Kind::Message),
        1 => id().prop_map(|answers| Kind::Bounce { answers, reason: "inbox_full".to_owned() }),
        1 => Just(Kind::Other("x".to_owned())),
    ];
    let from = prop::sample::select(vec!["messi@realm1", "siapa@realm1", "messi", "", "@"]);
    (0_u128..4, kind, from).prop_map(|(id, kind, from)| letter(id, kind, from))
}

fn letter(id: u128, kind: Kind, from: &str) -> Arc<Envelope> {
    Arc::new(Envelope {
        id: Uuid::from_u128(id),
        kind,
        origin: name("realm1"),
        destination: name("realm2"),
        from: from.to_owned(),
        to: "amsal@realm2".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: u64::MAX,
        text: " hi\r\n".to_owned(),
    })
}

/// What each session's token is.
fn token(session: u64) -> Uuid {
    let bytes = (u128::from(session) + 1).to_le_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn token_hash(session: u64) -> TokenHash {
    let digest = Blake2s256::digest(token(session).as_bytes());
    TokenHash::from_bytes(digest[..16].try_into().unwrap())
}

fn post() -> impl Strategy<Value = Post> {
    let reason = prop::option::of(prop::sample::select(ErrorCode::ALL));
    let state = prop_oneof![
        Just(PostState::Queued),
        Just(PostState::Delivered),
        reason.prop_map(PostState::Failed),
        Just(PostState::Unknown),
    ];
    (id(), count(), state).prop_map(|(id, unix_ms, state)| Post {
        id,
        to: "amsal@realm2".into(),
        unix_ms,
        excerpt: "hi".into(),
        state,
    })
}

fn person() -> impl Strategy<Value = Record> {
    prop_oneof![
        4 => (user(), user_name(), any::<bool>()).prop_map(|(user, name, has_password)| {
            Record::Account {
                user,
                name,
                display_name: "X".into(),
                country: "".into(),
                password: has_password.then(|| hash("surabaya")),
            }
        }),
        3 => (count(), user(), count()).prop_map(|(session, user, unix_ms)| Record::SessionOpened {
            session,
            user,
            token: token_hash(session),
            unix_ms,
        }),
        1 => (count(), count())
            .prop_map(|(session, unix_ms)| Record::SessionUsed { session, unix_ms }),
        1 => count().prop_map(|session| Record::SessionEnded { session }),
    ]
}

fn message() -> impl Strategy<Value = Record> {
    prop_oneof![
        4 => (user(), small(), sender())
            .prop_map(|(owner, position, sender)| Record::Listed { owner, position, sender }),
        8 => (user(), count(), sender(), count()).prop_map(|(owner, number, sender, unix_ms)| {
            Record::Delivered { owner, number, sender, unix_ms, text: " hi\r\n".into() }
        }),
        2 => (user(), count()).prop_map(|(owner, upto)| Record::InboxTaken { owner, upto }),
        3 => (user(), count(), count(), count())
            .prop_map(|(owner, taken, last, bytes)| Record::Inbox { owner, taken, last, bytes }),
        2 => (user(), count(), "[ab]{1}", count()).prop_map(|(user, number, key, oldest)| {
            Record::SendKey { user, number, key: key.into(), digest: [0; 16], oldest }
        }),
        2 => (user(), count(), count(), post())
            .prop_map(|(user, number, oldest, post)| Record::Posted { user, number, oldest, post }),
    ]
}

fn neighbour() -> impl Strategy<Value = Record> {
    let realm = || prop::sample::select(vec!["realm2", "realm3", "realm4"]);
    prop_oneof![
        3 => (peer(), realm()).prop_map(|(peer, realm)| Record::Peer { peer, name: name(realm) }),
        3 => (small(), peer(), user_name()).prop_map(|(remote, peer, name)| Record::Met {
            remote: RemoteId::from_number(remote),
            peer,
            name,
        }),
        2 => (peer(), kind(), id())
            .prop_map(|(peer, kind, stream)| Record::StreamBegun { peer, kind, stream }),
        6 => (peer(), kind(), id(), count(), envelope(), any::<bool>()).prop_map(
            |(peer, kind, stream, seq, envelope, is_marked)| {
                Record::Queued { peer, kind, stream, seq, envelope, is_marked }
            }
        ),
        2 => (peer(), kind(), id(), count())
            .prop_map(|(peer, kind, stream, seq)| Record::Voided { peer, kind, stream, seq }),
        2 => (peer(), kind(), id(), count())
            .prop_map(|(peer, kind, stream, upto)| Record::Marked { peer, kind, stream, upto }),
        2 => (peer(), kind(), id(), count(), id()).prop_map(|(peer, kind, stream, durable, id)| {
            Record::Acknowledged { peer, kind, stream, durable, id }
        }),
        2 => (peer(), kind(), id(), id(), count()).prop_map(|(peer, kind, before, stream, acknowledged)| {
            Record::StreamRenumbered { peer, kind, before, stream, acknowledged }
        }),
        2 => (peer(), count(), id(), count())
            .prop_map(|(peer, number, id, oldest)| Record::Seen { peer, number, id, oldest }),
        1 => (peer(), any::<bool>())
            .prop_map(|(peer, is_paused)| Record::Paused { peer, is_paused }),
        1 => (peer(), id(), user()).prop_map(|(peer, id, user)| Record::BounceDue {
            peer,
            id,
            user,
            to: "amsal@realm2".into(),
        }),
        1 => (peer(), id()).prop_map(|(peer, id)| Record::BounceSettled { peer, id }),
        3 => (peer(), kind(), id(), count(), id()).prop_map(|(peer, kind, stream, durable, id)| {
            Record::Cursor { peer, kind, stream, durable, id }
        }),
        2 => (peer(), count(), id()).prop_map(|(peer, seq, id)| Record::Refused { peer, seq, id }),
        1 => (peer(), count()).prop_map(|(peer, seq)| Record::RefusalTold { peer, seq }),
    ]
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let any_record = || prop_oneof![person(), message(), neighbour()];
    let sound = any::<bool>();
    (sound, vec(any_record(), 0..25)).prop_map(|(is_sound, mut rest)| {
        let mut all = if is_sound { sound_begin() } else { Vec::new() };
        all.append(&mut rest);
        all
    })
}

/// What most other records can build upon.
fn sound_begin() -> Vec<Record> {
    let account = |number, name: &str| Record::Account {
        user: UserId::from_number(number),
        name: UserName::parse(name).unwrap(),
        display_name: name.into(),
        country: "".into(),
        password: None,
    };
    let peer = |number, realm: &str| Record::Peer {
        peer: PeerId::from_number(number),
        name: name(realm),
    };
    let met = Record::Met {
        remote: RemoteId::from_number(0),
        peer: PeerId::from_number(0),
        name: UserName::parse("amsal").unwrap(),
    };
    let listed = Record::Listed {
        owner: UserId::from_number(0),
        position: 0,
        sender: Sender::Local(UserId::from_number(0)),
    };
    let begun = |number, kind, stream| Record::StreamBegun {
        peer: PeerId::from_number(number),
        kind,
        stream: Uuid::from_u128(stream),
    };
    vec![
        account(0, "messi"),
        account(1, "henderson"),
        peer(0, "realm2"),
        peer(1, "realm3"),
        begun(0, StreamKind::Mail, 0),
        begun(0, StreamKind::Bounce, 1),
        begun(1, StreamKind::Mail, 2),
        met,
        listed,
    ]
}

fn config() -> Config {
    example_with_peer(1, 2)
        .peer(chatproto::PeerConfig::new(name("realm3")))
        .peer(chatproto::PeerConfig::new(name("realm4")))
        .durable(true)
}

/// Answers whatever the realm asks for, as a store that has as many messages as that.
fn serve(realm: &mut Realm, rows: u64, now: Now) {
    for _ in 0..200 {
        if let Some(batch) = realm.take_batch() {
            realm.committed(batch.number, now).unwrap();
        }
        match realm.poll_output() {
            None => return,
            Some(Output::Fetch(request, fetch)) => {
                let number = |at: u64| fetch.from.saturating_add(at);
                let message = |at| Message {
                    number: number(at),
                    sender: Sender::Local(UserId::from_number(at as u32)),
                    unix_ms: u64::MAX,
                    text: " hi\r\n".into(),
                };
                let messages = (0..rows).map(message).collect();
                let fetched = Fetched {
                    messages,
                    more: true,
                };
                realm.fetched(request, Some(fetched), now).unwrap();
            }
            Some(Output::FetchQueue(request, fetch)) => {
                let row = |at: u64| QueuedEnvelope {
                    seq: fetch.from.saturating_add(at),
                    envelope: letter(at.into(), Kind::Message, "messi@realm1"),
                };
                let rows = (rows > 0).then(|| (0..rows).map(row).collect());
                realm.queue_fetched(request, rows, now).unwrap();
            }
            Some(Output::Hash(request, job)) => {
                realm.verified(request, job.run(), now).unwrap();
            }
            Some(Output::Send(id)) => {
                let n = realm.outgoing(id).len();
                realm.sent(id, n, now).unwrap();
            }
            Some(Output::LinkSend(link)) => {
                let n = realm.link_outgoing(link).len();
                realm.link_sent(link, n, now).unwrap();
            }
            Some(_) => {}
        }
    }
}

/// Uses everything that may have come of the records.
fn use_it(realm: &mut Realm, rows: u64, mut now: Now) {
    let id = realm.open(chatproto::Connection::new("10.0.0.1"), now);
    let mut tokens: Vec<String> = (0..6)
        .chain([1 << 40, 1 << 53, 1 << 63, u64::MAX])
        .map(|session| token(session).to_string())
        .collect();
    realm.receive(id, b"auth messi surabaya\r\n", now);
    serve_until_sent(realm, id, &mut tokens, now);
    for token in &tokens {
        for line in [
            "send T messi hi",
            "sendid T a henderson hi",
            "send T amsal@realm2 hi",
            "send T amsal hi",
            "peek T",
            "history T messi",
            "history T amsal",
            "history T *realm2*",
            "ack T 1",
            "ack T 18446744073709551615",
            "inbox T",
            "outbox T",
            "checkrealm T",
            "activeuser T",
            "logout T",
        ] {
            let line = format!("{}\r\n", line.replace('T', token));
            realm.receive(id, line.as_bytes(), now);
            serve(realm, rows, now);
        }
    }
    link(realm, now);
    serve(realm, rows, now);
    now = now.after_ms(40 * 24 * 60 * 60 * 1_000);
    realm.handle_timeout(now);
    serve(realm, rows, now);
    realm.shutdown(now);
    serve(realm, rows, now);
}

fn serve_until_sent(
    realm: &mut Realm,
    id: chatproto::ConnectionId,
    tokens: &mut Vec<String>,
    now: Now,
) {
    for _ in 0..20 {
        if let Some(batch) = realm.take_batch() {
            realm.committed(batch.number, now).unwrap();
        }
        if let Some(Output::Hash(request, job)) = realm.poll_output() {
            realm.verified(request, job.run(), now).unwrap();
        }
    }
    let reply = String::from_utf8_lossy(realm.outgoing(id)).into_owned();
    if reply.contains("tokenid") {
        tokens.push(token_of(&reply));
    }
    let n = realm.outgoing(id).len();
    realm.sent(id, n, now).unwrap();
}

/// A peer says hello, announces streams and asks for everything.
fn link(realm: &mut Realm, now: Now) {
    let Ok(link) = realm.link_up(&name("realm2"), Direction::Accepted, now) else {
        return;
    };
    realm.link_frames(link, &[hello("realm2", "realm1")], now);
    let frames = realm.link_outgoing(link).to_vec();
    for frame in frames {
        let Frame::Resume(resume) = frame else {
            continue;
        };
        let View::Sender { oldest, last } = resume.view else {
            continue;
        };
        let view = View::Receiver {
            durable: oldest - 1,
            next: oldest,
            durable_id: None,
            last_id: None,
        };
        let answer = Resume {
            view,
            ..resume.clone()
        };
        let credit = Frame::Credit {
            stream: resume.stream,
            upto: u64::MAX,
            bytes: u64::MAX,
        };
        let ack = Frame::Ack {
            stream: resume.stream,
            durable: last,
            refused: vec![oldest],
        };
        realm.link_frames(link, &[Frame::Resume(answer), credit, ack], now);
    }
    for number in 0..4 {
        for kind in [StreamKind::Mail, StreamKind::Bounce] {
            let resume = Resume {
                stream: Uuid::from_u128(number),
                kind,
                view: View::Sender {
                    oldest: 1,
                    last: 1 << 53,
                },
            };
            realm.link_frames(link, &[Frame::Resume(resume)], now);
        }
    }
}

#[test]
fn no_records_make_it_panic() {
    let clock = prop_oneof![4 => Just(1_790_000_000_000), 1 => Just(0), 1 => Just(u64::MAX)];
    let inputs = (records(), 0_u64..4, clock);

    holds(&inputs, |(records, rows, unix_ms)| {
        let now = Now::new(5, unix_ms);
        // Of each that contradicts those before it there is a sentence, and the rest goes on.
        let mut kept = Vec::new();
        for record in records {
            kept.push(record);
            if let Err(error) = restored(config(), [3; 32], now, kept.clone()) {
                kept.pop();
                let sentence = error.to_string();
                prop_assert!(sentence.contains("contradicts"), "{}", sentence);
            }
        }

        let mut realm = restored(config(), [3; 32], now, kept).unwrap();
        use_it(&mut realm, rows, now);
        Ok(())
    });
}

#[test]
fn what_no_realm_ever_recorded_is_mostly_refused_but_its_own_records_never() {
    holds(&(0_usize..40, any::<u8>()), |(length, seed)| {
        let mut site = Site::seeded(example_with_peer(1, 2).durable(true), seed);
        let (id, token) = site.enter("messi", "surabaya");
        for n in 0..length {
            let line = match n % 5 {
                0 | 1 => format!("send {token} henderson hi\r\n"),
                2 => format!("sendid {token} k{n} messi hi\r\n"),
                3 => format!("send {token} amsal@realm2 hi\r\n"),
                _ => format!("inbox {token}\r\n"),
            };
            site.ask(id, &line);
        }

        for loading in crate::common::LOADINGS {
            let records = site.log.loaded(loading);
            let again = restored(example_with_peer(1, 2), [9; 32], site.now, records);

            prop_assert!(again.is_ok(), "{:?}: {:?}", loading, again.err());
        }
        Ok(())
    });
}

#[test]
fn a_record_left_out_is_refused_or_does_not_matter() {
    holds(
        &(1_usize..40, any::<prop::sample::Index>()),
        |(length, left_out)| {
            let mut site = Site::seeded(example_with_peer(1, 2).durable(true), 1);
            let (id, token) = site.enter("messi", "surabaya");
            for n in 0..length {
                let to = ["messi", "henderson", "amsal@realm2"][n % 3];
                site.ask(id, &format!("send {token} {to} n{n}\r\n"));
            }
            let mut records = site.log.records.clone();
            let left_out = records.remove(left_out.index(records.len()));

            let made = restored(example_with_peer(1, 2), [9; 32], site.now, records);

            let is_gap = match &left_out {
                // A message or a row that is missing in between; of the last nobody can know.
                Record::Delivered { owner, number, .. } => {
                    site.log.messages(*owner).len() as u64 > *number
                }
                Record::Account { user, .. } => user.number() == 0,
                Record::Peer { .. } | Record::Listed { .. } => true,
                _ => false,
            };
            prop_assert!(
                !is_gap || made.is_err(),
                "nobody noticed that this is missing: {:?}",
                left_out
            );
            Ok(())
        },
    );
}
