//! Open time without rows.

use assay_core::calendar::{Calendar, DaySpan, Week, is_weekend};
use assay_core::time::{DAY_NS, DurationNs, HOUR_NS, UtcNs};
use serde::Serialize;

use super::keep_largest;
use crate::bars::buckets::MIDDLE_OF_DAY;
use crate::catalog::DatasetKind;

/// Open time without rows.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Gaps {
    /// How many gaps.
    pub count: u64,
    /// Bars that would fill them; nothing for ticks and funding.
    pub missing_bars: Option<u64>,
    /// Open time that counts as a gap: longer than this for ticks, a bar for bars.
    pub threshold: DurationNs,
    /// The largest, by open time.
    pub largest: Vec<Gap>,
}

/// One gap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// Time of the row before it.
    pub from: UtcNs,
    /// Time of the row after it.
    pub to: UtcNs,
    /// Time in it during which the market was open, as far as the calendar knows (it knows no holidays).
    pub open: DurationNs,
    /// Bars that are missing; nothing for ticks.
    pub bars: Option<u64>,
}

pub(super) struct GapFinder<'a> {
    calendar: &'a Calendar,
    /// Length of bars.
    bar: Option<i64>,
    gaps: Gaps,
}

impl<'a> GapFinder<'a> {
    pub(super) fn new(kind: DatasetKind, calendar: &'a Calendar, threshold: Option<DurationNs>) -> Self {
        let bar = kind.bar().map(assay_core::time::BarLength::ns);
        let threshold = bar.map_or_else(|| threshold.unwrap_or(DurationNs(HOUR_NS)), DurationNs);
        Self {
            calendar,
            bar,
            gaps: Gaps {
                missing_bars: bar.map(|_| 0),
                threshold,
                ..Gaps::default()
            },
        }
    }

    /// Two neighbouring rows.
    pub(super) fn add(&mut self, from: i64, to: i64) {
        // Nearly all rows are close together: decided without the calendar.
        if to - from <= self.gaps.threshold.0 {
            return;
        }
        let (open, bars) = match self.bar {
            None => {
                let open = self.open_time(from, to);
                if open <= self.gaps.threshold.0 {
                    return;
                }
                (open, None)
            }
            Some(bar) => {
                let missing = if bar < DAY_NS {
                    self.open_time(from + bar, to) / bar
                } else {
                    self.missing_days(from, to, bar)
                };
                if missing == 0 {
                    return;
                }
                (missing * bar, Some(missing as u64))
            }
        };
        self.gaps.count += 1;
        if let (Some(all), Some(bars)) = (&mut self.gaps.missing_bars, bars) {
            *all += bars;
        }
        let gap = Gap {
            from: UtcNs(from),
            to: UtcNs(to),
            open: DurationNs(open),
            bars,
        };
        keep_largest(&mut self.gaps.largest, gap, |gap| gap.open.0 as f64);
    }

    pub(super) fn finish(self) -> Gaps {
        self.gaps
    }

    /// Nanoseconds of `[from, to)` during which the market is open. A session market's hours are not known exactly: within a day
    /// all time counts, and of whole days in between a session each.
    fn open_time(&self, from: i64, to: i64) -> i64 {
        if from >= to {
            return 0;
        }
        let session = (self.calendar.session_hours * HOUR_NS as f64) as i64;
        let mut open = 0;
        let mut time = from;
        while time < to {
            let day: DaySpan = self.calendar.day_span(time);
            let end = day.to.min(to);
            if !day.weekend {
                open += match self.calendar.week {
                    Week::AlwaysOpen | Week::Weekdays => end - time,
                    Week::Session if day.from <= from && to <= day.to => (end - time).min(session),
                    Week::Session if day.from > from && day.to < to => session,
                    Week::Session => 0,
                };
            }
            time = end.max(time + 1);
        }
        open
    }

    /// Bars of whole days that are missing between two.
    fn missing_days(&self, from: i64, to: i64, bar: i64) -> i64 {
        let day = |time: i64| self.calendar.day_span(time + MIDDLE_OF_DAY).day;
        let (first, last) = (day(from), day(to));
        if bar > DAY_NS {
            return (i64::from(last - first) / (bar / DAY_NS) - 1).max(0);
        }
        let closed = |day: &i32| self.calendar.week != Week::AlwaysOpen && is_weekend(*day);
        (first + 1..last).filter(|day| !closed(day)).count() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::SymbolTable;

    fn gaps(symbol: &str, kind: &str, times: &[&str]) -> Vec<String> {
        let calendar = SymbolTable::built_in().instrument(&symbol.parse().unwrap()).facts.calendar;
        let mut finder = GapFinder::new(kind.parse().unwrap(), &calendar, None);
        let times: Vec<i64> = times.iter().map(|t| t.parse::<UtcNs>().unwrap().0).collect();
        for [a, b] in times.array_windows() {
            finder.add(*a, *b);
        }
        let found = finder.finish();
        found
            .largest
            .iter()
            .map(|gap| format!("{} {} {:?}", gap.from, gap.open, gap.bars))
            .collect()
    }

    #[test]
    fn weekends_and_nights_are_no_gaps() {
        assert_eq!(
            gaps("EURUSD", "quotes", &["2014-05-02T20:30", "2014-05-04T21:20"]),
            Vec::<String>::new()
        );
        assert_eq!(
            gaps("BTCUSD", "quotes", &["2014-05-02T20:30", "2014-05-02T22:00"]),
            ["2014-05-02T20:30:00Z 90m None"]
        );
        assert_eq!(
            gaps("IBM", "trades", &["2014-05-01T19:59", "2014-05-02T13:30"]),
            Vec::<String>::new()
        );
        assert_eq!(
            gaps("IBM", "trades", &["2014-05-01T19:59", "2014-05-05T13:30"]),
            ["2014-05-01T19:59:00Z 390m None"]
        );
    }

    #[test]
    fn missing_bars_are_counted() {
        let minutes = ["2018-04-04T10:00", "2018-04-04T10:01", "2018-04-04T10:05"];
        assert_eq!(gaps("LTCUSD", "bars-1m", &minutes), ["2018-04-04T10:01:00Z 3m Some(3)"]);
        let days = ["2014-05-02T04:00", "2014-05-05T04:00", "2014-05-08T04:00"];
        assert_eq!(gaps("IBM", "bars-1d", &days), ["2014-05-05T04:00:00Z 2d Some(2)"]);
        let weeks = ["2014-05-05", "2014-05-12", "2014-05-26"];
        assert_eq!(gaps("BTCUSD", "bars-1w", &weeks), ["2014-05-12T00:00:00Z 7d Some(1)"]);
    }
}
