//! What realm files may say, and what is said about those that are wrong.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use chatproto::link::key::StaticKey;
use chatproto::store::sqlite::Durability;
use chatproto::{Argon2Cost, Detail, Limits, Password, Passwords, PeerKind, RealmName};
use realmd::{PeerSecurity, Settings, StoreSettings, check_together};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let is = |user: &chatproto::UserConfig, text: &str| match &user.password {
        Password::Plain(password) => password.matches(text),
        Password::Hash(_) => false,
    };
    assert!(is(&one.config.users[0], "surabaya"));
    assert!(is(&two.config.users[1], "singapura"));
    let file = |settings: &Settings| {
        let store = settings.store.as_ref().unwrap();
        store.file(&settings.config.realm)
    };
    let folder = PathBuf::from(example("data"));
    assert_eq!(file(&one), folder.join("realm1.db"));
    assert_eq!(file(&two), folder.join("realm2.db"));
    assert_eq!(one.config.passwords, Passwords::default());
    check_together(&[one, two]).unwrap();
}

#[test]
fn the_first_example_explains_every_limit_with_its_default() {
    let text = std::fs::read_to_string(example("realm1.toml")).unwrap();
    let set = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };

    let all: String = text.lines().map(|line| set(line) + "\n").collect();

    let settings = Settings::from_toml(&all).unwrap();
    assert_eq!(settings.config.limits, Limits::default());
    assert_eq!(settings.config.passwords, Passwords::default());
    let (written, usual) = (settings.store.unwrap(), StoreSettings::new("data"));
    let kept = |store: &StoreSettings| {
        let store = store.clone();
        (
            store.folder,
            store.durability,
            store.history,
            store.history_messages_max,
        )
    };
    assert_eq!(kept(&written), kept(&usual));
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
    assert!(settings.peers.values().all(|peer| peer.address.is_none()));
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
            "realm:7: [[users]] needs the key \"password\", or \"password_hash\" with what `realmd hash-password` prints",
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
            "realm:7: a link with b needs a key of realm1's own, and without [store] there is no place for it: name one with key_file in [link]",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"nois\"\n",
            "realm:9: \"mode\" is \"noise\", \"plain\" or \"classic\", not \"nois\"; did you mean \"noise\"?",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"plain\"\naddress = \"10.0.0.1:1\"\n",
            "realm:10: links in mode \"plain\" stay on this machine: 10.0.0.1 is not a loopback address such as 127.0.0.1",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"plain\"\nlisten = \"127.0.0.1:1\"\n",
            "realm:10: \"listen\" is for peers of mode \"classic\"",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"classic\"\naddress = \"127.0.0.1:1\"\n",
            "realm:7: mode \"classic\" proves nothing: anyone who reaches it can write as any user of b, and messages may be lost; it needs insecure = true here",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"classic\"\ninsecure = true\n",
            "realm:7: b and realm1 cannot meet: give this neighbour an address to call, or one to listen on for it",
        ),
        (
            "[[peers]]\nname = \"b\"\nmode = \"classic\"\ninsecure = true\nlisten = \"9890\"\n",
            "realm:11: an address is written IP:PORT, such as \"127.0.0.1:8889\", not \"9890\"",
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

const HASH: &str =
    "$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo";

#[test]
fn a_store_and_passwords_are_kept_as_the_file_says() {
    let text = format!(
        "{GOOD}[store]\nfolder = \"/srv/chat\"\ndurability = \"os\"\nbytes_max = 1_000_000\nhistory_days = 2\n\
         history_messages_max = 3\n[passwords]\nmemory_kib = 64\npasses = 3\nlanes = 2\n\
         [[users]]\nname = \"messi\"\npassword_hash = \"{HASH}\"\n"
    );

    let settings = Settings::from_toml(&text).unwrap();

    let store = settings.store.as_ref().unwrap();
    assert_eq!(
        store.file(&settings.config.realm),
        Path::new("/srv/chat/realm1.db")
    );
    assert_eq!(store.durability, Durability::Os);
    assert_eq!(store.bytes_max, Some(1_000_000));
    assert_eq!(store.history, Duration::from_secs(2 * 86_400));
    assert_eq!(store.history_messages_max, 3);
    let cost = Argon2Cost::new(64, 3, 2).unwrap();
    assert_eq!(settings.config.passwords, Passwords::Argon2id(cost));
    assert!(
        matches!(&settings.config.users[0].password, Password::Hash(hash) if hash.as_str() == HASH)
    );
    let plain = Settings::from_toml(&format!("{GOOD}[passwords]\nscheme = \"plain\"\n")).unwrap();
    assert_eq!(plain.config.passwords, Passwords::Plain);
    assert!(plain.store.is_none());
}

#[test]
fn a_store_keeps_what_is_usual_unless_told_otherwise() {
    let settings = Settings::from_toml(&format!("{GOOD}[store]\nfolder = \"data\"\n")).unwrap();

    let store = settings.store.unwrap();

    assert_eq!(store.folder, Path::new("data"));
    assert_eq!(store.durability, Durability::Fsync);
    assert_eq!(store.bytes_max, None);
    assert_eq!(store.history, Duration::from_secs(30 * 86_400));
    assert_eq!(store.history_messages_max, 10_000);
    assert_eq!(
        settings.config.passwords,
        Passwords::Argon2id(Argon2Cost::new(19_456, 2, 1).unwrap())
    );
}

#[test]
fn mistakes_about_the_store_and_passwords_are_told_with_their_line() {
    let user = "[[users]]\nname = \"a\"\n";
    let table = [
        (
            "[store]\n".to_owned(),
            "realm:7: [store] needs the key \"folder\"",
        ),
        (
            "[store]\nfolder = \"\"\n".to_owned(),
            "realm:8: \"folder\" names a folder, such as \"data\"",
        ),
        (
            "[store]\nfolder = \"d\"\ndurabilty = \"os\"\n".to_owned(),
            "realm:9: unknown key \"durabilty\" in [store]; did you mean \"durability\"?",
        ),
        (
            "[store]\nfolder = \"d\"\ndurability = \"fsyn\"\n".to_owned(),
            "realm:9: \"durability\" is \"fsync\" or \"os\", not \"fsyn\"; did you mean \"fsync\"?",
        ),
        (
            "[store]\nfolder = \"d\"\nbytes_max = 4_096\n".to_owned(),
            "realm:9: \"bytes_max\" must be from 262144 to 281474976710656, not 4096",
        ),
        (
            "[store]\nfolder = \"d\"\nhistory_days = 40_000\n".to_owned(),
            "realm:9: \"history_days\" must be from 0 to 36500, not 40000",
        ),
        (
            "[passwords]\nscheme = \"bcrypt\"\n".to_owned(),
            "realm:8: \"scheme\" is \"argon2id\" or \"plain\", not \"bcrypt\"",
        ),
        (
            "[passwords]\nscheme = \"plain\"\npasses = 1\n".to_owned(),
            "realm:9: \"passes\" is for the scheme \"argon2id\" alone",
        ),
        (
            "[passwords]\nmemory_kib = 7\n".to_owned(),
            "realm:7: Argon2 takes 1 to 64 lanes, 1 to 100 passes, and from 8 KiB of memory a lane to 1 GiB in all",
        ),
        (
            format!("{user}password = \"x\"\npassword_hash = \"{HASH}\"\n"),
            "realm:10: a user has a \"password\" or a \"password_hash\", not both",
        ),
        (
            format!("{user}password_hash = \"surabaya\"\n"),
            "realm:9: this is no Argon2 hash as `realmd hash-password` prints it",
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
fn classic_neighbours_are_called_or_heard_wherever_they_are() {
    let peer = |name: &str, more: &str| {
        format!("[[peers]]\nname = \"{name}\"\nmode = \"classic\"\ninsecure = true\n{more}\n")
    };
    let peers = [
        peer(
            "b",
            "address = \"10.0.0.1:8899\"\nlisten = \"0.0.0.0:9890\"",
        ),
        peer("c", "address = \"10.0.0.2:8899\""),
        peer("d", "listen = \"127.0.0.1:9891\""),
    ];

    let settings = Settings::from_toml(&format!("{GOOD}{}", peers.concat())).unwrap();

    let seen: Vec<_> = settings
        .config
        .peers
        .iter()
        .map(|peer| {
            let neighbour = &settings.classic[&peer.name];
            let listen = neighbour.listen.as_ref().map(|it| it.address.to_string());
            let address = neighbour.address.map(|it| it.to_string());
            (peer.kind, peer.dial, address, listen)
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        (true, some("10.0.0.1:8899"), some("0.0.0.0:9890")),
        (true, some("10.0.0.2:8899"), None),
        (false, None, some("127.0.0.1:9891")),
    ];
    assert_eq!(
        seen,
        expected.map(|(dial, address, listen)| (PeerKind::Classic, dial, address, listen))
    );
    assert!(settings.peers.values().all(|peer| peer.address.is_none()));
}

#[test]
fn a_classic_neighbour_comes_to_a_port_of_its_own() {
    for taken in ["127.0.0.1:8889", "127.0.0.1:9889", "0.0.0.0:9889"] {
        let text = format!(
            "{GOOD}[[peers]]\nname = \"b\"\nmode = \"classic\"\ninsecure = true\nlisten = \"{taken}\"\n\
             [[peers]]\nname = \"c\"\nmode = \"plain\"\n"
        );

        let error = check_together(&[Settings::from_toml(&text).unwrap()]).unwrap_err();

        let line = if taken.ends_with("8889") { 3 } else { 5 };
        assert_eq!(
            error.to_string(),
            format!("realm:11: {taken} is taken by realm:{line} already")
        );
    }
}

/// A file with a place for a key.
fn keyed(peers: &str) -> String {
    format!("{GOOD}key_file = \"own.key\"\n{peers}")
}

fn key(number: u8) -> String {
    StaticKey::from_seed([number; 32]).public().to_string()
}

#[test]
fn a_peer_is_known_by_its_key_unless_the_file_says_otherwise() {
    let (b, c) = (key(2), key(3));
    let text = keyed(&format!(
        "[[peers]]\nname = \"b\"\npublic_key = \"{b}\"\n\
         [[peers]]\nname = \"c\"\nmode = \"noise\"\naddress = \"192.0.2.7:9\"\npublic_key = \"{c}\"\n\
         [[peers]]\nname = \"d\"\npublic_key_file = \"keys/d.pub\"\n\
         [[peers]]\nname = \"e\"\nmode = \"plain\"\n"
    ));

    let settings = Settings::from_toml(&text).unwrap();

    let security = |name: &str| {
        let peer = &settings.peers[&RealmName::parse(name).unwrap()];
        peer.security.clone()
    };
    let noise = |number| PeerSecurity::Noise(StaticKey::from_seed([number; 32]).public());
    assert_eq!(security("b"), noise(2));
    assert_eq!(security("c"), noise(3));
    assert_eq!(security("d"), PeerSecurity::NoiseFile("keys/d.pub".into()));
    assert_eq!(security("e"), PeerSecurity::Plain);
    assert_eq!(settings.key_file(), Some("own.key".into()));
    let dials: Vec<bool> = settings.config.peers.iter().map(|peer| peer.dial).collect();
    assert_eq!(dials, [false, true, false, false]);
}

#[test]
fn a_key_file_lies_beside_the_data_and_paths_begin_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("realm.toml");
    let peers =
        "[store]\nfolder = \"data\"\n[[peers]]\nname = \"b\"\npublic_key_file = \"b.pub\"\n";
    std::fs::write(&file, format!("{GOOD}{peers}")).unwrap();

    let settings = Settings::from_file(&file).unwrap();

    assert_eq!(
        settings.key_file(),
        Some(folder.path().join("data/realm1.key"))
    );
    let peer = settings.peers.values().next().unwrap();
    let expected = PeerSecurity::NoiseFile(folder.path().join("b.pub"));
    assert_eq!(peer.security, expected);
    std::fs::write(&file, keyed("")).unwrap();
    let named = Settings::from_file(&file).unwrap();
    assert_eq!(named.key_file(), Some(folder.path().join("own.key")));
    assert_eq!(Settings::from_toml(GOOD).unwrap().key_file(), None);
}

#[test]
fn links_that_are_encrypted_may_leave_the_machine() {
    let text = keyed(&format!(
        "[[peers]]\nname = \"b\"\npublic_key = \"{}\"\n",
        key(2)
    ));

    let everywhere = text.replace("127.0.0.1:9889", "0.0.0.0:9889");

    assert!(Settings::from_toml(&everywhere).is_ok());
}

#[test]
fn mistakes_about_keys_are_told_with_their_line() {
    let peer = |more: &str| keyed(&format!("[[peers]]\nname = \"b\"\n{more}\n"));
    let table = [
        (
            peer(""),
            "realm:8: [[peers]] needs the key \"public_key\": ask whoever runs b for what `realmd peer show` prints there",
        ),
        (
            peer("public_key = \"geheim\""),
            "realm:10: a key has 44 characters of base64, the last one \"=\"; this text has 6 bytes",
        ),
        (
            peer(&format!("public_key = \"{}=\"", "A".repeat(43))),
            "realm:10: the public key is of low order and protects nothing; copy the one that the peer shows",
        ),
        (
            peer(&format!(
                "public_key = \"{}\"\npublic_key_file = \"b\"",
                key(2)
            )),
            "realm:11: a peer has a \"public_key\" or a \"public_key_file\", not both",
        ),
        (
            peer("public_key_file = \"\""),
            "realm:10: \"public_key_file\" names a file, such as \"data/realm2.pub\"",
        ),
        (
            peer("mode = \"plain\"\npublic_key_file = \"b\""),
            "realm:11: \"public_key_file\" is for peers of mode \"noise\"",
        ),
        (
            peer("mode = \"classic\"\npublic_key = \"b\""),
            "realm:11: \"public_key\" is for peers of mode \"noise\"",
        ),
        (
            peer("insecure = true"),
            "realm:10: \"insecure\" is for peers of mode \"classic\"",
        ),
        (
            format!("{GOOD}key_file = \"a.pub\"\n"),
            "realm:7: \"key_file\" names the file of the secret key, such as \"realm1.key\"; the public one is written beside it",
        ),
    ];

    for (text, expected) in table {
        assert_eq!(sentence(&text), expected, "{text}");
    }
}

#[test]
fn each_realm_has_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("own.key"), folder.path().join("c.pub"));
    let file = folder.path().join("realm.toml");
    let at = file.display();
    let secret = StaticKey::from_seed([1; 32]);
    std::fs::write(&own, format!("{}\n", *secret.reveal())).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).unwrap();
    let check = |b: u8, c: &str| {
        let peers = format!(
            "[[peers]]\nname = \"b\"\npublic_key = \"{}\"\n[[peers]]\nname = \"c\"\npublic_key_file = \"c.pub\"\n",
            key(b)
        );
        std::fs::write(&file, keyed(&peers)).unwrap();
        std::fs::write(&other, c).unwrap();
        let checked = Settings::from_file(&file).unwrap().check_keys();
        checked.map_err(|error| error.to_string())
    };

    assert_eq!(check(2, &key(3)), Ok(()));
    let sentence =
        "has the public key of realm1 itself: each realm has its own, put that of b here";
    assert_eq!(
        check(1, &key(3)),
        Err(format!("{at}:8: the peer b {sentence}"))
    );
    let sentence = "has the public key of the peer b: each realm has its own, put that of c here";
    assert_eq!(
        check(2, &key(2)),
        Err(format!("{at}:11: the peer c {sentence}"))
    );
    let wrong = check(2, "geheim").unwrap_err();
    assert!(
        wrong.starts_with(&format!("{at}:11: "))
            && wrong.contains("c.pub is no key file: a key has 44"),
        "{wrong}"
    );
    // A key that is not there yet is awaited.
    check(2, &key(3)).unwrap();
    std::fs::remove_file(&other).unwrap();
    assert!(Settings::from_file(&file).unwrap().check_keys().is_ok());
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Settings::from_file(&file)
        .unwrap()
        .check_keys()
        .unwrap_err()
        .to_string();
    assert!(
        open.contains("own.key has mode 644") && open.contains("run `chmod 600 "),
        "{open}"
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
        "[[users]]\nname = \"a\"\npassword_hash = \"secret\"\n",
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
