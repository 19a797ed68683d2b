//! Every message arrives once and in order, wherever the link breaks.

use crate::common::{Pair, SENT, example, example_with_peer, limits};
use chatproto::{ConnectionId, Event, Frame, Output, Realm};

/// A pair in which amsal and messi each wrote three messages to the other, none of which has left.
struct Talk {
    pair: Pair,
    messi: (ConnectionId, String),
    amsal: (ConnectionId, String),
}

impl Talk {
    fn new(is_durable: bool) -> Self {
        // Little credit, so that credit frames are among what is lost.
        let credit = limits(&[("credit_envelopes_max", 2)]);
        let one = example_with_peer(1, 2).limits(credit.clone());
        let two = example_with_peer(2, 1).limits(credit);
        let mut pair = Pair::of(one.durable(is_durable), two.durable(is_durable));
        let log_in = |site: &mut crate::common::Site, user: &str, password: &str| {
            let id = site.open();
            site.receive(id, format!("auth {user} {password}\r\n").as_bytes());
            site.commit();
            let token = crate::common::token_of(&site.read(id));
            (id, token)
        };
        let messi = log_in(&mut pair.one, "messi", "surabaya");
        let amsal = log_in(&mut pair.two, "amsal", "jakarta");
        for text in ["one", "two", "three"] {
            let line = format!("send {} amsal@realm2 {text}\r\n", messi.1);
            pair.one.receive(messi.0, line.as_bytes());
            let line = format!("send {} messi@realm1 {text}\r\n", amsal.1);
            pair.two.receive(amsal.0, line.as_bytes());
        }
        pair.one.commit();
        pair.two.commit();
        assert_eq!(pair.one.read(messi.0), SENT.repeat(3));
        assert_eq!(pair.two.read(amsal.0), SENT.repeat(3));
        Self { pair, messi, amsal }
    }

    /// Carries frames, both ways in turn, until `count` were carried; false if there were fewer.
    fn carry(&mut self, count: usize, is_committing: bool) -> bool {
        let mut left = count;
        while left > 0 {
            let mut moved = false;
            for is_there in [true, false] {
                if left == 0 {
                    break;
                }
                let did = if is_there {
                    self.pair.step_there()
                } else {
                    self.pair.step_back()
                };
                left -= usize::from(did);
                moved |= did;
                if is_committing {
                    self.commit();
                }
            }
            if !moved {
                return false;
            }
        }
        true
    }

    fn commit(&mut self) {
        self.pair.one.commit();
        self.pair.two.commit();
    }

    /// Checks that everything has arrived, once, in order, and that nobody broke the protocol.
    fn check(&mut self, label: &str) {
        for (site, (id, token), sender, owner) in [
            (&mut self.pair.one, &self.messi, "amsal", "Lionel Messi"),
            (&mut self.pair.two, &self.amsal, "messi", "Amsal Rizky"),
        ] {
            let message = |text: &str| {
                format!(
                    "{{\"msg_from\": \"{sender}\", \"msg_to\": \"{owner}\", \"msg\": \" {text}\\r\\n\"}}"
                )
            };
            let expected = format!(
                "{{\"status\": \"OK\", \"messages\": {{\"{sender}\": [{}, {}, {}]}}}}\r\n\r\n",
                message("one"),
                message("two"),
                message("three")
            );
            site.receive(*id, format!("inbox {token}\r\n").as_bytes());
            site.commit();
            assert_eq!(site.read(*id), expected, "{label}");
            let bad = |event: &&Event| {
                matches!(
                    event,
                    Event::PeerMisbehaved { .. } | Event::HistoryTruncated { .. }
                )
            };
            assert!(
                !site.events().iter().any(bad),
                "{label}: {:?}",
                site.events()
            );
        }
    }
}

#[test]
fn everything_arrives_once_wherever_the_link_breaks() {
    let mut cuts = 0;
    while {
        let mut talk = Talk::new(false);
        talk.pair.link();
        let was_cut_early = talk.carry(cuts, false);

        talk.pair.cut();
        talk.pair.connect();

        talk.check(&format!("cut after {cuts} frames"));
        was_cut_early
    } {
        cuts += 1;
    }
    assert!(cuts > 20, "{cuts}");
}

#[test]
fn everything_arrives_once_wherever_the_link_breaks_twice() {
    for first in 0..24 {
        for second in 0..24 {
            let mut talk = Talk::new(false);
            talk.pair.link();
            talk.carry(first, false);
            talk.pair.cut();
            talk.pair.link();
            talk.carry(second, false);

            talk.pair.cut();
            talk.pair.connect();

            talk.check(&format!("cut after {first} and {second} frames"));
        }
    }
}

#[test]
fn everything_arrives_once_with_a_store_that_keeps_up() {
    for cut in 0..40 {
        let mut talk = Talk::new(true);
        talk.pair.link();
        talk.carry(cut, true);

        talk.pair.cut();
        talk.pair.link();
        talk.carry(1_000, true);

        talk.check(&format!("cut after {cut} frames"));
    }
}

#[test]
fn one_direction_may_be_lost_while_the_other_works() {
    for there in 0..12 {
        for back in 0..12 {
            let mut talk = Talk::new(false);
            talk.pair.link();
            for _ in 0..there {
                talk.pair.step_there();
            }
            for _ in 0..back {
                talk.pair.step_back();
            }

            talk.pair.cut();
            talk.pair.connect();

            talk.check(&format!("cut after {there} frames there, {back} back"));
        }
    }
}

#[test]
fn frames_played_again_on_a_new_link_deliver_nothing_twice() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    pair.one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    let (link, old) = pair.links.unwrap();
    let envelopes = pair.one.take(link);
    assert!(matches!(envelopes[..], [Frame::Env { seq: 1, .. }]));
    pair.two.deliver(old, &envelopes);

    pair.cut();
    pair.connect();
    let (_, new) = pair.links.unwrap();
    pair.two.deliver(new, &envelopes);
    pair.two.deliver(new, &envelopes);
    pair.two.deliver(old, &envelopes);
    pair.pump();

    assert_eq!(
        pair.two.inbox(amsal, &other),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" hi\\r\\n\"}]}}\r\n\r\n"
    );
    assert_eq!(
        pair.one
            .say(messi, &format!("send {token} amsal@realm2 more\r\n")),
        SENT
    );
    pair.pump();
    assert!(pair.two.inbox(amsal, &other).contains("\" more\\r\\n\""));
}

#[test]
fn a_link_has_frames_to_send_whenever_there_are_some_that_were_not_seen() {
    let mut pair = Pair::of(example_with_peer(1, 2), example_with_peer(2, 1));
    pair.connect();
    pair.pump();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (to_two, _) = pair.links.unwrap();
    let realm = &mut pair.one.realm;
    let now = pair.one.now;
    let send = |realm: &mut Realm| {
        let line = format!("send {token} amsal@realm2 hai\r\n");
        realm.receive(messi, line.as_bytes(), now);
        let outputs = std::iter::from_fn(|| realm.poll_output());
        outputs.filter(|it| *it == Output::LinkSend(to_two)).count()
    };

    assert_eq!((send(realm), send(realm)), (1, 0));
    assert_eq!(realm.link_outgoing(to_two).len(), 2);
    // Those were seen, and are still there.
    assert_eq!((send(realm), send(realm)), (1, 0));
    assert_eq!(realm.link_outgoing(to_two).len(), 4);
    realm.link_sent(to_two, 3, now).unwrap();

    assert_eq!(send(realm), 1);
    assert_eq!(realm.link_outgoing(to_two).len(), 2);
}

#[test]
fn mail_waits_for_a_realm_that_is_away() {
    let mut pair = Pair::of(example_with_peer(1, 2), example_with_peer(2, 1));
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    let reply = pair
        .one
        .say(messi, &format!("send {token} amsal@realm2 hi\r\n"));
    assert_eq!(reply, SENT);

    pair.connect();

    assert!(pair.two.inbox(amsal, &other).contains("\" hi\\r\\n\""));
}

#[test]
fn a_realm_that_lost_everything_is_sent_what_was_not_acknowledged() {
    let mut pair = Pair::new();
    let (messi, token) = pair.one.log_in("messi", "surabaya");
    let send = |pair: &mut Pair, text: &str| {
        let line = format!("send {token} amsal@realm2 {text}\r\n");
        assert_eq!(pair.one.say(messi, &line), SENT);
    };
    send(&mut pair, "one");
    pair.pump();
    send(&mut pair, "two");
    pair.cut();

    // The second realm begins anew, with no memory of the first message.
    pair.two = Pair::of(example(3), example_with_peer(2, 1)).two;
    pair.connect();

    let (amsal, other) = pair.two.log_in("amsal", "jakarta");
    assert_eq!(
        pair.two.inbox(amsal, &other),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"Amsal Rizky\", \"msg\": \" two\\r\\n\"}]}}\r\n\r\n"
    );
    for site in [&pair.one, &pair.two] {
        let truncated = site
            .events()
            .into_iter()
            .filter(|event| matches!(event, Event::HistoryTruncated { missing: 1, .. }));
        assert_eq!(truncated.count(), 1);
    }
}
