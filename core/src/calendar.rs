//! When an instrument trades, and which trading day a moment belongs to.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::{DAY_NS, UtcNs};

/// Trading days in a year of a market that closes at weekends.
const WEEKDAY_MARKET_DAYS: f64 = 252.0;
/// Trading days in a year of a market that never closes.
const ALWAYS_OPEN_DAYS: f64 = 365.0;

/// The week of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Week {
    /// Open all the time (crypto).
    #[serde(rename = "24x7")]
    AlwaysOpen,
    /// Open around the clock on weekdays (FX, metals); Saturday and Sunday join Monday.
    #[serde(rename = "24x5")]
    Weekdays,
    /// Open for a session on weekdays (stocks, most futures).
    #[serde(rename = "session")]
    Session,
}

/// Trading hours of an instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Which days, and whether around the clock.
    pub week: Week,
    /// IANA time zone in which days are counted.
    pub zone: Zone,
    /// Local time at which a trading day begins: a moment at or after it belongs to the next date unless it is midnight.
    #[serde(default = "midnight")]
    pub day_start: Time,
    /// Hours of trading in a day; 24 unless a session.
    #[serde(default = "whole_day")]
    pub session_hours: f64,
    /// Local time at which the session of a trading day opens, where that is not the beginning of the day: trades before it belong to the
    /// day, but not to its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Time>,
}

fn midnight() -> Time {
    Time::midnight()
}

fn whole_day() -> f64 {
    24.0
}

impl Calendar {
    /// Open all the time, days in UTC: what is assumed of an unknown symbol.
    pub fn always_open() -> Self {
        Self {
            week: Week::AlwaysOpen,
            zone: Zone::utc(),
            day_start: midnight(),
            session_hours: 24.0,
            open: None,
        }
    }

    /// Trading days a year: 365 or 252.
    pub fn days_per_year(&self) -> f64 {
        match self.week {
            Week::AlwaysOpen => ALWAYS_OPEN_DAYS,
            Week::Weekdays | Week::Session => WEEKDAY_MARKET_DAYS,
        }
    }

    /// Bars of `bar_ns` in a year: days a year x session / bar. Bars of a day or longer count whole days.
    pub fn bars_per_year(&self, bar_ns: i64) -> f64 {
        let session_ns = if bar_ns >= DAY_NS {
            DAY_NS as f64
        } else {
            self.session_hours / 24.0 * DAY_NS as f64
        };
        self.days_per_year() * session_ns / bar_ns as f64
    }

    /// Days since 1970-01-01 of the trading day that each moment belongs to. `times` in nanoseconds, ascending.
    pub fn trading_days(&self, times: &[i64]) -> Vec<i32> {
        let mut days = Vec::with_capacity(times.len());
        let mut current: Option<DaySpan> = None;
        for &time in times {
            match current {
                Some(span) if (span.from..span.to).contains(&time) => days.push(span.day),
                _ => {
                    let found = self.day_span(time);
                    days.push(found.day);
                    current = Some(found);
                }
            }
        }
        days
    }

    /// The day around a moment: `time` in UTC nanoseconds.
    pub fn day_span(&self, time: i64) -> DaySpan {
        let zone = &self.zone.0;
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap_or(jiff::Timestamp::MAX);
        let local = zone.to_datetime(stamp);
        let shifted = self.day_start != midnight() && local.time() >= self.day_start;
        let date = if shifted {
            local.date().tomorrow().unwrap_or(Date::MAX)
        } else {
            local.date()
        };
        let start_date = if self.day_start == midnight() {
            date
        } else {
            date.yesterday().unwrap_or(Date::MIN)
        };
        DaySpan {
            from: self.day_edge(start_date).unwrap_or(time),
            to: start_date
                .tomorrow()
                .ok()
                .and_then(|next| self.day_edge(next))
                .unwrap_or(time + 1),
            day: self.join_weekend(date),
            weekend: self.week != Week::AlwaysOpen && matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }

    /// Start of a trading day in UTC nanoseconds; `day` counts from 1970-01-01. The evening before, where days start in the
    /// evening; a weekend that joins the day comes earlier still.
    pub fn day_start(&self, day: i32) -> Option<i64> {
        let date = Date::constant(1970, 1, 1)
            .checked_add(jiff::Span::new().days(i64::from(day)))
            .ok()?;
        let start_date = if self.day_start == midnight() {
            date
        } else {
            date.yesterday().ok()?
        };
        self.day_edge(start_date)
    }

    /// When the session of a trading day opens, in UTC nanoseconds: with the day, unless the calendar says at which time.
    pub fn session_start(&self, day: i32) -> Option<i64> {
        let Some(open) = self.open else { return self.day_start(day) };
        let date = Date::constant(1970, 1, 1)
            .checked_add(jiff::Span::new().days(i64::from(day)))
            .ok()?;
        self.moment(date, open)
    }

    /// The moment at which a day that begins on `date` begins.
    fn day_edge(&self, date: Date) -> Option<i64> {
        self.moment(date, self.day_start)
    }

    fn moment(&self, date: Date, time: Time) -> Option<i64> {
        let zoned = date.to_datetime(time).to_zoned(self.zone.0.clone()).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok()
    }

    fn join_weekend(&self, date: Date) -> i32 {
        let day = epoch_day(date);
        match (self.week, date.weekday()) {
            (Week::Weekdays, Weekday::Saturday) => day + 2,
            (Week::Weekdays, Weekday::Sunday) => day + 1,
            _ => day,
        }
    }
}

/// One day of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpan {
    /// First moment of the span, UTC nanoseconds.
    pub from: i64,
    /// First moment after it.
    pub to: i64,
    /// The trading day that the span belongs to, days since 1970-01-01; several spans share one where a weekend joins Monday.
    pub day: i32,
    /// A Saturday or Sunday of a market that closes at weekends.
    pub weekend: bool,
}

/// Days from 1970-01-01 to `date`.
pub fn epoch_day(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    (date - epoch).get_days()
}

/// Whether a day, counted from 1970-01-01 (a Thursday), is a Saturday or a Sunday.
pub fn is_weekend(day: i32) -> bool {
    matches!((day - 2).rem_euclid(7), 0 | 1)
}

/// The trading day of one moment, for callers that have no column of times.
pub fn trading_day(calendar: &Calendar, time: UtcNs) -> i32 {
    calendar.day_span(time.0).day
}

/// An IANA time zone by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

/// A zone name that the bundled database does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; expected a name such as UTC, America/New_York, or a fixed offset such as -05:00")]
pub struct UnknownZone(String);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone for use with jiff.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        if text.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        let bad = || UnknownZone(text.to_owned());
        if text.starts_with(['+', '-']) {
            let offset = jiff::fmt::temporal::DateTimeParser::new()
                .parse_time_zone(text)
                .map_err(|_| bad())?;
            return Ok(Self(offset));
        }
        TimeZone::get(text).map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iana_name() {
            Some(name) => f.write_str(name),
            None => match self.0.to_fixed_offset() {
                Ok(offset) => write!(f, "{offset}"),
                Err(_) => f.write_str("UTC"),
            },
        }
    }
}

crate::text::serde_as_text!(Zone);

#[cfg(test)]
mod tests {
    use super::*;

    fn day(calendar: &Calendar, text: &str) -> i32 {
        trading_day(calendar, text.parse().unwrap())
    }

    #[test]
    fn weekend_joins_monday_for_weekday_markets_only() {
        let always = Calendar::always_open();
        let fx = Calendar {
            week: Week::Weekdays,
            ..Calendar::always_open()
        };
        assert_eq!(day(&always, "2014-05-04") + 1, day(&always, "2014-05-05"));
        assert_eq!(day(&fx, "2014-05-03"), day(&fx, "2014-05-05"));
        assert_eq!(day(&fx, "2014-05-04T23:00"), day(&fx, "2014-05-05T23:59"));
        assert_eq!(day(&fx, "2014-05-02T23:59") + 3, day(&fx, "2014-05-05"));
    }

    #[test]
    fn a_day_may_start_the_evening_before_and_follows_daylight_saving() {
        let new_york = Calendar {
            week: Week::Weekdays,
            zone: "America/New_York".parse().unwrap(),
            day_start: jiff::civil::time(17, 0, 0, 0),
            session_hours: 24.0,
            open: None,
        };
        // Summer: 17:00 in New York is 21:00 UTC. Winter: 22:00 UTC.
        assert_eq!(day(&new_york, "2014-05-06T20:59") + 1, day(&new_york, "2014-05-06T21:00"));
        assert_eq!(day(&new_york, "2014-01-07T21:59") + 1, day(&new_york, "2014-01-07T22:00"));
        assert_eq!(day(&new_york, "2014-05-04T21:00"), day(&new_york, "2014-05-05T20:00"));
        let monday = day(&new_york, "2014-05-05");
        let at = |text: &str| text.parse::<UtcNs>().unwrap().0;
        assert_eq!(new_york.day_start(monday), Some(at("2014-05-04T21:00")));
        assert!(new_york.day_span(at("2014-05-02T21:00")).weekend);
        assert!(!new_york.day_span(at("2014-05-04T21:00")).weekend);
        assert!(!is_weekend(monday) && is_weekend(monday - 1) && is_weekend(monday - 2) && !is_weekend(monday - 3));
        let times: Vec<i64> = (0..5_000)
            .map(|i| i * 3_600_000_000_000 + 1_390_000_000_000_000_000)
            .collect();
        let days = new_york.trading_days(&times);
        for (time, day) in times.iter().zip(days) {
            assert_eq!(day, trading_day(&new_york, UtcNs(*time)));
        }
    }

    #[test]
    fn a_session_may_open_later_than_its_day_begins() {
        let stocks = Calendar {
            week: Week::Session,
            zone: "America/New_York".parse().unwrap(),
            day_start: midnight(),
            session_hours: 6.5,
            open: Some(jiff::civil::time(9, 30, 0, 0)),
        };
        let at = |text: &str| text.parse::<UtcNs>().unwrap().0;
        assert_eq!(
            stocks.session_start(day(&stocks, "2014-05-05T14:00")),
            Some(at("2014-05-05T13:30"))
        );
        assert_eq!(
            stocks.session_start(day(&stocks, "2014-01-06T14:00")),
            Some(at("2014-01-06T14:30"))
        );
        assert_eq!(
            stocks.day_start(day(&stocks, "2014-01-06T14:00")),
            Some(at("2014-01-06T05:00"))
        );
        let always = Calendar::always_open();
        assert_eq!(always.session_start(7), always.day_start(7));
    }

    #[test]
    fn zones_read_and_print() {
        for name in ["UTC", "America/New_York", "-05:00"] {
            assert_eq!(
                name.parse::<Zone>().unwrap().to_string().trim_end_matches(":00").len(),
                name.trim_end_matches(":00").len()
            );
        }
        assert!("Mars/Olympus".parse::<Zone>().is_err());
    }
}
