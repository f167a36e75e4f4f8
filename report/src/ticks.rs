//! Where an axis has marks, and what they say.

use assay_core::metrics::Unit;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::human;

/// Round numbers from `low` to `high`, about `wanted` of them: multiples of 1, 2 or 5 times a power of ten.
pub(crate) fn round_numbers(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) || wanted == 0 {
        return vec![low];
    }
    let rough = span / wanted as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    // The step whose ratio to the wished one is nearest to 1: always a larger one would leave half of the marks away.
    let off = |step: &f64| libm::log(step / rough).abs();
    let steps = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    let step = steps.into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(power);
    let first = libm::ceil(low / step - 1e-9);
    let last = libm::floor(high / step + 1e-9);
    // Adding 0 turns -0 into 0.
    (0..=(last - first).max(0.0) as usize)
        .map(|i| (first + i as f64) * step + 0.0)
        .collect()
}

/// Powers of ten from `low` to `high`, both above 0, and what divides the steps between them as finely as `wanted` marks allow.
pub(crate) fn powers(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let (from, to) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
    let marks = |factors: &[f64]| -> Vec<f64> {
        let all = (from..=to).flat_map(|power| factors.iter().map(move |f| f * libm::pow(10.0, f64::from(power))));
        all.filter(|x| *x >= low * (1.0 - 1e-9) && *x <= high * (1.0 + 1e-9))
            .collect()
    };
    let mut finer = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]].into_iter().map(marks);
    finer.find(|marks| marks.len() <= wanted).unwrap_or_else(|| marks(&[1.0]))
}

/// The text of a mark whose neighbours are `step` away.
pub(crate) fn label(value: f64, unit: Unit, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    match unit {
        Unit::Ratio => format!("{} %", human::grouped(value * 100.0, places(step * 100.0))),
        Unit::Seconds => human::seconds(value),
        _ if value.abs() >= 1e6 => short(value, step),
        _ if !(1e-9..1e9).contains(&step) => human::number(value),
        _ => human::grouped(value, places(step)),
    }
}

/// Decimals that tell multiples of a step apart.
fn places(step: f64) -> usize {
    (0..9)
        .find(|places| step * libm::pow(10.0, f64::from(*places)) > 0.999)
        .unwrap_or(9) as usize
}

/// `1.2 M` of a large number.
fn short(value: f64, step: f64) -> String {
    let (scale, name) = if value.abs() >= 1e9 { (1e9, "G") } else { (1e6, "M") };
    let places = if step / scale < 0.0999 {
        2
    } else {
        usize::from(step / scale < 0.999)
    };
    format!("{:.places$} {name}", value / scale)
}

/// Marks on an axis of bars: the index of the first bar at or after a round moment, and what the moment is called. Bars are as far
/// apart as their numbers, whatever time lies between them; `times` is ascending, nanoseconds UTC.
pub(crate) fn moments(times: &[i64], most: usize) -> Vec<(usize, String)> {
    let (Some(first), Some(last)) = (times.first().and_then(|t| civil(*t)), times.last().and_then(|t| civil(*t))) else {
        return Vec::new();
    };
    let seconds = times.last().zip(times.first()).map_or(0, |(b, a)| b.saturating_sub(*a)) as f64 / 1e9;
    let calendar = Calendar::fitting(seconds, most.max(1));
    let mut marks: Vec<(usize, String)> = Vec::new();
    let mut moment = calendar.first(first);
    while moment <= last {
        if let Some(ns) = nanoseconds(moment) {
            let index = times.partition_point(|t| *t < ns);
            let inside = ns >= times[0] && index < times.len();
            if inside && marks.last().is_none_or(|mark| mark.0 < index) {
                marks.push((index, calendar.name(moment)));
            }
        }
        match calendar.next(moment) {
            Some(next) => moment = next,
            None => break,
        }
    }
    // Where bars are missing, marks may come too close to each other.
    let least = times.len() / (2 * most.max(1)).max(1);
    let mut kept: Vec<(usize, String)> = Vec::new();
    for mark in marks {
        if kept.last().is_none_or(|before| mark.0 - before.0 > least) {
            kept.push(mark);
        }
    }
    kept
}

/// Gaps that are marked at most.
pub(crate) const GAPS: usize = 12;

/// What the marked gaps are, in words; empty where there are none.
pub(crate) fn gaps_told(times: &[i64]) -> String {
    let found = gaps(times, GAPS);
    let Some((index, longest)) = found.iter().max_by_key(|gap| gap.1).copied() else {
        return String::new();
    };
    let longest = human::seconds(longest as f64 / 1e9);
    let (from, to) = (moment(times[index - 1]), moment(times[index]));
    match found.len() {
        1 => format!("dashed: no bars for {longest}, from {from} to {to}"),
        count if count == GAPS => format!("dashed: the {count} longest gaps without bars, up to {longest} from {from} to {to}"),
        count => format!("dashed: {count} gaps without bars, the longest {longest} from {from} to {to}"),
    }
}

/// Where time passes between two bars that would be seen on an axis of time: the index of the bar after it and how long it lasts,
/// nanoseconds. Such a gap lasts a fiftieth of the whole and several times what bars are usually apart. The longest `most`, in order.
pub(crate) fn gaps(times: &[i64], most: usize) -> Vec<(usize, i64)> {
    let Some(span) = times
        .last()
        .zip(times.first())
        .map(|(last, first)| last.saturating_sub(*first))
    else {
        return Vec::new();
    };
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let mut found: Vec<(usize, i64)> = (1..).zip(steps.iter().copied()).collect();
    if steps.is_empty() {
        return found;
    }
    let middle = steps.len() / 2;
    let usual = *steps.select_nth_unstable(middle).1;
    found.retain(|(_, step)| *step > span / 50 && *step > usual.saturating_mul(4));
    found.sort_by_key(|(index, step)| (std::cmp::Reverse(*step), *index));
    found.truncate(most);
    found.sort_unstable();
    found
}

/// How far round moments are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calendar {
    Minutes(i64),
    Days(i64),
    Months(i32),
    Years(i32),
}

impl Calendar {
    /// The finest with at most `most` moments in so many seconds.
    fn fitting(seconds: f64, most: usize) -> Self {
        let choices = [1, 5, 15, 30, 60, 180, 360, 720].map(|n| (Self::Minutes(n), n as f64 * 60.0));
        let days = [1, 2, 7, 14].map(|n| (Self::Days(n), n as f64 * 86_400.0));
        let months = [1, 3, 6].map(|n| (Self::Months(n), f64::from(n) * 2_629_746.0));
        let years = [1, 2, 5, 10, 20, 50, 100].map(|n| (Self::Years(n), f64::from(n) * 31_556_952.0));
        let all = choices.into_iter().chain(days).chain(months).chain(years);
        let fits = |(_, length): &(Self, f64)| seconds / length <= most as f64;
        all.clone().find(fits).map_or(Self::Years(200), |found| found.0)
    }

    /// The last round moment before or at another.
    fn first(self, at: DateTime) -> DateTime {
        let date = at.date();
        match self {
            Self::Minutes(n) => {
                let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
                let round = minute - minute % n;
                date.at((round / 60) as i8, (round % 60) as i8, 0, 0)
            }
            Self::Days(n) => {
                let since = date
                    .since(Date::constant(1970, 1, 5))
                    .map_or(0, |span| i64::from(span.get_days()));
                date.checked_sub((since.rem_euclid(n)).days())
                    .unwrap_or(date)
                    .to_datetime(Time::midnight())
            }
            Self::Months(n) => {
                let month = date.month() - (i32::from(date.month()) - 1).rem_euclid(n) as i8;
                Date::new(date.year(), month, 1).unwrap_or(date).to_datetime(Time::midnight())
            }
            Self::Years(n) => {
                let year = date.year() - i32::from(date.year()).rem_euclid(n) as i16;
                Date::new(year, 1, 1).unwrap_or(date).to_datetime(Time::midnight())
            }
        }
    }

    fn next(self, at: DateTime) -> Option<DateTime> {
        let step = match self {
            Self::Minutes(n) => n.minutes(),
            Self::Days(n) => n.days(),
            Self::Months(n) => n.months(),
            Self::Years(n) => n.years(),
        };
        at.checked_add(step).ok()
    }

    fn name(self, at: DateTime) -> String {
        let pattern = match self {
            Self::Minutes(_) if at.hour() == 0 && at.minute() == 0 => "%-d %b",
            Self::Minutes(_) => "%H:%M",
            Self::Days(_) => "%-d %b",
            Self::Months(_) if at.month() == 1 => "%Y",
            Self::Months(_) => "%b %Y",
            Self::Years(_) => "%Y",
        };
        at.strftime(pattern).to_string()
    }
}

/// A moment in UTC.
pub(crate) fn civil(ns: i64) -> Option<DateTime> {
    let stamp = Timestamp::from_nanosecond(i128::from(ns)).ok()?;
    Some(stamp.to_zoned(TimeZone::UTC).datetime())
}

fn nanoseconds(moment: DateTime) -> Option<i64> {
    let stamp = moment.to_zoned(TimeZone::UTC).ok()?.timestamp();
    i64::try_from(stamp.as_nanosecond()).ok()
}

/// `4 Jan 2024`, with hours and minutes where it is not midnight.
fn moment(ns: i64) -> String {
    let pattern = |at: DateTime| match (at.hour(), at.minute()) {
        (0, 0) => "%-d %b %Y",
        _ => "%-d %b %Y %H:%M",
    };
    civil(ns).map_or_else(|| ns.to_string(), |at| at.strftime(pattern(at)).to_string())
}

/// `4 Jan 2024`
pub(crate) fn day(ns: i64) -> String {
    civil(ns).map_or_else(|| ns.to_string(), |at| at.strftime("%-d %b %Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(round_numbers(-0.13, 0.31, 5), [-0.1, 0.0, 0.1, 0.2, 0.300_000_000_000_000_04]);
        assert_eq!(round_numbers(9_830.0, 10_120.0, 4), [9_900.0, 10_000.0, 10_100.0]);
        assert_eq!(round_numbers(3.0, 3.0, 4), [3.0]);
        assert_eq!(powers(0.0001, 0.01, 8), [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01]);
        assert_eq!(powers(0.0001, 0.009, 4), [0.0001, 0.000_300_000_000_000_000_03, 0.001, 0.003]);
        assert_eq!(powers(0.001, 1_000.0, 8).len(), 7);
        assert_eq!(label(-1e-17, Unit::Plain, 0.1), "0.0");
        assert_eq!(label(0.300_000_000_000_000_04, Unit::Plain, 0.1), "0.3");
        assert_eq!(
            [label(1.1, Unit::Plain, 0.01), label(12_500.0, Unit::Money, 500.0)],
            ["1.10", "12,500"]
        );
        assert_eq!(
            [label(0.05, Unit::Ratio, 0.05), label(0.005, Unit::Ratio, 0.001)],
            ["5 %", "0.5 %"]
        );
        assert_eq!(label(2_500_000.0, Unit::Money, 500_000.0), "2.5 M");
        assert_eq!(
            [label(9_000.0, Unit::Count, 1_000.0), label(1_282.5, Unit::Plain, 0.5)],
            ["9,000", "1,282.5"]
        );
        assert_eq!(
            [label(-0.0, Unit::Ratio, 0.1), label(19.0, Unit::Ratio, 1.0)],
            ["0 %", "1,900 %"]
        );
    }

    #[test]
    fn gaps_are_what_an_axis_of_time_would_show() {
        let hour = 3_600_000_000_000;
        // A year of hours without two of its months.
        let year: Vec<i64> = (0..8_760).filter(|i| !(2_000..3_440).contains(i)).map(|i| i * hour).collect();
        assert_eq!(gaps(&year, 12), [(2_000, 1_441 * hour)]);
        assert_eq!(
            gaps_told(&year),
            "dashed: no bars for 60 d 1 h, from 25 Mar 1970 07:00 to 24 May 1970 08:00"
        );
        // Weekends are seen in a fortnight, not in a year.
        let week = |hours: i64| -> Vec<i64> { (0..hours).filter(|i| i % 168 < 120).map(|i| i * hour).collect() };
        assert_eq!(gaps(&week(336), 12), [(120, 49 * hour)]);
        assert!(gaps(&week(8_760), 12).is_empty());
        assert_eq!(
            gaps(&week(168 * 20), 3).len(),
            0,
            "a weekend is less than a fiftieth of twenty weeks"
        );
        assert_eq!(gaps(&week(168 * 10), 3).len(), 3);
        assert!(gaps(&[], 3).is_empty() && gaps(&[5], 3).is_empty() && gaps(&[5, 6], 3).is_empty());
    }

    #[test]
    fn moments_are_the_calendar_s() {
        let from = 1_704_067_200_000_000_000; // 2024-01-01
        let year: Vec<i64> = (0..366).map(|i| from + i * DAY).collect();
        let names: Vec<String> = moments(&year, 8).into_iter().map(|mark| mark.1).collect();
        assert_eq!(names, ["2024", "Apr 2024", "Jul 2024", "Oct 2024"]);
        let decades: Vec<i64> = (0..9_000).map(|i| from + i * DAY).collect();
        let names: Vec<String> = moments(&decades, 8).into_iter().map(|mark| mark.1).collect();
        assert_eq!(names, ["2025", "2030", "2035", "2040", "2045"]);
        let day: Vec<i64> = (0..1_440).map(|i| from + i * 60_000_000_000).collect();
        assert_eq!(moments(&day, 8)[1], (180, "03:00".to_owned()));
        assert!(moments(&[], 8).is_empty());
        assert_eq!(moments(&[from], 8).len(), 1);
        assert_eq!(super::day(from + DAY), "2 Jan 2024");
    }
}
