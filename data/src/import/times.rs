//! Texts and numbers of a file to UTC nanoseconds.

use assay_core::calendar::Zone;
use assay_core::time::{DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{AmbiguousOffset, Offset};

use super::error::Problem;
use super::number::nanoseconds;

/// How the times of a file are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TimeRule {
    /// A number since 1970 UTC.
    Unix {
        /// Nanoseconds in one unit.
        unit_ns: i64,
    },
    /// A number since local midnight of a day.
    SinceMidnight {
        /// The day, as nanoseconds on the local clock since 1970.
        day_ns: i64,
        /// Nanoseconds in one unit.
        unit_ns: i64,
        /// Where that clock hangs.
        zone: Zone,
    },
    /// Year first: `2014-05-01 12:30:00.5+02:00`, `2014.05.01 12:30`, `20140501 12:30`, `2014-05-01`.
    YearFirst {
        /// Zone of times without an offset.
        zone: Option<Zone>,
    },
    /// `1960M01` or `1960-01`: the last day of a month, because what it says of the month is known only then.
    MonthEnd {
        /// Zone of the day.
        zone: Option<Zone>,
    },
    /// A strftime pattern.
    Pattern {
        /// The pattern.
        pattern: String,
        /// Zone of times without an offset.
        zone: Option<Zone>,
    },
}

/// Reads times by one rule; remembers the zone's offset of the quarter of an hour it is in.
#[derive(Debug)]
pub(crate) struct TimeReader<'a> {
    rule: &'a TimeRule,
    /// Quarter of an hour on the local clock, and the offset from UTC in it.
    quarter: Option<(i64, i64)>,
}

/// Offsets change at quarters of an hour of the local clock.
const QUARTER_NS: i64 = 15 * MINUTE_NS;
/// Nanoseconds are kept within the years 1678 to 2261.
const LAST_NS: i64 = 106_650 * DAY_NS;

impl<'a> TimeReader<'a> {
    /// A reader for one file.
    pub(crate) fn new(rule: &'a TimeRule) -> Self {
        Self { rule, quarter: None }
    }

    /// Reads a time, without spaces around it.
    pub(crate) fn read(&mut self, text: &str) -> Result<i64, Problem> {
        match self.rule {
            TimeRule::Unix { unit_ns } => match nanoseconds(text, *unit_ns) {
                Some(time) if in_range(time) => Ok(time),
                None if !is_integer(text) => Err(bad(text, "a number since 1970")),
                _ => Err(out_of_range(text)),
            },
            TimeRule::SinceMidnight { day_ns, unit_ns, zone } => match nanoseconds(text, *unit_ns) {
                Some(since) if (0..=DAY_NS + HOUR_NS).contains(&since) => self.in_zone(day_ns + since, Some(zone), text),
                _ => Err(bad(text, "a number of milliseconds since midnight")),
            },
            TimeRule::YearFirst { zone } => {
                let (local, offset) = year_first(text)?;
                match offset {
                    Some(offset) => since_1970(offset, local).ok_or_else(|| out_of_range(text)),
                    None => self.in_zone(local_ns(local, text)?, zone.as_ref(), text),
                }
            }
            TimeRule::MonthEnd { zone } => {
                let first = month(text).ok_or_else(|| bad(text, "1960M01"))?;
                let last = first.last_of_month().to_datetime(Time::midnight());
                self.in_zone(local_ns(last, text)?, zone.as_ref(), text)
            }
            TimeRule::Pattern { pattern, zone } => self.by_pattern(pattern, zone.as_ref(), text),
        }
    }

    fn by_pattern(&mut self, pattern: &str, zone: Option<&Zone>, text: &str) -> Result<i64, Problem> {
        let parsed = BrokenDownTime::parse(pattern, text).map_err(|_| bad(text, pattern))?;
        if let Ok(stamp) = parsed.to_timestamp() {
            return in_nanoseconds(stamp).ok_or_else(|| out_of_range(text));
        }
        let local = match (parsed.to_datetime(), parsed.to_date()) {
            (Ok(local), _) => local,
            (Err(_), Ok(date)) => date.to_datetime(Time::midnight()),
            (Err(why), Err(_)) => {
                return Err(Problem::BadPattern {
                    pattern: pattern.to_owned(),
                    why: why.to_string(),
                });
            }
        };
        self.in_zone(local_ns(local, text)?, zone, text)
    }

    fn in_zone(&mut self, local: i64, zone: Option<&Zone>, text: &str) -> Result<i64, Problem> {
        let zone = zone.ok_or_else(|| Problem::NoZone { text: text.to_owned() })?;
        self.local_to_utc(local, zone).ok_or_else(|| Problem::SkippedTime {
            text: text.to_owned(),
            zone: zone.to_string(),
        })
    }

    /// A local time that occurs twice, when clocks are set back, is the first of the two. `None` for one that the clocks skipped, except
    /// midnight: a day begins when it begins.
    #[inline]
    fn local_to_utc(&mut self, local: i64, zone: &Zone) -> Option<i64> {
        let quarter = local.div_euclid(QUARTER_NS);
        if let Some((known, offset)) = self.quarter
            && known == quarter
        {
            return Some(local - offset);
        }
        let offset = offset_at(local, zone)?;
        self.quarter = Some((quarter, offset));
        Some(local - offset)
    }
}

fn offset_at(local: i64, zone: &Zone) -> Option<i64> {
    let offset = if let Ok(fixed) = zone.time_zone().to_fixed_offset() {
        fixed
    } else {
        let civil = Offset::UTC.to_datetime(Timestamp::from_nanosecond(i128::from(local)).ok()?);
        match zone.time_zone().to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
            AmbiguousOffset::Gap { before, .. } if local.rem_euclid(DAY_NS) == 0 => before,
            AmbiguousOffset::Gap { .. } => return None,
        }
    };
    Some(i64::from(offset.seconds()) * SECOND_NS)
}

/// Nanoseconds on the local clock of midnight of a day written `YYYYMMDD`.
pub(super) fn compact_day(text: &str) -> Option<i64> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let date: Date = text.parse().ok()?;
    since_1970(Offset::UTC, date.to_datetime(Time::midnight()))
}

fn local_ns(local: DateTime, text: &str) -> Result<i64, Problem> {
    since_1970(Offset::UTC, local).ok_or_else(|| out_of_range(text))
}

fn since_1970(offset: Offset, local: DateTime) -> Option<i64> {
    in_nanoseconds(offset.to_timestamp(local).ok()?)
}

fn in_nanoseconds(stamp: Timestamp) -> Option<i64> {
    i64::try_from(stamp.as_nanosecond()).ok().filter(|time| in_range(*time))
}

/// Local clock, and the offset from UTC if it is written.
fn year_first(text: &str) -> Result<(DateTime, Option<Offset>), Problem> {
    let pieces = Pieces::parse(text)
        .or_else(|_| Pieces::parse(&iso(text)).map(Pieces::into_owned))
        .ok()
        // A leap second would be taken for the second before it.
        .filter(|pieces| pieces.time_zone_annotation().is_none() && !text.contains(":60"))
        .ok_or_else(|| explain_other_form(text, "2014-05-01 12:30:00"))?;
    let time = pieces.time().unwrap_or(Time::midnight());
    Ok((pieces.date().to_datetime(time), pieces.to_numeric_offset()))
}

/// Spells a time as ISO 8601 does: dashes between the parts of the date, no space before the offset, `Z` for `UTC`.
fn iso(text: &str) -> String {
    let text = match text.as_bytes() {
        [_, _, _, _, a @ (b'.' | b'/'), _, _, b, ..] if a == b => text.replacen(char::from(*a), "-", 2),
        _ => text.to_owned(),
    };
    text.to_ascii_uppercase()
        .replace("UTC", "Z")
        .replace(" Z", "Z")
        .replace(" +", "+")
        .replace(" -", "-")
}

/// Names the well-known forms that cannot be read without being told.
fn explain_other_form(text: &str, expected: &str) -> Problem {
    let ambiguous = |why| Problem::AmbiguousTime {
        text: text.to_owned(),
        why,
    };
    let day = text.split([' ', 'T']).next().unwrap_or(text);
    let parts: Vec<&str> = day.split(['/', '-', '.']).collect();
    let numeric = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match parts.as_slice() {
        [first, second, year] if numeric && year.len() == 4 && first.len() <= 2 && second.len() <= 2 => {
            ambiguous("is month/day/year or day/month/year")
        }
        _ if month(text).is_some() => Problem::Month { text: text.to_owned() },
        _ => bad(text, expected),
    }
}

/// The first day of a month written `1960M01` or `1960-01`.
pub(super) fn month(text: &str) -> Option<Date> {
    let (year, month) = text.split_once(['M', 'm', '-'])?;
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

/// The pattern of times that end their date with the year, `1/31/1999` or `31.1.1999 12:30`, if the times given can be read in one way
/// only. `None` where they are of another form.
pub(crate) fn year_last<'a>(mut times: impl Iterator<Item = &'a str>) -> Option<Result<String, Problem>> {
    let sample = times.next()?;
    let (separator, (first, second), clock) = numeric_day(sample)?;
    let (mut month_first, mut day_first) = (second > 12, first > 12);
    for (_, (first, second), _) in times.filter_map(numeric_day) {
        month_first |= second > 12;
        day_first |= first > 12;
    }
    let (first, second) = match (month_first, day_first) {
        (true, false) => ("%m", "%d"),
        (false, true) => ("%d", "%m"),
        _ => return Some(Err(explain_other_form(sample, ""))),
    };
    let clock = match clock.matches(':').count() {
        0 => "",
        1 => " %H:%M",
        _ if clock.contains('.') => " %H:%M:%S%.f",
        _ => " %H:%M:%S",
    };
    Some(Ok(format!("{first}{separator}{second}{separator}%Y{clock}")))
}

/// Separator, the two numbers before the year, and the time of day.
fn numeric_day(text: &str) -> Option<(char, (u8, u8), &str)> {
    let (day, clock) = text.split_once(' ').unwrap_or((text, ""));
    let separator = day
        .chars()
        .find(|c| !c.is_ascii_digit())
        .filter(|c| matches!(c, '/' | '.' | '-'))?;
    let mut parts = day.split(separator);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || first.len() > 2 || second.len() > 2 {
        return None;
    }
    let _: u16 = year.parse().ok()?;
    Some((separator, (first.parse().ok()?, second.parse().ok()?), clock))
}

/// Whether the text is digits, with a sign or a fraction at most.
pub(super) fn is_integer(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
}

fn in_range(time: i64) -> bool {
    (-LAST_NS..=LAST_NS).contains(&time)
}

fn out_of_range(text: &str) -> Problem {
    Problem::TimeOutOfRange { text: text.to_owned() }
}

fn bad(text: &str, expected: &str) -> Problem {
    Problem::BadTime {
        text: text.to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use assay_core::time::UtcNs;

    use super::*;

    fn utc(rule: &TimeRule, text: &str) -> String {
        UtcNs(TimeReader::new(rule).read(text).unwrap()).to_string()
    }

    fn zoned(name: &str) -> TimeRule {
        TimeRule::YearFirst {
            zone: Some(name.parse().unwrap()),
        }
    }

    #[test]
    fn reads_the_forms_with_the_year_first() {
        let rule = zoned("-05:00");
        for (text, expected) in [
            ("2014-05-01", "2014-05-01T05:00:00Z"),
            ("20140501", "2014-05-01T05:00:00Z"),
            ("20140501 12:30", "2014-05-01T17:30:00Z"),
            ("2014.05.01 12:30:15", "2014-05-01T17:30:15Z"),
            ("2014/05/01T12:30:15.25", "2014-05-01T17:30:15.25Z"),
            ("2014-05-01 12:30:15,123456789", "2014-05-01T17:30:15.123456789Z"),
            ("2014-05-01T12:30:15Z", "2014-05-01T12:30:15Z"),
            ("2014-05-01 12:30:15+00:00", "2014-05-01T12:30:15Z"),
            ("2014-05-01 12:30:15 +0530", "2014-05-01T07:00:15Z"),
            ("2014-05-01 12:30:15.5-04", "2014-05-01T16:30:15.5Z"),
            ("1833-01-01", "1833-01-01T05:00:00Z"),
        ] {
            assert_eq!(utc(&rule, text), expected, "{text}");
        }
        for text in [
            "",
            "x",
            "2014",
            "2014-13-01",
            "2014-02-30",
            "2014-05-01 25:00",
            "2014-05-01 12:30:15x",
            "2014-05-01 12:30:",
            "2014-05-01 1:30",
            "2014-05/01",
            "2014-05-01 12:30:15.",
            "2014-05-01 12:30+5",
            "2014-05-01 12:30:60",
            "2014-05-01 12:30[UTC]",
            "2014-05-01 -05",
            "2014-05-01 Z",
            "2014.05-01 12:30:15.05",
            "1/4/1999",
            "1833-01",
            "1960M01",
            "0001-01-01",
            "2014-05-01 ä",
        ] {
            assert!(TimeReader::new(&rule).read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_with_daylight_saving_is_followed() {
        let rule = zoned("America/New_York");
        assert_eq!(utc(&rule, "2014-01-02 09:30"), "2014-01-02T14:30:00Z");
        assert_eq!(utc(&rule, "2014-07-02 09:30"), "2014-07-02T13:30:00Z");
        assert_eq!(utc(&rule, "2014-11-02 01:30"), "2014-11-02T05:30:00Z", "the first of the two");
        assert!(matches!(
            TimeReader::new(&rule).read("2014-03-09 02:30"),
            Err(Problem::SkippedTime { .. })
        ));
        let mut reader = TimeReader::new(&rule);
        let all: Vec<i64> = ["2014-03-09 01:59", "2014-03-09 03:00"]
            .iter()
            .map(|t| reader.read(t).unwrap())
            .collect();
        assert_eq!(all[1] - all[0], MINUTE_NS);
    }

    #[test]
    fn a_time_without_a_zone_is_refused() {
        let rule = TimeRule::YearFirst { zone: None };
        assert!(matches!(
            TimeReader::new(&rule).read("2014-05-01 12:30"),
            Err(Problem::NoZone { .. })
        ));
        assert_eq!(utc(&rule, "2014-05-01 12:30Z"), "2014-05-01T12:30:00Z");
    }

    #[test]
    fn patterns_read_what_nothing_else_does() {
        let pattern = |pattern: &str| TimeRule::Pattern {
            pattern: pattern.to_owned(),
            zone: Some("-05:00".parse().unwrap()),
        };
        assert_eq!(
            utc(&pattern("%Y%m%d %H%M%S%3f"), "20200101 170000065"),
            "2020-01-01T22:00:00.065Z"
        );
        assert_eq!(utc(&pattern("%m/%d/%Y"), "1/4/1999"), "1999-01-04T05:00:00Z");
        assert_eq!(
            utc(&pattern("%d.%m.%Y %H:%M %z"), "04.01.1999 12:00 +0100"),
            "1999-01-04T11:00:00Z"
        );
        assert!(TimeReader::new(&pattern("%H:%M")).read("12:30").is_err());
    }

    #[test]
    fn a_month_is_its_last_day() {
        let rule = TimeRule::MonthEnd {
            zone: Some("UTC".parse().unwrap()),
        };
        for (text, day) in [
            ("1960M02", "1960-02-29"),
            ("1833-01", "1833-01-31"),
            ("2021m12", "2021-12-31"),
        ] {
            assert_eq!(utc(&rule, text), format!("{day}T00:00:00Z"));
        }
        for text in ["1960M13", "1960-1", "196001", "1960M01D01", "x"] {
            assert!(TimeReader::new(&rule).read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_of_day_and_month_follows_from_days_after_the_twelfth() {
        let pattern = |times: &[&str]| year_last(times.iter().copied());
        assert_eq!(pattern(&["1/4/1999", "1/13/1999"]).unwrap().unwrap(), "%m/%d/%Y");
        assert_eq!(
            pattern(&["01.02.2020 00:00:00.000", "13.02.2020 00:00:00.000"])
                .unwrap()
                .unwrap(),
            "%d.%m.%Y %H:%M:%S%.f"
        );
        assert_eq!(pattern(&["31-01-2020 10:30"]).unwrap().unwrap(), "%d-%m-%Y %H:%M");
        assert!(matches!(
            pattern(&["1/4/1999", "1/5/1999"]),
            Some(Err(Problem::AmbiguousTime { .. }))
        ));
        assert!(matches!(
            pattern(&["13/4/1999", "4/13/1999"]),
            Some(Err(Problem::AmbiguousTime { .. }))
        ));
        assert!(pattern(&["1999-04-13"]).is_none());
        assert!(pattern(&["1420070400000"]).is_none());
    }

    #[test]
    fn unix_times_and_times_since_midnight() {
        let unix = TimeRule::Unix { unit_ns: 1_000_000 };
        assert_eq!(utc(&unix, "1420070400000"), "2015-01-01T00:00:00Z");
        assert!(matches!(
            TimeReader::new(&unix).read("1420070400000000000"),
            Err(Problem::TimeOutOfRange { .. })
        ));
        let day = TimeRule::SinceMidnight {
            day_ns: compact_day("20140501").unwrap(),
            unit_ns: 1_000_000,
            zone: "-05:00".parse().unwrap(),
        };
        assert_eq!(utc(&day, "1787"), "2014-05-01T05:00:01.787Z");
        assert!(TimeReader::new(&day).read("-1").is_err());
        assert!(TimeReader::new(&day).read("99999999999").is_err());
    }
}
