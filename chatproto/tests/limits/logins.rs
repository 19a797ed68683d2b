//! Logins that fail, and passwords that are checked beside the realm.

use crate::common::{Site, example, hashed_example, limits, token_of};
use chatproto::PasswordAnswer;

const WRONG: &str = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n";
const TOO_MANY: &str = "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak login gagal, coba lagi nanti\", \"code\": \"too_many_logins\"}\r\n\r\n";

#[test]
fn a_user_may_fail_failed_logins_max_times_at_an_address_and_not_once_more() {
    let mut it = Site::new(example(1).limits(limits(&[
        ("failed_logins_max", 3),
        ("failed_logins_ms", 3_000),
    ])));
    let (first, second) = (it.open(), it.open());

    let failed = [first, second, first].map(|id| it.say(id, "auth messi x\r\n"));
    let one_more = it.say(second, "auth messi x\r\n");
    let even_right = it.say(first, "auth messi surabaya\r\n");

    assert_eq!(failed, [WRONG; 3]);
    assert_eq!([one_more, even_right], [TOO_MANY; 2]);
}

#[test]
fn failed_logins_ms_forgives_them_all() {
    let mut it = Site::new(example(1).limits(limits(&[
        ("failed_logins_max", 3),
        ("failed_logins_ms", 3_000),
    ])));
    let id = it.open();
    for _ in 0..3 {
        it.say(id, "auth messi x\r\n");
    }

    // One is forgiven each second.
    it.wait(999);
    let too_early = it.say(id, "auth messi x\r\n");
    it.wait(1);
    let one = it.say(id, "auth messi x\r\n");
    let two = it.say(id, "auth messi x\r\n");
    it.wait(3_000);
    let all = [(); 3].map(|()| it.say(id, "auth messi x\r\n"));
    let and_one = it.say(id, "auth messi x\r\n");

    assert_eq!([too_early, one, two], [TOO_MANY, WRONG, TOO_MANY]);
    assert_eq!(all, [WRONG; 3]);
    assert_eq!(and_one, TOO_MANY);
}

#[test]
fn hashes_max_passwords_are_checked_at_a_time_and_not_one_more() {
    let mut it = Site::new(hashed_example().limits(limits(&[("hashes_max", 2)])));
    let ids = [it.open(), it.open(), it.open()];
    for id in ids {
        it.receive(id, b"auth messi surabaya\r\n");
    }

    let first = it.hashes();
    assert_eq!(first.len(), 2);
    it.verify(first[1].0, PasswordAnswer::Right);
    let next = it.hashes();

    assert_eq!(next.len(), 1);
    assert_eq!(it.read(ids[0]), "");
    assert_eq!(token_of(&it.read(ids[1])).len(), 36);
    it.verify(next[0].0, PasswordAnswer::Right);
    assert_eq!(token_of(&it.read(ids[2])).len(), 36);
    assert_eq!(it.hashes(), []);
}
