//! Transcripts as text: the format of `tests/transcripts/README.md`, read into steps.

use std::fmt;

/// A transcript, ready to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Whether each write must arrive as it was written, neither cut nor glued.
    pub live: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number in the file, from 1.
    pub line: usize,
    /// What it says.
    pub action: Action,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A limit of all realms.
    Limit(String, u64),
    /// A further realm.
    Realm(String),
    /// A further user.
    User {
        /// Of which realm.
        realm: String,
        /// What the user logs in with.
        name: String,
        /// And this.
        password: String,
        /// What others see.
        display_name: String,
    },
    /// Time passes, in ms.
    Wait(u64),
    /// The link between two realms breaks and stays broken.
    Cut(String, String),
    /// The link may come back, and does.
    Mend(String, String),
    /// A realm is told to go down.
    Stop(String),
    /// A client does or observes something.
    Client(String, Act),
}

/// What a client does or observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Connects to that realm.
    On(String),
    /// Writes, once.
    Write(Vec<Part>),
    /// Reads exactly this.
    Read(Vec<Part>),
    /// Has nothing to read.
    Silent,
    /// Will write no more, and reads on.
    Ends,
    /// Is gone.
    Drops,
    /// Finds that the realm has closed the connection.
    Closed,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The token of that name, such as `T1`, or the moment, such as `M1`.
    Token(String),
}

/// A line that is not of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let mut transcript = Self {
            live: false,
            steps: Vec::new(),
        };
        for (at, text) in text.split('\n').enumerate() {
            let line = at + 1;
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if text == "live" {
                transcript.live = true;
                continue;
            }
            let action = parse_line(text).map_err(|what| FormatError { line, what })?;
            transcript.steps.push(Step { line, action });
        }
        Ok(transcript)
    }
}

/// Reads a line that is neither empty nor a comment.
fn parse_line(line: &str) -> Result<Action, &'static str> {
    if line.ends_with([' ', '\t', '\r']) {
        return Err("white space at the end is not to be seen: write it as an escape");
    }
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start_matches(' ');
    match first {
        "limit" => {
            let (name, value) = rest.split_once(' ').ok_or("limit NAME VALUE")?;
            Ok(Action::Limit(name.to_owned(), number(value)?))
        }
        "realm" => Ok(Action::Realm(word(rest)?)),
        "user" => parse_user(rest),
        "wait" => {
            let ms = rest.strip_suffix("ms").ok_or("wait NUMBERms")?;
            Ok(Action::Wait(number(ms)?))
        }
        "cut" | "mend" => {
            let (a, b) = rest.split_once(' ').ok_or("two realms are wanted")?;
            let (a, b) = (word(a)?, word(b)?);
            Ok(if first == "cut" {
                Action::Cut(a, b)
            } else {
                Action::Mend(a, b)
            })
        }
        "stop" => Ok(Action::Stop(word(rest)?)),
        client => Ok(Action::Client(word(client)?, parse_act(rest)?)),
    }
}

fn parse_user(rest: &str) -> Result<Action, &'static str> {
    let mut words = rest.splitn(4, ' ');
    let mut next = || {
        words
            .next()
            .map(str::to_owned)
            .ok_or("user REALM NAME PASSWORD DISPLAY NAME")
    };
    Ok(Action::User {
        realm: next()?,
        name: next()?,
        password: next()?,
        display_name: next()?,
    })
}

fn parse_act(rest: &str) -> Result<Act, &'static str> {
    let (verb, object) = rest.split_once(' ').unwrap_or((rest, ""));
    match (verb, object) {
        ("on", realm) => Ok(Act::On(word(realm)?)),
        (">" | "<", "") => Err("a text is wanted"),
        (">", text) => Ok(Act::Write(parse_text(text)?)),
        ("<", text) => Ok(Act::Read(parse_text(text)?)),
        ("silent", "") => Ok(Act::Silent),
        ("ends", "") => Ok(Act::Ends),
        ("drops", "") => Ok(Act::Drops),
        ("closed", "") => Ok(Act::Closed),
        _ => Err("after the client's name: > < on silent ends drops closed"),
    }
}

fn word(text: &str) -> Result<String, &'static str> {
    let fine = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    if fine {
        Ok(text.to_owned())
    } else {
        Err("a name of ASCII letters and digits is wanted")
    }
}

fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "a whole number is wanted")
}

/// Reads a text: escapes decoded, tokens set apart.
fn parse_text(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => rest = unescape(rest, &mut bytes)?,
            b'$' if matches!(rest, [b'T' | b'M', b'0'..=b'9', ..]) => {
                let digits = rest[1..]
                    .iter()
                    .take_while(|digit| digit.is_ascii_digit())
                    .count();
                let (name, after) = rest.split_at(1 + digits);
                if !bytes.is_empty() {
                    parts.push(Part::Bytes(std::mem::take(&mut bytes)));
                }
                parts.push(Part::Token(String::from_utf8_lossy(name).into_owned()));
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    if !bytes.is_empty() {
        parts.push(Part::Bytes(bytes));
    }
    Ok(parts)
}

/// Decodes the escape whose backslash was just read; returns what follows it.
fn unescape<'a>(rest: &'a [u8], bytes: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    let (&letter, rest) = rest.split_first().ok_or("a backslash at the end")?;
    let byte = match letter {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'0' => 0,
        b'\\' | b'"' => letter,
        b'x' => {
            let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
            let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
            bytes.push(byte.ok_or("\\x wants two hexadecimal digits")?);
            return Ok(&rest[2..]);
        }
        _ => return Err("an unknown escape"),
    };
    bytes.push(byte);
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(line: &str) -> Action {
        parse_line(line).unwrap_or_else(|what| panic!("{line:?}: {what}"))
    }

    fn client(name: &str, act: Act) -> Action {
        Action::Client(name.to_owned(), act)
    }

    fn bytes(bytes: &[u8]) -> Part {
        Part::Bytes(bytes.to_vec())
    }

    #[test]
    fn texts_are_decoded() {
        let all = action(r#"messi   > a "b" \"\\ \r\n\t\b\f\0\x7f\xFF é\x20"#);
        let expected = b"a \"b\" \"\\ \r\n\t\x08\x0c\0\x7f\xff \xc3\xa9 ";
        assert_eq!(all, client("messi", Act::Write(vec![bytes(expected)])));

        let tokens = action("messi < $T1$T23 $5$T $T2x");
        let token = |name: &str| Part::Token(name.to_owned());
        let parts = vec![
            token("T1"),
            token("T23"),
            bytes(b" $5$T "),
            token("T2"),
            bytes(b"x"),
        ];
        assert_eq!(tokens, client("messi", Act::Read(parts)));

        assert_eq!(
            action("messi >   two"),
            client("messi", Act::Write(vec![bytes(b"  two")]))
        );
    }

    #[test]
    fn directives_are_read() {
        let name = |text: &str| text.to_owned();
        assert_eq!(
            action("limit line_bytes_max 256"),
            Action::Limit(name("line_bytes_max"), 256)
        );
        assert_eq!(action("wait 250ms"), Action::Wait(250));
        assert_eq!(
            action("cut realm1 realm2"),
            Action::Cut(name("realm1"), name("realm2"))
        );
        assert_eq!(
            action("mend realm1 realm2"),
            Action::Mend(name("realm1"), name("realm2"))
        );
        assert_eq!(action("realm realm3"), Action::Realm(name("realm3")));
        assert_eq!(action("stop realm1"), Action::Stop(name("realm1")));
        let user = Action::User {
            realm: name("realm2"),
            name: name("messi"),
            password: name("x"),
            display_name: name("Another Messi"),
        };
        assert_eq!(action("user realm2 messi x Another Messi"), user);
        assert_eq!(
            action("amsal   on realm2"),
            client("amsal", Act::On(name("realm2")))
        );
        assert_eq!(action("amsal silent"), client("amsal", Act::Silent));
        assert_eq!(action("amsal ends"), client("amsal", Act::Ends));
        assert_eq!(action("amsal drops"), client("amsal", Act::Drops));
        assert_eq!(action("amsal closed"), client("amsal", Act::Closed));
    }

    #[test]
    fn lines_not_of_the_format_are_refused() {
        let wrong = [
            "messi",
            "messi >",
            "messi > a ",
            "messi = a",
            "messi > \\q",
            "messi > \\",
            "messi > \\x4",
            "messi > \\xzz",
            "mes-si > a",
            "wait 3",
            "wait xms",
            "cut realm1",
            "limit x",
            "silent",
            "user a b c",
            "messi silent now",
        ];
        for line in wrong {
            assert!(parse_line(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn errors_tell_the_line() {
        let error = Transcript::parse("# title\n\nmessi > a\nmessi ? b\n").unwrap_err();
        assert_eq!(error.line, 4);
    }

    #[test]
    fn steps_keep_their_lines_and_live_is_a_mark_of_the_file() {
        let transcript = Transcript::parse("# title\nlive\n\nmessi > a\n").unwrap();

        assert!(transcript.live);
        assert_eq!(transcript.steps.len(), 1);
        assert_eq!(transcript.steps[0].line, 4);
    }
}
