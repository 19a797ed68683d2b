//! What realm files may say, and what is said about those that are wrong.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use chatproto::{Detail, Limits};
use realmd::{Settings, check_together};

/// A file with nothing wrong, to which a table of mistakes can be put.
const GOOD: &str = r#"name = "realm1"
[client]
address = "127.0.0.1:8889"
[link]
address = "127.0.0.1:9889"
insecure = true
"#;

fn sentence(text: &str) -> String {
    Settings::from_toml(text).unwrap_err().to_string()
}

fn example(name: &str) -> String {
    format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_examples_are_the_two_realms_of_the_course() {
    let one = Settings::from_file(example("realm1.toml")).unwrap();
    let two = Settings::from_file(example("realm2.toml")).unwrap();

    assert_eq!(one.config.realm.as_str(), "realm1");
    assert_eq!(one.client.address.to_string(), "127.0.0.1:8889");
    assert_eq!(two.client.address.to_string(), "127.0.0.1:8899");
    assert_eq!(
        one.link.as_ref().unwrap().address.to_string(),
        "127.0.0.1:9889"
    );
    assert_eq!(
        two.link.as_ref().unwrap().address.to_string(),
        "127.0.0.1:9899"
    );
    assert_eq!(one.config.detail, Detail::Wire);
    let users = |settings: &Settings| {
        let shown = |user: &chatproto::UserConfig| {
            format!("{}|{}|{}", user.name, user.display_name, user.country)
        };
        settings.config.users.iter().map(shown).collect::<Vec<_>>()
    };
    let ours = [
        "messi|Lionel Messi|Argentina",
        "henderson|Jordan Henderson|Inggris",
        "lineker|Gary Lineker|Inggris",
    ];
    assert_eq!(users(&one), ours);
    let theirs = [
        "amsal|Amsal Rizky|Indonesia",
        "herbert|Herbert Sterling|Singapura",
        "napitupulu|Napitupulu|Indonesia",
    ];
    assert_eq!(users(&two), theirs);
    assert!(one.config.users[0].password.matches("surabaya"));
    assert!(two.config.users[1].password.matches("singapura"));
    check_together(&[one, two]).unwrap();
}

#[test]
fn the_first_example_explains_every_limit_with_its_default() {
    let text = std::fs::read_to_string(example("realm1.toml")).unwrap();
    let written = text
        .lines()
        .filter(|line| line.starts_with('#') && !line.starts_with("# ") && *line != "#");
    let set = text.lines().filter(|line| !line.starts_with('#'));

    let all = set
        .chain(written.map(|line| &line[1..]))
        .collect::<Vec<_>>()
        .join("\n");

    let settings = Settings::from_toml(&all).unwrap();
    assert_eq!(settings.config.limits, Limits::default());
    for (name, _) in Limits::default().iter() {
        assert!(text.contains(&format!("\n#{name} = ")), "{name}");
    }
}

#[test]
fn limits_are_set_by_name() {
    let text = format!("{GOOD}[limits]\nline_bytes_max = 4_096\nexit_gap_ms = 0x10\n");

    let limits = Settings::from_toml(&text).unwrap().config.limits;

    assert_eq!((limits.line_bytes_max, limits.exit_gap_ms), (4_096, 16));
}

#[test]
fn what_is_left_out_has_a_default() {
    let text = format!(
        "{GOOD}[[users]]\nname = \"messi\"\npassword = \"x\"\n[[peers]]\nname = \"r2\"\nmode = \"plain\"\n"
    );

    let settings = Settings::from_toml(&text).unwrap();

    assert_eq!(settings.config.users[0].display_name, "messi");
    assert_eq!(settings.config.users[0].country, "");
    assert_eq!(settings.config.detail, Detail::Essential);
    assert!(!settings.config.peers[0].dial);
    assert!(settings.peers.is_empty());
}

#[test]
fn mistakes_in_single_keys_are_told_with_their_line() {
    let table = [
        (
            "nam = \"x\"\n",
            "realm:1: unknown key \"nam\"; did you mean \"name\"?",
        ),
        ("# nothing\n", "realm:1: the file needs the key \"name\""),
        ("name = 3\n", "realm:1: \"name\" must be a text in quotes"),
        (
            "name = \"a b\"\n",
            "realm:1: a name has no white space, no control characters and none of @ # , * \" \\ /; found ' '",
        ),
        (
            "name = \"\"\n",
            "realm:1: a name needs at least one character",
        ),
        (
            "name = \"r\"\n",
            "realm:1: the file needs a table [client] with an address",
        ),
        (
            "name = \"r\"\nclient = 1\n",
            "realm:2: \"client\" must be a table, written [client]",
        ),
        (
            "name = \"r\"\n[client]\n",
            "realm:2: [client] needs the key \"address\"",
        ),
        (
            "name = \"r\"\n[client]\nadress = \"\"\n",
            "realm:3: unknown key \"adress\" in [client]; did you mean \"address\"?",
        ),
        (
            "name = \"r\"\n[client]\naddress = \"here\"\n",
            "realm:3: an address is written IP:PORT, such as \"127.0.0.1:8889\", not \"here\"",
        ),
        (
            "name = \"r\"\nlog = \"wires\"\n",
            "realm:2: \"log\" is \"essential\", \"commands\" or \"wire\", not \"wires\"; did you mean \"wire\"?",
        ),
    ];

    for (text, expected) in table {
        assert_eq!(sentence(text), expected, "{text}");
    }
}

#[test]
fn mistakes_in_users_peers_and_limits_are_told_with_their_line() {
    let table = [
        (
            "[[users]]\nname = \"a\"\n",
            "realm:7: [[users]] needs the key \"password\"",
        ),
        (
            "[[users]]\nname = \"a\"\npassword = \"\"\n",
            "realm:9: a password has at least one character and no white space, or nobody could log in with it",
        ),
        (
            "[[users]]\nname = \"a\"\npassword = \"x\"\n[[users]]\nname = \"a\"\npassword = \"y\"\n",
            "realm:11: the user \"a\" is named twice",
        ),
        (
            "[[users]]\nname = \"a/b\"\npassword = \"x\"\n",
            "realm:8: a name has no white space, no control characters and none of @ # , * \" \\ /; found '/'",
        ),
        (
            "[users]\nname = \"a\"\n",
            "realm:7: \"users\" must be a list of tables, each written [[users]]",
        ),
        (
            "[[peers]]\nname = \"realm1\"\n",
            "realm:8: \"realm1\" cannot be its own peer",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"plain\"\n[[peers]]\nname = \"b\"\n",
            "realm:11: the peer \"b\" is named twice",
        ),
        (
            "[[peers]]\nname = \"b\"\n",
            "realm:7: [[peers]] needs mode = \"plain\", the one mode there is so far",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"noise\"\n",
            "realm:9: there is no mode \"noise\" so far, only \"plain\"",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"plain\"\naddress = \"10.0.0.1:1\"\n",
            "realm:10: links in mode \"plain\" stay on this machine: 10.0.0.1 is not a loopback address such as 127.0.0.1",
        ),
        (
            "[limits]\nconnection_max = 3\n",
            "realm:8: unknown key \"connection_max\" in [limits]; did you mean \"connections_max\"?",
        ),
        (
            "[limits]\nline_bytes_max = 255\n",
            "realm:8: \"line_bytes_max\" must be from 256 to 16777216, not 255",
        ),
        (
            "[limits]\nline_bytes_max = -1\n",
            "realm:8: \"line_bytes_max\" must be a whole number, not below 0",
        ),
        (
            "[limits]\nline_bytes_max = \"1\"\n",
            "realm:8: \"line_bytes_max\" must be a whole number, not below 0",
        ),
    ];

    for (added, expected) in table {
        assert_eq!(sentence(&format!("{GOOD}{added}")), expected, "{added}");
    }
}

#[test]
fn plain_links_have_to_be_agreed_to_and_to_stay_on_the_machine() {
    let peer = "[[peers]]\nname = \"b\"\nmode = \"plain\"\n";
    let client = "name = \"r\"\n[client]\naddress = \"127.0.0.1:1\"\n";

    assert_eq!(
        sentence(&format!(
            "{client}[link]\naddress = \"127.0.0.1:2\"\n{peer}"
        )),
        "realm:8: mode \"plain\" neither encrypts nor authenticates: it needs insecure = true in [link]"
    );
    assert_eq!(
        sentence(&format!(
            "{client}[link]\naddress = \"0.0.0.0:2\"\ninsecure = true\n{peer}"
        )),
        "realm:5: links in mode \"plain\" stay on this machine: 0.0.0.0 is not a loopback address such as 127.0.0.1"
    );
    assert_eq!(
        sentence(&format!("{client}[link]\ninsecure = true\n{peer}")),
        "realm:6: b and r cannot meet: give this peer an address to call, or [link] one to be called on"
    );
}

#[test]
fn what_is_not_toml_is_one_sentence_with_its_line() {
    for (text, line) in [
        ("name = \"r\"\n[client\n", 2),
        ("name = \"r\"\nname = \"s\"\n", 2),
        ("name = \n", 1),
    ] {
        let error = Settings::from_toml(text).unwrap_err();

        assert_eq!(error.line(), Some(line), "{error}");
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("realm:{line}: this is not TOML: ")),
            "{shown}"
        );
        assert!(!shown.contains('\n'), "{shown}");
    }
}

#[test]
fn no_message_shows_a_password() {
    let texts = [
        "[[users]]\nname = \"a\"\npassword = \"se cret\"\n",
        "[[users]]\nname = \"a/\"\npassword = \"secret\"\n",
        "[[users]]\nname = \"a\"\npassword = \"secret\"\nx = 1\n",
        "[[users]]\nname = \"a\"\npassword = \"secret\n",
    ];

    for text in texts {
        let shown = sentence(&format!("{GOOD}{text}"));
        assert!(!shown.contains("cret"), "{shown}");
    }
    let good = Settings::from_toml(&format!(
        "{GOOD}[[users]]\nname = \"a\"\npassword = \"secret\"\n"
    ))
    .unwrap();
    assert!(!format!("{good:?}").contains("secret"));
}

#[test]
fn realms_of_one_process_do_not_share_a_name_or_a_port() {
    let read = |text: &str| Settings::from_toml(text).unwrap();
    let other_name = GOOD.replace("realm1", "realm2");

    let names = check_together(&[read(GOOD), read(GOOD)]).unwrap_err();
    let ports = check_together(&[read(GOOD), read(&other_name)]).unwrap_err();
    let free = GOOD.replace("realm1", "realm2").replace("8889", "0");
    let everywhere = other_name.replace("127.0.0.1:8889", "0.0.0.0:8889");
    let all = check_together(&[read(GOOD), read(&everywhere)]).unwrap_err();

    assert_eq!(
        names.to_string(),
        "realm:1: the realm \"realm1\" is in realm:1 already"
    );
    assert_eq!(
        ports.to_string(),
        "realm:3: 127.0.0.1:8889 is taken by realm:3 already"
    );
    assert_eq!(
        all.to_string(),
        "realm:3: 0.0.0.0:8889 is taken by realm:3 already"
    );
    check_together(&[read(&free), read(&free.replace("realm2", "realm3"))]).unwrap();
}

#[test]
fn a_missing_file_is_told() {
    let error = Settings::from_file("no/such/file.toml")
        .unwrap_err()
        .to_string();

    assert!(
        error.starts_with("no/such/file.toml: the file cannot be read: "),
        "{error}"
    );
}
