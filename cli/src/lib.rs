//! The command line of Assay: reads arguments, wires the libraries together, and turns errors into exit codes.
//!
//! The binary calls [`main`]. What a program in the same process may ask for is in `embed`: the Python package is made of it, so
//! that a job runs, is ranked and judged by the same code from there.
//!
//! Results go to stdout, progress and messages to stderr. Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not allowed,
//! 5 finished but some trials failed, 7 unreachable, 130 interrupted.

mod args;
mod audience;
mod bars;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
#[cfg(feature = "cluster")]
pub mod embed;
mod failure;
mod folds;
mod interrupt;
mod job;
mod local;
mod machine;
mod output;
mod progress;
mod settings;

use std::panic;
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use crate::args::Arguments;
use crate::failure::Outcome;
use crate::settings::Settings;

/// The variable by which shells ask for completions; see `assay completions`.
const COMPLETE: &str = "ASSAY_COMPLETE";

/// Carries out the command that the process was started with.
pub fn main() -> ExitCode {
    let started = Instant::now();
    CompleteEnv::with_factory(Arguments::command).var(COMPLETE).complete();
    failure::install_panic_hook();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = ExitCode::from(error.exit_code() as u8);
            if error.use_stderr() {
                failure::report_usage(error);
            } else {
                // Help and version come this way too; a closed pipe while printing them is nobody's error.
                let _ = error.print();
            }
            return code;
        }
    };
    // The hook has told the user about the panic; what is left is the exit code.
    match panic::catch_unwind(|| run(arguments, started)) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => failure.report(),
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(arguments: Arguments, started: Instant) -> Outcome {
    let settings = Settings::load(&arguments.global, started)?;
    commands::run(arguments.command, &settings)
}
