//! When a schedule is due: pure functions of times that are given.

use assay_core::time::UtcNs;
use assay_store::Schedule;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::ScheduleError;

/// The times of a cron expression in a zone.
///
/// Where clocks are put forward, a time that is skipped comes at the first moment after the gap; where they are put back, a time that
/// comes twice is run the first time. Expressions that repeat within a day (`*`, `*/5`) go on through both, by the clock.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
}

impl Timetable {
    /// The five fields of a cron expression, or a name such as `@daily`, and an IANA zone.
    pub fn new(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let wrong = |error: CronError| ScheduleError::Cron {
            cron: cron.to_owned(),
            reason: match error {
                CronError::InvalidPattern(text) | CronError::IllegalCharacters(text) | CronError::ComponentError(text) => text,
                CronError::TimeSearchLimitExceeded => "such a day never comes".to_owned(),
                other => other.to_string(),
            },
        };
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let cron = parser.parse(cron).map_err(wrong)?;
        let epoch = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
        cron.find_next_occurrence(&epoch, true).map_err(wrong)?;
        Ok(Self { cron, zone })
    }

    /// The times of a schedule.
    pub fn of(schedule: &Schedule) -> Result<Self, ScheduleError> {
        Self::new(&schedule.cron, &schedule.zone)
    }

    /// The first time after a moment.
    pub fn next(&self, after: UtcNs) -> Option<UtcNs> {
        let found = self.cron.find_next_occurrence(&self.local(after)?, false).ok()?;
        utc(&found)
    }

    /// The last time that is after `since` and not after `now`: of several only the last is worth a run.
    pub fn due(&self, since: UtcNs, now: UtcNs) -> Option<UtcNs> {
        let found = self.cron.find_previous_occurrence(&self.local(now)?, true).ok()?;
        utc(&found).filter(|planned| *planned > since)
    }

    fn local(&self, at: UtcNs) -> Option<Zoned> {
        let stamp = Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
        Some(stamp.to_zoned(self.zone.clone()))
    }
}

fn utc(time: &Zoned) -> Option<UtcNs> {
    i64::try_from(time.timestamp().as_nanosecond()).ok().map(UtcNs)
}

/// The planned time at which a schedule is to be run now, if there is one. `last` is the latest time that was taken up.
pub fn due(schedule: &Schedule, last: Option<UtcNs>, now: UtcNs) -> Option<UtcNs> {
    if !schedule.enabled {
        return None;
    }
    let since = last.map_or(schedule.since, |last| last.max(schedule.since));
    Timetable::of(schedule).ok()?.due(since, now)
}

#[cfg(test)]
mod tests {
    use assay_core::Explain;
    use assay_core::time::{HOUR_NS, MINUTE_NS};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UtcNs {
        text.parse().unwrap()
    }

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let table = Timetable::new(cron, zone).unwrap();
        let mut now = at(from);
        let next = |_| {
            now = table.next(now).unwrap();
            now.to_string()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn nights_follow_the_clock_of_their_zone() {
        // Summer time in London begins on 2026-03-29 at 01:00 and ends on 2026-10-25 at 02:00.
        let spring = times("0 2 * * *", "Europe/London", "2026-03-27T12:00", 3);
        assert_eq!(
            spring,
            ["2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"]
        );
        let weekdays = times("30 18 * * MON-FRI", "America/New_York", "2026-07-03T12:00", 2);
        assert_eq!(weekdays, ["2026-07-03T22:30:00Z", "2026-07-06T22:30:00Z"]);
    }

    #[test]
    fn a_time_that_is_skipped_comes_after_the_gap_and_one_that_comes_twice_is_run_once() {
        // 01:30 does not exist on 2026-03-29: the clock goes from 01:00 to 02:00, which is 01:00 UTC.
        let gap = times("30 1 * * *", "Europe/London", "2026-03-28T12:00", 2);
        assert_eq!(gap, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        // 01:30 comes twice on 2026-10-25: at 00:30 and 01:30 UTC.
        let overlap = times("30 1 * * *", "Europe/London", "2026-10-24T12:00", 2);
        assert_eq!(overlap, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let table = Timetable::new("30 1 * * *", "Europe/London").unwrap();
        let first = at("2026-10-25T00:30:00Z");
        assert_eq!(table.due(UtcNs(first.0 - 1), at("2026-10-25T03:00")), Some(first));
        assert_eq!(table.due(first, at("2026-10-25T03:00")), None, "not a second time");
    }

    #[test]
    fn of_missed_nights_the_last_is_run_and_none_twice() {
        let table = Timetable::new("0 2 * * *", "UTC").unwrap();
        let since = at("2026-03-01T12:00");
        assert_eq!(table.due(since, at("2026-03-02T01:59")), None);
        let planned = table.due(since, at("2026-03-05T12:00")).unwrap();
        assert_eq!(planned, at("2026-03-05T02:00"));
        assert_eq!(table.due(planned, at("2026-03-06T01:59")), None);
        assert_eq!(table.due(planned, at("2026-03-06T02:00")), Some(at("2026-03-06T02:00")));
    }

    #[test]
    fn a_schedule_that_rested_does_not_make_up_for_it() {
        let mut schedule = Schedule {
            name: "nightly".to_owned(),
            owner: "ann".to_owned(),
            priority: 5,
            cron: "0 2 * * *".to_owned(),
            zone: "UTC".to_owned(),
            body: String::new(),
            enabled: true,
            created: at("2026-03-01"),
            since: at("2026-03-04T12:00"),
        };
        let last = Some(at("2026-03-01T02:00"));
        assert_eq!(due(&schedule, last, at("2026-03-04T13:00")), None);
        assert_eq!(due(&schedule, last, at("2026-03-05T13:00")), Some(at("2026-03-05T02:00")));
        schedule.enabled = false;
        assert_eq!(due(&schedule, last, at("2026-03-05T13:00")), None);
    }

    #[test]
    fn what_says_no_time_is_refused_with_a_hint() {
        for bad in ["", "x", "0 2 * *", "0 0 2 * * *", "61 * * * *", "0 0 30 2 *"] {
            let error = Timetable::new(bad, "UTC").unwrap_err();
            assert!(matches!(error, ScheduleError::Cron { .. }), "{bad}: {error}");
            assert!(error.hint().unwrap().contains("0 2 * * *"));
        }
        assert!(matches!(Timetable::new("@daily", "Mars/Base"), Err(ScheduleError::Zone(_))));
        assert!(Timetable::new("@daily", "Europe/London").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whoever looks now and then takes up what whoever looks all the time does, less what was missed in between; no time twice.
        #[test]
        fn looking_back_finds_what_looking_ahead_announced(
            start in 0i64..40 * 365 * 24, minute in 0u8..60, hour in 0u8..24, zone in 0usize..5, steps in prop::collection::vec(1i64..60, 1..12),
        ) {
            let zone = ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"][zone];
            let table = Timetable::new(&format!("{minute} {hour} * * *"), zone).unwrap();
            let mut now = UtcNs(start * HOUR_NS);
            let mut last = now;
            for step in steps {
                let announced = table.next(last).unwrap();
                now = UtcNs(now.0 + step * HOUR_NS + 7 * MINUTE_NS);
                match table.due(last, now) {
                    Some(planned) => {
                        prop_assert!(planned >= announced && planned <= now);
                        prop_assert!(table.next(planned).unwrap() > now, "there is a later one");
                        last = planned;
                    }
                    None => prop_assert!(announced > now),
                }
            }
        }
    }
}
