//! What the program that owns a realm does in it directly.

use crate::STORE_FULL;
use crate::common::{
    EMPTY_INBOX, LOADINGS, NO_SESSION, SENT, Site, UNKNOWN_COMMAND, UNKNOWN_USER, cheap, example,
    hash, hashed_example, limits, name, token_of,
};
use crate::logins::is_token;
use chatproto::wire::command::Command;
use chatproto::wire::packed;
use chatproto::{
    Config, Detail, Now, Output, Passwords, Profile, Realm, RequestId, StoreFailure, Token,
    UserConfig,
};

const DONE: &str = "{\"status\": \"OK\"}\r\n\r\n";
const WRONG: &str = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n";
const TOO_LONG: &str = "{\"status\": \"ERROR\", \"message\": \"Baris terlalu panjang, kirim dalam beberapa bagian\", \"code\": \"line_too_long\"}\r\n\r\n";

/// What a request is answered by; empty if it is not yet.
fn answer(site: &mut Site, begin: impl FnOnce(&mut Realm, Now) -> RequestId) -> String {
    let request = begin(&mut site.realm, site.now);
    site.run();
    reply_to(site, request)
}

fn reply_to(site: &Site, request: RequestId) -> String {
    let mut outputs = site.outputs.iter();
    let reply = outputs.find_map(|output| match output {
        Output::Reply(answered, reply) if *answered == request => Some(reply.clone()),
        _ => None,
    });
    String::from_utf8(reply.unwrap_or_default()).unwrap()
}

/// The reply's bytes.
fn bytes(site: &mut Site, begin: impl FnOnce(&mut Realm, Now) -> RequestId) -> Vec<u8> {
    let request = begin(&mut site.realm, site.now);
    site.run();
    site.commit();
    let reply = site.outputs.iter().find_map(|output| match output {
        Output::Reply(answered, reply) if *answered == request => Some(reply.clone()),
        _ => None,
    });
    reply.unwrap()
}

/// A packed inbox as text: who has written under what name, and which of them wrote what.
fn unpacked(reply: &[u8]) -> (String, Vec<[String; 2]>, Vec<(usize, String)>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let inbox = packed::Inbox::read(reply).unwrap();
    let senders = inbox
        .senders
        .map(|it| [text(it.name), text(it.display_name)]);
    let messages = inbox.messages.map(|it| (it.sender, text(it.text)));
    (text(inbox.owner), senders.collect(), messages.collect())
}

fn log_in(site: &mut Site, name: &str, password: &str) -> String {
    let command = Command::Auth { name, password };
    answer(site, |realm, now| realm.execute_command(&command, now))
}

/// Logs a user in whose password is kept as a hash.
fn hashed_login(site: &mut Site, name: &str, password: &str) -> String {
    let command = Command::Auth { name, password };
    let request = site.realm.execute_command(&command, site.now);
    site.run();
    site.work();
    site.commit();
    reply_to(site, request)
}

fn user(name: &str, display: &str, password: &str) -> UserConfig {
    UserConfig::new(name, display, "Indonesia", password).unwrap()
}

#[test]
fn a_line_that_is_executed_exactly_gets_no_line_end() {
    let mut site = Site::new(example(1));
    let token = token_of(&log_in(&mut site, "messi", "surabaya"));

    for text in [" hi", " hi\r\n", ""] {
        let line = format!("send {token} messi{text}");
        let reply = answer(&mut site, |realm, now| {
            realm.execute_exactly(line.as_bytes(), now)
        });
        assert_eq!(reply, SENT);
    }
    let inbox = answer(&mut site, |realm, now| realm.take_inbox("messi", now));

    assert!(
        inbox.contains("\"msg\": \" hi\"}")
            && inbox.contains("\"msg\": \" hi\\r\\n\"}")
            && inbox.contains("\"msg\": \"\"}"),
        "{inbox}"
    );
    let empty = answer(&mut site, |realm, now| realm.execute_exactly(b"", now));
    assert_eq!(empty, UNKNOWN_COMMAND);
}

#[test]
fn the_parts_of_a_command_are_taken_as_they_are() {
    let mut site = Site::new(example(1).user(user("budi", "Budi", " kata sandi ")));

    let right = log_in(&mut site, "budi", " kata sandi ");
    let wrong = log_in(&mut site, "budi", "kata");
    let long = log_in(&mut site, "budi", &"x".repeat(65_536));

    assert!(is_token(&right), "{right}");
    assert_eq!((wrong.as_str(), long.as_str()), (WRONG, TOO_LONG));
}

#[test]
fn a_message_is_sent_and_read_without_a_token() {
    let mut site = Site::new(example(1));

    let sent = answer(&mut site, |realm, now| {
        realm.send_from("messi", "henderson", "halo", now)
    });
    let first = answer(&mut site, |realm, now| realm.take_inbox("henderson", now));
    let nobody = answer(&mut site, |realm, now| realm.take_inbox("messi", now));

    assert_eq!((sent.as_str(), nobody.as_str()), (SENT, EMPTY_INBOX));
    assert_eq!(
        first,
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"Lionel Messi\", \"msg_to\": \"Jordan Henderson\", \"msg\": \"halo\"}]}}\r\n\r\n"
    );
}

#[test]
fn a_request_gets_an_inbox_packed_and_a_connection_in_json() {
    let mut site = Site::new(example(1).packed(true));
    let (id, token) = site.log_in("henderson", "surabaya");
    for (from, text) in [
        ("messi", "halo"),
        ("lineker", "\"apa\" \u{1f600}\r\n"),
        ("messi", ""),
    ] {
        let sent = answer(&mut site, |realm, now| {
            realm.send_from(from, "henderson", text, now)
        });
        assert_eq!(sent, SENT);
    }

    let empty = bytes(&mut site, |realm, now| realm.take_inbox("messi", now));
    let full = bytes(&mut site, |realm, now| {
        realm.execute(format!("inbox {token}").as_bytes(), now)
    });
    let again = bytes(&mut site, |realm, now| realm.take_inbox("henderson", now));
    let over_a_connection = site.inbox(id, &token);

    let senders = [["messi", "Lionel Messi"], ["lineker", "Gary Lineker"]];
    let senders = senders.map(|names| names.map(str::to_owned)).to_vec();
    let messages = [(0, "halo"), (1, "\"apa\" \u{1f600}\r\n"), (0, "")];
    let messages = messages.map(|(sender, text)| (sender, text.to_owned()));
    let owner = || "Jordan Henderson".to_owned();
    assert_eq!(
        unpacked(&empty),
        ("Lionel Messi".to_owned(), vec![], vec![])
    );
    assert_eq!(
        unpacked(&full),
        (owner(), senders.clone(), messages.to_vec())
    );
    assert_eq!(unpacked(&again), (owner(), senders, vec![]));
    assert_eq!(
        over_a_connection,
        "{\"status\": \"OK\", \"messages\": {\"messi\": [], \"lineker\": []}}\r\n\r\n"
    );
}

#[test]
fn a_packed_inbox_holds_what_is_fetched_before_what_is_not() {
    let limits = limits(&[("inbox_memory_bytes_max", 40)]);
    let mut site = Site::new(example(1).durable(true).packed(true).limits(limits));
    for n in 0..50 {
        let from = ["messi", "lineker"][n % 2];
        let text = format!("m{n}");
        site.realm.send_from(from, "henderson", &text, site.now);
        site.commit();
    }

    let reply = bytes(&mut site, |realm, now| realm.take_inbox("henderson", now));

    let (_, _, messages) = unpacked(&reply);
    let expected: Vec<_> = (0..50).map(|n| (n % 2, format!("m{n}"))).collect();
    assert_eq!(messages, expected);
}

#[test]
fn a_realm_that_shows_each_reply_packs_none() {
    let mut site = Site::new(example(1).packed(true).detail(Detail::Wire));

    let reply = answer(&mut site, |realm, now| realm.take_inbox("messi", now));

    assert_eq!(reply, EMPTY_INBOX);
}

#[test]
fn a_silent_realm_tells_no_events() {
    let told = [Detail::Silent, Detail::Essential].map(|detail| {
        let mut site = Site::new(example(1).detail(detail));
        let (id, _) = site.log_in("messi", "surabaya");
        site.say(id, "auth messi wrong\r\n");
        site.hang_up(id);
        site.events().len()
    });

    assert_eq!(told[0], 0);
    assert!(told[1] > 0);
}

#[test]
fn who_is_not_there_neither_sends_nor_reads() {
    let mut site = Site::new(example(1));

    for (from, to) in [("nobody", "messi"), ("messi", "nobody")] {
        let reply = answer(&mut site, |realm, now| {
            realm.send_from(from, to, "halo", now)
        });
        assert_eq!(reply, UNKNOWN_USER, "{from} to {to}");
    }
    let reply = answer(&mut site, |realm, now| realm.take_inbox("nobody", now));
    assert_eq!(reply, UNKNOWN_USER);
}

#[test]
fn a_text_sent_directly_is_as_long_as_a_line_at_most() {
    let mut site = Site::new(example(1).limits(limits(&[("line_bytes_max", 256)])));

    let replies = [256, 257].map(|length| {
        let text = "x".repeat(length);
        answer(&mut site, |realm, now| {
            realm.send_from("messi", "messi", &text, now)
        })
    });

    assert_eq!(replies, [SENT, TOO_LONG]);
}

#[test]
fn users_are_told_in_the_order_in_which_they_were_added() {
    let mut site = Site::new(example(1));

    let added = answer(&mut site, |realm, now| {
        realm.set_user(user("budi", "Budi Santoso", "x"), now)
    });

    let names: Vec<_> = site.realm.users().map(|user| user.name).collect();
    assert_eq!(added, DONE);
    assert_eq!(names, ["messi", "henderson", "lineker", "budi"]);
    let shown = site.realm.user("budi");
    let shown = shown.map(
        |Profile {
             display_name,
             country,
             ..
         }| (display_name, country),
    );
    assert_eq!(shown, Some(("Budi Santoso", "Indonesia")));
    assert_eq!(site.realm.user("siti"), None);
}

#[test]
fn a_token_has_an_owner_until_its_session_ends() {
    let mut site = Site::new(example(1));
    let token = token_of(&log_in(&mut site, "messi", "surabaya"));
    let parsed = Token::parse(&token).unwrap();
    let owner = site.realm.token_owner(parsed).map(|user| user.name);
    let tokens = site.realm.tokens();
    assert_eq!(
        (owner, tokens.as_slice()),
        (Some("messi"), [parsed].as_slice())
    );

    let logout = Command::Logout {
        token: Some(&token),
    };
    answer(&mut site, |realm, now| realm.execute_command(&logout, now));
    let again = answer(&mut site, |realm, now| realm.execute_command(&logout, now));

    assert_eq!(again, NO_SESSION);
    assert_eq!(site.realm.token_owner(parsed), None);
    assert_eq!(site.realm.tokens(), []);
}

#[test]
fn a_user_that_was_added_is_promised_once_stored_and_comes_back() {
    for loading in LOADINGS {
        let mut site = Site::new(hashed_example().durable(true));
        site.commit();
        let budi = UserConfig::hashed("budi", "Budi", "Indonesia", hash("rahasia")).unwrap();

        let request = site.realm.set_user(budi, site.now);
        site.run();
        assert_eq!(reply_to(&site, request), "");
        site.commit();
        assert_eq!(reply_to(&site, request), DONE);

        site.restart(loading);
        assert!(is_token(&hashed_login(&mut site, "budi", "rahasia")));
        assert_eq!(site.realm.user("budi").unwrap().display_name, "Budi");
    }
}

#[test]
fn a_changed_user_keeps_sessions_and_messages() {
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true));
        site.commit();
        let (id, token) = site.enter("messi", "surabaya");
        site.ask(id, &format!("send {token} messi hi\r\n"));
        site.commit();
        site.read(id);

        let budi = UserConfig::hashed("messi", "Leo", "", hash("baru")).unwrap();
        let request = site.realm.set_user(budi, site.now);
        site.run();
        site.commit();
        assert_eq!(reply_to(&site, request), DONE);

        site.restart(loading);
        let id = site.open();
        site.receive(id, format!("inbox {token}\r\n").as_bytes());
        site.commit();
        let inbox = site.read(id);
        assert!(inbox.contains("\"msg_to\": \"Leo\""), "{inbox}");
        site.receive(id, b"auth messi surabaya\r\n");
        site.work();
        assert_eq!(site.read(id), WRONG);
    }
}

#[test]
fn a_password_in_the_clear_is_hashed_in_the_background() {
    let mut site = Site::new(hashed_example().durable(true));
    site.commit();

    let request = site
        .realm
        .set_user(user("budi", "Budi", "rahasia"), site.now);
    site.run();
    let hashed = site.work();
    site.commit();

    assert_eq!((hashed, reply_to(&site, request).as_str()), (1, DONE));
    site.restart(LOADINGS[0]);
    assert!(is_token(&hashed_login(&mut site, "budi", "rahasia")));
}

#[test]
fn the_hash_of_a_password_that_was_changed_meanwhile_is_passed_over() {
    let config = Config::new(name("realm1")).passwords(Passwords::Argon2id(cheap()));
    let mut site = Site::new(config.user(user("budi", "Budi", "lama")));
    let (request, job) = site.hashes().remove(0);

    let baru = UserConfig::hashed("budi", "Budi", "", hash("baru")).unwrap();
    answer(&mut site, |realm, now| realm.set_user(baru, now));
    site.verify(request, job.run());

    let logins = ["lama", "baru"].map(|password| hashed_login(&mut site, "budi", password));
    assert_eq!(logins[0], WRONG);
    assert!(is_token(&logins[1]), "{}", logins[1]);
}

#[test]
fn a_full_store_changes_nothing_directly() {
    let mut site = Site::new(example(1).durable(true));
    site.commit();
    site.realm.send_from("messi", "henderson", "one", site.now);
    let batch = site.take_batch().unwrap();
    site.realm
        .store_failed(batch.number, StoreFailure::Full, site.now)
        .unwrap();

    let replies = [
        answer(&mut site, |realm, now| {
            realm.send_from("messi", "henderson", "two", now)
        }),
        answer(&mut site, |realm, now| realm.take_inbox("henderson", now)),
        answer(&mut site, |realm, now| {
            realm.set_user(user("budi", "Budi", "x"), now)
        }),
    ];

    assert_eq!(replies, [STORE_FULL; 3]);
    assert_eq!(site.realm.user("budi"), None);
}
