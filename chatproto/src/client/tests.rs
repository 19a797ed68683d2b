use super::*;
use crate::error::ErrorCode;

const OK: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const UNKNOWN: &[u8] =
    b"{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}\r\n\r\n";
const TOKEN: &str = "11111111-2222-4333-8444-555555555555";

/// Makes a request.
type Begin = fn(&mut Client) -> Result<u64, RequestError>;

/// What the client writes, and that it was written.
fn written(client: &mut Client) -> String {
    let text = String::from_utf8(client.outgoing().to_vec()).unwrap();
    client.sent(text.len());
    text
}

/// All that has come.
fn come(client: &mut Client) -> Vec<Incoming> {
    std::iter::from_fn(|| client.next()).collect()
}

fn logged_in() -> Client {
    let mut client = Client::new();
    client.log_in("messi", "surabaya").unwrap();
    written(&mut client);
    let reply = format!("{{\"status\": \"OK\", \"tokenid\": \"{TOKEN}\"}}\r\n\r\n");
    client.receive(reply.as_bytes());
    assert_eq!(come(&mut client).len(), 1);
    client
}

/// In the group bukber, with one text read.
fn in_group() -> Client {
    let mut client = logged_in();
    client.join("bukber").unwrap();
    written(&mut client);
    client.receive(b"messi telah bergabung");
    assert_eq!(come(&mut client).len(), 2);
    client
}

fn texts(incoming: &[Incoming]) -> String {
    let texts = incoming.iter().map(|it| match it {
        Incoming::Text(text) => text.as_str(),
        _ => "|",
    });
    texts.collect()
}

#[test]
fn a_token_is_kept_and_used_and_not_shown() {
    let mut client = Client::new();
    assert_eq!(client.inbox(), Err(RequestError::NotLoggedIn));
    let login = client.log_in("messi", "surabaya").unwrap();
    assert_eq!(written(&mut client), "auth messi surabaya\r\n");
    let reply = format!("{{\"status\": \"OK\", \"tokenid\": \"{TOKEN}\"}}\r\n\r\n");
    client.receive(reply.as_bytes());

    let Some(Incoming::Reply { request, reply }) = client.next() else {
        panic!("no reply");
    };

    assert_eq!((request, client.is_logged_in()), (login, true));
    assert_eq!(reply.json(), "{\"status\": \"OK\", \"tokenid\": \"***\"}");
    assert!(!format!("{client:?} {reply:?}").contains(TOKEN));
    client.send("henderson", "apa kabar").unwrap();
    assert_eq!(
        written(&mut client),
        format!("send {TOKEN} henderson apa kabar\r\n")
    );
}

#[test]
fn requests_are_lines_of_the_protocol() {
    let requests: [(&str, Begin); 9] = [
        ("logout T", |it| it.log_out()),
        ("send T amsal@realm2 ya\n2", |it| {
            it.send("amsal@realm2", "ya\n2")
        }),
        ("sendid T k7 messi ", |it| it.send_once("k7", "messi", "")),
        ("inbox T", |it| it.inbox()),
        ("peek T 20", |it| it.peek(20)),
        ("ack T 7", |it| it.ack(7)),
        ("activeuser T", |it| it.active_users()),
        ("group T bukber origin", |it| it.join("bukber")),
        ("history T messi 7", |it| it.command("history", "messi 7")),
    ];

    for (line, request) in requests {
        let mut client = logged_in();
        request(&mut client).unwrap();
        assert_eq!(
            written(&mut client),
            format!("{}\r\n", line.replacen('T', TOKEN, 1))
        );
    }
}

#[test]
fn the_next_request_waits_for_the_reply() {
    let mut client = logged_in();
    let first = client.send("messi", "1").unwrap();
    let second = client.line("hello").unwrap();
    assert!(written(&mut client).ends_with(" messi 1\r\n"));
    assert_eq!(client.outgoing(), b"");

    client.receive(OK);

    assert_eq!(written(&mut client), "hello\r\n");
    client.receive(UNKNOWN);
    let numbers = come(&mut client).into_iter().map(|it| match it {
        Incoming::Reply { request, reply } => (request, reply.is_ok(), reply.error()),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [
            (first, true, None),
            (second, false, Some(ErrorCode::NoSession))
        ]
    );
}

#[test]
fn replies_are_the_same_however_they_are_cut() {
    let bytes = [OK, UNKNOWN].concat();
    for at in 0..=bytes.len() {
        let mut client = logged_in();
        client.line("a").unwrap();
        client.line("b").unwrap();

        let (one, other) = bytes.split_at(at);
        client.receive(one);
        client.receive(other);

        let come = come(&mut client);
        assert!(
            matches!(come[..], [Incoming::Reply { .. }, Incoming::Reply { .. }]),
            "{at}: {come:?}"
        );
    }
}

#[test]
fn messages_are_told_in_the_order_of_the_reply() {
    let mut client = logged_in();
    client.inbox().unwrap();
    client.receive(
        b"{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"Lionel Messi\", \"msg_to\": \"Jordan Henderson\", \"msg\": \" a\\u00e9\\r\\n\"}], \"amsal@realm2\": [], \"b\": [{\"msg_from\": \"B\", \"msg_to\": \"J\", \"msg\": \"\"}]}}\r\n\r\n",
    );
    client.peek(1).unwrap();
    client.receive(
        b"{\"status\": \"OK\", \"messages\": [{\"id\": 7, \"from\": \"messi\", \"msg_from\": \"Lionel Messi\", \"msg_to\": \"J\", \"msg\": \" b\", \"ts\": 951782400000}], \"left\": 3}\r\n\r\n",
    );
    client.log_out().unwrap();
    client.receive(b"{\"status\": \"OK\", \"messages\": \"Logged Out!\"}\r\n\r\n");

    let replies: Vec<_> = come(&mut client)
        .into_iter()
        .map(|it| match it {
            Incoming::Reply { reply, .. } => reply.messages().to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();

    let message = |id, from: &str, display: &str, to: &str, text: &str, unix_ms| Message {
        id,
        from: from.to_owned(),
        display_from: display.to_owned(),
        display_to: to.to_owned(),
        text: text.to_owned(),
        unix_ms,
    };
    assert_eq!(
        replies,
        [
            vec![
                message(
                    None,
                    "messi",
                    "Lionel Messi",
                    "Jordan Henderson",
                    " a\u{e9}\r\n",
                    None
                ),
                message(None, "b", "B", "J", "", None),
            ],
            vec![message(
                Some(7),
                "messi",
                "Lionel Messi",
                "J",
                " b",
                Some(951_782_400_000)
            )],
            vec![],
        ]
    );
    assert!(!client.is_logged_in());
}

#[test]
fn a_group_is_joined_spoken_in_and_left() {
    let mut client = logged_in();
    let join = client.join("bukber").unwrap();
    written(&mut client);
    client.receive("messi telah bergabung é".as_bytes().split_last().unwrap().1);
    client.receive(b"\xa9");
    assert_eq!(
        come(&mut client),
        [
            Incoming::Joined { request: join },
            Incoming::Text("messi telah bergabung ".to_owned()),
            Incoming::Text("é".to_owned()),
        ]
    );

    client.say("halo").unwrap();
    client.say("semua").unwrap();
    assert_eq!(client.inbox(), Err(RequestError::InGroup));
    assert_eq!(written(&mut client), "halo");
    assert_eq!(written(&mut client), "semua");
    let leave = client.leave().unwrap();
    assert_eq!(written(&mut client), "exit");
    client.receive(b"messi: halo");
    client.receive(b"exit");
    client.receive(b"{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n");

    let come = come(&mut client);
    assert_eq!(texts(&come), "messi: halo|");
    assert!(matches!(&come[1], Incoming::Reply { request, reply }
        if *request == leave && reply.message() == Some("Telah keluar dari grup bukber")));
    client.inbox().unwrap();
    assert!(written(&mut client).starts_with("inbox "));
}

#[test]
fn a_group_is_left_however_the_end_is_cut() {
    let end: &[u8] =
        b"henderson: exit{exitexit{\"status\": \"OK\", \"message\": \"Telah keluar\"}\r\n\r\n";
    for at in 0..=end.len() {
        let mut client = in_group();
        client.leave().unwrap();

        let (one, other) = end.split_at(at);
        client.receive(one);
        client.receive(other);

        assert_eq!(texts(&come(&mut client)), "henderson: exit{exit|", "{at}");
        assert!(!client.is_in_group());
    }
}

#[test]
fn a_group_that_is_refused_is_a_reply() {
    for cut in [1, 5, UNKNOWN.len() - 1] {
        let mut client = logged_in();
        let join = client.join("bukber").unwrap();

        client.receive(&UNKNOWN[..cut]);
        client.receive(&UNKNOWN[cut..]);

        let come = come(&mut client);
        assert!(matches!(&come[..], [Incoming::Reply { request, .. }] if *request == join));
        assert!(!client.is_in_group());
        client.inbox().unwrap();
    }
}

#[test]
fn what_would_break_a_line_is_refused() {
    let mut client = logged_in();

    assert_eq!(
        client.send("messi", "a\r\nlogout"),
        Err(RequestError::LineEnd)
    );
    assert_eq!(client.line("a\r\n"), Err(RequestError::LineEnd));
    for name in ["", "a b", "a\nb"] {
        assert_eq!(client.send(name, "x"), Err(RequestError::NotOneWord("to")));
        assert_eq!(
            client.log_in(name, "x"),
            Err(RequestError::NotOneWord("name"))
        );
    }
    assert_eq!(client.say("x"), Err(RequestError::NoGroup));
    assert_eq!(client.leave(), Err(RequestError::NoGroup));
    let mut client = in_group();
    for text in ["", "exit", "exit\r\n"] {
        assert_eq!(client.say(text), Err(RequestError::NoText));
    }
    assert_eq!(client.outgoing(), b"");
}

#[test]
fn what_is_no_reply_is_told_apart_and_the_next_one_is_read() {
    let senseless: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\r\n\r\n",
        b"\r\n\r\n",
        b"[]\r\n\r\n",
        b"{\"status\": 1}\r\n\r\n",
    ];
    for bytes in senseless {
        let mut client = logged_in();
        let first = client.line("hello").unwrap();
        let second = client.inbox().unwrap();

        client.receive(bytes);
        client.receive(OK);
        client.receive(bytes);

        let come = come(&mut client);
        let is_senseless = |it: &Incoming, by| *it == Incoming::Senseless { request: by };
        assert!(is_senseless(&come[0], Some(first)), "{come:?}");
        assert!(matches!(come[1], Incoming::Reply { request, .. } if request == second));
        assert!(is_senseless(&come[2], None), "{come:?}");
    }
}

#[test]
fn a_login_without_a_token_that_can_be_used_is_none() {
    for token in ["", "a b", "a\\r\\nb"] {
        let mut client = Client::new();
        let request = client.log_in("messi", "surabaya").unwrap();

        let reply = format!("{{\"status\": \"OK\", \"tokenid\": \"{token}\"}}\r\n\r\n");
        client.receive(reply.as_bytes());

        let request = Some(request);
        assert_eq!(come(&mut client), [Incoming::Senseless { request }]);
        assert!(!client.is_logged_in());
    }
    let mut client = logged_in();
    client.log_in("henderson", "surabaya").unwrap();
    client.receive(b"{\"status\": \"OK\"}\r\n\r\n");
    assert!(client.is_logged_in());
}

#[test]
fn one_who_is_shown_out_of_a_group_can_ask_again() {
    let end = [b"exit", UNKNOWN].concat();
    for at in 4..=end.len() {
        let mut client = in_group();

        client.receive(&end[..at]);
        let is_out = at == end.len();
        assert_eq!(
            (client.is_leaving(), client.is_in_group()),
            (!is_out, false)
        );
        assert_eq!(client.inbox().is_ok(), is_out);
        client.receive(&end[at..]);

        assert!(
            matches!(come(&mut client)[..], [Incoming::Notice(_)]),
            "{at}"
        );
        client.inbox().unwrap();
        assert!(written(&mut client).starts_with("inbox "));
    }
}

#[test]
fn nobody_can_show_others_out() {
    for text in ["exit telah bergabung", "exit{ telah bergabung", "x: exit"] {
        let mut client = in_group();

        client.receive(text.as_bytes());

        assert_eq!(come(&mut client), [Incoming::Text(text.to_owned())]);
        assert!(client.is_in_group());
    }
}

#[test]
fn a_reply_may_be_as_long_as_the_bound_and_no_longer() {
    for (bound, is_taken) in [(OK.len(), true), (OK.len() - 5, false)] {
        let mut client = Client::with_reply_bytes_max(bound);
        client.line("hello").unwrap();
        for byte in OK {
            client.receive(&[*byte]);
        }

        let come = come(&mut client);
        let taken = matches!(come[..], [Incoming::Reply { .. }]);
        let too_long = come == [Incoming::TooLong];
        assert_eq!((taken, too_long), (is_taken, !is_taken));
        assert_eq!(client.line("hello").is_ok(), is_taken);
    }
}

#[test]
fn a_server_that_closes_may_say_why() {
    let mut client = logged_in();
    client.receive(UNKNOWN);
    assert!(matches!(come(&mut client)[..], [Incoming::Notice(_)]));

    let mut client = in_group();
    client.receive(UNKNOWN);
    assert!(matches!(come(&mut client)[..], [Incoming::Notice(_)]));
}
