//! P5: from every state, once nothing goes wrong any more, everything comes to rest.

use super::Realms;
use super::claims;
use super::hashed::hash_of;
use super::ids::At;
use super::state::{Action, State};

pub(super) const CLAIM: &str = "P5: from here all queues drain";

/// Far more than any drain of a model takes.
const STEPS_MAX: usize = 300;

/// Lets everything arrive and be committed, and the link come back, until nothing is left to do.
pub(super) fn ends_well(realms: &Realms, state: &State) -> bool {
    let mut passed = Vec::new();
    let mut state = state.clone();
    loop {
        let mut known = realms.drained.lock().unwrap();
        let hash = hash_of(&state);
        let is_known = known.contains(&hash);
        if !is_known {
            passed.push(hash);
        }
        let next = step(&state);
        if is_known || (next.is_none() && is_at_rest(&state)) {
            known.extend(passed);
            return true;
        }
        drop(known);
        let (Some(next), true) = (next, passed.len() < STEPS_MAX) else {
            return false;
        };
        state.act(next, &realms.scope, realms.mutation);
    }
}

/// What a drain does next.
pub(super) fn step(state: &State) -> Option<Action> {
    if state.ledger.is_contradicted {
        return None;
    }
    if !state.is_linked() {
        return Some(Action::LinkUp);
    }
    let arrives = At::BOTH
        .into_iter()
        .find(|at| state.arriving(*at).is_some());
    if let Some(at) = arrives {
        return Some(Action::Arrive { at, is_kept: true });
    }
    let commits = At::BOTH.into_iter().find(|at| {
        let side = &state.sides[at.index()];
        side.under_way.is_some() || !side.pending.is_empty()
    });
    commits.map(Action::Commit)
}

/// Whether nothing waits for anything, and everything is accounted for.
fn is_at_rest(state: &State) -> bool {
    let are_queues_empty = state.sides.iter().all(|side| {
        let is_explained = state.ledger.disks_changed > 0 || side.refused.is_empty();
        side.mail.len() + side.bounce.len() == 0 && is_explained
    });
    are_queues_empty && claims::is_all_at_rest(state)
}
