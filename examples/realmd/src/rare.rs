//! What the log hears at most once a minute, with how often it happened since.

/// The least time between two lines about one thing.
const TOLD_EVERY_MS: u64 = 60_000;

/// Something that may happen too often to tell of each time.
#[derive(Default)]
pub(crate) struct Rare {
    told_ms: Option<u64>,
    /// How often it has happened since then.
    untold: u64,
}

impl Rare {
    /// Notes that it has happened. If it is to be told now, returns words about the times before.
    pub(crate) fn happened(&mut self, now_ms: u64) -> Option<String> {
        let is_due = |told_ms: u64| now_ms.saturating_sub(told_ms) >= TOLD_EVERY_MS;
        if !self.told_ms.is_none_or(is_due) {
            self.untold += 1;
            return None;
        }
        self.told_ms = Some(now_ms);
        Some(match std::mem::take(&mut self.untold) {
            0 => String::new(),
            more => format!("; there were {more} more since the last such line"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_times_in_a_minute_are_two_lines() {
        let mut rare = Rare::default();

        assert_eq!(rare.happened(5).unwrap(), "");
        for ms in 6..1_006 {
            assert_eq!(rare.happened(ms), None);
        }
        let later = "; there were 1000 more since the last such line";
        assert_eq!(rare.happened(60_005).unwrap(), later);
        assert_eq!(rare.happened(120_005).unwrap(), "");
    }
}
