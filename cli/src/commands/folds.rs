//! `assay folds`: what a walk forward came to, fold by fold and as a whole.

use std::io::Write;

use assay_core::metrics::{Metric, Unit};
use assay_core::time::UtcNs;
use assay_store::{FoldRecord, JobRecord};
use serde_json::{Map, Value, json};

use super::top::find_job;
#[cfg(feature = "cluster")]
use crate::args::ClusterArgs;
use crate::args::{FoldsArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::local::Ledger;
use crate::output::{Cell, Kind, Rows, human, print_json, print_rows, stdout, table};
use crate::settings::Settings;

/// Metrics out of sample that a table shows after those that are compared.
pub(super) const SHOWN: [Metric; 3] = [Metric::MaxDrawdown, Metric::Trades, Metric::FinalEquity];
/// Characters of the curve.
const CURVE: usize = 72;

/// One fold on one instrument, or with the number -1 all of them.
#[derive(Clone)]
pub(super) struct Fold {
    pub(super) number: i64,
    pub(super) record: Map<String, Value>,
}

pub(super) fn run(args: &FoldsArgs, settings: &Settings) -> Outcome {
    #[cfg(feature = "cluster")]
    let (job, folds) = found(&args.job, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let (job, folds) = found(&args.job, settings)?;
    if folds.is_empty() {
        let message = format!("job `{}` ({}) has no folds", job.name, job.id);
        return Err(
            Failure::not_found(message).hint("they are there when a job with `[validation] method = \"walk_forward\"` is done")
        );
    }
    let folds = read_all(&folds)?;
    match settings.format() {
        OutputFormat::Json => print_json(&to_json(&job, &folds))?,
        OutputFormat::Table => print(&job, &folds)?,
        format => print_rows(&rows(&job, &folds, &Metric::ALL, "param.")?, format)?,
    }
    Ok(0)
}

/// The folds of a job with all metrics in and out of sample; none of a job that does not walk forward.
#[cfg(feature = "cluster")]
pub(crate) fn all_rows(args: &FoldsArgs, settings: &Settings) -> Result<Rows, Failure> {
    let (job, folds) = found(&args.job, &args.cluster, settings)?;
    rows(&job, &read_all(&folds)?, &Metric::ALL, "param.")
}

fn found(
    job: &str,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> Result<(JobRecord, Vec<FoldRecord>), Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = cluster.session()? {
        let name = super::top::job_name(job, settings)?;
        let (job, folds) = session.ask(|remote| async move { remote.folds(&name).await })?;
        return Ok((job.record, folds));
    }
    let mut ledger = Ledger::new(&settings.home)?;
    let record = find_job(job, settings, &mut ledger)?;
    let folds = ledger.folds(&record)?;
    Ok((record, folds))
}

/// The folds of a job as its page shows them; none if it did not walk forward.
pub(super) fn of_job(
    job: &str,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> Result<Vec<Fold>, Failure> {
    #[cfg(feature = "cluster")]
    let (_, folds) = found(job, cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let (_, folds) = found(job, settings)?;
    read_all(&folds)
}

/// The records of folds as they are stored.
pub(super) fn read_all(folds: &[FoldRecord]) -> Result<Vec<Fold>, Failure> {
    folds.iter().map(read).collect()
}

fn read(fold: &FoldRecord) -> Result<Fold, Failure> {
    let record = serde_json::from_str(&fold.record);
    Ok(Fold {
        number: fold.fold,
        record: record.map_err(|error| Failure::external(format!("the database's record of a fold: {error}")))?,
    })
}

impl Fold {
    fn text(&self, key: &str) -> Cell {
        self.record.get(key).and_then(Value::as_str).map_or(Cell::Null, Into::into)
    }

    fn time(&self, key: &str) -> Cell {
        let time = self
            .record
            .get(key)
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<UtcNs>().ok());
        time.into()
    }

    /// A metric in sample or out of sample.
    pub(super) fn value(&self, part: &str, metric: Metric) -> Option<f64> {
        self.record.get(part).and_then(|metrics| metrics.get(metric.name())?.as_f64())
    }

    fn metric(&self, part: &str, metric: Metric) -> Cell {
        match (metric.unit(), self.value(part, metric)) {
            (_, None) => Cell::Null,
            (Unit::Count, Some(value)) => Cell::Whole(value as i64),
            (_, Some(value)) => value.into(),
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.record.get(key).and_then(Value::as_f64)
    }
}

/// `{job_id, name, folds: [...], stitched: [...]}`: the folds, and per instrument all of them as one.
fn to_json(job: &JobRecord, folds: &[Fold]) -> Value {
    let of = |whole: bool| -> Vec<&Map<String, Value>> {
        let records = folds.iter().filter(|fold| (fold.number < 0) == whole);
        records.map(|fold| &fold.record).collect()
    };
    json!({ "job_id": job.id, "name": job.name, "folds": of(false), "stitched": of(true) })
}

fn print(job: &JobRecord, folds: &[Fold]) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "{} ({}): walk forward\n", job.name, job.id)?;
    writeln!(out, "{}", table(&rows(job, folds, &SHOWN, "")?))?;
    for whole in folds.iter().filter(|fold| fold.number < 0) {
        let shown = |metric: Metric| {
            let value = whole.record["out_of_sample"].get(metric.name()).and_then(Value::as_f64);
            format!("{metric} {}", human::metric(metric, value))
        };
        let instrument = whole.record["instrument"].as_str().unwrap_or_default();
        let metrics = [
            Metric::TotalReturn,
            Metric::Cagr,
            Metric::Sharpe,
            Metric::MaxDrawdown,
            Metric::Trades,
        ];
        writeln!(
            out,
            "\n{instrument}, all test windows as one: {}",
            metrics.map(shown).join(", ")
        )?;
        let efficiency = whole.number("efficiency");
        match efficiency {
            Some(value) => writeln!(
                out,
                "efficiency {} of the annual return in the training windows was kept",
                human::percent(value)
            )?,
            None => writeln!(out, "efficiency undefined: the training windows gained nothing to keep")?,
        }
        if let Some(drift) = whole.record["drift"].as_object() {
            let moved = drift
                .iter()
                .filter_map(|(name, value)| Some(format!("{name} {}", human::percent(value.as_f64()?))));
            let moved: Vec<String> = moved.collect();
            if !moved.is_empty() {
                writeln!(out, "drift from fold to fold, as a share of each range: {}", moved.join(", "))?;
            }
        }
        let curve: Vec<f64> = whole.record["equity"]
            .as_array()
            .map(|points| points.iter().filter_map(|point| point.get(1)?.as_f64()).collect())
            .unwrap_or_default();
        if curve.len() > 1 {
            writeln!(out, "{}", human::sparkline(&curve, CURVE))?;
        }
    }
    Ok(out.flush()?)
}

pub(super) fn rows(job: &JobRecord, folds: &[Fold], shown: &[Metric], prefix: &str) -> Result<Rows, Failure> {
    let goal = job.objective()?.maximize.metric;
    let compared = [goal, Metric::TotalReturn];
    let mut columns = vec![("fold".to_owned(), Kind::Count)];
    if job.layout.instruments.len() > 1 || !prefix.is_empty() {
        columns.push(("instrument".to_owned(), Kind::Text));
    }
    for name in ["train_from", "test_from", "test_to"] {
        columns.push((name.to_owned(), Kind::Time));
    }
    columns.push(("trial_id".to_owned(), Kind::Text));
    columns.extend(
        job.layout
            .params
            .iter()
            .map(|param| (format!("{prefix}{}", param.name), Kind::Text)),
    );
    for metric in compared {
        columns.push((format!("{metric}_in"), metric.unit().into()));
        columns.push((format!("{metric}_out"), metric.unit().into()));
    }
    columns.push(("efficiency".to_owned(), Kind::Ratio));
    let further = shown.iter().filter(|metric| !compared.contains(metric));
    columns.extend(further.clone().map(|metric| (metric.name().to_owned(), metric.unit().into())));
    let several = columns.iter().any(|(name, _)| name == "instrument");
    let mut rows = Rows::new(columns);
    for fold in folds.iter().filter(|fold| fold.number >= 0) {
        let mut row = vec![Cell::Whole(fold.number)];
        if several {
            row.push(fold.text("instrument"));
        }
        row.extend(["train_from", "test_from", "test_to"].map(|key| fold.time(key)));
        row.push(fold.text("trial_id"));
        row.extend(job.layout.params.iter().map(|param| {
            match fold.record.get("params").and_then(|params| params.get(&param.name)) {
                Some(Value::String(text)) => text.as_str().into(),
                Some(Value::Number(number)) => number.as_f64().map_or(Cell::Null, |value| human::number(value).into()),
                _ => Cell::Null,
            }
        }));
        for metric in compared {
            row.push(fold.metric("in_sample", metric));
            row.push(fold.metric("out_of_sample", metric));
        }
        row.push(fold.number("efficiency").into());
        row.extend(further.clone().map(|metric| fold.metric("out_of_sample", *metric)));
        rows.push(row);
    }
    Ok(rows)
}
