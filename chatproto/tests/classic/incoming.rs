//! What classic neighbours ask.

use crate::common::{
    EMPTY_INBOX, SENT, Site, UNKNOWN_COMMAND, UNKNOWN_USER, example_with_peer, limits, name,
};
use crate::{INBOX_FULL, Old, config};
use chatproto::{CloseReason, Connection, Detail, ErrorCode, Event, Output};

const INVALID_NAME: &str = "{\"status\": \"ERROR\", \"message\": \"Nama tidak benar\", \"code\": \"invalid_name\"}\r\n\r\n";
const TOO_FEW: &str = "{\"status\": \"ERROR\", \"message\": \"--Protocol Tidak Benar\"}\r\n\r\n";
const TOO_LONG: &str = "{\"status\": \"ERROR\", \"message\": \"Baris terlalu panjang, kirim dalam beberapa bagian\", \"code\": \"line_too_long\"}\r\n\r\n";
const NOT_UTF8: &str = "{\"status\": \"ERROR\", \"message\": \"Baris bukan UTF-8 yang benar\", \"code\": \"invalid_utf8\"}\r\n\r\n";
const LATE: &str = "{\"status\": \"ERROR\", \"message\": \"Baris tidak selesai, akhiri setiap baris dengan CR LF\", \"code\": \"line_timeout\"}\r\n\r\n";
const UNKNOWN_REALM: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tidak dikenal\", \"code\": \"realm_unknown\"}\r\n\r\n";
const NO_GROUP: &str =
    "{\"status\": \"PENDING\", \"message\": \"Tidak ada grup bukber di server\"}\r\n\r\n";
const ASK: &str = "server send amsal messi jadi main mes? \r\n";
const ANSWER: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\", \"sendback\": {\"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" jadi main mes? \\r\\n\"}}\r\n\r\n";
const INBOX: &str = "{\"status\": \"OK\", \"messages\": {\"amsal\": [{\"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" jadi main mes? \\r\\n\"}]}}\r\n\r\n";

#[test]
fn a_message_reaches_the_inbox_and_comes_back_in_the_answer() {
    let mut it = Old::new();

    let answer = it.asked_by("lama", ASK);

    assert_eq!(answer, ANSWER);
    assert_eq!(it.inbox(), INBOX);
}

#[test]
fn any_cut_of_the_bytes_is_the_same_request() {
    for at in 1..ASK.len() {
        let mut it = Old::new();
        let id = it.site.neighbour("lama");

        it.site.receive(id, &ASK.as_bytes()[..at]);
        it.site.receive(id, &ASK.as_bytes()[at..]);

        assert_eq!(it.site.read(id), ANSWER, "cut at {at}");
        assert_eq!(it.inbox(), INBOX, "cut at {at}");
    }
}

#[test]
fn each_request_has_its_answer() {
    let table = [
        ("server send amsal siapa hi\r\n", UNKNOWN_USER),
        ("server send amsal herbert@realm2 hi\r\n", UNKNOWN_USER),
        ("server send amsal messi@realm1 hi\r\n", UNKNOWN_USER),
        ("server send amsal@lama messi hi\r\n", INVALID_NAME),
        ("server send  messi hi\r\n", INVALID_NAME),
        ("server send *realm2* messi hi\r\n", INVALID_NAME),
        ("server send amsal\r\n", TOO_FEW),
        ("server send\r\n", TOO_FEW),
        ("check group amsal bukber other \r\n", NO_GROUP),
        ("check group amsal\r\n", TOO_FEW),
        ("server check group amsal bukber\r\n", UNKNOWN_COMMAND),
        ("auth messi surabaya\r\n", UNKNOWN_COMMAND),
        ("hello\r\n", UNKNOWN_COMMAND),
        ("quit\r\n", UNKNOWN_COMMAND),
        ("logout\r\n", UNKNOWN_COMMAND),
        ("exit", ""),
        ("\r\n", ""),
    ];
    for (line, answer) in table {
        let mut it = Old::new();

        assert_eq!(it.asked_by("lama", line), answer, "{line:?}");
        assert_eq!(it.inbox(), EMPTY_INBOX, "{line:?}");
        assert_eq!(it.site.calls(), [], "{line:?}");
    }
}

#[test]
fn a_token_is_worth_nothing_there() {
    let mut it = Old::new();
    let token = it.token.clone();
    let id = it.site.neighbour("lama");

    for verb in ["inbox", "activeuser", "logout", "peek", "send", "group"] {
        let line = format!("{verb} {token} henderson hi\r\n");
        assert_eq!(it.site.say(id, &line), UNKNOWN_COMMAND, "{verb}");
    }

    assert_eq!(it.send("henderson", "hi"), SENT);
}

#[test]
fn a_client_cannot_ask_as_a_neighbour() {
    let mut it = Old::new();

    assert_eq!(it.site.say(it.messi, ASK), UNKNOWN_COMMAND);
    assert_eq!(it.inbox(), EMPTY_INBOX);
}

#[test]
fn a_bare_lf_is_a_byte_of_the_text() {
    let mut it = Old::new();

    it.asked_by("lama", "server send amsal messi satu\ndua\r\n");

    assert!(it.inbox().contains("\" satu\\ndua\\r\\n\""));
}

#[test]
fn several_requests_on_one_connection_are_answered_in_order() {
    let mut it = Old::new();
    let id = it.site.neighbour("lama");

    let all = [ASK, "x\r\n", "\r\n", ASK].concat();

    assert_eq!(
        it.site.say(id, &all),
        [ANSWER, UNKNOWN_COMMAND, ANSWER].concat()
    );
}

#[test]
fn hostile_lines_are_answered_and_bounded() {
    let mut it = Old::limited(limits(&[("line_bytes_max", 256), ("line_ms_max", 500)]));
    let id = it.site.neighbour("lama");

    let long = format!("server send amsal messi {}\r\n", "x".repeat(300));
    assert_eq!(it.site.say(id, &long), TOO_LONG);
    it.site.receive(id, b"server send amsal messi \xff\r\n");
    assert_eq!(it.site.read(id), NOT_UTF8);
    it.site.receive(id, b"server send amsal me");
    it.site.wait(500);
    assert_eq!(it.site.read(id), LATE);
    it.site.receive(id, b"ssi hi\r\n");

    assert_eq!(it.site.say(id, ASK), ANSWER);
    assert_eq!(it.inbox(), INBOX);
}

#[test]
fn who_reads_nothing_is_not_read_from() {
    let mut it = Old::limited(limits(&[
        ("outgoing_bytes_max", 1_024),
        ("waiting_bytes_max", 1_024),
    ]));
    let id = it.site.neighbour("lama");
    it.site.deaf.insert(id);

    for _ in 0..100 {
        it.site.receive(id, ASK.as_bytes());
    }

    assert!(it.site.outputs.contains(&Output::PauseRead(id)));
    let messages = it.inbox().matches("jadi main").count();
    assert!((1..20).contains(&messages), "{messages}");
}

#[test]
fn connections_of_neighbours_count_like_those_of_clients() {
    let mut it = Old::limited(limits(&[("connections_per_address_max", 2)]));

    let ids = [(); 3].map(|()| it.site.neighbour("lama"));

    assert!(it.site.read(ids[2]).contains("\"address_connections\""));
    let closed = Output::Close(ids[2], CloseReason::Refused);
    assert!(it.site.outputs.contains(&closed));
    assert_eq!(it.site.say(ids[0], ASK), ANSWER);
}

#[test]
fn inboxes_have_their_bounds() {
    let mut it = Old::limited(limits(&[("inbox_messages_max", 1)]));

    let first = it.asked_by("lama", ASK);
    let second = it.asked_by("lama", ASK);

    assert_eq!((first.as_str(), second.as_str()), (ANSWER, INBOX_FULL));
    let told = Event::MailRefused {
        peer: name("lama"),
        code: ErrorCode::InboxFull,
    };
    assert!(it.site.events().contains(&&told));
    assert_eq!(it.inbox(), INBOX);
}

#[test]
fn who_is_called_like_a_user_here_is_shown_with_the_realm() {
    let mut it = Old::new();

    it.asked_by("lama", "server send henderson messi aku henderson\r\n");

    let inbox = it.inbox();
    assert!(
        inbox.contains("{\"henderson@lama\": [{\"msg_from\": \"henderson@lama\","),
        "{inbox}"
    );
}

#[test]
fn a_listener_of_no_neighbour_refuses() {
    for config in [config(), example_with_peer(1, 2)] {
        let mut site = Site::new(config);
        let id = site
            .realm
            .open(Connection::classic("10.0.0.9", name("realm2")), site.now);
        site.run();

        assert_eq!(site.read(id), UNKNOWN_REALM);
        let closed = Output::Close(id, CloseReason::Refused);
        assert!(site.outputs.contains(&closed));
    }
}

#[test]
fn logs_show_what_was_asked_and_no_secrets() {
    let mut it = Old::of(config().detail(Detail::Wire));
    let token = it.token.clone();

    for line in [
        ASK.to_owned(),
        "auth messi surabaya\r\n".to_owned(),
        format!("inbox {token}\r\n"),
        format!("server send amsal messi {token} auth messi surabaya\r\n"),
    ] {
        it.asked_by("lama", &line);
    }

    let received: Vec<_> = it
        .site
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Received { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        received,
        [ASK, "***", "***", "server send amsal messi *** auth ***"]
    );
}

#[test]
fn the_log_tells_who_is_said_to_have_written() {
    let mut it = Old::of(config().detail(Detail::Commands));
    let id = it.site.neighbour("lama");

    it.site.say(id, ASK);

    let told = Event::ClassicReceived {
        connection: id,
        peer: name("lama"),
        from: "amsal".parse().unwrap(),
        to: "messi".parse().unwrap(),
    };
    assert_eq!(it.site.events(), [&told]);
}
