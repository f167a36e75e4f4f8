//! `fill_gaps = "forward"`: bars where there was no data.

use assay_core::calendar::{Calendar, DaySpan, Week, is_weekend};

use super::buckets::{Buckets, MIDDLE_OF_DAY, first_day};
use super::resample::{Bars, Side};

/// More filled bars than this are refused rather than held in memory.
const MOST_BARS: usize = 50_000_000;

/// Adds the bars that are missing between the first and the last, each at the last close with volume 0.
///
/// Only while the market is open: never at the weekend of a market that has one; for a session market and bars shorter than a
/// day only between two bars of the same day, because the hours of its session are not known exactly.
///
/// The error is the number of bars it would take, if that is too many.
pub(super) fn forward(bars: &Bars, buckets: &Buckets, calendar: &Calendar) -> Result<Bars, u64> {
    let mut filled = Bars {
        sides: vec![Side::default(); bars.sides.len()],
        ..Bars::default()
    };
    let mut days = Days { calendar, span: None };
    let mut missing = Vec::new();
    for index in 0..bars.time.len() {
        filled.time.push(bars.time[index]);
        filled.volume.push(bars.volume[index]);
        for (side, from) in filled.sides.iter_mut().zip(&bars.sides) {
            side.open.push(from.open[index]);
            side.high.push(from.high[index]);
            side.low.push(from.low[index]);
            side.close.push(from.close[index]);
        }
        let Some(&until) = bars.time.get(index + 1) else { break };
        missing.clear();
        let most = MOST_BARS - filled.time.len();
        match buckets {
            Buckets::Intraday { length } => days.missing_within(buckets, *length, bars.time[index], until, most, &mut missing),
            Buckets::Days { days: length, .. } => days.missing_days(*length, bars.time[index], until, &mut missing),
        }
        if missing.len() >= most {
            let whole = (bars.time[bars.time.len() - 1] - bars.time[0]) / buckets.length();
            return Err(whole as u64);
        }
        filled.time.extend_from_slice(&missing);
        let length = filled.time.len();
        filled.volume.resize(length, 0.0);
        for (side, from) in filled.sides.iter_mut().zip(&bars.sides) {
            for column in [&mut side.open, &mut side.high, &mut side.low, &mut side.close] {
                column.resize(length, from.close[index]);
            }
        }
    }
    Ok(filled)
}

/// The day of a moment, remembered for the next.
struct Days<'a> {
    calendar: &'a Calendar,
    span: Option<DaySpan>,
}

impl Days<'_> {
    fn at(&mut self, time: i64) -> DaySpan {
        match self.span {
            Some(span) if (span.from..span.to).contains(&time) => span,
            _ => *self.span.insert(self.calendar.day_span(time)),
        }
    }

    /// Starts of the bars shorter than a day that are missing between two, at most `most`.
    fn missing_within(&mut self, buckets: &Buckets, length: i64, from: i64, until: i64, most: usize, out: &mut Vec<i64>) {
        if self.calendar.week == Week::Session && self.at(from).day != self.at(until).day {
            return;
        }
        // Stored bars may start at other minutes than those made here: then count from the bar before.
        let aligned = buckets.span(from).start == from;
        let mut time = from;
        while out.len() < most {
            time = if aligned { buckets.span(time).end } else { time + length };
            let day = self.at(time);
            if day.weekend {
                // Straight to the bar in which the next day begins.
                time = if aligned {
                    buckets.span(day.to).start.max(time)
                } else {
                    time + (day.to - time) / length * length
                };
            }
            if time >= until {
                return;
            }
            if !self.at(time).weekend {
                out.push(time);
            }
        }
    }

    /// Starts of the bars of `length` days that are missing between two.
    fn missing_days(&mut self, length: i32, from: i64, until: i64, out: &mut Vec<i64>) {
        let mut day_of = |time: i64| first_day(length, self.at(time + MIDDLE_OF_DAY).day);
        let (first, last) = (day_of(from), day_of(until));
        let Some(first_start) = self.calendar.day_start(first) else {
            return;
        };
        let weekend = |day: i32| self.calendar.week != Week::AlwaysOpen && is_weekend(day);
        let mut day = first + length;
        while day < last {
            if !(day..day + length).all(weekend)
                && let Some(start) = self.calendar.day_start(day)
            {
                // Stored daily bars may be stamped with another hour than the day's start: it is kept.
                out.push(start + (from - first_start));
            }
            day += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::SymbolTable;

    fn filled(symbol: &str, length: &str, times: &[&str]) -> Vec<String> {
        let calendar = SymbolTable::built_in().instrument(&symbol.parse().unwrap()).facts.calendar;
        let buckets = Buckets::new(length.parse().unwrap(), &calendar).unwrap();
        let time: Vec<i64> = times
            .iter()
            .map(|t| t.parse::<assay_core::time::UtcNs>().unwrap().0)
            .collect();
        let closes: Vec<f64> = (0..time.len()).map(|i| i as f64).collect();
        let side = Side {
            open: vec![9.0; time.len()],
            high: vec![9.0; time.len()],
            low: vec![0.0; time.len()],
            close: closes,
        };
        let bars = Bars {
            volume: vec![1.0; time.len()],
            sides: vec![side],
            time,
        };
        let out = forward(&bars, &buckets, &calendar).unwrap();
        (0..out.time.len())
            .map(|i| {
                let time = assay_core::time::UtcNs(out.time[i]).to_string();
                format!("{} {} {}", &time[5..16], out.sides[0].open[i], out.volume[i])
            })
            .collect()
    }

    #[test]
    fn a_missing_bar_repeats_the_last_close_with_volume_0() {
        assert_eq!(
            filled("BTCUSD", "1h", &["2014-05-02T21:00", "2014-05-03T00:00", "2014-05-03T01:00"]),
            [
                "05-02T21:00 9 1",
                "05-02T22:00 0 0",
                "05-02T23:00 0 0",
                "05-03T00:00 9 1",
                "05-03T01:00 9 1"
            ]
        );
    }

    #[test]
    fn closed_markets_are_not_filled() {
        // New York's Friday ends at 21:00 UTC, its Monday begins on Sunday at 21:00.
        assert_eq!(
            filled("EURUSD", "1h", &["2014-05-02T19:00", "2014-05-04T22:00"]),
            ["05-02T19:00 9 1", "05-02T20:00 0 0", "05-04T21:00 0 0", "05-04T22:00 9 1"]
        );
        assert_eq!(
            filled("IBM", "1h", &["2014-05-01T18:00", "2014-05-01T20:00", "2014-05-02T14:00"]),
            ["05-01T18:00 9 1", "05-01T19:00 0 0", "05-01T20:00 9 1", "05-02T14:00 9 1"]
        );
        assert_eq!(
            filled("IBM", "1d", &["2014-05-01T04:00", "2014-05-06T04:00"]),
            ["05-01T04:00 9 1", "05-02T04:00 0 0", "05-05T04:00 0 0", "05-06T04:00 9 1"]
        );
        assert_eq!(
            filled("EURUSD", "1d", &["2014-04-30T21:00", "2014-05-05T21:00"]),
            ["04-30T21:00 9 1", "05-01T21:00 0 0", "05-04T21:00 0 0", "05-05T21:00 9 1"]
        );
        assert_eq!(
            filled("IBM", "1w", &["2014-05-05T04:00", "2014-05-19T04:00"]),
            ["05-05T04:00 9 1", "05-12T04:00 0 0", "05-19T04:00 9 1"]
        );
    }

    #[test]
    fn stored_bars_keep_their_own_stamps() {
        assert_eq!(
            filled("BTCUSD", "1h", &["2014-05-01T10:30", "2014-05-01T13:30"]),
            ["05-01T10:30 9 1", "05-01T11:30 0 0", "05-01T12:30 0 0", "05-01T13:30 9 1"]
        );
        assert_eq!(
            filled("EURUSD", "1h", &["2014-05-02T19:30", "2014-05-04T22:30"]),
            ["05-02T19:30 9 1", "05-02T20:30 0 0", "05-04T21:30 0 0", "05-04T22:30 9 1"]
        );
        // Daily bars stamped with UTC midnight, of a market whose day starts at midnight in New York.
        assert_eq!(
            filled("IBM", "1d", &["2014-05-01", "2014-05-02", "2014-05-06"]),
            ["05-01T00:00 9 1", "05-02T00:00 9 1", "05-05T00:00 1 0", "05-06T00:00 9 1"]
        );
    }
}
