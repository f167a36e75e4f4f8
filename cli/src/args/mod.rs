//! What can be typed. Nothing here does anything: values are read and checked, commands carry them out.

mod data;
mod eval;
mod job;
mod strategy;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

pub(crate) use data::{CheckArgs, DataCommand, ExportArgs, ImportArgs};
pub(crate) use eval::EvalArgs;
pub(crate) use job::{DemoArgs, Limits, PlanArgs, RunArgs, ShowArgs, TopArgs};
pub(crate) use strategy::StrategyCommand;
pub(crate) use values::{MemoryLimit, OutputFormat, ThreadCount};

/// Backtests and optimizes trading strategies.
#[derive(Debug, Parser)]
#[command(name = "assay", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Start with `assay demo`: from generated ticks to a ranked sweep in under a minute.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command understands.
#[derive(Debug, clap::Args)]
pub(crate) struct GlobalArgs {
    /// Where data and results live [default: ./assay-data]
    #[arg(long, global = true, value_name = "DIR", env = "ASSAY_HOME", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,
    /// Form of the output [default: table]
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        env = "ASSAY_OUTPUT",
        hide_env_values = true
    )]
    pub(crate) output: Option<OutputFormat>,
    /// Say more on stderr
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import, list, check and export market data
    #[command(subcommand, arg_required_else_help = true)]
    Data(DataCommand),
    /// List, show and check strategies
    #[command(subcommand, arg_required_else_help = true)]
    Strategy(StrategyCommand),
    /// Compute expressions over an instrument's bars
    Eval(EvalArgs),
    /// Say what a job would take, without running it
    Plan(PlanArgs),
    /// Run a job, or continue one that was interrupted
    Run(RunArgs),
    /// List the jobs of this home
    Jobs,
    /// The best trials of a job
    Top(TopArgs),
    /// Replay one trial in full detail
    Show(ShowArgs),
    /// From generated ticks to a leaderboard in under a minute
    Demo(DemoArgs),
    /// Check the machine, the home and the data
    Doctor,
}
