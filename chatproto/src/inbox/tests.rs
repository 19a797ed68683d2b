use super::*;

const BOUNDS: Bounds = Bounds {
    messages_max: 4,
    bytes_max: 20,
    senders_max: 100,
};

fn realm(number: usize) -> Sender {
    Sender::Realm(PeerId::new(number))
}

fn shown(inbox: &Inbox) -> Vec<(Sender, Vec<String>)> {
    let mut shown = Vec::new();
    inbox
        .by_sender(&[])
        .for_each(|sender, texts| shown.push((sender, texts.map(str::to_owned).collect())));
    shown
}

#[test]
fn messages_are_grouped_by_sender_and_senders_stay() {
    let mut inbox = Inbox::default();
    for (sender, text) in [(7, "one"), (3, "two"), (7, "three")] {
        inbox.deliver(realm(sender), text, 0, BOUNDS).unwrap();
    }
    let grouped = vec![
        (realm(7), vec!["one".to_owned(), "three".to_owned()]),
        (realm(3), vec!["two".to_owned()]),
    ];
    assert_eq!(shown(&inbox), grouped);

    inbox.take(inbox.last());
    inbox.deliver(realm(3), "four", 0, BOUNDS).unwrap();
    assert_eq!(
        shown(&inbox),
        [(realm(7), vec![]), (realm(3), vec!["four".to_owned()])]
    );
}

#[test]
fn a_full_inbox_takes_nothing_and_loses_nothing() {
    let mut inbox = Inbox::default();
    for text in ["12345", "12345", "12345"] {
        inbox.deliver(realm(1), text, 0, BOUNDS).unwrap();
    }
    assert_eq!(
        inbox.deliver(realm(1), "123456", 0, BOUNDS),
        Err(ErrorCode::InboxFull)
    );
    assert!(inbox.deliver(realm(1), "12345", 0, BOUNDS).is_ok());
    assert_eq!(
        inbox.deliver(realm(1), "", 0, BOUNDS),
        Err(ErrorCode::InboxFull)
    );
    assert_eq!(inbox.len(), 4);
}

#[test]
fn a_reserved_place_is_kept_for_its_bounce() {
    let mut inbox = Inbox::default();
    for _ in 0..4 {
        inbox.reserve(BOUNDS).unwrap();
    }
    assert_eq!(inbox.reserve(BOUNDS), Err(ErrorCode::OwnInboxFull));
    assert_eq!(
        inbox.deliver(realm(1), "x", 0, BOUNDS),
        Err(ErrorCode::InboxFull)
    );

    inbox.bounce(PeerId::new(1), "back", 0);
    inbox.unreserve();

    assert!(inbox.deliver(realm(1), "x", 0, BOUNDS).is_ok());
    assert_eq!(
        inbox.deliver(realm(1), "x", 0, BOUNDS),
        Err(ErrorCode::InboxFull)
    );
}

#[test]
fn many_senders_are_found_again() {
    let bounds = Bounds {
        messages_max: 1_000,
        bytes_max: 1_000,
        senders_max: 100,
    };
    let mut inbox = Inbox::default();
    for _ in 0..2 {
        for number in 0..100 {
            inbox.deliver(realm(number), "x", 0, bounds).unwrap();
        }
    }
    assert_eq!(
        inbox.deliver(realm(100), "x", 0, bounds),
        Err(ErrorCode::InboxFull)
    );

    let shown = shown(&inbox);
    assert_eq!(shown.len(), 100);
    assert!(shown.iter().all(|(_, texts)| texts.len() == 2));
}

fn stored(number: u64, sender: Sender, text: &str) -> Message {
    Message {
        number,
        sender,
        unix_ms: 0,
        text: text.into(),
    }
}

fn numbers(inbox: &Inbox, stored: &[Message]) -> Vec<(u64, String)> {
    let waiting = inbox.waiting(stored);
    waiting.map(|it| (it.number, it.text.to_owned())).collect()
}

/// An inbox of "1" to "9" that keeps what it may in memory; batch 1 has the first five messages,
/// batch 2 the others.
fn relieved(bytes_max: u64, committed: u64) -> Inbox {
    let bounds = Bounds {
        messages_max: 100,
        bytes_max: 1_000,
        senders_max: 10,
    };
    let mut inbox = Inbox::default();
    for number in 1..=9_u64 {
        let text = number.to_string();
        inbox.deliver(realm(1), &text, 0, bounds).unwrap();
        inbox.is_part_of(1 + u64::from(number > 5), 0);
    }
    inbox.relieve(bytes_max, committed);
    inbox
}

#[test]
fn only_what_is_in_the_store_leaves_the_memory() {
    // Each takes 17 bytes: one of text, and 16 to find it by.
    let upto = |messages_max: u64, committed| {
        let inbox = relieved(17 * messages_max, committed);
        (inbox.stored_upto(), inbox.kept_upto(committed), inbox.len())
    };
    assert_eq!(upto(4, 0), (0, 0, 9));
    assert_eq!(upto(4, 1), (5, 5, 9));
    assert_eq!(upto(4, 2), (7, 9, 9));
    assert_eq!(upto(0, 2), (9, 9, 9));
    assert_eq!(upto(9, 2), (0, 9, 9));
}

#[test]
fn the_store_gives_back_what_left_the_memory() {
    let mut inbox = relieved(4, 1);
    let given: Vec<_> = (1..=5)
        .map(|number| stored(number, realm(1), &number.to_string()))
        .collect();
    let all: Vec<_> = (1..=9).map(|number| (number, number.to_string())).collect();
    assert_eq!(numbers(&inbox, &given), all);

    // What was taken out meanwhile, or is in memory too, comes once or not at all.
    inbox.take(2);
    let more = [&given[..], &[stored(6, realm(1), "6")]].concat();
    assert_eq!(numbers(&inbox, &more), all[2..]);
    assert_eq!(
        inbox.check_room(&"x".repeat(12), BOUNDS),
        Err(ErrorCode::InboxFull)
    );
    inbox.take(7);
    assert_eq!(numbers(&inbox, &[]), all[7..]);
    inbox.take(99);
    assert_eq!((inbox.len(), inbox.last(), inbox.bytes()), (0, 9, 0));
}

#[test]
fn nothing_leaves_the_memory_while_the_store_is_read() {
    let mut inbox = relieved(17 * 9, 2);
    inbox.fetching(true);
    assert!(inbox.relieve(17 * 4, 2));
    assert_eq!(inbox.stored_upto(), 0);

    inbox.fetching(false);
    assert!(!inbox.relieve(17 * 4, 2));
    assert_eq!(inbox.stored_upto(), 7);
}

#[test]
fn a_restored_inbox_goes_on_where_it_was() {
    let mut inbox = Inbox::default();
    assert!(inbox.restore_sender(0, realm(7)));
    assert!(inbox.restore_sender(1, realm(3)));
    assert!(inbox.restore_sender(0, realm(7)));
    assert!(!inbox.restore_sender(1, realm(4)));
    assert!(!inbox.restore_sender(3, realm(4)));
    inbox.restore(2, 4, 15);

    let delivered = inbox.deliver(realm(3), "12345", 0, BOUNDS);
    assert_eq!(
        delivered,
        Ok(Delivered {
            number: 5,
            listed: None
        })
    );
    assert_eq!(
        inbox.deliver(realm(3), "1", 0, BOUNDS),
        Err(ErrorCode::InboxFull)
    );
    assert!(inbox.restore_message(5, realm(3), "again", 0));
    assert!(!inbox.restore_message(7, realm(3), "gap", 0));
    assert!(!inbox.restore_message(6, realm(9), "unlisted", 0));
    assert_eq!(inbox.len(), 3);
    let given = [stored(3, realm(7), "three"), stored(4, realm(3), "four")];
    let mut shown = Vec::new();
    inbox.by_sender(&given).for_each(|sender, texts| {
        shown.push((sender, texts.collect::<Vec<_>>()));
    });
    assert_eq!(
        shown,
        [(realm(7), vec!["three"]), (realm(3), vec!["four", "12345"])]
    );
}
