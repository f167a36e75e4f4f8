//! `assay strategy ...`

use clap::Subcommand;
use clap_complete::ArgValueCandidates;

use super::candidates;

/// Commands about strategies.
#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// List the library by family
    Ls,
    /// Write a commented strategy to begin with into NAME.toml
    New {
        /// Its name: letters, digits and `_`
        name: String,
    },
    /// Print a strategy's file
    Show {
        /// Library name, or path of a file
        #[arg(add = ArgValueCandidates::new(candidates::strategies))]
        name: String,
    },
    /// Type a strategy, print its warm-up and the size of its space, and test that it cannot see the future
    Check {
        /// Path of a file, or library name
        #[arg(add = ArgValueCandidates::new(candidates::strategies))]
        file: String,
    },
}
