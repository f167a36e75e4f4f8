//! Histories of trades that other programs made: real accounts, and backtests of other engines.

mod broker;
mod ctrader;
mod freqtrade;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use assay_core::calendar::Zone;
use assay_core::time::UtcNs;

use crate::import::{ImportError, Input, Problem, inputs_of};

/// A file larger than this is no list of trades.
const MOST_BYTES: u64 = 256 << 20;

/// A trade from entry to exit, as somebody else counted it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastTrade {
    /// What was traded, as the file names it; empty where it does not.
    pub instrument: String,
    /// Bought first.
    pub long: bool,
    /// When it was entered.
    pub entry: UtcNs,
    /// When it was left.
    pub exit: UtcNs,
    /// Price at entry.
    pub entry_price: f64,
    /// Price at exit.
    pub exit_price: f64,
    /// Units of what was traded; where nobody says what the file counts, its count.
    pub units: f64,
    /// Whether they are units, so that units x price is what was traded for.
    pub units_known: bool,
    /// Net profit in the account's currency.
    pub pnl: f64,
    /// Commissions, swaps and the like, in the account's currency; positive is a cost.
    pub fees: f64,
    /// Why it ended, in the file's words.
    pub reason: String,
}

/// The trades in a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Closed trades in the order of their exits.
    pub trades: Vec<PastTrade>,
    /// Positions that were still open at the end, left out of `trades`.
    pub open: u64,
    /// Money at the beginning, if the file says it.
    pub capital: Option<f64>,
}

/// What wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryFormat {
    /// The `events.json` of a backtest in cTrader.
    Ctrader,
    /// The result of a backtest in freqtrade, plain or in its zip.
    Freqtrade,
    /// Delimited text with a trade a line, as brokers export it.
    Csv,
}

/// The formats by their names.
const FORMATS: [(&str, HistoryFormat); 3] = [
    ("ctrader", HistoryFormat::Ctrader),
    ("freqtrade", HistoryFormat::Freqtrade),
    ("csv", HistoryFormat::Csv),
];

impl HistoryFormat {
    /// The names of all.
    pub fn words() -> [&'static str; 3] {
        FORMATS.map(|(name, _)| name)
    }
}

impl fmt::Display for HistoryFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FORMATS.iter().find(|(_, format)| format == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for HistoryFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = FORMATS.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        found.ok_or_else(|| "expected ctrader, freqtrade or csv".to_owned())
    }
}

/// What a file of trades does not say itself.
#[derive(Debug, Clone, Default)]
pub struct HistoryOptions {
    /// What wrote it; told from what is in it if not given.
    pub format: Option<HistoryFormat>,
    /// Zone of local times in delimited text.
    pub zone: Option<Zone>,
    /// Units in one of what delimited text counts; of a lot of currencies they are known.
    pub lot_size: Option<f64>,
}

/// Reads a file of trades.
///
/// # Errors
/// Whatever is wrong with the file, with its line or the number of the trade.
pub fn read_history(path: &Path, options: &HistoryOptions) -> Result<History, ImportError> {
    let inputs = inputs_of(path)?;
    let Some(input) = inputs.iter().find(|input| !is_side_file(input)) else {
        return Err(ImportError::new(crate::import::Place::file(path), Problem::Empty));
    };
    let bytes = read_all(input)?;
    let json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    let told = match bytes.trim_ascii_start().first() {
        Some(b'[') => HistoryFormat::Ctrader,
        Some(b'{') => HistoryFormat::Freqtrade,
        _ => HistoryFormat::Csv,
    };
    let format = options.format.unwrap_or(told);
    if json == (format == HistoryFormat::Csv) {
        return Err(input.error(Problem::WrongContent {
            found: if json {
                "the file holds JSON"
            } else {
                "the file holds no JSON"
            },
            hint: "drop --format, or name the one that wrote the file: ctrader, freqtrade or csv",
        }));
    }
    if json && options.lot_size.is_some() {
        return Err(input.error(Problem::WrongContent {
            found: "JSON of cTrader and freqtrade counts units, not lots",
            hint: "drop --lot-size: it is for lists of trades as text",
        }));
    }
    let mut history = match format {
        HistoryFormat::Ctrader => ctrader::read(input, &bytes)?,
        HistoryFormat::Freqtrade => freqtrade::read(input, &bytes)?,
        HistoryFormat::Csv => broker::read(input, &bytes, options)?,
    };
    if history.trades.is_empty() {
        return Err(input.error(Problem::Empty));
    }
    history.trades.sort_by_key(|trade| (trade.exit, trade.entry));
    Ok(history)
}

/// freqtrade packs its configuration, its strategy and the market beside the result.
fn is_side_file(input: &Input) -> bool {
    let name = input.place().member.unwrap_or_default();
    let json = Path::new(&name).extension().is_some_and(|ending| ending == "json");
    !name.is_empty() && (!json || name.ends_with("_config.json"))
}

fn read_all(input: &Input) -> Result<Vec<u8>, ImportError> {
    input.read(|reader| {
        let mut bytes = Vec::new();
        let mut limited = std::io::Read::take(reader, MOST_BYTES + 1);
        std::io::Read::read_to_end(&mut limited, &mut bytes).map_err(|error| input.read_error(error))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(input.error(Problem::WrongContent {
                found: "the file is far too large for a list of trades",
                hint: "market data are imported with `assay data import`",
            }));
        }
        Ok(bytes)
    })
}

/// JSON that cannot be read: damaged, or not of the kind that is meant.
fn wrong_json(input: &Input, error: &serde_json::Error) -> ImportError {
    if error.classify() != serde_json::error::Category::Data {
        return input.error(Problem::Json(error.to_string()));
    }
    input.error(Problem::WrongContent {
        found: "this JSON holds no trades of a kind that is known here",
        hint: "cTrader's events.json and freqtrade's backtest-result.json are read, and lists of trades as text: choose with --format ctrader, freqtrade or csv",
    })
}

/// An error about one trade of a file: its number or line, counted from 1.
fn at(input: &Input, line: u64, problem: Problem) -> ImportError {
    let mut error = input.error(problem);
    error.place.line = Some(line);
    error
}

fn milliseconds(input: &Input, line: u64, ms: f64) -> Result<UtcNs, ImportError> {
    let ns = ms * 1e6;
    if ns.is_finite() && ns.abs() < 9e18 {
        // Milliseconds are whole, and whole ones below 2^53 are exact.
        return Ok(UtcNs(ms as i64 * 1_000_000));
    }
    Err(at(input, line, Problem::TimeOutOfRange { text: ms.to_string() }))
}
