//! Classic neighbours.

use crate::common::{INBOX_FULL, SENT, Site, example, limits, name};
use chatproto::{ConnectionId, PeerConfig};

const QUEUE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Antrean ke realm tujuan penuh, coba lagi nanti\", \"code\": \"queue_full\"}\r\n\r\n";
const UNCLEAR: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan tidak menjawab, tidak diketahui apakah pesan sampai\", \"code\": \"delivery_unknown\"}\r\n\r\n";
const TAKEN: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";

/// realm1 with two classic neighbours.
fn site(values: &[(&str, u64)]) -> Site {
    let config = example(1)
        .peer(PeerConfig::classic(name("lama")))
        .peer(PeerConfig::classic(name("tua")));
    Site::new(config.limits(limits(values)))
}

/// Sends on a new connection.
fn send(it: &mut Site, token: &str, to: &str) -> ConnectionId {
    let id = it.open();
    it.receive(id, format!("send {token} {to} hi\r\n").as_bytes());
    id
}

#[test]
fn classic_calls_max_are_under_way_to_one_neighbour_and_not_one_more() {
    let mut it = site(&[("classic_calls_max", 2)]);
    let (_, token) = it.log_in("messi", "surabaya");
    let first = send(&mut it, &token, "budi@lama");
    let second = send(&mut it, &token, "siti@lama");
    let elsewhere = send(&mut it, &token, "budi@tua");
    let calls = it.calls();

    let third = send(&mut it, &token, "rina@lama");
    assert_eq!(it.read(third), QUEUE_FULL);
    it.answer(calls[0].0, TAKEN);
    let fourth = send(&mut it, &token, "rina@lama");

    assert_eq!(it.read(first), SENT);
    for waiting in [second, elsewhere, fourth] {
        assert_eq!(it.read(waiting), "");
    }
    assert_eq!((calls.len(), it.calls().len()), (3, 1));
}

#[test]
fn classic_ms_max_is_what_a_neighbour_has_to_answer() {
    let mut it = site(&[("classic_ms_max", 700)]);
    let (_, token) = it.log_in("messi", "surabaya");
    let prompt = send(&mut it, &token, "budi@lama");
    let silent = send(&mut it, &token, "siti@lama");
    let calls = it.calls();

    it.wait(699);
    it.answer(calls[0].0, TAKEN);
    assert_eq!(
        (it.read(prompt).as_str(), it.read(silent).as_str()),
        (SENT, "")
    );
    it.wait(1);
    assert_eq!(it.read(silent), UNCLEAR);
    it.answer(calls[1].0, TAKEN);

    assert_eq!(it.read(silent), "");
}

#[test]
fn classic_names_max_names_are_taken_from_one_neighbour_and_not_one_more() {
    let mut it = site(&[("classic_names_max", 2)]);
    let mut ask = |neighbour: &str, user: &str| {
        let id = it.neighbour(neighbour);
        it.say(id, &format!("server send {user} messi hi\r\n"))
    };

    let first = ask("lama", "satu");
    let second = ask("lama", "dua");
    let third = ask("lama", "tiga");
    let known = ask("lama", "dua");
    let elsewhere = ask("tua", "tiga");

    assert_eq!(third, INBOX_FULL);
    for taken in [first, second, known, elsewhere] {
        assert!(taken.contains("\"sendback\""), "{taken}");
    }
}
