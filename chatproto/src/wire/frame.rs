//! Cuts what a client sends into lines, however the bytes arrive.

use super::command::Verb;
use memchr::memchr;

/// What a cut of the input is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A line, its end included.
    Line,
    /// A line is over the limit; the rest of it will be passed over.
    TooLong,
    /// All input is used up.
    NeedMore,
}

/// The framing state of one connection: a line that has begun, and how lines end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Framer {
    held: Vec<u8>,
    /// A CR LF was seen: from now on a bare LF is an ordinary byte.
    strict: bool,
    /// The rest of a refused line is being passed over.
    skipping: bool,
    /// The last byte passed over was a CR.
    skipped_cr: bool,
    /// The refused line carries a text, in which a bare LF is no end.
    skipping_text: bool,
}

impl Framer {
    /// A connection on which a bare LF never ends a line.
    pub(crate) fn strict() -> Self {
        Self {
            strict: true,
            ..Self::default()
        }
    }

    /// Takes bytes from the front of `input` until a line is whole; the line is in `line`.
    ///
    /// Lines that lie whole in `input` are not copied.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        line_max: usize,
        line: &mut LineBuf<'a>,
    ) -> Cut {
        loop {
            if input.is_empty() {
                return Cut::NeedMore;
            }
            if self.skipping {
                self.skip(input);
                continue;
            }
            if self.held.is_empty() {
                return self.cut_input(input, line_max, line);
            }
            return self.cut_held(input, line_max, line);
        }
    }

    /// Whether a CR LF has come, so that a bare LF ends nothing any more.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether a line has begun and not ended.
    pub(crate) fn is_inside_line(&self) -> bool {
        !self.held.is_empty()
    }

    /// Throws away what has come of a line; its rest will be passed over.
    pub(crate) fn abandon_line(&mut self) {
        let begun = std::mem::take(&mut self.held);
        self.start_skipping(&begun);
    }

    /// Forgets a line that has begun, as if its bytes had not come.
    pub(crate) fn forget_line(&mut self) {
        self.held = Vec::new();
        self.skipping = false;
    }

    fn skip(&mut self, input: &mut &[u8]) {
        while let Some(at) = memchr(b'\n', input) {
            let after_cr = match at.checked_sub(1) {
                Some(before) => input.get(before) == Some(&b'\r'),
                None => self.skipped_cr,
            };
            *input = input.get(at + 1..).unwrap_or_default();
            self.skipped_cr = false;
            if after_cr || !(self.strict || self.skipping_text) {
                self.strict |= after_cr;
                self.skipping = false;
                return;
            }
        }
        if let Some(last) = input.last() {
            self.skipped_cr = *last == b'\r';
        }
        *input = &[];
    }

    fn cut_input<'a>(
        &mut self,
        input: &mut &'a [u8],
        line_max: usize,
        line: &mut LineBuf<'a>,
    ) -> Cut {
        let whole = *input;
        if let Some(end) = self.line_end(whole, 0) {
            let (first, rest) = whole.split_at_checked(end).unwrap_or((whole, &[]));
            *input = rest;
            if first.len() > line_max {
                return Cut::TooLong;
            }
            *line = LineBuf::Borrowed(first);
            return Cut::Line;
        }
        *input = &[];
        if whole.len() > line_max {
            self.start_skipping(whole);
            return Cut::TooLong;
        }
        self.held.extend_from_slice(whole);
        Cut::NeedMore
    }

    fn cut_held<'a>(
        &mut self,
        input: &mut &'a [u8],
        line_max: usize,
        line: &mut LineBuf<'a>,
    ) -> Cut {
        let known = self.held.len();
        // One byte more than the limit is enough to know that the line is too long.
        let room = (line_max + 1).saturating_sub(known).min(input.len());
        let (taken, rest) = input.split_at_checked(room).unwrap_or((*input, &[]));
        self.held.extend_from_slice(taken);
        let held = std::mem::take(&mut self.held);
        if let Some(end) = self.line_end(&held, known).filter(|end| *end <= line_max) {
            *input = input.get(end - known..).unwrap_or_default();
            let mut held = held;
            held.truncate(end);
            *line = LineBuf::Owned(held);
            return Cut::Line;
        }
        *input = rest;
        if held.len() > line_max {
            // The byte beyond the limit may itself have been the end of the line.
            if self.line_end(&held, known).is_none() {
                self.start_skipping(&held);
            }
            return Cut::TooLong;
        }
        self.held = held;
        Cut::NeedMore
    }

    fn start_skipping(&mut self, begun: &[u8]) {
        self.skipping = true;
        self.skipping_text = Verb::of(begun).carries_text();
        self.skipped_cr = begun.last() == Some(&b'\r');
    }

    /// Where the line that begins `bytes` ends; an end before `from` was ruled out earlier.
    fn line_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(found) = memchr(b'\n', bytes.get(at..)?) {
            let lf = at + found;
            if lf.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r') {
                self.strict = true;
                return Some(lf + 1);
            }
            if !self.strict && !Verb::of(bytes.get(..lf)?).carries_text() {
                return Some(lf + 1);
            }
            at = lf + 1;
        }
        None
    }
}

/// A line, in the caller's bytes where it came whole.
#[derive(Debug)]
pub(crate) enum LineBuf<'a> {
    /// In the input.
    Borrowed(&'a [u8]),
    /// Put together from pieces.
    Owned(Vec<u8>),
}

impl LineBuf<'_> {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All cuts of the pieces, `None` for a line that was too long.
    fn lines<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        line_max: usize,
    ) -> Vec<Option<Vec<u8>>> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for mut piece in pieces {
            let mut line = LineBuf::Borrowed(&[]);
            loop {
                match framer.next(&mut piece, line_max, &mut line) {
                    Cut::Line => found.push(Some(line.as_bytes().to_vec())),
                    Cut::TooLong => found.push(None),
                    Cut::NeedMore => break,
                }
            }
            assert!(framer.held.len() <= line_max);
        }
        found
    }

    fn some(lines: &[&str]) -> Vec<Option<Vec<u8>>> {
        lines
            .iter()
            .map(|line| Some(line.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn lines_end_with_cr_lf() {
        let found = lines([&b"auth a b\r\n\r\ninbox"[..], b" T\r", b"\nrest"], 99);

        assert_eq!(found, some(&["auth a b\r\n", "\r\n", "inbox T\r\n"]));
    }

    #[test]
    fn a_bare_lf_ends_lines_until_the_first_cr_lf() {
        let found = lines(
            [&b"auth a b\nsend T x one\ntwo\r\ninbox T\nmore\r\n"[..]],
            99,
        );

        assert_eq!(
            found,
            some(&["auth a b\n", "send T x one\ntwo\r\n", "inbox T\nmore\r\n"])
        );
    }

    #[test]
    fn a_line_at_the_limit_is_read_and_one_past_it_is_thrown_away() {
        for piece in 1..20 {
            let found = lines(
                b"12345678\r\n123456789\r\n1234567890abcdef\r\nok\r\n".chunks(piece),
                10,
            );

            let expected = vec![
                Some(b"12345678\r\n".to_vec()),
                None,
                None,
                Some(b"ok\r\n".to_vec()),
            ];
            assert_eq!(found, expected, "in pieces of {piece}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_lines(
            words in proptest::collection::vec(
                prop_oneof![Just("\r\n"), Just("\n"), Just("\r"), Just("send T x"), Just(" "), Just("a"), Just("inbox"), Just("é")], 0..60),
            cuts in proptest::collection::vec(1_usize..7, 1..60),
            line_max in 20_usize..60,
        ) {
            let bytes = words.concat().into_bytes();
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }

            prop_assert_eq!(lines(pieces, line_max), lines([&bytes[..]], line_max));
        }
    }
}
