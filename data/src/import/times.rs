//! Texts and numbers of a file to UTC nanoseconds.

use assay_core::calendar::{Zone, epoch_day};
use assay_core::time::{DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS};
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::AmbiguousOffset;

use super::error::Problem;
use super::number::scaled_integer;

/// How the times of a file are written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TimeRule {
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
pub(super) struct TimeReader<'a> {
    rule: &'a TimeRule,
    /// Quarter of an hour on the local clock, and the offset from UTC in it.
    quarter: Option<(i64, i64)>,
}

/// Offsets change at quarters of an hour of the local clock.
const QUARTER_NS: i64 = 15 * MINUTE_NS;
/// Nanoseconds are kept within the years 1678 to 2261.
const FIRST_DAY: i64 = -106_650;
const LAST_DAY: i64 = 106_650;

impl<'a> TimeReader<'a> {
    /// A reader for one file.
    pub(super) fn new(rule: &'a TimeRule) -> Self {
        Self { rule, quarter: None }
    }

    /// Reads a number at the start of `bytes`: time and length. `None` where the rule wants text or no number stands there.
    #[inline]
    pub(super) fn quick(&mut self, bytes: &[u8]) -> Option<(i64, usize)> {
        match self.rule {
            TimeRule::Unix { unit_ns } => {
                let (time, length) = scaled_integer(bytes, *unit_ns)?;
                in_range(time).then_some((time, length))
            }
            TimeRule::SinceMidnight { day_ns, unit_ns, zone } => {
                let (since, length) = scaled_integer(bytes, *unit_ns)?;
                if !(0..=DAY_NS + HOUR_NS).contains(&since) {
                    return None;
                }
                let time = self.local_to_utc(day_ns + since, zone)?;
                Some((time, length))
            }
            TimeRule::YearFirst { .. } | TimeRule::Pattern { .. } => None,
        }
    }

    /// Reads all of `text`.
    pub(super) fn read(&mut self, text: &str) -> Result<i64, Problem> {
        match self.rule {
            TimeRule::Unix { unit_ns } => match scaled_integer(text.as_bytes(), *unit_ns) {
                Some((time, length)) if length == text.len() && in_range(time) => Ok(time),
                Some((_, length)) if length == text.len() => Err(out_of_range(text)),
                _ if is_integer(text) => Err(out_of_range(text)),
                _ => Err(bad(text, "a number since 1970")),
            },
            TimeRule::SinceMidnight { day_ns, unit_ns, zone } => match scaled_integer(text.as_bytes(), *unit_ns) {
                Some((since, length)) if length == text.len() && (0..=DAY_NS + HOUR_NS).contains(&since) => {
                    self.in_zone(day_ns + since, Some(zone), text)
                }
                _ => Err(bad(text, "a number of milliseconds since midnight")),
            },
            TimeRule::YearFirst { zone } => {
                let (local, offset) = year_first(text)?;
                match offset {
                    Some(offset) => checked(local.checked_sub(offset), text),
                    None => self.in_zone(local, zone.as_ref(), text),
                }
            }
            TimeRule::Pattern { pattern, zone } => self.by_pattern(pattern, zone.as_ref(), text),
        }
    }

    fn by_pattern(&mut self, pattern: &str, zone: Option<&Zone>, text: &str) -> Result<i64, Problem> {
        let parsed = BrokenDownTime::parse(pattern, text).map_err(|_| bad(text, pattern))?;
        if let Ok(stamp) = parsed.to_timestamp() {
            return checked(i64::try_from(stamp.as_nanosecond()).ok(), text);
        }
        let local = match (parsed.to_datetime(), parsed.to_date()) {
            (Ok(local), _) => local,
            (Err(_), Ok(date)) => date.at(0, 0, 0, 0),
            (Err(why), Err(_)) => {
                return Err(Problem::BadPattern {
                    pattern: pattern.to_owned(),
                    why: why.to_string(),
                });
            }
        };
        self.in_zone(local_ns(local).ok_or_else(|| out_of_range(text))?, zone, text)
    }

    fn in_zone(&mut self, local: i64, zone: Option<&Zone>, text: &str) -> Result<i64, Problem> {
        let zone = zone.ok_or_else(|| Problem::NoZone { text: text.to_owned() })?;
        if !in_range(local) {
            return Err(out_of_range(text));
        }
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
        let date = Date::constant(1970, 1, 1)
            .checked_add(jiff::Span::new().days(local.div_euclid(DAY_NS)))
            .ok()?;
        let of_day = jiff::SignedDuration::from_nanos(local.rem_euclid(DAY_NS));
        let civil = date.at(0, 0, 0, 0).checked_add(of_day).ok()?;
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
    let date = Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()?;
    day_ns(date)
}

fn day_ns(date: Date) -> Option<i64> {
    let day = i64::from(epoch_day(date));
    (FIRST_DAY..=LAST_DAY).contains(&day).then_some(day * DAY_NS)
}

fn local_ns(local: DateTime) -> Option<i64> {
    let midnight = day_ns(local.date())?;
    let time = local.time();
    let seconds = i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(midnight + seconds * SECOND_NS + i64::from(time.subsec_nanosecond()))
}

/// Local clock and offset from UTC in nanoseconds.
fn year_first(text: &str) -> Result<(i64, Option<i64>), Problem> {
    let expected = "2014-05-01 12:30:00";
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| -> Option<i64> {
        let part = bytes.get(from..from + count)?;
        part.iter().try_fold(0_i64, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
    };
    let separated = matches!(bytes.get(4), Some(b'-' | b'/' | b'.'));
    let parts = if separated {
        (bytes.get(7) == bytes.get(4)).then(|| (digits(0, 4), digits(5, 2), digits(8, 2), 10))
    } else {
        Some((digits(0, 4), digits(4, 2), digits(6, 2), 8))
    };
    let Some((Some(year), Some(month), Some(day), mut at)) = parts else {
        return Err(explain_other_form(text, expected));
    };
    let date = Date::new(year as i16, month as i8, day as i8).map_err(|_| bad(text, expected))?;
    let mut local = day_ns(date).ok_or_else(|| out_of_range(text))?;
    if at == bytes.len() {
        return Ok((local, None));
    }
    if !matches!(bytes.get(at), Some(b'T' | b't' | b' ')) {
        return Err(explain_other_form(text, expected));
    }
    at += 1;
    let (Some(hour), Some(b':'), Some(minute)) = (digits(at, 2), bytes.get(at + 2), digits(at + 3, 2)) else {
        return Err(bad(text, expected));
    };
    at += 5;
    let mut second = 0;
    if bytes.get(at) == Some(&b':') {
        second = digits(at + 1, 2).ok_or_else(|| bad(text, expected))?;
        at += 3;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            let (mut step, start) = (SECOND_NS, at + 1);
            at += 1;
            while let Some(digit) = digits(at, 1) {
                step /= 10;
                local += digit * step;
                at += 1;
            }
            if at == start {
                return Err(bad(text, expected));
            }
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(bad(text, expected));
    }
    local += hour * HOUR_NS + minute * MINUTE_NS + second * SECOND_NS;
    let offset = text
        .get(at..)
        .and_then(|rest| offset_of(rest.trim_start()))
        .ok_or_else(|| bad(text, expected))?;
    Ok((local, offset))
}

#[expect(clippy::option_option, reason = "no offset is well formed, a malformed one is not")]
/// The offset that ends a time: nothing, `Z`, `UTC`, `+02`, `+0200`, `+02:00`. `None` for anything else.
fn offset_of(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(Some(0));
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let plain: String = text[1..].chars().filter(|c| *c != ':').collect();
    let well_formed = plain.bytes().all(|b| b.is_ascii_digit()) && matches!(text.len(), 3 | 5 | 6);
    let (hours, minutes) = match plain.len() {
        2 if well_formed => (plain.parse::<i64>().ok()?, 0),
        4 if well_formed => (plain[..2].parse::<i64>().ok()?, plain[2..].parse::<i64>().ok()?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * HOUR_NS + minutes * MINUTE_NS)))
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
        [year, _] if numeric && year.len() == 4 => ambiguous("names a month, not a day: monthly data are not read"),
        [year] if year.len() == 7 && year.as_bytes()[4].eq_ignore_ascii_case(&b'm') => {
            ambiguous("names a month, not a day: monthly data are not read")
        }
        _ => bad(text, expected),
    }
}

/// Whether the text is digits, with a sign or a fraction at most.
pub(super) fn is_integer(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
}

fn in_range(time: i64) -> bool {
    (FIRST_DAY * DAY_NS..=LAST_DAY * DAY_NS).contains(&time)
}

fn checked(time: Option<i64>, text: &str) -> Result<i64, Problem> {
    time.filter(|time| in_range(*time)).ok_or_else(|| out_of_range(text))
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
    fn unix_times_and_times_since_midnight() {
        let unix = TimeRule::Unix { unit_ns: 1_000_000 };
        assert_eq!(
            TimeReader::new(&unix).quick(b"1420070400000,1"),
            Some((1_420_070_400_000_000_000, 13))
        );
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
