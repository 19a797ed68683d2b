mod disks;
mod mutations;

use super::*;

/// Visits all states of a scope: none may break a claim.
fn hold(name: &str, scope: Scope) {
    let found = Realms::new(scope, None).check();

    if let Some((_, story)) = &found.broken {
        panic!("{name}:\n{story}");
    }
    eprintln!(
        "model: {} states, up to {} actions, {name}",
        found.states, found.depth
    );
}

/// Whether there is time for a scope that takes minutes.
fn is_long() -> bool {
    std::env::var("CHATPROTO_LONG").is_ok_and(|long| long == "1")
}

#[test]
fn realms_that_never_met_lose_and_double_nothing() {
    hold(
        "realms that never met, a crash of each, a cut",
        Scope {
            is_linked: false,
            mail: [1, 0],
            crashes: [1, 1],
            cuts: 1,
            ..Scope::quiet()
        },
    );
}

#[test]
fn crashes_and_cuts_lose_and_double_nothing() {
    hold(
        "two messages, a crash of each, a cut",
        Scope {
            mail: [2, 0],
            crashes: [1, 1],
            cuts: 1,
            ..Scope::quiet()
        },
    );
}

#[test]
fn refusals_are_as_durable_as_deliveries() {
    hold(
        "two messages refused or kept, a crash of each",
        Scope {
            mail: [2, 0],
            crashes: [1, 1],
            refusals: [0, 2],
            ..Scope::quiet()
        },
    );
}

#[test]
fn credit_for_one_envelope_is_enough() {
    hold(
        "two messages refused or kept, credit for one, a cut",
        Scope {
            mail: [2, 0],
            cuts: 1,
            refusals: [0, 2],
            credit: 1,
            ..Scope::quiet()
        },
    );
}

#[test]
fn what_goes_on_during_a_commit_waits_for_the_next() {
    hold(
        "a message, a crash of each, a cut, batches under way",
        Scope {
            mail: [1, 0],
            crashes: [1, 1],
            cuts: 1,
            refusals: [0, 1],
            is_split: true,
            ..Scope::quiet()
        },
    );
}

#[test]
fn what_expires_is_told_and_never_arrives() {
    hold(
        "two messages that may expire, a crash, a cut",
        Scope {
            mail: [2, 0],
            crashes: [1, 0],
            cuts: 1,
            expiries: [2, 0],
            ..Scope::quiet()
        },
    );
}

#[test]
fn what_is_too_long_is_told_and_never_arrives() {
    hold(
        "a message too long and one behind it, crashes",
        Scope {
            mail: [2, 0],
            too_long: [1, 0],
            crashes: [1, 1],
            ..Scope::quiet()
        },
    );
}

#[test]
fn mail_both_ways_does_not_get_mixed_up() {
    hold(
        "mail both ways, refused or kept, a crash",
        Scope {
            mail: [1, 1],
            crashes: [1, 0],
            refusals: [1, 1],
            ..Scope::quiet()
        },
    );
}

#[test]
fn bigger_scopes_hold_too() {
    if !is_long() {
        return;
    }
    let crashes = Scope {
        is_linked: false,
        mail: [2, 0],
        crashes: [1, 1],
        cuts: 1,
        refusals: [0, 1],
        expiries: [1, 0],
        ..Scope::quiet()
    };
    hold("crashes, a cut, a refusal, an expiry", crashes);
    hold(
        "the same, batches under way, no expiry",
        Scope {
            is_split: true,
            expiries: [0, 0],
            ..crashes
        },
    );
    hold(
        "three messages, two refusals, two cuts",
        Scope {
            mail: [3, 0],
            cuts: 2,
            refusals: [0, 2],
            ..Scope::quiet()
        },
    );
    hold(
        "mail both ways, a crash of each, a cut",
        Scope {
            mail: [1, 1],
            crashes: [1, 1],
            cuts: 1,
            refusals: [0, 1],
            ..Scope::quiet()
        },
    );
}
