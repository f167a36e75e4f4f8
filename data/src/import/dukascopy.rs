//! Dukascopy's own files: the ticks of an hour, `EURUSD/2014/04/01/12h_ticks.bi5`, with months counted from 0.
//!
//! An LZMA stream of records of 20 bytes, numbers big-endian: milliseconds since the hour, ask and bid in points (unsigned), volumes of ask and
//! bid in millions (float). An hour without ticks is an empty file.

use std::io::{BufReader, Read};
use std::path::Path;

use assay_core::time::{HOUR_NS, SECOND_NS};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use lzma_rust2::LzmaReader;

use super::columns::{Role, Shape};
use super::container::Input;
use super::error::{ImportError, Problem};
use super::plan::Part;
use super::rows::{Layout, Lines, Rows, Syntax};
use super::times::TimeRule;
use crate::error::DataError;

/// Bytes of a record.
const RECORD: usize = 20;
/// Bytes that an hour may take unpacked: a million ticks.
const MOST: u64 = 20 << 20;
/// Memory that the stream may ask for, in KiB.
const MOST_KIB: u32 = 128 << 10;
/// Volumes are stored in millions.
const MILLION: f64 = 1e6;

/// What is not in the file itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hour {
    /// Its first moment, in UTC nanoseconds.
    pub(super) begin: i64,
    /// Decimals of a price.
    pub(super) decimals: u32,
}

/// The hour and the symbol that a path names.
pub(super) fn read_path(path: &Path) -> Option<(i64, String)> {
    let mut parts = path.iter().rev().map(|part| part.to_string_lossy());
    let hour: i8 = parts.next()?.strip_suffix("h_ticks.bi5")?.parse().ok()?;
    let mut number = || parts.next()?.parse::<i16>().ok();
    let (day, month, year) = (number()?, number()?, number()?);
    let symbol = parts.next()?.into_owned();
    let month = i8::try_from(month + 1).ok().filter(|month| (1..=12).contains(month))?;
    let day = i8::try_from(day).ok()?;
    let civil = Date::new(year, month, day).ok()?;
    let hour = Time::new(hour, 0, 0, 0).ok()?;
    let begin = civil.to_datetime(hour).to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((i64::try_from(begin.as_nanosecond()).ok()?, symbol))
}

/// Decimals of the prices of a pair of currencies or of a metal; of anything else nobody can tell.
pub(super) fn decimals(symbol: &str) -> Option<u32> {
    const THREE: [&str; 6] = ["JPY", "RUB", "HUF", "THB", "XAU", "XAG"];
    let letters = symbol.len() == 6 && symbol.bytes().all(|b| b.is_ascii_uppercase());
    if !letters {
        return None;
    }
    let three = THREE
        .iter()
        .any(|word| symbol.starts_with(word) && word.starts_with('X') || symbol.ends_with(word));
    Some(if three { 3 } else { 5 })
}

/// How an hour is laid out.
pub(super) fn layout(hour: Hour) -> Layout {
    let roles = vec![Role::Time, Role::Slot(1), Role::Slot(0), Role::Slot(3), Role::Slot(2)];
    let time = TimeRule::Unix { unit_ns: 1_000_000 };
    Layout::new(Syntax::Hour(hour), roles, Shape::Quotes, time)
}

/// Reads all ticks of an hour.
pub(super) fn read(part: &Part, take: &mut dyn FnMut(Rows, bool) -> Result<(), DataError>) -> Result<(), DataError> {
    let Syntax::Hour(hour) = part.layout.syntax else {
        unreachable!("the planner gives hours this syntax");
    };
    take(ticks(&part.input, hour)?, true)
}

/// The ticks of an hour.
pub(super) fn ticks(input: &Input, hour: Hour) -> Result<Rows, ImportError> {
    let damaged = |reason: String| input.error(Problem::Lzma(reason));
    let bytes = input.read(|reader| {
        let unpacked = LzmaReader::new_mem_limit(BufReader::new(reader), MOST_KIB, None);
        let mut bytes = Vec::new();
        let unpacked = unpacked.map_err(|e| damaged(e.to_string()))?;
        let read = unpacked.take(MOST + 1).read_to_end(&mut bytes);
        read.map_err(|e| damaged(e.to_string()))?;
        Ok(bytes)
    })?;
    if bytes.len() as u64 > MOST {
        return Err(damaged("it unpacks to more than an hour can hold".to_owned()));
    }
    let (records, rest) = bytes.as_chunks::<RECORD>();
    if !rest.is_empty() {
        return Err(damaged(format!("it ends within a record, after {} bytes", bytes.len())));
    }
    let scale = 10_u64.pow(hour.decimals) as f64;
    let mut rows = Rows::new(Shape::Quotes, &[0, 1, 2, 3].map(Role::Slot), records.len());
    for (row, record) in records.iter().enumerate() {
        let [ms, ask, bid, ask_size, bid_size] = fields(record);
        let since = i64::from(u32::from_be_bytes(ms)) * (SECOND_NS / 1000);
        if since >= HOUR_NS {
            let mut error = damaged("a tick is not within its hour".to_owned());
            error.place.line = Some(row as u64 + 1);
            return Err(error);
        }
        rows.times.push(hour.begin + since);
        rows.values[0].push(f64::from(u32::from_be_bytes(bid)) / scale);
        rows.values[1].push(f64::from(u32::from_be_bytes(ask)) / scale);
        rows.values[2].push(millions(bid_size));
        rows.values[3].push(millions(ask_size));
    }
    rows.lines = Lines::From(1);
    rows.line_count = records.len() as u64;
    Ok(rows)
}

/// The five numbers of a record.
fn fields(record: &[u8; RECORD]) -> [[u8; 4]; 5] {
    let (words, _) = record.as_chunks::<4>();
    [words[0], words[1], words[2], words[3], words[4]]
}

/// A volume as units, the nearest that the file's seven digits name.
fn millions(bytes: [u8; 4]) -> f64 {
    let text = f32::from_be_bytes(bytes).to_string();
    libm::round(text.parse::<f64>().unwrap_or(f64::NAN) * MILLION)
}

#[cfg(test)]
mod tests {
    use assay_core::time::UtcNs;

    use super::*;

    #[test]
    fn a_path_names_symbol_and_hour() {
        let read = |path: &str| read_path(Path::new(path)).map(|(begin, symbol)| (UtcNs(begin).to_string(), symbol));
        let expected = Some(("2014-05-01T12:00:00Z".to_owned(), "EURUSD".to_owned()));
        assert_eq!(read("x/EURUSD/2014/04/01/12h_ticks.bi5"), expected);
        for other in [
            "EURUSD/2014/12/01/12h_ticks.bi5",
            "EURUSD/2014/01/31/12h_ticks.bi5",
            "EURUSD/2014/04/01/24h_ticks.bi5",
            "12h_ticks.bi5",
            "EURUSD/2014/04/01/12h.csv",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn decimals_follow_the_currencies() {
        let symbols = ["EURUSD", "USDJPY", "XAUUSD", "EURHUF", "USDRUB", "USA500IDXUSD", "eurusd"];
        let found: Vec<Option<u32>> = symbols.iter().map(|symbol| decimals(symbol)).collect();
        assert_eq!(found, [Some(5), Some(3), Some(3), Some(3), Some(3), None, None]);
    }
}
