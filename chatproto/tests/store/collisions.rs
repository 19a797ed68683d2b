//! What would be lost without a word if a number were used twice.

use crate::harness::{Harness as _, Sqlite, commit_all, load};
use crate::sample::{account, batch, delivered, mail, mail_begun, peer, realm3, seen, user, uuid};
use chatproto::store::{Fetch, Store as _, StoreError};
use chatproto::{Record, Sender};

fn listed() -> Record {
    Record::Listed {
        owner: user(1),
        position: 0,
        sender: Sender::Local(user(0)),
    }
}

#[test]
fn a_message_never_takes_the_place_of_another() {
    let place = Sqlite::new();
    let mut store = place.open();
    let people = vec![account(0, "messi"), account(1, "lineker"), listed()];
    commit_all(&mut store, [&batch(1, people)]);
    let first = batch(2, vec![delivered(1, 1, "halo")]);
    commit_all(&mut store, [&first, &first]);

    let refused = store.commit(&batch(3, vec![delivered(1, 2, "a"), delivered(1, 1, "b")]));

    assert!(
        matches!(refused, Err(StoreError::Damaged(_))),
        "{refused:?}"
    );
    drop(store);
    let mut store = place.open();
    load(&mut store);
    let kept = store.fetch(&Fetch::range(user(1), 1, 9)).unwrap().messages;
    assert_eq!(kept.len(), 1);
    assert_eq!(&*kept[0].text, "halo");
}

#[test]
fn neither_does_an_envelope_nor_what_was_seen() {
    let table = [
        (mail(100, 1, 7, false), mail(100, 1, 8, false)),
        (seen(realm3(), 1, 1), {
            let mut other = seen(realm3(), 1, 1);
            if let Record::Seen { id, .. } = &mut other {
                *id = uuid(8);
            }
            other
        }),
    ];
    for (first, other) in table {
        let mut store = Sqlite::new().open();
        let before = vec![peer(1, "realm3"), mail_begun(100), first.clone(), first];
        commit_all(&mut store, [&batch(1, before)]);
        let loaded = load(&mut store);

        let refused = store.commit(&batch(2, vec![other]));

        assert!(
            matches!(refused, Err(StoreError::Damaged(_))),
            "{refused:?}"
        );
        assert_eq!(load(&mut store), loaded);
    }
}
