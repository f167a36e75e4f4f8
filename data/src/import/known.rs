//! Layouts of well-known sources, told from names and looks: what a user would otherwise have to say with options.

use std::path::Path;

use assay_core::calendar::Zone;
use assay_core::time::BarLength;

use super::request::{Format, ImportRequest, TimeFormat};

/// The options that a source implies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its name, for the manifest.
    pub(super) format: &'static str,
    columns: Option<&'static [&'static str]>,
    time_format: Option<&'static str>,
    bar: Option<BarLength>,
    zone: Option<&'static str>,
}

impl Known {
    /// The request with what the source implies where the user said nothing.
    pub(super) fn fill(&self, request: &ImportRequest) -> ImportRequest {
        let mut request = request.clone();
        if request.columns.is_none() {
            request.columns = self
                .columns
                .map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        }
        request.time_format = request
            .time_format
            .or_else(|| self.time_format.map(|pattern| TimeFormat::Pattern(pattern.to_owned())));
        request.bar = request.bar.or(self.bar);
        let implied = || -> Option<Zone> {
            self.zone
                .map(|zone| zone.parse().expect("a fixed offset or a well-known zone"))
        };
        request.zone = request.zone.or_else(implied);
        request
    }
}

const KLINES: &[&str] = &["time", "open", "high", "low", "close", "volume", "_", "_", "_", "_", "_", "_"];
const TRADES: &[&str] = &["_", "price", "size", "_", "time", "is_buyer_maker"];
const SPOT_TRADES: &[&str] = &["_", "price", "size", "_", "time", "is_buyer_maker", "_"];
const AGGREGATED: &[&str] = &["_", "price", "size", "_", "_", "time", "is_buyer_maker"];
const SPOT_AGGREGATED: &[&str] = &["_", "price", "size", "_", "_", "time", "is_buyer_maker", "_"];
const BOOK_TICKER: &[&str] = &["_", "bid", "bid_size", "ask", "ask_size", "time", "_"];

/// The source of a delimited text, by the name of its file and its first line.
pub(super) fn known(asked: Option<Format>, name: &Path, first_line: &str) -> Option<Known> {
    let file = name.file_name()?.to_string_lossy();
    let any = asked.is_none();
    if any || asked == Some(Format::Binance) {
        let found = binance(&file, first_line);
        if found.is_some() || asked.is_some() {
            return found;
        }
    }
    if any || asked == Some(Format::Histdata) {
        let found = histdata(&file, first_line);
        if found.is_some() || asked.is_some() {
            return found;
        }
    }
    if any || asked == Some(Format::Dukascopy) {
        return dukascopy(&file, first_line);
    }
    None
}

/// Public dumps of Binance, `BTCUSDT-1m-2024-01.csv`: without a header until futures got one.
fn binance(file: &str, first_line: &str) -> Option<Known> {
    let stem = file.strip_suffix(".csv").or_else(|| file.strip_suffix(".zip"))?;
    let mut words = stem.split('-');
    let symbol = words.next()?;
    let kind = words.next()?;
    let day: Vec<&str> = words.collect();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let dated = matches!(day.as_slice(), [year, month, rest @ ..]
        if year.len() == 4 && month.len() == 2 && rest.len() <= 1 && day.iter().all(|part| digits(part)));
    let upper = symbol.len() > 4
        && symbol
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !dated || !upper {
        return None;
    }
    let fields = first_line.split(',').count();
    let known = |columns| Known {
        format: "binance",
        columns: Some(columns),
        ..Known::default()
    };
    match (kind, fields) {
        ("trades", 6) => Some(known(TRADES)),
        ("trades", 7) => Some(known(SPOT_TRADES)),
        ("aggTrades", 7) => Some(known(AGGREGATED)),
        ("aggTrades", 8) => Some(known(SPOT_AGGREGATED)),
        ("bookTicker", 7) => Some(known(BOOK_TICKER)),
        // A month is no length.
        (length, 12) if length != "1mo" => Some(Known {
            bar: Some(length.parse().ok()?),
            ..known(KLINES)
        }),
        _ => None,
    }
}

/// Texts of histdata.com, `20120201 000000;1.3066;...` or `20120201 000003660,1.3066,1.3067,0`: no header, eastern standard time all year.
fn histdata(file: &str, first_line: &str) -> Option<Known> {
    let (time, rest) = first_line.split_once([';', ','])?;
    let fields = rest.split([';', ',']).count();
    let (day, clock) = time.split_once(' ')?;
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    // By its looks alone a file could be in any zone.
    let zone = file.to_ascii_uppercase().contains("DAT_ASCII").then_some("-05:00");
    if !digits(day, 8) {
        return None;
    }
    if digits(clock, 9) && fields == 3 {
        return Some(Known {
            format: "histdata",
            columns: Some(&["time", "bid", "ask", "_"]),
            time_format: Some("%Y%m%d %H%M%S%3f"),
            zone,
            ..Known::default()
        });
    }
    (digits(clock, 6) && fields == 5).then(|| Known {
        format: "histdata",
        columns: Some(&["time", "open", "high", "low", "close", "volume"]),
        time_format: Some("%Y%m%d %H%M%S"),
        bar: "1m".parse().ok(),
        zone,
    })
}

/// What Dukascopy's own programs export: days first, under `Gmt time` or `Local time`.
fn dukascopy(file: &str, first_line: &str) -> Option<Known> {
    let zoned = match first_line.split(',').next()?.trim_matches('"').to_ascii_lowercase().as_str() {
        "gmt time" | "time (utc)" => false,
        "local time" => true,
        _ => return None,
    };
    let bar = file.split_once("_Candlestick_").and_then(|(_, rest)| {
        let mut words = rest.split('_');
        let (count, unit) = (words.next()?, words.next()?);
        let unit = match unit {
            "s" | "S" | "Sec" => "s",
            "M" | "m" | "Min" => "m",
            "h" | "H" | "Hour" => "h",
            "D" | "d" | "Day" => "d",
            _ => return None,
        };
        format!("{count}{unit}").parse().ok()
    });
    Some(Known {
        format: "dukascopy",
        columns: None,
        time_format: Some(if zoned {
            "%d.%m.%Y %H:%M:%S%.f GMT%z"
        } else {
            "%d.%m.%Y %H:%M:%S%.f"
        }),
        bar,
        zone: (!zoned).then_some("UTC"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str, line: &str) -> Option<(&'static str, Option<String>)> {
        let known = known(None, Path::new(name), line)?;
        Some((known.format, known.bar.map(|bar| bar.to_string())))
    }

    #[test]
    fn sources_are_told_from_names_and_lines() {
        let kline = "1704067200000,42283.58,42298.62,42261.02,42298.61,35.92724,1704067259999,1519032.6,1327,23.2,984012.1,0";
        let bar = |length: &str| Some(length.to_owned());
        assert_eq!(format("BTCUSDT-1m-2024-01.csv", kline), Some(("binance", bar("1m"))));
        assert_eq!(format("BTCUSDT-1m-2024-01-01.csv", kline), Some(("binance", bar("1m"))));
        assert_eq!(format("candles-1m-2024-01.csv", kline), None);
        assert_eq!(format("BTCUSDT-1mo-2024-01.csv", kline), None);
        assert_eq!(
            format("BTCUSDT-aggTrades-2024-01-01.csv", "1,2,3,4,5,1704067200000,True,True"),
            Some(("binance", None))
        );
        assert_eq!(
            format("a.csv", "20120201 000000;1.3;1.3;1.3;1.3;0"),
            Some(("histdata", bar("1m")))
        );
        assert_eq!(format("a.csv", "20120201 000000123,1.3,1.31,0"), Some(("histdata", None)));
        assert_eq!(
            format(
                "EURUSD_Candlestick_4_Hour_BID_01.01.2020-01.02.2020.csv",
                "Gmt time,Open,High,Low,Close,Volume"
            ),
            Some(("dukascopy", bar("4h")))
        );
        assert_eq!(format("a.csv", "time,open,high,low,close"), None);
    }
}
