//! Live groups that span realms.

use crate::common::{Pair, Site, example_with_peer, limits};
use chatproto::ConnectionId;

const AWAY: &str = "*realm1* tidak terhubung, grup bukber menunggu";
const REALM_AWAY: &str = "{\"status\": \"ERROR\", \"message\": \"Realm tujuan sedang tidak terhubung\", \"code\": \"realm_away\"}\r\n\r\n";
const LEFT: &str = "{\"status\": \"OK\", \"message\": \"Telah keluar dari grup bukber\"}\r\n\r\n";

fn join(site: &mut Site, user: &str, password: &str, group: &str) -> ConnectionId {
    let (id, token) = site.log_in(user, password);
    site.receive(id, format!("group {token} {group} origin \r\n").as_bytes());
    id
}

/// messi and amsal in messi's group, all read.
fn together() -> (Pair, ConnectionId, ConnectionId) {
    let mut pair = Pair::new();
    let messi = join(&mut pair.one, "messi", "surabaya", "bukber");
    pair.pump();
    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber");
    pair.pump();
    pair.one.read(messi);
    pair.two.read(amsal);
    (pair, messi, amsal)
}

#[test]
fn a_group_is_joined_where_it_is() {
    let mut pair = Pair::new();
    let messi = join(&mut pair.one, "messi", "surabaya", "bukber");
    pair.pump();

    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber");
    pair.pump();
    pair.one.receive(messi, b"halo");
    pair.pump();
    pair.two.receive(amsal, "hé".as_bytes());
    pair.pump();

    assert_eq!(
        pair.one.read(messi),
        "messi telah bergabungamsal telah bergabungmessi: haloamsal: hé"
    );
    assert_eq!(
        pair.two.read(amsal),
        "amsal telah bergabungmessi: haloamsal: hé"
    );
}

#[test]
fn of_two_groups_made_at_once_the_smaller_realm_is_home() {
    for is_two_first in [false, true] {
        let mut pair = Pair::new();
        let messi = join(&mut pair.one, "messi", "surabaya", "bukber");
        let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber");
        if is_two_first {
            pair.step_back();
        }
        pair.pump();
        assert_eq!(
            pair.one.read(messi),
            "messi telah bergabungamsal telah bergabung"
        );
        assert_eq!(pair.two.read(amsal), "amsal telah bergabung");

        pair.two.receive(amsal, b"halo");
        pair.pump();
        pair.cut();

        // The second realm waits for the first one, which is home.
        assert_eq!(pair.one.read(messi), "amsal: haloamsal meninggalkan group");
        assert_eq!(pair.two.read(amsal), format!("amsal: halo{AWAY}"));
    }
}

#[test]
fn two_groups_that_arose_apart_stay_two() {
    let mut pair = Pair::new();
    pair.cut();
    let messi = join(&mut pair.one, "messi", "surabaya", "bukber");
    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber");
    pair.connect();

    let herbert = join(&mut pair.two, "herbert", "singapura", "bukber");
    pair.pump();
    let elsewhere = join(&mut pair.two, "napitupulu", "jakarta", "bukber@realm1");
    pair.pump();

    assert_eq!(
        pair.one.read(messi),
        "messi telah bergabungnapitupulu telah bergabung"
    );
    assert_eq!(
        pair.two.read(amsal),
        "amsal telah bergabungherbert telah bergabung"
    );
    assert_eq!(pair.two.read(herbert), "herbert telah bergabung");
    assert_eq!(pair.two.read(elsewhere), "napitupulu telah bergabung");
}

#[test]
fn members_wait_while_the_home_is_away_and_are_back_with_it() {
    let (mut pair, messi, amsal) = together();

    pair.cut();
    pair.two.receive(amsal, b"halo?");
    pair.two.receive(amsal, b"halo??");
    assert_eq!(pair.one.read(messi), "amsal meninggalkan group");
    assert_eq!(pair.two.read(amsal), AWAY.repeat(3));
    pair.connect();
    assert_eq!(pair.one.read(messi), "amsal telah bergabung");
    assert_eq!(pair.two.read(amsal), "amsal telah bergabung");
    pair.two.receive(amsal, b"halo");
    pair.pump();

    assert_eq!(pair.one.read(messi), "amsal: halo");
    assert_eq!(pair.two.read(amsal), "amsal: halo");
}

#[test]
fn a_member_may_leave_while_the_home_is_away() {
    let (mut pair, messi, amsal) = together();
    pair.cut();
    pair.two.read(amsal);
    pair.one.read(messi);

    pair.two.receive(amsal, b"exit");
    pair.two.wait(1_000);
    pair.connect();

    assert_eq!(pair.two.read(amsal), format!("exit{LEFT}"));
    assert_eq!(pair.one.read(messi), "");
}

#[test]
fn a_group_outlives_its_founder_while_somebody_elsewhere_is_in() {
    let (mut pair, messi, amsal) = together();

    pair.one.hang_up(messi);
    pair.pump();
    let henderson = join(&mut pair.one, "henderson", "surabaya", "bukber");
    pair.pump();

    assert_eq!(
        pair.two.read(amsal),
        "messi meninggalkan grouphenderson telah bergabung"
    );
    pair.two.receive(amsal, b"halo");
    pair.pump();
    assert_eq!(
        pair.one.read(henderson),
        "henderson telah bergabungamsal: halo"
    );
}

#[test]
fn a_member_elsewhere_leaves_as_one_here_does() {
    let (mut pair, messi, amsal) = together();

    pair.two.receive(amsal, b"exit");
    pair.pump();
    pair.two.wait(1_000);

    assert_eq!(pair.one.read(messi), "amsal meninggalkan group");
    assert_eq!(pair.two.read(amsal), format!("exit{LEFT}"));
}

#[test]
fn a_join_into_a_realm_that_is_away_is_an_error() {
    let mut pair = Pair::new();
    pair.cut();

    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber@realm1");

    assert_eq!(pair.two.read(amsal), REALM_AWAY);
}

#[test]
fn a_join_that_the_home_does_not_answer_is_given_up() {
    let mut pair = Pair::new();
    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber@realm1");

    pair.two.wait(999);
    assert_eq!(pair.two.read(amsal), "");
    pair.two.wait(1);

    assert_eq!(pair.two.read(amsal), REALM_AWAY);
    pair.pump();
    assert_eq!(pair.two.read(amsal), "");
    let messi = join(&mut pair.one, "messi", "surabaya", "bukber");
    pair.pump();
    pair.one.receive(messi, b"halo");
    assert_eq!(pair.one.read(messi), "messi telah bergabungmessi: halo");
}

#[test]
fn a_join_under_way_fails_with_the_link() {
    let mut pair = Pair::new();
    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber@realm1");

    pair.cut();

    assert_eq!(pair.two.read(amsal), REALM_AWAY);
}

#[test]
fn a_long_message_is_cut_into_events_across_realms_too() {
    let (mut pair, messi, amsal) = together();

    pair.two.receive(amsal, "x".repeat(2_000).as_bytes());
    pair.pump();

    let x = |count| "x".repeat(count);
    let pieces = format!("amsal: {}amsal: {}amsal: {}", x(893), x(893), x(214));
    assert_eq!(pair.one.read(messi), pieces);
    assert_eq!(pair.two.read(amsal), pieces);
}

#[test]
fn a_late_timer_of_one_join_does_not_end_the_next() {
    let (mut pair, _, amsal) = together();
    pair.two.receive(amsal, b"exit");
    pair.two.wait(600);
    pair.pump();
    pair.two.read(amsal);
    let token = pair.two.auth(amsal, "amsal", "jakarta");
    let join = format!("group {token} bukber@realm1 origin \r\n");
    pair.two.receive(amsal, join.as_bytes());

    // The first join was given up on, had it still waited, 400 ms from now.
    pair.two.wait(900);
    assert_eq!(pair.two.read(amsal), "");
    pair.pump();

    assert_eq!(pair.two.read(amsal), "amsal telah bergabung");
}

#[test]
fn a_member_for_whom_there_is_no_room_any_more_is_told() {
    let full =
        "{\"status\": \"ERROR\", \"message\": \"Grup penuh\", \"code\": \"group_full\"}\r\n\r\n";
    let config = example_with_peer(1, 2).limits(limits(&[("live_members_max", 2)]));
    let mut pair = Pair::of(config, example_with_peer(2, 1));
    pair.connect();
    join(&mut pair.one, "messi", "surabaya", "bukber");
    pair.pump();
    let amsal = join(&mut pair.two, "amsal", "jakarta", "bukber");
    pair.pump();
    pair.cut();
    join(&mut pair.one, "henderson", "surabaya", "bukber");
    pair.two.read(amsal);

    pair.connect();
    let told = pair.two.read(amsal);
    pair.two.receive(amsal, b"exit");
    pair.two.wait(1_000);

    // Like one whose first join was refused, it gets out with `exit`.
    assert_eq!(told, full);
    assert_eq!(pair.two.read(amsal), format!("exit{full}"));
}
