//! What the document says of frames, figures and rules is so. The sample traffic is played elsewhere:
//! it takes realms.

use crate::limits::Limits;
use crate::link::codec::{decode, encode};
use std::collections::BTreeSet;

const FRAMES: &str = include_str!("../protocol.md");
const STREAMS: &str = include_str!("streams.md");
const NAMES: &str = include_str!("names.md");
const TRAFFIC: &str = include_str!("traffic.md");
const REASONS: &str = include_str!("reasons.md");

/// What one of the realms says.
fn said(line: &str) -> Option<&str> {
    let mut realms = ["realm1> ", "realm2> "].iter();
    let said = realms.find_map(|realm| line.strip_prefix(realm));
    said.filter(|line| line.starts_with('{'))
}

fn type_of(frame: &str) -> &str {
    frame.split('"').nth(3).unwrap()
}

#[test]
fn each_line_is_a_frame_as_it_is_written() {
    let frames = FRAMES.lines().filter(|line| line.starts_with("{\"t\""));
    let lines = frames.chain(TRAFFIC.lines().filter_map(said));

    let mut types = BTreeSet::new();
    for line in lines {
        let read = decode(line.as_bytes()).unwrap().unwrap();
        let mut written = Vec::new();
        encode(&read, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), format!("{line}\n"));
        types.insert(type_of(line));
    }

    let all = [
        "ack", "answer", "ask", "bye", "credit", "env", "error", "hello", "live", "ping", "pong",
        "resume", "void",
    ];
    assert_eq!(types.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn the_figures_are_the_defaults() {
    let limits: Vec<_> = Limits::default().iter().collect();
    let rows = NAMES.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let figure = cells.next()?.replace(',', "");
        Some((name, figure.parse::<u64>().ok()?))
    });

    let mut count = 0;
    for row in rows {
        assert!(limits.contains(&row), "{row:?}");
        count += 1;
    }

    assert_eq!(count, 22);
}

#[test]
fn rules_are_numbered_and_say_what_they_prevent() {
    let rules: Vec<_> = [FRAMES, STREAMS, NAMES]
        .iter()
        .flat_map(|text| text.split("\n\n"))
        .filter(|paragraph| paragraph.starts_with("**R"))
        .collect();

    for (at, rule) in rules.iter().enumerate() {
        assert!(rule.starts_with(&format!("**R{}.** ", at + 1)), "{rule}");
        // Where it is part of a line or two, the words may be on both.
        assert!(
            rule.replace('\n', " ").contains("*It prevents:* "),
            "{rule}"
        );
    }

    assert_eq!(rules.len(), 55);
}

#[test]
fn only_rules_that_exist_are_referred_to() {
    for text in [FRAMES, STREAMS, NAMES, TRAFFIC, REASONS] {
        for rest in text
            .split(['(', ' ', '*', ':'])
            .filter_map(|word| word.strip_prefix('R'))
        {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let number = digits.parse::<u64>().ok();
            assert!(
                number.is_none_or(|number| (1..=55).contains(&number)),
                "R{rest}"
            );
        }
    }
}
