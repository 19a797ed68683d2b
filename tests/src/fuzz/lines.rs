//! What clients say: lines made of the protocol's words, and how many of them want a reply.

use super::tape::Tape;
use chatproto::wire::command::strip;

/// Users of the realm, and their passwords.
pub(super) const USERS: [(&str, &str); 4] = [
    ("messi", "surabaya"),
    ("henderson", "surabaya"),
    ("lineker", "surabaya"),
    ("amsal", "jakarta"),
];

const RECIPIENTS: [&str; 10] = [
    "messi",
    "henderson",
    "lineker",
    "amsal",
    "herbert",
    "herbert@realm2",
    "amsal@realm0",
    "messi@realm1",
    "x@realm9",
    "*",
];

/// Names of groups, as clients and peers say them.
pub(super) const GROUPS: [&str; 5] = ["bukber", "bola", "bukber@realm2", "bola@realm0", "a*b"];

const ENDS: [&str; 6] = ["\r\n", " \r\n", "\r\n\r\n", "\n", "", " \n\r\n"];

/// Verbs stand as often as they are worth.
const VERBS: [&str; 16] = [
    "auth",
    "auth",
    "auth",
    "send",
    "send",
    "send",
    "send",
    "inbox",
    "inbox",
    "activeuser",
    "logout",
    "group",
    "group",
    "group",
    "hello",
    "quit",
];

/// Keys of `sendid`, and numbers of messages and of how many.
const WORDS: [&str; 12] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "9",
    "99",
    "-1",
    "x",
    "k-1",
    "18446744073709551616",
];

/// A line with one of the commands that read without emptying, or send no second copy.
pub(super) fn spoken_newly(tape: &mut Tape<'_>, tokens: &[String]) -> Vec<u8> {
    let verb = *tape.one_of(&["peek", "ack", "sendid", "sendid", "history", "inbox"]);
    let none = "0198c1f2-0000-4000-8000-000000000000".to_owned();
    let token = tokens.get(tape.below(tokens.len())).unwrap_or(&none);
    let mut line = format!("{verb} {token}").into_bytes();
    let word = |tape: &mut Tape<'_>| format!(" {}", tape.one_of(&WORDS)).into_bytes();
    match verb {
        "sendid" => {
            line.extend(word(tape));
            line.extend(format!(" {} ", tape.one_of(&RECIPIENTS)).into_bytes());
            line.extend_from_slice(tape.text());
        }
        "history" => {
            line.extend(format!(" {}", tape.one_of(&RECIPIENTS)).into_bytes());
            (0..tape.below(3)).for_each(|_| line.extend(word(tape)));
        }
        "inbox" => {}
        _ => (0..tape.below(3)).for_each(|_| line.extend(word(tape))),
    }
    line.extend_from_slice(tape.one_of(&ENDS).as_bytes());
    line
}

/// A line by the grammar, with a live token where one is wanted.
pub(super) fn spoken(tape: &mut Tape<'_>, tokens: &[String]) -> Vec<u8> {
    let verb = *tape.one_of(&VERBS);
    let mut line = verb.as_bytes().to_vec();
    if verb == "auth" {
        let (name, password) = tape.one_of(&USERS);
        let password = if tape.is_odd_case() { "x" } else { password };
        line.extend(format!(" {name} {password}").into_bytes());
    } else if !matches!(verb, "hello" | "quit") {
        let none = "0198c1f2-0000-4000-8000-000000000000".to_owned();
        let token = tokens.get(tape.below(tokens.len())).unwrap_or(&none);
        line.extend(format!(" {token}").into_bytes());
    }
    match verb {
        "send" => {
            line.extend(format!(" {} ", tape.one_of(&RECIPIENTS)).into_bytes());
            line.extend_from_slice(tape.text());
        }
        "group" => line.extend(format!(" {} origin", tape.one_of(&GROUPS)).into_bytes()),
        _ => {}
    }
    line.extend_from_slice(tape.one_of(&ENDS).as_bytes());
    line
}

/// How many replies these bytes deserve as a whole, by the rules of framing alone: one for each
/// line that is not empty, one for each that is too long.
pub(super) fn replies_due(bytes: &[u8], line_bytes_max: usize) -> u64 {
    let (mut due, mut start, mut is_strict) = (0, 0, false);
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = &bytes[start..=at];
        let is_crlf = line.ends_with(b"\r\n");
        if !is_crlf && (is_strict || carries_text(&line[..line.len() - 1])) {
            continue;
        }
        is_strict |= is_crlf;
        start = at + 1;
        due += u64::from(!matches!(line, b"\r\n" | b"\n"));
    }
    due + u64::from(bytes.len() - start > line_bytes_max)
}

/// Whether the line's verb is one after which LF may stand in the text.
fn carries_text(line: &[u8]) -> bool {
    let field = line.split(|byte| *byte == b' ').next().unwrap_or(line);
    // More white space than this before a verb is no habit of any client.
    (field.len() < 16 || line.len() == 16)
        && std::str::from_utf8(field).is_ok_and(|verb| ["send", "sendid"].contains(&strip(verb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_the_rules_of_framing() {
        for (bytes, due) in [
            ("hello\r\ninbox T\r\n", 2),
            ("hello\n\n\r\ninbox T\nx\r\n", 2),
            ("send T x one\ntwo\r\nsend", 1),
            ("send T x one\n", 0),
            ("sendid T k x one\n", 0),
            (
                "\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}send x\n",
                0,
            ),
            (
                "\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}send x\n",
                1,
            ),
            (
                "\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}\u{c}send\n",
                0,
            ),
            ("hello\r\n0123456789012345678901234567890", 2),
        ] {
            assert_eq!(replies_due(bytes.as_bytes(), 30), due, "{bytes:?}");
        }
    }
}
