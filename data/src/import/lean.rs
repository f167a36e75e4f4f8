//! LEAN zips: what their names, folders and fields mean.
//!
//! Ticks, seconds and minutes come as one zip a day, `<class>/<venue>/<resolution>/<instrument>/20140501_quote.zip` with members such as
//! `20140501_eurusd_tick_quote.csv` and times in milliseconds since local midnight; hours and days as one zip an instrument with times
//! `20140501 00:00`. Members of futures end in the contract month, each a dataset of its own. Folders may be flattened (`fx_ticks/fxcm_eurusd`):
//! class and venue are looked for as words anywhere in the path, nearest to the file first.
//!
//! Prices of equities are integers in 1/10,000 dollar. Zones: FXCM UTC-5 without daylight saving, OANDA, COMEX and crypto UTC, equities New
//! York; the zone of any other venue has to be given. Rows that LEAN marks as suspicious are left out, as LEAN's own bars do. Quotes with
//! sizes give one side a row and zero for the other: the other side's last value of the same day stands in, and rows before both
//! sides are known are left out. In bars from quotes the sizes are those of the last quotes, not volume, and are skipped.

use std::path::Path;

use assay_core::calendar::Zone;
use assay_core::time::{BarLength, DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS};

use super::columns::{Role, Shape};
use super::error::Problem;
use super::request::AssetClass;
use super::times::{TimeRule, compact_day};

/// What a LEAN member holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeanName {
    /// LEAN's name of the instrument, in lower case.
    pub(super) instrument: String,
    /// Local midnight of its day in nanoseconds, unless it holds many days.
    pub(super) day_ns: Option<i64>,
    /// Ticks, or bars of a length; unknown for hours and days, whose names are alike.
    pub(super) resolution: Option<Resolution>,
    /// Quotes, trades or open interest; unknown for some hours and days.
    pub(super) content: Option<Content>,
    /// Contract month `YYYYMM` of a future.
    pub(super) contract: Option<String>,
}

/// What the rows of a LEAN file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Ticks.
    Tick,
    /// Bars.
    Bars(BarLength),
}

/// Which market data a LEAN file gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Bid and ask.
    Quote,
    /// Trades.
    Trade,
    /// Open interest, which is not imported.
    OpenInterest,
}

const fn bars(ns: i64) -> Option<Resolution> {
    match BarLength::from_ns(ns) {
        Some(length) => Some(Resolution::Bars(length)),
        None => None,
    }
}

fn resolution(word: &str) -> Option<Resolution> {
    match word {
        "tick" => Some(Resolution::Tick),
        "second" => bars(SECOND_NS),
        "minute" => bars(MINUTE_NS),
        "hour" => bars(HOUR_NS),
        "daily" => bars(DAY_NS),
        _ => None,
    }
}

fn content(word: &str) -> Option<Content> {
    match word {
        "quote" => Some(Content::Quote),
        "trade" => Some(Content::Trade),
        "openinterest" => Some(Content::OpenInterest),
        _ => None,
    }
}

/// Reads the name of a day's file: `20140501_eurusd_tick_quote.csv`, `20131007_ibm_Quote_Tick.csv`,
/// `20131007_gc_tick_trade_201312[_20131227].csv`.
pub(super) fn read_day_name(name: &str) -> Option<LeanName> {
    let stem = stem(name)?;
    let words: Vec<&str> = stem.split('_').collect();
    let day_ns = compact_day(words[0])?;
    let at = words
        .iter()
        .position(|word| resolution(word).is_some() || content(word).is_some())?;
    let (first, second) = (*words.get(at)?, *words.get(at + 1)?);
    let (resolution, content) = match (resolution(first), content(second)) {
        (Some(resolution), Some(content)) => (resolution, content),
        _ => (resolution(second)?, content(first)?),
    };
    if at < 2 {
        return None;
    }
    Some(LeanName {
        instrument: words[1..at].join("_"),
        day_ns: Some(day_ns),
        resolution: Some(resolution),
        content: Some(content),
        contract: contract(&words[at + 2..])?,
    })
}

/// Reads the name of a file of hours or days: `aapl.csv`, `gc_trade_201312.csv`.
pub(super) fn read_long_name(name: &str) -> Option<LeanName> {
    let stem = stem(name)?;
    let words: Vec<&str> = stem.split('_').collect();
    let at = words.iter().position(|word| content(word).is_some()).unwrap_or(words.len());
    if at == 0 {
        return None;
    }
    Some(LeanName {
        instrument: words[..at].join("_"),
        day_ns: None,
        resolution: None,
        content: words.get(at).and_then(|word| content(word)),
        contract: contract(words.get(at + 1..).unwrap_or_default())?,
    })
}

fn stem(name: &str) -> Option<String> {
    let lower = name.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
    lower.strip_suffix(".csv").map(str::to_owned)
}

/// The contract month that may end a name, perhaps with the day of expiry behind it. `None` if something else stands there.
#[expect(
    clippy::option_option,
    reason = "a name without a contract is well formed, one with other words is not"
)]
fn contract(words: &[&str]) -> Option<Option<String>> {
    let digits = |word: &str, count: usize| word.len() == count && word.bytes().all(|b| b.is_ascii_digit());
    match words {
        [] => Some(None),
        [month] if digits(month, 6) => Some(Some((*month).to_owned())),
        [month, day] if digits(month, 6) && digits(day, 8) => Some(Some((*month).to_owned())),
        _ => None,
    }
}

/// Whether a line begins like those of hours and days: `19980102 00:00,`.
pub(super) fn is_long_line(line: &str) -> bool {
    let bytes = line.as_bytes();
    let shape = b"dddddddd dd:dd,";
    bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(form, byte)| match form {
            b'd' => byte.is_ascii_digit(),
            _ => byte == form,
        })
}

/// Class, venue and resolution as the words of a path tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PathFacts {
    /// Asset class.
    pub(super) class: Option<AssetClass>,
    /// Resolution of files whose own name does not tell it.
    pub(super) resolution: Option<Resolution>,
    venue: Option<Venue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Venue {
    Fxcm,
    Oanda,
    Comex,
}

/// Looks for LEAN's words in a path.
pub(super) fn read_path(path: &Path) -> PathFacts {
    let mut facts = PathFacts::default();
    let lower = path.to_string_lossy().to_ascii_lowercase();
    for (depth, component) in lower.rsplit(['/', '\\']).enumerate() {
        for word in component.split(|c: char| !c.is_ascii_alphanumeric()) {
            facts.venue = facts.venue.or(match word {
                "fxcm" => Some(Venue::Fxcm),
                "oanda" => Some(Venue::Oanda),
                "comex" => Some(Venue::Comex),
                _ => None,
            });
            // The file's own name may be a ticker that reads like a class.
            facts.class = facts
                .class
                .or(venue_class(word))
                .or(if depth > 0 { class(word) } else { None });
            if depth > 0 {
                facts.resolution = facts.resolution.or_else(|| resolution(word));
            }
        }
    }
    if facts.venue == Some(Venue::Oanda) {
        // Its currency pairs and its other contracts are stored alike.
        facts.class = facts.class.or(Some(AssetClass::Cfd));
    }
    facts
}

fn class(word: &str) -> Option<AssetClass> {
    match word {
        "forex" | "fx" => Some(AssetClass::Forex),
        "cfd" => Some(AssetClass::Cfd),
        "equity" | "equities" => Some(AssetClass::Equity),
        "future" | "futures" => Some(AssetClass::Future),
        "crypto" => Some(AssetClass::Crypto),
        _ => None,
    }
}

fn venue_class(word: &str) -> Option<AssetClass> {
    match word {
        "fxcm" => Some(AssetClass::Forex),
        "comex" | "nymex" | "cme" | "cbot" => Some(AssetClass::Future),
        "coinbase" | "gdax" | "binance" | "bitfinex" | "bitstamp" | "kraken" | "bybit" => Some(AssetClass::Crypto),
        _ => None,
    }
}

/// The zone of a file's times, unless it has to be given.
pub(super) fn zone(class: AssetClass, facts: PathFacts) -> Option<Zone> {
    let name = match (class, facts.venue) {
        (AssetClass::Equity, _) => "America/New_York",
        (AssetClass::Crypto, _)
        | (AssetClass::Future, Some(Venue::Comex))
        | (AssetClass::Forex | AssetClass::Cfd, Some(Venue::Oanda)) => "UTC",
        (AssetClass::Forex, Some(Venue::Fxcm)) => "-05:00",
        _ => return None,
    };
    name.parse().ok()
}

/// Powers of ten that prices are multiplied by.
pub(super) const fn scale(class: AssetClass) -> u32 {
    if matches!(class, AssetClass::Equity) { 4 } else { 0 }
}

/// Times of a file.
pub(super) fn time_rule(name: &LeanName, zone: Zone) -> TimeRule {
    match name.day_ns {
        Some(day_ns) => TimeRule::SinceMidnight {
            day_ns,
            unit_ns: 1_000_000,
            zone,
        },
        None => TimeRule::YearFirst { zone: Some(zone) },
    }
}

/// Shape and roles of a file with so many fields a line.
pub(super) fn columns(
    class: AssetClass,
    resolution: Resolution,
    content: Content,
    fields: usize,
) -> Result<(Shape, Vec<Role>), Problem> {
    use Role::{Skip, Slot, Suspicious, Time};
    let bar = |from: usize| (from..from + 4).map(Slot);
    let quote = [Time, Slot(0), Slot(2), Slot(1), Slot(3)];
    let (shape, roles) = match (resolution, content) {
        (Resolution::Bars(_), Content::Trade) => (Shape::Bars, [Time].into_iter().chain(bar(0)).chain([Slot(4)]).collect()),
        (Resolution::Bars(_), _) => {
            let sides = [Time].into_iter().chain(bar(0)).chain([Skip]).chain(bar(4)).chain([Skip]);
            (Shape::QuoteBars, sides.collect())
        }
        (Resolution::Tick, Content::Trade) => {
            let (trade, rest): (_, &[Role]) = (
                [Time, Slot(0), Slot(1)],
                match (class, fields) {
                    (AssetClass::Crypto, 3) => &[],
                    (AssetClass::Crypto, _) => &[Suspicious],
                    _ => &[Skip, Skip, Suspicious],
                },
            );
            (Shape::Trades, [&trade, rest].concat())
        }
        (Resolution::Tick, _) => {
            let roles = match (class, fields) {
                (AssetClass::Forex | AssetClass::Cfd, _) => vec![Time, Slot(0), Slot(1)],
                (AssetClass::Crypto, 5) => quote.to_vec(),
                (AssetClass::Crypto, _) => [&quote[..], &[Suspicious]].concat(),
                (AssetClass::Future, 7) => [&quote[..], &[Skip, Suspicious]].concat(),
                _ => [&quote[..], &[Skip, Skip, Suspicious]].concat(),
            };
            (Shape::Quotes, roles)
        }
    };
    if roles.len() == fields {
        Ok((shape, roles))
    } else {
        Err(Problem::FieldCount {
            found: fields,
            expected: roles.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_days_and_of_long_files() {
        let read = |name: &str| read_day_name(name).map(|n| (n.instrument, n.resolution, n.content, n.contract));
        let minute = bars(MINUTE_NS);
        assert_eq!(
            read("20140501_eurusd_tick_quote.csv"),
            Some(("eurusd".into(), Some(Resolution::Tick), Some(Content::Quote), None))
        );
        assert_eq!(
            read("20131007_ibm_Quote_Tick.csv"),
            Some(("ibm".into(), Some(Resolution::Tick), Some(Content::Quote), None))
        );
        assert_eq!(
            read("x/20131007_gc_minute_trade_201312_20131227.csv"),
            Some(("gc".into(), minute, Some(Content::Trade), Some("201312".into())))
        );
        for other in [
            "20140501_quote.csv",
            "20140501_spy_minute_trade_american_call.csv",
            "20141301_a_tick_quote.csv",
            "aapl.csv",
            "x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        let long = read_long_name("gc_trade_201312.csv").unwrap();
        assert_eq!((long.instrument.as_str(), long.contract.as_deref()), ("gc", Some("201312")));
        assert_eq!(read_long_name("AAPL.csv").unwrap().instrument, "aapl");
        assert!(is_long_line("19980102 00:00,2200,2500"));
        assert!(!is_long_line("19980102 000000,2200,2500") && !is_long_line("19980102 00:00"));
    }

    #[test]
    fn paths_of_lean_and_flattened_ones() {
        let read = |path: &str| {
            let facts = read_path(Path::new(path));
            let zone = facts.class.and_then(|class| zone(class, facts));
            (facts.class, zone.map(|z| z.to_string()), facts.resolution)
        };
        use AssetClass::{Cfd, Crypto, Equity, Forex, Future};
        for (path, class, zone, resolution) in [
            (
                "Data/forex/fxcm/tick/eurusd/20140501_quote.zip",
                Forex,
                Some("-05"),
                Some(Resolution::Tick),
            ),
            ("fx_ticks/fxcm_eurusd/20140501_quote.zip", Forex, Some("-05"), None),
            (
                "Data/forex/oanda/minute/eurusd/20140501_quote.zip",
                Forex,
                Some("UTC"),
                bars(MINUTE_NS),
            ),
            ("Data/cfd/oanda/daily/xauusd.zip", Cfd, Some("UTC"), bars(DAY_NS)),
            (
                "bars_daily/lean_equity/aapl.zip",
                Equity,
                Some("America/New_York"),
                bars(DAY_NS),
            ),
            (
                "crypto/lean/equity/usa/hour/ibm.zip",
                Equity,
                Some("America/New_York"),
                bars(HOUR_NS),
            ),
            ("futures_ticks/comex_gc/20131007_trade.zip", Future, Some("UTC"), None),
            (
                "Data/future/cme/tick/es/20131007_trade.zip",
                Future,
                None,
                Some(Resolution::Tick),
            ),
            ("messy/ltcusd_coinbase_20180404_trade.zip", Crypto, Some("UTC"), None),
            (
                "Data/forex/dukascopy/tick/eurusd/20140501_quote.zip",
                Forex,
                None,
                Some(Resolution::Tick),
            ),
        ] {
            assert_eq!(read(path), (Some(class), zone.map(str::to_owned), resolution), "{path}");
        }
        assert_eq!(read("downloads/fx.zip"), (None, None, None));
    }
}
