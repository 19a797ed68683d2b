//! A model checker's view of the realm link: two realms, everything that may happen to them, and
//! the claims that hold all the same.
//!
//! **What is modelled.** Each realm has the streams that ship ([`OutStream`], [`InStream`], [`Seen`]),
//! the records that wait for its store, at most one batch under way, and a disk: what the records
//! committed so far would be restored as. Between them is one link, a queue of shipped frames each
//! way. Users send; batches are taken and committed; frames arrive one at a time, and mail may be
//! refused; messages expire, or turn out too long; the link breaks and comes back; a realm dies at
//! any moment, before or after its store has what was under way; a disk is put back from an older
//! copy, or replaced by an empty one. How often each may happen is the [`Scope`]; every order in which
//! it may is visited.
//!
//! **What ships and what is a mirror.** The streams are the shipped code itself. What the realm does
//! with them (in `realm/`: `streams.rs`, `arrivals.rs`, `links.rs`, `batches.rs`, `restore/records.rs`)
//! cannot be copied cheaply and is mirrored, a function for each rule, in [`side`], [`sending`],
//! [`arrivals`] and [`disk`]: who changes a rule there changes it here. A [`Mutation`] breaks one rule;
//! a test for each shows that the claims notice.
//!
//! **What is left out, and why it may be.** `hello`: what a realm does between the greetings of both
//! sides is as if done before the link. One side noticing a broken link before the other: what it
//! does meanwhile is as if done before the break. Several frames at once: they are single ones with
//! nothing in between. The pause before a stream is begun anew once more: enough time has passed.
//! Not looked at: queues that are in the store alone, bounds on queues and inboxes, the outbox that
//! users see, realms without a store, peers taken out.
//!
//! **The claims** are in [`claims`], numbered as in the specification; P5 runs a [`drain`] from every
//! state. Once a disk was put back or replaced, less is claimed of what was sent before: what went
//! with the disk may be gone, which some realm reports if the peer had let go of it; and a message
//! that the copy gives up may have arrived. Two such losses are less plain than that. What a resume
//! has shown to be stored counts as let go of at once, though the sender still has it until the ack.
//! And a message that was given up after the copy was made is in a queue again: if the peer has passed
//! its void, it counts as delivered.
//!
//! **How to read a counterexample.** It is a story: one line an action, with the frame that arrives
//! in words, and at the end the claim that does not hold. It is as short as any, so each line matters.
//! `A1` is the first message of realm A's user, `bounce B1` the first bounce that realm B makes,
//! `mail:A.3` the third stream that realm A began, one of mail.
//!
//! [`OutStream`]: super::stream::OutStream
//! [`InStream`]: super::stream::InStream
//! [`Seen`]: super::seen::Seen

mod arrivals;
mod claims;
mod disk;
mod drain;
mod hashed;
mod ids;
mod ledger;
mod scope;
mod sending;
mod side;
mod state;
mod story;
mod tests;

use claims::CLAIMS;
use scope::{Mutation, Scope};
use state::{Action, State};
use stateright::{Checker, HasDiscoveries, Model, Path, Property};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The two realms of a scope, with a rule broken or not.
struct Realms {
    scope: Scope,
    mutation: Option<Mutation>,
    /// States from which a drain is known to end well, as hashes.
    drained: Mutex<BTreeSet<u64>>,
}

/// What a check found.
struct Found {
    states: usize,
    depth: usize,
    /// The claim that does not hold, and how it came to that.
    broken: Option<(&'static str, String)>,
}

impl Realms {
    fn new(scope: Scope, mutation: Option<Mutation>) -> Self {
        Self {
            scope,
            mutation,
            drained: Mutex::new(BTreeSet::new()),
        }
    }

    /// Visits every state, or stops at the first that breaks a claim.
    fn check(self) -> Found {
        let checker = self
            .checker()
            .finish_when(HasDiscoveries::Any)
            .spawn_bfs()
            .join();
        let mut broken = checker.discoveries();
        let claims = CLAIMS.iter().map(|(name, _)| *name);
        // One state may break several claims: the first tells most.
        let first = claims
            .chain([drain::CLAIM])
            .find_map(|claim| broken.remove_entry(claim));
        Found {
            states: checker.unique_state_count(),
            depth: checker.max_depth(),
            broken: first.map(|(claim, path)| {
                let told = story::tell(checker.model(), claim, path);
                (claim, told)
            }),
        }
    }
}

impl Model for Realms {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::new(&self.scope);
        while self.scope.is_linked
            && let Some(action) = drain::step(&state)
        {
            state.act(action, &self.scope, self.mutation);
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(&self.scope, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action, &self.scope, self.mutation);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let claims = CLAIMS.iter();
        let mut all: Vec<_> = claims
            .map(|(name, claim)| Property::always(name, *claim))
            .collect();
        all.push(Property::always(drain::CLAIM, drain::ends_well));
        all
    }
}

type Story = Path<State, Action>;
