//! Text from outside made fit for a log: it can neither begin a line of its own nor steer a
//! terminal nor turn the reading direction around.

use std::fmt::{self, Write};

/// Characters shown of one text; the rest is counted.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Shows a text with everything escaped that is not plainly visible.
#[derive(Clone, Copy)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for c in rest.by_ref().take(SHOWN_CHARS_MAX) {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() || is_unseen(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        match rest.as_str().len() {
            0 => Ok(()),
            left => write!(f, "… ({left} bytes more)"),
        }
    }
}

/// Whether a character that is no control character still hides or reorders what stands
/// around it.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mislead_a_reader_is_escaped() {
        let table = [
            ("auth messi \r\n", "auth messi \\r\\n"),
            ("halo 😀 é 名", "halo 😀 é 名"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            (
                "a\u{202e}b\u{2066}c\u{200f}",
                "a\\u{202e}b\\u{2066}c\\u{200f}",
            ),
            (
                "\u{85}\u{2028}\u{9b}31m\u{7f}",
                "\\u{85}\\u{2028}\\u{9b}31m\\u{7f}",
            ),
        ];

        for (text, shown) in table {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_its_rest_counted() {
        let text = "é".repeat(2_003);

        let shown = Escaped(&text).to_string();

        assert_eq!(shown, "é".repeat(2_000) + "… (6 bytes more)");
    }
}
