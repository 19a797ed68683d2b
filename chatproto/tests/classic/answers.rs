//! What comes of a message to a classic neighbour.

use crate::common::{NO_SESSION, SENT, UNKNOWN_USER, limits, name};
use crate::{AWAY, Old, REFUSED, TAKEN, UNCLEAR, WRONG_TEXT};
use chatproto::{ClassicAnswer, Direction, ErrorCode, Event, Misuse, Output, RequestId};

const GROUP_AWAY: &str = AWAY;

#[test]
fn a_message_waits_for_the_neighbours_ok() {
    let mut it = Old::new();

    let at_once = it.send("budi@lama", "apa kabar? ");
    let (request, line) = it.call();
    let behind = it.send("henderson", "hi");
    let reply = it.answer(request, TAKEN);

    assert_eq!(line, "lama: server send messi budi apa kabar? \r\n");
    assert_eq!((at_once.as_str(), behind.as_str()), ("", ""));
    assert_eq!(reply, [SENT, SENT].concat());
}

#[test]
fn each_answer_has_its_reply() {
    let refused = "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n";
    let answered = |text: &str| ClassicAnswer::Answered(text.into());
    let table = [
        (answered(TAKEN), SENT),
        (answered(UNKNOWN_USER), UNKNOWN_USER),
        (answered(refused), REFUSED),
        (answered("HTTP/1.1 400 Bad Request\r\n\r\n"), UNCLEAR),
        (answered(&TAKEN[..40]), UNCLEAR),
        (answered(""), UNCLEAR),
        (ClassicAnswer::NoAnswer, UNCLEAR),
        (ClassicAnswer::NotReached, AWAY),
    ];
    for (answer, reply) in table {
        let mut it = Old::new();
        it.send("budi@lama", "hi");
        let (request, _) = it.call();

        it.site.called(request, answer.clone());

        assert_eq!(it.site.read(it.messi), reply, "{answer:?}");
        assert_eq!(it.site.calls(), [], "{answer:?}");
    }
}

#[test]
fn texts_that_would_be_kept_otherwise_are_refused_before_anything_leaves() {
    let mut it = Old::new();

    for text in [
        "satu\ndua",
        "satu\rdua",
        "satu\r",
        "the server is down",
        "server x",
    ] {
        assert_eq!(it.send("budi@lama", text), WRONG_TEXT, "{text:?}");
        assert_eq!(it.send("budi", text), WRONG_TEXT, "{text:?}");
    }

    assert_eq!(it.site.calls(), []);
    assert_eq!(it.send("observer@lama", "hi"), WRONG_TEXT);
    assert_eq!(it.send("budi@lama", "servers, and a server"), "");
}

#[test]
fn an_answer_in_time_ends_the_wait() {
    let mut it = Old::limited(limits(&[("classic_ms_max", 700)]));
    it.send("budi@lama", "hi");
    let (request, _) = it.call();
    it.site.wait(699);

    assert_eq!(it.answer(request, TAKEN), SENT);
    it.site.wait(1_000);
    assert_eq!(it.site.read(it.messi), "");
}

#[test]
fn given_up_calls_make_room() {
    let mut it = Old::limited(limits(&[("classic_calls_max", 1)]));
    it.send("budi@lama", "hi");
    it.call();

    it.site.wait(5_000);

    assert_eq!(it.site.read(it.messi), UNCLEAR);
    assert_eq!(it.send("budi@lama", "hi"), "");
}

#[test]
fn a_neighbour_without_an_address_is_never_called() {
    let mut it = Old::new();

    assert_eq!(it.send("budi@datang", "hi"), AWAY);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn answers_to_what_was_never_asked_are_the_drivers_mistake() {
    let mut it = Old::new();
    let now = it.site.now;

    let answer = || ClassicAnswer::NotReached;
    let beyond = it.site.realm.called(RequestId(1), answer(), now);
    let zero = it.site.realm.called(RequestId(0), answer(), now);
    it.send("budi@lama", "hi");
    let (request, _) = it.call();
    let first = it.site.realm.called(request, answer(), now);
    let second = it.site.realm.called(request, answer(), now);

    assert_eq!(beyond, Err(Misuse::UnknownRequest));
    assert_eq!(zero, Err(Misuse::UnknownRequest));
    assert_eq!((first, second), (Ok(()), Ok(())));
}

#[test]
fn a_classic_neighbour_has_no_link() {
    let mut it = Old::new();

    let link = it
        .site
        .realm
        .link_up(&name("lama"), Direction::Accepted, it.site.now);
    it.site.wait(600_000);

    assert_eq!(link, Err(Misuse::UnknownPeer));
    let dials = it.site.outputs.iter();
    assert!(!dials.into_iter().any(|it| matches!(it, Output::Dial(_))));
}

#[test]
fn a_group_of_a_classic_neighbour_cannot_be_joined() {
    let mut it = Old::new();

    let line = format!("group {} bukber@lama origin\r\n", it.token);

    assert_eq!(it.site.say(it.messi, &line), GROUP_AWAY);
}

#[test]
fn a_client_that_leaves_is_not_waited_for() {
    let mut it = Old::new();
    it.send("budi@lama", "hi");
    let (request, _) = it.call();
    let line = format!("send {} henderson hi\r\n", it.token);
    it.site.receive(it.messi, line.as_bytes());

    it.site.hang_up(it.messi);
    it.answer(request, TAKEN);

    let (id, token) = it.site.log_in("henderson", "surabaya");
    assert!(it.site.inbox(id, &token).contains("\" hi\\r\\n\""));
}

#[test]
fn a_shutdown_says_that_it_is_not_known_what_came_of_it() {
    let mut it = Old::new();
    it.send("budi@lama", "hi");
    let request = it.site.realm.execute(
        format!("send {} siti@lama hi", it.token).as_bytes(),
        it.site.now,
    );
    it.site.run();
    let calls = it.site.calls();

    it.site.realm.shutdown(it.site.now);
    it.site.run();

    let last = it.site.read(it.messi);
    let down = "{\"status\": \"ERROR\", \"message\": \"Server sedang dimatikan\", \"code\": \"shutting_down\"}\r\n\r\n";
    assert_eq!(last, [UNCLEAR, down].concat());
    let reply = Output::Reply(request, UNCLEAR.into());
    assert!(it.site.outputs.contains(&reply));
    for (call, _) in calls {
        it.site.called(call, ClassicAnswer::Answered(TAKEN.into()));
    }
    assert!(it.site.realm.is_shut_down());
}

#[test]
fn a_request_without_a_connection_waits_too() {
    let mut it = Old::new();
    let line = format!("send {} budi@lama hi", it.token);

    let request = it.site.realm.execute(line.as_bytes(), it.site.now);
    it.site.run();
    let (call, line) = it.call();
    it.site.answer(call, TAKEN);

    assert_eq!(line, "lama: server send messi budi hi\r\n");
    let reply = Output::Reply(request, SENT.into());
    assert!(it.site.outputs.contains(&reply));
}

#[test]
fn nobody_is_called_without_a_session() {
    let mut it = Old::new();
    it.token = "x".to_owned();

    assert_eq!(it.send("budi@lama", "hi"), NO_SESSION);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn a_neighbour_that_fails_is_told_of_once_in_a_row() {
    let mut it = Old::new();
    let mut one = |answer: ClassicAnswer| {
        it.send("budi@lama", "hi");
        let (request, _) = it.call();
        it.site.called(request, answer);
        it.site.read(it.messi);
    };

    one(ClassicAnswer::NotReached);
    one(ClassicAnswer::NotReached);
    one(ClassicAnswer::NoAnswer);
    one(ClassicAnswer::Answered(TAKEN.into()));
    one(ClassicAnswer::NoAnswer);

    let failed = |code| Event::ClassicFailed {
        peer: name("lama"),
        code,
    };
    let told: Vec<_> = it.site.events().into_iter().cloned().collect();
    let expected = [
        ErrorCode::RealmAway,
        ErrorCode::DeliveryUnknown,
        ErrorCode::DeliveryUnknown,
    ];
    assert_eq!(told, expected.map(failed));
}
