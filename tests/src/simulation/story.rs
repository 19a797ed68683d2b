//! What happened, kept short, so that a failure can tell how it came about.

use super::ledger::Message;
use super::town::{Person, REALMS};
use std::fmt::Write;

/// How many lines a failure tells.
const LINES_MAX: usize = 24;

/// Something that happened to a message, or to the links under it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Note {
    Wrote {
        message: Message,
        by: Person,
        to: Option<Person>,
    },
    Answered {
        message: Message,
        is_taken: bool,
    },
    Read {
        message: Message,
        by: Person,
    },
    HungUp {
        by: Person,
    },
    Stayed {
        by: Person,
        seat: usize,
        group: usize,
        what: &'static str,
    },
    Seated {
        by: Person,
        seat: usize,
        group: usize,
        home: usize,
    },
    Link {
        realms: (usize, usize),
        what: &'static str,
    },
    Realm {
        realm: usize,
        what: &'static str,
    },
    Person {
        by: Person,
        what: &'static str,
    },
}

/// All that happened, with the times.
#[derive(Debug, Default)]
pub(super) struct Story(Vec<(u64, Note)>);

impl Story {
    pub(super) fn note(&mut self, at_ms: u64, note: Note) {
        self.0.push((at_ms, note));
    }

    /// The last that happened to a message, to who had to do with it, and to their links.
    pub(super) fn of(&self, message: Message) -> String {
        let is_about = |note: &Note| match note {
            Note::Wrote { message: of, .. }
            | Note::Answered { message: of, .. }
            | Note::Read { message: of, .. } => *of == message,
            _ => false,
        };
        let direct = || self.0.iter().filter(|(_, note)| is_about(note));
        let mut people = Vec::new();
        for (_, note) in direct() {
            match note {
                Note::Wrote { by, to, .. } => people.extend([Some(*by), *to].into_iter().flatten()),
                Note::Read { by, .. } => people.push(*by),
                _ => {}
            }
        }
        let from_ms = direct()
            .next()
            .map_or(0, |(at_ms, _)| at_ms.saturating_sub(2_000));
        let is_home = |realm: usize| people.iter().any(|person| person.realm == realm);
        let belongs = |note: &Note| match note {
            Note::HungUp { by } | Note::Stayed { by, .. } | Note::Seated { by, .. } => {
                people.contains(by)
            }
            Note::Person { by, .. } => people.contains(by),
            Note::Link { realms, .. } => is_home(realms.0) && is_home(realms.1),
            Note::Realm { realm, .. } => is_home(*realm),
            _ => is_about(note),
        };
        let lines: Vec<_> = self
            .0
            .iter()
            .filter(|(at_ms, note)| *at_ms >= from_ms && belongs(note))
            .collect();
        told(lines.into_iter().take(LINES_MAX))
    }
    /// The last that somebody did, and that happened in a group beside it.
    pub(super) fn of_person(&self, person: Person) -> String {
        let last_group = self.last_group(person);
        let is_about = |note: &Note| match note {
            Note::Stayed { by, group, .. } | Note::Seated { by, group, .. } => {
                *by == person || last_group == Some(*group)
            }
            Note::HungUp { by }
            | Note::Person { by, .. }
            | Note::Wrote { by, .. }
            | Note::Read { by, .. } => *by == person,
            Note::Realm { realm, .. } => *realm == person.realm,
            Note::Link { realms, .. } => realms.0 == person.realm || realms.1 == person.realm,
            Note::Answered { .. } => false,
        };
        let about = self.0.iter().rev().filter(|(_, note)| is_about(note));
        let lines: Vec<_> = about.take(LINES_MAX).collect();
        told(lines.into_iter().rev())
    }

    fn last_group(&self, person: Person) -> Option<usize> {
        self.0.iter().rev().find_map(|(_, note)| match note {
            Note::Stayed { by, group, .. } if *by == person => Some(*group),
            _ => None,
        })
    }
}

fn told<'a>(lines: impl Iterator<Item = &'a (u64, Note)>) -> String {
    lines.fold(String::new(), |mut text, (at_ms, note)| {
        let _ = writeln!(text, "  {at_ms:>8} ms  {}", note.told());
        text
    })
}

impl Note {
    fn told(&self) -> String {
        match self {
            Self::Wrote { message, by, to } => {
                let to = to.map(|to| format!(" to {}", to.address()));
                format!(
                    "{} writes {message}{}",
                    by.address(),
                    to.unwrap_or_default()
                )
            }
            Self::Answered { message, is_taken } => {
                let how = if *is_taken { "taken" } else { "refused" };
                format!("{message} is {how}")
            }
            Self::Read { message, by } => format!("{} reads {message}", by.address()),
            Self::HungUp { by } => format!("{} hangs up", by.address()),
            Self::Stayed {
                by,
                seat,
                group,
                what,
            } => {
                format!("{} {what} (seat {seat}, group g{group})", by.address())
            }
            Self::Seated {
                by,
                seat,
                group,
                home,
            } => {
                let (who, home) = (by.address(), REALMS[*home]);
                format!("{who} is let in (seat {seat}, group g{group}@{home})")
            }
            Self::Realm { realm, what } => format!("{} {what}", REALMS[*realm]),
            Self::Person { by, what } => format!("{} {what}", by.address()),
            Self::Link { realms, what } => {
                format!("{} and {} {what}", REALMS[realms.0], REALMS[realms.1])
            }
        }
    }
}
