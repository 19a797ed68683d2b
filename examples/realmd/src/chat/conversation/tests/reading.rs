//! Inboxes and histories, read from a server that knows more than the classic ones.

use super::*;

const HELLO: &str = "{\"status\": \"OK\", \"realm\": \"realm1\", \"protocol\": 1, \"commands\": \
    [\"auth\", \"inbox\", \"peek\", \"ack\", \"history\", \"outbox\", \"checkrealm\"], \"limits\": {}}\r\n\r\n";

fn peek() -> String {
    format!("> peek {TOKEN}\r\n")
}

fn ack(id: u64) -> String {
    format!("> ack {TOKEN} {id}\r\n")
}

/// Messages of those numbers and what stands behind them, as a server tells them.
fn page(ids: impl IntoIterator<Item = u64>, end: &str) -> Vec<u8> {
    let message = |id| {
        format!(
            "{{\"id\": {id}, \"from\": \"messi\", \"msg_from\": \"Lionel Messi\", \
             \"msg_to\": \"Jordan Henderson\", \"msg\": \" text {id} \\r\\n\", \"ts\": {}}}",
            id * 60_000
        )
    };
    let messages: Vec<_> = ids.into_iter().map(message).collect();
    let messages = messages.join(", ");
    format!("{{\"status\": \"OK\", \"messages\": [{messages}], {end}}}\r\n\r\n").into_bytes()
}

fn removed(removed: u64, left: u64) -> Vec<u8> {
    format!("{{\"status\": \"OK\", \"removed\": {removed}, \"left\": {left}}}\r\n\r\n").into_bytes()
}

/// An `inbox` that was typed at a server with all commands; it has been asked for the first page.
fn reading() -> Conversation {
    let mut conversation = logged_in_at(PERSON, HELLO);
    conversation.typed("inbox");
    assert_eq!(done(&mut conversation), [peek()]);
    conversation
}

/// A `history` that was typed there; it has been asked for the first page.
fn recalling(style: Style, count: usize) -> Conversation {
    let mut conversation = logged_in_at(style, HELLO);
    conversation.typed(&format!("history messi {count}"));
    let request = format!("> history {TOKEN} messi 18446744073709551615 {count}\r\n");
    assert_eq!(done(&mut conversation), [request]);
    conversation
}

#[test]
fn a_message_is_taken_out_after_it_was_shown() {
    let mut conversation = reading();

    conversation.received(&page([7, 8], "\"left\": 0"));
    let expected = "messi (Lionel Messi): text 7\nmessi (Lionel Messi): text 8";
    assert_eq!(done(&mut conversation), [expected, &ack(8)]);
    assert!(!conversation.takes_lines());
    conversation.received(&removed(2, 0));

    assert_eq!(done(&mut conversation), Vec::<String>::new());
    assert!(conversation.takes_lines());
}

#[test]
fn an_inbox_of_many_pages_is_shown_to_its_end() {
    let mut conversation = reading();
    let mut shown = Vec::new();

    for (ids, left) in [(1..=3, 4), (4..=6, 1), (7..=7, 0)] {
        let last = *ids.end();
        assert!(!conversation.takes_lines());
        conversation.received(&page(ids, &format!("\"left\": {left}")));
        let mut actions = done(&mut conversation);
        assert_eq!(actions.pop().unwrap(), ack(last));
        shown.append(&mut actions);
        conversation.received(&removed(3, left));
        let next = if left > 0 { vec![peek()] } else { vec![] };
        assert_eq!(done(&mut conversation), next);
    }

    assert!(conversation.takes_lines());
    let lines: Vec<_> = (1..=7)
        .map(|id| format!("messi (Lionel Messi): text {id}"))
        .collect();
    assert_eq!(shown.join("\n"), lines.join("\n"));
}

#[test]
fn an_inbox_that_grows_meanwhile_is_shown_as_far_as_it_went() {
    let mut conversation = reading();

    conversation.received(&page(1..=2, "\"left\": 1"));
    conversation.received(&removed(2, 90));
    assert_eq!(done(&mut conversation).split_off(1), [ack(2), peek()]);
    conversation.received(&page(3..=4, "\"left\": 100"));
    conversation.received(&removed(2, 200));

    assert_eq!(done(&mut conversation).split_off(1), [ack(4)]);
    assert!(conversation.takes_lines());
}

#[test]
fn an_inbox_that_is_emptied_elsewhere_ends() {
    let mut conversation = reading();
    conversation.received(&page(1..=2, "\"left\": 5"));
    conversation.received(&removed(2, 0));
    assert_eq!(done(&mut conversation).split_off(1), [ack(2)]);
    assert!(conversation.takes_lines());

    let mut conversation = reading();
    conversation.received(&page(1..=2, "\"left\": 5"));
    conversation.received(&removed(2, 5));
    conversation.received(&page([], "\"left\": 0"));
    assert_eq!(done(&mut conversation).split_off(1), [ack(2), peek()]);
    assert!(conversation.takes_lines());
}

#[test]
fn what_a_server_shows_again_is_not_shown_again() {
    let mut conversation = reading();

    conversation.received(&page(1..=2, "\"left\": 5"));
    conversation.received(&removed(0, 7));
    done(&mut conversation);
    conversation.received(&page(2..=3, "\"left\": 4"));
    conversation.received(&removed(0, 7));
    let expected = ["messi (Lionel Messi): text 3", &ack(3), &peek()];
    assert_eq!(done(&mut conversation), expected);
    conversation.received(&page(1..=3, "\"left\": 4"));

    assert_eq!(done(&mut conversation), Vec::<String>::new());
    assert!(conversation.takes_lines());
}

#[test]
fn an_empty_inbox_says_so_and_takes_nothing_out() {
    let table = [
        ("\"left\": 0", "No new messages."),
        (
            "\"left\": 2",
            "New messages wait, but cannot be shown yet: try again later.",
        ),
    ];

    for (left, expected) in table {
        let mut conversation = reading();
        conversation.received(&page([], left));

        assert_eq!(done(&mut conversation), [expected]);
        assert!(conversation.takes_lines());
    }
}

#[test]
fn an_error_ends_the_reading_where_it_is() {
    let error =
        b"{\"status\": \"ERROR\", \"message\": \"Penuh\", \"code\": \"store_full\"}\r\n\r\n";
    let expected: [&[String]; 3] = [&[], &[ack(1)], &[ack(1), peek()]];

    for (replies, expected) in expected.into_iter().enumerate() {
        let mut conversation = reading();
        for reply in [page([1], "\"left\": 3"), removed(1, 3)]
            .iter()
            .take(replies)
        {
            conversation.received(reply);
        }
        conversation.received(error);

        let mut actions = done(&mut conversation);
        assert_eq!(actions.pop().unwrap(), "Error, Penuh");
        assert_eq!(actions.get(1..).unwrap_or_default(), expected);
        assert!(conversation.takes_lines());
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_out() {
    let senseless = [
        &b"{\"status\": \"OK\", \"messages\": [{\"id\": 1}], \"left\": 0}\r\n\r\n"[..],
        b"{\"status\": \"OK\", \"messages\": {}}\r\n\r\n",
        b"{\"status\": \"OK\"}\r\n\r\n",
        b"[]\r\n\r\n",
    ];

    for reply in senseless {
        let mut conversation = reading();
        conversation.received(reply);

        let expected = ["Error, the server's answer makes no sense"];
        assert_eq!(done(&mut conversation), expected);
        assert!(conversation.takes_lines());
    }
}

#[test]
fn a_server_is_asked_once_what_it_knows() {
    let mut conversation = logged_in_at(PERSON, HELLO);

    conversation.typed("auth henderson surabaya");
    conversation
        .received(format!("{{\"status\": \"OK\", \"tokenid\": \"{TOKEN}\"}}\r\n\r\n").as_bytes());

    let expected = [
        "> auth henderson surabaya\r\n",
        "username henderson logged in",
    ];
    assert_eq!(done(&mut conversation), expected);
    assert!(conversation.takes_lines());
}

#[test]
fn a_server_that_lacks_a_command_stays_classic() {
    let hellos = [
        CLASSIC,
        "{\"status\": \"OK\"}\r\n\r\n",
        "{\"status\": \"OK\", \"commands\": [\"inbox\", \"peek\"]}\r\n\r\n",
        "{\"status\": \"OK\", \"commands\": [\"inbox\", \"ack\"]}\r\n\r\n",
        "{\"status\": \"OK\", \"commands\": 7}\r\n\r\n",
        "halo\r\n\r\n",
    ];

    for hello in hellos {
        let mut conversation = logged_in_at(PERSON, hello);
        conversation.typed("inbox");
        assert_eq!(
            done(&mut conversation),
            [format!("> inbox {TOKEN}\r\n")],
            "{hello}"
        );
        conversation.received(b"{\"status\": \"OK\", \"messages\": {}}\r\n\r\n");
        conversation.typed("history messi");

        let expected = ["No new messages.", "Error, this server keeps no history"];
        assert_eq!(done(&mut conversation), expected, "{hello}");
        assert!(conversation.takes_lines());
    }
}

#[test]
fn a_program_has_its_inbox_emptied_as_ever() {
    let mut conversation = logged_in_at(PIPE, HELLO);

    conversation.typed("inbox");
    conversation.received(b"{\"status\": \"OK\", \"messages\": {\"messi\": []}}\r\n\r\n");

    let expected = [format!("> inbox {TOKEN}\r\n"), "{\"messi\": []}".to_owned()];
    assert_eq!(done(&mut conversation), expected);
}

#[test]
fn a_history_is_shown_oldest_first_and_with_its_dates() {
    let mut conversation = recalling(PERSON, 20);

    conversation.received(&page([3, 90], "\"more\": false"));

    let expected = "[1970-01-01 00:03 UTC] messi (Lionel Messi): text 3\n\
                    [1970-01-01 01:30 UTC] messi (Lionel Messi): text 90";
    assert_eq!(done(&mut conversation), [expected]);
    assert!(conversation.takes_lines());
}

#[test]
fn a_history_of_many_pages_is_shown_whole_and_says_that_there_is_more() {
    let mut conversation = recalling(PERSON, 5);

    conversation.received(&page(8..=9, "\"more\": true"));
    conversation.received(&page(6..=7, "\"more\": true"));
    let requests = [
        format!("> history {TOKEN} messi 8 3\r\n"),
        format!("> history {TOKEN} messi 6 1\r\n"),
    ];
    assert_eq!(done(&mut conversation), requests);
    assert!(!conversation.takes_lines());
    conversation.received(&page([5], "\"more\": true"));

    let shown = done(&mut conversation).concat();
    let texts: Vec<_> = shown
        .lines()
        .map(|line| line.rsplit(": ").next().unwrap())
        .collect();
    let expected = [
        "text 5",
        "text 6",
        "text 7",
        "text 8",
        "text 9",
        "history messi 10 shows more.",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn the_longest_history_only_says_that_there_is_more() {
    let mut conversation = recalling(PERSON, 1_000);

    conversation.received(&page(1..=1_000, "\"more\": true"));

    let shown = done(&mut conversation).concat();
    assert_eq!(shown.lines().count(), 1_001);
    assert_eq!(shown.lines().last().unwrap(), "There are older ones.");
}

#[test]
fn a_history_is_json_for_a_program() {
    let mut conversation = recalling(PIPE, 2);

    conversation.received(&page([9], "\"more\": true"));
    conversation.received(&page([4], "\"more\": true"));

    let shown = done(&mut conversation).pop().unwrap();
    let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&value[0]["id"], &value[1]["id"]), (&4.into(), &9.into()));
    assert_eq!(value[1]["msg"], " text 9 \r\n");
}

#[test]
fn a_history_ends_where_there_is_nothing_more() {
    let mut conversation = recalling(PERSON, 20);
    conversation.received(&page([], "\"more\": false"));
    let expected = ["No messages from messi that you have read."];
    assert_eq!(done(&mut conversation), expected);

    // A server that would go round in circles.
    let mut conversation = recalling(PERSON, 20);
    conversation.received(&page([4], "\"more\": true"));
    conversation.received(&page([4], "\"more\": true"));
    let shown = done(&mut conversation).split_off(1).concat();
    assert_eq!(shown.matches("text 4").count(), 1);
    assert!(conversation.takes_lines());

    let mut conversation = recalling(PERSON, 20);
    conversation
        .received(b"{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n");
    assert_eq!(done(&mut conversation), ["Error, User Tidak Ditemukan"]);
    assert!(conversation.takes_lines());
}

#[test]
fn what_became_of_messages_elsewhere_is_shown() {
    let table = [
        (
            "outbox",
            "outbox",
            "\"messages\": [{\"to\": \"a@b\", \"msg\": \"hi\", \"state\": \"delivered\", \"ts\": 0}]",
            "[1970-01-01 00:00 UTC] delivered | to a@b: hi",
            "[{\"to\": \"a@b\", \"msg\": \"hi\", \"state\": \"delivered\", \"ts\": 0}]",
        ),
        (
            "realms",
            "checkrealm",
            "\"realms\": [{\"realm\": \"b\", \"state\": \"linked\", \"queue\": 0}]",
            "b: linked",
            "[{\"realm\": \"b\", \"state\": \"linked\", \"queue\": 0}]",
        ),
    ];

    for (typed, asked, reply, for_person, for_program) in table {
        for (style, expected) in [(PERSON, for_person), (PIPE, for_program)] {
            let mut conversation = logged_in_at(style, HELLO);
            conversation.typed(typed);
            conversation.received(format!("{{\"status\": \"OK\", {reply}}}\r\n\r\n").as_bytes());

            let request = format!("> {asked} {TOKEN}\r\n");
            assert_eq!(done(&mut conversation), [request.as_str(), expected]);
        }
        let mut conversation = logged_in_at(PERSON, CLASSIC);
        conversation.typed(typed);
        let refused = done(&mut conversation).concat();
        assert!(
            refused.starts_with("Error, this server does not tell"),
            "{refused}"
        );
        assert!(conversation.takes_lines());
    }
}

#[test]
fn a_bounce_says_which_realm_and_what_did_not_arrive() {
    let mut conversation = reading();

    conversation.received(
        b"{\"status\": \"OK\", \"messages\": [{\"id\": 1, \"from\": \"*realm2*\", \"msg_from\": \"*realm2*\", \
          \"msg_to\": \"Lionel Messi\", \"msg\": \" Pesan untuk amsl@realm2 tidak terkirim: User Tidak Ditemukan\\r\\n\", \
          \"ts\": 0}], \"left\": 0}\r\n\r\n",
    );

    let expected = "*realm2*: Pesan untuk amsl@realm2 tidak terkirim: User Tidak Ditemukan";
    assert_eq!(done(&mut conversation)[0], expected);
}
