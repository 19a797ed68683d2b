//! A server inside another program.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod common;

use chatproto::{Config, PeerConfig, RealmName, UserConfig};
use common::Client;
use realmd::{PeerSecurity, PeerSettings, Server, Settings, StartError};

fn config() -> Config {
    let user = UserConfig::new("messi", "Lionel Messi", "Argentina", "surabaya").unwrap();
    Config::new(RealmName::parse("realm1").unwrap()).user(user)
}

#[test]
fn a_server_needs_no_file() {
    let server = Server::start(Settings::new(config(), "127.0.0.1:0".parse().unwrap())).unwrap();

    let (mut messi, token) = Client::login(server.client_address(), "messi", "surabaya");

    assert_eq!(
        messi.ask(&format!("inbox {token}\r\n")),
        "{\"status\": \"OK\", \"messages\": {}}"
    );
    assert_eq!(server.name().as_str(), "realm1");
}

#[test]
fn another_thread_can_stop_it() {
    let server = Server::start(Settings::new(config(), "127.0.0.1:0".parse().unwrap())).unwrap();
    let stop = server.stopper();

    let stopping = std::thread::spawn(stop);

    server.wait().unwrap();
    stopping.join().unwrap();
}

#[test]
fn plain_links_do_not_leave_the_machine_here_either() {
    let peer = RealmName::parse("realm2").unwrap();
    let mut settings = Settings::new(
        config().peer(PeerConfig::new(peer.clone())),
        "127.0.0.1:0".parse().unwrap(),
    );
    let unsaid = Server::start(settings.clone());
    let plain = PeerSettings::new(PeerSecurity::Plain);
    let plain = plain.address("192.0.2.1:9899".parse().unwrap());
    settings.peers.insert(peer, plain);

    let refused = Server::start(settings);

    assert!(matches!(unsaid, Err(StartError::Peer(peer)) if peer.as_str() == "realm2"));
    assert!(
        matches!(refused, Err(StartError::PlainLink(address)) if address.to_string() == "192.0.2.1:9899")
    );
}

#[test]
fn what_the_engine_does_not_take_is_an_error() {
    let twice = config().user(UserConfig::new("messi", "", "", "x").unwrap());

    let refused = Server::start(Settings::new(twice, "127.0.0.1:0".parse().unwrap()));

    assert_eq!(
        refused.err().unwrap().to_string(),
        "the user messi is named twice"
    );
}
