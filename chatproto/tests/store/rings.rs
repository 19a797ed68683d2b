//! Of which only the last are kept: what was seen of a realm, and what became of messages.

use crate::harness::{Harness, commit_all, load};
use crate::sample::{batch, peer, people, posted, realm2, realm3, seen, user};
use chatproto::store::Store;
use chatproto::{ErrorCode, PeerId, PostState, Record, UserId};

fn realms() -> Vec<Record> {
    let mut records = people();
    records.extend([peer(0, "realm2"), peer(1, "realm3")]);
    records
}

/// The number and the oldest of each message of a realm that a store knows.
fn seen_of(store: &mut impl Store, of: PeerId) -> Vec<(u64, u64)> {
    let of_peer = |record: Record| match record {
        Record::Seen {
            peer,
            number,
            oldest,
            ..
        } if peer == of => Some((number, oldest)),
        _ => None,
    };
    load(store).into_iter().filter_map(of_peer).collect()
}

/// The number, the oldest and the state of each post of a user.
fn posts_of(store: &mut impl Store, of: UserId) -> Vec<(u64, u64, PostState)> {
    let of_user = |record: Record| match record {
        Record::Posted {
            user,
            number,
            oldest,
            post,
        } if user == of => Some((number, oldest, post.state)),
        _ => None,
    };
    load(store).into_iter().filter_map(of_user).collect()
}

pub(crate) fn what_is_older_than_the_oldest_is_forgotten<H: Harness>() {
    let mut store = H::new().open();
    commit_all(&mut store, [&batch(1, realms())]);
    // One that never comes near its limit, beside one that goes beyond it a thousand times.
    let mut records = vec![seen(realm2(), 1, 1), posted(0, 1, 1, PostState::Queued)];
    for n in 1..=1500_u64 {
        records.push(seen(realm3(), n, n.saturating_sub(499).max(1)));
        records.push(posted(1, n, n.saturating_sub(4).max(1), PostState::Queued));
    }

    commit_all(&mut store, [&batch(2, records)]);

    let last: Vec<(u64, u64)> = (1001..=1500).map(|n| (n, 1001)).collect();
    assert_eq!(seen_of(&mut store, realm3()), last);
    assert_eq!(seen_of(&mut store, realm2()), [(1, 1)]);
    let last: Vec<_> = (1496..=1500)
        .map(|n| (n, 1496, PostState::Queued))
        .collect();
    assert_eq!(posts_of(&mut store, user(1)), last);
    assert_eq!(posts_of(&mut store, user(0)), [(1, 1, PostState::Queued)]);
    // A limit that was made smaller.
    let smaller = vec![
        seen(realm3(), 1501, 1500),
        posted(1, 1500, 1500, PostState::Delivered),
    ];
    commit_all(&mut store, [&batch(3, smaller)]);
    assert_eq!(seen_of(&mut store, realm3()), [(1500, 1500), (1501, 1500)]);
    assert_eq!(
        posts_of(&mut store, user(1)),
        [(1500, 1500, PostState::Delivered)]
    );
    assert_eq!(seen_of(&mut store, realm2()), [(1, 1)]);
}

pub(crate) fn a_post_is_what_was_last_told_of_it<H: Harness>() {
    let place = H::new();
    let mut store = place.open();
    commit_all(&mut store, [&batch(1, realms())]);
    let states = [
        PostState::Queued,
        PostState::Unknown,
        PostState::Failed(None),
        PostState::Failed(Some(ErrorCode::RecipientUnknown)),
        PostState::Failed(Some(ErrorCode::StoreUnreadable)),
        PostState::Delivered,
    ];

    for state in states {
        let told = posted(2, 7, 1, state);
        commit_all(&mut store, [&batch(2, vec![told.clone()])]);
        drop(store);

        store = place.open();
        let loaded = load(&mut store);
        let posts: Vec<&Record> = loaded
            .iter()
            .filter(|record| matches!(record, Record::Posted { .. }))
            .collect();
        let expected = posted(2, 7, 7, state);
        assert_eq!(posts, [&expected]);
    }
}

pub(crate) fn a_pause_outlives_the_name_of_its_realm<H: Harness>() {
    let place = H::new();
    let mut store = place.open();
    let paused = |is_paused| Record::Paused {
        peer: realm3(),
        is_paused,
    };
    let mut records = realms();
    records.push(paused(true));
    // The configuration is read at each start.
    records.push(peer(1, "realm3"));
    commit_all(&mut store, [&batch(1, records)]);
    drop(store);

    let mut store = place.open();
    assert_eq!(load(&mut store).last(), Some(&paused(true)));

    commit_all(&mut store, [&batch(2, vec![paused(false)])]);
    drop(store);
    let loaded = load(&mut place.open());
    assert_eq!(loaded.len(), realms().len());
    assert!(!loaded.contains(&paused(true)));
}
