mod incoming;
mod outgoing;

use super::*;
use crate::envelope::Kind;
use crate::name::RealmName;

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

/// A stream whose rows have the ids 1 to `rows`, all of them stored.
fn outgoing(rows: u64) -> OutStream {
    let mut stream = OutStream::new(MAIL, StreamKind::Mail);
    for id in 1..=rows {
        assert_eq!(stream.append(envelope(id.into(), "")), id);
    }
    stream.stored(rows);
    stream
}

/// The same, resumed by a receiver that has nothing, with all the credit there is.
fn flowing(rows: u64) -> OutStream {
    let mut stream = outgoing(rows);
    stream.resumed(0, 1).unwrap();
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
        .map(|one| (one.envelope.id.as_u128(), one.fate))
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

fn sender(oldest: u64, last: u64) -> Frame {
    Frame::Resume(Resume {
        stream: MAIL,
        kind: StreamKind::Mail,
        view: View::Sender { oldest, last },
    })
}
