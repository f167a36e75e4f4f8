//! `assay verdict`: what the best of a search is worth, on one page.

mod cross;
mod job;
mod market;
mod page;
mod returns;

use std::fs;

use assay_optimizer::verdict::{Evidence, Verdict};
use serde_json::{Value, json};

use crate::args::{OutputFormat, VerdictArgs};
use crate::failure::{Failure, Outcome};
use crate::output::print_json;
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
    /// What was held back, and what the best trial did there.
    out_of_sample: Value,
    /// Names and values by subject.
    facts: Vec<(&'static str, Facts)>,
    /// What is left at multiples of the costs.
    costs: Vec<Cost>,
    /// What the reader should know besides.
    notes: Vec<String>,
}

/// The best trial at a multiple of its costs.
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
    Ok((case.to_json(), page::html(&case)))
}

pub(super) fn run(args: &VerdictArgs, settings: &Settings) -> Outcome {
    let case = case(args, settings)?;
    if let Some(path) = &args.html {
        fs::write(path, page::html(&case)).map_err(|error| Failure::io("write", path, &error))?;
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
            "pbo": self.evidence.overfitting.as_ref().ok(),
            "trials_job": self.evidence.trials_job,
            "trials_family": self.evidence.trials_family,
            "out_of_sample": self.out_of_sample,
            "plateau": self.evidence.plateau,
            "cost_break_even": self.evidence.cost_break_even,
            "reasons": verdict.reasons,
        })
    }
}
