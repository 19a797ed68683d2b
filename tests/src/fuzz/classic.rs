//! Clients that do anything at all, and classic neighbours that do too.

use super::house::House;
use super::seat::Seat;
use super::tape::Tape;
use chatproto::{ClassicAnswer, ClassicCall, Connection, PeerConfig, RealmName};

/// In every text that a neighbour writes. What clients write is in lower case.
const FOREIGN: &str = "ASING";

/// The neighbours: two that are called, and one that only comes.
const NEIGHBOURS: [&str; 3] = ["realm0", "realm2", "realm5"];

const WRITERS: [&str; 6] = ["amsal", "messi", "herbert", "a/b", "", "amsal@realm2"];
const READERS: [&str; 5] = ["messi", "henderson", "x", "messi@realm1", ""];

const ANSWERS: [&str; 6] = [
    "{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n",
    "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n",
    "{\"status\": \"ERROR\", \"message\": \"**Protocol Tidak Benar\"}\r\n\r\n",
    "{\"status\": \"OK\", \"message\": \"Mess",
    "[\"OK\"]",
    "",
];

/// Reads the bytes as operations of a few clients and neighbours on one realm.
///
/// Beside what clients do, neighbours connect and say anything, and what they are sent they answer
/// late, wrongly, twice or not at all. Each line must have its one reply all the same.
pub fn classic(data: &[u8]) {
    let mut tape = Tape::new(data);
    let [zero, two, five] = NEIGHBOURS.map(name);
    let peers = vec![
        PeerConfig::classic(two),
        PeerConfig::classic(zero),
        PeerConfig::classic_incoming_only(five),
    ];
    let mut house = House::with(&mut tape, peers);
    house.carry_out();
    while !tape.is_empty() {
        match tape.byte() % 8 {
            0 => house.come(&mut tape),
            1 | 2 => house.ask(&mut tape),
            3 => house.answer_call(&mut tape),
            _ => house.client_step(&mut tape),
        }
        house.carry_out();
    }
    house.finish();
}

fn name(realm: &str) -> RealmName {
    RealmName::parse(realm).expect("a name")
}

/// Checks what a neighbour is sent: one request, in the words of a client of this realm.
pub(super) fn check_call(call: &ClassicCall) {
    let line = std::str::from_utf8(&call.bytes).expect("what was said in UTF-8");
    let request = line.strip_prefix("server send ").expect("a request");
    let request = request.strip_suffix("\r\n").expect("a whole line");
    assert!(!request.contains(['\r', '\n']), "several lines: {line:?}");
    assert!(!request.contains("server "), "it would be cut: {line:?}");
    assert!(!line.contains(FOREIGN), "it was passed on: {line:?}");
    let words: Vec<_> = request.splitn(3, ' ').collect();
    assert!(words.len() >= 2, "no recipient: {line:?}");
    assert!(!call.peer.as_str().ends_with('5'), "it has no address");
}

impl House {
    /// A neighbour connects.
    fn come(&mut self, tape: &mut Tape<'_>) {
        let neighbour = name(NEIGHBOURS[tape.below(NEIGHBOURS.len())]);
        let id = self
            .realm
            .open(Connection::classic("10.0.0.7", neighbour), self.now);
        self.gone.retain(|other| *other != id);
        self.seats.push(Seat::of_neighbour(id));
    }

    /// A neighbour says something.
    fn ask(&mut self, tape: &mut Tape<'_>) {
        let neighbours: Vec<_> = (0..self.seats.len())
            .filter(|at| self.seats[*at].is_neighbour())
            .collect();
        let Some(at) = neighbours.get(tape.below(neighbours.len())).copied() else {
            return;
        };
        let (from, to) = (*tape.one_of(&WRITERS), *tape.one_of(&READERS));
        let mut said = match tape.below(8) {
            0 => format!("check group {from} bukber other").into_bytes(),
            1 => format!("server send {from}").into_bytes(),
            2 => tape.text().to_vec(),
            _ => [
                format!("server send {from} {to} {FOREIGN}").as_bytes(),
                tape.text(),
            ]
            .concat(),
        };
        said.extend_from_slice(
            tape.one_of(&["\r\n", " \r\n", "\n", "", "\r\n\r\n"])
                .as_bytes(),
        );
        let seat = &mut self.seats[at];
        if seat.is_paused || seat.has_ended {
            return;
        }
        seat.feed(&said);
        self.realm.receive(seat.id, &said, self.now);
    }

    /// A call comes to an end, or to two.
    fn answer_call(&mut self, tape: &mut Tape<'_>) {
        let Some(request) = self.next_call() else {
            return;
        };
        for _ in 0..=usize::from(tape.is_odd_case()) {
            let answer = match tape.below(10) {
                0 => ClassicAnswer::NotReached,
                1 => ClassicAnswer::NoAnswer,
                2 => ClassicAnswer::Answered(tape.text().to_vec()),
                _ => ClassicAnswer::Answered(tape.one_of(&ANSWERS).as_bytes().to_vec()),
            };
            let taken = self.realm.called(request, answer, self.now);
            taken.expect("the realm has asked for it");
        }
    }
}
