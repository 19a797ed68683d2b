//! What a client makes of the bytes that it reads.

/// What ends a reply.
const END: &[u8] = b"\r\n\r\n";

/// One message of an inbox, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The name it is listed under.
    pub(super) key: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
}

/// A piece of what a live client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Live<'a> {
    Join(&'a str),
    Leave(&'a str),
    /// Who, and what stands between the brackets.
    Say(&'a str, &'a str),
    /// The link to the home is down.
    Away,
    /// All that comes after the word with which one leaves.
    Exit(&'a str),
}

/// Cuts the first reply off what was read, if it is all there.
pub(super) fn first_reply(read: &[u8]) -> Option<&[u8]> {
    let end = read.windows(END.len()).position(|bytes| bytes == END)?;
    Some(&read[..end + END.len()])
}

/// The token of a reply to `auth`.
pub(super) fn token(reply: &str) -> Option<&str> {
    let rest = reply.strip_prefix("{\"status\": \"OK\", \"tokenid\": \"")?;
    rest.strip_suffix("\"}\r\n\r\n")
}

/// The messages of a reply to `inbox`; nothing if it is not written as such a reply is.
pub(super) fn inbox(reply: &str) -> Option<Vec<Shown>> {
    let mut rest = reply.strip_prefix("{\"status\": \"OK\", \"messages\": {")?;
    let mut shown = Vec::new();
    let mut separator = "";
    while rest != "}}\r\n\r\n" {
        let key = string(skip(&mut rest, separator)?)?;
        separator = ", ";
        rest = key.1.strip_prefix(": [")?;
        let mut comma = "";
        while !rest.starts_with(']') {
            let (from, after) = string(skip(&mut rest, comma)?.strip_prefix("{\"msg_from\": ")?)?;
            comma = ", ";
            let (to, after) = string(after.strip_prefix(", \"msg_to\": ")?)?;
            let (text, after) = string(after.strip_prefix(", \"msg\": ")?)?;
            rest = after.strip_prefix('}')?;
            let key = key.0.clone();
            shown.push(Shown {
                key,
                from,
                to,
                text,
            });
        }
        rest = rest.strip_prefix(']')?;
    }
    Some(shown)
}

fn skip<'a>(rest: &mut &'a str, prefix: &str) -> Option<&'a str> {
    *rest = rest.strip_prefix(prefix)?;
    Some(rest)
}

/// Reads a JSON string, and returns it with what follows.
fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut units: Vec<u16> = Vec::new();
    loop {
        let clean = rest.find(['"', '\\'])?;
        units.extend(rest[..clean].encode_utf16());
        let mut chars = rest[clean..].chars();
        if chars.next()? == '"' {
            return Some((String::from_utf16(&units).ok()?, chars.as_str()));
        }
        let escape = chars.next()?;
        rest = chars.as_str();
        units.push(match escape {
            '"' | '\\' => escape as u16,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let (digits, after) = rest.split_at_checked(4)?;
                rest = after;
                u16::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
}

/// Reads live text piece by piece; nothing where it is none. What members say here stands in
/// brackets, so that events which come in one read can be told apart.
pub(super) fn live(read: &str) -> Option<Vec<Live<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = read;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("exit") {
            pieces.push(Live::Exit(after));
            break;
        }
        if rest.starts_with('*') {
            let (_, after) = rest.split_once("* tidak terhubung, grup ")?;
            let (_, after) = after.split_once(" menunggu")?;
            pieces.push(Live::Away);
            rest = after;
            continue;
        }
        let name_end = rest.find([' ', ':'])?;
        let (name, after) = rest.split_at(name_end);
        if let Some(after) = after.strip_prefix(" telah bergabung") {
            pieces.push(Live::Join(name));
            rest = after;
        } else if let Some(after) = after.strip_prefix(" meninggalkan group") {
            pieces.push(Live::Leave(name));
            rest = after;
        } else {
            let (said, after) = after.strip_prefix(": [")?.split_once(']')?;
            pieces.push(Live::Say(name, said));
            rest = after;
        }
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_read() {
        let reply = "{\"status\": \"OK\", \"messages\": {\"a\": [], \"b\": [{\"msg_from\": \"B\", \
                     \"msg_to\": \"C\", \"msg\": \" \\\"\\u00e9\\ud83d\\ude00\\r\\n\"}, \
                     {\"msg_from\": \"B\", \"msg_to\": \"C\", \"msg\": \"\"}]}}\r\n\r\n";
        let shown = |text: &str| Shown {
            key: "b".into(),
            from: "B".into(),
            to: "C".into(),
            text: text.into(),
        };

        assert_eq!(inbox(reply), Some(vec![shown(" \"é😀\r\n"), shown("")]));
        assert_eq!(
            inbox("{\"status\": \"OK\", \"messages\": {}}\r\n\r\n"),
            Some(vec![])
        );
        assert_eq!(inbox(&reply.replace("], \"b\"", "],\"b\"")), None);
    }

    #[test]
    fn run_on_events_are_told_apart() {
        let read = "b1 telah bergabungb2@timur: [7.1 x]*utara* tidak terhubung, grup g1 menunggu\
                    b1 meninggalkan groupexit{";

        let pieces = [
            Live::Join("b1"),
            Live::Say("b2@timur", "7.1 x"),
            Live::Away,
            Live::Leave("b1"),
            Live::Exit("{"),
        ];
        assert_eq!(live(read), Some(pieces.to_vec()));
        assert_eq!(live("b1 telah"), None);
    }
}
