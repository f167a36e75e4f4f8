//! `assay init | config | completions | man`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Limits;

/// `assay init`
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Folder of the project; it is made if need be
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Write the files only, without the demo's generated data
    #[arg(long)]
    pub(crate) no_data: bool,
}

/// Commands about settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting and its value
    Show(ConfigShowArgs),
}

/// `assay config show`
#[derive(Debug, Args)]
pub(crate) struct ConfigShowArgs {
    /// Say where each value comes from: flag, variable, file or default
    #[arg(long)]
    pub(crate) origin: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// `assay completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    pub(crate) shell: String,
}

/// `assay man`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for a page of each command, such as ~/.local/share/man/man1; without it, one page of all goes to stdout
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}
