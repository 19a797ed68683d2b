//! Bytes into frames: first what JSON parsers are lax about, then the fields of each type.

use super::FrameError;
use super::envelope::EnvFields;
use super::fields::{
    AckFields, AnswerFields, AskFields, ByeFields, CreditFields, ErrorFields, HelloFields,
    LiveFields, PingFields, PongFields, ResumeFields, VoidFields,
};
use crate::link::frame::Frame;
use crate::link::strict;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use uuid::Uuid;

/// Reads a line without its line feed; `None` is a frame of an unknown type that may be skipped.
///
/// # Errors
///
/// The line is not a frame. The connection that brought it is of no further use.
pub(crate) fn decode(line: &[u8]) -> Result<Option<Frame>, FrameError> {
    let text = std::str::from_utf8(line).map_err(|_| FrameError::NotUtf8)?;
    let frame_type = strict::scan(text)?;
    let frame = match &*frame_type {
        "hello" => frame::<HelloFields>(text, "hello"),
        "resume" => frame::<ResumeFields<'_>>(text, "resume"),
        "credit" => frame::<CreditFields>(text, "credit"),
        "env" => frame::<EnvFields<'_>>(text, "env"),
        "void" => frame::<VoidFields>(text, "void"),
        "ack" => frame::<AckFields>(text, "ack"),
        "live" => frame::<LiveFields<'_>>(text, "live"),
        "ask" => frame::<AskFields<'_>>(text, "ask"),
        "answer" => frame::<AnswerFields>(text, "answer"),
        "ping" => frame::<PingFields>(text, "ping"),
        "pong" => frame::<PongFields>(text, "pong"),
        "error" => frame::<ErrorFields>(text, "error"),
        "bye" => frame::<ByeFields>(text, "bye"),
        _ => return skip(text),
    };
    frame.map(Some)
}

/// The fields of one type of frame.
pub(super) trait Fields {
    /// The frame they make, if they are right.
    fn frame(self) -> Option<Frame>;
}

fn frame<'a, T>(text: &'a str, frame_type: &'static str) -> Result<Frame, FrameError>
where
    T: Fields + Deserialize<'a>,
{
    let wrong = FrameError::Field(frame_type);
    parse::<T>(text, wrong)?.frame().ok_or(wrong)
}

/// Passes over a frame of an unknown type if it allows that.
fn skip(text: &str) -> Result<Option<Frame>, FrameError> {
    let fields: OptionalFields = parse(text, FrameError::UnknownType)?;
    if fields.opt {
        Ok(None)
    } else {
        Err(FrameError::UnknownType)
    }
}

#[derive(serde::Deserialize)]
struct OptionalFields {
    #[serde(default)]
    opt: bool,
}

/// Reads an object; `wrong` is the error if it is one, but not this one.
fn parse<'a, T: Deserialize<'a>>(text: &'a str, wrong: FrameError) -> Result<T, FrameError> {
    match serde_json::from_str(text) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) if error.classify() == Category::Data => Err(wrong),
        Err(_) => Err(FrameError::NotAnObject),
    }
}

/// What stands in braces: a derived type alone would read its fields from an array as well.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A UUID in its usual form.
pub(super) struct Id(pub(super) Uuid);

impl Id {
    pub(super) fn parse(text: &str) -> Option<Self> {
        const HYPHENATED_BYTES: usize = 36;
        // The parser knows other forms too, and each of them has a length of its own.
        let usual = text.len() == HYPHENATED_BYTES;
        usual
            .then(|| Uuid::try_parse(text).ok())
            .flatten()
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::parse(&text.0).ok_or_else(|| D::Error::custom("not a UUID"))
    }
}

/// A text, borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
