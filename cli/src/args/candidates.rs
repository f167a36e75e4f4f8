//! What shells may complete with: names that this home knows. Whatever goes wrong, there is nothing to complete with.

use std::time::Instant;

use assay_core::metrics::Metric;
use assay_data::Catalog;
use assay_strategies::library;
use clap_complete::engine::CompletionCandidate;

use super::GlobalArgs;
use crate::local::Ledger;
use crate::settings::Settings;

/// Names of jobs, with their ids beside them.
pub(crate) fn jobs() -> Vec<CompletionCandidate> {
    let jobs = settings().and_then(|settings| Ledger::new(&settings.home).ok()?.jobs().ok());
    let candidate = |job: assay_store::JobRecord| CompletionCandidate::new(job.name).help(Some(job.id.to_string().into()));
    jobs.unwrap_or_default().into_iter().map(candidate).collect()
}

/// Symbols of the catalog.
pub(crate) fn symbols() -> Vec<CompletionCandidate> {
    let datasets = settings()
        .filter(|settings| settings.home.join("catalog").exists())
        .and_then(|settings| Catalog::open(&settings.home).ok()?.datasets().ok());
    let mut symbols: Vec<String> = datasets.unwrap_or_default().iter().map(|d| d.symbol.to_string()).collect();
    symbols.sort();
    symbols.dedup();
    symbols.into_iter().map(CompletionCandidate::new).collect()
}

/// Strategies of the library; files are completed by the shell.
pub(crate) fn strategies() -> Vec<CompletionCandidate> {
    library().iter().map(|(name, _)| CompletionCandidate::new(*name)).collect()
}

/// Metrics to rank by.
pub(crate) fn metrics() -> Vec<CompletionCandidate> {
    let candidate = |metric: Metric| CompletionCandidate::new(metric.name()).help(Some(metric.about().into()));
    Metric::ALL.into_iter().map(candidate).collect()
}

/// Pictures of reports.
pub(crate) fn pictures() -> Vec<CompletionCandidate> {
    let all = assay_report::JOB_PICTURES.iter().chain(&assay_report::TRIAL_PICTURES);
    all.map(|name| CompletionCandidate::new(*name)).collect()
}

/// What variables and files say; flags on the line being completed are not known.
fn settings() -> Option<Settings> {
    let global = GlobalArgs {
        home: std::env::var_os("ASSAY_HOME").map(Into::into),
        output: None,
        verbose: 0,
    };
    Settings::load(&global, Instant::now()).ok()
}
