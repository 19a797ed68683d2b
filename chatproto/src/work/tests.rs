//! A realm with its store in a file or in memory, worked by hand.

use super::{Answer, Job, Place, Storage};
use crate::config::{Config, UserConfig};
use crate::id::UserId;
use crate::name::RealmName;
use crate::output::Output;
use crate::password::Passwords;
use crate::realm::Realm;
use crate::record::StoreFailure;
use crate::store::sqlite::{Durability, Retention};
use crate::store::{Fetch, StoreError};
use crate::time::Now;

const NOW: Now = Now::new(0, 1_790_000_000_000);

fn open(place: &Place) -> (Realm, Storage) {
    let name = RealmName::parse("realm1").unwrap();
    let config = Config::new(name.clone())
        .user(UserConfig::new("messi", "Lionel Messi", "Argentina", "surabaya").unwrap())
        .passwords(Passwords::Plain)
        .durable(true);
    let mut restore = Realm::restore(config, [7; 32], NOW).unwrap();
    let storage = Storage::open(place, &name, &mut restore).unwrap();
    (restore.finish().unwrap(), storage)
}

fn file(folder: &tempfile::TempDir) -> Place {
    Place::File {
        path: folder.path().join("realm1.db"),
        durability: Durability::Os,
    }
}

/// Runs every job there is; returns the replies and the kinds of the jobs.
fn work(realm: &mut Realm, storage: &Storage) -> (Vec<String>, Vec<&'static str>) {
    let (mut replies, mut kinds) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let mut jobs = Vec::new();
        while let Some(output) = realm.poll_output() {
            match Job::of(output) {
                Ok(job) => jobs.push(job),
                Err(Output::Reply(_, reply)) => replies.push(String::from_utf8(reply).unwrap()),
                Err(_) => {}
            }
        }
        jobs.extend(realm.take_batch().map(Job::Commit));
        for job in &jobs {
            kinds.push(job.kind());
            job.run(Some(storage)).tell(realm, NOW).unwrap();
        }
        if jobs.is_empty() {
            return (replies, kinds);
        }
    }
    panic!("the realm never comes to rest");
}

#[test]
fn what_was_committed_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut realm, storage) = open(&file(&folder));
    realm.send_from("messi", "messi", "kept", NOW);
    let (replies, kinds) = work(&mut realm, &storage);
    assert_eq!(
        replies,
        ["{\"status\": \"OK\", \"message\": \"Message Sent\"}\r\n\r\n"]
    );
    assert!(kinds.contains(&"commit"));

    drop((realm, storage));
    let (mut realm, storage) = open(&file(&folder));
    realm.take_inbox("messi", NOW);
    let (replies, _) = work(&mut realm, &storage);

    assert_eq!(replies.len(), 1);
    assert!(replies[0].contains("\"msg\": \"kept\""), "{}", replies[0]);
}

#[test]
fn a_closed_store_keeps_nothing_and_says_why() {
    let (mut realm, storage) = open(&Place::Memory);
    assert_eq!(storage.failure(), None);
    storage.close();

    realm.send_from("messi", "messi", "lost", NOW);
    let (replies, _) = work(&mut realm, &storage);

    let broken = StoreError::Broken("the store is closed".to_owned());
    assert_eq!(storage.failure(), Some(broken));
    assert!(
        replies.iter().all(|reply| !reply.contains("\"OK\"")),
        "{replies:?}"
    );
}

#[test]
fn work_without_a_store_fails() {
    let (mut realm, _) = open(&Place::Memory);
    let batch = realm.take_batch().unwrap();
    let number = batch.number;

    let answer = Job::Commit(batch).run(None);

    assert!(matches!(answer, Answer::NotCommitted(it, _) if it == number));
}

#[test]
fn a_long_log_wants_tidying_until_it_was_tidied() {
    let folder = tempfile::tempdir().unwrap();
    let (mut realm, storage) = open(&file(&folder));
    assert!(!storage.wants_tidying());

    // 1 MiB of log is long.
    let text = "x".repeat(60_000);
    for _ in 0..40 {
        realm.send_from("messi", "messi", &text, NOW);
        work(&mut realm, &storage);
    }
    assert!(storage.wants_tidying());
    let upkeep = storage.upkeep(&Answer::Committed(40), NOW).unwrap();
    let answer = upkeep.run(Some(&storage));

    assert_eq!(upkeep.kind(), "tidy");
    assert!(!storage.wants_tidying());
    assert!(storage.upkeep(&answer, NOW).is_none());
    answer.tell(&mut realm, NOW).unwrap();
}

#[test]
fn a_commit_is_followed_by_a_sweep_once_an_hour() {
    let (_, storage) = open(&Place::Memory);
    let committed = Answer::Committed(1);
    let in_an_hour = Now::new(NOW.mono_ms + 3_600_000, NOW.unix_ms + 3_600_000);

    let first = storage.upkeep(&committed, NOW).unwrap();
    let failed = Answer::NotCommitted(2, StoreFailure::Full);
    assert!(storage.upkeep(&failed, NOW).is_none());
    let _ = first.run(Some(&storage));

    assert!(storage.upkeep(&committed, NOW).is_none());
    assert!(storage.upkeep(&committed, in_an_hour).is_some());
}

#[test]
fn old_history_goes_a_little_at_a_time_and_is_looked_for_once_an_hour() {
    let (mut realm, storage) = open(&Place::Memory);
    let storage = storage.retaining(Retention {
        ms: u64::MAX,
        messages_max: 2,
    });
    let later = |ms| Now::new(NOW.mono_ms + ms, NOW.unix_ms + ms);
    let read_some = |realm: &mut Realm, storage: &Storage| {
        for _ in 0..300 {
            realm.send_from("messi", "messi", "read", NOW);
        }
        realm.take_inbox("messi", NOW);
        work(realm, storage);
    };
    let kept = |storage: &Storage| {
        let everything = Fetch::range(UserId::new(0), 0, u64::from(u32::MAX));
        storage.fetch(&everything).unwrap().messages.len()
    };
    read_some(&mut realm, &storage);
    assert_eq!(kept(&storage), 300);

    storage.sweep(NOW);
    let after_a_step = kept(&storage);
    storage.sweep(NOW);
    let after_a_sweep = kept(&storage);
    read_some(&mut realm, &storage);
    storage.sweep(later(3_599_999));
    let within_the_hour = kept(&storage);
    assert!(storage.wants_sweeping(later(3_600_000)));
    for _ in 0..3 {
        storage.sweep(later(3_600_000));
    }

    assert!((3..300).contains(&after_a_step), "{after_a_step}");
    assert_eq!((after_a_sweep, within_the_hour), (2, 302));
    assert_eq!(kept(&storage), 2);
}
