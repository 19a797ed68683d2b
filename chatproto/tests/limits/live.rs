//! Live groups.

use crate::common::{Pair, Site, example, example_with_peer, limits};
use chatproto::{CloseReason, ConnectionId, Output};

const LEFT: &str = "{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n";
const GROUP_FULL: &str =
    "{\"status\": \"ERROR\", \"message\": \"Grup penuh\", \"code\": \"group_full\"}\r\n\r\n";
const TOO_MANY_GROUPS: &str = "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak grup, coba lagi nanti\", \"code\": \"too_many_groups\"}\r\n\r\n";
fn site(values: &[(&str, u64)]) -> Site {
    Site::new(example(1).limits(limits(values)))
}

fn join(it: &mut Site, user: &str, password: &str, group: &str) -> (ConnectionId, String) {
    let (id, token) = it.log_in(user, password);
    let reply = it.say(id, &format!("group {token} {group} origin \r\n"));
    (id, reply)
}

#[test]
fn live_groups_max_may_exist_and_not_one_more() {
    let mut it = site(&[("live_groups_max", 1)]);

    let (messi, first) = join(&mut it, "messi", "surabaya", "bukber");
    let (_, second) = join(&mut it, "henderson", "surabaya", "bola");
    let (_, same) = join(&mut it, "lineker", "surabaya", "bukber");

    assert_eq!(first, "messi telah bergabung");
    assert_eq!(second, TOO_MANY_GROUPS);
    assert_eq!(same, "lineker telah bergabung");
    assert_eq!(it.read(messi), "lineker telah bergabung");
}

#[test]
fn a_group_has_live_members_max_and_not_one_more() {
    let mut it = site(&[("live_members_max", 2)]);
    let (messi, _) = join(&mut it, "messi", "surabaya", "bukber");

    let (_, second) = join(&mut it, "henderson", "surabaya", "bukber");
    let (lineker, third) = join(&mut it, "lineker", "surabaya", "bukber");
    it.hang_up(messi);
    it.receive(lineker, b"exit");
    it.wait(1_000);
    it.read(lineker);
    let token = it.auth(lineker, "lineker", "surabaya");
    let later = it.say(lineker, &format!("group {token} bukber origin \r\n"));

    assert_eq!(second, "henderson telah bergabung");
    assert_eq!(third, GROUP_FULL);
    assert_eq!(later, "lineker telah bergabung");
}

#[test]
fn members_of_other_realms_count_among_live_members_max() {
    let config = example_with_peer(1, 2).limits(limits(&[("live_members_max", 1)]));
    let mut pair = Pair::of(config, example_with_peer(2, 1));
    pair.connect();
    let (messi, _) = join(&mut pair.one, "messi", "surabaya", "bukber");
    pair.pump();

    let (amsal, _) = join(&mut pair.two, "amsal", "jakarta", "bukber");
    pair.pump();

    assert_eq!(pair.one.read(messi), "messi telah bergabung");
    assert_eq!(pair.two.read(amsal), GROUP_FULL);
}

#[test]
fn exit_is_read_by_itself_for_exit_gap_ms() {
    let mut it = site(&[("exit_gap_ms", 150)]);
    let (messi, _) = join(&mut it, "messi", "surabaya", "bukber");
    it.receive(messi, b"exit");

    it.wait(149);
    let before = it.read(messi);
    it.wait(1);
    let exit = it.read(messi);
    it.wait(149);
    let between = it.read(messi);
    it.wait(1);
    let reply = it.read(messi);

    assert_eq!((before.as_str(), exit.as_str()), ("", "exit"));
    assert_eq!((between.as_str(), reply.as_str()), ("", LEFT));
}

#[test]
fn without_a_gap_exit_still_has_a_write_of_its_own() {
    let mut it = site(&[("exit_gap_ms", 0)]);
    let (messi, _) = join(&mut it, "messi", "surabaya", "bukber");
    it.writes.clear();

    it.receive(messi, b"halo");
    it.receive(messi, b"exit");

    let writes: Vec<_> = it.writes.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(writes, ["messi: halo", "exit", LEFT]);
}

#[test]
fn a_member_past_outgoing_bytes_max_is_dropped_and_the_others_are_unharmed() {
    let mut it = site(&[("outgoing_bytes_max", 1_024), ("close_ms_max", 1_000)]);
    let (messi, _) = join(&mut it, "messi", "surabaya", "bukber");
    let (henderson, _) = join(&mut it, "henderson", "surabaya", "bukber");
    it.read(messi);
    it.deaf.insert(messi);

    // `henderson: ` and 501 bytes are 512, so that two of them are the limit.
    it.say(henderson, &"x".repeat(501));
    it.say(henderson, &"y".repeat(501));
    let at_the_limit = it.realm.outgoing(messi).len();
    let one_past = it.say(henderson, "z");
    it.wait(1_000);

    assert_eq!(at_the_limit, 1_024);
    assert_eq!(one_past, "henderson: zmessi meninggalkan group");
    assert!(
        it.outputs
            .contains(&Output::Close(messi, CloseReason::SlowReader))
    );
    assert_eq!(it.say(henderson, "halo"), "henderson: halo");
}

#[test]
fn a_dropped_member_is_told_why() {
    let mut it = site(&[("outgoing_bytes_max", 1_024)]);
    let (messi, _) = join(&mut it, "messi", "surabaya", "bukber");
    let (henderson, _) = join(&mut it, "henderson", "surabaya", "bukber");
    it.read(messi);
    it.deaf.insert(messi);
    it.say(henderson, &"x".repeat(800));
    it.say(henderson, &"y".repeat(800));

    it.listen(messi);

    let said = "x".repeat(800);
    let told = format!("henderson: {said}*realm1*: Klien terlalu lambat membaca");
    assert_eq!(it.read(messi), told);
    assert!(
        it.outputs
            .contains(&Output::Close(messi, CloseReason::SlowReader))
    );
}
