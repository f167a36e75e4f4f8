//! Parts of the time at which a bar begins: in UTC, and in the instrument's trading day.

use std::ops::Range;

use assay_core::time::{DAY_NS, HOUR_NS, MINUTE_NS};
use assay_engine::Market;
use assay_lang::Clock;

/// A tile of a part of each bar's start.
pub(crate) fn run(field: Clock, market: &Market, tile: Range<usize>, out: &mut [f64]) {
    let times = &market.time[tile.clone()];
    match field {
        Clock::TradingDay => {
            for (out, day) in out.iter_mut().zip(&market.days[tile]) {
                *out = f64::from(*day);
            }
        }
        Clock::SessionMinute => {
            let calendar = &market.instrument.facts.calendar;
            let mut known = None;
            for ((out, time), day) in out.iter_mut().zip(times).zip(&market.days[tile]) {
                let start = match known {
                    Some((known, start)) if known == *day => start,
                    _ => calendar.session_start(*day).unwrap_or(*time),
                };
                known = Some((*day, start));
                *out = (time - start).div_euclid(MINUTE_NS) as f64;
            }
        }
        Clock::Minute | Clock::MinuteOfDay => {
            for (out, time) in out.iter_mut().zip(times) {
                *out = part(field, *time);
            }
        }
        field => {
            // All others stay the same for an hour.
            let mut known: Option<(Range<i64>, f64)> = None;
            for (out, time) in out.iter_mut().zip(times) {
                *out = match &known {
                    Some((hour, part)) if hour.contains(time) => *part,
                    _ => {
                        let (hour, part) = (time - time.rem_euclid(HOUR_NS), part(field, *time));
                        known = Some((hour..hour.saturating_add(HOUR_NS), part));
                        part
                    }
                };
            }
        }
    }
}

fn part(field: Clock, time: i64) -> f64 {
    let day = time.div_euclid(DAY_NS);
    let part = match field {
        Clock::Minute => time.rem_euclid(HOUR_NS) / MINUTE_NS,
        Clock::Hour => time.rem_euclid(DAY_NS) / HOUR_NS,
        Clock::MinuteOfDay => time.rem_euclid(DAY_NS) / MINUTE_NS,
        // 1970-01-01 was a Thursday; Monday is 1.
        Clock::DayOfWeek => (day + 3).rem_euclid(7) + 1,
        Clock::DayOfMonth => civil(day).2,
        Clock::DayOfYear => day_of_year(day),
        Clock::WeekOfYear => {
            // A week belongs to the year of its Thursday.
            let thursday = day - (day + 3).rem_euclid(7) + 3;
            (day_of_year(thursday) - 1) / 7 + 1
        }
        Clock::Month => civil(day).1,
        Clock::Quarter => (civil(day).1 + 2) / 3,
        Clock::Year => civil(day).0,
        Clock::TradingDay | Clock::SessionMinute => unreachable!("{field:?} follows the calendar"),
    };
    part as f64
}

fn day_of_year(day: i64) -> i64 {
    let year = civil(day).0 - 1;
    let first = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) - 719_162;
    day - first + 1
}

/// Year, month and day of month of a day since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let era = (day + 719_468).div_euclid(146_097);
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use assay_core::time::UtcNs;

    use super::*;

    #[test]
    fn parts_of_known_moments() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", [0.0, 0.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1970.0]),
            ("2014-05-04T22:59:59Z", [59.0, 22.0, 7.0, 4.0, 5.0, 124.0, 18.0, 2014.0]),
            ("2024-02-29T12:30:00Z", [30.0, 12.0, 4.0, 29.0, 2.0, 60.0, 9.0, 2024.0]),
            ("2023-12-31T23:00:00Z", [0.0, 23.0, 7.0, 31.0, 12.0, 365.0, 52.0, 2023.0]),
            ("1969-12-31T23:59:00Z", [59.0, 23.0, 3.0, 31.0, 12.0, 365.0, 1.0, 1969.0]),
        ] {
            let UtcNs(time) = text.parse().unwrap();
            use Clock::{DayOfMonth, DayOfWeek, DayOfYear, Hour, Minute, Month, WeekOfYear, Year};
            let found =
                [Minute, Hour, DayOfWeek, DayOfMonth, Month, DayOfYear, WeekOfYear, Year].map(|field| part(field, time));
            assert_eq!(found, expected, "{text}");
        }
    }
}
