//! The fields of each type of frame, as they stand on the wire.

use super::decode::{Fields, Id, Object};
use crate::link::frame::{Frame, Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
pub(super) struct HelloFields {
    realm: String,
    peer: String,
    versions: [u64; 2],
    #[serde(default)]
    capabilities: Vec<String>,
    limits: Object<LimitsFields>,
    #[serde(default)]
    software: String,
}

#[derive(Deserialize)]
struct LimitsFields {
    line_bytes: u64,
}

impl Fields for HelloFields {
    fn frame(self) -> Option<Frame> {
        Some(Frame::Hello(Hello {
            realm: self.realm,
            peer: self.peer,
            versions: self.versions,
            capabilities: self.capabilities,
            line_bytes_max: self.limits.0.line_bytes,
            software: self.software,
        }))
    }
}

#[derive(Deserialize)]
pub(super) struct ResumeFields<'a> {
    stream: Id,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    sender: Option<Object<SenderFields>>,
    receiver: Option<Object<ReceiverFields>>,
}

#[derive(Deserialize)]
struct SenderFields {
    oldest: u64,
    last: u64,
}

#[derive(Deserialize)]
struct ReceiverFields {
    durable: u64,
    next: u64,
    durable_id: Option<Id>,
    last_id: Option<Id>,
}

impl Fields for ResumeFields<'_> {
    fn frame(self) -> Option<Frame> {
        let kind = match &*self.kind {
            "mail" => StreamKind::Mail,
            "bounce" => StreamKind::Bounce,
            _ => return None,
        };
        let view = match (self.sender, self.receiver) {
            (Some(Object(sender)), None) => View::Sender {
                oldest: sender.oldest,
                last: sender.last,
            },
            (None, Some(Object(receiver))) => View::Receiver {
                durable: receiver.durable,
                next: receiver.next,
                durable_id: receiver.durable_id.map(|id| id.0),
                last_id: receiver.last_id.map(|id| id.0),
            },
            _ => return None,
        };
        let stream = self.stream.0;
        Some(Frame::Resume(Resume { stream, kind, view }))
    }
}

#[derive(Deserialize)]
pub(super) struct CreditFields {
    stream: Id,
    upto: u64,
    bytes: u64,
}

impl Fields for CreditFields {
    fn frame(self) -> Option<Frame> {
        let Self {
            stream: Id(stream),
            upto,
            bytes,
        } = self;
        Some(Frame::Credit {
            stream,
            upto,
            bytes,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct VoidFields {
    stream: Id,
    seq: u64,
    id: Id,
}

impl Fields for VoidFields {
    fn frame(self) -> Option<Frame> {
        let Self {
            stream: Id(stream),
            seq,
            id: Id(id),
        } = self;
        Some(Frame::Void { stream, seq, id })
    }
}

#[derive(Deserialize)]
pub(super) struct AckFields {
    stream: Id,
    durable: u64,
    #[serde(default)]
    refused: Vec<u64>,
}

impl Fields for AckFields {
    fn frame(self) -> Option<Frame> {
        let Self {
            stream: Id(stream),
            durable,
            refused,
        } = self;
        Some(Frame::Ack {
            stream,
            durable,
            refused,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct LiveFields<'a> {
    group: String,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    from: String,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    home: bool,
}

impl Fields for LiveFields<'_> {
    fn frame(self) -> Option<Frame> {
        let kind = match &*self.kind {
            "join" => LiveKind::Join,
            "members" => LiveKind::Members,
            "say" => LiveKind::Say,
            "leave" => LiveKind::Leave,
            "gone" => LiveKind::Gone,
            _ => return None,
        };
        Some(Frame::Live(Live {
            group: self.group,
            kind,
            from: self.from,
            text: self.text.into(),
            members: self.members,
            home: self.home,
        }))
    }
}

#[derive(Deserialize)]
pub(super) struct AskFields<'a> {
    id: u64,
    #[serde(borrow)]
    question: Cow<'a, str>,
    name: String,
}

impl Fields for AskFields<'_> {
    fn frame(self) -> Option<Frame> {
        let question = match &*self.question {
            "user" => Question::User,
            "group" => Question::Group,
            _ => return None,
        };
        let Self { id, name, .. } = self;
        Some(Frame::Ask { id, question, name })
    }
}

#[derive(Deserialize)]
pub(super) struct AnswerFields {
    id: u64,
    found: bool,
}

impl Fields for AnswerFields {
    fn frame(self) -> Option<Frame> {
        let Self { id, found } = self;
        Some(Frame::Answer { id, found })
    }
}

#[derive(Deserialize)]
pub(super) struct PingFields {
    n: u64,
}

impl Fields for PingFields {
    fn frame(self) -> Option<Frame> {
        Some(Frame::Ping { n: self.n })
    }
}

#[derive(Deserialize)]
pub(super) struct PongFields {
    n: u64,
}

impl Fields for PongFields {
    fn frame(self) -> Option<Frame> {
        Some(Frame::Pong { n: self.n })
    }
}

#[derive(Deserialize)]
pub(super) struct ErrorFields {
    code: String,
    #[serde(default)]
    text: String,
}

impl Fields for ErrorFields {
    fn frame(self) -> Option<Frame> {
        let Self { code, text } = self;
        Some(Frame::Error { code, text })
    }
}

#[derive(Deserialize)]
pub(super) struct ByeFields {
    code: String,
    #[serde(default)]
    text: String,
}

impl Fields for ByeFields {
    fn frame(self) -> Option<Frame> {
        let Self { code, text } = self;
        Some(Frame::Bye { code, text })
    }
}
