//! `assay eval`

use std::path::PathBuf;

use assay_core::bars::BarSpec;
use assay_core::ids::Symbol;
use assay_core::job::FillGaps;
use assay_core::time::UtcNs;
use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;

/// `assay eval`
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Symbol in the catalog
    #[arg(add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) symbol: Symbol,
    /// Expressions such as 'rsi(close, 14)' or 'crossover(sma(close, 5), sma(close, 20))'; put `--` before
    /// one that begins with a minus
    #[arg(required = true, value_name = "EXPRESSION")]
    pub(crate) expressions: Vec<String>,
    /// Length of the bars, such as 1m, 4h, 1d; or 100t (ticks), 1000v (volume), ticks (each is a bar)
    #[arg(long, value_name = "LENGTH")]
    pub(crate) bars: BarSpec,
    /// File to write instead of stdout; its ending, .csv or .parquet, says the format
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// First bar shown (earlier ones are still warm-up): a date or UTC time
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<UtcNs>,
    /// First bar no longer shown: a date or UTC time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<UtcNs>,
    /// What stands where no bar exists: none or forward
    #[arg(long, default_value = "none", value_parser = super::data::fill_gaps, add = ArgValueCandidates::new(|| candidates::words(&super::data::FILLS)))]
    pub(crate) fill_gaps: FillGaps,
}
