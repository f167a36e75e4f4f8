//! `assay trades`

use std::path::PathBuf;

use assay_core::calendar::Zone;
use assay_core::ids::{Symbol, TrialId};
use assay_data::history::HistoryFormat;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use super::candidates;
#[cfg(feature = "cluster")]
use super::cluster::ClusterArgs;

/// `assay trades`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct TradesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<TradesCommand>,
    /// Trial id, as `top` prints it
    #[arg(required = true, add = ArgValueCandidates::new(candidates::trials))]
    pub(crate) trial: Option<TrialId>,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Trades from elsewhere.
#[derive(Debug, Subcommand)]
pub(crate) enum TradesCommand {
    /// Read the trades of a bot, a broker or another engine, and measure them like a trial's
    Import(HistoryArgs),
}

/// `assay trades import`
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// cTrader's events.json, freqtrade's result (plain or zip), or a broker's list as text
    pub(crate) file: PathBuf,
    /// ctrader, freqtrade or csv [default: told from the file]
    #[arg(short, long, add = ArgValueCandidates::new(|| candidates::words(&HistoryFormat::words())))]
    pub(crate) format: Option<HistoryFormat>,
    /// Money at the beginning, in the currency of the profits [default: what the file says]
    #[arg(long, value_name = "MONEY")]
    pub(crate) capital: Option<f64>,
    /// Time zone of times without one, such as `UTC`, `America/New_York`, `-05:00`
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub(crate) tz: Option<Zone>,
    /// Count days as this instrument's market does [default: around the clock, every day of the week]
    #[arg(short, long, add = ArgValueCandidates::new(candidates::symbols))]
    pub(crate) symbol: Option<Symbol>,
    /// Units in one of what a list as text counts [default: 100000 in a lot of a pair of currencies]
    #[arg(long, value_name = "UNITS")]
    pub(crate) lot_size: Option<f64>,
    /// Annual risk-free rate
    #[arg(long, value_name = "RATE", default_value = "0")]
    pub(crate) risk_free: f64,
    /// Show a trial beside it
    #[arg(long, value_name = "TRIAL", add = ArgValueCandidates::new(candidates::trials))]
    pub(crate) beside: Option<TrialId>,
}
