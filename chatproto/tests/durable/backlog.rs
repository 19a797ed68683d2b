//! A store that is slower than its clients: lines wait, and nothing is lost.

use crate::common::{SENT, Site, UNKNOWN_COMMAND, example, limits};
use crate::{SHUTTING_DOWN, STORE_BROKEN, STORE_FULL};
use chatproto::{CloseReason, ConnectionId, Output, Record, StoreFailure};

/// What a message of ten bytes counts for.
const MESSAGE_BYTES: u64 = 106;

/// realm1 with somebody on each of so many connections, and a store that takes ten messages.
fn slow(connections: usize) -> (Site, Vec<ConnectionId>, String) {
    let bounds = limits(&[
        ("uncommitted_bytes_max", 10 * MESSAGE_BYTES - 1),
        ("waiting_bytes_max", 2_000),
    ]);
    let mut site = Site::new(example(1).durable(true).limits(bounds));
    let (id, token) = site.enter("messi", "surabaya");
    // The sender is listed once and for all.
    site.ask(id, &format!("send {token} messi\r\n"));
    site.ask(id, &format!("inbox {token}\r\n"));
    let ids = (0..connections).map(|_| site.open()).collect();
    site.outputs.clear();
    (site, ids, token)
}

/// Sends with texts of ten bytes that tell the connection and count up.
fn sends(token: &str, connection: usize, numbers: std::ops::Range<usize>) -> String {
    let lines = numbers.map(|n| format!("send {token} messi {connection}-{n:05}\r\n"));
    lines.collect()
}

fn delivered(records: &[Record]) -> usize {
    let is_delivered = |record: &&Record| matches!(record, Record::Delivered { .. });
    records.iter().filter(is_delivered).count()
}

#[test]
fn lines_wait_while_the_store_takes_nothing_and_all_go_on_afterwards() {
    let (mut site, ids, token) = slow(4);
    for (at, id) in ids.iter().enumerate() {
        site.receive(*id, sends(&token, at, 0..500).as_bytes());
    }

    let first = site.take_batch().unwrap();
    for (at, id) in ids.iter().enumerate() {
        site.receive(*id, sends(&token, at, 500..600).as_bytes());
    }
    let under_way = site.take_batch();
    let paused = site.outputs.clone();
    let early: String = ids.iter().map(|id| site.read(*id)).collect();
    site.committed(first.number);
    let second = site.take_batch().unwrap();
    site.committed(second.number);
    site.commit();

    assert_eq!((early.as_str(), under_way), ("", None));
    assert_eq!(delivered(&first.records), 10);
    assert_eq!(delivered(&second.records), 10);
    for id in &ids {
        assert!(paused.contains(&Output::PauseRead(*id)), "{paused:?}");
        assert!(site.outputs.contains(&Output::ResumeRead(*id)));
        assert_eq!(site.read(*id), SENT.repeat(600));
    }
    let inbox = site.ask(ids[0], &format!("inbox {token}\r\n"));
    for connection in 0..4 {
        let texts = inbox.split("\"msg\": \" ").skip(1);
        let own = texts.filter(|text| text.starts_with(&format!("{connection}-")));
        let numbers: Vec<usize> = own.map(|text| text[2..7].parse().unwrap()).collect();
        assert_eq!(numbers, (0..600).collect::<Vec<_>>());
    }
}

#[test]
fn whatever_a_line_is_it_waits() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());

    let reads = ["x\r\n", "hello\r\n", "auth messi surabaya\r\n", "au"];
    let at_once = reads.map(|read| site.say(ids[1], read));
    site.commit();
    let later = site.read(ids[1]);

    assert_eq!(at_once, [""; 4]);
    assert!(later.starts_with(UNKNOWN_COMMAND));
    assert_eq!(later.matches("\r\n\r\n").count(), 3);
}

#[test]
fn an_empty_read_makes_nobody_wait() {
    let (mut site, ids, token) = slow(1);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());
    site.receive(ids[0], b"");

    site.commit();

    assert_eq!(site.read(ids[0]), SENT.repeat(10));
    assert_eq!(site.say(ids[0], "x\r\n"), UNKNOWN_COMMAND);
}

#[test]
fn a_store_that_fills_up_lets_waiting_lines_have_their_error() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..12).as_bytes());
    site.receive(ids[1], format!("inbox {token}\r\nx\r\n").as_bytes());
    let batch = site.take_batch().unwrap();
    assert_eq!(site.read(ids[1]), "");

    let now = site.now;
    site.realm
        .store_failed(batch.number, StoreFailure::Full, now)
        .unwrap();
    site.run();
    let waiting = site.read(ids[1]);
    let promised = site.read(ids[0]);
    let another = site.say(ids[1], &sends(&token, 1, 0..1));
    site.wait(1_000);
    site.commit();

    assert_eq!(waiting, [STORE_FULL, UNKNOWN_COMMAND].concat());
    assert_eq!((promised.as_str(), another.as_str()), ("", STORE_FULL));
    // Ten were promised; the two that waited were refused, in their turn.
    let replies = [SENT.repeat(10), STORE_FULL.repeat(2)].concat();
    assert_eq!(site.read(ids[0]), replies);
    assert_eq!(delivered(&site.log.records), 11);
}

#[test]
fn after_a_full_store_lines_wait_again_and_go_on() {
    let (mut site, ids, token) = slow(1);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());
    let batch = site.take_batch().unwrap();
    let now = site.now;
    site.realm
        .store_failed(batch.number, StoreFailure::Full, now)
        .unwrap();
    site.wait(1_000);
    let again = site.take_batch().unwrap();
    site.committed(again.number);

    site.receive(ids[0], sends(&token, 0, 10..40).as_bytes());
    let next = site.take_batch().unwrap();
    assert_eq!(delivered(&next.records), 10);
    site.committed(next.number);
    site.commit();

    assert_eq!(site.read(ids[0]), SENT.repeat(40));
}

#[test]
fn whole_lines_of_a_connection_gone_are_carried_out_in_their_turn() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());
    let lines = format!("{}inbox {token}\r\nsend", sends(&token, 1, 0..3));
    site.receive(ids[1], lines.as_bytes());

    site.hang_up(ids[1]);
    site.commit();

    let inbox = site.ask(ids[0], &format!("peek {token}\r\n"));
    assert_eq!(inbox.matches("\"msg\": \" 1-").count(), 3);
    assert_eq!(inbox.matches("\"msg\": \" 0-").count(), 10);
}

#[test]
fn a_half_closed_connection_gets_its_answers_and_is_closed() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());
    site.receive(ids[1], sends(&token, 1, 0..15).as_bytes());

    site.realm.ended(ids[1], site.now);
    site.run();
    site.commit();

    assert_eq!(site.read(ids[1]), SENT.repeat(15));
    let closed = Output::Close(ids[1], CloseReason::Ended);
    assert!(site.outputs.contains(&closed));
}

#[test]
fn a_live_message_waits_and_arrives_once_and_whole() {
    let (mut site, ids, token) = slow(2);
    site.ask(ids[1], &format!("group {token} bukber origin\r\n"));
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());

    let at_once = ["satu dua", "tiga"].map(|read| site.say(ids[1], read));
    site.commit();

    assert_eq!(at_once, [""; 2]);
    assert_eq!(site.read(ids[1]), "messi: satu duamessi: tiga");
}

#[test]
fn a_shutdown_answers_what_was_taken_and_drops_what_waited() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..20).as_bytes());
    site.receive(ids[1], sends(&token, 1, 0..5).as_bytes());

    site.realm.shutdown(site.now);
    site.run();
    site.commit();

    let expected = [SENT.repeat(10).as_str(), SHUTTING_DOWN].concat();
    assert_eq!(site.read(ids[0]), expected);
    assert_eq!(site.read(ids[1]), SHUTTING_DOWN);
    assert_eq!(delivered(&site.log.records), 11);
    let (first, second) = (ids[0], ids[1]);
    for id in [first, second] {
        let closed = Output::Close(id, CloseReason::ShutDown);
        assert!(site.outputs.contains(&closed));
    }
}

#[test]
fn a_store_that_breaks_tells_those_that_wait() {
    let (mut site, ids, token) = slow(2);
    site.receive(ids[0], sends(&token, 0, 0..20).as_bytes());
    site.receive(ids[1], b"x\r\n");
    let batch = site.take_batch().unwrap();

    let now = site.now;
    site.realm
        .store_failed(batch.number, StoreFailure::Broken, now)
        .unwrap();
    site.run();

    assert_eq!(site.read(ids[0]), STORE_BROKEN);
    assert_eq!(site.read(ids[1]), STORE_BROKEN);
}

#[test]
fn a_request_without_a_connection_does_not_wait_to_be_carried_out() {
    let (mut site, ids, token) = slow(1);
    site.receive(ids[0], sends(&token, 0, 0..10).as_bytes());
    let line = format!("send {token} messi hi");

    let request = site.realm.execute(line.as_bytes(), site.now);
    site.run();
    let before = site.outputs.clone();
    site.commit();

    let reply = Output::Reply(request, SENT.as_bytes().to_vec());
    assert!(!before.contains(&reply));
    assert!(site.outputs.contains(&reply));
}
