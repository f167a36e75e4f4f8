//! UTC nanoseconds, durations and bar lengths, and how they are written.

use std::fmt;
use std::str::FromStr;

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub const MINUTE_NS: i64 = 60 * SECOND_NS;
/// Nanoseconds in an hour.
pub const HOUR_NS: i64 = 60 * MINUTE_NS;
/// Nanoseconds in a day.
pub const DAY_NS: i64 = 24 * HOUR_NS;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcNs(pub i64);

impl UtcNs {
    /// RFC 3339 with as many fractional digits as needed, always ending in `Z`.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_or_else(|_| self.0.to_string(), |t| t.to_string())
    }
}

impl fmt::Display for UtcNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A time or duration that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a date or time.
    #[error("`{0}` is not a time; expected a date such as 2014-05-01 or a UTC time such as 2014-05-01T12:30:00Z")]
    Moment(String),
    /// Not a duration.
    #[error("`{0}` is not a length of time; expected a number and a unit such as 250ms, 30s, 5m, 4h, 1d, 1w")]
    Duration(String),
}

impl FromStr for UtcNs {
    type Err = TimeError;

    /// A date (midnight UTC) or an RFC 3339 time; a time without an offset is UTC.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Moment(text.to_owned());
        let stamp = if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
            stamp
        } else if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
            local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad())?.timestamp()
        } else {
            return Err(bad());
        };
        i64::try_from(stamp.as_nanosecond()).map(Self).map_err(|_| bad())
    }
}

/// A length of time in nanoseconds, written `250ms`, `30s`, `5m`, `4h`, `1d`, `1w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DurationNs(pub i64);

const UNITS: [(&str, i64); 8] = [
    ("w", 7 * DAY_NS),
    ("d", DAY_NS),
    ("h", HOUR_NS),
    ("m", MINUTE_NS),
    ("s", SECOND_NS),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for DurationNs {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Duration(text.to_owned());
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, unit) = text.split_at(split);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let count: i64 = number.parse().map_err(|_| bad())?;
        count.checked_mul(*scale).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for DurationNs {
    /// The largest unit that divides it: `5m`, `90s`, `1d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, scale) = UNITS
            .iter()
            .skip(1)
            .find(|(_, scale)| self.0 % scale == 0)
            .unwrap_or(&UNITS[7]);
        write!(f, "{}{name}", self.0 / scale)
    }
}

/// The length of time bars; positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarLength(i64);

impl BarLength {
    /// `None` unless positive.
    pub const fn from_ns(ns: i64) -> Option<Self> {
        if ns > 0 { Some(Self(ns)) } else { None }
    }

    /// Nanoseconds.
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// One day or longer.
    pub const fn is_daily_or_longer(self) -> bool {
        self.0 >= DAY_NS
    }
}

impl FromStr for BarLength {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let DurationNs(ns) = text.parse()?;
        Self::from_ns(ns).ok_or_else(|| TimeError::Duration(text.to_owned()))
    }
}

impl fmt::Display for BarLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DurationNs(self.0).fmt(f)
    }
}

crate::text::serde_as_text!(UtcNs, DurationNs, BarLength);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_read_and_print() {
        assert_eq!("2014-05-01".parse::<UtcNs>().unwrap().0, 1_398_902_400 * SECOND_NS);
        assert_eq!(
            "2014-05-01T12:30:00+02:00".parse::<UtcNs>().unwrap().to_string(),
            "2014-05-01T10:30:00Z"
        );
        assert_eq!(
            "2014-05-01T12:30".parse::<UtcNs>().unwrap().to_string(),
            "2014-05-01T12:30:00Z"
        );
        assert_eq!("5m".parse::<BarLength>().unwrap().to_string(), "5m");
        assert_eq!("90s".parse::<BarLength>().unwrap().to_string(), "90s");
        assert_eq!("7d".parse::<BarLength>().unwrap().to_string(), "7d");
        for bad in ["", "m", "5", "5 m", "0m", "5y", "99999999999d"] {
            assert!(bad.parse::<BarLength>().is_err(), "{bad}");
        }
    }
}
