//! What shells may complete with: names that this home knows. Whatever goes wrong, there is nothing to complete with.

use std::time::Instant;

use assay_core::ids::TrialId;
use assay_core::metrics::Metric;
use assay_data::{Catalog, Dataset};
use assay_lang::FUNCTIONS;
use assay_strategies::library;
use clap::CommandFactory;
use clap_complete::engine::CompletionCandidate;

use super::{Arguments, GlobalArgs};
use crate::commands::help_topics;
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
    let mut symbols: Vec<String> = datasets().iter().map(|dataset| dataset.symbol.to_string()).collect();
    symbols.sort();
    symbols.dedup();
    symbols.into_iter().map(CompletionCandidate::new).collect()
}

fn datasets() -> Vec<Dataset> {
    let found = settings()
        .filter(|settings| settings.home.join("catalog").exists())
        .and_then(|settings| Catalog::open(&settings.home).ok()?.datasets().ok());
    found.unwrap_or_default()
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

/// A closed set of words.
pub(crate) fn words(words: &[&'static str]) -> Vec<CompletionCandidate> {
    words.iter().map(|word| CompletionCandidate::new(*word)).collect()
}

/// Kinds of datasets that this home has, as options name them.
pub(crate) fn kinds() -> Vec<CompletionCandidate> {
    let datasets = datasets();
    let kinds = datasets.iter().map(|dataset| match dataset.bar {
        Some(length) => length.to_string(),
        None => dataset.kind.to_string(),
    });
    let mut kinds: Vec<String> = kinds.collect();
    kinds.sort();
    kinds.dedup();
    kinds.into_iter().map(CompletionCandidate::new).collect()
}

/// The best trials of the newest job, with what they are worth beside them.
pub(crate) fn trials() -> Vec<CompletionCandidate> {
    const SHOWN: usize = 10;
    let best = || -> Option<Vec<CompletionCandidate>> {
        let mut ledger = Ledger::new(&settings()?.home).ok()?;
        let job = ledger.jobs().ok()?.into_iter().next()?;
        let goal = job.objective().ok()?.maximize;
        let top = ledger.top(&job, SHOWN, goal).ok()?;
        let id = |ordinal| TrialId {
            job: job.id,
            instrument: 0,
            ordinal,
        };
        let ids = top.iter().enumerate().map(|(rank, point)| {
            let help = format!("rank {} of {}", rank + 1, job.name);
            CompletionCandidate::new(id(point.ordinal).to_string()).help(Some(help.into()))
        });
        Some(ids.collect())
    };
    best().unwrap_or_default()
}

/// What help there is: commands, and behind `fn` the functions of the language.
pub(crate) fn help() -> Vec<CompletionCandidate> {
    if std::env::args().any(|word| word == "fn") {
        let functions = FUNCTIONS.iter();
        let functions =
            functions.map(|function| CompletionCandidate::new(function.name.clone()).help(Some(function.doc.into())));
        return functions.chain(words(&help_topics::NAMES)).collect();
    }
    let command = Arguments::command();
    let names = command
        .get_subcommands()
        .map(|sub| CompletionCandidate::new(sub.get_name().to_owned()));
    names.chain(words(&["fn"])).collect()
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
