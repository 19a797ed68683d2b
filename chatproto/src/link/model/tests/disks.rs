//! Disks that were lost or put back: detected, reported, and nothing lost or doubled from then on.

use super::{hold, is_long};
use crate::link::model::scope::Scope;

/// Two messages, of which one may be refused.
fn quiet() -> Scope {
    Scope {
        mail: [2, 0],
        refusals: [0, 1],
        ..Scope::quiet()
    }
}

#[test]
fn a_sender_with_an_older_copy_begins_anew() {
    hold(
        "an older copy of the sender's disk",
        Scope {
            copies: [1, 0],
            ..quiet()
        },
    );
}

#[test]
fn a_receiver_with_an_older_copy_reports_what_is_missing() {
    hold(
        "an older copy of the receiver's disk",
        Scope {
            copies: [0, 1],
            ..quiet()
        },
    );
}

#[test]
fn a_sender_with_an_empty_disk_begins_anew() {
    hold(
        "an empty disk for the sender",
        Scope {
            replaced: [1, 0],
            ..quiet()
        },
    );
}

#[test]
fn a_receiver_with_an_empty_disk_reports_what_is_missing() {
    hold(
        "an empty disk for the receiver",
        Scope {
            replaced: [0, 1],
            ..quiet()
        },
    );
}

#[test]
fn a_message_refused_in_two_streams_is_told() {
    hold(
        "an older copy of the sender's disk, two refusals",
        Scope {
            copies: [1, 0],
            refusals: [0, 2],
            mail: [2, 0],
            ..Scope::quiet()
        },
    );
}

#[test]
fn bigger_scopes_hold_too() {
    if !is_long() {
        return;
    }
    for (copies, whose) in [([1, 0], "sender"), ([0, 1], "receiver")] {
        hold(
            &format!("an older copy of the {whose}'s disk, a crash of each"),
            Scope {
                copies,
                crashes: [1, 1],
                refusals: [0, 0],
                ..quiet()
            },
        );
        hold(
            &format!("an older copy of the {whose}'s disk, two refusals, a cut"),
            Scope {
                copies,
                cuts: 1,
                refusals: [0, 2],
                ..quiet()
            },
        );
        hold(
            &format!("an empty disk for the {whose}, a crash of each"),
            Scope {
                replaced: copies,
                crashes: [1, 1],
                ..quiet()
            },
        );
    }
    hold(
        "an older copy of the sender's disk, mail both ways",
        Scope {
            mail: [1, 1],
            copies: [1, 0],
            refusals: [1, 1],
            ..quiet()
        },
    );
    hold(
        "an older copy of the sender's disk, a crash, an expiry",
        Scope {
            copies: [1, 0],
            crashes: [1, 0],
            expiries: [1, 0],
            is_linked: false,
            ..quiet()
        },
    );
}
