//! Connections, lines, and the bytes that wait on either side of them.

use crate::common::{
    SENT, Site, UNKNOWN_COMMAND, UNKNOWN_USER, example, example_with_peer, limits,
};
use chatproto::link::frame::Frame;
use chatproto::{CloseReason, Direction, ErrorCode, Event, Output};

const TOO_MANY: &str = "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak koneksi, coba lagi nanti\", \"code\": \"too_many_connections\"}\r\n\r\n";
const TOO_MANY_FROM_THERE: &str = "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak koneksi dari alamat ini\", \"code\": \"address_connections\"}\r\n\r\n";
const EVICTED: &str = "{\"status\": \"ERROR\", \"message\": \"Koneksi diam terlalu lama dan tempatnya dibutuhkan\", \"code\": \"idle_evicted\"}\r\n\r\n";
const TOO_LONG: &str = "{\"status\": \"ERROR\", \"message\": \"Baris terlalu panjang, kirim dalam beberapa bagian\", \"code\": \"line_too_long\"}\r\n\r\n";
const TIMED_OUT: &str = "{\"status\": \"ERROR\", \"message\": \"Baris tidak selesai, akhiri setiap baris dengan CR LF\", \"code\": \"line_timeout\"}\r\n\r\n";
const TOO_FEW: &str = "{\"status\": \"ERROR\", \"message\": \"--Protocol Tidak Benar\"}\r\n\r\n";

fn site(values: &[(&str, u64)]) -> Site {
    Site::new(example(1).limits(limits(values)))
}

#[test]
fn one_connection_past_connections_max_is_refused() {
    let mut it = site(&[("connections_max", 2), ("idle_ms_min", 1_000)]);
    let (first, second) = (it.open(), it.open());
    it.wait(999);

    let third = it.open();

    assert_eq!(it.read(third), TOO_MANY);
    let refused = Event::Refused {
        connection: third,
        code: ErrorCode::TooManyConnections,
    };
    assert_eq!(
        it.outputs,
        [
            Output::Event(refused),
            Output::Close(third, CloseReason::Refused)
        ]
    );
    assert_eq!(it.say(first, "x\r\n"), UNKNOWN_COMMAND);
    assert_eq!(it.say(second, "x\r\n"), UNKNOWN_COMMAND);
}

#[test]
fn at_connections_max_the_longest_idle_makes_room_after_idle_ms_min() {
    let mut it = site(&[("connections_max", 2), ("idle_ms_min", 1_000)]);
    let first = it.open();
    it.wait(10);
    let second = it.open();
    it.wait(500);
    it.say(first, "x\r\n");
    it.wait(500);

    let third = it.open();

    assert_eq!(it.read(second), EVICTED);
    assert_eq!(
        it.outputs,
        [Output::Close(second, CloseReason::IdleEvicted)]
    );
    assert_eq!(it.say(first, "x\r\n"), UNKNOWN_COMMAND);
    assert_eq!(it.say(third, "x\r\n"), UNKNOWN_COMMAND);
}

#[test]
fn a_member_of_a_live_group_never_makes_room() {
    let mut it = site(&[("connections_max", 1), ("idle_ms_min", 0)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    it.say(messi, &format!("group {token} bukber origin \r\n"));
    it.wait(100_000);

    let other = it.open();

    assert_eq!(it.read(other), TOO_MANY);
    assert_eq!(it.say(messi, "halo"), "messi: halo");
}

#[test]
fn one_connection_past_connections_per_address_max_is_refused() {
    let mut it = site(&[("connections_per_address_max", 2)]);
    let first = it.open_from("10.0.0.1");
    let second = it.open_from("10.0.0.1");

    let third = it.open_from("10.0.0.1");
    let elsewhere = it.open_from("10.0.0.2");
    it.hang_up(second);
    let fourth = it.open_from("10.0.0.1");

    assert_eq!(it.read(third), TOO_MANY_FROM_THERE);
    assert!(
        it.outputs
            .contains(&Output::Close(third, CloseReason::Refused))
    );
    for id in [first, elsewhere, fourth] {
        assert_eq!(it.say(id, "x\r\n"), UNKNOWN_COMMAND);
    }
}

#[test]
fn a_line_of_line_bytes_max_is_read_and_one_byte_more_is_not() {
    let mut it = site(&[("line_bytes_max", 256)]);
    let id = it.open();

    let longest = it.say(id, &format!("{}\r\n", "x".repeat(254)));
    let longer = it.say(id, &format!("{}\r\n", "x".repeat(255)));
    let much_longer = it.say(id, &"x".repeat(257));
    let its_rest = it.say(id, &"x".repeat(10_000));
    let next = it.say(id, "xx\r\nauth\r\n");

    assert_eq!(longest, UNKNOWN_COMMAND);
    assert_eq!(longer, TOO_LONG);
    assert_eq!(much_longer, TOO_LONG);
    assert_eq!(its_rest, "");
    assert_eq!(next, TOO_FEW);
}

#[test]
fn a_line_has_line_ms_max_to_end() {
    let mut it = site(&[("line_ms_max", 1_000)]);
    let id = it.open();

    it.say(id, "au");
    it.wait(999);
    let in_time = it.say(id, "th\r\n");
    it.say(id, "au");
    it.wait(999);
    let nothing_yet = it.read(id);
    it.wait(1);
    let late = it.read(id);
    let rest_and_next = it.say(id, "th\r\nx\r\n");

    assert_eq!(in_time, TOO_FEW);
    assert_eq!(nothing_yet, "");
    assert_eq!(late, TIMED_OUT);
    assert_eq!(rest_and_next, UNKNOWN_COMMAND);
}

#[test]
fn somebody_idle_between_lines_is_never_timed() {
    let mut it = site(&[("line_ms_max", 1_000)]);
    let id = it.open();
    it.say(id, "auth\r\n");

    it.wait(1_000_000);

    assert_eq!(it.read(id), "");
    assert_eq!(it.say(id, "x\r\n"), UNKNOWN_COMMAND);
}

#[test]
fn reading_pauses_past_waiting_bytes_max_and_goes_on_after_the_answer() {
    let config = example_with_peer(1, 2).limits(limits(&[("waiting_bytes_max", 1_000)]));
    let mut it = Site::new(config);
    let (messi, token) = it.log_in("messi", "surabaya");
    let link = it.greeted_by("realm2", Direction::Accepted);
    it.say(messi, &format!("send {token} amsal hi\r\n"));
    it.outputs.clear();

    // A read that waits counts 32 bytes more than it has.
    it.receive(messi, "x\r\n".repeat(322).as_bytes());
    it.receive(messi, b"");
    assert_eq!(it.outputs, []);
    it.receive(messi, b"auth\r\n");
    assert_eq!(it.outputs, [Output::PauseRead(messi)]);
    it.receive(messi, b"auth\r\n");
    assert_eq!(it.read(messi), "");
    it.deliver(link, &[Frame::Answer { id: 1, found: true }]);

    let replies = [SENT, &UNKNOWN_COMMAND.repeat(322), TOO_FEW, TOO_FEW].concat();
    assert_eq!(it.read(messi), replies);
    assert_eq!(
        it.outputs,
        [Output::PauseRead(messi), Output::ResumeRead(messi)]
    );
}

#[test]
fn one_read_past_waiting_bytes_max_pauses_reading_too() {
    let config = example_with_peer(1, 2).limits(limits(&[("waiting_bytes_max", 1_000)]));
    let mut it = Site::new(config);
    let (messi, token) = it.log_in("messi", "surabaya");
    it.greeted_by("realm2", Direction::Accepted);
    it.outputs.clear();
    let lines = format!("send {token} siapa hi\r\n{}", "x\r\n".repeat(400));

    it.receive(messi, lines.as_bytes());
    let paused = std::mem::take(&mut it.outputs);
    it.wait(1_000);

    assert_eq!(paused, [Output::PauseRead(messi)]);
    assert_eq!(it.outputs, [Output::ResumeRead(messi)]);
    let replies = [UNKNOWN_USER, &UNKNOWN_COMMAND.repeat(400)].concat();
    assert_eq!(it.read(messi), replies);
}

#[test]
fn lines_wait_while_outgoing_bytes_max_is_unread() {
    let mut it = site(&[("outgoing_bytes_max", 1_024)]);
    let id = it.open();
    it.deaf.insert(id);

    it.receive(id, "x\r\n".repeat(100).as_bytes());
    it.receive(id, b"auth\r\n");

    // 17 replies of 60 bytes are 1,020: the 18th is over the limit, the 19th waits.
    assert_eq!(UNKNOWN_COMMAND.len(), 60);
    assert_eq!(it.realm.outgoing(id).len(), 18 * 60);
    it.realm.sent(id, 9 * 60, it.now).unwrap();
    assert_eq!(it.realm.outgoing(id).len(), 9 * 60);
    it.realm.sent(id, 60, it.now).unwrap();
    assert_eq!(it.realm.outgoing(id).len(), 18 * 60);
    it.listen(id);
    assert_eq!(it.read(id), [&UNKNOWN_COMMAND.repeat(90), TOO_FEW].concat());
}

#[test]
fn an_inbox_stays_full_while_nobody_reads_the_reply_before_it() {
    let mut it = site(&[("outgoing_bytes_max", 1_024)]);
    let (messi, token) = it.log_in("messi", "surabaya");
    let long = "x".repeat(2_000);
    it.say(messi, &format!("send {token} messi {long}\r\n"));
    it.deaf.insert(messi);

    it.receive(messi, format!("inbox {token}\r\n").repeat(3).as_bytes());
    let (henderson, other) = it.log_in("henderson", "surabaya");
    it.say(henderson, &format!("send {other} messi hi\r\n"));
    it.listen(messi);

    let read = it.read(messi);
    let replies: Vec<_> = read.split_terminator("\r\n\r\n").collect();
    assert_eq!(replies.len(), 3);
    assert!(replies[0].contains(&long));
    assert_eq!(
        replies[1],
        "{\"status\": \"OK\", \"messages\": {\"messi\": [], \"henderson\": [{\"msg_from\": \"Jordan Henderson\", \"msg_to\": \"Lionel Messi\", \"msg\": \" hi\\r\\n\"}]}}"
    );
    assert_eq!(
        replies[2],
        "{\"status\": \"OK\", \"messages\": {\"messi\": [], \"henderson\": []}}"
    );
}

#[test]
fn last_words_are_cut_after_close_ms_max() {
    let mut it = site(&[("close_ms_max", 1_000)]);
    let id = it.open();
    it.deaf.insert(id);
    it.receive(id, b"quit\r\n");

    it.wait(999);
    assert_eq!(it.outputs, []);
    it.wait(1);

    assert_eq!(it.outputs, [Output::Close(id, CloseReason::Quit)]);
    assert_eq!(it.realm.outgoing(id), b"");
}
