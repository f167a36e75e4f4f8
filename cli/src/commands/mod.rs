//! One file per command.

#[cfg(feature = "cluster")]
pub(crate) mod cluster;
mod compare;
mod config;
mod data;
mod data_check;
mod demo;
mod doctor;
mod eval;
mod findings;
pub(crate) mod folds;
mod help;
mod help_list;
pub(crate) mod help_topics;
mod history;
pub(crate) mod importance;
mod init;
pub(crate) mod jobs;
mod leaderboard;
mod optimize_fn;
mod plan;
mod report;
mod run;
mod sample_market;
mod shell;
pub(crate) mod show;
mod show_view;
pub(crate) mod strategy;
pub(crate) mod top;
pub(crate) mod trades;
pub(crate) mod verdict;

use crate::args::Command;
use crate::failure::Outcome;
use crate::settings::Settings;

/// Carries out a command.
pub(crate) fn run(command: Command, settings: &Settings) -> Outcome {
    match command {
        Command::Data(command) => data::run(command, settings),
        Command::Strategy(command) => strategy::run(&command, settings),
        Command::Eval(args) => eval::run(&args, settings),
        Command::Plan(args) => plan::run(&args, settings),
        Command::Run(args) => run::run(&args, settings),
        Command::Jobs(args) => jobs::run(&args, settings),
        Command::Top(args) => top::run(&args, settings),
        Command::Verdict(args) => verdict::run(&args, settings),
        Command::Folds(args) => folds::run(&args, settings),
        Command::Show(args) => show::run(&args, settings),
        Command::OptimizeFn(args) => optimize_fn::run(&args, settings),
        Command::Compare(args) => compare::run(&args, settings),
        Command::Report(args) => report::run(&args, settings),
        Command::Importance(args) => importance::run(&args, settings),
        Command::Trades(args) => trades::run(&args, settings),
        Command::Demo(args) => demo::run(&args, settings),
        Command::Init(args) => init::run(&args),
        Command::Config(command) => config::run(&command, settings),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Doctor => doctor::run(settings),
        Command::Help(args) => help::run(&args.topics, settings),
        #[cfg(feature = "cluster")]
        Command::Submit(args) => cluster::submit(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Watch(args) => cluster::watch(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Pause(args) => cluster::pause(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Resume(args) => cluster::resume(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Cancel(args) => cluster::cancel(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Workers(args) => cluster::workers(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Queue(args) => cluster::queue(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Logs(args) => cluster::logs(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Schedule(command) => cluster::schedule(&command, settings),
        #[cfg(feature = "cluster")]
        Command::Key(command) => cluster::key(&command, settings),
        #[cfg(feature = "cluster")]
        Command::Metrics => cluster::metrics(settings),
        #[cfg(feature = "cluster")]
        Command::Coordinator(args) => cluster::coordinator(&args, settings),
        #[cfg(feature = "cluster")]
        Command::Worker(args) => cluster::worker(&args, settings),
    }
}
