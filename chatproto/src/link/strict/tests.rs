//! What a link takes and does not take, in examples and beside a plain model.

use super::FEW_KEYS;
use crate::link::codec::FrameError;
use crate::link::codec::decode;
use crate::link::frame::Frame;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A ping with something more in it.
fn ping(more: &str) -> String {
    format!(r#"{{"t":"ping","n":1,{more}}}"#)
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    // The frame itself is the first level.
    let depth = depth - 1;
    ping(&format!(
        r#""x":{}{inner}{}"#,
        open.repeat(depth),
        close.repeat(depth)
    ))
}

#[test]
fn what_is_allowed_passes() {
    let allowed = [
        ping(r#""a":1,"b":1,"A":1,"":1,"a ":1"#),
        ping(r#""a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]"#),
        ping(r#""a":["a","a","t"],"b":"\",\"a\":1,\"a\":1""#),
        ping(r#""a":{"t":"env","n":"x"},"t\\":1,"t\"":1"#),
        ping(r#""a":9007199254740992,"b":-9007199254740992,"c":9007199254740993.5,"d":1e300"#),
        ping(r#""a":"\ud83d\ude00","\uD83D\uDE00":"\\ud800 \\\\ud800""#),
        nested("[", "", "]", 8),
        nested(r#"{"x":"#, "1", "}", 8),
        nested("[", r#""[[[[{{{{""#, "]", 8),
    ];

    for line in allowed {
        assert_eq!(
            decode(line.as_bytes()),
            Ok(Some(Frame::Ping { n: 1 })),
            "{line}"
        );
    }
}

#[test]
fn what_parsers_are_lax_about_is_an_error() {
    use FrameError::{
        ControlByte, DuplicateKey, IntegerTooBig, LoneSurrogate, NotAnObject, TooDeep,
    };
    let wrong = [
        (DuplicateKey, ping(r#""n":1"#)),
        (DuplicateKey, ping(r#""t":"ping""#)),
        (DuplicateKey, ping(r#""\u0074":"env""#)),
        (DuplicateKey, ping(r#""a":1,"b":2,"a":3"#)),
        (DuplicateKey, ping(r#""a":1,"\u0061":2"#)),
        (DuplicateKey, ping(r#""\/":1,"/":2"#)),
        (DuplicateKey, ping(r#""😀":1,"\ud83d\ude00":2"#)),
        (DuplicateKey, ping(r#""x":{"a":1,"a":1}"#)),
        (DuplicateKey, ping(r#""x":[[{"a":{"c":1},"b":[],"a":1}]]"#)),
        (DuplicateKey, ping(r#""x":{"y":{"a":1}},"x":1"#)),
        (TooDeep, nested("[", "", "]", 9)),
        (TooDeep, nested(r#"{"x":"#, "1", "}", 9)),
        (TooDeep, "{".repeat(100_000)),
        (IntegerTooBig, r#"{"t":"ping","n":9007199254740993}"#.into()),
        (IntegerTooBig, ping(r#""a":9007199254740993"#)),
        (IntegerTooBig, ping(r#""a":-9007199254740993"#)),
        (
            IntegerTooBig,
            ping(r#""a":[123456789012345678901234567890]"#),
        ),
        (LoneSurrogate, ping(r#""a":"\ud800""#)),
        (LoneSurrogate, ping(r#""a":{"\uDC00":1}"#)),
        (LoneSurrogate, ping(r#""a":"\ude00\ud83d""#)),
        (ControlByte, "{\"t\":\"ping\",\"n\":1}\r".into()),
        (ControlByte, "{\t\"t\":\"ping\",\"n\":1}".into()),
        (ControlByte, ping("\"a\":\"\0\"")),
        (NotAnObject, String::new()),
        (NotAnObject, "  ".into()),
        (NotAnObject, "null".into()),
        (NotAnObject, r#"["ping",1]"#.into()),
        (NotAnObject, r#"[{"t":"ping","n":1}]"#.into()),
        (NotAnObject, "{}".into()),
        (NotAnObject, r#"{"t":5}"#.into()),
        (NotAnObject, r#"{"t":null,"n":"ping"}"#.into()),
        (NotAnObject, r#"{"t":["ping"],"n":1}"#.into()),
        (NotAnObject, r#"{"x":{"t":"ping"},"n":1}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1}}"#.into()),
        (
            NotAnObject,
            r#"{"t":"ping","n":1} {"t":"ping","n":2}"#.into(),
        ),
        (NotAnObject, r#"{"t":"ping","n":1} x"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1,}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":01}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":+1}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1]"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1,"a":"\q"}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1,"\q":1}"#.into()),
        (NotAnObject, r#"{"t":"ping","n":1,"a":"\"#.into()),
        (NotAnObject, "{'t':'ping','n':1}".into()),
        (NotAnObject, "\u{feff}{\"t\":\"ping\",\"n\":1}".into()),
    ];

    for (error, line) in wrong {
        assert_eq!(decode(line.as_bytes()), Err(error), "{line}");
    }
    assert_eq!(
        decode(b"{\"t\":\"ping\",\"n\":1,\"a\":\"\xff\"}"),
        Err(FrameError::NotUtf8)
    );
    assert_eq!(
        decode(b"{\"t\":\"ping\",\"n\":1,\"a\":\"\xc0\xa2\"}"),
        Err(FrameError::NotUtf8)
    );
}

#[test]
fn many_keys_are_told_apart_and_a_single_double_among_them_is_found() {
    // More than are compared pairwise; each as long a common beginning as a line has room for.
    let keys: Vec<String> = (0..5_000).map(|n| format!(r#""{n:05}":0"#)).collect();
    assert!(decode(ping(&keys.join(",")).as_bytes()).is_ok());

    for twice in [0, 2_500, 4_999] {
        let line = ping(&format!(r#"{},"{twice:05}":0"#, keys.join(",")));
        assert_eq!(
            decode(line.as_bytes()),
            Err(FrameError::DuplicateKey),
            "{twice}"
        );
    }
    for count in [FEW_KEYS - 2, FEW_KEYS - 1, FEW_KEYS] {
        let line = ping(&format!("{},{}", keys[..count].join(","), keys[0]));
        assert_eq!(
            decode(line.as_bytes()),
            Err(FrameError::DuplicateKey),
            "{count}"
        );
    }
}

#[test]
fn texts_end_where_they_end_at_any_length() {
    for length in 0..70 {
        let text = "x".repeat(length);
        let line = ping(&format!(
            r#""a":"{text}","b":"{text}\\","c":"{text}\"","a":1"#
        ));
        assert_eq!(
            decode(line.as_bytes()),
            Err(FrameError::DuplicateKey),
            "{line}"
        );
    }
}

/// A JSON value, and all that the model needs to know of it.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(&'static str),
    List(Vec<Tree>),
    /// Keys, each with whether it is written in escapes.
    Object(Vec<(char, bool, Tree)>),
}

impl Tree {
    fn write(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(" , ");
        match self {
            Self::Leaf(text) => (*text).to_owned(),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::write).collect())),
            Self::Object(fields) => {
                let field = |(key, escaped, value): &(char, bool, Self)| {
                    let code = u32::from(*key);
                    let key = if *escaped {
                        format!("\\u{code:04x}")
                    } else {
                        key.to_string()
                    };
                    format!("\"{key}\" : {}", value.write())
                };
                format!("{{{}}}", joined(fields.iter().map(field).collect()))
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(fields) => {
                1 + fields
                    .iter()
                    .map(|(.., value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
        }
    }

    fn has_twice(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.iter().any(Self::has_twice),
            Self::Object(fields) => {
                let keys: BTreeSet<char> = fields.iter().map(|(key, ..)| *key).collect();
                keys.len() < fields.len() || fields.iter().any(|(.., value)| value.has_twice())
            }
        }
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let leaves = vec![
        "0",
        "-1.5e3",
        "null",
        "true",
        r#""""#,
        r#""t""#,
        r#""\\""#,
        r#""{\",\"[""#,
    ];
    let leaf = prop::sample::select(leaves).prop_map(Tree::Leaf);
    leaf.prop_recursive(9, 40, 5, |inner| {
        let key = prop::char::range('a', 'z');
        let one = inner.clone().prop_map(|tree| Tree::List(vec![tree]));
        let fields = vec((key, any::<bool>(), inner.clone()), 0..5).prop_map(Tree::Object);
        prop_oneof![one, vec(inner, 0..4).prop_map(Tree::List), fields]
    })
}

proptest! {
    #[test]
    fn objects_of_any_shape_are_judged_as_the_model_does(tree in any_tree()) {
        let outcome = decode(ping(&format!(r#""x":{}"#, tree.write())).as_bytes());

        if tree.depth() > 7 {
            // Of two faults, the first one is told.
            let either = [Err(FrameError::TooDeep), Err(FrameError::DuplicateKey)];
            prop_assert!(either.contains(&outcome), "{:?}", outcome);
        } else if tree.has_twice() {
            prop_assert_eq!(outcome, Err(FrameError::DuplicateKey));
        } else {
            prop_assert_eq!(outcome, Ok(Some(Frame::Ping { n: 1 })));
        }
    }
}
