//! `assay run`: a job from its file to its results.

use std::io::Write;

use anstream::eprintln;
use assay_core::job::Goal;
use assay_core::metrics::Metric;
use assay_data::Catalog;
use serde_json::{Value, json};

use super::leaderboard::{Board, few_returns};
use crate::args::{OutputFormat, RunArgs};
use crate::failure::{Failure, INTERRUPTED, Outcome, SOME_TRIALS_FAILED};
use crate::job;
use crate::local::{self, Ended, Fidelity, Finished, Ledger};
use crate::output::{Cell, Kind, Rows, human, print_json, print_rows, stdout, table};
use crate::settings::Settings;

pub(super) fn run(args: &RunArgs, settings: &Settings) -> Outcome {
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        return super::cluster::run_there(&session, args, settings);
    }
    let catalog = Catalog::open(&settings.home)?;
    let job = job::load(&args.job, &catalog)?;
    settings.log(|| format!("job {} ({}) in {}", job.spec.name, job.id, settings.home.display()));
    match local::run(&job, &catalog, settings, args.limits)? {
        Ended::Done(finished) => {
            let fidelity = local::climb(&job, &finished.record, &catalog, settings, args.limits)?;
            let seconds = settings.started.elapsed().as_secs_f64();
            let outcome = report(&finished, seconds, first_failure(&finished, settings)?, settings)?;
            if let (Some(fidelity), OutputFormat::Table) = (fidelity, settings.format()) {
                print_fidelity(&fidelity, finished.record.objective()?.maximize)?;
            }
            Ok(outcome)
        }
        Ended::Interrupted { done, trials } => {
            eprintln!(
                "stopped: {} of {} trials are safe; `assay run {}` continues",
                human::count(done as i64),
                human::count(trials as i64),
                args.job.display()
            );
            Ok(INTERRUPTED)
        }
    }
}

/// Why the first of the failed trials of a job of this home failed, and how many did alike.
pub(super) fn first_failure(finished: &Finished, settings: &Settings) -> Result<Option<(String, u64)>, Failure> {
    if finished.record.trials_failed == 0 {
        return Ok(None);
    }
    Ledger::new(&settings.home)?.first_failure(&finished.record)
}

/// Prints what a finished job came to, and why the first trials failed, if that is known.
pub(super) fn report(finished: &Finished, seconds: f64, failure: Option<(String, u64)>, settings: &Settings) -> Outcome {
    let record = &finished.record;
    match settings.format() {
        OutputFormat::Json => print_json(&to_json(finished, seconds)?)?,
        OutputFormat::Table => print_table(finished, seconds)?,
        format => print_rows(&summary_row(finished, seconds), format)?,
    }
    if let Some(text) = few_returns(&finished.recorded) {
        settings.warn(&text);
    }
    if let Some(skipped) = never_traded(finished) {
        let why = match skipped {
            0 => "its rules asked for nothing".to_owned(),
            skipped => format!(
                "{} of its orders were skipped: no price, no size or no room for its stop",
                human::count(skipped)
            ),
        };
        settings.warn(&format!("even the best trial made no trade: {why}"));
    }
    if record.trials_failed == 0 {
        return Ok(0);
    }
    let failed = human::count(record.trials_failed as i64);
    let trials = human::count(record.trials as i64);
    eprintln!("{failed} of {trials} trials failed; column `error` of the result files says why");
    if let Some((reason, count)) = failure {
        eprintln!("first reason, of {} of them: {reason}", human::count(count as i64));
    }
    Ok(SOME_TRIALS_FAILED)
}

/// How many orders of the best trials were skipped, if none of them made a trade: then no trial did that could be ranked.
fn never_traded(finished: &Finished) -> Option<i64> {
    let trials = finished.recorded.best.iter().flat_map(|best| best.metrics.iter().flatten());
    let of = |metric| trials.clone().filter_map(move |metrics| metrics.get(metric));
    let traded: f64 = of(Metric::Trades).sum();
    let open: f64 = of(Metric::OpenTrades).sum();
    (trials.clone().next().is_some() && traded + open == 0.0).then(|| of(Metric::SkippedOrders).sum::<f64>() as i64)
}

/// What became of the best points on ticks.
fn print_fidelity(fidelity: &Fidelity, goal: Goal) -> Result<(), Failure> {
    let mut out = stdout();
    let value = |value: Option<f64>| human::metric(goal.metric, value);
    writeln!(
        out,
        "\nthe best {} again on ticks:",
        human::count(fidelity.points.len() as i64)
    )?;
    writeln!(
        out,
        "  median {goal}  {} over bars, {} on ticks; rank correlation {}",
        value(fidelity.median(|point| point.bars)),
        value(fidelity.median(|point| point.ticks)),
        fidelity
            .correlation()
            .map_or_else(|| human::UNDEFINED.to_owned(), human::number)
    )?;
    if let Some(best) = fidelity.best() {
        let (bars, ticks) = (value(best.bars), value(best.ticks));
        writeln!(out, "  best on ticks  {}: {bars} over bars, {ticks} on ticks", best.trial)?;
    }
    Ok(out.flush()?)
}

fn to_json(finished: &Finished, seconds: f64) -> Result<Value, Failure> {
    let record = &finished.record;
    let best = finished.recorded.best.as_slice();
    let board = Board::new(record, best, record.objective()?.maximize)?.deflated(&finished.recorded);
    Ok(json!({
        "job_id": record.id,
        "trials": record.trials,
        "failed": record.trials_failed,
        "seconds": seconds,
        "trials_per_second": finished.rate(seconds),
        "bars": record.bars,
        "fingerprint": record.fingerprint,
        "reproducible": record.reproducible,
        "best": board.to_json().into_iter().next(),
    }))
}

fn summary_row(finished: &Finished, seconds: f64) -> Rows {
    let record = &finished.record;
    let mut rows = Rows::new([
        ("job_id", Kind::Text),
        ("trials", Kind::Count),
        ("failed", Kind::Count),
        ("seconds", Kind::Seconds),
        ("trials_per_second", Kind::Number),
        ("bars", Kind::Count),
        ("fingerprint", Kind::Text),
    ]);
    rows.push(vec![
        record.id.to_string().into(),
        record.trials.into(),
        record.trials_failed.into(),
        seconds.into(),
        finished.rate(seconds).map_or(Cell::Null, Cell::from),
        record.bars.into(),
        record.fingerprint.clone().map_or(Cell::Null, Cell::Text),
    ]);
    rows
}

fn print_table(finished: &Finished, seconds: f64) -> Result<(), Failure> {
    let record = &finished.record;
    let mut out = stdout();
    let trials = human::count(record.trials as i64);
    writeln!(out, "{} ({})", record.name, record.id)?;
    match finished.computed {
        0 => writeln!(out, "{trials} trials, found: this job was run before")?,
        computed if computed < record.trials => writeln!(
            out,
            "{trials} trials, {} of them run before, the rest in {}",
            human::count((record.trials - computed) as i64),
            human::seconds(seconds)
        )?,
        computed => writeln!(
            out,
            "{trials} trials in {}, {} a second",
            human::seconds(seconds),
            human::count((computed as f64 / seconds) as i64)
        )?,
    }
    writeln!(out, "{} bars", human::count(record.bars.unwrap_or_default() as i64))?;
    if let Some(fingerprint) = &record.fingerprint {
        writeln!(out, "fingerprint {fingerprint}")?;
    }
    if !record.reproducible {
        writeln!(out, "stopped at its limit of time: another run would not find the same")?;
    }
    let best = finished.recorded.best.as_slice();
    if !best.is_empty() {
        let board = Board::new(record, best, record.objective()?.maximize)?.deflated(&finished.recorded);
        writeln!(out, "\n{}", table(&board.table_rows()))?;
        let folds = record.layout.windows.iter().any(|window| window.fold.is_some());
        let command = if folds { "folds" } else { "top" };
        writeln!(out, "\nnext: assay {command} {0}, assay verdict {0}", record.id)?;
    }
    Ok(out.flush()?)
}
