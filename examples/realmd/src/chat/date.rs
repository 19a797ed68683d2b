//! Dates and times for people.

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 24 * 60;

/// Days from the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;

/// Days until the calendar repeats itself, in which every 400th year is a leap year.
const DAYS_400_YEARS: u64 = 146_097;
/// Days of a century that does not end in such a year.
const DAYS_100_YEARS: u64 = 36_524;
const DAYS_4_YEARS: u64 = 1_461;
const DAYS_YEAR: u64 = 365;

/// Months and their days, from March: so a leap day is the last day of its year.
const MONTHS: [(u64, u64); 12] = [
    (3, 31),
    (4, 30),
    (5, 31),
    (6, 30),
    (7, 31),
    (8, 31),
    (9, 30),
    (10, 31),
    (11, 30),
    (12, 31),
    (1, 31),
    (2, 29),
];

/// Writes a time, to the minute.
pub(super) fn utc(unix_ms: u64) -> String {
    let minutes = unix_ms / MINUTE_MS;
    let (year, month, day) = civil(minutes / DAY_MINUTES);
    let (hour, minute) = (minutes % DAY_MINUTES / 60, minutes % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The year, month and day, so many days after the first of January 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (cycles, days) = (days / DAYS_400_YEARS, days % DAYS_400_YEARS);
    // The last century and the last year of a cycle are a day longer: that day is theirs.
    let centuries = (days / DAYS_100_YEARS).min(3);
    let days = days - centuries * DAYS_100_YEARS;
    let (fours, days) = (days / DAYS_4_YEARS, days % DAYS_4_YEARS);
    let years = (days / DAYS_YEAR).min(3);
    let mut day = days - years * DAYS_YEAR;
    let year = cycles * 400 + centuries * 100 + fours * 4 + years;
    for (month, length) in MONTHS {
        if day < length {
            return (year + u64::from(month < 3), month, day + 1);
        }
        day -= length;
    }
    // Not reached: no year has more days than these months.
    (year, 12, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written() {
        let table = [
            (0, "1970-01-01 00:00 UTC"),
            (59_999, "1970-01-01 00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00 UTC"),
            (951_868_800_000, "2000-03-01 00:00 UTC"),
            (1_735_689_599_999, "2024-12-31 23:59 UTC"),
            (1_735_689_600_000, "2025-01-01 00:00 UTC"),
            (4_107_542_399_000, "2100-02-28 23:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00 UTC"),
            (253_402_300_799_999, "9999-12-31 23:59 UTC"),
            (u64::MAX, "584556019-04-03 14:25 UTC"),
        ];

        for (unix_ms, expected) in table {
            assert_eq!(utc(unix_ms), expected, "{unix_ms}");
        }
    }

    #[test]
    fn every_day_follows_the_day_before() {
        for days in 0..DAYS_400_YEARS {
            let ((y, m, d), next) = (civil(days), civil(days + 1));

            let follows = [(y, m, d + 1), (y, m + 1, 1), (y + 1, 1, 1)];
            assert!(follows.contains(&next), "{next:?} after {:?}", (y, m, d));
        }
    }
}
