//! A counterexample in words.

use super::super::frame::{Frame, Resume, View};
use super::ids::{self, At, shown};
use super::state::{Action, State};
use super::{Realms, Story, drain};
use std::fmt::Write;

/// Tells how a claim came to be broken.
pub(super) fn tell(realms: &Realms, claim: &str, path: Story) -> String {
    let mut story = String::new();
    let steps = path.into_vec();
    let last = steps.last().map(|(state, _)| state.clone());
    for (at, (state, action)) in steps.into_iter().enumerate() {
        if let Some(action) = action {
            writeln!(story, "{:>3}. {}", at + 1, sentence(&state, action)).unwrap();
        }
    }
    writeln!(story, "Then this does not hold: {claim}.").unwrap();
    if let (Some(mut state), true) = (last, claim == drain::CLAIM) {
        story.push_str("From there, with no more faults:\n");
        for _ in 0..40 {
            let Some(action) = drain::step(&state) else {
                break;
            };
            writeln!(story, "     {}", sentence(&state, action)).unwrap();
            state.act(action, &realms.scope, realms.mutation);
        }
        story.push_str(&standing(&state));
    }
    story
}

fn standing(state: &State) -> String {
    let mut told = String::new();
    for at in At::BOTH {
        let side = &state.sides[at.index()];
        let (mail, bounces) = (side.mail.len(), side.bounce.len());
        let inbox = &state.disks[at.index()].inbox;
        writeln!(
            told,
            "{at:?} has {mail} messages and {bounces} bounces to send, inbox {inbox:?}"
        )
        .unwrap();
    }
    writeln!(told, "{:?}", state.ledger).unwrap();
    told
}

/// What happens, and what that does before anything else happens.
fn sentence(state: &State, action: Action) -> String {
    match action {
        Action::LinkUp => "the link comes up".to_owned(),
        Action::LinkDown => "the link breaks".to_owned(),
        Action::Send { at, is_too_long } => {
            let n = state.ledger.counts[at.index()].mail + 1;
            let size = if is_too_long {
                ", too long for the peer"
            } else {
                ""
            };
            format!("{at:?}'s user sends {at:?}{n}{size}")
        }
        Action::Arrive { at, is_kept } => {
            let frame = state.arriving(at).map(described).unwrap_or_default();
            let refused = if is_kept { "" } else { ", which refuses it" };
            format!("{frame} arrives at {at:?}{refused}")
        }
        Action::Take(at) => format!("{at:?}'s store begins to write"),
        Action::Commit(at) => format!("{at:?}'s store commits"),
        Action::Crash { at, is_written } => {
            let when = if is_written {
                "after its store has written"
            } else {
                "with what its store has"
            };
            format!("{at:?} dies and starts again {when}")
        }
        Action::Expire(at) => format!("{at:?} gives up the next message that was never sent"),
        Action::Copy(at) => format!("a copy is made of {at:?}'s disk"),
        Action::Restore(at) => format!("{at:?} dies and starts again with that copy"),
        Action::Replace(at) => format!("{at:?} dies and starts again with an empty disk"),
    }
}

fn described(frame: &Frame) -> String {
    match frame {
        Frame::Resume(Resume { stream, view, .. }) => {
            let stream = shown(*stream);
            match view {
                View::Sender { oldest, last } => {
                    format!("resume of {stream} by its sender (oldest {oldest}, last {last})")
                }
                View::Receiver {
                    durable,
                    next,
                    durable_id,
                    last_id,
                } => {
                    let ids = [durable_id, last_id].map(|id| id.map_or("-".to_owned(), shown));
                    let [durable_id, last_id] = ids;
                    format!(
                        "resume of {stream} by its receiver (durable {durable} {durable_id}, \
                         next {next} after {last_id})"
                    )
                }
            }
        }
        Frame::Credit { stream, upto, .. } => format!("credit on {} up to {upto}", shown(*stream)),
        Frame::Env {
            stream,
            seq,
            envelope,
        } => {
            let what = ids::answers(envelope).map_or_else(
                || shown(envelope.id),
                |answered| format!("the bounce for {}", shown(answered)),
            );
            format!("{what}, number {seq} of {},", shown(*stream))
        }
        Frame::Void { stream, seq, id } => {
            format!(
                "void {seq} of {} in place of {}",
                shown(*stream),
                shown(*id)
            )
        }
        Frame::Ack {
            stream,
            durable,
            refused,
        } => {
            format!(
                "ack of {} up to {durable}, refused {refused:?},",
                shown(*stream)
            )
        }
        other => format!("{other:?}"),
    }
}
