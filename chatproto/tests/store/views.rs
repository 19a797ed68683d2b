//! What people see of a store while the realm runs.

use crate::harness::{Harness, Sqlite, commit_all};
use crate::sample::{PASSWORD, batch, delivered, log};

type View = (&'static str, Vec<String>);

/// All rows of a view, columns with a bar between them.
fn rows(connection: &rusqlite::Connection, view: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("SELECT * FROM {view}"))
        .unwrap();
    let columns = statement.column_count();
    let rows = statement
        .query_map((), |row| {
            let cells: Result<Vec<String>, _> = (0..columns)
                .map(|column| {
                    use rusqlite::types::Value;
                    row.get(column).map(|value| match value {
                        Value::Null => String::new(),
                        Value::Integer(number) => number.to_string(),
                        Value::Text(text) => text,
                        Value::Real(_) | Value::Blob(_) => panic!("not for people: {value:?}"),
                    })
                })
                .collect();
            Ok(cells?.join("|"))
        })
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn owned(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|&row| row.to_owned()).collect()
}

/// What the log of the sample comes to, about the realm itself.
fn own_views() -> [View; 6] {
    [
        (
            "people",
            owned(&[
                "messi|The messi|Argentina|1|1",
                "henderson|The henderson|Argentina|0|1",
                "lineker|The lineker|Argentina|1|0",
                "Ünï-名前|The Ünï-名前|Argentina|1|0",
            ]),
        ),
        (
            "logins",
            owned(&[
                "1|messi|2026-09-21T14:13:20.000Z|2026-09-21T14:14:20.000Z",
                "3|henderson|2026-09-21T14:13:20.000Z|2026-09-21T14:13:20.000Z",
            ]),
        ),
        (
            "inbox",
            owned(&[
                "henderson|3|messi|2026-09-21T14:13:20.003Z|satu\0dua",
                "henderson|4|messi|2026-09-21T14:13:20.004Z|😀😀",
                "henderson|5|amsal@realm3|2026-09-21T14:13:20.005Z|dari jauh",
                "henderson|6|*realm2*|2026-09-21T14:13:20.006Z|dari jauh",
                "Ünï-名前|1|messi|2026-09-21T14:13:20.001Z|empat",
            ]),
        ),
        (
            "history",
            owned(&[
                "henderson|1|messi|2026-09-21T14:13:20.001Z|",
                "henderson|2|messi|2026-09-21T14:13:20.002Z|  apa kabar \r\n",
                "lineker|1|messi|2026-09-21T14:13:20.001Z|tiga",
            ]),
        ),
        (
            "inbox_lengths",
            owned(&[
                "henderson|4|34|2026-09-21T14:13:20.003Z",
                "Ünï-名前|1|5|2026-09-21T14:13:20.001Z",
            ]),
        ),
        (
            "correspondents",
            owned(&[
                "henderson|0|messi",
                "henderson|1|amsal@realm3",
                "lineker|0|Ünï-名前",
                "lineker|1|messi",
            ]),
        ),
    ]
}

/// And about other realms.
fn views_of_others() -> [View; 5] {
    let text = "apa kabar \"amsal\"\0\u{7f}😀";
    let mail = |realm: u32, n: u32, kind: &str, state: &str| {
        format!(
            "realm{realm}|mail|{n}|{kind}|messi@realm1|amsal@realm2|2026-09-21T14:13:20.000Z||{state}|{text}"
        )
    };
    let post = |n: u32, state: &str, reason: &str| {
        format!(
            "messi|{n}|amsal@realm2|2026-09-21T14:13:20.00{n}Z|{state}|{reason}|apa kabar\r\n\0😀"
        )
    };
    [
        ("peers", owned(&["realm2|0|1|2|1|1", "realm3|1|1|4|0|0"])),
        (
            "outgoing WHERE stream = 'mail'",
            vec![
                mail(2, 3, "message", "void"),
                mail(2, 4, "other:bounce", "unmarked"),
                mail(3, 1, "message", "marked"),
                mail(3, 2, "message", "void"),
                mail(3, 3, "message", "marked"),
                mail(3, 4, "message", "unmarked"),
            ],
        ),
        (
            "outbox WHERE sender = 'messi'",
            vec![
                post(2, "failed", "inbox_full"),
                post(3, "unknown", ""),
                post(4, "failed", ""),
                post(5, "queued", ""),
            ],
        ),
        (
            "positions",
            owned(&[
                "realm2|out|mail|2|3",
                "realm2|out|bounces|0|0",
                "realm3|out|mail|0|3",
                "realm2|in|mail|4|",
                "realm2|in|bounces|9|",
            ]),
        ),
        ("refused", owned(&["realm2|henderson|amsal@realm2"])),
    ]
}

#[test]
fn people_read_the_views_while_the_realm_runs() {
    let place = Sqlite::new();
    let mut store = place.open();
    commit_all(&mut store, &log());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let person = rusqlite::Connection::open_with_flags(place.path(), flags).unwrap();

    let mut seen = String::new();
    for (view, expected) in own_views().into_iter().chain(views_of_others()) {
        let found = rows(&person, view);
        assert_eq!(found, expected, "{view}");
        seen += &found.concat();
    }

    for secret in [PASSWORD, "argon2", "key 3", "\u{1}\u{1}"] {
        assert!(!seen.contains(secret));
    }
    let views: i64 = person
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'view'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(views, 11, "a view is not tested");
    // And the realm goes on.
    commit_all(&mut store, [&batch(7, vec![delivered(1, 7, "lagi")])]);
    assert_eq!(rows(&person, "inbox").len(), 6);
}
