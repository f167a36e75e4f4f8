//! `assay data ...`

use std::path::PathBuf;

use assay_core::bars::BarSpec;
use assay_core::calendar::Zone;
use assay_core::ids::Symbol;
use assay_core::job::{DataKind, FillGaps};
use assay_core::time::{BarLength, DurationNs, UtcNs};
use assay_data::DatasetKind;
use assay_data::import::{Adjust, BadBars, Crossed, Format, TimeFormat, Unsorted};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

#[cfg(feature = "cluster")]
use super::ClusterArgs;
use super::candidates;

/// Kinds of data; bars are made from the first three.
const KINDS: [&str; 4] = ["quotes", "trades", "bars", "funding"];
/// What may stand where no bar exists.
pub(super) const FILLS: [&str; 2] = ["none", "forward"];

/// Commands about market data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Read market files into the catalog; importing the same again changes nothing
    Import(Box<ImportArgs>),
    /// List what is imported, or what a cluster has
    Ls(LsArgs),
    /// Send datasets to a cluster; what it has already is not sent again
    #[cfg(feature = "cluster")]
    Push(PushArgs),
    /// Everything known about an instrument and its data
    Show {
        /// Symbol in the catalog
        #[arg(add = ArgValueCandidates::new(candidates::symbols))]
        symbol: Symbol,
    },
    /// Look for gaps, duplicates, crossed quotes, spikes and bad prices
    Check(CheckArgs),
    /// Write bars, or funding rates, into a file
    Export(ExportArgs),
}

/// `assay data import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files, folders, or patterns with * and ?
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Symbol under which the data are kept; of a wide table the one instrument to read
    #[arg(short, long, add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) symbol: Option<Symbol>,
    /// csv, parquet, json, wide, bitfinex, binance, dukascopy, histdata, lean or lean-CLASS (forex, cfd, equity, future, crypto)
    /// [default: told from the files, but for wide]
    #[arg(short, long, add = ArgValueCandidates::new(|| candidates::words(Format::WORDS)))]
    pub(crate) format: Option<Format>,
    /// quotes, trades, bars or funding [default: told from the columns, but for funding]
    #[arg(short, long, value_parser = data_kind, add = ArgValueCandidates::new(|| candidates::words(&KINDS)))]
    pub(crate) kind: Option<DataKind>,
    /// Length of the bars in the files, stamped with their start, such as 1m or 1d
    #[arg(long, value_name = "LENGTH")]
    pub(crate) bar: Option<BarLength>,
    /// Time zone of times without one, such as `UTC`, `America/New_York`, `-05:00`
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub(crate) tz: Option<Zone>,
    /// Names of the columns in order, `_` to skip one
    #[arg(long, value_name = "a,b,c", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,
    /// `unix_s`, `unix_ms`, `unix_us`, `unix_ns` or a strftime pattern
    #[arg(long, value_name = "FORMAT")]
    pub(crate) time_format: Option<TimeFormat>,
    /// Quotes with the bid above the ask: keep, drop or swap
    #[arg(long, default_value = "keep", add = ArgValueCandidates::new(|| candidates::words(Crossed::WORDS)))]
    pub(crate) crossed: Crossed,
    /// Bars whose high or low does not enclose their prices: reject, widen or drop
    #[arg(long, default_value = "reject", add = ArgValueCandidates::new(|| candidates::words(BadBars::WORDS)))]
    pub(crate) bad_bars: BadBars,
    /// Rows out of order: reject or sort
    #[arg(long, default_value = "reject", add = ArgValueCandidates::new(|| candidates::words(Unsorted::WORDS)))]
    pub(crate) unsorted: Unsorted,
    /// Splits and dividends: none, splits or total
    #[arg(long, default_value = "none", add = ArgValueCandidates::new(|| candidates::words(Adjust::WORDS)))]
    pub(crate) adjust: Adjust,
    /// Decimals of prices that a file stores as whole numbers (Dukascopy's packed ticks of anything but currencies)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=12))]
    pub(crate) decimals: Option<u32>,
    /// Replace stored rows that the new ones contradict
    #[arg(long)]
    pub(crate) replace: bool,
}

/// `assay data ls`
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay data push`
#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// A symbol for all of its data, or SYMBOL/KIND for its quotes, trades, funding or bars such as bars-1m [default: all there is]
    #[arg(value_name = "DATASET", add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) datasets: Vec<PushedDataset>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// A dataset by its name, or all of an instrument.
#[cfg(feature = "cluster")]
#[derive(Debug, Clone)]
pub(crate) struct PushedDataset {
    pub(crate) symbol: Symbol,
    pub(crate) kind: Option<DatasetKind>,
}

#[cfg(feature = "cluster")]
impl std::str::FromStr for PushedDataset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (symbol, kind) = match text.split_once('/') {
            Some((symbol, kind)) => (symbol, Some(kind)),
            None => (text, None),
        };
        let kind = kind.map(|kind| {
            let wrong = |_| format!("`{kind}` is not quotes, trades, funding or a length of bars such as bars-1m");
            kind.parse().map_err(wrong)
        });
        Ok(Self {
            symbol: symbol.parse().map_err(|error| format!("{error}"))?,
            kind: kind.transpose()?,
        })
    }
}

/// `assay data check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Symbol in the catalog
    #[arg(add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) symbol: Symbol,
    /// quotes, trades, funding, or a length of bars such as 1m [default: all there are]
    #[arg(long, add = ArgValueCandidates::new(candidates::kinds))]
    pub(crate) kind: Option<DatasetKind>,
    /// Between ticks, open time longer than this is a gap [default: 1h; of funding 1.5 times the mean distance]
    #[arg(long, value_name = "LENGTH")]
    pub(crate) gap: Option<DurationNs>,
}

/// `assay data export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Symbol in the catalog
    #[arg(add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) symbol: Symbol,
    /// Length of the bars, such as 1m, 4h, 1d; or 100t (ticks), 1000v (volume), ticks (each is a bar)
    #[arg(long, value_name = "LENGTH", required_unless_present = "funding")]
    pub(crate) bars: Option<BarSpec>,
    /// Funding rates instead of bars
    #[arg(long, conflicts_with_all = ["bars", "fill_gaps", "source"])]
    pub(crate) funding: bool,
    /// File to write; its ending, .parquet or .csv, says the format
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// First bar or rate: a date or UTC time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<UtcNs>,
    /// First bar or rate no longer wanted: a date or UTC time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<UtcNs>,
    /// What stands where no bar exists: none or forward
    #[arg(long, default_value = "none", value_parser = fill_gaps, add = ArgValueCandidates::new(|| candidates::words(&FILLS)))]
    pub(crate) fill_gaps: FillGaps,
    /// Make the bars from quotes, trades or bars [default: the first of these that there is]
    #[arg(long, value_parser = bar_source, add = ArgValueCandidates::new(|| candidates::words(&KINDS[..3])))]
    pub(crate) source: Option<DataKind>,
}

fn data_kind(text: &str) -> Result<DataKind, String> {
    match text {
        "funding" => Ok(DataKind::Funding),
        _ => bar_source(text).map_err(|_| "expected quotes, trades, bars or funding".to_owned()),
    }
}

/// A kind that bars are made from.
fn bar_source(text: &str) -> Result<DataKind, String> {
    [DataKind::Quotes, DataKind::Trades, DataKind::Bars]
        .into_iter()
        .find(|kind| kind.to_string() == text)
        .ok_or_else(|| "expected quotes, trades or bars".to_owned())
}

pub(super) fn fill_gaps(text: &str) -> Result<FillGaps, String> {
    match text {
        "none" => Ok(FillGaps::None),
        "forward" => Ok(FillGaps::Forward),
        _ => Err("expected none or forward".to_owned()),
    }
}
