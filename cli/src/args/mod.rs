//! What can be typed. Nothing here does anything: values are read and checked, commands carry them out.

mod candidates;
#[cfg(feature = "cluster")]
mod cluster;
mod data;
mod eval;
mod job;
mod optimize;
mod project;
mod report;
mod strategy;
mod trades;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};
use clap_complete::ArgValueCandidates;

#[cfg(feature = "cluster")]
pub(crate) use cluster::{
    ClusterArgs, CoordinatorArgs, CoordinatorCommand, DatabaseArgs, KeyCommand, LimitArgs, LogsArgs, PlaceArgs, ScheduleArgs,
    ScheduleCommand, SubmitArgs, WatchArgs, WorkerArgs,
};
pub(crate) use data::{CheckArgs, DataCommand, ExportArgs, ImportArgs};
#[cfg(feature = "cluster")]
pub(crate) use data::{PushArgs, PushedDataset};
pub(crate) use eval::EvalArgs;
pub(crate) use job::{
    CompareArgs, DemoArgs, FoldsArgs, JobsArgs, Limits, PlanArgs, RunArgs, ShowArgs, ShowRows, TopArgs, VerdictArgs, ranking,
};
pub(crate) use optimize::{OptimizeFnArgs, Shift};
pub(crate) use project::{CompletionsArgs, ConfigCommand, ConfigShowArgs, InitArgs, ManArgs};
pub(crate) use report::{ImportanceArgs, ReportArgs, ReportFile, ReportFormat};
pub(crate) use strategy::StrategyCommand;
pub(crate) use trades::{HistoryArgs, TradesArgs, TradesCommand};
#[cfg(feature = "cluster")]
pub(crate) use values::Bytes;
pub(crate) use values::{MemoryLimit, OutputFormat, ThreadCount};

/// Backtests and optimizes trading strategies.
#[derive(Debug, Parser)]
#[command(
    name = "assay",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
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

/// What help is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct HelpArgs {
    /// A command, such as `run`; or `fn`, and a function or a word to look for
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::help))]
    pub(crate) topics: Vec<String>,
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
    /// List the jobs of this home, or of a cluster
    Jobs(JobsArgs),
    /// The best trials of a job
    Top(TopArgs),
    /// Say what the best trial of a job is worth
    Verdict(VerdictArgs),
    /// What a walk forward came to, fold by fold
    Folds(FoldsArgs),
    /// Replay one trial in full detail
    Show(ShowArgs),
    /// Try a method of search on a function whose best points are known
    OptimizeFn(OptimizeFnArgs),
    /// The trades of one trial; or those of a bot or a broker, measured like a trial's
    Trades(TradesArgs),
    /// Two trials side by side
    Compare(CompareArgs),
    /// A job or a trial as a page with pictures: HTML, SVG or PNG
    Report(ReportArgs),
    /// Which parameters of a job matter, alone and together
    Importance(ImportanceArgs),
    /// From generated ticks to a leaderboard in under a minute
    Demo(DemoArgs),
    /// Begin a project: a strategy, a job, settings and data to try them on
    Init(InitArgs),
    /// Show settings, and where they come from
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print what makes a shell complete commands, jobs, symbols and strategies
    Completions(CompletionsArgs),
    /// Write the manual page, or a page of each command into a folder
    Man(ManArgs),
    /// Check the machine, the home and the data
    Doctor,
    /// Help on a command, or with `fn` on the functions of the strategy language
    Help(HelpArgs),
    /// Send a job to a cluster
    #[cfg(feature = "cluster")]
    Submit(SubmitArgs),
    /// Follow a job of a cluster to its end; Ctrl-C leaves it running
    #[cfg(feature = "cluster")]
    Watch(WatchArgs),
    /// Begin no further task of a job
    #[cfg(feature = "cluster")]
    Pause(WatchArgs),
    /// Go on with a job that was paused
    #[cfg(feature = "cluster")]
    Resume(WatchArgs),
    /// End a job; what it has done so far is kept, and submitting it again continues it
    #[cfg(feature = "cluster")]
    Cancel(WatchArgs),
    /// List the workers of a cluster
    #[cfg(feature = "cluster")]
    Workers(ClusterArgs),
    /// Show how much of a cluster is at work and how much waits
    #[cfg(feature = "cluster")]
    Queue(ClusterArgs),
    /// Show what happened to a job of a cluster
    #[cfg(feature = "cluster")]
    Logs(LogsArgs),
    /// Run jobs again and again on the newest data, on a cluster or here
    #[cfg(feature = "cluster")]
    #[command(subcommand, arg_required_else_help = true)]
    Schedule(ScheduleCommand),
    /// Make, list and revoke keys of a cluster
    #[cfg(feature = "cluster")]
    #[command(subcommand, arg_required_else_help = true)]
    Key(KeyCommand),
    /// List the numbers that coordinator and worker serve with --metrics
    #[cfg(feature = "cluster")]
    Metrics,
    /// Run a cluster's coordinator
    #[cfg(feature = "cluster")]
    Coordinator(Box<CoordinatorArgs>),
    /// Run a worker of a cluster
    #[cfg(feature = "cluster")]
    Worker(WorkerArgs),
}
