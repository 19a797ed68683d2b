//! Numbers as people read them.

/// A number of bytes.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let mut shown = format!("{count} B");
    let mut is_long = count >= 1_000;
    for (name, unit) in UNITS {
        if !is_long {
            break;
        }
        let tenths = count.saturating_add(unit / 20) / (unit / 10);
        shown = format!("{}.{} {name}", tenths / 10, tenths % 10);
        is_long = tenths >= 10_000;
    }
    shown
}

/// A number of things.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How long something took.
pub(super) fn duration(ms: u64) -> String {
    if ms < 60_000 {
        format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
    } else {
        age(ms)
    }
}

/// How long ago something was.
pub(super) fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (12_345, "12.3 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (4_200_000_000, "4.2 GB"),
            (u64::MAX, "18446744.0 TB"),
        ];
        for (count, text) in sizes {
            assert_eq!(bytes(count), text);
        }

        let ages = [
            (999, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (11_040_000, "3 h 4 min"),
            (90_000_000, "1 d 1 h"),
        ];
        for (ms, text) in ages {
            assert_eq!(age(ms), text);
        }
        assert_eq!(duration(1_299), "1.2 s");
        assert_eq!(counted(1, "inbox", "inboxes"), "1 inbox");
        assert_eq!(counted(0, "inbox", "inboxes"), "0 inboxes");
        assert_eq!(duration(59_999), "59.9 s");
        assert_eq!(duration(60_000), "1 min");
    }
}
