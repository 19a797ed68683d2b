//! Clients of one realm, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod common;

use common::{Client, eventually, start, start_with};
use std::io::Write;
use std::net::TcpStream;

const NO_USER: &str = "{\"status\": \"ERROR\", \"message\": \"User Tidak Ada\"}";
const NO_TOKEN: &str = "{\"status\": \"ERROR\", \"message\": \"Informasi tidak ditemukan\"}";

#[test]
fn a_message_goes_from_one_client_to_another() {
    let server = start(common::REALM1);
    let (mut messi, sender) = Client::login(server.client_address(), "messi", "surabaya");
    let (mut henderson, reader) = Client::login(server.client_address(), "henderson", "surabaya");

    let sent = messi.ask(&format!("send {sender} henderson hi\r\n"));

    assert_eq!(sent, "{\"status\": \"OK\", \"message\": \"Message Sent\"}");
    assert_eq!(
        henderson.ask(&format!("inbox {reader} \r\n")),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"Lionel Messi\", \
         \"msg_to\": \"Jordan Henderson\", \"msg\": \" hi\\r\\n\"}]}}"
    );
    assert_eq!(
        henderson.ask(&format!("inbox {reader}\r\n")),
        "{\"status\": \"OK\", \"messages\": {\"messi\": []}}"
    );
    assert_eq!(
        messi.ask(&format!("activeuser {sender}\r\n")),
        "{\"status\": \"OK\", \"message\": \"messi, henderson, \"}"
    );
    assert_eq!(
        messi.ask(&format!("logout {sender}\r\n")),
        "{\"status\": \"OK\", \"messages\": \"Logged Out!\"}"
    );
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let server = start(common::REALM1);
    let mut client = Client::connect(server.client_address());

    client.send("auth nobody x\r\ninbox nothing\r\nauth messi wrong\r\nhm\r\n");

    assert_eq!(client.reply(), NO_USER);
    assert_eq!(client.reply(), NO_TOKEN);
    assert_eq!(
        client.reply(),
        "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}"
    );
    assert_eq!(
        client.reply(),
        "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}"
    );
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = start(common::REALM1);
    let mut client = Client::connect(server.client_address());

    for byte in b"auth nobody x \r\n" {
        client.stream.write_all(&[*byte]).unwrap();
    }

    assert_eq!(client.reply(), NO_USER);
}

#[test]
fn who_sends_no_more_still_gets_all_answers_and_then_the_end() {
    let server = start(common::REALM1);
    let mut client = Client::connect(server.client_address());

    client.send(&"inbox nothing\r\n".repeat(500));
    client.half_close();

    assert_eq!(client.rest(), format!("{NO_TOKEN}\r\n\r\n").repeat(500));
}

#[test]
fn megabytes_in_one_go_are_answered_to_the_last_line() {
    const LINES: usize = 100_000;
    let server = start(common::REALM1);
    let mut client = Client::connect(server.client_address());
    let mut writing = client.stream.try_clone().unwrap();

    // Far more than any buffer on the way holds: it takes pauses and partial writes.
    let writer = std::thread::spawn(move || {
        writing.write_all("inbox nothing-of-the-kind\r\n".repeat(LINES).as_bytes())
    });
    for _ in 0..LINES {
        assert_eq!(client.reply(), NO_TOKEN);
    }

    writer.join().unwrap().unwrap();
    assert_eq!(client.ask("auth nobody x\r\n"), NO_USER);
}

#[test]
fn who_does_not_read_harms_only_itself() {
    const LINES: usize = 200_000;
    let server = start(common::REALM1);
    let mut slow = Client::connect(server.client_address());
    let mut quick = Client::connect(server.client_address());
    let mut writing = slow.stream.try_clone().unwrap();

    let writer =
        std::thread::spawn(move || writing.write_all("inbox nothing\r\n".repeat(LINES).as_bytes()));
    for _ in 0..1_000 {
        assert_eq!(quick.ask("inbox nothing\r\n"), NO_TOKEN);
    }

    for _ in 0..LINES {
        assert_eq!(slow.reply(), NO_TOKEN);
    }
    writer.join().unwrap().unwrap();
}

#[test]
fn one_connection_too_many_from_an_address_is_told_why() {
    let server = start_with("connections_per_address_max = 2");
    let mut first = Client::connect(server.client_address());
    let mut second = Client::connect(server.client_address());
    assert_eq!(first.ask("auth nobody x\r\n"), NO_USER);
    assert_eq!(second.ask("auth nobody x\r\n"), NO_USER);

    let mut third = Client::connect(server.client_address());
    // What it sends must not let the words it is sent get lost.
    third.send(&"x".repeat(100_000));

    assert_eq!(
        third.rest(),
        "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak koneksi dari alamat ini\", \
         \"code\": \"address_connections\"}\r\n\r\n"
    );
    drop(first);
    let mut fourth = eventually("a place is free again", || {
        let mut client = Client::connect(server.client_address());
        client.send("auth nobody x\r\n");
        (client.reply() == NO_USER).then_some(client)
    });
    assert_eq!(fourth.ask("auth nobody x\r\n"), NO_USER);
    assert_eq!(second.ask("auth nobody x\r\n"), NO_USER);
}

#[test]
fn at_the_limit_the_idle_make_room() {
    let server = start_with("connections_max = 3\nidle_ms_min = 0");
    let mut idle = Client::connect(server.client_address());
    assert_eq!(idle.ask("auth nobody x\r\n"), NO_USER);
    let others: Vec<Client> = (0..3)
        .map(|_| {
            let mut client = Client::connect(server.client_address());
            assert_eq!(client.ask("auth nobody x\r\n"), NO_USER);
            client
        })
        .collect();

    let last_words = idle.rest();

    assert!(
        last_words.contains("\"code\": \"idle_evicted\""),
        "{last_words}"
    );
    assert_eq!(others.len(), 3);
}

#[test]
fn hundreds_come_at_once_and_each_is_served() {
    let server = start_with("connections_per_address_max = 1000");

    let mut clients: Vec<Client> = (0..500)
        .map(|_| Client::connect(server.client_address()))
        .collect();

    for client in &mut clients {
        client.send("inbox nothing\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.reply(), NO_TOKEN);
    }
}

#[test]
fn a_live_group_reaches_all_members_and_exit_comes_by_itself() {
    let server = start(common::REALM1);
    let (mut messi, m) = Client::login(server.client_address(), "messi", "surabaya");
    let (mut henderson, h) = Client::login(server.client_address(), "henderson", "surabaya");
    messi.send(&format!("group {m} bukber origin \r\n"));
    messi.until("messi telah bergabung");
    henderson.send(&format!("group {h} bukber origin \r\n"));
    henderson.until("henderson telah bergabung");
    messi.until("henderson telah bergabung");

    messi.send("halo");
    assert_eq!(henderson.until("messi: halo"), "");
    assert_eq!(messi.until("messi: halo"), "");
    henderson.send("exit");

    assert_eq!(henderson.until("exit"), "");
    assert_eq!(
        henderson.reply(),
        "{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}"
    );
    messi.until("henderson meninggalkan group");
    assert!(henderson.ask(&format!("inbox {h}\r\n")).contains("\"OK\""));
}

#[test]
fn a_stopped_realm_says_goodbye_and_frees_its_port() {
    let server = start(common::REALM1);
    let address = server.client_address();
    let mut client = Client::connect(address);
    assert_eq!(client.ask("auth nobody x\r\n"), NO_USER);

    server.stop().unwrap();

    client.ends();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_realm_can_be_started_anew_on_its_port_at_once() {
    let server = start(common::REALM1);
    let address = server.client_address();
    let mut client = Client::connect(address);
    assert_eq!(client.ask("auth nobody x\r\n"), NO_USER);
    server.stop().unwrap();

    let again = start(&common::REALM1.replace("127.0.0.1:0", &address.to_string()));

    assert_eq!(again.client_address(), address);
    assert_eq!(Client::connect(address).ask("auth nobody x\r\n"), NO_USER);
}
