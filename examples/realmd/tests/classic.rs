//! Classic neighbours over sockets: who answers slowly, wrongly or not at all, and who only pretends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod common;

use common::{Client, PATIENCE, REALM1, eventually, start};
use realmd::Server;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

const SENT: &str = "{\"status\": \"OK\", \"message\": \"Message Sent\"}";
const AWAY: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan sedang tidak terhubung\", \"code\": \"realm_away\"}";
const UNCLEAR: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan tidak menjawab, tidak diketahui apakah pesan sampai\", \"code\": \"delivery_unknown\"}";
const QUEUE_FULL: &str = "{\"status\": \"ERROR\", \"message\": \"Antrean ke realm tujuan penuh, coba lagi nanti\", \"code\": \"queue_full\"}";

/// realm1 with the classic neighbour `lama`, which has an address, a listener here, or both.
fn realm(address: Option<SocketAddr>, is_heard: bool, limits: &str) -> Server {
    let address = address.map_or_else(String::new, |at| format!("address = \"{at}\"\n"));
    let listen = if is_heard {
        "listen = \"127.0.0.1:0\"\n"
    } else {
        ""
    };
    start(&format!(
        "{REALM1}\n[[peers]]\nname = \"lama\"\nmode = \"classic\"\ninsecure = true\n{address}{listen}\n[limits]\n{limits}\n"
    ))
}

fn heard_at(server: &Server) -> SocketAddr {
    *server.classic_addresses().values().next().unwrap()
}

/// A server that reads one request on each connection and tells it; `answer` gets what to do then.
fn neighbour(
    answer: impl Fn(TcpStream) + Clone + Send + 'static,
) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (answer, tell) = (answer.clone(), tell.clone());
            std::thread::spawn(move || {
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                while !request.ends_with(b"\r\n")
                    && let Ok(count @ 1..) = stream.read(&mut buffer)
                {
                    request.extend_from_slice(&buffer[..count]);
                }
                let _ = tell.send(String::from_utf8(request).unwrap());
                answer(stream);
            });
        }
    });
    (address, told)
}

/// Holds the connection until the other side lets go of it.
fn silent(mut stream: TcpStream) {
    let mut buffer = [0; 64];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

#[test]
fn two_of_these_servers_are_classic_neighbours_too() {
    let two = realm(None, true, "");
    let one = realm(Some(heard_at(&two)), false, "");
    let (mut messi, m) = Client::login(one.client_address(), "messi", "surabaya");
    let (mut lineker, l) = Client::login(two.client_address(), "lineker", "surabaya");

    let known = messi.ask(&format!("send {m} lineker@lama  apa kabar \r\n"));
    let unknown = messi.ask(&format!("send {m} siapa halo\r\n"));

    assert_eq!(known, SENT);
    assert_eq!(
        unknown,
        "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}"
    );
    assert_eq!(
        lineker.ask(&format!("inbox {l}\r\n")),
        "{\"status\": \"OK\", \"messages\": {\"messi@lama\": [{\"msg_from\": \"messi@lama\", \"msg_to\": \"Gary Lineker\", \"msg\": \"  apa kabar \\r\\n\"}]}}"
    );
}

#[test]
fn a_neighbour_that_is_silent_holds_up_nobody_but_the_sender() {
    let (address, asked) = neighbour(silent);
    let server = realm(Some(address), false, "classic_ms_max = 60_000");
    let (mut messi, m) = Client::login(server.client_address(), "messi", "surabaya");
    let (mut henderson, h) = Client::login(server.client_address(), "henderson", "surabaya");

    messi.send(&format!("send {m} budi hi\r\ninbox {m}\r\n"));
    let request = asked.recv_timeout(PATIENCE).unwrap();
    let others = henderson.ask(&format!("send {h} messi hi\r\n"));

    assert_eq!(request, "server send messi budi hi\r\n");
    assert_eq!(others, SENT);
    assert_eq!(messi.reply_at_once(), None);
    server.stop().unwrap();
    assert_eq!(messi.reply(), UNCLEAR);
    assert!(messi.rest().contains("shutting_down"));
}

#[test]
fn calls_are_bounded_and_all_end() {
    let is_open = Arc::new(AtomicBool::new(true));
    let held = Arc::clone(&is_open);
    let (address, asked) = neighbour(move |_| {
        eventually("the neighbour hangs up", || {
            (!held.load(Ordering::SeqCst)).then_some(())
        });
    });
    let limits = "classic_ms_max = 60_000\nclassic_calls_max = 4";
    let server = realm(Some(address), false, limits);
    let (_, m) = Client::login(server.client_address(), "messi", "surabaya");
    let call = || {
        let mut client = Client::connect(server.client_address());
        client.send(&format!("send {m} budi@lama hi\r\n"));
        client
    };

    let mut clients = [(); 4].map(|()| {
        let client = call();
        asked.recv_timeout(PATIENCE).unwrap();
        client
    });
    let refused = call().reply();
    is_open.store(false, Ordering::SeqCst);
    let ended = clients.each_mut().map(Client::reply);
    let again = call().reply();

    assert_eq!(refused, QUEUE_FULL);
    assert_eq!(ended, [UNCLEAR; 4]);
    assert_eq!(again, UNCLEAR);
}

#[test]
fn what_cannot_be_reached_was_sent_nothing() {
    // Its backlog is used up: whoever comes now is neither let in nor refused.
    let crowded = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    crowded.bind(&any.into()).unwrap();
    crowded.listen(0).unwrap();
    let address = crowded.local_addr().unwrap().as_socket().unwrap();
    let waiting: Vec<Socket> = (0..8)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    let server = realm(Some(address), false, "classic_ms_max = 1_000");
    let (mut messi, m) = Client::login(server.client_address(), "messi", "surabaya");

    let reply = messi.ask(&format!("send {m} budi@lama hi\r\n"));

    assert_eq!(reply, AWAY);
    drop(waiting);
}

#[test]
fn more_than_the_sockets_hold_arrives_whole() {
    const OK: &[u8] = b"{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n";
    let (address, asked) = neighbour(|mut stream| stream.write_all(OK).unwrap());
    let limits = "line_bytes_max = 16_777_216\nclassic_ms_max = 60_000";
    let server = realm(Some(address), false, limits);
    let (mut messi, m) = Client::login(server.client_address(), "messi", "surabaya");
    // More than their buffers.
    let text = "x".repeat(6_000_000);

    let reply = messi.ask(&format!("send {m} budi@lama {text}\r\n"));

    assert_eq!(reply, SENT);
    let request = asked.recv_timeout(PATIENCE).unwrap();
    assert!(request == format!("server send messi budi {text}\r\n"));
}

#[test]
fn strangers_on_its_port_are_answered_and_can_do_nothing_else() {
    let server = realm(
        None,
        true,
        "line_ms_max = 200\nconnections_per_address_max = 64",
    );
    let (mut messi, m) = Client::login(server.client_address(), "messi", "surabaya");
    let mut strangers: Vec<Client> = (0..30)
        .map(|_| Client::connect(heard_at(&server)))
        .collect();

    for (at, stranger) in strangers.iter_mut().enumerate() {
        match at % 5 {
            0 => stranger.send("server send amsal messi ha"),
            1 => stranger.send(&format!("inbox {m}\r\n")),
            2 => stranger.send("auth messi surabaya\r\n"),
            3 => stranger.half_close(),
            _ => stranger.stream.write_all(&vec![0xff; 200_000]).unwrap(),
        }
    }

    for (at, stranger) in strangers.iter_mut().enumerate() {
        match at % 5 {
            0 => assert!(stranger.reply().contains("line_timeout")),
            1 | 2 => assert!(stranger.reply().contains("**Protocol Tidak Benar")),
            3 => stranger.ends(),
            // On a slow machine its time may be over first.
            _ => {
                let reply = stranger.reply();
                assert!(reply.contains("line_too_long") || reply.contains("line_timeout"));
            }
        }
    }
    let mut genuine = Client::connect(heard_at(&server));
    assert!(
        genuine
            .ask("server send amsal messi halo\r\n")
            .contains("\"sendback\"")
    );
    let inbox = messi.ask(&format!("inbox {m}\r\n"));
    assert_eq!(inbox.matches("msg_from").count(), 1, "{inbox}");
}

#[test]
fn a_realm_that_ends_lets_go_of_the_port() {
    let server = realm(None, true, "");
    let address = heard_at(&server);
    let mut genuine = Client::connect(address);
    genuine.ask("check group amsal bukber other \r\n");

    server.stop().unwrap();

    eventually("the port is closed", || {
        Client::connect_if_there(address).is_none().then_some(())
    });
}
