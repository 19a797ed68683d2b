//! Any bytes from a client, however they are cut.

use crate::common::{Site, example, limits};
use crate::holds;
use chatproto::{ConnectionId, Event, Output};
use proptest::collection::vec;
use proptest::prelude::*;

/// A piece of what a client sends. `T` and `U` stand for the tokens of messi and henderson.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![4 => Just("T"), 4 => Just("U"), 1 => Just("x"), 1 => Just("")];
    let to = prop_oneof![
        4 => Just("messi"), 4 => Just("henderson"), 1 => Just("amsal"), 1 => Just("amsal@realm2"),
        1 => Just("messi@realm1"), 1 => Just("@"), 1 => Just("")
    ];
    let end =
        || prop_oneof![8 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r\n\r\n"), 1 => Just("")];
    let text = "(hi|é|😀|\"|\\\\|\u{1}| |\n|\r|\u{7f}){0,6}";
    prop_oneof![
        6 => (token.clone(), to, text, end())
            .prop_map(|(token, to, text, end)| format!("send {token} {to} {text}{end}").into()),
        6 => (prop_oneof![Just("inbox"), Just("activeuser"), Just("logout")], token, end())
            .prop_map(|(verb, token, end)| format!(" {verb} {token} {end}").into()),
        3 => (prop_oneof![
                Just("auth messi surabaya "), Just("auth henderson wrong"), Just("auth nobody x"),
                Just("auth"), Just("logout"), Just("hello"), Just("exit")
            ], end())
            .prop_map(|(line, end)| format!("{line}{end}").into()),
        1 => Just(b"quit\r\n".to_vec()),
        1 => (250_usize..300, end()).prop_map(|(long, end)| ["x".repeat(long), end.into()].concat().into()),
        2 => vec(any::<u8>(), 0..40),
    ]
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..30).prop_map(|pieces| pieces.concat())
}

/// A realm in which messi and henderson are logged in on the first connection.
fn site(is_durable: bool) -> (Site, ConnectionId, [String; 2]) {
    let small = limits(&[("line_bytes_max", 256), ("outgoing_bytes_max", 1_024)]);
    let mut site = Site::new(example(1).limits(small).durable(is_durable));
    let id = site.open();
    let tokens = ["messi", "henderson"].map(|user| {
        site.receive(id, format!("auth {user} surabaya\r\n").as_bytes());
        site.commit();
        crate::common::token_of(&site.read(id))
    });
    (site, id, tokens)
}

/// Puts the tokens where the letters are that stand for them.
fn with_tokens(bytes: &[u8], [messi, henderson]: &[String; 2]) -> Vec<u8> {
    let mut all = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let is_field = at > 0 && bytes[at - 1] == b' ';
        match byte {
            b'T' if is_field => all.extend(messi.as_bytes()),
            b'U' if is_field => all.extend(henderson.as_bytes()),
            other => all.push(*other),
        }
    }
    all
}

/// What the first connection and one opened before it read, and whether the realm closed it.
fn answers(bytes: &[u8], cuts: &[usize], is_durable: bool) -> (String, Vec<Output>) {
    let (mut site, id, tokens) = site(is_durable);
    let bytes = with_tokens(bytes, &tokens);
    let mut rest = &bytes[..];
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, after) = rest.split_at((*cut).min(rest.len()));
        site.receive(id, read);
        rest = after;
    }
    site.commit();
    let outputs = std::mem::take(&mut site.outputs);
    (site.read(id), outputs)
}

#[test]
fn the_same_bytes_cut_anywhere_get_the_same_answers() {
    let inputs = (pieces(), vec(1_usize..50, 1..20), any::<bool>());

    holds(&inputs, |(bytes, cuts, is_durable)| {
        let whole = answers(&bytes, &[usize::MAX], is_durable);

        let cut = answers(&bytes, &cuts, is_durable);
        let single = answers(&bytes, &[1], is_durable);

        prop_assert_eq!(&whole, &cut);
        prop_assert_eq!(whole, single);
        Ok(())
    });
}

#[test]
fn each_whole_line_gets_one_reply() {
    let line = piece().prop_filter("quit ends it all", |piece| !piece.starts_with(b"quit"));
    let inputs = vec(line, 0..30).prop_map(|pieces| {
        let lines = pieces.iter().map(|piece| {
            let one = piece.iter().filter(|byte| !b"\r\n".contains(byte));
            [one.copied().collect(), b"\r\n".to_vec()].concat()
        });
        lines.collect::<Vec<_>>()
    });

    holds(&inputs, |lines| {
        let (mut site, id, tokens) = site(false);
        // A line end ends the netcat mode, in which a bare LF is one.
        let bytes = with_tokens(&lines.concat(), &tokens);
        let asked = lines.iter().filter(|line| line.as_slice() != b"\r\n");

        site.receive(id, &bytes);

        let reply_ends = site.read(id).matches("\r\n\r\n").count();
        prop_assert_eq!(reply_ends, asked.count());
        Ok(())
    });
}

#[test]
fn no_event_ever_shows_a_secret() {
    let inputs = (pieces(), vec(1_usize..50, 1..20));

    holds(&inputs, |(bytes, cuts)| {
        let config = example(1).detail(chatproto::Detail::Wire);
        let mut site = Site::new(config);
        let id = site.open();
        let tokens = ["messi", "henderson"].map(|user| site.auth(id, user, "surabaya"));
        let bytes = with_tokens(&bytes, &tokens);
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (read, after) = rest.split_at((*cut).min(rest.len()));
            site.receive(id, read);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }

        // A token or password that a client puts into a message is a text like any other.
        let shown = site.events().into_iter().filter(|event| {
            !matches!(event, Event::Received { text, .. } if text.starts_with("send ***"))
                && !matches!(event, Event::Replied { text, .. } if text.contains("msg_from"))
        });
        for event in shown {
            let text = format!("{event:?}");
            for secret in [tokens[0].as_str(), &tokens[1], "surabaya"] {
                prop_assert!(!text.contains(secret), "{}", text);
            }
        }
        Ok(())
    });
}
