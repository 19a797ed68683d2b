//! What becomes of the streams to other realms: the part of the contract about them.

use crate::harness::{Harness, commit_all, load};
use crate::sample::{
    batch, mail, mail_acknowledged, mail_begun, mail_renumbered, peer, realm3, uuid,
};
use crate::state::Model;
use chatproto::Record;
use chatproto::link::frame::StreamKind;
use chatproto::store::{QueueFetch, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const KIND: StreamKind = StreamKind::Mail;

fn marked(stream: u128, upto: u64) -> Record {
    Record::Marked {
        peer: realm3(),
        kind: KIND,
        stream: uuid(stream),
        upto,
    }
}

/// A stream with so many envelopes; their ids count up from 1001.
fn stream(id: u128, count: u64) -> Vec<Record> {
    let mut records = vec![peer(1, "realm3"), mail_begun(id)];
    records.extend((1..=count).map(|n| mail(id, n, 1000 + u128::from(n), false)));
    records
}

/// The number and the id of each envelope that waits.
fn queue(store: &mut impl Store) -> Vec<(u64, u128)> {
    let all = QueueFetch::range(realm3(), KIND, 1, u64::MAX);
    let found = store.fetch_queue(&all).unwrap();
    let short = |id: uuid::Uuid| id.as_u128() & 0xffff;
    found
        .iter()
        .map(|row| (row.seq, short(row.envelope.id)))
        .collect()
}

/// What a store tells of the stream beside its envelopes.
fn heads(store: &mut impl Store) -> Vec<Record> {
    let mut heads = load(store);
    heads.retain(|record| !matches!(record, Record::Peer { .. } | Record::Queued { .. }));
    // Records that say nothing.
    heads.retain(|record| match record {
        Record::Marked { upto, .. } => *upto > 0,
        Record::Acknowledged { durable, .. } => *durable > 0,
        _ => true,
    });
    heads
}

pub(crate) fn the_last_acknowledgement_and_mark_of_a_stream_count<H: Harness>() {
    let mut store = H::new().open();
    let mut records = stream(100, 900);
    records.extend((1..=500).map(|n| marked(100, n)));
    records.extend((901..=1000).map(|n| mail(100, n, 1000 + u128::from(n), n.is_multiple_of(3))));
    commit_all(&mut store, [&batch(1, records)]);
    assert_eq!(heads(&mut store), [mail_begun(100), marked(100, 999)]);

    let mut records: Vec<Record> = (1..=700)
        .map(|n| mail_acknowledged(100, n, 1000 + u128::from(n)))
        .collect();
    // What was said before takes nothing back.
    records.extend([mail_acknowledged(100, 650, 1650), marked(100, 3)]);
    commit_all(&mut store, [&batch(2, records)]);

    let expected = [
        mail_begun(100),
        mail_acknowledged(100, 700, 1700),
        marked(100, 999),
    ];
    assert_eq!(heads(&mut store), expected);
    let waits: Vec<_> = (701..=1000).map(|n| (n, u128::from(n) + 1000)).collect();
    assert_eq!(queue(&mut store), waits);
}

pub(crate) fn a_stream_is_renumbered_once<H: Harness>() {
    // How many there are, and how many of them were acknowledged.
    for (count, acknowledged) in [(3000, 1), (10, 0), (10, 9), (10, 10), (10, 4)] {
        let place = H::new();
        let mut store = place.open();
        commit_all(&mut store, [&batch(1, stream(100, count))]);
        let last = mail_acknowledged(100, acknowledged, 1000 + u128::from(acknowledged));
        commit_all(&mut store, [&batch(2, vec![last, marked(100, count)])]);
        let again = mail_renumbered(101, acknowledged);

        commit_all(&mut store, [&batch(3, vec![again.clone(), again.clone()])]);
        commit_all(&mut store, [&batch(4, vec![again])]);
        drop(store);

        let mut store = place.open();
        let left = count - acknowledged;
        let mut expected = vec![mail_begun(101)];
        expected.extend((left > 0).then(|| marked(101, left)));
        assert_eq!(heads(&mut store), expected, "{acknowledged} of {count}");
        let waits: Vec<_> = (1..=left)
            .map(|n| (n, u128::from(n + acknowledged) + 1000))
            .collect();
        assert_eq!(queue(&mut store), waits, "{acknowledged} of {count}");
        // It goes on as any stream does.
        let next = vec![
            mail(101, left + 1, 9000, false),
            mail_acknowledged(101, left, 8999),
        ];
        commit_all(&mut store, [&batch(5, next)]);
        assert_eq!(queue(&mut store), [(left + 1, 9000)]);
    }
}

pub(crate) fn a_batch_that_renumbers_a_stream_may_come_twice<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, stream(100, 6))]);
    let both = batch(
        2,
        vec![
            mail(100, 7, 1007, true),
            mail_acknowledged(100, 4, 1004),
            mail_renumbered(101, 4),
            mail(101, 4, 1008, false),
        ],
    );

    for _ in 0..3 {
        commit_all(&mut store, [&both]);

        assert_eq!(heads(&mut store), [mail_begun(101), marked(101, 3)]);
        let waits = [(1, 1005), (2, 1006), (3, 1007), (4, 1008)];
        assert_eq!(queue(&mut store), waits);
    }
    let records = vec![
        mail(101, 5, 1009, true),
        mail_begun(102),
        mail(102, 1, 1010, false),
    ];
    let begun = batch(3, records);
    for _ in 0..3 {
        commit_all(&mut store, [&begun]);

        assert_eq!(heads(&mut store), [mail_begun(102)]);
        assert_eq!(queue(&mut store), [(1, 1010)]);
    }
}

pub(crate) fn what_happened_to_a_stream_that_is_gone_means_nothing<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, stream(100, 6))]);
    let again = vec![
        mail(100, 7, 1007, true),
        mail(100, 1, 1001, true),
        marked(100, 6),
        Record::Voided {
            peer: realm3(),
            kind: KIND,
            stream: uuid(100),
            seq: 1,
        },
        mail_acknowledged(100, 5, 1005),
    ];
    for (stream, other) in [(101, mail_renumbered(101, 6)), (102, mail_begun(102))] {
        let rows = [mail(stream, 1, 2001, false), mail(stream, 2, 2002, false)];
        let mut records = vec![other];
        records.extend(rows.iter().cloned());
        commit_all(&mut store, [&batch(2, records)]);

        commit_all(&mut store, [&batch(3, again.clone())]);

        assert_eq!(heads(&mut store), [mail_begun(stream)]);
        assert_eq!(queue(&mut store), [(1, 2001), (2, 2002)]);
    }
}

pub(crate) fn marks_and_ids_do_not_outlive_their_stream<H: Harness>() {
    let mut store = H::new().open();
    let mut records = stream(100, 6);
    records.extend([
        marked(100, 5),
        mail_acknowledged(100, 3, 1003),
        mail_begun(101),
    ]);
    commit_all(&mut store, [&batch(1, records)]);
    assert_eq!(heads(&mut store), [mail_begun(101)]);

    let rows = (1..=4).map(|n| mail(101, n, 2000 + u128::from(n), true));
    commit_all(&mut store, [&batch(2, rows.collect())]);
    commit_all(
        &mut store,
        [&batch(3, vec![mail_acknowledged(101, 2, 2002)])],
    );
    let heads_before = [
        mail_begun(101),
        mail_acknowledged(101, 2, 2002),
        marked(101, 4),
    ];
    assert_eq!(heads(&mut store), heads_before);

    commit_all(&mut store, [&batch(4, vec![mail_begun(102)])]);
    assert_eq!(heads(&mut store), [mail_begun(102)]);
    assert_eq!(queue(&mut store), []);
}

/// A realm that does with one stream what a realm may do.
#[derive(Default)]
struct Realm {
    stream: u128,
    last: u64,
    acknowledged: u64,
    ids: u128,
    /// A realm that comes back begins streams as often as it likes, but in one batch once: the same
    /// again would make room for others.
    is_begun: bool,
}

impl Realm {
    fn step(&mut self, (what, amount): (u8, u8)) -> Vec<Record> {
        let waits = self.last - self.acknowledged;
        let some = u64::from(amount) % (waits + 1);
        match what {
            0..=3 => {
                let count = u64::from(amount % 8);
                (0..count)
                    .map(|n| self.queue((what + n as u8).is_multiple_of(2)))
                    .collect()
            }
            4 => vec![marked(self.stream, self.acknowledged + some)],
            5 if waits > 0 => vec![Record::Voided {
                peer: realm3(),
                kind: KIND,
                stream: uuid(self.stream),
                seq: self.last - some.min(waits - 1),
            }],
            6 | 7 => {
                self.acknowledged += some;
                vec![mail_acknowledged(
                    self.stream,
                    self.acknowledged,
                    u128::from(amount),
                )]
            }
            8 => {
                let before = self.acknowledged + some;
                *self = Self {
                    stream: self.stream + 1,
                    last: self.last - before,
                    acknowledged: 0,
                    ids: self.ids,
                    is_begun: self.is_begun,
                };
                vec![mail_renumbered(self.stream, before)]
            }
            9 if !self.is_begun => {
                *self = Self {
                    stream: self.stream + 1,
                    ids: self.ids,
                    is_begun: true,
                    ..Self::default()
                };
                vec![mail_begun(self.stream)]
            }
            _ => Vec::new(),
        }
    }

    fn queue(&mut self, is_marked: bool) -> Record {
        self.last += 1;
        self.ids += 1;
        mail(self.stream, self.last, self.ids, is_marked)
    }
}

pub(crate) fn streams_agree_with_plain_maps<H: Harness>() {
    // What happens in each batch, and how often it comes.
    let steps = proptest::collection::vec((0..10_u8, any::<u8>()), 0..8);
    let batches = proptest::collection::vec((steps, 1..3_u8), 1..12);
    let mut runner = TestRunner::new(Config::with_cases(24));
    runner
        .run(&batches, |batches| {
            let place = H::new();
            let mut store = place.open();
            let mut realm = Realm::default();
            let mut model = Model::default();
            let first = batch(1, vec![peer(1, "realm3"), mail_begun(0)]);
            commit_all(&mut store, [&first]);
            first.records.iter().for_each(|record| model.apply(record));
            for (steps, times) in batches {
                realm.is_begun = false;
                let records: Vec<Record> =
                    steps.into_iter().flat_map(|it| realm.step(it)).collect();
                let next = batch(2, records);
                commit_all(&mut store, std::iter::repeat_n(&next, times.into()));

                next.records.iter().for_each(|record| model.apply(record));
                let loaded = Model::of(&load(&mut store)).state();
                prop_assert_eq!(loaded, model.state());
                let all = QueueFetch::range(realm3(), KIND, 1, u64::MAX);
                let found = store.fetch_queue(&all).unwrap();
                prop_assert_eq!(found, model.queue((realm3(), KIND)));
            }
            drop(store);
            let loaded = Model::of(&load(&mut place.open())).state();
            prop_assert_eq!(loaded, model.state());
            Ok(())
        })
        .unwrap();
}
