//! A chat over a real connection, and a screen that may fail.

use super::*;
use std::net::TcpListener;

const LOGGED_IN: &[u8] = b"{\"status\": \"OK\", \"tokenid\": \"T\"}\r\n\r\n";
const HELLO: &[u8] = b"{\"status\": \"OK\", \"commands\": [\"peek\", \"ack\"]}\r\n\r\n";
const PAGE: &[u8] = b"{\"status\": \"OK\", \"messages\": [{\"id\": 3, \"from\": \"messi\", \
    \"msg_from\": \"messi\", \"msg_to\": \"henderson\", \"msg\": \"hi\", \"ts\": 0}], \
    \"left\": 0}\r\n\r\n";

/// What the server gets when a message is read on a screen that works or not.
fn requests(show: impl FnMut(&str) -> io::Result<()>) -> (String, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut conversation = Conversation::new(Style {
        readable: true,
        asks: true,
    });
    conversation.typed("auth henderson surabaya");
    conversation.received(LOGGED_IN);
    conversation.received(HELLO);
    conversation.typed("inbox");
    while conversation.poll_action().is_some() {}
    conversation.received(PAGE);
    let mut chat = Chat {
        stream,
        conversation,
        input: None,
        last: Instant::now(),
        sent: Instant::now(),
    };

    let carried_out = chat.carry_out(show).is_ok();
    drop(chat);
    let mut requests = String::new();
    server.read_to_string(&mut requests).unwrap();
    (requests, carried_out)
}

#[test]
fn a_message_that_was_shown_is_taken_out() {
    let mut screen = String::new();

    let requests = requests(|text| {
        screen.push_str(text);
        Ok(())
    });

    assert_eq!(requests, ("ack T 3\r\n".to_owned(), true));
    assert_eq!(screen, "messi: hi");
}

#[test]
fn a_message_that_could_not_be_shown_stays() {
    let requests = requests(|_| Err(io::ErrorKind::BrokenPipe.into()));

    assert_eq!(requests, (String::new(), false));
}
