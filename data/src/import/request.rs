//! What an import is asked to do, and what it reports.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use assay_core::calendar::Zone;
use assay_core::ids::Symbol;
use assay_core::job::DataKind;
use assay_core::time::{BarLength, UtcNs};

use crate::catalog::DatasetKind;

/// Files to import under one symbol, and how to read them.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Files, folders (searched to any depth) and patterns with `*` and `?`.
    pub paths: Vec<PathBuf>,
    /// Symbol the data go to; the contracts of a futures zip go to `<symbol>_<YYYYMM>`. A wide table has symbols of its own, of which
    /// this chooses one.
    pub symbol: Option<Symbol>,
    /// Format; told from names and content if not given.
    pub format: Option<Format>,
    /// Import only this kind, and read files that could be several kinds as this one.
    pub kind: Option<DataKind>,
    /// Length of bars; of LEAN files, only the bars of this length.
    pub bar: Option<BarLength>,
    /// Zone of local times; overrides what LEAN's folders imply.
    pub zone: Option<Zone>,
    /// Names of the columns in order, `_` to skip one.
    pub columns: Option<Vec<String>>,
    /// Form of times.
    pub time_format: Option<TimeFormat>,
    /// What to do with quotes whose bid is above the ask.
    pub crossed: Crossed,
    /// What to do with bars whose prices contradict each other.
    pub bad_bars: BadBars,
    /// What to do with rows out of order.
    pub unsorted: Unsorted,
    /// What is done about splits and dividends.
    pub adjust: Adjust,
    /// Decimals of prices in files that store them as whole numbers and do not say so.
    pub decimals: Option<u32>,
    /// Replace stored data of the same time span instead of refusing to change them.
    pub replace: bool,
}

impl ImportRequest {
    /// Everything told from the files.
    pub fn new(paths: Vec<PathBuf>, symbol: Symbol) -> Self {
        Self {
            paths,
            symbol: Some(symbol),
            format: None,
            kind: None,
            bar: None,
            zone: None,
            columns: None,
            time_format: None,
            crossed: Crossed::default(),
            bad_bars: BadBars::default(),
            unsorted: Unsorted::default(),
            adjust: Adjust::default(),
            decimals: None,
            replace: false,
        }
    }
}

/// A word on the command line that is not one of those allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; expected {expected}")]
pub struct UnknownWord {
    found: String,
    what: &'static str,
    expected: &'static str,
}

macro_rules! words {
    ($type:ty, $what:literal, $expected:literal, $($word:literal => $value:expr),+ $(,)?) => {
        impl $type {
            /// The words that are understood.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok($value),)+
                    _ => Err(UnknownWord { found: text.to_owned(), what: $what, expected: $expected }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(if *self == $value { return f.write_str($word); })+
                Ok(())
            }
        }
    };
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Zips of the LEAN engine; the asset class from the folders if not given.
    Lean(Option<AssetClass>),
    /// Delimited text.
    Csv,
    /// Bitfinex candles without a header: unix milliseconds, open, close, high, low, volume.
    Bitfinex,
    /// Public dumps of Binance: candles, trades, aggregated trades, best quotes.
    Binance,
    /// Dukascopy: packed ticks of an hour, or what its programs export as text.
    Dukascopy,
    /// Texts of histdata.com.
    Histdata,
    /// Arrays of trades or candles, and captured streams of Binance.
    Json,
    /// Tables with several instruments side by side.
    Wide,
    /// Apache Parquet.
    Parquet,
}
words!(Format, "a format", "lean, lean-forex, lean-cfd, lean-equity, lean-future, lean-crypto, csv, bitfinex, binance, dukascopy, histdata, json, wide or parquet",
    "lean" => Self::Lean(None),
    "lean-forex" => Self::Lean(Some(AssetClass::Forex)),
    "lean-cfd" => Self::Lean(Some(AssetClass::Cfd)),
    "lean-equity" => Self::Lean(Some(AssetClass::Equity)),
    "lean-future" => Self::Lean(Some(AssetClass::Future)),
    "lean-crypto" => Self::Lean(Some(AssetClass::Crypto)),
    "csv" => Self::Csv,
    "bitfinex" => Self::Bitfinex,
    "binance" => Self::Binance,
    "dukascopy" => Self::Dukascopy,
    "histdata" => Self::Histdata,
    "json" => Self::Json,
    "wide" => Self::Wide,
    "parquet" => Self::Parquet);

/// LEAN's asset classes that the importer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetClass {
    /// Currency pairs.
    Forex,
    /// Contracts for difference.
    Cfd,
    /// Stocks and funds; prices are stored times 10,000.
    Equity,
    /// Futures, one dataset a contract.
    Future,
    /// Crypto currencies.
    Crypto,
}

/// What to do with quotes whose bid is above the ask. They are counted in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crossed {
    /// Keep them as they are.
    #[default]
    Keep,
    /// Leave them out.
    Drop,
    /// Exchange bid and ask, and their sizes.
    Swap,
}
words!(Crossed, "a treatment of crossed quotes", "keep, drop or swap",
    "keep" => Self::Keep, "drop" => Self::Drop, "swap" => Self::Swap);

/// What to do with bars whose high or low does not enclose their prices. They are counted unless they end the import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadBars {
    /// Refuse the import.
    #[default]
    Reject,
    /// Move the high up and the low down to what the bar traded at.
    Widen,
    /// Leave them out.
    Drop,
}
words!(BadBars, "a treatment of impossible bars", "reject, widen or drop",
    "reject" => Self::Reject, "widen" => Self::Widen, "drop" => Self::Drop);

/// What to do with rows that are older than the row before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unsorted {
    /// Refuse the import.
    #[default]
    Reject,
    /// Sort by time, rows of equal time in file order. Holds the whole dataset in memory.
    Sort,
}
words!(Unsorted, "a treatment of unsorted rows", "sort or reject", "sort" => Self::Sort, "reject" => Self::Reject);

/// What is done about splits and dividends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adjust {
    /// Nothing: prices as they were paid.
    #[default]
    None,
    /// Prices and volumes as if the splits had always been.
    Splits,
    /// And prices as if dividends had been put into the instrument: its returns are those of its holder.
    Total,
}
words!(Adjust, "an adjustment", "none, splits or total",
    "none" => Self::None, "splits" => Self::Splits, "total" => Self::Total);

/// The form of times in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// A number since 1970-01-01T00:00:00Z, in units of so many nanoseconds; a fraction is allowed.
    Unix {
        /// Nanoseconds in one unit.
        unit_ns: i64,
    },
    /// A strftime pattern.
    Pattern(String),
}

/// The unit of unix times by its name.
pub(super) const UNIX_UNITS: [(&str, i64); 4] = [
    ("unix_s", 1_000_000_000),
    ("unix_ms", 1_000_000),
    ("unix_us", 1_000),
    ("unix_ns", 1),
];

impl FromStr for TimeFormat {
    type Err = UnknownWord;

    /// `unix_s`, `unix_ms`, `unix_us`, `unix_ns` or a pattern with at least one `%`.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if let Some((_, unit_ns)) = UNIX_UNITS.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Unix { unit_ns: *unit_ns });
        }
        if text.contains('%') {
            return Ok(Self::Pattern(text.to_owned()));
        }
        Err(UnknownWord {
            found: text.to_owned(),
            what: "a time format",
            expected: "unix_s, unix_ms, unix_us, unix_ns or a strftime pattern such as %Y-%m-%d %H:%M:%S",
        })
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// Files (or members of zips) read to their end.
    pub files_done: usize,
    /// Files in all.
    pub files: usize,
    /// Bytes of the files, as stored, of those read to their end.
    pub bytes_done: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Rows read.
    pub rows: u64,
}

/// What an import did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ImportReport {
    /// In order of symbol and kind.
    pub datasets: Vec<DatasetReport>,
    /// Files in the folders given that were left alone, with the reason.
    pub skipped: Vec<SkippedFile>,
    /// Columns of the files that have no use here.
    pub ignored_columns: Vec<String>,
    /// What else there is to know, each once.
    pub notes: Vec<ImportNote>,
    /// Wall time.
    pub seconds: f64,
}

/// A file left alone.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SkippedFile {
    /// The file, or file and member.
    pub file: String,
    /// Why.
    pub reason: &'static str,
}

/// What there is to know about files besides counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportNote {
    /// Bars from quotes have prices of their own besides bid and ask.
    MidsComputed,
    /// Splits are known that the prices have in them.
    SplitsKnown {
        /// LEAN's name of the instrument.
        ticker: String,
        /// How many.
        count: usize,
    },
    /// Nothing of these files can be adjusted.
    NothingToAdjust,
    /// Rates have no length.
    BarOfFunding,
}

impl fmt::Display for ImportNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MidsComputed => f.write_str("open, high, low and close of bars from quotes are computed from bid and ask"),
            Self::SplitsKnown { ticker, count: 1 } => {
                write!(
                    f,
                    "1 split of {ticker} is known and left in the prices: --adjust splits takes it out"
                )
            }
            Self::SplitsKnown { ticker, count } => {
                write!(
                    f,
                    "{count} splits of {ticker} are known and left in the prices: --adjust splits takes them out"
                )
            }
            Self::NothingToAdjust => f.write_str("--adjust changes nothing here: only shares have splits and dividends"),
            Self::BarOfFunding => f.write_str("--bar changes nothing here: funding rates have no length"),
        }
    }
}

impl serde::Serialize for ImportNote {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an import did to one dataset.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DatasetReport {
    /// Symbol of the dataset.
    pub symbol: Symbol,
    /// Its kind, with the length of bars.
    pub kind: DatasetKind,
    /// Files or members read.
    pub files: usize,
    /// Rows in the files.
    pub rows_read: u64,
    /// Rows that are new in the catalog.
    pub rows_written: u64,
    /// Rows that the catalog held already.
    pub rows_unchanged: u64,
    /// Quotes with the bid above the ask.
    pub crossed: u64,
    /// Rows whose time is that of the row before; of bars, equal bars of one start, of which one is kept.
    pub duplicates: u64,
    /// Rows older than the row before them (with `--unsorted sort`).
    pub disorder: u64,
    /// Bars whose high or low did not enclose their prices.
    pub bad_bars: u64,
    /// Rows with a price at or below zero.
    pub zero_or_negative: u64,
    /// Rows marked suspicious by the source and left out.
    pub suspicious: u64,
    /// Rows without a price, of a wide table or among closes: not counted as read.
    pub without_price: u64,
    /// Rows of one-sided quotes before both sides were known, left out.
    pub one_sided: u64,
    /// Rows left out, for whatever reason.
    pub dropped: u64,
    /// Time of the first row.
    pub first: Option<UtcNs>,
    /// Time of the last row.
    pub last: Option<UtcNs>,
}
