//! The world keeps its promises to tests: time, latency, cuts, and who has something to read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use chatproto::{Config, Event, Passwords, PeerConfig, RealmName, UserConfig};
use chatproto_tests::world::{ClientId, RealmIndex, World};

/// Two realms, the peers of each other, with a user each.
fn two_realms() -> (World, RealmIndex, RealmIndex) {
    let name = |name: &str| RealmName::parse(name).unwrap();
    let config = |own: &str, peer: &str, user: &str| {
        let user = UserConfig::new(user, user, "", "secret").unwrap();
        Config::new(name(own))
            .passwords(Passwords::Plain)
            .user(user)
            .peer(PeerConfig::new(name(peer)))
    };
    let mut world = World::new();
    let one = world
        .add_realm(config("one", "two", "messi"), [1; 32])
        .unwrap();
    let two = world
        .add_realm(config("two", "one", "amsal"), [2; 32])
        .unwrap();
    (world, one, two)
}

fn linked_realms() -> (World, RealmIndex, RealmIndex) {
    let (mut world, one, two) = two_realms();
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
    (world, one, two)
}

/// Writes a line and takes what is read after that much time.
fn ask(world: &mut World, client: ClientId, line: &str, ms: u64) -> String {
    world.write(client, format!("{line}\r\n").as_bytes());
    world.advance_ms(ms);
    let reply = String::from_utf8(world.unread(client).to_vec()).unwrap();
    world.take(client, reply.len());
    reply
}

fn log_in(world: &mut World, realm: RealmIndex, user: &str) -> (ClientId, String) {
    let client = world.open(realm, "127.0.0.1");
    let reply = ask(world, client, &format!("auth {user} secret"), 0);
    let token = reply
        .split('"')
        .nth(7)
        .unwrap_or_else(|| panic!("no token in {reply}"));
    (client, token.to_owned())
}

#[test]
fn time_passes_only_when_told() {
    let (mut world, one, two) = two_realms();
    let start = world.now();

    world.settle();
    assert_eq!(world.now(), start);

    world.advance_ms(1_500);
    assert_eq!(world.now(), start.after_ms(1_500));
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
    assert!(world.now().mono_ms <= start.mono_ms + 121_500);
}

#[test]
fn what_travels_takes_its_time() {
    let (mut world, one, two) = linked_realms();
    let (messi, from) = log_in(&mut world, one, "messi");
    let (amsal, to) = log_in(&mut world, two, "amsal");
    world.set_latency_ms(one, two, 100);

    // The mail itself waits for nothing, but the one way to the other realm is 100 ms long.
    let reply = ask(&mut world, messi, &format!("send {from} amsal@two hi"), 0);
    assert!(reply.contains("Message Sent"), "{reply}");
    assert!(!ask(&mut world, amsal, &format!("inbox {to}"), 0).contains(" hi"));
    world.advance_ms(99);
    assert!(!ask(&mut world, amsal, &format!("inbox {to}"), 0).contains(" hi"));
    world.advance_ms(1);
    assert!(ask(&mut world, amsal, &format!("inbox {to}"), 0).contains(" hi"));

    // A question goes there and back.
    assert_eq!(
        ask(&mut world, messi, &format!("send {from} nobody hi"), 199),
        ""
    );
    assert!(ask(&mut world, messi, "", 1).contains("User Tidak Ditemukan"));
}

#[test]
fn nothing_gets_through_a_cut() {
    let (mut world, one, two) = linked_realms();
    let (messi, from) = log_in(&mut world, one, "messi");
    let (amsal, to) = log_in(&mut world, two, "amsal");

    world.cut(one, two);
    assert!(!world.linked(one, two));
    ask(
        &mut world,
        messi,
        &format!("send {from} amsal@two hi"),
        300_000,
    );
    assert!(!world.linked(one, two));
    assert!(!ask(&mut world, amsal, &format!("inbox {to}"), 0).contains(" hi"));

    world.mend(one, two);
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
    assert!(ask(&mut world, amsal, &format!("inbox {to}"), 0).contains(" hi"));
    let ups = |event: &Event| matches!(event, Event::LinkUp { .. });
    assert_eq!(
        world
            .take_events(one)
            .iter()
            .filter(|event| ups(event))
            .count(),
        2
    );
}

#[test]
fn what_travels_when_the_link_is_cut_is_sent_again_later() {
    let (mut world, one, two) = linked_realms();
    let (messi, from) = log_in(&mut world, one, "messi");
    let (amsal, to) = log_in(&mut world, two, "amsal");
    world.set_latency_ms(one, two, 100);

    ask(&mut world, messi, &format!("send {from} amsal@two hi"), 50);
    world.cut(one, two);
    world.mend(one, two);
    world.advance_ms(10);
    assert!(!ask(&mut world, amsal, &format!("inbox {to}"), 90).contains(" hi"));
    world.advance_ms(120_000);
    let inbox = ask(&mut world, amsal, &format!("inbox {to}"), 0);
    assert_eq!(inbox.matches("\" hi").count(), 1, "{inbox}");
}

#[test]
fn a_line_that_falls_silent_is_noticed_and_loses_nothing() {
    let (mut world, one, two) = linked_realms();
    let (messi, from) = log_in(&mut world, one, "messi");
    let (amsal, to) = log_in(&mut world, two, "amsal");

    world.mute(one, two);
    ask(&mut world, messi, &format!("send {from} amsal@two hi"), 0);
    assert!(world.linked(one, two));
    assert!(world.advance_until(60_000, |world| !world.linked(one, two)));

    world.mend(one, two);
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
    let inbox = ask(&mut world, amsal, &format!("inbox {to}"), 0);
    assert_eq!(inbox.matches("\" hi").count(), 1, "{inbox}");
}

#[test]
fn whoever_has_something_to_read_is_told_once() {
    let (mut world, one, _) = linked_realms();
    let clients = [(); 3].map(|()| world.open(one, "127.0.0.1"));
    world.settle();
    assert_eq!(world.next_heard(), None);

    world.write(clients[2], b"what\r\nwhat\r\n");
    world.settle();
    world.write(clients[2], b"what\r\n");
    world.write(clients[0], b"what\r\n");
    world.settle();

    assert_eq!(world.next_heard(), Some(clients[2]));
    assert_eq!(world.next_heard(), Some(clients[0]));
    assert_eq!(world.next_heard(), None);
}

#[test]
fn a_client_that_is_gone_reads_and_writes_no_more() {
    let (mut world, one, _) = linked_realms();
    let client = world.open(one, "127.0.0.1");
    world.drop_client(client);
    world.write(client, b"what\r\n");
    world.settle();

    assert!(!world.is_open(client));
    assert_eq!(world.unread(client), b"");
    assert_eq!(world.close_reason(client), None);
}

#[test]
fn commands_run_without_a_connection() {
    let (mut world, one, _) = linked_realms();
    let request = world.execute(one, b"auth messi wrong");
    world.settle();

    let replies = world.take_replies(one);
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].0, request);
    assert_eq!(
        replies[0].1,
        b"{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n"
    );
}

#[test]
fn a_client_that_floods_is_held_back_and_loses_nothing() {
    let (mut world, one, two) = linked_realms();
    let (messi, from) = log_in(&mut world, one, "messi");
    world.set_latency_ms(one, two, 100);
    let line = format!(
        "send {from} nobody {}\r\nactiveuser {from}\r\n",
        "x".repeat(1_000)
    );

    // Each question takes 200 ms, during which the next lines wait, and then wait outside.
    for _ in 0..300 {
        world.write(messi, line.as_bytes());
        world.settle();
    }
    world.advance_ms(300 * 200);

    let replies = String::from_utf8(world.unread(messi).to_vec()).unwrap();
    assert_eq!(replies.matches("User Tidak Ditemukan").count(), 300);
    assert_eq!(replies.matches("\"messi, \"").count(), 300);
    assert!(world.is_open(messi));
}
