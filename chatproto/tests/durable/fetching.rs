//! Inboxes that are not in memory whole: what is fetched, and what happens meanwhile.

use crate::Stored;
use crate::common::{LOADINGS, Loading, SENT, Site, UNKNOWN_COMMAND, example, limits};
use crate::reading::{own, page, past, removed};
use chatproto::store::{Fetch, Part};
use chatproto::{ConnectionId, Output, Sender, UserId};

const MESSI: &str = "Lionel Messi";

/// An inbox of messi's with messages of his own.
pub(crate) fn inbox(texts: &[&str]) -> String {
    let messages: Vec<_> = texts
        .iter()
        .map(|text| {
            format!(
                "{{\"msg_from\": \"{MESSI}\", \"msg_to\": \"{MESSI}\", \"msg\": \" {text}\\r\\n\"}}"
            )
        })
        .collect();
    let messages = messages.join(", ");
    format!("{{\"status\": \"OK\", \"messages\": {{\"messi\": [{messages}]}}}}\r\n\r\n")
}

/// An inbox with these messages, none of which is in memory, and fetches that wait for the test.
pub(crate) fn stored(texts: &[&str]) -> Stored {
    let mut it = Stored::new();
    it.send_all(texts);
    it.restart(Loading::Summed);
    it.site.holds_fetches = true;
    it.site.outputs.clear();
    it
}

impl Stored {
    pub(crate) fn line(&mut self, id: ConnectionId, verb: &str, rest: &str) {
        let line = format!("{verb} {} {rest}\r\n", self.token);
        self.site.receive(id, line.as_bytes());
    }

    /// The one fetch that waits.
    pub(crate) fn fetch(&mut self) -> (chatproto::RequestId, Fetch) {
        let mut fetches = self.site.fetches();
        assert_eq!(fetches.len(), 1, "{fetches:?}");
        fetches.remove(0)
    }

    /// What is in the inbox at last.
    pub(crate) fn rest(&mut self) -> String {
        self.site.holds_fetches = false;
        self.do_it("inbox", "")
    }
}

#[test]
fn a_long_inbox_is_fetched_and_comes_out_in_order() {
    let limits = limits(&[("inbox_memory_bytes_max", 40)]);
    let mut site = Site::new(example(1).durable(true).limits(limits));
    let (id, token) = site.enter("messi", "surabaya");
    let texts: Vec<_> = (0..50).map(|n| format!("m{n}")).collect();
    let mut asked = Vec::new();
    for text in &texts {
        let sent = site.ask(id, &format!("send {token} messi {text}\r\n"));
        assert_eq!(sent, SENT);
    }
    site.holds_fetches = true;
    site.receive(id, format!("inbox {token}\r\n").as_bytes());
    for fetch in site.fetches() {
        asked.push(fetch.1.clone());
        site.serve(&fetch);
    }
    site.commit();

    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(site.read(id), inbox(&texts));
    // At most 40 bytes of texts with five or six each were in memory.
    assert_eq!(asked.len(), 1);
    let Fetch { from, upto, .. } = asked[0];
    assert_eq!(from, 1);
    assert!((42..50).contains(&upto), "{upto}");
}

#[test]
fn what_is_fetched_is_the_part_in_the_store() {
    let mut it = stored(&["one", "two", "three"]);
    it.line(it.id, "ack", "1");
    it.site.commit();

    it.line(it.id, "inbox", "");
    let (_, whole) = it.fetch();
    let other = it.site.open();
    it.line(other, "peek", "1");
    let (_, first) = it.fetch();

    let messi = UserId::from_number(0);
    assert_eq!(whole, Fetch::range(messi, 2, 3));
    let mut expected = Fetch::range(messi, 2, 3);
    expected.messages_max = 1;
    expected.bytes_max = 262_144;
    assert_eq!(first, expected);
}

#[test]
fn history_asks_for_the_newest_of_one_sender() {
    let mut it = stored(&["one", "two", "three"]);
    it.line(it.id, "ack", "3");
    it.site.commit();
    it.site.read(it.id);

    it.line(it.id, "history", "messi 3 1");
    let fetch = it.fetch();
    it.site.serve(&fetch);

    let messi = UserId::from_number(0);
    let mut expected = Fetch::range(messi, 1, 2);
    expected.senders = Some(vec![Sender::Local(messi)]);
    expected.messages_max = 1;
    expected.bytes_max = 262_144;
    expected.part = Part::Newest;
    assert_eq!(fetch.1, expected);
    assert_eq!(it.site.read(it.id), past(&[own(2, "two")], true));
}

#[test]
fn later_lines_of_the_connection_wait_and_others_go_on() {
    let mut it = stored(&["one"]);
    it.line(it.id, "peek", "");
    it.site.receive(it.id, b"x\r\n");
    let other = it.site.open();

    let others = it.site.say(other, "x\r\n");
    let before = it.site.read(it.id);
    let fetch = it.fetch();
    it.site.serve(&fetch);

    assert_eq!((others.as_str(), before.as_str()), (UNKNOWN_COMMAND, ""));
    let both = [&page(&[own(1, "one")], 0), UNKNOWN_COMMAND].concat();
    assert_eq!(it.site.read(it.id), both);
}

#[test]
fn messages_that_come_during_a_fetch_are_shown_behind_what_it_brings() {
    for verb in ["inbox", "peek"] {
        let mut it = stored(&["one", "two"]);
        it.line(it.id, verb, "");
        let fetch = it.fetch();

        let sender = it.site.open();
        for text in ["three", "four"] {
            it.line(sender, "send", &format!("messi {text}"));
            it.site.commit();
        }
        it.site.serve(&fetch);
        it.site.commit();

        let shown = it.site.read(it.id);
        let texts = [" one\\r", " two\\r", " three\\r", " four\\r"];
        let places: Vec<_> = texts.iter().map(|text| shown.find(text)).collect();
        assert!(places.iter().all(Option::is_some), "{verb}: {shown}");
        assert!(places.is_sorted(), "{verb}: {shown}");
    }
}

#[test]
fn messages_beyond_the_memory_that_come_during_a_fetch_are_not_missed() {
    let limits = limits(&[("inbox_memory_bytes_max", 0)]);
    let mut site = Site::new(example(1).durable(true).limits(limits));
    let (id, token) = site.enter("messi", "surabaya");
    let send = |site: &mut Site, id, text: &str| {
        let line = format!("send {token} messi {text}\r\n");
        assert_eq!(site.ask(id, &line), SENT);
    };
    send(&mut site, id, "one");
    send(&mut site, id, "two");
    site.holds_fetches = true;
    site.receive(id, format!("inbox {token}\r\n").as_bytes());
    let fetches = site.fetches();

    let sender = site.open();
    for text in ["three", "four", "five"] {
        send(&mut site, sender, text);
    }
    site.serve(&fetches[0]);
    site.commit();
    let first = site.read(id);
    for text in ["six", "seven"] {
        send(&mut site, sender, text);
    }
    site.holds_fetches = false;
    let second = site.ask(id, &format!("inbox {token}\r\n"));

    assert_eq!(first, inbox(&["one", "two", "three", "four", "five"]));
    assert_eq!(second, inbox(&["six", "seven"]));
}

#[test]
fn two_connections_that_empty_one_inbox_at_once_share_it_without_a_copy() {
    for is_first_first in [true, false] {
        let mut it = stored(&["one", "two"]);
        let other = it.site.open();
        it.line(it.id, "inbox", "");
        let first = it.fetch();
        it.line(other, "inbox", "");
        let second = it.fetch();
        let order = if is_first_first {
            [&first, &second]
        } else {
            [&second, &first]
        };

        it.site.serve(order[0]);
        let sender = it.site.open();
        it.line(sender, "send", "messi three");
        it.site.serve(order[1]);
        it.site.commit();

        let mut read = [it.site.read(it.id), it.site.read(other)];
        if !is_first_first {
            read.reverse();
        }
        assert_eq!(read[0], inbox(&["one", "two"]));
        assert_eq!(read[1], inbox(&["three"]));
        assert_eq!(it.rest(), inbox(&[]));
    }
}

#[test]
fn an_ack_during_a_fetch_takes_out_what_it_says_and_the_rest_is_shown() {
    for (verb, acked) in [
        ("inbox", 1),
        ("peek", 1),
        ("inbox", 3),
        ("peek", 3),
        ("peek 2", 2),
    ] {
        let mut it = stored(&["one", "two", "three"]);
        let (verb, limit) = verb.split_once(' ').unwrap_or((verb, ""));
        it.line(it.id, verb, limit);
        let fetch = it.fetch();
        let other = it.site.open();

        it.line(other, "ack", &acked.to_string());
        it.site.serve(&fetch);
        // Where nothing of the page is left, the next one is fetched.
        for fetch in it.site.fetches() {
            it.site.serve(&fetch);
        }
        it.site.commit();

        assert_eq!(it.site.read(other), removed(acked, 3 - acked));
        let texts = ["one", "two", "three"];
        let left = &texts[acked as usize..];
        let shown: Vec<_> = left
            .iter()
            .zip(acked + 1..)
            .map(|(text, id)| own(id, text))
            .collect();
        let expected = if verb == "inbox" {
            inbox(left)
        } else {
            page(&shown, 0)
        };
        assert_eq!(it.site.read(it.id), expected, "{verb} {acked}");
    }
}

#[test]
fn a_connection_gone_during_a_fetch_empties_nothing() {
    let mut it = stored(&["one", "two"]);
    it.line(it.id, "inbox", "");
    let fetch = it.fetch();

    it.site.hang_up(it.id);
    it.site.serve(&fetch);

    assert_eq!(it.site.take_batch(), None);
    it.id = it.site.open();
    assert_eq!(it.rest(), inbox(&["one", "two"]));
}

#[test]
fn lines_behind_a_fetch_of_a_connection_gone_are_carried_out() {
    let mut it = stored(&["one"]);
    it.line(it.id, "peek", "");
    it.line(it.id, "send", "messi two");
    let fetch = it.fetch();

    it.site.hang_up(it.id);
    it.site.serve(&fetch);
    it.site.commit();

    it.id = it.site.open();
    assert_eq!(it.rest(), inbox(&["one", "two"]));
}

#[test]
fn a_half_closed_connection_gets_what_was_fetched() {
    let mut it = stored(&["one"]);
    it.line(it.id, "inbox", "");
    let fetch = it.fetch();

    let now = it.site.now;
    it.site.realm.ended(it.id, now);
    it.site.run();
    it.site.serve(&fetch);
    it.site.commit();

    assert_eq!(it.site.read(it.id), inbox(&["one"]));
}

#[test]
fn a_request_without_a_connection_is_answered_once_it_was_fetched() {
    let mut it = stored(&["one"]);
    let line = format!("peek {}", it.token);
    let request = it.site.realm.execute(line.as_bytes(), it.site.now);
    it.site.run();
    let fetch = it.fetch();
    assert_eq!(it.site.outputs, []);

    it.site.serve(&fetch);

    let reply = page(&[own(1, "one")], 0).into_bytes();
    assert_eq!(it.site.outputs, [Output::Reply(request, reply)]);
}

#[test]
fn nothing_is_shown_twice_or_lost_however_often_it_is_read_after_restarts() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["one", "two"]);
        it.restart(loading);
        it.send_all(&["three"]);
        let first = it.do_it("peek", "2");
        it.do_it("ack", "2");
        it.restart(loading);
        it.send_all(&["four"]);
        let second = it.do_it("peek", "");
        let last = it.do_it("inbox", "");
        it.restart(loading);
        let nothing = it.do_it("inbox", "");
        let all = it.do_it("history", "messi");

        assert_eq!(first, page(&[own(1, "one"), own(2, "two")], 1));
        assert_eq!(second, page(&[own(3, "three"), own(4, "four")], 0));
        assert_eq!(last, inbox(&["three", "four"]));
        assert_eq!(nothing, inbox(&[]));
        let texts = ["one", "two", "three", "four"];
        let texts: Vec<_> = texts
            .iter()
            .zip(1..)
            .map(|(text, id)| own(id, text))
            .collect();
        assert_eq!(all, past(&texts, false));
    }
}

#[test]
fn the_bound_of_an_inbox_counts_what_is_not_in_memory() {
    let bounds = limits(&[("inbox_messages_max", 3), ("inbox_memory_bytes_max", 0)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, token) = site.enter("messi", "surabaya");
        let line = format!("send {token} messi hi\r\n");
        for _ in 0..2 {
            site.ask(id, &line);
        }
        site.restart(loading);
        let id = site.open();

        let sent = [(); 2].map(|()| site.ask(id, &line));
        site.ask(id, &format!("ack {token} 1\r\n"));
        let after = [(); 2].map(|()| site.ask(id, &line));

        assert_eq!(sent, [SENT, crate::common::INBOX_FULL]);
        assert_eq!(after, [SENT, crate::common::INBOX_FULL]);
    }
}

#[test]
fn the_bytes_of_an_inbox_count_what_is_not_in_memory() {
    // Five bytes each.
    let bounds = limits(&[("inbox_bytes_max", 14), ("inbox_memory_bytes_max", 0)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, token) = site.enter("messi", "surabaya");
        let line = format!("send {token} messi 12\r\n");
        site.ask(id, &line);
        site.restart(loading);
        let id = site.open();

        let sent = [(); 2].map(|()| site.ask(id, &line));
        site.ask(id, &format!("inbox {token}\r\n"));
        let after = [(); 3].map(|()| site.ask(id, &line));

        let full = crate::common::INBOX_FULL;
        assert_eq!(sent, [SENT, full]);
        assert_eq!(after, [SENT, SENT, full]);
    }
}

#[test]
fn what_is_taken_out_of_the_store_alone_makes_room_for_as_many_bytes() {
    // Five bytes each.
    let bounds = limits(&[("inbox_bytes_max", 20), ("inbox_memory_bytes_max", 0)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, token) = site.enter("messi", "surabaya");
        let line = format!("send {token} messi 12\r\n");
        for _ in 0..4 {
            site.ask(id, &line);
        }
        site.restart(loading);
        let id = site.open();

        site.ask(id, &format!("ack {token} 2\r\n"));
        let sent = [(); 3].map(|()| site.ask(id, &line));

        let full = crate::common::INBOX_FULL;
        assert_eq!(sent, [SENT, SENT, full], "{loading:?}");
    }
}

#[test]
fn after_a_fetch_the_memory_is_relieved_again() {
    let limits = limits(&[("inbox_memory_bytes_max", 0)]);
    let mut site = Site::new(example(1).durable(true).limits(limits));
    let (id, token) = site.enter("messi", "surabaya");
    let send = format!("send {token} messi hi\r\n");
    for _ in 0..2 {
        site.ask(id, &send);
    }
    site.ask(id, &format!("peek {token}\r\n"));

    for _ in 0..2 {
        site.ask(id, &send);
    }
    site.holds_fetches = true;
    site.receive(id, format!("inbox {token}\r\n").as_bytes());
    let fetches = site.fetches();

    assert_eq!(fetches.len(), 1);
    // All of them have left it, the last one when it was in the store.
    assert_eq!((fetches[0].1.from, fetches[0].1.upto), (1, 4));
}

#[test]
fn a_fetch_that_finds_more_than_was_asked_for_does_no_harm() {
    let mut it = stored(&["one", "two", "three"]);
    it.line(it.id, "peek", "1");
    let (request, fetch) = it.fetch();
    let all = it.site.log.read(&Fetch::range(fetch.owner, 1, 3));

    it.site.fetched(request, Some(all));
    it.line(it.id, "history", "messi");
    let none: Vec<_> = it.site.fetches();

    assert_eq!(
        it.site.read(it.id),
        [page(&[own(1, "one")], 2), past(&[], false)].concat()
    );
    assert_eq!(none, []);
}
