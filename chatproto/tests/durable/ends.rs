//! Shutting down, and connections that end.

use crate::common::{SENT, Site, UNKNOWN_COMMAND, example_with_peer};
use crate::{SHUTTING_DOWN, Stored};
use chatproto::link::frame::Frame;
use chatproto::{CloseReason, Direction, Output};

#[test]
fn shutdown_waits_for_the_last_commit() {
    let mut it = Stored::new();
    it.send("hi");
    let batch = it.batch();

    it.site.realm.shutdown(it.site.now);
    it.site.run();
    assert_eq!(it.site.read(it.id), "");
    assert!(!it.site.realm.is_shut_down());
    let last_words = it.committed(batch.number);

    assert_eq!(last_words, [SENT, SHUTTING_DOWN].concat());
    let closed = Output::Close(it.id, CloseReason::ShutDown);
    assert!(it.site.outputs.contains(&closed));
    assert!(it.site.realm.is_shut_down());
}

#[test]
fn a_store_that_is_slow_keeps_a_realm_from_being_down() {
    let mut it = Stored::new();
    it.send("hi");
    it.site.realm.shutdown(it.site.now);
    it.site.run();

    it.site.wait(100_000);
    assert!(!it.site.realm.is_shut_down());
    it.site.commit();

    assert!(it.site.realm.is_shut_down());
}

#[test]
fn nothing_is_taken_after_shutdown() {
    let mut it = Stored::new();
    it.site.realm.shutdown(it.site.now);
    it.site.run();

    let late = it.site.open();
    let request = it.site.realm.execute(b"hello", it.site.now);
    it.site.run();

    assert_eq!(it.site.read(late), SHUTTING_DOWN);
    let reply = Output::Reply(request, SHUTTING_DOWN.as_bytes().to_vec());
    assert!(it.site.outputs.contains(&reply));
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let mut it = Stored::new();
    let line = format!("send {} messi hi\r\nx\r\nlost", it.token);
    it.site.receive(it.id, line.as_bytes());

    it.site.realm.ended(it.id, it.site.now);
    it.site.run();
    assert_eq!(it.site.outputs, []);
    it.site.commit();

    assert_eq!(it.site.read(it.id), [SENT, UNKNOWN_COMMAND].concat());
    let closed = Output::Close(it.id, CloseReason::Ended);
    assert_eq!(it.site.outputs, [closed]);
}

#[test]
fn whole_lines_of_a_closed_connection_are_carried_out_but_no_inbox_empties() {
    let mut it = Stored::new();
    let link = it.site.greeted_by("realm2", Direction::Accepted);
    it.send("one");
    it.site.commit();
    let lines = format!(
        "send {0} siapa hi\r\nsend {0} messi two\r\ninbox {0}\r\nsend {0} messi three",
        it.token
    );
    it.site.receive(it.id, lines.as_bytes());

    it.site.hang_up(it.id);
    let answer = Frame::Answer {
        id: 1,
        found: false,
    };
    it.site.deliver(link, &[answer]);
    it.site.commit();

    let other = it.site.open();
    it.site
        .receive(other, format!("inbox {}\r\n", it.token).as_bytes());
    it.site.commit();
    let inbox = it.site.read(other);
    assert_eq!(
        inbox,
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"Lionel Messi\", \"msg_to\": \"Lionel Messi\", \"msg\": \" one\\r\\n\"}, {\"msg_from\": \"Lionel Messi\", \"msg_to\": \"Lionel Messi\", \"msg\": \" two\\r\\n\"}]}}\r\n\r\n"
    );
}

#[test]
fn a_request_is_answered_after_the_commit() {
    let mut it = Stored::new();
    let line = format!("send {} messi hi", it.token);

    let request = it.site.realm.execute(line.as_bytes(), it.site.now);
    it.site.run();
    assert_eq!(it.site.outputs, []);
    it.site.commit();

    assert_eq!(
        it.site.outputs,
        [Output::Reply(request, SENT.as_bytes().to_vec())]
    );
}

#[test]
fn a_request_under_way_at_shutdown_has_one_reply() {
    let mut it = Stored::new();
    let line = format!("send {} messi hi", it.token);
    let request = it.site.realm.execute(line.as_bytes(), it.site.now);

    it.site.realm.shutdown(it.site.now);
    it.site.run();
    it.site.commit();
    it.site.wait(10_000);

    let replies = it.site.outputs.iter().filter_map(|output| match output {
        Output::Reply(id, reply) => Some((*id, String::from_utf8_lossy(reply).into_owned())),
        _ => None,
    });
    let replies: Vec<_> = replies.collect();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].0, request);
    assert_eq!(replies[0].1.matches("\r\n\r\n").count(), 1, "{replies:?}");
}

#[test]
fn a_request_that_asks_a_peer_is_answered_at_shutdown() {
    let mut site = Site::new(example_with_peer(1, 2));
    let (_, token) = site.log_in("messi", "surabaya");
    site.greeted_by("realm2", Direction::Accepted);
    let line = format!("send {token} siapa hi");
    let request = site.realm.execute(line.as_bytes(), site.now);

    site.realm.shutdown(site.now);
    site.run();

    let replies = site.outputs.iter().filter_map(|output| match output {
        Output::Reply(id, reply) => Some((*id, String::from_utf8_lossy(reply).into_owned())),
        _ => None,
    });
    let replies: Vec<_> = replies.collect();
    assert_eq!(replies.len(), 1, "{:?}", site.outputs);
    assert_eq!(replies[0].0, request);
    assert!(replies[0].1.starts_with("{\"status\": \"ERROR\""));
}

#[test]
fn a_connection_that_is_gone_is_not_closed_again() {
    let mut site = Site::new(example_with_peer(1, 2));
    let (messi, token) = site.log_in("messi", "surabaya");
    site.greeted_by("realm2", Direction::Accepted);
    let lines = format!("send {token} siapa hi\r\nquit\r\n");
    site.receive(messi, lines.as_bytes());

    site.hang_up(messi);
    site.wait(2_000);
    site.realm.shutdown(site.now);
    site.run();

    let is_close = |output: &Output| matches!(output, Output::Close(..));
    assert!(!site.outputs.iter().any(is_close), "{:?}", site.outputs);
}
