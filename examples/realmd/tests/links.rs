//! Realms of one process that are linked with each other.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod common;

use common::{Client, PATIENCE, eventually, inbox_with, start};
use realmd::Server;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A realm with one user, called by some peers and calling others.
fn realm(name: &str, user: &str, called_by: &[&str], calls: &[(&str, SocketAddr)]) -> Server {
    let mut text = format!(
        "name = \"{name}\"\nclient = {{ address = \"127.0.0.1:0\" }}\n\
         link = {{ address = \"127.0.0.1:0\", insecure = true }}\n\
         [[users]]\nname = \"{user}\"\npassword = \"p\"\n"
    );
    for peer in called_by {
        writeln!(text, "[[peers]]\nname = \"{peer}\"\nmode = \"plain\"").unwrap();
    }
    for (peer, address) in calls {
        writeln!(
            text,
            "[[peers]]\nname = \"{peer}\"\nmode = \"plain\"\naddress = \"{address}\""
        )
        .unwrap();
    }
    text +=
        "[limits]\nredial_ms_min = 20\nredial_ms_max = 200\nconnections_per_address_max = 1000\n";
    start(&text)
}

fn link(server: &Server) -> SocketAddr {
    server.link_address().unwrap()
}

/// Sends to a realm that may be not linked yet, until it is taken.
fn send(client: &mut Client, token: &str, to: &str, text: &str) {
    eventually("the message is taken", || {
        let reply = client.ask(&format!("send {token} {to} {text}\r\n"));
        reply.contains("Message Sent").then_some(())
    });
}

/// Reads messages such as `n17;` until so many have come, and returns their numbers.
fn read_numbers(client: &mut Client, token: &str, count: usize) -> Vec<usize> {
    let mut read = Vec::new();
    eventually("all messages arrive", || {
        let reply = client.ask(&format!("inbox {token}\r\n"));
        let texts = reply.split("\"msg\": \" n").skip(1);
        read.extend(texts.map(|text| text.split(';').next().unwrap().parse::<usize>().unwrap()));
        (read.len() >= count).then_some(())
    });
    read
}

#[test]
fn messages_pass_between_two_realms_both_ways() {
    let one = realm("realm1", "messi", &["realm2"], &[]);
    let two = realm("realm2", "amsal", &[], &[("realm1", link(&one))]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");

    send(&mut messi, &m, "amsal", "apa kabar");
    send(&mut amsal, &a, "messi", "jadi main mes?");

    let there = inbox_with(&mut amsal, &a, "apa kabar");
    assert!(there.contains("{\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"amsal\", \"msg\": \" apa kabar\\r\\n\"}]}"), "{there}");
    let here = inbox_with(&mut messi, &m, "jadi main mes?");
    assert!(
        here.contains("{\"amsal\": [{\"msg_from\": \"amsal\","),
        "{here}"
    );
}

#[test]
fn three_realms_reach_one_another() {
    let one = realm("realm1", "messi", &["realm2", "realm3"], &[]);
    let two = realm("realm2", "amsal", &["realm3"], &[("realm1", link(&one))]);
    let three = realm(
        "realm3",
        "slamet",
        &[],
        &[("realm1", link(&one)), ("realm2", link(&two))],
    );
    let users = [
        ("messi", "realm1", &one),
        ("amsal", "realm2", &two),
        ("slamet", "realm3", &three),
    ];
    let mut clients: Vec<(Client, String)> = users
        .iter()
        .map(|(user, _, server)| Client::login(server.client_address(), user, "p"))
        .collect();

    for (from, (sender, ..)) in users.iter().enumerate() {
        for (to, realm, _) in users.iter().filter(|(to, ..)| to != sender) {
            let (client, token) = &mut clients[from];
            send(
                client,
                token,
                &format!("{to}@{realm}"),
                &format!("{sender} menyapa {to}"),
            );
        }
    }

    for (at, (reader, ..)) in users.iter().enumerate() {
        let mut missing: Vec<String> = users
            .iter()
            .filter(|(s, ..)| s != reader)
            .map(|(s, ..)| format!("{s} menyapa {reader}"))
            .collect();
        let (client, token) = &mut clients[at];
        eventually("a message from each of the others", || {
            let reply = client.ask(&format!("inbox {token}\r\n"));
            missing.retain(|text| !reply.contains(text));
            missing.is_empty().then_some(())
        });
    }
}

#[test]
fn a_live_group_spans_two_realms() {
    let one = realm("realm1", "messi", &["realm2"], &[]);
    let two = realm("realm2", "amsal", &[], &[("realm1", link(&one))]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    // Once mail passes, the link is up.
    send(&mut amsal, &a, "messi", "grup?");
    inbox_with(&mut messi, &m, "grup?");

    messi.send(&format!("group {m} bukber origin \r\n"));
    messi.until("messi telah bergabung");
    amsal.send(&format!("group {a} bukber origin \r\n"));
    amsal.until("amsal telah bergabung");
    messi.until("amsal telah bergabung");
    amsal.send("halo dari sana");
    messi.until("amsal: halo dari sana");
    messi.send("halo dari sini");
    amsal.until("messi: halo dari sini");
    amsal.send("exit");

    amsal.until("exit");
    assert_eq!(
        amsal.reply(),
        "{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}"
    );
    messi.until("amsal meninggalkan group");
}

/// Passes bytes on until it is cut, and takes new connections all the time.
struct Proxy {
    address: SocketAddr,
    /// Where to; connections that come before it is known are dropped.
    to: Arc<Mutex<Option<SocketAddr>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(to: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            to: Arc::new(Mutex::new(to)),
            open: Arc::default(),
        };
        let (to, open) = (Arc::clone(&proxy.to), Arc::clone(&proxy.open));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let to = *to.lock().unwrap();
                let Some(Ok(far)) = to.map(TcpStream::connect) else {
                    continue;
                };
                for (from, into) in [(&near, &far), (&far, &near)] {
                    let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    std::thread::spawn(move || pass_on(from, into));
                }
                open.lock().unwrap().extend([near, far]);
            }
        });
        proxy
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts and drops whoever comes, until it is opened again.
    fn close(&self) {
        *self.to.lock().unwrap() = None;
        self.cut();
    }

    fn open(&self, to: SocketAddr) {
        *self.to.lock().unwrap() = Some(to);
    }
}

fn pass_on(mut from: TcpStream, mut into: TcpStream) {
    // Small pieces, so that a cut falls into the middle of things.
    let mut buffer = [0; 97];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if into.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = into.shutdown(Shutdown::Both);
}

#[test]
fn what_a_cut_link_held_up_arrives_once_and_in_order() {
    const MESSAGES: usize = 600;
    let one = realm("realm1", "messi", &["realm2"], &[]);
    let proxy = Proxy::start(Some(link(&one)));
    let two = realm("realm2", "amsal", &[], &[("realm1", proxy.address)]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    send(&mut amsal, &a, "messi", "n0;");

    for n in 1..MESSAGES {
        // Every hundredth is sent while the line is being cut.
        if n % 100 == 50 {
            proxy.cut();
        }
        send(&mut amsal, &a, "messi@realm1", &format!("n{n};"));
    }

    let read = read_numbers(&mut messi, &m, MESSAGES);
    assert_eq!(read, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
fn realms_that_call_each_other_still_deliver_once() {
    const MESSAGES: usize = 200;
    let proxy = Proxy::start(None);
    let one = realm("realm1", "messi", &[], &[("realm2", proxy.address)]);
    let two = realm("realm2", "amsal", &[], &[("realm1", link(&one))]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    send(&mut amsal, &a, "messi", "n0;");

    // Now the other one gets through as well, again and again.
    proxy.open(link(&two));
    for n in 1..MESSAGES {
        if n % 50 == 25 {
            proxy.cut();
        }
        send(&mut amsal, &a, "messi@realm1", &format!("n{n};"));
    }

    let read = read_numbers(&mut messi, &m, MESSAGES);
    assert_eq!(read, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
fn members_of_a_group_whose_home_is_cut_off_are_told_and_come_back() {
    let one = realm("realm1", "messi", &["realm2"], &[]);
    let proxy = Proxy::start(Some(link(&one)));
    let two = realm("realm2", "amsal", &[], &[("realm1", proxy.address)]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    send(&mut amsal, &a, "messi", "grup?");
    messi.send(&format!("group {m} bukber origin \r\n"));
    messi.until("messi telah bergabung");
    amsal.send(&format!("group {a} bukber origin \r\n"));
    amsal.until("amsal telah bergabung");

    proxy.close();
    messi.until("amsal meninggalkan group");
    amsal.until("*realm1* tidak terhubung, grup bukber menunggu");
    amsal.send("ada orang?");
    amsal.until("*realm1* tidak terhubung, grup bukber menunggu");
    proxy.open(link(&one));

    amsal.until("amsal telah bergabung");
    messi.until("amsal telah bergabung");
    amsal.send("halo lagi");
    messi.until("amsal: halo lagi");
}

#[test]
fn a_peer_that_comes_later_gets_what_was_sent_before() {
    let one = realm("realm1", "messi", &["realm2"], &[]);
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");

    let early = messi.ask(&format!("send {m} amsal@realm2 nanti\r\n"));
    let two = realm("realm2", "amsal", &[], &[("realm1", link(&one))]);

    assert_eq!(early, "{\"status\": \"OK\", \"message\": \"Message Sent\"}");
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    inbox_with(&mut amsal, &a, "nanti");
}

#[test]
fn a_realm_without_peers_has_no_link_port() {
    let alone = realm("realm1", "messi", &[], &[]);

    assert_eq!(alone.link_address(), None);
}

#[test]
fn strangers_at_the_link_port_are_few_and_soon_gone() {
    let server = start(
        "name = \"realm1\"\nclient = { address = \"127.0.0.1:0\" }\n\
         link = { address = \"127.0.0.1:0\", insecure = true }\n\
         peers = [{ name = \"realm2\", mode = \"plain\" }]\nlimits = { handshake_ms_max = 300 }\n",
    );
    let mut strangers: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(link(&server)).unwrap())
        .collect();

    for stranger in &mut strangers {
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // An end or a reset, but not silence.
        if let Err(error) = stranger.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn noise_at_the_link_port_stops_nobody() {
    let one = realm("realm1", "messi", &["realm2"], &[]);
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 9_000],
        b"realm-link/1 plain realm2 realm1\n\n{}\n",
    ] {
        let mut stranger = TcpStream::connect(link(&one)).unwrap();
        // It may be cut off while it speaks.
        let _ = stranger.write_all(bytes);
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        if let Err(error) = stranger.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }

    let two = realm("realm2", "amsal", &[], &[("realm1", link(&one))]);
    let (mut amsal, a) = Client::login(two.client_address(), "amsal", "p");
    send(&mut amsal, &a, "messi", "tetap jalan");
    let (mut messi, m) = Client::login(one.client_address(), "messi", "p");
    inbox_with(&mut messi, &m, "tetap jalan");
}
