//! The model of the storm finds what is wrong.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use chatproto_tests::simulation::storm::post::{Fate, Fault, Item, KEYED, Message, Person, Post};
use std::collections::BTreeMap;

const MESSI: Person = Person {
    realm: 0,
    number: 100,
};
const AMSAL: Person = Person {
    realm: 0,
    number: 101,
};

fn letter(id: u64, number: usize) -> Item {
    Item {
        id,
        letter: Some(number),
        about: None,
    }
}

fn bounce(id: u64, about: &str) -> Item {
    Item {
        id,
        letter: None,
        about: Some(about.to_owned()),
    }
}

/// Messi has sent amsal letters 0 to 3, which were taken, and two to nobody.
fn post() -> Post {
    let mut post = Post::default();
    for to in 0..6 {
        let recipient = (to < 4).then_some(AMSAL);
        let to = if to < 4 { "amsal@barat" } else { "tiada@timur" };
        let number = post.send(MESSI, recipient, to.to_owned(), KEYED);
        post.answer(number, Fate::Taken);
    }
    post
}

fn audit(mut post: Post, messi: &[Item], amsal: &[Item]) -> (Vec<(Fault, Message)>, usize) {
    post.audit(&BTreeMap::from([
        (MESSI, messi.to_vec()),
        (AMSAL, amsal.to_vec()),
    ]));
    let (findings, strays) = post.into_findings();
    let findings = findings.iter().map(|it| (it.fault, it.message)).collect();
    (findings, strays.len())
}

fn bounces() -> [Item; 2] {
    [bounce(1, "tiada@timur"), bounce(2, "tiada@timur")]
}

fn all() -> [Item; 4] {
    [letter(1, 0), letter(2, 1), letter(3, 2), letter(4, 3)]
}

#[test]
fn what_is_wrong_with_inboxes_is_found() {
    let found = |fault, number| (fault, Message::Private(number));
    let check = |messi: &[Item], amsal: &[Item]| audit(post(), messi, amsal);

    assert_eq!(check(&bounces(), &all()), (vec![], 0));
    let lost = [letter(1, 0), letter(2, 2), letter(3, 3)];
    assert_eq!(check(&bounces(), &lost).0, [found(Fault::Lost, 1)]);
    let twice = [&all()[..], &[letter(5, 1)]].concat();
    assert_eq!(check(&bounces(), &twice).0, [found(Fault::Twice, 1)]);
    let swapped = [letter(1, 1), letter(2, 0), letter(3, 2), letter(4, 3)];
    assert_eq!(check(&bounces(), &swapped).0, [found(Fault::OutOfOrder, 0)]);
    assert_eq!(check(&bounces()[..1], &all()).0, [found(Fault::Lost, 5)]);
    let third = [&bounces()[..], &[bounce(3, "tiada@timur")]].concat();
    assert_eq!(check(&third, &all()), (vec![], 1));
    // It came, and came back all the same.
    let both = [&bounces()[..], &[bounce(3, "amsal@barat")]].concat();
    assert_eq!(check(&both, &all()), (vec![], 1));
    let gap = [letter(1, 0), letter(3, 1), letter(4, 2), letter(5, 3)];
    assert_eq!(check(&bounces(), &gap).1, 1);
    let other = [&bounces()[..], &[letter(3, 0)]].concat();
    assert_eq!(check(&other, &all()).0, [found(Fault::Misdelivered, 0)]);
}

#[test]
fn what_nobody_promised_is_found() {
    let mut refused = post();
    refused.answer(2, Fate::Refused);
    let found = [(Fault::Unpromised, Message::Private(2))];
    assert_eq!(audit(refused, &bounces(), &all()).0, found);

    let mut open = post();
    open.answer(2, Fate::Open);
    let found = [(Fault::Unanswered, Message::Private(2))];
    assert_eq!(audit(open, &bounces(), &all()).0, found);

    let mut unknown = post();
    unknown.answer(3, Fate::Unknown);
    assert_eq!(audit(unknown, &bounces(), &all()[..3]), (vec![], 0));
}

/// What amsal reads by `inbox`, or a lost reply with what was surely there; returns how many
/// readings cannot be.
fn read(readings: &[Result<&[usize], &[usize]>]) -> usize {
    let mut post = post();
    for reading in readings {
        match reading {
            Ok(letters) => post.emptied(AMSAL, letters.to_vec(), 0),
            Err(sure) => post.lost(AMSAL, sure.to_vec()),
        }
    }
    audit(post, &bounces(), &all()).1
}

#[test]
fn readings_follow_on_one_another() {
    assert_eq!(read(&[Ok(&[0]), Ok(&[]), Ok(&[1, 2]), Ok(&[3])]), 0);
    assert_eq!(read(&[Ok(&[0, 1]), Ok(&[1, 2])]), 1, "it was consumed");
    assert_eq!(read(&[Ok(&[0]), Ok(&[2, 3])]), 1, "one is missing");
    assert_eq!(read(&[Ok(&[0, 2]), Ok(&[1, 3])]), 1);
    // A lost reply took everything with it, or nothing.
    assert_eq!(read(&[Ok(&[0]), Err(&[1, 2]), Ok(&[3])]), 0);
    assert_eq!(read(&[Ok(&[0]), Err(&[1, 2]), Ok(&[1, 2, 3])]), 0);
    assert_eq!(read(&[Ok(&[0]), Err(&[1, 2]), Ok(&[2, 3])]), 1);
    assert_eq!(read(&[Err(&[]), Ok(&[2, 3])]), 0);
    assert_eq!(read(&[Err(&[]), Ok(&[2]), Ok(&[2, 3])]), 1);
}

#[test]
fn peeks_show_the_same_under_the_same_number() {
    let strays = |items: &[Item]| {
        let mut post = post();
        for item in items {
            post.peeked(AMSAL, item.clone());
        }
        audit(post, &bounces(), &all()).1
    };

    assert_eq!(strays(&[letter(1, 0), letter(1, 0), letter(2, 1)]), 0);
    assert!(
        strays(&[letter(1, 0), letter(3, 2)]) > 0,
        "one was left out"
    );
    assert!(strays(&[letter(1, 0), letter(2, 1), letter(2, 2)]) > 0);
    assert!(strays(&[letter(1, 1)]) > 0, "the inbox has another one");
}
