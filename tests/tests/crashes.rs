//! The world's realms crash and start again, and their disks are slow, full, or fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use chatproto::{CloseReason, Config, Event, Passwords, PeerConfig, RealmName, UserConfig};
use chatproto_tests::disk::{Loading, Survival};
use chatproto_tests::world::{ClientId, RealmIndex, Restart, World};

const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
const FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Penyimpanan server penuh, coba lagi \
                    nanti\", \"code\": \"store_full\"}\r\n\r\n";

/// Two linked durable realms, the first with messi and henderson, the second with amsal.
fn realms() -> (World, RealmIndex, RealmIndex) {
    let name = |name: &str| RealmName::parse(name).unwrap();
    let config = |own: &str, peer: &str, users: &[&str]| {
        let config = Config::new(name(own))
            .passwords(Passwords::Plain)
            .durable(true)
            .peer(PeerConfig::new(name(peer)));
        users.iter().fold(config, |config, user| {
            config.user(UserConfig::new(user, user, "", "secret").unwrap())
        })
    };
    let mut world = World::new();
    let one = config("realm1", "realm2", &["messi", "henderson"]);
    let two = config("realm2", "realm1", &["amsal"]);
    let one = world.add_realm(one, [1; 32]).unwrap();
    let two = world.add_realm(two, [2; 32]).unwrap();
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
    (world, one, two)
}

fn restart(world: &mut World, realm: RealmIndex, seed: u8) {
    let how = Restart {
        seed: [seed; 32],
        loading: Loading::AllTwice,
        compacts: true,
    };
    assert_eq!(world.restart(realm, &how).unwrap().wrong, None);
}

fn read(world: &mut World, client: ClientId) -> String {
    let text = String::from_utf8(world.unread(client).to_vec()).unwrap();
    world.take(client, text.len());
    text
}

fn ask(world: &mut World, client: ClientId, line: &str) -> String {
    world.write(client, format!("{line}\r\n").as_bytes());
    world.settle();
    read(world, client)
}

fn log_in(world: &mut World, realm: RealmIndex, user: &str) -> (ClientId, String) {
    let client = world.open(realm, "127.0.0.1");
    let reply = ask(world, client, &format!("auth {user} secret"));
    let token = reply.split('"').nth(7);
    let token = token.unwrap_or_else(|| panic!("no token in {reply}"));
    (client, token.to_owned())
}

#[test]
fn a_realm_comes_back_with_its_sessions_and_messages() {
    let (mut world, one, two) = realms();
    let (messi, token) = log_in(&mut world, one, "messi");
    let (_, henderson) = log_in(&mut world, one, "henderson");
    let sent = ask(&mut world, messi, &format!("send {token} henderson hi"));
    assert_eq!(sent, SENT);

    world.crash(one, Survival::Nothing, false);

    assert!(!world.is_up(one) && !world.is_open(messi) && !world.linked(one, two));
    assert_eq!(world.close_reason(messi), None);
    assert_eq!(world.next_heard(), Some(messi));
    let early = world.open(one, "127.0.0.1");
    assert!(!world.is_open(early), "nobody is there to answer");

    restart(&mut world, one, 3);
    let window = world.open(one, "127.0.0.1");
    let inbox = ask(&mut world, window, &format!("inbox {henderson}"));
    assert!(inbox.contains("\"msg\": \" hi\\r\\n\""), "{inbox}");
    assert_eq!(
        ask(&mut world, window, &format!("send {token} henderson ho")),
        SENT
    );
    assert!(world.advance_until(120_000, |world| world.linked(one, two)));
}

#[test]
fn a_neighbour_that_is_not_told_notices_in_time() {
    let (mut world, one, two) = realms();

    world.crash(one, Survival::Everything, true);
    world.take_events(two);
    world.advance_ms(1_000);
    let is_down = |event: &Event| matches!(event, Event::LinkDown { .. });
    assert!(!world.take_events(two).iter().any(is_down));
    world.advance_ms(60_000);
    assert!(world.take_events(two).iter().any(is_down));
}

#[test]
fn a_reply_waits_for_the_disk_and_is_lost_with_it() {
    let (mut world, one, _) = realms();
    let (messi, token) = log_in(&mut world, one, "messi");
    world.set_commit_ms(one, 10);

    for (survival, count) in [(Survival::Everything, 1), (Survival::Nothing, 1)] {
        let line = format!("send {token} henderson hi\r\n");
        let messi = if world.is_open(messi) {
            messi
        } else {
            world.open(one, "127.0.0.1")
        };
        world.write(messi, line.as_bytes());
        world.advance_ms(9);
        assert_eq!(read(&mut world, messi), "");

        world.crash(one, survival, false);
        restart(&mut world, one, 4);
        let (window, henderson) = log_in_slowly(&mut world, one, "henderson");
        world.write(window, format!("peek {henderson}\r\n").as_bytes());
        world.advance_ms(20);
        let peek = read(&mut world, window);
        assert_eq!(peek.matches("\" hi").count(), count, "{peek}");
    }
    let messi = world.open(one, "127.0.0.1");
    world.write(messi, format!("send {token} henderson hi\r\n").as_bytes());
    world.advance_ms(10);
    assert_eq!(read(&mut world, messi), SENT);
}

fn log_in_slowly(world: &mut World, realm: RealmIndex, user: &str) -> (ClientId, String) {
    let client = world.open(realm, "127.0.0.1");
    world.write(client, format!("auth {user} secret\r\n").as_bytes());
    world.advance_ms(30);
    let reply = read(world, client);
    (client, reply.split('"').nth(7).unwrap().to_owned())
}

#[test]
fn a_full_disk_is_told_and_recovers() {
    let (mut world, one, _) = realms();
    let (messi, token) = log_in(&mut world, one, "messi");
    let send = format!("send {token} henderson hi");

    world.set_disk_full(one, true);
    // The first one is taken in, and waits.
    assert_eq!(ask(&mut world, messi, &send), "");
    let other = world.open(one, "127.0.0.1");
    assert_eq!(ask(&mut world, other, &send), FULL);
    let told = |world: &mut World, event: &Event| world.take_events(one).contains(event);
    assert!(told(&mut world, &Event::StoreFull));

    world.set_disk_full(one, false);
    world.advance_ms(1_000);
    assert_eq!(read(&mut world, messi), SENT);
    assert!(told(&mut world, &Event::StoreRecovered));
    assert_eq!(ask(&mut world, other, &send), SENT);
}

#[test]
fn a_disk_that_fails_stops_its_realm() {
    let (mut world, one, _) = realms();
    let (messi, token) = log_in(&mut world, one, "messi");

    world.fail_next_commit(one);
    let reply = ask(&mut world, messi, &format!("send {token} henderson hi"));
    assert!(!reply.contains("OK"), "{reply}");
    assert_eq!(world.close_reason(messi), Some(&CloseReason::StoreBroken));
    assert!(world.take_events(one).contains(&Event::StoreBroken));

    world.crash(one, Survival::Nothing, false);
    restart(&mut world, one, 5);
    let window = world.open(one, "127.0.0.1");
    assert_eq!(
        ask(&mut world, window, &format!("send {token} henderson hi")),
        SENT
    );
}
