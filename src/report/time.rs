//! Moments and lengths of time as words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `2026-11-22 00:31 UTC`.
pub fn moment(seconds: u64) -> String {
    let (year, month, day) = date((seconds / 86_400) as i64);
    let minutes = seconds % 86_400 / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// The civil date of a day since 1970 (Howard Hinnant's days_from_civil, backwards).
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March, so that the leap day is the last of a year.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `7.4 s`, `3 min 20 s`, `2 h 5 min`.
pub fn length(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default().as_secs();
    match whole {
        0..=59 => format!("{seconds:.1} s"),
        60..=3599 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_date() {
        // GNU date -u -d @SECONDS.
        let check = |seconds, expected: &str| assert_eq!(moment(seconds), expected);
        check(0, "1970-01-01 00:00 UTC");
        check(951_782_400, "2000-02-29 00:00 UTC");
        check(1_709_251_199, "2024-02-29 23:59 UTC");
        check(1_795_307_460, "2026-11-22 00:31 UTC");
    }

    #[test]
    fn lengths_are_said_in_fitting_units() {
        let check = |seconds, expected: &str| assert_eq!(length(seconds), expected);
        check(7.44, "7.4 s");
        check(200.2, "3 min 20 s");
        check(7500.0, "2 h 5 min");
        check(f64::NAN, "NaN s");
    }
}
