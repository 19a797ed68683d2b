//! Both ends, their stores and a link in random order: what was taken arrives once and in order, or
//! its writer is told, whatever dies between any two steps.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;

/// Of each end, at most two rows are in memory.
const MEMORY_MAX: u64 = 1_024;

/// How long a row waits before it is given up.
const WAIT_MS: u64 = 3;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A user sends.
    Append,
    CommitSender,
    CommitReceiver,
    CrashSender,
    CrashReceiver,
    /// The sender is put back to what it was after a commit, so many commits ago.
    OlderSender(usize),
    Link,
    Cut,
    There,
    Back,
    Fetch,
    Time,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Append),
        12 => Just(Step::CommitSender),
        10 => Just(Step::CommitReceiver),
        2 => Just(Step::CrashSender),
        2 => Just(Step::CrashReceiver),
        1 => (0_usize..6).prop_map(Step::OlderSender),
        5 => Just(Step::Link),
        2 => Just(Step::Cut),
        20 => Just(Step::There),
        16 => Just(Step::Back),
        8 => Just(Step::Fetch),
        4 => Just(Step::Time),
    ]
}

/// A change that the sender's store is told of.
#[derive(Clone, Copy, Debug)]
enum Out {
    Row(u128, u64, bool),
    Mark(u64),
    /// A number, and whose writer was told.
    Void(u64, u128),
    Ack(u64),
    Renumbered(Uuid),
}

/// What the sender's store holds.
#[derive(Clone, Debug)]
struct OutStore {
    stream: Uuid,
    acknowledged: u64,
    last_acknowledged: u128,
    /// The id, when it expires, and whether it is a void.
    rows: Vec<(u128, u64, bool)>,
    marked: u64,
    bounced: BTreeSet<u128>,
}

impl OutStore {
    fn apply(&mut self, change: Out) {
        match change {
            Out::Row(id, expires_ms, is_marked) => {
                self.rows.push((id, expires_ms, false));
                if is_marked {
                    self.marked = self.acknowledged + self.rows.len() as u64;
                }
            }
            Out::Mark(upto) => self.marked = self.marked.max(upto),
            Out::Void(seq, id) => {
                let row = &mut self.rows[(seq - self.acknowledged - 1) as usize];
                assert_eq!(row.0, id);
                row.2 = true;
                self.bounced.insert(id);
            }
            Out::Ack(durable) => {
                let mut gone = self.rows.drain(..(durable - self.acknowledged) as usize);
                self.last_acknowledged = gone.next_back().unwrap().0;
                self.acknowledged = durable;
            }
            Out::Renumbered(stream) => {
                (self.stream, self.acknowledged, self.last_acknowledged) = (stream, 0, 0);
                self.marked = self.rows.len() as u64;
            }
        }
    }

    fn open(&self) -> OutStream {
        let last = Uuid::from_u128(self.last_acknowledged);
        let mut stream =
            OutStream::restored(self.stream, StreamKind::Mail, self.acknowledged, last);
        for (at, (id, expires_ms, is_void)) in self.rows.iter().enumerate() {
            let seq = self.acknowledged + 1 + at as u64;
            stream.append(envelope(*id, ""), writer(), *expires_ms, MEMORY_MAX);
            stream.stored(seq);
            if *is_void {
                assert!(stream.voided(seq));
            }
        }
        stream.marked(self.marked.min(stream.last()));
        stream
    }
}

/// What the receiver's store holds.
#[derive(Clone, Debug, Default)]
struct InStore {
    cursor: Option<(Uuid, u64, Uuid)>,
    delivered: Vec<u128>,
    refused: Vec<(u64, u128)>,
}

impl InStore {
    fn open(&self) -> Option<InStream> {
        let (stream, durable, id) = self.cursor?;
        let mut stream = InStream::restored(stream, StreamKind::Mail, durable, id);
        for (seq, id) in &self.refused {
            stream.restore_refused(*seq, Uuid::from_u128(*id));
        }
        Some(stream)
    }
}

struct World {
    out: OutStream,
    out_store: OutStore,
    /// Not in the store yet.
    out_changes: Vec<Out>,
    /// What the store was after each commit.
    older: Vec<OutStore>,
    incoming: Option<InStream>,
    in_store: InStore,
    /// What the store will be after the next commit.
    in_next: InStore,
    there: Vec<Frame>,
    back: Vec<Frame>,
    is_up: bool,
    /// What the stream was before it was numbered anew on this link.
    before: Option<Uuid>,
    streams: u128,
    ids: u128,
    now_ms: u64,
    /// What was taken of users in the life that the sender remembers.
    kept: Vec<u128>,
    /// What came as a void.
    voids: BTreeSet<u128>,
    is_older: bool,
}

impl World {
    fn new() -> Self {
        let out_store = OutStore {
            stream: Uuid::from_u128(1 << 64),
            acknowledged: 0,
            last_acknowledged: 0,
            rows: Vec::new(),
            marked: 0,
            bounced: BTreeSet::new(),
        };
        Self {
            out: out_store.open(),
            older: vec![out_store.clone()],
            out_store,
            out_changes: Vec::new(),
            incoming: None,
            in_store: InStore::default(),
            in_next: InStore::default(),
            there: Vec::new(),
            back: Vec::new(),
            is_up: false,
            before: None,
            streams: 1 << 64,
            ids: 0,
            now_ms: 0,
            kept: Vec::new(),
            voids: BTreeSet::new(),
            is_older: false,
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Append => self.append(),
            Step::CommitSender => self.commit_sender(),
            Step::CommitReceiver => self.commit_receiver(),
            Step::CrashSender => self.crash_sender(),
            Step::CrashReceiver => {
                self.cut();
                self.in_next = self.in_store.clone();
                self.incoming = self.in_store.open();
            }
            Step::OlderSender(commits) => {
                let at = self.older.len().saturating_sub(1 + commits);
                self.older.truncate(at + 1);
                self.out_store = self.older[at].clone();
                // What it had promised since is lost with its disk.
                let last = self.out_store.rows.last().map(|row| row.0);
                let last = last.unwrap_or(self.out_store.last_acknowledged);
                self.kept.retain(|id| *id <= last);
                self.is_older = true;
                self.crash_sender();
            }
            Step::Link => {
                self.cut();
                self.is_up = true;
                self.there.push(self.out.resume());
            }
            Step::Cut => self.cut(),
            Step::There => self.step_there(),
            Step::Back => self.step_back(),
            Step::Fetch => self.fetch(),
            Step::Time => {
                self.now_ms += 1;
                self.expire();
            }
        }
        self.pump();
    }

    fn cut(&mut self) {
        (self.is_up, self.before) = (false, None);
        self.there.clear();
        self.back.clear();
        self.out.link_down();
        if let Some(incoming) = &mut self.incoming {
            incoming.link_down();
        }
    }

    fn crash_sender(&mut self) {
        self.cut();
        self.out_changes.clear();
        self.out = self.out_store.open();
    }

    fn append(&mut self) {
        self.ids += 1;
        let expires_ms = self.now_ms + WAIT_MS;
        let row = envelope(self.ids, "");
        let (_, is_marked) = self.out.append(row, writer(), expires_ms, MEMORY_MAX);
        self.out_changes
            .push(Out::Row(self.ids, expires_ms, is_marked));
    }

    fn commit_sender(&mut self) {
        let mut seq = self.out_store.acknowledged + self.out_store.rows.len() as u64;
        for change in std::mem::take(&mut self.out_changes) {
            self.out_store.apply(change);
            // What was told of a stream that is another one now means nothing any more.
            let is_present = self.out.id == self.out_store.stream;
            match change {
                Out::Row(id, _, is_marked) => {
                    seq += 1;
                    self.kept.push(id);
                    if is_present {
                        self.out.stored(seq);
                    }
                    if is_present && is_marked {
                        self.out.marked(seq);
                    }
                }
                Out::Mark(upto) if is_present => self.out.marked(upto),
                Out::Void(seq, _) if is_present => {
                    // Of an older copy it may turn out meanwhile to have been sent.
                    assert!(self.out.voided(seq) || self.is_older);
                }
                Out::Renumbered(_) => {
                    seq = self.out_store.rows.len() as u64;
                    if is_present {
                        self.out.stored(seq);
                        self.out.marked(seq);
                        let resume = self.out.resume();
                        self.there
                            .extend(Some(resume).filter(|_| self.before.is_some()));
                    }
                }
                Out::Mark(_) | Out::Void(..) | Out::Ack(_) => {}
            }
        }
        self.older.push(self.out_store.clone());
    }

    fn commit_receiver(&mut self) {
        self.in_store = self.in_next.clone();
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        if let Some((stream, durable, id)) = self.in_store.cursor
            && stream == incoming.id
        {
            incoming.stored(durable, id);
        }
        self.acknowledge();
    }

    fn acknowledge(&mut self) {
        let Some(incoming) = self.incoming.as_mut().filter(|_| self.is_up) else {
            return;
        };
        self.back.extend(incoming.acks());
        self.back.extend(incoming.credit(4, 4_096));
    }

    fn step_there(&mut self) {
        if self.there.is_empty() {
            return;
        }
        match self.there.remove(0) {
            Frame::Resume(Resume {
                stream,
                view: View::Sender { oldest, last },
                ..
            }) => {
                if self
                    .incoming
                    .as_ref()
                    .is_none_or(|known| known.id != stream)
                {
                    self.incoming = Some(InStream::new(stream, StreamKind::Mail));
                    self.in_next.cursor = Some((stream, 0, Uuid::nil()));
                    self.in_next.refused.clear();
                }
                let incoming = self.incoming.as_mut().unwrap();
                let (answer, missing) = incoming.resume(oldest, last).unwrap();
                // Without new disks nothing is ever missing; with them, only what was dealt with.
                assert!(missing == 0 || self.is_older);
                self.back.push(answer);
            }
            Frame::Env { seq, envelope, .. } => {
                let incoming = self.incoming.as_mut().unwrap();
                let id = envelope.id.as_u128();
                if incoming.arrived(seq, &envelope).unwrap() == Arrival::Deliver
                    && !self.in_next.delivered.contains(&id)
                {
                    if id.is_multiple_of(5) {
                        let seq = incoming.refused(envelope.id);
                        self.in_next.refused.push((seq, id));
                    } else {
                        self.in_next.delivered.push(id);
                    }
                }
            }
            Frame::Void { seq, id, .. } => {
                let incoming = self.incoming.as_mut().unwrap();
                incoming.voided(seq, id).unwrap();
                self.voids.insert(id.as_u128());
            }
            other => panic!("{other:?}"),
        }
        let incoming = self.incoming.as_mut().unwrap();
        if let Some((durable, id)) = incoming.record() {
            self.in_next.cursor = Some((incoming.id, durable, id));
        }
        self.acknowledge();
    }

    fn step_back(&mut self) {
        if self.back.is_empty() {
            return;
        }
        match self.back.remove(0) {
            Frame::Resume(Resume { stream, .. })
            | Frame::Credit { stream, .. }
            | Frame::Ack { stream, .. }
                if self.before == Some(stream) => {}
            Frame::Resume(Resume {
                view:
                    View::Receiver {
                        durable,
                        next,
                        durable_id,
                        last_id,
                    },
                ..
            }) => {
                let resumed = self.out.resumed((durable, durable_id), (next - 1, last_id));
                match resumed.unwrap() {
                    Resumed::Agreed => {}
                    Resumed::Truncated(_) => assert!(self.is_older),
                    Resumed::Older => {
                        assert!(self.is_older && self.before.is_none());
                        self.renumber();
                    }
                }
            }
            Frame::Credit { upto, bytes, .. } => self.out.credit(upto, bytes),
            Frame::Ack {
                durable, refused, ..
            } => self.acknowledged(durable, &refused),
            other => panic!("{other:?}"),
        }
    }

    fn renumber(&mut self) {
        self.before = Some(self.out.id);
        self.streams += 1;
        let stream = Uuid::from_u128(self.streams);
        let acknowledged = self.out.renumber(stream);
        let mut told = self.out_changes.iter().filter_map(|change| match change {
            Out::Ack(durable) => Some(*durable),
            _ => None,
        });
        assert_eq!(
            acknowledged,
            told.next_back().unwrap_or(self.out_store.acknowledged)
        );
        self.out_changes.push(Out::Renumbered(stream));
    }

    fn acknowledged(&mut self, durable: u64, refused: &[u64]) {
        let settled = self.out.acknowledged(durable, refused).unwrap();
        if settled.is_empty() {
            return;
        }
        // P4: only what is in the other store is let go of.
        let (_, stored, _) = self.in_store.cursor.unwrap();
        assert!(durable <= stored);
        for row in settled {
            let id = row.id.as_u128();
            let is_delivered = self.in_store.delivered.contains(&id);
            match row.fate {
                Fate::Kept => assert!(is_delivered || self.was_given_up(id), "{id}"),
                Fate::Refused => assert!(!is_delivered && id.is_multiple_of(5), "{id}"),
                Fate::Voided => assert!(!is_delivered || self.is_older, "{id}"),
            }
        }
        self.out_changes.push(Out::Ack(durable));
    }

    fn pump(&mut self) {
        if let Some(upto) = self.out.mark() {
            self.out_changes.push(Out::Mark(upto));
        }
        while let Some(Next::Frame(frame)) = self.out.next(LINE_MAX) {
            if let Frame::Env { seq, stream, .. } = frame {
                assert!(self.out_store.stream == stream && self.out_store.marked >= seq);
            }
            self.there.push(frame);
        }
    }

    fn expire(&mut self) {
        while let Some(row) = self.out.expire(self.now_ms) {
            let change = Out::Void(row.seq, row.envelope.id.as_u128());
            self.out_changes.push(change);
        }
    }

    fn fetch(&mut self) {
        let Some((from, upto, bytes_max)) = self.out.wanted(MEMORY_MAX, self.now_ms) else {
            return;
        };
        let mut bytes = 0;
        for seq in from..=upto {
            let (id, ..) = self.out_store.rows[(seq - self.out_store.acknowledged - 1) as usize];
            if bytes > 0 && bytes >= bytes_max {
                break;
            }
            bytes += 512;
            assert!(self.out.fetched(seq, envelope(id, "")));
        }
        self.out.fetch_ended();
        self.expire();
    }

    /// Whether a message was given up in a life that the sender does not remember.
    fn was_given_up(&self, id: u128) -> bool {
        self.is_older && self.voids.contains(&id)
    }

    /// Everything works from now on.
    fn drain(&mut self) {
        self.act(Step::Link);
        let calm = [
            Step::There,
            Step::Back,
            Step::CommitSender,
            Step::CommitReceiver,
            Step::Fetch,
        ];
        for at in 0..4_000 {
            self.act(calm[at % calm.len()]);
        }
    }

    /// What must hold once everything is through.
    fn check(&self) {
        assert_eq!((self.out.len(), self.out.bytes()), (0, 0));
        assert_eq!(self.out, {
            let mut same = self.out.clone();
            same.fetch_ended();
            same
        });
        let delivered = &self.in_store.delivered;
        // P2 and P3. What was given up in a life that is forgotten may come after what followed it.
        let once: BTreeSet<_> = delivered.iter().collect();
        assert_eq!(once.len(), delivered.len(), "{delivered:?}");
        let in_order = delivered.iter().filter(|id| !self.was_given_up(**id));
        assert!(in_order.is_sorted(), "{delivered:?}");
        // P1.
        let bounced = &self.out_store.bounced;
        for id in &self.kept {
            let is_delivered = delivered.contains(id);
            let is_told = bounced.contains(id) || id.is_multiple_of(5);
            assert!(
                is_delivered || is_told || self.was_given_up(*id),
                "{id} is lost"
            );
            assert!(!(is_delivered && is_told) || self.is_older, "{id} is both");
        }
    }
}

fn holds(with_older_copies: bool) {
    let mut runner = TestRunner::new(Config::with_cases(1_000));
    let steps = vec(step(), 0..150);
    let result = runner.run(&steps, |steps| {
        let mut world = World::new();
        for step in steps {
            if with_older_copies || !matches!(step, Step::OlderSender(_)) {
                world.act(step);
            }
        }
        world.drain();
        world.check();
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn what_was_taken_arrives_once_and_in_order_or_its_writer_is_told() {
    holds(false);
}

#[test]
fn from_an_older_copy_on_nothing_is_lost_or_doubled() {
    holds(true);
}
