//! Text from the server, fit for a terminal: it can neither steer the terminal, nor turn the
//! reading direction around, nor pass for a line that somebody else wrote.

use crate::escape::is_unseen;

/// What stands before the further lines of a text of several lines.
const INDENT: &str = "    ";

/// Makes a text fit to be shown. Line ends at its end are taken off; lines after the first are
/// indented, so that none looks like a message of its own.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, line) in text.trim_end_matches(['\r', '\n']).split('\n').enumerate() {
        if at > 0 {
            shown.push('\n');
            shown.push_str(INDENT);
        }
        escape(line.strip_suffix('\r').unwrap_or(line), &mut shown);
    }
    shown
}

/// Makes a text fit to be shown in one line.
pub(super) fn shown_name(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    escape(text, &mut shown);
    shown
}

fn escape(line: &str, shown: &mut String) {
    let mut joins = false;
    for c in line.chars() {
        match c {
            '\t' => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            // The joiner makes one picture of two emoji; after plain letters it only hides.
            '\u{200d}' if joins => shown.push(c),
            c if c.is_control() || is_unseen(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
        joins = !c.is_ascii() && c != '\u{200d}';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        let table = [
            ("messi: halo", "messi: halo"),
            ("\u{1b}[2J\u{7}\u{9b}31m", "\\u{1b}[2J\\u{7}\\u{9b}31m"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("over\rwritten", "over\\rwritten"),
            ("halo 😀 é 名\t!", "halo 😀 é 名\t!"),
            ("👩\u{200d}🚀 a\u{200d}b", "👩\u{200d}🚀 a\\u{200d}b"),
        ];

        for (text, expected) in table {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(
            shown("one\r\nmessi: two\nthree\r\n\r\n"),
            "one\n    messi: two\n    three"
        );
        assert_eq!(shown_name("a\nb"), "a\\nb");
    }

    #[test]
    fn long_texts_are_shown_whole() {
        assert_eq!(shown(&"é".repeat(5_000)), "é".repeat(5_000));
    }
}
