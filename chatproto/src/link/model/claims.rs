//! What is claimed of every state.

use super::super::frame::{Frame, Resume, View};
use super::super::stream::{Next, OutStream};
use super::Realms;
use super::disk::{Disk, Item};
use super::hashed::Hashed;
use super::ids::{self, At};
use super::ledger::Report;
use super::state::State;
use crate::envelope::Envelope;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

type Claim = fn(&Realms, &State) -> bool;

/// The claims by name; the last, P5, is the drain's.
pub(super) const CLAIMS: [(&str, Claim); 8] = [
    ("a store can be restored of what it took", |_, state| {
        !state.ledger.is_contradicted
    }),
    (
        "P1: what was promised is in a stream, in an inbox, or bounced",
        |_, state| {
            let mut unaccounted = unaccounted(state);
            unaccounted.next().is_none()
        },
    ),
    ("P1: what bounced is in no inbox", |_, state| {
        bounced_is_in_no_inbox(state)
    }),
    ("P2: nothing is twice in an inbox", |_, state| {
        state.disks.iter().all(|disk| is_once(disk))
    }),
    (
        "P3: what came over one stream lies in the order of sending",
        |_, state| state.disks.iter().all(|disk| is_in_order(disk)),
    ),
    (
        "P4: nothing is pruned that the peer has not stored",
        |_, state| nothing_is_pruned_early(state),
    ),
    ("P4: no ack runs ahead of the store", |_, state| {
        no_ack_runs_ahead(state)
    }),
    (
        "nobody is accused, and nothing reported without a cause",
        |_, state| {
            let ledger = &state.ledger;
            ledger.accusation.is_none() && (ledger.reports.is_empty() || ledger.disks_changed > 0)
        },
    ),
];

/// Promised messages that are neither under way, nor where they should be, nor bounced.
pub(super) fn unaccounted(state: &State) -> impl Iterator<Item = Uuid> {
    let ledger = &state.ledger;
    let claimed = ledger.promised.difference(&ledger.lost).copied();
    claimed.filter(|message| !is_accounted(&state.disks, *message))
}

fn is_accounted(disks: &[Hashed<Disk>; 2], message: Uuid) -> bool {
    let (from, _) = ids::sent_by(message);
    let (sender, receiver) = (&disks[from.index()], &disks[from.peer().index()]);
    is_at_rest(sender, receiver, message)
        || sender.refused.contains(&message)
        || sender.is_sending(message)
}

/// Whether a message's fate is known to a user, for good.
fn is_at_rest(sender: &Disk, receiver: &Disk, message: Uuid) -> bool {
    receiver.has_kept(message) || sender.has_failed(message)
}

/// Whether every message that was promised has come to rest, but for those lost with a disk. Those
/// are reported.
pub(super) fn is_all_at_rest(state: &State) -> bool {
    let (ledger, disks) = (&state.ledger, &state.disks);
    let is_resting = |message: &Uuid| {
        let from = ids::sent_by(*message).0;
        is_at_rest(&disks[from.index()], &disks[from.peer().index()], *message)
    };
    let mut claimed = ledger.promised.difference(&ledger.lost);
    let is_silent = ledger.reports.is_empty();
    claimed.all(is_resting) && (!is_silent || ledger.owed.iter().all(is_resting))
}

/// What is gone for good when a realm starts with another disk than before.
pub(super) fn lost_with(state: &State, at: At, before: &Disk) -> BTreeSet<Uuid> {
    let mut now = [0, 1].map(|i| Disk::clone(&state.disks[i]));
    let mut lost = lost_between(state, &now, at, before);
    // What the other realm has not committed yet may be committed, or lost in its turn.
    let other = &state.sides[at.peer().index()];
    for batch in other.under_way.iter().chain([&other.pending]) {
        now[at.peer().index()].commit(batch.changes.clone());
        lost.extend(lost_between(state, &now, at, before));
    }
    lost
}

fn lost_between(state: &State, disks: &[Disk; 2], at: At, before: &Disk) -> BTreeSet<Uuid> {
    let ledger = &state.ledger;
    let claimed = ledger.promised.difference(&ledger.lost).copied();
    claimed
        .filter(|message| {
            let from = ids::sent_by(*message).0;
            let (sender, receiver) = (&disks[from.index()], &disks[from.peer().index()]);
            let was_told = from == at && before.has(Item::Bounced(*message));
            // What a resume showed to be dealt with may still be on the disk.
            let mail = &state.sides[from.index()].mail;
            let is_sending = sender.is_sending(*message) && is_held(mail, |it| it.id == *message);
            // A copy that still holds what was given up since: the peer may have passed the void.
            let was_given_up = from == at && before.has(Item::GivenUp(*message));
            let bounces = &state.sides[from.peer().index()].bounce;
            let is_bouncing = receiver.is_bouncing(*message)
                && is_held(bounces, |it| ids::answers(it) == Some(*message));
            let is_under_way = is_sending && !was_given_up && (!was_told || is_bouncing)
                || sender.refused.contains(message) && is_bouncing;
            !is_under_way && !is_at_rest(sender, receiver, *message)
        })
        .collect()
}

/// Of what was sent before a disk was changed, a sender may have been told wrongly.
fn bounced_is_in_no_inbox(state: &State) -> bool {
    At::BOTH.iter().all(|at| {
        let (own, other) = (&state.disks[at.index()], &state.disks[at.peer().index()]);
        let before = u64::from(state.ledger.sent_before[at.index()]);
        other.inbox.iter().all(|item| match *item {
            Item::Kept { message, .. } => {
                ids::sent_by(message).1 <= before || !own.has_failed(message)
            }
            Item::Bounced(_) | Item::GivenUp(_) => true,
        })
    })
}

/// Whether no message is there twice, and none has failed twice.
fn is_once(disk: &Disk) -> bool {
    let about = |item: &Item| match *item {
        Item::Kept { message, .. } | Item::Bounced(message) | Item::GivenUp(message) => message,
    };
    let mut rest = disk.inbox.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| about(other) == about(first)) {
            return false;
        }
        rest = others;
    }
    true
}

/// Whether what came over one stream lies in the order of sending.
fn is_in_order(disk: &Disk) -> bool {
    let mut last = BTreeMap::new();
    disk.inbox.iter().all(|item| match *item {
        Item::Kept { message, stream } => last.insert(stream, message) < Some(message),
        Item::Bounced(_) | Item::GivenUp(_) => true,
    })
}

fn nothing_is_pruned_early(state: &State) -> bool {
    state.ledger.disks_changed > 0
        || At::BOTH.iter().all(|at| {
            let (own, other) = (&state.sides[at.index()], &state.disks[at.peer().index()]);
            let mut streams = [&own.mail, &own.bounce].into_iter();
            streams.all(|stream| pruned(stream) == 0 || other.cursor(stream.id) >= pruned(stream))
        })
}

/// What the sender has let go of, an ack may tell all the same; of a stream that the sender has ended,
/// anything; and a receiver that has reported its loss has set its cursor by the sender's word.
fn no_ack_runs_ahead(state: &State) -> bool {
    At::BOTH.iter().all(|at| {
        let own = &state.disks[at.index()];
        let sender = &state.sides[at.peer().index()];
        state.sides[at.index()].frames.iter().all(|frame| {
            let (stream, told) = match frame {
                Frame::Ack {
                    stream, durable, ..
                }
                | Frame::Resume(Resume {
                    stream,
                    view: View::Receiver { durable, .. },
                    ..
                }) => (*stream, *durable),
                _ => return true,
            };
            let mut sent = [&sender.mail, &sender.bounce].into_iter();
            let sent = sent.find(|sent| sent.id == stream);
            let is_reported = state.ledger.reports.contains(&(*at, Report::Truncated));
            told <= own.cursor(stream)
                || is_reported
                || sent.is_none_or(|sent| told <= pruned(sent))
        })
    })
}

/// The last number that a stream has let go of.
fn pruned(stream: &OutStream) -> u64 {
    match stream.resume() {
        Frame::Resume(Resume {
            view: View::Sender { oldest, .. },
            ..
        }) => oldest - 1,
        other => panic!("{other:?} is no sender's resume"),
    }
}

/// Whether a stream would send such an envelope, given a link and the time.
fn is_held(stream: &OutStream, is_it: impl Fn(&Envelope) -> bool) -> bool {
    let mut stream = stream.clone();
    let (last, settled) = (stream.last(), (pruned(&stream), None));
    stream.link_down();
    stream.stored(last);
    stream.marked(last);
    stream.resumed(settled, settled).unwrap();
    stream.credit(u64::MAX, u64::MAX);
    let mut sent = std::iter::from_fn(|| stream.next(u64::MAX));
    sent.any(|next| matches!(next, Next::Frame(Frame::Env { envelope, .. }) if is_it(&envelope)))
}
