//! Clients that do anything at all.

use super::house::House;
use super::lines::{spoken, spoken_newly};
use super::seat::Seat;
use super::tape::Tape;
use chatproto::{Connection, StoreFailure};

/// Reads the bytes as operations of a few clients on one realm.
///
/// Connections open, speak, half-close and close, read little or nothing; time passes; the store
/// lags, is full or breaks. After each operation the realm's bounds are checked, and whatever a
/// client reads; at the end every line must have had its reply, and a shutdown must end.
pub fn client(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut house = House::new(&mut tape, &[]);
    house.carry_out();
    while !tape.is_empty() {
        house.client_step(&mut tape);
        house.carry_out();
    }
    house.finish();
}

impl House {
    /// Does one thing that a driver may do for its clients.
    pub(super) fn client_step(&mut self, tape: &mut Tape<'_>) {
        let choice = tape.byte();
        // The steps that the corpus is older than.
        match choice {
            0xe0..=0xf7 => {
                let line = spoken_newly(tape, &self.tokens);
                return self.feed(tape, &line);
            }
            0xf8..=0xfb => return self.is_answering = !self.is_answering,
            0xfc..=0xff => return self.answer_one(tape),
            _ => {}
        }
        match choice % 24 {
            0 | 1 => self.open(tape),
            2..=8 => {
                let line = spoken(tape, &self.tokens);
                self.feed(tape, &line);
            }
            9 => {
                let times = tape.below(8) + 1;
                let lines = spoken(tape, &self.tokens).repeat(times);
                self.feed(tape, &lines);
            }
            10..=12 => {
                let bytes = tape.text().to_vec();
                self.feed(tape, &bytes);
            }
            13 => {
                let bytes = vec![tape.byte(); tape.below(256) * 2];
                self.feed(tape, &bytes);
            }
            14 => {
                let word = *tape.one_of(&[&b"exit"[..], b"exit\r\n", b"\r\n", b"\n", b"\r"]);
                self.feed(tape, word);
            }
            15 => self.end(tape),
            16 => self.close(tape),
            17 => {
                let ms = *tape.one_of(&[0, 1, 20, 50, 301, 500, 1_001, 5_000, 60_001]);
                self.advance(ms);
            }
            18 => self.write_some(tape),
            19 => {
                let at = tape.below(self.seats.len());
                if let Some(seat) = self.seats.get_mut(at) {
                    seat.is_reading = !seat.is_reading;
                }
            }
            20 => self.drain(),
            21 => self.execute(tape),
            22 => self.store_step(tape),
            _ => self.call_late(tape),
        }
    }

    fn open(&mut self, tape: &mut Tape<'_>) {
        let address = *tape.one_of(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        let id = self.realm.open(Connection::new(address), self.now);
        self.gone.retain(|other| *other != id);
        self.seats.push(Seat::new(id));
    }

    fn feed(&mut self, tape: &mut Tape<'_>, bytes: &[u8]) {
        let at = tape.below(self.seats.len());
        let Some(seat) = self.seats.get_mut(at) else {
            return;
        };
        if seat.is_paused || seat.has_ended {
            return;
        }
        let bytes = bytes.to_ascii_lowercase();
        seat.feed(&bytes);
        self.realm.receive(seat.id, &bytes, self.now);
    }

    fn end(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.seats.len());
        if let Some(seat) = self.seats.get_mut(at).filter(|seat| !seat.is_paused) {
            seat.has_ended = true;
            self.realm.ended(seat.id, self.now);
        }
    }

    fn close(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.seats.len());
        if at < self.seats.len() {
            let seat = self.seats.remove(at);
            self.gone.push(seat.id);
            self.realm.closed(seat.id, self.now);
        }
    }

    fn write_some(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.seats.len());
        if at < self.seats.len() {
            let n = tape.below(256);
            self.write_to(at, n);
        }
    }

    fn execute(&mut self, tape: &mut Tape<'_>) {
        let line = if tape.is_odd_case() {
            tape.text().to_ascii_lowercase()
        } else {
            spoken(tape, &self.tokens).to_ascii_lowercase()
        };
        let is_empty = matches!(&line[..], b"" | b"\n" | b"\r\n");
        let request = self.realm.execute(&line, self.now);
        assert!(self.requests.insert(request, is_empty).is_none());
    }

    fn store_step(&mut self, tape: &mut Tape<'_>) {
        let verdict = tape.byte();
        if verdict.is_multiple_of(4) {
            self.is_committing = !self.is_committing;
            return;
        }
        self.offer();
        let Some(batch) = self.offered.take() else {
            return;
        };
        let failure = match verdict {
            0xfe | 0xff => StoreFailure::Broken,
            _ if verdict % 4 == 1 => StoreFailure::Full,
            _ => return self.commit(&batch),
        };
        let reported = self.realm.store_failed(batch.number, failure, self.now);
        reported.expect("the batch that is under way");
        self.is_broken |= verdict >= 0xfe;
    }

    /// One of the answers that the realm waits for comes, or is that there is none.
    fn answer_one(&mut self, tape: &mut Tape<'_>) {
        let verdict = tape.byte();
        self.answer(verdict.is_multiple_of(4));
    }

    /// Calls with the id of a connection that is gone do nothing.
    fn call_late(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.gone.len());
        let Some(id) = self.gone.get(at).copied() else {
            return;
        };
        self.realm.receive(id, b"hello\r\n", self.now);
        self.realm.ended(id, self.now);
        self.realm.closed(id, self.now);
        assert!(self.realm.outgoing(id).is_empty());
        assert!(self.realm.sent(id, 0, self.now).is_ok());
    }
}
