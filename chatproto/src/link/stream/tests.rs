mod incoming;
mod marks;
mod memory;
mod model;
mod older;
mod outgoing;

use super::*;
use crate::envelope::{Envelope, Kind};
use crate::id::UserId;
use crate::link::frame::{Frame, Resume, StreamKind, View};
use crate::name::RealmName;
use std::sync::Arc;
use uuid::Uuid;

const MAIL: Uuid = Uuid::from_u128(0xa1);

/// The longest line that the peer reads.
const LINE_MAX: u64 = 65_536;

/// An envelope of 512 bytes, and as many more as its text has.
fn envelope(id: u128, text: &str) -> Arc<Envelope> {
    Arc::new(Envelope {
        id: Uuid::from_u128(id),
        kind: Kind::Message,
        origin: RealmName::parse("realm2").unwrap(),
        destination: RealmName::parse("realm1").unwrap(),
        from: "amsal@realm2".to_owned(),
        to: "messi@realm1".to_owned(),
        sent_unix_ms: 0,
        expires_unix_ms: 0,
        text: text.to_owned(),
    })
}

/// The user who wrote all messages here.
#[expect(clippy::unnecessary_wraps, reason = "as a row has it")]
fn writer() -> Option<UserId> {
    Some(UserId::new(0))
}

/// When the first row expires; each one does a millisecond after the one before it.
const EXPIRES_MS: u64 = 1_000;

/// Adds a row whose id is its number. Returns whether it may be sent without further word.
fn append(stream: &mut OutStream) -> bool {
    append_within(stream, u64::MAX)
}

/// The same, with a bound of what may be in memory.
fn append_within(stream: &mut OutStream, memory_bytes_max: u64) -> bool {
    let seq = stream.last() + 1;
    let (row, expires_ms) = (envelope(seq.into(), ""), EXPIRES_MS + seq - 1);
    let (given, is_marked) = stream.append(row, writer(), expires_ms, memory_bytes_max);
    assert_eq!(given, seq);
    is_marked
}

/// A stream whose rows have the ids 1 to `rows`, all of them stored.
fn outgoing(rows: u64) -> OutStream {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for _ in 0..rows {
        append(&mut stream);
    }
    stream.stored(rows);
    stream
}

/// Takes the word of a receiver that gives no ids, and lets the store mark what may be sent.
fn resume(stream: &mut OutStream, durable: u64, next: u64) -> Result<Resumed, Violation> {
    let resumed = stream.resumed((durable, None), (next - 1, None));
    mark(stream);
    resumed
}

/// Has the store told what may be sent.
fn mark(stream: &mut OutStream) -> Option<u64> {
    let upto = stream.mark()?;
    stream.marked(upto);
    Some(upto)
}

/// The same, resumed by a receiver that has nothing, with all the credit there is.
fn flowing(rows: u64) -> OutStream {
    let mut stream = outgoing(rows);
    resume(&mut stream, 0, 1).unwrap();
    stream.credit(1_000, 1_000_000);
    stream
}

/// The numbers of all envelopes that may be sent now.
fn sent(stream: &mut OutStream) -> Vec<u64> {
    let frames = std::iter::from_fn(|| stream.next(LINE_MAX));
    let numbers = frames.map(|next| match next {
        Next::Frame(Frame::Env { seq, .. }) => seq,
        other => panic!("{other:?}"),
    });
    numbers.collect()
}

/// What an ack settles: the ids, and what became of each.
fn settled(stream: &mut OutStream, durable: u64, refused: &[u64]) -> Vec<(u128, Fate)> {
    let settled = stream.acknowledged(durable, refused).unwrap();
    settled
        .iter()
        .map(|one| (one.id.as_u128(), one.fate))
        .collect()
}

/// A receiver that was told of everything up to `last` and has given credit.
fn incoming(last: u64) -> InStream {
    let mut stream = InStream::new(MAIL, StreamKind::Mail);
    stream.resume(1, last).unwrap();
    stream.credit(1_000, 1_000_000).unwrap();
    stream
}

fn arrive(stream: &mut InStream, seq: u64) -> Result<Arrival, Violation> {
    stream.arrived(seq, &envelope(seq.into(), ""))
}

fn store(stream: &mut InStream) {
    let (durable, id) = stream.record().unwrap();
    stream.stored(durable, id);
}

fn receiver(durable: u64, next: u64, durable_id: Option<u128>, last_id: Option<u128>) -> Frame {
    Frame::Resume(Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Receiver {
            durable,
            next,
            durable_id: durable_id.map(Uuid::from_u128),
            last_id: last_id.map(Uuid::from_u128),
        },
    })
}

fn credit(upto: u64, bytes: u64) -> Frame {
    Frame::Credit {
        stream: MAIL,
        upto,
        bytes,
    }
}

fn ack(durable: u64, refused: &[u64]) -> Frame {
    Frame::Ack {
        stream: MAIL,
        durable,
        refused: refused.to_vec(),
    }
}

/// The numbers that are given up at that time, in order.
fn expired(stream: &mut OutStream, now_ms: u64) -> Vec<u64> {
    let rows = std::iter::from_fn(|| stream.expire(now_ms));
    let rows = rows.map(|row| {
        assert_eq!(row.envelope.id, Uuid::from_u128(row.seq.into()));
        assert_eq!(row.writer, writer());
        row.seq
    });
    rows.collect()
}

/// The number of a frame, and whether it is a void.
fn next(stream: &mut OutStream) -> Option<(u64, bool)> {
    match stream.next(LINE_MAX)? {
        Next::Frame(Frame::Env { seq, .. }) => Some((seq, false)),
        Next::Frame(Frame::Void { seq, id, .. }) => {
            assert_eq!(id, Uuid::from_u128(seq.into()));
            Some((seq, true))
        }
        other => panic!("{other:?}"),
    }
}

fn sender(oldest: u64, last: u64) -> Frame {
    Frame::Resume(Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Sender { oldest, last },
    })
}
