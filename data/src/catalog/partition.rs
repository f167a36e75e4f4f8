//! Which file a row belongs to: one per UTC day for ticks, one per UTC month for bars, one for daily bars and funding.

use assay_core::time::DAY_NS;
use jiff::civil::Date;

use super::DatasetKind;

/// The first moment that the catalog accepts: 1678-01-01. Nanoseconds reach a little further on both sides.
pub(crate) const FIRST_TIME: i64 = -106_650 * DAY_NS;
/// The last moment that the catalog accepts: 2262-01-01, excluded.
pub(crate) const END_TIME: i64 = 106_651 * DAY_NS;

/// A file's span of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Partition {
    /// `2014-05-01`, `2014-05` or `all`; sorts by time within the accepted years.
    pub(crate) key: String,
    /// First nanosecond after it.
    pub(crate) end: i64,
}

/// The partition that `time` falls into. `time` is within [`FIRST_TIME`] and [`END_TIME`].
pub(crate) fn of(kind: DatasetKind, time: i64) -> Partition {
    let day = time.div_euclid(DAY_NS);
    match kind {
        DatasetKind::Quotes | DatasetKind::Trades => Partition {
            key: date_of(day).to_string(),
            end: (day + 1) * DAY_NS,
        },
        DatasetKind::Bars(length) if !length.is_daily_or_longer() => {
            let date = date_of(day);
            let last = i64::from(assay_core::calendar::epoch_day(date.last_of_month()));
            Partition {
                key: format!("{:04}-{:02}", date.year(), date.month()),
                end: (last + 1) * DAY_NS,
            }
        }
        DatasetKind::Bars(_) | DatasetKind::Funding => Partition {
            key: "all".to_owned(),
            end: i64::MAX,
        },
    }
}

fn date_of(day: i64) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    epoch
        .checked_add(jiff::Span::new().days(day))
        .expect("the writer refuses times outside 1678 to 2261")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_months_and_one_file() {
        let at = |text: &str| text.parse::<assay_core::time::UtcNs>().unwrap().0;
        let minute = DatasetKind::Bars("1m".parse().unwrap());
        let day = DatasetKind::Bars("1d".parse().unwrap());
        assert_eq!(of(DatasetKind::Quotes, at("2014-05-01T23:59:59.999")).key, "2014-05-01");
        assert_eq!(of(DatasetKind::Quotes, at("2014-05-01")).end, at("2014-05-02"));
        assert_eq!(of(minute, at("2016-02-29T12:00")).key, "2016-02");
        assert_eq!(of(minute, at("2016-02-29T12:00")).end, at("2016-03-01"));
        assert_eq!(of(minute, at("1969-12-31T23:59")).end, 0);
        assert_eq!(of(day, at("1833-01-01")).key, "all");
        assert_eq!(of(DatasetKind::Funding, at("2024-01-01")).key, "all");
        assert_eq!(of(DatasetKind::Trades, FIRST_TIME).key, "1678-01-01");
        assert_eq!(of(DatasetKind::Trades, END_TIME - 1).key, "2261-12-31");
    }
}
