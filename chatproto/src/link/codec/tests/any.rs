//! Any frames, for properties of what is done with them.

use crate::envelope::{Envelope, Kind};
use crate::link::frame::{Frame, Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use crate::name::RealmName;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![0..=20_u64, 0..=(1_u64 << 53)]
}

fn any_id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Texts with much of what has to be escaped.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".*",
        vec(any::<char>(), 0..20).prop_map(String::from_iter),
        "[\\x00-\\x7f]{0,40}"
    ]
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    let other = any_text().prop_filter("kinds of their own", |kind| {
        kind != "msg" && kind != "bounce"
    });
    let kind = prop_oneof![
        Just(Kind::Message),
        (any_id(), any_text()).prop_map(|(answers, reason)| Kind::Bounce { answers, reason }),
        other.prop_map(Kind::Other),
    ];
    let realms = prop::array::uniform2("[a-z0-9é.\u{7f0}-]{1,8}");
    (
        any_id(),
        kind,
        realms,
        any_text(),
        any_text(),
        any_number(),
        any_number(),
        any_text(),
    )
        .prop_map(
            |(id, kind, [origin, destination], from, to, sent, expires, text)| Envelope {
                id,
                kind,
                origin: RealmName::parse(&origin).unwrap(),
                destination: RealmName::parse(&destination).unwrap(),
                from,
                to,
                sent_unix_ms: sent,
                expires_unix_ms: expires,
                text,
            },
        )
}

fn any_live() -> impl Strategy<Value = Frame> {
    let kind = prop::sample::select(vec![
        LiveKind::Join,
        LiveKind::Members,
        LiveKind::Say,
        LiveKind::Leave,
        LiveKind::Gone,
    ]);
    (
        any_text(),
        kind,
        any_text(),
        any_text(),
        vec(any_text(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(group, kind, from, text, members, home)| {
            Frame::Live(Live {
                group,
                kind,
                from,
                text: text.into(),
                members,
                home,
            })
        })
}

fn any_resume() -> impl Strategy<Value = Frame> {
    let ids = (prop::option::of(any_id()), prop::option::of(any_id()));
    let view = prop_oneof![
        (any_number(), any_number()).prop_map(|(oldest, last)| View::Sender { oldest, last }),
        (any_number(), any_number(), ids).prop_map(|(durable, next, (durable_id, last_id))| {
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            }
        }),
    ];
    let kind = prop::sample::select(vec![StreamKind::Mail, StreamKind::Bounce]);
    (any_id(), kind, view)
        .prop_map(|(stream, kind, view)| Frame::Resume(Resume { stream, kind, view }))
}

fn any_hello() -> impl Strategy<Value = Frame> {
    let texts = (any_text(), any_text(), any_text(), vec(any_text(), 0..4));
    (texts, any_number(), any_number(), any_number()).prop_map(|(texts, least, greatest, max)| {
        let (realm, peer, software, capabilities) = texts;
        let versions = [least, greatest];
        Frame::Hello(Hello {
            realm,
            peer,
            versions,
            capabilities,
            line_bytes_max: max,
            software,
        })
    })
}

/// Any frame at all.
pub(crate) fn any_frame() -> impl Strategy<Value = Frame> {
    let (id, number, text) = (any_id, any_number, any_text);
    let question = prop::sample::select(vec![Question::User, Question::Group]);
    prop_oneof![
        any_hello(),
        any_resume(),
        (id(), number(), number()).prop_map(|(stream, upto, bytes)| Frame::Credit {
            stream,
            upto,
            bytes
        }),
        (id(), number(), any_envelope().prop_map(Arc::new)).prop_map(|(stream, seq, envelope)| {
            Frame::Env {
                stream,
                seq,
                envelope,
            }
        }),
        (id(), number(), id()).prop_map(|(stream, seq, id)| Frame::Void { stream, seq, id }),
        (id(), number(), vec(number(), 0..5)).prop_map(|(stream, durable, refused)| Frame::Ack {
            stream,
            durable,
            refused
        }),
        any_live(),
        (number(), question, text()).prop_map(|(id, question, name)| Frame::Ask {
            id,
            question,
            name
        }),
        (number(), any::<bool>()).prop_map(|(id, found)| Frame::Answer { id, found }),
        number().prop_map(|n| Frame::Ping { n }),
        number().prop_map(|n| Frame::Pong { n }),
        (text(), text()).prop_map(|(code, text)| Frame::Error { code, text }),
        (text(), text()).prop_map(|(code, text)| Frame::Bye { code, text }),
    ]
}
