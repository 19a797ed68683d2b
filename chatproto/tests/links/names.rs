//! Whose is this name?

use crate::common::{Pair, SENT, Site, UNKNOWN_COMMAND, UNKNOWN_USER, example, hello, name};
use chatproto::link::frame::{Frame, Question};
use chatproto::{ConnectionId, Direction, LinkId, PeerConfig};

const AMBIGUOUS: &str = "{\"status\": \"ERROR\", \"message\": \"Nama ada di beberapa realm, tulis user@realm\", \"code\": \"ambiguous\", \"candidates\": [\"amsal@realm2\", \"amsal@realm3\"]}\r\n\r\n";
const UNKNOWN_REALM: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tidak dikenal\", \"code\": \"realm_unknown\"}\r\n\r\n";

/// realm1, linked with realm2 and realm3; messi is logged in.
struct Three {
    site: Site,
    two: LinkId,
    third: LinkId,
    messi: ConnectionId,
    token: String,
}

impl Three {
    fn new() -> Self {
        let config = example(1)
            .peer(PeerConfig::new(name("realm2")))
            .peer(PeerConfig::new(name("realm3")));
        let mut site = Site::new(config);
        let two = site.greeted_by("realm2", Direction::Accepted);
        let third = site.greeted_by("realm3", Direction::Accepted);
        let (messi, token) = site.log_in("messi", "surabaya");
        site.take(two);
        site.take(third);
        Self {
            site,
            two,
            third,
            messi,
            token,
        }
    }

    fn send(&mut self, to: &str) -> String {
        let line = format!("send {} {to} hi\r\n", self.token);
        self.site.say(self.messi, &line)
    }

    fn answer(&mut self, link: LinkId, id: u64, found: bool) -> String {
        self.site.deliver(link, &[Frame::Answer { id, found }]);
        self.site.read(self.messi)
    }
}

#[test]
fn an_unknown_name_is_asked_for_in_all_linked_realms() {
    let mut it = Three::new();

    let at_once = it.send("amsal");
    let ask = Frame::Ask {
        id: 1,
        question: Question::User,
        name: "amsal".to_owned(),
    };
    assert_eq!(it.site.take(it.two), std::slice::from_ref(&ask));
    assert_eq!(it.site.take(it.third), [ask]);
    let after_one = it.answer(it.third, 1, false);
    let after_both = it.answer(it.two, 1, true);

    assert_eq!((at_once.as_str(), after_one.as_str()), ("", ""));
    assert_eq!(after_both, SENT);
    assert_eq!(it.send("amsal"), SENT);
    assert_eq!(it.site.take(it.third), []);
}

#[test]
fn a_name_of_nobody_is_an_error() {
    let mut it = Three::new();
    it.send("siapa");

    it.answer(it.two, 1, false);
    let reply = it.answer(it.third, 1, false);

    assert_eq!(reply, UNKNOWN_USER);
}

#[test]
fn a_name_of_several_realms_lists_the_candidates() {
    let mut it = Three::new();
    it.send("amsal");

    it.answer(it.third, 1, true);
    let reply = it.answer(it.two, 1, true);

    assert_eq!(reply, AMBIGUOUS);
    assert_eq!(it.send("amsal"), AMBIGUOUS);
    assert_eq!(it.send("amsal@realm3"), SENT);
    assert_eq!(it.send("amsal@realm4"), UNKNOWN_REALM);
}

#[test]
fn answers_that_nobody_asked_for_are_ignored() {
    let mut it = Three::new();
    it.answer(it.two, 1, true);
    it.send("amsal");

    let other_question = it.answer(it.two, 2, true);
    it.answer(it.two, 1, false);
    let twice = it.answer(it.two, 1, true);
    let reply = it.answer(it.third, 1, false);

    assert_eq!((other_question.as_str(), twice.as_str()), ("", ""));
    assert_eq!(reply, UNKNOWN_USER);
    assert_eq!(it.answer(it.two, 1, true), "");
}

#[test]
fn nobody_waits_for_a_realm_whose_link_is_gone() {
    let mut it = Three::new();
    it.send("amsal");
    it.answer(it.two, 1, true);

    it.site.link_down(it.third);

    assert_eq!(it.site.read(it.messi), SENT);
}

#[test]
fn a_realm_that_has_not_said_hello_is_not_asked() {
    let mut it = Three::new();
    it.site.link_down(it.third);
    let late = it.site.link_up("realm3", Direction::Accepted);
    it.site.take(late);

    it.send("amsal");
    let reply = it.answer(it.two, 1, true);

    assert_eq!(reply, SENT);
    it.site.deliver(late, &[hello("realm3", "realm1")]);
    assert!(
        !it.site
            .take(late)
            .iter()
            .any(|frame| matches!(frame, Frame::Ask { .. }))
    );
}

#[test]
fn a_question_is_answered_from_the_own_users_alone() {
    let mut it = Three::new();
    it.send("amsal");
    it.answer(it.two, 1, true);
    it.answer(it.third, 1, false);
    let ask = |id: u64, name: &str| Frame::Ask {
        id,
        question: Question::User,
        name: name.to_owned(),
    };
    it.site.take(it.third);

    let asks = [ask(5, "messi"), ask(6, "amsal"), ask(7, "no name")];
    it.site.deliver(it.third, &asks);

    let answer = |id, found| Frame::Answer { id, found };
    assert_eq!(
        it.site.take(it.third),
        [answer(5, true), answer(6, false), answer(7, false)]
    );
}

#[test]
fn a_sender_whose_name_somebody_here_has_is_shown_with_the_realm() {
    let one = example(1).peer(PeerConfig::new(name("realm3")));
    let three = example(3).peer(PeerConfig::new(name("realm1")));
    let mut pair = Pair::of(one, three);
    pair.connect();
    let (id, messi) = pair.two.log_in("messi", "surabaya");
    let amsal = pair.two.auth(id, "amsal", "jakarta");

    for token in [messi, amsal] {
        let line = format!("send {token} henderson@realm1 hi\r\n");
        assert_eq!(pair.two.say(id, &line), SENT);
    }
    pair.pump();

    let (henderson, token) = pair.one.log_in("henderson", "surabaya");
    assert_eq!(
        pair.one.inbox(henderson, &token),
        "{\"status\": \"OK\", \"messages\": {\"messi@realm3\": [{\"msg_from\": \"messi@realm3\", \"msg_to\": \"Jordan Henderson\", \"msg\": \" hi\\r\\n\"}], \"amsal\": [{\"msg_from\": \"amsal\", \"msg_to\": \"Jordan Henderson\", \"msg\": \" hi\\r\\n\"}]}}\r\n\r\n"
    );
}

#[test]
fn reads_that_waited_keep_their_order() {
    let mut it = Three::new();
    it.site.link_down(it.third);
    let token = it.token.clone();
    it.send("siapa");
    let reads = [
        format!("send {token} amsal hi\r\nse"),
        format!("nd {token} messi hi\r\nx"),
        "x\r\n".to_owned(),
    ];
    for read in reads {
        it.site.receive(it.messi, read.as_bytes());
    }

    // Nobody is left to ask: the second question has its answer at once.
    it.site.link_down(it.two);

    let replies = [UNKNOWN_USER, UNKNOWN_USER, SENT, UNKNOWN_COMMAND].concat();
    assert_eq!(it.site.read(it.messi), replies);
}
