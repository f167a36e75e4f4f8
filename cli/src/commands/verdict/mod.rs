//! `assay verdict`: what the best of a search is worth, on one page.

mod chance;
mod cross;
mod facts;
mod job;
mod market;
mod page;
mod returns;
mod trials;
mod unseen;

use assay_optimizer::verdict::{Evidence, Verdict};
use assay_report::{LuckCurve, Paths, VerdictReport};
use assay_store::JobRecord;
use serde_json::{Value, json};

use crate::args::{OutputFormat, ReportArgs, VerdictArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{print_json, write_file};
use crate::settings::Settings;

/// Names and values.
type Facts = Vec<(String, String)>;

/// Everything that a verdict shows.
struct Case {
    /// What was searched, in a line.
    title: String,
    /// The best trial: JSON, and in words.
    best: Value,
    best_text: String,
    evidence: Evidence,
    verdict: Verdict,
    /// What was held back, and what the best trial did there; in words, what its Sharpe ratio is of.
    out_of_sample: Value,
    out_of_sample_is: &'static str,
    /// Names and values by subject.
    facts: Vec<(&'static str, Facts)>,
    /// What is left at multiples of the costs.
    costs: Vec<Cost>,
    /// What all trials together prove, and what chance leaves open about the best.
    tests: Value,
    /// What luck alone shows, and the paths of a cross-validation.
    luck: Option<LuckCurve>,
    paths: Option<Paths>,
    /// Who judged what.
    footer: String,
    /// What the reader should know besides.
    notes: Vec<String>,
}

/// The best trial at a multiple of its costs.
#[derive(serde::Serialize)]
struct Cost {
    multiple: f64,
    total_return: Option<f64>,
    sharpe: Option<f64>,
}

fn case(args: &VerdictArgs, settings: &Settings) -> Result<Case, Failure> {
    match (&args.job, &args.returns) {
        (_, Some(path)) => returns::case(path, args),
        (Some(job), None) => job::case(job, args, settings),
        (None, None) => Err(Failure::usage("nothing to judge")
            .hint("name a job (`assay jobs` lists them), or a file of returns with --returns FILE.parquet")),
    }
}

/// A verdict as JSON and as a page.
#[cfg(feature = "cluster")]
pub(crate) fn json_and_page(args: &VerdictArgs, settings: &Settings) -> Result<(Value, String), Failure> {
    let case = case(args, settings)?;
    Ok((case.to_json(), page::html(&case)?))
}

/// What the page of a job says of its verdict; held-back data are not looked at for it, nor all trials tested.
pub(super) fn for_report(record: &JobRecord, args: &ReportArgs, settings: &Settings) -> Result<VerdictReport, Failure> {
    job::for_report(record, args, settings).map(|case| page::report(&case))
}

pub(super) fn run(args: &VerdictArgs, settings: &Settings) -> Outcome {
    let case = case(args, settings)?;
    if let Some(path) = &args.html {
        write_file(path, page::html(&case)?.as_bytes())?;
    }
    match settings.format() {
        OutputFormat::Json => print_json(&case.to_json())?,
        OutputFormat::Table => page::print(&case)?,
        _ => return Err(Failure::usage("a verdict is a page, not rows").hint("use -o json, or --html FILE")),
    }
    Ok(0)
}

impl Case {
    fn to_json(&self) -> Value {
        let verdict = &self.verdict;
        json!({
            "grade": verdict.grade.name(),
            "best": self.best,
            "sharpe": verdict.sharpe,
            "deflated_sharpe": verdict.deflated_sharpe,
            "dsr": verdict.dsr,
            "luck": verdict.luck,
            "luck_beyond_market": verdict.luck_beyond_market,
            "returns": self.evidence.best.map(|best| best.observations),
            "pbo": self.evidence.overfitting.as_ref().ok(),
            "trials_job": self.evidence.trials_job,
            "trials_family": self.evidence.trials_family,
            "out_of_sample": self.out_of_sample,
            "plateau": self.evidence.plateau,
            "cost_break_even": self.evidence.cost_break_even,
            "costs": self.costs,
            "reasons": verdict.reasons,
            "tests": self.tests,
        })
    }
}
