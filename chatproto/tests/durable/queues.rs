//! Queues that are longer than memory.

use crate::common::{LOADINGS, Loading, Pair, SENT, Site, limits};
use crate::neighbours::{durable, faults, send};
use crate::posts::outbox;
use chatproto::link::frame::{Frame, Resume, StreamKind, View};
use chatproto::store::{QueueFetch, QueuedEnvelope};
use chatproto::{Config, Direction, ErrorCode, Event, LinkId, PeerState, Record, RequestId};
use std::sync::Arc;
use uuid::Uuid;

/// The least bound there can be: six of these messages.
const MEMORY_MAX: u64 = 65_536;

/// What a message of 10,000 letters counts for: its text with a space before it and CR LF after it,
/// and 512 for what stands beside it.
const ROW: u64 = 10_000 + 3 + 512;

fn config(values: &[(&str, u64)]) -> Config {
    let least = [("queue_memory_bytes_max", MEMORY_MAX)];
    durable(1, 2).limits(limits(&[&least[..], values].concat()))
}

fn letters(number: usize) -> String {
    format!("{number:04}{}", "x".repeat(9_996))
}

/// Two realms that are not linked; so many messages wait for the second one.
fn long(messages: usize, values: &[(&str, u64)]) -> (Pair, String) {
    let mut pair = Pair::of(config(values), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    pair.two.commit();
    queue(&mut pair.one, &token, 0..messages);
    (pair, token)
}

fn queue(site: &mut Site, token: &str, numbers: std::ops::Range<usize>) {
    let id = site.open();
    for number in numbers {
        let line = format!("send {token} amsal@realm2 {}\r\n", letters(number));
        assert_eq!(site.ask(id, &line), SENT);
    }
    site.hang_up(id);
}

/// The numbers at the begin of the texts that were delivered, in order.
fn delivered(site: &Site) -> Vec<usize> {
    let records = site.log.records.iter();
    let numbers = records.filter_map(|record| match record {
        Record::Delivered { text, .. } => Some(text.trim()[..4].parse().unwrap()),
        _ => None,
    });
    numbers.collect()
}

fn settle(pair: &mut Pair) {
    for _ in 0..20 {
        pair.settle();
    }
}

/// A peer that takes everything and acknowledges nothing.
fn greedy(site: &mut Site) -> (LinkId, Uuid) {
    let link = site.greeted_by("realm2", Direction::Accepted);
    site.commit();
    let mut streams = site.take(link).into_iter().filter_map(|frame| match frame {
        Frame::Resume(it) if it.kind == StreamKind::Mail => Some(it.stream),
        _ => None,
    });
    let stream = streams.next().unwrap();
    let view = View::Receiver {
        durable: 0,
        next: 1,
        durable_id: None,
        last_id: None,
    };
    let kind = StreamKind::Mail;
    let resume = Frame::Resume(Resume { stream, kind, view });
    let credit = Frame::Credit {
        stream,
        upto: 1 << 50,
        bytes: 1 << 50,
    };
    site.deliver(link, &[resume, credit]);
    site.commit();
    (link, stream)
}

/// The numbers of the envelopes that a link was given since it last looked.
fn carried(site: &mut Site, link: LinkId) -> Vec<u64> {
    let frames = site.take(link).into_iter();
    let numbers = frames.filter_map(|frame| match frame {
        Frame::Env { seq, .. } => Some(seq),
        _ => None,
    });
    numbers.collect()
}

fn ack(site: &mut Site, link: LinkId, stream: Uuid, durable: u64) {
    let refused = Vec::new();
    let ack = Frame::Ack {
        stream,
        durable,
        refused,
    };
    site.deliver(link, &[ack]);
    site.commit();
}

fn failures(site: &Site) -> usize {
    let events = site.events().into_iter();
    events.filter(|it| matches!(it, Event::FetchFailed)).count()
}

#[test]
fn thousands_of_messages_wait_and_arrive_in_order() {
    let mut pair = Pair::of(config(&[]), durable(2, 1));
    let (_, token) = pair.one.enter("messi", "surabaya");
    let id = pair.one.open();
    let lines = |from: usize| -> String {
        let lines = (from..from + 100).map(|it| format!("send {token} amsal@realm2 {it:04}\r\n"));
        lines.collect()
    };
    for from in (0..3_000).step_by(100) {
        assert_eq!(pair.one.ask(id, &lines(from)), SENT.repeat(100));
    }

    pair.connect();
    for _ in 0..200 {
        pair.settle();
        if delivered(&pair.two).len() == 3_000 {
            break;
        }
    }

    assert_eq!(delivered(&pair.two), (0..3_000).collect::<Vec<_>>());
    assert_eq!(faults(&pair), Vec::<String>::new());
    assert_eq!(failures(&pair.one), 0);
}

#[test]
fn no_more_is_in_memory_than_queue_memory_bytes_max() {
    for loading in [None, Some(Loading::Whole), Some(Loading::Summed)] {
        let (mut pair, token) = long(40, &[]);
        if let Some(loading) = loading {
            pair.one.restart(loading);
        }
        pair.one.holds_queues = true;

        // What is sent before anything is read was in memory.
        let (link, stream) = greedy(&mut pair.one);
        let first = carried(&mut pair.one, link);
        assert_eq!(first, [1, 2, 3, 4, 5, 6], "{loading:?}");
        assert!(first.len() as u64 * ROW <= MEMORY_MAX);
        // Nothing is read before the half of it is free.
        queue(&mut pair.one, &token, 40..42);
        ack(&mut pair.one, link, stream, 2);
        assert_eq!(pair.one.queue_fetches(), []);
        ack(&mut pair.one, link, stream, 3);

        let asked = pair.one.queue_fetches();
        let [(request, fetch)] = &asked[..] else {
            panic!("{asked:?}");
        };
        let mut expected = QueueFetch::range(fetch.peer, StreamKind::Mail, 7, 42);
        expected.bytes_max = MEMORY_MAX - 3 * ROW;
        assert_eq!(*fetch, expected, "{loading:?}");
        let rows = pair.one.log.read_queue(fetch);
        assert_eq!(rows.len(), 4);
        pair.one.queue_fetched(*request, Some(rows));
        pair.one.commit();
        assert_eq!(carried(&mut pair.one, link), [7, 8, 9, 10]);
        assert_eq!(pair.one.queue_fetches(), []);
    }
}

#[test]
fn a_long_queue_survives_restarts_and_cuts_at_any_step() {
    for (at, loading) in LOADINGS.into_iter().cycle().take(12).enumerate() {
        let (mut pair, token) = long(25, &[("credit_envelopes_max", 4)]);
        pair.one.restart(loading);
        pair.connect();
        for step in 0..at * 9 {
            match step % 4 {
                0 => drop(pair.step_there()),
                1 => pair.one.commit(),
                2 => pair.two.commit(),
                _ => drop(pair.step_back()),
            }
        }
        pair.restart_one(loading);
        queue(&mut pair.one, &token, 25..30);
        pair.connect();
        settle(&mut pair);
        queue(&mut pair.one, &token, 30..32);
        settle(&mut pair);

        assert_eq!(delivered(&pair.two), (0..32).collect::<Vec<_>>(), "{at}");
        assert_eq!(faults(&pair), Vec::<String>::new());
        let outbox = outbox(&mut pair.one, &token);
        assert!(outbox.iter().all(|it| it.ends_with(": delivered")));
    }
}

#[test]
fn a_message_behind_a_queue_that_is_longer_than_memory_waits_for_its_turn() {
    let (mut pair, token) = long(10, &[]);
    let (link, stream) = greedy(&mut pair.one);
    assert_eq!(carried(&mut pair.one, link), [1, 2, 3, 4, 5, 6]);

    queue(&mut pair.one, &token, 10..11);
    assert_eq!(carried(&mut pair.one, link), [0; 0]);
    ack(&mut pair.one, link, stream, 6);

    assert_eq!(carried(&mut pair.one, link), [7, 8, 9, 10, 11]);
}

/// A realm that has asked for what comes after its memory, and what it asked.
fn asking() -> (Pair, LinkId, (RequestId, QueueFetch)) {
    let (mut pair, _) = long(12, &[("store_retry_ms", 1_000)]);
    pair.one.holds_queues = true;
    let (link, stream) = greedy(&mut pair.one);
    carried(&mut pair.one, link);
    ack(&mut pair.one, link, stream, 6);
    let asked = pair.one.queue_fetches().pop().unwrap();
    (pair, link, asked)
}

#[test]
fn what_could_not_be_read_is_read_again_after_store_retry_ms() {
    let wrong: [fn(&mut Vec<QueuedEnvelope>) -> bool; 5] = [
        // It could not be read at all, or nothing was there.
        |_| false,
        |rows| {
            rows.clear();
            true
        },
        // Not what was asked for.
        |rows| {
            rows.remove(0);
            true
        },
        |rows| {
            rows.swap(0, 1);
            true
        },
        |rows| {
            let mut other = (*rows[0].envelope).clone();
            other.id = Uuid::from_u128(9);
            rows[0].envelope = Arc::new(other);
            true
        },
    ];
    for (at, spoil) in wrong.into_iter().enumerate() {
        let (mut pair, link, (request, fetch)) = asking();
        let mut rows = pair.one.log.read_queue(&fetch);
        let rows = Some(spoil(&mut rows)).filter(|it| *it).map(|_| rows);

        pair.one.queue_fetched(request, rows);
        pair.one.commit();
        assert_eq!(failures(&pair.one), 1, "{at}");
        assert_eq!(carried(&mut pair.one, link), [0; 0], "{at}");
        pair.one.wait(999);
        assert_eq!(pair.one.queue_fetches(), [], "{at}");
        pair.one.wait(1);

        let (request, again) = pair.one.queue_fetches().pop().unwrap();
        assert_eq!(again, fetch, "{at}");
        let rows = pair.one.log.read_queue(&again);
        pair.one.queue_fetched(request, Some(rows));
        pair.one.commit();
        assert_eq!(carried(&mut pair.one, link), [7, 8, 9, 10, 11, 12], "{at}");
        assert_eq!(failures(&pair.one), 1, "{at}");
    }
}

#[test]
fn what_was_read_for_a_link_that_is_gone_is_sent_on_the_next_one() {
    let (mut pair, link, (request, fetch)) = asking();
    pair.one.link_down(link);
    let rows = pair.one.log.read_queue(&fetch);
    pair.one.queue_fetched(request, Some(rows));
    pair.one.holds_queues = false;

    pair.connect();
    settle(&mut pair);

    // The first six were acknowledged by a peer that had nothing of them.
    assert_eq!(delivered(&pair.two), (6..12).collect::<Vec<_>>());
}

#[test]
fn what_was_acknowledged_while_it_was_read_is_no_failure() {
    let (mut pair, link, (request, fetch)) = asking();
    let rows = pair.one.log.read_queue(&fetch);
    pair.one.link_down(link);
    // The peer had more than this realm knows to have sent.
    let link = pair.one.greeted_by("realm2", Direction::Accepted);
    let streams = pair.one.take(link);
    let mail = streams.iter().find_map(|frame| match frame {
        Frame::Resume(it) if it.kind == StreamKind::Mail => Some(it.clone()),
        _ => None,
    });
    let mail = mail.unwrap();
    let stream = mail.stream;
    let view = View::Receiver {
        durable: 12,
        next: 13,
        durable_id: None,
        last_id: None,
    };
    pair.one
        .deliver(link, &[Frame::Resume(Resume { view, ..mail })]);
    ack(&mut pair.one, link, stream, 12);
    let empty = pair.one.log.read_queue(&fetch);
    assert_eq!((rows.len(), empty.len()), (6, 0));

    pair.one.queue_fetched(request, Some(empty));

    assert_eq!(failures(&pair.one), 0);
    pair.one.wait(10_000);
    assert_eq!(pair.one.queue_fetches(), []);
}

#[test]
fn a_long_queue_expires_whole_while_the_peer_is_away() {
    for loading in [None, Some(Loading::Whole), Some(Loading::Summed)] {
        let bounds = [("queue_ms_max", 1_000), ("inbox_memory_bytes_max", 0)];
        let (mut pair, token) = long(30, &bounds);
        if let Some(loading) = loading {
            pair.one.restart(loading);
        }

        pair.one.wait(1_000);
        for _ in 0..40 {
            pair.one.commit();
        }

        let given_up = pair.one.events().into_iter().filter_map(|it| match it {
            Event::MailGivenUp { messages, code, .. } => {
                assert_eq!(*code, ErrorCode::Expired);
                Some(*messages)
            }
            _ => None,
        });
        assert_eq!(given_up.sum::<u64>(), 30, "{loading:?}");
        let outbox = outbox(&mut pair.one, &token);
        assert!(outbox.iter().all(|it| it.ends_with(": failed expired")));
        assert_eq!(outbox.len(), 30);
        // They go as voids, and what comes after them arrives.
        queue(&mut pair.one, &token, 30..31);
        pair.connect();
        settle(&mut pair);
        assert_eq!(delivered(&pair.two), [30], "{loading:?}");
    }
}

#[test]
fn what_waits_behind_what_may_have_been_sent_expires_though_neither_is_in_memory() {
    for loading in LOADINGS {
        let (mut pair, token) = long(0, &[("queue_ms_max", 1_000)]);
        let (link, _) = greedy(&mut pair.one);
        // Those that are sent at once fill the memory; nothing is acknowledged.
        queue(&mut pair.one, &token, 0..12);
        pair.one.link_down(link);
        queue(&mut pair.one, &token, 12..14);
        pair.one.restart(loading);

        pair.one.wait(1_000);
        for _ in 0..20 {
            pair.one.commit();
        }

        let outbox = outbox(&mut pair.one, &token);
        let states: Vec<_> = outbox
            .iter()
            .map(|it| it.rsplit(": ").next().unwrap())
            .collect();
        assert_eq!(states[..6], ["unknown"; 6], "{loading:?}");
        assert_eq!(states[6..], ["failed expired"; 8], "{loading:?}");
    }
}

#[test]
fn what_expires_before_it_is_stored_is_given_up_once_it_is() {
    let (mut pair, token) = long(8, &[("queue_ms_max", 1_000)]);
    let id = pair.one.open();
    let line = format!("send {token} amsal@realm2 {}\r\n", letters(8));
    pair.one.receive(id, line.as_bytes());
    let batch = pair.one.take_batch().unwrap();

    // The store takes very long.
    pair.one.wait(2_000);
    pair.one.committed(batch.number);
    for _ in 0..10 {
        pair.one.commit();
    }

    assert_eq!(pair.one.read(id), SENT);
    let outbox = outbox(&mut pair.one, &token);
    assert!(
        outbox.iter().all(|it| it.ends_with(": failed expired")),
        "{outbox:?}"
    );
    assert_eq!(outbox.len(), 9);
}

#[test]
fn the_bound_of_a_queue_counts_what_is_in_the_store_alone() {
    let (mut pair, token) = long(10, &[("queue_messages_max", 10)]);
    let full = send(&mut pair.one, &token, "amsal@realm2", "x");
    let (mut other, other_token) = long(10, &[("queue_bytes_max", 10 * ROW + 516)]);
    let too_much = send(&mut other.one, &other_token, "amsal@realm2", "xx");
    let fits = send(&mut other.one, &other_token, "amsal@realm2", "x");

    assert!(full.contains("\"code\": \"queue_full\""), "{full}");
    assert!(too_much.contains("\"code\": \"queue_full\""), "{too_much}");
    assert_eq!(fits, SENT);
    let status = other.one.realm.peers().next().unwrap();
    assert_eq!(
        (status.queue_messages, status.queue_bytes),
        (11, 10 * ROW + 516)
    );
    assert!(!matches!(status.state, PeerState::Linked));
}

#[test]
fn a_queue_that_is_numbered_anew_is_read_by_its_new_numbers() {
    for loading in LOADINGS {
        let (mut pair, token) = long(20, &[]);
        let copy = pair.one.log.clone();
        queue(&mut pair.one, &token, 20..22);
        pair.connect();
        settle(&mut pair);
        assert_eq!(delivered(&pair.two).len(), 22);
        pair.cut();

        pair.one.log = copy;
        pair.one.restart(loading);
        queue(&mut pair.one, &token, 30..34);
        pair.connect();
        settle(&mut pair);
        pair.restart_one(loading);
        queue(&mut pair.one, &token, 34..35);
        pair.connect();
        settle(&mut pair);

        let expected: Vec<_> = (0..22).chain(30..35).collect();
        assert_eq!(delivered(&pair.two), expected, "{loading:?}");
    }
}

#[test]
fn an_answer_for_a_queue_that_has_ended_is_passed_over() {
    let (mut pair, _, (request, fetch)) = asking();
    let rows = pair.one.log.read_queue(&fetch);
    let (realm2, now) = (crate::common::name("realm2"), pair.one.now);
    pair.one.realm.remove_peer(&realm2, true, now).unwrap();
    pair.one.run();

    pair.one.queue_fetched(request, Some(rows.clone()));
    let twice = pair.one.realm.queue_fetched(request, Some(rows), now);

    assert_eq!(twice, Err(chatproto::Misuse::UnknownRequest));
    assert_eq!(failures(&pair.one), 0);
}
