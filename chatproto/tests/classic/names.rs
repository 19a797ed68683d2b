//! Whose is this name, where some realms cannot be asked but by sending?

use crate::common::{SENT, UNKNOWN_USER, name};
use crate::{AWAY, Old, REFUSED, TAKEN, UNCLEAR, config};
use chatproto::link::frame::Frame;
use chatproto::{ClassicAnswer, Direction, LinkId, PeerConfig};

const PROTOCOL: &str = "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n";

fn ambiguous(candidates: &str) -> String {
    format!(
        "{{\"status\": \"ERROR\", \"message\": \"Nama ada di beberapa realm, tulis user@realm\", \"code\": \"ambiguous\", \"candidates\": [{candidates}]}}\r\n\r\n"
    )
}

/// The same realm, linked with realm2 as well.
fn linked() -> (Old, LinkId) {
    let mut it = Old::of(config().peer(PeerConfig::new(name("realm2"))));
    let link = it.site.greeted_by("realm2", Direction::Accepted);
    it.site.take(link);
    (it, link)
}

/// realm2 answers the next question.
fn found(it: &mut Old, link: LinkId, found: bool) -> String {
    let asked = it.site.take(link);
    let [Frame::Ask { id, .. }] = asked.as_slice() else {
        panic!("not asked: {asked:?}");
    };
    it.site.deliver(link, &[Frame::Answer { id: *id, found }]);
    it.site.read(it.messi)
}

#[test]
fn neighbours_are_tried_in_the_order_of_the_configuration() {
    let mut it = Old::new();

    it.send("budi", "hi");
    let (first, at_lama) = it.call();
    let between = it.answer(first, UNKNOWN_USER);
    let (second, at_tua) = it.call();
    let reply = it.answer(second, TAKEN);

    assert_eq!(at_lama, "lama: server send messi budi hi\r\n");
    assert_eq!(at_tua, "tua: server send messi budi hi\r\n");
    assert_eq!((between.as_str(), reply.as_str()), ("", SENT));
}

#[test]
fn a_name_that_was_found_is_asked_for_there_first() {
    let mut it = Old::new();
    it.send("budi", "hi");
    let (first, _) = it.call();
    it.answer(first, UNKNOWN_USER);
    let (second, _) = it.call();
    it.answer(second, TAKEN);

    it.send("budi", "lagi");
    let (request, line) = it.call();

    assert_eq!(line, "tua: server send messi budi lagi\r\n");
    assert_eq!(it.answer(request, TAKEN), SENT);
}

#[test]
fn a_name_that_nobody_has_is_an_error() {
    let mut it = Old::new();
    it.send("siapa", "hi");

    let (first, _) = it.call();
    it.answer(first, UNKNOWN_USER);
    let (second, _) = it.call();

    assert_eq!(it.answer(second, UNKNOWN_USER), UNKNOWN_USER);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn where_one_could_not_be_asked_nobody_is_said_to_be_unknown() {
    let mut it = Old::new();
    it.send("siapa", "hi");

    let (first, _) = it.call();
    it.site.called(first, ClassicAnswer::NotReached);
    let (second, line) = it.call();

    assert_eq!(line, "tua: server send messi siapa hi\r\n");
    assert_eq!(it.answer(second, UNKNOWN_USER), AWAY);
}

#[test]
fn one_that_is_away_does_not_hide_the_next() {
    let mut it = Old::new();
    it.send("siapa", "hi");

    let (first, _) = it.call();
    it.site.called(first, ClassicAnswer::NotReached);
    let (second, _) = it.call();

    assert_eq!(it.answer(second, TAKEN), SENT);
}

#[test]
fn after_an_unclear_answer_nobody_else_is_sent_the_message() {
    let unclear = [
        (ClassicAnswer::NoAnswer, UNCLEAR),
        (ClassicAnswer::Answered(b"?".to_vec()), UNCLEAR),
        (ClassicAnswer::Answered(PROTOCOL.into()), REFUSED),
    ];
    for (answer, reply) in unclear {
        let mut it = Old::new();
        it.send("siapa", "hi");
        let (request, _) = it.call();

        it.site.called(request, answer);

        assert_eq!(it.site.read(it.messi), reply);
        assert_eq!(it.site.calls(), []);
    }
}

#[test]
fn a_known_name_waits_for_its_realm_alone() {
    let mut it = Old::new();
    it.asked_by("lama", "server send budi messi halo\r\n");

    it.send("budi", "hi");
    let (request, line) = it.call();
    it.site.called(request, ClassicAnswer::NotReached);

    assert_eq!(line, "lama: server send messi budi hi\r\n");
    assert_eq!(it.site.read(it.messi), AWAY);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn a_name_somebody_made_up_is_looked_for_elsewhere() {
    let mut it = Old::new();
    it.asked_by("tua", "server send budi messi halo\r\n");

    it.send("budi", "hi");
    let (first, at_tua) = it.call();
    it.answer(first, UNKNOWN_USER);
    let (second, at_lama) = it.call();

    assert_eq!(at_tua, "tua: server send messi budi hi\r\n");
    assert_eq!(at_lama, "lama: server send messi budi hi\r\n");
    assert_eq!(it.answer(second, TAKEN), SENT);
}

#[test]
fn a_writer_without_an_address_cannot_be_answered() {
    let mut it = Old::new();
    it.asked_by("datang", "server send budi messi halo\r\n");

    assert_eq!(it.send("budi", "hi"), AWAY);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn linked_realms_are_asked_before_any_neighbour() {
    let (mut it, link) = linked();

    it.send("amsal", "hi");
    let before = it.site.calls();
    let reply = found(&mut it, link, true);

    assert_eq!(before, []);
    assert_eq!(reply, SENT);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn whom_no_linked_realm_has_the_neighbours_are_asked_for() {
    let (mut it, link) = linked();

    it.send("budi", "hi");
    let waiting = found(&mut it, link, false);
    let (request, _) = it.call();

    assert_eq!(waiting, "");
    assert_eq!(it.answer(request, TAKEN), SENT);
}

#[test]
fn a_linked_realm_that_falls_silent_does_not_hold_a_message_up() {
    let (mut it, _) = linked();
    it.send("budi", "hi");

    it.site.wait(1_000);

    let (request, _) = it.call();
    assert_eq!(it.answer(request, TAKEN), SENT);
}

#[test]
fn a_name_of_a_neighbour_that_a_linked_realm_claims_has_two_candidates() {
    let (mut it, link) = linked();
    it.asked_by("lama", "server send amsal messi halo\r\n");

    it.send("amsal", "hi");
    let reply = found(&mut it, link, true);
    let again = it.send("amsal", "hi");

    let both = ambiguous("\"amsal@lama\", \"amsal@realm2\"");
    assert_eq!((reply, again), (both.clone(), both));
    assert_eq!(it.send("amsal@realm2", "hi"), SENT);
    assert_eq!(it.send("amsal@lama", "hi"), "");
    assert_eq!(it.site.calls().len(), 1);
}

#[test]
fn nobody_takes_a_known_name_away_from_a_linked_realm() {
    let (mut it, link) = linked();
    it.send("amsal", "hi");
    found(&mut it, link, true);

    it.asked_by("lama", "server send amsal messi aku amsal\r\n");

    assert_eq!(it.send("amsal", "hi"), SENT);
    assert_eq!(it.site.calls(), []);
    let inbox = it.inbox();
    assert!(
        inbox.contains("{\"amsal@lama\": [{\"msg_from\": \"amsal@lama\","),
        "{inbox}"
    );
}

#[test]
fn two_neighbours_with_one_name_are_two_candidates() {
    let mut it = Old::new();
    for neighbour in ["lama", "tua"] {
        it.asked_by(neighbour, "server send budi messi halo\r\n");
    }

    let both = ambiguous("\"budi@lama\", \"budi@tua\"");

    assert_eq!(it.send("budi", "hi"), both);
    assert_eq!(it.site.calls(), []);
}

#[test]
fn a_user_here_is_never_asked_for_elsewhere() {
    let mut it = Old::new();
    it.asked_by("lama", "server send henderson messi halo\r\n");

    assert_eq!(it.send("henderson", "hi"), SENT);
    assert_eq!(it.send("bukan/nama", "hi"), UNKNOWN_USER);
    assert_eq!(it.site.calls(), []);
}
