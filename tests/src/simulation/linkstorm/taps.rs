//! Those who listen in on links: one realm that says what it likes, rules that are broken on the way,
//! and somebody who only writes down.

use super::super::dice::Dice;
use super::super::town::REALMS;
use super::Sabotage;
use super::trace::Trace;
use crate::world::{RealmIndex, Tap};
use chatproto::link::frame::{Live, LiveKind, Question, Resume, StreamKind, View};
use chatproto::{Envelope, Frame, Kind, RealmName};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use uuid::Uuid;

type Way = (RealmIndex, RealmIndex);

/// Frames that a hostile realm remembers.
const NOTED_MAX: usize = 12;

pub(super) struct Taps {
    hostile: Option<Hostile>,
    sabotage: Sabotage,
    /// Up to where envelopes came, or went, by stream and by who is to acknowledge them.
    arrived: BTreeMap<(RealmIndex, RealmIndex, Uuid), u64>,
    is_calm: Rc<Cell<bool>>,
    trace: Trace,
}

impl Taps {
    pub(super) fn new(
        (hostile, sabotage): (Option<(RealmIndex, u64)>, Sabotage),
        realms: usize,
        is_calm: Rc<Cell<bool>>,
        trace: Trace,
    ) -> Self {
        Self {
            hostile: hostile.map(|(realm, seed)| Hostile {
                realm,
                realms,
                dice: Dice::new(seed),
                noted: Vec::new(),
            }),
            sabotage,
            arrived: BTreeMap::new(),
            is_calm,
            trace,
        }
    }

    /// Whether there is anybody who listens.
    pub(super) fn is_needed(&self) -> bool {
        let is_broken = !matches!(self.sabotage, Sabotage::None | Sabotage::Store(_));
        self.hostile.is_some() || is_broken || self.trace.is_on()
    }

    /// Who sends word on `way` of what it was sent on the way back.
    fn note(&mut self, (from, to): Way, frames: &[Frame]) {
        for frame in frames {
            if let Frame::Env { stream, seq, .. } = frame {
                let last = self.arrived.entry((to, from, *stream)).or_default();
                *last = (*last).max(*seq);
            }
        }
    }

    fn acknowledge(&mut self, (from, to): Way, frames: &mut Vec<Frame>) {
        let streams = self
            .arrived
            .range((from, to, Uuid::nil())..=(from, to, Uuid::max()));
        frames.extend(streams.map(|((_, _, stream), durable)| Frame::Ack {
            stream: *stream,
            durable: *durable,
            refused: Vec::new(),
        }));
        self.arrived.retain(|at, _| (at.0, at.1) != (from, to));
    }
}

impl Tap for Taps {
    fn departs(&mut self, at_ms: u64, way: Way, frames: &mut Vec<Frame>) {
        if !self.is_calm.get() {
            match self.sabotage {
                Sabotage::None | Sabotage::Store(_) => {}
                Sabotage::AcksArrivals => self.acknowledge(way, frames),
                Sabotage::AcksDepartures => {
                    self.note(way, frames);
                    self.acknowledge(way, frames);
                }
                Sabotage::OneNumber => frames.iter_mut().for_each(tell_one_number),
            }
            if let Some(hostile) = &mut self.hostile {
                hostile.departs(way, frames);
            }
        }
        self.trace.frames(at_ms, way, frames, false);
    }

    fn arrives(&mut self, at_ms: u64, way: Way, frames: &[Frame]) {
        if self.sabotage == Sabotage::AcksArrivals {
            self.note(way, frames);
        }
        if let Some(hostile) = &mut self.hostile {
            hostile.arrives(way, frames);
        }
        self.trace.frames(at_ms, way, frames, true);
    }
}

fn tell_one_number(frame: &mut Frame) {
    if let Frame::Resume(resume) = frame
        && let View::Receiver {
            durable,
            next,
            durable_id,
            last_id,
        } = &mut resume.view
    {
        (*durable, *durable_id) = (*next - 1, *last_id);
    }
}

/// A realm of which the others can believe nothing but its name.
struct Hostile {
    realm: RealmIndex,
    realms: usize,
    dice: Dice,
    /// Frames that it has said or heard.
    noted: Vec<Frame>,
}

impl Hostile {
    fn arrives(&mut self, (_, to): Way, frames: &[Frame]) {
        if to == self.realm {
            self.remember(frames);
        }
    }

    fn departs(&mut self, (from, to): Way, frames: &mut Vec<Frame>) {
        if from != self.realm {
            return;
        }
        self.remember(frames);
        if !self.dice.chance(12) {
            return;
        }
        for _ in 0..=self.dice.below(3) {
            let at = self.dice.below(frames.len());
            match self.dice.below(8) {
                0 if frames.len() > 1 => drop(frames.remove(at)),
                1 => frames.swap(0, at),
                2 => frames.insert(at, frames[at].clone()),
                3 => {
                    let said = self.noted[self.dice.below(self.noted.len())].clone();
                    frames.insert(at, said);
                }
                4 => {
                    let made_up = self.make_up(to);
                    frames.insert(at, made_up);
                }
                _ => self.change(&mut frames[at]),
            }
        }
    }

    fn remember(&mut self, frames: &[Frame]) {
        for frame in frames {
            if self.noted.len() < NOTED_MAX {
                self.noted.push(frame.clone());
            } else if self.dice.chance(20) {
                let at = self.dice.below(NOTED_MAX);
                self.noted[at] = frame.clone();
            }
        }
    }

    /// A number near another one, or far from it.
    fn number(&mut self, near: u64) -> u64 {
        match self.dice.below(6) {
            0 => 0,
            1 => near.saturating_add(1),
            2 => near.saturating_sub(1),
            3 => near.saturating_add(self.dice.below(50) as u64),
            4 => 1 << 52,
            _ => near,
        }
    }

    fn id(&mut self, own: Uuid) -> Uuid {
        let noted = &self.noted[self.dice.below(self.noted.len())];
        match noted {
            Frame::Env {
                stream, envelope, ..
            } => [*stream, envelope.id][self.dice.below(2)],
            Frame::Resume(resume) => resume.stream,
            Frame::Ack { stream, .. } | Frame::Credit { stream, .. } => *stream,
            _ => own,
        }
    }

    fn change(&mut self, frame: &mut Frame) {
        match frame {
            Frame::Hello(hello) => {
                REALMS[self.dice.below(self.realms)].clone_into(&mut hello.realm);
            }
            Frame::Resume(resume) => self.change_resume(resume),
            Frame::Credit { upto, bytes, .. } => {
                (*upto, *bytes) = (self.number(*upto), self.number(*bytes));
            }
            Frame::Env {
                stream,
                seq,
                envelope,
            } => match self.dice.below(3) {
                0 => *seq = self.number(*seq),
                1 => *stream = self.id(*stream),
                _ => {
                    let mut changed = Envelope::clone(envelope);
                    self.change_envelope(&mut changed);
                    *envelope = Arc::new(changed);
                }
            },
            Frame::Void { stream, seq, id } => {
                (*stream, *seq, *id) = (self.id(*stream), self.number(*seq), self.id(*id));
            }
            Frame::Ack {
                durable, refused, ..
            } => {
                *durable = self.number(*durable);
                for _ in 0..self.dice.below(4) {
                    refused.push(self.number(*durable));
                }
            }
            Frame::Ping { n } | Frame::Pong { n } => *n = self.number(*n),
            _ => {}
        }
    }

    fn change_resume(&mut self, resume: &mut Resume) {
        if self.dice.chance(30) {
            resume.stream = self.id(Uuid::from_u128(7));
            return;
        }
        match &mut resume.view {
            View::Sender { oldest, last } => {
                (*oldest, *last) = (self.number(*oldest), self.number(*last));
            }
            View::Receiver {
                durable,
                next,
                durable_id,
                last_id,
            } => {
                (*durable, *next) = (self.number(*durable), self.number(*next));
                if self.dice.chance(50) {
                    (*durable_id, *last_id) = (None, Some(Uuid::from_u128(9)));
                }
            }
        }
    }

    fn change_envelope(&mut self, envelope: &mut Envelope) {
        let other = REALMS[self.dice.below(self.realms)];
        let other = RealmName::parse(other).expect("realms have names");
        let number = 20 + self.dice.below(3);
        let user = format!("{}{number}@{other}", &other.as_str()[..1]);
        match self.dice.below(7) {
            0 => envelope.from = user,
            1 => (envelope.from, envelope.origin) = (user, other),
            2 => envelope.origin = other,
            3 => envelope.to = user,
            4 => envelope.destination = other,
            5 => envelope.id = self.id(envelope.id),
            _ => {
                let answers = self.id(envelope.id);
                let reason = "recipient_unknown".to_owned();
                envelope.kind = Kind::Bounce { answers, reason };
            }
        }
    }

    fn make_up(&mut self, to: RealmIndex) -> Frame {
        let n = self.dice.number() >> 12;
        let stream = self.id(Uuid::from_u128(5));
        match self.dice.below(8) {
            0 => Frame::Void {
                stream,
                seq: 1,
                id: stream,
            },
            1 => Frame::Ack {
                stream,
                durable: self.number(3),
                refused: vec![1, 2, 3],
            },
            2 => Frame::Resume(Resume {
                stream: Uuid::from_u128(u128::from(n)),
                kind: [StreamKind::Mail, StreamKind::Bounce][self.dice.below(2)],
                view: View::Sender { oldest: 1, last: 0 },
            }),
            3 => Frame::Answer { id: n, found: true },
            4 => Frame::Ask {
                id: n,
                question: Question::User,
                name: format!("{}20", &REALMS[to][..1]),
            },
            5 => Frame::Live(Live {
                group: "bola".to_owned(),
                kind: LiveKind::Say,
                from: format!("{}20@{}", &REALMS[to][..1], REALMS[to]),
                text: "halo".into(),
                members: Vec::new(),
                home: true,
            }),
            6 => Frame::Credit {
                stream,
                upto: 0,
                bytes: 0,
            },
            _ => Frame::Bye {
                code: "x".to_owned(),
                text: "y".to_owned(),
            },
        }
    }
}
