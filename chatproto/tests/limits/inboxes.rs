//! Inboxes and sessions.

use crate::common::{INBOX_FULL, NO_SESSION, SENT, Site, example, limits};
use chatproto::{Event, UserName};

fn site(values: &[(&str, u64)]) -> Site {
    Site::new(example(1).limits(limits(values)))
}

#[test]
fn an_inbox_takes_inbox_messages_max_and_not_one_more() {
    let mut it = site(&[("inbox_messages_max", 2)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let send = format!("send {token} messi hi\r\n");

    let replies = it.say(messi, &send.repeat(3));
    let inbox = it.inbox(messi, &token);
    let after = it.say(messi, &send);

    assert_eq!(replies, [SENT, SENT, INBOX_FULL].concat());
    assert_eq!(inbox.matches("\"msg\": \" hi\\r\\n\"").count(), 2);
    assert_eq!(after, SENT);
}

#[test]
fn an_inbox_takes_inbox_bytes_max_and_not_one_more() {
    let mut it = site(&[("inbox_bytes_max", 10)]);
    let (messi, token) = it.log_in("messi", "surabaya");

    let five = it.say(messi, &format!("send {token} messi 12\r\n"));
    let six = it.say(messi, &format!("send {token} messi 123\r\n"));
    let five_more = it.say(messi, &format!("send {token} messi 12\r\n"));
    let none = it.say(messi, &format!("send {token} messi\r\n"));
    let three = it.say(messi, &format!("send {token} messi \r\n"));

    assert_eq!((five.as_str(), six.as_str()), (SENT, INBOX_FULL));
    assert_eq!((five_more.as_str(), none.as_str()), (SENT, SENT));
    assert_eq!(three, INBOX_FULL);
}

#[test]
fn an_inbox_lists_inbox_senders_max_for_ever() {
    let mut it = site(&[("inbox_senders_max", 2)]);
    let (id, messi) = it.log_in("messi", "surabaya");
    let henderson = it.auth(id, "henderson", "surabaya");
    let lineker = it.auth(id, "lineker", "surabaya");
    let mut send = |token: &str| it.say(id, &format!("send {token} messi hi\r\n"));

    let taken = [&messi, &henderson].map(|token| send(token));
    let refused = send(&lineker);
    let again = send(&henderson);
    let inbox = it.inbox(id, &messi);
    let still_refused = it.say(id, &format!("send {lineker} messi hi\r\n"));

    assert_eq!(taken, [SENT, SENT]);
    assert_eq!((refused.as_str(), again.as_str()), (INBOX_FULL, SENT));
    assert!(inbox.contains("\"messi\": [") && inbox.contains("\"henderson\": ["));
    assert_eq!(still_refused, INBOX_FULL);
}

#[test]
fn a_login_past_sessions_per_user_max_ends_the_one_unused_for_longest() {
    let mut it = site(&[("sessions_per_user_max", 2)]);
    let (id, first) = it.log_in("messi", "surabaya");
    it.wait(1);
    let second = it.auth(id, "messi", "surabaya");
    it.wait(1);
    let whose = |it: &mut Site, token: &str| it.say(id, &format!("activeuser {token}\r\n"));
    let active = "{\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n";
    assert_eq!(whose(&mut it, &first), active);
    it.outputs.clear();

    let third = it.auth(id, "messi", "surabaya");

    let ended = Event::LoggedOut {
        user: UserName::parse("messi").unwrap(),
        session: 2,
    };
    assert_eq!(it.events()[0], &ended);
    assert_eq!(whose(&mut it, &second), NO_SESSION);
    assert_eq!(whose(&mut it, &first), active);
    assert_eq!(whose(&mut it, &third), active);
}

#[test]
fn a_token_lives_for_session_idle_ms_max_after_its_last_use() {
    let mut it = site(&[("session_idle_ms_max", 1_000)]);
    let (id, messi) = it.log_in("messi", "surabaya");
    let henderson = it.auth(id, "henderson", "surabaya");
    let active = |it: &mut Site, token: &str| it.say(id, &format!("activeuser {token}\r\n"));

    it.wait(1_000);
    let at_the_limit = active(&mut it, &messi);
    it.wait(1);
    let henderson_has_gone = active(&mut it, &messi);
    it.wait(1_001);
    let past_it = active(&mut it, &messi);

    assert_eq!(
        at_the_limit,
        "{\"status\": \"OK\", \"message\": \"messi, henderson, \"}\r\n\r\n"
    );
    assert_eq!(
        henderson_has_gone,
        "{\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n"
    );
    assert_eq!(active(&mut it, &henderson), NO_SESSION);
    assert_eq!(past_it, NO_SESSION);
}
