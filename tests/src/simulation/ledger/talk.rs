//! Live groups: every member hears one piece of one log, without a hole.

use super::{Fault, Finding, Message, Person};
use std::collections::{BTreeMap, BTreeSet};

/// What a member reads. Users of one name count as one when they come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody of that name has come.
    Join(String),
    /// Somebody of that name has gone.
    Leave(String),
    /// A member has said something.
    Say {
        /// On which stay.
        seat: usize,
        /// Which of what was said on it.
        index: usize,
    },
    /// The test is over, and this member still there.
    End,
}

/// What is known of live groups. A *seat* is one stay of one user in one group.
#[derive(Debug, Default)]
pub struct Talk {
    seats: Vec<Seat>,
    /// Seats taken, by group, home and realm of the member.
    places: BTreeMap<Place, Vec<usize>>,
    touched: BTreeSet<Place>,
    moment: u64,
    findings: Vec<Finding>,
}

type Place = (usize, usize, usize);

#[derive(Debug)]
struct Seat {
    person: Person,
    name: String,
    group: usize,
    /// Known while it is taken.
    place: Option<Place>,
    said: usize,
    heard: Vec<Heard>,
    heard_at: u64,
}

impl Talk {
    /// Somebody asks for a seat; returns its number.
    pub fn sit_down(&mut self, person: Person, name: String, group: usize) -> usize {
        self.seats.push(Seat {
            person,
            name,
            group,
            place: None,
            said: 0,
            heard: Vec::new(),
            heard_at: 0,
        });
        self.seats.len() - 1
    }

    /// The realm has let them in, in a group with that home.
    pub fn seated(&mut self, seat: usize, home: usize) {
        let place = (self.seats[seat].group, home, self.seats[seat].person.realm);
        self.seats[seat].place = Some(place);
        self.places.entry(place).or_default().push(seat);
    }

    /// A member says something; returns which of its messages that is.
    pub fn say(&mut self, seat: usize) -> usize {
        self.seats[seat].said += 1;
        self.seats[seat].said - 1
    }

    /// A member wants to leave, or hangs up: it hears nothing from now on.
    pub fn stand_up(&mut self, seat: usize) {
        if let Some(place) = self.seats[seat].place.take() {
            let seats = self.places.entry(place).or_default();
            seats.retain(|other| *other != seat);
        }
    }

    /// A connection reads something; under whose name stands with a message.
    pub fn hear(&mut self, seat: usize, heard: Heard, from: Option<Person>) {
        if let Heard::Say { seat: of, index } = heard {
            let speaker = self.seats.get(of).filter(|speaker| index < speaker.said);
            let fault = match speaker {
                None => Some(Fault::Unpromised),
                Some(speaker) if speaker.group != self.seats[seat].group => {
                    Some(Fault::Misdelivered)
                }
                Some(speaker) if from != Some(speaker.person) => Some(Fault::Misattributed),
                Some(_) if self.seats[seat].place.is_none() => Some(Fault::Misdelivered),
                Some(_) => None,
            };
            let message = Message::Group { seat: of, index };
            self.findings
                .extend(fault.map(|fault| Finding { fault, message }));
            if matches!(fault, Some(Fault::Unpromised | Fault::Misdelivered)) {
                return;
            }
        }
        self.touched.extend(self.seats[seat].place);
        self.seats[seat].heard.push(heard);
        self.seats[seat].heard_at = self.moment;
    }

    /// Everything that was read at the same moment has been told: in one realm all members of a
    /// group have heard the same.
    pub fn moment_is_over(&mut self) {
        for place in std::mem::take(&mut self.touched) {
            let Some(seats) = self.places.get(&place) else {
                continue;
            };
            let now = |seat: &&usize| self.seats[**seat].heard_at == self.moment;
            let last = seats.iter().find(now);
            let last = last.and_then(|seat| self.seats[*seat].heard.last());
            for seat in seats {
                let Seat {
                    heard, heard_at, ..
                } = &self.seats[*seat];
                if *heard_at == self.moment && heard.last() == last {
                    continue;
                }
                let message = last_message(&self.seats, last, *seat);
                let fault = Fault::Lost;
                self.findings.push(Finding { fault, message });
            }
        }
        self.moment += 1;
    }

    /// How many messages were said.
    #[must_use]
    pub fn said(&self) -> usize {
        self.seats.iter().map(|seat| seat.said).sum()
    }

    /// What was found up to now.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is found once everything has come to rest.
    #[must_use]
    pub fn into_findings(mut self) -> Vec<Finding> {
        for seat in &mut self.seats {
            if seat.place.is_some() {
                seat.heard.push(Heard::End);
            }
        }
        let mut findings = std::mem::take(&mut self.findings);
        for seat in 0..self.seats.len() {
            self.check_seat(seat, &mut findings);
        }
        self.check_order(&mut findings);
        findings
    }

    /// What one member heard has no holes, nothing twice and nothing in the wrong order.
    fn check_seat(&self, listener: usize, findings: &mut Vec<Finding>) {
        let heard = &self.seats[listener].heard;
        let mut find = |fault, seat, index| {
            let message = Message::Group { seat, index };
            findings.push(Finding { fault, message });
        };
        // What was last heard of a name, and what is to be heard next on a seat.
        let mut latest: BTreeMap<&str, &Heard> = BTreeMap::new();
        let mut next: BTreeMap<usize, usize> = BTreeMap::new();
        for event in heard {
            match event {
                Heard::Join(name) => {
                    latest.insert(name, event);
                }
                Heard::Leave(name) => match latest.insert(name, event) {
                    Some(Heard::Say { seat, index }) if !self.seats[*seat].person.is_shared() => {
                        if index + 1 < self.seats[*seat].said {
                            find(Fault::Lost, *seat, index + 1);
                        }
                    }
                    _ => {}
                },
                Heard::Say { seat, index } => {
                    let speaker = &self.seats[*seat];
                    let has_just_come =
                        matches!(latest.insert(&speaker.name, event), Some(Heard::Join(_)))
                            && !speaker.person.is_shared();
                    let expected =
                        next.entry(*seat)
                            .or_insert(if has_just_come { 0 } else { *index });
                    let copies = || heard.iter().filter(|other| *other == event).count();
                    if *index < *expected && copies() > 1 {
                        find(Fault::Twice, *seat, *index);
                    } else if *index < *expected {
                        find(Fault::OutOfOrder, *seat, *index);
                    }
                    for index in *expected..*index {
                        let missing = Heard::Say { seat: *seat, index };
                        if !heard.contains(&missing) {
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
            }
        }
        let is_first = |event: &Heard| *event == Heard::Join(self.seats[listener].name.clone());
        if !heard.first().is_none_or(is_first) {
            find(Fault::OutOfOrder, listener, 0);
        }
    }

    /// All members heard pieces of the same log: whatever follows a message for one of them, or
    /// comes before it, does so for all.
    fn check_order(&self, findings: &mut Vec<Finding>) {
        let mut after: BTreeMap<Message, &[Heard]> = BTreeMap::new();
        let mut before: BTreeMap<Message, Vec<&Heard>> = BTreeMap::new();
        let mut find = |message| {
            let fault = Fault::OutOfOrder;
            findings.push(Finding { fault, message });
        };
        for seat in &self.seats {
            let heard = seat.heard.as_slice();
            let said = |at: &usize| matches!(heard[*at], Heard::Say { .. });
            let said: Vec<usize> = (0..heard.len()).filter(said).collect();
            for (turn, at) in said.iter().enumerate() {
                let Some(message) = message(&heard[*at]) else {
                    continue;
                };
                let until = said.get(turn + 1).map_or(heard.len(), |next| next + 1);
                let tail = &heard[at + 1..until];
                let known = after.entry(message).or_insert(tail);
                let both = known.len().min(tail.len());
                if known[..both] != tail[..both] {
                    find(message);
                } else if known.len() == both {
                    *known = tail;
                }
                let from = turn.checked_sub(1).map_or(0, |previous| said[previous]);
                let head: Vec<&Heard> = heard[from..*at].iter().rev().collect();
                let known = before.entry(message).or_insert_with(|| head.clone());
                let both = known.len().min(head.len());
                if known[..both] != head[..both] {
                    find(message);
                } else if known.len() == both {
                    *known = head;
                }
            }
        }
    }
}

fn message(heard: &Heard) -> Option<Message> {
    match heard {
        Heard::Say { seat, index } => Some(Message::Group {
            seat: *seat,
            index: *index,
        }),
        Heard::Join(_) | Heard::Leave(_) | Heard::End => None,
    }
}

/// The message of an event, or else the last one that a member knows of.
fn last_message(seats: &[Seat], event: Option<&Heard>, seat: usize) -> Message {
    let known = || seats[seat].heard.iter().rev().find_map(message);
    let own = Message::Group { seat, index: 0 };
    event.and_then(message).or_else(known).unwrap_or(own)
}
