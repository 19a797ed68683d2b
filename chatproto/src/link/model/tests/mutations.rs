//! Each rule is needed: without it some claim breaks, and the model finds out how.

use crate::link::model::Realms;
use crate::link::model::scope::{Mutation, Scope};

/// Breaks a rule: a claim must break.
fn breaks(mutation: Mutation, scope: Scope) {
    let found = Realms::new(scope, Some(mutation)).check();

    let (claim, story) = found
        .broken
        .unwrap_or_else(|| panic!("{mutation:?} breaks nothing in {} states", found.states));
    eprintln!(
        "model: {mutation:?}: after {} states {claim:?} breaks",
        found.states
    );
    eprintln!("{story}");
}

fn one_message() -> Scope {
    Scope {
        mail: [1, 0],
        ..Scope::quiet()
    }
}

#[test]
fn one_number_in_resume_loses_mail() {
    breaks(
        Mutation::OneNumberInResume,
        Scope {
            crashes: [0, 1],
            cuts: 1,
            ..one_message()
        },
    );
}

#[test]
fn an_ack_before_the_commit_loses_mail() {
    breaks(
        Mutation::AckBeforeCommit,
        Scope {
            crashes: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn a_cursor_committed_before_the_inbox_loses_mail() {
    breaks(
        Mutation::CursorCommittedFirst,
        Scope {
            crashes: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn an_inbox_committed_before_the_cursor_doubles_mail() {
    breaks(
        Mutation::InboxCommittedFirst,
        Scope {
            crashes: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn pruning_on_send_loses_mail() {
    breaks(
        Mutation::PruneOnSend,
        Scope {
            cuts: 1,
            ..one_message()
        },
    );
}

#[test]
fn a_stream_that_outlives_its_disk_never_drains() {
    breaks(
        Mutation::SameStreamOnNewDisk,
        Scope {
            mail: [2, 0],
            replaced: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn a_refusal_beside_the_cursor_loses_the_bounce() {
    breaks(
        Mutation::RefusalBesideCursor,
        Scope {
            crashes: [0, 1],
            refusals: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn expiry_without_the_mark_bounces_what_arrived() {
    breaks(
        Mutation::ExpiryWithoutMark,
        Scope {
            crashes: [1, 0],
            expiries: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn a_mark_that_is_not_waited_for_bounces_what_arrived() {
    breaks(
        Mutation::SentBeforeMark,
        Scope {
            crashes: [1, 0],
            cuts: 1,
            expiries: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn ids_that_are_not_compared_lose_mail() {
    breaks(
        Mutation::IdsNotCompared,
        Scope {
            mail: [2, 0],
            copies: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn what_is_not_remembered_is_doubled() {
    breaks(
        Mutation::NothingSeen,
        Scope {
            mail: [2, 0],
            copies: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn an_ok_before_the_commit_is_a_lie() {
    breaks(Mutation::OkBeforeCommit, one_message());
}

#[test]
fn sending_before_the_commit_contradicts_the_store() {
    breaks(
        Mutation::SentBeforeCommit,
        Scope {
            mail: [2, 0],
            crashes: [1, 0],
            ..one_message()
        },
    );
}

#[test]
fn a_void_before_the_commit_loses_the_bounce() {
    breaks(
        Mutation::VoidBeforeCommit,
        Scope {
            too_long: [1, 0],
            crashes: [1, 0],
            cuts: 1,
            ..one_message()
        },
    );
}

#[test]
fn a_bounce_before_the_ack_is_passed_over() {
    breaks(
        Mutation::BounceBeforeAck,
        Scope {
            refusals: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn refusals_in_memory_only_are_forgotten() {
    breaks(
        Mutation::RefusalsForgotten,
        Scope {
            crashes: [0, 1],
            refusals: [0, 1],
            ..one_message()
        },
    );
}

#[test]
fn a_bounce_known_by_its_message_alone_settles_the_wrong_refusal() {
    breaks(
        Mutation::BounceKnownByMessage,
        Scope {
            mail: [2, 0],
            copies: [1, 0],
            refusals: [0, 2],
            ..one_message()
        },
    );
}

#[test]
fn a_loss_that_nobody_is_told_of_is_noticed() {
    breaks(
        Mutation::LossUnreported,
        Scope {
            replaced: [0, 1],
            ..one_message()
        },
    );
}
