//! The store: what waits for it, what it holds in place of the memory, and how much is shown at once.

use crate::common::{SENT, Site, UNKNOWN_COMMAND, example, limits};
use chatproto::{ConnectionId, Output, StoreFailure};

/// realm1 with a store, and somebody logged in.
fn stored(values: &[(&str, u64)]) -> (Site, ConnectionId, String) {
    let mut it = Site::new(example(1).durable(true).limits(limits(values)));
    let (id, token) = it.enter("messi", "surabaya");
    (it, id, token)
}

fn count(reply: &str) -> usize {
    assert!(reply.starts_with("{\"status\": \"OK\""), "{reply}");
    reply.matches("\"id\": ").count()
}

#[test]
fn an_inbox_keeps_inbox_memory_bytes_max_in_memory_and_fetches_what_is_older() {
    // Three messages, each with 16 bytes to find it by, and 13 bytes of text.
    for (bytes_max, is_fetched) in [(61, false), (60, true)] {
        let (mut it, id, token) = stored(&[("inbox_memory_bytes_max", bytes_max)]);
        for text in [" 12", " 34", " "] {
            let sent = it.ask(id, &format!("send {token} messi{text}\r\n"));
            assert_eq!(sent, SENT);
        }
        it.holds_fetches = true;
        it.outputs.clear();

        let inbox = it.ask(id, &format!("inbox {token}\r\n"));

        let fetches = it.outputs.iter();
        let fetches = fetches.filter(|output| matches!(output, Output::Fetch(..)));
        assert_eq!(fetches.count(), usize::from(is_fetched), "{bytes_max}");
        assert_eq!(inbox.is_empty(), is_fetched, "{bytes_max}");
    }
}

#[test]
fn a_page_has_page_messages_max_and_not_one_more() {
    let (mut it, id, token) = stored(&[("page_messages_max", 2)]);
    it.ask(id, &format!("send {token} messi hi\r\n").repeat(3));

    let peeked = it.ask(id, &format!("peek {token}\r\n"));
    let more_wanted = it.ask(id, &format!("peek {token} 3\r\n"));
    let two = it.ask(id, &format!("ack {token} 2\r\n"));
    let both = it.ask(id, &format!("history {token} messi\r\n"));
    it.ask(id, &format!("ack {token} 3\r\n"));
    let of_three = it.ask(id, &format!("history {token} messi 99 3\r\n"));

    assert_eq!([&peeked, &more_wanted].map(|it| count(it)), [2, 2]);
    assert!(peeked.ends_with("], \"left\": 1}\r\n\r\n"), "{peeked}");
    assert_eq!(
        two,
        "{\"status\": \"OK\", \"removed\": 2, \"left\": 1}\r\n\r\n"
    );
    assert_eq!([&both, &of_three].map(|it| count(it)), [2, 2]);
    assert!(both.ends_with("], \"more\": false}\r\n\r\n"), "{both}");
    assert!(of_three.ends_with("], \"more\": true}\r\n\r\n"));
    assert!(of_three.contains("\"id\": 2, ") && of_three.contains("\"id\": 3, "));
}

#[test]
fn a_page_ends_with_the_message_that_reaches_page_bytes_max() {
    for (bytes_max, shown) in [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)] {
        for in_memory in [0, 1_000] {
            let (mut it, id, token) = stored(&[
                ("page_bytes_max", bytes_max),
                ("inbox_memory_bytes_max", in_memory),
            ]);
            for _ in 0..4 {
                // Five bytes each.
                it.ask(id, &format!("send {token} messi 12\r\n"));
            }

            let peeked = it.ask(id, &format!("peek {token}\r\n"));
            it.ask(id, &format!("ack {token} 4\r\n"));
            let history = it.ask(id, &format!("history {token} messi\r\n"));

            let case = format!("{bytes_max} bytes, {in_memory} in memory");
            assert_eq!((count(&peeked), count(&history)), (shown, shown), "{case}");
            let left = format!("], \"left\": {}}}\r\n\r\n", 4 - shown);
            assert!(peeked.ends_with(&left), "{case}: {peeked}");
            assert!(history.ends_with("], \"more\": true}\r\n\r\n"), "{case}");
        }
    }
}

#[test]
fn send_keys_max_keys_are_remembered_and_not_one_more() {
    let (mut it, id, token) = stored(&[("send_keys_max", 2)]);
    let mut use_key = |key: &str| it.ask(id, &format!("sendid {token} {key} messi hi\r\n"));

    let sent = ["a", "b", "a", "b", "c", "b", "a"].map(&mut use_key);
    let inbox = it.ask(id, &format!("inbox {token}\r\n"));

    assert_eq!(sent, [SENT; 7]);
    // One each of a, b and c, and another of a, which c had pushed out.
    assert_eq!(inbox.matches("\" hi\\r\\n\"").count(), 4, "{inbox}");
}

#[test]
fn lines_wait_while_more_than_uncommitted_bytes_max_is_not_in_the_store() {
    // A sender is listed and a message delivered: 96 bytes each, and the text.
    for (bytes_max, waits) in [(202, false), (201, true)] {
        let (mut it, id, token) = stored(&[("uncommitted_bytes_max", bytes_max)]);
        let other = it.open();
        it.say(id, &format!("send {token} messi 1234567\r\n"));

        let at_once = it.say(other, "x\r\n");
        it.commit();
        let later = it.read(other);

        let (before, after) = if waits {
            ("", UNKNOWN_COMMAND)
        } else {
            (UNKNOWN_COMMAND, "")
        };
        assert_eq!((at_once.as_str(), later.as_str()), (before, after));
        assert_eq!(it.read(id), SENT);
    }
}

#[test]
fn a_full_store_is_tried_again_after_store_retry_ms_and_not_before() {
    let (mut it, id, token) = stored(&[("store_retry_ms", 50)]);
    it.say(id, &format!("send {token} messi hi\r\n"));
    let batch = it.take_batch().unwrap();
    let now = it.now;
    it.realm
        .store_failed(batch.number, StoreFailure::Full, now)
        .unwrap();

    it.wait(49);
    assert_eq!(it.take_batch(), None);
    it.wait(1);

    assert_eq!(it.take_batch(), Some(batch));
}
