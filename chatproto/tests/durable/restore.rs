//! A realm that is started again knows what it had promised: people and their inboxes.

use crate::Stored;
use crate::common::{
    EMPTY_INBOX, LOADINGS, Loading, NO_SESSION, SENT, Site, example, limits, name, restored,
    token_of,
};
use crate::reading::{own, page, removed};
use chatproto::{Config, Event, Now, Passwords, Record, RestoreError, UserConfig, UserId};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const LOGGED_OUT: &str = "{\"status\": \"OK\", \"messages\": \"Logged Out!\"}\r\n\r\n";

fn active(names: &str) -> String {
    format!("{{\"status\": \"OK\", \"message\": \"{names}\"}}\r\n\r\n")
}

fn opened(site: &Site) -> Vec<u64> {
    let sessions = site.log.records.iter().filter_map(|record| match record {
        Record::SessionOpened { session, .. } => Some(*session),
        _ => None,
    });
    sessions.collect()
}

// Sessions.

#[test]
fn tokens_work_after_a_restart_for_their_user_alone() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        let henderson = token_of(&it.site.ask(it.id, "auth henderson surabaya\r\n"));
        let second = token_of(&it.site.ask(it.id, "auth messi surabaya\r\n"));
        let lineker = token_of(&it.site.ask(it.id, "auth lineker surabaya\r\n"));
        it.site.ask(it.id, &format!("logout {lineker}\r\n"));

        it.restart(loading);
        let id = it.id;
        let active_users = [&it.token, &henderson, &second]
            .map(|token| it.site.ask(id, &format!("activeuser {token}\r\n")));
        let ended = it.site.ask(id, &format!("activeuser {lineker}\r\n"));
        it.site.ask(id, &format!("send {henderson} messi hi\r\n"));
        let inbox = it.site.ask(id, &format!("inbox {second}\r\n"));

        assert_eq!(active_users, [(); 3].map(|()| active("messi, henderson, ")));
        assert_eq!(ended, NO_SESSION);
        assert!(inbox.contains("\"msg_from\": \"Jordan Henderson\""));
    }
}

#[test]
fn the_order_of_login_outlives_a_restart() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        for user in ["lineker", "henderson", "messi"] {
            let line = format!("auth {user} surabaya\r\n");
            it.site.ask(it.id, &line);
        }

        it.restart(loading);
        let before = it.do_it("activeuser", "");
        let other = token_of(&it.site.ask(it.id, "auth messi surabaya\r\n"));
        it.do_it("logout", "");
        let after = it.site.ask(it.id, &format!("activeuser {other}\r\n"));

        assert_eq!(before, active("messi, lineker, henderson, "));
        assert_eq!(after, active("lineker, henderson, messi, "));
    }
}

#[test]
fn a_session_can_be_ended_after_a_restart_whether_its_token_was_shown_or_not() {
    for loading in LOADINGS {
        for is_shown in [false, true] {
            let mut it = Stored::new();
            it.restart(loading);
            if is_shown {
                it.do_it("activeuser", "");
            }

            let reply = it.do_it("logout", "");
            let gone = it.do_it("activeuser", "");
            it.restart(loading);
            let still_gone = it.do_it("activeuser", "");

            assert_eq!(reply, LOGGED_OUT);
            assert_eq!([gone, still_gone], [NO_SESSION; 2]);
        }
    }
}

#[test]
fn a_logout_without_a_token_has_nothing_to_end_after_a_restart() {
    let mut it = Stored::new();
    it.restart(Loading::Summed);

    let reply = it.site.ask(it.id, "logout\r\n");

    assert!(reply.contains("--Protocol Tidak Benar"));
    assert_eq!(it.do_it("activeuser", ""), active("messi, "));
}

#[test]
fn an_unused_token_ages_on_while_the_realm_is_down() {
    let bounds = limits(&[("session_idle_ms_max", 10 * DAY_MS)]);
    for loading in LOADINGS {
        for (down, is_live) in [(4 * DAY_MS, true), (4 * DAY_MS + 1, false)] {
            let config = example(1).durable(true).limits(bounds.clone());
            let mut site = Site::new(config);
            let (_, token) = site.enter("messi", "surabaya");
            site.wait(6 * DAY_MS);
            site.now.unix_ms += down - 1;
            site.restart(loading);
            site.wait(1);

            let id = site.open();
            let reply = site.ask(id, &format!("activeuser {token}\r\n"));

            let expected = if is_live {
                &active("messi, ")
            } else {
                NO_SESSION
            };
            assert_eq!(reply, expected, "{loading:?} {down}");
        }
    }
}

#[test]
fn a_token_that_expired_while_the_realm_was_down_is_dead_at_once() {
    let bounds = limits(&[("session_idle_ms_max", 10 * DAY_MS)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (_, token) = site.enter("messi", "surabaya");
        site.now.unix_ms += 11 * DAY_MS;
        site.restart(loading);

        let id = site.open();
        let reply = site.ask(id, &format!("activeuser {token}\r\n"));

        assert_eq!(reply, NO_SESSION, "{loading:?}");
    }
}

#[test]
fn a_session_expires_after_the_restart_by_itself_and_in_the_store() {
    let bounds = limits(&[("session_idle_ms_max", 10 * DAY_MS)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        site.enter("messi", "surabaya");
        site.wait(6 * DAY_MS);
        site.restart(loading);

        site.wait(4 * DAY_MS + 1);
        site.commit();

        let ended = Record::SessionEnded { session: 1 };
        assert_eq!(site.log.records.last(), Some(&ended), "{loading:?}");
    }
}

#[test]
fn a_use_is_remembered_and_recorded_once_a_minute_at_most() {
    let bounds = limits(&[("session_idle_ms_max", 10 * DAY_MS)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, token) = site.enter("messi", "surabaya");
        let line = format!("activeuser {token}\r\n");
        let uses = |site: &Site| {
            let is_use = |record: &&Record| matches!(record, Record::SessionUsed { .. });
            site.log.records.iter().filter(is_use).count()
        };

        site.wait(59_999);
        site.ask(id, &line);
        let before = uses(&site);
        site.wait(1);
        site.ask(id, &line);
        let after = uses(&site);
        site.wait(59_999);
        site.ask(id, &line);
        let too_early = uses(&site);
        site.wait(9 * DAY_MS);
        site.ask(id, &line);
        site.now.unix_ms += 9 * DAY_MS;
        site.restart(loading);
        let id = site.open();

        assert_eq!((before, after, too_early), (0, 1, 1));
        assert_eq!(site.ask(id, &line), active("messi, "), "{loading:?}");
    }
}

#[test]
fn session_numbers_are_never_used_again() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.site.ask(it.id, "auth henderson surabaya\r\n");
        it.site.ask(it.id, "logout\r\n");
        it.restart(loading);
        it.site.ask(it.id, "auth henderson surabaya\r\nlogout\r\n");
        it.restart(loading);
        it.site.ask(it.id, "auth lineker surabaya\r\n");

        assert_eq!(opened(&it.site), [1, 2, 3, 4], "{loading:?}");
        let logins = it
            .site
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::LoggedIn { session, .. } => Some(*session),
                _ => None,
            });
        assert_eq!(logins.collect::<Vec<_>>(), [4]);
    }
}

#[test]
fn the_bound_of_sessions_counts_those_of_before() {
    let bounds = limits(&[("sessions_per_user_max", 2)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, first) = site.enter("messi", "surabaya");
        site.wait(1_000);
        let second = token_of(&site.ask(id, "auth messi surabaya\r\n"));
        site.restart(loading);
        let id = site.open();

        site.ask(id, "auth messi surabaya\r\n");

        let line = |token: &str| format!("activeuser {token}\r\n");
        assert_eq!(site.ask(id, &line(&first)), NO_SESSION, "{loading:?}");
        assert_eq!(site.ask(id, &line(&second)), active("messi, "));
    }
}

#[test]
fn no_token_is_in_the_store() {
    let mut it = Stored::new();
    it.do_it("send", "messi hi");
    let other = token_of(&it.site.ask(it.id, "auth messi surabaya\r\n"));

    let shown = format!("{:?}", it.site.log.records);

    for token in [&it.token, &other] {
        assert!(!shown.contains(token.as_str()));
        let digits: String = token.chars().filter(|c| *c != '-').collect();
        assert!(!shown.contains(&digits));
    }
}

// Inboxes.

#[test]
fn an_inbox_comes_back_with_its_order_and_its_senders() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        let id = it.id;
        let [henderson, lineker] = ["henderson", "lineker"]
            .map(|user| token_of(&it.site.ask(id, &format!("auth {user} surabaya\r\n"))));
        let send = |it: &mut Stored, token: &str, text: &str| {
            let sent = it.site.ask(id, &format!("send {token} messi {text}\r\n"));
            assert_eq!(sent, SENT);
        };
        // lineker is listed first, and has nothing there any more.
        send(&mut it, &lineker, "a");
        it.do_it("inbox", "");
        let messi = it.token.clone();
        for (token, text) in [(&henderson, "b"), (&messi, "c"), (&henderson, "d")] {
            send(&mut it, token, text);
        }

        it.restart(loading);
        let first = it.do_it("inbox", "");
        it.restart(loading);
        let second = it.do_it("inbox", "");

        let from = |display: &str, text: &str| {
            format!(
                "{{\"msg_from\": \"{display}\", \"msg_to\": \"Lionel Messi\", \"msg\": \" {text}\\r\\n\"}}"
            )
        };
        let (b, c, d) = (
            from("Jordan Henderson", "b"),
            from("Lionel Messi", "c"),
            from("Jordan Henderson", "d"),
        );
        assert_eq!(
            first,
            format!(
                "{{\"status\": \"OK\", \"messages\": {{\"lineker\": [], \"henderson\": [{b}, {d}], \"messi\": [{c}]}}}}\r\n\r\n"
            ),
            "{loading:?}"
        );
        assert_eq!(
            second,
            "{\"status\": \"OK\", \"messages\": {\"lineker\": [], \"henderson\": [], \"messi\": []}}\r\n\r\n"
        );
    }
}

#[test]
fn numbers_and_times_of_messages_go_on() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["one", "two"]);
        it.do_it("ack", "1");
        it.restart(loading);
        it.send_all(&["three"]);

        assert_eq!(
            it.do_it("peek", ""),
            page(&[own(2, "two"), own(3, "three")], 0),
            "{loading:?}"
        );
        assert_eq!(it.do_it("ack", "3"), removed(2, 0));
    }
}

#[test]
fn what_was_not_committed_never_happened() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["one"]);
        it.send("two");
        it.batch();
        it.send("three");
        it.site.inbox(it.id, &it.token);

        it.restart(loading);

        assert_eq!(
            it.do_it("peek", ""),
            page(&[own(1, "one")], 0),
            "{loading:?}"
        );
    }
}

#[test]
fn who_never_got_anything_has_an_empty_inbox() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.restart(loading);

        assert_eq!(it.do_it("inbox", ""), EMPTY_INBOX);
    }
}

#[test]
fn the_bound_of_senders_counts_those_of_before() {
    let bounds = limits(&[("inbox_senders_max", 2)]);
    for loading in LOADINGS {
        let mut site = Site::new(example(1).durable(true).limits(bounds.clone()));
        let (id, messi) = site.enter("messi", "surabaya");
        let tokens = ["henderson", "lineker"]
            .map(|user| token_of(&site.ask(id, &format!("auth {user} surabaya\r\n"))));
        let send = |token: &str| format!("send {token} messi hi\r\n");
        site.ask(id, &send(&messi));
        site.ask(id, &send(&tokens[0]));
        site.ask(id, &format!("inbox {messi}\r\n"));
        site.restart(loading);
        let id = site.open();

        let replies = [&messi, &tokens[0], &tokens[1]].map(|token| site.ask(id, &send(token)));

        let full = crate::common::INBOX_FULL;
        assert_eq!(replies, [SENT, SENT, full], "{loading:?}");
    }
}

// Users.

#[test]
fn users_of_the_configuration_are_added_to_those_of_the_store() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["hi"]);
        let newcomer = UserConfig::new("aguero", "Sergio Aguero", "", "surabaya").unwrap();
        let config = Config::new(name("realm1"))
            .passwords(Passwords::Plain)
            .durable(true)
            .user(newcomer);

        it.site.restart_as(config, loading);
        it.site.commit();
        it.id = it.site.open();
        let aguero = token_of(&it.site.ask(it.id, "auth aguero surabaya\r\n"));
        let to_old = it
            .site
            .ask(it.id, &format!("send {aguero} henderson hi\r\n"));
        let inbox = it.do_it("inbox", "");

        assert_eq!(to_old, SENT);
        assert!(inbox.contains("\"msg_from\": \"Lionel Messi\""));
        let accounts: Vec<_> = it
            .site
            .log
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Account { user, name, .. } => Some((user.number(), name.to_string())),
                _ => None,
            })
            .collect();
        let expected = [
            (0, "messi"),
            (1, "henderson"),
            (2, "lineker"),
            (3, "aguero"),
        ];
        assert_eq!(
            accounts,
            expected.map(|(user, name)| (user, name.to_owned()))
        );
    }
}

#[test]
fn the_order_of_users_in_the_configuration_does_not_matter() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["hi"]);
        let mut config = example(1).durable(true);
        config.users.reverse();

        it.site.restart_as(config, loading);
        it.id = it.site.open();

        assert_eq!(it.do_it("peek", ""), page(&[own(1, "hi")], 0));
    }
}

#[test]
fn a_realm_that_lacks_nothing_records_nothing() {
    for loading in LOADINGS {
        let mut it = Stored::new();
        it.send_all(&["hi"]);
        it.restart(loading);

        assert_eq!(it.site.take_batch(), None, "{loading:?}");
    }
}

#[test]
fn what_is_stored_in_contradiction_is_refused_with_a_sentence() {
    let mut it = Stored::new();
    it.send_all(&["one", "two"]);
    let records = it.site.log.loaded(Loading::Whole);
    let without = |is_left_out: &dyn Fn(&Record) -> bool| {
        let kept = records.iter().filter(|record| !is_left_out(record));
        let config = example(1).durable(true);
        let now = Now::new(0, 0);
        restored(config, [1; 32], now, kept.cloned().collect()).map(drop)
    };

    let account = without(&|record| matches!(record, Record::Account { .. }));
    let first = without(&|record| matches!(record, Record::Delivered { number: 1, .. }));
    let listed = without(&|record| matches!(record, Record::Listed { .. }));

    for error in [account, first, listed].map(Result::unwrap_err) {
        assert!(matches!(error, RestoreError::Contradiction(_)), "{error:?}");
        let sentence = error.to_string();
        assert!(sentence.contains("contradicts itself"), "{sentence}");
        assert!(sentence.ends_with("put back a backup"), "{sentence}");
    }
}

#[test]
fn an_account_comes_back_under_its_number_though_others_are_missing() {
    let account = Record::Account {
        user: UserId::from_number(7),
        name: chatproto::UserName::parse("aguero").unwrap(),
        display_name: "Sergio Aguero".into(),
        country: "".into(),
        password: Some(crate::common::hash("surabaya")),
    };
    let mut site = Site::new(example(1).durable(true));
    site.log.records.push(account);

    site.restart(Loading::Whole);
    site.commit();
    let id = site.open();
    site.receive(id, b"auth aguero surabaya\r\n");
    site.work();
    site.commit();

    assert_eq!(token_of(&site.read(id)).len(), 36);
    let added = site.log.records.iter().filter_map(|record| match record {
        Record::Account { user, .. } => Some(user.number()),
        _ => None,
    });
    assert_eq!(added.collect::<Vec<_>>(), [7, 8, 9, 10]);
}
