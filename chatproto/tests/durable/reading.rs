//! Reading an inbox without emptying it, and reading what was taken out.

use crate::common::{
    EMPTY_INBOX, EMPTY_PAGE, LOADINGS, NO_SESSION, SENT, Site, example, example_with_peer,
};
use crate::{STORE_FULL, Stored};
use chatproto::{ConnectionId, Detail, Event, Record, StoreFailure, UserName};

const NO_NUMBER: &str = "{\"status\": \"ERROR\", \"message\": \"Angka tidak benar\", \"code\": \"invalid_number\"}\r\n\r\n";
const NO_SUCH_MESSAGE: &str = "{\"status\": \"ERROR\", \"message\": \"Pesan dengan nomor itu belum ada\", \"code\": \"no_such_message\"}\r\n\r\n";
const UNKNOWN_USER: &str = "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";
const TOO_FEW: &str = "{\"status\": \"ERROR\", \"message\": \"--Protocol Tidak Benar\"}\r\n\r\n";
const NO_HISTORY: &str = "{\"status\": \"OK\", \"messages\": [], \"more\": false}\r\n\r\n";

/// A message of messi's to himself.
pub(crate) fn own(id: u64, text: &str) -> String {
    format!(
        "{{\"id\": {id}, \"from\": \"messi\", \"msg_from\": \"Lionel Messi\", \"msg_to\": \"Lionel Messi\", \"msg\": \" {text}\\r\\n\", \"ts\": 1790000000000}}"
    )
}

pub(crate) fn page(messages: &[String], left: u64) -> String {
    let messages = messages.join(", ");
    format!("{{\"status\": \"OK\", \"messages\": [{messages}], \"left\": {left}}}\r\n\r\n")
}

pub(crate) fn past(messages: &[String], more: bool) -> String {
    let messages = messages.join(", ");
    format!("{{\"status\": \"OK\", \"messages\": [{messages}], \"more\": {more}}}\r\n\r\n")
}

pub(crate) fn removed(removed: u64, left: u64) -> String {
    format!("{{\"status\": \"OK\", \"removed\": {removed}, \"left\": {left}}}\r\n\r\n")
}

impl Stored {
    /// Sends messages to messi himself, each committed.
    pub(crate) fn send_all(&mut self, texts: &[&str]) {
        for text in texts {
            self.send(text);
            self.site.commit();
            assert_eq!(self.site.read(self.id), SENT);
        }
    }

    /// Says something with the token, and commits.
    pub(crate) fn do_it(&mut self, verb: &str, rest: &str) -> String {
        let line = format!("{verb} {} {rest}\r\n", self.token);
        self.site.ask(self.id, &line)
    }
}

#[test]
fn peek_shows_messages_with_their_numbers_and_leaves_them() {
    let mut it = Stored::new();
    let nothing = it.do_it("peek", "");
    it.send_all(&["one", "two", "three"]);

    let first = it.do_it("peek", "");
    let again = it.do_it("peek", "");
    let two = it.do_it("peek", "2");

    assert_eq!(nothing, EMPTY_PAGE);
    let all = [own(1, "one"), own(2, "two"), own(3, "three")];
    assert_eq!(first, page(&all, 0));
    assert_eq!(again, first);
    assert_eq!(two, page(&all[..2], 1));
}

#[test]
fn ack_takes_out_up_to_a_message_and_numbers_go_on() {
    let mut it = Stored::new();
    it.send_all(&["one", "two", "three"]);

    let two = it.do_it("ack", "2");
    let rest = it.do_it("peek", "");
    it.send_all(&["four"]);
    let more = it.do_it("peek", "");
    let inbox = it.do_it("inbox", "");
    it.send_all(&["five"]);
    let last = it.do_it("peek", "");

    assert_eq!(two, removed(2, 1));
    assert_eq!(rest, page(&[own(3, "three")], 0));
    assert_eq!(more, page(&[own(3, "three"), own(4, "four")], 0));
    assert!(inbox.contains(" three\\r\\n") && inbox.contains(" four\\r\\n"));
    assert!(!inbox.contains(" two\\r\\n"), "{inbox}");
    assert_eq!(last, page(&[own(5, "five")], 0));
}

#[test]
fn ack_again_removes_nothing() {
    for loading in [None].into_iter().chain(LOADINGS.map(Some)) {
        let mut it = Stored::new();
        it.send_all(&["one", "two", "three"]);
        it.do_it("ack", "2");
        if let Some(loading) = loading {
            it.restart(loading);
        }

        let again = ["2", "1", "0"].map(|id| it.do_it("ack", id));
        let rest = it.do_it("peek", "");
        it.do_it("inbox", "");
        let of_empty = ["3", "2", "1", "0"].map(|id| it.do_it("ack", id));

        assert_eq!(again, [(); 3].map(|()| removed(0, 1)));
        assert_eq!(rest, page(&[own(3, "three")], 0));
        assert_eq!(of_empty, [(); 4].map(|()| removed(0, 0)));
    }
}

#[test]
fn ack_beyond_the_last_message_removes_nothing() {
    let mut it = Stored::new();
    let of_none = it.do_it("ack", "1");
    it.send_all(&["one"]);

    let beyond = ["2", "18446744073709551615", "99999999999999999999999"];
    let beyond = beyond.map(|id| it.do_it("ack", id));
    let rest = it.do_it("peek", "");

    assert_eq!(of_none, NO_SUCH_MESSAGE);
    assert_eq!(beyond, [NO_SUCH_MESSAGE; 3]);
    assert_eq!(rest, page(&[own(1, "one")], 0));
}

#[test]
fn only_ack_that_removes_makes_a_record() {
    let mut it = Stored::new();
    it.send_all(&["one"]);

    let line = format!("ack {} 1\r\n", it.token);
    it.site.receive(it.id, line.as_bytes());
    let batch = it.batch();
    it.committed(batch.number);
    let again = it.site.say(it.id, &line);

    assert!(matches!(
        batch.records[..],
        [Record::InboxTaken { upto: 1, .. }]
    ));
    assert_eq!(again, removed(0, 0));
    assert_eq!(it.site.take_batch(), None);
}

#[test]
fn numbers_that_are_none_are_told_and_big_ones_are_as_good_as_the_most() {
    let mut it = Stored::new();
    it.send_all(&["one", "two"]);
    it.do_it("ack", "1");

    for word in ["x", "-1", "+1", "1.0", "1e1", "\u{664}", "0x1", "1\t1"] {
        assert_eq!(it.do_it("peek", word), NO_NUMBER, "{word}");
        assert_eq!(it.do_it("ack", word), NO_NUMBER, "{word}");
        let before = it.do_it("history", &format!("messi {word}"));
        let limit = it.do_it("history", &format!("messi 9 {word}"));
        assert_eq!([before, limit], [NO_NUMBER; 2], "{word}");
    }
    let huge = "340282366920938463463374607431768211456";
    let one = past(&[own(1, "one")], false);

    assert_eq!(it.do_it("peek", huge), page(&[own(2, "two")], 0));
    assert_eq!(it.do_it("peek", "0"), page(&[], 1));
    assert_eq!(it.do_it("peek", "007"), page(&[own(2, "two")], 0));
    assert_eq!(it.do_it("history", &format!("messi {huge} {huge}")), one);
    assert_eq!(it.do_it("history", "messi 2 0"), NO_HISTORY);
    assert_eq!(it.do_it("history", "messi 0"), NO_HISTORY);
    assert_eq!(it.do_it("history", "messi 1"), NO_HISTORY);
}

#[test]
fn too_few_arguments_and_no_session_are_told() {
    let mut it = Stored::new();

    let few = ["peek", "ack T", "history T", "sendid T k", "ack", "history"];
    for line in few {
        assert_eq!(
            it.site.say(it.id, &format!("{line}\r\n")),
            TOO_FEW,
            "{line}"
        );
    }
    for line in ["peek T", "ack T 1", "history T messi", "sendid T k messi x"] {
        assert_eq!(
            it.site.say(it.id, &format!("{line}\r\n")),
            NO_SESSION,
            "{line}"
        );
    }
}

#[test]
fn history_pages_back_from_the_newest_oldest_first() {
    for loading in [None].into_iter().chain(LOADINGS.map(Some)) {
        let mut it = Stored::new();
        it.send_all(&["one", "two", "three", "four", "five"]);
        it.do_it("ack", "4");
        if let Some(loading) = loading {
            it.restart(loading);
        }

        let all = it.do_it("history", "messi");
        let newest = it.do_it("history", "messi 99 2");
        let before = it.do_it("history", "messi 3 2");
        let by_address = it.do_it("history", "messi@realm1");

        let texts = [
            own(1, "one"),
            own(2, "two"),
            own(3, "three"),
            own(4, "four"),
        ];
        assert_eq!(all, past(&texts, false));
        assert_eq!(newest, past(&texts[2..], true));
        assert_eq!(before, past(&texts[..2], false));
        assert_eq!(by_address, all);
    }
}

#[test]
fn history_is_of_one_sender() {
    let mut it = Stored::new();
    let henderson = it.site.ask(it.id, "auth henderson surabaya\r\n");
    let henderson = crate::common::token_of(&henderson);
    it.send_all(&["one"]);
    it.site
        .ask(it.id, &format!("send {henderson} messi two\r\n"));
    it.send_all(&["three"]);
    it.do_it("inbox", "");

    let own_ones = it.do_it("history", "messi");
    let others = it.do_it("history", "henderson");
    let nobodys = it.do_it("history", "lineker");
    let unknown = [
        "siapa",
        "siapa@realm1",
        "amsal@realm2",
        "amsal@realm9",
        "@",
        "*realm9*",
    ];
    let unknown = unknown.map(|name| it.do_it("history", name));

    assert_eq!(own_ones, past(&[own(1, "one"), own(3, "three")], false));
    assert_eq!(
        others,
        past(
            &["{\"id\": 2, \"from\": \"henderson\", \"msg_from\": \"Jordan Henderson\", \"msg_to\": \"Lionel Messi\", \"msg\": \" two\\r\\n\", \"ts\": 1790000000000}".to_owned()],
            false
        )
    );
    assert_eq!(nobodys, NO_HISTORY);
    assert_eq!(unknown, [UNKNOWN_USER; 6]);
}

#[test]
fn without_a_store_there_is_no_history() {
    let mut site = Site::new(example(1));
    let (id, token) = site.log_in("messi", "surabaya");
    site.say(id, &format!("send {token} messi hi\r\n"));

    let peeked = site.say(id, &format!("peek {token}\r\n"));
    let acked = site.say(id, &format!("ack {token} 1\r\n"));
    let history = site.say(id, &format!("history {token} messi\r\n"));

    assert_eq!(peeked, page(&[own(1, "hi")], 0));
    assert_eq!(acked, removed(1, 0));
    assert_eq!(history, NO_HISTORY);
}

#[test]
fn what_each_reading_did_is_told_in_an_event() {
    let mut site = Site::new(example(1).durable(true).detail(Detail::Commands));
    let (id, token) = site.enter("messi", "surabaya");
    site.ask(id, &format!("send {token} messi hi\r\n").repeat(3));
    site.outputs.clear();

    for line in ["peek T 2", "ack T 2", "history T messi 9 1", "inbox T"] {
        site.ask(id, &format!("{}\r\n", line.replace('T', &token)));
    }

    let user = UserName::parse("messi").unwrap();
    let expected = [
        Event::InboxPeeked {
            user: user.clone(),
            messages: 2,
        },
        Event::InboxAcked {
            user: user.clone(),
            messages: 2,
        },
        Event::HistoryRead {
            user: user.clone(),
            messages: 1,
        },
        Event::InboxRead { user, messages: 1 },
    ];
    assert_eq!(site.events(), expected.iter().collect::<Vec<_>>());
}

// What waits for a commit.

#[test]
fn peek_waits_for_what_it_shows_and_for_nothing_else() {
    let mut it = Stored::new();
    it.send_all(&["one"]);
    it.send("two");
    let other = it.site.open();
    let line = |rest: &str| format!("peek {} {rest}\r\n", it.token);

    let all = it.site.say(other, &line(""));
    let third = it.site.open();
    let first = it.site.say(third, &line("1"));
    it.site.commit();

    assert_eq!(all, "");
    assert_eq!(first, page(&[own(1, "one")], 1));
    let both = page(&[own(1, "one"), own(2, "two")], 0);
    assert_eq!(it.site.read(other), both);
}

#[test]
fn peek_waits_for_no_ack_under_way() {
    let mut it = Stored::new();
    it.send_all(&["one", "two"]);
    it.site
        .receive(it.id, format!("ack {} 1\r\n", it.token).as_bytes());
    let other = it.site.open();

    let rest = it.site.say(other, &format!("peek {}\r\n", it.token));

    assert_eq!(it.site.read(it.id), "");
    assert_eq!(rest, page(&[own(2, "two")], 0));
}

#[test]
fn history_of_messages_that_are_not_in_the_store_yet_waits_for_them() {
    let mut it = Stored::new();
    it.send("one");
    let batch = it.batch();
    let lines = format!("ack {0} 1\r\nhistory {0} messi\r\n", it.token);

    let at_once = it.site.say(it.id, &lines);
    it.site.holds_fetches = true;
    let after_first = it.committed(batch.number);
    it.site.commit();
    let fetches = it.site.fetches();
    assert_eq!(fetches.len(), 1, "only once the message is there");
    it.site.serve(&fetches[0]);

    assert_eq!(at_once, "");
    assert_eq!(after_first, SENT);
    let history = past(&[own(1, "one")], false);
    assert_eq!(it.site.read(it.id), [removed(1, 0), history].concat());
}

// A full store.

fn full_with_history() -> (Stored, ConnectionId) {
    let mut it = Stored::new();
    it.send_all(&["one", "two"]);
    it.do_it("ack", "1");
    it.send("three");
    let batch = it.batch();
    it.failed(batch.number, StoreFailure::Full);
    let other = it.site.open();
    (it, other)
}

#[test]
fn with_a_full_store_peek_and_history_go_on_with_what_is_in_it() {
    let (mut it, other) = full_with_history();
    let token = it.token.clone();

    let peeked = it.site.say(other, &format!("peek {token}\r\n"));
    let history = it.site.say(other, &format!("history {token} messi\r\n"));
    let refused = ["inbox T", "ack T 2", "sendid T k messi four"].map(|line| {
        it.site
            .say(other, &format!("{}\r\n", line.replace('T', &token)))
    });

    // The third message is promised to nobody yet.
    assert_eq!(peeked, page(&[own(2, "two")], 1));
    assert_eq!(history, past(&[own(1, "one")], false));
    assert_eq!(refused, [STORE_FULL; 3]);
    it.pause();
    it.site.commit();
    assert_eq!(it.site.read(it.id), SENT);
    let all = it.do_it("peek", "");
    assert_eq!(all, page(&[own(2, "two"), own(3, "three")], 0));
}

#[test]
fn with_a_full_store_history_shows_what_was_taken_out_and_is_kept() {
    let mut it = Stored::new();
    it.send_all(&["one"]);
    it.site.receive(
        it.id,
        format!("send {0} messi two\r\nack {0} 2\r\n", it.token).as_bytes(),
    );
    let batch = it.batch();
    it.failed(batch.number, StoreFailure::Full);
    let other = it.site.open();

    let history = it
        .site
        .say(other, &format!("history {} messi\r\n", it.token));

    assert_eq!(history, past(&[own(1, "one")], false));
}

#[test]
fn an_empty_inbox_is_shown_without_a_record() {
    let mut it = Stored::new();

    let inbox = it.site.inbox(it.id, &it.token);

    assert_eq!(inbox, EMPTY_INBOX);
    assert_eq!(it.site.take_batch(), None);
}

#[test]
fn mail_of_another_realm_is_peeked_and_remembered_by_name() {
    let mut pair = crate::common::Pair::of(
        example_with_peer(1, 2).durable(true),
        example_with_peer(2, 1),
    );
    pair.connect();
    let (amsal, token) = pair.two.log_in("amsal", "jakarta");
    pair.two
        .say(amsal, &format!("send {token} messi@realm1 hai\r\n"));
    pair.settle();
    let (messi, token) = pair.one.enter("messi", "surabaya");

    let peeked = pair.one.ask(messi, &format!("peek {token}\r\n"));
    pair.one.ask(messi, &format!("ack {token} 1\r\n"));
    let histories = ["amsal", "amsal@realm2"]
        .map(|name| pair.one.ask(messi, &format!("history {token} {name}\r\n")));

    let message = "{\"id\": 1, \"from\": \"amsal\", \"msg_from\": \"amsal\", \"msg_to\": \"Lionel Messi\", \"msg\": \" hai\\r\\n\", \"ts\": 1790000000000}".to_owned();
    assert_eq!(peeked, page(std::slice::from_ref(&message), 0));
    assert_eq!(
        histories,
        [(); 2].map(|()| past(std::slice::from_ref(&message), false))
    );
}
