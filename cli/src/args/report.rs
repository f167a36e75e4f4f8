//! `assay report`

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::ArgValueCandidates;

#[cfg(feature = "cluster")]
use super::ClusterArgs;
use super::candidates;

/// `assay report`
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Job id, job name or job file; or the id of a trial, as `top` prints it
    #[arg(value_name = "JOB|TRIAL", add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) what: String,
    /// File to write; its ending, .html, .svg or .png, says the format [default: ID.html in this folder]
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub(crate) to: Option<ReportFile>,
    /// Only the pictures of this name, such as equity, heatmap or parallel
    #[arg(long, value_name = "PICTURE", add = ArgValueCandidates::new(candidates::pictures))]
    pub(crate) only: Option<String>,
    /// Dark colours in a PNG; HTML and SVG follow the screen
    #[arg(long)]
    pub(crate) dark: bool,
    /// Show the file in the browser, or in what the system opens such files with
    #[arg(long)]
    pub(crate) open: bool,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay importance`
#[derive(Debug, Args)]
pub(crate) struct ImportanceArgs {
    /// Job id, job name, or job file
    #[arg(add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: String,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Where a report goes, and as what.
#[derive(Debug, Clone)]
pub(crate) struct ReportFile {
    pub(crate) path: PathBuf,
    pub(crate) format: ReportFormat,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Html,
    Svg,
    Png,
}

fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let ending = Path::new(text)
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    let format = match ending.as_deref() {
        Some("html" | "htm") => ReportFormat::Html,
        Some("svg") => ReportFormat::Svg,
        Some("png") => ReportFormat::Png,
        _ => return Err("a report is a file that ends in .html, .svg or .png".to_owned()),
    };
    Ok(ReportFile { path, format })
}
