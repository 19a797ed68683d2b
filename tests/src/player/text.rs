//! The texts of a transcript as bytes, and bytes as such texts.

use crate::transcript::Part;
use std::collections::BTreeMap;

/// The bytes of a token as it is written.
const TOKEN_BYTES: usize = 36;

/// The digits of a moment in ms since 1970, until the year 2286.
const MOMENT_BYTES: usize = 13;

/// The tokens and moments that a play has met, by name.
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, Vec<u8>>);

impl Tokens {
    /// Learns the tokens that `text` names for the first time from what was read in its place.
    ///
    /// What is no token is not learnt, and the text will not fit.
    pub(super) fn learn(&mut self, text: &[Part], read: &[u8]) {
        let mut at = 0;
        for part in text {
            if let Part::Token(name) = part
                && !self.0.contains_key(name)
                && let Some(learnt) = read.get(at..at + part_bytes(part))
                && self.is_fit(name, learnt)
            {
                self.0.insert(name.clone(), learnt.to_vec());
            }
            at += part_bytes(part);
        }
    }

    /// Whether these bytes can be what is called so: each token is another one, moments may agree.
    fn is_fit(&self, name: &str, bytes: &[u8]) -> bool {
        if is_moment(name) {
            return bytes.iter().all(u8::is_ascii_digit);
        }
        is_token(bytes) && self.0.values().all(|other| other != bytes)
    }

    /// The bytes of a text; a token that is not known stands there by its name.
    pub(super) fn resolve(&self, text: &[Part]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in text {
            match part {
                Part::Bytes(these) => bytes.extend_from_slice(these),
                Part::Token(name) => match self.0.get(name) {
                    Some(token) => bytes.extend_from_slice(token),
                    None => bytes.extend(format!("${name}").into_bytes()),
                },
            }
        }
        bytes
    }

    /// The first token in a text that is not known.
    pub(super) fn missing<'a>(&self, text: &'a [Part]) -> Option<&'a str> {
        text.iter().find_map(|part| match part {
            Part::Token(name) if !self.0.contains_key(name) => Some(name.as_str()),
            Part::Token(_) | Part::Bytes(_) => None,
        })
    }
}

/// How long a text is.
pub(super) fn text_bytes(text: &[Part]) -> usize {
    text.iter().map(part_bytes).sum()
}

fn part_bytes(part: &Part) -> usize {
    match part {
        Part::Bytes(bytes) => bytes.len(),
        Part::Token(name) if is_moment(name) => MOMENT_BYTES,
        Part::Token(_) => TOKEN_BYTES,
    }
}

fn is_moment(name: &str) -> bool {
    name.starts_with('M')
}

/// Whether these bytes are a version-4 UUID in lower case.
fn is_token(bytes: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        14 => *byte == b'4',
        19 => b"89ab".contains(byte),
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    bytes.len() == TOKEN_BYTES && bytes.iter().enumerate().all(fits)
}

/// Bytes as a transcript writes them.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\r' => text.push_str("\\r"),
                '\n' => text.push_str("\\n"),
                ' ' => text.push(' '),
                '\0'..' ' | '\x7f' => push_number(&mut text, c as u8),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            push_number(&mut text, *byte);
        }
    }
    match text.strip_suffix(' ') {
        Some(rest) => format!("{rest}\\x20"),
        None => text,
    }
}

fn push_number(text: &mut String, byte: u8) {
    text.extend(["\\x".to_owned(), format!("{byte:02x}")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &[u8] = b"6f1ed002-ab5d-4c1e-8f0a-0123456789ab";

    fn text(names: &[&str]) -> Vec<Part> {
        names
            .iter()
            .map(|name| Part::Token((*name).to_owned()))
            .collect()
    }

    #[test]
    fn only_version_4_uuids_in_lower_case_are_tokens() {
        assert!(is_token(TOKEN));
        let wrong: [&[u8]; 5] = [
            b"6F1ED002-AB5D-4C1E-8F0A-0123456789AB",
            b"6f1ed002-ab5d-1c1e-8f0a-0123456789ab",
            b"6f1ed002-ab5d-4c1e-cf0a-0123456789ab",
            b"6f1ed002xab5d-4c1e-8f0a-0123456789ab",
            b"6f1ed002-ab5d-4c1e-8f0a-0123456789a",
        ];
        for bytes in wrong {
            assert!(!is_token(bytes), "{}", shown(bytes));
        }
    }

    #[test]
    fn a_token_is_learnt_once_and_under_one_name() {
        let mut tokens = Tokens::default();
        tokens.learn(&text(&["T1", "T2"]), &[TOKEN, TOKEN].concat());

        assert_eq!(tokens.missing(&text(&["T1", "T2"])), Some("T2"));
        assert_eq!(
            tokens.resolve(&text(&["T1", "T2"])),
            [TOKEN, b"$T2"].concat()
        );
    }

    #[test]
    fn a_moment_is_13_digits() {
        let mut tokens = Tokens::default();
        tokens.learn(&text(&["M1", "M2"]), b"17900000000001790000000000");
        tokens.learn(&text(&["M3"]), b"179000000000x");

        assert_eq!(tokens.missing(&text(&["M1", "M2"])), None);
        assert_eq!(tokens.missing(&text(&["M3"])), Some("M3"));
        assert_eq!(tokens.resolve(&text(&["M2"])), b"1790000000000");
    }

    #[test]
    fn bytes_are_shown_as_transcripts_write_them() {
        assert_eq!(
            shown(b"a\\\r\n\t\0\x7f\xff \xc3\xa9 "),
            r"a\\\r\n\x09\x00\x7f\xff é\x20"
        );
    }
}
