//! `assay strategy ...`

use clap::Subcommand;

/// Commands about strategies.
#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// List the library
    Ls,
    /// Print a strategy's file
    Show {
        /// Library name, or path of a file
        name: String,
    },
    /// Type a strategy, print its warm-up and the size of its space, and test that it cannot see the future
    Check {
        /// Path of a file, or library name
        file: String,
    },
}
