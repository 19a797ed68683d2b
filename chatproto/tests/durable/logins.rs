//! Passwords that are kept as hashes: the work is asked for, and those it is for wait.

use crate::common::{Site, UNKNOWN_COMMAND, hash, hashed_example, limits, token_of};
use crate::passwords::unhashed;
use crate::{SHUTTING_DOWN, STORE_FULL};
use chatproto::{
    ConnectionId, Detail, ErrorCode, Event, Output, PasswordAnswer, Record, StoreFailure,
    UserConfig,
};

const WRONG: &str = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n";
const NOBODY: &str = "{\"status\": \"ERROR\", \"message\": \"User Tidak Ada\"}\r\n\r\n";
const TOO_MANY: &str = "{\"status\": \"ERROR\", \"message\": \"Terlalu banyak login gagal, coba lagi nanti\", \"code\": \"too_many_logins\"}\r\n\r\n";
const UNCHECKED: &str = "{\"status\": \"ERROR\", \"message\": \"Password tidak dapat diperiksa sekarang, coba lagi nanti\", \"code\": \"password_unchecked\"}\r\n\r\n";

fn count_sessions(site: &Site) -> usize {
    let is_login = |record: &&Record| matches!(record, Record::SessionOpened { .. });
    site.log.records.iter().filter(is_login).count()
}

pub(crate) fn is_token(reply: &str) -> bool {
    reply.starts_with("{\"status\": \"OK\", \"tokenid\": \"")
}

#[test]
fn a_login_waits_for_its_check_and_so_do_the_lines_behind_it() {
    let mut site = Site::new(hashed_example());
    let (id, other) = (site.open(), site.open());

    site.receive(id, b"auth messi surabaya\r\nx\r\n");
    site.receive(id, b"hello\r\n");
    let before = site.read(id);
    let others = site.say(other, "x\r\n");
    site.work();
    let after = site.read(id);

    assert_eq!((before.as_str(), others.as_str()), ("", UNKNOWN_COMMAND));
    let replies: Vec<_> = after.split_terminator("\r\n\r\n").collect();
    assert_eq!(replies.len(), 3);
    assert!(is_token(replies[0]));
    assert_eq!(replies[1], UNKNOWN_COMMAND.trim_end());
    assert!(replies[2].contains("\"realm\": \"realm1\""));
}

#[test]
fn a_wrong_password_is_told_after_its_check() {
    let mut site = Site::new(hashed_example());
    let id = site.open();

    let at_once = site.say(id, "auth messi Surabaya\r\n");
    site.work();
    let failed = site.read(id);
    let unknown = site.say(id, "auth surabaya messi\r\n");

    assert_eq!((at_once.as_str(), failed.as_str()), ("", WRONG));
    assert_eq!(unknown, NOBODY);
    let told = Event::LoginFailed {
        connection: id,
        user: "messi".to_owned(),
        code: ErrorCode::WrongPassword,
    };
    assert!(site.events().contains(&&told));
}

#[test]
fn a_check_that_could_not_be_done_is_told_and_not_counted() {
    let bounds = limits(&[("failed_logins_max", 1)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let id = site.open();
    for _ in 0..3 {
        site.receive(id, b"auth messi surabaya\r\n");
        let (request, _) = site.hashes()[0];
        site.verify(request, PasswordAnswer::Failed);
    }
    let unchecked = site.read(id);
    site.receive(id, b"auth messi surabaya\r\n");
    site.work();

    assert_eq!(unchecked, UNCHECKED.repeat(3));
    assert!(site.events().contains(&&Event::PasswordFailed));
    assert!(is_token(&site.read(id)));
}

#[test]
fn addresses_take_turns_however_many_wait_at_one_of_them() {
    let bounds = limits(&[("hashes_max", 1), ("failed_logins_max", 100)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let crowd: Vec<_> = (0..100).map(|_| site.open_from("10.0.0.1")).collect();
    for id in &crowd {
        site.receive(*id, b"auth messi surabaya\r\n");
    }
    let single = site.open_from("10.0.0.2");
    site.receive(single, b"auth henderson surabaya\r\n");
    let pair = [site.open_from("10.0.0.3"), site.open_from("10.0.0.3")];
    for id in pair {
        site.receive(id, b"auth lineker surabaya\r\n");
    }

    let mut served = Vec::new();
    for _ in 0..6 {
        let jobs = site.hashes();
        assert_eq!(jobs.len(), 1, "hashes_max at a time");
        site.verify(jobs[0].0, PasswordAnswer::Right);
        let all = crowd.iter().chain([&single]).chain(&pair);
        let fresh: Vec<_> = all.filter(|id| !site.read(**id).is_empty()).collect();
        assert_eq!(fresh.len(), 1);
        served.push(*fresh[0]);
    }

    // The first was under way before the others came.
    let expected = [crowd[0], crowd[1], single, pair[0], crowd[2], pair[1]];
    assert_eq!(served, expected);
}

#[test]
fn a_connection_gone_during_its_check_opens_no_session() {
    let mut site = Site::new(hashed_example().durable(true));
    site.commit();
    let id = site.open();
    site.receive(id, b"auth messi surabaya\r\n");

    site.hang_up(id);
    site.work();
    site.commit();

    assert_eq!(count_sessions(&site), 0);
    let is_login = |event: &&Event| matches!(event, Event::LoggedIn { .. });
    assert!(!site.events().iter().any(is_login));
}

#[test]
fn lines_behind_a_login_of_a_connection_gone_are_carried_out() {
    let mut site = Site::new(hashed_example());
    let (other, token) = {
        let id = site.open();
        site.receive(id, b"auth messi surabaya\r\n");
        site.work();
        (id, token_of(&site.read(id)))
    };
    let id = site.open();
    let lines = format!("auth henderson surabaya\r\nsend {token} messi hi\r\n");
    site.receive(id, lines.as_bytes());

    site.hang_up(id);
    site.work();

    let inbox = site.inbox(other, &token);
    assert!(inbox.contains("\" hi\\r\\n\""), "{inbox}");
}

#[test]
fn a_half_closed_connection_gets_its_token() {
    let mut site = Site::new(hashed_example());
    let id = site.open();
    site.receive(id, b"auth messi surabaya\r\n");

    site.realm.ended(id, site.now);
    site.run();
    site.work();

    assert!(is_token(&site.read(id)));
}

#[test]
fn a_login_without_a_connection_is_answered_after_its_check() {
    let mut site = Site::new(hashed_example());
    let request = site.realm.execute(b"auth messi surabaya", site.now);
    site.run();

    site.work();

    let reply = site.outputs.iter().find_map(|output| match output {
        Output::Reply(answered, reply) if *answered == request => Some(reply.as_slice()),
        _ => None,
    });
    assert!(is_token(std::str::from_utf8(reply.unwrap()).unwrap()));
}

#[test]
fn a_shutdown_during_a_check_opens_no_session_and_is_told() {
    let mut site = Site::new(hashed_example().durable(true));
    site.commit();
    let ids: Vec<_> = (0..4).map(|_| site.open()).collect();
    for id in &ids {
        site.receive(*id, b"auth messi surabaya\r\n");
    }

    site.realm.shutdown(site.now);
    site.run();
    let asked = site.work();
    site.commit();

    assert_eq!(asked, 2, "nothing more is asked for");
    for id in ids {
        assert_eq!(site.read(id), SHUTTING_DOWN);
    }
    assert_eq!(count_sessions(&site), 0);
    assert!(site.realm.is_shut_down());
}

#[test]
fn a_store_that_fills_up_during_a_check_opens_no_session() {
    let mut site = Site::new(hashed_example().durable(true));
    let id = site.open();
    site.receive(id, b"auth messi surabaya\r\n");
    let batch = site.take_batch().unwrap();
    let now = site.now;
    site.realm
        .store_failed(batch.number, StoreFailure::Full, now)
        .unwrap();
    site.run();

    site.work();
    let refused = site.read(id);
    let another = site.say(id, "auth messi surabaya\r\n");
    site.wait(1_000);
    site.commit();

    assert_eq!([refused.as_str(), &another], [STORE_FULL; 2]);
    assert_eq!(count_sessions(&site), 0);
}

// Too many of them.

fn fail(site: &mut Site, id: ConnectionId, times: usize) {
    for _ in 0..times {
        site.receive(id, b"auth messi x\r\n");
        site.work();
        assert_eq!(site.read(id), WRONG);
    }
}

#[test]
fn failed_checks_count_by_address_and_user() {
    let bounds = limits(&[("failed_logins_max", 3)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let here = [site.open_from("10.0.0.1"), site.open_from("10.0.0.1")];
    let there = site.open_from("10.0.0.2");

    fail(&mut site, here[0], 3);
    let unknown = site.say(here[1], "auth siapa x\r\n");
    let refused = here.map(|id| site.say(id, "auth messi surabaya\r\n"));
    let asked = site.work();
    site.receive(there, b"auth messi surabaya\r\n");
    site.work();

    assert_eq!(unknown, NOBODY);
    assert_eq!(refused, [TOO_MANY; 2]);
    assert_eq!(asked, 0, "nothing is hashed for whoever fails too often");
    assert!(is_token(&site.read(there)));
    // Who shares the address is not locked out, however often names are tried that nobody has.
    for _ in 0..2 {
        assert_eq!(site.say(here[1], "auth siapa x\r\n"), NOBODY);
    }
    assert_eq!(site.say(here[1], "auth siapa x\r\n"), TOO_MANY);
    site.receive(here[1], b"auth henderson surabaya\r\n");
    site.work();
    assert!(is_token(&site.read(here[1])));
    let told = Event::LoginFailed {
        connection: here[0],
        user: "messi".to_owned(),
        code: ErrorCode::TooManyLogins,
    };
    assert!(site.events().contains(&&told));
}

#[test]
fn what_is_refused_for_that_does_not_count_again() {
    let bounds = limits(&[("failed_logins_max", 2), ("failed_logins_ms", 2_000)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let id = site.open();
    fail(&mut site, id, 2);
    for _ in 0..50 {
        assert_eq!(site.say(id, "auth messi x\r\n"), TOO_MANY);
    }

    site.wait(1_000);
    site.receive(id, b"auth messi surabaya\r\n");
    site.work();

    assert!(is_token(&site.read(id)));
}

#[test]
fn checks_under_way_count() {
    let bounds = limits(&[("failed_logins_max", 3)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let crowd: Vec<_> = (0..20).map(|_| site.open_from("10.0.0.1")).collect();
    for id in &crowd {
        site.receive(*id, b"auth messi x\r\n");
    }
    site.work();

    let replies: Vec<_> = crowd.iter().map(|id| site.read(*id)).collect();

    assert_eq!(replies.iter().filter(|reply| *reply == WRONG).count(), 3);
    assert_eq!(
        replies.iter().filter(|reply| *reply == TOO_MANY).count(),
        17
    );
}

#[test]
fn failed_logins_of_requests_do_not_count() {
    let bounds = limits(&[("failed_logins_max", 1)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    for _ in 0..5 {
        let now = site.now;
        site.realm.execute(b"auth messi x", now);
        site.run();
        site.work();
    }

    let refused =
        |output: &&Output| matches!(output, Output::Reply(_, reply) if *reply != WRONG.as_bytes());
    assert_eq!(site.outputs.iter().find(refused), None);
}

/// Each that is gone lets its next line go on, which is a login as well.
#[test]
fn a_crowd_that_leaves_while_it_waits_takes_no_more_stack_than_one() {
    let crowd = || {
        let bounds = limits(&[("hashes_max", 1), ("connections_max", 10_000)]);
        let mut site = Site::new(hashed_example().limits(bounds));
        let first = site.open();
        site.receive(first, b"auth messi surabaya\r\n");
        let ids: Vec<_> = (0..2_000)
            .map(|n| site.open_from(&format!("10.0.{}.{}", n / 250, n % 250)))
            .collect();
        for id in &ids {
            site.receive(*id, b"auth messi x\r\nauth messi x\r\nhello\r\n");
        }
        for id in ids {
            site.realm.closed(id, site.now);
        }
        site.run();
        site.work();
        assert!(is_token(&site.read(first)));
        site.hashes().len()
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024);

    let left = thread.spawn(crowd).unwrap().join();

    assert_eq!(left.unwrap(), 0);
}

#[test]
fn right_logins_do_not_count() {
    let bounds = limits(&[("failed_logins_max", 2)]);
    let mut site = Site::new(hashed_example().limits(bounds));
    let id = site.open();
    fail(&mut site, id, 1);

    for _ in 0..20 {
        site.receive(id, b"auth messi surabaya\r\n");
        site.work();
        assert!(is_token(&site.read(id)));
    }
    fail(&mut site, id, 1);

    assert_eq!(site.say(id, "auth messi x\r\n"), TOO_MANY);
}

// Secrets.

#[test]
fn no_password_and_no_hash_is_in_any_event_or_debug_text() {
    let mut config = unhashed().detail(Detail::Wire);
    config.users[0] = UserConfig::hashed("messi", "", "", hash("surabaya")).unwrap();
    let mut site = Site::new(config.clone());
    let id = site.open();
    let mut shown = vec![format!("{config:?}")];

    for line in [
        "auth messi surabaya\r\n",
        "auth henderson surabaya\r\n",
        "auth surabaya messi\r\n",
        "auth messi  surabaya\r\n",
        "auth lineker surabaya surabaya\r\n",
    ] {
        site.receive(id, line.as_bytes());
        shown.push(format!("{:?}", site.outputs));
        for (request, job) in site.hashes() {
            shown.push(format!("{job:?}"));
            site.verify(request, job.run());
        }
        site.work();
        site.commit();
        shown.push(format!("{:?}{:?}", site.realm, site.outputs));
    }
    site.work();
    site.commit();
    shown.push(format!("{:?}{:?}", site.outputs, site.log.records));

    let shown = shown.concat();
    for token in site.read(id).split("\"tokenid\": \"").skip(1) {
        assert!(!shown.contains(&token[..36]), "a token");
    }
    assert!(!shown.contains("surabaya"), "a password");
    assert!(!shown.contains("$argon2"), "a hash");
}
