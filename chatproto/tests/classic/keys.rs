//! `sendid` to classic neighbours: the key is used up by an OK alone.

use crate::common::{SENT, UNKNOWN_USER};
use crate::{AWAY, KEY_REUSED, Old, TAKEN, UNCLEAR};
use chatproto::{ClassicAnswer, ConnectionId};

impl Old {
    fn sendid_on(&mut self, id: ConnectionId, key: &str, to: &str, text: &str) -> String {
        let line = format!("sendid {} {key} {to} {text}\r\n", self.token);
        self.site.say(id, &line)
    }

    fn sendid(&mut self, key: &str, to: &str, text: &str) -> String {
        self.sendid_on(self.messi, key, to, text)
    }
}

#[test]
fn the_same_again_is_no_second_call() {
    let mut it = Old::new();
    it.sendid("k1", "budi@lama", "hi");
    let (request, _) = it.call();
    assert_eq!(it.answer(request, TAKEN), SENT);

    assert_eq!(it.sendid("k1", "budi@lama", "hi"), SENT);
    assert_eq!(it.sendid("k1", "budi@lama", "ho"), KEY_REUSED);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn what_was_not_taken_may_be_tried_again_under_its_key() {
    let failures = [
        (ClassicAnswer::NotReached, AWAY),
        (ClassicAnswer::NoAnswer, UNCLEAR),
        (ClassicAnswer::Answered(UNKNOWN_USER.into()), UNKNOWN_USER),
    ];
    let mut it = Old::new();

    for (answer, reply) in failures {
        it.sendid("k1", "budi@lama", "hi");
        let (request, _) = it.call();
        it.site.called(request, answer);
        assert_eq!(it.site.read(it.messi), reply);
    }

    it.sendid("k1", "budi@lama", "hi");
    let (request, _) = it.call();
    assert_eq!(it.answer(request, TAKEN), SENT);
}

#[test]
fn the_same_at_the_same_time_is_one_call() {
    let mut it = Old::new();
    let other = it.site.open();
    it.sendid("k1", "budi", "hi");
    let (first, _) = it.call();

    let second = it.sendid_on(other, "k1", "budi", "hi");
    let none = it.site.calls();
    it.answer(first, UNKNOWN_USER);
    let (request, _) = it.call();
    let reply = it.answer(request, TAKEN);

    assert_eq!((second.as_str(), none.len()), ("", 0));
    assert_eq!((reply.as_str(), it.site.read(other).as_str()), (SENT, SENT));
}

#[test]
fn another_message_under_a_key_under_way_is_refused() {
    let mut it = Old::new();
    let other = it.site.open();
    it.sendid("k1", "budi@lama", "hi");
    let (request, _) = it.call();

    assert_eq!(it.sendid_on(other, "k1", "budi@lama", "ho"), KEY_REUSED);
    assert_eq!(it.sendid_on(other, "k1", "henderson", "hi"), KEY_REUSED);
    assert_eq!(it.answer(request, TAKEN), SENT);
}

#[test]
fn a_key_is_used_up_though_its_client_has_left() {
    let mut it = Old::new();
    it.sendid("k1", "budi@lama", "hi");
    let (request, _) = it.call();
    it.site.hang_up(it.messi);

    it.site.answer(request, TAKEN);

    let again = it.site.open();
    assert_eq!(it.sendid_on(again, "k1", "budi@lama", "hi"), SENT);
    assert_eq!(it.site.calls(), []);
}
