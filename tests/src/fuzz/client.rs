//! Clients that do anything at all.

use super::house::House;
use super::tape::Tape;

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
