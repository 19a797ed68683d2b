//! What the log hears of callers that are nobody's peers: the first of a minute, and how many more.

use crate::escape::Escaped;
use chatproto::{Now, RealmName};
use std::net::IpAddr;

/// Callers who are turned away are told of so often.
const TOLD_EVERY_MS: u64 = 60_000;

/// Callers who were turned away.
#[derive(Default)]
pub(super) struct TurnedAway {
    told_ms: Option<u64>,
    /// Those of whom nothing was told.
    untold: u64,
}

impl TurnedAway {
    /// Notes one, and tells of it if that is due.
    pub(super) fn note(&mut self, own: &RealmName, caller: IpAddr, why: &str, now: Now) {
        if let Some(line) = self.line(own, caller, why, now.mono_ms) {
            tracing::warn!("{line}");
        }
    }

    fn line(&mut self, own: &RealmName, caller: IpAddr, why: &str, now_ms: u64) -> Option<String> {
        let is_due = |told_ms: u64| now_ms.saturating_sub(told_ms) >= TOLD_EVERY_MS;
        if !self.told_ms.is_none_or(is_due) {
            self.untold += 1;
            return None;
        }
        self.told_ms = Some(now_ms);
        let more = match std::mem::take(&mut self.untold) {
            0 => String::new(),
            more => format!("; {more} more were since the last such line"),
        };
        let why = Escaped(why);
        Some(format!(
            "{own}: a caller from {caller} was turned away at the link port: {why}{more}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_strangers_makes_a_line_a_minute() {
        let own = RealmName::parse("realm1").unwrap();
        let mut turned = TurnedAway::default();
        let mut line = |ms| turned.line(&own, [127, 0, 0, 1].into(), "no\nkey", ms);

        let first = "realm1: a caller from 127.0.0.1 was turned away at the link port: no\\nkey";
        assert_eq!(line(5).unwrap(), first);
        for ms in 6..1_006 {
            assert_eq!(line(ms), None);
        }
        let later = format!("{first}; 1000 more were since the last such line");
        assert_eq!(line(60_005).unwrap(), later);
        assert_eq!(line(120_005).unwrap(), first);
    }
}
