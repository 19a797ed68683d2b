//! JSON as the classic servers write it: Python's `json.dumps`, byte for byte.

/// Whether a byte does not stand for itself in a JSON string.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches many bytes are looked at in one go"
)]
fn is_special(byte: u8) -> bool {
    let is_printable = byte.wrapping_sub(b' ') < 0x7f - b' ';
    !is_printable | (byte == b'"') | (byte == b'\\')
}

/// How many bytes from the start stand for themselves.
fn plain_len(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<16>();
    let is_plain = |chunk: &&[u8; 16]| !chunk.iter().fold(false, |any, it| any | is_special(*it));
    let len = chunks.iter().take_while(is_plain).count() * 16;
    let rest = bytes.get(len..).unwrap_or_default();
    let special = rest.iter().position(|byte| is_special(*byte));
    len + special.unwrap_or(rest.len())
}

/// Appends `text` as a JSON string, quotes included.
///
/// # Examples
///
/// ```
/// let mut out = Vec::new();
/// chatproto::wire::json::string(&mut out, "\"é\" 😀\r\n");
/// assert_eq!(out, br#""\"\u00e9\" \ud83d\ude00\r\n""#);
/// ```
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string.
pub fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, special) = rest.split_at(plain_len(rest.as_bytes()));
        out.extend_from_slice(plain.as_bytes());
        let mut chars = special.chars();
        if let Some(c) = chars.next() {
            escape(out, c);
        }
        rest = chars.as_str();
    }
}

fn escape(out: &mut Vec<u8>, c: char) {
    let short = match c {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                unicode(out, *unit);
            }
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn unicode(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = (unit >> shift & 0xf) as u8;
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
}

/// Appends a whole number.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        used += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - used));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_written_as_python_writes_them() {
        let table = [
            ("", r#""""#),
            (" hi\r\n", r#"" hi\r\n""#),
            ("a/b", r#""a/b""#),
            ("\"\\", r#""\"\\""#),
            (
                "\t\u{8}\u{c}\0\u{1f}\u{7f}",
                r#""\t\b\f\u0000\u001f\u007f""#,
            ),
            ("é\u{80}\u{ffff}", r#""\u00e9\u0080\uffff""#),
            ("😀x𐍈", r#""\ud83d\ude00x\ud800\udf48""#),
        ];
        for (text, json) in table {
            assert_eq!(encoded(text), json);
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, 10, 1_790_000_000_123, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_json_reader_gets_the_text_back(text: String) {
            let json = encoded(&text);

            prop_assert!(json.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
