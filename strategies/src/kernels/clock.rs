//! Parts of the time at which a bar begins, in UTC.

use assay_core::time::{DAY_NS, HOUR_NS, MINUTE_NS};

use crate::graph::ClockField;

/// A tile of a part of each bar's start. `times` in nanoseconds since 1970-01-01T00:00Z.
pub(crate) fn run(field: ClockField, times: &[i64], out: &mut [f64]) {
    for (out, time) in out.iter_mut().zip(times) {
        *out = part(field, *time);
    }
}

fn part(field: ClockField, time: i64) -> f64 {
    let day = time.div_euclid(DAY_NS);
    let part = match field {
        ClockField::Minute => time.rem_euclid(HOUR_NS) / MINUTE_NS,
        ClockField::Hour => time.rem_euclid(DAY_NS) / HOUR_NS,
        // 1970-01-01 was a Thursday; Monday is 1.
        ClockField::DayOfWeek => (day + 3).rem_euclid(7) + 1,
        ClockField::DayOfMonth => civil(day).1,
        ClockField::Month => civil(day).0,
    };
    part as f64
}

/// Month and day of month of a day since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(day: i64) -> (i64, i64) {
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    (
        if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        },
        day_of_month,
    )
}

#[cfg(test)]
mod tests {
    use assay_core::time::UtcNs;

    use super::*;

    #[test]
    fn parts_of_known_moments() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", [0.0, 0.0, 4.0, 1.0, 1.0]),
            ("2014-05-04T22:59:59Z", [59.0, 22.0, 7.0, 4.0, 5.0]),
            ("2024-02-29T12:30:00Z", [30.0, 12.0, 4.0, 29.0, 2.0]),
            ("2023-12-31T23:00:00Z", [0.0, 23.0, 7.0, 31.0, 12.0]),
            ("1969-12-31T23:59:00Z", [59.0, 23.0, 3.0, 31.0, 12.0]),
        ] {
            let UtcNs(time) = text.parse().unwrap();
            use ClockField::{DayOfMonth, DayOfWeek, Hour, Minute, Month};
            let found = [Minute, Hour, DayOfWeek, DayOfMonth, Month].map(|field| part(field, time));
            assert_eq!(found, expected, "{text}");
        }
    }
}
