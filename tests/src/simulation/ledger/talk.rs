//! Live groups: every member hears one piece of one log, without a hole.

mod log;

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
    /// The link to the group's home is down: what comes next may be much later in the log.
    Away,
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
    /// Whether messages may be lost with a link.
    is_lossy: bool,
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
    /// Live groups over links that may fail. What was under way is lost then; all else holds.
    #[must_use]
    pub fn lossy() -> Self {
        Self {
            is_lossy: true,
            ..Self::default()
        }
    }

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
        if heard == Heard::Away {
            // All are told when the link goes, but each again who says something meanwhile.
            return self.seats[seat].heard.push(heard);
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
        let mut findings: Vec<_> = (0..self.seats.len())
            .flat_map(|listener| self.check_stay(listener))
            .filter(|finding| !(self.is_lossy && finding.fault == Fault::Lost))
            .collect();
        findings.append(&mut self.findings);
        findings.extend(self.check_order());
        findings
    }
}

/// The message that an event is.
fn message(heard: &Heard) -> Option<Message> {
    match heard {
        Heard::Say { seat, index } => Some(Message::Group {
            seat: *seat,
            index: *index,
        }),
        Heard::Join(_) | Heard::Leave(_) | Heard::Away | Heard::End => None,
    }
}

/// The message of an event, or else the last one that a member knows of.
fn last_message(seats: &[Seat], event: Option<&Heard>, seat: usize) -> Message {
    let known = || seats[seat].heard.iter().rev().find_map(message);
    let own = Message::Group { seat, index: 0 };
    event.and_then(message).or_else(known).unwrap_or(own)
}
