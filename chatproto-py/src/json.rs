//! A reply of the engine as Python objects.
//!
//! It is made for what the engine writes: ASCII, whole numbers, no white space but one space after a
//! comma or a colon, and rows of objects that begin alike.

use memchr::memchr2;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

/// What most calls are answered by.
const SENT: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";

static SENT_READ: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// How nearly all other replies begin: their first key and value, and their last key.
const BEGINNINGS: [(&[u8], &str, &str); 3] = [
    (b"{\"status\": \"OK\", \"messages\": ", "OK", "messages"),
    (b"{\"status\": \"OK\", \"tokenid\": ", "OK", "tokenid"),
    (b"{\"status\": \"ERROR\", \"message\": ", "ERROR", "message"),
];

/// A dictionary for each of them, with its last key.
static BEGUN: PyOnceLock<[(Py<PyDict>, Py<PyString>); 3]> = PyOnceLock::new();

/// Reads a reply, its end included; none if it is not one.
pub(crate) fn read<'py>(py: Python<'py>, reply: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
    if reply == SENT {
        let sent = SENT_READ.get_or_try_init(py, || {
            let sent = PyDict::new(py);
            sent.set_item(key(py, "status"), word(py, "OK"))?;
            sent.set_item(key(py, "message"), PyString::intern(py, "Message Sent"))?;
            Ok::<_, PyErr>(sent.unbind())
        })?;
        return Ok(Some(sent.bind(py).copy()?.into_any()));
    }
    // All at once: one long text is looked through faster than many short ones.
    let Ok(text) = str::from_utf8(reply) else {
        return Ok(None);
    };
    let mut reader = Reader {
        py,
        text,
        at: 0,
        depth: 0,
        scratch: String::new(),
    };
    let value = match known_beginning(py, reply)? {
        Some(begun) => reader.object_like(begun)?.map(|row| row.dict.into_any()),
        None => reader.value()?,
    };
    let is_whole = reader.rest() == chatproto::wire::reply::END;
    Ok(value.filter(|_| is_whole))
}

/// What a reply has in common with others.
fn known_beginning<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Option<Row<'static, 'py>>> {
    let begun = BEGUN.get_or_try_init(py, || {
        let make = |(_, status, last): (&[u8], &str, &str)| -> PyResult<_> {
            let (dict, last) = (PyDict::new(py), key(py, last));
            dict.set_item(key(py, "status"), word(py, status))?;
            dict.set_item(&last, py.None())?;
            Ok((dict.unbind(), last.unbind()))
        };
        let [one, two, three] = BEGINNINGS.map(make);
        Ok::<_, PyErr>([one?, two?, three?])
    })?;
    let mut known = BEGINNINGS.iter().zip(begun);
    let found = known.find(|((head, ..), _)| text.starts_with(head));
    Ok(found.map(|((head, ..), (dict, last_key))| Row {
        dict: dict.bind(py).clone(),
        head,
        last_key: last_key.bind(py).clone(),
    }))
}

/// Deeper than any reply is.
const DEPTH_MAX: u32 = 8;

struct Reader<'a, 'py> {
    py: Python<'py>,
    text: &'a str,
    at: usize,
    depth: u32,
    /// Where a string is put together.
    scratch: String,
}

/// What was read, or nothing where it is not as the engine writes.
type Read<T> = PyResult<Option<T>>;

/// An object, and what the next one of a row may have in common with it.
struct Row<'a, 'py> {
    dict: Bound<'py, PyDict>,
    /// All of its text before its last value.
    head: &'a [u8],
    last_key: Bound<'py, PyString>,
}

impl<'a, 'py> Reader<'a, 'py> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What was read since.
    fn since(&self, start: usize) -> &'a [u8] {
        self.text.as_bytes().get(start..self.at).unwrap_or_default()
    }

    /// Passes over a text, if it is next.
    fn pass(&mut self, text: &[u8]) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    fn value(&mut self) -> Read<Bound<'py, PyAny>> {
        if self.depth == DEPTH_MAX {
            return Ok(None);
        }
        self.depth += 1;
        let value = self.any()?;
        self.depth -= 1;
        Ok(value)
    }

    fn any(&mut self) -> Read<Bound<'py, PyAny>> {
        let py = self.py;
        Ok(match self.peek() {
            Some(b'"') => self.string(word).map(Bound::into_any),
            Some(b'{') => self.object()?.map(|row| row.dict.into_any()),
            Some(b'[') => self.list()?.map(Bound::into_any),
            Some(b'0'..=b'9') => self.number().map(|n| PyInt::new(py, n).into_any()),
            _ if self.pass(b"true") => Some(true.into_pyobject(py)?.to_owned().into_any()),
            _ if self.pass(b"false") => Some(false.into_pyobject(py)?.to_owned().into_any()),
            _ if self.pass(b"null") => Some(py.None().into_bound(py)),
            _ => None,
        })
    }

    fn number(&mut self) -> Option<u64> {
        let rest = self.rest();
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let (digits, _) = rest.split_at_checked(rest.iter().take_while(is_digit).count())?;
        self.at += digits.len();
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn list(&mut self) -> Read<Bound<'py, PyList>> {
        let list = PyList::empty(self.py);
        self.at += 1;
        if self.pass(b"]") {
            return Ok(Some(list));
        }
        let mut before = None;
        loop {
            let item = match self.peek() {
                Some(b'{') => {
                    before = match before {
                        Some(before) => self.object_like(before)?,
                        None => self.object()?,
                    };
                    before.as_ref().map(|row| row.dict.clone().into_any())
                }
                _ => self.value()?,
            };
            let Some(item) = item else { return Ok(None) };
            list.append(item)?;
            if self.pass(b"]") {
                return Ok(Some(list));
            }
            if !self.pass(b", ") {
                return Ok(None);
            }
        }
    }

    fn object(&mut self) -> Read<Row<'a, 'py>> {
        let start = self.at;
        self.at += 1;
        let dict = PyDict::new(self.py);
        if self.pass(b"}") {
            let head = self.since(start);
            let last_key = intern!(self.py, "").clone();
            return Ok(Some(Row {
                dict,
                head,
                last_key,
            }));
        }
        self.entries(start, dict)
    }

    /// An object of which the one before in the row may tell all but the last value.
    fn object_like(&mut self, before: Row<'a, 'py>) -> Read<Row<'a, 'py>> {
        let start = self.at;
        if before.head.last() != Some(&b' ') || !self.pass(before.head) {
            return self.object();
        }
        let dict = before.dict.copy()?;
        let Some(value) = self.value()? else {
            return Ok(None);
        };
        dict.set_item(&before.last_key, value)?;
        if self.pass(b"}") {
            return Ok(Some(Row { dict, ..before }));
        }
        if !self.pass(b", ") {
            return Ok(None);
        }
        self.entries(start, dict)
    }

    /// The rest of an object that began at `start`.
    fn entries(&mut self, start: usize, dict: Bound<'py, PyDict>) -> Read<Row<'a, 'py>> {
        loop {
            let Some(key) = self.string(key) else {
                return Ok(None);
            };
            if !self.pass(b": ") {
                return Ok(None);
            }
            let head = self.since(start);
            let Some(value) = self.value()? else {
                return Ok(None);
            };
            dict.set_item(&key, value)?;
            if self.pass(b"}") {
                return Ok(Some(Row {
                    dict,
                    head,
                    last_key: key,
                }));
            }
            if !self.pass(b", ") {
                return Ok(None);
            }
        }
    }

    /// A string; `made` makes it where nothing in it is escaped.
    fn string(
        &mut self,
        made: fn(Python<'py>, &str) -> Bound<'py, PyString>,
    ) -> Option<Bound<'py, PyString>> {
        if !self.pass(b"\"") {
            return None;
        }
        let plain = self.plain()?;
        if self.pass(b"\"") {
            return Some(made(self.py, plain));
        }
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        text.push_str(plain);
        while !self.pass(b"\"") {
            text.push(self.escaped()?);
            text.push_str(self.plain()?);
        }
        let string = PyString::new(self.py, &text);
        self.scratch = text;
        Some(string)
    }

    /// What stands before the next quotation mark or backslash.
    fn plain(&mut self) -> Option<&'a str> {
        let len = memchr2(b'"', b'\\', self.rest())?;
        let plain = self.text.get(self.at..self.at + len);
        self.at += len;
        plain
    }

    fn escaped(&mut self) -> Option<char> {
        if !self.pass(b"\\") {
            return None;
        }
        let kind = self.peek()?;
        self.at += 1;
        Some(match kind {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' => char::from(kind),
            b'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                let second = self.pass(b"\\u").then(|| self.unit())??;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10 | low));
            }
            _ => return None,
        })
    }

    /// Four digits that are half of a character, or all of it.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += digits.len();
        u32::from_str_radix(digits, 16).ok()
    }
}

fn word<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    match text {
        "OK" => intern!(py, "OK").clone(),
        "ERROR" => intern!(py, "ERROR").clone(),
        _ => PyString::new(py, text),
    }
}

fn key<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    match text {
        "status" => intern!(py, "status").clone(),
        "message" => intern!(py, "message").clone(),
        "messages" => intern!(py, "messages").clone(),
        "tokenid" => intern!(py, "tokenid").clone(),
        "msg_from" => intern!(py, "msg_from").clone(),
        "msg_to" => intern!(py, "msg_to").clone(),
        "msg" => intern!(py, "msg").clone(),
        "code" => intern!(py, "code").clone(),
        _ => PyString::new(py, text),
    }
}
