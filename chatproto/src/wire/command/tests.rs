use super::*;
use proptest::prelude::*;

#[test]
fn lines_are_read_as_the_classic_servers_read_them() {
    let table = [
        (
            "auth messi surabaya \r\n",
            Command::Auth {
                name: "messi",
                password: "surabaya",
            },
        ),
        (
            "auth messi surabaya x y\r\n",
            Command::Auth {
                name: "messi",
                password: "surabaya",
            },
        ),
        (
            "auth messi \r\n",
            Command::Auth {
                name: "messi",
                password: "",
            },
        ),
        (
            "auth  messi\r\n",
            Command::Auth {
                name: "",
                password: "messi",
            },
        ),
        ("auth messi\r\n", Command::TooFewArguments),
        (
            "\u{2003}\u{1c}auth\t \u{a0}messi\u{1f} x\r\n",
            Command::Auth {
                name: "messi",
                password: "x",
            },
        ),
        ("Auth messi surabaya\r\n", Command::Unknown),
        (" auth messi surabaya\r\n", Command::Unknown),
        (
            "send T henderson hi\r\n",
            Command::Send {
                token: "T",
                to: "henderson",
                text: " hi\r\n",
            },
        ),
        (
            "send T henderson\r\n",
            Command::Send {
                token: "T",
                to: "henderson",
                text: "",
            },
        ),
        (
            "send T henderson \r\n",
            Command::Send {
                token: "T",
                to: "henderson",
                text: " \r\n",
            },
        ),
        (
            "send T h  a  b \r\n",
            Command::Send {
                token: "T",
                to: "h",
                text: "  a  b \r\n",
            },
        ),
        ("send T\r\n", Command::TooFewArguments),
        ("inbox T\r\n", Command::Inbox { token: "T" }),
        ("inbox \r\n", Command::Inbox { token: "" }),
        ("inbox\r\n", Command::TooFewArguments),
        ("activeuser T x \r\n", Command::ActiveUser { token: "T" }),
        ("logout T \r\n", Command::Logout { token: Some("T") }),
        ("logout \r\n", Command::Logout { token: None }),
        ("logout\r\n", Command::Logout { token: None }),
        (
            "group T bukber origin \r\n",
            Command::Group {
                token: "T",
                group: "bukber",
            },
        ),
        ("group T\r\n", Command::TooFewArguments),
        ("\r\n", Command::Unknown),
        ("", Command::Unknown),
        ("server send a b c\r\n", Command::Unknown),
    ];
    for (line, command) in table {
        assert_eq!(Command::parse(line), command, "{line:?}");
    }
}

#[test]
fn the_newer_lines_are_read_alike() {
    let table = [
        (
            "sendid T k-1 henderson  hi \r\n",
            Command::SendId {
                token: "T",
                key: "k-1",
                to: "henderson",
                text: "  hi \r\n",
            },
        ),
        ("sendid T k-1\r\n", Command::TooFewArguments),
        (
            "peek T \r\n",
            Command::Peek {
                token: "T",
                limit: None,
            },
        ),
        (
            "peek T 7 x\r\n",
            Command::Peek {
                token: "T",
                limit: Some("7"),
            },
        ),
        ("ack T\r\n", Command::TooFewArguments),
        (
            "ack T 7\r\n",
            Command::Ack {
                token: "T",
                id: "7",
            },
        ),
        (
            "history T amsal@realm2 7 5\r\n",
            Command::History {
                token: "T",
                with: "amsal@realm2",
                before: Some("7"),
                limit: Some("5"),
            },
        ),
        (
            "history T amsal \r\n",
            Command::History {
                token: "T",
                with: "amsal",
                before: None,
                limit: None,
            },
        ),
    ];
    for (line, command) in table {
        assert_eq!(Command::parse(line), command, "{line:?}");
    }
}

#[test]
fn commands_print_no_secrets() {
    for line in [
        "auth messi surabaya\r\n",
        "send TOKEN a b\r\n",
        "sendid TOKEN TOKEN a b\r\n",
        "peek TOKEN TOKEN\r\n",
        "ack TOKEN TOKEN\r\n",
        "history TOKEN a TOKEN\r\n",
        "logout TOKEN\r\n",
        "group TOKEN a\r\n",
    ] {
        let printed = format!("{:?}", Command::parse(line));
        assert!(
            !printed.contains("surabaya") && !printed.contains("TOKEN"),
            "{printed}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_parsed_back(
        which in 0_usize..12,
        one in "[^ \\s\\x1c-\\x1f\\x85]{1,12}",
        two in "[^ \\s\\x1c-\\x1f\\x85]{1,12}",
        text in "( [^\r]{0,20}){1,4}",
    ) {
        let text = format!("{text}\r\n");
        let command = match which {
            0 => Command::Auth { name: &one, password: &two },
            1 => Command::Send { token: &one, to: &two, text: &text },
            2 => Command::Inbox { token: &one },
            3 => Command::ActiveUser { token: &one },
            4 => Command::Logout { token: Some(&one) },
            5 => Command::Group { token: &one, group: &two },
            6 => Command::Hello,
            7 => Command::SendId { token: &one, key: &two, to: &one, text: &text },
            8 => Command::Peek { token: &one, limit: Some(&two) },
            9 => Command::Ack { token: &one, id: &two },
            10 => Command::History { token: &one, with: &two, before: Some(&one), limit: None },
            _ => Command::Quit,
        };
        let mut line = Vec::new();
        command.encode(&mut line);
        let line = String::from_utf8(line).unwrap();

        prop_assert_eq!(Command::parse(&line), command);
    }

    #[test]
    fn no_line_is_too_odd(line: String) {
        let _ = Command::parse(&line);
    }
}
