//! What users see of their messages to other realms.

use crate::common::{LOADINGS, Pair, SENT, Site, limits};
use crate::neighbours::{apart, durable, send, texts};

/// What `outbox` shows: to whom, how it begins, what became of it and why.
pub(crate) fn outbox(site: &mut Site, token: &str) -> Vec<String> {
    let id = site.open();
    let reply = site.ask(id, &format!("outbox {token}\r\n"));
    site.hang_up(id);
    let reply: serde_json::Value = serde_json::from_str(reply.trim()).expect(&reply);
    assert_eq!(reply["status"], "OK");
    let messages = reply["messages"].as_array().unwrap().iter();
    let shown = messages.map(|it| {
        let word = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        let (to, text, state) = (word("to"), word("msg"), word("state"));
        let reason = word("reason");
        format!("{to} {text}: {state} {reason}")
            .trim_end()
            .to_owned()
    });
    shown.collect()
}

#[test]
fn a_message_is_queued_then_delivered() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        send(&mut pair.one, &token, "amsal@realm2", "satu");
        let waiting = outbox(&mut pair.one, &token);
        pair.one.restart(loading);
        let restarted = outbox(&mut pair.one, &token);
        pair.connect();
        pair.settle();
        let arrived = outbox(&mut pair.one, &token);
        pair.restart_one(loading);

        let queued = ["amsal@realm2 satu: queued"];
        let delivered = ["amsal@realm2 satu: delivered"];
        assert_eq!([waiting, restarted], [queued, queued], "{loading:?}");
        assert_eq!(arrived, delivered);
        assert_eq!(outbox(&mut pair.one, &token), delivered, "{loading:?}");
    }
}

#[test]
fn a_refused_message_has_failed_and_the_bounce_says_why() {
    for loading in LOADINGS {
        let (mut pair, token) = apart();
        pair.connect();
        send(&mut pair.one, &token, "siapa@realm2", "satu");
        pair.settle_until_refused();
        let refused = outbox(&mut pair.one, &token);
        pair.restart_one(loading);
        let restarted = outbox(&mut pair.one, &token);
        pair.connect();
        pair.settle();
        let told = outbox(&mut pair.one, &token);
        pair.restart_one(loading);

        let failed = ["siapa@realm2 satu: failed refused"];
        assert_eq!([refused, restarted], [failed, failed], "{loading:?}");
        let why = ["siapa@realm2 satu: failed recipient_unknown"];
        assert_eq!(told, why);
        assert_eq!(outbox(&mut pair.one, &token), why, "{loading:?}");
    }
}

#[test]
fn each_user_sees_their_own_messages_alone() {
    let (mut pair, token) = apart();
    let (_, other) = pair.one.enter("henderson", "surabaya");
    send(&mut pair.one, &token, "amsal@realm2", "satu");
    send(&mut pair.one, &other, "herbert@realm2", "dua");
    send(&mut pair.one, &token, "henderson", "tiga");

    assert_eq!(outbox(&mut pair.one, &token), ["amsal@realm2 satu: queued"]);
    assert_eq!(
        outbox(&mut pair.one, &other),
        ["herbert@realm2 dua: queued"]
    );
}

#[test]
fn a_message_is_known_by_its_first_64_characters() {
    let (mut pair, token) = apart();
    let long = "é".repeat(65);
    send(&mut pair.one, &token, "amsal@realm2", &long);

    let excerpt = "é".repeat(64);
    assert_eq!(
        outbox(&mut pair.one, &token),
        [format!("amsal@realm2 {excerpt}: queued")]
    );
}

#[test]
fn outbox_messages_max_are_shown_and_remembered_the_newest() {
    for loading in LOADINGS {
        let bounds = limits(&[("outbox_messages_max", 3)]);
        let mut pair = Pair::of(durable(1, 2).limits(bounds), durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        for text in ["satu", "dua", "tiga"] {
            send(&mut pair.one, &token, "amsal@realm2", text);
        }
        pair.connect();
        pair.settle();
        for text in ["empat", "lima"] {
            send(&mut pair.one, &token, "siapa@realm2", text);
        }
        pair.settle();

        let newest = [
            "amsal@realm2 tiga: delivered",
            "siapa@realm2 empat: failed recipient_unknown",
            "siapa@realm2 lima: failed recipient_unknown",
        ];
        assert_eq!(outbox(&mut pair.one, &token), newest);
        pair.restart_one(loading);
        assert_eq!(outbox(&mut pair.one, &token), newest, "{loading:?}");
    }
}

#[test]
fn the_newest_are_remembered_though_older_ones_came_to_something_later() {
    for loading in LOADINGS {
        let bounds = limits(&[("outbox_messages_max", 3)]);
        let config = durable(1, 2).limits(bounds);
        let config = config.peer(chatproto::PeerConfig::new(crate::common::name("realm3")));
        let mut pair = Pair::of(config, durable(2, 1));
        let (_, token) = pair.one.enter("messi", "surabaya");
        // `tiga` comes to something first, `satu` and `dua` later, and `empat` last.
        for (to, text) in [
            ("amsal@realm2", "satu"),
            ("amsal@realm2", "dua"),
            ("rina@realm3", "tiga"),
        ] {
            assert_eq!(send(&mut pair.one, &token, to, text), SENT);
        }
        let realm3 = crate::common::name("realm3");
        let now = pair.one.now;
        pair.one.realm.remove_peer(&realm3, true, now).unwrap();
        pair.one.run();
        pair.one.commit();
        pair.connect();
        pair.settle();
        send(&mut pair.one, &token, "amsal@realm2", "empat");
        pair.settle();

        let newest = [
            "amsal@realm2 dua: delivered",
            "rina@realm3 tiga: failed peer_removed",
            "amsal@realm2 empat: delivered",
        ];
        assert_eq!(outbox(&mut pair.one, &token), newest);
        pair.restart_one(loading);
        assert_eq!(outbox(&mut pair.one, &token), newest, "{loading:?}");
        assert_eq!(
            texts(&mut pair.two, "amsal", "jakarta"),
            [" satu", " dua", " empat"]
        );
    }
}

#[test]
fn the_outbox_waits_for_the_store_as_every_promise_does() {
    let (mut pair, token) = apart();
    let id = pair.one.open();
    let send = format!("send {token} amsal@realm2 satu\r\noutbox {token}\r\n");

    assert_eq!(pair.one.say(id, &send), "");
    pair.one.commit();

    let replies = pair.one.read(id);
    assert!(replies.starts_with(SENT), "{replies}");
    assert!(replies.contains("\"state\": \"queued\""), "{replies}");
}
