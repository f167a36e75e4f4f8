//! One file per command.

mod data;
mod data_check;
mod demo;
mod doctor;
mod eval;
mod jobs;
mod leaderboard;
mod plan;
mod run;
mod sample_market;
mod show;
mod show_view;
mod strategy;
mod top;

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
        Command::Jobs => jobs::run(settings),
        Command::Top(args) => top::run(&args, settings),
        Command::Show(args) => show::run(&args, settings),
        Command::Demo(args) => demo::run(&args, settings),
        Command::Doctor => doctor::run(settings),
    }
}
