//! What members heard, looked at when all is over.

use super::super::{Fault, Finding, Message};
use super::{Heard, Talk, message};
use std::collections::BTreeMap;

impl Talk {
    /// What one member heard has no hole, nothing twice, and everybody's messages in order.
    pub(super) fn check_stay(&self, listener: usize) -> Vec<Finding> {
        let heard = &self.seats[listener].heard;
        let mut findings = Vec::new();
        let mut find = |fault, seat, index| {
            let message = Message::Group { seat, index };
            findings.push(Finding { fault, message });
        };
        if heard
            .first()
            .is_some_and(|first| *first != Heard::Join(self.seats[listener].name.clone()))
        {
            find(Fault::OutOfOrder, listener, 0);
        }
        // What was last heard of a name, and what is to be heard next on a seat.
        let mut latest: BTreeMap<&str, &Heard> = BTreeMap::new();
        let mut next: BTreeMap<usize, usize> = BTreeMap::new();
        for event in heard {
            match event {
                Heard::Join(name) => {
                    latest.insert(name, event);
                }
                Heard::Leave(name) => {
                    // Who goes has been heard to the end.
                    if let Some(Heard::Say { seat, index }) = latest.insert(name, event)
                        && !self.seats[*seat].person.is_shared()
                        && index + 1 < self.seats[*seat].said
                    {
                        find(Fault::Lost, *seat, index + 1);
                    }
                }
                Heard::Say { seat, index } => {
                    let speaker = &self.seats[*seat];
                    let before = latest.insert(&speaker.name, event);
                    let has_just_come = matches!(before, Some(Heard::Join(_)));
                    let is_begin = has_just_come && !speaker.person.is_shared();
                    let first = if is_begin { 0 } else { *index };
                    let expected = next.entry(*seat).or_insert(first);
                    if index < expected {
                        let copies = heard.iter().filter(|other| *other == event).count();
                        let fault = if copies > 1 {
                            Fault::Twice
                        } else {
                            Fault::OutOfOrder
                        };
                        find(fault, *seat, *index);
                    }
                    for index in *expected..*index {
                        if !heard.contains(&Heard::Say { seat: *seat, index }) {
                            find(Fault::Lost, *seat, index);
                        }
                    }
                    *expected = (*expected).max(index + 1);
                }
                Heard::End => {
                    // Who is still there has heard all that it said itself.
                    let own = next.get(&listener).copied().unwrap_or_default();
                    if own < self.seats[listener].said {
                        find(Fault::Lost, listener, own);
                    }
                }
                Heard::Away => {}
            }
        }
        findings
    }

    /// All members heard pieces of the same log: whatever stands between a message and the next for
    /// one of them does so for all.
    pub(super) fn check_order(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |message: Message, clash: Option<(&Heard, &Heard)>| {
            findings.extend(clash.map(|clash| difference(message, clash)));
            clash.is_some()
        };
        let mut after: BTreeMap<Message, &[Heard]> = BTreeMap::new();
        let mut before: BTreeMap<Message, &[Heard]> = BTreeMap::new();
        let logs = self.seats.iter().map(|seat| seat.heard.as_slice());
        for piece in logs.flat_map(|log| log.split(|event| *event == Heard::Away)) {
            let said = piece.iter().enumerate();
            let said = said.filter_map(|(at, event)| Some((at, message(event)?)));
            let said: Vec<_> = said.collect();
            for (turn, (at, message)) in said.iter().enumerate() {
                let end = said.get(turn + 1).map_or(piece.len(), |(next, _)| next + 1);
                let tail = &piece[at + 1..end];
                let known = after.entry(*message).or_insert(tail);
                let clash = known.iter().zip(tail).find(|(one, other)| one != other);
                if !find(*message, clash) && tail.len() > known.len() {
                    *known = tail;
                }
                let begin = turn.checked_sub(1).map_or(0, |turn| said[turn].0);
                let head = &piece[begin..*at];
                let known = before.entry(*message).or_insert(head);
                let backwards = known.iter().rev().zip(head.iter().rev());
                let clash = backwards.into_iter().find(|(one, other)| one != other);
                if !find(*message, clash) && head.len() > known.len() {
                    *known = head;
                }
            }
        }
        findings
    }
}

/// What it means that two members heard different things beside a message.
fn difference(beside: Message, (one, other): (&Heard, &Heard)) -> Finding {
    let (fault, message) = match (one, other) {
        (Heard::End, missed) | (missed, Heard::End) => {
            (Fault::Lost, message(missed).unwrap_or(beside))
        }
        _ => (Fault::OutOfOrder, beside),
    };
    Finding { fault, message }
}
