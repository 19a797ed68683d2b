//! What transcripts cannot show: things that happen while something travels between realms.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use chatproto::{Config, Passwords, PeerConfig, RealmName, UserConfig};
use chatproto_tests::world::{ClientId, RealmIndex, World};

/// Two linked realms, `alpha` with messi and `beta` with amsal, both logged in, and the time that
/// whatever they say travels.
struct Scene {
    world: World,
    alpha: RealmIndex,
    beta: RealmIndex,
    messi: ClientId,
    messi_token: String,
    amsal: ClientId,
    amsal_token: String,
}

fn scene(latency_ms: u64) -> Scene {
    let name = |name: &str| RealmName::parse(name).unwrap();
    let config = |own: &str, peer: &str, user: &str| {
        let user = UserConfig::new(user, user, "", "secret").unwrap();
        Config::new(name(own))
            .passwords(Passwords::Plain)
            .user(user)
            .peer(PeerConfig::new(name(peer)))
    };
    let mut world = World::new();
    let alpha = world
        .add_realm(config("alpha", "beta", "messi"), [1; 32])
        .unwrap();
    let beta = world
        .add_realm(config("beta", "alpha", "amsal"), [2; 32])
        .unwrap();
    assert!(world.advance_until(120_000, |world| world.linked(alpha, beta)));
    let (messi, messi_token) = log_in(&mut world, alpha, "messi");
    let (amsal, amsal_token) = log_in(&mut world, beta, "amsal");
    world.set_latency_ms(alpha, beta, latency_ms);
    Scene {
        world,
        alpha,
        beta,
        messi,
        messi_token,
        amsal,
        amsal_token,
    }
}

fn log_in(world: &mut World, realm: RealmIndex, user: &str) -> (ClientId, String) {
    let client = world.open(realm, "127.0.0.1");
    world.write(client, format!("auth {user} secret\r\n").as_bytes());
    world.settle();
    let reply = read(world, client);
    let token = reply
        .split('"')
        .nth(7)
        .unwrap_or_else(|| panic!("no token in {reply}"));
    (client, token.to_owned())
}

fn read(world: &mut World, client: ClientId) -> String {
    let text = String::from_utf8(world.unread(client).to_vec()).unwrap();
    world.take(client, text.len());
    text
}

impl Scene {
    fn messi(&mut self, line: &str) {
        let line = line.replace("$T", &self.messi_token);
        self.world.write(self.messi, line.as_bytes());
    }

    fn amsal(&mut self, line: &str) {
        let line = line.replace("$T", &self.amsal_token);
        self.world.write(self.amsal, line.as_bytes());
    }

    fn wait_ms(&mut self, ms: u64) {
        self.world.advance_ms(ms);
    }

    fn messi_reads(&mut self) -> String {
        read(&mut self.world, self.messi)
    }

    fn amsal_reads(&mut self) -> String {
        read(&mut self.world, self.amsal)
    }
}

#[test]
fn a_question_without_answer_ends_in_time() {
    let mut scene = scene(5_000);

    scene.messi("send $T amsal hi\r\nactiveuser $T\r\n");
    scene.wait_ms(999);
    assert_eq!(scene.messi_reads(), "");
    scene.wait_ms(1);
    let (unknown, rest) = scene
        .messi_reads()
        .split_once("\r\n\r\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert_eq!(
        unknown,
        "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}"
    );
    assert_eq!(
        rest,
        "{\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n"
    );

    // The answer comes late, and is of no use any more.
    scene.wait_ms(20_000);
    assert_eq!(scene.messi_reads(), "");
    scene.amsal("inbox $T\r\n");
    scene.wait_ms(0);
    assert_eq!(
        scene.amsal_reads(),
        "{\"status\": \"OK\", \"messages\": {}}\r\n\r\n"
    );
}

#[test]
fn a_group_is_made_here_when_nobody_answers() {
    let mut scene = scene(5_000);

    scene.messi("group $T bukber origin \r\n");
    scene.wait_ms(999);
    assert_eq!(scene.messi_reads(), "");
    scene.wait_ms(1);
    assert_eq!(scene.messi_reads(), "messi telah bergabung");
}

#[test]
fn two_that_make_a_group_at_the_same_moment_meet_in_the_smaller_realm() {
    for (messi_ms, amsal_ms) in [
        (0, 0),
        (0, 50),
        (50, 0),
        (0, 99),
        (99, 0),
        (0, 150),
        (150, 0),
    ] {
        let mut scene = scene(100);
        scene.wait_ms(1_000);
        if messi_ms <= amsal_ms {
            scene.messi("group $T bukber origin \r\n");
            scene.wait_ms(amsal_ms - messi_ms);
            scene.amsal("group $T bukber origin \r\n");
        } else {
            scene.amsal("group $T bukber origin \r\n");
            scene.wait_ms(messi_ms - amsal_ms);
            scene.messi("group $T bukber origin \r\n");
        }
        scene.wait_ms(3_000);
        scene.messi_reads();
        scene.amsal_reads();

        scene.messi("halo");
        scene.wait_ms(1_000);
        scene.amsal("hai");
        scene.wait_ms(1_000);
        let heard = (scene.messi_reads(), scene.amsal_reads());
        let both = "messi: haloamsal: hai".to_owned();
        assert_eq!(
            heard,
            (both.clone(), both),
            "messi at {messi_ms}, amsal at {amsal_ms}"
        );

        let (alpha, beta) = (scene.alpha, scene.beta);
        scene.world.cut(alpha, beta);
        scene.wait_ms(0);
        if (messi_ms, amsal_ms) == (0, 0) {
            assert_eq!(scene.messi_reads(), "amsal meninggalkan group");
            assert_eq!(
                scene.amsal_reads(),
                "*alpha* tidak terhubung, grup bukber menunggu"
            );
        }
    }
}

#[test]
fn who_leaves_on_the_way_in_is_not_in() {
    for drop_ms in [0, 50, 100, 150, 200, 250, 300, 350, 400, 450] {
        let mut scene = scene(100);
        scene.messi("group $T bukber origin \r\n");
        scene.wait_ms(3_000);
        assert_eq!(scene.messi_reads(), "messi telah bergabung");

        scene.amsal("group $T bukber origin \r\n");
        scene.wait_ms(drop_ms);
        let amsal = scene.amsal;
        scene.world.drop_client(amsal);
        scene.wait_ms(5_000);

        let seen = scene.messi_reads();
        let expected = ["", "amsal telah bergabungamsal meninggalkan group"];
        assert!(
            expected.contains(&seen.as_str()),
            "dropped after {drop_ms} ms: {seen}"
        );
        scene.messi("sendirian");
        scene.wait_ms(0);
        assert_eq!(scene.messi_reads(), "messi: sendirian");
    }
}

#[test]
fn lines_behind_a_question_are_carried_out_though_the_client_is_gone() {
    let mut scene = scene(100);

    scene.messi("send $T nobody satu\r\nsend $T messi dua\r\ninbox $T\r\nsend $T mes");
    let messi = scene.messi;
    scene.world.drop_client(messi);
    scene.wait_ms(1_000);

    let window = scene.world.open(scene.alpha, "127.0.0.1");
    scene.messi = window;
    scene.messi("inbox $T\r\n");
    scene.wait_ms(0);
    // `dua` was delivered, and the waiting `inbox` did not take it out for nobody.
    assert_eq!(
        scene.messi_reads(),
        "{\"status\": \"OK\", \"messages\": {\"messi\": [{\"msg_from\": \"messi\", \"msg_to\": \"messi\", \"msg\": \" dua\\r\\n\"}]}}\r\n\r\n"
    );
}

#[test]
fn a_half_closed_client_gets_the_answers_that_wait() {
    let mut scene = scene(100);

    scene.messi("send $T nobody satu\r\nsend $T amsal dua\r\nactiveuser $T\r\n");
    let messi = scene.messi;
    scene.world.half_close(messi);
    scene.wait_ms(1_000);

    assert_eq!(
        scene.messi_reads(),
        "{\"status\": \"ERROR\", \"message\": \"User Tidak Ditemukan\"}\r\n\r\n\
         {\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n\
         {\"status\": \"OK\", \"message\": \"messi, \"}\r\n\r\n"
    );
    assert!(scene.world.close_reason(messi).is_some());
}
