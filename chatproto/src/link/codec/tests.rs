//! Frames beside their bytes, both ways; then any frames, and what is no frame.

pub(crate) mod any;

use self::any::{any_frame, any_text};
use super::encode::NumberTooBig;
use super::{FrameError, decode, encode};
use crate::envelope::{Envelope, Kind};
use crate::link::frame::{Frame, Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use crate::name::RealmName;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

const STREAM: Uuid = Uuid::from_u128(0x0198_c1f2_0000_7000_8000_0000_0000_00aa);
const ID: Uuid = Uuid::from_u128(0x0198_c1f2_0000_7000_8000_0000_0000_00bb);

fn realm(name: &str) -> RealmName {
    RealmName::parse(name).unwrap()
}

fn env(kind: Kind, text: &str) -> Frame {
    let envelope = Envelope {
        id: ID,
        kind,
        origin: realm("realm2"),
        destination: realm("realm1"),
        from: "amsal@realm2".into(),
        to: "messi@realm1".into(),
        sent_unix_ms: 1_790_000_000_123,
        expires_unix_ms: 1_790_345_600_123,
        text: text.into(),
    };
    Frame::Env {
        stream: STREAM,
        seq: 118,
        envelope: Arc::new(envelope),
    }
}

fn live(kind: LiveKind, from: &str, text: &str, members: &[&str], home: bool) -> Frame {
    Frame::Live(Live {
        group: "bukber".into(),
        kind,
        from: from.into(),
        text: text.into(),
        members: members.iter().map(|member| (*member).to_owned()).collect(),
        home,
    })
}

fn control_frames() -> Vec<(&'static str, Frame)> {
    let hello = Hello {
        realm: "realm1".into(),
        peer: "realm2".into(),
        versions: [1, 1],
        capabilities: vec!["mail".into(), "live".into()],
        line_bytes_max: 65_536,
        software: "chatproto \"0.1\"".into(),
    };
    let sender = View::Sender { oldest: 1, last: 5 };
    let receiver = View::Receiver {
        durable: 3,
        next: 5,
        durable_id: Some(ID),
        last_id: None,
    };
    let (mail, bounce) = (StreamKind::Mail, StreamKind::Bounce);
    vec![
        (
            r#"{"t":"hello","realm":"realm1","peer":"realm2","versions":[1,1],"capabilities":["mail","live"],"limits":{"line_bytes":65536},"software":"chatproto \"0.1\""}"#,
            Frame::Hello(hello),
        ),
        (
            r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"mail","sender":{"oldest":1,"last":5}}"#,
            Frame::Resume(Resume {
                stream: STREAM,
                kind: mail,
                view: sender,
            }),
        ),
        (
            r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"bounce","receiver":{"durable":3,"next":5,"durable_id":"0198c1f2-0000-7000-8000-0000000000bb"}}"#,
            Frame::Resume(Resume {
                stream: STREAM,
                kind: bounce,
                view: receiver,
            }),
        ),
        (
            r#"{"t":"credit","stream":"0198c1f2-0000-7000-8000-0000000000aa","upto":9007199254740992,"bytes":0}"#,
            Frame::Credit {
                stream: STREAM,
                upto: 9_007_199_254_740_992,
                bytes: 0,
            },
        ),
        (
            r#"{"t":"void","stream":"0198c1f2-0000-7000-8000-0000000000aa","seq":7,"id":"0198c1f2-0000-7000-8000-0000000000bb"}"#,
            Frame::Void {
                stream: STREAM,
                seq: 7,
                id: ID,
            },
        ),
        (
            r#"{"t":"ack","stream":"0198c1f2-0000-7000-8000-0000000000aa","durable":9,"refused":[]}"#,
            Frame::Ack {
                stream: STREAM,
                durable: 9,
                refused: vec![],
            },
        ),
        (
            r#"{"t":"ack","stream":"0198c1f2-0000-7000-8000-0000000000aa","durable":9,"refused":[7,8]}"#,
            Frame::Ack {
                stream: STREAM,
                durable: 9,
                refused: vec![7, 8],
            },
        ),
    ]
}

fn small_frames() -> Vec<(&'static str, Frame)> {
    vec![
        (
            r#"{"t":"ask","id":1,"question":"user","name":"amsal"}"#,
            Frame::Ask {
                id: 1,
                question: Question::User,
                name: "amsal".into(),
            },
        ),
        (
            r#"{"t":"ask","id":2,"question":"group","name":"bukber"}"#,
            Frame::Ask {
                id: 2,
                question: Question::Group,
                name: "bukber".into(),
            },
        ),
        (
            r#"{"t":"answer","id":1,"found":true}"#,
            Frame::Answer { id: 1, found: true },
        ),
        (
            r#"{"t":"answer","id":2,"found":false}"#,
            Frame::Answer {
                id: 2,
                found: false,
            },
        ),
        (r#"{"t":"ping","n":10}"#, Frame::Ping { n: 10 }),
        (r#"{"t":"pong","n":0}"#, Frame::Pong { n: 0 }),
        (
            r#"{"t":"error","code":"bad_frame","text":"no"}"#,
            Frame::Error {
                code: "bad_frame".into(),
                text: "no".into(),
            },
        ),
        (
            r#"{"t":"bye","code":"shut_down","text":""}"#,
            Frame::Bye {
                code: "shut_down".into(),
                text: String::new(),
            },
        ),
    ]
}

fn message_frames() -> Vec<(&'static str, Frame)> {
    let bounce = Kind::Bounce {
        answers: STREAM,
        reason: "inbox_full".into(),
    };
    vec![
        (
            r#"{"t":"env","stream":"0198c1f2-0000-7000-8000-0000000000aa","seq":118,"e":{"v":1,"id":"0198c1f2-0000-7000-8000-0000000000bb","kind":"msg","origin":"realm2","dst":"realm1","from":"amsal@realm2","to":"messi@realm1","ts":1790000000123,"exp":1790345600123,"body":{"text":" jadi main mes? \r\n"}}}"#,
            env(Kind::Message, " jadi main mes? \r\n"),
        ),
        (
            r#"{"t":"env","stream":"0198c1f2-0000-7000-8000-0000000000aa","seq":118,"e":{"v":1,"id":"0198c1f2-0000-7000-8000-0000000000bb","kind":"bounce","re":"0198c1f2-0000-7000-8000-0000000000aa","origin":"realm2","dst":"realm1","from":"amsal@realm2","to":"messi@realm1","ts":1790000000123,"exp":1790345600123,"body":{"text":"penuh","reason":"inbox_full"}}}"#,
            env(bounce, "penuh"),
        ),
        (
            r#"{"t":"env","stream":"0198c1f2-0000-7000-8000-0000000000aa","seq":118,"e":{"v":1,"id":"0198c1f2-0000-7000-8000-0000000000bb","kind":"group.post","origin":"realm2","dst":"realm1","from":"amsal@realm2","to":"messi@realm1","ts":1790000000123,"exp":1790345600123,"body":{"text":"x"}}}"#,
            env(Kind::Other("group.post".into()), "x"),
        ),
        (
            r#"{"t":"live","group":"bukber","kind":"join","from":"amsal@realm2"}"#,
            live(LiveKind::Join, "amsal@realm2", "", &[], false),
        ),
        (
            r#"{"t":"live","group":"bukber","kind":"members","members":["amsal@realm2","ronaldo@realm2"]}"#,
            live(
                LiveKind::Members,
                "",
                "",
                &["amsal@realm2", "ronaldo@realm2"],
                false,
            ),
        ),
        (
            r#"{"t":"live","group":"bukber","kind":"say","from":"amsal@realm2","text":"\\ \" \b\f\n\r\t\u0000\u001b\u001f /é😀","home":true}"#,
            live(
                LiveKind::Say,
                "amsal@realm2",
                "\\ \" \u{8}\u{c}\n\r\t\0\u{1b}\u{1f} /é😀",
                &[],
                true,
            ),
        ),
        (
            r#"{"t":"live","group":"bukber","kind":"leave","from":"amsal@realm2"}"#,
            live(LiveKind::Leave, "amsal@realm2", "", &[], false),
        ),
        (
            r#"{"t":"live","group":"bukber","kind":"gone","home":true}"#,
            live(LiveKind::Gone, "", "", &[], true),
        ),
    ]
}

#[test]
fn each_frame_has_its_bytes() {
    for (line, frame) in control_frames()
        .into_iter()
        .chain(small_frames())
        .chain(message_frames())
    {
        let mut out = b"before".to_vec();
        encode(&frame, &mut out).unwrap();

        assert_eq!(String::from_utf8(out).unwrap(), format!("before{line}\n"));
        assert_eq!(decode(line.as_bytes()), Ok(Some(frame)), "{line}");
    }
}

#[test]
fn order_spaces_escapes_and_unknown_keys_do_not_matter() {
    let ping = Frame::Ping { n: 3 };
    let same = [
        r#"{"n":3,"t":"ping"}"#,
        r#"  { "t" : "ping" , "n" : 3 }  "#,
        r#"{"\u0074":"\u0070ing","n":3}"#,
        r#"{"t":"ping","n":3,"stream":5,"e":[{"t":"env"}],"opt":"no","x":-1.5e300,"😀":null}"#,
    ];

    for line in same {
        assert_eq!(decode(line.as_bytes()), Ok(Some(ping.clone())), "{line}");
    }
}

#[test]
fn optional_fields_have_their_values_when_absent() {
    let ack = r#"{"t":"ack","stream":"0198C1F2-0000-7000-8000-0000000000AA","durable":1}"#;
    let expected = Frame::Ack {
        stream: STREAM,
        durable: 1,
        refused: vec![],
    };
    assert_eq!(decode(ack.as_bytes()), Ok(Some(expected)));

    let resume = r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"mail","sender":null,"receiver":{"durable":0,"next":1,"durable_id":null,"last_id":null}}"#;
    let view = View::Receiver {
        durable: 0,
        next: 1,
        durable_id: None,
        last_id: None,
    };
    let expected = Frame::Resume(Resume {
        stream: STREAM,
        kind: StreamKind::Mail,
        view,
    });
    assert_eq!(decode(resume.as_bytes()), Ok(Some(expected)));
}

#[test]
fn an_unknown_kind_of_envelope_may_have_any_body() {
    let (line, _) = message_frames().swap_remove(2);

    for body in [
        "{}",
        "null",
        "5",
        "-5",
        "1.5",
        "true",
        "\"x\"",
        "[1,[2]]",
        r#"{"text":[1]}"#,
        r#"{"text":{"text":"y"},"x":[{"text":"y"}]}"#,
    ] {
        let line = line
            .replace(r#"{"text":"x"}"#, body)
            .replace(r#""v":1"#, r#""v":1,"re":[]"#);
        let expected = env(Kind::Other("group.post".into()), "");
        assert_eq!(decode(line.as_bytes()), Ok(Some(expected)), "{line}");
    }
}

#[test]
fn unknown_frames_are_skipped_only_if_they_say_so() {
    let wrong = Err(FrameError::UnknownType);
    for (line, outcome) in [
        (r#"{"t":"typing","opt":true}"#, Ok(None)),
        (
            r#"{"t":"typing","opt":true,"stream":{"n":[1]},"e":"x","n":-1}"#,
            Ok(None),
        ),
        (r#"{"t":"typing"}"#, wrong.clone()),
        (r#"{"t":"typing","opt":false}"#, wrong.clone()),
        (r#"{"t":"typing","opt":"true"}"#, wrong.clone()),
        (r#"{"t":"typing","opt":1}"#, wrong.clone()),
        (r#"{"t":"","opt":null}"#, wrong.clone()),
        (r#"{"t":"Ping","n":1}"#, wrong),
        (r#"{"t":"typing","opt":true"#, Err(FrameError::NotAnObject)),
    ] {
        assert_eq!(decode(line.as_bytes()), outcome, "{line}");
    }
}

#[test]
fn a_field_that_is_missing_or_wrong_is_told_with_its_frame() {
    let (msg, bounce) = (
        message_frames().swap_remove(0).0,
        message_frames().swap_remove(1).0,
    );
    let hello = control_frames().swap_remove(0).0;
    let lines = [
        ("ping", r#"{"t":"ping"}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":null}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":-1}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":-0}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":1.0}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":1e3}"#.to_owned()),
        ("ping", r#"{"t":"ping","n":"1"}"#.to_owned()),
        ("answer", r#"{"t":"answer","id":1}"#.to_owned()),
        ("ask", r#"{"t":"ask","id":1,"question":"moon","name":"x"}"#.to_owned()),
        ("ask", r#"{"t":"ask","id":1,"question":{"user":null},"name":"x"}"#.to_owned()),
        ("live", r#"{"t":"live","kind":"join"}"#.to_owned()),
        ("live", r#"{"t":"live","group":"x","kind":"dance"}"#.to_owned()),
        ("hello", hello.replace("[1,1]", "[1]")),
        ("hello", hello.replace(r#"{"line_bytes":65536}"#, "[65536]")),
        ("hello", hello.replace(r#""peer":"realm2","#, "")),
        ("env", msg.replace(r#""v":1"#, r#""v":2"#)),
        ("env", msg.replace("\"realm2\"", "\"a realm\"")),
        ("env", msg.replace("\"realm1\"", "\"\"")),
        ("env", msg.replace(r#"{"text":" jadi main mes? \r\n"}"#, "{}")),
        ("env", msg.replace(r#"" jadi main mes? \r\n""#, "5")),
        ("env", msg.replace(r#"{"text":" jadi main mes? \r\n"}"#, "[\"x\"]")),
        ("env", msg.replace("-8000-0000000000bb", "-8000-0000000000b")),
        ("env", msg.replace("0198c1f2-0000-7000-8000-0000000000bb", "0198c1f20000700080000000000000bb")),
        ("env", bounce.replace(r#","reason":"inbox_full""#, "")),
        ("env", bounce.replace(r#""re":"0198"#, r#""re":"x198"#)),
        ("env", r#"{"t":"env","stream":"0198c1f2-0000-7000-8000-0000000000aa","seq":1,"e":[1]}"#.to_owned()),
        ("resume", r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"mail"}"#.to_owned()),
        ("resume", r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"mail","sender":[1,5]}"#.to_owned()),
        ("resume", r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"log","sender":{"oldest":1,"last":5}}"#.to_owned()),
        ("resume", r#"{"t":"resume","stream":"0198c1f2-0000-7000-8000-0000000000aa","kind":"mail","sender":{"oldest":1,"last":5},"receiver":{"durable":0,"next":1}}"#.to_owned()),
    ];

    for (frame, line) in lines {
        assert_eq!(
            decode(line.as_bytes()),
            Err(FrameError::Field(frame)),
            "{line}"
        );
    }
}

#[test]
fn a_number_that_no_peer_reads_is_not_sent() {
    let ack = |seq| Frame::Ack {
        stream: STREAM,
        durable: 1,
        refused: vec![1, seq],
    };

    assert_eq!(encode(&ack(9_007_199_254_740_992), &mut Vec::new()), Ok(()));
    assert_eq!(
        encode(&ack(9_007_199_254_740_993), &mut Vec::new()),
        Err(NumberTooBig)
    );
    assert_eq!(
        encode(&Frame::Ping { n: u64::MAX }, &mut Vec::new()),
        Err(NumberTooBig)
    );
}

/// Lines that look much like frames.
fn nearly_frames() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "d800",
        "\"t\":",
        "\"ping\"",
        "\"n\":1",
        "9007199254740993",
        "-",
        "0",
        ".",
        "e",
        "true",
        "null",
        " ",
        "é",
        "😀",
        "\"a\":1,",
    ]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(frame in any_frame()) {
        let mut out = Vec::new();
        encode(&frame, &mut out).unwrap();

        let line = out.strip_suffix(b"\n").unwrap();
        prop_assert!(line.iter().all(|byte| *byte >= 0x20));
        prop_assert_eq!(decode(line), Ok(Some(frame)));
    }

    #[test]
    fn a_changed_line_never_panics(frame in any_frame(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut out = Vec::new();
        encode(&frame, &mut out).unwrap();
        let at = at.index(out.len());
        out[at] = byte;

        // Whatever a changed line is taken for, it can be written and read again.
        if let Ok(Some(frame)) = decode(&out[..out.len() - 1]) {
            let mut again = Vec::new();
            encode(&frame, &mut again).unwrap();
            prop_assert_eq!(decode(again.strip_suffix(b"\n").unwrap()), Ok(Some(frame)));
        }
    }

    #[test]
    fn garbage_is_at_most_a_ping(line in prop_oneof![nearly_frames(), any_text()]) {
        // The pieces make a ping now and then.
        if let Ok(frame) = decode(line.as_bytes()) {
            prop_assert_eq!(frame, Some(Frame::Ping { n: 1 }), "{}", line);
        }
    }
}
