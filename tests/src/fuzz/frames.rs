//! Frames as a peer may say them: right, nearly right, and wrong.

use super::house::OWN;
use super::lines::{GROUPS, USERS};
use super::seat::FORGED;
use super::tape::Tape;
use chatproto::link::frame::{Hello, Live, LiveKind, Question, Resume, StreamKind, View};
use chatproto::{Envelope, Frame, Kind, RealmName};
use std::sync::Arc;
use uuid::Uuid;

/// Things of the realm that a peer remembers, of each kind.
const NOTED_MAX: usize = 8;

/// What one peer knows of the realm, and has told it.
pub(super) struct Pen {
    peer: &'static str,
    /// The realm's streams to this peer, each with the last number that was seen.
    theirs: Vec<(Uuid, StreamKind, u64)>,
    /// This peer's streams, each with the number the realm expects next.
    own: [(Uuid, StreamKind, u64); 3],
    asked: Vec<u64>,
    ids: Vec<Uuid>,
    written: u128,
}

impl Pen {
    pub(super) fn new(peer: &'static str) -> Self {
        let base = u128::from(peer.as_bytes()[5]) << 64;
        let stream = |number, kind| (Uuid::from_u128(base | number), kind, 1);
        Self {
            peer,
            theirs: Vec::new(),
            own: [
                stream(1, StreamKind::Mail),
                stream(2, StreamKind::Bounce),
                stream(3, StreamKind::Mail),
            ],
            asked: Vec::new(),
            ids: vec![Uuid::from_u128(base)],
            written: base,
        }
    }

    /// Remembers what the realm's frames tell.
    pub(super) fn note(&mut self, frame: &Frame) {
        match frame {
            Frame::Resume(resume) => match resume.view {
                View::Sender { last, .. } => {
                    self.theirs.retain(|(id, ..)| *id != resume.stream);
                    self.theirs.push((resume.stream, resume.kind, last));
                }
                View::Receiver { next, .. } => {
                    let mut own = self.own.iter_mut();
                    if let Some(own) = own.find(|(id, ..)| *id == resume.stream) {
                        own.2 = next;
                    }
                }
            },
            Frame::Env {
                stream,
                seq,
                envelope,
            } => {
                if let Some(known) = self.theirs.iter_mut().find(|(id, ..)| id == stream) {
                    known.2 = known.2.max(*seq);
                }
                self.ids.push(envelope.id);
            }
            Frame::Ask { id, .. } => self.asked.push(*id),
            _ => {}
        }
        let (asked, ids) = (self.asked.len(), self.ids.len());
        drop(self.asked.drain(..asked.saturating_sub(NOTED_MAX)));
        drop(self.ids.drain(..ids.saturating_sub(NOTED_MAX)));
    }

    pub(super) fn hello(&self, tape: &mut Tape<'_>) -> Frame {
        let mut hello = Hello {
            realm: self.peer.to_owned(),
            peer: OWN.to_owned(),
            versions: [1, 1],
            capabilities: vec!["live".to_owned()],
            line_bytes_max: 4_096,
            software: "x".to_owned(),
        };
        if tape.is_odd_case() {
            hello.versions = [tape.number(), tape.number()];
            hello.line_bytes_max = tape.number();
            OWN.clone_into(&mut hello.realm);
        }
        Frame::Hello(hello)
    }

    /// What a peer says of all streams once both have greeted.
    pub(super) fn resumes(&self, tape: &mut Tape<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (stream, kind, next) in &self.own[..2] {
            let view = View::Sender {
                oldest: 1,
                last: next.saturating_sub(1),
            };
            frames.push(resume(*stream, *kind, view));
        }
        for (stream, kind, last) in &self.theirs {
            let durable = last.saturating_sub(tape.below(3) as u64);
            let view = View::Receiver {
                durable,
                next: durable.saturating_add(1),
                durable_id: None,
                last_id: None,
            };
            frames.push(resume(*stream, *kind, view));
            frames.push(Frame::Credit {
                stream: *stream,
                upto: last.saturating_add(tape.below(4) as u64),
                bytes: 1 << 20,
            });
        }
        frames
    }

    /// The next envelope on a stream, as it should be.
    pub(super) fn mail(&mut self, tape: &mut Tape<'_>) -> Frame {
        let at = tape.below(2);
        let envelope = self.envelope(tape);
        let (stream, _, next) = &mut self.own[at];
        let seq = *next;
        *next = next.saturating_add(1);
        Frame::Env {
            stream: *stream,
            seq,
            envelope: Arc::new(envelope),
        }
    }

    /// Says that everything seen so far is stored.
    pub(super) fn acks(&self, tape: &mut Tape<'_>) -> Vec<Frame> {
        let ack = |(stream, _, last): &(Uuid, StreamKind, u64)| Frame::Ack {
            stream: *stream,
            durable: *last,
            refused: (0..tape.below(3) as u64)
                .map(|n| last.saturating_sub(n))
                .collect(),
        };
        self.theirs.iter().map(ack).collect()
    }

    /// Any frame, likely about something that there is.
    pub(super) fn any(&mut self, tape: &mut Tape<'_>) -> Frame {
        match tape.below(14) {
            0 => self.hello(tape),
            1 | 2 => self.any_resume(tape),
            3 => Frame::Credit {
                stream: self.stream(tape).0,
                upto: tape.number(),
                bytes: tape.number(),
            },
            4 => {
                let envelope = Arc::new(self.any_envelope(tape));
                let (stream, last) = self.stream(tape);
                Frame::Env {
                    stream,
                    seq: near(tape, last),
                    envelope,
                }
            }
            5 => {
                let (stream, last) = self.stream(tape);
                Frame::Void {
                    stream,
                    seq: near(tape, last),
                    id: *tape.one_of(&self.ids),
                }
            }
            6 => {
                let (stream, last) = self.stream(tape);
                Frame::Ack {
                    stream,
                    durable: near(tape, last),
                    refused: (0..tape.below(4)).map(|_| tape.number()).collect(),
                }
            }
            7 | 8 => self.live(tape),
            9 => Frame::Ask {
                id: tape.number(),
                question: *tape.one_of(&[Question::User, Question::Group]),
                name: said(tape),
            },
            10 => self.answer(tape),
            11 => Frame::Ping { n: tape.number() },
            12 => Frame::Pong { n: tape.number() },
            _ => {
                let (code, text) = (String::new(), String::new());
                if tape.below(2) == 0 {
                    Frame::Error { code, text }
                } else {
                    Frame::Bye { code, text }
                }
            }
        }
    }

    pub(super) fn answer(&self, tape: &mut Tape<'_>) -> Frame {
        let id = self.asked.get(tape.below(self.asked.len())).copied();
        let other = tape.is_odd_case();
        Frame::Answer {
            id: id.filter(|_| !other).unwrap_or_else(|| tape.number()),
            found: tape.below(2) == 0,
        }
    }

    pub(super) fn live(&self, tape: &mut Tape<'_>) -> Frame {
        let is_home = tape.below(2) == 0;
        let user = tape.one_of(&USERS).0;
        let realm = if is_home { OWN } else { self.peer };
        let mut from = format!("{user}@{realm}");
        if tape.is_odd_case() {
            let others = ["messi@realm1", "x@realm9", "amsal", "", "a@b@c"];
            others[tape.below(others.len())].clone_into(&mut from);
        }
        let is_forged = !is_home && !is_of(&from, self.peer);
        let text = if is_forged {
            FORGED.to_owned()
        } else {
            said(tape)
        };
        let group = tape.one_of(&GROUPS).split('@').next();
        let kinds = [
            LiveKind::Join,
            LiveKind::Say,
            LiveKind::Leave,
            LiveKind::Gone,
            LiveKind::Members,
        ];
        Frame::Live(Live {
            group: group.unwrap_or_default().to_owned(),
            kind: *tape.one_of(&kinds),
            members: vec![from.clone(); tape.below(5)],
            from,
            text: text.into(),
            home: is_home,
        })
    }

    fn any_resume(&self, tape: &mut Tape<'_>) -> Frame {
        let (stream, last) = self.stream(tape);
        let (one, two) = (near(tape, last), near(tape, last));
        let view = if tape.below(2) == 0 {
            View::Sender {
                oldest: one,
                last: two,
            }
        } else {
            View::Receiver {
                durable: one,
                next: two,
                durable_id: None,
                last_id: tape.is_odd_case().then_some(stream),
            }
        };
        let kind = *tape.one_of(&[StreamKind::Mail, StreamKind::Bounce]);
        resume(stream, kind, view)
    }

    /// A stream of either side and its present number.
    fn stream(&self, tape: &mut Tape<'_>) -> (Uuid, u64) {
        let all: Vec<_> = self.own.iter().chain(&self.theirs).collect();
        let (id, _, number) = tape.one_of(&all);
        (*id, *number)
    }

    fn envelope(&mut self, tape: &mut Tape<'_>) -> Envelope {
        self.written += 1;
        let kind = match tape.below(8) {
            0 => Kind::Other("group.post".to_owned()),
            1 | 2 => Kind::Bounce {
                answers: *tape.one_of(&self.ids),
                reason: "inbox_full".to_owned(),
            },
            _ => Kind::Message,
        };
        Envelope {
            id: Uuid::from_u128(self.written << 8),
            kind,
            origin: RealmName::parse(self.peer).expect("a name"),
            destination: RealmName::parse(OWN).expect("a name"),
            from: format!("{}@{}", tape.one_of(&USERS).0, self.peer),
            to: format!("{}@{OWN}", tape.one_of(&USERS).0),
            sent_unix_ms: tape.number(),
            expires_unix_ms: tape.number(),
            text: said(tape),
        }
    }

    /// An envelope of which one part may be wrong.
    fn any_envelope(&mut self, tape: &mut Tape<'_>) -> Envelope {
        let mut envelope = self.envelope(tape);
        let realms = ["realm0", "realm1", "realm2", "x"];
        let realm = RealmName::parse(realms[tape.below(realms.len())]);
        let realm = realm.expect("a name");
        let addresses = ["messi@realm0", "amsal@realm1", "messi@realm2", "", "@", "x"];
        let address = (*tape.one_of(&addresses)).to_owned();
        match tape.below(6) {
            0 => envelope.origin = realm,
            1 => envelope.destination = realm,
            2 => envelope.from = address,
            3 => envelope.to = address,
            _ => {}
        }
        if self.is_forged(&envelope) {
            FORGED.clone_into(&mut envelope.text);
        }
        envelope
    }

    /// Whether a frame speaks for somebody who is not this peer's.
    pub(super) fn is_forgery(&self, frame: &Frame) -> bool {
        match frame {
            Frame::Env { envelope, .. } => self.is_forged(envelope),
            Frame::Live(live) if !live.home && live.kind == LiveKind::Members => {
                !live.members.iter().all(|member| is_of(member, self.peer))
            }
            Frame::Live(live) => !live.home && !is_of(&live.from, self.peer),
            _ => false,
        }
    }

    /// Whether an envelope is not this peer's to send: the rule, written down once more.
    fn is_forged(&self, envelope: &Envelope) -> bool {
        envelope.origin.as_str() != self.peer
            || envelope.destination.as_str() != OWN
            || !is_of(&envelope.from, self.peer)
            || !is_of(&envelope.to, OWN)
    }
}

/// Whether an address is one of that realm.
fn is_of(address: &str, realm: &str) -> bool {
    address
        .split_once('@')
        .is_some_and(|(user, of)| !user.is_empty() && of == realm)
}

fn resume(stream: Uuid, kind: StreamKind, view: View) -> Frame {
    Frame::Resume(Resume { stream, kind, view })
}

/// A text that no forgery can be mistaken for.
fn said(tape: &mut Tape<'_>) -> String {
    String::from_utf8_lossy(tape.text()).to_ascii_lowercase()
}

fn near(tape: &mut Tape<'_>, number: u64) -> u64 {
    match tape.below(8) {
        0..=3 => number,
        4 => number.saturating_add(1),
        5 => number.saturating_sub(1),
        _ => tape.number(),
    }
}
