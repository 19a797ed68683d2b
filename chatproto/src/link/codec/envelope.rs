//! The fields of an envelope, of kinds known and unknown.

use super::decode::{Fields, Id, Object};
use crate::envelope::{Envelope, Kind};
use crate::link::frame::Frame;
use crate::name::RealmName;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// The one version of the envelope there is.
const ENVELOPE_VERSION: u64 = 1;

#[derive(serde::Deserialize)]
pub(super) struct EnvFields<'a> {
    stream: Id,
    seq: u64,
    #[serde(borrow)]
    e: Object<EnvelopePart<'a>>,
}

#[derive(serde::Deserialize)]
struct EnvelopePart<'a> {
    v: u64,
    id: Id,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    // What `re` and the body look like is up to the kind, and that may be an unknown one.
    #[serde(default)]
    re: Lenient<Text>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(borrow)]
    dst: Cow<'a, str>,
    from: String,
    to: String,
    ts: u64,
    exp: u64,
    #[serde(default)]
    body: Lenient<Body>,
}

/// What was written, and what a bounce says of it.
#[derive(Default, serde::Deserialize)]
struct Body {
    #[serde(default)]
    text: Lenient<Text>,
    #[serde(default)]
    reason: Lenient<Text>,
}

/// A text, if there is one.
#[derive(Default)]
struct Text(Option<String>);

impl Fields for EnvFields<'_> {
    fn frame(self) -> Option<Frame> {
        let envelope = self.e.0.envelope()?;
        Some(Frame::Env {
            stream: self.stream.0,
            seq: self.seq,
            envelope: Arc::new(envelope),
        })
    }
}

impl EnvelopePart<'_> {
    fn envelope(self) -> Option<Envelope> {
        if self.v != ENVELOPE_VERSION {
            return None;
        }
        let text = self.body.0.text.0.0;
        let (kind, text) = match &*self.kind {
            "msg" => (Kind::Message, text?),
            "bounce" => {
                let answers = Id::parse(&self.re.0.0?)?.0;
                let reason = self.body.0.reason.0.0?;
                (Kind::Bounce { answers, reason }, text?)
            }
            _ => (
                Kind::Other(self.kind.into_owned()),
                text.unwrap_or_default(),
            ),
        };
        Some(Envelope {
            id: self.id.0,
            kind,
            origin: RealmName::parse(&self.origin).ok()?,
            destination: RealmName::parse(&self.dst).ok()?,
            from: self.from,
            to: self.to,
            sent_unix_ms: self.ts,
            expires_unix_ms: self.exp,
            text,
        })
    }
}

/// A value that counts as absent if it is of another type, whatever it holds then.
#[derive(Default)]
struct Lenient<T>(T);

/// What a [`Lenient`] value is of.
trait Wanted: Default {
    fn from_text(_: &str) -> Self {
        Self::default()
    }

    fn from_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl Wanted for Text {
    fn from_text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl Wanted for Body {
    fn from_object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de, T: Wanted> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = LenientVisitor(PhantomData);
        deserializer.deserialize_any(visitor).map(Self)
    }
}

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: Wanted> Visitor<'de> for LenientVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_object(map)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}
