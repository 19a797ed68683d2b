//! Which files are opened, and which are refused and left as they are.

use crate::harness::{Harness, Sqlite, commit_all, load};
use crate::sample::{PASSWORD, batch, log, people, realm1};
use chatproto::store::sqlite::{SqliteOptions, SqliteStore};
use chatproto::store::{Store as _, StoreError};
use std::fs;
use std::path::Path;

/// The error of opening, which must be one sentence that names the file and shows no content.
fn refused(place: &Sqlite) -> StoreError {
    let error = place.open_for(&realm1()).err().unwrap();
    let sentence = error.to_string();
    assert!(sentence.contains("realm1.db"), "{sentence}");
    assert!(sentence.contains(": "), "what to do? {sentence}");
    for secret in ["apa kabar", "messi", PASSWORD, "key 3", "selamat"] {
        assert!(!sentence.contains(secret), "{sentence}");
    }
    error
}

fn filled() -> Sqlite {
    let place = Sqlite::new();
    commit_all(&mut place.open(), &log());
    place
}

#[cfg(unix)]
#[test]
fn its_owner_alone_may_read_a_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let backup = place.folder().join("copy.db");
    store.reader().unwrap().backup(backup).unwrap();

    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(place.folder()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }

    names.sort();
    let files = [
        "copy.db",
        "realm1.db",
        "realm1.db-shm",
        "realm1.db-wal",
        "realm1.db.lock",
    ];
    assert_eq!(names, files);
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let other = rusqlite::Connection::open_in_memory().unwrap();
    other.execute_batch("CREATE TABLE shopping (item)").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    other
        .execute("VACUUM INTO ?1", (path.to_str().unwrap(),))
        .unwrap();
    let table = [
        b"selamat pagi\n".repeat(500),
        b"x".to_vec(),
        fs::read(path).unwrap(),
    ];

    for bytes in table {
        let place = Sqlite::new();
        fs::write(place.path(), &bytes).unwrap();

        let error = refused(&place);

        assert!(matches!(error, StoreError::Foreign(_)), "{error:?}");
        assert_eq!(fs::read(place.path()).unwrap(), bytes);
        assert!(!place.wal().exists());
    }
    let place = Sqlite::new();
    fs::create_dir(place.path()).unwrap();
    assert!(matches!(refused(&place), StoreError::Foreign(_)));
}

#[test]
fn an_empty_file_is_a_damaged_store() {
    let place = Sqlite::new();
    fs::write(place.path(), "").unwrap();

    assert!(matches!(refused(&place), StoreError::Damaged(_)));

    assert_eq!(fs::read(place.path()).unwrap(), b"");
}

#[test]
fn a_log_without_its_file_is_not_thrown_away() {
    let place = Sqlite::new();
    let store = place.open();
    let left = place.killed();
    drop(store);
    let wal = b"perhaps the last that was committed".to_vec();
    fs::remove_file(left.path()).unwrap();
    fs::write(left.wal(), &wal).unwrap();

    assert!(matches!(refused(&left), StoreError::Damaged(_)));

    assert_eq!(fs::read(left.wal()).unwrap(), wal);
    assert!(!left.path().exists());
}

#[test]
fn a_file_that_lost_its_end_is_refused() {
    let place = filled();
    let bytes = fs::read(place.path()).unwrap();
    for left in [bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1, 5000] {
        fs::write(place.path(), &bytes[..left]).unwrap();

        let refused = refused(&place);

        assert!(
            matches!(refused, StoreError::Damaged(_)),
            "{left}: {refused}"
        );
        assert_eq!(fs::read(place.path()).unwrap(), &bytes[..left]);
    }
}

#[test]
fn rows_that_contradict_each_other_are_refused() {
    let table = [
        "INSERT INTO users VALUES (8388608, 'messi', '', '', NULL)",
        "INSERT INTO users VALUES (-1, 'messi', '', '', NULL)",
        "INSERT INTO messages VALUES (9 << 40 | 1, 0, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (-5, 0, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (8388607 << 40 | 1, 0, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (1 << 40 | 99, 9 << 2, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (1 << 40 | 99, 9 << 2 | 1, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (1 << 40 | 99, 9 << 2 | 2, 0, 'apa kabar')",
        "INSERT INTO messages VALUES (1 << 40 | 99, 3, 0, 'apa kabar')",
        "INSERT INTO inboxes VALUES (9, 1)",
        "INSERT INTO senders VALUES (9 << 32, 0)",
        "INSERT INTO senders VALUES (1 << 32 | 9, 9 << 2)",
        "UPDATE sessions SET user = 9",
        "INSERT INTO send_keys VALUES (9 << 40 | 1, 'key 3', x'00')",
        "UPDATE remotes SET realm = 9",
        "INSERT INTO streams (id, stream) VALUES (9 << 2, zeroblob(16))",
        "INSERT INTO cursors VALUES (9 << 2, zeroblob(16), 0, zeroblob(16))",
        "INSERT INTO refusals VALUES (9 << 40 | 1, zeroblob(16))",
        "UPDATE bounces_due SET realm = 9",
        "INSERT INTO seen VALUES (9 << 40 | 1, zeroblob(16))",
        "UPDATE posts SET key = 9 << 40 | 1 WHERE key = 2",
        // One of four is missing: the first, the second; and the last, which may have been sent.
        "DELETE FROM queue WHERE key = (4 << 40) + 1",
        "DELETE FROM queue WHERE key = (4 << 40) + 2",
        "DELETE FROM queue WHERE key > (4 << 40) + 2",
        "UPDATE streams SET marked = 5 WHERE id = 4",
        "UPDATE streams SET marked = 5 WHERE id = 0",
        "UPDATE streams SET marked = -1",
        "DELETE FROM streams WHERE id = 0",
        "DELETE FROM meta",
        // Only the check of SQLite itself finds this one.
        "PRAGMA ignore_check_constraints = ON; UPDATE meta SET only = 2",
    ];
    for sql in table {
        let place = filled();
        assert!(place.open_for(&realm1()).is_ok());
        place.edit(sql);
        let bytes = fs::read(place.path()).unwrap();

        let refused = refused(&place);

        assert!(
            matches!(refused, StoreError::Damaged(_)),
            "{sql}: {refused}"
        );
        assert_eq!(fs::read(place.path()).unwrap(), bytes, "{sql}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused_when_they_are_loaded() {
    let table = [
        "UPDATE users SET name = 'two words'",
        "UPDATE users SET password = 'surabaya'",
        "UPDATE sessions SET token = x'0102'",
        "UPDATE realms SET name = ''",
        "UPDATE remotes SET name = 'a@b'",
        "UPDATE queue SET kind = 'letter'",
        "UPDATE queue SET id = x'01'",
        "UPDATE queue SET origin = '#'",
        "UPDATE inboxes SET taken = -1",
        "UPDATE send_keys SET digest = x''",
        "UPDATE cursors SET id = 3 WHERE id = 0",
        "UPDATE streams SET acknowledged_id = NULL",
        "UPDATE seen SET id = x'0102'",
        "UPDATE posts SET state = 4",
        "UPDATE posts SET id = x''",
    ];
    for sql in table {
        let place = filled();
        place.edit(sql);

        let loaded = place.open().load(&mut |_| {});

        assert!(
            matches!(loaded, Err(StoreError::Damaged(_))),
            "{sql}: {loaded:?}"
        );
    }
}

#[test]
fn a_lock_holds_whatever_the_file_is_called_by() {
    let place = filled();
    let store = place.open();
    let folder = place.folder();
    let by_dots = folder
        .join("..")
        .join(folder.file_name().unwrap())
        .join("realm1.db");
    let mut names = vec![by_dots];
    #[cfg(unix)]
    {
        let link = folder.join("link.db");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        names.push(link);
    }

    for name in &names {
        let error = SqliteStore::open(name, &realm1(), SqliteOptions::new())
            .err()
            .unwrap();
        let StoreError::InUse(sentence) = error else {
            panic!("{error:?}");
        };
        assert!(
            sentence.contains("is open in this very program: use that one"),
            "{sentence}"
        );
    }
    drop(store);
    assert!(folder.join("realm1.db.lock").exists());
    for name in &names {
        assert!(SqliteStore::open(name, &realm1(), SqliteOptions::new()).is_ok());
    }
}

#[test]
fn what_is_no_lock_stays_as_it_is() {
    let place = Sqlite::new();
    let lock = place.folder().join("realm1.db.lock");
    let named_lock = place.folder().join("realm1.lock");
    fs::write(&lock, "content = \"of poetry\"").unwrap();
    let refusal = |path: &Path| {
        let refused = SqliteStore::open(path, &realm1(), SqliteOptions::new());
        let StoreError::Foreign(sentence) = refused.err().unwrap() else {
            panic!("another error than that it is foreign");
        };
        sentence
    };

    assert!(refusal(&place.path()).ends_with(
        "realm1.db.lock is no lock of a store: move it away, or name the store otherwise"
    ));
    assert!(refusal(&named_lock).contains("is what a store's lock is called"));
    assert_eq!(
        refusal(Path::new("")),
        "a store needs a name, such as realm1.db"
    );
    assert_eq!(fs::read(&lock).unwrap(), b"content = \"of poetry\"");
    // One that nobody is written in is new, or was cut short.
    for text in ["", "4000000000\n"] {
        fs::write(&lock, text).unwrap();
        drop(place.open());
    }
}

#[test]
fn what_a_killed_creation_left_is_in_nobodys_way() {
    let place = Sqlite::new();
    let new = place.folder().join("realm1.db-new");
    fs::write(&new, "half a store").unwrap();

    commit_all(&mut place.open(), &log());

    assert!(!new.exists());
    assert_ne!(load(&mut place.open()), []);
}

#[test]
fn a_folder_that_is_not_there_is_told_of() {
    let place = Sqlite::new();
    let path = place.folder().join("nowhere").join("realm1.db");

    let error = SqliteStore::open(path, &realm1(), SqliteOptions::new())
        .err()
        .unwrap();

    assert!(matches!(error, StoreError::Broken(_)), "{error:?}");
    assert!(error.to_string().contains("folder"), "{error}");
}

#[test]
fn a_store_in_memory_keeps_what_it_is_given_and_has_no_second_way_in() {
    let mut store = SqliteStore::in_memory(&realm1()).unwrap();
    commit_all(&mut store, [&batch(1, people())]);

    assert_eq!(load(&mut store), people());
    store.tidy().unwrap();
    store.compact().unwrap();
    assert!(matches!(store.reader(), Err(StoreError::Foreign(_))));
}

#[test]
fn a_store_can_go_to_another_thread() {
    let place = Sqlite::new();
    let mut store = place.open();
    let mut reader = store.reader().unwrap();

    std::thread::spawn(move || commit_all(&mut store, &log()))
        .join()
        .unwrap();

    let counted = std::thread::spawn(move || reader.inspect().unwrap().users);
    assert_eq!(counted.join().unwrap(), 4);
}
