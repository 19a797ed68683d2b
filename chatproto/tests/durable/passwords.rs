//! Passwords of the configuration: hashed once, and then the store's.

use crate::common::{LOADINGS, Site, cheap, example, hash, hashed_example, name, token_of};
use crate::logins::is_token;
use chatproto::{Config, Event, PasswordAnswer, Passwords, Record, UserConfig};

const WRONG: &str = "{\"status\": \"ERROR\", \"message\": \"Password Salah\"}\r\n\r\n";

/// realm1, with passwords in the clear that are to be hashed.
pub(crate) fn unhashed() -> Config {
    example(1)
        .passwords(Passwords::Argon2id(cheap()))
        .durable(true)
}

/// Password hashes in the store, by user.
fn stored_hashes(site: &Site) -> Vec<(String, bool)> {
    let accounts = site.log.records.iter().filter_map(|record| match record {
        Record::Account { name, password, .. } => Some((name.to_string(), password.is_some())),
        _ => None,
    });
    accounts.collect()
}

#[test]
fn passwords_of_the_configuration_are_hashed_in_the_background() {
    let mut site = Site::new(unhashed());
    site.commit();
    let before = stored_hashes(&site);

    let first = site.hashes();
    let hashes: Vec<_> = first.iter().map(|(id, job)| (*id, job.run())).collect();
    for (request, answer) in hashes {
        site.verify(request, answer);
    }
    site.work();
    site.commit();

    let names = ["messi", "henderson", "lineker"];
    assert_eq!(before, names.map(|name| (name.to_owned(), false)));
    assert_eq!(first.len(), 2, "no more than hashes_max at a time");
    let all = stored_hashes(&site);
    assert_eq!(all[3..], names.map(|name| (name.to_owned(), true)));
    assert_eq!(site.work(), 0);
}

#[test]
fn until_its_hash_is_there_a_password_of_the_configuration_is_compared() {
    let mut site = Site::new(unhashed());
    let id = site.open();

    let before = site.ask(id, "auth messi surabaya\r\n");
    let wrong = site.ask(id, "auth messi x\r\n");
    site.work();
    let after = site.ask(id, "auth messi surabaya\r\n");
    let asked = site.work();
    site.commit();

    assert!(is_token(&before), "{before}");
    assert_eq!((wrong.as_str(), after.as_str(), asked), (WRONG, "", 1));
    assert!(is_token(&site.read(id)));
}

#[test]
fn passwords_in_the_clear_are_hashed_under_the_plain_scheme_by_nobody() {
    let mut site = Site::new(example(1).durable(true));

    assert_eq!(site.work(), 0);
    site.commit();
    assert!(stored_hashes(&site).iter().all(|(_, is_hashed)| !is_hashed));
}

#[test]
fn a_hash_of_the_configuration_is_stored_at_once() {
    let mut site = Site::new(hashed_example().durable(true));
    site.commit();

    assert_eq!(site.work(), 0);
    let stored = stored_hashes(&site);
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|(_, is_hashed)| *is_hashed));
}

#[test]
fn a_password_that_could_not_be_hashed_goes_on_as_it_was() {
    let mut site = Site::new(unhashed());
    for (request, _) in site.hashes() {
        site.verify(request, PasswordAnswer::Failed);
    }
    let told = site.events().contains(&&Event::PasswordFailed);
    let id = site.open();

    assert!(told);
    assert!(is_token(&site.ask(id, "auth messi surabaya\r\n")));
}

#[test]
fn a_hash_in_the_store_is_never_changed_by_the_configuration() {
    for loading in LOADINGS {
        let mut site = Site::new(unhashed());
        site.work();
        site.commit();
        let mut other = example(1).durable(true);
        other.users[0] = UserConfig::new("messi", "Somebody Else", "X", "jakarta").unwrap();
        other.users[1] = UserConfig::hashed("henderson", "X", "", hash("jakarta")).unwrap();

        site.restart_as(other, loading);
        let id = site.open();
        let mut log_in = |line: &str| {
            site.receive(id, line.as_bytes());
            site.work();
            site.commit();
            site.read(id)
        };

        assert_eq!(log_in("auth messi jakarta\r\n"), WRONG);
        assert_eq!(log_in("auth henderson jakarta\r\n"), WRONG);
        assert!(is_token(&log_in("auth messi surabaya\r\n")));
        let token = token_of(&log_in("auth henderson surabaya\r\n"));
        log_in(&format!("send {token} messi hi\r\n"));
        let inbox = log_in("auth messi surabaya\r\n");
        let inbox = log_in(&format!("inbox {}\r\n", token_of(&inbox)));
        assert!(inbox.contains("\"msg_to\": \"Lionel Messi\""), "{inbox}");
        assert!(
            inbox.contains("\"msg_from\": \"Jordan Henderson\""),
            "{inbox}"
        );
    }
}

#[test]
fn a_password_that_is_missing_in_the_store_is_completed() {
    for loading in LOADINGS {
        // The process died before the passwords were hashed.
        let mut site = Site::new(unhashed());
        site.commit();
        site.restart(loading);
        let asked = site.work();
        site.commit();
        site.restart(loading);
        let again = site.work();

        assert_eq!((asked, again), (3, 0));
        let mut site = Site::new(unhashed());
        site.commit();
        site.restart_as(hashed_example().durable(true), loading);
        site.commit();
        assert_eq!(site.work(), 0);
        let stored = stored_hashes(&site);
        assert!(stored[3..].iter().all(|(_, is_hashed)| *is_hashed));
        assert_eq!(stored.len(), 6);
    }
}

#[test]
fn nobody_logs_in_without_a_password() {
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true));
        site.commit();
        let nobody = Config::new(name("realm1")).durable(true);
        site.restart_as(nobody, loading);
        let id = site.open();

        for line in ["auth messi surabaya\r\n", "auth messi  \r\n"] {
            assert_eq!(site.ask(id, line), WRONG, "{line}");
        }
        assert_eq!(site.work(), 0);
    }
}
