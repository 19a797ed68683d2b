//! Any driver, with any ids and any clock: no panic, and mistakes are told.

use crate::common::{cheap, example, hash, hello, limits, name, token_of};
use crate::holds;
use chatproto::store::{Fetched, Message};
use chatproto::{
    ClassicAnswer, Connection, ConnectionId, Direction, Frame, LinkId, Misuse, Now, Output,
    PasswordAnswer, Passwords, PeerConfig, Realm, RequestId, Sender, StoreFailure, UserConfig,
    UserId,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// One call of a driver, right or wrong. Ids are numbers, of things that are there or not.
#[derive(Clone, Debug)]
enum Call {
    Open,
    Receive(u64, Vec<u8>),
    Ended(u64),
    Closed(u64),
    Sent(u64, usize),
    SentAll(u64),
    Shutdown,
    Execute(Vec<u8>),
    LinkUp(bool, bool),
    LinkFrames(u64, u64),
    LinkDown(u64),
    LinkSent(u64, usize),
    DialFailed(bool),
    TakeBatch,
    Committed(u64),
    StoreFailed(u64, bool),
    /// Reads and writes the inbox of somebody who is logged in.
    Post(u64, Vec<u8>),
    Fetched(u64, Option<u64>),
    Verified(u64, u64),
    /// From the listener of a classic neighbour, or of none.
    Come(bool),
    Called(u64, u64),
    Poll,
    PollAll,
    Timeout,
    Clock(u64, u64),
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0_u64..5,
        2 => (0_u64..4, 0_u64..4).prop_map(|(use_of, index)| use_of << 32 | index),
        1 => any::<u64>(),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"auth messi surabaya\r\n".to_vec()),
        Just(b"auth henderson surabaya\r\n".to_vec()),
        Just(b"hello\r\nquit\r\n".to_vec()),
        Just(b"group x bukber origin\r\n".to_vec()),
        Just(b"send".to_vec()),
        Just(b"exit".to_vec()),
        vec(any::<u8>(), 0..30),
    ]
}

/// What is done with an inbox; `T` is a token.
fn page() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(&b"send T messi hi\r\n"[..]),
        1 => Just(&b"sendid T k messi hi\r\n"[..]),
        2 => Just(&b"send T budi@lama hi\r\n"[..]),
        1 => Just(&b"sendid T k budi hi\r\n"[..]),
        1 => Just(&b"server send budi messi hi\r\n"[..]),
        2 => Just(&b"inbox T\r\n"[..]),
        2 => Just(&b"peek T\r\n"[..]),
        1 => Just(&b"peek T 1\r\n"[..]),
        1 => Just(&b"ack T 1\r\n"[..]),
        2 => Just(&b"history T messi\r\n"[..]),
    ]
    .prop_map(<[u8]>::to_vec)
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0_u64..100_000,
        2 => 0_u64..=1 << 53,
        1 => u64::MAX - 50_000..=u64::MAX,
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let size = || prop_oneof![0_usize..100, Just(usize::MAX)];
    prop_oneof![
        5 => Just(Call::Open),
        9 => (id(), bytes()).prop_map(|(id, bytes)| Call::Receive(id, bytes)),
        1 => id().prop_map(Call::Ended),
        2 => id().prop_map(Call::Closed),
        4 => (id(), size()).prop_map(|(id, n)| Call::Sent(id, n)),
        6 => id().prop_map(Call::SentAll),
        1 => prop_oneof![9 => Just(Call::Poll), 1 => Just(Call::Shutdown)],
        2 => bytes().prop_map(Call::Execute),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(known, dialled)| Call::LinkUp(known, dialled)),
        5 => (id(), 0_u64..4).prop_map(|(id, kind)| Call::LinkFrames(id, kind)),
        1 => id().prop_map(Call::LinkDown),
        3 => (id(), size()).prop_map(|(id, n)| Call::LinkSent(id, n)),
        1 => any::<bool>().prop_map(Call::DialFailed),
        4 => Just(Call::TakeBatch),
        4 => (0_u64..6).prop_map(Call::Committed),
        1 => (0_u64..6, any::<bool>()).prop_map(|(n, is_full)| Call::StoreFailed(n, is_full)),
        8 => (id(), page()).prop_map(|(id, line)| Call::Post(id, line)),
        4 => (0_u64..30, prop::option::of(0_u64..9)).prop_map(|(id, n)| Call::Fetched(id, n)),
        4 => (0_u64..30, 0_u64..4).prop_map(|(id, kind)| Call::Verified(id, kind)),
        1 => any::<bool>().prop_map(Call::Come),
        4 => (0_u64..30, 0_u64..4).prop_map(|(id, kind)| Call::Called(id, kind)),
        3 => Just(Call::Poll),
        2 => Just(Call::PollAll),
        4 => Just(Call::Timeout),
        3 => (time(), time()).prop_map(|(mono, unix)| Call::Clock(mono, unix)),
    ]
}

/// A realm with somebody logged in, and the token.
fn realm(is_durable: bool) -> (Realm, String) {
    let henderson = UserConfig::hashed("henderson", "", "", hash("surabaya")).unwrap();
    let mut config = example(1)
        .peer(PeerConfig::new(name("realm2")))
        .peer(PeerConfig::classic(name("lama")))
        .passwords(Passwords::Argon2id(cheap()))
        .limits(limits(&[("inbox_memory_bytes_max", 0)]))
        .durable(is_durable);
    config.users[1] = henderson;
    let now = Now::new(0, 0);
    let mut realm = Realm::new(config, [1; 32], now).unwrap();
    let id = realm.open(Connection::new("10.0.0.1"), now);
    realm.receive(id, b"auth messi surabaya\r\n", now);
    while let Some(batch) = realm.take_batch() {
        realm.committed(batch.number, now).unwrap();
    }
    let token = token_of(std::str::from_utf8(realm.outgoing(id)).unwrap());
    realm.sent(id, realm.outgoing(id).len(), now).unwrap();
    (realm, token)
}

/// Makes a call; the errors that there may be are those of the caller.
fn make((realm, token): &mut (Realm, String), call: &Call, now: &mut Now) -> Result<(), Misuse> {
    let client = ConnectionId::from_u64;
    let link = LinkId::from_u64;
    let peer = |is_known: bool| name(if is_known { "realm2" } else { "realm9" });
    match call {
        Call::Open => drop(realm.open(Connection::new("10.0.0.1"), *now)),
        Call::Receive(id, bytes) => realm.receive(client(*id), bytes, *now),
        Call::Ended(id) => realm.ended(client(*id), *now),
        Call::Closed(id) => realm.closed(client(*id), *now),
        Call::Sent(id, n) => return realm.sent(client(*id), *n, *now),
        Call::SentAll(id) => {
            let n = realm.outgoing(client(*id)).len();
            realm.sent(client(*id), n, *now)?;
        }
        Call::Shutdown => realm.shutdown(*now),
        Call::Execute(command) => drop(realm.execute(command, *now)),
        Call::LinkUp(is_known, is_dialled) => {
            let direction = if *is_dialled {
                Direction::Dialled
            } else {
                Direction::Accepted
            };
            realm.link_up(&peer(*is_known), direction, *now)?;
        }
        Call::LinkFrames(id, kind) => {
            let frame = match kind {
                0 | 1 => hello("realm2", "realm1"),
                2 => Frame::Ping { n: 1 },
                _ => Frame::Answer { id: 1, found: true },
            };
            realm.link_frames(link(*id), &[frame], *now);
        }
        Call::LinkDown(id) => realm.link_down(link(*id), *now),
        Call::LinkSent(id, n) => return realm.link_sent(link(*id), *n, *now),
        Call::DialFailed(is_known) => return realm.dial_failed(&peer(*is_known), "refused", *now),
        Call::TakeBatch => drop(realm.take_batch()),
        Call::Committed(number) => return realm.committed(*number, *now),
        Call::StoreFailed(number, is_full) => {
            let failure = if *is_full {
                StoreFailure::Full
            } else {
                StoreFailure::Broken
            };
            return realm.store_failed(*number, failure, *now);
        }
        Call::Post(id, said) => {
            let said = String::from_utf8_lossy(said).replace(" T", &format!(" {token}"));
            realm.receive(client(*id), said.as_bytes(), *now);
        }
        Call::Fetched(request, rows) => {
            return realm.fetched(RequestId(*request), rows.map(rows_found), *now);
        }
        Call::Verified(request, kind) => {
            let answer = match kind {
                0 => PasswordAnswer::Right,
                1 => PasswordAnswer::Wrong,
                2 => PasswordAnswer::Hashed(hash("surabaya")),
                _ => PasswordAnswer::Failed,
            };
            return realm.verified(RequestId(*request), answer, *now);
        }
        Call::Come(is_known) => {
            let neighbour = name(if *is_known { "lama" } else { "realm2" });
            let _ = realm.open(Connection::classic("10.0.0.1", neighbour), *now);
        }
        Call::Called(request, kind) => {
            let answer = match kind {
                0 => ClassicAnswer::NotReached,
                1 => ClassicAnswer::NoAnswer,
                2 => ClassicAnswer::Answered(b"{\"status\": \"OK\"}".to_vec()),
                _ => ClassicAnswer::Answered(vec![0xff; 9]),
            };
            return realm.called(RequestId(*request), answer, *now);
        }
        Call::Poll => drop(realm.poll_output()),
        Call::PollAll => while realm.poll_output().is_some() {},
        Call::Timeout => realm.handle_timeout(*now),
        Call::Clock(mono, unix) => *now = Now::new(*mono, *unix),
    }
    Ok(())
}

/// As many messages, whether they are the right ones or not.
fn rows_found(rows: u64) -> Fetched {
    let message = |number| Message {
        number,
        sender: Sender::Local(UserId::from_number(number as u32)),
        unix_ms: 0,
        text: "hi".into(),
    };
    Fetched {
        messages: (1..=rows).map(message).collect(),
        more: false,
    }
}

#[test]
fn no_calls_make_it_panic() {
    let inputs = (vec(call(), 0..150), any::<bool>());

    holds(&inputs, |(calls, is_durable)| {
        let mut realm = realm(is_durable);
        let mut now = Now::new(0, 0);
        for call in &calls {
            let misuse = make(&mut realm, call, &mut now).err();
            let expected = match call {
                Call::Sent(..) | Call::LinkSent(..) => vec![Misuse::SentTooMuch],
                Call::LinkUp(false, _) | Call::DialFailed(false) => vec![Misuse::UnknownPeer],
                Call::Committed(_) | Call::StoreFailed(..) => vec![Misuse::WrongBatch],
                Call::Fetched(..) | Call::Verified(..) | Call::Called(..) => {
                    vec![Misuse::UnknownRequest]
                }
                _ => Vec::new(),
            };
            prop_assert!(
                misuse.is_none_or(|misuse| expected.contains(&misuse)),
                "{:?}",
                misuse
            );
        }
        Ok(())
    });
}

#[test]
fn an_unknown_peer_is_always_told() {
    let calls = vec(call(), 0..60);

    holds(&calls, |calls| {
        let mut realm = realm(false);
        let mut now = Now::new(0, 0);
        for call in &calls {
            let _ = make(&mut realm, call, &mut now);
        }

        let (realm, unknown) = (&mut realm.0, name("realm9"));
        let link = realm.link_up(&unknown, Direction::Accepted, now);
        let dial = realm.dial_failed(&unknown, "refused", now);

        prop_assert_eq!(link, Err(Misuse::UnknownPeer));
        prop_assert_eq!(dial, Err(Misuse::UnknownPeer));
        Ok(())
    });
}

#[test]
fn an_answer_to_what_was_not_asked_is_told() {
    let inputs = (vec(call(), 0..60), any::<u64>(), 0_u64..5);

    holds(&inputs, |(calls, request, rows)| {
        let mut realm = realm(true);
        let mut now = Now::new(0, 0);
        for call in &calls {
            let _ = make(&mut realm, call, &mut now);
        }

        let (realm, request) = (&mut realm.0, RequestId(request | 1 << 40));
        let rows = realm.fetched(request, Some(rows_found(rows)), now);
        let verdict = realm.verified(request, PasswordAnswer::Right, now);

        prop_assert_eq!(rows, Err(Misuse::UnknownRequest));
        prop_assert_eq!(verdict, Err(Misuse::UnknownRequest));
        Ok(())
    });
}

#[test]
fn every_request_is_answered_once() {
    let calls = vec(call(), 0..60);

    holds(&calls, |calls| {
        let mut realm = realm(true);
        let mut now = Now::new(0, 0);
        let is_timely = |call: &&Call| !matches!(call, Call::Poll | Call::PollAll);
        for call in calls.iter().filter(is_timely) {
            let _ = make(&mut realm, call, &mut now);
        }

        let (realm, rows) = (&mut realm.0, Some(rows_found(1)));
        let mut answered = 0;
        while let Some(output) = realm.poll_output() {
            let again = match output {
                Output::Fetch(request, _) => {
                    let _ = realm.fetched(request, rows.clone(), now);
                    realm.fetched(request, rows.clone(), now)
                }
                Output::Hash(request, job) => {
                    let _ = realm.verified(request, job.run(), now);
                    realm.verified(request, PasswordAnswer::Right, now)
                }
                _ => continue,
            };
            prop_assert_eq!(again, Err(Misuse::UnknownRequest));
            answered += 1;
        }
        prop_assert!(answered >= 2, "the hashes of the configuration's passwords");
        Ok(())
    });
}

#[test]
fn more_sent_than_there_was_is_told_and_changes_nothing() {
    let inputs = (1_usize..20, 1_usize..100, 0_usize..1_000);

    holds(&inputs, |(lines, over, part)| {
        let (mut realm, _) = realm(false);
        let now = Now::new(0, 0);
        let id = realm.open(Connection::new("10.0.0.1"), now);
        realm.receive(id, "x\r\n".repeat(lines).as_bytes(), now);
        let outgoing = realm.outgoing(id).to_vec();
        let part = part.min(outgoing.len());

        let too_much = realm.sent(id, outgoing.len() + over, now);
        prop_assert_eq!(too_much, Err(Misuse::SentTooMuch));
        prop_assert_eq!(realm.outgoing(id), &outgoing[..]);
        prop_assert_eq!(realm.sent(id, part, now), Ok(()));
        prop_assert_eq!(realm.outgoing(id), &outgoing[part..]);
        let too_much = realm.sent(id, outgoing.len() - part + over, now);

        prop_assert_eq!(too_much, Err(Misuse::SentTooMuch));
        prop_assert_eq!(realm.outgoing(id), &outgoing[part..]);
        Ok(())
    });
}

/// What a login without a connection is answered, where a driver says something about every
/// connection that there might be meanwhile.
fn answer_beside(interfere: impl Fn(&mut Realm, ConnectionId, Now)) -> String {
    let (mut realm, _) = realm(false);
    let now = Now::new(0, 0);
    realm.execute(b"auth henderson salah", now);

    for id in (0..100).map(ConnectionId::from_u64) {
        interfere(&mut realm, id, now);
    }

    let mut replies = Vec::new();
    while let Some(output) = realm.poll_output() {
        match output {
            Output::Hash(request, job) => realm.verified(request, job.run(), now).unwrap(),
            Output::Reply(_, reply) => replies.push(String::from_utf8(reply).unwrap()),
            _ => {}
        }
    }
    replies.concat()
}

#[test]
fn what_carries_a_request_is_nobodys_connection() {
    let wrong = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n";

    let received = answer_beside(|realm, id, now| realm.receive(id, b"activeuser x\r\n", now));
    let ended = answer_beside(Realm::ended);
    let closed = answer_beside(Realm::closed);
    let sent = answer_beside(|realm, id, now| {
        let _ = realm.sent(id, 1, now);
    });

    assert_eq!([received, ended, closed, sent], [wrong; 4]);
}

#[test]
fn a_shut_down_realm_always_gets_there() {
    let inputs = (vec(call(), 0..100), any::<bool>());

    holds(&inputs, |(calls, is_durable)| {
        let mut realm = realm(is_durable);
        let mut now = Now::new(0, 0);
        let calls = calls.iter().filter(|call| !matches!(call, Call::Clock(..)));
        for call in calls {
            let _ = make(&mut realm, call, &mut now);
        }

        let realm = &mut realm.0;
        realm.shutdown(now);
        while let Some(output) = realm.poll_output() {
            if let Output::Send(id) = output {
                let n = realm.outgoing(id).len();
                realm.sent(id, n, now).unwrap();
            }
        }
        // A full store is tried again, and last words have had their time.
        for _ in 0..3 {
            now = now.after_ms(5_000);
            realm.handle_timeout(now);
            for number in 0..200 {
                realm.take_batch();
                let _ = realm.committed(number, now);
            }
        }
        while realm.poll_output().is_some() {}

        prop_assert!(realm.is_shut_down());
        Ok(())
    });
}
