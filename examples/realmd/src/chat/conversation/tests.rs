//! A person and a server, both played.

mod reading;

use super::*;

const PERSON: Style = Style {
    readable: true,
    asks: true,
};
const PIPE: Style = Style {
    readable: false,
    asks: false,
};
const TOKEN: &str = "abababab-abab-4bab-abab-abababababab";

/// Everything that is to be done, as text: `> ` for what is sent, the rest is shown.
fn done(conversation: &mut Conversation) -> Vec<String> {
    let text = |action| match action {
        Action::Send(bytes) => format!("> {}", String::from_utf8(bytes).unwrap()),
        Action::Show(text) => text,
        Action::End { wished } => format!("end, wished: {wished}"),
    };
    std::iter::from_fn(|| conversation.poll_action())
        .map(text)
        .collect()
}

/// What a classic server says to `hello`.
const CLASSIC: &str = "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n";

/// Logged in at a classic server.
fn logged_in(style: Style) -> Conversation {
    logged_in_at(style, CLASSIC)
}

/// Logged in at a server that says this to `hello`.
fn logged_in_at(style: Style, hello: &str) -> Conversation {
    let mut conversation = Conversation::new(style);
    conversation.typed("auth messi surabaya");
    conversation
        .received(format!("{{\"status\": \"OK\", \"tokenid\": \"{TOKEN}\"}}\r\n\r\n").as_bytes());
    assert!(!conversation.takes_lines());
    conversation.received(hello.as_bytes());
    assert!(conversation.takes_lines());
    assert_eq!(
        done(&mut conversation),
        [
            "> auth messi surabaya\r\n",
            "username messi logged in",
            "> hello\r\n"
        ]
    );
    conversation
}

fn live() -> Conversation {
    let mut conversation = logged_in(PERSON);
    conversation.typed("group bukber");
    conversation.received(b"messi telah bergabung");
    done(&mut conversation);
    conversation
}

#[test]
fn each_command_is_sent_and_its_reply_shown() {
    let table = [
        (
            "send henderson apa kabar",
            format!("> send {TOKEN} henderson apa kabar\r\n"),
            r#""message": "Message Sent""#,
            "message sent to henderson",
        ),
        (
            "inbox",
            format!("> inbox {TOKEN}\r\n"),
            r#""messages": {}"#,
            "No new messages.",
        ),
        (
            "activeuser",
            format!("> activeuser {TOKEN}\r\n"),
            r#""message": "lineker, messi, ""#,
            "Active User: \"lineker, messi, \"",
        ),
        (
            "logout",
            format!("> logout {TOKEN}\r\n"),
            r#""messages": "Logged Out!""#,
            "Logout success!",
        ),
    ];

    for (line, request, reply, expected) in table {
        let mut conversation = logged_in(PERSON);
        conversation.typed(line);
        assert!(!conversation.takes_lines());
        conversation.received(format!("{{\"status\": \"OK\", {reply}}}\r\n\r\n").as_bytes());

        assert_eq!(done(&mut conversation), [request.as_str(), expected]);
        assert!(conversation.takes_lines());
    }
}

#[test]
fn what_needs_no_server_is_answered_at_once() {
    let table = [
        ("inbox", "Error, not authorized"),
        ("group bukber", "Error, not authorized"),
        ("halo", "*Maaf, command tidak benar"),
        ("send henderson", "-Maaf, command tidak benar"),
        ("auth messi", "-Maaf, command tidak benar"),
        ("history messi", "Error, not authorized"),
        ("outbox", "Error, not authorized"),
        ("realms", "Error, not authorized"),
        ("history messi 0", "-Maaf, command tidak benar"),
        ("help", HELP),
        ("quit", "end, wished: true"),
    ];

    for (line, expected) in table {
        let mut conversation = Conversation::new(PIPE);
        conversation.typed(line);

        assert_eq!(done(&mut conversation), [expected], "{line}");
        assert!(conversation.takes_lines());
    }
}

#[test]
fn the_prompt_shows_the_name_and_never_the_token() {
    let mut conversation = Conversation::new(PERSON);
    assert_eq!(conversation.prompt(), "Command : ");

    conversation.typed("auth messi");
    assert_eq!(
        (conversation.prompt().as_str(), conversation.is_secret()),
        ("Password of messi: ", true)
    );
    conversation.typed("surabaya");
    assert_eq!(done(&mut conversation), ["> auth messi surabaya\r\n"]);

    assert_eq!(logged_in(PERSON).prompt(), "Command messi: ");
    assert_eq!(live().prompt(), "bukber> ");
}

#[test]
fn replies_may_come_in_pieces_of_any_size() {
    let reply = b"{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n";
    for size in 1..reply.len() {
        let mut conversation = logged_in(PERSON);
        conversation.typed("send nobody hi");
        done(&mut conversation);

        reply
            .chunks(size)
            .for_each(|piece| conversation.received(piece));

        assert_eq!(
            done(&mut conversation),
            ["Error, User Tidak Ditemukan"],
            "{size}"
        );
    }
}

#[test]
fn an_inbox_is_json_for_a_program() {
    let mut conversation = logged_in(PIPE);
    conversation.typed("inbox");
    conversation.received(b"{\"status\": \"OK\", \"messages\": {\"b\": [], \"a\": []}}\r\n\r\n");

    assert_eq!(
        done(&mut conversation).pop().unwrap(),
        "{\"b\": [], \"a\": []}"
    );
}

#[test]
fn a_group_is_joined_chatted_in_and_left() {
    let mut conversation = logged_in(PERSON);

    conversation.typed("group bukber");
    conversation.received(b"messi telah bergabung");
    assert!(conversation.is_live());
    conversation.typed("halo");
    conversation.received(b"messi: halo");
    conversation.typed("");
    conversation.received(b"henderson: \xf0\x9f");
    conversation.received(b"\x98\x80");
    conversation.typed("exit");
    conversation.received(b"henderson: bye");
    conversation.received(b"exit");
    conversation
        .received(b"{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n");

    let expected = [
        &format!("> group {TOKEN} bukber origin\r\n"),
        "messi telah bergabung",
        "> halo",
        "messi: halo",
        "henderson: ",
        "😀",
        "> exit",
        "henderson: bye",
        "Telah keluar dari grup bukber",
    ];
    assert_eq!(done(&mut conversation), expected);
    assert_eq!(conversation.prompt(), "Command messi: ");
}

#[test]
fn leaving_works_however_the_last_words_are_cut() {
    let last: &[u8] = b"lineker: haloexit{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n";
    for cut in 1..=last.len() {
        let mut conversation = live();
        conversation.typed("exit");
        conversation.received(&last[..cut]);
        conversation.received(&last[cut..]);

        let shown = done(&mut conversation).split_off(1);
        assert!(
            conversation.takes_lines() && !conversation.is_live(),
            "{cut}"
        );
        assert_eq!(shown.last().unwrap(), "Telah keluar dari grup bukber");
        assert!(
            shown.concat().starts_with("lineker: halo"),
            "{cut} {shown:?}"
        );
    }
}

#[test]
fn a_refused_group_leaves_one_at_the_prompt() {
    let refusal =
        b"{\"status\": \"ERROR\", \"message\": \"Grup penuh\", \"code\": \"group_full\"}\r\n\r\n";
    for size in [1, 5, 12, refusal.len()] {
        let mut conversation = logged_in(PERSON);
        conversation.typed("group bukber");
        done(&mut conversation);

        refusal
            .chunks(size)
            .for_each(|piece| conversation.received(piece));

        assert_eq!(done(&mut conversation), ["Error, Grup penuh"]);
        assert!(conversation.takes_lines() && !conversation.is_live());
    }
}

#[test]
fn no_member_can_pass_for_the_server() {
    let mut conversation = live();

    conversation.received(b"x: exit");
    conversation.received(b"x: {\"status\": \"OK\", \"message\": \"Telah keluar\"}\r\n\r\n");
    conversation.received(b"x: a\nmessi: \x1b[2Jb");

    assert!(conversation.is_live());
    let shown = [
        "x: exit",
        "x: {\"status\": \"OK\", \"message\": \"Telah keluar\"}",
        "x: a\n    messi: \\u{1b}[2Jb",
    ];
    assert_eq!(done(&mut conversation), shown);
}

#[test]
fn one_who_is_shown_out_is_at_the_prompt_again() {
    let mut conversation = live();

    conversation.received(b"exit");
    conversation
        .received(b"{\"status\": \"ERROR\", \"message\": \"Klien terlalu lambat\"}\r\n\r\n");

    assert_eq!(done(&mut conversation), ["Error, Klien terlalu lambat"]);
    assert_eq!(conversation.prompt(), "Command messi: ");
}

#[test]
fn the_end_of_the_input_leaves_the_group_and_then_ends() {
    let mut conversation = live();

    conversation.typed_end();
    assert_eq!(done(&mut conversation), ["> exit"]);
    assert_eq!(
        conversation.farewell(),
        None,
        "a token must not be told to a group"
    );
    conversation.received(b"exit");
    conversation
        .received(b"{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n");
    conversation.typed_end();

    assert_eq!(
        done(&mut conversation),
        ["Telah keluar dari grup bukber", "end, wished: true"]
    );
    assert_eq!(
        conversation.farewell().unwrap(),
        format!("logout {TOKEN}\r\n").into_bytes()
    );
}

#[test]
fn an_unasked_for_error_is_shown_and_changes_nothing() {
    let mut conversation = logged_in(PERSON);

    conversation
        .received(b"{\"status\": \"ERROR\", \"message\": \"Server sedang dimatikan\"}\r\n\r\n");

    assert_eq!(done(&mut conversation), ["Error, Server sedang dimatikan"]);
    assert_eq!(conversation.prompt(), "Command messi: ");
}
