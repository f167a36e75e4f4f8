//! Which bar a moment belongs to.

use assay_core::calendar::Calendar;
use assay_core::time::{BarLength, DAY_NS};

use crate::error::DataError;

/// 1970-01-05, the first Monday: whole weeks start on Mondays.
const FIRST_MONDAY: i32 = 4;
/// Added to the stamp of a daily bar before asking for its trading day. Such bars are stamped with midnight here, midnight there, or
/// the evening before; half a day later it is the same trading day in all of these.
pub(crate) const MIDDLE_OF_DAY: i64 = DAY_NS / 2;

/// The bars of one length on the time axis.
///
/// Shorter than a day: counted from each UTC midnight, so that lengths dividing a day lie on multiples since 1970 and others end
/// early at midnight. Whole days: trading days of the instrument, stamped with the day's start (the evening before, for a market
/// whose day begins in the evening); several days are counted from 1970-01-01, whole weeks from a Monday.
#[derive(Debug, Clone)]
pub(crate) enum Buckets {
    /// Shorter than a day.
    Intraday {
        /// Nanoseconds.
        length: i64,
    },
    /// `days` trading days.
    Days {
        /// How many.
        days: i32,
        /// Whose.
        calendar: Calendar,
    },
}

/// A bar's span: all moments in `[.., end)` after the one asked for belong to it; the next span may belong to it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Stamp of the bar.
    pub(crate) start: i64,
    /// First moment that must be asked for again.
    pub(crate) end: i64,
}

impl Buckets {
    pub(crate) fn new(length: BarLength, calendar: &Calendar) -> Result<Self, DataError> {
        let ns = length.ns();
        if !length.is_daily_or_longer() {
            return Ok(Self::Intraday { length: ns });
        }
        match i32::try_from(ns / DAY_NS) {
            Ok(days) if ns % DAY_NS == 0 => Ok(Self::Days {
                days,
                calendar: calendar.clone(),
            }),
            _ => Err(DataError::BarLength { length }),
        }
    }

    /// The bar of a moment.
    pub(crate) fn span(&self, time: i64) -> Span {
        match self {
            Self::Intraday { length } => {
                let midnight = time - time.rem_euclid(DAY_NS);
                let start = time - (time - midnight) % length;
                Span {
                    start,
                    end: (start + length).min(midnight + DAY_NS),
                }
            }
            Self::Days { days, calendar } => {
                let span = calendar.day_span(time);
                Span {
                    start: calendar.day_start(first_day(*days, span.day)).unwrap_or(span.from),
                    end: span.to,
                }
            }
        }
    }

    /// Length of a bar in nanoseconds, daylight saving aside.
    pub(super) fn length(&self) -> i64 {
        match self {
            Self::Intraday { length } => *length,
            Self::Days { days, .. } => i64::from(*days) * DAY_NS,
        }
    }
}

/// First of the `days` days that share a bar with `day`.
pub(super) fn first_day(days: i32, day: i32) -> i32 {
    let anchor = if days % 7 == 0 { FIRST_MONDAY } else { 0 };
    day - (day - anchor).rem_euclid(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::SymbolTable;

    fn at(text: &str) -> i64 {
        text.parse::<assay_core::time::UtcNs>().unwrap().0
    }

    fn start(length: &str, symbol: &str, time: &str) -> String {
        let calendar = SymbolTable::built_in().instrument(&symbol.parse().unwrap()).facts.calendar;
        let buckets = Buckets::new(length.parse().unwrap(), &calendar).unwrap();
        let span = buckets.span(at(time));
        assert!(span.end > at(time));
        assert_eq!(buckets.span(span.start).start, span.start, "a bar holds its start");
        assay_core::time::UtcNs(span.start).to_string()
    }

    #[test]
    fn short_bars_start_at_utc_midnight() {
        assert_eq!(start("5m", "X", "2014-05-01T10:59:59.9"), "2014-05-01T10:55:00Z");
        assert_eq!(start("4h", "X", "2014-05-01T10:59"), "2014-05-01T08:00:00Z");
        assert_eq!(start("7m", "X", "2014-05-01T00:07"), "2014-05-01T00:07:00Z");
        assert_eq!(start("7m", "X", "2014-05-01T23:59"), "2014-05-01T23:55:00Z");
        assert_eq!(start("5m", "X", "1969-12-31T23:59"), "1969-12-31T23:55:00Z");
    }

    #[test]
    fn days_are_trading_days() {
        assert_eq!(start("1d", "BTCUSD", "2014-05-04T23:00"), "2014-05-04T00:00:00Z");
        // Summer: New York's 17:00 is 21:00 UTC; the Sunday evening opens Monday.
        assert_eq!(start("1d", "EURUSD", "2014-05-04T22:00"), "2014-05-04T21:00:00Z");
        assert_eq!(start("1d", "EURUSD", "2014-05-03T12:00"), "2014-05-04T21:00:00Z");
        assert_eq!(start("1d", "EURUSD", "2014-01-07T21:59"), "2014-01-06T22:00:00Z");
        assert_eq!(start("1d", "IBM", "2014-01-07T15:00"), "2014-01-07T05:00:00Z");
        assert_eq!(start("1w", "BTCUSD", "2014-05-04T23:00"), "2014-04-28T00:00:00Z");
        assert_eq!(start("1w", "EURUSD", "2014-05-04T20:00"), "2014-05-04T21:00:00Z");
        let calendar = Calendar::always_open();
        assert!(Buckets::new("36h".parse().unwrap(), &calendar).is_err());
    }
}
